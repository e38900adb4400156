//! Products that are known to be symmetric, at half the cost of general ones.

use crate::buffer_pool::Temporary;
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::mat::AsMatRef;
use faer::{Accum, Mat, MatMut, MatRef, Par};

/// G = Aᵀ A, both triangles.
pub(crate) fn gram(a: MatRef<'_, f64>) -> Mat<f64> {
    symmetric_product(a.transpose(), a)
}

/// L R for factors whose product is symmetric in exact arithmetic: the lower triangle is computed and mirrored.
pub(crate) fn symmetric_product(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Mat<f64> {
    let mut product = Mat::zeros(left.nrows(), left.nrows());
    fill_symmetric_product(product.as_mut(), left, right);
    product
}

/// [`symmetric_product`], for a moment.
pub(crate) fn temporary_symmetric_product(
    left: MatRef<'_, f64>,
    right: MatRef<'_, f64>,
) -> Temporary {
    let mut product = Temporary::new(left.nrows(), left.nrows());
    fill_symmetric_product(product.as_mut(), left, right);
    product
}

/// The lower triangle of a symmetric L R, for a moment; above it lies anything.
pub(crate) fn temporary_lower_product(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Temporary {
    let mut product = Temporary::new(left.nrows(), left.nrows());
    fill_lower_product(product.as_mut(), left, right);
    product
}

fn fill_symmetric_product(
    mut product: MatMut<'_, f64>,
    left: MatRef<'_, f64>,
    right: MatRef<'_, f64>,
) {
    fill_lower_product(product.as_mut(), left, right);
    mirror_lower(product);
}

fn fill_lower_product(product: MatMut<'_, f64>, left: MatRef<'_, f64>, right: MatRef<'_, f64>) {
    triangular::matmul(
        product,
        BlockStructure::TriangularLower,
        Accum::Replace,
        left,
        BlockStructure::Rectangular,
        right,
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
}

/// `scale` L R, without a scaled copy of either factor.
pub(crate) fn scaled_product(
    scale: f64,
    left: MatRef<'_, f64>,
    right: MatRef<'_, f64>,
) -> Mat<f64> {
    let mut product = Mat::zeros(left.nrows(), right.ncols());
    let replace = Accum::Replace;
    matmul(product.as_mut(), replace, left, right, scale, Par::Seq);
    product
}

/// C ← C + α A B.
pub(crate) fn add_product(c: MatMut<'_, f64>, alpha: f64, a: impl Matrix, b: impl Matrix) {
    let (a, b) = (a.as_mat_ref(), b.as_mat_ref());
    matmul(c, Accum::Add, a, b, alpha, Par::Seq);
}

/// Owned or a view.
pub(crate) trait Matrix: AsMatRef<T = f64, Rows = usize, Cols = usize> {}
impl<A: AsMatRef<T = f64, Rows = usize, Cols = usize>> Matrix for A {}

/// L R, for a moment.
pub(crate) fn temporary_product(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Temporary {
    let mut product = Temporary::new(left.nrows(), right.ncols());
    let replace = Accum::Replace;
    matmul(product.as_mut(), replace, left, right, 1.0, Par::Seq);
    product
}

/// M S Mᵀ for symmetric S.
pub(crate) fn congruence(m: MatRef<'_, f64>, s: MatRef<'_, f64>) -> Mat<f64> {
    symmetric_product(temporary_product(m, s).as_ref(), m.transpose())
}

/// V diag(x) Vᵀ.
pub(crate) fn spectral_product(v: MatRef<'_, f64>, x: &[f64]) -> Mat<f64> {
    let mut scaled = Temporary::new(v.nrows(), v.ncols());
    scaled.as_mut().copy_from(v);
    for (j, &x) in x.iter().enumerate() {
        for entry in scaled.column_mut(j) {
            *entry *= x;
        }
    }
    symmetric_product(scaled.as_ref(), v.transpose())
}

/// A diag(x).
pub(crate) fn times_diagonal(a: MatRef<'_, f64>, x: &[f64]) -> Mat<f64> {
    let mut product = a.to_owned();
    for (j, &x) in x.iter().enumerate() {
        for entry in product.col_as_slice_mut(j) {
            *entry *= x;
        }
    }
    product
}

/// Copies the lower triangle to the upper, in tiles that stay in the cache.
pub(crate) fn mirror_lower(mut a: MatMut<'_, f64>) {
    const TILE: usize = 16;
    let n = a.nrows();
    for first_column in (0..n).step_by(TILE) {
        for first_row in (first_column..n).step_by(TILE) {
            for j in first_column..(first_column + TILE).min(n) {
                for i in first_row.max(j + 1)..(first_row + TILE).min(n) {
                    a[(j, i)] = a[(i, j)];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::gaussian;

    #[test]
    fn gram_equals_the_general_product() {
        for (m, n) in [(1, 1), (40, 7), (5, 33)] {
            let a = gaussian(m, n, 3);
            let error = (gram(a.as_ref()) - a.transpose() * &a).norm_max();
            // m products a sum, entries of a few units.
            assert!(
                error < 100.0 * f64::EPSILON * m as f64,
                "{m} × {n}: {error:e}"
            );
        }
    }

    #[test]
    fn congruences_equal_the_general_products() {
        for (m, n) in [(1, 1), (40, 7), (5, 33)] {
            let a = gaussian(m, n, 3);
            let s = crate::symmetric::sym(gaussian(n, n, 4).as_ref());
            let found = congruence(a.as_ref(), s.as_ref());
            assert_eq!(found, found.transpose());
            // n² products an entry, of a few units each.
            let tolerance = 100.0 * f64::EPSILON * (n * n) as f64;
            assert!((found - &a * s * a.transpose()).norm_max() < tolerance);
        }
    }

    #[test]
    fn a_spectral_product_by_hand() {
        let v = faer::mat![[1.0, 2.0], [3.0, 4.0]];
        let product = spectral_product(v.as_ref(), &[1.0, 10.0]);
        assert_eq!(product, faer::mat![[41.0, 83.0], [83.0, 169.0]]);
    }
}
