//! Average linkage: regions of a photograph merge, the most alike first.

use std::collections::BTreeMap;

use crate::merge_queue::{Cost, Merge, Regions, merge_all};
use crate::merge_weights::MergeWeights;
use crate::superpixel_graph::SuperpixelGraph;

/// All merges of a photograph's superpixels, to the last region; those with a region below `smallest` pixels come first.
pub(crate) fn merges(
    pieces: &SuperpixelGraph,
    weights: &MergeWeights,
    smallest: f64,
) -> Vec<Merge<(bool, Cost)>> {
    let mut regions = PhotographRegions::new(pieces, weights, smallest);
    let touching = pieces.borders.iter().map(|border| (border.a, border.b));
    merge_all(&mut regions, pieces.count(), touching)
}

/// Regions, those that have merged among them as `None`.
struct PhotographRegions<'a> {
    weights: &'a MergeWeights,
    smallest: f64,
    pieces: usize,
    views: usize,
    regions: Vec<Option<Region>>,
    has_boundaries: bool,
    /// Of each region the length and the summed strength, as [`MergeWeights`] sees it, of its borders.
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

impl<'a> PhotographRegions<'a> {
    fn new(pieces: &SuperpixelGraph, weights: &'a MergeWeights, smallest: f64) -> Self {
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
            let seen = border.length * weights.border(border.contrast, border.boundary);
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
            has_boundaries: pieces.has_boundaries(),
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
}

impl Regions for PhotographRegions<'_> {
    /// Regions below the smallest area come first: `false` is below `true`.
    type Key = (bool, Cost);

    fn key(&self, a: usize, b: usize) -> (bool, Cost) {
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
        let small = first.area.min(second.area) < self.smallest;
        let border = seen / length;
        let weights = self.weights;
        let distance = weights.distance(embedded, colour, border, self.has_boundaries);
        (!small, Cost(distance))
    }

    fn join(&mut self, a: usize, b: usize) -> Vec<usize> {
        let take =
            |region: &mut Option<Region>| region.take().expect("a region that has not merged");
        let first = take(&mut self.regions[a]);
        let second = take(&mut self.regions[b]);
        let (into, gone, count) = (first.slot, second.slot, self.pieces);
        for other in 0..count {
            let sum = self.apart[into * count + other] + self.apart[gone * count + other];
            self.apart[into * count + other] = sum;
            self.apart[other * count + into] = sum;
        }
        let sums = first.sums.iter().zip(&second.sums);
        let merged = self.regions.len();
        self.regions.push(Some(Region {
            area: first.area + second.area,
            slot: into,
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
        let neighbours = borders.keys().copied().collect();
        self.borders.push(borders);
        neighbours
    }
}
