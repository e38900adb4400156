//! The decompositions every rule stands on.

mod congruence;
mod dense;
mod positive;
mod values;

pub(crate) use congruence::{congruence, diagonal_congruence, mirror_lower};
pub(crate) use dense::{gram, symmetric_eigen, thin_svd};
pub(crate) use positive::is_positive_definite;
pub(crate) use values::{singular_values_only, symmetric_values};
