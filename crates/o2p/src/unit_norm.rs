//! Vectors of length one.

use crate::error::Result;
use crate::range::values_within_range;
use matbackprop_core::{ensure_finite_values, ensure_length};

const OP: &str = "unit norm";

/// y = x / ‖x‖₂; the zero vector stays zero, with gradient zero.
///
/// ```text
/// forward   y = x / ‖x‖
/// vjp       x̄ = (ȳ − y ⟨y, ȳ⟩) / ‖x‖          0 for x = 0
/// jvp       ẏ = (ẋ − y ⟨y, ẋ⟩) / ‖x‖          0 for x = 0
/// ```
///
/// # Shapes
/// x, y: lists of one length.
///
/// # Conventions
/// At x = 0 there is no derivative; zero is the mean of the directions' y, and leaves a dead region where it is.
///
/// # Errors
/// [`Error::Rule`](crate::Error::Rule): not finite, of another length; `Overflow`, which a gradient over the length of
/// a tiny x can reach.
///
/// # Example
/// ```
/// # fn main() -> Result<(), o2p::Error> {
/// let unit = o2p::UnitNorm::forward(&[3.0, 4.0])?;
/// assert_eq!(unit.value(), &[0.6, 0.8]);
/// // Along x nothing changes.
/// assert!(unit.vjp(&[3.0, 4.0])?.iter().all(|x| x.abs() < 1e-15));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct UnitNorm {
    value: Vec<f64>,
    /// Power of two that brings x to order one, and ‖x‖ over it.
    scale: f64,
    length: f64,
}

impl UnitNorm {
    /// Computes y.
    ///
    /// # Errors
    /// See [`UnitNorm`].
    pub fn forward(x: &[f64]) -> Result<Self> {
        ensure_finite_values(OP, x)?;
        let largest = x.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
        if largest == 0.0 {
            return Ok(Self {
                value: x.to_vec(),
                scale: 1.0,
                length: 0.0,
            });
        }
        // A power of two costs no digit; at 2^1022 its reciprocal is a normal number too.
        let scale = largest.log2().floor().clamp(-1022.0, 1022.0).exp2();
        let scaled: Vec<f64> = x.iter().map(|x| x / scale).collect();
        let length = scaled.iter().map(|x| x * x).sum::<f64>().sqrt();
        Ok(Self {
            value: scaled.iter().map(|x| x / length).collect(),
            scale,
            length,
        })
    }

    /// The vector of length one, y.
    pub fn value(&self) -> &[f64] {
        &self.value
    }

    /// x̄ from ȳ.
    ///
    /// # Errors
    /// See [`UnitNorm`].
    pub fn vjp(&self, y_bar: &[f64]) -> Result<Vec<f64>> {
        self.across(y_bar)
    }

    /// ẏ from ẋ.
    ///
    /// # Errors
    /// See [`UnitNorm`].
    pub fn jvp(&self, x_dot: &[f64]) -> Result<Vec<f64>> {
        self.across(x_dot)
    }

    /// (z − y ⟨y, z⟩) / ‖x‖: the derivative is symmetric.
    fn across(&self, z: &[f64]) -> Result<Vec<f64>> {
        ensure_length(OP, z, self.value.len())?;
        if self.length == 0.0 {
            return Ok(vec![0.0; z.len()]);
        }
        let along: f64 = self.value.iter().zip(z).map(|(y, z)| y * z).sum();
        let across = z
            .iter()
            .zip(&self.value)
            .map(|(z, y)| (z - y * along) / self.length / self.scale);
        values_within_range(OP, across.collect())
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
    fn agrees_with_finite_differences_at_any_size() {
        for (n, size) in [(2, 1.0), (9, 1.0), (5, 1e150), (5, 1e-150)] {
            let x = faer::Scale(size) * gaussian(n, 1, 4);
            let unit = UnitNorm::forward(&list(x.as_ref())).unwrap();
            let of_x =
                |x: MatRef<'_, f64>| Ok::<_, Error>(column(UnitNorm::forward(&list(x))?.value()));
            let check = GradientCheck::default();
            let back = |bar: MatRef<'_, f64>| Ok(column(&unit.vjp(&list(bar))?));
            check_vjp(of_x, back, x.as_ref(), &check).unwrap();
            let ahead = |dot: MatRef<'_, f64>| Ok(column(&unit.jvp(&list(dot))?));
            check_jvp(of_x, ahead, x.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn one_entry_has_its_sign_and_no_gradient() {
        for x in [f64::MAX, -2.5, 5e-324] {
            let unit = UnitNorm::forward(&[x]).unwrap();
            assert_eq!(unit.value(), &[x.signum()]);
            assert_eq!(unit.vjp(&[7.0]).unwrap(), [0.0]);
        }
        let ends = UnitNorm::forward(&[f64::MAX, -f64::MAX]).unwrap();
        assert!((ends.value()[0] - 0.5f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn zero_stays_zero() {
        let unit = UnitNorm::forward(&[0.0; 3]).unwrap();
        assert_eq!(unit.value(), &[0.0; 3]);
        assert_eq!(unit.vjp(&[1.0, 2.0, 3.0]).unwrap(), [0.0; 3]);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let unit = UnitNorm::forward(&[1e-300, 0.0]).unwrap();
        refused! {
            UnitNorm::forward(&[f64::NAN]) => Error::Rule(Rule::NotFinite { .. }),
            unit.vjp(&[1.0]) => Error::Rule(Rule::ShapeMismatch { .. }),
            unit.vjp(&[0.0, 1e300]) => Error::Rule(Rule::Overflow { .. }),
        }
    }
}
