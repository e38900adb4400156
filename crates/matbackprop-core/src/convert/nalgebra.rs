//! nalgebra's matrices, feature `nalgebra`.

use ::nalgebra::{DMatrix, Dim, IsContiguous, Matrix, RawStorage, Storage};
use faer::{Mat, MatRef};

/// The matrix without a copy: nalgebra's own matrices lie column after column, as faer's do.
///
/// # Example
/// ```
/// use matbackprop_core::convert::view_from_nalgebra;
///
/// let a = nalgebra::DMatrix::from_row_slice(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
/// assert_eq!(view_from_nalgebra(&a)[(1, 2)], 6.0);
/// ```
pub fn view_from_nalgebra<R, C, S>(a: &Matrix<f64, R, C, S>) -> MatRef<'_, f64>
where
    R: Dim,
    C: Dim,
    S: RawStorage<f64, R, C> + IsContiguous,
{
    let (rows, columns) = a.shape();
    MatRef::from_column_major_slice(a.as_slice(), rows, columns)
}

/// A copy of the matrix, of any layout, views among them.
///
/// # Example
/// ```
/// use matbackprop_core::convert::{mat_from_nalgebra, nalgebra_from_mat};
///
/// let a = nalgebra::DMatrix::from_row_slice(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
/// let last_two = mat_from_nalgebra(&a.columns(1, 2));
/// assert_eq!(last_two, faer::mat![[2.0, 3.0], [5.0, 6.0]]);
/// assert_eq!(nalgebra_from_mat(last_two.as_ref()), a.columns(1, 2));
/// ```
pub fn mat_from_nalgebra<R, C, S>(a: &Matrix<f64, R, C, S>) -> Mat<f64>
where
    R: Dim,
    C: Dim,
    S: Storage<f64, R, C>,
{
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)])
}

/// A copy of the matrix as one of nalgebra's.
pub fn nalgebra_from_mat(a: MatRef<'_, f64>) -> DMatrix<f64> {
    DMatrix::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::nalgebra::{Matrix2x3, RowDVector};
    use faer::mat;

    fn numbered(rows: usize, columns: usize) -> DMatrix<f64> {
        DMatrix::from_fn(rows, columns, |i, j| (10 * i + j) as f64)
    }

    #[test]
    fn every_shape_keeps_its_numbers_in_their_places() {
        for (rows, columns) in [
            (4, 3),
            (3, 4),
            (1, 5),
            (5, 1),
            (1, 1),
            (0, 0),
            (0, 3),
            (3, 0),
        ] {
            let a = numbered(rows, columns);
            let copy = mat_from_nalgebra(&a);
            assert_eq!(
                copy,
                Mat::from_fn(rows, columns, |i, j| (10 * i + j) as f64)
            );
            assert_eq!(view_from_nalgebra(&a), copy);
            assert_eq!(nalgebra_from_mat(copy.as_ref()), a);
        }
        let a = numbered(4, 3);
        let view = view_from_nalgebra(&a);
        assert!(std::ptr::eq(&a[(0, 0)], &view[(0, 0)]));
    }

    #[test]
    fn views_transposes_and_static_matrices_are_copied() {
        let a = numbered(4, 3);
        let expected = mat![[11.0, 12.0], [21.0, 22.0]];
        assert_eq!(mat_from_nalgebra(&a.view((1, 1), (2, 2))), expected);
        let strided = a.view_with_steps((0, 0), (2, 2), (1, 1));
        assert_eq!(mat_from_nalgebra(&strided), mat![[0.0, 2.0], [20.0, 22.0]]);
        assert_eq!(mat_from_nalgebra(&a.transpose())[(2, 3)], 32.0);
        let row = RowDVector::from_vec(vec![1.0, 2.0]);
        assert_eq!(view_from_nalgebra(&row), mat![[1.0, 2.0]]);
        let fixed = Matrix2x3::new(1.0, 2.0, 3.0, 4.0, 5.0, 6.0);
        let expected = mat![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        assert_eq!(view_from_nalgebra(&fixed), expected);
    }

    #[test]
    fn transposed_and_strided_matrices_come_back() {
        let a = mat![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        let transposed = DMatrix::from_row_slice(3, 2, &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(nalgebra_from_mat(a.transpose()), transposed);
        let part = DMatrix::from_row_slice(2, 2, &[2.0, 3.0, 5.0, 6.0]);
        assert_eq!(nalgebra_from_mat(a.as_ref().submatrix(0, 1, 2, 2)), part);
    }
}
