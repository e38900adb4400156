//! k-means on points, seeded.

use pulp::{Arch, NullaryFnOnce};
use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;

use crate::points::{Centres, Points};

/// Rows nearer than this, squared, are the same point in single precision.
const SAME_POINT: f64 = 1e-10;
/// Lloyd's iterations after which the centres are taken as they are.
const ITERATIONS: usize = 100;

/// Clusters of points: centres near which the squared distances are small in sum.
///
/// ```text
///     inertia = Σᵢ min_j ‖yᵢ − cⱼ‖²
/// ```
///
/// # Conventions
/// Greedy k-means++ from a seeded generator, then Lloyd's iterations until no row changes its centre; the best of `restarts`, the first where several
/// are as good. A cluster that loses its rows is planted again on the row farthest from its centre. Fewer distinct rows than `clusters`: as many
/// clusters as there are distinct rows. Signs of columns do not matter; the same input and seed give the same clusters on every machine.
///
/// # Cost
/// O(n · k · dimensions) an iteration; a few tens of iterations.
#[derive(Clone, Debug)]
pub(crate) struct KMeans {
    pub(crate) centres: Centres,
    pub(crate) labels: Vec<u32>,
    pub(crate) inertia: f64,
}

impl KMeans {
    /// At most `clusters` clusters of `rows`; both counts are at least 1.
    pub(crate) fn fit(rows: &Points, clusters: usize, restarts: usize, seed: u64) -> Self {
        assert!(
            clusters > 0 && restarts > 0 && rows.positions() > 0,
            "k-means needs rows, clusters and a start"
        );
        let mut best = Self::from_start(rows, clusters, seed, 0);
        for restart in 1..restarts {
            let next = Self::from_start(rows, clusters, seed, restart as u64);
            if next.inertia < best.inertia {
                best = next;
            }
        }
        best
    }

    fn from_start(rows: &Points, clusters: usize, seed: u64, restart: u64) -> Self {
        let random = Pcg32::new(seed, ((clusters as u64) << 32) | restart);
        Arch::new().dispatch(Start {
            rows,
            clusters,
            random,
        })
    }
}

/// One start, in the widest registers there are: the same operations, so the same bits.
struct Start<'a> {
    rows: &'a Points,
    clusters: usize,
    random: Pcg32,
}

impl NullaryFnOnce for Start<'_> {
    type Output = KMeans;

    #[inline(always)]
    fn call(mut self) -> KMeans {
        let starts = plus_plus(self.rows, self.clusters, &mut self.random);
        lloyd(self.rows, starts)
    }
}

/// ‖yᵢ − y_p‖² for every row i.
#[inline(always)]
fn square_distances(rows: &Points, p: usize, squares: &mut Vec<f32>) {
    let centre = rows.row(p);
    squares.clear();
    for group in rows.groups() {
        let mut sum = [0.0_f32; crate::points::LANES];
        for (c, values) in centre.iter().zip(group) {
            for (sum, value) in sum.iter_mut().zip(values) {
                *sum += (value - c) * (value - c);
            }
        }
        squares.extend_from_slice(&sum);
    }
    squares.truncate(rows.positions());
}

/// The row at which the running sum of `weights` passes `mass`.
#[inline(always)]
fn row_at(weights: &[f32], mass: f64) -> usize {
    let mut running = 0.0;
    let mut last = 0;
    for (i, weight) in weights.iter().enumerate() {
        if *weight > 0.0 {
            running += f64::from(*weight);
            last = i;
            if running > mass {
                break;
            }
        }
    }
    last
}

/// Rows that start the clusters: each drawn with probability proportional to its squared distance from those before, the best of a few draws.
#[inline(always)]
fn plus_plus(rows: &Points, clusters: usize, random: &mut Pcg32) -> Vec<usize> {
    let draws = 2 + clusters.ilog2() as usize;
    let mut uniform = || f64::from(random.next_u32()) / 4_294_967_296.0;
    let first = ((uniform() * rows.positions() as f64) as usize).min(rows.positions() - 1);
    let mut starts = vec![first];
    let mut nearest = Vec::new();
    square_distances(rows, first, &mut nearest);
    let mut trial = Vec::new();
    while starts.len() < clusters {
        let mass: f64 = nearest.iter().map(|square| f64::from(*square)).sum();
        if nearest
            .iter()
            .all(|square| f64::from(*square) <= SAME_POINT)
        {
            break;
        }
        let mut best: Option<(f64, usize, Vec<f32>)> = None;
        for _ in 0..draws {
            let row = row_at(&nearest, uniform() * mass);
            square_distances(rows, row, &mut trial);
            trial
                .iter_mut()
                .zip(&nearest)
                .for_each(|(trial, nearest)| *trial = trial.min(*nearest));
            let left: f64 = trial.iter().map(|square| f64::from(*square)).sum();
            if best.as_ref().is_none_or(|(least, _, _)| left < *least) {
                best = Some((left, row, std::mem::take(&mut trial)));
            }
        }
        if let Some((_, row, squares)) = best {
            starts.push(row);
            nearest = squares;
        }
    }
    starts
}

/// Lloyd's iterations from centres on the rows `starts`.
#[inline(always)]
fn lloyd(rows: &Points, starts: Vec<usize>) -> KMeans {
    let (positions, dimensions) = (rows.positions(), rows.dimensions());
    let entries = starts.iter().flat_map(|row| rows.row(*row)).collect();
    let mut centres = Centres::from_entries(dimensions, entries);
    let mut labels = vec![0; positions];
    let mut scores = vec![0.0; positions];
    let mut previous = Vec::new();
    for _ in 0..ITERATIONS {
        centres.nearest(rows, &mut labels, &mut scores);
        if labels == previous {
            break;
        }
        centres = means(rows, &mut labels, &scores, centres.len());
        previous.clone_from(&labels);
    }
    centres.nearest(rows, &mut labels, &mut scores);
    let inertia = (0..positions)
        .map(|i| square_from_score(rows, i, scores[i]))
        .sum();
    KMeans {
        centres,
        labels,
        inertia,
    }
}

/// ‖y − c‖² = ‖y‖² − 2 (y·c − ½‖c‖²).
#[inline(always)]
fn square_from_score(rows: &Points, i: usize, score: f32) -> f64 {
    let square: f64 = (0..rows.dimensions())
        .map(|j| f64::from(rows.at(i, j)).powi(2))
        .sum();
    (square - 2.0 * f64::from(score)).max(0.0)
}

/// The means of the labelled rows; a label without rows takes the row farthest from its centre, out of a cluster of several.
#[inline(always)]
fn means(rows: &Points, labels: &mut [u32], scores: &[f32], clusters: usize) -> Centres {
    let mut counts = vec![0_usize; clusters];
    labels.iter().for_each(|label| counts[*label as usize] += 1);
    if counts.contains(&0) {
        let squares: Vec<f64> = scores
            .iter()
            .enumerate()
            .map(|(i, score)| square_from_score(rows, i, *score))
            .collect();
        let mut farthest: Vec<usize> = (0..labels.len()).collect();
        farthest.sort_by(|a, b| squares[*b].total_cmp(&squares[*a]).then(a.cmp(b)));
        let mut candidates = farthest.into_iter();
        for empty in 0..clusters {
            if counts[empty] > 0 {
                continue;
            }
            if let Some(row) = candidates.find(|row| counts[labels[*row] as usize] > 1) {
                counts[labels[row] as usize] -= 1;
                labels[row] = empty as u32;
                counts[empty] = 1;
            }
        }
    }
    let dimensions = rows.dimensions();
    let mut sums = vec![0.0_f64; clusters * dimensions];
    for (group, labels) in rows.groups().zip(labels.chunks(crate::points::LANES)) {
        for (lane, label) in labels.iter().enumerate() {
            let sum = &mut sums[*label as usize * dimensions..][..dimensions];
            for (sum, values) in sum.iter_mut().zip(group) {
                *sum += f64::from(values[lane]);
            }
        }
    }
    let entries = sums
        .chunks_exact(dimensions)
        .zip(&counts)
        .flat_map(|(sum, count)| sum.iter().map(move |s| (s / (*count).max(1) as f64) as f32))
        .collect();
    Centres::from_entries(dimensions, entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `copies` rows near each of the coordinate axes.
    fn around_axes(axes: usize, copies: usize, spread: f64) -> Points {
        Points::unit(axes * copies, axes, |i, j| {
            f64::from(i % axes == j) + spread * ((1 + i) as f64 * (2.3 + j as f64)).sin()
        })
    }

    fn partition(labels: &[u32]) -> Vec<usize> {
        labels
            .iter()
            .map(|label| labels.iter().position(|other| other == label).unwrap_or(0))
            .collect()
    }

    #[test]
    fn separated_clusters_are_found_exactly() {
        let rows = around_axes(5, 20, 0.1);
        let fit = KMeans::fit(&rows, 5, 3, 1);
        assert_eq!(
            partition(&fit.labels),
            (0..100).map(|i| i % 5).collect::<Vec<_>>()
        );
    }

    #[test]
    fn inertia_by_hand() {
        // Two pairs: (1,0), (0.6,0.8) apart by √0.8, and one alone at (−1,0); the mean of the pair is ½√0.8 from each.
        let rows = Points::unit(3, 2, |i, j| [[1.0, 0.0], [0.6, 0.8], [-1.0, 0.0]][i][j]);
        let fit = KMeans::fit(&rows, 2, 4, 7);
        assert!((fit.inertia - 0.4).abs() < 1e-6);
        assert_eq!(partition(&fit.labels), [0, 0, 2]);
        let one = KMeans::fit(&rows, 1, 1, 7);
        assert_eq!((one.centres.len(), one.labels), (1, vec![0; 3]));
    }

    #[test]
    fn the_same_seed_gives_the_same_clusters_and_signs_do_not_matter() {
        let rows = around_axes(4, 50, 0.9);
        let mirrored = Points::unit(200, 4, |i, j| {
            f64::from(rows.at(i, j)) * [1.0, -1.0, 1.0, -1.0][j]
        });
        let fit = KMeans::fit(&rows, 7, 2, 3);
        assert_eq!(fit.labels, KMeans::fit(&rows, 7, 2, 3).labels);
        assert_eq!(fit.labels, KMeans::fit(&mirrored, 7, 2, 3).labels);
    }

    #[test]
    fn more_clusters_than_distinct_rows() {
        let rows = around_axes(3, 10, 0.0);
        let fit = KMeans::fit(&rows, 8, 2, 5);
        assert_eq!((fit.centres.len(), fit.inertia), (3, 0.0));
        let zero = Points::unit(5, 2, |_, _| 0.0);
        assert_eq!(KMeans::fit(&zero, 4, 2, 5).centres.len(), 1);
    }

    #[test]
    fn restarts_never_hurt_and_no_cluster_is_empty() {
        let rows = around_axes(6, 30, 1.5);
        let few = KMeans::fit(&rows, 9, 1, 11);
        let many = KMeans::fit(&rows, 9, 8, 11);
        assert!(many.inertia <= few.inertia);
        for j in 0..9 {
            assert!(many.labels.contains(&j));
        }
    }

    #[test]
    fn every_row_has_its_nearest_centre() {
        let rows = around_axes(4, 40, 1.0);
        let fit = KMeans::fit(&rows, 6, 1, 2);
        let square = |i: usize, j: usize| -> f32 {
            fit.centres
                .centre(j)
                .iter()
                .enumerate()
                .map(|(d, c)| (rows.at(i, d) - c).powi(2))
                .sum()
        };
        for i in 0..rows.positions() {
            let own = square(i, fit.labels[i] as usize);
            assert!((0..6).all(|j| own <= square(i, j) + 1e-5));
        }
    }

    #[test]
    fn an_empty_cluster_is_planted_on_the_farthest_row() {
        let rows = Points::unit(4, 2, |i, j| {
            [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.8, 0.6]][i][j]
        });
        let centres = Centres::from_entries(2, vec![1.0, 0.0, -1.0, 0.0]);
        let (mut labels, mut scores) = (vec![0; 4], vec![0.0; 4]);
        centres.nearest(&rows, &mut labels, &mut scores);
        assert_eq!(labels, [0; 4]);
        let moved = means(&rows, &mut labels, &scores, 2);
        assert_eq!(labels, [0, 0, 1, 0]);
        assert_eq!(moved.centre(1), [0.0, 1.0]);
    }
}
