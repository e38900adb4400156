//! What gradients that come through a framework are held to.

use crate::numbers::normal;
use crate::references::relative_error;

/// Differences of step h err by h² and by ε / h.
const STEP: f64 = 1e-5;
const TOLERANCE: f64 = 1e-7;

/// Holds a gradient to central differences in three directions. `moved` is the loss at the point plus the numbers it is given.
///
/// # Panics
/// Where they disagree.
pub fn ensure_gradient(name: &str, bar: &[f64], moved: impl Fn(Vec<f64>) -> f64) {
    for seed in 40..43 {
        let direction = normal(bar.len(), seed);
        let value = |step: f64| moved(direction.iter().map(|x| step * x).collect());
        let expected = (value(STEP) - value(-STEP)) / (2.0 * STEP);
        let found: f64 = bar.iter().zip(&direction).map(|(x, y)| x * y).sum();
        let error = (found - expected).abs() / expected.abs().max(1.0);
        assert!(error < TOLERANCE, "{name}: {found} {expected}");
    }
}

/// Holds a gradient of 32 bits to that of 64: with the digits of 32, and no others.
///
/// # Panics
/// Where they are further apart, or equal.
pub fn ensure_single(name: &str, found: &[f64], expected: &[f64]) {
    let error = relative_error(found, expected);
    assert!(error < 2e-4, "{name}: {error:e}");
    assert!(error > 0.0, "{name}: 64 bits in disguise");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_gradient_is_refused() {
        let at = [1.0, -2.0];
        let squares = |moved: Vec<f64>| at.iter().zip(moved).map(|(x, y)| (x + y).powi(2)).sum();
        ensure_gradient("squares", &[2.0, -4.0], squares);
        let wrong = std::panic::catch_unwind(|| ensure_gradient("wrong", &[2.0, 4.0], squares));
        assert!(wrong.is_err());
    }

    #[test]
    fn digits_of_32_bits_differ_from_those_of_64() {
        let third = 1.0 / 3.0;
        ensure_single("rounded", &[f64::from(third as f32)], &[third]);
        for found in [third, 0.4] {
            let wrong = std::panic::catch_unwind(|| ensure_single("wrong", &[found], &[third]));
            assert!(wrong.is_err());
        }
    }
}
