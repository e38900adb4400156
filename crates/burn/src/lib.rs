//! Matrix layers with right gradients for burn.
//!
//! ```
//! # fn main() -> matbackprop_burn::Result<()> {
//! use burn_autodiff::Autodiff;
//! use burn_ndarray::NdArray;
//! use burn_tensor::Tensor;
//!
//! // A rotation: all singular values are equal, and the loss has a gradient all the same.
//! let a = Tensor::<Autodiff<NdArray>, 2>::from_floats([[0.6, -0.8], [0.8, 0.6]], &Default::default()).require_grad();
//! let (w, _) = matbackprop_burn::polar(a.clone())?;
//! let grads = w.sum().backward();
//! assert!(!a.grad(&grads).expect("a gradient").contains_nan().into_scalar());
//! # Ok(())
//! # }
//! ```
//!
//! | module | what |
//! |---|---|
//! | `functions` | [`gram_log`], [`svd`], [`eigh`], [`polar`], [`projector`], [`ncuts_loss`], [`second_order_pool`] |
//! | `operation` | [`apply`]: every rule of the core as an operation of burn; [`MatrixBackend`] |
//! | `several` | several outputs of one operation |
//! | `host` | a rule on tensors in the processor's memory, forth and back |
//! | `held` | such tensors, read and made without a copy |
//! | `error` | [`Error`]; [`take_backward_error`], why a gradient is NaN |
//!
//! # Conventions
//! * The last two axes are a matrix, the leading ones a batch.
//! * f32 in, f32 out; f64 in, f64 out; other types are an error.
//! * The arithmetic runs on the processor, all cores: tensors of a GPU are copied there and back.
//! * Functions take any `B: MatrixBackend`: with [`Autodiff`](burn_autodiff::Autodiff) they are on its tape, without they are
//!   values.
//! * What the way back needs is kept by the tape: nothing is decomposed twice.
//! * One bad matrix fails the call, with its index and what it lacks. A gradient that does not exist is NaN for its matrix,
//!   for `backward` has no result; [`take_backward_error`] has the reason.

#![warn(missing_docs)]

mod error;
mod functions;
mod held;
mod host;
mod operation;
mod several;

pub use error::{Error, Result, take_backward_error};
pub use functions::{
    eigh, eigh_with_gaps, gram_log, ncuts_loss, polar, projector, second_order_pool, svd,
    svd_with_gaps,
};
/// All rules, their options and errors.
pub use matbackprop_core as core;
pub use o2p::VechRule;
pub use operation::{MatrixBackend, apply, apply_without_tape};

/// The README's example runs as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
