//! The square root and its reciprocal.

use super::pairs::{Pairwise, all_pairs, all_pairs_of_lists, one_pair};
use crate::function::scalar_function::ScalarFunction;
use crate::lanes::NumbersMut;
use faer::MatMut;

/// f(x) = √x on x ≥ 0, with no slope at zero; f[a, b] = 1 / (√a + √b).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sqrt;

impl ScalarFunction for Sqrt {
    fn value(&self, x: f64) -> f64 {
        x.sqrt()
    }

    fn slope(&self, x: f64) -> f64 {
        0.5 / x.sqrt()
    }

    fn curvature(&self, x: f64) -> Option<f64> {
        Some(-0.25 / x / x.sqrt())
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
        let (r, s, t) = (a.sqrt(), b.sqrt(), c.sqrt());
        Some(-1.0 / (r + s) / (s + t) / (t + r))
    }
}

impl Pairwise<1> for Sqrt {
    fn parts(&self, x: f64) -> [f64; 1] {
        [x.sqrt()]
    }

    #[inline(always)]
    fn pair(&self, [r]: [f64; 1], [s]: [f64; 1]) -> f64 {
        1.0 / (r + s)
    }
}

/// f(x) = 1/√x on x > 0; f[a, b] = −1 / (√a √b (√a + √b)).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct InverseSqrt;

impl ScalarFunction for InverseSqrt {
    fn value(&self, x: f64) -> f64 {
        1.0 / x.sqrt()
    }

    fn slope(&self, x: f64) -> f64 {
        -0.5 / x / x.sqrt()
    }

    fn curvature(&self, x: f64) -> Option<f64> {
        Some(0.75 / x / x.sqrt() / x)
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
        let mut roots = [a.sqrt(), b.sqrt(), c.sqrt()];
        roots.sort_by(f64::total_cmp);
        let [r, s, t] = roots;
        // (r + s + t) / (r s t (r + s)(s + t)(t + r)); in this order nothing between over- or underflows first.
        Some((1.0 + r / (s + t)) / (r * t) / (r + s) / (t + r) / s)
    }
}

impl Pairwise<2> for InverseSqrt {
    fn parts(&self, x: f64) -> [f64; 2] {
        [x.sqrt(), 1.0 / x.sqrt()]
    }

    #[inline(always)]
    fn pair(&self, [r, inverse_r]: [f64; 2], [s, inverse_s]: [f64; 2]) -> f64 {
        -(inverse_r * inverse_s) / (r + s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_by_hand() {
        // √: 1/(1 + 2), −1/(3 · 5 · 4); its reciprocal: (½ − 1)/3, (1 + 2 + 3)/(6 · 3 · 5 · 4).
        assert_eq!(Sqrt.divided_difference(1.0, 4.0), 1.0 / 3.0);
        let second = Sqrt.second_divided_difference(1.0, 4.0, 9.0).unwrap();
        assert!((second + 1.0 / 60.0).abs() < 1e-17);
        assert!((InverseSqrt.divided_difference(4.0, 1.0) + 1.0 / 6.0).abs() < 1e-16);
        let second = InverseSqrt
            .second_divided_difference(9.0, 1.0, 4.0)
            .unwrap();
        assert!((second - 1.0 / 60.0).abs() < 1e-17);
    }

    #[test]
    fn equal_arguments_give_derivatives_at_every_size() {
        for x in [1e-300, 1e-17, 0.3, 7.0, 1e100] {
            for f in [&Sqrt as &dyn ScalarFunction, &InverseSqrt] {
                let all = f.divided_differences(&[x, x]);
                for found in [f.divided_difference(x, x), all[(0, 1)], all[(1, 1)]] {
                    let expected = f.slope(x);
                    let error = (found - expected).abs() / expected.abs();
                    assert!(
                        error < 1e-15 || found == expected,
                        "{x:e}: {found:e} for {expected:e}"
                    );
                }
                let (second, curvature) = (f.second_divided_difference(x, x, x), f.curvature(x));
                let ratio = second.unwrap() / curvature.unwrap();
                assert!(
                    (ratio - 0.5).abs() < 1e-15 || curvature.unwrap().is_infinite(),
                    "{x:e}"
                );
            }
        }
    }

    #[test]
    fn nothing_between_over_or_underflows() {
        let (a, b) = (1e-300, 1e300);
        assert!((Sqrt.divided_difference(a, b) * 1e150 - 1.0).abs() < 1e-15);
        assert!((InverseSqrt.divided_difference(a, b) * 1e150 + 1.0).abs() < 1e-15);
        assert!(
            (InverseSqrt.second_divided_difference(b, a, a).unwrap() / 0.5e150 - 1.0).abs() < 1e-15
        );
    }

    #[test]
    fn there_is_no_slope_at_zero() {
        assert_eq!(Sqrt.value(0.0), 0.0);
        assert!(Sqrt.slope(0.0).is_infinite() && Sqrt.divided_difference(0.0, 0.0).is_infinite());
        assert!(InverseSqrt.value(0.0).is_infinite());
        assert!(Sqrt.value(-1.0).is_nan() && InverseSqrt.divided_difference(-1.0, 1.0).is_nan());
    }
}
