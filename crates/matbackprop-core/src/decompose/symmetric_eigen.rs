//! Eigenvalues and eigenvectors of a symmetric matrix.

use super::scratch::Temporary;
use super::tridiagonal::tridiagonal_eigen;
use crate::error::{Error, Result};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::tridiag::{tridiag_in_place, tridiag_in_place_scratch};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj,
};
use faer::linalg::qr::no_pivoting::factor::recommended_block_size;
use faer::{Conj, Mat, MatRef, Par};

/// Eigenvalues, nondecreasing, and eigenvectors of a finite symmetric matrix; its lower triangle is read.
///
/// ```text
/// A = H T Hᵀ by reflections,   T = W Λ Wᵀ by divide and conquer,   V = H W
/// ```
pub(crate) fn symmetric_eigen(
    op: &'static str,
    a: MatRef<'_, f64>,
) -> Result<(Vec<f64>, Mat<f64>)> {
    let n = a.nrows();
    if n == 1 {
        return Ok((vec![a[(0, 0)]], Mat::identity(1, 1)));
    }
    let mut reflected = Temporary::new(n, n);
    reflected.as_mut().copy_from(a);
    let block = recommended_block_size::<f64>(n, n);
    let mut reflections = Mat::zeros(block, n - 1);
    let scratch = tridiag_in_place_scratch::<f64>(n, Par::Seq, Default::default())
        .or(apply_block_householder_sequence_on_the_left_in_place_scratch::<f64>(n - 1, block, n));
    let mut memory = MemBuffer::new(scratch);
    tridiag_in_place(
        reflected.as_mut(),
        reflections.as_mut(),
        Par::Seq,
        MemStack::new(&mut memory),
        Default::default(),
    );
    let reflected = reflected.as_ref();
    let mut values: Vec<f64> = (0..n).map(|i| reflected[(i, i)]).collect();
    let mut off_diagonal: Vec<f64> = (1..n).map(|i| reflected[(i, i - 1)]).collect();
    off_diagonal.push(0.0);
    let mut vectors =
        tridiagonal_eigen(&mut values, &mut off_diagonal).ok_or(Error::NoConvergence {
            op,
            rows: n,
            columns: n,
        })?;
    apply_block_householder_sequence_on_the_left_in_place_with_conj(
        reflected.submatrix(1, 0, n - 1, n - 1),
        reflections.as_ref(),
        Conj::No,
        vectors.subrows_mut(1, n - 1),
        Par::Seq,
        MemStack::new(&mut memory),
    );
    Ok((values, vectors))
}
