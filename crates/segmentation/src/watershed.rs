//! Small connected regions whose borders lie on the crests of a map of boundaries.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::error::{Error, Result};
use crate::gaussian::gaussian;
use crate::label_map::LabelMap;
use crate::pixel_mask::PixelMask;

/// Pixels that the map is smoothed over where seeds are looked for.
const SEED_SIGMA: f32 = 1.5;

/// Half the side of a seed's window, as a share of the side of a square of the mean piece's area. By a study, in which windows
/// of 15 × 15 gave pieces of 600 pixels; maps of our own training have fewer basins: 180 to 195 pieces where 250 are asked for.
const WINDOW_SHARE: f64 = 0.29;

/// About `count` pieces of an image by the watershed of a map of strengths, and their number.
///
/// ```text
///     seeds    the least of G * s in their window, G a Gaussian of 1.5 pixels
///     flood    of all pixels beside a piece that of the least s joins it; of equal ones the one met first
/// ```
///
/// Two pieces meet where the strength between their seeds is highest, on its crest; where it is nowhere high, in the middle.
///
/// # Conventions
/// `strengths` are not negative and finite, row by row. Four neighbours. Ids 0, 1, … in the order of the seeds, row by row.
/// Pixels that a mask leaves out have the id [`u32::MAX`]; a part of kept pixels without a seed gets one where it begins.
///
/// # Errors
/// [`Error::LabelMapShape`] for another number of strengths; [`Error::SegmentOption`] for no pieces.
///
/// # Cost
/// O(n log n) for n pixels.
///
/// # Source
/// The watershed of Beucher and Lantuéjoul (1979), flooded as by Meyer (1991): a queue ordered by height and then by age.
pub(crate) fn watershed(
    strengths: &[f32],
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
    let all = strengths.len();
    let kept = |pixel: usize| mask.is_none_or(|mask| mask.kept()[pixel]);
    let pixels = mask.map_or(all, PixelMask::kept_pixels);
    let reach = WINDOW_SHARE * (pixels as f64 / count as f64).sqrt();
    let mut flood = Flood {
        strengths,
        width,
        ids: vec![u32::MAX; all],
        queue: BinaryHeap::new(),
        met: 0,
    };
    let mut found = 0;
    for seed in seeds(strengths, width, (reach as usize).max(1), kept) {
        flood.push(seed, found);
        found += 1;
    }
    flood.fill(kept);
    for pixel in 0..all {
        if flood.ids[pixel] == u32::MAX && kept(pixel) {
            flood.push(pixel, found);
            flood.fill(kept);
            found += 1;
        }
    }
    let map = LabelMap::new(width, all / width, flood.ids)?;
    Ok((map, found as usize))
}

/// The kept pixels that have the least smoothed strength within `reach`, in order; of equal ones that are near each other the
/// first.
fn seeds(
    strengths: &[f32],
    width: usize,
    reach: usize,
    kept: impl Fn(usize) -> bool,
) -> Vec<usize> {
    let single: Vec<[f32; 1]> = strengths.iter().map(|value| [*value]).collect();
    let smooth = gaussian(&single, width, SEED_SIGMA);
    let smooth: Vec<f32> = (0..strengths.len())
        .map(|pixel| match kept(pixel) {
            true => smooth[pixel][0],
            false => f32::INFINITY,
        })
        .collect();
    let least = least_within(&smooth, width, reach);
    let mut taken = vec![false; smooth.len()];
    let height = smooth.len() / width;
    let mut seeds = Vec::new();
    for pixel in 0..smooth.len() {
        if smooth[pixel] > least[pixel] || !kept(pixel) {
            continue;
        }
        // Of a plain, all of which is the least: no two seeds in one window.
        let (x, y) = (pixel % width, pixel / width);
        let columns = x.saturating_sub(reach)..=(x + reach).min(width - 1);
        let mut rows = y.saturating_sub(reach)..=y.min(height - 1);
        let is_near = rows.any(|y| columns.clone().any(|x| taken[y * width + x]));
        if !is_near {
            taken[pixel] = true;
            seeds.push(pixel);
        }
    }
    seeds
}

/// The least value in the square window of `reach` pixels to each side.
fn least_within(values: &[f32], width: usize, reach: usize) -> Vec<f32> {
    let height = values.len() / width;
    let least = |values: &mut dyn Iterator<Item = f32>| values.fold(f32::INFINITY, f32::min);
    let rows: Vec<f32> = (0..values.len())
        .map(|pixel| {
            let (x, row) = (pixel % width, pixel / width * width);
            let window = x.saturating_sub(reach)..=(x + reach).min(width - 1);
            least(&mut window.map(|x| values[row + x]))
        })
        .collect();
    (0..values.len())
        .map(|pixel| {
            let (x, y) = (pixel % width, pixel / width);
            let window = y.saturating_sub(reach)..=(y + reach).min(height - 1);
            least(&mut window.map(|y| rows[y * width + x]))
        })
        .collect()
}

/// Pieces as they grow.
struct Flood<'a> {
    strengths: &'a [f32],
    width: usize,
    ids: Vec<u32>,
    /// Pixels that belong to a piece and whose neighbours have not been looked at.
    queue: BinaryHeap<Reverse<Reached>>,
    met: u32,
}

impl Flood<'_> {
    /// A pixel joins a piece.
    fn push(&mut self, pixel: usize, piece: u32) {
        self.ids[pixel] = piece;
        self.queue.push(Reverse(Reached {
            // Of floats that are not negative the bits have the numbers' order.
            strength: self.strengths[pixel].to_bits(),
            met: self.met,
            pixel: pixel as u32,
        }));
        self.met += 1;
    }

    /// Floods all pixels that the pieces reach.
    fn fill(&mut self, kept: impl Fn(usize) -> bool) {
        let (width, height) = (self.width, self.ids.len() / self.width);
        while let Some(Reverse(lowest)) = self.queue.pop() {
            let pixel = lowest.pixel as usize;
            let (x, y) = (pixel % width, pixel / width);
            let beside = [
                (x > 0).then(|| pixel - 1),
                (x + 1 < width).then(|| pixel + 1),
                (y > 0).then(|| pixel - width),
                (y + 1 < height).then(|| pixel + width),
            ];
            for neighbour in beside.into_iter().flatten() {
                if self.ids[neighbour] == u32::MAX && kept(neighbour) {
                    self.push(neighbour, self.ids[pixel]);
                }
            }
        }
    }
}

/// A pixel that was reached; ordered by strength, then by when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Reached {
    strength: u32,
    met: u32,
    pixel: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::connected_components;

    /// A ridge around a disk, on a plain.
    fn ridge(width: usize, height: usize) -> Vec<f32> {
        (0..width * height)
            .map(|i| {
                let (x, y) = ((i % width) as f32 - 27.0, (i / width) as f32 - 19.0);
                let distance = x.hypot(y) - 11.0;
                (-0.5 * distance * distance).exp()
            })
            .collect()
    }

    #[test]
    fn pieces_are_connected_and_meet_on_the_crest() {
        let (width, height) = (60, 40);
        let strengths = ridge(width, height);
        let (map, count) = watershed(&strengths, width, 12, None).unwrap();
        assert!((4..=24).contains(&count), "{count} pieces");
        assert_eq!(
            (map.compacted().1, connected_components(&map).1),
            (count, count)
        );
        let mut sides = vec![[0_usize; 2]; count];
        for (i, id) in map.ids().iter().enumerate() {
            let (x, y) = ((i % width) as f32 - 27.0, (i / width) as f32 - 19.0);
            // Crest pixels may fall to either side.
            let distance = x.hypot(y) - 11.0;
            if distance.abs() > 1.0 {
                sides[*id as usize][usize::from(distance < 0.0)] += 1;
            }
        }
        let wrong: usize = sides.iter().map(|side| side[0].min(side[1])).sum();
        assert_eq!(wrong, 0, "pixels across the ridge");
    }

    #[test]
    fn seeds_are_the_least_of_their_windows_and_no_two_are_near() {
        // A plain: a seed wherever none is near.
        assert_eq!(seeds(&[0.5; 35], 7, 2, |_| true), [0, 3, 6, 21, 24, 27]);
        // Two basins with a wall of 1 between; the smoothed wall leans on neither.
        let row: Vec<f32> = (0..21).map(|x| f32::from(u8::from(x == 10))).collect();
        let strengths: Vec<f32> = row.repeat(5);
        let found = seeds(&strengths, 21, 9, |_| true);
        assert!(found.iter().all(|seed| seed % 21 != 10), "{found:?}");
        let (map, _) = watershed(&strengths, 21, 1, None).unwrap();
        assert_ne!(map.at(4, 2), map.at(16, 2));
    }

    #[test]
    fn any_size_number_and_mask_is_served() {
        for (width, height, count) in [(1, 1, 5), (7, 1, 3), (1, 9, 400), (5, 4, 1), (3, 3, 9)] {
            let strengths = vec![0.25; width * height];
            let (map, found) = watershed(&strengths, width, count, None).unwrap();
            assert!((1..=width * height).contains(&found));
            assert_eq!(map.compacted().1, found);
        }
        assert!(watershed(&[0.0; 4], 2, 0, None).is_err());
        // The middle of three is left out: two parts, each with a piece.
        let mask = PixelMask::new(3, 1, vec![true, false, true]).unwrap();
        let (map, found) = watershed(&[0.0; 3], 3, 1, Some(&mask)).unwrap();
        assert_eq!((map.ids(), found), (&[0, u32::MAX, 1][..], 2));
    }
}
