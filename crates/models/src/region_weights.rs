//! How much of a grid's cells a bitmap covers.

use o2p::Region;
use segmentation::GridAxis;

use crate::error::Result;

/// The part of each position's cell that the bitmap covers, row-major over the grid, as a region.
///
/// ```text
/// wᵢⱼ = (pixels of the bitmap inside the cell) / stride²,   cell = position ± ½ stride along both sides
/// ```
///
/// # Conventions
/// Positions lie where the trunk samples, not in equal cells: cells of the padding at the border cover nothing. The
/// grid is repeated `repeats` times, for descriptors of several scales. A bitmap that no cell sees counts as the
/// position nearest to its middle.
///
/// # Errors
/// `EmptyRegion` for a bitmap without a pixel.
pub(crate) fn covered_region(
    bitmap: &[bool],
    width: usize,
    [column, row]: [GridAxis; 2],
    repeats: usize,
) -> Result<Region> {
    let height = bitmap.len() / width.max(1);
    let (columns, rows) = (overlaps(column, width), overlaps(row, height));
    let mut weights = Vec::with_capacity(columns.len() * rows.len() * repeats);
    for row in &rows {
        for column in &columns {
            let mut area = 0.0;
            for &(y, high) in row {
                for &(x, wide) in column {
                    if bitmap[y * width + x] {
                        area += high * wide;
                    }
                }
            }
            weights.push(area);
        }
    }
    if weights.iter().all(|weight| *weight == 0.0) {
        let inside: Vec<usize> = (0..bitmap.len()).filter(|&i| bitmap[i]).collect();
        if let Some(&middle) = inside.get(inside.len() / 2) {
            let (x, y) = (
                nearest(column, middle % width),
                nearest(row, middle / width),
            );
            weights[y * column.positions + x] = 1.0;
        }
    }
    Ok(Region::from_weights(&weights.repeat(repeats))?)
}

/// The pixels of each position's cell, with the share of the cell's side that lies in each.
fn overlaps(axis: GridAxis, pixels: usize) -> Vec<Vec<(usize, f64)>> {
    let cell = |position: usize| {
        // Pixel p reaches from p to p + 1 here, its middle at p + ½.
        let middle = axis.offset + axis.stride * position as f64 + 0.5;
        let low = (middle - 0.5 * axis.stride).max(0.0);
        let high = (middle + 0.5 * axis.stride).min(pixels as f64);
        let first = low.floor() as usize;
        let last = high.ceil().max(0.0) as usize;
        (first..last.min(pixels))
            .map(|pixel| {
                let inside = high.min(pixel as f64 + 1.0) - low.max(pixel as f64);
                (pixel, inside / axis.stride)
            })
            .filter(|(_, share)| *share > 0.0)
            .collect()
    };
    (0..axis.positions).map(cell).collect()
}

fn nearest(axis: GridAxis, pixel: usize) -> usize {
    let place = (pixel as f64 - axis.offset) / axis.stride;
    (place.round().max(0.0) as usize).min(axis.positions.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use test_support::refused;

    #[test]
    fn cells_by_hand() {
        // Positions at pixels 0 and 2 of four: cells [−½, 1½) and [1½, 3½) of pixels' edges shifted by ½.
        let axis = |positions| GridAxis {
            positions,
            stride: 2.0,
            offset: 0.0,
        };
        let flat = GridAxis {
            positions: 1,
            stride: 1.0,
            offset: 0.0,
        };
        let bitmap = [true, false, true, true];
        let region = covered_region(&bitmap, 4, [axis(2), flat], 1).unwrap();
        assert_eq!(region.weights(), [0.5, 0.75]);
        let twice = covered_region(&bitmap, 4, [axis(2), flat], 2).unwrap();
        assert_eq!(twice.weights(), [0.5, 0.75, 0.5, 0.75]);
        // The last pixel belongs to no cell but half of it: a grid of one position sees none of it.
        let lost = covered_region(&[false, false, false, true], 4, [axis(1), flat], 1).unwrap();
        assert_eq!((lost.positions(), lost.weights()), (&[0][..], &[1.0][..]));
        refused! {
            covered_region(&[false; 4], 4, [axis(2), flat], 1) => Error::Region(o2p::Error::EmptyRegion { .. }),
        }
    }
}
