//! Questions asked of every input before arithmetic starts.
//!
//! A decomposition given NaN may return numbers and call it success, so each rule asks first.

use crate::error::{Error, Result};
use faer::{Mat, MatRef};

/// Is every entry finite?
///
/// # Errors
/// [`Error::NotFinite`] when one is NaN or infinite.
pub fn ensure_finite(op: &'static str, a: MatRef<'_, f64>) -> Result<()> {
    let all_finite = a.col_iter().all(|column| match column.try_as_col_major() {
        Some(column) => is_finite(column.as_slice()),
        None => column.iter().all(|x| x.is_finite()),
    });
    if all_finite {
        Ok(())
    } else {
        Err(Error::NotFinite { op })
    }
}

/// Is every value finite?
///
/// # Errors
/// [`Error::NotFinite`] when one is NaN or infinite.
pub fn ensure_finite_values(op: &'static str, values: &[f64]) -> Result<()> {
    if is_finite(values) {
        Ok(())
    } else {
        Err(Error::NotFinite { op })
    }
}

/// x · 0 is 0 for finite x and NaN otherwise: many sums side by side, without a branch an entry.
struct Finite<'a>(&'a [f64]);

impl pulp::WithSimd for Finite<'_> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> bool {
        let (chunks, rest) = self.0.as_chunks::<32>();
        let mut sums = [0.0; 32];
        for chunk in chunks {
            for (sum, x) in sums.iter_mut().zip(chunk) {
                *sum += x * 0.0;
            }
        }
        // One comparison in the end: LLVM 22 cannot select thirty-two of them for SIMD in browsers.
        sums.iter().sum::<f64>() == 0.0 && rest.iter().all(|x| x.is_finite())
    }
}

fn is_finite(values: &[f64]) -> bool {
    pulp::Arch::new().dispatch(Finite(values))
}

/// Has the matrix this shape, and only finite entries?
///
/// # Errors
/// [`Error::ShapeMismatch`]; [`Error::NotFinite`].
pub fn ensure_shape(op: &'static str, a: MatRef<'_, f64>, expected: (usize, usize)) -> Result<()> {
    if a.shape() != expected {
        return Err(Error::ShapeMismatch {
            op,
            expected,
            found: a.shape(),
        });
    }
    ensure_finite(op, a)
}

/// Has the list this length, and only finite values?
///
/// # Errors
/// [`Error::ShapeMismatch`] with one column; [`Error::NotFinite`].
pub fn ensure_length(op: &'static str, values: &[f64], expected: usize) -> Result<()> {
    if values.len() != expected {
        return Err(Error::ShapeMismatch {
            op,
            expected: (expected, 1),
            found: (values.len(), 1),
        });
    }
    ensure_finite_values(op, values)
}

/// Is no value below the one before it?
///
/// # Errors
/// [`Error::NotSorted`] with the first value that is.
pub(crate) fn ensure_sorted(op: &'static str, values: &[f64]) -> Result<()> {
    match (1..values.len()).find(|&i| values[i] < values[i - 1]) {
        None => Ok(()),
        Some(index) => Err(Error::NotSorted {
            op,
            index,
            value: values[index],
            previous: values[index - 1],
        }),
    }
}

/// Has the matrix at least one entry, and only finite ones?
///
/// # Errors
/// [`Error::Empty`]; [`Error::NotFinite`].
pub fn ensure_matrix(op: &'static str, a: MatRef<'_, f64>) -> Result<()> {
    let (rows, columns) = a.shape();
    if rows == 0 || columns == 0 {
        return Err(Error::Empty { op, rows, columns });
    }
    ensure_finite(op, a)
}

/// Is the matrix square, with at least one entry and only finite ones? Its side.
///
/// # Errors
/// [`Error::NotSquare`]; [`Error::Empty`]; [`Error::NotFinite`].
pub fn ensure_square(op: &'static str, a: MatRef<'_, f64>) -> Result<usize> {
    let (rows, columns) = a.shape();
    if rows != columns {
        return Err(Error::NotSquare { op, rows, columns });
    }
    ensure_matrix(op, a)?;
    Ok(rows)
}

/// Is the number finite and above the floor?
///
/// # Errors
/// [`Error::NotPositive`] when it is NaN, infinite or not above `floor`.
pub fn ensure_above(op: &'static str, value: f64, floor: f64) -> Result<()> {
    if value.is_finite() && value > floor {
        Ok(())
    } else {
        Err(Error::NotPositive { op, value, floor })
    }
}

/// A result, unless arithmetic on finite numbers left the range of f64.
///
/// # Errors
/// [`Error::Overflow`] when an entry is NaN or infinite.
pub(crate) fn within_range(op: &'static str, result: Mat<f64>) -> Result<Mat<f64>> {
    match ensure_finite(op, result.as_ref()) {
        Ok(()) => Ok(result),
        Err(_) => Err(Error::Overflow { op }),
    }
}

/// As [`within_range`], of a list.
pub(crate) fn values_within_range(op: &'static str, values: Vec<f64>) -> Result<Vec<f64>> {
    if is_finite(&values) {
        Ok(values)
    } else {
        Err(Error::Overflow { op })
    }
}

/// As [`within_range`], of a number.
pub(crate) fn number_within_range(op: &'static str, number: f64) -> Result<f64> {
    if number.is_finite() {
        Ok(number)
    } else {
        Err(Error::Overflow { op })
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use faer::mat;

    #[test]
    fn accepts_finite_numbers_of_any_size() {
        let a = mat![[f64::MAX, -f64::MAX], [5e-324, -0.0]];
        assert_eq!(ensure_square("test", a.as_ref()), Ok(2));
        assert_eq!(ensure_shape("test", a.transpose(), (2, 2)), Ok(()));
    }

    #[test]
    fn finds_each_kind_of_bad_entry_in_either_storage_order() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let a = mat![[1.0, 2.0], [3.0, bad]];
            assert_eq!(
                ensure_finite("test", a.as_ref()),
                Err(Error::NotFinite { op: "test" })
            );
            assert_eq!(
                ensure_finite("test", a.transpose()),
                Err(Error::NotFinite { op: "test" })
            );
            for place in [0, 7, 8, 18] {
                let mut values = [f64::MAX; 19];
                assert_eq!(ensure_finite_values("test", &values), Ok(()));
                values[place] = bad;
                assert_eq!(
                    ensure_finite_values("test", &values),
                    Err(Error::NotFinite { op: "test" })
                );
            }
        }
    }

    #[test]
    fn refuses_wrong_shapes_with_both_numbers() {
        let a = Mat::<f64>::zeros(2, 3);
        let found = (2, 3);
        assert_eq!(
            ensure_shape("test", a.as_ref(), (3, 2)),
            Err(Error::ShapeMismatch {
                op: "test",
                expected: (3, 2),
                found
            })
        );
        refused! {
            ensure_square("test", a.as_ref())
                => Error::NotSquare { op: "test", rows: 2, columns: 3 },
            ensure_matrix("test", Mat::zeros(0, 3).as_ref())
                => Error::Empty { op: "test", rows: 0, columns: 3 },
            ensure_length("test", &[1.0], 2)
                => Error::ShapeMismatch { op: "test", expected: (2, 1), found: (1, 1) },
        }
    }

    #[test]
    fn finds_the_first_value_out_of_order() {
        for sorted in [&[][..], &[1.0], &[-1.0, 0.0, 0.0, 2.0]] {
            assert_eq!(ensure_sorted("test", sorted), Ok(()));
        }
        assert_eq!(
            ensure_sorted("test", &[0.0, 3.0, 2.0, 1.0]),
            Err(Error::NotSorted {
                op: "test",
                index: 2,
                value: 2.0,
                previous: 3.0
            })
        );
    }

    #[test]
    fn a_floor_is_excluded() {
        assert_eq!(ensure_above("test", 1e-300, 0.0), Ok(()));
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(
                ensure_above("test", value, 0.0),
                Err(Error::NotPositive { .. })
            ));
        }
    }

    #[test]
    fn a_result_beyond_the_range_is_an_error() {
        let a = mat![[f64::MAX, 1.0]];
        assert_eq!(within_range("test", a.clone()), Ok(a.clone()));
        assert_eq!(
            within_range("test", &a + &a),
            Err(Error::Overflow { op: "test" })
        );
        assert_eq!(
            values_within_range("test", vec![f64::NAN]),
            Err(Error::Overflow { op: "test" })
        );
        assert_eq!(
            number_within_range("test", f64::INFINITY),
            Err(Error::Overflow { op: "test" })
        );
    }
}
