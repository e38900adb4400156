//! ndarray's two-dimensional arrays, feature `ndarray`.

use ::ndarray::{Array2, ArrayView2};
use faer::{Mat, MatRef};

/// The array as a matrix without a copy; `None` where its numbers do not lie row after row, or column after column.
///
/// # Example
/// ```
/// use matbackprop_core::convert::view_from_ndarray;
/// use ndarray::{array, s};
///
/// let a = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
/// assert_eq!(view_from_ndarray(a.view()).unwrap()[(1, 2)], 6.0);
/// assert_eq!(view_from_ndarray(a.t()).unwrap()[(2, 1)], 6.0);
/// assert!(view_from_ndarray(a.slice(s![.., ..2])).is_none());
/// ```
pub fn view_from_ndarray<'a>(a: ArrayView2<'a, f64>) -> Option<MatRef<'a, f64>> {
    let (rows, columns) = a.dim();
    match a.to_slice() {
        Some(numbers) => Some(MatRef::from_row_major_slice(numbers, rows, columns)),
        None => {
            let numbers = a.reversed_axes().to_slice()?;
            Some(MatRef::from_column_major_slice(numbers, rows, columns))
        }
    }
}

/// A copy of the array, of any layout, as a matrix.
///
/// # Example
/// ```
/// use matbackprop_core::convert::{mat_from_ndarray, ndarray_from_mat};
/// use ndarray::{array, s};
///
/// let a = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
/// let last_first = mat_from_ndarray(a.slice(s![.., ..;-1]));
/// assert_eq!(last_first, faer::mat![[3.0, 2.0, 1.0], [6.0, 5.0, 4.0]]);
/// assert_eq!(ndarray_from_mat(last_first.as_ref()), array![[3.0, 2.0, 1.0], [6.0, 5.0, 4.0]]);
/// ```
pub fn mat_from_ndarray(a: ArrayView2<'_, f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)])
}

/// A copy of the matrix as an array, row after row.
pub fn ndarray_from_mat(a: MatRef<'_, f64>) -> Array2<f64> {
    Array2::from_shape_fn(a.shape(), |index| a[index])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::ndarray::{Axis, Slice, array};
    use faer::mat;

    /// The view where there is one, and the copy, hold the array's entries.
    fn check(a: ArrayView2<'_, f64>, viewed: bool) {
        let copy = mat_from_ndarray(a);
        assert_eq!(copy.shape(), a.dim());
        for (index, number) in a.indexed_iter() {
            assert_eq!(copy[index], *number);
        }
        assert_eq!(ndarray_from_mat(copy.as_ref()), a);
        let view = view_from_ndarray(a);
        assert_eq!(view.is_some(), viewed, "{a:?}");
        if let Some(view) = view {
            assert_eq!(view, copy);
            if let Some(first) = a.first() {
                assert!(std::ptr::eq(first, &view[(0, 0)]));
            }
        }
    }

    /// Rows (axis 0) or columns (axis 1) `start..end` in steps; a negative step counts from the end.
    fn part(
        a: &Array2<f64>,
        axis: usize,
        start: isize,
        end: isize,
        step: isize,
    ) -> ArrayView2<'_, f64> {
        a.slice_axis(Axis(axis), Slice::new(start, Some(end), step))
    }

    #[test]
    fn every_layout_keeps_its_numbers_in_their_places() {
        let a = Array2::from_shape_fn((4, 3), |(i, j)| (10 * i + j) as f64);
        check(a.view(), true);
        check(a.t(), true);
        check(part(&a, 0, 1, 3, 1), true);
        check(part(&a, 1, 1, 3, 1), false);
        check(part(&a, 0, 0, 4, 2), false);
        check(part(&a, 0, 0, 4, -1), false);
        check(part(&a, 1, 0, 3, -1), false);
        check(a.row(0).broadcast((2, 3)).unwrap(), false);
    }

    #[test]
    fn single_rows_columns_and_entries() {
        let a = Array2::from_shape_fn((4, 3), |(i, j)| (10 * i + j) as f64);
        check(part(&a, 0, 1, 2, 1), true);
        check(part(&a, 1, 1, 2, 1), false);
        check(array![[1.0], [2.0]].view(), true);
        check(array![[7.0]].view(), true);
    }

    #[test]
    fn empty_arrays_keep_their_shape() {
        for shape in [(0, 0), (0, 3), (3, 0)] {
            let a = Array2::<f64>::zeros(shape);
            check(a.view(), true);
            check(a.t(), true);
        }
    }

    #[test]
    fn transposed_and_strided_matrices_come_back() {
        let a = mat![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        assert_eq!(
            ndarray_from_mat(a.transpose()),
            array![[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]
        );
        assert_eq!(
            ndarray_from_mat(a.as_ref().submatrix(0, 1, 2, 2)),
            array![[2.0, 3.0], [5.0, 6.0]]
        );
    }
}
