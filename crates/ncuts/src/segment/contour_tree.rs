//! One tree of regions at full size, from the agreement of several segmentations.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::components::connected_components;
use super::options::MinArea;
use crate::error::{Error, Result};
use crate::label_map::LabelMap;

/// An ultrametric tree of the regions on which segmentations of one image agree: every cut is a segmentation, and finer
/// cuts only split the segments of coarser ones.
///
/// ```text
///     d(A, B) = 1 − (1 / S) Σₛ mean over p ∈ A, q ∈ B of [sₛ(p) = sₛ(q)]
/// ```
///
/// Pixels that no segmentation separates are one piece. The two touching regions of the least d merge, again and again;
/// d, the share of segmentations that separate two pixels, one from each region, is the height of the merge, or that of
/// the merge before it where this is higher. Pieces below the smallest area merge first of all, at height 0.
///
/// # Conventions
/// Heights lie from 0 to 1. Four neighbours. Of equal distances the pair that was formed first merges.
///
/// # Cost
/// S passes over the pixels; O(p log p) merges' bookkeeping for p pieces, and O(segments in all) a neighbour of every
/// merge: some ten milliseconds for fifteen segmentations of 481 × 321 pixels.
///
/// # Source
/// Average linkage on the co-association of Fred and Jain, Combining multiple clusterings using evidence accumulation
/// (2005), among neighbours; the form of an ultrametric contour map is that of Arbeláez (2006).
///
/// # Example
/// ```
/// use ncuts::{ContourTree, LabelMap, MinArea};
/// # fn main() -> Result<(), ncuts::Error> {
/// // Both separate the last pixel, one of them the first.
/// let maps = [LabelMap::new(4, 1, vec![0, 0, 0, 1])?, LabelMap::new(4, 1, vec![0, 1, 1, 2])?];
/// let tree = ContourTree::new(&[&maps[0], &maps[1]], MinArea::Pixels(1))?;
/// assert_eq!(tree.cut(0.2).0.ids(), [0, 1, 1, 2]);
/// assert_eq!(tree.cut(0.5).0.ids(), [0, 0, 0, 1]);
/// assert_eq!(tree.cut(1.0).1, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ContourTree {
    pieces: LabelMap,
    count: usize,
    /// Step s made region `count` + s of these two.
    merges: Vec<Merge>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Merge {
    a: usize,
    b: usize,
    height: f64,
}

impl ContourTree {
    /// The tree of these segmentations, each of the same image, over the pieces that none of them separates.
    ///
    /// # Errors
    /// [`Error::NoSegmentations`]; [`Error::SegmentationSize`] where one has another size than the first.
    pub fn new(maps: &[&LabelMap], min_area: MinArea) -> Result<Self> {
        check(maps)?;
        Ok(Self::build(pieces(maps), maps, min_area))
    }

    /// The tree of these segmentations over given pieces, [`superpixels`](crate::superpixels) say, whose borders it
    /// keeps to: in each segmentation a piece is where most of its pixels are, in the segment met first of several.
    ///
    /// # Errors
    /// As [`ContourTree::new`], the pieces' size being the first.
    pub fn over_pieces(pieces: &LabelMap, maps: &[&LabelMap], min_area: MinArea) -> Result<Self> {
        if maps.is_empty() {
            return Err(Error::NoSegmentations);
        }
        let all: Vec<&LabelMap> = [pieces].into_iter().chain(maps.iter().copied()).collect();
        check(&all)?;
        let (pieces, count) = connected_components(pieces);
        let maps: Vec<LabelMap> = maps
            .iter()
            .map(|map| by_majority(&pieces, count, map))
            .collect();
        let maps: Vec<&LabelMap> = maps.iter().collect();
        Ok(Self::build((pieces, count), &maps, min_area))
    }

    fn build((pieces, count): (LabelMap, usize), maps: &[&LabelMap], min_area: MinArea) -> Self {
        let smallest = min_area.pixels(pieces.ids().len()) as f64;
        let regions = Regions::of_pieces(&pieces, count, maps, smallest);
        Self {
            merges: regions.merged(),
            pieces,
            count,
        }
    }

    /// The pieces that all cuts merge: ids 0, 1, … in the order of first appearance.
    pub fn pieces(&self) -> &LabelMap {
        &self.pieces
    }

    /// Segments of the finest cut: the number of pieces.
    pub fn most_segments(&self) -> usize {
        self.count
    }

    /// The heights of all merges, from the lowest.
    pub fn heights(&self) -> impl Iterator<Item = f64> + '_ {
        self.merges.iter().map(|merge| merge.height)
    }

    /// The segmentation in which all merges up to a height are done, and its number of segments.
    pub fn cut(&self, height: f64) -> (LabelMap, usize) {
        self.painted(self.merges.partition_point(|merge| merge.height <= height))
    }

    /// The segmentation of `segments` segments, or as near to it as the tree comes: at least one, at most the pieces.
    pub fn cut_into(&self, segments: usize) -> (LabelMap, usize) {
        self.painted(
            self.count
                .saturating_sub(segments.max(1))
                .min(self.merges.len()),
        )
    }

    /// The segment of each piece when all merges up to a height are done, numbered in the order of first appearance.
    pub fn segment_of_pieces(&self, height: f64) -> Vec<u32> {
        self.after(self.merges.partition_point(|merge| merge.height <= height))
    }

    /// An ultrametric contour map, a number a pixel: the height up to which the pixel is kept apart from the one at its
    /// right or the one below, whichever is higher; 0 within a piece.
    pub fn contours(&self) -> Vec<f32> {
        let mut parents = vec![usize::MAX; self.count + self.merges.len()];
        for (step, merge) in self.merges.iter().enumerate() {
            parents[merge.a] = self.count + step;
            parents[merge.b] = self.count + step;
        }
        let apart = |a: u32, b: u32| {
            let (mut a, mut b) = (a as usize, b as usize);
            if a == b {
                return 0.0;
            }
            // Parents come after their children: the lower of two climbs.
            while a != b {
                if a < b {
                    a = parents[a];
                } else {
                    b = parents[b];
                }
            }
            self.merges[a - self.count].height as f32
        };
        let (width, ids) = (self.pieces.width(), self.pieces.ids());
        let contour = |pixel: usize| {
            let right = !(pixel + 1).is_multiple_of(width);
            let right = right.then(|| apart(ids[pixel], ids[pixel + 1]));
            let below = ids.get(pixel + width);
            let below = below.map(|below| apart(ids[pixel], *below));
            right.unwrap_or(0.0).max(below.unwrap_or(0.0))
        };
        (0..ids.len()).map(contour).collect()
    }

    fn painted(&self, merges: usize) -> (LabelMap, usize) {
        let segments = self.after(merges);
        let ids = self.pieces.ids().iter();
        let ids = ids.map(|piece| segments[*piece as usize]).collect();
        (self.pieces.with_ids(ids), self.count - merges)
    }

    fn after(&self, merges: usize) -> Vec<u32> {
        let mut roots: Vec<usize> = (0..self.count + merges).collect();
        // Downwards: a region's parent is settled before the region.
        for (step, merge) in self.merges[..merges].iter().enumerate().rev() {
            let root = roots[self.count + step];
            roots[merge.a] = root;
            roots[merge.b] = root;
        }
        let mut names = HashMap::new();
        (0..self.count)
            .map(|piece| {
                let next = names.len() as u32;
                *names.entry(roots[piece]).or_insert(next)
            })
            .collect()
    }
}

/// All of one size, and at least one.
fn check(maps: &[&LabelMap]) -> Result<()> {
    let size = |map: &LabelMap| (map.width(), map.height());
    let expected = size(maps.first().ok_or(Error::NoSegmentations)?);
    match maps
        .iter()
        .map(|map| size(map))
        .find(|found| *found != expected)
    {
        Some(found) => Err(Error::SegmentationSize { expected, found }),
        None => Ok(()),
    }
}

/// The map in which every piece has the id of most of its pixels.
fn by_majority(pieces: &LabelMap, count: usize, map: &LabelMap) -> LabelMap {
    let (map, segments) = map.compacted();
    let mut votes = vec![0_u32; count * segments];
    for (piece, id) in pieces.ids().iter().zip(map.ids()) {
        votes[*piece as usize * segments + *id as usize] += 1;
    }
    let winners: Vec<u32> = votes
        .chunks_exact(segments)
        .map(|votes| {
            let most = (0..segments).max_by_key(|id| (votes[*id], segments - id));
            most.unwrap_or(0) as u32
        })
        .collect();
    let ids = pieces.ids().iter();
    map.with_ids(ids.map(|piece| winners[*piece as usize]).collect())
}

/// Connected pixels that no segmentation separates.
fn pieces(maps: &[&LabelMap]) -> (LabelMap, usize) {
    let mut joint = maps[0].ids().to_vec();
    for map in &maps[1..] {
        let mut names = HashMap::new();
        for (joint, id) in joint.iter_mut().zip(map.ids()) {
            let next = names.len() as u32;
            *joint = *names.entry((*joint, *id)).or_insert(next);
        }
    }
    connected_components(&maps[0].with_ids(joint))
}

/// Regions that have not merged yet.
struct Regions {
    regions: Vec<Option<Region>>,
    /// Segmentations, S.
    maps: f64,
    /// Regions below it merge first.
    smallest: f64,
}

#[derive(Clone, Debug)]
struct Region {
    area: f64,
    /// The share of the region's pixels in each segment of each segmentation, all segmentations' segments in a row.
    shares: Vec<f32>,
    neighbours: Vec<usize>,
}

impl Regions {
    fn of_pieces(pieces: &LabelMap, count: usize, maps: &[&LabelMap], smallest: f64) -> Self {
        let (width, ids) = (pieces.width(), pieces.ids());
        let mut areas = vec![0.0; count];
        // A piece's pixels have one segment in each map: any of them tells which.
        let mut sample = vec![0; count];
        for (pixel, piece) in ids.iter().enumerate() {
            areas[*piece as usize] += 1.0;
            sample[*piece as usize] = pixel;
        }
        let mut neighbours = vec![Vec::new(); count];
        let mut touch = |a: u32, b: u32| {
            if a != b {
                neighbours[a as usize].push(b as usize);
                neighbours[b as usize].push(a as usize);
            }
        };
        for (y, row) in ids.chunks_exact(width).enumerate() {
            row.windows(2).for_each(|pair| touch(pair[0], pair[1]));
            let above = &ids[y.saturating_sub(1) * width..][..width];
            above.iter().zip(row).for_each(|(a, b)| touch(*a, *b));
        }
        let compact: Vec<(LabelMap, usize)> = maps.iter().map(|map| map.compacted()).collect();
        let segments = compact.iter().map(|(_, segments)| segments).sum();
        let regions = neighbours.into_iter().enumerate();
        let regions = regions.map(|(piece, mut neighbours)| {
            neighbours.sort_unstable();
            neighbours.dedup();
            let mut shares = vec![0.0; segments];
            let mut start = 0;
            for (map, segments) in &compact {
                shares[start + map.ids()[sample[piece]] as usize] = 1.0;
                start += segments;
            }
            Some(Region {
                area: areas[piece],
                shares,
                neighbours,
            })
        });
        Self {
            regions: regions.collect(),
            maps: maps.len() as f64,
            smallest,
        }
    }

    /// All merges, to the last region.
    fn merged(mut self) -> Vec<Merge> {
        let mut queue = BinaryHeap::new();
        for (a, region) in self.regions.iter().enumerate() {
            let later = region.iter().flat_map(|region| &region.neighbours);
            let later = later.filter(|b| **b > a);
            queue.extend(later.filter_map(|b| self.pair(a, *b)).map(Reverse));
        }
        let mut merges: Vec<Merge> = Vec::with_capacity(self.regions.len().saturating_sub(1));
        let mut highest = 0.0_f64;
        while let Some(Reverse(pair)) = queue.pop() {
            let (a, b) = (pair.a, pair.b);
            // A region that has merged is gone; its pairs are void.
            if self.regions[a].is_none() || self.regions[b].is_none() {
                continue;
            }
            let (Some(first), Some(second)) = (self.regions[a].take(), self.regions[b].take())
            else {
                continue;
            };
            if !pair.small {
                highest = highest.max(pair.distance);
            }
            let merged = self.regions.len();
            let union = first.joined(second, a, b);
            for neighbour in &union.neighbours {
                if let Some(region) = &mut self.regions[*neighbour] {
                    region.neighbours.retain(|other| *other != a && *other != b);
                    region.neighbours.push(merged);
                }
            }
            let neighbours = union.neighbours.clone();
            self.regions.push(Some(union));
            queue.extend(
                neighbours
                    .into_iter()
                    .filter_map(|neighbour| self.pair(neighbour, merged))
                    .map(Reverse),
            );
            merges.push(Merge {
                a,
                b,
                height: highest,
            });
        }
        merges
    }

    /// The pair of two regions that are both there.
    fn pair(&self, a: usize, b: usize) -> Option<Pair> {
        let (first, second) = (self.regions[a].as_ref()?, self.regions[b].as_ref()?);
        let shares = first.shares.iter().zip(&second.shares);
        // Σ over segments of the share of A times that of B: how often two pixels have the same segment.
        let together: f64 = shares.map(|(x, y)| f64::from(x * y)).sum();
        Some(Pair {
            small: first.area.min(second.area) < self.smallest,
            distance: (1.0 - together / self.maps).clamp(0.0, 1.0),
            a,
            b,
        })
    }
}

impl Region {
    /// The union of regions `a` and `b`.
    fn joined(self, other: Self, a: usize, b: usize) -> Self {
        let area = self.area + other.area;
        let mean =
            |x: f32, y: f32| ((self.area * f64::from(x) + other.area * f64::from(y)) / area) as f32;
        let shares = self.shares.iter().zip(&other.shares);
        let shares = shares.map(|(x, y)| mean(*x, *y)).collect();
        let mut neighbours = self.neighbours;
        neighbours.extend(other.neighbours);
        neighbours.retain(|neighbour| *neighbour != a && *neighbour != b);
        neighbours.sort_unstable();
        neighbours.dedup();
        Self {
            area,
            shares,
            neighbours,
        }
    }
}

/// Two touching regions.
#[derive(Clone, Copy, Debug)]
struct Pair {
    /// Whether one of them is below the smallest area.
    small: bool,
    distance: f64,
    a: usize,
    b: usize,
}

impl Ord for Pair {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let formed = |pair: &Self| (pair.a.max(pair.b), pair.a.min(pair.b));
        (other.small.cmp(&self.small))
            .then(self.distance.total_cmp(&other.distance))
            .then(formed(self).cmp(&formed(other)))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Pair {}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(width: usize, ids: &[u32]) -> LabelMap {
        LabelMap::new(width, ids.len() / width, ids.to_vec()).unwrap()
    }

    /// Four segmentations of a grid that agree in part.
    fn several(width: usize, height: usize) -> Vec<LabelMap> {
        let rules: [fn(usize, usize) -> u32; 4] = [
            |x, _| (x / 6) as u32,
            |x, y| (x / 6 + 10 * (y / 5)) as u32,
            |x, y| ((x + y) / 9) as u32,
            |x, y| u32::from((x * x + y * y) % 97 < 30),
        ];
        let pixels = || (0..width * height).map(|pixel| (pixel % width, pixel / width));
        rules
            .iter()
            .map(|rule| {
                map(
                    width,
                    &pixels().map(|(x, y)| rule(x, y)).collect::<Vec<_>>(),
                )
            })
            .collect()
    }

    #[test]
    fn heights_are_the_shares_of_segmentations_that_separate() {
        // The border before pixel 1 is seen by one of four, before 2 by three, before 3 by all.
        let maps = [
            map(4, &[0, 1, 2, 3]),
            map(4, &[0, 0, 1, 2]),
            map(4, &[5, 5, 6, 7]),
            map(4, &[0, 0, 0, 1]),
        ];
        let maps: Vec<&LabelMap> = maps.iter().collect();
        let tree = ContourTree::new(&maps, MinArea::Pixels(1)).unwrap();
        let heights: Vec<f64> = tree.heights().collect();
        assert_eq!(heights, [0.25, 0.75, 1.0]);
        assert_eq!(tree.contours(), [0.25, 0.75, 1.0, 0.0]);
        assert_eq!(tree.cut(0.25).0.ids(), [0, 0, 1, 2]);
        assert_eq!(tree.cut_into(2).0.ids(), [0, 0, 0, 1]);
        assert_eq!((tree.cut_into(0).1, tree.cut_into(99).1), (1, 4));
    }

    #[test]
    fn cuts_are_connected_nested_and_counted() {
        let maps = several(23, 17);
        let maps: Vec<&LabelMap> = maps.iter().collect();
        let tree = ContourTree::new(&maps, MinArea::Pixels(6)).unwrap();
        let mut coarser: Option<LabelMap> = None;
        for segments in 1..=tree.most_segments() {
            let (cut, count) = tree.cut_into(segments);
            assert_eq!((cut.compacted().1, count), (segments, segments));
            assert_eq!(connected_components(&cut), (cut.clone(), count));
            if let Some(coarser) = coarser {
                let joined = cut.ids().iter().zip(coarser.ids());
                let joined: std::collections::HashSet<_> = joined.collect();
                assert_eq!(
                    joined.len(),
                    segments,
                    "a finer segment lies in one coarser"
                );
            }
            coarser = Some(cut);
        }
        let heights: Vec<f64> = tree.heights().collect();
        assert!(heights.is_sorted() && heights[0] == 0.0 && *heights.last().unwrap() <= 1.0);
        // What is above height 0 has the smallest area.
        let (cut, count) = tree.cut(0.0);
        for segment in 0..count as u32 {
            assert!(cut.ids().iter().filter(|id| **id == segment).count() >= 6);
        }
    }

    #[test]
    fn the_contour_map_cut_at_a_height_separates_as_the_tree_does() {
        let maps = several(19, 14);
        let maps: Vec<&LabelMap> = maps.iter().collect();
        let tree = ContourTree::new(&maps, MinArea::Pixels(3)).unwrap();
        let contours = tree.contours();
        for height in [0.0, 0.2, 0.5, 0.7] {
            let (cut, _) = tree.cut(height);
            for (x, y) in (0..18).flat_map(|x| (0..13).map(move |y| (x, y))) {
                let own = cut.at(x, y);
                let apart = own != cut.at(x + 1, y) || own != cut.at(x, y + 1);
                assert_eq!(
                    f64::from(contours[19 * y + x]) > height,
                    apart,
                    "{x} {y} {height}"
                );
            }
        }
    }

    #[test]
    fn borders_are_those_of_the_given_pieces() {
        let pieces = map(6, &[0, 0, 0, 1, 1, 1]);
        // A border one pixel off.
        let found = map(6, &[4, 4, 7, 7, 7, 7]);
        let tree = ContourTree::over_pieces(&pieces, &[&found], MinArea::Pixels(1)).unwrap();
        assert_eq!(tree.cut(0.5).0.ids(), [0, 0, 0, 1, 1, 1]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (a, b) = (map(4, &[0; 8]), map(2, &[0; 8]));
        let area = MinArea::Pixels(1);
        let none = ContourTree::new(&[], area).unwrap_err();
        assert!(matches!(none, Error::NoSegmentations));
        assert!(matches!(
            ContourTree::over_pieces(&a, &[], area),
            Err(Error::NoSegmentations)
        ));
        for refused in [
            ContourTree::new(&[&a, &b], area),
            ContourTree::over_pieces(&b, &[&a], area),
        ] {
            let refused = refused.unwrap_err().to_string();
            assert!(
                refused.contains("4 × 2") && refused.contains("2 × 4"),
                "{refused}"
            );
        }
    }
}
