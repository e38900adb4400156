//! A framed plane taken apart by a stride, so that every window walks it in steps of one.

use std::ops::Range;

use super::window::corner;
use crate::backend::planes::Planes;
use crate::trunk::window::Window;

/// The phases of a plane under a window of stride s, and where each tap's window starts in them.
///
/// ```text
/// phase_{a,b}[i, j] = plane[s·i + a, s·j + b],    a, b < s
/// ```
///
/// Output (y, x) meets a tap at its start + y · `row_stride` + x. With stride 1 the one phase is the plane itself.
///
/// # Shapes
/// s² phases of `len` numbers, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Phases {
    stride: usize,
    /// Sides of the plane without its frame, and the frame.
    height: usize,
    width: usize,
    pad: usize,
    /// Sides of a phase.
    rows: usize,
    row_stride: usize,
    /// Each tap's phase, and where in it the tap's window starts.
    starts: Vec<(usize, usize)>,
}

impl Phases {
    /// Those of `input` under `window`.
    pub(super) fn of(window: Window, input: &Planes) -> Self {
        let (stride, pad) = (window.stride, input.pad());
        let row_stride = input.row_stride().div_ceil(stride);
        let start = |tap| {
            let (row, column) = corner(window, input, tap);
            let phase = row % stride * stride + column % stride;
            (phase, row / stride * row_stride + column / stride)
        };
        Self {
            stride,
            height: input.height(),
            width: input.width(),
            pad,
            rows: (input.height() + 2 * pad).div_ceil(stride),
            row_stride,
            starts: (0..window.kernel * window.kernel).map(start).collect(),
        }
    }

    /// Numbers from one row of a phase to the next.
    pub(super) fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// Numbers of one phase.
    pub(super) fn len(&self) -> usize {
        self.rows * self.row_stride
    }

    /// How many phases.
    pub(super) fn count(&self) -> usize {
        self.stride * self.stride
    }

    /// Numbers that [`Phases::split`] writes: none where the plane is its own phase.
    pub(super) fn scratch_len(&self) -> usize {
        if self.stride == 1 {
            0
        } else {
            self.count() * self.len()
        }
    }

    /// Where each tap's window starts, counted from the first phase's first number.
    pub(super) fn starts(&self) -> impl ExactSizeIterator<Item = usize> {
        let starts = self.starts.iter();
        starts.map(|(phase, start)| phase * self.len() + start)
    }

    /// Zeros that lie before a cotangent.
    pub(super) fn reach(&self) -> usize {
        let starts = self.starts.iter().map(|(_, start)| *start);
        starts.max().unwrap_or(0)
    }

    /// For each phase its taps, and where their windows start in [`Phases::reach`] zeros and a cotangent: a number at m
    /// met tap t at output m − start_t.
    pub(super) fn turned_starts(&self) -> Vec<Vec<(usize, usize)>> {
        let mut turned = vec![Vec::new(); self.count()];
        for (tap, (phase, start)) in self.starts.iter().enumerate() {
            turned[*phase].push((tap, self.reach() - start));
        }
        turned
    }

    /// The numbers of a phase whose rows are not all frame.
    pub(super) fn rows_inside(&self) -> Range<usize> {
        let last = (self.pad + self.height - 1) / self.stride;
        self.pad / self.stride * self.row_stride..(last + 1) * self.row_stride
    }

    /// The phases of a plane, in `scratch` unless the plane is its own.
    pub(super) fn split<'p>(&self, plane: &'p [f32], scratch: &'p mut [f32]) -> &'p [f32] {
        if self.stride == 1 {
            return plane;
        }
        for (y, row) in plane.chunks_exact(self.width + 2 * self.pad).enumerate() {
            for b in 0..self.stride {
                let places = &mut scratch[self.row_at(y, b)..][..self.row_stride];
                let numbers = row.iter().skip(b).step_by(self.stride);
                places.iter_mut().zip(numbers).for_each(|(to, x)| *to = *x);
            }
        }
        scratch
    }

    /// Puts a plane together again, its frame left out, in another frame of `pad`.
    pub(super) fn join(&self, phases: &[f32], pad: usize, plane: &mut [f32]) {
        let stride = self.width + 2 * pad;
        for y in 0..self.height {
            let row = &mut plane[(y + pad) * stride + pad..][..self.width];
            for b in 0..self.stride {
                // The first column inside the frame that belongs to phase b.
                let first = (b + self.stride - self.pad % self.stride) % self.stride;
                let from = self.row_at(y + self.pad, b) + (self.pad + first) / self.stride;
                if self.stride == 1 {
                    row.copy_from_slice(&phases[from..][..self.width]);
                    continue;
                }
                let places = row.iter_mut().skip(first).step_by(self.stride);
                places.zip(&phases[from..]).for_each(|(to, x)| *to = *x);
            }
        }
    }

    /// Where row `y` of the framed plane starts, its columns of phase `b`.
    fn row_at(&self, y: usize, b: usize) -> usize {
        let phase = y % self.stride * self.stride + b;
        (phase * self.rows + y / self.stride) * self.row_stride
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::test_values::random_values;
    use crate::trunk::Padding;

    #[test]
    fn windows_are_found_again_and_rows_come_back() {
        for (stride, kernel) in [(1, 3), (2, 3), (2, 5), (3, 3)] {
            let window = Window {
                kernel,
                stride,
                padding: Padding::Same,
            };
            let (height, width) = (6, 7);
            let x = Planes::from_contiguous(
                1,
                height,
                width,
                window.frame(height, width),
                &random_values(height * width, 1),
            );
            let phases = Phases::of(window, &x);
            let mut scratch = vec![0.0; phases.scratch_len()];
            let split = phases.split(x.plane(0), &mut scratch);
            let (rows, columns) = window.output_size(height, width).unwrap();
            for (tap, start) in phases.starts().enumerate() {
                let (row, column) = corner(window, &x, tap);
                for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
                    let place = (row + i * stride) * x.row_stride() + column + j * stride;
                    let found = split[start + i * phases.row_stride() + j];
                    assert_eq!(found, x.plane(0)[place]);
                }
            }
            let mut joined = Planes::zeros(1, height, width, 3);
            phases.join(split, 3, joined.data_mut());
            assert_eq!(joined, x.with_frame(3));
        }
    }
}
