//! Feature maps on a device.

use dfdx::prelude::*;

use super::rows::Rows;
use crate::trunk::Size;

/// Feature maps on a device: a row a position of a grid, a column a channel. Clones share their numbers.
#[derive(Clone, Debug)]
pub(crate) struct TensorMaps<D: Device<f32>> {
    pub(super) rows: Rows<D>,
    pub(super) height: usize,
    pub(super) width: usize,
}

impl<D: Device<f32>> TensorMaps<D> {
    pub(super) fn new(rows: Rows<D>, (height, width): (usize, usize)) -> Self {
        Self {
            rows,
            height,
            width,
        }
    }

    pub(super) fn size(&self) -> Size {
        (self.rows.shape().1, self.height, self.width)
    }

    pub(super) fn sides(&self) -> (usize, usize) {
        (self.height, self.width)
    }

    /// Other rows of the same grid.
    pub(super) fn with_rows(&self, rows: Rows<D>) -> Self {
        Self::new(rows, self.sides())
    }
}
