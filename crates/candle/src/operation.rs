//! Rules of the core as operations of candle.

use crate::axes::{Axes, reaches, stack};
use candle_core::backend::BackendStorage;
use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, DType, Device, Error, Layout, Result, Shape,
    Storage, Tensor, WithDType,
};
use matbackprop_core::stack::{
    Number, Packing, Shapes, Stack, StackMut, StackRef, StackRule, Stacked,
};
use std::ops::Range;
use std::sync::OnceLock;

/// Every rule of the core, or your own, on tensors: outputs in the order of the rule.
///
/// # Shapes
/// Inputs (…, rows, columns): the leading axes are a batch and the same for all; outputs with the same leading axes. Lists of values are matrices of
/// one column.
///
/// # Conventions
/// f32 or f64, as the inputs come; views of any strides. Tensors of other devices are copied to the processor, and the results
/// back. What the way back needs is computed once, kept with the operation, and freed with it. One bad matrix fails the call or
/// becomes NaN, as the [`Stacked`] says. The way back is not differentiable itself.
///
/// # Errors
/// Those of the rule; of shapes and types that do not fit; another number of inputs than the rule has, or more than three.
///
/// # Example
/// ```
/// # fn main() -> candle_core::Result<()> {
/// use candle_core::{Device, Tensor};
/// use matbackprop_candle::{apply, core::stack::{Stacked, PseudoInverseRule}};
///
/// let a = Tensor::new(&[[2f32, 0.], [0., 4.], [0., 0.]], &Device::Cpu)?;
/// let inverse = apply(Stacked::new(PseudoInverseRule::default()), &[&a])?.remove(0);
/// assert_eq!(inverse.to_vec2::<f32>()?, [[0.5, 0., 0.], [0., 0.25, 0.]]);
/// # Ok(())
/// # }
/// ```
pub fn apply<R>(rule: Stacked<R>, inputs: &[&Tensor]) -> Result<Vec<Tensor>>
where
    R: StackRule + Send + 'static,
{
    let operation = Operation {
        rule,
        kept: OnceLock::new(),
    };
    let Some(first) = inputs.first() else {
        candle_core::bail!("{}: expected a tensor, found none", operation.op());
    };
    let device = first.device();
    let dims: Vec<&[usize]> = inputs.iter().map(|input| input.dims()).collect();
    let (axes, shapes) = operation.shapes(&dims)?;
    // candle's own copies, which have a way back: from a device, and where no stride leads through the leading axes.
    let inputs = inputs.iter().map(|input| {
        let input = input.to_device(&Device::Cpu)?;
        if reaches(&input) {
            Ok(input)
        } else {
            input.contiguous()
        }
    });
    let inputs: Result<Vec<Tensor>> = inputs.collect();
    let packed = match inputs?.as_slice() {
        [a] => a.apply_op1(operation)?,
        [a, b] => a.apply_op2(b, operation)?,
        [a, b, c] => a.apply_op3(b, c, operation)?,
        more => candle_core::bail!("expected at most 3 tensors, found {}", more.len()),
    };
    let outputs = operation_outputs(&packed, &axes, shapes)?.into_iter();
    outputs.map(|output| output.to_device(device)).collect()
}

/// The outputs out of one list: itself, where there is one.
fn operation_outputs(packed: &Tensor, axes: &Axes, shapes: Shapes) -> Result<Vec<Tensor>> {
    if let [shape] = shapes.outputs.as_slice() {
        return Ok(vec![packed.reshape(axes.with(*shape))?]);
    }
    let packing = Packing::new(axes.count(), shapes.outputs.clone());
    let parts = packing.ranges().into_iter().zip(shapes.outputs);
    let parts = parts.enumerate().map(|(output, (range, shape))| {
        packed.apply_op1(Part {
            mark: packing.len() + output,
            dims: axes.with(shape),
            range,
        })
    });
    parts.collect()
}

/// A rule, and what its way back needs once it went forth.
struct Operation<R> {
    rule: Stacked<R>,
    kept: OnceLock<Vec<Stack<f64>>>,
}

/// Behind several outputs in one list: a number each, whose cotangent is not zero where the loss sees the output.
fn marks(outputs: usize) -> usize {
    if outputs == 1 { 0 } else { outputs }
}

type Input<'a> = (&'a CpuStorage, &'a Layout);

impl<R: StackRule> Operation<R> {
    fn op(&self) -> &'static str {
        self.rule.rule().op()
    }

    /// The batch, and the shapes of the results.
    fn shapes(&self, inputs: &[&[usize]]) -> Result<(Axes, Shapes)> {
        let (op, expected) = (self.op(), self.rule.rule().inputs());
        if inputs.len() != expected {
            let found = inputs.len();
            candle_core::bail!("{op}: expected {expected} tensors, found {found}");
        }
        let axes: Result<Vec<Axes>> = inputs.iter().map(|dims| Axes::of(op, dims)).collect();
        let axes = axes?;
        let Some(first) = axes.first().cloned() else {
            candle_core::bail!("{op}: expected a tensor, found none");
        };
        if let Some(other) = axes.iter().find(|axes| axes.leading != first.leading) {
            let (expected, found) = (&first.leading, &other.leading);
            candle_core::bail!("{op}: expected the leading axes {expected:?}, found {found:?}");
        }
        let matrices: Vec<_> = axes.iter().map(|axes| axes.matrix).collect();
        let shapes = self.rule.rule().shapes(&matrices).map_err(Error::wrap)?;
        Ok((first, shapes))
    }

    fn forward(&self, inputs: &[Input<'_>]) -> Result<(CpuStorage, Shape)> {
        let storage = match inputs.first() {
            Some((CpuStorage::F32(_), _)) => CpuStorage::F32(self.forward_of(inputs)?),
            Some((CpuStorage::F64(_), _)) => CpuStorage::F64(self.forward_of(inputs)?),
            Some((other, _)) => return Err(self.unsupported(other)),
            None => candle_core::bail!("{}: expected a tensor, found none", self.op()),
        };
        let numbers = match &storage {
            CpuStorage::F32(numbers) => numbers.len(),
            CpuStorage::F64(numbers) => numbers.len(),
            _ => 0,
        };
        Ok((storage, Shape::from(numbers)))
    }

    fn unsupported(&self, storage: &CpuStorage) -> Error {
        let (op, found) = (self.op(), storage.dtype());
        Error::msg(format!("{op}: expected f32 or f64, found {found:?}"))
    }

    fn forward_of<T: Number + WithDType>(&self, inputs: &[Input<'_>]) -> Result<Vec<T>> {
        let stacks = self.stacks(inputs)?;
        let dims: Vec<&[usize]> = inputs.iter().map(|(_, layout)| layout.dims()).collect();
        let (axes, shapes) = self.shapes(&dims)?;
        let count = axes.count();
        let packing = Packing::new(count, shapes.outputs);
        let marks = marks(packing.ranges().len());
        let mut numbers = vec![T::zero(); packing.len() + marks];
        let kept = shapes.kept.iter();
        let mut kept: Vec<_> = kept.map(|&shape| Stack::zeros(count, shape)).collect();
        let mut outputs = packing.split_mut(&mut numbers).map_err(Error::wrap)?;
        let mut written: Vec<_> = kept.iter_mut().map(Stack::as_mut).collect();
        let done = self.rule.forward_into(&stacks, &mut outputs, &mut written);
        done.map_err(Error::wrap)?;
        // Each operation goes forth once.
        let _ = self.kept.set(kept);
        Ok(numbers)
    }

    fn stacks<'a, T: Number + WithDType>(
        &self,
        inputs: &[Input<'a>],
    ) -> Result<Vec<StackRef<'a, T>>> {
        let stacks = inputs
            .iter()
            .map(|&(storage, layout)| stack(self.op(), storage.as_slice::<T>()?, layout));
        stacks.collect()
    }

    /// Cotangents of the inputs from that of the packed outputs.
    fn backward(&self, arguments: &[&Tensor], bar: &Tensor) -> Result<Vec<Tensor>> {
        let Some(kept) = self.kept.get() else {
            candle_core::bail!("{}: expected the way forth before the way back", self.op());
        };
        let bar = bar.contiguous()?;
        let held: Vec<_> = arguments.iter().map(|x| x.storage_and_layout()).collect();
        let (bar_storage, bar_layout) = bar.storage_and_layout();
        let Storage::Cpu(bar_storage) = &*bar_storage else {
            candle_core::bail!("{}: expected tensors on the processor", self.op());
        };
        let mut inputs = Vec::new();
        for (storage, layout) in &held {
            let Storage::Cpu(storage) = &**storage else {
                candle_core::bail!("{}: expected tensors on the processor", self.op());
            };
            inputs.push((storage, *layout));
        }
        let bar = (bar_storage, bar_layout);
        match bar_storage {
            CpuStorage::F32(_) => self.backward_of::<f32>(&inputs, kept, bar),
            CpuStorage::F64(_) => self.backward_of::<f64>(&inputs, kept, bar),
            other => Err(self.unsupported(other)),
        }
    }

    fn backward_of<T: Number + WithDType>(
        &self,
        inputs: &[Input<'_>],
        kept: &[Stack<f64>],
        (bar, bar_layout): Input<'_>,
    ) -> Result<Vec<Tensor>> {
        let stacks = self.stacks::<T>(inputs)?;
        let dims: Vec<&[usize]> = inputs.iter().map(|(_, layout)| layout.dims()).collect();
        let (axes, shapes) = self.shapes(&dims)?;
        let packing = Packing::new(axes.count(), shapes.outputs);
        let numbers = bar.as_slice::<T>()?.get(bar_layout.start_offset()..);
        let numbers = numbers.unwrap_or_default();
        let bars = packing.split(numbers).map_err(Error::wrap)?;
        // An output that the loss does not see has no cotangent: that is not a zero one, where gaps are closed.
        let marks = numbers.get(packing.len()..).unwrap_or_default();
        let bars: Vec<_> = bars
            .into_iter()
            .enumerate()
            .map(|(output, bar)| {
                marks
                    .get(output)
                    .is_none_or(|x| *x != T::zero())
                    .then_some(bar)
            })
            .collect();
        let mut x_bars: Vec<Vec<T>> = dims
            .iter()
            .map(|dims| vec![T::zero(); dims.iter().product()])
            .collect();
        let written: matbackprop_core::Result<Vec<StackMut<'_, T>>> = x_bars
            .iter_mut()
            .zip(&stacks)
            .map(|(numbers, stack)| StackMut::row_major(numbers, stack.count(), stack.shape()))
            .collect();
        let kept: Vec<_> = kept.iter().map(Stack::as_ref).collect();
        let done =
            written.and_then(|mut written| self.rule.vjp_into(&stacks, &kept, &bars, &mut written));
        done.map_err(Error::wrap)?;
        let tensors = x_bars.into_iter().zip(dims);
        let tensors = tensors.map(|(numbers, dims)| Tensor::from_vec(numbers, dims, &Device::Cpu));
        tensors.collect()
    }
}

impl<R: StackRule> CustomOp1 for Operation<R> {
    fn name(&self) -> &'static str {
        self.op()
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward(&[(storage, layout)])
    }

    fn bwd(&self, arg: &Tensor, _res: &Tensor, grad_res: &Tensor) -> Result<Option<Tensor>> {
        Ok(self.backward(&[arg], grad_res)?.pop())
    }
}

impl<R: StackRule> CustomOp2 for Operation<R> {
    fn name(&self) -> &'static str {
        self.op()
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward(&[(s1, l1), (s2, l2)])
    }

    fn bwd(
        &self,
        arg1: &Tensor,
        arg2: &Tensor,
        _res: &Tensor,
        grad_res: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut bars = self.backward(&[arg1, arg2], grad_res)?.into_iter();
        Ok((bars.next(), bars.next()))
    }
}

impl<R: StackRule> CustomOp3 for Operation<R> {
    fn name(&self) -> &'static str {
        self.op()
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward(&[(s1, l1), (s2, l2), (s3, l3)])
    }

    fn bwd(
        &self,
        arg1: &Tensor,
        arg2: &Tensor,
        arg3: &Tensor,
        _res: &Tensor,
        grad_res: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let mut bars = self.backward(&[arg1, arg2, arg3], grad_res)?.into_iter();
        Ok((bars.next(), bars.next(), bars.next()))
    }
}

/// One of several outputs in a list.
struct Part {
    range: Range<usize>,
    /// Where its mark lies.
    mark: usize,
    dims: Vec<usize>,
}

impl Part {
    fn forward<T: WithDType>(&self, numbers: &[T], layout: &Layout) -> Result<Vec<T>> {
        let own = numbers
            .get(layout.start_offset()..)
            .and_then(|numbers| numbers.get(self.range.clone()));
        match own {
            Some(own) => Ok(own.to_vec()),
            None => candle_core::bail!("expected outputs up to {}, found fewer", self.range.end),
        }
    }

    fn backward<T: WithDType>(&self, packed: &Tensor, bar: &Tensor) -> Result<Tensor> {
        let mut numbers = vec![T::zero(); packed.elem_count()];
        let bar = bar.contiguous()?;
        let (storage, layout) = bar.storage_and_layout();
        let Storage::Cpu(storage) = &*storage else {
            candle_core::bail!("expected tensors on the processor");
        };
        let own = storage.as_slice::<T>()?.get(layout.start_offset()..);
        let own = own.and_then(|own| own.get(..self.range.len()));
        let (Some(place), Some(own)) = (numbers.get_mut(self.range.clone()), own) else {
            candle_core::bail!("expected {} numbers, found fewer", self.range.len());
        };
        place.copy_from_slice(own);
        if let Some(mark) = numbers.get_mut(self.mark) {
            *mark = T::one();
        }
        Tensor::from_vec(numbers, packed.shape(), &Device::Cpu)
    }
}

impl CustomOp1 for Part {
    fn name(&self) -> &'static str {
        "one of several outputs"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let own = match storage {
            CpuStorage::F32(numbers) => CpuStorage::F32(self.forward(numbers, layout)?),
            CpuStorage::F64(numbers) => CpuStorage::F64(self.forward(numbers, layout)?),
            other => candle_core::bail!("expected f32 or f64, found {:?}", other.dtype()),
        };
        Ok((own, Shape::from(self.dims.as_slice())))
    }

    fn bwd(&self, arg: &Tensor, _res: &Tensor, grad_res: &Tensor) -> Result<Option<Tensor>> {
        let back = match arg.dtype() {
            DType::F32 => self.backward::<f32>(arg, grad_res),
            _ => self.backward::<f64>(arg, grad_res),
        };
        Ok(Some(back?))
    }
}
