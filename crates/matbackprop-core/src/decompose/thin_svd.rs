//! Singular values and vectors of a matrix.

use super::bidiagonal::{bidiagonal_svd, bidiagonal_values};
use super::bidiagonalise::Bidiagonalise;
use super::householder::{BLOCK, Order, apply_block};
use super::householder_qr::HouseholderQr;
use crate::buffer_pool::Temporary;
use crate::error::{Error, Result};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::qr::no_pivoting::factor::recommended_block_size;
use faer::linalg::svd::bidiag::{bidiag_in_place, bidiag_in_place_scratch};
use faer::{Mat, MatMut, MatRef, Par};

/// m / n above which a tall matrix goes through its triangular factor first.
const TALL: f64 = 11.0 / 6.0;

/// Longest side of a matrix that stays in the second cache from pass to pass.
const IN_CACHE: usize = 192;

/// U (m × r), singular values, nonincreasing, and V (n × r) of a finite matrix, r = min(m, n).
///
/// ```text
/// A = Q R (tall)    R = H B Gᵀ by reflections,  B = W Σ Zᵀ by divide and conquer    U = Q H W,  V = G Z
/// ```
pub(crate) fn thin_svd(
    op: &'static str,
    a: MatRef<'_, f64>,
) -> Result<(Mat<f64>, Vec<f64>, Mat<f64>)> {
    let (m, n) = a.shape();
    let no_convergence = Error::NoConvergence {
        op,
        rows: m,
        columns: n,
    };
    if m < n {
        let (v, values, u) = thin_svd_of_tall(a.transpose()).ok_or(no_convergence)?;
        Ok((u, values, v))
    } else {
        thin_svd_of_tall(a).ok_or(no_convergence)
    }
}

fn thin_svd_of_tall(a: MatRef<'_, f64>) -> Option<(Mat<f64>, Vec<f64>, Mat<f64>)> {
    let (m, n) = a.shape();
    if !is_tall(a) {
        return thin_svd_of_squarish(a);
    }
    let qr = HouseholderQr::new(a);
    let (small, values, v) = thin_svd_of_squarish(qr.triangle().as_ref())?;
    let mut u = Mat::zeros(m, n);
    u.subrows_mut(0, n).copy_from(small);
    qr.apply(u.as_mut());
    Some((u, values, v))
}

fn thin_svd_of_squarish(a: MatRef<'_, f64>) -> Option<(Mat<f64>, Vec<f64>, Mat<f64>)> {
    let (m, n) = a.shape();
    let Bidiagonalised {
        reflected,
        from_left,
        from_right,
        diagonal: mut values,
        mut above,
    } = Bidiagonalised::new(a);
    let reflected = reflected.as_ref();
    let (left, right) = bidiagonal_svd(&mut values, &mut above)?;

    values.reverse();
    let mut u = Mat::zeros(m, n);
    u.subrows_mut(0, n).copy_from(left.as_ref().reverse_cols());
    apply_reflections(reflected, &from_left, u.as_mut());
    let mut v = right.as_ref().reverse_cols().to_owned();
    if n > 1 {
        // The reflections from the right lie in the rows above the diagonal; they are applied as columns.
        let mut rows = Temporary::new(n - 1, n - 1);
        for j in 0..n - 1 {
            let row = reflected.row(j).subcols(j + 1, n - 1 - j);
            for (to, from) in rows.column_mut(j)[j..].iter_mut().zip(row.iter()) {
                *to = *from;
            }
        }
        apply_reflections(rows.as_ref(), &from_right[..n - 1], v.subrows_mut(1, n - 1));
    }
    Some((u, values, v))
}

/// X ← H₁ ⋯ H_k X; vᵢ lies in column i below entry i, which is taken for one.
fn apply_reflections(below: MatRef<'_, f64>, taus: &[f64], mut x: MatMut<'_, f64>) {
    let (rows, n) = below.shape();
    for first in (0..n).step_by(BLOCK).rev() {
        let width = BLOCK.min(n - first);
        let below = below.submatrix(first, first, rows - first, width);
        let x = x.as_mut().subrows_mut(first, rows - first);
        apply_block(below, &taus[first..first + width], Order::LastFirst, x);
    }
}

/// Singular values alone, nonincreasing, of a finite matrix.
pub(crate) fn singular_values_only(op: &'static str, a: MatRef<'_, f64>) -> Result<Vec<f64>> {
    let (m, n) = a.shape();
    let tall = if m < n { a.transpose() } else { a };
    let values = if is_tall(tall) {
        values_of_squarish(HouseholderQr::new(tall).triangle().as_ref())
    } else {
        values_of_squarish(tall)
    };
    values.ok_or(Error::NoConvergence {
        op,
        rows: m,
        columns: n,
    })
}

fn values_of_squarish(a: MatRef<'_, f64>) -> Option<Vec<f64>> {
    let Bidiagonalised {
        diagonal: mut values,
        mut above,
        ..
    } = Bidiagonalised::new(a);
    bidiagonal_values(&mut values, &mut above)?;
    values.reverse();
    Some(values)
}

/// Is it worth to bring the matrix to its triangular factor first?
fn is_tall(a: MatRef<'_, f64>) -> bool {
    a.nrows() as f64 > TALL * a.ncols() as f64
}

/// A = H B Gᵀ by reflections from both sides, for a matrix that is not wide.
struct Bidiagonalised {
    /// Their vectors, below the diagonal and right of the one above it.
    reflected: Temporary,
    /// τ of each; the last one from the right is spare.
    from_left: Vec<f64>,
    from_right: Vec<f64>,
    diagonal: Vec<f64>,
    /// n entries, the last one spare.
    above: Vec<f64>,
}

impl Bidiagonalised {
    fn new(a: MatRef<'_, f64>) -> Self {
        if a.nrows().max(a.ncols()) <= IN_CACHE {
            Self::by_columns(a)
        } else {
            Self::by_library(a)
        }
    }

    fn by_columns(a: MatRef<'_, f64>) -> Self {
        let (m, n) = a.shape();
        let list = || vec![0.0; n];
        let mut of = Self {
            reflected: Temporary::copy_of(a),
            from_left: list(),
            from_right: list(),
            diagonal: list(),
            above: list(),
        };
        pulp::Arch::new().dispatch(Bidiagonalise {
            m,
            a: of.reflected.as_mut_slice(),
            from_left: &mut of.from_left,
            from_right: &mut of.from_right,
            diagonal: &mut of.diagonal,
            above: &mut of.above,
        });
        of
    }

    fn by_library(a: MatRef<'_, f64>) -> Self {
        let (m, n) = a.shape();
        let block = recommended_block_size::<f64>(m, n);
        let mut reflected = Temporary::copy_of(a);
        let mut from_left = Mat::zeros(block, n);
        let mut from_right = Mat::zeros(block, n - 1);
        let scratch = bidiag_in_place_scratch::<f64>(m, n, Par::Seq, Default::default());
        bidiag_in_place(
            reflected.as_mut(),
            from_left.as_mut(),
            from_right.as_mut(),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
            Default::default(),
        );
        let b = reflected.as_ref();
        let diagonal = (0..n).map(|i| b[(i, i)]).collect();
        let mut above: Vec<f64> = (1..n).map(|j| b[(j - 1, j)]).collect();
        above.push(0.0);
        // On the diagonals of the factors of each block.
        let taus = |factors: &Mat<f64>| {
            let of_block = |i: usize| factors[(i % block, i)];
            (0..factors.ncols()).map(of_block).collect()
        };
        Self {
            diagonal,
            above,
            from_left: taus(&from_left),
            from_right: taus(&from_right),
            reflected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::symmetric_eigen::symmetric_eigen;
    use super::*;
    use crate::gradcheck::gaussian;
    use crate::products::gram;

    #[test]
    fn decompositions_reconstruct_with_orthonormal_vectors() {
        for (m, n) in [(1, 1), (30, 8), (8, 30), (60, 60)] {
            let a = gaussian(m, n, 5);
            let (u, s, v) = thin_svd("test", a.as_ref()).unwrap();
            let r = m.min(n);
            let us = Mat::from_fn(m, r, |i, j| u[(i, j)] * s[j]);
            // Backward error of Householder methods: a few n ε ‖A‖.
            let tolerance = 10.0 * f64::EPSILON * (m + n) as f64 * s[0];
            assert!(
                (us * v.transpose() - &a).norm_max() < tolerance,
                "{m} × {n}"
            );
            assert!((gram(u.as_ref()) - Mat::<f64>::identity(r, r)).norm_max() < tolerance);
            assert!(s.windows(2).all(|pair| pair[0] >= pair[1]));

            let g = gram(a.as_ref());
            let (values, vectors) = symmetric_eigen("test", g.as_ref()).unwrap();
            let scaled = Mat::from_fn(n, n, |i, j| vectors[(i, j)] * values[j]);
            assert!(
                (scaled * vectors.transpose() - &g).norm_max() < tolerance * s[0],
                "{m} × {n}"
            );
            assert!(values.windows(2).all(|pair| pair[0] <= pair[1]));
        }
    }
}
