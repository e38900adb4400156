//! The colours of a photograph, at distances as people perceive them.

use crate::error::{Error, Result};
use crate::gaussian::gaussian;

/// CIELAB under D65 of a photograph's pixels, L* from 0 to 100.
///
/// # Errors
/// [`Error::LabelMapShape`] where a side is zero or `rgb` holds another number of bytes.
pub(crate) fn cielab(rgb: &[u8], width: usize, height: usize) -> Result<Vec<[f32; 3]>> {
    let pixels = width.checked_mul(height).filter(|pixels| *pixels > 0);
    if pixels.and_then(|pixels| pixels.checked_mul(3)) != Some(rgb.len()) {
        return Err(Error::LabelMapShape {
            width,
            height,
            found: rgb.len() / 3,
        });
    }
    let linear = std::array::from_fn(|byte| linear(byte as f32 / 255.0));
    let pixels = rgb.chunks_exact(3).map(|pixel| lab(pixel, &linear));
    Ok(pixels.collect())
}

/// How much colour changes at each pixel: the length of the central differences of the photograph after a Gaussian of one
/// pixel,
///
/// ```text
///     g(x, y)² = ‖c(x + 1, y) − c(x − 1, y)‖² + ‖c(x, y + 1) − c(x, y − 1)‖²,   c = G₁ * CIELAB
/// ```
///
/// no difference being taken across the photograph's own border.
pub(crate) fn contrast(colours: &[[f32; 3]], width: usize) -> Vec<f32> {
    let height = colours.len() / width;
    let smooth = gaussian(colours, width, 1.0);
    let change = |a: usize, b: usize| -> f32 {
        let pairs = smooth[a].iter().zip(&smooth[b]);
        pairs.map(|(a, b)| (a - b).powi(2)).sum()
    };
    let pixel = |pixel: usize| {
        let (x, y) = (pixel % width, pixel / width);
        let across = x > 0 && x + 1 < width;
        let down = y > 0 && y + 1 < height;
        let across = if across {
            change(pixel - 1, pixel + 1)
        } else {
            0.0
        };
        let down = if down {
            change(pixel - width, pixel + width)
        } else {
            0.0
        };
        (across + down).sqrt()
    };
    (0..colours.len()).map(pixel).collect()
}

/// sRGB's curve undone.
fn linear(value: f32) -> f32 {
    if value <= 0.04045 {
        value / 12.92
    } else {
        ((value + 0.055) / 1.055).powf(2.4)
    }
}

fn lab(pixel: &[u8], linear: &[f32; 256]) -> [f32; 3] {
    let [r, g, b] = [0, 1, 2].map(|channel| linear[pixel[channel] as usize]);
    let f = |t: f32| {
        let delta = 6.0_f32 / 29.0;
        if t > delta.powi(3) {
            t.cbrt()
        } else {
            t / (3.0 * delta * delta) + 4.0 / 29.0
        }
    };
    let x = f((0.412_456 * r + 0.357_576 * g + 0.180_437 * b) / 0.950_47);
    let y = f(0.212_673 * r + 0.715_152 * g + 0.072_175 * b);
    let z = f((0.019_334 * r + 0.119_192 * g + 0.950_304 * b) / 1.088_83);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_grey_and_colours_of_the_srgb_standard() {
        for (rgb, expected) in [
            ([255, 255, 255], [100.0, 0.0, 0.0]),
            ([119, 119, 119], [50.03, 0.0, 0.0]),
            ([255, 0, 0], [53.24, 80.09, 67.20]),
            ([0, 0, 255], [32.30, 79.19, -107.86]),
            ([2, 2, 2], [0.55, 0.0, 0.0]),
        ] {
            let found = cielab(&rgb, 1, 1).unwrap()[0];
            for (a, b) in found.iter().zip(expected) {
                assert!((a - b).abs() < 0.03, "{rgb:?}: {found:?}");
            }
        }
        assert!(cielab(&[0; 4], 1, 1).is_err() && cielab(&[], 0, 1).is_err());
    }

    #[test]
    fn contrast_is_that_of_the_smoothed_step() {
        // Lightness 0, then 100, from column 6 of 12 on.
        let colours: Vec<[f32; 3]> = (0..12 * 3)
            .map(|i| [if i % 12 < 6 { 0.0 } else { 100.0 }, 0.0, 0.0])
            .collect();
        let found = contrast(&colours, 12);
        // At column 5: the smoothed step at 6 less that at 4, w₀ + w₁ and w₂ from the step, by the Gaussian's weights.
        let gauss = [1.0_f32, 0.606_530_7, 0.135_335_3, 0.011_109, 0.000_335_46];
        let total = gauss[0] + 2.0 * gauss[1..].iter().sum::<f32>();
        let expected = 100.0 * (gauss[0] + 2.0 * gauss[1] - gauss[1] + gauss[2] - gauss[2]) / total;
        let middle = 12 + 5;
        assert!(
            (found[middle] - expected).abs() < 0.1,
            "{} {expected}",
            found[middle]
        );
        assert!((found[middle] - found[middle + 1]).abs() < 1e-3);
        assert_eq!((found[12], found[12 + 11]), (0.0, 0.0));
    }
}
