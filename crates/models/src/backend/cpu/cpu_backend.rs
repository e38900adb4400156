//! The kernels of the processor as a backend of the interpreter.

use std::convert::Infallible;

use crate::backend::interface::{Activations, Backend, LayerCotangents, TapMaps, TapPlace};
use crate::backend::planes::Planes;
use crate::trunk::{Draws, Dropout, KernelLayer, MaxPool, ResponseNorm};

type Result<T> = std::result::Result<T, Infallible>;

/// Runs a chain with these parameters on the processor.
pub(super) struct CpuBackend<'p> {
    pub(super) parameters: &'p [Vec<f32>],
}

impl Backend for CpuBackend<'_> {
    type Maps = Planes;
    type Failure = Infallible;

    fn convolution(
        &mut self,
        layer: KernelLayer,
        weight: usize,
        input: &Planes,
        frame: usize,
    ) -> Result<Planes> {
        let (kernel, bias) = (&self.parameters[weight], &self.parameters[weight + 1]);
        Ok(match layer {
            KernelLayer::Conv(layer) => layer.forward(input, kernel, bias, frame),
            KernelLayer::Depthwise(layer) => layer.forward(input, kernel, bias, frame),
        })
    }

    fn convolution_vjp(
        &mut self,
        layer: KernelLayer,
        weight: usize,
        at: Activations<'_, Planes>,
        bar: Planes,
        input_frame: Option<usize>,
    ) -> Result<LayerCotangents<Planes>> {
        let kernel = &self.parameters[weight];
        Ok(match layer {
            KernelLayer::Conv(layer) => layer.vjp(at.input, kernel, at.output, bar, input_frame),
            KernelLayer::Depthwise(layer) => {
                layer.vjp(at.input, kernel, at.output, &bar, input_frame)
            }
        })
    }

    fn max_pool(&mut self, layer: &MaxPool, input: &Planes, frame: usize) -> Result<Planes> {
        Ok(layer.forward(input, frame))
    }

    fn max_pool_vjp(
        &mut self,
        layer: &MaxPool,
        at: Activations<'_, Planes>,
        bar: Planes,
        frame: usize,
    ) -> Result<Planes> {
        Ok(layer.vjp(at.input, at.output, &bar, frame))
    }

    fn response_norm(
        &mut self,
        layer: &ResponseNorm,
        input: &Planes,
        frame: usize,
    ) -> Result<Planes> {
        Ok(layer.forward(input, frame))
    }

    fn response_norm_vjp(
        &mut self,
        layer: &ResponseNorm,
        input: &Planes,
        bar: Planes,
        frame: usize,
    ) -> Result<Planes> {
        Ok(layer.vjp(input, &bar, frame))
    }

    fn dropout(&mut self, layer: &Dropout, mut maps: Planes, draws: &Draws) -> Result<Planes> {
        layer.mask_in_place(&mut maps, draws);
        Ok(maps)
    }

    fn add(&mut self, mut maps: Planes, other: &Planes) -> Result<Planes> {
        maps.add(other);
        Ok(maps)
    }

    fn with_frame(&mut self, maps: Planes, frame: usize) -> Result<Planes> {
        Ok(maps.with_frame(frame))
    }

    fn join(&mut self, taps: &[TapMaps<'_, Planes>]) -> Result<Planes> {
        let channels = taps.iter().map(|tap| tap.maps.channels()).sum();
        let (height, width) = (taps[0].resize.height, taps[0].resize.width);
        let mut output = Planes::zeros(channels, height, width, 0);
        let mut first_channel = 0;
        for tap in taps {
            let resize = tap.resize;
            resize.forward_into(tap.maps, tap.scale, &mut output, first_channel);
            first_channel += tap.maps.channels();
        }
        Ok(output)
    }

    fn tap_vjp(&mut self, tap: &TapPlace<'_>, out_bar: &Planes, frame: usize) -> Result<Planes> {
        let first = tap.first_channel;
        Ok(tap.resize.vjp(tap.size, tap.scale, out_bar, first, frame))
    }
}
