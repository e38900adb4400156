//! Singular values and vectors of a small bidiagonal matrix.

use super::refined_svd::refined_svd;
use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::svd::{ComputeSvdVectors, SvdError, svd, svd_scratch};
use faer::perm::swap_cols_idx;
use faer::{Mat, MatMut, MatRef, Par, Scale};

/// B = U [Σ 0] Vᵀ for an upper bidiagonal B of one row a value in `diagonal` and one column more than entries `above`
/// it: values nondecreasing, U and V orthogonal, the null vector of a wide B last in V. `false` without convergence.
///
/// Vectors that are not asked for are not computed; the values, and the vectors that are, have the same bits.
///
/// By the library; where its iteration gives up, as on some graded matrices, by Jacobi's rotations, which do not.
pub(super) fn small_bidiagonal_svd<'a>(
    diagonal: &mut [f64],
    above: &[f64],
    mut left: Option<MatMut<'a, f64>>,
    mut right: Option<MatMut<'a, f64>>,
) -> bool {
    let (rows, columns) = (diagonal.len(), above.len() + 1);
    let mut b = Mat::zeros(rows, columns);
    for i in 0..rows {
        b[(i, i)] = diagonal[i];
        if i + 1 < columns {
            b[(i, i + 1)] = above[i];
        }
    }
    let mut values = Diag::<f64>::zeros(rows);
    if by_library(b.as_ref(), &mut values, left.as_mut(), right.as_mut()).is_err() {
        let (mut u, mut v) = (Mat::zeros(rows, rows), Mat::zeros(columns, columns));
        let Some(found) = by_rotations(b.as_ref(), u.as_mut(), v.as_mut()) else {
            return false;
        };
        for (value, found) in values.column_vector_mut().iter_mut().zip(found) {
            *value = found;
        }
        for (asked, found) in [(&mut left, u), (&mut right, v)] {
            if let Some(asked) = asked {
                asked.copy_from(&found);
            }
        }
    }
    for (value, found) in diagonal.iter_mut().rev().zip(values.column_vector().iter()) {
        *value = *found;
    }
    let mut swap = |i: usize, j: usize| {
        for vectors in [&mut left, &mut right].into_iter().flatten() {
            swap_cols_idx(vectors.as_mut(), i, j);
        }
    };
    for j in 0..rows / 2 {
        swap(j, rows - 1 - j);
    }
    // Values that agree to rounding may come out of order.
    for end in 1..rows {
        let mut j = end;
        while j > 0 && diagonal[j - 1] > diagonal[j] {
            diagonal.swap(j - 1, j);
            swap(j - 1, j);
            j -= 1;
        }
    }
    true
}

/// Values nonincreasing, and the vectors that are asked for.
fn by_library(
    b: MatRef<'_, f64>,
    values: &mut Diag<f64>,
    left: Option<&mut MatMut<'_, f64>>,
    right: Option<&mut MatMut<'_, f64>>,
) -> Result<(), SvdError> {
    let asked = |is_some: bool| match is_some {
        true => ComputeSvdVectors::Full,
        false => ComputeSvdVectors::No,
    };
    let scratch = svd_scratch::<f64>(
        b.nrows(),
        b.ncols(),
        asked(left.is_some()),
        asked(right.is_some()),
        Par::Seq,
        Default::default(),
    );
    svd(
        b,
        values.as_mut(),
        left.map(|left| left.as_mut()),
        right.map(|right| right.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
}

/// Values, nonincreasing, of a B with no more rows than columns, and U and V, in some fifty times the time.
fn by_rotations(
    b: MatRef<'_, f64>,
    mut left: MatMut<'_, f64>,
    mut right: MatMut<'_, f64>,
) -> Option<Vec<f64>> {
    let (rows, columns) = b.shape();
    let start = Mat::<f64>::identity(rows, rows);
    // Bᵀ U = W: the columns of W are those of V times the values.
    let (w, u) = refined_svd("small block", b.transpose(), start.as_ref()).ok()?;
    left.copy_from(&u);
    let values: Vec<f64> = (0..rows).map(|j| w.col(j).norm_l2()).collect();
    // Columns of W are right to 10⁻³⁰ of the longest: a shorter one than this has not all digits of its direction.
    let floor = 1e-14 * values.first().copied().unwrap_or(0.0);
    let mut candidates = 0..columns;
    for j in 0..columns {
        let mut v = match values.get(j) {
            Some(&value) if value > floor => Scale(value.recip()) * w.subcols(j, 1),
            _ => Mat::zeros(columns, 1),
        };
        // A column without a direction of its own takes a free one: one of n unit vectors is far enough away.
        while v.norm_l2() < 0.5 {
            let unit = candidates.next()?;
            let before = right.as_ref().subcols(0, j);
            v = Mat::from_fn(columns, 1, |i, _| f64::from(i == unit));
            let mut length = 1.0;
            for _ in 0..2 {
                let along = before.transpose() * &v;
                v -= before * along;
                length = v.norm_l2();
            }
            if length * length * (2 * columns) as f64 > 1.0 {
                v = Scale(length.recip()) * v;
            } else {
                v.fill(0.0);
            }
        }
        right.as_mut().subcols_mut(j, 1).copy_from(&v);
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::gaussian;
    use crate::products::gram;

    #[test]
    fn vectors_that_are_not_asked_for_change_no_bit() {
        for (rows, columns) in [(1, 1), (1, 2), (2, 2), (7, 8), (24, 24), (24, 25)] {
            for graded in [0, 1, 20] {
                let x = gaussian(rows, 2, 5);
                let entry = |i: usize, k| x[(i, k)] * 10f64.powi(-graded * i as i32);
                let above: Vec<f64> = (0..columns - 1).map(|i| entry(i, 1)).collect();
                let solve = |with_left: bool, with_right: bool| {
                    let mut values: Vec<f64> = (0..rows).map(|i| entry(i, 0)).collect();
                    let (mut u, mut v) = (Mat::zeros(rows, rows), Mat::zeros(columns, columns));
                    let (left, right) = (
                        with_left.then(|| u.as_mut()),
                        with_right.then(|| v.as_mut()),
                    );
                    assert!(small_bidiagonal_svd(&mut values, &above, left, right));
                    (values, u, v)
                };
                let (values, _, v) = solve(true, true);
                let (of_right, _, v_alone) = solve(false, true);
                let (alone, _, _) = solve(false, false);
                assert_eq!((&values, &v), (&of_right, &v_alone), "{rows} {columns}");
                assert_eq!(values, alone, "{rows} {columns}");
            }
        }
    }

    #[test]
    fn rotations_take_over_where_an_iteration_gives_up() {
        for (rows, columns) in [(1, 1), (1, 2), (5, 5), (5, 6), (24, 25)] {
            for graded in [0, 1, 20] {
                let x = gaussian(rows, 2, 3);
                let b = Mat::from_fn(rows, columns, |i, j| match j.wrapping_sub(i) {
                    k @ (0 | 1) => x[(i, k)] * 10f64.powi(-graded * i as i32),
                    _ => 0.0,
                });
                let (mut u, mut v) = (Mat::zeros(rows, rows), Mat::zeros(columns, columns));
                let values = by_rotations(b.as_ref(), u.as_mut(), v.as_mut()).unwrap();
                assert!(values.windows(2).all(|pair| pair[0] >= pair[1]));
                let sigma =
                    Mat::from_fn(rows, columns, |i, j| if i == j { values[i] } else { 0.0 });
                let residual = (&b * &v - &u * sigma).norm_max();
                assert!(
                    residual < 1e-14 * values[0],
                    "{rows} {graded}: {residual:e}"
                );
                for x in [&u, &v] {
                    let identity = Mat::<f64>::identity(x.ncols(), x.ncols());
                    assert!((gram(x.as_ref()) - identity).norm_max() < 1e-14);
                }
            }
        }
    }
}
