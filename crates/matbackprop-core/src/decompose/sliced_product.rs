//! Products of matrices in twice the precision, by ordinary products of slices that round nothing.
//!
//! ```text
//! A = A₁ + A₂ + …,  B = B₁ + B₂ + …          each slice holds β bits below the one before it, 2β + log₂ n ≤ 53
//! A B = Σ AᵢBⱼ, i + j ≤ SLICES + 1           each AᵢBⱼ is exact, however its sums are ordered
//! ```
//!
//! Source: Ozaki, Ogita, Oishi, Rump, "Error-free transformations of matrix multiplication by using fast routines of
//! matrix multiplication and its applications", Numerical Algorithms 59, 2012.

use super::double_double::two_sum;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};

/// Slices of a factor: with 20 bits each, what is left out lies below 2⁻¹⁰⁰ of the product of the largest entries.
const SLICES: usize = 5;

/// high + low, the sum of two matrices, |low| ≤ ½ ulp(high) entry by entry.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) high: Mat<f64>,
    pub(super) low: Mat<f64>,
}

impl Pair {
    pub(super) fn new(high: MatRef<'_, f64>) -> Self {
        Self {
            low: Mat::zeros(high.nrows(), high.ncols()),
            high: high.to_owned(),
        }
    }

    /// Adds a matrix.
    pub(super) fn add(&mut self, other: &Mat<f64>) {
        for j in 0..other.ncols() {
            let columns = self.high.col_as_slice_mut(j).iter_mut();
            let columns = columns.zip(self.low.col_as_slice_mut(j));
            for ((high, low), other) in columns.zip(other.col_as_slice(j)) {
                let (sum, rest) = two_sum(*high, *other);
                (*high, *low) = two_sum(sum, rest + *low);
            }
        }
    }
}

/// A matrix in slices, for a product along its rows.
pub(super) struct Slices(Vec<Mat<f64>>);

impl Slices {
    /// Of the rows of A, for sums of as many products as A has columns.
    pub(super) fn of_rows(a: &Pair) -> Self {
        let (rows, terms) = a.high.shape();
        Self::new(a, terms, rows, |i, _| i)
    }

    /// Of the columns of B, for sums of as many products as B has rows.
    pub(super) fn of_columns(b: &Pair) -> Self {
        let (terms, columns) = b.high.shape();
        Self::new(b, terms, columns, |_, j| j)
    }

    /// Entries of a line share their exponents.
    fn new(a: &Pair, terms: usize, lines: usize, line: impl Fn(usize, usize) -> usize) -> Self {
        let (rows, columns) = a.high.shape();
        let mut largest = vec![0.0_f64; lines];
        for j in 0..columns {
            for i in 0..rows {
                let line = line(i, j);
                largest[line] = largest[line].max(a.high[(i, j)].abs());
            }
        }
        // 2β + log₂ n ≤ 53, with a bit for the carry of rounding in each factor.
        let bits = (51 - terms.next_power_of_two().ilog2() as i32) / 2;
        let mut rest = a.clone();
        let mut slices = Vec::new();
        for slice in 1..=SLICES as i32 {
            // x + 1.5 · 2⁵² u rounds x to multiples of u.
            let rounder: Vec<f64> = largest
                .iter()
                .map(|&largest| 1.5 * 2f64.powi(52) * unit(largest, slice * bits))
                .collect();
            let part = Mat::from_fn(rows, columns, |i, j| {
                let rounder = rounder[line(i, j)];
                (rest.high[(i, j)] + rounder) - rounder
            });
            rest.add(&-&part);
            slices.push(part);
            if rest.high.norm_max() == 0.0 {
                break;
            }
        }
        Self(slices)
    }

    /// A B.
    pub(super) fn times(&self, other: &Slices) -> Pair {
        let (left, right) = (&self.0, &other.0);
        let zero = Mat::zeros(left[0].nrows(), right[0].ncols());
        let mut product = Mat::zeros(zero.nrows(), zero.ncols());
        let mut sum = Pair {
            high: zero.clone(),
            low: zero,
        };
        // The smallest first.
        for order in (0..SLICES).rev() {
            for (i, left) in left.iter().enumerate().take(order + 1) {
                let Some(right) = right.get(order - i) else {
                    continue;
                };
                let replace = Accum::Replace;
                matmul(product.as_mut(), replace, left, right, 1.0, Par::Seq);
                sum.add(&product);
            }
        }
        sum
    }
}

/// A power of two that is `bits` below a number; zero has any.
fn unit(x: f64, bits: i32) -> f64 {
    if x == 0.0 {
        return 0.0;
    }
    // One above the exponent, so that the first slice holds the number.
    let exponent = x.log2().floor() as i32 + 1;
    2f64.powi(exponent - bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::gaussian;

    #[test]
    fn products_keep_twice_the_digits() {
        for (m, n, p) in [(1, 1, 1), (7, 5, 3), (40, 300, 4), (9, 64, 9)] {
            let mut a = gaussian(m, n, 1);
            a.col_mut(0).iter_mut().for_each(|x| *x *= 1e-8);
            let mut left = Pair::new(a.as_ref());
            left.add(&(faer::Scale(1e-19) * gaussian(m, n, 2)));
            let b = gaussian(n, p, 3);
            // A B − A B by whole numbers of 2⁻⁵⁰ of a row and a column: differences of equal products vanish.
            let found = Slices::of_rows(&left).times(&Slices::of_columns(&Pair::new(b.as_ref())));
            for i in 0..m {
                for j in 0..p {
                    let mut exact = super::super::double_double::DoubleDouble::<1>::ZERO;
                    for k in 0..n {
                        let x = [left.high[(i, k)]];
                        exact = exact
                            + super::super::double_double::DoubleDouble::product(x, [b[(k, j)]]);
                        let x = [left.low[(i, k)]];
                        exact = exact
                            + super::super::double_double::DoubleDouble::product(x, [b[(k, j)]]);
                    }
                    let found = super::super::double_double::DoubleDouble::sum(
                        [found.high[(i, j)]],
                        [found.low[(i, j)]],
                    );
                    let [error] = (found - exact).rounded();
                    // 2⁻¹⁰⁰ of n products of numbers below 5.
                    let tolerance = 25.0 * n as f64 * 2f64.powi(-100);
                    assert!(error.abs() <= tolerance, "{m} {n} {p}: {error:e}");
                }
            }
        }
    }

    #[test]
    fn zero_has_a_product() {
        let zero = Pair::new(Mat::zeros(3, 2).as_ref());
        let other = Pair::new(Mat::ones(2, 4).as_ref());
        let found = Slices::of_rows(&zero).times(&Slices::of_columns(&other));
        assert_eq!(
            (found.high, found.low),
            (Mat::zeros(3, 4), Mat::zeros(3, 4))
        );
    }
}
