//! Rules of the core as operations of candle.

use crate::axes::{axes, reached, stack};
use crate::several::{Part, Several};
use candle_core::backend::BackendStorage;
use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, DType, Device, Error, Layout, Result, Shape,
    Storage, Tensor, WithDType,
};
use matbackprop_core::stack::{Axes, Number, Shapes, Stack, StackRef, StackRule, Stacked};
use std::ops::Deref;
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
    apply_and_transpose(rule, inputs, None)
}

/// [`apply`], with one output that comes transposed: written so, as candle's own transposition makes two more tensors of its
/// size on the way back.
pub(crate) fn apply_and_transpose<R>(
    rule: Stacked<R>,
    inputs: &[&Tensor],
    transposed: Option<usize>,
) -> Result<Vec<Tensor>>
where
    R: StackRule + Send + 'static,
{
    let Some(first) = inputs.first() else {
        candle_core::bail!("{}: expected a tensor, found none", rule.rule().op());
    };
    let device = first.device();
    let dims: Vec<&[usize]> = inputs.iter().map(|input| input.dims()).collect();
    let outputs = ensure_fit(rule.rule(), &dims)?.outputs.len();
    let several = (outputs != 1).then(|| Arc::new(Several::default()));
    let operation = Operation {
        rule,
        kept: OnceLock::new(),
        several: several.clone(),
        transposed,
    };
    // candle's own copies, which have a way back: from a device, and where no stride leads through the leading axes.
    let inputs = inputs
        .iter()
        .map(|input| reached(&input.to_device(&Device::Cpu)?));
    let inputs: Result<Vec<Tensor>> = inputs.collect();
    let result = match inputs?.as_slice() {
        [a] => a.apply_op1(operation)?,
        [a, b] => a.apply_op2(b, operation)?,
        [a, b, c] => a.apply_op3(b, c, operation)?,
        more => candle_core::bail!("expected at most 3 tensors, found {}", more.len()),
    };
    let outputs = match &several {
        None => vec![result],
        Some(several) => {
            let parts = (0..outputs).map(|output| result.apply_op1(Part::new(several, output)));
            parts.collect::<Result<Vec<Tensor>>>()?
        }
    };
    let outputs = outputs.iter();
    outputs.map(|output| output.to_device(device)).collect()
}

/// The shapes of the results for tensors of these lengths.
fn ensure_fit<R: StackRule>(rule: &R, inputs: &[&[usize]]) -> Result<Shapes> {
    let (op, expected, found) = (rule.op(), rule.inputs(), inputs.len());
    if found != expected {
        candle_core::bail!("{op}: expected {expected} tensors, found {found}");
    }
    let axes: Result<Vec<Axes>> = inputs.iter().map(|dims| axes(op, dims)).collect();
    let axes = axes?;
    let expected = axes.first().map_or(&[][..], Axes::leading);
    if let Some(other) = axes.iter().find(|axes| axes.leading() != expected) {
        let found = other.leading();
        candle_core::bail!("{op}: expected the leading axes {expected:?}, found {found:?}");
    }
    let matrices: Vec<_> = axes.iter().map(Axes::matrix).collect();
    rule.shapes(&matrices).map_err(Error::wrap)
}

/// A rule, and what its way back needs once it went forth.
struct Operation<R> {
    rule: Stacked<R>,
    kept: OnceLock<Vec<Stack<f64>>>,
    /// Where there are several outputs.
    several: Option<Arc<Several>>,
    /// The output that comes transposed.
    transposed: Option<usize>,
}

type Input<'a> = (&'a CpuStorage, &'a Layout);

impl<R: StackRule> Operation<R> {
    fn op(&self) -> &'static str {
        self.rule.rule().op()
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
        let (axes, shapes) = (
            axes(self.op(), dims[0])?,
            ensure_fit(self.rule.rule(), &dims)?,
        );
        let kept = shapes.kept.iter();
        let mut kept: Vec<Stack<f64>> = kept
            .map(|&shape| Stack::zeros(axes.count(), shape))
            .collect();
        let outputs = shapes.outputs.iter().enumerate();
        let outputs = outputs.map(|(output, &(rows, columns))| {
            let transposed = self.transposed == Some(output);
            let shape = if transposed {
                (columns, rows)
            } else {
                (rows, columns)
            };
            Stack::zeros(axes.count(), shape)
        });
        let mut outputs: Vec<Stack<T>> = outputs.collect();
        let written = outputs.iter_mut().map(Stack::as_mut).enumerate();
        let written = written.map(|(output, stack)| match self.transposed {
            Some(transposed) if transposed == output => stack.transpose(),
            _ => stack,
        });
        let mut written: Vec<_> = written.collect();
        let mut written_kept: Vec<_> = kept.iter_mut().map(Stack::as_mut).collect();
        let done = self
            .rule
            .forward_into(&stacks, &mut written, &mut written_kept);
        done.map_err(Error::wrap)?;
        // Each operation goes forth once.
        let _ = self.kept.set(kept);
        let outputs = outputs.into_iter().map(|output| {
            let dims = axes.dims(output.as_ref().shape());
            (stored(output.into_numbers()), Shape::from(dims))
        });
        let outputs: Vec<_> = outputs.collect();
        if let Some(several) = &self.several {
            let numbers = vec![T::zero(); outputs.len()];
            let shape = Shape::from(numbers.len());
            several.wait(outputs);
            return Ok((stored(numbers), shape));
        }
        let only = outputs.into_iter().next();
        only.ok_or_else(|| Error::msg(format!("{}: expected an output, found none", self.op())))
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
        // An output that the loss does not see has no cotangent: that is not a zero one, where gaps are closed.
        let bars = match &self.several {
            None => vec![Some(reached(bar)?)],
            Some(several) => several.taken(bar)?,
        };
        let kept: Vec<_> = kept.iter().map(Stack::as_ref).collect();
        match result.dtype() {
            DType::F32 => self.backward_of::<f32>(arguments, &kept, &bars),
            DType::F64 => self.backward_of::<f64>(arguments, &kept, &bars),
            other => Err(self.unsupported(other)),
        }
    }

    fn backward_of<T: Number + WithDType>(
        &self,
        arguments: &[&Tensor],
        kept: &[StackRef<'_, f64>],
        bars: &[Option<Tensor>],
    ) -> Result<Vec<Tensor>> {
        let held: Vec<_> = arguments.iter().map(|x| x.storage_and_layout()).collect();
        let stacks = held.iter().map(|held| self.stack_of::<T>(held));
        let stacks = stacks.collect::<Result<Vec<_>>>()?;
        let bars = bars.iter().map(Option::as_ref);
        let held: Vec<_> = bars
            .map(|bar| bar.map(Tensor::storage_and_layout))
            .collect();
        let bars = held.iter().map(Option::as_ref);
        let bars = bars.map(|held| held.map(|held| self.stack_of::<T>(held)).transpose());
        let mut bars = bars.collect::<Result<Vec<_>>>()?;
        if let Some(bar) = self.transposed.and_then(|output| bars.get_mut(output)) {
            *bar = bar.map(StackRef::transpose);
        }
        let x_bars = self.rule.vjp(&stacks, kept, &bars).map_err(Error::wrap)?;
        let tensors = x_bars.into_iter().zip(arguments);
        let tensors = tensors
            .map(|(x_bar, x)| Tensor::from_vec(x_bar.into_numbers(), x.dims(), &Device::Cpu));
        tensors.collect()
    }

    fn stack_of<'a, T: Number + WithDType>(
        &self,
        (storage, layout): &'a (impl Deref<Target = Storage>, &Layout),
    ) -> Result<StackRef<'a, T>> {
        let storage = self.on_processor(storage)?;
        stack(self.op(), storage.as_slice::<T>()?, layout)
    }

    fn on_processor<'a>(&self, storage: &'a Storage) -> Result<&'a CpuStorage> {
        match storage {
            Storage::Cpu(storage) => Ok(storage),
            _ => candle_core::bail!("{}: expected tensors on the processor", self.op()),
        }
    }
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
