//! A depthwise convolution by one gather a tap.

use dfdx::prelude::*;

use super::conv::TensorCotangents;
use super::rows::{Rows, Vector, plus, turned};
use super::table::Table;
use crate::trunk::Depthwise;

impl Depthwise {
    /// y = f( b + Σ_u w_u ∘ x_u ), x_u the values under tap u.
    pub(super) fn rows_forward<D: Device<f32>>(
        &self,
        table: &Table<D>,
        input: &Rows<D>,
        weight: &Vector<D>,
        bias: &Vector<D>,
    ) -> Result<Rows<D>, D::Err> {
        let framed = table.framed(input, 0.0)?;
        let mut sums = None;
        for tap in 0..self.kernel * self.kernel {
            let seen = table.seen(&framed, tap)?;
            let weights = self.weights(weight, tap)?;
            let weights = weights.try_broadcast_like::<_, Axis<0>>(&seen)?;
            sums = Some(plus(sums, seen.try_mul(weights)?)?);
        }
        let sums = sums.expect("a kernel has a tap");
        let bias = bias.clone().try_broadcast_like::<_, Axis<0>>(&sums)?;
        self.activation.on_rows(sums.try_add(bias)?)
    }

    /// s̄ = ȳ ∘ f′, b̄ = Σ s̄, w̄_u = Σ s̄ ∘ x_u, x̄ = Σ_u w_u ∘ s̄, sent back to where tap u looked.
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
        let framed = table.framed(input, 0.0)?;
        let framed_bars = table.framed(&sum_bar, 0.0)?;
        let taps = self.kernel * self.kernel;
        let mut weights_bars = Vec::with_capacity(taps);
        let mut sums = None;
        for tap in 0..taps {
            let product = table.seen(&framed, tap)?.try_mul(sum_bar.clone())?;
            weights_bars.push(product.try_sum::<(usize,), Axis<0>>()?);
            if wants_input {
                let back = table.seeing(&framed_bars, tap)?;
                let weights = self.weights(weight, tap)?;
                let weights = weights.try_broadcast_like::<_, Axis<0>>(&back)?;
                sums = Some(plus(sums, back.try_mul(weights)?)?);
            }
        }
        let weight = turned(weights_bars.try_stack()?)?;
        Ok(TensorCotangents {
            input: sums,
            weight: weight.try_reshape_like(&(self.channels * taps,))?,
            bias,
        })
    }

    /// w_u, a number a channel.
    fn weights<D: Device<f32>>(&self, weight: &Vector<D>, tap: usize) -> Result<Vector<D>, D::Err> {
        let taps = self.kernel * self.kernel;
        let matrix = weight.clone().try_reshape_like(&(self.channels, taps))?;
        let column = matrix.try_slice((.., tap..tap + 1))?;
        column.try_reshape_like(&(self.channels,))
    }
}
