//! The exponential.

use super::pairs::{Pairwise, all_pairs, all_pairs_of_lists, one_pair};
use super::series::sinh_over_argument;
use crate::function::divided_difference::second;
use crate::function::scalar_function::ScalarFunction;
use crate::lanes::NumbersMut;
use faer::MatMut;

/// f(x) = eˣ; f[a, b] = e^((a + b)/2) sinh(h) / h with h = (b − a)/2.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Exp;

impl ScalarFunction for Exp {
    fn value(&self, x: f64) -> f64 {
        x.exp()
    }

    fn slope(&self, x: f64) -> f64 {
        x.exp()
    }

    fn curvature(&self, x: f64) -> Option<f64> {
        Some(x.exp())
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
        // f[a + s, b + s, c + s] = eˢ f[a, b, c]: near zero an argument has all the digits of its differences.
        let shift = a.max(b).max(c);
        let root = (0.5 * shift).exp();
        let first = |x, y| self.divided_difference(x, y);
        let near_zero = second(
            first,
            |x| self.curvature(x),
            [a - shift, b - shift, c - shift],
        )?;
        Some(root * near_zero * root)
    }
}

impl Pairwise<2> for Exp {
    /// x/2 and e^(x/2).
    fn parts(&self, x: f64) -> [f64; 2] {
        [0.5 * x, (0.5 * x).exp()]
    }

    /// f[a, b], both ways and then one of them; (e^(x/2))² so that nothing overflows before the result does.
    #[inline(always)]
    fn pair(&self, [half_a, root_a]: [f64; 2], [half_b, root_b]: [f64; 2]) -> f64 {
        let h = half_a - half_b;
        let reciprocal = 0.5 / h;
        let quotient = root_a * (reciprocal * root_a) - root_b * (reciprocal * root_b);
        if h.abs() <= 0.5 {
            root_a * root_b * sinh_over_argument(h)
        } else {
            quotient
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_fifty_digits() {
        for (a, b, expected) in [
            (0.0, 0.0, 1.0),
            (0.0, 1.0, std::f64::consts::E - 1.0),
            (-1.0, 0.25, 0.732_916_780_413_039_3),
            (700.0, 700.000_000_1, 1.014_232_105_446_591_5e304),
            // The value of the first overflows, this does not.
            (711.0, 600.0, 5.470_835_475_432_426_6e306),
            (709.0, -709.0, 5.795_773_950_320_855e304),
            (-700.0, -699.0, 1.694_170_303_962_629_8e-304),
            (1e-9, -1e-9, 1.0),
        ] {
            let found = Exp.divided_difference(a, b);
            let error = (found - expected).abs() / expected;
            assert!(error <= 1e-15, "{a}, {b}: {error:e}");
            assert_eq!(Exp.divided_differences(&[a, b])[(0, 1)], found);
            assert_eq!(Exp.divided_differences(&[a, b])[(1, 0)], found);
        }
    }

    #[test]
    fn second_differences_move_with_their_arguments() {
        // f[0, 0, 1] = e − 2, f[x, x, x] = eˣ/2.
        for shift in [0.0, -600.0, 600.0] {
            let found = Exp
                .second_divided_difference(shift, shift + 1.0, shift)
                .unwrap();
            let expected = (std::f64::consts::E - 2.0) * f64::exp(shift);
            assert!(
                (found / expected - 1.0).abs() < 2e-15,
                "{shift}: {found:e} for {expected:e}"
            );
            let found = Exp.second_divided_difference(shift, shift, shift).unwrap();
            assert!((2.0 * found / shift.exp() - 1.0).abs() < 1e-15, "{shift}");
        }
    }
}
