//! The mean of positive definite matrices by their logarithms.

use super::weighted_matrices::{MeanCotangent, Shares, ensure_matrices, ensure_tangents};
use crate::error::Result;
use crate::function::{Exp, Log, MatrixFunction};
use crate::guard::{ensure_length, within_range};
use crate::symmetric::inner;
use faer::{Mat, MatRef, Scale};

const OP: &str = "log-Euclidean mean";

/// M = exp( Σ sᵢ log Aᵢ ) of symmetric positive definite matrices, with weights w and sᵢ = wᵢ / Σ w.
///
/// ```text
/// forward   Lᵢ = log Aᵢ,  L = Σ sᵢ Lᵢ,  M = exp L
/// vjp       L̄ from M̄ by the rule of exp;  Āᵢ from sᵢ L̄ by that of log;  w̄ᵢ = ⟨L̄, Lᵢ − L⟩ / Σ w
/// jvp       L̇ = Σ sᵢ L̇ᵢ + Σ ẇᵢ (Lᵢ − L) / Σ w
/// ```
///
/// # Shapes
/// Aᵢ, Āᵢ, M: n × n, symmetric; w: a number a matrix.
///
/// # Conventions
/// Weights are nonnegative; only their ratios count, so ⟨w̄, w⟩ = 0. Without weights, each is 1. The derivatives are
/// those of [`MatrixFunction`](crate::MatrixFunction): right at equal eigenvalues. M is right to ε times the largest
/// condition of the Aᵢ or magnitude of a logarithm, whichever is larger. det M is the weighted geometric mean of those of
/// the Aᵢ. [`KarcherMean`](crate::KarcherMean) is the mean that changes of coordinates commute with; where the Aᵢ
/// commute, both are one.
///
/// # Errors
/// [`Empty`](crate::Error::Empty) without matrices, [`ShapeMismatch`](crate::Error::ShapeMismatch) where sizes differ,
/// [`OutOfRange`](crate::Error::OutOfRange) of a negative weight, [`NotPositive`](crate::Error::NotPositive) where all
/// are zero; those of [`MatrixFunction`](crate::MatrixFunction).
///
/// # Cost
/// An eigendecomposition a matrix and one more; O(n³) a matrix after that.
///
/// # Source
/// Arsigny, Fillard, Pennec and Ayache, "Geometric means in a novel vector space structure on symmetric positive-definite
/// matrices", SIAM J. Matrix Analysis and Applications 29, 2007.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::LogEuclideanMean;
///
/// let (a, b) = (mat![[1.0, 0.0], [0.0, 4.0]], mat![[16.0, 0.0], [0.0, 4.0]]);
/// let mean = LogEuclideanMean::forward(&[a.as_ref(), b.as_ref()], None)?;
/// assert!((mean.value() - mat![[4.0, 0.0], [0.0, 4.0]]).norm_max() < 1e-14);
/// // m₁ = √(a₁ b₁).
/// let bar = mean.vjp(mat![[1.0, 0.0], [0.0, 0.0]].as_ref())?;
/// assert!((bar.matrices[0][(0, 0)] - 2.0).abs() < 1e-14);
/// assert!((bar.matrices[1][(0, 0)] - 0.125).abs() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LogEuclideanMean {
    shares: Shares,
    logs: Vec<MatrixFunction<Log>>,
    /// L and M.
    mean: MatrixFunction<Exp>,
    /// Lᵢ − L.
    deviations: Vec<Mat<f64>>,
}

impl LogEuclideanMean {
    /// The mean of the matrices, with these weights or equal ones.
    ///
    /// # Errors
    /// See [`LogEuclideanMean`].
    pub fn forward(matrices: &[MatRef<'_, f64>], weights: Option<&[f64]>) -> Result<Self> {
        let n = ensure_matrices(OP, matrices)?;
        let shares = Shares::new(OP, weights, matrices.len())?;
        let logs = matrices
            .iter()
            .map(|a| MatrixFunction::forward(*a, Log))
            .collect::<Result<Vec<_>>>()?;
        let mut mean_log = Mat::zeros(n, n);
        for (log, share) in logs.iter().zip(&shares.shares) {
            mean_log += Scale(*share) * log.value();
        }
        Ok(Self {
            mean: MatrixFunction::forward(mean_log.as_ref(), Exp)?,
            deviations: logs.iter().map(|log| log.value() - &mean_log).collect(),
            shares,
            logs,
        })
    }

    /// The logarithms of the matrices, the deviations from their mean, and the exponential of that.
    pub(crate) fn parts(&self) -> (&[MatrixFunction<Log>], &[Mat<f64>], &MatrixFunction<Exp>) {
        (&self.logs, &self.deviations, &self.mean)
    }

    /// The way back alone, from [`parts`](Self::parts), whose values are not read, and the weights.
    pub(crate) fn from_parts(
        logs: Vec<MatrixFunction<Log>>,
        deviations: Vec<Mat<f64>>,
        mean: MatrixFunction<Exp>,
        weights: &[f64],
    ) -> Result<Self> {
        Ok(Self {
            shares: Shares::new(OP, Some(weights), logs.len())?,
            logs,
            mean,
            deviations,
        })
    }

    /// The mean M, n × n.
    pub fn value(&self) -> MatRef<'_, f64> {
        self.mean.value()
    }

    /// Āᵢ and w̄ from M̄, whose symmetric part counts.
    ///
    /// # Errors
    /// See [`LogEuclideanMean`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless M̄ is n × n.
    pub fn vjp(&self, value_bar: MatRef<'_, f64>) -> Result<MeanCotangent> {
        let mean_log_bar = self.mean.vjp(value_bar)?;
        let matrices = self.logs.iter().zip(&self.shares.shares);
        let along: Vec<f64> = self
            .deviations
            .iter()
            .map(|deviation| inner(mean_log_bar.as_ref(), deviation.as_ref()))
            .collect();
        Ok(MeanCotangent {
            matrices: matrices
                .map(|(log, share)| log.vjp((Scale(*share) * &mean_log_bar).as_ref()))
                .collect::<Result<_>>()?,
            weights: self.shares.over_total(OP, &along)?,
        })
    }

    /// Ṁ from the Ȧᵢ, whose symmetric parts count, and ẇ; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`LogEuclideanMean`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a tangent does not fit.
    pub fn jvp(
        &self,
        matrices_dot: Option<&[MatRef<'_, f64>]>,
        weights_dot: Option<&[f64]>,
    ) -> Result<Mat<f64>> {
        let n = self.value().nrows();
        let mut mean_log_dot = Mat::zeros(n, n);
        if let Some(dots) = matrices_dot {
            ensure_tangents(OP, dots, self.logs.len(), n)?;
            for ((log, share), dot) in self.logs.iter().zip(&self.shares.shares).zip(dots) {
                mean_log_dot += Scale(*share) * log.jvp(*dot)?;
            }
        }
        if let Some(weights_dot) = weights_dot {
            ensure_length(OP, weights_dot, self.logs.len())?;
            let shares_dot = self.shares.over_total(OP, weights_dot)?;
            for (deviation, share_dot) in self.deviations.iter().zip(shares_dot) {
                mean_log_dot += Scale(share_dot) * deviation;
            }
        }
        self.mean.jvp(within_range(OP, mean_log_dot)?.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use crate::gradcheck::{
        GradientCheck, check_jvp, check_vjp, gaussian, symmetric_with_spectrum,
    };
    use crate::symmetric::sym;
    use faer::mat;

    const SPECTRA: [[&[f64]; 3]; 4] = [
        [&[0.7], &[2.0], &[1.0]],
        [&[1.0, 2.0, 5.0], &[0.5, 1.0, 3.0], &[1.0, 1.0, 2.0]],
        [&[2.0, 2.0], &[3.0, 3.0], &[1.0, 1.0]],
        [
            &[0.5, 2.0, 2.0, 2.0 + 1e-14],
            &[1.0, 1.0, 1.0, 4.0],
            &[1.0, 2.0, 3.0, 4.0],
        ],
    ];
    const WEIGHTS: [f64; 3] = [1.0, 2.0, 0.5];

    fn views(matrices: &[Mat<f64>]) -> Vec<MatRef<'_, f64>> {
        matrices.iter().map(Mat::as_ref).collect()
    }

    fn of(matrices: &[Mat<f64>], weights: &[f64]) -> LogEuclideanMean {
        LogEuclideanMean::forward(&views(matrices), Some(weights)).unwrap()
    }

    fn triples() -> impl Iterator<Item = Vec<Mat<f64>>> {
        SPECTRA.iter().map(|spectra| {
            let seeded = spectra.iter().zip(3..);
            seeded
                .map(|(spectrum, seed)| symmetric_with_spectrum(spectrum, seed))
                .collect()
        })
    }

    #[test]
    fn numbers_by_hand() {
        // (1 · 8²)^⅓ = 4; ∂m/∂b = ⅔ m / b, ∂m/∂w₂ = m (ln 8 − ln 4) / 3.
        let mean = of(&[mat![[1.0]], mat![[8.0]]], &[1.0, 2.0]);
        assert!((mean.value()[(0, 0)] - 4.0).abs() < 4e-15);
        let bar = mean.vjp(mat![[1.0]].as_ref()).unwrap();
        assert!((bar.matrices[1][(0, 0)] - 1.0 / 3.0).abs() < 1e-15);
        assert!((bar.weights[1] - 4.0 * 2f64.ln() / 3.0).abs() < 2e-15);
        assert!((bar.weights[0] + 2.0 * bar.weights[1]).abs() < 4e-15);
    }

    #[test]
    fn agrees_with_sixty_digits() {
        // By mpmath; there gradients by central differences.
        let matrices = [
            mat![[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]],
            mat![[2.0, -1.0, 0.5], [-1.0, 3.0, 0.0], [0.5, 0.0, 1.0]],
            mat![[5.0, 2.0, 1.0], [2.0, 2.0, 0.0], [1.0, 0.0, 1.0]],
        ];
        let m_bar = mat![[1.0, 2.0, 0.0], [2.0, -1.0, 1.0], [0.0, 1.0, 3.0]];
        let value = mat![
            [3.173691068208078, 0.714153361423075, 0.7028064849505373],
            [0.714153361423075, 2.0127472701759372, 0.0346007879447123],
            [0.7028064849505373, 0.0346007879447123, 1.0561305498250293]
        ];
        let a_bar = mat![
            [0.135029976983465, 0.2647238907507994, 0.025874684331595586],
            [0.2647238907507994, -0.1857966923429749, 0.14340957098340662],
            [
                0.025874684331595586,
                0.14340957098340662,
                0.20509749523740575
            ]
        ];
        let mean = of(&matrices, &[1.0, 2.0, 3.0]);
        assert!((mean.value() - value).norm_max() < 1e-14);
        let bar = mean.vjp(m_bar.as_ref()).unwrap();
        assert!((&bar.matrices[0] - a_bar).norm_max() < 4e-15);
        let weights = [0.6613267018217217, -1.746980883324979, 0.9442116882760788];
        for (found, expected) in bar.weights.iter().zip(weights) {
            assert!((found - expected).abs() < 1e-14, "{found} {expected}");
        }
    }

    #[test]
    fn agrees_with_finite_differences() {
        let check = GradientCheck {
            step: 1e-5,
            ..GradientCheck::default()
        };
        for matrices in triples() {
            let rule = of(&matrices, &WEIGHTS);
            for which in 0..3 {
                let of_one = |a: MatRef<'_, f64>| {
                    let mut moved = matrices.clone();
                    moved[which] = sym(a);
                    let rule = LogEuclideanMean::forward(&views(&moved), Some(&WEIGHTS))?;
                    Ok::<_, Error>(rule.value().to_owned())
                };
                let n = rule.value().nrows();
                let zero = Mat::<f64>::zeros(n, n);
                let bar = |bar: MatRef<'_, f64>| Ok(rule.vjp(bar)?.matrices.swap_remove(which));
                let dot = |dot: MatRef<'_, f64>| {
                    let mut dots = vec![zero.as_ref(); 3];
                    dots[which] = dot;
                    rule.jvp(Some(&dots), None)
                };
                check_vjp(of_one, bar, matrices[which].as_ref(), &check).unwrap();
                check_jvp(of_one, dot, matrices[which].as_ref(), &check).unwrap();
            }
            let of_weights = |w: MatRef<'_, f64>| {
                let weights: Vec<f64> = w.col(0).iter().copied().collect();
                let rule = LogEuclideanMean::forward(&views(&matrices), Some(&weights))?;
                Ok::<_, Error>(rule.value().to_owned())
            };
            let bar = |bar: MatRef<'_, f64>| {
                let weights = rule.vjp(bar)?.weights;
                Ok(Mat::from_fn(3, 1, |i, _| weights[i]))
            };
            let dot = |dot: MatRef<'_, f64>| {
                let dots: Vec<f64> = dot.col(0).iter().copied().collect();
                rule.jvp(None, Some(&dots))
            };
            let weights = Mat::from_fn(3, 1, |i, _| WEIGHTS[i]);
            check_vjp(of_weights, bar, weights.as_ref(), &check).unwrap();
            check_jvp(of_weights, dot, weights.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn jvp_and_vjp_are_transposes() {
        for matrices in triples() {
            let rule = of(&matrices, &WEIGHTS);
            let n = rule.value().nrows();
            let dots: Vec<Mat<f64>> = (0..3).map(|seed| gaussian(n, n, seed)).collect();
            let weights_dot = [0.3, -1.0, 2.0];
            let m_bar = gaussian(n, n, 9);
            let bar = rule.vjp(m_bar.as_ref()).unwrap();
            let dot = rule.jvp(Some(&views(&dots)), Some(&weights_dot)).unwrap();
            let there = inner(m_bar.as_ref(), dot.as_ref());
            let of_matrices = bar.matrices.iter().zip(&dots);
            let back = of_matrices
                .map(|(bar, dot)| inner(bar.as_ref(), dot.as_ref()))
                .chain(bar.weights.iter().zip(weights_dot).map(|(x, y)| x * y))
                .sum::<f64>();
            assert!(
                (there - back).abs() < 1e-12 * (1.0 + there.abs()),
                "{there} {back}"
            );
        }
    }

    #[test]
    fn weights_count_by_their_ratios_and_zero_leaves_a_matrix_out() {
        let matrices: Vec<_> = triples().nth(1).unwrap();
        let plain = of(&matrices, &WEIGHTS);
        let large = of(&matrices, &WEIGHTS.map(|w| w * 8e307));
        assert!((plain.value() - large.value()).norm_max() < 1e-14);
        let without = of(&matrices, &[1.0, 2.0, 0.0]);
        let two = of(&matrices[..2], &[1.0, 2.0]);
        assert!((without.value() - two.value()).norm_max() < 1e-14);
        let bar = without.vjp(Mat::ones(3, 3).as_ref()).unwrap();
        assert_eq!(bar.matrices[2], Mat::<f64>::zeros(3, 3));
        assert!(bar.weights[2] != 0.0);
        // One matrix is its own mean.
        let one = of(&matrices[..1], &[3.0]);
        assert!((one.value() - &matrices[0]).norm_max() < 1e-14);
    }

    #[test]
    fn the_size_of_the_matrices_is_that_of_the_mean() {
        let matrices: Vec<_> = triples().nth(3).unwrap();
        let plain = of(&matrices, &WEIGHTS);
        let m_bar = gaussian(4, 4, 5);
        let expected = plain.vjp(m_bar.as_ref()).unwrap();
        for size in [1e-150, 1e150] {
            let scaled: Vec<_> = matrices.iter().map(|a| Scale(size) * a).collect();
            let rule = of(&scaled, &WEIGHTS);
            // Logarithms near ±345 bring their rounding.
            let error = Scale(size.recip()) * rule.value() - plain.value();
            assert!(error.norm_max() < 1e-11);
            let bar = rule.vjp(m_bar.as_ref()).unwrap();
            for (found, expected) in bar.matrices.iter().zip(&expected.matrices) {
                assert!((found - expected).norm_max() < 1e-11);
            }
        }
    }

    #[test]
    fn refuses_what_has_no_answer() {
        let one = Mat::<f64>::identity(2, 2);
        let forward = |matrices: &[Mat<f64>], weights: Option<&[f64]>| {
            LogEuclideanMean::forward(&views(matrices), weights)
        };
        let two = [one.clone(), one.clone()];
        let rule = of(&two, &[1.0, 1.0]);
        let three = Mat::<f64>::zeros(3, 3);
        refused! {
            forward(&[], None) => Error::Empty { op: OP, rows: 0, columns: 0 },
            forward(&[Mat::zeros(2, 3)], None) => Error::NotSquare { .. },
            forward(&[one.clone(), Mat::identity(3, 3)], None) => Error::ShapeMismatch { .. },
            forward(&[mat![[f64::NAN]]], None) => Error::NotFinite { .. },
            forward(&[mat![[1.0, 2.0], [0.0, 1.0]]], None) => Error::NotSymmetric { .. },
            forward(&[mat![[1.0, 0.0], [0.0, 0.0]]], None) => Error::OutsideDomain { value: 0.0, .. },
            forward(&two, Some(&[1.0])) => Error::ShapeMismatch { .. },
            forward(&two, Some(&[1.0, -1.0])) => Error::OutOfRange { value: -1.0, .. },
            forward(&two, Some(&[0.0, 0.0])) => Error::NotPositive { value: 0.0, .. },
            forward(&two, Some(&[0.0, f64::NAN])) => Error::NotFinite { .. },
            rule.vjp(three.as_ref()) => Error::ShapeMismatch { .. },
            rule.jvp(Some(&[three.as_ref(), three.as_ref()]), None) => Error::ShapeMismatch { .. },
            rule.jvp(Some(&[one.as_ref()]), None) => Error::ShapeMismatch { .. },
            rule.jvp(None, Some(&[1.0])) => Error::ShapeMismatch { .. },
        }
    }
}
