//! Singular values and vectors of a matrix.

use super::bidiagonal::{bidiagonal_svd, bidiagonal_values};
use super::householder_qr::HouseholderQr;
use crate::buffer_pool::Temporary;
use crate::error::{Error, Result};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj,
};
use faer::linalg::qr::no_pivoting::factor::recommended_block_size;
use faer::linalg::svd::bidiag::{bidiag_in_place, bidiag_in_place_scratch};
use faer::{Conj, Mat, MatRef, Par};

/// m / n above which a tall matrix goes through its triangular factor first.
const TALL: f64 = 11.0 / 6.0;

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
    let scratch = apply_block_householder_sequence_on_the_left_in_place_scratch::<f64>(
        m,
        from_left.nrows(),
        n,
    );
    let mut memory = MemBuffer::new(scratch);
    let reflected = reflected.as_ref();
    let (left, right) = bidiagonal_svd(&mut values, &mut above)?;

    values.reverse();
    let mut u = Mat::zeros(m, n);
    u.subrows_mut(0, n).copy_from(left.as_ref().reverse_cols());
    apply_block_householder_sequence_on_the_left_in_place_with_conj(
        reflected,
        from_left.as_ref(),
        Conj::No,
        u.as_mut(),
        Par::Seq,
        MemStack::new(&mut memory),
    );
    let mut v = right.as_ref().reverse_cols().to_owned();
    if n > 1 {
        // The reflections from the right lie in the rows above the diagonal; they are applied as columns.
        let rows = Mat::from_fn(n - 1, n - 1, |i, j| {
            if i >= j { reflected[(j, i + 1)] } else { 0.0 }
        });
        apply_block_householder_sequence_on_the_left_in_place_with_conj(
            rows.as_ref(),
            from_right.as_ref(),
            Conj::No,
            v.subrows_mut(1, n - 1),
            Par::Seq,
            MemStack::new(&mut memory),
        );
    }
    Some((u, values, v))
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
    from_left: Mat<f64>,
    from_right: Mat<f64>,
    diagonal: Vec<f64>,
    /// n entries, the last one spare.
    above: Vec<f64>,
}

impl Bidiagonalised {
    fn new(a: MatRef<'_, f64>) -> Self {
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
        Self {
            diagonal,
            above,
            reflected,
            from_left,
            from_right,
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
