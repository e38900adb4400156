//! Inputs brought to order one, so that squares neither over- nor underflow.

use faer::{Mat, MatRef};

/// The power of two just below the largest magnitude in A; 1 for the zero matrix.
///
/// Dividing by it changes no digit: zeros, duplicate columns and ranks stay exactly what they were.
///
/// ```
/// assert_eq!(matbackprop_core::power_of_two_scale(faer::mat![[-5.0, 1.0]].as_ref()), 4.0);
/// ```
pub fn power_of_two_scale(a: MatRef<'_, f64>) -> f64 {
    let largest = a.norm_max();
    if !(largest > 0.0 && largest.is_finite()) {
        return 1.0;
    }
    // The sign and the fraction cleared; within ±1022 the reciprocal is a normal number too.
    let power = f64::from_bits(largest.to_bits() & 0x7ff0_0000_0000_0000);
    power.clamp(2f64.powi(-1022), 2f64.powi(1022))
}

/// A / scale for a `scale` that [`power_of_two_scale`] gave.
pub(crate) fn scaled(a: MatRef<'_, f64>, scale: f64) -> Mat<f64> {
    faer::Scale(scale.recip()) * a
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    #[test]
    fn leaves_entries_of_order_one_at_any_input() {
        for size in [1e-307, 1e-150, 1.0, 3.0, 1e150, f64::MAX] {
            let a = mat![[size, -0.5 * size]];
            let scale = power_of_two_scale(a.as_ref());
            let b = scaled(a.as_ref(), scale);
            assert!((1.0..4.0).contains(&b[(0, 0)]), "{size:e}");
            assert_eq!(b[(0, 1)], -0.5 * b[(0, 0)], "{size:e}");
            assert_eq!(b[(0, 0)] * scale, size, "{size:e}");
        }
    }

    #[test]
    fn the_zero_matrix_keeps_its_size() {
        assert_eq!(power_of_two_scale(Mat::zeros(2, 2).as_ref()), 1.0);
    }
}
