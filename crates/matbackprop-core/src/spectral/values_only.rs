//! Spectra alone: no vectors, so no gap.

use crate::decompose::{singular_values_only, symmetric_values};
use crate::error::Result;
use crate::guard::{ensure_matrix, ensure_square};
use crate::scale::{Scaled, power_of_two_scale};
use crate::symmetric::sym;
use faer::MatRef;

/// The eigenvalues of the symmetric part of A, nondecreasing, for where no gradient is asked for.
///
/// Their gradient needs the vectors: [`SymEig`](crate::SymEig) gives it, and forms no gap for it.
///
/// # Errors
/// [`NotSquare`](crate::Error::NotSquare), [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`NoConvergence`](crate::Error::NoConvergence).
///
/// # Cost
/// O(n³) time, about a third of that with vectors.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// let values = matbackprop_core::eigenvalues(mat![[2.0, 1.0], [1.0, 2.0]].as_ref())?;
/// assert!((values[0] - 1.0).abs() < 1e-15 && (values[1] - 3.0).abs() < 1e-15);
/// # Ok(())
/// # }
/// ```
pub fn eigenvalues(a: MatRef<'_, f64>) -> Result<Vec<f64>> {
    const OP: &str = "eigenvalues";
    ensure_square(OP, a)?;
    let scale = power_of_two_scale(a);
    let values = symmetric_values(OP, sym(Scaled::new(a, scale).as_ref()).as_ref())?;
    Ok(values.into_iter().map(|value| value * scale).collect())
}

/// The singular values of A, nonincreasing, for where no gradient is asked for.
///
/// Their gradient needs the vectors: [`ThinSvd`](crate::ThinSvd) gives it, and forms no gap for it.
///
/// # Errors
/// [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`NoConvergence`](crate::Error::NoConvergence).
///
/// # Cost
/// O(m n min(m, n)) time.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// let values = matbackprop_core::singular_values(mat![[0.0, 2.0, 0.0], [3.0, 0.0, 0.0]].as_ref())?;
/// assert_eq!(values, [3.0, 2.0]);
/// # Ok(())
/// # }
/// ```
pub fn singular_values(a: MatRef<'_, f64>) -> Result<Vec<f64>> {
    const OP: &str = "singular values";
    ensure_matrix(OP, a)?;
    let scale = power_of_two_scale(a);
    let values = singular_values_only(OP, Scaled::new(a, scale).as_ref())?;
    Ok(values.into_iter().map(|value| value * scale).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::gradcheck::{symmetric_with_spectrum, with_spectrum};
    use faer::{Mat, Scale, mat};

    fn assert_close(found: &[f64], expected: &[f64], size: f64) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            // Backward error of the reduction: a few n ε ‖A‖.
            let error = (found - size * expected).abs();
            assert!(
                error < 50.0 * f64::EPSILON * size * 5.0,
                "{found:e} for {expected:e}"
            );
        }
    }

    #[test]
    fn finds_the_chosen_spectrum_at_every_size() {
        for size in [1.0, 2f64.powi(-500), 2f64.powi(500)] {
            let chosen = [-2.0, 0.0, 1.0, 1.0, 5.0];
            let a = Scale(size) * symmetric_with_spectrum(&chosen, 3);
            assert_close(&eigenvalues(a.as_ref()).unwrap(), &chosen, size);
            let chosen = [5.0, 3.0, 3.0, 0.0];
            for (m, n) in [(9, 4), (4, 9), (4, 4)] {
                let a = Scale(size) * with_spectrum(m, n, &chosen, 3);
                assert_close(&singular_values(a.as_ref()).unwrap(), &chosen, size);
            }
        }
        assert_eq!(eigenvalues(mat![[-3.0]].as_ref()).unwrap(), [-3.0]);
        assert_eq!(singular_values(mat![[-3.0]].as_ref()).unwrap(), [3.0]);
    }

    #[test]
    fn only_the_symmetric_part_has_eigenvalues_here() {
        let found = eigenvalues(mat![[1.0, 4.0], [0.0, 1.0]].as_ref()).unwrap();
        assert_close(&found, &[-1.0, 3.0], 1.0);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        assert!(matches!(
            eigenvalues(Mat::zeros(2, 3).as_ref()),
            Err(Error::NotSquare {
                rows: 2,
                columns: 3,
                ..
            })
        ));
        assert!(matches!(
            singular_values(Mat::zeros(0, 3).as_ref()),
            Err(Error::Empty { .. })
        ));
        for result in [
            eigenvalues(mat![[f64::NAN]].as_ref()),
            singular_values(mat![[f64::NAN]].as_ref()),
        ] {
            assert!(matches!(result, Err(Error::NotFinite { .. })));
        }
    }
}
