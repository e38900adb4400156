//! Shapes, strides and types: what is in a batch does not depend on how it lies in memory.

use crate::losses::{gaussian, list, weighed};
use candle_core::{D, DType, Device, Tensor, Var};
use matbackprop_candle as bridge;
use matbackprop_candle::core::stack::{OnFailure, PolarRule, Stacked, SylvesterRule};
use matbackprop_candle::{VechRule, apply};

#[test]
fn shapes_are_those_of_torch() {
    let a = gaussian(&[2, 3, 5, 4], 1);
    let (u, s, vt) = bridge::svd(&a).unwrap();
    assert_eq!(u.dims(), [2, 3, 5, 4]);
    assert_eq!(s.dims(), [2, 3, 4]);
    assert_eq!(vt.dims(), [2, 3, 4, 4]);
    let scaled = u.broadcast_mul(&s.unsqueeze(D::Minus2).unwrap()).unwrap();
    let back = scaled.matmul(&vt.contiguous().unwrap()).unwrap();
    let error = (back - &a).unwrap().abs().unwrap().max_all().unwrap();
    assert!(list(&error)[0] < 1e-14);
    let sorted = list(&s);
    assert!(sorted.chunks(4).all(|s| s.is_sorted_by(|x, y| x >= y)));
    let gram = a.t().unwrap().matmul(&a).unwrap();
    let (values, vectors) = bridge::eigh(&gram).unwrap();
    assert_eq!(
        (values.dims(), vectors.dims()),
        (&[2, 3, 4][..], &[2, 3, 4, 4][..])
    );
    assert!(list(&values).chunks(4).all(|values| values.is_sorted()));
    let (w, h) = bridge::polar(&a.t().unwrap()).unwrap();
    assert_eq!((w.dims(), h.dims()), (&[2, 3, 4, 5][..], &[2, 3, 4, 4][..]));
    assert_eq!(bridge::projector(&a).unwrap().dims(), [2, 3, 5, 5]);
    assert_eq!(bridge::gram_log(&a, 0.1).unwrap().dims(), [2, 3, 4, 4]);
    let pooled = bridge::second_order_pool(&a, 0.1, VechRule::default()).unwrap();
    assert_eq!(pooled.dims(), [2, 3, 10]);
    let lengths = list(&pooled.sqr().unwrap().sum(D::Minus1).unwrap());
    assert!(lengths.iter().all(|x| (x - 1.0).abs() < 1e-14));
    let labels = Tensor::new(&[0u32, 0, 1, 1, 1], &Device::Cpu).unwrap();
    let labels = labels.broadcast_as((2, 3, 5)).unwrap();
    let loss = bridge::ncuts_loss(&a.abs().unwrap(), &labels, Some(1e-4)).unwrap();
    assert_eq!(loss.dims(), [2, 3]);
}

#[test]
fn values_by_hand() {
    let features = Tensor::new(&[[3f64, 0.], [0., 1.]], &Device::Cpu).unwrap();
    let log = list(&bridge::gram_log(&features, 0.0).unwrap());
    let expected = [2.0 * 3f64.ln(), 0.0, 0.0, 0.0];
    let error = test_support::references::relative_error(&log, &expected);
    assert!(error < 1e-15);
    let plain = VechRule {
        signed_square_root: None,
        unit_norm: false,
    };
    let pooled = list(&bridge::second_order_pool(&features, 0.5, plain).unwrap());
    let expected = [5f64.ln(), 0.0, 0.0];
    assert!(test_support::references::relative_error(&pooled, &expected) < 1e-15);
    let a = Tensor::new(&[[0f64, -2.], [3., 0.]], &Device::Cpu).unwrap();
    let (w, h) = bridge::polar(&a).unwrap();
    assert_eq!(list(&w), [0.0, -1.0, 1.0, 0.0]);
    assert_eq!(list(&h), [3.0, 0.0, 0.0, 2.0]);
}

/// The same matrices as views: transposed, inside larger tensors, with leading axes exchanged, or one repeated.
#[test]
fn views_have_the_numbers_and_gradients_of_copies() {
    let whole = gaussian(&[3, 2, 7, 9], 2);
    type View = fn(&Tensor) -> candle_core::Result<Tensor>;
    let views: [(&str, View); 5] = [
        ("transposed", |x| x.t()),
        ("inside", |x| x.narrow(3, 2, 4)?.narrow(2, 1, 5)),
        ("leading axes exchanged", |x| x.transpose(0, 1)),
        ("some of a leading axis", |x| x.narrow(1, 1, 1)),
        ("repeated", |x| {
            x.narrow(0, 0, 1)?.broadcast_as((3, 2, 7, 9))
        }),
    ];
    for (name, view) in views {
        let gradient = |contiguous: bool| {
            let at = Var::from_tensor(&whole).unwrap();
            let mut seen = view(&at).unwrap();
            assert!(!seen.is_contiguous(), "{name}");
            if contiguous {
                seen = seen.contiguous().unwrap();
            }
            let log = bridge::gram_log(&seen, 0.1).unwrap();
            let loss = weighed(&log, 3).unwrap();
            let grads = loss.backward().unwrap();
            (list(&log), list(grads.get(&at).expect("a gradient")))
        };
        assert_eq!(gradient(false), gradient(true), "{name}");
    }
}

#[test]
fn a_gradient_that_is_a_view_is_read() {
    let at = Var::from_tensor(&gaussian(&[4, 5, 3], 2)).unwrap();
    // A broadcast number as cotangent, then one that is transposed.
    let (w, _) = bridge::polar(&at).unwrap();
    let ones = w.sum_all().unwrap().backward().unwrap();
    let by_sum = list(ones.get(&at).expect("a gradient"));
    let (w, _) = bridge::polar(&at).unwrap();
    let transposed = w.t().unwrap().contiguous().unwrap();
    let loss = (transposed.ones_like().unwrap() * transposed).unwrap();
    let grads = loss.sum_all().unwrap().backward().unwrap();
    let by_transpose = list(grads.get(&at).expect("a gradient"));
    assert!(test_support::references::relative_error(&by_transpose, &by_sum) < 1e-14);
}

#[test]
fn an_empty_batch_is_empty() {
    let none = Tensor::zeros((0, 4, 3), DType::F32, &Device::Cpu).unwrap();
    assert_eq!(bridge::gram_log(&none, 0.1).unwrap().dims(), [0, 3, 3]);
}

#[test]
fn one_bad_matrix_may_be_nan_and_the_others_as_they_are() {
    let good = gaussian(&[3, 4, 4], 6);
    let bad = good.slice_assign(
        &[1..2, 0..4, 0..4],
        &Tensor::full(f64::NAN, (1, 4, 4), &Device::Cpu).unwrap(),
    );
    let at = Var::from_tensor(&bad.unwrap()).unwrap();
    let lenient = Stacked::new(PolarRule).on_failure(OnFailure::Nan);
    let outputs = apply(lenient, &[&at]).unwrap();
    let expected = list(&bridge::polar(&good).unwrap().0);
    let found = list(&outputs[0]);
    for (place, (x, y)) in found.iter().zip(&expected).enumerate() {
        if place / 16 == 1 {
            assert!(x.is_nan());
        } else {
            assert!((x - y).abs() < 1e-14);
        }
    }
    let grads = outputs[0].sum_all().unwrap().backward().unwrap();
    let bars = list(grads.get(&at).expect("a gradient"));
    let places = bars.iter().enumerate();
    let nan = places.filter(|(_, x)| x.is_nan()).map(|(place, _)| place);
    assert_eq!(nan.collect::<Vec<_>>(), (16..32).collect::<Vec<_>>());
}

/// A X + X B = C: three tensors, each with its gradient.
#[test]
fn rules_of_three_inputs_are_operations_too() {
    let shapes: [&[usize]; 3] = [&[2, 3, 3], &[2, 2, 2], &[2, 3, 2]];
    let inputs: Vec<Var> = (0..3)
        .map(|k| Var::from_tensor(&gaussian(shapes[k], 50 + k as u64)).unwrap())
        .collect();
    let [a, b, c] = [&inputs[0], &inputs[1], &inputs[2]];
    let solve = |inputs: [&Tensor; 3]| {
        apply(Stacked::new(SylvesterRule), &inputs)
            .unwrap()
            .remove(0)
    };
    let x = solve([a, b, c]);
    let left = a.as_tensor().matmul(&x).unwrap();
    let error = (left + x.matmul(b).unwrap() - c.as_tensor()).unwrap();
    assert!(list(&error).iter().all(|x| x.abs() < 1e-12));
    let grads = weighed(&x, 5).unwrap().backward().unwrap();
    for k in 0..3 {
        let direction = gaussian(shapes[k], 60 + k as u64);
        let value = |step: f64| {
            let mut moved: Vec<Tensor> = inputs.iter().map(|x| x.as_tensor().clone()).collect();
            moved[k] = (&moved[k] + direction.affine(step, 0.0).unwrap()).unwrap();
            list(&weighed(&solve([&moved[0], &moved[1], &moved[2]]), 5).unwrap())[0]
        };
        let expected = (value(1e-5) - value(-1e-5)) / 2e-5;
        let bar = list(grads.get(&inputs[k]).expect("a gradient"));
        let pairs = bar.iter().zip(list(&direction));
        let found: f64 = pairs.map(|(x, y)| x * y).sum();
        assert!(
            (found - expected).abs() < 1e-6 * expected.abs().max(1.0),
            "{k}: {found} {expected}"
        );
    }
}
