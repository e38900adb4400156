//! A convolution by one gather and one product a tap.

use dfdx::prelude::*;

use super::rows::{Rows, Vector, plus, transposed};
use super::table::Table;
use crate::trunk::Conv;

/// Gradients of a convolution on the device; kernel and bias in the order of the parameters.
pub(super) struct TensorCotangents<D: Device<f32>> {
    pub(super) input: Option<Rows<D>>,
    pub(super) weight: Vector<D>,
    pub(super) bias: Vector<D>,
}

impl Conv {
    /// y = f( b + Σ_u x_u W_uᵀ ), x_u the values under tap u.
    pub(super) fn rows_forward<D: Device<f32>>(
        &self,
        table: &Table<D>,
        input: &Rows<D>,
        weight: &Vector<D>,
        bias: &Vector<D>,
    ) -> Result<Rows<D>, D::Err> {
        let mut groups = None;
        for group in 0..self.groups {
            let framed = table.framed(&self.channels_in(input, group)?, 0.0)?;
            let mut sums = None;
            for tap in 0..self.kernel * self.kernel {
                let matrix = transposed(self.matrix(weight, group, tap)?)?;
                let product = table.seen(&framed, tap)?.try_matmul(matrix)?;
                sums = Some(plus(sums, product)?);
            }
            groups = beside(groups, sums)?;
        }
        let sums = groups.expect("a convolution has a group and a tap");
        let bias = bias.clone().try_broadcast_like::<_, Axis<0>>(&sums)?;
        self.activation.on_rows(sums.try_add(bias)?)
    }

    /// s̄ = ȳ ∘ f′, b̄ = Σ s̄, W̄_u = s̄ᵀ x_u, x̄ = Σ_u (s̄ W_u) sent back to where tap u looked.
    pub(super) fn rows_vjp<D: Device<f32>>(
        &self,
        table: &Table<D>,
        input: &Rows<D>,
        weight: &Vector<D>,
        output: &Rows<D>,
        bar: Rows<D>,
        wants_input: bool,
    ) -> Result<TensorCotangents<D>, D::Err> {
        let sum_bar = self.activation.vjp_rows(output, bar)?;
        let bias = sum_bar.clone().try_sum::<(usize,), Axis<0>>()?;
        let mut matrices = Vec::new();
        let mut input_bar = None;
        for group in 0..self.groups {
            let framed = table.framed(&self.channels_in(input, group)?, 0.0)?;
            let bars = self.channels_out(&sum_bar, group)?;
            let framed_bars = table.framed(&bars, 0.0)?;
            let bars = transposed(bars)?;
            let mut sums = None;
            for tap in 0..self.kernel * self.kernel {
                matrices.push(bars.clone().try_matmul(table.seen(&framed, tap)?)?);
                if wants_input {
                    let back = table.seeing(&framed_bars, tap)?;
                    let product = back.try_matmul(self.matrix(weight, group, tap)?)?;
                    sums = Some(plus(sums, product)?);
                }
            }
            input_bar = beside(input_bar, sums)?;
        }
        let weight = matrices.try_stack()?;
        let count = weight.shape().num_elements();
        Ok(TensorCotangents {
            input: input_bar,
            weight: weight.try_reshape_like(&(count,))?,
            bias,
        })
    }

    /// W_u of one group, Co/groups × Ci/groups.
    fn matrix<D: Device<f32>>(
        &self,
        weight: &Vector<D>,
        group: usize,
        tap: usize,
    ) -> Result<Rows<D>, D::Err> {
        let (ci, co) = (
            self.in_channels / self.groups,
            self.out_channels / self.groups,
        );
        let first = (group * self.kernel * self.kernel + tap) * ci * co;
        let numbers = weight.clone().try_slice((first..first + ci * co,))?;
        numbers.try_reshape_like(&(co, ci))
    }

    fn channels_in<D: Device<f32>>(&self, rows: &Rows<D>, group: usize) -> Result<Rows<D>, D::Err> {
        columns(rows, self.in_channels / self.groups, group)
    }

    fn channels_out<D: Device<f32>>(
        &self,
        rows: &Rows<D>,
        group: usize,
    ) -> Result<Rows<D>, D::Err> {
        columns(rows, self.out_channels / self.groups, group)
    }
}

/// The columns of one group, all where there is one.
fn columns<D: Device<f32>>(rows: &Rows<D>, count: usize, group: usize) -> Result<Rows<D>, D::Err> {
    if rows.shape().1 == count {
        return Ok(rows.clone());
    }
    rows.clone()
        .try_slice((.., group * count..(group + 1) * count))
}

/// The columns of both, side by side.
fn beside<D: Device<f32>>(
    left: Option<Rows<D>>,
    right: Option<Rows<D>>,
) -> Result<Option<Rows<D>>, D::Err> {
    match (left, right) {
        (Some(left), Some(right)) => (left, right).try_concat_along(Axis::<1>).map(Some),
        (left, right) => Ok(left.or(right)),
    }
}
