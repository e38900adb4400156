//! A rule on numbers that lie in the processor's memory, forth and back.

use crate::error::{Error, Result, keep_backward_error};
use burn_tensor::backend::Backend;
use burn_tensor::ops::FloatTensor;
use burn_tensor::{DType, Element, TensorData, try_read_sync};
use matbackprop_core::stack::{
    Number, OnFailure, Packing, Shape, Stack, StackMut, StackRef, StackRule, Stacked,
};
use std::fmt;

/// The numbers of a tensor, row after row.
pub(crate) fn read<B: Backend>(op: &'static str, tensor: FloatTensor<B>) -> Result<TensorData> {
    let device = |message: String| Error::Device { op, message };
    let data = try_read_sync(B::float_into_data(tensor));
    let data = data.ok_or_else(|| device("expected a device that is read at once".to_owned()))?;
    data.map_err(|error| device(error.to_string()))
}

/// A rule that went forth: its results, one behind the other, and what the way back needs.
pub(crate) struct Passed<R> {
    rule: Stacked<R>,
    inputs: Vec<TensorData>,
    kept: Vec<Stack<f64>>,
    /// The axes before the last two.
    leading: Vec<usize>,
    /// Shapes of the results.
    pub outputs: Vec<Shape>,
}

/// The way back, whatever the rule.
pub(crate) trait WayBack: Send + Sync + fmt::Debug {
    /// Cotangents of the inputs from that of the packed outputs; NaN where there is none.
    fn backward(&self, bar: Result<TensorData>) -> Vec<TensorData>;

    /// The name of the rule.
    fn op(&self) -> &'static str;
}

impl<R: StackRule> fmt::Debug for Passed<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passed")
            .field("rule", &self.rule.rule().op())
            .field("leading", &self.leading)
            .finish_non_exhaustive()
    }
}

/// Behind several outputs in one list: a number each, whose cotangent is not zero where the loss sees the output.
pub(crate) fn marks(outputs: usize) -> usize {
    if outputs == 1 { 0 } else { outputs }
}

/// The matrix at the end of a shape, and the axes before it.
fn axes(op: &'static str, dims: &[usize]) -> Result<(Vec<usize>, Shape)> {
    match dims {
        [leading @ .., rows, columns] => Ok((leading.to_vec(), (*rows, *columns))),
        _ => Err(Error::TooFewAxes {
            op,
            found: dims.to_vec(),
        }),
    }
}

impl<R: StackRule> Passed<R> {
    /// Applies a rule to tensors that were read; results as one list of numbers of their type.
    pub fn forward(rule: Stacked<R>, inputs: Vec<TensorData>) -> Result<(Self, TensorData)> {
        let (op, expected) = (rule.rule().op(), rule.rule().inputs());
        let (found, mut matrices) = (inputs.len(), Vec::with_capacity(expected));
        let Some(first) = inputs.first().filter(|_| found == expected) else {
            return Err(Error::Inputs {
                op,
                expected,
                found,
            });
        };
        let (leading, _) = axes(op, &first.shape)?;
        let dtype = first.dtype;
        for input in &inputs {
            let (own, matrix) = axes(op, &input.shape)?;
            if own != leading {
                let (expected, found) = (leading, own);
                return Err(Error::Leading {
                    op,
                    expected,
                    found,
                });
            }
            if input.dtype != dtype {
                let found = input.dtype;
                return Err(Error::Type { op, found });
            }
            matrices.push(matrix);
        }
        let shapes = rule.rule().shapes(&matrices)?;
        let count = leading.iter().product();
        let kept = shapes.kept.iter();
        let mut passed = Self {
            rule,
            inputs,
            kept: kept.map(|&shape| Stack::zeros(count, shape)).collect(),
            leading,
            outputs: shapes.outputs,
        };
        let packed = match dtype {
            DType::F32 => passed.forward_of::<f32>()?,
            DType::F64 => passed.forward_of::<f64>()?,
            found => return Err(Error::Type { op, found }),
        };
        // The way back gives NaN and a reason, for want of a result.
        passed.rule = passed.rule.on_failure(OnFailure::Nan);
        Ok((passed, packed))
    }

    fn forward_of<T: Number + Element>(&mut self) -> Result<TensorData> {
        let packing = self.packing();
        let mut numbers = vec![T::rounded(0.0); packing.len() + marks(self.outputs.len())];
        let mut kept = std::mem::take(&mut self.kept);
        let mut written: Vec<_> = kept.iter_mut().map(Stack::as_mut).collect();
        let mut outputs = packing.split_mut(&mut numbers)?;
        let stacks = self.stacks::<T>()?;
        let done = self.rule.forward_into(&stacks, &mut outputs, &mut written);
        done?;
        self.kept = kept;
        let length = numbers.len();
        Ok(TensorData::new(numbers, [length]))
    }

    /// Where the outputs lie in the list.
    pub fn packing(&self) -> Packing {
        Packing::new(self.leading.iter().product(), self.outputs.clone())
    }

    /// The shape of a batch of such matrices.
    pub fn dims(&self, (rows, columns): Shape) -> Vec<usize> {
        [&self.leading[..], &[rows, columns]].concat()
    }

    fn stacks<T: Number + Element>(&self) -> Result<Vec<StackRef<'_, T>>> {
        let (op, count) = (self.rule.rule().op(), self.leading.iter().product());
        let stacks = self.inputs.iter().map(|input| {
            let (_, matrix) = axes(op, &input.shape)?;
            Ok(StackRef::row_major(slice(op, input)?, count, matrix)?)
        });
        stacks.collect()
    }

    fn backward_of<T: Number + Element + PartialEq>(
        &self,
        bar: &TensorData,
    ) -> Result<Vec<TensorData>> {
        let packing = self.packing();
        let numbers = slice::<T>(self.rule.rule().op(), bar)?;
        let marks = numbers.get(packing.len()..).unwrap_or_default();
        // An output that the loss does not see has no cotangent: that is not a zero one, where gaps are closed.
        let bars = packing.split(numbers)?.into_iter().enumerate();
        let seen = |output: usize| marks.get(output).is_none_or(|x| *x != T::rounded(0.0));
        let bars: Vec<_> = bars
            .map(|(output, bar)| seen(output).then_some(bar))
            .collect();
        let stacks = self.stacks::<T>()?;
        let lengths = self.inputs.iter().map(|x| x.shape.iter().product());
        let mut x_bars: Vec<Vec<T>> = lengths
            .map(|length| vec![T::rounded(0.0); length])
            .collect();
        let places = x_bars.iter_mut().zip(&stacks);
        let written: matbackprop_core::Result<Vec<_>> = places
            .map(|(numbers, x)| StackMut::row_major(numbers, x.count(), x.shape()))
            .collect();
        let kept: Vec<_> = self.kept.iter().map(Stack::as_ref).collect();
        let failures = self.rule.vjp_into(&stacks, &kept, &bars, &mut written?)?;
        if let Some(first) = failures.into_iter().next() {
            keep_backward_error(first.into());
        }
        let tensors = x_bars.into_iter().zip(&self.inputs);
        let tensors = tensors.map(|(numbers, x)| TensorData::new(numbers, x.shape.clone()));
        Ok(tensors.collect())
    }
}

impl<R: StackRule + Send> WayBack for Passed<R> {
    fn op(&self) -> &'static str {
        self.rule.rule().op()
    }

    fn backward(&self, bar: Result<TensorData>) -> Vec<TensorData> {
        let back = bar.and_then(|bar| match bar.dtype {
            DType::F32 => self.backward_of::<f32>(&bar),
            _ => self.backward_of::<f64>(&bar),
        });
        back.unwrap_or_else(|error| {
            keep_backward_error(error);
            let nan = |x: &TensorData| {
                let nan = TensorData::full(x.shape.clone(), f64::NAN);
                nan.convert_dtype(x.dtype)
            };
            self.inputs.iter().map(nan).collect()
        })
    }
}

fn slice<'a, T: Element>(op: &'static str, data: &'a TensorData) -> Result<&'a [T]> {
    let found = data.dtype;
    data.as_slice::<T>().map_err(|_| Error::Type { op, found })
}
