//! The spectral embedding: leading eigenvectors of the normalised affinity.

use faer::{Mat, MatRef};

use segmentation::GridVectors;

use crate::affinity::Affinity;
use crate::degree::Degrees;
use crate::error::{Error, Result};
use crate::leading_eigen::leading_eigen;

/// A singular value at most this fraction of the first counts as zero; the Gram method resolves 1.5e-8.
const RANK_TOLERANCE: f64 = 1e-6;

/// The leading left singular vectors of the degree-normalised features, one row a grid position.
///
/// ```text
///     w = F Λ Fᵀ 1,   D = diag(w),   X = D^{-½} F Λ^{½} = U diag(σ) Vᵀ
///     D^{-½} W D^{-½} = U diag(σ²) Uᵀ,   W = F Λ Fᵀ
/// ```
///
/// # Shapes
/// F: n × d, n = grid_width · grid_height; Λ: d × d, symmetric, positive semidefinite; U: n × rank.
///
/// # Conventions
/// Row y · grid_width + x of F is the position (x, y). Singular values are nonincreasing; the first is 1 and its vector D^{½} 1, up to scale.
/// The entry of largest magnitude in each column of U is positive. Isolated positions (all-zero rows; see [`Degrees`]) are left out of the cut and
/// have the zero row. Singular values at most 1e-6 of the first are dropped, so [`rank`](Self::rank) may be
/// below the dimensions asked for.
///
/// # Example
/// ```
/// use faer::Mat;
/// # fn main() -> Result<(), ncuts::Error> {
/// // Two channels, each alive on one half of a 4 × 2 grid: the affinity has two blocks.
/// let features = Mat::from_fn(8, 2, |i, c| if (i % 4 < 2) == (c == 0) { 1.0 } else { 0.0 });
/// let embedding = ncuts::Embedding::from_features(features.as_ref(), None, 4, 2, 3)?;
/// assert_eq!(embedding.rank(), 2);
/// assert!(embedding.spectrum().iter().all(|sigma| (sigma - 1.0).abs() < 1e-12));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Embedding {
    vectors: Mat<f64>,
    spectrum: Vec<f64>,
    complete: bool,
    isolated: usize,
    grid_width: usize,
    grid_height: usize,
}

impl Embedding {
    /// The embedding of `features` on a grid, with at most `dimensions` columns; Λ is the identity where `lambda` is `None`.
    ///
    /// # Errors
    /// - [`Error::GridShape`] when the grid is empty or has not one position a row of `features`, or there are no channels;
    /// - [`Error::NoDimensions`] when `dimensions` is zero;
    /// - those of [`Affinity`] and [`Degrees`]: entries that are not finite, a Λ that is not d × d or not positive semidefinite, a negative degree, no
    ///   degree above zero.
    ///
    /// # Cost
    /// With q = min(n, d): O(n d q), and then O(q³) for q up to about five hundred, O(q² · dimensions) a step of block Lanczos beyond. Never n × n for n > d.
    pub fn from_features(
        features: MatRef<'_, f64>,
        lambda: Option<MatRef<'_, f64>>,
        grid_width: usize,
        grid_height: usize,
        dimensions: usize,
    ) -> Result<Self> {
        let (positions, channels) = features.shape();
        if grid_width.checked_mul(grid_height) != Some(positions) || positions == 0 || channels == 0
        {
            return Err(Error::GridShape {
                grid_width,
                grid_height,
                rows: positions,
                channels,
            });
        }
        if dimensions == 0 {
            return Err(Error::NoDimensions);
        }
        let affinity = Affinity::forward(features, lambda)?;
        let degrees = Degrees::forward(&affinity)?;
        let mut x = match affinity.lambda_root() {
            Some(lambda) => affinity.features() * &lambda.root,
            None => affinity.features().to_owned(),
        };
        for j in 0..x.ncols() {
            for (x, scale) in x.col_mut(j).iter_mut().zip(degrees.inverse_roots()) {
                *x *= scale;
            }
        }

        // One value beyond the dimensions: it shows how wide the last gap is.
        let wanted = dimensions.saturating_add(1);
        let short = positions < x.ncols();
        let (values, mut vectors) =
            leading_eigen(if short { x.transpose() } else { x.as_ref() }, wanted)?;
        let floor = RANK_TOLERANCE * RANK_TOLERANCE * values[0];
        let spectrum: Vec<f64> = values
            .iter()
            .take_while(|value| **value > floor)
            .map(|value| value.sqrt())
            .collect();
        let complete = spectrum.len() < wanted;
        let rank = spectrum.len().min(dimensions);
        vectors = if short {
            vectors.subcols(0, rank).to_owned()
        } else {
            &x * vectors.subcols(0, rank)
        };
        for j in 0..rank {
            normalise_column(&mut vectors, j);
        }
        Ok(Self {
            vectors,
            spectrum,
            complete,
            isolated: degrees.isolated(),
            grid_width,
            grid_height,
        })
    }

    /// An embedding of vectors that were found elsewhere, with as many values, nonincreasing.
    pub(crate) fn from_vectors(
        vectors: Mat<f64>,
        spectrum: Vec<f64>,
        grid_width: usize,
        grid_height: usize,
    ) -> Self {
        Self {
            vectors,
            spectrum,
            complete: false,
            isolated: 0,
            grid_width,
            grid_height,
        }
    }

    /// Columns of the grid.
    pub fn grid_width(&self) -> usize {
        self.grid_width
    }

    /// Rows of the grid.
    pub fn grid_height(&self) -> usize {
        self.grid_height
    }

    /// U, n × rank: orthonormal columns; of a [`InterveningContourCut`](crate::InterveningContourCut) their rows on its finest grid.
    pub fn vectors(&self) -> MatRef<'_, f64> {
        self.vectors.as_ref()
    }

    /// Columns of U: at most the dimensions asked for.
    pub fn rank(&self) -> usize {
        self.vectors.ncols()
    }

    /// The singular values above the rank tolerance, nonincreasing: those of the columns of U and, where there is one, the next.
    pub fn spectrum(&self) -> &[f64] {
        &self.spectrum
    }

    /// Whether every singular value after [`spectrum`](Self::spectrum) is zero.
    pub fn spectrum_is_complete(&self) -> bool {
        self.complete
    }

    /// Positions left out of the cut: their rows are zero.
    pub fn isolated(&self) -> usize {
        self.isolated
    }
}

/// U with σ, as clusterings and superpixels take it.
impl<'a> From<&'a Embedding> for GridVectors<'a> {
    fn from(embedding: &'a Embedding) -> Self {
        let columns = embedding.vectors.col_iter();
        let columns = columns.map(|column| {
            let column = column.try_as_col_major();
            column.expect("columns of a matrix of our own").as_slice()
        });
        Self::new(
            embedding.grid_width,
            embedding.grid_height,
            columns.collect(),
            &embedding.spectrum,
        )
        .expect("a value for each column, and columns that fill the grid")
    }
}

/// Unit length, and the entry of largest magnitude positive.
fn normalise_column(vectors: &mut Mat<f64>, j: usize) {
    let column = vectors.col(j);
    let largest = column.iter().fold(
        0.0_f64,
        |best, v| if v.abs() > best.abs() { *v } else { best },
    );
    let factor = largest.signum() / column.norm_l2();
    vectors.col_mut(j).iter_mut().for_each(|v| *v *= factor);
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::Side;

    /// Channel c lives on columns of the grid where `owner(x) == c`.
    fn stripes(
        width: usize,
        height: usize,
        channels: usize,
        owner: impl Fn(usize) -> usize,
    ) -> Mat<f64> {
        Mat::from_fn(width * height, channels, |i, c| {
            if owner(i % width) == c {
                1.0 + (i % 3) as f64
            } else {
                0.0
            }
        })
    }

    /// Smooth positive features of full rank, seedless.
    fn waves(rows: usize, channels: usize) -> Mat<f64> {
        Mat::from_fn(rows, channels, |i, c| {
            1.1 + ((1 + i) as f64 * (0.37 + 0.11 * c as f64)).sin()
        })
    }

    fn projector(embedding: &Embedding) -> Mat<f64> {
        embedding.vectors() * embedding.vectors().transpose()
    }

    /// U diag(σ²) Uᵀ from the n × n matrix of the definition.
    fn dense_twin(features: &Mat<f64>, lambda: &Mat<f64>, count: usize) -> (Vec<f64>, Mat<f64>) {
        let w = features * lambda * features.transpose();
        let n = w.nrows();
        let degree: Vec<f64> = (0..n).map(|i| (0..n).map(|j| w[(i, j)]).sum()).collect();
        let normalised = Mat::from_fn(n, n, |i, j| w[(i, j)] / (degree[i] * degree[j]).sqrt());
        let eigen = normalised.self_adjoint_eigen(Side::Lower).unwrap();
        let u = Mat::from_fn(n, count, |i, j| eigen.U()[(i, n - 1 - j)]);
        (
            (0..count).map(|j| eigen.S()[n - 1 - j]).collect(),
            &u * u.transpose(),
        )
    }

    #[test]
    fn two_blocks_by_hand() {
        // W = diag of two all-ones blocks of sizes 2 and 1: U = (1/√2, 1/√2, 0), (0, 0, 1), σ = 1, 1.
        let features = Mat::from_fn(3, 2, |i, c| f64::from((i < 2) == (c == 0)));
        let embedding = Embedding::from_features(features.as_ref(), None, 3, 1, 2).unwrap();
        let expected = Mat::from_fn(3, 3, |i, j| {
            [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]][i][j]
        });
        assert!((projector(&embedding) - expected).norm_max() < 1e-15 * 8.0);
        assert_eq!(embedding.spectrum().len(), 2);
        assert!(embedding.spectrum_is_complete());
    }

    #[test]
    fn equals_the_dense_definition_tall_and_wide_with_a_metric() {
        for (rows, channels) in [(12, 4), (6, 9), (5, 5)] {
            let features = waves(rows, channels);
            let base = Mat::from_fn(channels, channels, |i, j| {
                f64::from(i == j) + 0.1 * ((i + 2 * j) as f64).cos()
            });
            let lambda = &base * base.transpose();
            let (values, expected) = dense_twin(&features, &lambda, 3);
            let embedding =
                Embedding::from_features(features.as_ref(), Some(lambda.as_ref()), rows, 1, 3)
                    .unwrap();
            assert!(
                (projector(&embedding) - expected).norm_max() < 1e-9,
                "{rows} × {channels}"
            );
            for (sigma, value) in embedding.spectrum().iter().zip(values) {
                assert!((sigma * sigma - value).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn the_first_pair_is_known() {
        let features = waves(20, 5);
        let embedding = Embedding::from_features(features.as_ref(), None, 5, 4, 2).unwrap();
        assert!((embedding.spectrum()[0] - 1.0).abs() < 1e-12);
        let sums: Vec<f64> = (0..5)
            .map(|c| (0..20).map(|i| features[(i, c)]).sum())
            .collect();
        let degree = |i: usize| (0..5).map(|c| features[(i, c)] * sums[c]).sum::<f64>();
        let ratio: Vec<f64> = (0..20)
            .map(|i| embedding.vectors()[(i, 0)] / degree(i).sqrt())
            .collect();
        assert!(
            ratio
                .iter()
                .all(|r| (r - ratio[0]).abs() < 1e-10 * ratio[0].abs())
        );
    }

    #[test]
    fn dead_and_duplicate_channels_change_nothing_but_the_rank() {
        let alive = waves(24, 4);
        let dead = Mat::from_fn(24, 6, |i, c| if c < 4 { alive[(i, c)] } else { 0.0 });
        let duplicate = Mat::from_fn(24, 5, |i, c| alive[(i, c.min(3))]);
        let reference = Embedding::from_features(alive.as_ref(), None, 6, 4, 8).unwrap();
        let with_dead = Embedding::from_features(dead.as_ref(), None, 6, 4, 8).unwrap();
        let with_duplicate = Embedding::from_features(duplicate.as_ref(), None, 6, 4, 8).unwrap();
        assert_eq!(
            (reference.rank(), with_dead.rank(), with_duplicate.rank()),
            (4, 4, 4)
        );
        assert!((projector(&reference) - projector(&with_dead)).norm_max() < 1e-9);
        assert!(with_duplicate.vectors().is_all_finite());
    }

    #[test]
    fn zero_rows_are_left_out_and_leave_the_others_alone() {
        let features = waves(6, 2);
        let padded = Mat::from_fn(8, 2, |i, c| if i < 6 { features[(i, c)] } else { 0.0 });
        let reference = Embedding::from_features(features.as_ref(), None, 6, 1, 2).unwrap();
        let embedding = Embedding::from_features(padded.as_ref(), None, 8, 1, 2).unwrap();
        assert_eq!((reference.isolated(), embedding.isolated()), (0, 2));
        assert!(
            (0..2)
                .all(|j| embedding.vectors()[(6, j)] == 0.0 && embedding.vectors()[(7, j)] == 0.0)
        );
        let shown = projector(&embedding).submatrix(0, 0, 6, 6).to_owned();
        assert!((shown - projector(&reference)).norm_max() < 1e-12);
    }

    #[test]
    fn constant_features_have_rank_one_and_a_single_pixel_too() {
        let constant = Mat::from_fn(9, 4, |_, _| 2.0);
        let embedding = Embedding::from_features(constant.as_ref(), None, 3, 3, 5).unwrap();
        assert_eq!((embedding.rank(), embedding.spectrum().len()), (1, 1));
        assert!((embedding.vectors()[(0, 0)] - 1.0 / 3.0).abs() < 1e-14);
        let pixel = Mat::from_fn(1, 3, |_, c| c as f64);
        let embedding = Embedding::from_features(pixel.as_ref(), None, 1, 1, 4).unwrap();
        assert_eq!((embedding.rank(), embedding.vectors()[(0, 0)]), (1, 1.0));
    }

    #[test]
    fn scale_does_not_matter_and_signs_are_fixed() {
        let features = stripes(8, 3, 3, |x| x % 3);
        let large = Mat::from_fn(24, 3, |i, c| 1024.0 * features[(i, c)]);
        let one = Embedding::from_features(features.as_ref(), None, 8, 3, 3).unwrap();
        let other = Embedding::from_features(large.as_ref(), None, 8, 3, 3).unwrap();
        assert!((projector(&one) - projector(&other)).norm_max() < 1e-12);
        for j in 0..one.rank() {
            let largest = one
                .vectors()
                .col(j)
                .iter()
                .fold(0.0_f64, |b, v| if v.abs() > b.abs() { *v } else { b });
            assert!(largest > 0.0);
        }
    }

    #[test]
    fn the_method_for_many_channels_agrees_with_the_dense_one() {
        // Rank 5 in 530 channels: the projector is unique by either method.
        let few = waves(560, 5);
        let spread = Mat::from_fn(5, 530, |c, j| {
            0.1 + ((c + 1) as f64 * (j as f64 + 0.5)).sin().abs()
        });
        let many = &few * &spread;
        let metric = &spread * spread.transpose();
        let one = Embedding::from_features(many.as_ref(), None, 28, 20, 5).unwrap();
        let other =
            Embedding::from_features(few.as_ref(), Some(metric.as_ref()), 28, 20, 5).unwrap();
        assert_eq!((one.rank(), other.rank()), (5, 5));
        assert!((projector(&one) - projector(&other)).norm_max() < 1e-6);
    }

    #[test]
    fn refuses_what_has_no_embedding() {
        let features = waves(6, 2);
        let from = |f: &Mat<f64>, width, dimensions| {
            Embedding::from_features(f.as_ref(), None, width, 2, dimensions)
        };
        assert!(matches!(
            from(&features, 4, 2),
            Err(Error::GridShape {
                grid_width: 4,
                grid_height: 2,
                rows: 6,
                channels: 2
            })
        ));
        assert!(matches!(
            from(&Mat::zeros(6, 0), 3, 2),
            Err(Error::GridShape { channels: 0, .. })
        ));
        assert!(matches!(from(&features, 3, 0), Err(Error::NoDimensions)));
        assert!(matches!(
            from(&Mat::zeros(6, 2), 3, 2),
            Err(Error::DegreeNotPositive { .. })
        ));
        let mut bad = features.clone();
        bad[(2, 1)] = f64::NAN;
        assert!(matches!(from(&bad, 3, 2), Err(Error::Rule(_))));
        bad[(2, 1)] = -50.0;
        assert!(matches!(
            from(&bad, 3, 2),
            Err(Error::DegreeNotPositive { pixel: 0, .. })
        ));
        let metric =
            |l: Mat<f64>| Embedding::from_features(features.as_ref(), Some(l.as_ref()), 3, 2, 2);
        assert!(matches!(metric(Mat::zeros(3, 2)), Err(Error::Rule(_))));
        let indefinite = Mat::from_fn(2, 2, |i, j| if i == j { [1.0, -0.5][i] } else { 0.0 });
        assert!(matches!(
            metric(indefinite),
            Err(Error::LambdaIndefinite { .. })
        ));
    }
}
