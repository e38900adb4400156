//! Rules of the core as operations of burn, with a tape and without.

use crate::error::{Error, Result};
use crate::held::Held;
use crate::host::{Passed, WayBack};
use crate::several::{Part, PartBack, Waiting, number};
use burn_autodiff::Autodiff;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_tensor::backend::Backend;
use burn_tensor::ops::FloatTensor;
use burn_tensor::{Tensor, TensorPrimitive};
use matbackprop_core::stack::{StackRule, Stacked};
use std::fmt::Debug;
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

/// Reads, and applies the rule: what went forth, and its outputs.
fn forward<B: Backend, R: StackRule, const N: usize>(
    rule: Stacked<R>,
    inputs: [FloatTensor<B>; N],
) -> Result<(Passed<R>, Vec<FloatTensor<B>>)> {
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
    let held: Result<Vec<_>> = inputs.into_iter().map(|x| Held::of::<B>(op, x)).collect();
    Passed::forward::<B>(rule, held?, &device)
}

fn plain<B: Backend, R: StackRule, const N: usize>(
    rule: Stacked<R>,
    inputs: [FloatTensor<B>; N],
) -> Result<Vec<FloatTensor<B>>> {
    let (_, outputs) = forward::<B, R, N>(rule, inputs)?;
    Ok(outputs)
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
        let (passed, outputs) = forward::<B, R, N>(rule, inputs)?;
        let passed = Arc::new(passed);
        let whole = Backward::<B, N>::prepare::<C>(WholeBack, nodes).compute_bound();
        let whole = whole.stateful();
        let outputs = match <[_; 1]>::try_from(outputs) {
            Ok([only]) => {
                let waiting = None;
                return Ok(vec![finish(whole, Whole { passed, waiting }, only)]);
            }
            Err(several) => several,
        };
        let Some(device) = outputs.first().map(B::float_device) else {
            return Ok(Vec::new());
        };
        let waiting = Waiting::of(outputs.len());
        let state = Whole {
            passed,
            waiting: Some(waiting.clone()),
        };
        let whole = finish::<_, _, _, C, N>(whole, state, number::<B>(&device));
        let parts = outputs.into_iter().enumerate().map(|(output, own)| {
            let nodes = [whole.node.clone()];
            let part = Backward::<B, 1>::prepare::<C>(PartBack, nodes).compute_bound();
            let waiting = waiting.clone();
            finish(part.stateful(), Part { waiting, output }, own)
        });
        Ok(parts.collect())
    }
}

/// An output on its place on the tape.
fn finish<K, B, S, C, const N: usize>(
    prepared: OpsKind<K, B, S, C, N>,
    state: S,
    output: FloatTensor<B>,
) -> FloatTensor<Autodiff<B, C>>
where
    K: Backward<B, N, State = S>,
    B: Backend,
    S: Clone + Send + Debug + 'static,
    C: CheckpointStrategy,
{
    match prepared {
        OpsKind::Tracked(prepared) => prepared.finish(state, output),
        OpsKind::UnTracked(prepared) => prepared.finish(output),
    }
}

/// What the way back of an operation needs.
#[derive(Clone, Debug)]
struct Whole<B: Backend> {
    passed: Arc<dyn WayBack<B>>,
    /// Cotangents of several outputs.
    waiting: Option<Waiting<B>>,
}

/// From the cotangents of the outputs to those of the inputs.
#[derive(Debug)]
struct WholeBack;

impl<B: Backend, const N: usize> Backward<B, N> for WholeBack {
    type State = Whole<B>;

    fn backward(
        self,
        ops: Ops<Whole<B>, N>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let Whole { passed, waiting } = ops.state;
        let own = grads.consume::<B>(&ops.node);
        let device = B::float_device(&own);
        let bars = match waiting {
            Some(waiting) => waiting.taken(),
            None => vec![Some(own)],
        };
        let bars = passed.backward(bars, &device);
        for (parent, bar) in ops.parents.into_iter().zip(bars) {
            if let Some(node) = parent {
                grads.register::<B>(node.id, bar);
            }
        }
    }
}
