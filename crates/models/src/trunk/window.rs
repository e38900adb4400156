//! The geometry that every convolution shares.

use super::padding::Padding;
use super::planes::Planes;

/// A square window that slides over a padded input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Side of the window.
    pub(super) kernel: usize,
    /// Step between windows.
    pub(super) stride: usize,
    /// Zeros around the input.
    pub(super) padding: Padding,
}

impl Window {
    /// Height and width of the output, or `None` where the window does not fit.
    pub(super) fn output_size(self, height: usize, width: usize) -> Option<(usize, usize)> {
        let side = |size| self.padding.output(size, self.kernel, self.stride);
        Some((side(height)?, side(width)?))
    }

    /// Frame that the input needs.
    pub(super) fn frame(self, height: usize, width: usize) -> usize {
        let side = |size| self.padding.frame(size, self.kernel, self.stride);
        side(height).max(side(width))
    }

    /// Zeros above and left of the input.
    pub(super) fn before(self, input: &Planes) -> (usize, usize) {
        let side = |size| self.padding.before(size, self.kernel, self.stride);
        (side(input.height()), side(input.width()))
    }

    /// Where in the input's framed planes the window of `tap` starts: (row, column) for output (0, 0).
    pub(super) fn corner(self, input: &Planes, tap: usize) -> (usize, usize) {
        let (top, left) = self.before(input);
        (
            input.pad() - top + tap / self.kernel,
            input.pad() - left + tap % self.kernel,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_corners_by_hand() {
        let window = Window {
            kernel: 3,
            stride: 2,
            padding: Padding::Same,
        };
        assert_eq!(window.output_size(5, 4), Some((3, 2)));
        // Five rows have a zero above and one below; four columns one on the right.
        assert_eq!(window.frame(5, 4), 1);
        let input = Planes::zeros(1, 5, 4, 2);
        assert_eq!(window.before(&input), (1, 0));
        assert_eq!(window.corner(&input, 0), (1, 2));
        assert_eq!(window.corner(&input, 5), (2, 4));
    }
}
