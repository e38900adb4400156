//! The one interpreter of chains: forward, and back.

use super::interface::{Activations, Backend, BackwardScope, LayerCotangents, TapMaps, TapPlace};
use super::planes::Planes;
use crate::trunk::{Chain, ChainPlan, Draws, Mode, Step};

/// Activations of the forward pass that the backward pass of a chain reads.
#[derive(Clone, Debug)]
pub struct SavedActivations<M = Planes> {
    values: Vec<Option<M>>,
    plan: ChainPlan,
    mode: Mode,
}

/// A chain's output, and the activations for its backward pass where they were asked for.
type Forward<M> = (Planes, Option<SavedActivations<M>>);

/// y of `input`, and the activations for a backward pass where `save` asks for them.
///
/// `plan` is the chain's for the input's size.
///
/// # Errors
/// Those of the backend.
pub(super) fn forward<B: Backend>(
    backend: &mut B,
    chain: &Chain,
    plan: ChainPlan,
    input: Planes,
    mode: Mode,
    save: bool,
) -> Result<Forward<B::Maps>, B::Failure> {
    let last_uses = chain.last_uses();
    let mut values = vec![Some(backend.upload(input, plan.frames[0])?)];
    for index in 0..chain.steps.len() {
        let next = step_forward(backend, chain, index, &values, &plan, &mode)?;
        values.push(Some(next));
        if !save {
            for (value, last_use) in values.iter_mut().zip(&last_uses) {
                if *last_use <= index {
                    *value = None;
                }
            }
        }
    }
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
    let output = backend.download(output)?;
    let saved = save.then_some(SavedActivations { values, plan, mode });
    Ok((output, saved))
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
        Step::Conv { layer, weight } => backend.conv(layer, *weight, input, frame),
        Step::Depthwise { layer, weight } => backend.depthwise(layer, *weight, input, frame),
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
    out_bar: Planes,
    scope: BackwardScope,
    mut on_gradient: impl FnMut(usize, [Vec<f32>; 2]),
) -> Result<Option<Planes>, B::Failure> {
    let SavedActivations {
        mut values,
        plan,
        mode,
    } = saved;
    let out_bar = backend.upload(out_bar, 0)?;
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
        if let Step::Add { value } = step {
            accumulate(backend, &mut bars[*value], bar.clone())?;
        }
        let wanted = index > scope.first_step || scope.reaches_input();
        let input_frame = wanted.then(|| plan.cotangent_frames[index]);
        let draws = mode.draws(index);
        let input_bar = step_vjp(backend, step, at, bar, input_frame, draws, &mut on_gradient)?;
        if let Some(bar) = input_bar {
            accumulate(backend, &mut bars[index], bar)?;
        }
    }
    let input_bar = bars[0].take().filter(|_| scope.reaches_input());
    input_bar.map(|bar| backend.download(bar)).transpose()
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
    let mut take_gradient = |weight: usize, bars: LayerCotangents<B::Maps>| {
        on_gradient(weight, [bars.weight, bars.bias]);
        bars.input
    };
    let input_bar = match (step, input_frame) {
        (Step::Conv { layer, weight }, _) => {
            let bars = backend.conv_vjp(layer, *weight, at, bar, input_frame)?;
            take_gradient(*weight, bars)
        }
        (Step::Depthwise { layer, weight }, _) => {
            let bars = backend.depthwise_vjp(layer, *weight, at, bar, input_frame)?;
            take_gradient(*weight, bars)
        }
        (_, None) => None,
        (Step::MaxPool(layer), Some(frame)) => Some(backend.max_pool_vjp(layer, at, bar, frame)?),
        (Step::ResponseNorm(layer), Some(frame)) => {
            Some(backend.response_norm_vjp(layer, at.input, bar, frame)?)
        }
        (Step::Dropout(layer), Some(_)) => Some(match draws {
            Some(draws) => backend.dropout(layer, bar, &draws)?,
            None => bar,
        }),
        (Step::Add { .. }, Some(_)) => Some(bar),
    };
    Ok(input_bar)
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
#[path = "chain_tests.rs"]
mod tests;
