//! The product under a strided or thin convolution: windows copied into patches, one product a tile.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::tiles::{add_over_tiles, for_each_tile, tile_rows};
use super::window::before;
use crate::backend::planes::Planes;
use crate::trunk::window::Window;

/// Patches k² · Ci long, of one group's channels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patches {
    pub(super) window: Window,
    /// Channels that come in.
    pub(super) ci: usize,
    /// Channels that go out.
    pub(super) co: usize,
}

impl Patches {
    /// y rows from patches: `sum[n, :] = patch[n, :] · matrix`, a patch the k² · Ci numbers under a window.
    pub(super) fn correlate(
        &self,
        input: &Planes,
        in_channels: Range<usize>,
        weight: &[f32],
        output: &mut Planes,
        out_channels: Range<usize>,
        finish: impl Fn(usize, &[f32], &mut [f32]) + Sync,
    ) {
        let (height, width) = (output.height(), output.width());
        let (stride, pad) = (output.row_stride(), output.pad());
        let (length, columns) = (self.length(), out_channels.len());
        let rows = tile_rows(height, width);
        let matrix = self.matrix_from_weight(weight);
        let matrix = MatRef::from_column_major_slice(&matrix, length, columns);
        let first_column = out_channels.start;

        let scratch = rows * width * (length + columns);
        for_each_tile(
            output,
            out_channels,
            rows,
            scratch,
            |scratch, y0, places| {
                let tile = rows.min(height - y0);
                let n = tile * width;
                let (patches, sums) = scratch.split_at_mut(n * length);
                self.gather(input, in_channels.clone(), y0, width, patches);
                let sums = &mut sums[..n * columns];
                let patches = MatRef::from_column_major_slice(patches, n, length);
                let target = MatMut::from_column_major_slice_mut(sums, n, columns);
                matmul(target, Accum::Replace, patches, matrix, 1.0, Par::Seq);
                for (c, place) in places.iter_mut().enumerate() {
                    for y in 0..tile {
                        let from = &sums[(c * tile + y) * width..][..width];
                        finish(
                            first_column + c,
                            from,
                            &mut place[y * stride + pad..][..width],
                        );
                    }
                }
            },
        );
    }

    /// Adds to the weight's cotangent: `matrix_bar += patchesᵀ · sum_bar`, tiles shared by the threads.
    pub(super) fn vjp_matrix(
        &self,
        input: &Planes,
        in_channels: Range<usize>,
        sum_bar: &Planes,
        out_channels: Range<usize>,
        weight_bar: &mut [f32],
    ) {
        let (height, width) = (sum_bar.height(), sum_bar.width());
        let (length, columns) = (self.length(), out_channels.len());
        let rows = tile_rows(height, width);
        let mut matrix_bar = vec![0.0; length * columns];
        add_over_tiles(height, rows, &mut matrix_bar, |matrix_bar, tiles| {
            let mut patches = vec![0.0_f32; rows * width * length];
            for y0 in tiles {
                let n = rows.min(height - y0) * width;
                let patches = &mut patches[..n * length];
                self.gather(input, in_channels.clone(), y0, width, patches);
                let bars = rows_of(sum_bar, out_channels.clone(), y0, n / width);
                let patches = MatRef::from_column_major_slice(patches, n, length);
                let bars = MatRef::from_column_major_slice(&bars, n, columns);
                let target = MatMut::from_column_major_slice_mut(matrix_bar, length, columns);
                matmul(target, Accum::Add, patches.transpose(), bars, 1.0, Par::Seq);
            }
        });
        self.for_each_weight(|place, entry| weight_bar[place] += matrix_bar[entry]);
    }

    /// Adds to the input's cotangent: `patches_bar = sum_bar · matrixᵀ`, every number added where it was read.
    pub(super) fn vjp_input(
        &self,
        weight: &[f32],
        sum_bar: &Planes,
        out_channels: Range<usize>,
        input_bar: &mut Planes,
        in_channels: Range<usize>,
    ) {
        let (height, width) = (sum_bar.height(), sum_bar.width());
        let (length, columns) = (self.length(), out_channels.len());
        let rows = tile_rows(height, width);
        let matrix = self.matrix_from_weight(weight);
        let matrix = MatRef::from_column_major_slice(&matrix, length, columns);
        let mut patches_bar = vec![0.0_f32; rows * width * length];
        for y0 in (0..height).step_by(rows) {
            let n = rows.min(height - y0) * width;
            let bars = rows_of(sum_bar, out_channels.clone(), y0, n / width);
            let bars = MatRef::from_column_major_slice(&bars, n, columns);
            let target =
                MatMut::from_column_major_slice_mut(&mut patches_bar[..n * length], n, length);
            matmul(
                target,
                Accum::Replace,
                bars,
                matrix.transpose(),
                1.0,
                Par::Seq,
            );
            self.scatter(
                &patches_bar[..n * length],
                y0,
                width,
                input_bar,
                in_channels.clone(),
            );
        }
    }

    fn length(&self) -> usize {
        self.window.kernel * self.window.kernel * self.ci
    }

    /// Visits (place in the weight, place in the patch matrix), the latter column-major k²·Ci × Co.
    fn for_each_weight(&self, mut visit: impl FnMut(usize, usize)) {
        let (ci, co) = (self.ci, self.co);
        let length = self.length();
        for tap in 0..self.window.kernel * self.window.kernel {
            for o in 0..co {
                for i in 0..ci {
                    visit((tap * co + o) * ci + i, o * length + tap * ci + i);
                }
            }
        }
    }

    fn matrix_from_weight(&self, weight: &[f32]) -> Vec<f32> {
        let mut matrix = vec![0.0; weight.len()];
        self.for_each_weight(|place, entry| matrix[entry] = weight[place]);
        matrix
    }

    /// Fills `patches` (positions × k²·Ci, column-major) for the output rows from `y0` on.
    fn gather(
        &self,
        input: &Planes,
        channels: Range<usize>,
        y0: usize,
        width: usize,
        patches: &mut [f32],
    ) {
        let n = patches.len() / self.length();
        let (top, left) = before(self.window, input);
        let (ci, row_stride) = (channels.len(), input.row_stride());
        for (index, column) in patches.chunks_exact_mut(n).enumerate() {
            let (tap, i) = (index / ci, index % ci);
            let plane = input.plane(channels.start + i);
            let (row, start) = (
                input.pad() - top + tap / self.window.kernel,
                input.pad() - left + tap % self.window.kernel,
            );
            for (y, places) in column.chunks_exact_mut(width).enumerate() {
                let source = &plane[((y0 + y) * self.window.stride + row) * row_stride + start..];
                if self.window.stride == 1 {
                    places.copy_from_slice(&source[..width]);
                } else {
                    for (place, value) in places
                        .iter_mut()
                        .zip(source.iter().step_by(self.window.stride))
                    {
                        *place = *value;
                    }
                }
            }
        }
    }

    /// Adds the values that [`gather`] took back to their places; those of the padding are dropped.
    fn scatter(
        &self,
        patches_bar: &[f32],
        y0: usize,
        width: usize,
        input_bar: &mut Planes,
        channels: Range<usize>,
    ) {
        let n = patches_bar.len() / self.length();
        let (top, left) = before(self.window, input_bar);
        let (height, in_width, ci) = (input_bar.height(), input_bar.width(), channels.len());
        for (index, column) in patches_bar.chunks_exact(n).enumerate() {
            let (tap, i) = (index / ci, index % ci);
            for (y, bars) in column.chunks_exact(width).enumerate() {
                let row = (y0 + y) * self.window.stride + tap / self.window.kernel;
                let Some(row) = row.checked_sub(top).filter(|row| *row < height) else {
                    continue;
                };
                let places = input_bar.row_mut(channels.start + i, row);
                for (x, bar) in bars.iter().enumerate() {
                    let column =
                        (x * self.window.stride + tap % self.window.kernel).checked_sub(left);
                    if let Some(column) = column.filter(|column| *column < in_width) {
                        places[column] += bar;
                    }
                }
            }
        }
    }
}

/// `rows` rows from `y0` on of the given channels, without frame: positions × channels, column-major.
fn rows_of(planes: &Planes, channels: Range<usize>, y0: usize, rows: usize) -> Vec<f32> {
    channels
        .flat_map(|c| (y0..y0 + rows).map(move |y| (c, y)))
        .flat_map(|(c, y)| planes.row(c, y).iter().copied())
        .collect()
}
