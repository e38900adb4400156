//! A root of the symmetric parameter Λ.

use crate::error::{Error, Result};
use faer::{Mat, MatRef};
use matbackprop_core::{GapPolicy, SymEig};

/// Λ = L Lᵀ with q = rank Λ columns: L = V₁ S^{½} from the eigenvalues above zero.
///
/// ```text
/// forward   Λ = V₁ S V₁ᵀ,  L = V₁ S^{½},  L⁺ = S^{−½} V₁ᵀ
/// ```
///
/// # Conventions
/// L is any root: the criterion sees Λ alone. A loss pulls back to Λ without going through L, whose own derivative is
/// unbounded where an eigenvalue meets zero; so this has no `vjp`.
#[derive(Clone, Debug)]
pub(crate) struct LambdaRoot {
    /// L, d × q.
    pub(crate) root: Mat<f64>,
    /// L⁺, q × d.
    pub(crate) inverse: Mat<f64>,
    /// V₁, d × q.
    pub(crate) range: Mat<f64>,
}

impl LambdaRoot {
    /// The root of a symmetric Λ.
    pub(crate) fn forward(lambda: MatRef<'_, f64>) -> Result<Self> {
        let eigen = SymEig::forward(lambda, GapPolicy::default())?;
        let d = lambda.nrows();
        let values = eigen.values();
        let (smallest, largest) = (values[0], values[d - 1]);
        // The rounding error of the eigenvalues, with room to spare.
        let floor = 8.0 * d as f64 * f64::EPSILON * largest.abs().max(smallest.abs());
        if smallest < -floor {
            return Err(Error::LambdaIndefinite { smallest, largest });
        }
        let first = values.iter().position(|&value| value > floor).unwrap_or(d);
        let roots: Vec<f64> = values[first..].iter().map(|value| value.sqrt()).collect();
        let range = eigen.vectors().subcols(first, d - first).to_owned();
        let q = roots.len();
        Ok(Self {
            root: Mat::from_fn(d, q, |i, j| range[(i, j)] * roots[j]),
            inverse: Mat::from_fn(q, d, |i, j| range[(j, i)] / roots[i]),
            range,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;
    use matbackprop_core::gradcheck::symmetric_with_spectrum;

    #[test]
    fn squares_to_lambda_at_any_rank() {
        for spectrum in [&[2.0, 1.0, 0.5][..], &[2.0, 1.0, 0.0, 0.0], &[0.0, 0.0]] {
            let lambda = symmetric_with_spectrum(spectrum, 1);
            let root = LambdaRoot::forward(lambda.as_ref()).unwrap();
            let rank = spectrum.iter().filter(|&&value| value > 0.0).count();
            assert_eq!(root.root.ncols(), rank);
            assert!((&root.root * root.root.transpose() - &lambda).norm_max() < 1e-14);
            assert!(
                (&root.inverse * &root.root - Mat::<f64>::identity(rank, rank)).norm_max() < 1e-14
            );
        }
    }

    #[test]
    fn an_indefinite_lambda_is_refused_with_its_eigenvalues() {
        let error = LambdaRoot::forward(mat![[0.0, 2.0], [2.0, 0.0]].as_ref()).unwrap_err();
        assert!(
            matches!(error, Error::LambdaIndefinite { smallest, largest }
            if (smallest + 2.0).abs() < 1e-15 && (largest - 2.0).abs() < 1e-15)
        );
    }
}
