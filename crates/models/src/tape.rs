//! A chain of layers as one operation on dfdx's tape.

use std::cell::Cell;
use std::rc::Rc;

use dfdx::prelude::*;
use dfdx::tensor::{Cpu, CpuError};

use crate::error::{Error, Result};
use crate::parameters::{Parameters, numbers};
use crate::trunk::{Chain, Mode, Planes};

/// Feature maps as a tensor: channels, height, width.
pub type MapTensor<T = NoneTape> = Tensor<(usize, usize, usize), f32, Cpu, T>;

/// Feature maps with their way back.
pub type TracedMap = MapTensor<OwnedTape<f32, Cpu>>;

/// How far the way back goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The first step that learns; what lies below is frozen.
    pub first_step: usize,
    /// Whether the chain's own input wants a cotangent (only when `first_step` is 0).
    pub input: bool,
}

/// Takes the place of a parameter, and its gradient.
type Told = dyn Fn(usize, &[f32]);

/// Who is told the gradient of a parameter as soon as the way back has it whole, while it goes on below.
#[derive(Clone)]
pub struct Hearer {
    first: usize,
    told: Rc<Told>,
}

impl Hearer {
    /// `told` gets the place of a parameter among all of a network, and its gradient.
    pub fn new(told: Rc<Told>) -> Self {
        Self { first: 0, told }
    }

    /// The same for a chain whose parameters come `places` later.
    pub fn after(&self, places: usize) -> Self {
        Self {
            first: self.first + places,
            told: Rc::clone(&self.told),
        }
    }

    /// Passes a gradient on.
    pub fn hear(&self, place: usize, gradient: &[f32]) {
        (self.told)(self.first + place, gradient);
    }
}

/// Runs `chain` on `x` and puts its way back on x's tape.
///
/// Nothing is kept where the tape is [`NoneTape`].
///
/// # Errors
/// [`Error::ImageTooSmall`]; [`Error::Tape`] when the device refuses.
pub fn run_chain<T: Tape<f32, Cpu>>(
    chain: &Chain,
    parameters: &Parameters,
    x: MapTensor<T>,
    mode: Mode,
    reach: Reach,
) -> Result<MapTensor<T>> {
    run_chain_heard(chain, parameters, x, mode, reach, None)
}

/// As [`run_chain`]; `hearer` is told every gradient of a parameter when the way back has added this chain's share: for
/// callers that know no other share comes later.
pub fn run_chain_heard<T: Tape<f32, Cpu>>(
    chain: &Chain,
    parameters: &Parameters,
    x: MapTensor<T>,
    mode: Mode,
    reach: Reach,
    hearer: Option<Hearer>,
) -> Result<MapTensor<T>> {
    let values = parameters.values();
    let (x, mut tape) = x.split_tape();
    let (channels, height, width) = *x.shape();
    let input = Planes::from_contiguous(channels, height, width, 0, &numbers(&x));
    let device = parameters.device();
    let (output, kept) = device.forward(chain, input, &values, mode, T::OWNS_TAPE)?;
    let shape = (output.channels(), output.height(), output.width());
    let out = x
        .device()
        .try_tensor_from_vec(output.into_contiguous(), shape)
        .map_err(refused)?;
    if T::OWNS_TAPE {
        let (chain, device) = (chain.clone(), device.clone());
        let (x_ghost, out_ghost) = (x.ghost(), out.ghost());
        let ghosts: Vec<_> = parameters.tensors().iter().map(Tensor::ghost).collect();
        tape.add_backward_op(move |gradients| {
            let bar: &Vec<f32> = gradients.get_or_alloc_mut(&out_ghost)?;
            let bar = Planes::from_contiguous(shape.0, shape.1, shape.2, 0, bar);
            let mut refused = None;
            let keep = |place: usize, bars: &mut [Vec<f32>]| {
                for place in [place, place + 1] {
                    let bar = std::mem::take(&mut bars[place]);
                    match gradients.get_or_alloc_mut(&ghosts[place]) {
                        Ok(total) => {
                            add(total, &bar);
                            if let Some(hearer) = &hearer {
                                hearer.hear(place, total);
                            }
                        }
                        Err(error) => refused = Some(error),
                    }
                }
            };
            let ends = (reach.first_step, reach.input);
            let home = device.vjp(&chain, kept, &values, bar, ends, keep);
            let x_bar = home.map_err(told_later)?;
            if let Some(error) = refused {
                return Err(error);
            }
            if let Some(bar) = x_bar {
                add(
                    gradients.get_or_alloc_mut(&x_ghost)?,
                    &bar.into_contiguous(),
                );
            }
            Ok(())
        });
    }
    Ok(out.put_tape(tape))
}

/// Sends a cotangent that was made off the tape home through it.
///
/// # Errors
/// [`Error::Tape`] when the device refuses.
pub fn send_home(
    output: MapTensor<OwnedTape<f32, Cpu>>,
    bar: Vec<f32>,
) -> Result<Gradients<f32, Cpu>> {
    send_all_home(vec![(output, bar)])
}

/// Sends the cotangents of several outputs home at once; their tapes become one.
///
/// # Errors
/// [`Error::Tape`] when the device refuses.
///
/// # Panics
/// Without an output.
pub(crate) fn send_all_home(outputs: Vec<(TracedMap, Vec<f32>)>) -> Result<Gradients<f32, Cpu>> {
    let mut total: Option<Tensor<(), f32, Cpu, OwnedTape<f32, Cpu>>> = None;
    for (output, bar) in outputs {
        let shape = *output.shape();
        let seed: MapTensor = output
            .device()
            .try_tensor_from_vec(bar, shape)
            .map_err(refused)?;
        let sum = output
            .try_mul(seed)
            .and_then(|product| product.try_sum::<(), _>())
            .map_err(refused)?;
        total = Some(match total {
            None => sum,
            Some(total) => total.try_add(sum).map_err(refused)?,
        });
    }
    let total = total.expect("an output to go home from");
    total
        .try_backward()
        .map_err(|error| REFUSAL.take().unwrap_or_else(|| refused(error)))
}

thread_local! {
    /// What went wrong on the way back: the tape's own error has no room for it, and no tape leaves its thread.
    static REFUSAL: Cell<Option<Error>> = const { Cell::new(None) };
}

fn told_later(error: Error) -> CpuError {
    REFUSAL.set(Some(error));
    CpuError::OutOfMemory
}

fn add(total: &mut [f32], bar: &[f32]) {
    for (total, bar) in total.iter_mut().zip(bar) {
        *total += bar;
    }
}

pub(crate) fn refused(error: CpuError) -> Error {
    Error::Tape(error.to_string())
}
