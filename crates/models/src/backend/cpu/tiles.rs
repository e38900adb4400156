//! Rows of a map cut into tiles, one thread a tile.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::backend::buffer_pool::with_scratch;
use crate::backend::planes::Planes;

/// Positions a tile aims at: tile, taps and matrix then share the second-level cache.
const TILE_POSITIONS: usize = 1024;

/// Rows of a tile: at most about a thousand positions, and as many tiles for each thread as for the others.
pub(super) fn tile_rows(height: usize, stride: usize) -> usize {
    let tiles = (height * stride).div_ceil(TILE_POSITIONS).max(1);
    let shared = tiles
        .next_multiple_of(rayon::current_num_threads())
        .min(height)
        .max(1);
    height.div_ceil(shared).max(1)
}

/// Cuts the given channels of `output` into tiles of `rows` rows and runs `work` on each, on all
/// threads: `work(scratch, y0, places)` with a scratch of its thread, the tile's first row, and one
/// slice a channel that holds the tile's rows with their frame left and right.
///
/// Tiles do not overlap, so the result does not depend on the number of threads.
pub(super) fn for_each_tile(
    output: &mut Planes,
    channels: Range<usize>,
    rows: usize,
    scratch: usize,
    work: impl Fn(&mut [f32], usize, &mut [&mut [f32]]) + Sync,
) {
    let tiles = tiles_of(output, channels, rows);
    let threads = rayon::current_num_threads().min(tiles.len());
    let queue = Mutex::new(tiles.into_iter().enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let run = || {
        with_scratch(scratch, |scratch| {
            while let Some((index, mut places)) = next() {
                work(scratch, index * rows, &mut places);
            }
        });
    };
    if threads == 1 {
        return run();
    }
    rayon::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|_| run());
        }
    });
}

/// Adds to sums, tile by tile: each thread takes the first rows of its share of the tiles and sums for itself, and the
/// sums are added in order. They depend on the number of threads in their last bits, and on nothing else.
pub(super) fn add_over_tiles(
    height: usize,
    rows: usize,
    total: &mut [f32],
    work: impl Fn(&mut [f32], std::iter::StepBy<Range<usize>>) + Sync,
) {
    use rayon::prelude::*;

    let tiles = height.div_ceil(rows);
    let parts = rayon::current_num_threads().min(tiles).max(1);
    let share = |part: usize| {
        let bounds = tiles * part / parts * rows..(tiles * (part + 1) / parts * rows).min(height);
        bounds.step_by(rows)
    };
    if parts == 1 {
        return work(total, share(0));
    }
    let len = total.len();
    let partial = |part: usize| {
        let mut sums = vec![0.0_f32; len];
        work(&mut sums, share(part));
        sums
    };
    let partials: Vec<Vec<f32>> = (0..parts).into_par_iter().map(partial).collect();
    for sums in partials {
        total
            .iter_mut()
            .zip(&sums)
            .for_each(|(total, sum)| *total += sum);
    }
}

/// A list of tiles, each a list of one slice a channel.
fn tiles_of(output: &mut Planes, channels: Range<usize>, rows: usize) -> Vec<Vec<&mut [f32]>> {
    let (stride, plane) = (output.row_stride(), output.plane_stride());
    let (height, pad) = (output.height(), output.pad());
    let mut tiles: Vec<Vec<&mut [f32]>> = Vec::new();
    tiles.resize_with(height.div_ceil(rows), || Vec::with_capacity(channels.len()));
    let data = &mut output.data_mut()[channels.start * plane..channels.end * plane];
    for data in data.chunks_exact_mut(plane) {
        let inside = &mut data[pad * stride..(pad + height) * stride];
        for (tile, slice) in tiles.iter_mut().zip(inside.chunks_mut(rows * stride)) {
            tile.push(slice);
        }
    }
    tiles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_visited_once() {
        for rows in 1..8 {
            let mut planes = Planes::zeros(3, 7, 2, 1);
            for_each_tile(&mut planes, 1..3, rows, 0, |_, y0, places| {
                for (c, place) in places.iter_mut().enumerate() {
                    for (y, row) in place.chunks_exact_mut(4).enumerate() {
                        row[1] += (10 * c + y0 + y) as f32;
                        row[2] += 1.0;
                    }
                }
            });
            for y in 0..7 {
                assert_eq!(planes.row(0, y), &[0.0, 0.0]);
                assert_eq!(planes.row(1, y), &[y as f32, 1.0]);
                assert_eq!(planes.row(2, y), &[(10 + y) as f32, 1.0]);
            }
        }
    }
}
