//! Descriptors on a grid, and where the grid lies.

/// Numbers in one descriptor: 4 × 4 bins of 8 orientations.
pub const CHANNELS: usize = 128;

/// Descriptors of every scale at the same positions.
///
/// ```text
/// position    x = x₀ + s · column      y = y₀ + s · row          stride s, offset (x₀, y₀)
/// channel     (4 · by + bx) · 8 + o    by, bx, o                 bin from the top, from the left; orientation
/// ```
///
/// # Shapes
/// One scale is a map of 128 × rows × columns, row by row.
///
/// # Conventions
/// The scales lie one behind the other in the order of their bin sizes. Orientation o looks along the angle 2π o / 8,
/// from +x towards +y, that is, to the right and then downwards.
///
/// # Units
/// Pixels; the centre of the first pixel is (0, 0).
#[derive(Clone, Debug, PartialEq)]
pub struct DescriptorMaps {
    rows: usize,
    columns: usize,
    stride: usize,
    offset: (f64, f64),
    values: Vec<f32>,
}

impl DescriptorMaps {
    /// `values`: scales of 128 × rows × columns.
    pub(super) fn new(
        (columns, rows): (usize, usize),
        stride: usize,
        offset: (f64, f64),
        values: Vec<f32>,
    ) -> Self {
        Self {
            rows,
            columns,
            stride,
            offset,
            values,
        }
    }

    /// The number of scales: a bin size each.
    pub fn scales(&self) -> usize {
        self.values.len() / self.scale_len()
    }

    /// Rows of the grid.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns of the grid.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Pixels between neighbours in a row or column.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// The first position, (x₀, y₀).
    pub fn offset(&self) -> (f64, f64) {
        self.offset
    }

    /// The position (x, y) of a row and column, the centre of their descriptors.
    pub fn position(&self, row: usize, column: usize) -> (f64, f64) {
        let (x, y) = self.offset;
        (
            x + (self.stride * column) as f64,
            y + (self.stride * row) as f64,
        )
    }

    /// All numbers: scales × 128 × rows × columns.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The map of one scale: 128 × rows × columns.
    ///
    /// # Panics
    /// Where there is no such scale.
    pub fn scale(&self, scale: usize) -> &[f32] {
        &self.values[scale * self.scale_len()..][..self.scale_len()]
    }

    /// One map with the scales under each other: 128 × (scales · rows) × columns.
    ///
    /// # Cost
    /// One copy.
    pub fn stacked(&self) -> Vec<f32> {
        let mut stacked = Vec::with_capacity(self.values.len());
        for channel in 0..CHANNELS {
            for scale in self.values.chunks_exact(self.scale_len()) {
                stacked.extend_from_slice(&scale[channel * self.plane_len()..][..self.plane_len()]);
            }
        }
        stacked
    }

    /// The 128 numbers at one scale and position.
    ///
    /// # Panics
    /// Where there is no such scale, row or column.
    pub fn descriptor(&self, scale: usize, row: usize, column: usize) -> [f32; CHANNELS] {
        assert!(
            row < self.rows && column < self.columns,
            "row {row}, column {column} of a grid of {} × {}",
            self.rows,
            self.columns
        );
        let map = self.scale(scale);
        std::array::from_fn(|channel| map[channel * self.plane_len() + row * self.columns + column])
    }

    fn plane_len(&self) -> usize {
        self.rows * self.columns
    }

    fn scale_len(&self) -> usize {
        CHANNELS * self.plane_len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_scales_on_a_grid_of_three_by_two() {
        let values: Vec<f32> = (0..2 * CHANNELS * 6).map(|i| i as f32).collect();
        let maps = DescriptorMaps::new((3, 2), 8, (3.5, 1.0), values);
        assert_eq!((maps.scales(), maps.rows(), maps.columns()), (2, 2, 3));
        assert_eq!(maps.position(1, 2), (19.5, 9.0));
        assert_eq!(maps.scale(1)[0], (CHANNELS * 6) as f32);
        // Channel 5, row 1, column 2, in the second scale.
        let expected = (CHANNELS * 6 + 5 * 6 + 5) as f32;
        assert_eq!(maps.descriptor(1, 1, 2)[5], expected);
        // Stacked, that is row 2 + 1 of channel 5.
        let stacked = maps.stacked();
        assert_eq!(stacked[5 * 12 + 3 * 3 + 2], expected);
        assert_eq!(stacked.len(), maps.values().len());
    }
}
