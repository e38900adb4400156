//! Several outputs of one operation: those of burn's tape have one.
//!
//! ```text
//! inputs ─► operation ─► a number ─► part ─► output         forth: each part is made with its output
//!             cotangents wait here ◄─ part ◄─ cotangent     back: until the operation takes them
//! ```
//!
//! So no output and no cotangent is copied, and one that the loss does not see is absent.

use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops};
use burn_tensor::backend::Backend;
use burn_tensor::ops::FloatTensor;
use burn_tensor::{FloatDType, Shape};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Cotangents by output, between the parts' ways back and the operation's: a tape goes back once.
#[derive(Clone, Debug)]
pub(crate) struct Waiting<B: Backend>(Arc<Mutex<Vec<Option<FloatTensor<B>>>>>);

impl<B: Backend> Waiting<B> {
    /// For so many outputs.
    pub fn of(outputs: usize) -> Self {
        Self(Arc::new(Mutex::new(vec![None; outputs])))
    }

    fn bars(&self) -> MutexGuard<'_, Vec<Option<FloatTensor<B>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cotangents that came.
    pub fn taken(&self) -> Vec<Option<FloatTensor<B>>> {
        self.bars().iter_mut().map(Option::take).collect()
    }
}

/// What stands on the tape for an operation of several outputs, and for its cotangent.
pub(crate) fn number<B: Backend>(device: &B::Device) -> FloatTensor<B> {
    B::float_zeros(Shape::from(vec![1]), device, FloatDType::F32)
}

/// One of several outputs.
#[derive(Clone, Debug)]
pub(crate) struct Part<B: Backend> {
    pub waiting: Waiting<B>,
    pub output: usize,
}

/// Keeps the cotangent of one output for the operation.
#[derive(Debug)]
pub(crate) struct PartBack;

impl<B: Backend> Backward<B, 1> for PartBack {
    type State = Part<B>;

    fn backward(
        self,
        ops: Ops<Part<B>, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let bar = grads.consume::<B>(&ops.node);
        let [Some(operation)] = ops.parents else {
            return;
        };
        grads.register::<B>(operation.id, number::<B>(&B::float_device(&bar)));
        if let Some(own) = ops.state.waiting.bars().get_mut(ops.state.output) {
            *own = Some(bar);
        }
    }
}
