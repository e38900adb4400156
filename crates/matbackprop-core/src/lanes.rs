//! Small matrices side by side: entry (i, j) of several matrices in one register, so that one instruction works on all.
//!
//! ```text
//! register       numbers of 64 or 32 bits, as many as a register or two have; their arithmetic
//!   └─ wide      the same with operators
//! facts          sizes and symmetry of each lane's matrix
//! entrywise      X diag(m), X ∘ Y
//! products       X Yᵀ
//! tridiagonal    A = H T Hᵀ by reflections ── ql    T = W Λ Wᵀ by rotations
//! jacobi         A = U Σ Vᵀ by rotations from the right
//! order          values in order, and their gaps
//! pairs          quotients by differences and sums of two values
//! ```
//!
//! # Conventions
//! The functions here take numbers: as many as a [`Width`] has are a register, rows of registers lie `stride` registers apart, and
//! a matrix of n columns has the stride [`stride_of`]`(n)`. Each finds the widest registers of the machine by itself. Nothing is decided for a single lane: loops run until every lane has converged. A lane whose matrix
//! asks for more than arithmetic (closed gaps, missing rank, an edge of a domain) is left to the rule for one matrix.
//! A lane's result does not depend on its neighbours, save for rotations by rounding that a neighbour asks for.

mod entrywise;
mod facts;
mod jacobi;
mod order;
mod pairs;
mod products;
mod ql;
mod register;
mod tridiagonal;
mod wide;

use pulp::{Arch, Simd, WithSimd};
use register::{Lanes, Twice};

pub(crate) use entrywise::{times_columns, times_entries, times_lanes};
pub(crate) use facts::{LaneFacts, facts_of, finite_lanes, symmetrise};
pub(crate) use jacobi::{normalise, orthogonalise};
pub(crate) use order::{First, open_gaps, sort};
pub(crate) use pairs::{over_gaps, over_pairs, over_sums};
pub(crate) use products::{Part, product, transpose};
pub(crate) use ql::{eigen, scratch_for_eigen};

/// The largest side that goes this way: larger matrices no longer stay in the cache, and fill registers by themselves.
pub(crate) const LARGEST: usize = 64;

/// The most matrices that may lie side by side.
pub(crate) const WIDEST: usize = 16;

/// The most entries with which two registers are at least as fast as one.
const LARGEST_OF_TWO: usize = 512;

/// Registers from one row to the next of a matrix with n columns: an odd number, so that the entries of a column do not
/// meet in the same places of the cache.
pub(crate) const fn stride_of(n: usize) -> usize {
    n | 1
}

/// How many matrices lie side by side: as many as one register or two of this machine have numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Width(usize);

impl Width {
    /// What is fastest for matrices of this shape.
    pub(crate) fn for_shape((rows, columns): (usize, usize)) -> Self {
        struct Numbers;

        impl WithSimd for Numbers {
            type Output = usize;

            #[inline(always)]
            fn with_simd<S: Simd>(self, _: S) -> usize {
                S::F64_LANES
            }
        }

        let one = Arch::new().dispatch(Numbers);
        Self(if rows * columns <= LARGEST_OF_TWO {
            2 * one
        } else {
            one
        })
    }

    /// Numbers side by side.
    #[inline(always)]
    pub(crate) fn numbers(self) -> usize {
        self.0
    }

    /// Runs a kernel on registers of this width, by the widest instructions of the machine.
    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        struct OfWidth<K> {
            width: Width,
            kernel: K,
        }

        impl<K: Kernel> WithSimd for OfWidth<K> {
            type Output = K::Output;

            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) -> K::Output {
                if self.width.0 == S::F64_LANES {
                    self.kernel.run::<S, f64>(simd)
                } else {
                    self.kernel.run::<S, Twice<f64>>(simd)
                }
            }
        }

        Arch::new().dispatch(OfWidth {
            width: self,
            kernel,
        })
    }
}

/// Work on registers.
trait Kernel {
    type Output;

    fn run<S: Simd, T: Lanes<Number = f64>>(self, simd: S) -> Self::Output;
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
