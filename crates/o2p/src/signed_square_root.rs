//! The signed square root of each entry.

use crate::error::Result;
use crate::range::values_within_range;
use matbackprop_core::{ensure_above, ensure_finite_values, ensure_length};

const OP: &str = "signed square root";

/// y = sign(x) (√(|x| + δ) − √δ) for each entry: the signed square root, smoothed at 0.
///
/// ```text
/// forward   y = x / (√(|x| + δ) + √δ)
/// vjp       x̄ = ȳ / (2 √(|x| + δ))
/// jvp       ẏ = ẋ / (2 √(|x| + δ))
/// ```
///
/// sign(x) √|x| itself has no slope at 0, and without bound beside it. With δ > 0 the map is odd, increasing and once
/// continuously differentiable, its slope at most 1 / (2√δ), reached at 0; it differs from sign(x) √|x| by less than √δ.
///
/// # Shapes
/// x, y: lists of one length.
///
/// # Errors
/// [`Error::Rule`](crate::Error::Rule): `NotPositive` unless 0 < δ < ∞; not finite, of another length; `Overflow`.
///
/// # Example
/// ```
/// # fn main() -> Result<(), o2p::Error> {
/// let root = o2p::SignedSquareRoot::forward(&[0.0, 0.75, -2.0], 0.25)?;
/// assert_eq!(root.value(), &[0.0, 0.5, -1.0]);
/// assert_eq!(root.vjp(&[1.0, 1.0, 3.0])?, [1.0, 0.5, 1.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SignedSquareRoot {
    value: Vec<f64>,
    slopes: Vec<f64>,
}

impl SignedSquareRoot {
    /// Computes y.
    ///
    /// # Errors
    /// See [`SignedSquareRoot`].
    pub fn forward(x: &[f64], delta: f64) -> Result<Self> {
        ensure_above(OP, delta, 0.0)?;
        ensure_finite_values(OP, x)?;
        // Of quarters where the sum itself is out of range.
        let root = |x: f64| match x.abs() + delta {
            sum if sum < f64::INFINITY => sum.sqrt(),
            _ => 2.0 * (0.25 * x.abs() + 0.25 * delta).sqrt(),
        };
        Ok(Self {
            value: x.iter().map(|&x| x / (root(x) + delta.sqrt())).collect(),
            slopes: x.iter().map(|&x| 0.5 / root(x)).collect(),
        })
    }

    /// The roots, y.
    pub fn value(&self) -> &[f64] {
        &self.value
    }

    /// x̄ from ȳ.
    ///
    /// # Errors
    /// See [`SignedSquareRoot`].
    pub fn vjp(&self, y_bar: &[f64]) -> Result<Vec<f64>> {
        self.times_slopes(y_bar)
    }

    /// ẏ from ẋ.
    ///
    /// # Errors
    /// See [`SignedSquareRoot`].
    pub fn jvp(&self, x_dot: &[f64]) -> Result<Vec<f64>> {
        self.times_slopes(x_dot)
    }

    fn times_slopes(&self, x: &[f64]) -> Result<Vec<f64>> {
        ensure_length(OP, x, self.slopes.len())?;
        let scaled = x.iter().zip(&self.slopes).map(|(x, slope)| x * slope);
        values_within_range(OP, scaled.collect())
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use faer::{Mat, MatRef};
    use matbackprop_core::Error as Rule;
    use matbackprop_core::gradcheck::{GradientCheck, check_jvp, check_vjp, gaussian};

    fn list(x: MatRef<'_, f64>) -> Vec<f64> {
        x.col(0).iter().copied().collect()
    }

    fn column(x: &[f64]) -> Mat<f64> {
        Mat::from_fn(x.len(), 1, |i, _| x[i])
    }

    #[test]
    fn agrees_with_finite_differences() {
        for (n, delta) in [(9, 0.1), (1, 1.0), (5, 10.0)] {
            let x = gaussian(n, 1, 4);
            let root = SignedSquareRoot::forward(&list(x.as_ref()), delta).unwrap();
            let of_x = |x: MatRef<'_, f64>| {
                Ok::<_, Error>(column(SignedSquareRoot::forward(&list(x), delta)?.value()))
            };
            let check = GradientCheck::default();
            let back = |bar: MatRef<'_, f64>| Ok(column(&root.vjp(&list(bar))?));
            check_vjp(of_x, back, x.as_ref(), &check).unwrap();
            let ahead = |dot: MatRef<'_, f64>| Ok(column(&root.jvp(&list(dot))?));
            check_jvp(of_x, ahead, x.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn stays_near_the_root_and_finite_at_zero() {
        for delta in [1e-300, 1e-12, 1e-3, 1.0] {
            let x = [0.0, -0.0, 1e-310, 1e-9, -4.0, f64::MAX, -f64::MAX];
            let root = SignedSquareRoot::forward(&x, delta).unwrap();
            for (x, y) in x.iter().zip(root.value()) {
                let exact = x.signum() * x.abs().sqrt();
                let bound = delta.sqrt() + 4.0 * f64::EPSILON * exact.abs();
                assert!((y - exact).abs() <= bound, "{x} {delta}: {y}");
            }
            let slopes = root.vjp(&[1.0; 7]).unwrap();
            assert!((slopes[0] * 2.0 * delta.sqrt() - 1.0).abs() < 1e-15);
            assert!(
                slopes
                    .iter()
                    .all(|slope| *slope > 0.0 && *slope <= slopes[0])
            );
        }
    }

    #[test]
    fn takes_every_delta() {
        for delta in [5e-324, f64::MAX] {
            let root = SignedSquareRoot::forward(&[0.0, f64::MAX], delta).unwrap();
            let slopes = root.vjp(&[1.0; 2]).unwrap();
            assert!((slopes[0] * 2.0 * delta.sqrt() - 1.0).abs() < 1e-15);
            assert!(root.value()[1] > 0.4 * f64::MAX.sqrt() && slopes[1] > 0.0);
        }
    }

    #[test]
    fn refuses_what_it_cannot_do() {
        for delta in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(
                SignedSquareRoot::forward(&[1.0], delta),
                Err(Error::Rule(Rule::NotPositive { .. }))
            ));
        }
        assert!(SignedSquareRoot::forward(&[f64::NAN], 1.0).is_err());
        let root = SignedSquareRoot::forward(&[0.0], 1e-300).unwrap();
        refused! {
            root.vjp(&[1.0, 2.0]) => Error::Rule(Rule::ShapeMismatch { .. }),
            root.vjp(&[1e200]) => Error::Rule(Rule::Overflow { .. }),
        }
    }
}
