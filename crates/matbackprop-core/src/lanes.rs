//! Small matrices side by side: entry (i, j) of several matrices in one register, so that one instruction works on all.
//!
//! ```text
//! register       numbers of 64 or 32 bits, as many as a register has; their arithmetic
//!   └─ wide      the same with operators
//! facts          sizes and symmetry of each lane's matrix
//! products       X Yᵀ
//! tridiagonal    A = H T Hᵀ by reflections ── ql    T = W Λ Wᵀ by rotations
//! jacobi         A = U Σ Vᵀ by rotations from the right
//! pairs          quotients by differences and sums of two values
//! ```
//!
//! # Conventions
//! The functions here take numbers: [`width`]`()` of them are a register, rows of registers lie `stride` registers apart, and a
//! matrix of n columns has the stride [`stride_of`]`(n)`. Each finds the widest registers of the machine by itself, so that a kernel
//! is compiled once. Nothing is decided for a single lane: loops run until every lane has converged. A lane whose matrix
//! asks for more than arithmetic (closed gaps, missing rank, an edge of a domain) is left to the rule for one matrix.
//! A lane's result does not depend on its neighbours, save for rotations by rounding that a neighbour asks for.

mod facts;
mod jacobi;
mod pairs;
mod products;
mod ql;
mod register;
mod tridiagonal;
mod wide;

pub(crate) use facts::{LaneFacts, facts_of, finite_lanes, symmetrise, times_lanes};
pub(crate) use jacobi::orthogonalise;
pub(crate) use pairs::{over_gaps, over_pairs, over_sums};
pub(crate) use products::{Part, product, transpose};
pub(crate) use ql::eigen;

/// The largest side that goes this way: larger matrices no longer stay in the cache, and fill registers by themselves.
pub(crate) const LARGEST: usize = 32;

/// The most numbers of 64 bits that a register of a machine may have.
pub(crate) const WIDEST: usize = 8;

/// Registers from one row to the next of a matrix with n columns: an odd number, so that the entries of a column do not
/// meet in the same places of the cache.
pub(crate) const fn stride_of(n: usize) -> usize {
    n | 1
}

/// Numbers of 64 bits that a register of this machine has.
pub(crate) fn width() -> usize {
    struct Width;

    impl pulp::WithSimd for Width {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, _: S) -> usize {
            S::F64_LANES
        }
    }

    pulp::Arch::new().dispatch(Width)
}

/// Numbers in registers, row after row of `stride` registers.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) numbers: &'a [f64],
    pub(crate) stride: usize,
}

/// Numbers in registers to be written, row after row of `stride` registers.
pub(crate) struct RowsMut<'a> {
    pub(crate) numbers: &'a mut [f64],
    pub(crate) stride: usize,
}

impl<'a> RowsMut<'a> {
    pub(crate) fn new(numbers: &'a mut [f64], stride: usize) -> Self {
        Self { numbers, stride }
    }
}

impl<'a> Rows<'a> {
    pub(crate) fn new(numbers: &'a [f64], stride: usize) -> Self {
        Self { numbers, stride }
    }
}
