//! The one interpreter of chains: forward, and back.

use super::interface::{Activations, Backend, BackwardScope, TapMaps, TapPlace};
use super::planes::Planes;
use crate::trunk::{Chain, ChainPlan, Draws, KernelLayer, Mode, Resize, Step};

/// Activations of the forward pass that the backward pass of a chain reads.
#[derive(Clone, Debug)]
pub struct SavedActivations<M = Planes> {
    values: Vec<Option<M>>,
    plan: ChainPlan,
    mode: Mode,
}

/// A chain's output, and the activations for its backward pass where they were asked for.
type Forward<M> = (M, Option<SavedActivations<M>>);

/// y of the `inputs`, and the activations for a backward pass where `save` asks for them. Maps come and go where the
/// backend holds them, without a frame: nothing crosses to the host.
///
/// `plan` is the chain's for the inputs' grids; `on_step` gets the number of steps done.
///
/// # Errors
/// Those of the backend.
pub(super) fn forward<B: Backend>(
    backend: &mut B,
    chain: &Chain,
    plan: ChainPlan,
    inputs: Vec<B::Maps>,
    mode: Mode,
    save: bool,
    on_step: &mut dyn FnMut(usize),
) -> Result<Forward<B::Maps>, B::Failure> {
    let mut last_uses = chain.last_uses();
    if save {
        last_uses.fill(usize::MAX);
    }
    let values = steps_forward(backend, chain, &plan, inputs, &mode, &last_uses, on_step)?;
    let taps: Vec<_> = chain
        .taps
        .iter()
        .zip(&plan.resizes)
        .map(|(tap, resize)| TapMaps {
            maps: held(&values, tap.value),
            scale: tap.scale,
            resize,
        })
        .collect();
    let output = backend.join(&taps)?;
    let saved = save.then_some(SavedActivations { values, plan, mode });
    Ok((output, saved))
}

/// Some values of a chain, each without a frame; no backward pass follows.
///
/// # Errors
/// Those of the backend.
pub(super) fn forward_values<B: Backend>(
    backend: &mut B,
    chain: &Chain,
    plan: &ChainPlan,
    inputs: Vec<B::Maps>,
    wanted: &[usize],
) -> Result<Vec<B::Maps>, B::Failure> {
    let mut last_uses = chain.last_uses();
    for value in wanted {
        last_uses[*value] = usize::MAX;
    }
    let mode = Mode::Inference;
    let ran = steps_forward(backend, chain, plan, inputs, &mode, &last_uses, &mut |_| {});
    let mut values = ran?;
    let wanted = wanted.iter().map(|value| {
        let maps = values[*value].take().expect(HELD);
        backend.with_frame(maps, 0)
    });
    wanted.collect()
}

/// All values of a chain, those after their last use left out.
fn steps_forward<B: Backend>(
    backend: &mut B,
    chain: &Chain,
    plan: &ChainPlan,
    inputs: Vec<B::Maps>,
    mode: &Mode,
    last_uses: &[usize],
    on_step: &mut dyn FnMut(usize),
) -> Result<Vec<Option<B::Maps>>, B::Failure> {
    let mut inputs: Vec<Option<B::Maps>> = inputs.into_iter().map(Some).collect();
    let first = inputs[0].take().expect("an input");
    let mut values = vec![Some(backend.with_frame(first, plan.frames[0])?)];
    for (index, step) in chain.steps.iter().enumerate() {
        let next = match step {
            Step::Input { place } => {
                let input = inputs[*place].take().expect("an input that is read once");
                backend.with_frame(input, plan.frames[index + 1])?
            }
            _ => step_forward(backend, chain, index, &values, plan, mode)?,
        };
        values.push(Some(next));
        on_step(index + 1);
        for (value, last_use) in values.iter_mut().zip(last_uses) {
            if *last_use <= index {
                *value = None;
            }
        }
    }
    Ok(values)
}

fn step_forward<B: Backend>(
    backend: &mut B,
    chain: &Chain,
    index: usize,
    values: &[Option<B::Maps>],
    plan: &ChainPlan,
    mode: &Mode,
) -> Result<B::Maps, B::Failure> {
    let input = held(values, index);
    let frame = plan.frames[index + 1];
    match &chain.steps[index] {
        Step::Join { values: joined } => {
            let taps = joined.iter().zip(&plan.joins[index]);
            let taps: Vec<_> = taps
                .map(|(value, resize)| TapMaps {
                    maps: held(values, *value),
                    scale: 1.0,
                    resize,
                })
                .collect();
            let joined = backend.join(&taps)?;
            backend.with_frame(joined, frame)
        }
        // Taken where it comes in.
        Step::Input { .. } => Ok(input.clone()),
        Step::Conv { layer, weight } => {
            backend.convolution(KernelLayer::Conv(*layer), *weight, input, frame)
        }
        Step::Depthwise { layer, weight } => {
            backend.convolution(KernelLayer::Depthwise(*layer), *weight, input, frame)
        }
        Step::MaxPool(layer) => backend.max_pool(layer, input, frame),
        Step::ResponseNorm(layer) => backend.response_norm(layer, input, frame),
        Step::Dropout(layer) => {
            let mut output = input.clone();
            if let Some(draws) = mode.draws(index) {
                output = backend.dropout(layer, output, &draws)?;
            }
            backend.with_frame(output, frame)
        }
        Step::Add { value } => {
            let output = backend.with_frame(input.clone(), frame)?;
            backend.add(output, held(values, *value))
        }
    }
}

/// The input's cotangent from that of the output, where `scope` asks for it.
///
/// `on_gradient` gets the place of each kernel among the parameters, and the cotangents of the kernel and of its bias,
/// as soon as they are complete, from the last layer to the first that learns.
///
/// # Errors
/// Those of the backend.
///
/// # Panics
/// When `out_bar` has another size than the output.
pub(super) fn backward<B: Backend>(
    backend: &mut B,
    chain: &Chain,
    saved: SavedActivations<B::Maps>,
    out_bar: B::Maps,
    scope: BackwardScope,
    mut on_gradient: impl FnMut(usize, [Vec<f32>; 2]),
) -> Result<Option<B::Maps>, B::Failure> {
    let SavedActivations {
        mut values,
        plan,
        mode,
    } = saved;
    let out_bar = backend.with_frame(out_bar, 0)?;
    let mut bars = tap_cotangents(backend, chain, &plan, &out_bar)?;
    for (index, step) in chain.steps.iter().enumerate().skip(scope.first_step).rev() {
        let output = values[index + 1].take();
        let Some(bar) = bars[index + 1].take() else {
            continue;
        };
        let at = Activations {
            input: held(&values, index),
            output: output.as_ref().expect(HELD),
        };
        match step {
            Step::Add { value } => accumulate(backend, &mut bars[*value], bar.clone())?,
            Step::Join { values } => {
                join_vjp(
                    backend,
                    (values, &plan.joins[index]),
                    &plan,
                    &bar,
                    &mut bars,
                )?;
                continue;
            }
            // The cotangents of other inputs than the first are not asked for.
            Step::Input { .. } => continue,
            _ => {}
        }
        let wanted = index > scope.first_step || scope.reaches_input();
        let other_input = index > 0 && matches!(chain.steps[index - 1], Step::Input { .. });
        let wanted = wanted && !other_input;
        let input_frame = wanted.then(|| plan.cotangent_frames[index]);
        let draws = mode.draws(index);
        let input_bar = step_vjp(backend, step, at, bar, input_frame, draws, &mut on_gradient)?;
        if let Some(bar) = input_bar {
            accumulate(backend, &mut bars[index], bar)?;
        }
    }
    let input_bar = bars[0].take().filter(|_| scope.reaches_input());
    input_bar.map(|bar| backend.with_frame(bar, 0)).transpose()
}

/// The cotangent of a step's input, where its frame is given.
fn step_vjp<B: Backend>(
    backend: &mut B,
    step: &Step,
    at: Activations<'_, B::Maps>,
    bar: B::Maps,
    input_frame: Option<usize>,
    draws: Option<Draws>,
    on_gradient: &mut impl FnMut(usize, [Vec<f32>; 2]),
) -> Result<Option<B::Maps>, B::Failure> {
    if let Some((layer, weight)) = step.kernel_layer() {
        let bars = backend.convolution_vjp(layer, weight, at, bar, input_frame)?;
        on_gradient(weight, [bars.weight, bars.bias]);
        return Ok(bars.input);
    }
    let Some(frame) = input_frame else {
        return Ok(None);
    };
    let input_bar = match (step, draws) {
        (Step::MaxPool(layer), _) => backend.max_pool_vjp(layer, at, bar, frame)?,
        (Step::ResponseNorm(layer), _) => backend.response_norm_vjp(layer, at.input, bar, frame)?,
        (Step::Dropout(layer), Some(draws)) => backend.dropout(layer, bar, &draws)?,
        // Convolutions have returned above, and joins and inputs are the caller's.
        (Step::Dropout(_), None)
        | (
            Step::Add { .. }
            | Step::Conv { .. }
            | Step::Depthwise { .. }
            | Step::Join { .. }
            | Step::Input { .. },
            _,
        ) => bar,
    };
    Ok(Some(input_bar))
}

/// Adds the cotangents of joined values to theirs.
fn join_vjp<B: Backend>(
    backend: &mut B,
    (values, resizes): (&[usize], &[Resize]),
    plan: &ChainPlan,
    bar: &B::Maps,
    bars: &mut [Option<B::Maps>],
) -> Result<(), B::Failure> {
    let mut first_channel = 0;
    for (value, resize) in values.iter().zip(resizes) {
        let place = TapPlace {
            size: plan.sizes[*value],
            scale: 1.0,
            resize,
            first_channel,
        };
        let own = backend.tap_vjp(&place, bar, plan.cotangent_frames[*value])?;
        accumulate(backend, &mut bars[*value], own)?;
        first_channel += place.size.0;
    }
    Ok(())
}

/// The cotangents of all values, as far as the taps give them.
fn tap_cotangents<B: Backend>(
    backend: &mut B,
    chain: &Chain,
    plan: &ChainPlan,
    out_bar: &B::Maps,
) -> Result<Vec<Option<B::Maps>>, B::Failure> {
    let mut bars: Vec<Option<B::Maps>> = vec![None; plan.sizes.len()];
    let mut first_channel = 0;
    for (tap, resize) in chain.taps.iter().zip(&plan.resizes) {
        let place = TapPlace {
            size: plan.sizes[tap.value],
            scale: tap.scale,
            resize,
            first_channel,
        };
        let bar = backend.tap_vjp(&place, out_bar, plan.cotangent_frames[tap.value])?;
        accumulate(backend, &mut bars[tap.value], bar)?;
        first_channel += place.size.0;
    }
    Ok(bars)
}

fn accumulate<B: Backend>(
    backend: &mut B,
    total: &mut Option<B::Maps>,
    bar: B::Maps,
) -> Result<(), B::Failure> {
    *total = Some(match total.take() {
        Some(total) => backend.add(total, &bar)?,
        None => bar,
    });
    Ok(())
}

const HELD: &str = "a value is held until its last use";

fn held<M>(values: &[Option<M>], index: usize) -> &M {
    values[index].as_ref().expect(HELD)
}

#[cfg(test)]
mod tests {
    //! Tests of a chain that holds every step.

    use crate::backend::test_values::random_values;
    use crate::backend::{BackwardScope, Planes};
    use crate::error::Error;
    use crate::trunk::{
        Activation, Chain, Conv, Depthwise, Dropout, MaxPool, Mode, Padding, ResponseNorm, Step,
        Tap,
    };

    /// Conv, norm, pool, depthwise, conv, residual, dropout; two taps of different size.
    #[allow(clippy::too_many_lines)] // A table.
    fn everything() -> (Chain, Vec<Vec<f32>>) {
        let conv = |ci, co, kernel, activation| Conv {
            in_channels: ci,
            out_channels: co,
            kernel,
            stride: 1,
            padding: Padding::Symmetric(kernel / 2),
            groups: 1,
            activation,
        };
        let layers = [
            conv(3, 16, 3, Activation::Relu),
            conv(16, 16, 1, Activation::Identity),
        ];
        let depthwise = Depthwise {
            channels: 16,
            kernel: 3,
            stride: 1,
            padding: Padding::Same,
            activation: Activation::Relu6,
        };
        let last = conv(16, 4, 3, Activation::Relu);
        let steps = vec![
            Step::Conv {
                layer: layers[0],
                weight: 0,
            },
            Step::ResponseNorm(ResponseNorm::ALEXNET),
            Step::MaxPool(MaxPool {
                kernel: 2,
                stride: 2,
                ceil: false,
            }),
            Step::Depthwise {
                layer: depthwise,
                weight: 2,
            },
            Step::Conv {
                layer: layers[1],
                weight: 4,
            },
            Step::Add { value: 3 },
            Step::Dropout(Dropout {
                rate: 0.3,
                single: false,
            }),
            Step::Conv {
                layer: last,
                weight: 6,
            },
        ];
        let taps = vec![
            Tap {
                value: 8,
                scale: 2.0,
            },
            Tap {
                value: 1,
                scale: 0.5,
            },
        ];
        let lengths = [
            (layers[0].weight_len(), 16),
            (16 * 9, 16),
            (layers[1].weight_len(), 16),
        ];
        let lengths = lengths.into_iter().chain([(last.weight_len(), 4)]);
        let parameters = lengths
            .enumerate()
            .flat_map(|(i, (w, b))| {
                let weight = random_values(w, i as u64)
                    .into_iter()
                    .map(|v| 0.2 * v + 0.05)
                    .collect();
                // Most units stay clear of their kinks, where differences mean nothing.
                let bias = random_values(b, 50 + i as u64)
                    .into_iter()
                    .map(|v| 0.2 * v + 1.0)
                    .collect();
                [weight, bias]
            })
            .collect();
        (Chain { steps, taps }, parameters)
    }

    #[test]
    fn saving_or_not_gives_the_same_value() {
        let (chain, parameters) = everything();
        let x = Planes::from_contiguous(3, 8, 10, 0, &random_values(240, 9));
        let joined = chain.forward(x.clone(), &parameters, Mode::Inference);
        let joined = joined.unwrap();
        let saving = chain.forward_saving(x, &parameters, Mode::Inference);
        assert_eq!(joined, saving.unwrap().0);
        assert_eq!(
            (joined.channels(), joined.height(), joined.width()),
            (20, 4, 5)
        );
    }

    #[test]
    fn cotangents_equal_differences_through_every_step() {
        let (chain, parameters) = everything();
        let mode = Mode::Training { seed: 3 };
        let x = random_values(3 * 8 * 10, 9);
        let bar = random_values(20 * 4 * 5, 10);
        let loss = |x: &[f32], parameters: &[Vec<f32>]| -> f64 {
            let input = Planes::from_contiguous(3, 8, 10, 0, x);
            let y = chain.forward(input, parameters, mode.clone()).unwrap();
            y.data()
                .iter()
                .zip(&bar)
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum()
        };
        let input = Planes::from_contiguous(3, 8, 10, 0, &x);
        let (_, saved) = chain
            .forward_saving(input, &parameters, mode.clone())
            .unwrap();
        let out_bar = Planes::from_contiguous(20, 4, 5, 0, &bar);
        let bars = chain.vjp(saved, &parameters, out_bar, BackwardScope::ALL);

        let check = |slope: f64, expected: f64, what: &str| {
            // Central differences in f32 across ReLU kinks; a wrong rule is off by tens of percent.
            let scale = expected.abs().max(1.0);
            assert!(
                (slope - expected).abs() < 2e-2 * scale,
                "{what}: {slope} {expected}"
            );
        };
        let step = 1e-3_f32;
        let shifted = |base: &[f32], direction: &[f32], step: f32| -> Vec<f32> {
            base.iter()
                .zip(direction)
                .map(|(a, d)| a + step * d)
                .collect()
        };
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter()
                .zip(b)
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum()
        };
        let direction = random_values(x.len(), 20);
        let up = loss(&shifted(&x, &direction, step), &parameters);
        let down = loss(&shifted(&x, &direction, -step), &parameters);
        let slope = (up - down) / (2.0 * f64::from(step));
        check(
            slope,
            dot(&bars.input.unwrap().to_contiguous(), &direction),
            "input",
        );
        for index in 0..parameters.len() {
            let direction = random_values(parameters[index].len(), 30 + index as u64);
            let moved = |step: f32| {
                let mut moved = parameters.clone();
                moved[index] = shifted(&parameters[index], &direction, step);
                loss(&x, &moved)
            };
            let slope = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
            check(
                slope,
                dot(&bars.parameters[index], &direction),
                &format!("parameter {index}"),
            );
        }
    }

    #[test]
    fn the_backward_pass_stops_where_the_chain_is_frozen() {
        let (chain, parameters) = everything();
        let x = Planes::from_contiguous(3, 8, 10, 0, &random_values(240, 9));
        let (y, saved) = chain
            .forward_saving(x, &parameters, Mode::Inference)
            .unwrap();
        let scope = BackwardScope {
            first_step: 4,
            input: true,
        };
        let found = chain.vjp(saved, &parameters, y, scope);
        assert!(found.input.is_none());
        let bars = found.parameters;
        assert!(bars[0].is_empty() && bars[2].is_empty() && !bars[4].is_empty());
    }

    #[test]
    fn an_image_smaller_than_a_window_is_an_error() {
        let (chain, parameters) = everything();
        let x = Planes::zeros(3, 1, 10, 0);
        let found = chain.forward(x, &parameters, Mode::Inference).map(|_| ());
        assert!(
            matches!(
                found,
                Err(Error::ImageTooSmall {
                    height: 1,
                    width: 10
                })
            ),
            "{found:?}"
        );
    }

    #[test]
    fn positions_lie_where_windows_have_their_middle() {
        let axes = |kind: crate::TrunkKind, size: (usize, usize)| {
            let tap = (kind.default_taps()[0].to_owned(), 1.0);
            let chain = kind.chain(&[tap]).unwrap().0;
            chain
                .output_axes((3, size.0, size.1))
                .unwrap()
                .map(|a| (a.positions, a.stride, a.offset))
        };
        // SAME on 8 n + 1 pixels: corners on corners. On an even side each odd zero comes after.
        assert_eq!(
            axes(crate::TrunkKind::Lite0, (321, 320)),
            [(40, 8.0, 7.0), (41, 8.0, 0.0)]
        );
        // Three pools of 2.
        assert_eq!(
            axes(crate::TrunkKind::Vgg16, (321, 481)),
            [(60, 8.0, 3.5), (40, 8.0, 3.5)]
        );
    }
}
