//! dfdx's tensor operations as a backend of the interpreter.

use std::sync::Arc;

use dfdx::prelude::*;

use super::rows::{Rows, Vector, rows_from_maps};
use super::table::{Table, WindowGrid};
use super::tensor_device::TensorDevice;
use super::tensor_maps::TensorMaps;
use crate::backend::interface::{Activations, Backend, LayerCotangents, TapMaps, TapPlace};
use crate::backend::planes::Planes;
use crate::trunk::window::Window;
use crate::trunk::{Draws, Dropout, KernelLayer, MaxPool, ResponseNorm};

/// Runs a chain with these parameters on a device.
pub(super) struct TensorBackend<'d, D: Device<f32>> {
    pub(super) device: &'d mut TensorDevice<D>,
    pub(super) parameters: Vec<Vector<D>>,
}

impl<D: Device<f32> + Synchronize> TensorBackend<'_, D> {
    fn kernel_and_bias(&self, weight: usize) -> (&Vector<D>, &Vector<D>) {
        (&self.parameters[weight], &self.parameters[weight + 1])
    }

    /// Where windows lie, for maps with these rows and columns.
    fn table(
        &mut self,
        window: Window,
        input: (usize, usize),
        output: (usize, usize),
    ) -> Result<Arc<Table<D>>, D::Err> {
        self.device.table(WindowGrid::of(window, input, output))
    }
}

impl<D: Device<f32> + Synchronize> Backend for TensorBackend<'_, D> {
    type Maps = TensorMaps<D>;
    type Failure = D::Err;

    fn convolution(
        &mut self,
        layer: KernelLayer,
        weight: usize,
        input: &TensorMaps<D>,
        _: usize,
    ) -> Result<TensorMaps<D>, D::Err> {
        let window = layer.window();
        let output = window.output_size(input.height, input.width);
        let output = output.expect("a window that fits");
        let table = self.table(window, input.sides(), output)?;
        let (kernel, bias) = self.kernel_and_bias(weight);
        let rows = match layer {
            KernelLayer::Conv(layer) => layer.rows_forward(&table, &input.rows, kernel, bias),
            KernelLayer::Depthwise(layer) => layer.rows_forward(&table, &input.rows, kernel, bias),
        };
        Ok(TensorMaps::new(rows?, output))
    }

    fn convolution_vjp(
        &mut self,
        layer: KernelLayer,
        weight: usize,
        at: Activations<'_, TensorMaps<D>>,
        bar: TensorMaps<D>,
        input_frame: Option<usize>,
    ) -> Result<LayerCotangents<TensorMaps<D>>, D::Err> {
        let table = self.table(layer.window(), at.input.sides(), at.output.sides())?;
        let (kernel, _) = self.kernel_and_bias(weight);
        let (input, output) = (&at.input.rows, &at.output.rows);
        let wanted = input_frame.is_some();
        let bars = match layer {
            KernelLayer::Conv(layer) => {
                layer.rows_vjp(&table, input, kernel, output, bar.rows, wanted)
            }
            KernelLayer::Depthwise(layer) => {
                layer.rows_vjp(&table, input, kernel, output, bar.rows, wanted)
            }
        };
        let bars = bars?;
        Ok(LayerCotangents {
            weight: self.device.fetch(&bars.weight)?,
            bias: self.device.fetch(&bars.bias)?,
            input: bars.input.map(|rows| at.input.with_rows(rows)),
        })
    }

    fn max_pool(
        &mut self,
        layer: &MaxPool,
        input: &TensorMaps<D>,
        _: usize,
    ) -> Result<TensorMaps<D>, D::Err> {
        let output = layer.output_size(input.height, input.width);
        let output = output.expect("a window that fits");
        let table = self.table(layer.window(), input.sides(), output)?;
        let rows = layer.rows_forward(&table, &input.rows)?;
        Ok(TensorMaps::new(rows, output))
    }

    fn max_pool_vjp(
        &mut self,
        layer: &MaxPool,
        at: Activations<'_, TensorMaps<D>>,
        bar: TensorMaps<D>,
        _: usize,
    ) -> Result<TensorMaps<D>, D::Err> {
        let table = self.table(layer.window(), at.input.sides(), at.output.sides())?;
        let rows = layer.rows_vjp(&table, &at.input.rows, &at.output.rows, bar.rows)?;
        Ok(at.input.with_rows(rows))
    }

    fn response_norm(
        &mut self,
        layer: &ResponseNorm,
        input: &TensorMaps<D>,
        _: usize,
    ) -> Result<TensorMaps<D>, D::Err> {
        Ok(input.with_rows(layer.rows_forward(&input.rows)?))
    }

    fn response_norm_vjp(
        &mut self,
        layer: &ResponseNorm,
        input: &TensorMaps<D>,
        bar: TensorMaps<D>,
        _: usize,
    ) -> Result<TensorMaps<D>, D::Err> {
        Ok(input.with_rows(layer.rows_vjp(&input.rows, bar.rows)?))
    }

    /// m ∘ x, m drawn on the host: the same numbers as there.
    fn dropout(
        &mut self,
        layer: &Dropout,
        maps: TensorMaps<D>,
        draws: &Draws,
    ) -> Result<TensorMaps<D>, D::Err> {
        let sides = maps.sides();
        let rows = maps.rows;
        let channels = rows.shape().1;
        let each = layer.single || matches!(draws, Draws::ByColumn(_));
        let (mask_height, mask_width) = if each { sides } else { (1, 1) };
        let ones = vec![1.0; channels * mask_height * mask_width];
        let mut mask = Planes::from_vec(channels, mask_height, mask_width, ones);
        layer.mask_in_place(&mut mask, draws);
        let mask = rows_from_maps(self.device.device(), channels, mask.into_contiguous())?;
        let mask = if each {
            mask
        } else {
            let mask = mask.try_reshape_like(&(channels,))?;
            mask.try_broadcast_like::<_, Axis<0>>(&rows)?
        };
        Ok(TensorMaps::new(rows.try_mul(mask)?, sides))
    }

    fn add(&mut self, maps: TensorMaps<D>, other: &TensorMaps<D>) -> Result<TensorMaps<D>, D::Err> {
        Ok(other.with_rows(maps.rows.try_add(other.rows.clone())?))
    }

    fn with_frame(&mut self, maps: TensorMaps<D>, _: usize) -> Result<TensorMaps<D>, D::Err> {
        Ok(maps)
    }

    /// y = [s₁ v_{t₁}, s₂ resize(v_{t₂}), …], a column a channel.
    fn join(&mut self, taps: &[TapMaps<'_, TensorMaps<D>>]) -> Result<TensorMaps<D>, D::Err> {
        let mut output: Option<Rows<D>> = None;
        for tap in taps {
            let scaled = tap.maps.rows.clone().try_mul(tap.scale)?;
            let resized = tap.resize.rows_forward(scaled, tap.maps.sides())?;
            output = Some(match output {
                None => resized,
                Some(output) => (output, resized).try_concat_along(Axis::<1>)?,
            });
        }
        let sides = (taps[0].resize.height, taps[0].resize.width);
        Ok(TensorMaps::new(output.expect("a chain has a tap"), sides))
    }

    fn tap_vjp(
        &mut self,
        tap: &TapPlace<'_>,
        out_bar: &TensorMaps<D>,
        _: usize,
    ) -> Result<TensorMaps<D>, D::Err> {
        let (channels, height, width) = tap.size;
        let columns = tap.first_channel..tap.first_channel + channels;
        let own = out_bar.rows.clone().try_slice((.., columns))?;
        let own = own.try_mul(tap.scale)?;
        let rows = tap.resize.rows_vjp(own, (height, width))?;
        Ok(TensorMaps::new(rows, (height, width)))
    }
}
