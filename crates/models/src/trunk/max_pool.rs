//! Largest number under a sliding window: its settings and sizes.

#[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
use super::padding::Padding;
#[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
use super::window::Window;

/// A max-pool without padding.
///
/// ```text
/// forward   y[c, i, j] = max_{u,v} x[c, s·i + u, s·j + v]
/// vjp       x̄ = ȳ where x is that maximum, the first one (row-major) where it is tied
/// ```
///
/// # Shapes
/// x: C × H × W; y: C × H′ × W′ with H′ = ⌊(H − k) / s⌋ + 1, or ⌈…⌉ + 1 in ceil mode, where a last
/// window may hang over the edge and takes the maximum of the values inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MaxPool {
    /// Side of the square window.
    pub kernel: usize,
    /// Step between windows.
    pub stride: usize,
    /// Whether a last, overhanging window counts (Caffe's way).
    pub ceil: bool,
}

impl MaxPool {
    /// Height and width of the output, or `None` where the window does not fit.
    pub(crate) fn output_size(&self, height: usize, width: usize) -> Option<(usize, usize)> {
        let side = |size: usize| {
            let steps = size.checked_sub(self.kernel)?;
            let steps = if self.ceil {
                steps.div_ceil(self.stride)
            } else {
                steps / self.stride
            };
            Some(steps + 1)
        };
        Some((side(height)?, side(width)?))
    }

    /// The window that slides over the input.
    #[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
    pub(crate) fn window(&self) -> Window {
        Window {
            kernel: self.kernel,
            stride: self.stride,
            padding: Padding::Symmetric(0),
        }
    }
}
