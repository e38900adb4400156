//! Finite where a decomposition differentiated by hand is not.

use crate::losses::{gaussian, list, weighed};
use candle_core::{DType, Device, Result, Tensor, Var};
use matbackprop_candle as bridge;
use matbackprop_candle::VechRule;

/// A batch of four 5 × 3: equal singular values, rank one, zero, and two equal beside zero.
fn degenerate() -> Tensor {
    let matrix = |entry: fn(usize, usize) -> f64| -> Vec<f64> {
        (0..15).map(|place| entry(place / 3, place % 3)).collect()
    };
    let numbers = [
        matrix(|i, j| if i == j { 2.0 } else { 0.0 }),
        matrix(|i, j| (1 + i) as f64 * (2 + j) as f64),
        matrix(|_, _| 0.0),
        matrix(|i, j| if i == j && i < 2 { 1.0 } else { 0.0 }),
    ];
    Tensor::from_vec(numbers.concat(), (4, 5, 3), &Device::Cpu).unwrap()
}

fn finite(name: &str, at: &Tensor, loss: impl Fn(&Tensor) -> Result<Tensor>) {
    for dtype in [DType::F64, DType::F32] {
        let at = Var::from_tensor(&at.to_dtype(dtype).unwrap()).unwrap();
        let value = loss(&at).unwrap();
        assert!(list(&value)[0].is_finite(), "{name}");
        let grads = value.backward().unwrap();
        let bar = list(grads.get(&at).expect("a gradient"));
        assert!(bar.iter().all(|x| x.is_finite()), "{name}: {bar:?}");
    }
}

#[test]
fn equal_values_low_rank_and_zero_stay_finite() {
    let a = degenerate();
    finite("gram_log", &a, |a| weighed(&bridge::gram_log(a, 1e-3)?, 1));
    finite("pool", &a, |a| {
        weighed(&bridge::second_order_pool(a, 1e-3, VechRule::default())?, 2)
    });
    finite("projector", &a, |a| weighed(&bridge::projector(a)?, 3));
    // Σσ has a subgradient everywhere.
    finite("svd", &a, |a| bridge::svd(a)?.1.sum_all());
    let gram = a.t().unwrap().matmul(&a).unwrap();
    finite("eigh", &gram, |a| bridge::eigh(a)?.0.sqr()?.sum_all());
    // W needs full rank: the identity, not the others.
    let one = a.narrow(0, 0, 1).unwrap();
    finite("polar", &one, |a| weighed(&bridge::polar(a)?.0, 4));
}

/// λ_max at I: the limiting subgradient where the loss sees the values alone, an error where it sees vectors too.
#[test]
fn outputs_that_the_loss_does_not_see_ask_for_nothing() {
    let one = Tensor::eye(3, DType::F64, &Device::Cpu).unwrap();
    let at = Var::from_tensor(&one).unwrap();
    let (values, vectors) = bridge::eigh(&at).unwrap();
    let largest = values.narrow(0, 2, 1).unwrap().sum_all().unwrap();
    let grads = largest.backward().unwrap();
    let bar = list(grads.get(&at).expect("a gradient"));
    let trace: f64 = bar.iter().step_by(4).sum();
    assert!((trace - 1.0).abs() < 1e-14, "{bar:?}");
    let nothing = (vectors.zeros_like().unwrap() * vectors).unwrap();
    let nothing = nothing.sum_all().unwrap();
    assert!((largest + nothing).unwrap().backward().is_err());
}

#[test]
fn pictures_with_dead_features_and_pixels_have_finite_gradients() {
    let features = gaussian(&[3, 8, 4], 5).abs().unwrap();
    let alive = Tensor::new(&[1f64, 0., 1., 0.], &Device::Cpu).unwrap();
    let seen = Tensor::new(
        &[[1f64], [1.], [0.], [1.], [1.], [1.], [1.], [0.]],
        &Device::Cpu,
    );
    let features = features.broadcast_mul(&alive).unwrap();
    let features = features.broadcast_mul(&seen.unwrap()).unwrap();
    let labels = Tensor::new(&[0u8, 0, 0, 0, 1, 1, 1, 1], &Device::Cpu).unwrap();
    let labels = labels.broadcast_as((3, 8)).unwrap();
    for epsilon in [Some(1e-4), None] {
        finite("ncuts_loss", &features, |f| {
            bridge::ncuts_loss(f, &labels, epsilon)?.sum_all()
        });
    }
}
