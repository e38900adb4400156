//! The natural logarithm.

use super::pairs::{Pairwise, all_pairs, all_pairs_of_lists, one_pair};
use super::series::atanh_over_argument;
use crate::function::divided_difference::second;
use crate::function::scalar_function::ScalarFunction;
use crate::lanes::NumbersMut;
use faer::MatMut;
use std::f64::consts::{LN_2, SQRT_2};

/// f(x) = ln x on x > 0.
///
/// # Conventions
/// f[a, b] is right to 10⁻¹⁵ of itself for all a and b from 10⁻³⁰⁰ to 10³⁰⁰.
///
/// # Source
/// x = 2ᵏ m with m in [√½, √2). Close together, f[a, b] = (2 + 2t²/3 + 2t⁴/5 + …) / (a + b) with t = (a − b)/(a + b);
/// elsewhere ((k − k′) ln 2 + (ln m − ln m′)) / (a − b), in which nothing large cancels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Log;

impl ScalarFunction for Log {
    fn value(&self, x: f64) -> f64 {
        x.ln()
    }

    fn slope(&self, x: f64) -> f64 {
        x.recip()
    }

    fn curvature(&self, x: f64) -> Option<f64> {
        Some(-x.recip() / x)
    }

    fn edge(&self) -> Option<f64> {
        Some(0.0)
    }

    fn divided_difference(&self, a: f64, b: f64) -> f64 {
        one_pair(self, a, b)
    }

    fn fill_divided_differences(&self, x: &[f64], differences: MatMut<'_, f64>) {
        all_pairs(self, x, differences);
    }

    fn fill_differences_of_lists(&self, lists: usize, x: &[f64], differences: NumbersMut<'_>) {
        all_pairs_of_lists(self, lists, x, differences);
    }

    fn second_divided_difference(&self, a: f64, b: f64, c: f64) -> Option<f64> {
        let mut x = [a, b, c];
        x.sort_by(f64::total_cmp);
        let [low, middle, high] = x;
        let (u, v) = ((low - middle) / middle, (high - middle) / middle);
        if low > 0.0 && u.abs().max(v) <= 0.25 {
            return Some(-close_triple(u, v) / middle / middle);
        }
        let first = |a, b| self.divided_difference(a, b);
        second(first, |x| self.curvature(x), x)
    }
}

/// −ln[1 + u, 1, 1 + v] = Σ (−1)ⁿ hₙ / (n + 2) with hₙ = Σ uⁱ vⁿ⁻ⁱ, for |u|, |v| ≤ 1/4.
fn close_triple(u: f64, v: f64) -> f64 {
    let (mut sum, mut h, mut power, mut sign) = (0.0, 1.0, 1.0, 1.0);
    // The terms left out are below 4⁻²⁸.
    for n in 2..30 {
        sum += sign * h / f64::from(n);
        power *= v;
        h = u * h + power;
        sign = -sign;
    }
    sum
}

impl Pairwise<3> for Log {
    fn parts(&self, x: f64) -> [f64; 3] {
        log_parts(x)
    }

    #[inline(always)]
    fn pair(&self, a: [f64; 3], b: [f64; 3]) -> f64 {
        difference_and_half_ratio(a, b).0
    }
}

/// x/2, k and (ln m)/2; NaN outside the domain. Halves, so that a + b cannot overflow.
pub(super) fn log_parts(x: f64) -> [f64; 3] {
    if !(x > 0.0 && x.is_finite()) {
        return [f64::NAN; 3];
    }
    let (normal, raised) = if x < f64::MIN_POSITIVE {
        (x * 2f64.powi(54), 54)
    } else {
        (x, 0)
    };
    let bits = normal.to_bits();
    let mut k = (bits >> 52) as i32 - 1023 - raised;
    let mut m = f64::from_bits(bits & 0x000f_ffff_ffff_ffff | 0x3ff0_0000_0000_0000);
    if m >= SQRT_2 {
        m *= 0.5;
        k += 1;
    }
    [0.5 * x, f64::from(k), 0.5 * m.ln()]
}

/// f[a, b] and ln(a/b) / 2, both ways and then one of them: a branch would keep the loop over many pairs narrow.
#[inline(always)]
pub(super) fn difference_and_half_ratio(
    [half_a, k_a, log_a]: [f64; 3],
    [half_b, k_b, log_b]: [f64; 3],
) -> (f64, f64) {
    let (sum, gap) = (half_a + half_b, half_a - half_b);
    let close = 5.0 * gap.abs() <= sum;
    // One division serves both ways.
    let reciprocal = 1.0 / if close { sum } else { gap };
    let t = gap * reciprocal;
    let series = atanh_over_argument(t);
    let logs = (k_a - k_b) * (0.5 * LN_2) + (log_a - log_b);
    let difference = reciprocal * if close { series } else { logs };
    (difference, if close { t * series } else { logs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_fifty_digits() {
        for (a, b, expected) in [
            (1e-300, 1e300, 1.381_551_055_796_427_3e-297),
            (1e-300, 1.5e-300, 8.109_302_162_163_287e299),
            (1.0, 2.0, LN_2),
            // On both sides of the seam.
            (1.0, 1.5, 0.810_930_216_216_328_8),
            (1.0, 1.500_000_000_000_000_2, 0.810_930_216_216_328_7),
            (0.9, 1.1, 1.003_353_477_310_755_7),
            (3.0, 3.0, 1.0 / 3.0),
            (1.0, 1.0 + 2f64.powi(-30), 0.999_999_999_534_338_7),
            (1e300, 1.000_000_1e300, 9.999_999_500_000_034e-301),
            (0.7, 0.72, 1.408_543_848_334_816_3),
            (1.3, 2.9, 0.501_466_545_328_085_8),
            (5e-324, 1.0, 744.440_071_921_381_2),
            (1.7e308, 1.2e308, 6.966_133_885_364_315e-309),
        ] {
            let found = Log.divided_difference(a, b);
            let error = (found - expected).abs() / expected;
            assert!(error <= 1e-15, "{a:e}, {b:e}: {error:e}");
        }
    }

    #[test]
    fn close_arguments_agree_with_the_exact_series() {
        // ln(1 + g)/g for g from 1 to 2⁻⁵²; ln_1p is right to the last digit.
        for exponent in -52..=0 {
            for fraction in [1.0, 1.25, 1.9] {
                let gap = fraction * 2f64.powi(exponent);
                let gap = (1.0 + gap) - 1.0;
                let expected = gap.ln_1p() / gap;
                let error = (Log.divided_difference(1.0 + gap, 1.0) - expected).abs() / expected;
                assert!(error <= 4.0 * f64::EPSILON, "{gap:e}: {error:e}");
            }
        }
    }

    #[test]
    fn all_pairs_are_the_single_ones() {
        let x: Vec<f64> = (0..37).map(|i| 1.7f64.powi(i - 12) + 1e-3).collect();
        let all = Log.divided_differences(&x);
        for i in 0..x.len() {
            for j in 0..x.len() {
                assert_eq!(all[(i, j)], Log.divided_difference(x[i], x[j]));
                assert_eq!(all[(i, j)], all[(j, i)]);
            }
            assert!((all[(i, i)] * x[i] - 1.0).abs() < 1e-15);
        }
        assert_eq!(Log.divided_differences(&[]).shape(), (0, 0));
    }

    #[test]
    fn outside_the_domain_nothing_is_a_number() {
        for (a, b) in [
            (-1.0, -1.0),
            (0.0, 1.0),
            (2.0, f64::NAN),
            (1.0, f64::INFINITY),
        ] {
            assert!(Log.divided_difference(a, b).is_nan(), "{a}, {b}");
        }
    }

    #[test]
    fn second_differences_are_half_the_curvature_of_the_series() {
        // ln at 1, 1, 1 + g: (ln_1p(g)/g − 1)/g = −1/2 + g/3 − g²/4 + …
        for gap in [1e-12f64, 1e-9, 1e-6, 1e-3] {
            let gap = (1.0 + gap) - 1.0;
            let series = -0.5 + gap / 3.0 - gap * gap / 4.0 + gap.powi(3) / 5.0 - gap.powi(4) / 6.0;
            let found = Log.second_divided_difference(1.0, 1.0 + gap, 1.0).unwrap();
            // At 10⁻³ the first term left out is 10⁻¹⁵/7.
            assert!(
                (found - series).abs() < 1e-15,
                "{gap:e}: {found} for {series}"
            );
        }
        assert_eq!(Log.second_divided_difference(2.0, 2.0, 2.0), Some(-0.125));
        // On both sides of the seam: (2 ln 4 − ln 3 − ln 5) / −2, and with a nudge.
        let at_seam = -0.5 * (16.0f64 / 15.0).ln();
        let found = Log.second_divided_difference(5.0, 3.0, 4.0).unwrap();
        assert!(
            (found / at_seam - 1.0).abs() < 2e-15,
            "{found} for {at_seam}"
        );
        let beyond = Log
            .second_divided_difference(5.0 + 1e-14, 3.0, 4.0)
            .unwrap();
        assert!(
            (beyond / at_seam - 1.0).abs() < 1e-14,
            "{beyond} for {at_seam}"
        );
    }
}
