//! Whether a symmetric matrix is positive definite, by trying its Cholesky factorisation.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::{Mat, Par};

/// Does a finite symmetric matrix, of which the lower triangle is read, have a Cholesky factorisation?
pub(crate) fn is_positive_definite(mut a: Mat<f64>) -> bool {
    let scratch = cholesky_in_place_scratch::<f64>(a.nrows(), Par::Seq, Default::default());
    cholesky_in_place(
        a.as_mut(),
        Default::default(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::symmetric_with_spectrum;

    #[test]
    fn the_sign_of_one_eigenvalue_decides() {
        for (smallest, expected) in [(1e-12, true), (-1e-12, false)] {
            let a = symmetric_with_spectrum(&[1.0, 2.0, smallest, 5.0], 3);
            assert_eq!(is_positive_definite(a), expected);
        }
    }
}
