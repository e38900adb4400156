//! How much gradient looks each way, pixel by pixel.

use std::f32::consts::TAU;

use super::gray_plane::GrayPlane;

/// The number of orientations.
pub(super) const ORIENTATIONS: usize = 8;

/// The image smoothed by a Gaussian.
///
/// ```text
/// L(x, y) = Σ g(u) g(v) I(x + u, y + v)      g(u) ∝ exp(−u² / (2 σ²)), |u| ≤ ⌈4 σ⌉, Σ g = 1
/// ```
///
/// # Conventions
/// Outside, I is its nearest pixel. σ = 0 changes nothing.
pub(super) fn smoothed(plane: &GrayPlane, sigma: f64) -> Vec<f32> {
    let (width, height) = (plane.width(), plane.height());
    let kernel = gaussian(sigma);
    let radius = kernel.len() / 2;
    // Every pixel adds up its terms in the same order: where the image is constant, L is too, to the last bit.
    let mut across = vec![0.0; plane.values().len()];
    let mut extended = vec![0.0; width + 2 * radius];
    for (row, out) in plane
        .values()
        .chunks_exact(width)
        .zip(across.chunks_exact_mut(width))
    {
        extended[..radius].fill(row[0]);
        extended[radius..radius + width].copy_from_slice(row);
        extended[radius + width..].fill(row[width - 1]);
        for (k, weight) in kernel.iter().enumerate() {
            add_scaled(out, *weight, &extended[k..k + width]);
        }
    }
    let mut smooth = vec![0.0; plane.values().len()];
    for (y, out) in smooth.chunks_exact_mut(width).enumerate() {
        for (k, weight) in kernel.iter().enumerate() {
            let from = (y + k).saturating_sub(radius).min(height - 1);
            add_scaled(out, *weight, &across[from * width..][..width]);
        }
    }
    smooth
}

/// Gradient magnitude by orientation, for every pixel and one more around the image.
///
/// ```text
/// gₓ = (L(x + 1, y) − L(x − 1, y)) / 2      g_y likewise      t = 8 · atan2(g_y, gₓ) / 2π  modulo 8
/// map o = |g| · max(0, 1 − |t − o|)                            |t − o| around the circle
/// ```
///
/// # Shapes
/// 8 maps of (height + 2) × (width + 2), row by row; pixel (x, y) is stored at (x + 1, y + 1).
///
/// # Conventions
/// Outside, L is its nearest pixel: the one row and column around the image stand for all that follow.
pub(super) fn orientation_maps(smooth: &[f32], width: usize, height: usize) -> Vec<f32> {
    let map_len = (width + 2) * (height + 2);
    let mut maps = vec![0.0; ORIENTATIONS * map_len];
    // Stored position k is pixel k − 1; the pixels before and behind it, pulled into the image.
    let neighbours = |k: usize, length: usize| {
        [
            k.saturating_sub(2).min(length - 1),
            k.min(length - 1),
            k.saturating_sub(1).min(length - 1),
        ]
    };
    for j in 0..height + 2 {
        let [above, below, y] = neighbours(j, height);
        for i in 0..width + 2 {
            let [before, behind, x] = neighbours(i, width);
            let g_x = 0.5 * (smooth[y * width + behind] - smooth[y * width + before]);
            let g_y = 0.5 * (smooth[below * width + x] - smooth[above * width + x]);
            let magnitude = g_x.hypot(g_y);
            if magnitude == 0.0 {
                continue;
            }
            let turn = g_y.atan2(g_x) * (ORIENTATIONS as f32 / TAU) + ORIENTATIONS as f32;
            let lower = turn.floor();
            let share = turn - lower;
            let lower = lower as usize;
            let at = j * (width + 2) + i;
            maps[lower % ORIENTATIONS * map_len + at] += (1.0 - share) * magnitude;
            maps[(lower + 1) % ORIENTATIONS * map_len + at] += share * magnitude;
        }
    }
    maps
}

/// `out` + weight · `from`.
pub(super) fn add_scaled(out: &mut [f32], weight: f32, from: &[f32]) {
    for (out, from) in out.iter_mut().zip(from) {
        *out += weight * from;
    }
}

fn gaussian(sigma: f64) -> Vec<f32> {
    if sigma == 0.0 {
        return vec![1.0];
    }
    let radius = (4.0 * sigma).ceil() as i64;
    let weights: Vec<f64> = (-radius..=radius)
        .map(|u| (-0.5 * (u as f64 / sigma).powi(2)).exp())
        .collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|w| (w / total) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_becomes_the_gaussian() {
        let mut values = vec![0.0; 81];
        values[40] = 1.0;
        let plane = GrayPlane::new(9, 9, values).unwrap();
        let smooth = smoothed(&plane, 0.9);
        let kernel = gaussian(0.9);
        assert_eq!(kernel.len(), 9);
        for (at, found) in smooth.iter().enumerate() {
            let expected = kernel[at % 9] * kernel[at / 9];
            assert!((found - expected).abs() < 1e-7, "{at}: {found} {expected}");
        }
        assert_eq!(smoothed(&plane, 0.0), plane.values());
    }

    #[test]
    fn a_constant_stays_constant_to_the_last_bit() {
        let plane = GrayPlane::new(11, 7, vec![0.3; 77]).unwrap();
        let smooth = smoothed(&plane, 1.7);
        assert!(smooth.iter().all(|value| *value == smooth[0]));
        assert!((smooth[0] - 0.3).abs() < 1e-6);
        assert!(orientation_maps(&smooth, 11, 7).iter().all(|v| *v == 0.0));
    }

    #[test]
    fn a_slope_between_two_orientations_is_shared() {
        // Down and to the right by 3 in 4: t = 8 · atan(3/4) / 2π = 0.8193.
        let values: Vec<f32> = (0..25)
            .map(|at| 4.0 * (at % 5) as f32 + 3.0 * (at / 5) as f32)
            .collect();
        let maps = orientation_maps(&values, 5, 5);
        let centre = 3 * 7 + 3;
        let share = 8.0 * (0.75_f32).atan() / TAU;
        for (o, map) in maps.chunks_exact(49).enumerate() {
            let expected = [5.0 * (1.0 - share), 5.0 * share].get(o).copied();
            assert!((map[centre] - expected.unwrap_or(0.0)).abs() < 1e-5, "{o}");
        }
        // Left of the image only the slope along the border is left, and in the corner none.
        let left = 3 * 7;
        assert_eq!(maps[2 * 49 + left], 3.0);
        assert_eq!(maps.iter().skip(left).step_by(49).sum::<f32>(), 3.0);
        assert_eq!(maps.iter().step_by(49).sum::<f32>(), 0.0);
    }
}
