//! The reciprocal.

use super::pairs::{Pairwise, all_pairs, all_pairs_of_lists, one_pair};
use crate::function::scalar_function::ScalarFunction;
use crate::lanes::NumbersMut;
use faer::MatMut;

/// f(x) = 1/x on x ≠ 0; f[a, b] = −1 / (a b), f[a, b, c] = 1 / (a b c).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Inverse;

impl ScalarFunction for Inverse {
    fn value(&self, x: f64) -> f64 {
        x.recip()
    }

    fn slope(&self, x: f64) -> f64 {
        -x.recip() / x
    }

    fn curvature(&self, x: f64) -> Option<f64> {
        Some(2.0 / x / x / x)
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
        x.sort_by(|x, y| x.abs().total_cmp(&y.abs()));
        // The extremes first: their product is the least likely to over- or underflow.
        Some(1.0 / x[0] / x[2] / x[1])
    }
}

impl Pairwise<1> for Inverse {
    fn parts(&self, x: f64) -> [f64; 1] {
        [x.recip()]
    }

    #[inline(always)]
    fn pair(&self, [p]: [f64; 1], [q]: [f64; 1]) -> f64 {
        -(p * q)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_reciprocals() {
        let x = [-2.0, 0.5, 4.0, 4.0];
        let all = Inverse.divided_differences(&x);
        for i in 0..4 {
            for j in 0..4 {
                assert_eq!(all[(i, j)], -1.0 / (x[i] * x[j]));
                assert_eq!(all[(i, j)], Inverse.divided_difference(x[i], x[j]));
            }
            assert_eq!(Inverse.slope(x[i]), all[(i, i)]);
        }
        assert_eq!(
            Inverse.second_divided_difference(-2.0, 0.5, 4.0),
            Some(-0.25)
        );
        let second = Inverse
            .second_divided_difference(1e300, 1e-300, 1e250)
            .unwrap();
        assert!((second * 1e250 - 1.0).abs() < 1e-15);
        assert!(Inverse.value(0.0).is_infinite());
    }
}
