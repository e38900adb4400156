//! Powers.

use super::inverse::Inverse;
use super::log::{difference_and_half_ratio, log_parts};
use super::pairs::{Pairwise, all_pairs, all_pairs_of_lists, one_pair};
use super::roots::{InverseSqrt, Sqrt};
use super::series::sinh_over_argument;
use crate::function::divided_difference::second;
use crate::function::scalar_function::{ScalarFunction, differences_of_lists};
use crate::lanes::NumbersMut;
use crate::scale::power_of_two_scale;
use faer::MatMut;

/// f(x) = xᵖ: on x > 0; at zero too for p ≥ 0; on x < 0 too for whole p.
///
/// # Conventions
/// 0⁰ is 1. f[a, b] has a closed form for p = 0, 1, 2, 3, −1, ½ and −½; elsewhere it is right to 10⁻¹⁵ of itself, and
/// overflows only with the result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Power {
    /// p.
    pub exponent: f64,
}

impl ScalarFunction for Power {
    fn value(&self, x: f64) -> f64 {
        x.powf(self.exponent)
    }

    fn slope(&self, x: f64) -> f64 {
        let p = self.exponent;
        // 0 · 0⁻¹ is not a number, the slope of 1 is.
        if p == 0.0 {
            0.0
        } else {
            p * self.lowered(x, 1)
        }
    }

    fn curvature(&self, x: f64) -> Option<f64> {
        let p = self.exponent;
        let factor = p * (p - 1.0);
        Some(if factor == 0.0 {
            0.0
        } else {
            factor * self.lowered(x, 2)
        })
    }

    fn edge(&self) -> Option<f64> {
        let whole = self.exponent.fract() == 0.0 && self.exponent >= 0.0;
        (!whole).then_some(0.0)
    }

    fn divided_difference(&self, a: f64, b: f64) -> f64 {
        let p = self.exponent;
        if let Some(named) = self.named() {
            named.divided_difference(a, b)
        } else if p == 0.0 {
            0.0
        } else if p == 1.0 {
            1.0
        } else if p == 2.0 {
            a + b
        } else if p == 3.0 {
            (a * a + b * b) + a * b
        } else if a > 0.0 && b > 0.0 {
            one_pair(self, a, b)
        } else if a == b {
            self.slope(a)
        } else {
            self.not_of_positive(a, b)
        }
    }

    fn fill_divided_differences(&self, x: &[f64], mut differences: MatMut<'_, f64>) {
        if let Some(named) = self.named() {
            return named.fill_divided_differences(x, differences);
        }
        all_pairs(self, x, differences.as_mut());
        let closed = self.is_small_whole();
        for j in 0..x.len() {
            for i in 0..x.len() {
                if closed || !(x[i] > 0.0 && x[j] > 0.0) {
                    differences[(i, j)] = self.divided_difference(x[i], x[j]);
                }
            }
        }
    }

    fn fill_differences_of_lists(&self, lists: usize, x: &[f64], differences: NumbersMut<'_>) {
        if let Some(named) = self.named() {
            named.fill_differences_of_lists(lists, x, differences);
        } else if !self.is_small_whole() && x.iter().all(|x| *x > 0.0) {
            all_pairs_of_lists(self, lists, x, differences);
        } else {
            differences_of_lists(self, lists, x, differences);
        }
    }

    fn second_divided_difference(&self, a: f64, b: f64, c: f64) -> Option<f64> {
        let p = self.exponent;
        if let Some(named) = self.named() {
            named.second_divided_difference(a, b, c)
        } else if p == 0.0 || p == 1.0 {
            Some(0.0)
        } else if p == 2.0 {
            Some(1.0)
        } else if p == 3.0 {
            Some(a + b + c)
        } else {
            Some(self.second_of_any(a, b, c))
        }
    }
}

impl Power {
    /// Is the divided difference a polynomial of few terms?
    fn is_small_whole(&self) -> bool {
        [0.0, 1.0, 2.0, 3.0].contains(&self.exponent)
    }

    /// The type that this power has for itself.
    fn named(&self) -> Option<&'static dyn ScalarFunction> {
        if self.exponent == 0.5 {
            Some(&Sqrt)
        } else if self.exponent == -0.5 {
            Some(&InverseSqrt)
        } else if self.exponent == -1.0 {
            Some(&Inverse)
        } else {
            None
        }
    }

    fn second_of_any(&self, a: f64, b: f64, c: f64) -> f64 {
        let p = self.exponent;
        let first = |x, y| self.divided_difference(x, y);
        let second = |x| second(first, |x| self.curvature(x), x).unwrap_or(f64::NAN);
        // f is homogeneous, f[sa, sb, sc] = s^(p − 2) f[a, b, c]: the parts would leave the range of numbers where the
        // whole does not. Not where the smallest argument counts and would be lost.
        let scale = power_of_two_scale(faer::row![a, b, c].as_mat());
        let smallest = a.abs().min(b.abs()).min(c.abs());
        let range = if p > 0.0 { 1e-300 } else { 1e-100 };
        if p > 2.0 || smallest == 0.0 || smallest / scale > range {
            // Beside 1, smaller values do not count for p > 2.
            let beside = |x: f64| if x.abs() > 1e-300 { x } else { 0.0 };
            let scaled = second([a, b, c].map(|x| beside(x / scale)));
            // The exponent that is not rounded.
            let raise = if p > 1.0 {
                scale.powf(0.5 * p - 1.0)
            } else {
                scale.powf(0.5 * p) / scale
            };
            scaled * raise * raise
        } else {
            second([a, b, c])
        }
    }

    /// xᵖ / xⁿ: p − n is not always a number of this type, and the last digit of an exponent is many of a large power.
    fn lowered(&self, x: f64, n: usize) -> f64 {
        let p = self.exponent;
        let power = x.powf(p);
        if x == 0.0 || !x.is_finite() || p.abs() > 1e15 {
            return x.powf(p - n as f64);
        }
        // All digits are there.
        if (f64::MIN_POSITIVE..f64::INFINITY).contains(&power.abs()) {
            return (0..n).fold(power, |power, _| power / x);
        }
        // In two halves, so that it over- or underflows only with the result.
        let half = x.abs().powf(0.5 * p);
        let sign = if power.is_sign_negative() { -1.0 } else { 1.0 };
        sign * (0..n).fold(half, |power, _| power / x) * half
    }

    /// f[a, b], a ≠ b, where not both are positive: xᵖ is even or odd, or not defined.
    fn not_of_positive(&self, a: f64, b: f64) -> f64 {
        let p = self.exponent;
        let (x, y) = (a.abs(), b.abs());
        if a.min(b) == 0.0 {
            // −∞ for p < 0.
            return if p > 0.0 {
                self.lowered(x.max(y), 1)
            } else {
                f64::NEG_INFINITY
            };
        }
        if p.fract() != 0.0 {
            return f64::NAN;
        }
        let odd = p.rem_euclid(2.0) == 1.0;
        if a <= 0.0 && b <= 0.0 {
            let reflected = self.divided_difference(x, y);
            return if odd { reflected } else { -reflected };
        }
        // Of opposite sign: b − a is ± the sum of the magnitudes.
        let (share_x, share_y) = (x / (x + y), y / (x + y));
        if odd {
            self.lowered(x, 1) * share_x + self.lowered(y, 1) * share_y
        } else {
            let positive_first = if a > 0.0 { 1.0 } else { -1.0 };
            self.divided_difference(x, y) * (positive_first * (share_x - share_y))
        }
    }
}

impl Pairwise<4> for Power {
    /// The parts of ln, and x^(p/2); NaN unless x > 0.
    fn parts(&self, x: f64) -> [f64; 4] {
        let [half, k, log] = log_parts(x);
        [half, k, log, x.powf(0.5 * self.exponent)]
    }

    /// xᵖ = e^(p ln x): f[a, b] = p ln[a, b] (ab)^(p/2) sinh(h) / h with h = p ln(a/b) / 2 while that is small.
    ///
    /// (x^(p/2))² so that nothing over- or underflows before the result does.
    #[inline(always)]
    fn pair(
        &self,
        [half_a, k_a, log_a, root_a]: [f64; 4],
        [half_b, k_b, log_b, root_b]: [f64; 4],
    ) -> f64 {
        let (log_difference, half_ratio) =
            difference_and_half_ratio([half_a, k_a, log_a], [half_b, k_b, log_b]);
        let h = self.exponent * half_ratio;
        // In an order that does not depend on that of a and b.
        let (large, small) = if root_a > root_b {
            (root_a, root_b)
        } else {
            (root_b, root_a)
        };
        let mean = small * (log_difference * large) * self.exponent;
        let reciprocal = 0.5 / (half_a - half_b);
        let quotient = root_a * (reciprocal * root_a) - root_b * (reciprocal * root_b);
        if h.abs() <= 0.5 {
            mean * sinh_over_argument(h)
        } else {
            quotient
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn power(exponent: f64) -> Power {
        Power { exponent }
    }

    fn assert_close(found: f64, expected: f64, name: &str) {
        // Six roundings.
        let tolerance = 6.0 * f64::EPSILON * expected.abs();
        assert!(
            (found - expected).abs() <= tolerance,
            "{name}: {found:e} for {expected:e}"
        );
    }

    #[test]
    fn agrees_with_fifty_digits() {
        for (p, a, b, expected) in [
            (2.5, 1.0, 4.0, 10.333_333_333_333_334),
            (2.5, 1e-150, 1.5e-150, 3.511_351_921_262_151e-225),
            (2.5, 1e140, 1e100, 1e210),
            (0.3, 1e-300, 1e300, 9.999_999_999_999_923e-211),
            (0.3, 2.0, 2.000_000_000_2, 0.184_671_661_995_273_93),
            (-1.7, 3.0, 0.5, -1.237_808_759_933_714_2),
            (-2.0, 1e-182, 1e290, -9.999_999_999_999_998e73),
            (1e-5, 1e-300, 1e-298, 4.619_771_441_447_433_4e293),
            (4.0, 0.1, 0.3, 0.039_999_999_999_999_994),
            (0.75, 0.0, 2.0, 0.840_896_415_253_714_5),
        ] {
            let found = power(p).divided_difference(a, b);
            assert_close(found, expected, &format!("{p}: {a:e}, {b:e}"));
            assert_eq!(found, power(p).divided_difference(b, a));
        }
    }

    #[test]
    fn whole_powers_reach_negative_arguments() {
        // Σ aⁱ bʲ over i + j = p − 1; for p < 0 minus the same of the reciprocals over ab.
        for (a, b) in [
            (-2.0, 3.0),
            (-3.0, 2.0),
            (-2.0, -1.5),
            (0.0, -2.0),
            (-1.25, 1.25),
        ] {
            for p in 1..=6 {
                let sum: f64 = (0..p)
                    .map(|i| f64::powi(a, i) * f64::powi(b, p - 1 - i))
                    .sum();
                let found = power(f64::from(p)).divided_difference(a, b);
                assert!((found - sum).abs() < 1e-13 * 3f64.powi(p), "{p}: {a}, {b}");
            }
            if a != 0.0 {
                let expected = -(a + b) / (a * b).powi(2);
                let found = power(-2.0).divided_difference(a, b);
                assert!(
                    (found - expected).abs() < 1e-15,
                    "{a}, {b}: {found} for {expected}"
                );
            }
        }
        assert!(power(1.5).divided_difference(-1.0, -2.0).is_nan());
        assert!(power(1.5).value(-1.0).is_nan());
    }

    #[test]
    fn zero_is_in_the_domain_of_powers_that_have_it() {
        assert_eq!((power(0.0).value(0.0), power(0.0).slope(0.0)), (1.0, 0.0));
        assert_eq!(power(1.0).slope(0.0), 1.0);
        assert_eq!(power(1.5).divided_difference(0.0, 0.0), 0.0);
        assert_eq!(power(2.0).curvature(0.0), Some(2.0));
        assert!(power(0.25).slope(0.0).is_infinite());
        assert!(power(-0.25).divided_difference(0.0, 1.0).is_infinite());
    }

    #[test]
    fn second_differences_of_whole_powers_are_sums_of_products() {
        let gap = 1.0 + 1e-9;
        for [a, b, c] in [
            [1.0, 2.0, 4.0],
            [1.5, 1.5 * gap, 1.5 / gap],
            [2.0, 2.0, 2.0],
            [0.0, 1.0, 1.0],
        ] {
            // Complete homogeneous polynomials of degree p − 2.
            let of_four = a * a + b * b + c * c + a * b + b * c + c * a;
            assert_close(
                power(4.0).second_divided_difference(a, b, c).unwrap(),
                of_four,
                "4",
            );
            assert_close(
                power(3.0).second_divided_difference(a, b, c).unwrap(),
                a + b + c,
                "3",
            );
            assert_eq!(power(2.0).second_divided_difference(a, b, c), Some(1.0));
            assert_eq!(power(1.0).second_divided_difference(a, b, c), Some(0.0));
        }
        // f[1, 1, 4] of x^(5/2): (31/3 − 5/2) / 3.
        let found = power(2.5).second_divided_difference(4.0, 1.0, 1.0).unwrap();
        assert_close(found, 47.0 / 18.0, "5/2");
        for size in [2f64.powi(-1000), 2f64.powi(1000)] {
            let found = power(2.5)
                .second_divided_difference(4.0 * size, size, size)
                .unwrap();
            assert_close(found, 47.0 / 18.0 * size.sqrt(), "5/2, scaled");
        }
    }
}
