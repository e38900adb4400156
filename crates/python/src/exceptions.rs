//! Errors as exceptions of Python.

use matbackprop_core::Error;
use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

create_exception!(
    matbackprop,
    MatbackpropError,
    PyValueError,
    "What a rule, a scorer or a reader refuses, with what it expected and what it found."
);
create_exception!(
    matbackprop,
    GapClosed,
    MatbackpropError,
    "Equal eigenvalues or singular values, and a loss that tells their vectors apart: there is no gradient."
);
create_exception!(
    matbackprop,
    OutsideDomain,
    MatbackpropError,
    "A function of a matrix at an eigenvalue where it has no value, such as the logarithm of zero."
);
create_exception!(
    matbackprop,
    NotDifferentiable,
    MatbackpropError,
    "A matrix at which the function has a value and no gradient, or no second one."
);
create_exception!(
    matbackprop,
    NotSymmetric,
    MatbackpropError,
    "A matrix that is not symmetric up to rounding, where the rule is one of symmetric matrices."
);

/// What to do instead, said once, where a name of this package is the answer.
const INSTEAD: &str = "; where the loss is a function of the whole matrix take `logm`, `sqrtm`, `matrix_power`, `polar`, \
                       `special_orthogonal`, `projector` or `pinv` of matbackprop.torch, which have gradients there";

/// An error of the core as the exception of its kind.
pub fn of(error: Error) -> PyErr {
    let message = error.to_string();
    let kind = match &error {
        Error::InStack { source, .. } => source.as_ref(),
        other => other,
    };
    match kind {
        Error::GapClosed { .. } => GapClosed::new_err(message + INSTEAD),
        Error::OutsideDomain { .. } | Error::NotPositiveDefinite { .. } => {
            OutsideDomain::new_err(message)
        }
        Error::NotDifferentiable { .. } | Error::CurvatureUnknown { .. } => {
            NotDifferentiable::new_err(message)
        }
        Error::NotSymmetric { .. } => NotSymmetric::new_err(message),
        _ => MatbackpropError::new_err(message),
    }
}

/// Any other error, with its causes.
pub fn of_any(error: &dyn std::error::Error) -> PyErr {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_in_words = cause.to_string();
        if !message.contains(&cause_in_words) {
            message = format!("{message}: {cause_in_words}");
        }
        source = cause.source();
    }
    MatbackpropError::new_err(message)
}

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("MatbackpropError", py.get_type::<MatbackpropError>())?;
    module.add("GapClosed", py.get_type::<GapClosed>())?;
    module.add("OutsideDomain", py.get_type::<OutsideDomain>())?;
    module.add("NotDifferentiable", py.get_type::<NotDifferentiable>())?;
    module.add("NotSymmetric", py.get_type::<NotSymmetric>())
}
