//! Regions that merge, the most alike first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::contour_tree::ContourWeights;
use super::pieces::Pieces;

/// Two regions that became one: that of step s has number pieces + s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Merge {
    pub(super) a: usize,
    pub(super) b: usize,
    /// d of the two, or of a merge before it where this is higher.
    pub(super) height: f64,
}

/// All merges of a photograph's pieces, to the last region; those with a region below `smallest` pixels come first.
pub(super) fn merges(pieces: &Pieces, weights: &ContourWeights, smallest: f64) -> Vec<Merge> {
    let mut regions = Regions::new(pieces, weights, smallest);
    let mut queue: BinaryHeap<Reverse<Pair>> = BinaryHeap::new();
    for border in &pieces.borders {
        queue.push(Reverse(regions.pair(border.a, border.b)));
    }
    let mut merges: Vec<Merge> = Vec::with_capacity(pieces.count().saturating_sub(1));
    let mut highest = 0.0_f64;
    while let Some(Reverse(pair)) = queue.pop() {
        let (a, b) = (pair.a, pair.b);
        // A region that has merged is gone; its pairs are void.
        if regions.regions[a].is_none() || regions.regions[b].is_none() {
            continue;
        }
        if !pair.small {
            highest = highest.max(pair.distance);
        }
        let merged = regions.join(a, b);
        let neighbours: Vec<usize> = regions.borders[merged].keys().copied().collect();
        let pairs = neighbours
            .into_iter()
            .map(|other| regions.pair(other, merged));
        queue.extend(pairs.map(Reverse));
        let height = highest;
        merges.push(Merge { a, b, height });
    }
    merges
}

/// Regions, those that have merged among them as `None`.
struct Regions<'a> {
    weights: &'a ContourWeights,
    smallest: f64,
    pieces: usize,
    views: usize,
    regions: Vec<Option<Region>>,
    /// Of each region the length and the summed contrast, as [`ContourWeights`] sees it, of its borders.
    borders: Vec<BTreeMap<usize, (f64, f64)>>,
    /// Σ over pairs of pixels of how far apart their pieces' colours are, a row a slot.
    apart: Vec<f32>,
}

struct Region {
    area: f64,
    /// The region's row of `apart`: that of its first piece.
    slot: usize,
    /// Σ over its pixels of their pieces' rows, view after view.
    sums: Vec<f32>,
}

impl<'a> Regions<'a> {
    fn new(pieces: &Pieces, weights: &'a ContourWeights, smallest: f64) -> Self {
        let count = pieces.count();
        let region = |piece: usize| {
            let area = pieces.areas[piece];
            let rows = pieces
                .views
                .iter()
                .map(|view| &view.rows[piece * view.dimensions..][..view.dimensions]);
            let sums = rows.flatten().map(|value| value * area as f32).collect();
            Some(Region {
                area,
                slot: piece,
                sums,
            })
        };
        let mut borders = vec![BTreeMap::new(); count];
        for border in &pieces.borders {
            let seen = border.length * (border.contrast / weights.contrast_scale).min(1.0);
            borders[border.a].insert(border.b, (border.length, seen));
            borders[border.b].insert(border.a, (border.length, seen));
        }
        let mut apart = vec![0.0; count * count];
        for a in 0..count {
            for b in 0..count {
                let pairs = pieces.colours[a].iter().zip(&pieces.colours[b]);
                let square: f32 = pairs.map(|(a, b)| (a - b).powi(2)).sum();
                let distance = (square.sqrt() / weights.colour_scale as f32).min(1.0);
                let pixels = (pieces.areas[a] * pieces.areas[b]) as f32;
                apart[a * count + b] = pixels * distance;
            }
        }
        Self {
            weights,
            smallest,
            pieces: count,
            views: pieces.views.len(),
            regions: (0..count).map(region).collect(),
            borders,
            apart,
        }
    }

    fn region(&self, region: usize) -> &Region {
        self.regions[region]
            .as_ref()
            .expect("a region that has not merged")
    }

    /// Two regions that touch.
    fn pair(&self, a: usize, b: usize) -> Pair {
        let (first, second) = (self.region(a), self.region(b));
        let pixels = first.area * second.area;
        let embedded = (self.views > 0).then(|| {
            let products = first.sums.iter().zip(&second.sums);
            let alike: f32 = products.map(|(a, b)| a * b).sum();
            let alike = f64::from(alike) / (pixels * self.views as f64);
            (1.0 - alike).clamp(0.0, 1.0)
        });
        let colour = f64::from(self.apart[first.slot * self.pieces + second.slot]) / pixels;
        let (length, seen) = self.borders[a][&b];
        Pair {
            small: first.area.min(second.area) < self.smallest,
            distance: self.weights.distance(embedded, colour, seen / length),
            a,
            b,
        }
    }

    /// Makes one region of two, and tells its number.
    fn join(&mut self, a: usize, b: usize) -> usize {
        let take =
            |region: &mut Option<Region>| region.take().expect("a region that has not merged");
        let first = take(&mut self.regions[a]);
        let second = take(&mut self.regions[b]);
        let (kept, gone, count) = (first.slot, second.slot, self.pieces);
        for other in 0..count {
            let sum = self.apart[kept * count + other] + self.apart[gone * count + other];
            self.apart[kept * count + other] = sum;
            self.apart[other * count + kept] = sum;
        }
        let sums = first.sums.iter().zip(&second.sums);
        let merged = self.regions.len();
        self.regions.push(Some(Region {
            area: first.area + second.area,
            slot: kept,
            sums: sums.map(|(a, b)| a + b).collect(),
        }));
        let mut borders = std::mem::take(&mut self.borders[a]);
        for (other, (length, seen)) in std::mem::take(&mut self.borders[b]) {
            let border = borders.entry(other).or_insert((0.0, 0.0));
            *border = (border.0 + length, border.1 + seen);
        }
        borders.remove(&a);
        borders.remove(&b);
        for (other, border) in &borders {
            let theirs = &mut self.borders[*other];
            theirs.remove(&a);
            theirs.remove(&b);
            theirs.insert(merged, *border);
        }
        self.borders.push(borders);
        merged
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
