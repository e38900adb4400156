//! A max-pool by one gather a tap.

use dfdx::prelude::*;

use super::rows::{Rows, plus};
use super::table::Table;
use crate::trunk::MaxPool;

impl MaxPool {
    /// y = max_u x_u, −∞ outside the map.
    pub(super) fn rows_forward<D: Device<f32>>(
        &self,
        table: &Table<D>,
        input: &Rows<D>,
    ) -> Result<Rows<D>, D::Err> {
        let framed = table.framed(input, f32::NEG_INFINITY)?;
        let mut largest = table.seen(&framed, 0)?;
        for tap in 1..self.kernel * self.kernel {
            largest = largest.try_maximum(table.seen(&framed, tap)?)?;
        }
        Ok(largest)
    }

    /// x̄ = ȳ where x_u is the maximum, the first tap of several.
    pub(super) fn rows_vjp<D: Device<f32>>(
        &self,
        table: &Table<D>,
        input: &Rows<D>,
        output: &Rows<D>,
        bar: Rows<D>,
    ) -> Result<Rows<D>, D::Err> {
        let framed = table.framed(input, f32::NEG_INFINITY)?;
        let zero: Rows<D> = output.device().try_zeros_like(output.shape())?;
        // Cotangents that no earlier tap has taken.
        let mut left = bar;
        let mut sums = None;
        for tap in 0..self.kernel * self.kernel {
            let takes = table.seen(&framed, tap)?.try_eq(output)?;
            let taken = takes.clone().try_choose(left.clone(), zero.clone())?;
            left = takes.try_choose(zero.clone(), left)?;
            let back = table.seeing(&table.framed(&taken, 0.0)?, tap)?;
            sums = Some(plus(sums, back)?);
        }
        Ok(sums.expect("a window has a tap"))
    }
}
