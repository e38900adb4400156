//! Ward's tree of regions on a grid: one tree, a segmentation for every number of regions.

use crate::merge_queue::{Cost, Merge, Regions, merge_all, regions_after};
use crate::points::{Centres, Points};

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
pub(crate) struct WardTree {
    positions: usize,
    merges: Vec<Merge<Cost>>,
}

impl WardTree {
    /// The tree over a grid of `width` columns, a row of `rows` a position.
    pub(crate) fn build(rows: &Points, width: usize) -> Self {
        let positions = rows.positions();
        let region = |i| Some(Region::of_position(rows, i, width));
        let mut regions = GridRegions {
            regions: (0..positions).map(region).collect(),
        };
        let touching: Vec<(usize, usize)> = (0..positions)
            .flat_map(|i| {
                let neighbours = regions.region(i).neighbours.iter();
                neighbours.filter(move |j| **j > i).map(move |j| (i, *j))
            })
            .collect();
        let merges = merge_all(&mut regions, positions, touching);
        Self { positions, merges }
    }

    /// The region of each position when `count` are left, numbered in the order of first appearance.
    pub(crate) fn cut(&self, count: usize) -> Vec<u32> {
        let merges = self.positions.saturating_sub(count.max(1));
        regions_after(self.positions, &self.merges[..merges])
    }
}

/// The mean row of each of the regions named by `labels`.
pub(crate) fn region_means(rows: &Points, labels: &[u32]) -> Centres {
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

/// The grid's regions; those that have merged as `None`.
struct GridRegions {
    regions: Vec<Option<Region>>,
}

impl GridRegions {
    fn region(&self, region: usize) -> &Region {
        self.regions[region]
            .as_ref()
            .expect("a region that has not merged")
    }

    fn take(&mut self, region: usize) -> Region {
        self.regions[region]
            .take()
            .expect("a region that has not merged")
    }
}

impl Regions for GridRegions {
    type Key = Cost;

    fn key(&self, a: usize, b: usize) -> Cost {
        let (first, second) = (self.region(a), self.region(b));
        let means = first.mean.iter().zip(&second.mean);
        let square: f64 = means.map(|(x, y)| (x - y) * (x - y)).sum();
        Cost(first.area * second.area / (first.area + second.area) * square)
    }

    fn join(&mut self, a: usize, b: usize) -> Vec<usize> {
        let merged = self.regions.len();
        let (first, second) = (self.take(a), self.take(b));
        let union = first.joined(second, a, b);
        let neighbours = union.neighbours.clone();
        for neighbour in &neighbours {
            if let Some(region) = &mut self.regions[*neighbour] {
                region.neighbours.retain(|other| *other != a && *other != b);
                region.neighbours.push(merged);
            }
        }
        self.regions.push(Some(union));
        neighbours
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::connected_components;
    use crate::label_map::LabelMap;

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
        let tree = WardTree::build(&angles(&[0.0, 0.1, 1.0, 1.2]), 4);
        let pairs: Vec<_> = tree.merges.iter().map(|merge| (merge.a, merge.b)).collect();
        assert_eq!(pairs, [(0, 1), (2, 3), (4, 5)]);
        assert_eq!(tree.cut(3), [0, 0, 1, 2]);
        assert_eq!(tree.cut(2), [0, 0, 1, 1]);
        assert_eq!((tree.cut(1), tree.cut(4)), (vec![0; 4], vec![0, 1, 2, 3]));
    }

    #[test]
    fn equal_rows_that_do_not_touch_stay_apart() {
        let tree = WardTree::build(&angles(&[0.0, 1.0, 0.0]), 3);
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
        let tree = WardTree::build(&rows, width);
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
