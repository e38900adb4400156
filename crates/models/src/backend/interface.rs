//! The interface between a backend and the interpreter of chains.

use super::planes::Planes;
use crate::trunk::{Draws, Dropout, KernelLayer, MaxPool, Resize, ResponseNorm, Size};

/// Computes the layers of one chain, with the parameters it was made with.
///
/// A `frame` is the width of the zeros around maps that the layer which reads them wants; a backend whose layers read
/// none ignores it. `weight` is the place of a layer's kernel among the parameters, its bias the next.
pub(crate) trait Backend {
    /// Feature maps, where this backend holds them.
    type Maps: Clone;
    /// Why a device refuses.
    type Failure;

    /// A convolution forward.
    fn convolution(
        &mut self,
        layer: KernelLayer,
        weight: usize,
        input: &Self::Maps,
        frame: usize,
    ) -> Result<Self::Maps, Self::Failure>;

    /// A convolution back; the input's cotangent where its frame is given.
    fn convolution_vjp(
        &mut self,
        layer: KernelLayer,
        weight: usize,
        at: Activations<'_, Self::Maps>,
        bar: Self::Maps,
        input_frame: Option<usize>,
    ) -> Result<LayerCotangents<Self::Maps>, Self::Failure>;

    /// [`MaxPool`] forward.
    fn max_pool(
        &mut self,
        layer: &MaxPool,
        input: &Self::Maps,
        frame: usize,
    ) -> Result<Self::Maps, Self::Failure>;

    /// [`MaxPool`] back.
    fn max_pool_vjp(
        &mut self,
        layer: &MaxPool,
        at: Activations<'_, Self::Maps>,
        bar: Self::Maps,
        frame: usize,
    ) -> Result<Self::Maps, Self::Failure>;

    /// [`ResponseNorm`] forward.
    fn response_norm(
        &mut self,
        layer: &ResponseNorm,
        input: &Self::Maps,
        frame: usize,
    ) -> Result<Self::Maps, Self::Failure>;

    /// [`ResponseNorm`] back.
    fn response_norm_vjp(
        &mut self,
        layer: &ResponseNorm,
        input: &Self::Maps,
        bar: Self::Maps,
        frame: usize,
    ) -> Result<Self::Maps, Self::Failure>;

    /// [`Dropout`], forward of values as well as back of cotangents.
    fn dropout(
        &mut self,
        layer: &Dropout,
        maps: Self::Maps,
        draws: &Draws,
    ) -> Result<Self::Maps, Self::Failure>;

    /// The sum of both, in the frame of the first.
    fn add(&mut self, maps: Self::Maps, other: &Self::Maps) -> Result<Self::Maps, Self::Failure>;

    /// The same maps in another frame.
    fn with_frame(&mut self, maps: Self::Maps, frame: usize) -> Result<Self::Maps, Self::Failure>;

    /// Taps, scaled and brought to one size, one after the other.
    fn join(&mut self, taps: &[TapMaps<'_, Self::Maps>]) -> Result<Self::Maps, Self::Failure>;

    /// The cotangent of one tap from that of [`Backend::join`].
    fn tap_vjp(
        &mut self,
        tap: &TapPlace<'_>,
        out_bar: &Self::Maps,
        frame: usize,
    ) -> Result<Self::Maps, Self::Failure>;
}

/// Input and output of a layer in the forward pass.
pub(crate) struct Activations<'a, M> {
    pub(crate) input: &'a M,
    pub(crate) output: &'a M,
}

/// A value that goes into a chain's output.
pub(crate) struct TapMaps<'a, M> {
    pub(crate) maps: &'a M,
    pub(crate) scale: f32,
    pub(crate) resize: &'a Resize,
}

/// Where a tap stands in a chain's output.
pub(crate) struct TapPlace<'a> {
    /// Channels, height and width of the value before it is resized.
    pub(crate) size: Size,
    pub(crate) scale: f32,
    pub(crate) resize: &'a Resize,
    /// Its first channel in the output.
    pub(crate) first_channel: usize,
}

/// Cotangents of a layer with a kernel and a bias; these two on the host.
pub(crate) struct LayerCotangents<M> {
    pub(crate) input: Option<M>,
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

/// How far a backward pass goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackwardScope {
    /// The first step that learns; the steps below are frozen.
    pub first_step: usize,
    /// Whether the chain's own input wants a cotangent (only when `first_step` is 0).
    pub input: bool,
}

impl BackwardScope {
    /// Every parameter of the chain, and not its input.
    pub const PARAMETERS: Self = Self {
        first_step: 0,
        input: false,
    };

    /// Every parameter of the chain, and its input.
    pub const ALL: Self = Self {
        first_step: 0,
        input: true,
    };

    /// Whether the chain's input gets a cotangent.
    pub(crate) fn reaches_input(self) -> bool {
        self.input && self.first_step == 0
    }
}

/// The results of a backward pass through a chain.
#[derive(Clone, Debug)]
pub struct ChainGradients<M = Planes> {
    /// Cotangents of the parameters, one each; empty where the pass did not reach the step.
    pub parameters: Vec<Vec<f32>>,
    /// The input's, where the [`BackwardScope`] asks for it.
    pub input: Option<M>,
}
