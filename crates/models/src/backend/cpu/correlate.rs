//! The product under a stride-1 convolution: shifted windows of framed planes against one matrix a tap.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::tiles::{add_over_tiles, for_each_tile, tile_rows};
use crate::backend::planes::Planes;

/// Upper left corner of a tap's window, counted from the corner of the frame: (row, column).
pub(super) type Corner = (usize, usize);

/// Correlates `input` with one matrix a tap, and hands every finished row to `finish`.
///
/// ```text
/// sum[y, x, :] = Σ_t input[y + row_t, x + column_t, :] · matrix_t
/// ```
///
/// # Shapes
/// `matrix(t)`: input channels × output channels of this call. `finish(c, sums, row)` gets the
/// output channel, W sums, and the W places for them.
///
/// # Cost
/// 2 · taps · Ci · Co · H · W operations; a scratch of 1024 · Co numbers a thread. A window is a
/// strided view of the frame, so nothing is copied; the W + 2 pad − W places that run over a row's
/// end are computed and dropped.
pub(super) fn correlate<'w>(
    input: &Planes,
    in_channels: Range<usize>,
    corners: &[Corner],
    matrix: impl Fn(usize) -> MatRef<'w, f32> + Sync,
    output: &mut Planes,
    out_channels: Range<usize>,
    finish: impl Fn(usize, &[f32], &mut [f32]) + Sync,
) {
    let stride = input.row_stride();
    let (width, height) = (output.width(), output.height());
    let (out_stride, out_pad) = (output.row_stride(), output.pad());
    let rows = tile_rows(height, stride);
    let columns = out_channels.len();
    let first_column = out_channels.start;

    for_each_tile(
        output,
        out_channels,
        rows,
        rows * stride * columns,
        |sums, y0, places| {
            let tile = rows.min(height - y0);
            let n = (tile - 1) * stride + width;
            for (t, (row, column)) in corners.iter().enumerate() {
                let start = (y0 + row) * stride + column;
                let window = columns_of(input, in_channels.clone(), start, n);
                let accumulate = if t == 0 { Accum::Replace } else { Accum::Add };
                let target =
                    MatMut::from_column_major_slice_mut(&mut sums[..n * columns], n, columns);
                matmul(target, accumulate, window, matrix(t), 1.0, Par::Seq);
            }
            for (c, place) in places.iter_mut().enumerate() {
                for y in 0..tile {
                    let from = &sums[c * n + y * stride..][..width];
                    finish(
                        first_column + c,
                        from,
                        &mut place[y * out_stride + out_pad..][..width],
                    );
                }
            }
        },
    );
}

/// Adds the cotangent of the matrices of [`correlate`]: for tap t
/// `matrix_bar_t += Σ_{y,x} input[y + row_t, x + column_t, :]ᵀ sum_bar[y, x, :]`.
///
/// # Shapes
/// `matrices_bar`: one Ci × Co matrix a tap, column-major, one after the other.
pub(super) fn correlate_vjp_matrix(
    input: &Planes,
    in_channels: Range<usize>,
    corners: &[Corner],
    sum_bar: &Planes,
    out_channels: Range<usize>,
    matrices_bar: &mut [f32],
) {
    // Both planes are walked with one stride, so a shift in one is the same shift in the other.
    assert_eq!(
        input.row_stride(),
        sum_bar.row_stride(),
        "frames of one width"
    );
    let stride = input.row_stride();
    let (height, width) = (sum_bar.height(), sum_bar.width());
    let (ci, co) = (in_channels.len(), out_channels.len());
    let rows = tile_rows(height, stride);
    let corner = sum_bar.pad() * stride + sum_bar.pad();
    add_over_tiles(height, rows, matrices_bar, |bars, tiles| {
        for y0 in tiles {
            let n = (rows.min(height - y0) - 1) * stride + width;
            let cotangent = columns_of(sum_bar, out_channels.clone(), y0 * stride + corner, n);
            for ((row, column), bar) in corners.iter().zip(bars.chunks_exact_mut(ci * co)) {
                let start = (y0 + row) * stride + column;
                let window = columns_of(input, in_channels.clone(), start, n);
                let bar = MatMut::from_column_major_slice_mut(bar, ci, co);
                matmul(
                    bar,
                    Accum::Add,
                    window.transpose(),
                    cotangent,
                    1.0,
                    Par::Seq,
                );
            }
        }
    });
}

/// `n` consecutive numbers of each channel plane from `start` on, as an n × channels matrix.
fn columns_of(planes: &Planes, channels: Range<usize>, start: usize, n: usize) -> MatRef<'_, f32> {
    let stride = planes.plane_stride();
    let data = &planes.data()[channels.start * stride + start..];
    let used = (channels.len() - 1) * stride + n;
    MatRef::from_column_major_slice_with_stride(&data[..used], n, channels.len(), stride)
}
