//! A function of x + ε.

use crate::buffer_pool::Temporary;
use crate::error::{Error, Result};
use crate::function::scalar_function::ScalarFunction;
use crate::lanes::NumbersMut;
use faer::MatMut;

/// x ↦ f(x + ε): so log and the negative powers reach x = 0.
///
/// # Conventions
/// ε is rounded into x once; a divided difference is that of f at the rounded sums, so it keeps its digits however small
/// the gap is beside ε.
///
/// # Errors
/// [`OutOfRange`](Error::OutOfRange) from [`new`](Self::new) unless 0 ≤ ε < ∞.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use matbackprop_core::{Log, Ridge, ScalarFunction};
/// let f = Ridge::new(Log, 1e-3)?;
/// assert_eq!((f.value(0.0), f.slope(0.0)), (1e-3f64.ln(), 1e3));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ridge<F> {
    f: F,
    epsilon: f64,
}

impl<F: ScalarFunction> Ridge<F> {
    /// f(x + ε).
    ///
    /// # Errors
    /// See [`Ridge`].
    pub fn new(f: F, epsilon: f64) -> Result<Self> {
        if epsilon.is_finite() && epsilon >= 0.0 {
            Ok(Self { f, epsilon })
        } else {
            Err(Error::OutOfRange {
                op: "ridge",
                value: epsilon,
                low: 0.0,
                high: f64::INFINITY,
            })
        }
    }

    /// The ridge, ε.
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }
}

impl<F: ScalarFunction> ScalarFunction for Ridge<F> {
    fn value(&self, x: f64) -> f64 {
        self.f.value(x + self.epsilon)
    }

    fn slope(&self, x: f64) -> f64 {
        self.f.slope(x + self.epsilon)
    }

    fn curvature(&self, x: f64) -> Option<f64> {
        self.f.curvature(x + self.epsilon)
    }

    fn edge(&self) -> Option<f64> {
        self.f.edge().map(|edge| edge - self.epsilon)
    }

    fn divided_difference(&self, a: f64, b: f64) -> f64 {
        self.f
            .divided_difference(a + self.epsilon, b + self.epsilon)
    }

    fn fill_divided_differences(&self, x: &[f64], differences: MatMut<'_, f64>) {
        let mut shifted = Temporary::new(x.len(), 1);
        for (shifted, x) in shifted.as_mut_slice().iter_mut().zip(x) {
            *shifted = x + self.epsilon;
        }
        self.f
            .fill_divided_differences(shifted.as_mut_slice(), differences);
    }

    fn fill_differences_of_lists(&self, lists: usize, x: &[f64], differences: NumbersMut<'_>) {
        let mut shifted = Temporary::new(x.len(), 1);
        for (shifted, x) in shifted.as_mut_slice().iter_mut().zip(x) {
            *shifted = x + self.epsilon;
        }
        let shifted = &shifted.as_mut_slice()[..x.len()];
        self.f
            .fill_differences_of_lists(lists, shifted, differences);
    }

    fn second_divided_difference(&self, a: f64, b: f64, c: f64) -> Option<f64> {
        let epsilon = self.epsilon;
        self.f
            .second_divided_difference(a + epsilon, b + epsilon, c + epsilon)
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::function::scalar::Log;

    #[test]
    fn shifts_every_argument() {
        let f = Ridge::new(Log, 0.5).unwrap();
        assert_eq!(f.epsilon(), 0.5);
        assert_eq!(
            (f.value(0.5), f.slope(1.5), f.curvature(1.5)),
            (0.0, 0.5, Some(-0.25))
        );
        assert_eq!(
            f.divided_difference(0.5, 1.5),
            Log.divided_difference(1.0, 2.0)
        );
        assert_eq!(
            f.divided_differences(&[0.5, 1.5]),
            Log.divided_differences(&[1.0, 2.0])
        );
        assert_eq!(
            f.second_divided_difference(0.5, 1.5, 3.5),
            Log.second_divided_difference(1.0, 2.0, 4.0)
        );
    }

    #[test]
    fn gaps_that_the_ridge_swallows_give_the_slope() {
        let f = Ridge::new(Log, 1e-3).unwrap();
        assert!((f.divided_difference(1e-30, 2e-25) - 1e3).abs() < 1e-12);
    }

    #[test]
    fn refuses_what_is_not_a_ridge() {
        for epsilon in [-1e-9, f64::NAN, f64::INFINITY] {
            refused! { Ridge::new(Log, epsilon) => Error::OutOfRange { .. } }
        }
    }
}
