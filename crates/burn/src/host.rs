//! A rule on numbers that lie in the processor's memory, forth and back.

use crate::error::{Error, Result, keep_backward_error};
use crate::held::{Entry, Held, tensor};
use burn_tensor::backend::Backend;
use burn_tensor::ops::FloatTensor;
use burn_tensor::{DType, TensorData};
use matbackprop_core::stack::{Axes, OnFailure, Stack, StackRef, StackRule, Stacked};
use std::fmt;

/// A rule that went forth, and what the way back needs.
pub(crate) struct Passed<R> {
    rule: Stacked<R>,
    inputs: Vec<Held>,
    kept: Vec<Stack<f64>>,
}

/// The way back, whatever the rule.
pub(crate) trait WayBack<B: Backend>: Send + Sync + fmt::Debug {
    /// Cotangents of the inputs from those of the outputs; NaN where there is none.
    fn backward(
        &self,
        bars: Vec<Option<FloatTensor<B>>>,
        device: &B::Device,
    ) -> Vec<FloatTensor<B>>;
}

impl<R: StackRule> fmt::Debug for Passed<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passed")
            .field("rule", &self.op())
            .finish_non_exhaustive()
    }
}

impl<R: StackRule> Passed<R> {
    fn op(&self) -> &'static str {
        self.rule.rule().op()
    }

    /// Applies a rule to tensors that were read; its outputs.
    pub fn forward<B: Backend>(
        rule: Stacked<R>,
        inputs: Vec<Held>,
        device: &B::Device,
    ) -> Result<(Self, Vec<FloatTensor<B>>)> {
        let (axes, dtype) = common(&rule, &inputs)?;
        let kept = Vec::new();
        let mut passed = Self { rule, inputs, kept };
        let outputs = match dtype {
            DType::F32 => passed.forward_of::<B, f32>(&axes, device)?,
            DType::F64 => passed.forward_of::<B, f64>(&axes, device)?,
            found => {
                let op = passed.op();
                return Err(Error::Type { op, found });
            }
        };
        // The way back gives NaN and a reason, for want of a result.
        passed.rule = passed.rule.on_failure(OnFailure::Nan);
        Ok((passed, outputs))
    }

    fn forward_of<B: Backend, T: Entry>(
        &mut self,
        axes: &Axes,
        device: &B::Device,
    ) -> Result<Vec<FloatTensor<B>>> {
        let forward = self.rule.forward(&self.stacks::<T>()?)?;
        self.kept = forward.kept;
        let outputs = forward.outputs.into_iter().map(|output| {
            let dims = axes.dims(output.as_ref().shape());
            tensor::<B, T>(output.into_numbers(), &dims, device)
        });
        Ok(outputs.collect())
    }

    fn stacks<T: Entry>(&self) -> Result<Vec<StackRef<'_, T>>> {
        let stacks = self.inputs.iter().map(|input| input.stack(self.op()));
        stacks.collect()
    }

    fn backward_of<B: Backend, T: Entry>(
        &self,
        bars: Vec<Option<FloatTensor<B>>>,
        device: &B::Device,
    ) -> Result<Vec<FloatTensor<B>>> {
        let held = bars.into_iter().map(|bar| {
            let held = bar.map(|bar| Held::of::<B>(self.op(), bar));
            held.transpose()
        });
        let held = held.collect::<Result<Vec<Option<Held>>>>()?;
        let bars = held.iter().map(|bar| {
            let stack = bar.as_ref().map(|bar| bar.stack::<T>(self.op()));
            stack.transpose()
        });
        let bars = bars.collect::<Result<Vec<Option<StackRef<'_, T>>>>>()?;
        let stacks = self.stacks::<T>()?;
        let kept: Vec<_> = self.kept.iter().map(Stack::as_ref).collect();
        let x_bars = stacks.iter().map(|x| Stack::zeros(x.count(), x.shape()));
        let mut x_bars: Vec<Stack<T>> = x_bars.collect();
        let mut written: Vec<_> = x_bars.iter_mut().map(Stack::as_mut).collect();
        let failures = self.rule.vjp_into(&stacks, &kept, &bars, &mut written)?;
        if let Some(first) = failures.into_iter().next() {
            keep_backward_error(first.into());
        }
        let x_bars = x_bars.into_iter().zip(&self.inputs);
        let x_bars =
            x_bars.map(|(x_bar, x)| tensor::<B, T>(x_bar.into_numbers(), &x.dims(), device));
        Ok(x_bars.collect())
    }
}

/// The leading axes that all inputs have, with the first one's matrix, and their type.
fn common<R: StackRule>(rule: &Stacked<R>, inputs: &[Held]) -> Result<(Axes, DType)> {
    let (op, expected, found) = (rule.rule().op(), rule.rule().inputs(), inputs.len());
    let Some(first) = inputs.first().filter(|_| found == expected) else {
        return Err(Error::Inputs {
            op,
            expected,
            found,
        });
    };
    let (axes, dtype) = (first.axes(op)?, first.dtype());
    for input in inputs {
        let own = input.axes(op)?;
        if own.leading() != axes.leading() {
            return Err(Error::Leading {
                op,
                expected: axes.leading().to_vec(),
                found: own.leading().to_vec(),
            });
        }
        if input.dtype() != dtype {
            let found = input.dtype();
            return Err(Error::Type { op, found });
        }
    }
    Ok((axes, dtype))
}

impl<B: Backend, R: StackRule + Send> WayBack<B> for Passed<R> {
    fn backward(
        &self,
        bars: Vec<Option<FloatTensor<B>>>,
        device: &B::Device,
    ) -> Vec<FloatTensor<B>> {
        let back = match self.inputs.first().map(Held::dtype) {
            Some(DType::F32) => self.backward_of::<B, f32>(bars, device),
            _ => self.backward_of::<B, f64>(bars, device),
        };
        back.unwrap_or_else(|error| {
            keep_backward_error(error);
            let nan = |x: &Held| {
                let nan = TensorData::full(x.dims(), f64::NAN);
                B::float_from_data(nan.convert_dtype(x.dtype()), device)
            };
            self.inputs.iter().map(nan).collect()
        })
    }
}
