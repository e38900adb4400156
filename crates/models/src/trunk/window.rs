//! The geometry that every convolution shares.

use super::padding::Padding;

/// A square window that slides over a padded input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Side of the window.
    pub(crate) kernel: usize,
    /// Step between windows.
    pub(crate) stride: usize,
    /// Zeros around the input.
    pub(crate) padding: Padding,
}

impl Window {
    /// Height and width of the output, or `None` where the window does not fit.
    pub(crate) fn output_size(self, height: usize, width: usize) -> Option<(usize, usize)> {
        let side = |size| self.padding.output(size, self.kernel, self.stride);
        Some((side(height)?, side(width)?))
    }

    /// Frame that the input needs.
    pub(crate) fn frame(self, height: usize, width: usize) -> usize {
        let side = |size| self.padding.frame(size, self.kernel, self.stride);
        side(height).max(side(width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_by_hand() {
        let window = Window {
            kernel: 3,
            stride: 2,
            padding: Padding::Same,
        };
        assert_eq!(window.output_size(5, 4), Some((3, 2)));
        // Five rows have a zero above and one below; four columns one on the right.
        assert_eq!(window.frame(5, 4), 1);
    }
}
