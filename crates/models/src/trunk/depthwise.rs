//! Convolution of each channel by itself: its settings and sizes.

use super::activation::Activation;
use super::padding::Padding;
use super::window::Window;

/// A depthwise convolution with bias and a fused activation.
///
/// ```text
/// forward   y[c] = f( b[c] + Σ_{u,v} w[c, u, v] · x[c, s·y + u − p, s·x + v − p] )
/// vjp       s̄ = ȳ ∘ f′,   b̄ = Σ s̄,   w̄[c, u, v] = Σ x s̄,   x̄ = Σ_{u,v} w[c, u, v] s̄
/// ```
///
/// # Shapes
/// x: C × H × W; y: C × H′ × W′; weight: C × k × k; bias: C.
///
/// # Cost
/// 2 · k² · C · H′ · W′ operations forward, twice that back; one thread a channel. A channel is one long
/// row of numbers to them: values between two rows of a map are computed as well, and dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Depthwise {
    /// Channels in and out.
    pub channels: usize,
    /// Side of the square kernel.
    pub kernel: usize,
    /// Step between windows.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: Padding,
    /// The activation after it.
    pub activation: Activation,
}

impl Depthwise {
    /// Height and width of the output, or `None` where the kernel does not fit.
    pub(crate) fn output_size(&self, height: usize, width: usize) -> Option<(usize, usize)> {
        self.window().output_size(height, width)
    }

    /// The window that slides over the input.
    pub(crate) fn window(&self) -> Window {
        Window {
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
        }
    }
}
