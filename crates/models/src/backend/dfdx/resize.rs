//! Bilinear interpolation by two products with sparse matrices, stored dense.

use dfdx::prelude::*;

use super::rows::{Rows, transposed};
use crate::trunk::Resize;
use crate::trunk::resize::{AxisMap, blends};

impl Resize {
    /// y = R_rows x R_columnsᵀ for every channel, x a map of `input` rows and columns.
    pub(super) fn rows_forward<D: Device<f32>>(
        &self,
        maps: Rows<D>,
        input: (usize, usize),
    ) -> Result<Rows<D>, D::Err> {
        if self.keeps(input) {
            return Ok(maps);
        }
        let (rows, columns) = self.shares(maps.device(), input)?;
        both(maps, rows, columns)
    }

    /// x̄ = R_rowsᵀ ȳ R_columns
    pub(super) fn rows_vjp<D: Device<f32>>(
        &self,
        bar: Rows<D>,
        input: (usize, usize),
    ) -> Result<Rows<D>, D::Err> {
        if self.keeps(input) {
            return Ok(bar);
        }
        let (rows, columns) = self.shares(bar.device(), input)?;
        both(bar, transposed(rows)?, transposed(columns)?)
    }

    /// R_rows and R_columns.
    fn shares<D: Device<f32>>(
        &self,
        device: &D,
        input: (usize, usize),
    ) -> Result<(Rows<D>, Rows<D>), D::Err> {
        let rows = shares(device, input.0, self.height, self.rows)?;
        Ok((rows, shares(device, input.1, self.width, self.columns)?))
    }

    fn keeps(&self, input: (usize, usize)) -> bool {
        let own = |map: AxisMap| map.scale == 1.0 && map.shift == 0.0;
        input == (self.height, self.width) && own(self.rows) && own(self.columns)
    }
}

/// R: each output position's share of every input position, to × from.
fn shares<D: Device<f32>>(
    device: &D,
    from: usize,
    to: usize,
    map: AxisMap,
) -> Result<Rows<D>, D::Err> {
    let mut shares = vec![0.0; to * from];
    for (row, (low, high, t)) in shares.chunks_exact_mut(from).zip(blends(from, to, map)) {
        row[low] += 1.0 - t;
        row[high] += t;
    }
    device.try_tensor_from_vec(shares, (to, from))
}

/// (A ⊗ B) X for A: H′ × H, B: W′ × W, X: H·W × C.
fn both<D: Device<f32>>(x: Rows<D>, a: Rows<D>, b: Rows<D>) -> Result<Rows<D>, D::Err> {
    let (_, channels) = *x.shape();
    let ((to_rows, from_rows), (to_columns, from_columns)) = (*a.shape(), *b.shape());
    let wide = x.try_reshape_like(&(from_rows, from_columns * channels))?;
    let rows = a.try_matmul(wide)?;
    let rows = rows.try_reshape_like(&(to_rows, from_columns, channels))?;
    let each = b.try_broadcast_like::<_, Axis<0>>(&(to_rows, to_columns, from_columns))?;
    let both = each.try_matmul(rows)?;
    both.try_reshape_like(&(to_rows * to_columns, channels))
}
