//! What does not fit is an error of ours, with the core's sentence inside; on the way back NaN, and a reason.

use crate::losses::{Plain, Taped, gaussian, gradient, tensor, weighed};
use burn_autodiff::Autodiff;
use burn_tensor::{Int, Tensor};
use matbackprop_burn as bridge;
use matbackprop_burn::core::GapPolicy;
use matbackprop_burn::core::stack::{PolarRule, Stacked, SylvesterRule};
use matbackprop_burn::{Error, VechRule, apply, apply_without_tape, take_backward_error};
use test_support::refused;

type Batch = Tensor<Plain, 3>;

fn labels(dims: [usize; 2]) -> Tensor<Plain, 2, Int> {
    Tensor::zeros(dims, &Default::default())
}

#[test]
fn shapes_and_types_are_named() {
    let vector = || gaussian::<Plain, 1>([4], 1);
    let a = || gaussian::<Plain, 3>([2, 4, 3], 1);
    let other = gaussian::<Plain, 3>([3, 3, 3], 1);
    let none = Tensor::<Plain, 3>::zeros([2, 0, 3], &Default::default());
    let nested = Tensor::<Autodiff<Taped>, 2>::eye(3, &Default::default());
    let taped = gaussian::<Taped, 2>([3, 3], 1);
    let sylvester = Stacked::new(SylvesterRule);
    refused! {
        bridge::gram_log(vector(), 0.1) => Error::TooFewAxes { .. },
        bridge::ncuts_loss(vector(), labels([2, 5]), None) => Error::TooFewAxes { .. },
        bridge::svd::<Plain, 3, 3>(a()) => Error::Rank { expected: 2, found: 3, .. },
        bridge::eigh::<Plain, 3, 1>(a()) => Error::Rank { expected: 2, found: 1, .. },
        bridge::second_order_pool::<Plain, 3, 3>(a(), 0.1, VechRule::default()) => Error::Rank { .. },
        bridge::eigh::<Plain, 3, 2>(a()) => Error::Rule(_),
        bridge::projector(none) => Error::Rule(_),
        bridge::ncuts_loss(a(), labels([2, 5]), None) => Error::Labels { .. },
        bridge::ncuts_loss(a().abs(), labels([2, 4]), Some(0.0)) => Error::Rule(_),
        apply(sylvester, [a()]) => Error::Inputs { expected: 3, found: 1, .. },
        apply(Stacked::new(PolarRule), [] as [Batch; 0]) => Error::Inputs { found: 0, .. },
        apply(Stacked::new(SylvesterRule), [a(), other, a()]) => Error::Leading { .. },
        bridge::polar(nested) => Error::SecondOrder { .. },
        apply_without_tape(Stacked::new(PolarRule), [taped]) => Error::SecondOrder { .. },
        bridge::svd::<Plain, 1, 0>(vector()) => Error::TooFewAxes { .. },
    }
}

#[test]
fn numbers_are_named_with_their_matrix() {
    let second = || {
        let nan = Tensor::<Plain, 3>::full([1, 3, 3], f64::NAN, &Default::default());
        Tensor::cat(vec![gaussian([1, 3, 3], 1), nan], 0)
    };
    let a = || gaussian::<Plain, 2>([3, 3], 1);
    let zero = tensor::<Plain, 2>(vec![0.0; 9], [3, 3]);
    let width = GapPolicy::Broadened { width: 0.0 };
    let message = |error: Option<Error>| error.expect("an error").to_string();
    for (expected, found) in [
        (
            "matrix 1 of the stack",
            message(bridge::polar(second()).err()),
        ),
        (
            "finite entries",
            message(bridge::gram_log(second(), 0.1).err()),
        ),
        (
            "symmetric_part",
            message(bridge::eigh::<_, 2, 1>(a()).err()),
        ),
        (
            "[0e0, inf), found -1e0",
            message(bridge::gram_log(a(), -1.0).err()),
        ),
        (
            "inside the function's domain",
            message(bridge::gram_log(zero, 0.0).err()),
        ),
        (
            "above 0e0",
            message(bridge::svd_with_gaps::<_, 2, 1>(a(), width).err()),
        ),
    ] {
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

/// `backward` of burn has no result: a gradient that does not exist is NaN.
#[test]
fn a_gradient_that_does_not_exist_is_nan_with_a_reason() {
    let one = || Tensor::<Taped, 2>::eye(3, &Default::default());
    let of = |gaps: GapPolicy| {
        gradient(one(), |a| {
            let (_, vectors) = bridge::eigh_with_gaps::<_, 2, 1>(a, gaps)?;
            Ok(weighed(vectors, 3))
        })
    };
    take_backward_error();
    assert!(of(GapPolicy::default()).unwrap().iter().all(|x| x.is_nan()));
    // Other tests leave reasons too: one there is in any case.
    let reason = take_backward_error().expect("a reason").to_string();
    assert!(reason.contains("matrix"), "{reason}");
    // The caller may take a smoothed one.
    let smoothed = of(GapPolicy::Broadened { width: 1e-3 }).unwrap();
    assert!(smoothed.iter().all(|x| x.is_finite()));
}
