//! Which position of a map each window sees, as tables that a device gathers by.

use dfdx::prelude::*;

use super::rows::{Rows, with_row};
use crate::trunk::window::Window;

/// Where windows lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct WindowGrid {
    /// Side of the window.
    pub(super) kernel: usize,
    /// Step between windows.
    pub(super) stride: usize,
    /// Positions outside above and left of the map.
    pub(super) before: (usize, usize),
    /// Rows and columns of the map.
    pub(super) input: (usize, usize),
    /// Rows and columns of windows.
    pub(super) output: (usize, usize),
}

/// For each of the window's taps, both ways, which position of the other side; one past the last for none.
#[derive(Debug)]
pub(super) struct Table<D: Device<f32>> {
    ways: Option<Vec<Ways<D>>>,
}

#[derive(Debug)]
struct Ways<D: Device<f32>> {
    /// Of each window, the position of the map that the tap sees.
    seen: Tensor<(usize,), usize, D>,
    /// Of each position of the map, the window whose tap sees it: at most one.
    seeing: Tensor<(usize,), usize, D>,
}

impl WindowGrid {
    /// Where `window` lies in a map of this size, and how often.
    pub(super) fn of(window: Window, input: (usize, usize), output: (usize, usize)) -> Self {
        let Window {
            kernel,
            stride,
            padding,
        } = window;
        let before = |size| padding.before(size, kernel, stride);
        Self {
            kernel,
            stride,
            before: (before(input.0), before(input.1)),
            input,
            output,
        }
    }

    /// The taps, row by row.
    pub(super) fn taps(self) -> std::ops::Range<usize> {
        0..self.kernel * self.kernel
    }

    /// One tap that sees just the window's own position.
    fn is_identity(self) -> bool {
        self.kernel == 1 && self.stride == 1 && self.before == (0, 0) && self.input == self.output
    }

    /// Of each window the position that `tap` sees; as many as the map has positions for none.
    fn seen(self, tap: usize) -> Vec<usize> {
        let (height, width) = self.input;
        let side = |window: usize, tap: usize, before: usize, size: usize| {
            let place = (window * self.stride + tap).checked_sub(before)?;
            (place < size).then_some(place)
        };
        let windows = (0..self.output.0).flat_map(|y| (0..self.output.1).map(move |x| (y, x)));
        let place = |(y, x)| {
            let row = side(y, tap / self.kernel, self.before.0, height)?;
            let column = side(x, tap % self.kernel, self.before.1, width)?;
            Some(row * width + column)
        };
        windows
            .map(|window| place(window).unwrap_or(height * width))
            .collect()
    }
}

impl<D: Device<f32>> Table<D> {
    pub(super) fn new(device: &D, grid: WindowGrid) -> Result<Self, D::Err> {
        if grid.is_identity() {
            return Ok(Self { ways: None });
        }
        let positions = grid.input.0 * grid.input.1;
        let windows = grid.output.0 * grid.output.1;
        let ways = grid.taps().map(|tap| {
            let seen = grid.seen(tap);
            let mut seeing = vec![windows; positions];
            for (window, place) in seen.iter().enumerate() {
                if let Some(seeing) = seeing.get_mut(*place) {
                    *seeing = window;
                }
            }
            Ok(Ways {
                seen: device.try_tensor_from_vec(seen, (windows,))?,
                seeing: device.try_tensor_from_vec(seeing, (positions,))?,
            })
        });
        let ways = ways.collect::<Result<_, D::Err>>()?;
        Ok(Self { ways: Some(ways) })
    }

    /// Rows to gather from: `outside` is the value of positions outside the map.
    pub(super) fn framed(&self, rows: &Rows<D>, outside: f32) -> Result<Rows<D>, D::Err> {
        match &self.ways {
            Some(_) => with_row(rows.clone(), outside),
            None => Ok(rows.clone()),
        }
    }

    /// The values under `tap`, a row for each window, out of [`Table::framed`] rows of the map.
    pub(super) fn seen(&self, framed: &Rows<D>, tap: usize) -> Result<Rows<D>, D::Err> {
        match &self.ways {
            Some(ways) => framed.clone().try_gather(ways[tap].seen.clone()),
            None => Ok(framed.clone()),
        }
    }

    /// The rows that `tap` sends back, a row a position of the map, out of [`Table::framed`] rows of the windows.
    pub(super) fn seeing(&self, framed: &Rows<D>, tap: usize) -> Result<Rows<D>, D::Err> {
        match &self.ways {
            Some(ways) => framed.clone().try_gather(ways[tap].seeing.clone()),
            None => Ok(framed.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_by_hand() {
        // Three columns, windows of three at every second position, one zero on the left.
        let grid = WindowGrid {
            kernel: 3,
            stride: 2,
            before: (1, 1),
            input: (1, 3),
            output: (1, 2),
        };
        // The upper row of taps lies outside, the middle one sees the map.
        assert_eq!(grid.seen(0), [3, 3]);
        assert_eq!(grid.seen(3), [3, 1]);
        assert_eq!(grid.seen(4), [0, 2]);
        assert_eq!(grid.seen(5), [1, 3]);
        let device = Cpu::default();
        let table = Table::new(&device, grid).unwrap();
        let bars = device.tensor_from_vec(vec![10.0, 20.0], (2, 1));
        let framed = table.framed(&bars, 0.0).unwrap();
        let back = table.seeing(&framed, 3).unwrap();
        assert_eq!(back.as_vec(), [0.0, 20.0, 0.0]);
    }
}
