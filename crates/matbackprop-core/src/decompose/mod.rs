//! The decompositions every rule stands on.

mod dense;

pub(crate) use dense::{gram, symmetric_eigen, thin_svd};
