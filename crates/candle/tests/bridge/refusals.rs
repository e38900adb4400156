//! What does not fit is candle's error, with the core's sentence inside.

use crate::losses::gaussian;
use candle_core::{DType, Device, Result, Tensor, Var};
use matbackprop_candle as bridge;
use matbackprop_candle::core::GapPolicy;
use matbackprop_candle::core::stack::{PolarRule, Stacked, SylvesterRule};
use matbackprop_candle::{VechRule, apply};

/// The message of a call that has to fail.
fn message<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => panic!("expected an error, found a result"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn shapes_and_types_are_named() {
    let vector = gaussian(&[4], 1);
    let a = gaussian(&[2, 4, 3], 1);
    let half = a.to_dtype(DType::F16).unwrap();
    let whole = a.to_dtype(DType::I64).unwrap();
    let other = gaussian(&[3, 3, 3], 1);
    let labels = Tensor::zeros((2, 5), DType::U32, &Device::Cpu).unwrap();
    let float = Tensor::zeros((2, 4), DType::F32, &Device::Cpu).unwrap();
    let fits = Tensor::zeros((2, 4), DType::U32, &Device::Cpu).unwrap();
    let empty = Tensor::zeros((2, 0, 3), DType::F32, &Device::Cpu).unwrap();
    for (expected, found) in [
        ("two axes or more", message(bridge::gram_log(&vector, 0.1))),
        (
            "two axes or more",
            message(bridge::ncuts_loss(&vector, &labels, None)),
        ),
        (
            "two axes or more",
            message(bridge::second_order_pool(&vector, 0.1, VechRule::default())),
        ),
        (
            "expected f32 or f64, found F16",
            message(bridge::svd(&half)),
        ),
        (
            "expected f32 or f64, found I64",
            message(bridge::polar(&whole)),
        ),
        ("expected a square matrix", message(bridge::eigh(&a))),
        ("at least one row", message(bridge::projector(&empty))),
        (
            "labels of shape [2, 4]",
            message(bridge::ncuts_loss(&a, &labels, None)),
        ),
        (
            "integers as labels",
            message(bridge::ncuts_loss(&a, &float, None)),
        ),
        (
            "above 0e0",
            message(bridge::ncuts_loss(&a.abs().unwrap(), &fits, Some(0.0))),
        ),
        (
            "expected 3 tensors, found 1",
            message(apply(Stacked::new(SylvesterRule), &[&a])),
        ),
        (
            "expected a tensor",
            message(apply(Stacked::new(PolarRule), &[])),
        ),
        (
            "expected the leading axes [2], found [3]",
            message(apply(Stacked::new(SylvesterRule), &[&a, &other, &a])),
        ),
    ] {
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

#[test]
fn numbers_are_named_with_their_matrix() {
    let nan = Tensor::full(f64::NAN, (1, 3, 3), &Device::Cpu).unwrap();
    let second = Tensor::cat(&[&gaussian(&[1, 3, 3], 1), &nan], 0).unwrap();
    let a = gaussian(&[3, 3], 1);
    let zero = Tensor::zeros((3, 3), DType::F64, &Device::Cpu).unwrap();
    let width = GapPolicy::Broadened { width: 0.0 };
    for (expected, found) in [
        ("matrix 1 of the stack", message(bridge::polar(&second))),
        ("finite entries", message(bridge::svd(&second))),
        ("symmetric_part", message(bridge::eigh(&a))),
        (
            "[0e0, inf), found -1e0",
            message(bridge::gram_log(&a, -1.0)),
        ),
        (
            "inside the function's domain",
            message(bridge::gram_log(&zero, 0.0)),
        ),
        ("above 0e0", message(bridge::svd_with_gaps(&a, width))),
    ] {
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

/// The way back of candle has a result: an error of the core comes out of `backward`.
#[test]
fn a_gradient_that_does_not_exist_is_an_error_of_backward() {
    let one = Tensor::eye(3, DType::F64, &Device::Cpu).unwrap();
    let at = Var::from_tensor(&one).unwrap();
    let (_, vectors) = bridge::eigh(&at).unwrap();
    let loss = crate::losses::weighed(&vectors, 3).unwrap();
    let found = message(loss.backward());
    assert!(found.contains("which the loss tells apart"), "{found}");
    // The caller may take a smoothed one.
    let width = GapPolicy::Broadened { width: 1e-3 };
    let (_, vectors) = bridge::eigh_with_gaps(&at, width).unwrap();
    let loss = crate::losses::weighed(&vectors, 3).unwrap();
    assert!(loss.backward().is_ok());
    let singular = Var::from_tensor(&Tensor::zeros((3, 3), DType::F64, &Device::Cpu).unwrap());
    let (w, _) = bridge::polar(&singular.unwrap()).unwrap();
    let found = message(w.sum_all().unwrap().backward());
    assert!(found.contains("polar factors"), "{found}");
}
