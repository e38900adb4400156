//! Rules on many matrices of one shape: as many at a time as a register has numbers, over all cores.
//!
//! ```text
//! Stacked    forward, vjp, jvp on stacks; threads, errors by matrix
//!   └─ StackRule    a rule whose state is a list of arrays
//!        MatrixFunctionRule, GramFunctionRule, SymEigRule, ThinSvdRule, PolarRule, RotationRule
//! StackRef, StackMut, Stack    matrices as they lie in memory
//! ```

mod eigen_group;
mod gram_function;
mod group;
mod matrix_function;
mod pass;
mod polar;
mod rotation;
mod rule;
mod stacked;
mod svd_group;
mod sym_eig;
mod thin_svd;
mod view;

pub use gram_function::GramFunctionRule;
pub use matrix_function::MatrixFunctionRule;
pub use polar::PolarRule;
pub use rotation::RotationRule;
pub use rule::{Forward, Saved, Shape, Shapes, StackRule};
pub use stacked::{OnFailure, StackForward, Stacked};
pub use sym_eig::SymEigRule;
pub use thin_svd::ThinSvdRule;
pub use view::{Number, Stack, StackMut, StackRef};
