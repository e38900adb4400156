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
use pulp::{Simd, WithSimd};

/// Slices of a factor: with 20 bits each, the rest lies below 2⁻¹⁰⁰ of the product of the largest entries.
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

    /// Adds a matrix, times 1 or −1.
    pub(super) fn add(&mut self, other: &Mat<f64>, sign: f64) {
        pulp::Arch::new().dispatch(Add {
            to: self,
            other,
            sign,
        });
    }
}

/// Entry by entry, by the widest registers.
struct Add<'a> {
    to: &'a mut Pair,
    other: &'a Mat<f64>,
    sign: f64,
}

impl WithSimd for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for j in 0..self.other.ncols() {
            let other = self.other.col_as_slice(j);
            let high = &mut self.to.high.col_as_slice_mut(j)[..other.len()];
            let low = &mut self.to.low.col_as_slice_mut(j)[..other.len()];
            for i in 0..other.len() {
                let (sum, rest) = two_sum(high[i], self.sign * other[i]);
                (high[i], low[i]) = two_sum(sum, rest + low[i]);
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
        let mut largest = vec![0.0; rows];
        for column in a.high.col_iter() {
            for (largest, x) in largest.iter_mut().zip(column.iter()) {
                *largest = f64::max(*largest, x.abs());
            }
        }
        Self::new(a, terms, &largest, |_, units| units)
    }

    /// Of the columns of B, for sums of as many products as B has rows.
    pub(super) fn of_columns(b: &Pair) -> Self {
        let (terms, columns) = b.high.shape();
        let largest: Vec<f64> = (0..columns).map(|j| b.high.col(j).norm_max()).collect();
        Self::new(b, terms, &largest, |j, units| &units[j..=j])
    }

    /// Entries of a line share their unit: `of_column` gives those of a column, one or one an entry.
    fn new(
        a: &Pair,
        terms: usize,
        largest: &[f64],
        of_column: impl Fn(usize, &[f64]) -> &[f64],
    ) -> Self {
        let (rows, columns) = a.high.shape();
        // 2β + log₂ n ≤ 53, with a bit for the carry of rounding in each factor.
        let bits = (51 - terms.next_power_of_two().ilog2() as i32) / 2;
        let mut rest = a.clone();
        let mut slices = Vec::new();
        for slice in 1..=SLICES as i32 {
            // x + 1.5 · 2⁵² u rounds x to multiples of u.
            let rounders: Vec<f64> = largest
                .iter()
                .map(|&largest| 1.5 * 2f64.powi(52) * unit(largest, slice * bits))
                .collect();
            let mut part = Mat::zeros(rows, columns);
            for j in 0..columns {
                let entries = part.col_as_slice_mut(j).iter_mut();
                let entries = entries.zip(rest.high.col_as_slice(j));
                match of_column(j, &rounders) {
                    [rounder] => entries.for_each(|(part, x)| *part = (x + rounder) - rounder),
                    rounders => entries
                        .zip(rounders)
                        .for_each(|((part, x), rounder)| *part = (x + rounder) - rounder),
                }
            }
            rest.add(&part, -1.0);
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
                sum.add(&product, 1.0);
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
    use super::super::double_double::DoubleDouble;
    use super::*;
    use crate::gradcheck::gaussian;

    #[test]
    fn products_keep_twice_the_digits() {
        for (m, n, p) in [(1, 1, 1), (7, 5, 3), (40, 300, 4), (9, 64, 9)] {
            let mut a = gaussian(m, n, 1);
            a.col_mut(0).iter_mut().for_each(|x| *x *= 1e-8);
            let mut left = Pair::new(a.as_ref());
            left.add(&(faer::Scale(1e-19) * gaussian(m, n, 2)), 1.0);
            let b = gaussian(n, p, 3);
            let found = Slices::of_rows(&left).times(&Slices::of_columns(&Pair::new(b.as_ref())));
            for i in 0..m {
                for j in 0..p {
                    let mut exact = DoubleDouble::<1>::ZERO;
                    for k in 0..n {
                        let x = [left.high[(i, k)]];
                        exact = exact + DoubleDouble::product(x, [b[(k, j)]]);
                        let x = [left.low[(i, k)]];
                        exact = exact + DoubleDouble::product(x, [b[(k, j)]]);
                    }
                    let found = DoubleDouble::sum([found.high[(i, j)]], [found.low[(i, j)]]);
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
