//! Rows and columns brought to order one by powers of two, which change no digit.
//!
//! The rounding of a solve depends on the equilibrated matrix, not on the units of its rows and columns: so its
//! condition number is the meaningful one.

use faer::{Mat, MatRef};

/// D A D for a symmetric A, with the largest entry of each row close to one.
#[derive(Clone, Debug)]
pub(crate) struct SymmetricEquilibration {
    /// D A D.
    pub(crate) matrix: Mat<f64>,
    /// The diagonal of D, powers of two.
    pub(crate) factors: Vec<f64>,
}

impl SymmetricEquilibration {
    /// `None` where a row is zero.
    pub(crate) fn new(mut matrix: Mat<f64>) -> Option<Self> {
        /// Each pass halves the remaining exponents, which may be a thousand at first.
        const PASSES: usize = 16;
        let n = matrix.nrows();
        let mut factors = vec![1.0; n];
        for _ in 0..PASSES {
            let steps: Vec<f64> = (0..n)
                .map(|j| to_order_one(matrix.col(j).norm_max(), 0.5))
                .collect::<Option<_>>()?;
            if steps.iter().all(|&step| step == 1.0) {
                break;
            }
            for j in 0..n {
                for i in 0..n {
                    matrix[(i, j)] *= steps[i] * steps[j];
                }
                factors[j] *= steps[j];
            }
        }
        Some(Self { matrix, factors })
    }
}

/// R A C for a square A, with the largest entry of each row and column close to one.
#[derive(Clone, Debug)]
pub(crate) struct Equilibration {
    /// R A C.
    pub(crate) matrix: Mat<f64>,
    /// The diagonal of R, powers of two.
    pub(crate) rows: Vec<f64>,
    /// The diagonal of C, powers of two.
    pub(crate) columns: Vec<f64>,
}

impl Equilibration {
    /// `None` where a row or a column is zero.
    pub(crate) fn new(a: MatRef<'_, f64>) -> Option<Self> {
        let rows: Vec<f64> = (0..a.nrows())
            .map(|i| to_order_one(a.row(i).norm_max(), 1.0))
            .collect::<Option<_>>()?;
        let by_rows = Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] * rows[i]);
        let columns: Vec<f64> = (0..a.ncols())
            .map(|j| to_order_one(by_rows.col(j).norm_max(), 1.0))
            .collect::<Option<_>>()?;
        let matrix = Mat::from_fn(a.nrows(), a.ncols(), |i, j| by_rows[(i, j)] * columns[j]);
        Some(Self {
            matrix,
            rows,
            columns,
        })
    }
}

/// The power of two closest to `size` to the power −`share`; `None` for zero.
fn to_order_one(size: f64, share: f64) -> Option<f64> {
    // Products of 1 / share such powers stay within 2^±1022, where they and their reciprocals are normal numbers.
    let limit = 1022.0 * share;
    let exponent = (-share * size.log2()).round().clamp(-limit, limit);
    (size > 0.0).then(|| 2f64.powi(exponent as i32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::gaussian;
    use crate::symmetric::sym;
    use faer::mat;

    #[test]
    fn rows_come_to_order_one_without_losing_a_digit() {
        let size = |i: usize| 2f64.powi(150 * (i as i32 - 3));
        let core = sym(gaussian(7, 7, 1).as_ref());
        let a = Mat::from_fn(7, 7, |i, j| size(i) * core[(i, j)] * size(j));
        let symmetric = SymmetricEquilibration::new(a.clone()).unwrap();
        let general = Equilibration::new(a.as_ref()).unwrap();
        for i in 0..7 {
            for matrix in [&symmetric.matrix, &general.matrix] {
                let largest = matrix.col(i).norm_max();
                assert!((0.3..3.0).contains(&largest), "{i}: {largest}");
            }
            for j in 0..7 {
                let d = &symmetric.factors;
                assert_eq!(symmetric.matrix[(i, j)], a[(i, j)] * (d[i] * d[j]));
                assert_eq!(
                    general.matrix[(i, j)],
                    a[(i, j)] * general.rows[i] * general.columns[j]
                );
            }
        }
    }

    #[test]
    fn the_ends_of_the_numbers_are_fine_and_zero_rows_are_not() {
        for size in [5e-324, 1e-310, f64::MAX] {
            let a = mat![[0.0, size], [size, 0.0]];
            let symmetric = SymmetricEquilibration::new(a.clone()).unwrap();
            let general = Equilibration::new(a.as_ref()).unwrap();
            for matrix in [symmetric.matrix, general.matrix] {
                assert!((1e-16..4.0).contains(&matrix[(0, 1)]), "{size:e}");
            }
        }
        let a = mat![[1.0, 0.0], [0.0, 0.0]];
        assert!(SymmetricEquilibration::new(a.clone()).is_none());
        assert!(Equilibration::new(a.as_ref()).is_none());
    }
}
