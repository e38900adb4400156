//! Products that are known to be symmetric, at half the cost of general ones.

use crate::buffer_pool::Temporary;
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::mat::AsMatRef;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use std::ops::Range;

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
    let n = a.nrows();
    for columns in tiles(n) {
        for rows in tiles(n).filter(|rows| rows.start >= columns.start) {
            let across = transposed_tile(a.as_ref(), &rows, &columns);
            for (row, across) in rows.clone().zip(&across) {
                // Of a tile on the diagonal, what lies left of it.
                let count = columns.len().min(row - columns.start);
                let out = a.as_mut().col_mut(row).subrows_mut(columns.start, count);
                out.iter_mut().zip(across).for_each(|(out, x)| *out = *x);
            }
        }
    }
}

/// The side of a tile: so small that it and its mirror image stay in the cache.
const TILE: usize = 16;

/// 0, …, n − 1 in parts of a tile's side.
pub(crate) fn tiles(n: usize) -> impl Iterator<Item = Range<usize>> {
    let part = move |first: usize| first..(first + TILE).min(n);
    (0..n).step_by(TILE).map(part)
}

/// The rows of a tile of A, each a list: reads run down the columns, where entries lie side by side.
#[inline]
pub(crate) fn transposed_tile(
    a: MatRef<'_, f64>,
    rows: &Range<usize>,
    columns: &Range<usize>,
) -> [[f64; TILE]; TILE] {
    let mut tile = [[0.0; TILE]; TILE];
    for (j, column) in columns.clone().enumerate() {
        let from = a.col(column).subrows(rows.start, rows.len());
        for (to, from) in tile.iter_mut().zip(from.iter()) {
            to[j] = *from;
        }
    }
    tile
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
    fn a_mirrored_triangle_is_symmetric_at_every_side() {
        for n in [1, 2, 15, 16, 17, 40] {
            let a = gaussian(n, n, 3);
            let mut mirrored = a.clone();
            mirror_lower(mirrored.as_mut());
            let expected = Mat::from_fn(n, n, |i, j| a[(i.max(j), i.min(j))]);
            assert_eq!(mirrored, expected, "{n}");
        }
    }

    #[test]
    fn a_spectral_product_by_hand() {
        let v = faer::mat![[1.0, 2.0], [3.0, 4.0]];
        let product = spectral_product(v.as_ref(), &[1.0, 10.0]);
        assert_eq!(product, faer::mat![[41.0, 83.0], [83.0, 169.0]]);
    }
}
