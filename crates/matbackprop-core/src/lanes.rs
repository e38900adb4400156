//! Small matrices side by side: entry (i, j) of several matrices in one register, so that one instruction works on all.
//!
//! ```text
//! register       numbers of 64 or 32 bits, as many as a register or two have; their arithmetic
//!   └─ wide      the same with operators
//! facts          sizes and symmetry of each lane's matrix
//! entrywise      X diag(m), X ∘ Y
//! products       X Yᵀ
//! tridiagonal    A = H T Hᵀ by reflections ── ql    T = W Λ Wᵀ by rotations
//! refine         V and Λ one step closer
//! jacobi         A = U Σ Vᵀ by rotations from the right
//! order          values in order, with their vectors, and their gaps
//! pairs          quotients by differences and sums of two values
//! ```
//!
//! # Conventions
//! The functions here take numbers: as many as a [`Width`] has are a register, rows of registers lie `stride` registers apart, and
//! a matrix of n columns has the stride [`stride_of`]`(n)`. Each finds the widest registers of the machine by itself. Nothing is decided for a single lane: loops run until every lane has converged. A lane whose matrix
//! asks for more than arithmetic (closed gaps, missing rank, an edge of a domain) is left to the rule for one matrix.
//! A lane's result does not depend on its neighbours, save for rotations by rounding that a neighbour asks for.
//! The arithmetic, of 64 or of 32 bits, is that of the [`Width`]; what a lane is known by comes as numbers of 64 bits.

mod entrywise;
mod facts;
mod jacobi;
mod order;
mod pairs;
mod products;
mod ql;
mod refine;
mod register;
mod tridiagonal;
mod wide;

use pulp::{Arch, Simd, WithSimd};
use register::{Lanes, Twice};
use std::marker::PhantomData;

pub(crate) use entrywise::{times_columns, times_entries, times_lanes};
pub(crate) use facts::{LaneFacts, facts_of, finite_lanes, symmetrise};
pub(crate) use jacobi::{normalise, orthogonalise};
pub(crate) use order::{First, Vectors, open_gaps, sort};
pub(crate) use pairs::{over_gaps, over_pairs, over_sums};
pub(crate) use products::{Part, add_gram, product, transpose};
pub(crate) use ql::{eigen, scratch_for_eigen};
pub(crate) use refine::refine;
pub use register::{LaneNumber, NumbersMut};

/// The largest side that goes this way: larger matrices no longer stay in the cache, and fill registers by themselves.
pub(crate) const LARGEST: usize = 64;

/// The most matrices that may lie side by side.
pub(crate) const WIDEST: usize = 32;

/// The most entries with which two registers are at least as fast as one.
const LARGEST_OF_TWO: usize = 512;

/// Registers from one row to the next of a matrix with n columns: an odd number, so that the entries of a column do not
/// meet in the same places of the cache.
pub(crate) const fn stride_of(n: usize) -> usize {
    n | 1
}

/// How many matrices lie side by side: as many as one register or two of this machine have numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Width<A> {
    numbers: usize,
    arithmetic: PhantomData<A>,
}

impl<A: LaneNumber> Width<A> {
    /// What is fastest for matrices of this shape.
    pub(crate) fn for_shape((rows, columns): (usize, usize)) -> Self {
        struct Numbers<A>(PhantomData<A>);

        impl<A: LaneNumber> WithSimd for Numbers<A> {
            type Output = usize;

            #[inline(always)]
            fn with_simd<S: Simd>(self, _: S) -> usize {
                A::in_a_register::<S>()
            }
        }

        let one = Arch::new().dispatch(Numbers::<A>(PhantomData));
        let registers = if rows * columns <= LARGEST_OF_TWO {
            2
        } else {
            1
        };
        Self {
            numbers: registers * one,
            arithmetic: PhantomData,
        }
    }

    /// Numbers side by side.
    #[inline(always)]
    pub(crate) fn numbers(self) -> usize {
        self.numbers
    }

    /// Runs a kernel on registers of this width, by the widest instructions of the machine.
    #[inline(always)]
    fn run<K: Kernel<A>>(self, kernel: K) -> K::Output {
        struct OfWidth<A, K> {
            width: Width<A>,
            kernel: K,
        }

        impl<A: LaneNumber, K: Kernel<A>> WithSimd for OfWidth<A, K> {
            type Output = K::Output;

            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) -> K::Output {
                if self.width.numbers == A::in_a_register::<S>() {
                    self.kernel.run::<S, A>(simd)
                } else {
                    self.kernel.run::<S, Twice<A>>(simd)
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
trait Kernel<A: LaneNumber> {
    type Output;

    fn run<S: Simd, T: Lanes<Number = A>>(self, simd: S) -> Self::Output;
}

/// Numbers in registers, row after row of `stride` registers.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a, A> {
    pub(crate) numbers: &'a [A],
    pub(crate) stride: usize,
}

/// Numbers in registers to be written, row after row of `stride` registers.
pub(crate) struct RowsMut<'a, A> {
    pub(crate) numbers: &'a mut [A],
    pub(crate) stride: usize,
}

impl<'a, A> RowsMut<'a, A> {
    pub(crate) fn new(numbers: &'a mut [A], stride: usize) -> Self {
        Self { numbers, stride }
    }
}

impl<'a, A> Rows<'a, A> {
    pub(crate) fn new(numbers: &'a [A], stride: usize) -> Self {
        Self { numbers, stride }
    }
}
