//! What can go wrong on the way forth; on the way back burn has no room for an error.

use burn_tensor::DType;
use std::sync::{Mutex, PoisonError};

/// A result with the [`Error`] of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What does not fit, or a refusal of the core.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The rule refused.
    #[error(transparent)]
    Rule(#[from] matbackprop_core::Error),
    /// A tensor with too few axes.
    #[error("{op}: expected a matrix or a batch of them, two axes or more, found {found:?}")]
    TooFewAxes {
        /// The rule.
        op: &'static str,
        /// Its lengths.
        found: Vec<usize>,
    },
    /// A result that was asked for with another number of axes than it has.
    #[error("{op}: expected a result of {expected} axes, found {found}")]
    Rank {
        /// The function.
        op: &'static str,
        /// Axes of the result.
        expected: usize,
        /// Axes that the caller named.
        found: usize,
    },
    /// Batches of different shapes.
    #[error("{op}: expected the leading axes {expected:?}, found {found:?}")]
    Leading {
        /// The rule.
        op: &'static str,
        /// Of the first tensor.
        expected: Vec<usize>,
        /// Of another.
        found: Vec<usize>,
    },
    /// Another number of tensors than the rule has inputs.
    #[error("{op}: expected {expected} tensors, found {found}")]
    Inputs {
        /// The rule.
        op: &'static str,
        /// Inputs of the rule.
        expected: usize,
        /// Tensors given.
        found: usize,
    },
    /// Numbers that are neither f32 nor f64, or of several types.
    #[error("{op}: expected f32 or f64, the same for all tensors, found {found:?}")]
    Type {
        /// The rule.
        op: &'static str,
        /// The type.
        found: DType,
    },
    /// Labels that do not lie beside features.
    #[error(
        "ncuts_loss: expected labels of shape {expected:?}, or with an axis of annotations before the last, found {found:?}"
    )]
    Labels {
        /// One annotation of each picture.
        expected: Vec<usize>,
        /// Lengths of the labels.
        found: Vec<usize>,
    },
    /// A tape in a tape: the way back is not differentiable itself.
    #[error("{op}: expected one tape, found one around another; there is no second order")]
    SecondOrder {
        /// The rule.
        op: &'static str,
    },
    /// A tensor that its device does not give.
    #[error("{op}: {message}")]
    Device {
        /// The rule.
        op: &'static str,
        /// What burn said.
        message: String,
    },
}

static BACKWARD: Mutex<Option<Error>> = Mutex::new(None);

/// Why gradients are NaN: the first error of a way back since the last call, in this process.
///
/// `backward` of burn has no result. Where a gradient does not exist, that of its matrix is NaN, those of the others are
/// right, and the reason lies here.
///
/// # Example
/// ```
/// # fn main() -> matbackprop_burn::Result<()> {
/// use burn_autodiff::Autodiff;
/// use burn_ndarray::NdArray;
/// use burn_tensor::Tensor;
///
/// // Vectors of equal eigenvalues are free to rotate: a loss that tells them apart has no gradient.
/// let a = Tensor::<Autodiff<NdArray>, 2>::eye(2, &Default::default()).require_grad();
/// let (_, vectors): (Tensor<_, 1>, _) = matbackprop_burn::eigh(a.clone())?;
/// let weights = Tensor::from_floats([[1.0, 2.0], [3.0, 5.0]], &a.device());
/// let grads = (vectors * weights).sum().backward();
/// assert!(a.grad(&grads).expect("a gradient").contains_nan().into_scalar());
/// let reason = matbackprop_burn::take_backward_error().expect("a reason");
/// assert!(reason.to_string().contains("which the loss tells apart"));
/// # Ok(())
/// # }
/// ```
pub fn take_backward_error() -> Option<Error> {
    let mut newest = BACKWARD.lock().unwrap_or_else(PoisonError::into_inner);
    newest.take()
}

/// Keeps the first: those that follow may stem from its NaN.
pub(crate) fn keep_backward_error(error: Error) {
    let mut first = BACKWARD.lock().unwrap_or_else(PoisonError::into_inner);
    first.get_or_insert(error);
}
