//! Chains on a device of dfdx's.

use std::sync::Arc;

use dfdx::prelude::{Device, Synchronize};

use super::tensor_backend::TensorBackend;
use super::tensor_device::TensorDevice;
use super::tensor_maps::TensorMaps;
use crate::backend::interface::{BackwardScope, ChainGradients};
use crate::backend::interpreter::{SavedActivations, backward, forward, forward_values};
use crate::error::{Error, Result};
use crate::trunk::{Chain, InputGrid, Mode};

/// Activations that the backward pass of a chain needs, on the device.
pub(super) type DeviceActivations<D> = SavedActivations<TensorMaps<D>>;

impl<D: Device<f32> + Synchronize> TensorDevice<D> {
    /// y of the `inputs` on their grids, and the activations for a backward pass where `save` asks for them. Maps stay on the device.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`]; [`Error::Tape`] when the device refuses.
    pub(super) fn forward(
        &mut self,
        chain: &Chain,
        (inputs, grids): (Vec<TensorMaps<D>>, &[InputGrid]),
        parameters: &Arc<Vec<Vec<f32>>>,
        mode: Mode,
        save: bool,
    ) -> Result<(TensorMaps<D>, Option<DeviceActivations<D>>)> {
        let plan = chain.plan_of(grids)?;
        let parameters = self.parameters(parameters).map_err(refused)?;
        let mut backend = TensorBackend {
            device: self,
            parameters,
        };
        forward(&mut backend, chain, plan, inputs, mode, save, &mut |_| {}).map_err(refused)
    }

    /// Some values of a chain. Maps stay on the device.
    ///
    /// # Errors
    /// As [`TensorDevice::forward`].
    pub(super) fn forward_values(
        &mut self,
        chain: &Chain,
        input: TensorMaps<D>,
        parameters: &Arc<Vec<Vec<f32>>>,
        wanted: &[usize],
    ) -> Result<Vec<TensorMaps<D>>> {
        let plan = chain.plan(input.size())?;
        let parameters = self.parameters(parameters).map_err(refused)?;
        let mut backend = TensorBackend {
            device: self,
            parameters,
        };
        forward_values(&mut backend, chain, &plan, vec![input], wanted).map_err(refused)
    }

    /// As [`Chain::vjp`], between maps on the device.
    ///
    /// # Errors
    /// [`Error::Tape`] when the device refuses.
    pub(super) fn vjp(
        &mut self,
        chain: &Chain,
        saved: DeviceActivations<D>,
        parameters: &Arc<Vec<Vec<f32>>>,
        out_bar: TensorMaps<D>,
        scope: BackwardScope,
    ) -> Result<ChainGradients<TensorMaps<D>>> {
        let mut bars = vec![Vec::new(); parameters.len()];
        let collect = |weight: usize, [kernel_bar, bias_bar]: [Vec<f32>; 2]| {
            bars[weight] = kernel_bar;
            bars[weight + 1] = bias_bar;
        };
        let parameters = self.parameters(parameters).map_err(refused)?;
        let mut backend = TensorBackend {
            device: self,
            parameters,
        };
        let input = backward(&mut backend, chain, saved, out_bar, scope, collect);
        Ok(ChainGradients {
            input: input.map_err(refused)?,
            parameters: bars,
        })
    }
}

pub(super) fn refused(error: impl std::fmt::Display) -> Error {
    Error::Tape(error.to_string())
}
