//! Rules of the core as operations of candle.

use crate::axes::{Axes, reaches, stack};
use crate::several::{Part, Several};
use candle_core::backend::BackendStorage;
use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, DType, Device, Error, Layout, Result, Shape,
    Storage, Tensor, WithDType,
};
use matbackprop_core::stack::{Number, Shapes, Stack, StackMut, StackRef, StackRule, Stacked};
use std::sync::{Arc, OnceLock};

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
    let several = Arc::new(Several::default());
    let operation = Operation {
        rule,
        kept: OnceLock::new(),
        several: Arc::clone(&several),
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
    let result = match inputs?.as_slice() {
        [a] => a.apply_op1(operation)?,
        [a, b] => a.apply_op2(b, operation)?,
        [a, b, c] => a.apply_op3(b, c, operation)?,
        more => candle_core::bail!("expected at most 3 tensors, found {}", more.len()),
    };
    let outputs = match shapes.outputs.as_slice() {
        [shape] => vec![result.reshape(axes.with(*shape))?],
        shapes => {
            let parts = shapes.iter().enumerate().map(|(output, &shape)| {
                let dims = axes.with(shape);
                result.apply_op1(Part::new(&several, output, dims))
            });
            parts.collect::<Result<Vec<Tensor>>>()?
        }
    };
    let outputs = outputs.iter();
    outputs.map(|output| output.to_device(device)).collect()
}

/// A rule, and what its way back needs once it went forth.
struct Operation<R> {
    rule: Stacked<R>,
    kept: OnceLock<Vec<Stack<f64>>>,
    several: Arc<Several>,
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
        match inputs.first() {
            Some((CpuStorage::F32(_), _)) => self.forward_of(inputs, CpuStorage::F32),
            Some((CpuStorage::F64(_), _)) => self.forward_of(inputs, CpuStorage::F64),
            Some((other, _)) => Err(self.unsupported(other.dtype())),
            None => candle_core::bail!("{}: expected a tensor, found none", self.op()),
        }
    }

    fn unsupported(&self, found: DType) -> Error {
        let op = self.op();
        Error::msg(format!("{op}: expected f32 or f64, found {found:?}"))
    }

    /// The output; of several a number each, while they wait for their parts.
    fn forward_of<T: Number + WithDType>(
        &self,
        inputs: &[Input<'_>],
        stored: fn(Vec<T>) -> CpuStorage,
    ) -> Result<(CpuStorage, Shape)> {
        let stacks = self.stacks(inputs)?;
        let dims: Vec<&[usize]> = inputs.iter().map(|(_, layout)| layout.dims()).collect();
        let (axes, shapes) = self.shapes(&dims)?;
        let count = axes.count();
        let mut kept: Vec<Stack<f64>> = zeros(count, &shapes.kept);
        let mut outputs: Vec<Stack<T>> = zeros(count, &shapes.outputs);
        let mut written: Vec<_> = outputs.iter_mut().map(Stack::as_mut).collect();
        let mut kept_written: Vec<_> = kept.iter_mut().map(Stack::as_mut).collect();
        let done = self
            .rule
            .forward_into(&stacks, &mut written, &mut kept_written);
        done.map_err(Error::wrap)?;
        // Each operation goes forth once.
        let _ = self.kept.set(kept);
        let mut outputs: Vec<_> = outputs.into_iter().map(Stack::into_numbers).collect();
        let numbers = match outputs.as_mut_slice() {
            [only] => std::mem::take(only),
            several => vec![T::zero(); several.len()],
        };
        if outputs.len() != 1 {
            self.several.wait(outputs.into_iter().map(stored).collect());
        }
        let shape = Shape::from(numbers.len());
        Ok((stored(numbers), shape))
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

    /// Cotangents of the inputs from that of the output, or from the numbers of several.
    fn backward(
        &self,
        arguments: &[&Tensor],
        result: &Tensor,
        bar: &Tensor,
    ) -> Result<Vec<Tensor>> {
        let Some(kept) = self.kept.get() else {
            candle_core::bail!("{}: expected the way forth before the way back", self.op());
        };
        let dims: Vec<&[usize]> = arguments.iter().map(|x| x.dims()).collect();
        let (axes, shapes) = self.shapes(&dims)?;
        // An output that the loss does not see has no cotangent: that is not a zero one, where gaps are closed.
        let bars = match shapes.outputs.len() {
            1 => vec![Some(bar.contiguous()?)],
            _ => self.several.taken(bar)?,
        };
        let kept: Vec<_> = kept.iter().map(Stack::as_ref).collect();
        let saved = (arguments, kept.as_slice());
        match result.dtype() {
            DType::F32 => self.backward_of::<f32>(&axes, &shapes, saved, &bars),
            DType::F64 => self.backward_of::<f64>(&axes, &shapes, saved, &bars),
            other => Err(self.unsupported(other)),
        }
    }

    fn backward_of<T: Number + WithDType>(
        &self,
        axes: &Axes,
        shapes: &Shapes,
        (arguments, kept): (&[&Tensor], &[StackRef<'_, f64>]),
        bars: &[Option<Tensor>],
    ) -> Result<Vec<Tensor>> {
        let held: Vec<_> = arguments.iter().map(|x| x.storage_and_layout()).collect();
        let inputs = held
            .iter()
            .map(|(storage, layout)| Ok((self.on_processor(storage)?, *layout)));
        let inputs: Result<Vec<Input<'_>>> = inputs.collect();
        let stacks = self.stacks::<T>(&inputs?)?;
        let held: Vec<_> = bars
            .iter()
            .map(|bar| bar.as_ref().map(Tensor::storage_and_layout))
            .collect();
        let mut given = Vec::new();
        for (held, &shape) in held.iter().zip(&shapes.outputs) {
            given.push(match held {
                None => None,
                Some((storage, layout)) => {
                    let numbers = self.on_processor(storage)?.as_slice::<T>()?;
                    let numbers = numbers.get(layout.start_offset()..).unwrap_or_default();
                    let stack = StackRef::row_major(numbers, axes.count(), shape);
                    Some(stack.map_err(Error::wrap)?)
                }
            });
        }
        let mut x_bars: Vec<Vec<T>> = arguments
            .iter()
            .map(|x| vec![T::zero(); x.elem_count()])
            .collect();
        let written: matbackprop_core::Result<Vec<StackMut<'_, T>>> = x_bars
            .iter_mut()
            .zip(&stacks)
            .map(|(numbers, stack)| StackMut::row_major(numbers, stack.count(), stack.shape()))
            .collect();
        let done =
            written.and_then(|mut written| self.rule.vjp_into(&stacks, kept, &given, &mut written));
        done.map_err(Error::wrap)?;
        let tensors = x_bars.into_iter().zip(arguments);
        let tensors = tensors.map(|(numbers, x)| Tensor::from_vec(numbers, x.dims(), &Device::Cpu));
        tensors.collect()
    }

    fn on_processor<'a>(&self, storage: &'a Storage) -> Result<&'a CpuStorage> {
        match storage {
            Storage::Cpu(storage) => Ok(storage),
            _ => candle_core::bail!("{}: expected tensors on the processor", self.op()),
        }
    }
}

fn zeros<T: Number>(count: usize, shapes: &[(usize, usize)]) -> Vec<Stack<T>> {
    let stacks = shapes.iter().map(|&shape| Stack::zeros(count, shape));
    stacks.collect()
}

impl<R: StackRule> CustomOp1 for Operation<R> {
    fn name(&self) -> &'static str {
        self.op()
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward(&[(storage, layout)])
    }

    fn bwd(&self, arg: &Tensor, res: &Tensor, grad_res: &Tensor) -> Result<Option<Tensor>> {
        Ok(self.backward(&[arg], res, grad_res)?.pop())
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
        res: &Tensor,
        grad_res: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut bars = self.backward(&[arg1, arg2], res, grad_res)?.into_iter();
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
        res: &Tensor,
        grad_res: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let mut bars = self
            .backward(&[arg1, arg2, arg3], res, grad_res)?
            .into_iter();
        Ok((bars.next(), bars.next(), bars.next()))
    }
}
