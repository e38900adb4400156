//! Inputs brought to order one, so that squares neither over- nor underflow.

use faer::{Mat, MatRef};

/// The power of two just below the largest magnitude in A, where that lies beyond 2^±200; else 1.
///
/// Dividing by it leaves entries whose squares, and sums of squares, are far from both ends of the numbers. It changes
/// no digit: zeros, duplicate columns and ranks stay exactly the same.
///
/// ```
/// use faer::mat;
/// use matbackprop_core::power_of_two_scale;
/// assert_eq!(power_of_two_scale(mat![[-5.0, 1.0]].as_ref()), 1.0);
/// assert_eq!(power_of_two_scale(mat![[-1.5 * 2f64.powi(300)]].as_ref()), 2f64.powi(300));
/// ```
pub fn power_of_two_scale(a: MatRef<'_, f64>) -> f64 {
    power_of_two_below(a.norm_max())
}

/// [`power_of_two_scale`] of a matrix with this largest magnitude.
pub(crate) fn power_of_two_below(largest: f64) -> f64 {
    let moderate = 2f64.powi(-200)..=2f64.powi(200);
    if largest == 0.0 || !largest.is_finite() || moderate.contains(&largest) {
        return 1.0;
    }
    // The sign and the fraction cleared; within ±1022 the reciprocal is a normal number too.
    let power = f64::from_bits(largest.to_bits() & 0x7ff0_0000_0000_0000);
    power.clamp(2f64.powi(-1022), 2f64.powi(1022))
}

/// A / scale for a `scale` that [`power_of_two_scale`] gave; A itself where that is 1.
pub(crate) enum Scaled<'a> {
    Same(MatRef<'a, f64>),
    Divided(Mat<f64>),
}

impl<'a> Scaled<'a> {
    /// A / scale.
    pub(crate) fn new(a: MatRef<'a, f64>, scale: f64) -> Self {
        if scale == 1.0 {
            Self::Same(a)
        } else {
            Self::Divided(faer::Scale(scale.recip()) * a)
        }
    }

    pub(crate) fn as_ref(&self) -> MatRef<'_, f64> {
        match self {
            Self::Same(a) => *a,
            Self::Divided(a) => a.as_ref(),
        }
    }

    pub(crate) fn into_owned(self) -> Mat<f64> {
        match self {
            Self::Same(a) => a.to_owned(),
            Self::Divided(a) => a,
        }
    }
}

/// The exponent of a scale that [`power_of_two_scale`] gave: a product of scales that would leave the range is a sum.
pub(crate) fn exponent(scale: f64) -> i32 {
    ((scale.to_bits() >> 52) & 0x7ff) as i32 - 1023
}

/// X brought to order one, and the exponent of the power of two that it was divided by.
pub(crate) fn of_order_one(x: MatRef<'_, f64>) -> (Scaled<'_>, i32) {
    let scale = power_of_two_scale(x);
    (Scaled::new(x, scale), exponent(scale))
}

/// X 2ᵉ, in steps that stay in range where the result does.
pub(crate) fn times_power_of_two(mut x: Mat<f64>, exponent: i32) -> Mat<f64> {
    let mut left = exponent;
    while left != 0 {
        let step = left.clamp(-1000, 1000);
        x *= faer::Scale(2f64.powi(step));
        left -= step;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    #[test]
    fn leaves_moderate_entries_of_any_input_and_every_digit() {
        for size in [
            1e-307,
            1e-150,
            1e-61,
            1e-60,
            1.0,
            3.0,
            1e60,
            1e61,
            1e150,
            f64::MAX,
        ] {
            let a = mat![[size, -0.5 * size]];
            let scale = power_of_two_scale(a.as_ref());
            let b = Scaled::new(a.as_ref(), scale);
            let largest = b.as_ref()[(0, 0)];
            assert!((1e-61..1e61).contains(&largest), "{size:e}");
            assert_eq!(b.as_ref()[(0, 1)], -0.5 * largest, "{size:e}");
            assert_eq!(b.into_owned()[(0, 0)] * scale, size, "{size:e}");
        }
    }

    #[test]
    fn the_zero_matrix_keeps_its_size() {
        assert_eq!(power_of_two_scale(Mat::zeros(2, 2).as_ref()), 1.0);
    }

    #[test]
    fn exponents_add_where_scales_would_overflow() {
        for power in [-1022, -201, 0, 201, 1022] {
            assert_eq!(exponent(2f64.powi(power)), power);
        }
        let x = mat![[1.5 * 2f64.powi(-1000), 0.0]];
        let moved = times_power_of_two(x.clone(), 2010);
        assert_eq!(moved, mat![[1.5 * 2f64.powi(1010), 0.0]]);
        assert_eq!(times_power_of_two(moved, -2010), x);
        assert_eq!(times_power_of_two(mat![[1.0]], 3000)[(0, 0)], f64::INFINITY);
    }
}
