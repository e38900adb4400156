//! Products that are symmetric: half the work of a general product, and symmetric to the last bit.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatRef, Par};

/// A B, which must be symmetric: its lower triangle, and the mirror image of that.
fn symmetric_product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let n = a.nrows();
    let mut product = Mat::zeros(n, n);
    triangular::matmul(
        product.as_mut(),
        BlockStructure::TriangularLower,
        Accum::Replace,
        a,
        BlockStructure::Rectangular,
        b,
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
    mirror_lower(&mut product);
    product
}

/// M S Mᵀ for symmetric S.
pub(crate) fn congruence(m: MatRef<'_, f64>, s: MatRef<'_, f64>) -> Mat<f64> {
    symmetric_product((m * s).as_ref(), m.transpose())
}

/// M diag(d) Mᵀ.
pub(crate) fn diagonal_congruence(m: MatRef<'_, f64>, d: &[f64]) -> Mat<f64> {
    let scaled = Mat::from_fn(m.nrows(), d.len(), |i, j| m[(i, j)] * d[j]);
    symmetric_product(scaled.as_ref(), m.transpose())
}

/// Writes the lower triangle over the upper one.
pub(crate) fn mirror_lower(a: &mut Mat<f64>) {
    for j in 0..a.ncols() {
        for i in 0..j {
            a[(i, j)] = a[(j, i)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::gaussian;
    use crate::symmetric::sym;

    #[test]
    fn congruences_equal_the_general_products() {
        for (m, n) in [(1, 1), (40, 7), (5, 33)] {
            let a = gaussian(m, n, 3);
            let s = sym(gaussian(n, n, 4).as_ref());
            let d: Vec<f64> = (0..n).map(|i| s[(i, i)]).collect();
            let diagonal = Mat::from_fn(n, n, |i, j| if i == j { d[i] } else { 0.0 });
            let found = congruence(a.as_ref(), s.as_ref());
            assert_eq!(found, found.transpose());
            // n² products an entry, of a few units each.
            let tolerance = 100.0 * f64::EPSILON * (n * n) as f64;
            assert!((found - &a * &s * a.transpose()).norm_max() < tolerance);
            let found = diagonal_congruence(a.as_ref(), &d);
            assert!((found - &a * diagonal * a.transpose()).norm_max() < tolerance);
        }
    }
}
