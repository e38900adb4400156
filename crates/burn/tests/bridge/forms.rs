//! Shapes, strides and types: what is in a batch does not depend on how it lies in memory.

use crate::losses::{Plain, Taped, gaussian, gradient, list, tensor, weighed};
use burn_tensor::{Int, Tensor};
use matbackprop_burn as bridge;
use matbackprop_burn::core::stack::{OnFailure, PolarRule, Stacked, SylvesterRule};
use matbackprop_burn::{VechRule, apply, apply_without_tape};
use test_support::numbers::normal;
use test_support::references::relative_error;

#[test]
fn shapes_are_those_of_torch() {
    let a = gaussian::<Plain, 4>([2, 3, 5, 4], 1);
    let (u, s, vt): (_, Tensor<Plain, 3>, _) = bridge::svd(a.clone()).unwrap();
    assert_eq!(u.dims(), [2, 3, 5, 4]);
    assert_eq!((s.dims(), vt.dims()), ([2, 3, 4], [2, 3, 4, 4]));
    let back = (u * s.clone().unsqueeze_dim(2)).matmul(vt);
    assert!(relative_error(&list(&back), &list(&a)) < 1e-14);
    assert!(list(&s).chunks(4).all(|s| s.is_sorted_by(|x, y| x >= y)));
    let gram = a.clone().transpose().matmul(a.clone());
    let (values, vectors): (Tensor<Plain, 3>, _) = bridge::eigh(gram).unwrap();
    assert_eq!((values.dims(), vectors.dims()), ([2, 3, 4], [2, 3, 4, 4]));
    assert!(list(&values).chunks(4).all(|values| values.is_sorted()));
    let (w, h) = bridge::polar(a.clone().transpose()).unwrap();
    assert_eq!((w.dims(), h.dims()), ([2, 3, 4, 5], [2, 3, 4, 4]));
    let projector = bridge::projector(a.clone()).unwrap();
    assert_eq!(projector.dims(), [2, 3, 5, 5]);
    let log = bridge::gram_log(a.clone(), 0.1).unwrap();
    assert_eq!(log.dims(), [2, 3, 4, 4]);
    let pooled: Tensor<Plain, 3> =
        bridge::second_order_pool(a.clone(), 0.1, VechRule::default()).unwrap();
    assert_eq!(pooled.dims(), [2, 3, 10]);
    let squares: Vec<f64> = list(&pooled).iter().map(|x| x * x).collect();
    let mut lengths = squares.chunks(10).map(|own| own.iter().sum::<f64>());
    assert!(lengths.all(|x| (x - 1.0).abs() < 1e-14));
    let labels = Tensor::<Plain, 3, Int>::from_data([[[0, 0, 1, 1, 1]]], &a.device());
    let labels = labels.repeat_dim(0, 2).repeat_dim(1, 3);
    let loss = bridge::ncuts_loss(a.abs(), labels, Some(1e-4)).unwrap();
    assert_eq!(loss.dims(), [6]);
}

#[test]
fn values_by_hand() {
    let features = tensor::<Plain, 2>(vec![3.0, 0.0, 0.0, 1.0], [2, 2]);
    let log = list(&bridge::gram_log(features.clone(), 0.0).unwrap());
    let expected = [2.0 * 3f64.ln(), 0.0, 0.0, 0.0];
    assert!(relative_error(&log, &expected) < 1e-15);
    let plain = VechRule {
        signed_square_root: None,
        unit_norm: false,
    };
    let pooled: Tensor<Plain, 1> = bridge::second_order_pool(features, 0.5, plain).unwrap();
    let expected = [5f64.ln(), 0.0, 0.0];
    assert!(relative_error(&list(&pooled), &expected) < 1e-15);
    let a = tensor::<Plain, 2>(vec![0.0, -2.0, 3.0, 0.0], [2, 2]);
    let (w, h) = bridge::polar(a).unwrap();
    assert_eq!(list(&w), [0.0, -1.0, 1.0, 0.0]);
    assert_eq!(list(&h), [3.0, 0.0, 0.0, 2.0]);
}

/// The same matrices as views: transposed, inside larger tensors, with leading axes exchanged, or one repeated.
#[test]
fn views_have_the_numbers_and_gradients_of_copies() {
    type View = fn(Tensor<Taped, 4>) -> Tensor<Taped, 4>;
    let views: [(&str, View); 5] = [
        ("transposed", |x| x.transpose()),
        ("inside", |x| x.narrow(3, 2, 4).narrow(2, 1, 5)),
        ("leading axes exchanged", |x| x.swap_dims(0, 1)),
        ("some of a leading axis", |x| x.narrow(1, 1, 1)),
        ("repeated", |x| x.narrow(0, 0, 1).expand([3, 2, 7, 9])),
    ];
    for (name, view) in views {
        let of = |contiguous: bool| {
            gradient(gaussian::<Taped, 4>([3, 2, 7, 9], 2), |x| {
                let mut seen = view(x);
                if contiguous {
                    // Sums with zeros lie row after row.
                    seen = seen.clone() + Tensor::zeros(seen.dims(), &seen.device());
                }
                Ok(weighed(bridge::gram_log(seen, 0.1)?, 3))
            })
        };
        assert_eq!(of(false).unwrap(), of(true).unwrap(), "{name}");
    }
}

#[test]
fn a_gradient_that_is_a_view_is_read() {
    let of = |transposed: bool| {
        gradient(gaussian::<Taped, 3>([4, 5, 3], 2), |a| {
            let (w, _) = bridge::polar(a)?;
            let g = gaussian([4, 5, 3], 7);
            let product = match transposed {
                true => w.transpose() * g.transpose(),
                false => w * g,
            };
            Ok(product.sum())
        })
    };
    assert!(relative_error(&of(true).unwrap(), &of(false).unwrap()) < 1e-14);
}

#[test]
fn a_tensor_that_wants_no_gradient_leaves_no_step() {
    let a = gaussian::<Taped, 3>([2, 4, 3], 6);
    let (u, s, _): (_, Tensor<Taped, 2>, _) = bridge::svd(a).unwrap();
    assert!(!u.is_require_grad() && !s.is_require_grad());
    let wanting = tensor::<Taped, 1>(vec![2.0], [1]).require_grad();
    let grads = (s.sum() * wanting.clone()).backward();
    assert!(wanting.grad(&grads).is_some());
}

#[test]
fn one_bad_matrix_may_be_nan_and_the_others_as_they_are() {
    let good = normal(48, 6);
    let mut bad = good.clone();
    bad[16..32].fill(f64::NAN);
    let lenient = Stacked::new(PolarRule).on_failure(OnFailure::Nan);
    let outputs = apply_without_tape(lenient, [tensor::<Plain, 3>(bad, [3, 4, 4])]).unwrap();
    let expected = bridge::polar(tensor::<Plain, 3>(good, [3, 4, 4])).unwrap();
    let pairs = list(&outputs[0]).into_iter().zip(list(&expected.0));
    for (place, (x, y)) in pairs.enumerate() {
        if place / 16 == 1 {
            assert!(x.is_nan());
        } else {
            assert!((x - y).abs() < 1e-14);
        }
    }
}

/// A X + X B = C: three tensors, each with its gradient.
#[test]
fn rules_of_three_inputs_are_operations_too() {
    let shapes = [[2, 3, 3], [2, 2, 2], [2, 3, 2]];
    let solve = |inputs: [Tensor<Taped, 3>; 3]| {
        apply(Stacked::new(SylvesterRule), inputs)
            .unwrap()
            .remove(0)
    };
    let inputs = || [0, 1, 2].map(|k| gaussian::<Taped, 3>(shapes[k], 50 + k as u64));
    let x = solve(inputs());
    let [a, b, c] = inputs();
    let error = a.matmul(x.clone()) + x.matmul(b) - c;
    assert!(list(&error).iter().all(|x| x.abs() < 1e-12));
    let wanting = inputs().map(|x| x.require_grad());
    let grads = weighed(solve(wanting.clone()), 5).backward();
    for k in 0..3 {
        let direction = gaussian::<Taped, 3>(shapes[k], 60 + k as u64);
        let value = |step: f64| {
            let mut moved = inputs();
            moved[k] = moved[k].clone() + direction.clone().mul_scalar(step);
            list(&weighed(solve(moved), 5))[0]
        };
        let expected = (value(1e-5) - value(-1e-5)) / 2e-5;
        let bar = wanting[k].grad(&grads).expect("a gradient");
        let found = list(&(bar * direction.inner()).sum())[0];
        let error = (found - expected).abs();
        assert!(
            error < 1e-6 * expected.abs().max(1.0),
            "{k}: {found} {expected}"
        );
    }
}
