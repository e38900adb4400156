//! Finite where a decomposition differentiated by hand is not.

use crate::losses::{Taped, Taped32, gaussian, gradient, tensor, weighed};
use burn_tensor::backend::AutodiffBackend;
use burn_tensor::{Int, Tensor};
use matbackprop_burn::{self as bridge, MatrixBackend, VechRule};
use test_support::numbers::normal;

/// A batch of four 5 × 3: equal singular values, rank one, zero, and two equal beside zero.
fn degenerate<B: MatrixBackend>() -> Tensor<B, 3> {
    let matrix = |entry: fn(usize, usize) -> f64| -> Vec<f64> {
        (0..15).map(|place| entry(place / 3, place % 3)).collect()
    };
    let numbers = [
        matrix(|i, j| if i == j { 2.0 } else { 0.0 }),
        matrix(|i, j| (1 + i) as f64 * (2 + j) as f64),
        matrix(|_, _| 0.0),
        matrix(|i, j| if i == j && i < 2 { 1.0 } else { 0.0 }),
    ];
    tensor(numbers.concat(), [4, 5, 3])
}

fn finite<B: AutodiffBackend + MatrixBackend, const D: usize>(
    name: &str,
    at: Tensor<B, D>,
    loss: impl Fn(Tensor<B, D>) -> bridge::Result<Tensor<B, 1>>,
) {
    let bar = gradient(at, loss).unwrap();
    assert!(bar.iter().all(|x| x.is_finite()), "{name}: {bar:?}");
}

fn all_finite<B: AutodiffBackend + MatrixBackend>() {
    let a = degenerate::<B>;
    finite("gram_log", a(), |a| {
        Ok(weighed(bridge::gram_log(a, 1e-3)?, 1))
    });
    finite("pool", a(), |a| {
        let pooled: Tensor<B, 2> = bridge::second_order_pool(a, 1e-3, VechRule::default())?;
        Ok(weighed(pooled, 2))
    });
    finite("projector", a(), |a| Ok(weighed(bridge::projector(a)?, 3)));
    // Σσ has a subgradient everywhere.
    finite("svd", a(), |a| {
        let (_, s, _): (_, Tensor<B, 2>, _) = bridge::svd(a)?;
        Ok(s.sum())
    });
    finite("eigh", a().transpose().matmul(a()).detach(), |a| {
        let (values, _): (Tensor<B, 2>, _) = bridge::eigh(a)?;
        Ok((values.clone() * values).sum())
    });
    // W needs full rank: the first, not the others.
    finite("polar", a().narrow(0, 0, 1), |a| {
        Ok(weighed(bridge::polar(a)?.0, 4))
    });
}

#[test]
fn equal_values_low_rank_and_zero_stay_finite() {
    all_finite::<Taped>();
    all_finite::<Taped32>();
}

/// λ_max at I: the limiting subgradient where the loss sees the values alone, NaN where it sees vectors too.
#[test]
fn outputs_that_the_loss_does_not_see_ask_for_nothing() {
    let one = || Tensor::<Taped, 2>::eye(3, &Default::default());
    let bar = gradient(one(), |a| {
        let (values, _): (Tensor<Taped, 1>, _) = bridge::eigh(a)?;
        Ok(values.narrow(0, 2, 1).sum())
    });
    let bar = bar.unwrap();
    let trace: f64 = bar.iter().step_by(4).sum();
    assert!((trace - 1.0).abs() < 1e-14, "{bar:?}");
    let bar = gradient(one(), |a| {
        let (values, vectors): (Tensor<Taped, 1>, _) = bridge::eigh(a)?;
        Ok(values.narrow(0, 2, 1).sum() + (vectors.zeros_like() * vectors).sum())
    });
    assert!(bar.unwrap().iter().all(|x| x.is_nan()));
}

#[test]
fn one_matrix_without_a_gradient_leaves_the_others_theirs() {
    let mut numbers = normal(36, 9);
    numbers[9..18].fill(0.0);
    let bar = gradient(tensor::<Taped, 3>(numbers, [4, 3, 3]), |a| {
        Ok(weighed(bridge::polar(a)?.0, 4))
    });
    for (place, x) in bar.unwrap().iter().enumerate() {
        assert_eq!(x.is_nan(), place / 9 == 1, "{place}: {x}");
    }
}

#[test]
fn pictures_with_dead_features_and_pixels_have_finite_gradients() {
    let alive = tensor::<Taped, 3>(vec![1.0, 0.0, 1.0, 0.0], [1, 1, 4]);
    let seen = tensor(vec![1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0], [1, 8, 1]);
    let features = gaussian([3, 8, 4], 5).abs() * alive * seen;
    let labels = Tensor::<Taped, 2, Int>::from_data([[0, 0, 0, 0, 1, 1, 1, 1]], &features.device());
    let labels = labels.repeat_dim(0, 3);
    for epsilon in [Some(1e-4), None] {
        finite("ncuts_loss", features.clone().detach(), |f| {
            Ok(bridge::ncuts_loss(f, labels.clone(), epsilon)?.sum())
        });
    }
}
