//! Non-maximum suppression of a raw soft map, as the usual protocol of edge detectors has it before the benchmark.
//!
//! ```text
//! E  ← triangle filter of radius 1 over the raw map
//! S  = triangle filter of radius 4 over E;  Sxx, Sxy, Syy its second differences
//! θ  = atan(Syy sign(−Sxy) / (Sxx + 10⁻⁵)) mod π          across the line
//! E(p) ← 0    where 1.01 E(p) < E(p + u) or < E(p − u),   u = (cos θ, sin θ), between pixels linearly
//! E(p) ← E(p) · d / 5    at d < 5 pixels from a side
//! ```

#[cfg(doc)]
use super::boundary_map::BoundaryMap;
use super::boundary_map::SoftBoundaryMap;
use crate::error::Size;

/// Radius of the filter of the map itself.
const FINE: usize = 1;
/// Radius of the filter that directions are taken from.
const COARSE: usize = 4;
/// How far the neighbours lie that a maximum must reach.
const REACH: i32 = 1;
/// How much a pixel is favoured over its neighbours.
const FAVOUR: f64 = 1.01;
/// Pixels at each side that fade out.
const FADED: usize = 5;

impl SoftBoundaryMap {
    /// The ridges of a raw map: non-maximum suppression, in 255 steps, as detectors do it before the benchmark.
    ///
    /// Each pixel that is weaker than its neighbour across the line becomes 0; those near a side fade out.
    /// [`BoundaryMap::thinned`] is the benchmark's own step and comes after it.
    ///
    /// # Source
    /// Dollár and Zitnick, TPAMI 37(8), 2015, and the parameters that HED, RCF and those after them use with its toolbox:
    /// reach 1, 5 faded pixels, a favour of 1.01. Their code runs in single precision; ours in double.
    pub fn suppressed(&self) -> Self {
        Self {
            size: self.size,
            strengths: suppressed(self),
        }
    }
}

/// The map with its ridges alone, in 255 steps: as detectors write it to disk for the benchmark.
fn suppressed(map: &SoftBoundaryMap) -> Vec<f64> {
    let size = map.size();
    let plane = Plane {
        size,
        values: map.strengths().to_vec(),
    };
    let fine = plane.filtered(FINE);
    let directions = directions(&fine.filtered(COARSE));
    let mut ridges = Vec::with_capacity(fine.values.len());
    for y in 0..size.height {
        for x in 0..size.width {
            let place = y * size.width + x;
            let (sin, cos) = directions[place].sin_cos();
            let value = fine.values[place];
            let beaten = (-REACH..=REACH).filter(|step| *step != 0).any(|step| {
                let step = f64::from(step);
                FAVOUR * value < fine.between(x as f64 + step * cos, y as f64 + step * sin)
            });
            ridges.push(if beaten { 0.0 } else { value });
        }
    }
    let mut ridges = Plane {
        size,
        values: ridges,
    };
    ridges.fade();
    let steps = ridges.values.iter();
    steps
        .map(|value| (255.0 * value.clamp(0.0, 1.0)).round() / 255.0)
        .collect()
}

/// The angle across the line through each pixel, from 0 to π.
fn directions(smooth: &Plane) -> Vec<f64> {
    let (across, down) = smooth.differences();
    let (across_twice, _) = across.differences();
    let (mixed, down_twice) = down.differences();
    let pixels = 0..smooth.values.len();
    let angle = |pixel: usize| {
        let turned = match -mixed.values[pixel] {
            turn if turn > 0.0 => 1.0,
            turn if turn < 0.0 => -1.0,
            _ => 0.0,
        };
        let slope = down_twice.values[pixel] * turned / (across_twice.values[pixel] + 1e-5);
        slope.atan().rem_euclid(std::f64::consts::PI)
    };
    pixels.map(angle).collect()
}

/// Numbers on the pixels of a picture, row by row.
struct Plane {
    size: Size,
    values: Vec<f64>,
}

impl Plane {
    /// Means weighted by a triangle, 1 … r + 1 … 1 in both directions; beyond its sides the picture is mirrored.
    fn filtered(&self, radius: usize) -> Self {
        let rising = 1..=radius + 1;
        let weights: Vec<f64> = rising.chain((1..=radius).rev()).map(|w| w as f64).collect();
        let total: f64 = weights.iter().sum();
        let Size { width, height } = self.size;
        let mean = |length: usize, at: usize, value: &dyn Fn(usize) -> f64| {
            let places = weights.iter().enumerate();
            let parts = places.map(|(i, weight)| weight * value(mirrored(at + i, radius, length)));
            parts.sum::<f64>() / total
        };
        let mut rows = Vec::with_capacity(self.values.len());
        for row in self.values.chunks_exact(width.max(1)) {
            rows.extend((0..width).map(|x| mean(width, x, &|x| row[x])));
        }
        let mut values = Vec::with_capacity(rows.len());
        for y in 0..height {
            values.extend((0..width).map(|x| mean(height, y, &|y| rows[y * width + x])));
        }
        Self {
            size: self.size,
            values,
        }
    }

    /// Half the difference of both neighbours, across and down; at the sides the whole difference of one.
    fn differences(&self) -> (Self, Self) {
        let Size { width, height } = self.size;
        let plane = |difference: &dyn Fn(usize, usize) -> f64| Self {
            size: self.size,
            values: (0..height)
                .flat_map(|y| (0..width).map(move |x| (x, y)))
                .map(|(x, y)| difference(x, y))
                .collect(),
        };
        let slope = |length: usize, at: usize, value: &dyn Fn(usize) -> f64| {
            let (before, after) = (at.saturating_sub(1), (at + 1).min(length - 1));
            match after - before {
                0 => 0.0,
                steps => (value(after) - value(before)) / steps as f64,
            }
        };
        let across = plane(&|x, y| slope(width, x, &|x| self.values[y * width + x]));
        let down = plane(&|x, y| slope(height, y, &|y| self.values[y * width + x]));
        (across, down)
    }

    /// The value at a place between pixels; beyond a side that of the side.
    fn between(&self, x: f64, y: f64) -> f64 {
        let Size { width, height } = self.size;
        let place = |at: f64, length: usize| {
            let at = at.clamp(0.0, (length - 1) as f64);
            let low = at.floor() as usize;
            (low, (low + 1).min(length - 1), at - low as f64)
        };
        let ((left, right, across), (top, bottom, down)) = (place(x, width), place(y, height));
        let value = |x: usize, y: usize| self.values[y * width + x];
        let row = |y: usize| (1.0 - across) * value(left, y) + across * value(right, y);
        (1.0 - down) * row(top) + down * row(bottom)
    }

    /// Weakens the pixels near the sides, where a filter sees its own mirror.
    fn fade(&mut self) {
        let Size { width, height } = self.size;
        let share = |at: usize, length: usize| {
            let faded = FADED.min(length / 2);
            let from_side = at.min(length - 1 - at);
            if from_side < faded {
                from_side as f64 / faded as f64
            } else {
                1.0
            }
        };
        for (place, value) in self.values.iter_mut().enumerate() {
            *value *= share(place % width, width) * share(place / width, height);
        }
    }
}

/// The place of `at − radius` in a row that is mirrored at its ends, the last pixel standing twice.
fn mirrored(at: usize, radius: usize, length: usize) -> usize {
    let period = 2 * length as isize;
    let place = (at as isize - radius as isize).rem_euclid(period) as usize;
    place.min(2 * length - 1 - place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(width: usize, height: usize, at: impl Fn(usize, usize) -> f64) -> SoftBoundaryMap {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let strengths = pixels.map(|(x, y)| at(x, y)).collect();
        SoftBoundaryMap::new(width, height, strengths).unwrap()
    }

    fn kept(map: &SoftBoundaryMap) -> Vec<(usize, usize)> {
        let found = suppressed(map).into_iter().enumerate();
        let width = map.size().width;
        let set = found.filter(|(_, value)| *value > 0.02);
        set.map(|(place, _)| (place % width, place / width))
            .collect()
    }

    #[test]
    fn a_thick_line_becomes_its_ridge() {
        // A vertical bar that falls off on both sides of x = 15, and a diagonal one.
        let upright = map(31, 31, |x, _| (1.0 - 0.2 * x.abs_diff(15) as f64).max(0.0));
        let ridge = kept(&upright);
        assert!(ridge.iter().all(|(x, _)| *x == 15), "{ridge:?}");
        // Rows 0 and 30 fade out.
        assert_eq!(ridge.len(), 29);
        let askew = map(41, 41, |x, y| (1.0 - 0.2 * x.abs_diff(y) as f64).max(0.0));
        let ridge = kept(&askew);
        assert!(ridge.iter().all(|(x, y)| x.abs_diff(*y) <= 1), "{ridge:?}");
        assert!((5..36).all(|at| ridge.contains(&(at, at))), "{ridge:?}");
    }

    #[test]
    fn a_filter_keeps_the_mean_and_mirrors_at_the_sides() {
        let plane = Plane {
            size: Size {
                width: 4,
                height: 1,
            },
            values: vec![4.0, 0.0, 0.0, 8.0],
        };
        // (1, 2, 1) / 4 with the end pixels standing twice.
        assert_eq!(plane.filtered(1).values, [3.0, 1.0, 2.0, 6.0]);
        // A filter wider than the picture: weights 1 … 5 … 1 over the mirror images.
        let wide = plane.filtered(4).values;
        assert!((wide.iter().sum::<f64>() - 12.0).abs() < 1e-12, "{wide:?}");
        let places: Vec<_> = (0..9).map(|at| mirrored(at, 4, 3)).collect();
        assert_eq!(places, [2, 2, 1, 0, 0, 1, 2, 2, 1]);
    }

    #[test]
    fn flat_and_tiny_maps_are_no_trouble() {
        for (width, height) in [(1, 1), (1, 7), (2, 2), (9, 1)] {
            let flat = map(width, height, |_, _| 1.0);
            assert_eq!(suppressed(&flat).len(), width * height);
        }
        assert_eq!(suppressed(&map(0, 0, |_, _| 1.0)), [0.0; 0]);
    }

    #[test]
    fn strengths_are_those_of_a_picture_of_8_bits() {
        let found = suppressed(&map(20, 20, |x, y| ((x * 7 + y * 3) % 11) as f64 / 11.0));
        for value in found {
            assert!(
                (0.0..=1.0).contains(&value)
                    && (value * 255.0).fract().min(1.0 - (value * 255.0).fract()) < 1e-9
            );
        }
    }
}
