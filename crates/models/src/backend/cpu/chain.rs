//! Chains on the processor.

use super::cpu_backend::CpuBackend;
use crate::backend::buffer_pool::MapBuffer;
use crate::backend::interface::{BackwardScope, ChainGradients};
use crate::backend::interpreter::{SavedActivations, backward, forward, forward_values};
use crate::backend::planes::Planes;
use crate::error::Result;
use crate::trunk::{Chain, InputGrid, Mode};

impl Chain {
    /// y of `input`.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`](crate::Error::ImageTooSmall) where a window does not fit.
    pub fn forward(&self, input: Planes, parameters: &[Vec<f32>], mode: Mode) -> Result<Planes> {
        self.forward_watched(input, parameters, mode, &mut |_| {})
    }

    /// As [`Chain::forward`]; `on_step` gets the number of steps done.
    pub(crate) fn forward_watched(
        &self,
        input: Planes,
        parameters: &[Vec<f32>],
        mode: Mode,
        on_step: &mut dyn FnMut(usize),
    ) -> Result<Planes> {
        let grid = InputGrid::pixels(input.size());
        self.forward_on(vec![input], &[grid], parameters, mode, on_step)
    }

    /// As [`Chain::forward_watched`], of several inputs on their grids.
    pub(crate) fn forward_on(
        &self,
        inputs: Vec<Planes>,
        grids: &[InputGrid],
        parameters: &[Vec<f32>],
        mode: Mode,
        on_step: &mut dyn FnMut(usize),
    ) -> Result<Planes> {
        let plan = self.plan_of(grids)?;
        let mut backend = CpuBackend { parameters };
        let Ok((output, _)) = forward(&mut backend, self, plan, inputs, mode, false, on_step);
        // The next photograph may be of any size.
        MapBuffer::free_waiting();
        Ok(output)
    }

    /// Some values of this chain, as [`Chain::forward`] computes them.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`](crate::Error::ImageTooSmall) where a window does not fit.
    pub(crate) fn forward_values(
        &self,
        input: Planes,
        parameters: &[Vec<f32>],
        wanted: &[usize],
    ) -> Result<Vec<Planes>> {
        let plan = self.plan(input.size())?;
        let mut backend = CpuBackend { parameters };
        let Ok(values) = forward_values(&mut backend, self, &plan, vec![input], wanted);
        MapBuffer::free_waiting();
        Ok(values)
    }

    /// y of `input`, and the saved activations for [`Chain::vjp`].
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`](crate::Error::ImageTooSmall) where a window does not fit.
    pub fn forward_saving(
        &self,
        input: Planes,
        parameters: &[Vec<f32>],
        mode: Mode,
    ) -> Result<(Planes, SavedActivations)> {
        let grid = InputGrid::pixels(input.size());
        self.forward_saving_on(vec![input], &[grid], parameters, mode)
    }

    /// As [`Chain::forward_saving`], of several inputs on their grids.
    pub(crate) fn forward_saving_on(
        &self,
        inputs: Vec<Planes>,
        grids: &[InputGrid],
        parameters: &[Vec<f32>],
        mode: Mode,
    ) -> Result<(Planes, SavedActivations)> {
        let plan = self.plan_of(grids)?;
        let mut backend = CpuBackend { parameters };
        let ran = forward(&mut backend, self, plan, inputs, mode, true, &mut |_| {});
        let Ok((output, saved)) = ran;
        Ok((output, saved.expect("activations that were asked for")))
    }

    /// Cotangents of the parameters, and of the input where `scope` asks for it.
    ///
    /// The pass ends before `scope.first_step`: the steps below are frozen.
    ///
    /// # Panics
    /// When `saved` is of another chain, or `out_bar` has another size than the output.
    pub fn vjp(
        &self,
        saved: SavedActivations,
        parameters: &[Vec<f32>],
        out_bar: Planes,
        scope: BackwardScope,
    ) -> ChainGradients {
        let mut bars = vec![Vec::new(); parameters.len()];
        let collect = |weight: usize, [kernel_bar, bias_bar]: [Vec<f32>; 2]| {
            bars[weight] = kernel_bar;
            bars[weight + 1] = bias_bar;
        };
        let input = self.vjp_with_hook(saved, parameters, out_bar, scope, collect);
        ChainGradients {
            parameters: bars,
            input,
        }
    }

    /// As [`Chain::vjp`]; `on_gradient` gets the place of each kernel, and the cotangents of the kernel and of its bias,
    /// as soon as they are complete. Returns the input's.
    pub(crate) fn vjp_with_hook(
        &self,
        saved: SavedActivations,
        parameters: &[Vec<f32>],
        out_bar: Planes,
        scope: BackwardScope,
        on_gradient: impl FnMut(usize, [Vec<f32>; 2]),
    ) -> Option<Planes> {
        let mut backend = CpuBackend { parameters };
        let Ok(input_bar) = backward(&mut backend, self, saved, out_bar, scope, on_gradient);
        input_bar
    }
}
