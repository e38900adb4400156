//! Small connected regions of one colour, along the edges of a photograph.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::cielab::cielab;
use crate::error::{Error, Result};
use crate::label_map::LabelMap;
use crate::pixel_mask::PixelMask;

/// How much a step of the grid of seeds counts beside colour: at 10, as much as ten units of CIELAB.
const COMPACTNESS: f32 = 10.0;

/// About `count` superpixels of a photograph, and their number: every pixel in a connected region whose border follows
/// the edges of colour.
///
/// ```text
///     d² = ‖x − x̄ₖ‖² / s² + ‖c − c̄ₖ‖² / m²       s² = pixels / count, m = 10, c in CIELAB
/// ```
///
/// From seeds on a grid of step s, the pixel of the least d to a region beside it joins that region, and moves its means.
///
/// # Conventions
/// `rgb` holds the pixels row by row, three bytes each, sRGB. Four neighbours. Ids 0, 1, … in the order of the seeds, row
/// by row. Of equal distances the one met first is taken.
///
/// # Errors
/// [`Error::LabelMapShape`] where a side is zero or `rgb` holds another number of bytes; [`Error::SegmentOption`] for no
/// superpixels.
///
/// # Cost
/// O(n log n) for n pixels: 0.05 s for 481 × 321.
///
/// # Source
/// Achanta and Süsstrunk, Superpixels and polygons using simple non-iterative clustering (CVPR 2017).
///
/// # Example
/// ```
/// # fn main() -> Result<(), segmentation::Error> {
/// // Black at the left, white from column 6 on.
/// let rgb: Vec<u8> = (0..16 * 8).flat_map(|i| [if i % 16 < 6 { 0 } else { 255 }; 3]).collect();
/// let (map, count) = segmentation::superpixels(&rgb, 16, 8, 2)?;
/// assert_eq!(count, 2);
/// assert_eq!((map.at(5, 3), map.at(6, 3)), (0, 1));
/// # Ok(())
/// # }
/// ```
pub fn superpixels(
    rgb: &[u8],
    width: usize,
    height: usize,
    count: usize,
) -> Result<(LabelMap, usize)> {
    superpixels_of_colours(&cielab(rgb, width, height)?, width, count, None)
}

/// As [`superpixels`], of CIELAB colours. Pixels that a mask leaves out have the id [`u32::MAX`].
///
/// Within a mask the step comes from the kept pixels. A part of them without a seed gets one where it begins.
pub(crate) fn superpixels_of_colours(
    lab: &[[f32; 3]],
    width: usize,
    count: usize,
    mask: Option<&PixelMask>,
) -> Result<(LabelMap, usize)> {
    if count == 0 {
        return Err(Error::SegmentOption {
            expected: "at least one superpixel",
            found: 0.0,
        });
    }
    let (all, height) = (lab.len(), lab.len() / width);
    let pixels = mask.map_or(all, PixelMask::kept_pixels);
    let kept = |pixel: usize| mask.is_none_or(|mask| mask.kept()[pixel]);
    let mut seeds = seeds(width, height, pixels, count);
    seeds.retain(|pixel| kept(*pixel));
    let mut growth = Growth {
        means: Vec::new(),
        queue: BinaryHeap::new(),
        inverse_step: count.min(pixels) as f32 / pixels as f32,
        met: 0,
    };
    seeds.iter().for_each(|pixel| growth.seed(*pixel));
    let mut ids = vec![u32::MAX; all];
    growth.fill(&mut ids, lab, width, kept);
    if mask.is_some() {
        for pixel in 0..all {
            if ids[pixel] == u32::MAX && kept(pixel) {
                growth.seed(pixel);
                growth.fill(&mut ids, lab, width, kept);
            }
        }
    }
    Ok((LabelMap::new(width, height, ids)?, growth.means.len()))
}

/// The middles of cells of one size, about `count` for so many pixels.
fn seeds(width: usize, height: usize, pixels: usize, count: usize) -> Vec<usize> {
    let step = (pixels as f64 / count as f64).sqrt().max(1.0);
    let cells = |side: usize| ((side as f64 / step).round() as usize).clamp(1, side);
    let (columns, rows) = (cells(width), cells(height));
    let middle = |cell: usize, cells: usize, side: usize| (2 * cell + 1) * side / (2 * cells);
    let row = |j| (0..columns).map(move |i| (middle(i, columns, width), j));
    let seeds = (0..rows).flat_map(|j| row(middle(j, rows, height)));
    seeds.map(|(x, y)| y * width + x).collect()
}

/// Regions as they grow.
struct Growth {
    means: Vec<Mean>,
    queue: BinaryHeap<Reverse<Candidate>>,
    /// 1 / s².
    inverse_step: f32,
    met: u32,
}

impl Growth {
    /// A new region around a pixel.
    fn seed(&mut self, pixel: usize) {
        let region = self.means.len() as u32;
        self.means.push(Mean::default());
        self.push(0.0, pixel, region);
    }

    /// Lets the regions grow over all pixels that they reach.
    fn fill(
        &mut self,
        ids: &mut [u32],
        lab: &[[f32; 3]],
        width: usize,
        kept: impl Fn(usize) -> bool,
    ) {
        let height = ids.len() / width;
        while let Some(Reverse(next)) = self.queue.pop() {
            let pixel = next.pixel as usize;
            if ids[pixel] != u32::MAX {
                continue;
            }
            ids[pixel] = next.region;
            let (x, y) = (pixel % width, pixel / width);
            self.means[next.region as usize].take(lab[pixel], x, y);
            let beside = [
                (x > 0).then(|| pixel - 1),
                (x + 1 < width).then(|| pixel + 1),
                (y > 0).then(|| pixel - width),
                (y + 1 < height).then(|| pixel + width),
            ];
            for neighbour in beside.into_iter().flatten() {
                if ids[neighbour] == u32::MAX && kept(neighbour) {
                    let place = (neighbour % width, neighbour / width);
                    let distance = self.distance(next.region, lab[neighbour], place);
                    self.push(distance, neighbour, next.region);
                }
            }
        }
    }

    fn push(&mut self, distance: f32, pixel: usize, region: u32) {
        self.queue.push(Reverse(Candidate {
            // Of floats that are not negative the bits have the numbers' order.
            distance: distance.to_bits(),
            met: self.met,
            pixel: pixel as u32,
            region,
        }));
        self.met += 1;
    }

    /// d² of a pixel to a region.
    fn distance(&self, region: u32, lab: [f32; 3], (x, y): (usize, usize)) -> f32 {
        let mean = &self.means[region as usize];
        let share = 1.0 / mean.pixels;
        let square = |sum: f32, value: f32| (sum * share - value).powi(2);
        let colour: f32 = (0..3).map(|c| square(mean.lab[c], lab[c])).sum();
        let place = square(mean.x, x as f32) + square(mean.y, y as f32);
        place * self.inverse_step + colour / (COMPACTNESS * COMPACTNESS)
    }
}

/// Sums over a region's pixels.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    lab: [f32; 3],
    x: f32,
    y: f32,
    pixels: f32,
}

impl Mean {
    fn take(&mut self, lab: [f32; 3], x: usize, y: usize) {
        self.lab
            .iter_mut()
            .zip(lab)
            .for_each(|(sum, value)| *sum += value);
        self.x += x as f32;
        self.y += y as f32;
        self.pixels += 1.0;
    }
}

/// A pixel that may join a region; ordered by distance, then by when it was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    distance: u32,
    met: u32,
    pixel: u32,
    region: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::connected_components;

    #[test]
    fn every_superpixel_is_connected_and_keeps_to_the_edge() {
        let (width, height) = (60, 40);
        let inside = |x: usize, y: usize| (x as f64 - 27.0).hypot(y as f64 - 19.0) < 11.0;
        let rgb: Vec<u8> = (0..width * height)
            .flat_map(|i| {
                let noise = (i * 37 % 11) as u8;
                let base = if inside(i % width, i / width) {
                    [170, 60, 40]
                } else {
                    [40, 90, 150]
                };
                base.map(|value| value + noise)
            })
            .collect();
        let (map, count) = superpixels(&rgb, width, height, 24).unwrap();
        assert_eq!(
            (map.compacted().1, connected_components(&map).1),
            (count, count)
        );
        let mut sides = vec![[0_usize; 2]; count];
        for i in 0..width * height {
            sides[map.ids()[i] as usize][usize::from(inside(i % width, i / width))] += 1;
        }
        let wrong: usize = sides.iter().map(|side| side[0].min(side[1])).sum();
        assert!(wrong <= 3, "{wrong} pixels across the edge");
    }

    #[test]
    fn any_size_and_number_is_served() {
        for (width, height, count) in [(1, 1, 5), (7, 1, 3), (1, 9, 400), (5, 4, 1), (3, 3, 9)] {
            let (map, found) =
                superpixels(&vec![9; 3 * width * height], width, height, count).unwrap();
            assert!((1..=width * height).contains(&found));
            assert_eq!(map.compacted().1, found);
        }
        assert!(superpixels(&[0; 12], 2, 2, 0).is_err());
        assert!(superpixels(&[0; 11], 2, 2, 1).is_err());
        assert!(superpixels(&[], 0, 2, 1).is_err());
    }
}
