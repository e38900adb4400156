//! Directional derivatives through candle's backward and by central differences.

use crate::losses::{LOSSES, gaussian, gradient, list, tensor};
use candle_core::DType;
use test_support::gradients::{ensure_gradient, ensure_single};

#[test]
fn every_gradient_agrees_with_finite_differences() {
    for (name, dims, loss) in LOSSES {
        let at = gaussian(dims, 3);
        let bar = list(&gradient(loss, &at).unwrap());
        ensure_gradient(name, &bar, |by| {
            let moved = (&at + tensor(by, dims)).unwrap();
            list(&loss(&moved).unwrap())[0]
        });
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
        ensure_single(name, &list(&found), &list(&expected));
    }
}
