//! The pixels that a spatial bin gathers along one axis, with their weights.

use std::ops::Range;

/// Spatial bins along one side of a descriptor.
pub(super) const BINS: usize = 4;

/// The pixels of one bin along one axis.
///
/// ```text
/// w(p) = max(0, 1 − |p − m| / b) · exp(−(p − c)² / (2 (2 b)²))      m = c + (i − 3/2) b
/// ```
///
/// p is a pixel, c the centre of the descriptor, i = 0 … 3 the bin, b its size, m its middle.
///
/// # Conventions
/// Pixels of an axis of n are stored at 1 … n, all before them at 0 and all behind them at n + 1: out there an image
/// that is extended by its last pixel has the same gradient everywhere.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Taps {
    /// The stored position of the first pixel.
    start: usize,
    weights: Vec<f32>,
}

impl Taps {
    pub(super) fn new(centre: f64, bin: usize, size: f64, length: usize) -> Self {
        let middle = centre + (bin as f64 - 0.5 * (BINS - 1) as f64) * size;
        let stored = |pixel: i64| (pixel + 1).clamp(0, length as i64 + 1) as usize;
        let first = (middle - size).ceil() as i64;
        let last = (middle + size).floor() as i64;
        let start = stored(first);
        let mut weights = vec![0.0_f64; stored(last) - start + 1];
        for pixel in first..=last {
            let triangle = (1.0 - (pixel as f64 - middle).abs() / size).max(0.0);
            let from_centre = (pixel as f64 - centre) / (0.5 * BINS as f64 * size);
            weights[stored(pixel) - start] += triangle * (-0.5 * from_centre * from_centre).exp();
        }
        let weights = weights.iter().map(|weight| *weight as f32).collect();
        Self { start, weights }
    }

    /// The stored positions of the pixels.
    pub(super) fn pixels(&self) -> Range<usize> {
        self.start..self.start + self.weights.len()
    }

    /// Their weights.
    pub(super) fn weights(&self) -> &[f32] {
        &self.weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bin_of_two_pixels_by_hand() {
        // Middle 10 + 0.5 · 2 = 11: half of pixels 10 and 12, all of 11, at 0, 1/4 and 1/2 of σ = 4.
        let taps = Taps::new(10.0, 2, 2.0, 100);
        let expected = [
            0.0,
            0.5,
            (-1.0_f32 / 32.0).exp(),
            0.5 * (-4.0_f32 / 32.0).exp(),
            0.0,
        ];
        assert_eq!(taps.pixels(), 10..15);
        for (found, expected) in taps.weights().iter().zip(expected) {
            assert!((found - expected).abs() < 1e-7, "{found} {expected}");
        }
    }

    #[test]
    fn weights_outside_are_gathered_at_the_two_ends() {
        let inside = Taps::new(50.0, 0, 7.5, 100);
        let total: f32 = inside.weights().iter().sum();
        for (centre, pixels) in [(-60.0, 0..1), (160.0, 3..4)] {
            let outside = Taps::new(centre, 0, 7.5, 2);
            assert_eq!(outside.pixels(), pixels);
            assert!((outside.weights()[0] - total).abs() < 1e-5);
        }
        let both = Taps::new(0.0, 1, 7.5, 1);
        assert_eq!(both.pixels(), 0..3);
    }

    #[test]
    fn bins_mirror_each_other() {
        for size in [1.0, 4.0, 5.5] {
            for bin in 0..BINS {
                let [left, right] =
                    [bin, BINS - 1 - bin].map(|bin| Taps::new(49.5, bin, size, 100));
                let mirrored: Vec<f32> = right.weights().iter().rev().copied().collect();
                assert_eq!(left.weights(), mirrored);
                assert_eq!(left.pixels().start + right.pixels().end - 1, 101);
            }
        }
    }
}
