//! Rules of the core as operations of burn, with a tape and without.

use crate::error::{Error, Result};
use crate::host::{Passed, WayBack, marks, read};
use burn_autodiff::Autodiff;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_tensor::backend::Backend;
use burn_tensor::ops::FloatTensor;
use burn_tensor::{Shape, Slice, Tensor, TensorMetadata, TensorPrimitive};
use matbackprop_core::stack::{StackRule, Stacked};
use std::ops::Range;
use std::sync::Arc;

/// A backend whose tensors our rules take: [`Autodiff`] around any, and `NdArray` alone (feature `ndarray`).
///
/// For another backend without a tape there is [`apply_without_tape`].
pub trait MatrixBackend: Backend {
    /// [`apply`] on what tensors of any rank are made of.
    ///
    /// # Errors
    /// See [`apply`].
    fn apply_rule<R: StackRule + Send + 'static, const N: usize>(
        rule: Stacked<R>,
        inputs: [FloatTensor<Self>; N],
    ) -> Result<Vec<FloatTensor<Self>>>;
}

/// Every rule of the core, or your own, on tensors: outputs in the order of the rule.
///
/// # Shapes
/// Inputs (…, rows, columns): the leading axes are a batch and the same for all; outputs with the same leading axes. Lists of
/// values are matrices of one column.
///
/// # Conventions
/// f32 or f64, as the inputs come. Numbers go through the processor's memory: a tensor of a GPU is copied there, and the
/// results back. What the way back needs is computed once, kept with the tape, and freed with it. A gradient that does not
/// exist is NaN, and [`take_backward_error`](crate::take_backward_error) has the reason. The way back is not differentiable
/// itself.
///
/// # Errors
/// Those of the rule; of shapes and types that do not fit; another number of inputs than the rule has; a tape in a tape.
///
/// # Example
/// ```
/// # fn main() -> matbackprop_burn::Result<()> {
/// use burn_ndarray::NdArray;
/// use burn_tensor::Tensor;
/// use matbackprop_burn::{apply, core::stack::{PseudoInverseRule, Stacked}};
///
/// let a = Tensor::<NdArray, 2>::from_floats([[2.0, 0.0], [0.0, 4.0], [0.0, 0.0]], &Default::default());
/// let inverse = apply(Stacked::new(PseudoInverseRule::default()), [a])?.remove(0);
/// assert_eq!(inverse.into_data().to_vec::<f32>().unwrap(), [0.5, 0.0, 0.0, 0.0, 0.25, 0.0]);
/// # Ok(())
/// # }
/// ```
pub fn apply<B, R, const N: usize, const D: usize>(
    rule: Stacked<R>,
    inputs: [Tensor<B, D>; N],
) -> Result<Vec<Tensor<B, D>>>
where
    B: MatrixBackend,
    R: StackRule + Send + 'static,
{
    let inputs = inputs.map(|input| input.into_primitive().tensor());
    Ok(tensors(B::apply_rule(rule, inputs)?))
}

/// [`apply`] on any backend, without gradients.
///
/// # Errors
/// See [`apply`]; [`SecondOrder`](Error::SecondOrder) for a backend with a tape.
pub fn apply_without_tape<B, R, const N: usize, const D: usize>(
    rule: Stacked<R>,
    inputs: [Tensor<B, D>; N],
) -> Result<Vec<Tensor<B, D>>>
where
    B: Backend,
    R: StackRule + Send + 'static,
{
    let inputs = inputs.map(|input| input.into_primitive().tensor());
    Ok(tensors(plain::<B, R, N>(rule, inputs)?))
}

fn tensors<B: Backend, const D: usize>(outputs: Vec<FloatTensor<B>>) -> Vec<Tensor<B, D>> {
    let outputs = outputs.into_iter().map(TensorPrimitive::Float);
    outputs.map(Tensor::from_primitive).collect()
}

/// Reads, and applies the rule: what went forth, and its results in one list.
fn forward<B: Backend, R: StackRule, const N: usize>(
    rule: Stacked<R>,
    inputs: [FloatTensor<B>; N],
) -> Result<(Passed<R>, FloatTensor<B>)> {
    let op = rule.rule().op();
    // The numbers of a tape in a tape are read without the inner one: gradients of gradients would be zero in silence.
    if B::ad_enabled() {
        return Err(Error::SecondOrder { op });
    }
    let (expected, found) = (rule.rule().inputs(), N);
    let Some(device) = inputs.first().map(B::float_device) else {
        return Err(Error::Inputs {
            op,
            expected,
            found,
        });
    };
    let read: Result<Vec<_>> = inputs.into_iter().map(|x| read::<B>(op, x)).collect();
    let (passed, packed) = Passed::forward(rule, read?)?;
    Ok((passed, B::float_from_data(packed, &device)))
}

/// The outputs in one list.
fn parts<R: StackRule>(passed: &Passed<R>) -> Vec<Part> {
    let packing = passed.packing();
    let shapes = passed.outputs.iter().enumerate();
    let parts = shapes.zip(packing.ranges());
    let parts = parts.map(|((output, &shape), range)| Part {
        range,
        mark: packing.len() + output,
        numbers: packing.len() + marks(passed.outputs.len()),
        dims: passed.dims(shape),
    });
    parts.collect()
}

fn plain<B: Backend, R: StackRule, const N: usize>(
    rule: Stacked<R>,
    inputs: [FloatTensor<B>; N],
) -> Result<Vec<FloatTensor<B>>> {
    let (passed, packed) = forward::<B, R, N>(rule, inputs)?;
    let parts = parts(&passed);
    let outputs = parts.iter().map(|part| part.of::<B>(packed.clone()));
    Ok(outputs.collect())
}

#[cfg(feature = "ndarray")]
impl<E, I, Q> MatrixBackend for burn_ndarray::NdArray<E, I, Q>
where
    burn_ndarray::NdArrayTensor:
        From<burn_ndarray::SharedArray<E>> + From<burn_ndarray::SharedArray<I>>,
    Self: Backend,
{
    fn apply_rule<R: StackRule + Send + 'static, const N: usize>(
        rule: Stacked<R>,
        inputs: [FloatTensor<Self>; N],
    ) -> Result<Vec<FloatTensor<Self>>> {
        plain::<Self, R, N>(rule, inputs)
    }
}

impl<B: Backend, C: CheckpointStrategy> MatrixBackend for Autodiff<B, C> {
    fn apply_rule<R: StackRule + Send + 'static, const N: usize>(
        rule: Stacked<R>,
        inputs: [FloatTensor<Self>; N],
    ) -> Result<Vec<FloatTensor<Self>>> {
        let nodes = inputs.each_ref().map(|input| input.node.clone());
        let inputs = inputs.map(|input| input.primitive);
        let (passed, packed) = forward::<B, R, N>(rule, inputs)?;
        let parts = parts(&passed);
        let prepared = Backward::<B, N>::prepare::<C>(WholeBack, nodes).compute_bound();
        let packed = match prepared.stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(Arc::new(passed), packed),
            OpsKind::UnTracked(prepared) => prepared.finish(packed),
        };
        let outputs = parts.into_iter().map(|part| {
            let own = part.of::<B>(packed.primitive.clone());
            let nodes = [packed.node.clone()];
            let prepared = Backward::<B, 1>::prepare::<C>(PartBack, nodes).compute_bound();
            match prepared.stateful() {
                OpsKind::Tracked(prepared) => prepared.finish(part, own),
                OpsKind::UnTracked(prepared) => prepared.finish(own),
            }
        });
        Ok(outputs.collect())
    }
}

/// From the cotangent of the packed outputs to those of the inputs.
#[derive(Debug)]
struct WholeBack;

impl<B: Backend, const N: usize> Backward<B, N> for WholeBack {
    type State = Arc<dyn WayBack>;

    fn backward(
        self,
        ops: Ops<Self::State, N>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let bar = grads.consume::<B>(&ops.node);
        let device = B::float_device(&bar);
        let bars = ops.state.backward(read::<B>(ops.state.op(), bar));
        for (parent, bar) in ops.parents.into_iter().zip(bars) {
            if let Some(node) = parent {
                grads.register::<B>(node.id, B::float_from_data(bar, &device));
            }
        }
    }
}

/// One of several outputs in a list of numbers.
#[derive(Clone, Debug)]
struct Part {
    range: Range<usize>,
    /// Where its mark lies.
    mark: usize,
    /// All of the list.
    numbers: usize,
    dims: Vec<usize>,
}

impl Part {
    fn of<B: Backend>(&self, packed: FloatTensor<B>) -> FloatTensor<B> {
        let own = B::float_slice(packed, &[Slice::from(self.range.clone())]);
        B::float_reshape(own, Shape::from(self.dims.clone()))
    }
}

/// From the cotangent of one output to that of the list.
#[derive(Debug)]
struct PartBack;

impl<B: Backend> Backward<B, 1> for PartBack {
    type State = Part;

    fn backward(self, ops: Ops<Part, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let bar = grads.consume::<B>(&ops.node);
        let [Some(parent)] = ops.parents else {
            return;
        };
        let (part, device, dtype) = (ops.state, B::float_device(&bar), bar.dtype().into());
        let own = B::float_reshape(bar, Shape::from(vec![part.range.len()]));
        let mut list = B::float_zeros(Shape::from(vec![part.numbers]), &device, dtype);
        list = B::float_slice_assign(list, &[Slice::from(part.range)], own);
        if part.mark < part.numbers {
            let one = B::float_ones(Shape::from(vec![1]), &device, dtype);
            let place = Slice::from(part.mark..part.mark + 1);
            list = B::float_slice_assign(list, &[place], one);
        }
        grads.register::<B>(parent.id, list);
    }
}
