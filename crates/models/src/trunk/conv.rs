//! Convolution, bias and activation in one step: its settings, its sizes and the order of its weights.

use super::activation::Activation;
use super::padding::Padding;
use super::window::Window;

/// A convolution with bias and a fused activation.
///
/// ```text
/// forward   y[o] = f( b[o] + Σ_{i,u,v} w[o, i, u, v] · x[i, s·y + u − p, s·x + v − p] )
/// vjp       s̄ = ȳ ∘ f′,   b̄ = Σ s̄,   w̄ = Σ x s̄,   x̄ = w correlated, turned by 180°, with s̄
/// ```
///
/// # Shapes
/// x: Ci × H × W; y: Co × H′ × W′ with H′, W′ from [`Padding`]; bias: Co; weight: groups × taps ×
/// Co/groups × Ci/groups numbers in that order, taps row-major: the order in which the products
/// read them. [`Conv::weight_from_torch`] brings them from (Co, Ci/groups, k, k).
///
/// # Cost
/// 2 · k² · Ci · Co · H′ · W′ / groups operations forward, twice that back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Channels that come in.
    pub in_channels: usize,
    /// Channels that go out.
    pub out_channels: usize,
    /// Side of the square kernel.
    pub kernel: usize,
    /// Step between windows.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: Padding,
    /// Groups of channels that do not see one another; 1 for all see all.
    pub groups: usize,
    /// The activation after it.
    pub activation: Activation,
}

impl Conv {
    /// Number of weights.
    pub fn weight_len(&self) -> usize {
        self.kernel * self.kernel * self.in_channels * self.out_channels / self.groups
    }

    /// Height and width of the output, or `None` where the kernel does not fit.
    pub fn output_size(&self, height: usize, width: usize) -> Option<(usize, usize)> {
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

    /// The weight in this crate's order, from torch's (Co, Ci/groups, k, k).
    ///
    /// # Panics
    /// When `weight.len() != self.weight_len()`.
    pub fn weight_from_torch(&self, weight: &[f32]) -> Vec<f32> {
        let mut ours = vec![0.0; weight.len()];
        self.for_each_place(weight.len(), |torch, place| ours[place] = weight[torch]);
        ours
    }

    /// The weight in torch's order (Co, Ci/groups, k, k), from this crate's.
    ///
    /// # Panics
    /// When `weight.len() != self.weight_len()`.
    pub fn weight_to_torch(&self, weight: &[f32]) -> Vec<f32> {
        let mut torch_order = vec![0.0; weight.len()];
        self.for_each_place(weight.len(), |torch, place| {
            torch_order[torch] = weight[place]
        });
        torch_order
    }

    fn for_each_place(&self, len: usize, mut visit: impl FnMut(usize, usize)) {
        assert_eq!(len, self.weight_len(), "weights of this convolution");
        let (ci, co) = self.channels_of_group();
        let taps = self.kernel * self.kernel;
        let mut torch = 0;
        for o in 0..self.out_channels {
            for i in 0..ci {
                for tap in 0..taps {
                    visit(torch, ((o / co * taps + tap) * co + o % co) * ci + i);
                    torch += 1;
                }
            }
        }
    }

    /// Frame in which the cotangent of the output is read without a copy, for an input of `width` columns in a frame of
    /// `frame`: a row of both is then equally long.
    ///
    /// # Panics
    /// When the kernel does not fit.
    pub(crate) fn cotangent_frame(&self, width: usize, frame: usize) -> usize {
        let output = self.padding.output(width, self.kernel, self.stride);
        (width + 2 * frame - output.expect("a kernel that fits")) / 2
    }

    /// Channels of one group that come in and go out.
    pub(crate) fn channels_of_group(&self) -> (usize, usize) {
        (
            self.in_channels / self.groups,
            self.out_channels / self.groups,
        )
    }
}
