//! Eigenvalues and eigenvectors of a symmetric matrix.

use super::householder::{BLOCK, Order, apply_block};
use super::tridiagonal::{tridiagonal_eigen, tridiagonal_values};
use super::tridiagonalise::tridiagonalise;
use crate::buffer_pool::Temporary;
use crate::error::{Error, Result};
use faer::{Mat, MatMut, MatRef};

/// Eigenvalues, nondecreasing, and eigenvectors of a finite symmetric matrix; its lower triangle is read.
pub(crate) fn symmetric_eigen(
    op: &'static str,
    a: MatRef<'_, f64>,
) -> Result<(Vec<f64>, Mat<f64>)> {
    let (values, vectors) = SymmetricEigen::begin(a).finish(op)?;
    Ok((values, vectors.as_ref().to_owned()))
}

/// Eigenvalues alone, nondecreasing, of a finite symmetric matrix; its lower triangle is read.
pub(crate) fn symmetric_values(op: &'static str, a: MatRef<'_, f64>) -> Result<Vec<f64>> {
    let n = a.nrows();
    let SymmetricEigen {
        diagonal: mut values,
        mut below,
        ..
    } = SymmetricEigen::begin(a);
    tridiagonal_values(&mut values, &mut below).ok_or(Error::NoConvergence {
        op,
        rows: n,
        columns: n,
    })?;
    Ok(values)
}

/// A decomposition a third of the way: the spectrum can be asked about before the vectors are paid for.
///
/// ```text
/// A = H T Hᵀ by reflections,   T = W Λ Wᵀ by divide and conquer,   V = H W
/// ```
#[derive(Clone, Debug)]
pub(crate) struct SymmetricEigen {
    reflected: Temporary,
    diagonal: Vec<f64>,
    /// n entries, the last one spare.
    below: Vec<f64>,
    taus: Vec<f64>,
}

impl SymmetricEigen {
    /// A = H T Hᵀ for a finite symmetric matrix; its lower triangle is read.
    pub(crate) fn begin(a: MatRef<'_, f64>) -> Self {
        Self::begin_in(Temporary::copy_of(a))
    }

    /// [`begin`](Self::begin), over A.
    pub(super) fn begin_in(mut reflected: Temporary) -> Self {
        let (diagonal, below, taus) = tridiagonalise(&mut reflected);
        Self {
            reflected,
            diagonal,
            below,
            taus,
        }
    }

    /// A number not above the largest eigenvalue and one not below the smallest, each within a factor of two of it
    /// where it is positive and above rounding; the second is zero otherwise.
    pub(crate) fn positive_ends(&self) -> (f64, f64) {
        let largest = self.diagonal.iter().copied().fold(0.0, f64::max);
        let mut smallest = self.diagonal.iter().copied().fold(largest, f64::min);
        // Halved until no eigenvalue lies below.
        let floor = f64::EPSILON * largest;
        while smallest > floor && self.any_below(0.5 * smallest) {
            smallest *= 0.5;
        }
        (largest, if smallest > floor { smallest } else { 0.0 })
    }

    /// Has T an eigenvalue below x? As many as T − x I has negative pivots.
    fn any_below(&self, x: f64) -> bool {
        let mut pivot = f64::INFINITY;
        let mut above = 0.0;
        self.diagonal
            .iter()
            .zip(&self.below)
            .any(|(diagonal, below)| {
                pivot = diagonal - x - above * above / pivot;
                above = *below;
                pivot < 0.0 || pivot.is_nan()
            })
    }

    /// Eigenvalues, nondecreasing, and eigenvectors.
    pub(crate) fn finish(self, op: &'static str) -> Result<(Vec<f64>, Temporary)> {
        let n = self.diagonal.len();
        let (mut values, mut below) = (self.diagonal.clone(), self.below.clone());
        let mut vectors =
            tridiagonal_eigen(&mut values, &mut below).ok_or(Error::NoConvergence {
                op,
                rows: n,
                columns: n,
            })?;
        self.reflect_back(vectors.as_mut());
        Ok((values, vectors))
    }

    /// T's diagonal.
    pub(super) fn diagonal(&self) -> &[f64] {
        &self.diagonal
    }

    /// T's entries below the diagonal, n of them, the last one spare.
    pub(super) fn below(&self) -> &[f64] {
        &self.below
    }

    /// X ← H X.
    pub(super) fn reflect_back(&self, mut x: MatMut<'_, f64>) {
        for first in self.blocks().rev() {
            self.apply(first, Order::LastFirst, x.as_mut());
        }
    }

    /// X ← Hᵀ X.
    pub(super) fn reflect(&self, mut x: MatMut<'_, f64>) {
        for first in self.blocks() {
            self.apply(first, Order::FirstFirst, x.as_mut());
        }
    }

    /// The first columns of blocks of reflections.
    fn blocks(&self) -> impl DoubleEndedIterator<Item = usize> {
        (0..self.diagonal.len() - 1).step_by(BLOCK)
    }

    fn apply(&self, first: usize, order: Order, x: MatMut<'_, f64>) {
        let rows = self.diagonal.len() - 1 - first;
        let width = BLOCK.min(rows);
        let below = self.reflected.as_ref();
        let below = below.submatrix(first + 1, first, rows, width);
        let taus = &self.taus[first..first + width];
        apply_block(below, taus, order, x.subrows_mut(first + 1, rows));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::symmetric_with_spectrum;

    #[test]
    fn the_ends_of_a_spectrum_are_bounded_from_inside() {
        for (spectrum, floor) in [
            (&[3.0][..], 1.0),
            (&[1e-9, 0.5, 1.0, 4.0], 1e-9),
            (&[1e-3, 1e-3, 1e-3, 7.0, 7.0, 8.0], 1e-3),
            (&[0.0, 1.0, 2.0], 0.0),
            (&[-1.0, 1.0, 2.0], 0.0),
            (&[0.0, 0.0], 0.0),
        ] {
            let a = symmetric_with_spectrum(spectrum, 7);
            let (largest, smallest) = SymmetricEigen::begin(a.as_ref()).positive_ends();
            let end = spectrum[spectrum.len() - 1];
            assert!(
                largest <= end * (1.0 + 1e-14) + 1e-16,
                "{spectrum:?}: {largest}"
            );
            assert!(smallest >= floor * (1.0 - 1e-6), "{spectrum:?}: {smallest}");
            assert!(
                smallest <= 2.0 * spectrum[0].max(0.0) * (1.0 + 1e-6),
                "{spectrum:?}: {smallest}"
            );
        }
    }
}
