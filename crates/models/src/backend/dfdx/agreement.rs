//! Every layer and every trunk against the fused kernels, on any device.

use std::sync::Arc;

use dfdx::prelude::*;

use super::tensor_device::TensorDevice;
use crate::backend::interface::BackwardScope;
use crate::backend::planes::Planes;
use crate::backend::test_values::random_values;
use crate::parameters::Parameters;
use crate::trunk::InputGrid;
use crate::trunk::{
    Activation, AlexnetLayout, Builder, Chain, Conv, Depthwise, Dropout, MaxPool, Mode, Padding,
    ResponseNorm, Step, TrunkKind,
};

/// f32 sums in another order, relative to the largest number.
const TOLERANCE: f32 = 1e-4;

fn close(what: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let largest = theirs
        .iter()
        .fold(1e-6_f32, |most, value| most.max(value.abs()));
    for (place, (a, b)) in ours.iter().zip(theirs).enumerate() {
        let apart = (a - b).abs() / largest;
        assert!(
            apart < TOLERANCE,
            "{what}, place {place}: {a} and {b}, largest {largest}"
        );
    }
}

/// Value and cotangents of a chain by both backends.
fn agree<D: Device<f32> + Synchronize>(
    tensors: &mut TensorDevice<D>,
    chain: &Chain,
    parameters: &Arc<Vec<Vec<f32>>>,
    input: &Planes,
    (mode, first_step): (Mode, usize),
) {
    let (expected, saved) = chain
        .forward_saving(input.clone(), parameters, mode.clone())
        .unwrap();
    let on_device = tensors.upload(input.clone()).unwrap();
    let grid = InputGrid::pixels(input.size());
    let (found, saved_tensors) = tensors
        .forward(chain, (vec![on_device], &[grid]), parameters, mode, true)
        .unwrap();
    let found = tensors.download(found).unwrap();
    let size = |planes: &Planes| (planes.channels(), planes.height(), planes.width());
    assert_eq!(size(&found), size(&expected));
    close("value", found.data(), &expected.to_contiguous());

    let (channels, height, width) = size(&found);
    let bar = random_values(channels * height * width, 5);
    let bar = Planes::from_contiguous(channels, height, width, 0, &bar);
    let wants_input = first_step == 0;
    let scope = BackwardScope {
        first_step,
        input: wants_input,
    };
    let expected = chain.vjp(saved, parameters, bar.clone(), scope);
    let saved = saved_tensors.expect("saved activations");
    let bar = tensors.upload(bar).unwrap();
    let found = tensors.vjp(chain, saved, parameters, bar, scope).unwrap();
    let bars = found.parameters.iter().zip(&expected.parameters);
    for (index, (found, expected)) in bars.enumerate() {
        close(&format!("parameter {index}"), found, expected);
    }
    assert_eq!(found.input.is_some(), wants_input);
    if let (Some(found), Some(expected)) = (found.input, expected.input) {
        let found = tensors.download(found).unwrap();
        close("input", found.data(), &expected.to_contiguous());
    }
}

/// Numbers of which many are equal and many zero, as after a ReLU on a clipped sky.
fn with_ties(count: usize) -> Vec<f32> {
    let rounded = |value: f32| (value * 3.0).round().max(0.0) / 3.0;
    random_values(count, 9).into_iter().map(rounded).collect()
}

#[allow(clippy::too_many_lines)] // A table.
fn layers<D: Device<f32> + Synchronize>(device: D) {
    let mut tensors = TensorDevice::new(device);
    let conv = |from, to, kernel, stride, padding, groups, activation| Conv {
        in_channels: from,
        out_channels: to,
        kernel,
        stride,
        padding,
        groups,
        activation,
    };
    let mut builder = Builder::new(4);
    let same = Padding::Same;
    builder.conv_with(
        "a".into(),
        None,
        conv(4, 6, 3, 2, same, 1, Activation::Relu6),
    );
    builder.named("a");
    builder.step(Step::ResponseNorm(ResponseNorm {
        alpha: 0.5,
        ..ResponseNorm::ALEXNET
    }));
    builder.conv_with(
        "b".into(),
        None,
        conv(6, 8, 3, 1, Padding::Symmetric(1), 2, Activation::Relu),
    );
    builder.step(Step::MaxPool(MaxPool {
        kernel: 3,
        stride: 2,
        ceil: true,
    }));
    builder.named("pooled");
    builder.depthwise(
        "c".into(),
        None,
        Depthwise {
            channels: 8,
            kernel: 5,
            stride: 1,
            padding: same,
            activation: Activation::Relu6,
        },
    );
    builder.step(Step::Dropout(Dropout {
        rate: 0.4,
        single: false,
    }));
    builder.step(Step::Dropout(Dropout {
        rate: 0.2,
        single: true,
    }));
    builder.conv_with(
        "d".into(),
        None,
        conv(8, 8, 1, 1, same, 1, Activation::Identity),
    );
    builder.step(Step::Add { value: 4 });
    builder.named("last");
    let taps = [("pooled", 0.5), ("a", 2.0), ("last", 1.0)];
    let taps = taps.map(|(name, scale)| (name.to_owned(), scale));
    let (chain, layers) = builder.finish("test", &taps).unwrap();
    let mut values = (*Parameters::random(layers, 3).values()).clone();
    for (index, bias) in values.iter_mut().skip(1).step_by(2).enumerate() {
        *bias = random_values(bias.len(), index as u64);
    }
    let values = Arc::new(values);
    let mode = Mode::Training { seed: 11 };
    for (height, width) in [(17, 22), (16, 13)] {
        let x = with_ties(4 * height * width);
        let x = Planes::from_contiguous(4, height, width, 0, &x);
        for first_step in [0, 3, 7] {
            agree(
                &mut tensors,
                &chain,
                &values,
                &x,
                (mode.clone(), first_step),
            );
        }
        agree(&mut tensors, &chain, &values, &x, (Mode::Inference, 0));
    }
    let x = Planes::from_vec(4, 16, 13, with_ties(4 * 16 * 13));
    let x = tensors.upload(x).unwrap();
    let grid = InputGrid::pixels(x.size());
    let (_, saved) = tensors
        .forward(&chain, (vec![x], &[grid]), &values, Mode::Inference, false)
        .unwrap();
    assert!(saved.is_none());
    assert!(tensors.take_transfers().bytes > 0);
    assert_eq!(tensors.take_transfers().bytes, 0);
}

fn trunks<D: Device<f32> + Synchronize>(device: D) {
    let mut tensors = TensorDevice::new(device);
    let (height, width) = (69, 83);
    let x = Planes::from_contiguous(3, height, width, 0, &random_values(3 * height * width, 1));
    let kinds = [
        TrunkKind::Vgg16,
        TrunkKind::Lite0,
        TrunkKind::Alexnet(AlexnetLayout::Original),
    ];
    for kind in kinds {
        let taps = kind.default_taps().map(|name| (name.to_owned(), 0.7));
        let (chain, layers) = kind.chain(&taps).unwrap();
        let values = Parameters::random(layers, 2).values();
        agree(&mut tensors, &chain, &values, &x, (Mode::Inference, 0));
        let last = chain.steps.len() - 2;
        agree(&mut tensors, &chain, &values, &x, (Mode::Inference, last));
    }
}

#[test]
fn layers_on_tensors_agree_with_the_kernels() {
    layers(Cpu::default());
}

#[test]
fn trunks_on_tensors_agree_with_the_kernels() {
    trunks(Cpu::default());
}

#[cfg(feature = "cuda")]
#[test]
#[ignore = "needs an NVIDIA GPU and its driver"]
fn layers_on_cuda_agree_with_the_kernels() {
    layers(Cuda::try_build(0, 0).unwrap());
}

#[cfg(feature = "cuda")]
#[test]
#[ignore = "needs an NVIDIA GPU and its driver"]
fn trunks_on_cuda_agree_with_the_kernels() {
    trunks(Cuda::try_build(0, 0).unwrap());
}

#[test]
fn an_image_that_is_too_small_is_refused_alike() {
    let taps = [("relu4_3".to_owned(), 1.0)];
    let (chain, layers) = TrunkKind::Vgg16.chain(&taps).unwrap();
    let values = Parameters::random(layers, 2).values();
    let mut tensors = TensorDevice::new(Cpu::default());
    let x = tensors.upload(Planes::zeros(3, 4, 4, 0)).unwrap();
    let inputs = (vec![x], &[InputGrid::pixels((3, 4, 4))][..]);
    let refused = tensors.forward(&chain, inputs, &values, Mode::Inference, false);
    let words = refused.err().unwrap().to_string();
    assert!(words.starts_with("image of 4 × 4 pixels"), "{words}");
}
