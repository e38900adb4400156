//! The segment of each position of the feature grid.

use segmentation::{GridAxis, LabelMap};

use crate::error::{Error, Result};

/// E: one segment a position, from one human annotation.
///
/// # Shapes
/// n positions, row-major over the grid; k segments, numbered 0 … k − 1.
///
/// # Conventions
/// A grid cell covers the pixels nearest to its position; it takes the label most of them have, the smallest of equals. Segments are numbered by increasing label. A label that
/// no cell takes is dropped and reported.
///
/// # Example
/// ```
/// # fn main() -> Result<(), ncuts::Error> {
/// // A one-pixel segment vanishes on a grid of half the size.
/// let labels = ncuts::LabelMap::new(4, 2, vec![1, 1, 2, 2, 1, 9, 2, 2])?;
/// let indicator = ncuts::Indicator::from_label_map(&labels, 2, 1)?;
/// assert_eq!(indicator.assignment(), &[0, 1]);
/// assert_eq!(indicator.dropped(), &[9]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indicator {
    assignment: Vec<u32>,
    segments: usize,
    dropped: Vec<u32>,
}

impl Indicator {
    /// The majority label of each of equal cells.
    ///
    /// # Errors
    /// [`Error::GridSize`] when a side of the grid is zero or exceeds that of the label map.
    ///
    /// # Cost
    /// One visit to each pixel.
    pub fn from_label_map(
        labels: &LabelMap,
        grid_width: usize,
        grid_height: usize,
    ) -> Result<Self> {
        let column = GridAxis::spread(grid_width, labels.width());
        Self::on_axes(
            labels,
            column,
            GridAxis::spread(grid_height, labels.height()),
        )
    }

    /// The majority label around each position of a grid that lies along these axes.
    ///
    /// # Errors
    /// [`Error::GridSize`] when a side of the grid is zero or exceeds that of the label map;
    /// [`segmentation::Error::GridAxis`] for a stride that is not above 0, or an offset that is not finite.
    pub fn on_axes(labels: &LabelMap, column: GridAxis, row: GridAxis) -> Result<Self> {
        let (width, height) = (labels.width(), labels.height());
        let (grid_width, grid_height) = (column.positions, row.positions);
        if grid_width == 0 || grid_height == 0 || grid_width > width || grid_height > height {
            return Err(Error::GridSize {
                grid_width,
                grid_height,
                width,
                height,
            });
        }
        for axis in [column, row] {
            axis.check()?;
        }
        let mut names = labels.ids().to_vec();
        names.dedup();
        names.sort_unstable();
        names.dedup();

        let mut counts = vec![0u32; names.len()];
        let mut assignment = Vec::with_capacity(grid_width * grid_height);
        let columns = column.cells(width);
        for rows in row.cells(height) {
            for columns in &columns {
                let (rows, columns) = (rows.clone(), columns.clone());
                assignment.push(majority(labels, &names, &mut counts, rows, columns));
            }
        }
        let mut taken = vec![false; names.len()];
        for &name in &assignment {
            taken[name as usize] = true;
        }
        let dropped = names
            .iter()
            .zip(&taken)
            .filter(|&(_, &taken)| !taken)
            .map(|(&name, _)| name)
            .collect();
        // The number of each name among those taken.
        let mut segments = 0;
        let numbers: Vec<u32> = taken
            .iter()
            .map(|&taken| {
                segments += u32::from(taken);
                segments.saturating_sub(1)
            })
            .collect();
        for name in &mut assignment {
            *name = numbers[*name as usize];
        }
        Ok(Self {
            assignment,
            segments: segments as usize,
            dropped,
        })
    }

    /// An explicit assignment of each position to one of `segments`; some may stay empty.
    ///
    /// # Errors
    /// [`Error::NoPositions`]; [`Error::SegmentIndex`] for a number that is not below `segments`.
    pub fn from_assignment(assignment: Vec<u32>, segments: usize) -> Result<Self> {
        if assignment.is_empty() {
            return Err(Error::NoPositions);
        }
        if let Some(position) = assignment
            .iter()
            .position(|&segment| segment as usize >= segments)
        {
            return Err(Error::SegmentIndex {
                position,
                segment: assignment[position],
                segments,
            });
        }
        Ok(Self {
            assignment,
            segments,
            dropped: Vec::new(),
        })
    }

    /// The segment of each position.
    pub fn assignment(&self) -> &[u32] {
        &self.assignment
    }

    /// k, the number of segments.
    pub fn segments(&self) -> usize {
        self.segments
    }

    /// The labels that no cell took, increasing.
    pub fn dropped(&self) -> &[u32] {
        &self.dropped
    }
}

/// The index in `names` of the most frequent label of a cell; leaves `counts` zero.
fn majority(
    labels: &LabelMap,
    names: &[u32],
    counts: &mut [u32],
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
) -> u32 {
    let mut seen: Vec<usize> = Vec::new();
    // Neighbours mostly share a label: search only where it changes.
    let mut last = (names[0], 0);
    for row in rows {
        let start = row * labels.width();
        for &label in &labels.ids()[start + columns.start..start + columns.end] {
            if label != last.0 {
                last = (label, names.partition_point(|&name| name < label));
            }
            if counts[last.1] == 0 {
                seen.push(last.1);
            }
            counts[last.1] += 1;
        }
    }
    let mut winner = seen[0];
    for &name in &seen {
        if (counts[name], winner) > (counts[winner], name) {
            winner = name;
        }
    }
    for name in seen {
        counts[name] = 0;
    }
    winner as u32
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;

    #[test]
    fn cells_take_their_majority_and_ties_the_smaller_label() {
        // Two cells of 2 × 2: {7, 7, 7, 3} and {5, 3, 3, 5}.
        let labels = LabelMap::new(4, 2, vec![7, 7, 5, 3, 7, 3, 3, 5]).unwrap();
        let indicator = Indicator::from_label_map(&labels, 2, 1).unwrap();
        assert_eq!(indicator.assignment(), &[1, 0]);
        assert_eq!((indicator.segments(), indicator.dropped()), (2, &[5][..]));
    }

    #[test]
    fn uneven_cells_cover_every_pixel_once() {
        // 5 columns over 2 cells: 0–1 and 2–4.
        let labels = LabelMap::new(5, 1, vec![1, 1, 2, 2, 1]).unwrap();
        assert_eq!(
            Indicator::from_label_map(&labels, 2, 1)
                .unwrap()
                .assignment(),
            &[0, 1]
        );
        let labels = LabelMap::new(7, 5, (0..35).collect()).unwrap();
        let same = Indicator::from_label_map(&labels, 7, 5).unwrap();
        assert_eq!(same.assignment(), &(0..35).collect::<Vec<u32>>()[..]);
        let one = Indicator::from_label_map(&labels, 1, 1).unwrap();
        assert_eq!(
            (one.assignment(), one.segments(), one.dropped().len()),
            (&[0][..], 1, 34)
        );
    }

    #[test]
    fn every_segment_of_a_label_map_is_taken() {
        let labels = LabelMap::new(
            40,
            30,
            (0..1200u32)
                .map(|i| i.wrapping_mul(2_654_435_761) >> 28)
                .collect(),
        )
        .unwrap();
        let indicator = Indicator::from_label_map(&labels, 10, 6).unwrap();
        let mut used = vec![false; indicator.segments()];
        for &segment in indicator.assignment() {
            used[segment as usize] = true;
        }
        assert!(used.iter().all(|&used| used));
        assert_eq!(indicator.segments() + indicator.dropped().len(), 16);
    }

    #[test]
    fn refuses_grids_and_assignments_that_do_not_fit() {
        let labels = LabelMap::new(4, 2, vec![0; 8]).unwrap();
        for (grid_width, grid_height) in [(0, 1), (1, 0), (5, 1), (4, 3)] {
            let error = Indicator::from_label_map(&labels, grid_width, grid_height).unwrap_err();
            assert!(matches!(
                error,
                Error::GridSize {
                    width: 4,
                    height: 2,
                    ..
                }
            ));
        }
        refused! { Indicator::from_assignment(vec![], 1) => Error::NoPositions }
        let error = Indicator::from_assignment(vec![0, 2], 2).unwrap_err();
        assert!(matches!(
            error,
            Error::SegmentIndex {
                position: 1,
                segment: 2,
                segments: 2
            }
        ));
        assert_eq!(
            Indicator::from_assignment(vec![0, 2], 4)
                .unwrap()
                .segments(),
            4
        );
    }
}
