//! Rules on many matrices of one shape: as many at a time as a register has numbers, over all cores.
//!
//! ```text
//! Stacked    forward, vjp, jvp, vjp of vjp on stacks; threads, errors by matrix
//!   └─ StackRule    a rule whose state is a list of arrays
//!        in registers up to a side of 64, in 64 bits, and in 32 where entries have 32 and their spectrum allows for it:
//!          MatrixFunctionRule, GramFunctionRule, SymEigRule, ThinSvdRule, PolarRule
//!        in registers up to a side of 64, in 64 bits:
//!          RotationRule
//!        one matrix at a time:
//!          projectors       ProjectorRule, RegularisedProjectorRule, LeadingProjectorRule
//!          least_squares    PseudoInverseRule, LeastSquaresRule, RegularisedLeastSquaresRule
//!          procrustes       ProcrustesRule
//!          factors          CholeskyRule, QrRule
//!          determinants     LogDetRule, SignedLogDetRule, DeterminantRule
//!          equations        SymmetricSolveRule, SylvesterRule, LyapunovRule
//!          general          MatrixExpRule, MatrixLogRule, MatrixSqrtRule, NewtonSchulzRule
//!          powers           SymmetricPowerRule, TraceFunctionRule, WhiteningRule
//!          definite         LogEuclideanDistanceRule, AffineInvariantDistanceRule, LogEuclideanMeanRule, KarcherMeanRule
//!          generalised_eig  GeneralisedEigRule
//! StackRef, StackMut, Stack    matrices as they lie in memory
//! Axes                         how the axes of a tensor count them
//! ```

mod axes;
mod definite;
mod determinants;
mod eigen_group;
mod equations;
mod factors;
mod general;
mod generalised_eig;
mod gram_function;
mod group;
mod least_squares;
mod matrix_function;
mod pass;
mod polar;
mod powers;
mod precision;
mod procrustes;
mod projectors;
mod room;
mod rotation;
mod rule;
mod single;
mod stacked;
mod svd_group;
mod sym_eig;
mod thin_svd;
mod view;

pub use axes::Axes;
pub use definite::{
    AffineInvariantDistanceRule, KarcherMeanRule, LogEuclideanDistanceRule, LogEuclideanMeanRule,
};
pub use determinants::{DeterminantRule, LogDetRule, SignedLogDetRule};
pub use equations::{LyapunovRule, SylvesterRule, SymmetricSolveRule};
pub use factors::{CholeskyRule, QrRule};
pub use general::{MatrixExpRule, MatrixLogRule, MatrixSqrtRule, NewtonSchulzRule};
pub use generalised_eig::GeneralisedEigRule;
pub use gram_function::GramFunctionRule;
pub use least_squares::{LeastSquaresRule, PseudoInverseRule, RegularisedLeastSquaresRule};
pub use matrix_function::MatrixFunctionRule;
pub use polar::PolarRule;
pub use powers::{SymmetricPowerRule, TraceFunctionRule, WhiteningRule};
pub use procrustes::ProcrustesRule;
pub use projectors::{LeadingProjectorRule, ProjectorRule, RegularisedProjectorRule};
pub use rotation::RotationRule;
pub use rule::{Forward, Saved, Shape, Shapes, StackRule};
pub use stacked::{OnFailure, StackForward, StackSecond, Stacked};
pub use sym_eig::SymEigRule;
pub use thin_svd::ThinSvdRule;
pub use view::{Number, Stack, StackMut, StackRef};
