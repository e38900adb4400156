//! Matrix layers with right gradients for candle.
//!
//! ```
//! # fn main() -> candle_core::Result<()> {
//! use candle_core::{Device, Var};
//!
//! // A rotation: all singular values are equal, and the loss has a gradient all the same.
//! let a = Var::new(&[[0.6f32, -0.8], [0.8, 0.6]], &Device::Cpu)?;
//! let (w, _) = matbackprop_candle::polar(&a)?;
//! let grads = w.sum_all()?.backward()?;
//! assert!(grads.get(&a).is_some());
//! # Ok(())
//! # }
//! ```
//!
//! | module | what |
//! |---|---|
//! | `functions` | [`gram_log`], [`svd`], [`eigh`], [`polar`], [`projector`], [`ncuts_loss`], [`second_order_pool`] |
//! | `operation` | [`apply`]: every rule of the core as an operation of candle |
//! | `several` | several outputs of one operation |
//! | `axes` | tensors as stacks of matrices, where they lie |
//!
//! # Conventions
//! * The last two axes are a matrix, the leading ones a batch.
//! * f32 in, f32 out; f64 in, f64 out; other types are an error. Views are read where they lie, if one stride
//!   leads through the leading axes.
//! * The arithmetic runs on the processor, all cores: tensors of a GPU are copied there and back.
//! * What the way back needs is kept by the operation: nothing is decomposed twice.
//! * One bad matrix fails the call, with its index and what it lacks. `apply` with
//!   [`OnFailure::Nan`](core::stack::OnFailure) makes it NaN instead.
//! * Errors are candle's own, with the core's sentence inside.

#![warn(missing_docs)]

mod axes;
mod functions;
mod operation;
mod several;

pub use functions::{
    eigh, eigh_with_gaps, gram_log, ncuts_loss, polar, projector, second_order_pool, svd,
    svd_with_gaps,
};
/// All rules, their options and errors.
pub use matbackprop_core as core;
pub use o2p::VechRule;
pub use operation::apply;

/// The README's example runs as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
