//! SIFT descriptors on a grid, at several scales.

use rayon::prelude::*;

use super::descriptor_maps::{CHANNELS, DescriptorMaps};
use super::gray_plane::GrayPlane;
use super::orientation::{ORIENTATIONS, add_scaled, orientation_maps, smoothed};
use super::taps::{BINS, Taps};
use crate::error::{Error, Result};

/// Largest number a descriptor keeps before its second normalisation.
const CLIP: f32 = 0.2;

/// Largest bin, in pixels: past it a descriptor is wider than any photograph of the datasets.
const LARGEST_BIN: f64 = 1024.0;

/// Bin over σ: how far an image is smoothed before its gradients are taken.
const MAGNIFICATION: f64 = 6.0;

/// A grid of SIFT descriptors, the same at every scale.
///
/// ```text
/// L = G(b / 6) ∗ I                                              smoothed for the bin size b
/// Mₒ = |∇L| · max(0, 1 − |8 ∠∇L / 2π − o|)                      o = 0 … 7, around the circle
/// d(by, bx, o) = Σ w(y; by) w(x; bx) Mₒ(x, y)                   by, bx = 0 … 3
/// w(p; i) = max(0, 1 − |p − m| / b) · exp(−(p − c)² / 8 b²)     m = c + (i − 3/2) b
/// d ← d / ‖d‖    d ← min(d, 0.2)    d ← d / ‖d‖                 where ‖d‖ > 0
/// ```
///
/// c is the position of the descriptor, a point of the grid; ∇L by central differences.
///
/// # Conventions
/// The grid has ⌈n / step⌉ points along an axis of n pixels and lies in the middle of it; outside, the image
/// continues as its nearest pixel. Where there is no contrast the descriptor is 0. Neither the unit of the image nor a
/// constant added to it makes a difference, apart from rounding.
///
/// # Cost
/// O(width · height · bin / step) a scale, each of the scales on its own thread; 10 · width · height numbers stored
/// during the work.
///
/// # Source
/// Lowe, IJCV 60(2), 2004, §6, without keypoints and their rotation: every descriptor looks to the right. The separable
/// windows follow `dsift` of VLFeat with its flat window off. The descriptors that are pooled in Carreira, Caseiro,
/// Batista, Sminchisescu, ECCV 2012.
///
/// # Example
///
/// ```
/// use bench_coco::{DenseSift, GrayPlane, SIFT_CHANNELS};
///
/// # fn main() -> bench_coco::Result<()> {
/// let ramp = GrayPlane::new(32, 16, (0..32 * 16).map(|at| (at % 32) as f32).collect())?;
/// let maps = DenseSift::new(8, vec![4.0, 6.0])?.describe(&ramp);
///
/// assert_eq!((maps.scales(), maps.rows(), maps.columns()), (2, 2, 4));
/// assert_eq!(maps.position(0, 1), (11.5, 3.5));
/// assert_eq!(maps.scale(0).len(), SIFT_CHANNELS * 2 * 4);
/// // All of it looks to the right: orientation 0 of each bin.
/// let descriptor = maps.descriptor(0, 1, 2);
/// assert!((0..SIFT_CHANNELS).all(|c| (descriptor[c] > 0.0) == (c % 8 == 0)));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DenseSift {
    step: usize,
    bins: Vec<f64>,
}

impl Default for DenseSift {
    /// Every 8 pixels, with bins of 4, 6 and 8 pixels.
    fn default() -> Self {
        Self {
            step: 8,
            bins: vec![4.0, 6.0, 8.0],
        }
    }
}

impl DenseSift {
    /// A position every `step` pixels, a scale for each of the bin sizes in pixels.
    ///
    /// # Errors
    /// `DenseSiftOption` for a step of 0, no bin size, or one that is not from 1 to 1024.
    pub fn new(step: usize, bins: Vec<f64>) -> Result<Self> {
        let refuse = |expected, found| Err(Error::DenseSiftOption { expected, found });
        if step == 0 {
            return refuse("a step of at least 1 pixel", step.to_string());
        }
        if bins.is_empty() {
            return refuse("at least one bin size", "none".to_owned());
        }
        if let Some(bin) = bins.iter().find(|bin| !(1.0..=LARGEST_BIN).contains(*bin)) {
            return refuse("bin sizes from 1 to 1024 pixels", bin.to_string());
        }
        Ok(Self { step, bins })
    }

    /// Pixels between neighbours.
    pub fn step(&self) -> usize {
        self.step
    }

    /// The bin sizes in pixels, one a scale.
    pub fn bins(&self) -> &[f64] {
        &self.bins
    }

    /// The descriptors of an image, each as wide as 4 bins.
    pub fn describe(&self, image: &GrayPlane) -> DescriptorMaps {
        let image = image.scaled_to_one();
        let (columns, x) = self.grid(image.width());
        let (rows, y) = self.grid(image.height());
        let mut values = vec![0.0; self.bins.len() * CHANNELS * rows * columns];
        values
            .par_chunks_exact_mut(CHANNELS * rows * columns)
            .zip(&self.bins)
            .for_each(|(map, bin)| {
                let smooth = smoothed(&image, bin / MAGNIFICATION);
                let maps = orientation_maps(&smooth, image.width(), image.height());
                let across = self.taps(columns, x, *bin, image.width());
                let down = self.taps(rows, y, *bin, image.height());
                gather(&maps, image.width() + 2, &across, &down, map);
                normalise(map, rows * columns);
            });
        DescriptorMaps::new((columns, rows), self.step, (x, y), values)
    }

    /// How many positions an axis has, and the first.
    fn grid(&self, length: usize) -> (usize, f64) {
        let count = length.div_ceil(self.step);
        (count, 0.5 * (length - 1 - (count - 1) * self.step) as f64)
    }

    /// For each position along an axis its four bins.
    fn taps(&self, count: usize, first: f64, bin: f64, length: usize) -> Vec<[Taps; BINS]> {
        let centre = |k: usize| first + (k * self.step) as f64;
        (0..count)
            .map(|k| std::array::from_fn(|i| Taps::new(centre(k), i, bin, length)))
            .collect()
    }
}

/// d, before normalisation: 128 × rows × columns.
fn gather(
    maps: &[f32],
    width: usize,
    across: &[[Taps; BINS]],
    down: &[[Taps; BINS]],
    out: &mut [f32],
) {
    let (columns, rows) = (across.len(), down.len());
    let map_len = maps.len() / ORIENTATIONS;
    let height = map_len / width;
    let mut narrow = vec![0.0; height * columns];
    for (o, map) in maps.chunks_exact(map_len).enumerate() {
        for bx in 0..BINS {
            for (row, narrow) in map
                .chunks_exact(width)
                .zip(narrow.chunks_exact_mut(columns))
            {
                for (taps, sum) in across.iter().zip(narrow) {
                    *sum = dot(taps[bx].weights(), &row[taps[bx].pixels()]);
                }
            }
            for by in 0..BINS {
                let channel = (by * BINS + bx) * ORIENTATIONS + o;
                let plane = &mut out[channel * rows * columns..][..rows * columns];
                for (taps, out) in down.iter().zip(plane.chunks_exact_mut(columns)) {
                    for (pixel, weight) in taps[by].pixels().zip(taps[by].weights()) {
                        add_scaled(out, *weight, &narrow[pixel * columns..][..columns]);
                    }
                }
            }
        }
    }
}

fn dot(weights: &[f32], values: &[f32]) -> f32 {
    weights.iter().zip(values).map(|(w, v)| w * v).sum()
}

/// Unit length, clipped, unit length, at each of the positions of a map.
fn normalise(map: &mut [f32], positions: usize) {
    for largest in [CLIP, f32::INFINITY] {
        let mut scales = vec![0.0_f64; positions];
        for plane in map.chunks_exact(positions) {
            for (scale, value) in scales.iter_mut().zip(plane) {
                *scale += f64::from(*value).powi(2);
            }
        }
        for scale in &mut scales {
            *scale = if *scale > 0.0 {
                scale.sqrt().recip()
            } else {
                0.0
            };
        }
        for plane in map.chunks_exact_mut(positions) {
            for (scale, value) in scales.iter().zip(plane) {
                *value = ((f64::from(*value) * scale) as f32).min(largest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    fn plane(width: usize, height: usize, value: impl Fn(usize, usize) -> f32) -> GrayPlane {
        let values = (0..width * height).map(|at| value(at % width, at / width));
        GrayPlane::new(width, height, values.collect()).unwrap()
    }

    /// Waves, an edge and a grain, different along the two axes.
    fn picture(width: usize, height: usize) -> GrayPlane {
        plane(width, height, |x, y| {
            let (x, y) = (x as f32, y as f32);
            let grain = (x * 12.9898 + y * 78.233).sin() * 43758.547;
            (0.31 * x).sin() + (0.17 * y + 0.05 * x).cos() + f32::from(x > 0.6 * y) + grain.fract()
        })
    }

    /// The distance of two descriptors, at most 2.
    fn distance(a: &[f32], b: &[f32]) -> f32 {
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - b).powi(2))
            .sum::<f32>()
            .sqrt()
    }

    /// d at one position, from the definition: a sum over pixels of the extended image, in f64.
    fn by_definition(image: &GrayPlane, (cx, cy): (f64, f64), bin: f64) -> Vec<f64> {
        let (width, height) = (image.width() as i64, image.height() as i64);
        let at = |x: i64, y: i64| {
            let (x, y) = (x.clamp(0, width - 1), y.clamp(0, height - 1));
            f64::from(image.values()[(y * width + x) as usize])
        };
        let sigma = bin / 6.0;
        let radius = (4.0 * sigma).ceil() as i64;
        let gaussian = |u: i64, v: i64| (-((u * u + v * v) as f64) / (2.0 * sigma * sigma)).exp();
        let square = || (-radius..=radius).flat_map(|v| (-radius..=radius).map(move |u| (u, v)));
        let total: f64 = square().map(|(u, v)| gaussian(u, v)).sum();
        let smooth: Vec<f64> = (0..width * height)
            .map(|p| {
                let terms =
                    square().map(|(u, v)| gaussian(u, v) * at(p % width + u, p / width + v));
                terms.sum::<f64>() / total
            })
            .collect();
        let smooth = |x: i64, y: i64| {
            smooth[(y.clamp(0, height - 1) * width + x.clamp(0, width - 1)) as usize]
        };
        let weight = |p: f64, c: f64, i: usize| {
            let m = c + (i as f64 - 1.5) * bin;
            (1.0 - (p - m).abs() / bin).max(0.0) * (-(p - c).powi(2) / (8.0 * bin * bin)).exp()
        };
        let reach = (2.5 * bin).ceil();
        let span = |c: f64| (c - reach).floor() as i64..=(c + reach).ceil() as i64;
        let mut d = vec![0.0; CHANNELS];
        for y in span(cy) {
            for x in span(cx) {
                let g_x = (smooth(x + 1, y) - smooth(x - 1, y)) / 2.0;
                let g_y = (smooth(x, y + 1) - smooth(x, y - 1)) / 2.0;
                let t = (8.0 * g_y.atan2(g_x) / TAU).rem_euclid(8.0);
                for (channel, d) in d.iter_mut().enumerate() {
                    let (by, bx, o) = (channel / 32, channel / 8 % 4, channel % 8);
                    let around = (t - o as f64).abs();
                    let share = (1.0 - around.min(8.0 - around)).max(0.0);
                    *d += weight(y as f64, cy, by)
                        * weight(x as f64, cx, bx)
                        * share
                        * g_x.hypot(g_y);
                }
            }
        }
        for clip in [0.2, f64::INFINITY] {
            let norm = d.iter().map(|v| v * v).sum::<f64>().sqrt();
            d.iter_mut().for_each(|v| *v = (*v / norm).min(clip));
        }
        d
    }

    #[test]
    fn agrees_with_the_definition() {
        let image = picture(37, 29);
        let sift = DenseSift::new(6, vec![3.0, 4.5, 8.0]).unwrap();
        let maps = sift.describe(&image);
        assert_eq!((maps.rows(), maps.columns()), (5, 7));
        for (scale, bin) in sift.bins().iter().enumerate() {
            for (row, column) in [(0, 0), (2, 3), (4, 6), (1, 5), (3, 0)] {
                let expected = by_definition(&image, maps.position(row, column), *bin);
                let found = maps.descriptor(scale, row, column);
                for (found, expected) in found.iter().zip(expected) {
                    assert!(
                        (f64::from(*found) - expected).abs() < 1e-5,
                        "scale {scale}, row {row}, column {column}: {found} {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn ramps_look_along_the_axes() {
        let ramps: [fn(usize, usize) -> f32; 4] = [
            |x, _| x as f32,
            |_, y| y as f32,
            |x, _| 100.0 - x as f32,
            |_, y| 100.0 - y as f32,
        ];
        for (ramp, orientation) in ramps.into_iter().zip([0, 2, 4, 6]) {
            let maps = DenseSift::default().describe(&plane(40, 40, ramp));
            for (at, value) in maps.values().iter().enumerate() {
                // atan2 is right to half an ε, times 8 / 2π.
                let elsewhere = at / 25 % 8 != orientation;
                assert!(!elsewhere || value.abs() < 1e-6, "{orientation}: {value}");
            }
            let middle = maps.descriptor(0, 2, 2);
            assert!(middle.iter().skip(orientation).step_by(8).all(|v| *v > 0.1));
        }
    }

    #[test]
    fn turning_the_image_permutes_bins_and_orientations() {
        let (width, height) = (45, 31);
        let image = picture(width, height);
        // A quarter turn to the right: (x, y) comes to (height − 1 − y, x).
        let turned = plane(height, width, |x, y| {
            image.values()[(height - 1 - x) * width + y]
        });
        let sift = DenseSift::default();
        let [maps, turned] = [&image, &turned].map(|image| sift.describe(image));
        assert_eq!(maps.rows(), turned.columns());
        for scale in 0..3 {
            for row in 0..maps.rows() {
                for column in 0..maps.columns() {
                    let upright = maps.descriptor(scale, row, column);
                    let found = turned.descriptor(scale, column, maps.rows() - 1 - row);
                    for channel in 0..CHANNELS {
                        let (by, bx, o) = (channel / 32, channel / 8 % 4, channel % 8);
                        let there = (bx * 4 + 3 - by) * 8 + (o + 2) % 8;
                        assert!((upright[channel] - found[there]).abs() < 1e-6);
                    }
                }
            }
        }
    }

    #[test]
    fn unit_and_constant_make_no_difference() {
        let image = picture(40, 33);
        let maps = DenseSift::default().describe(&image);
        for (scale, constant) in [(255.0, 0.0), (1.0, 2.0), (1e-30, 0.0), (1e37, 0.0)] {
            let other = plane(40, 33, |x, y| scale * image.values()[y * 40 + x] + constant);
            let other = DenseSift::default().describe(&other);
            for row in 0..maps.rows() {
                for column in 0..maps.columns() {
                    let [a, b] = [&maps, &other].map(|maps| maps.descriptor(1, row, column));
                    assert!(distance(&a, &b) < 1e-5, "{scale} {constant}");
                }
            }
        }
    }

    #[test]
    fn descriptors_have_unit_length_and_flat_ones_none() {
        let half = plane(80, 24, |x, _| {
            if x < 40 {
                0.3
            } else {
                0.3 + ((x * x) % 7) as f32
            }
        });
        let maps = DenseSift::new(8, vec![4.0]).unwrap().describe(&half);
        let norm = |column| distance(&maps.descriptor(0, 1, column), &[0.0; CHANNELS]);
        assert_eq!(maps.position(1, 2), (19.5, 11.5));
        assert_eq!([norm(0), norm(1), norm(2)], [0.0; 3]);
        assert!((norm(8) - 1.0).abs() < 1e-6);
        let flat = plane(30, 20, |_, _| -7.3);
        assert!(
            DenseSift::default()
                .describe(&flat)
                .values()
                .iter()
                .all(|v| *v == 0.0)
        );
    }

    #[test]
    fn the_smallest_images() {
        for (width, height) in [(1, 1), (1, 50), (50, 1), (2, 2), (9, 3)] {
            let maps = DenseSift::new(8, vec![1.0, 4.0, 100.5])
                .unwrap()
                .describe(&picture(width, height));
            assert_eq!(maps.rows(), height.div_ceil(8));
            assert_eq!(maps.scales(), 3);
            assert!(maps.values().iter().all(|value| value.is_finite()));
            let (x, y) = maps.position(maps.rows() - 1, maps.columns() - 1);
            assert!(x <= (width - 1) as f64 && y <= (height - 1) as f64);
        }
        let largest = plane(
            3,
            2,
            |x, y| if (x + y) % 2 == 0 { f32::MAX } else { f32::MIN },
        );
        let maps = DenseSift::default().describe(&largest);
        assert!(maps.values().iter().all(|value| value.is_finite()));
    }

    #[test]
    fn refuses_impossible_options() {
        for (step, bins, named) in [
            (0, vec![4.0], "step"),
            (8, vec![], "none"),
            (8, vec![4.0, 0.5], "0.5"),
            (8, vec![f64::NAN], "NaN"),
            (8, vec![f64::INFINITY], "inf"),
            (8, vec![-4.0], "-4"),
        ] {
            let error = DenseSift::new(step, bins).unwrap_err();
            assert!(matches!(error, Error::DenseSiftOption { .. }), "{error}");
            assert!(error.to_string().contains(named), "{error}");
        }
        let default = DenseSift::new(8, vec![4.0, 6.0, 8.0]).unwrap();
        assert_eq!(default, DenseSift::default());
        assert_eq!((default.step(), default.bins().len()), (8, 3));
    }
}
