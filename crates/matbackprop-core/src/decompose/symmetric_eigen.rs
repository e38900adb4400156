//! Eigenvalues and eigenvectors of a symmetric matrix.

use super::products::temporary_product;
use super::scratch::Temporary;
use super::triangular::solve_upper;
use super::tridiagonal::tridiagonal_eigen;
use super::tridiagonalise::tridiagonalise;
use crate::error::{Error, Result};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};

/// Reflections that are applied as one product.
const BLOCK: usize = 32;

/// Eigenvalues, nondecreasing, and eigenvectors of a finite symmetric matrix; its lower triangle is read.
pub(crate) fn symmetric_eigen(
    op: &'static str,
    a: MatRef<'_, f64>,
) -> Result<(Vec<f64>, Mat<f64>)> {
    let (values, vectors) = SymmetricEigen::begin(a).finish(op)?;
    Ok((values, vectors.as_ref().to_owned()))
}

/// A decomposition a third of the way: the spectrum can be asked about before the vectors are paid for.
///
/// ```text
/// A = H T Hᵀ by reflections,   T = W Λ Wᵀ by divide and conquer,   V = H W
/// ```
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
        let mut reflected = Temporary::copy_of(a);
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
        for first in (0..n - 1).step_by(BLOCK).rev() {
            let width = BLOCK.min(n - 1 - first);
            self.reflect(
                first,
                width,
                vectors.as_mut().subrows_mut(first + 1, n - 1 - first),
            );
        }
        Ok((values, vectors))
    }

    /// X ← H_first ⋯ H_(first + width − 1) X, as one block: I − V S⁻¹ Vᵀ, where S is the upper triangle of VᵀV with τ
    /// on its diagonal.
    ///
    /// Source: Joffrain, Low, Quintana-Ortí, van de Geijn, Van Zee, "Accumulating Householder transformations,
    /// revisited", ACM Transactions on Mathematical Software 32, 2006.
    fn reflect(&self, first: usize, width: usize, x: MatMut<'_, f64>) {
        let rows = x.nrows();
        let below = self.reflected.as_ref();
        let below = below.submatrix(first + 1, first, rows, width);
        let mut v = Temporary::new(rows, width);
        for j in 0..width {
            let column = v.column_mut(j);
            column[..j].fill(0.0);
            column[j] = 1.0;
            for (to, from) in column[j + 1..]
                .iter_mut()
                .zip(below.col(j).iter().skip(j + 1))
            {
                *to = *from;
            }
        }
        let v = v.as_ref();
        let mut s = temporary_product(v.transpose(), v);
        for j in 0..width {
            s.column_mut(j)[j] = self.taus[first + j];
        }
        let mut coefficients = temporary_product(v.transpose(), x.as_ref());
        solve_upper(s.as_ref(), coefficients.as_mut());
        matmul(x, Accum::Add, v, coefficients.as_ref(), -1.0, Par::Seq);
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
