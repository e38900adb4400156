//! Spectra alone: no vectors, so no gap.

use crate::decompose::{singular_values_only, symmetric_values};
use crate::error::Result;
use crate::guard::{ensure_matrix, values_within_range};
use crate::scale::{Scaled, power_of_two_scale};
use crate::symmetric::scaled_symmetric;
use faer::MatRef;

/// The eigenvalues of a symmetric A, nondecreasing, for where no gradient is asked for.
///
/// Their gradient needs the vectors: [`SymEig`](crate::SymEig) gives it, and forms no gap for it.
///
/// # Errors
/// [`NotSquare`](crate::Error::NotSquare), [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`NotSymmetric`](crate::Error::NotSymmetric) beyond rounding, [`NoConvergence`](crate::Error::NoConvergence),
/// [`Overflow`](crate::Error::Overflow) of an eigenvalue.
///
/// # Cost
/// O(n³) time for the reduction to a tridiagonal matrix, O(n²) from there on, where vectors take O(n³) again.
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
    let (a, scale) = scaled_symmetric(OP, a)?;
    let values = symmetric_values(OP, a.as_ref())?;
    values_within_range(OP, values.into_iter().map(|value| value * scale).collect())
}

/// The singular values of A, nonincreasing, for where no gradient is asked for.
///
/// Their gradient needs the vectors: [`ThinSvd`](crate::ThinSvd) gives it, and forms no gap for it.
///
/// # Errors
/// [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`NoConvergence`](crate::Error::NoConvergence), [`Overflow`](crate::Error::Overflow) of a singular value.
///
/// # Cost
/// O(m n min(m, n)) time for the reduction to a bidiagonal matrix, O(min(m, n)²) from there on.
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
    values_within_range(OP, values.into_iter().map(|value| value * scale).collect())
}

#[cfg(test)]
mod tests {
    use test_support::refused;

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
    fn zeros_before_ones_differ_from_ones_before_zeros() {
        // The order in which a library's divide and conquer lost σ₁₂₈.
        for zeros_first in [true, false] {
            let a = Mat::from_fn(256, 256, |i, j| {
                let one = (i < 128) != zeros_first;
                if i == j && one { 1.0 } else { 0.0 }
            });
            let found = singular_values(a.as_ref()).unwrap();
            assert_eq!(found[..128], [1.0; 128]);
            // A join neglects eight units in the last place of the largest.
            assert!(
                found[128..]
                    .iter()
                    .all(|&value| value <= 8.0 * f64::EPSILON)
            );
        }
    }

    #[test]
    fn projectors_of_half_rank_have_ones_and_zeros() {
        for n in [145, 150] {
            let half: Vec<f64> = vec![1.0; n / 2];
            for seed in 0..3 {
                let a = with_spectrum(n, n, &half, seed);
                let chosen: Vec<f64> = (0..n).map(|i| f64::from(i < n / 2)).collect();
                let error = |found: Vec<f64>| {
                    let pairs = found.iter().zip(&chosen);
                    pairs.fold(0.0, |worst: f64, (x, y)| worst.max((x - y).abs()))
                };
                assert!(error(singular_values(a.as_ref()).unwrap()) < 1e-14);
                let mut values = eigenvalues((&a * a.transpose()).as_ref()).unwrap();
                values.reverse();
                assert!(error(values) < 1e-14);
            }
        }
    }

    #[test]
    fn entries_over_many_decades_are_no_reason_to_give_up() {
        // LAPACK's kind of graded matrix: entry (i, j) of size 10^−(i + j) p, with signs of its own.
        for power in [1.0, 3.0, 10.0, 40.0] {
            for seed in 0..50 {
                let noise = crate::gradcheck::gaussian(4, 4, seed);
                let graded = |i: usize, j: usize| 10f64.powf(-power * (i + j) as f64);
                let a = Mat::from_fn(4, 4, |i, j| noise[(i.max(j), i.min(j))] * graded(i, j));
                let alone = eigenvalues(a.as_ref()).unwrap();
                let eigen = crate::SymEig::forward(a.as_ref(), crate::GapPolicy::default());
                let with_vectors = eigen.unwrap().values().to_vec();
                let size = a.norm_l2();
                for (x, y) in alone.iter().zip(&with_vectors) {
                    assert!(
                        (x - y).abs() <= 4.0 * f64::EPSILON * size,
                        "{power}, {seed}"
                    );
                }
            }
        }
    }

    #[test]
    fn values_beyond_the_range_of_numbers_are_an_error() {
        let a = Mat::full(2, 2, f64::MAX);
        let beyond = |op| Err(Error::Overflow { op });
        assert_eq!(eigenvalues(a.as_ref()), beyond("eigenvalues"));
        assert_eq!(singular_values(a.as_ref()), beyond("singular values"));
        let largest = [f64::MAX, f64::MAX];
        let diagonal = mat![[f64::MAX, 0.0], [0.0, f64::MAX]];
        assert_eq!(eigenvalues(diagonal.as_ref()).unwrap(), largest);
        assert_eq!(singular_values(diagonal.as_ref()).unwrap(), largest);
    }

    #[test]
    fn a_matrix_that_is_not_symmetric_is_refused_until_its_part_is_asked_for() {
        let a = mat![[1.0, 4.0], [0.0, 1.0]];
        let refused = eigenvalues(a.as_ref());
        assert!(matches!(
            refused,
            Err(Error::NotSymmetric {
                row: 1,
                column: 0,
                ..
            })
        ));
        let part = crate::symmetric_part(a.as_ref()).unwrap();
        assert_close(&eigenvalues(part.as_ref()).unwrap(), &[-1.0, 3.0], 1.0);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        refused! {
            eigenvalues(Mat::zeros(2, 3).as_ref()) => Error::NotSquare { rows: 2, columns: 3, .. },
            singular_values(Mat::zeros(0, 3).as_ref()) => Error::Empty { .. },
            eigenvalues(mat![[f64::NAN]].as_ref()) => Error::NotFinite { .. },
            singular_values(mat![[f64::NAN]].as_ref()) => Error::NotFinite { .. },
        }
    }
}
