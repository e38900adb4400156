//! Directional derivatives through burn's backward and by central differences.

use crate::losses::{Plain, Taped, Taped32, gaussian, gradient, list, losses, normal};
use test_support::references::relative_error;

/// Differences of step h err by h² and by ε / h.
const STEP: f64 = 1e-5;
const TOLERANCE: f64 = 1e-7;

/// The values are those of the backend without a tape: both doors are used.
#[test]
fn every_gradient_agrees_with_finite_differences() {
    for (taped, plain) in losses::<Taped>().iter().zip(losses::<Plain>()) {
        let bar = gradient(gaussian(taped.dims, 3), taped.of).unwrap();
        for seed in 40..43 {
            let direction = normal(bar.len(), seed);
            let value = |step: f64| {
                let moved = gaussian::<Plain, 3>(plain.dims, 3);
                let moved = moved + gaussian(plain.dims, seed).mul_scalar(step);
                list(&(plain.of)(moved).unwrap())[0]
            };
            let expected = (value(STEP) - value(-STEP)) / (2.0 * STEP);
            let found: f64 = bar.iter().zip(&direction).map(|(x, y)| x * y).sum();
            let error = (found - expected).abs() / expected.abs().max(1.0);
            assert!(error < TOLERANCE, "{}: {found} {expected}", taped.name);
        }
    }
}

/// f32 in, f32 out, with the digits of f32.
#[test]
fn every_gradient_of_32_bits_is_that_of_64() {
    for (wide, narrow) in losses::<Taped>().iter().zip(losses::<Taped32>()) {
        let expected = gradient(gaussian(wide.dims, 3), wide.of).unwrap();
        let found = gradient(gaussian(narrow.dims, 3), narrow.of).unwrap();
        let error = relative_error(&found, &expected);
        assert!(error < 2e-4, "{}: {error:e}", wide.name);
        assert!(error > 0.0, "{}: 64 bits in disguise", wide.name);
    }
}
