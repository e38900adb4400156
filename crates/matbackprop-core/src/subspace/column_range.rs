//! The range of a matrix, as an orthonormal basis or as independent columns.

use crate::buffer_pool::Temporary;
use crate::decompose::symmetric_values;
use crate::error::Result;
use crate::products::{add_product, gram};
use crate::scale::{Scaled, power_of_two_scale};
use crate::solve::{cholesky, solve_lower, solve_root, solve_upper};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par, Scale};
use std::sync::OnceLock;

/// Lists of at most this share of the rank go through the columns: a basis costs as much as so many of them.
const FEW: usize = 4;

/// Q, m × r, orthonormal, and N, n × r: A⁺ = N Qᵀ.
#[derive(Clone, Debug)]
pub(super) struct Basis {
    pub(super) q: Mat<f64>,
    pub(super) n: Mat<f64>,
}

/// The range of A, and A⁺.
#[derive(Clone, Debug)]
pub(super) enum ColumnRange {
    /// By a basis.
    Basis(Basis),
    /// By the columns of A that are not zero, well conditioned; a basis is formed where it is asked for.
    Columns(Columns),
}

impl ColumnRange {
    /// The shape of A.
    pub(super) fn shape(&self) -> (usize, usize) {
        match self {
            Self::Basis(basis) => (basis.q.nrows(), basis.n.nrows()),
            Self::Columns(columns) => (columns.a.as_ref().nrows(), columns.places.1),
        }
    }

    pub(super) fn rank(&self) -> usize {
        match self {
            Self::Basis(basis) => basis.q.ncols(),
            Self::Columns(columns) => columns.a.as_ref().ncols(),
        }
    }

    pub(super) fn basis(&self) -> &Basis {
        match self {
            Self::Basis(basis) => basis,
            Self::Columns(columns) => columns.basis.get_or_init(|| columns.to_basis()),
        }
    }

    /// A⁺ X, n × p, and (I − Π) X, which is zero where Q is square: the rest would be rounding over σ.
    pub(super) fn split(&self, x: MatRef<'_, f64>) -> (Mat<f64>, Mat<f64>) {
        match self {
            // By the counts alone, so that the bits do not depend on what was asked for before.
            Self::Columns(columns) if FEW * x.ncols() <= self.rank() => columns.split(x),
            _ => {
                let Basis { q, n } = self.basis();
                let inside = q.transpose() * x;
                let mut outside = Mat::zeros(x.nrows(), x.ncols());
                if q.ncols() < q.nrows() {
                    outside.copy_from(x);
                    add_product(outside.as_mut(), -1.0, q, &inside);
                }
                (n * inside, outside)
            }
        }
    }
}

/// Independent columns, by the Cholesky factor of their Gram matrix.
///
/// ```text
/// C₀ = G⁻¹AᵀX,  R₀ = X − A C₀        G = AᵀA = L Lᵀ
/// C = C₀ + G⁻¹AᵀR₀,  R = X − A C     an error of ε cond² in C₀ becomes one of (ε cond²)²
/// ```
///
/// Q is A L⁻ᵀ with one such correction. Four products with A for a few columns X, where a basis takes two of the size of
/// A with itself.
///
/// Source: Björck, "Stability analysis of the method of seminormal equations for linear least squares problems", Linear
/// Algebra and its Applications 88/89, 1987.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    /// m × r.
    a: Temporary,
    /// L, r × r.
    root: Mat<f64>,
    /// Where they stand among n.
    places: (Vec<usize>, usize),
    basis: OnceLock<Basis>,
}

impl Columns {
    /// Those of A that are not zero, and their r singular values, nonincreasing; `None` unless all σ² lie above `floor`
    /// times the largest.
    pub(super) fn new(
        op: &'static str,
        a: MatRef<'_, f64>,
        floor: f64,
    ) -> Result<Option<(Self, Vec<f64>)>> {
        let (m, n) = a.shape();
        let alive: Vec<usize> = (0..n).filter(|&j| a.col(j).norm_max() > 0.0).collect();
        let r = alive.len();
        if r == 0 || r > m {
            return Ok(None);
        }
        let mut compact = Temporary::new(m, r);
        for (to, &from) in alive.iter().enumerate() {
            compact.as_mut().col_mut(to).copy_from(a.col(from));
        }
        let a = compact;
        let gram = gram(a.as_ref());
        let squares = symmetric_values(op, gram.as_ref())?;
        if squares[0] < floor * squares[r - 1] {
            return Ok(None);
        }
        // Far above the rounding at which a pivot fails.
        let Ok(root) = cholesky(op, gram.as_ref()) else {
            return Ok(None);
        };
        let columns = Self {
            a,
            root,
            places: (alive, n),
            basis: OnceLock::new(),
        };
        let values = squares.iter().rev().map(|square| square.sqrt()).collect();
        Ok(Some((columns, values)))
    }

    fn split(&self, x: MatRef<'_, f64>) -> (Mat<f64>, Mat<f64>) {
        // At order one: a product with A does not leave the range where X is at its end.
        let unit = power_of_two_scale(x);
        let x = Scaled::new(x, unit);
        let mut outside = x.as_ref().to_owned();
        let a = self.a.as_ref();
        let mut coefficients = self.solve(outside.as_ref());
        add_product(outside.as_mut(), -1.0, a, &coefficients);
        let correction = self.solve(outside.as_ref());
        coefficients += &correction;
        if a.nrows() == a.ncols() {
            outside.fill(0.0);
        } else {
            add_product(outside.as_mut(), -1.0, a, &correction);
        }
        let coefficients = self.expanded(coefficients);
        if unit == 1.0 {
            return (coefficients, outside);
        }
        (Scale(unit) * coefficients, Scale(unit) * outside)
    }

    /// G⁻¹AᵀX.
    fn solve(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        let mut solution = self.a.as_ref().transpose() * x;
        solve_root(self.root.as_ref(), solution.as_mut());
        solution
    }

    /// Q₁ = A L⁻ᵀ is orthonormal up to E = Q₁ᵀQ₁ − I of size ε cond²; Q = Q₁ (I − E/2) up to E².
    fn to_basis(&self) -> Basis {
        let mut q = self.a.as_ref().to_owned();
        let r = q.ncols();
        solve_lower(self.root.as_ref(), q.transpose_mut());
        let correction = Scale(1.5) * Mat::<f64>::identity(r, r) - Scale(0.5) * gram(q.as_ref());
        times_in_place(&mut q, correction.as_ref());
        let mut n = correction;
        solve_upper(self.root.transpose(), n.as_mut());
        Basis {
            q,
            n: self.expanded(n),
        }
    }

    /// Rows for the columns of A that are zero too.
    fn expanded(&self, rows: Mat<f64>) -> Mat<f64> {
        let (alive, n) = &self.places;
        if alive.len() == *n {
            return rows;
        }
        let mut all = Mat::zeros(*n, rows.ncols());
        for (row, &j) in alive.iter().enumerate() {
            all.row_mut(j).copy_from(rows.row(row));
        }
        all
    }
}

/// X ← X C for a square C, a band of rows at a time: no second matrix of the size of X.
fn times_in_place(x: &mut Mat<f64>, c: MatRef<'_, f64>) {
    const BAND: usize = 256;
    let mut product = Mat::zeros(BAND, c.ncols());
    for first in (0..x.nrows()).step_by(BAND) {
        let rows = BAND.min(x.nrows() - first);
        let mut product = product.subrows_mut(0, rows);
        let mut band = x.subrows_mut(first, rows);
        let replace = Accum::Replace;
        matmul(product.as_mut(), replace, band.as_ref(), c, 1.0, Par::Seq);
        band.copy_from(product);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decompose::thin_svd;
    use crate::gradcheck::{gaussian, with_spectrum};

    fn columns(a: MatRef<'_, f64>) -> (Columns, Vec<f64>) {
        Columns::new("test", a, 1e-12).unwrap().unwrap()
    }

    #[test]
    fn few_lists_are_split_as_by_singular_vectors_up_to_the_condition() {
        for smallest in [1.0, 1e-2, 1.1e-4] {
            let mut spectrum: Vec<f64> = (0..16).map(|i| 1.0 / (1 + i) as f64).collect();
            spectrum[15] *= smallest;
            for m in [16, 100] {
                let a = with_spectrum(m, 16, &spectrum, 3);
                let (range, values) = columns(a.as_ref());
                let last = spectrum[15];
                assert!((values[0] - 1.0).abs() < 1e-14);
                assert!((values[15] / last - 1.0).abs() < 1e-14 / (last * last));
                let (u, s, v) = thin_svd("test", a.as_ref()).unwrap();
                let x = gaussian(m, 4, 7);
                let (coefficients, outside) = range.split(x.as_ref());
                let inside = u.transpose() * &x;
                let over = Mat::from_fn(16, 4, |i, j| inside[(i, j)] / s[i]);
                let error = (&coefficients - v * over).norm_max();
                // The condition of A⁺ X: ε σ₁ / σ_r of its size 1 / σ_r.
                assert!(
                    error < 1e-14 / (last * last),
                    "{m}, {smallest:e}: {error:e}"
                );
                let error = (&outside - (&x - &u * inside)).norm_max();
                assert!(error < 1e-14 / last, "{m}, {smallest:e}: {error:e}");
                // Beside the range to rounding.
                let within = (u.transpose() * &outside).norm_max();
                assert!(within < 1e-14 / last, "{m}, {smallest:e}: {within:e}");
            }
        }
    }

    #[test]
    fn the_basis_and_the_columns_say_the_same() {
        let mut a = gaussian(60, 17, 4);
        a.col_mut(3).fill(0.0);
        let (columns, _) = columns(a.as_ref());
        let x = gaussian(60, 4, 5);
        let (coefficients, outside) = columns.split(x.as_ref());
        let Basis { q, n } = columns.to_basis();
        let inside = q.transpose() * &x;
        assert!((&outside - (&x - &q * &inside)).norm_max() < 1e-13);
        assert!((&coefficients - &n * inside).norm_max() < 1e-13);
        assert_eq!(coefficients.row(3).norm_max(), 0.0);
        assert!((gram(q.as_ref()) - Mat::<f64>::identity(16, 16)).norm_max() < 1e-14);
        assert!((&a * n - q).norm_max() < 1e-13);
    }

    #[test]
    fn lists_at_the_ends_of_the_numbers_stay_within_them() {
        let a = Scale(2f64.powi(199)) * gaussian(40, 8, 4);
        let (columns, _) = columns(a.as_ref());
        let x = gaussian(40, 2, 5);
        let (c, r) = columns.split(x.as_ref());
        for power in [-900, 1000] {
            let size = 2f64.powi(power);
            let (scaled_c, scaled_r) = columns.split((Scale(size) * &x).as_ref());
            assert_eq!((scaled_c, scaled_r), (Scale(size) * &c, Scale(size) * &r));
        }
    }

    #[test]
    fn zero_dependent_and_too_many_columns_are_left_to_others() {
        let dependent = Mat::from_fn(9, 2, |i, _| (i + 1) as f64);
        for a in [Mat::zeros(5, 2), dependent, gaussian(3, 5, 1)] {
            assert!(Columns::new("test", a.as_ref(), 1e-8).unwrap().is_none());
        }
    }
}
