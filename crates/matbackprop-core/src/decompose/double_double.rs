//! Numbers of twice the precision, each the unevaluated sum of two f64, several side by side.
//!
//! Source: Dekker, "A floating-point technique for extending the available precision", Numerische Mathematik 18, 1971;
//! the exact product by a fused multiplication and addition.

use std::ops::{Add, Mul, Neg, Sub};

/// N numbers high + low with |low| ≤ ½ ulp(high): about 32 decimal digits, in the range of an f64.
///
/// A compiler makes wide registers of N lanes that do the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct DoubleDouble<const N: usize> {
    high: [f64; N],
    low: [f64; N],
}

impl<const N: usize> DoubleDouble<N> {
    pub(super) const ZERO: Self = Self {
        high: [0.0; N],
        low: [0.0; N],
    };

    /// One number after the other.
    #[inline(always)]
    fn each(f: impl Fn(usize) -> (f64, f64)) -> Self {
        let mut made = Self::ZERO;
        for k in 0..N {
            (made.high[k], made.low[k]) = f(k);
        }
        made
    }

    /// a + b without error.
    #[inline(always)]
    pub(super) fn sum(a: [f64; N], b: [f64; N]) -> Self {
        Self::each(|k| two_sum(a[k], b[k]))
    }

    /// a b without error, unless that underflows.
    #[inline(always)]
    pub(super) fn product(a: [f64; N], b: [f64; N]) -> Self {
        Self::each(|k| two_product(a[k], b[k]))
    }

    /// The nearest f64s.
    #[inline(always)]
    pub(super) fn rounded(self) -> [f64; N] {
        self.high
    }

    /// The sum of the N numbers.
    #[inline(always)]
    pub(super) fn total(self) -> DoubleDouble<1> {
        (0..N).fold(DoubleDouble::ZERO, |sum, k| {
            sum + DoubleDouble {
                high: [self.high[k]],
                low: [self.low[k]],
            }
        })
    }

    /// Every number times one f64.
    #[inline(always)]
    pub(super) fn scaled(self, factor: f64) -> Self {
        Self::each(|k| {
            let (high, low) = two_product(self.high[k], factor);
            ordered_sum(high, self.low[k].mul_add(factor, low))
        })
    }
}

impl<const N: usize> From<[f64; N]> for DoubleDouble<N> {
    fn from(high: [f64; N]) -> Self {
        Self { high, ..Self::ZERO }
    }
}

impl<const N: usize> Add for DoubleDouble<N> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // Both halves without error, so that sums that cancel keep their digits.
        Self::each(|k| {
            let (high, from_high) = two_sum(self.high[k], other.high[k]);
            let (low, rest) = two_sum(self.low[k], other.low[k]);
            let (high, low) = ordered_sum(high, from_high + low);
            ordered_sum(high, low + rest)
        })
    }
}

impl<const N: usize> Neg for DoubleDouble<N> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self::each(|k| (-self.high[k], -self.low[k]))
    }
}

impl<const N: usize> Sub for DoubleDouble<N> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl<const N: usize> Mul for DoubleDouble<N> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self::each(|k| {
            let (high, low) = two_product(self.high[k], other.high[k]);
            let cross = self.high[k].mul_add(other.low[k], self.low[k] * other.high[k]);
            ordered_sum(high, low + cross)
        })
    }
}

/// a + b, rounded and the rest.
#[inline(always)]
pub(super) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let high = a + b;
    let from_b = high - a;
    (high, (a - (high - from_b)) + (b - from_b))
}

/// The same where |a| is the larger.
#[inline(always)]
fn ordered_sum(a: f64, b: f64) -> (f64, f64) {
    let high = a + b;
    (high, b - (high - a))
}

/// a b, rounded and the rest.
#[inline(always)]
fn two_product(a: f64, b: f64) -> (f64, f64) {
    let high = a * b;
    (high, a.mul_add(b, -high))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(x: f64) -> DoubleDouble<1> {
        [x].into()
    }

    #[test]
    fn digits_beyond_one_number_are_kept() {
        let tiny = 2f64.powi(-80);
        let one_and_a_bit = number(1.0) + number(tiny);
        assert_eq!(one_and_a_bit.rounded(), [1.0]);
        assert_eq!((one_and_a_bit - number(1.0)).rounded(), [tiny]);
        // (1 + t)(1 − t) = 1 − t², (1 + t) · 3 = 3 + 3 t, ⅓ · 3 = 1.
        let product = one_and_a_bit * (number(1.0) - number(tiny)) - number(1.0);
        assert!(product.rounded()[0].abs() < 1e-31);
        let triple = one_and_a_bit.scaled(3.0) - number(3.0);
        assert_eq!(triple.rounded(), [3.0 * tiny]);
        let rest = DoubleDouble::product([1.0 / 3.0], [f64::EPSILON / 4.0]);
        let third = number(1.0 / 3.0) + rest;
        assert!((third.scaled(3.0) - number(1.0)).rounded()[0].abs() < 1e-31);
    }

    #[test]
    fn sums_and_products_of_two_numbers_are_exact() {
        let sum = DoubleDouble::sum([1e16, 1.5], [1.5, 1e16]);
        assert_eq!((sum.high, sum.low), ([1e16 + 2.0; 2], [-0.5; 2]));
        // (2²⁷ + 1)² = 2⁵⁴ + 2²⁸ + 1.
        let x = [2f64.powi(27) + 1.0];
        let square = DoubleDouble::product(x, x);
        assert_eq!(square.high, [2f64.powi(54) + 2f64.powi(28)]);
        assert_eq!(square.low, [1.0]);
        let lanes = DoubleDouble::from([1.0, 1e-25, -1.0, 2e-25]);
        assert!((lanes.total().rounded()[0] / 3e-25 - 1.0).abs() < 1e-6);
    }
}
