//! Directional derivatives through burn's backward and by central differences.

use crate::losses::{Plain, Taped, Taped32, gaussian, gradient, list, losses, tensor};
use test_support::gradients::{ensure_gradient, ensure_single};

/// The values are those of the backend without a tape: both doors are used.
#[test]
fn every_gradient_agrees_with_finite_differences() {
    for (taped, plain) in losses::<Taped>().iter().zip(losses::<Plain>()) {
        let bar = gradient(gaussian(taped.dims, 3), taped.of).unwrap();
        ensure_gradient(taped.name, &bar, |by| {
            let moved = gaussian::<Plain, 3>(plain.dims, 3) + tensor(by, plain.dims);
            list(&(plain.of)(moved).unwrap())[0]
        });
    }
}

/// f32 in, f32 out, with the digits of f32.
#[test]
fn every_gradient_of_32_bits_is_that_of_64() {
    for (wide, narrow) in losses::<Taped>().iter().zip(losses::<Taped32>()) {
        let expected = gradient(gaussian(wide.dims, 3), wide.of).unwrap();
        let found = gradient(gaussian(narrow.dims, 3), narrow.of).unwrap();
        ensure_single(wide.name, &found, &expected);
    }
}
