//! Where a window lies in framed planes.

use crate::backend::planes::Planes;
use crate::trunk::window::Window;

/// Zeros above and left of the input.
pub(super) fn before(window: Window, input: &Planes) -> (usize, usize) {
    let side = |size| window.padding.before(size, window.kernel, window.stride);
    (side(input.height()), side(input.width()))
}

/// Where in the input's framed planes the window of `tap` starts: (row, column) for output (0, 0).
pub(super) fn corner(window: Window, input: &Planes, tap: usize) -> (usize, usize) {
    let (top, left) = before(window, input);
    (
        input.pad() - top + tap / window.kernel,
        input.pad() - left + tap % window.kernel,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trunk::Padding;

    #[test]
    fn corners_by_hand() {
        let window = Window {
            kernel: 3,
            stride: 2,
            padding: Padding::Same,
        };
        let input = Planes::zeros(1, 5, 4, 2);
        assert_eq!(before(window, &input), (1, 0));
        assert_eq!(corner(window, &input, 0), (1, 2));
        assert_eq!(corner(window, &input, 5), (2, 4));
    }
}
