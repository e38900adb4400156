//! One gradient by two methods while two eigenvalues meet.

use faer::{Mat, mat};
use matbackprop_core::{GapPolicy, Log, MatrixFunction, ScalarFunction as _, SymEig};

use crate::error::{Error, Result};

/// The upper of the two eigenvalues, and the third, which stands apart.
const UPPER: f64 = 2.0;
const THIRD: f64 = 5.0;

/// The gradient of L = ⟨G, log A⟩ where A has the eigenvalues 2 − gap, 2 and 5: by the method that libraries for
/// automatic differentiation take, through eigenvalues and eigenvectors, by divided differences, and as it is.
///
/// ```text
///     C = V f(Λ) Vᵀ
///     through eigenvectors      λ̄ = f′(λ) ∘ diag(Vᵀ G V),  V̄ = 2 G V f(Λ),  Ā = V (diag λ̄ + K ∘ skew(Vᵀ V̄)) Vᵀ,  Kᵢⱼ = 1 / (λⱼ − λᵢ)
///     by divided differences    Ā = V (P ∘ (Vᵀ G V)) Vᵀ,  Pᵢⱼ = f[λᵢ, λⱼ]
/// ```
///
/// Both are the same in exact arithmetic. K grows without bound as the gap closes and is multiplied by a difference
/// that vanishes, of which rounding leaves a rest.
#[derive(Clone, Debug, PartialEq)]
pub struct ClosingGap {
    /// The gap as it was asked for.
    pub gap: f64,
    /// ∂L/∂A₁₂ through the eigenvectors; none where the gap is closed.
    pub through_vectors: Option<f64>,
    /// ∂L/∂A₁₂ by divided differences.
    pub by_differences: f64,
    /// ∂L/∂A₁₂ from the spectrum that A was made of.
    pub truth: f64,
    /// Largest error of an entry of Ā through the eigenvectors, of the largest entry.
    pub error_through_vectors: Option<f64>,
    /// The same by divided differences.
    pub error_by_differences: f64,
    /// The largest factor in the method through eigenvectors, max |K|.
    pub largest_factor: f64,
}

impl ClosingGap {
    /// Both methods at a gap from 0 to 0.9.
    ///
    /// # Errors
    /// [`Error::Argument`] for another gap.
    pub fn at(gap: f64) -> Result<Self> {
        if !(0.0..=0.9).contains(&gap) {
            return Err(Error::Argument {
                name: "gap",
                expected: "a number from 0 to 0.9".to_owned(),
                found: gap.to_string(),
            });
        }
        // 2 − gap as f64 has it, so that the truth is that of the same spectrum.
        let values = [UPPER - gap, UPPER, THIRD];
        let vectors = rotation();
        let a = vectors.as_ref() * diagonal(&values) * vectors.transpose();
        let a = (&a + a.transpose()) * faer::Scale(0.5);
        let g = weights();

        let planted = vectors.transpose() * &g * &vectors;
        let truth = Mat::from_fn(3, 3, |i, j| {
            Log.divided_difference(values[i], values[j]) * planted[(i, j)]
        });
        let truth = &vectors * truth * vectors.transpose();

        let by_differences = MatrixFunction::forward(a.as_ref(), Log)?.vjp(g.as_ref())?;
        let through_vectors = through_vectors(&a, &g)?;
        let largest = truth.norm_max();
        let error = |found: &Mat<f64>| (found - &truth).norm_max() / largest;
        Ok(Self {
            gap,
            through_vectors: through_vectors.as_ref().map(|found| found[(0, 1)]),
            by_differences: by_differences[(0, 1)],
            truth: truth[(0, 1)],
            error_through_vectors: through_vectors.as_ref().map(error),
            error_by_differences: error(&by_differences),
            largest_factor: 1.0 / (values[1] - values[0]),
        })
    }
}

/// Ā by the pullback of the eigendecomposition, each gap divided by as it is; none where one is closed, up to 48 ε.
fn through_vectors(a: &Mat<f64>, g: &Mat<f64>) -> Result<Option<Mat<f64>>> {
    let eig = SymEig::forward(a.as_ref(), GapPolicy::Error { floor: 0.0 })?;
    let v = eig.vectors();
    let turned = v.transpose() * g * v;
    let values_bar: Vec<f64> = (0..3)
        .map(|i| Log.slope(eig.values()[i]) * turned[(i, i)])
        .collect();
    let logs: Vec<f64> = eig.values().iter().map(|value| value.ln()).collect();
    let vectors_bar = faer::Scale(2.0) * g * v * diagonal(&logs);
    match eig.vjp(Some(&values_bar), Some(vectors_bar.as_ref())) {
        Ok(found) => Ok(Some(found)),
        Err(matbackprop_core::Error::GapClosed { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// An orthogonal matrix without a zero: turns by the angles of the triangles 3, 4, 5 and 5, 12, 13 in turn.
fn rotation() -> Mat<f64> {
    let turn = |i: usize, j: usize, c: f64, s: f64| {
        let mut turn = Mat::identity(3, 3);
        turn[(i, i)] = c;
        turn[(j, j)] = c;
        turn[(i, j)] = -s;
        turn[(j, i)] = s;
        turn
    };
    turn(0, 1, 0.6, 0.8) * turn(1, 2, 5.0 / 13.0, 12.0 / 13.0) * turn(0, 1, 0.8, 0.6)
}

/// G, symmetric.
fn weights() -> Mat<f64> {
    mat![[0.3, 0.9, -0.4], [0.9, -0.7, 0.5], [-0.4, 0.5, 0.2]]
}

fn diagonal(values: &[f64]) -> Mat<f64> {
    let n = values.len();
    Mat::from_fn(n, n, |i, j| if i == j { values[i] } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_agree_while_the_gap_is_wide() {
        let found = ClosingGap::at(0.5).unwrap();
        let through = found.through_vectors.unwrap();
        assert!((through - found.truth).abs() < 1e-14);
        assert!((found.by_differences - found.truth).abs() < 1e-14);
        // The slope of L itself, along the symmetric matrix with ones at (1, 2) and (2, 1).
        let values = [1.5, 2.0, 5.0];
        let v = rotation();
        let a = &v * diagonal(&values) * v.transpose();
        let loss = |step: f64| {
            let mut moved = a.clone();
            moved[(0, 1)] += step;
            moved[(1, 0)] += step;
            let log = MatrixFunction::forward(moved.as_ref(), Log).unwrap();
            let g = weights();
            (0..3)
                .flat_map(|i| (0..3).map(move |j| (i, j)))
                .map(|at| g[at] * log.value()[at])
                .sum::<f64>()
        };
        let slope = (loss(1e-5) - loss(-1e-5)) / 2e-5;
        assert!(
            (slope - 2.0 * found.truth).abs() < 1e-8,
            "{slope} {found:?}"
        );
    }

    #[test]
    fn one_method_breaks_and_the_other_does_not() {
        let narrow = ClosingGap::at(1e-12).unwrap();
        assert!(narrow.error_through_vectors.unwrap() > 1e-6, "{narrow:?}");
        // No lucky digits on the way there.
        for exponent in 5..14 {
            let gap = 10_f64.powi(-exponent);
            let found = ClosingGap::at(gap).unwrap();
            assert!(
                found.error_through_vectors.unwrap() * gap > 1e-18,
                "{found:?}"
            );
        }
        for gap in [0.0, 1e-16, 1e-15, 1e-12, 1e-8, 1e-4] {
            let found = ClosingGap::at(gap).unwrap();
            assert!(found.error_by_differences < 1e-14, "{found:?}");
            // A gap within rounding of zero is closed.
            assert_eq!(found.through_vectors.is_none(), gap < 1e-14, "{found:?}");
        }
    }

    #[test]
    fn gaps_out_of_range_are_refused() {
        for gap in [-1.0, 0.95, f64::NAN] {
            assert!(ClosingGap::at(gap).is_err());
        }
    }
}
