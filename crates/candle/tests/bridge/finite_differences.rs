//! Directional derivatives through candle's backward and by central differences.

use crate::losses::{LOSSES, gaussian, gradient, list};
use candle_core::DType;

/// Differences of step h err by h² and by ε / h.
const STEP: f64 = 1e-5;
const TOLERANCE: f64 = 1e-7;

#[test]
fn every_gradient_agrees_with_finite_differences() {
    for (name, dims, loss) in LOSSES {
        let at = gaussian(dims, 3);
        let bar = list(&gradient(loss, &at).unwrap());
        for seed in 40..43 {
            let direction = gaussian(dims, seed);
            let value = |step: f64| {
                let moved = (&at + direction.affine(step, 0.0).unwrap()).unwrap();
                let loss = loss(&moved).unwrap();
                list(&loss)[0]
            };
            let expected = (value(STEP) - value(-STEP)) / (2.0 * STEP);
            let pairs = bar.iter().zip(list(&direction));
            let found: f64 = pairs.map(|(x, y)| x * y).sum();
            let error = (found - expected).abs() / expected.abs().max(1.0);
            assert!(error < TOLERANCE, "{name}: {found} {expected}");
        }
    }
}

/// f32 in, f32 out, with the digits of f32.
#[test]
fn every_gradient_of_32_bits_is_that_of_64() {
    for (name, dims, loss) in LOSSES {
        let at = gaussian(dims, 3);
        let expected = gradient(loss, &at).unwrap();
        let found = gradient(loss, &at.to_dtype(DType::F32).unwrap()).unwrap();
        assert_eq!(found.dtype(), DType::F32, "{name}");
        let error = test_support::references::relative_error(&list(&found), &list(&expected));
        assert!(error < 2e-4, "{name}: {error:e}");
        assert!(error > 0.0, "{name}: 64 bits in disguise");
    }
}
