//! A tree of merging regions on the grid: one tree, a segmentation for every number of regions.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::points::{Centres, Points};

/// The order in which neighbouring regions of the grid merge, from single positions to one region.
///
/// ```text
///     cost(a, b) = nₐ n_b / (nₐ + n_b) · ‖μₐ − μ_b‖²
/// ```
///
/// At each step the two touching regions merge whose union raises the sum of squared distances to the region means the least. The regions left after
/// n − k merges are the cut at k: connected, and nested for all k.
///
/// # Conventions
/// Four neighbours. Of equal costs the pair that was formed first merges, at the start from the top row down.
///
/// # Cost
/// O(n log n) merges' bookkeeping and O(b · dimensions) a merge, b the neighbours of the merged region: a few on average.
///
/// # Source
/// Ward (1963), Hierarchical grouping to optimize an objective function, restricted to neighbours on the grid.
#[derive(Clone, Debug)]
pub(super) struct RegionTree {
    positions: usize,
    /// Step s made region n + s of these two.
    merges: Vec<(usize, usize)>,
}

impl RegionTree {
    /// The tree over a grid of `width` columns, a row of `rows` a position.
    pub(super) fn build(rows: &Points, width: usize) -> Self {
        let positions = rows.positions();
        let mut regions: Vec<Option<Region>> = (0..positions)
            .map(|i| Some(Region::of_position(rows, i, width)))
            .collect();
        let mut queue = BinaryHeap::new();
        for i in 0..positions {
            let later = regions[i]
                .iter()
                .flat_map(|region| &region.neighbours)
                .filter(|j| **j > i);
            queue.extend(later.map(|j| Reverse(Pair::new(&regions, i, *j))));
        }
        let mut merges = Vec::with_capacity(positions - 1);
        while let Some(Reverse(pair)) = queue.pop() {
            // A region that has merged is gone; its pairs are void.
            if regions[pair.a].is_none() || regions[pair.b].is_none() {
                continue;
            }
            let (Some(a), Some(b)) = (regions[pair.a].take(), regions[pair.b].take()) else {
                continue;
            };
            let merged = regions.len();
            let union = a.joined(b, pair.a, pair.b);
            for neighbour in &union.neighbours {
                if let Some(region) = &mut regions[*neighbour] {
                    region
                        .neighbours
                        .retain(|other| *other != pair.a && *other != pair.b);
                    region.neighbours.push(merged);
                }
            }
            let neighbours = union.neighbours.clone();
            regions.push(Some(union));
            for neighbour in neighbours {
                queue.push(Reverse(Pair::new(&regions, neighbour, merged)));
            }
            merges.push((pair.a, pair.b));
        }
        Self { positions, merges }
    }

    /// The region of each position when `count` are left, numbered in the order of first appearance.
    pub(super) fn cut(&self, count: usize) -> Vec<u32> {
        let kept = self.positions.saturating_sub(count.max(1));
        let mut roots: Vec<usize> = (0..self.positions + kept).collect();
        // Downwards: a region's parent is settled before the region.
        for (step, (a, b)) in self.merges[..kept].iter().enumerate().rev() {
            let root = roots[self.positions + step];
            roots[*a] = root;
            roots[*b] = root;
        }
        let mut names = vec![u32::MAX; roots.len()];
        let mut next = 0;
        (0..self.positions)
            .map(|i| {
                let name = &mut names[roots[i]];
                if *name == u32::MAX {
                    *name = next;
                    next += 1;
                }
                *name
            })
            .collect()
    }
}

/// The mean row of each of the regions named by `labels`.
pub(super) fn region_means(rows: &Points, labels: &[u32]) -> Centres {
    let dimensions = rows.dimensions();
    let count = labels.iter().max().map_or(0, |label| *label as usize + 1);
    let mut sums = vec![0.0_f64; count * dimensions];
    let mut areas = vec![0.0_f64; count];
    for (i, label) in labels.iter().enumerate() {
        let label = *label as usize;
        areas[label] += 1.0;
        (0..dimensions).for_each(|j| sums[label * dimensions + j] += f64::from(rows.at(i, j)));
    }
    let entries = sums
        .iter()
        .enumerate()
        .map(|(i, sum)| (sum / areas[i / dimensions]) as f32)
        .collect();
    Centres::from_entries(dimensions, entries)
}

/// A region that has not merged yet.
#[derive(Clone, Debug)]
struct Region {
    area: f64,
    mean: Vec<f64>,
    neighbours: Vec<usize>,
}

impl Region {
    fn of_position(rows: &Points, i: usize, width: usize) -> Self {
        let mut neighbours = Vec::with_capacity(4);
        let column = i % width;
        if column > 0 {
            neighbours.push(i - 1);
        }
        if column + 1 < width {
            neighbours.push(i + 1);
        }
        if i >= width {
            neighbours.push(i - width);
        }
        if i + width < rows.positions() {
            neighbours.push(i + width);
        }
        Self {
            area: 1.0,
            mean: rows.row(i).into_iter().map(f64::from).collect(),
            neighbours,
        }
    }

    /// The union of regions `a` and `b`.
    fn joined(self, other: Self, a: usize, b: usize) -> Self {
        let area = self.area + other.area;
        let mean = self
            .mean
            .iter()
            .zip(&other.mean)
            .map(|(x, y)| (self.area * x + other.area * y) / area)
            .collect();
        let mut neighbours = self.neighbours;
        neighbours.extend(other.neighbours);
        neighbours.retain(|neighbour| *neighbour != a && *neighbour != b);
        neighbours.sort_unstable();
        neighbours.dedup();
        Self {
            area,
            mean,
            neighbours,
        }
    }
}

/// Two touching regions and the cost of their union.
#[derive(Clone, Copy, Debug)]
struct Pair {
    cost: f64,
    a: usize,
    b: usize,
}

impl Pair {
    /// The pair of two regions that are both there.
    fn new(regions: &[Option<Region>], a: usize, b: usize) -> Self {
        let cost = match (&regions[a], &regions[b]) {
            (Some(first), Some(second)) => {
                let square: f64 = first
                    .mean
                    .iter()
                    .zip(&second.mean)
                    .map(|(x, y)| (x - y) * (x - y))
                    .sum();
                first.area * second.area / (first.area + second.area) * square
            }
            _ => f64::INFINITY,
        };
        Self { cost, a, b }
    }
}

impl Ord for Pair {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let formed = |pair: &Self| (pair.a.max(pair.b), pair.a.min(pair.b));
        self.cost
            .total_cmp(&other.cost)
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
    use crate::label_map::LabelMap;
    use crate::segment::components::connected_components;

    fn angles(angles: &[f64]) -> Points {
        Points::unit(angles.len(), 2, |i, j| {
            if j == 0 {
                angles[i].cos()
            } else {
                angles[i].sin()
            }
        })
    }

    #[test]
    fn merges_by_hand() {
        // Four positions in a row: the nearest two first, then the second pair, then all.
        let tree = RegionTree::build(&angles(&[0.0, 0.1, 1.0, 1.2]), 4);
        assert_eq!(tree.merges, [(0, 1), (2, 3), (4, 5)]);
        assert_eq!(tree.cut(3), [0, 0, 1, 2]);
        assert_eq!(tree.cut(2), [0, 0, 1, 1]);
        assert_eq!((tree.cut(1), tree.cut(4)), (vec![0; 4], vec![0, 1, 2, 3]));
    }

    #[test]
    fn equal_rows_that_do_not_touch_stay_apart() {
        let tree = RegionTree::build(&angles(&[0.0, 1.0, 0.0]), 3);
        // Equal costs: the pair of the first two positions was formed first.
        assert_eq!(tree.cut(2), [0, 0, 1]);
    }

    #[test]
    fn cuts_are_connected_nested_and_of_the_count_asked_for() {
        let (width, height) = (9, 7);
        let rows = angles(
            &(0..width * height)
                .map(|i| (i as f64 * 1.3).sin())
                .collect::<Vec<_>>(),
        );
        let tree = RegionTree::build(&rows, width);
        assert_eq!(tree.merges.len(), width * height - 1);
        for count in 1..=width * height {
            let cut = LabelMap::new(width, height, tree.cut(count)).unwrap();
            assert_eq!(connected_components(&cut), (cut.clone(), count));
            let finer = tree.cut(count + 1);
            for i in 0..finer.len() {
                for j in 0..i {
                    assert!(
                        finer[i] != finer[j] || cut.ids()[i] == cut.ids()[j],
                        "nested"
                    );
                }
            }
        }
    }

    #[test]
    fn means_of_regions() {
        let centres = region_means(
            &angles(&[0.0, 0.0, std::f64::consts::FRAC_PI_2]),
            &[0, 0, 1],
        );
        assert_eq!(centres.len(), 2);
        assert!(
            (centres.centre(0)[0] - 1.0).abs() < 1e-6 && (centres.centre(1)[1] - 1.0).abs() < 1e-6
        );
    }
}
