//! A network of one's own on dfdx's tape: a frozen trunk and a matrix layer of ours around a convolution of dfdx's tensors.
//!
//! `cargo run --release -p matbackprop-models --example on_tape`
//!
//! The trunk's maps go through a 1 × 1 convolution that is written here with dfdx's operations and follows the gradient.
//! First it learns to separate the two halves of an image by normalised cuts, then to make the second-order
//! descriptors of the halves differ. At last a matrix learns to turn points by the rotation nearest to it, from a start where
//! all singular values are equal.

use dfdx::prelude::*;
use matbackprop_core::stack::RotationRule;
use models::on_tape::{MapTensor, MatrixTensor, TapeSession};
use models::{BackwardScope, Error, Mode, Parameters, TrunkKind};
use ncuts::{Indicator, NcutsLayer};
use o2p::{O2pLayer, Region};

type Traced<S> = Tensor<S, f32, Cpu, OwnedTape<f32, Cpu>>;
type Weight = Tensor<(usize, usize), f32, Cpu>;

/// Channels of the convolution that learns.
const CHANNELS: usize = 8;
const STEPS: usize = 20;

fn main() -> Result<(), Error> {
    let device = Cpu::default();
    let (chain, layers) = TrunkKind::Lite0.chain(&[("expand1".to_owned(), 1.0)])?;
    let parameters = Parameters::random(layers, 1);
    let session = TapeSession::new();

    // Red and green pixels at random, more of the red ones on the left.
    let noise: MapTensor = Cpu::seed_from_u64(2).sample_uniform_like(&(3, 32, 48));
    let mut pixels = noise.as_vec();
    for row in pixels[..32 * 48].chunks_exact_mut(48) {
        row[..24].iter_mut().for_each(|red| *red += 0.5);
    }
    let image: MapTensor = device.tensor_from_vec(pixels, (3, 32, 48));
    // No tape: the trunk is frozen.
    let scope = BackwardScope::PARAMETERS;
    let maps = session.chain(&chain, &parameters, image, Mode::Inference, scope)?;
    let (_, height, width) = *maps.shape();
    let is_right = |position: usize| position % width >= width / 2;
    let positions = 0..height * width;

    let halves = positions.clone().map(|i| u32::from(is_right(i)));
    let halves = [Indicator::from_assignment(halves.collect(), 2)?];
    let layer = NcutsLayer::default();
    train("normalised cuts", &session, &maps, 0.5, |session, y| {
        session.ncuts(&layer, y, &halves)
    })?;

    let (right, left): (Vec<_>, Vec<_>) = positions.partition(|i| is_right(*i));
    let regions = [left, right].map(|half| Region::from_positions(height * width, &half));
    let [left, right] = regions;
    let regions = [left?, right?];
    train(
        "second-order pooling",
        &session,
        &maps,
        5.0,
        |session, y| {
            let descriptors = session.o2p(&O2pLayer::default(), y, &regions)?;
            let count = descriptors.shape().1;
            // Left minus right.
            let difference: Weight = Cpu::default().tensor_from_vec(vec![1.0, -1.0], (2, 1));
            let apart = descriptors.permute::<_, Axes2<1, 0>>().matmul(difference);
            Ok((apart.square().sum::<(), _>() / -(count as f32)).exp())
        },
    )?;
    turn_points(&session)
}

/// Learns a rotation of space from points and where they were turned to.
fn turn_points(session: &TapeSession) -> Result<(), Error> {
    let device = Cpu::seed_from_u64(4);
    let points: MatrixTensor = device.sample_normal_like(&(1, 3, 20));
    // A third of a turn about the diagonal: every axis becomes the next.
    let turn: MatrixTensor =
        device.tensor_from_vec(vec![0., 0., 1., 1., 0., 0., 0., 1., 0.], (1, 3, 3));
    let turned = turn.matmul(points.clone());
    let mut matrix: MatrixTensor =
        device.tensor_from_vec(vec![1., 0., 0., 0., 1., 0., 0., 0., 1.], (1, 3, 3));
    for step in 1..=STEPS {
        let rotation = session.rule(RotationRule, 0, matrix.leaky_trace())?;
        let loss = (rotation.matmul(points.clone()) - turned.clone())
            .square()
            .mean();
        if step == 1 || step == STEPS {
            println!("rotation, step {step}: {:.4}", loss.array());
        }
        let gradients = session.backward(loss)?;
        matrix = matrix.clone() - gradients.get(&matrix) * 0.5;
    }
    Ok(())
}

/// Trains a 1 × 1 convolution with ReLU down the gradient of a loss, and prints the loss at the first and last step.
fn train(
    name: &str,
    session: &TapeSession,
    maps: &MapTensor,
    rate: f32,
    loss: impl Fn(&TapeSession, Traced<(usize, usize, usize)>) -> Result<Traced<()>, Error>,
) -> Result<(), Error> {
    let (channels, height, width) = *maps.shape();
    let flat: Weight = maps.clone().reshape_like(&(channels, height * width));
    let mut weight: Weight = Cpu::seed_from_u64(3).sample_uniform_like(&(CHANNELS, channels));
    for step in 1..=STEPS {
        let y = weight.leaky_trace().matmul(flat.clone()).relu();
        let loss = loss(session, y.reshape_like(&(CHANNELS, height, width)))?;
        if step == 1 || step == STEPS {
            println!("{name}, step {step}: {:.4}", loss.array());
        }
        let gradients = session.backward(loss)?;
        weight = weight.clone() - gradients.get(&weight) * rate;
    }
    Ok(())
}
