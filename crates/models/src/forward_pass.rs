//! Chains one after the other, forward and back.

use std::rc::Rc;

use dfdx::prelude::{Cpu, Gradients};

use crate::backend::{BackwardScope, Planes};
use crate::device::DeviceActivations;
use crate::error::{Result, refused};
use crate::parameters::Parameters;
use crate::trunk::{Chain, Mode};

/// Called with the place of a parameter and its gradient.
type OnGradient = dyn Fn(usize, &[f32]);

/// Called with each parameter's gradient as soon as it is complete, while the backward pass continues with earlier layers.
#[derive(Clone)]
pub struct GradientHook {
    first: usize,
    on_gradient: Rc<OnGradient>,
}

impl GradientHook {
    /// `on_gradient` gets the place of a parameter among all of a network, and its gradient.
    pub fn new(on_gradient: Rc<OnGradient>) -> Self {
        Self {
            first: 0,
            on_gradient,
        }
    }

    /// The same for a chain whose parameters come `places` later.
    pub fn after(&self, places: usize) -> Self {
        Self {
            first: self.first + places,
            on_gradient: Rc::clone(&self.on_gradient),
        }
    }

    /// Calls it for the parameter at `place` of its chain.
    pub fn call(&self, place: usize, gradient: &[f32]) {
        (self.on_gradient)(self.first + place, gradient);
    }
}

/// The forward pass of an input through some chains, with the saved activations for its backward pass.
///
/// ```text
/// input ─► chain ─► … ─► chain ─► output
///                          loss ◄──┘
/// input's bar ◄─ … ◄───── output's bar          each chain adds the gradients of its parameters
/// ```
///
/// A chain's output is the next one's input as it is: nothing is copied between them.
pub struct ForwardPass<'n> {
    output: Planes,
    passed: Vec<Passed<'n>>,
}

/// A chain that the pass went through.
struct Passed<'n> {
    chain: &'n Chain,
    parameters: &'n Parameters,
    saved: DeviceActivations,
    scope: BackwardScope,
    hook: Option<GradientHook>,
}

impl<'n> ForwardPass<'n> {
    /// A pass that has gone through no chain yet.
    pub fn of(input: Planes) -> Self {
        Self {
            output: input,
            passed: Vec::new(),
        }
    }

    /// Goes through a chain, on the device of its parameters.
    ///
    /// `hook` is called with every gradient when the backward pass has added this chain's share: for callers that know
    /// no other share comes later.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`](crate::Error::ImageTooSmall); [`Error::Tape`](crate::Error::Tape) when the device
    /// refuses.
    pub fn through(
        mut self,
        chain: &'n Chain,
        parameters: &'n Parameters,
        mode: Mode,
        scope: BackwardScope,
        hook: Option<GradientHook>,
    ) -> Result<Self> {
        let device = parameters.device();
        let values = parameters.values();
        let (output, saved) = device.forward_saving(chain, self.output, &values, mode)?;
        self.passed.push(Passed {
            chain,
            parameters,
            saved,
            scope,
            hook,
        });
        Ok(Self {
            output,
            passed: self.passed,
        })
    }

    /// The last chain's output, without a frame.
    pub fn output(&self) -> &Planes {
        &self.output
    }

    /// Goes back through all chains, from the cotangent of the output: C × H × W numbers. Gradients of parameters are
    /// added to `gradients`. Returns the input's cotangent, where every scope asks for it.
    ///
    /// # Errors
    /// [`Error::Tape`](crate::Error::Tape) when the device refuses.
    ///
    /// # Panics
    /// When `output_bar` has another size than the output.
    pub fn backward(
        self,
        output_bar: Vec<f32>,
        gradients: &mut Gradients<f32, Cpu>,
    ) -> Result<Option<Planes>> {
        let (channels, height, width) = self.output.size();
        let mut bar = Planes::from_vec(channels, height, width, output_bar);
        for passed in self.passed.into_iter().rev() {
            match passed.backward(bar, gradients)? {
                Some(input_bar) => bar = input_bar,
                None => return Ok(None),
            }
        }
        Ok(Some(bar))
    }
}

impl Passed<'_> {
    fn backward(
        self,
        output_bar: Planes,
        gradients: &mut Gradients<f32, Cpu>,
    ) -> Result<Option<Planes>> {
        let tensors = self.parameters.tensors();
        let mut refusal = None;
        let add = |weight: usize, bars: [Vec<f32>; 2]| {
            for (place, bar) in (weight..).zip(bars) {
                match gradients.get_or_alloc_mut(&tensors[place]) {
                    Ok(total) => {
                        total
                            .iter_mut()
                            .zip(bar)
                            .for_each(|(total, bar)| *total += bar);
                        if let Some(hook) = &self.hook {
                            hook.call(place, total);
                        }
                    }
                    Err(error) => refusal = Some(refused(error)),
                }
            }
        };
        let (chain, values) = (self.chain, self.parameters.values());
        let device = self.parameters.device();
        let input_bar =
            device.vjp_with_hook(chain, self.saved, &values, output_bar, self.scope, add)?;
        match refusal {
            Some(error) => Err(error),
            None => Ok(input_bar),
        }
    }
}
