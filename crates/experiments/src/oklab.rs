//! Colours in Oklab, where distances follow human perception.

use image::RgbImage;
use ncuts::Planes;

/// A photograph's lightness and two opponent colours: OKLab, lightness from 0 to 1.
///
/// ```text
///     sRGB → linear light → cones (M₁) → cube roots → L, a, b (M₂)
/// ```
///
/// # Source
/// B. Ottosson, A perceptual color space for image processing, 2020.
pub fn oklab_planes(image: &RgbImage) -> ncuts::Result<Planes> {
    let linear: Vec<f32> = (0..=255_u8).map(linear_from_srgb).collect();
    let pixels = image.width() as usize * image.height() as usize;
    let mut planes: Vec<_> = (0..3).map(|_| Vec::with_capacity(pixels)).collect();
    for pixel in image.pixels() {
        let colour = oklab_from_linear(pixel.0.map(|value| linear[value as usize]));
        for (plane, value) in planes.iter_mut().zip(colour) {
            plane.push(value);
        }
    }
    Planes::new(image.width() as usize, image.height() as usize, planes)
}

fn linear_from_srgb(value: u8) -> f32 {
    let value = f32::from(value) / 255.0;
    if value <= 0.04045 {
        value / 12.92
    } else {
        ((value + 0.055) / 1.055).powf(2.4)
    }
}

fn oklab_from_linear([r, g, b]: [f32; 3]) -> [f32; 3] {
    let l = (0.412_221_47 * r + 0.536_332_54 * g + 0.051_445_99 * b).cbrt();
    let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
    let s = (0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b).cbrt();
    [
        0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
        1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
        0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn white_grey_and_red_by_the_published_values() {
        let image = RgbImage::from_fn(4, 1, |x, _| {
            Rgb([[255; 3], [0; 3], [119; 3], [255, 0, 0]][x as usize])
        });
        let planes = oklab_planes(&image).unwrap();
        let at = |x: usize| [0, 1, 2].map(|c| planes.channels()[c][x]);
        let near = |x: usize, expected: [f32; 3]| {
            let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-3;
            assert!(at(x).iter().zip(&expected).all(close), "{:?}", at(x));
        };
        near(0, [1.0, 0.0, 0.0]);
        near(1, [0.0, 0.0, 0.0]);
        near(2, [0.5693, 0.0, 0.0]);
        near(3, [0.6280, 0.2249, 0.1258]);
    }
}
