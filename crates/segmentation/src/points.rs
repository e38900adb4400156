//! Rows of an embedding, weighted: the points that clustering sees.

use crate::grid_vectors::GridVectors;

/// Positions are kept in groups of this many, so that one instruction serves several; the last group is padded with zeros.
pub(crate) const LANES: usize = 16;

/// How the columns of U are weighted, and whether rows are then normalised.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum EmbeddingScaling {
    /// All columns alike.
    Unit,
    /// Column j by σⱼ to this power: a positive power trusts the leading vectors more. Rows of unit length.
    SingularValue(f64),
    /// Column j by σⱼ² / (σⱼ² + ε), rows as long as they come out: two positions are as far apart as their rows of the
    /// regularised projector P_ε, which a network trained on it has made close to that of the human segments. Take the ε
    /// of the training.
    Confidence {
        /// ε > 0.
        epsilon: f64,
    },
}

impl EmbeddingScaling {
    /// The weight of each column.
    pub(crate) fn weights(self, spectrum: &[f64]) -> Vec<f64> {
        let weight = |sigma: &f64| match self {
            Self::Unit => 1.0,
            Self::SingularValue(power) => sigma.powf(power),
            Self::Confidence { epsilon } => sigma * sigma / (sigma * sigma + epsilon),
        };
        spectrum.iter().map(weight).collect()
    }
}

/// The leading columns of an embedding, weighted, as points; zero rows stay zero.
///
/// ```text
///     yᵢ = sᵢ / ‖sᵢ‖,        sᵢⱼ = Uᵢⱼ σⱼ^p
///     yᵢ = sᵢ / RMSᵢ ‖sᵢ‖,   sᵢⱼ = Uᵢⱼ σⱼ² / (σⱼ² + ε)      with confidence: ‖sᵢ − sₖ‖ ≈ ‖(P_ε)ᵢ − (P_ε)ₖ‖
/// ```
///
/// # Conventions
/// Single precision: vectors of lengths about 1 that a k-means compares. Groups of [`LANES`] positions; within one the dimensions follow each other.
#[derive(Clone, Debug)]
pub(crate) struct Points {
    positions: usize,
    dimensions: usize,
    groups: Vec<[f32; LANES]>,
}

impl Points {
    /// The first `dimensions` columns of `vectors`, or as many as there are.
    pub(crate) fn from_vectors(
        vectors: &GridVectors<'_>,
        dimensions: usize,
        scaling: EmbeddingScaling,
    ) -> Self {
        let dimensions = dimensions.min(vectors.dimensions());
        let weights = scaling.weights(&vectors.spectrum()[..dimensions]);
        let entry = |i: usize, j: usize| vectors.at(i, j) * weights[j];
        let positions = vectors.positions();
        match scaling {
            EmbeddingScaling::Confidence { .. } => {
                let energy: f64 = (0..positions)
                    .flat_map(|i| (0..dimensions).map(move |j| (i, j)))
                    .map(|(i, j)| entry(i, j).powi(2))
                    .sum();
                let size = (energy / positions as f64).sqrt().max(f64::MIN_POSITIVE);
                Self::from_fn(positions, dimensions, |i, j| entry(i, j) / size)
            }
            _ => Self::unit(positions, dimensions, entry),
        }
    }

    /// Rows from their entries, scaled to unit length.
    pub(crate) fn unit(
        positions: usize,
        dimensions: usize,
        entry: impl Fn(usize, usize) -> f64,
    ) -> Self {
        let length = |i| {
            (0..dimensions)
                .map(|j| entry(i, j).powi(2))
                .sum::<f64>()
                .sqrt()
        };
        let lengths: Vec<f64> = (0..positions).map(length).collect();
        Self::from_fn(positions, dimensions, |i, j| {
            if lengths[i] > 0.0 {
                entry(i, j) / lengths[i]
            } else {
                0.0
            }
        })
    }

    /// Rows from their entries.
    pub(crate) fn from_fn(
        positions: usize,
        dimensions: usize,
        entry: impl Fn(usize, usize) -> f64,
    ) -> Self {
        let mut groups = vec![[0.0; LANES]; positions.div_ceil(LANES) * dimensions];
        for i in 0..positions {
            for j in 0..dimensions {
                groups[i / LANES * dimensions + j][i % LANES] = entry(i, j) as f32;
            }
        }
        Self {
            positions,
            dimensions,
            groups,
        }
    }

    /// Rows.
    pub(crate) fn positions(&self) -> usize {
        self.positions
    }

    /// Columns.
    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Group after group: its dimensions, each with [`LANES`] positions.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &[[f32; LANES]]> {
        self.groups.chunks_exact(self.dimensions)
    }

    /// Entry j of row i.
    pub(crate) fn at(&self, i: usize, j: usize) -> f32 {
        self.groups[i / LANES * self.dimensions + j][i % LANES]
    }

    /// Row i.
    pub(crate) fn row(&self, i: usize) -> Vec<f32> {
        (0..self.dimensions).map(|j| self.at(i, j)).collect()
    }
}

/// k points that stand for clusters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Centres {
    dimensions: usize,
    entries: Vec<f32>,
    half_squares: Vec<f32>,
}

impl Centres {
    /// Centres from their rows, each of `dimensions` entries.
    pub(crate) fn from_entries(dimensions: usize, entries: Vec<f32>) -> Self {
        let half_squares = entries
            .chunks_exact(dimensions)
            .map(|centre| 0.5 * centre.iter().map(|c| c * c).sum::<f32>())
            .collect();
        Self {
            dimensions,
            entries,
            half_squares,
        }
    }

    /// k.
    pub(crate) fn len(&self) -> usize {
        self.half_squares.len()
    }

    /// Centre j.
    #[cfg(test)]
    pub(crate) fn centre(&self, j: usize) -> &[f32] {
        &self.entries[j * self.dimensions..(j + 1) * self.dimensions]
    }

    /// Scores of one group of rows: `scores[j][lane]` = y · cⱼ − ½ ‖cⱼ‖², largest for the nearest centre.
    #[inline(always)]
    fn group_scores(&self, group: &[[f32; LANES]], mut each: impl FnMut(usize, [f32; LANES])) {
        for (j, centre) in self.entries.chunks_exact(self.dimensions).enumerate() {
            let mut score = [-self.half_squares[j]; LANES];
            for (c, values) in centre.iter().zip(group) {
                for lane in 0..LANES {
                    score[lane] += c * values[lane];
                }
            }
            each(j, score);
        }
    }

    /// The nearest centre of every row (the first of several), and its score.
    #[inline(always)]
    pub(crate) fn nearest(&self, rows: &Points, labels: &mut [u32], scores: &mut [f32]) {
        for ((group, labels), scores) in rows
            .groups()
            .zip(labels.chunks_mut(LANES))
            .zip(scores.chunks_mut(LANES))
        {
            let mut best = [f32::NEG_INFINITY; LANES];
            let mut owner = [0_u32; LANES];
            self.group_scores(group, |j, score| {
                for lane in 0..LANES {
                    let better = score[lane] > best[lane];
                    best[lane] = if better { score[lane] } else { best[lane] };
                    owner[lane] = if better { j as u32 } else { owner[lane] };
                }
            });
            labels.copy_from_slice(&owner[..labels.len()]);
            scores.copy_from_slice(&best[..scores.len()]);
        }
    }

    /// All scores, positions × k, row-major.
    pub(crate) fn all_scores(&self, rows: &Points) -> Vec<f32> {
        let count = self.len();
        let mut all = vec![0.0; rows.positions() * count];
        for (group, all) in rows.groups().zip(all.chunks_mut(LANES * count)) {
            self.group_scores(group, |j, score| {
                for (all, score) in all.chunks_exact_mut(count).zip(score) {
                    all[j] = score;
                }
            });
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    #[test]
    fn rows_have_unit_length_and_zero_stays_zero() {
        let rows = Points::unit(LANES + 2, 2, |i, j| {
            if i == 3 {
                0.0
            } else {
                [3.0, 4.0][j] * (1 + i) as f64
            }
        });
        assert_eq!(rows.row(0), [0.6, 0.8]);
        assert_eq!(rows.row(3), [0.0, 0.0]);
        assert_eq!(rows.row(LANES + 1), [0.6, 0.8]);
        assert_eq!((rows.positions(), rows.dimensions()), (LANES + 2, 2));
    }

    #[test]
    fn the_nearest_centre_by_hand() {
        let rows = Points::from_fn(3, 2, |i, j| [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]][i][j]);
        let centres = Centres::from_entries(2, vec![1.0, 0.0, 0.0, 1.0, 0.0, 1.0]);
        let (mut labels, mut scores) = (vec![9; 3], vec![0.0; 3]);
        centres.nearest(&rows, &mut labels, &mut scores);
        assert_eq!(labels, [0, 1, 1]);
        assert_eq!(centres.all_scores(&rows)[..3], [0.5, -0.5, -0.5]);
        assert!((scores[2] - 0.3).abs() < 1e-6);
    }

    #[test]
    fn scores_order_centres_by_distance() {
        let rows = Points::unit(40, 3, |i, j| ((1 + i) as f64 * (j as f64 + 0.7)).sin());
        let centres = Centres::from_entries(3, (0..12).map(|i| (i as f32 * 0.9).cos()).collect());
        let scores = centres.all_scores(&rows);
        for i in 0..40 {
            for j in 0..4 {
                let square: f32 = (0..3)
                    .map(|d| (rows.at(i, d) - centres.centre(j)[d]).powi(2))
                    .sum();
                assert!((square - (1.0 - 2.0 * scores[i * 4 + j])).abs() < 1e-5);
            }
        }
    }

    /// Three orthonormal columns of six rows, the cosines of a discrete cosine transform.
    fn cosines() -> [[f64; 6]; 3] {
        std::array::from_fn(|j| {
            let cosine = |i: usize| (PI * j as f64 * (i as f64 + 0.5) / 6.0).cos();
            let length = if j == 0 { 6.0_f64 } else { 3.0 }.sqrt();
            std::array::from_fn(|i| cosine(i) / length)
        })
    }

    const SIGMA: [f64; 3] = [1.0, 0.6, 0.25];

    #[test]
    fn singular_values_weigh_columns() {
        let u = cosines();
        let vectors = GridVectors::new(3, 2, u.iter().map(|u| &u[..]).collect(), &SIGMA).unwrap();
        let unit = Points::from_vectors(&vectors, 9, EmbeddingScaling::Unit);
        let weighted = Points::from_vectors(&vectors, 9, EmbeddingScaling::SingularValue(1.0));
        let sigma = vectors.spectrum();
        let ratio = |rows: &Points| f64::from(rows.at(2, 1) / rows.at(2, 0));
        assert!((ratio(&weighted) - ratio(&unit) * sigma[1] / sigma[0]).abs() < 1e-5);
    }

    #[test]
    fn confidence_measures_distances_in_the_projector() {
        let (u, sigma) = (cosines(), SIGMA);
        let vectors = GridVectors::new(3, 2, u.iter().map(|u| &u[..]).collect(), &sigma).unwrap();
        let epsilon = 0.05;
        let rows = Points::from_vectors(&vectors, 3, EmbeddingScaling::Confidence { epsilon });
        // P = U diag(σ² / (σ² + ε)) Uᵀ; its rows are as far apart as those of U diag(…).
        let p = |i: usize, j: usize| -> f64 {
            (0..3)
                .map(|c| u[c][i] * u[c][j] * sigma[c].powi(2) / (sigma[c].powi(2) + epsilon))
                .sum()
        };
        let projector = |i: usize, k: usize| {
            (0..6)
                .map(|j| (p(i, j) - p(k, j)).powi(2))
                .sum::<f64>()
                .sqrt()
        };
        let points = |i: usize, k: usize| {
            (0..3)
                .map(|j| f64::from(rows.at(i, j) - rows.at(k, j)).powi(2))
                .sum::<f64>()
                .sqrt()
        };
        let size = projector(0, 1) / points(0, 1);
        for (i, k) in [(0, 2), (1, 4), (3, 5)] {
            assert!((projector(i, k) / points(i, k) - size).abs() < 1e-5 * size);
        }
        let energy: f64 = (0..6)
            .map(|i| rows.row(i).iter().map(|v| f64::from(v * v)).sum::<f64>())
            .sum();
        assert!((energy - 6.0).abs() < 1e-4);
    }
}
