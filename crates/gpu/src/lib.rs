//! NVIDIA's solver and collectives behind safe calls.
//!
//! # Example
//! ```
//! # fn main() -> Result<(), gpu::Error> {
//! use gpu::{EigenSolver, Gpu};
//!
//! match Gpu::open(0).and_then(|card| EigenSolver::open(&card)) {
//!     Ok(mut solver) => {
//!         // [2 1; 1 2] has the eigenvalues 1 and 3.
//!         let mut matrices = vec![2.0, 1.0, 1.0, 2.0];
//!         let solved = solver.solve(2, &mut matrices)?;
//!         assert!((solved.values[1] - 3.0).abs() < 1e-12);
//!     }
//!     // No driver, no GPU, no cuSOLVER: a sentence, not a panic.
//!     Err(error) => println!("{error}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Map
//! ```text
//!   Gpu ──────────┬── EigenSolver    A = V Λ Vᵀ of a batch, by cuSOLVER
//!   libcuda       └── Collective     sums over the GPUs of a job, by NCCL
//!     calls       the only unsafe code of this workspace
//! ```
//!
//! | module | what |
//! |---|---|
//! | `card` | [`Gpu`]: the GPUs of the machine and their properties |
//! | `eigen_solver` | [`EigenSolver`]: batches of symmetric eigendecompositions, `f64` |
//! | `collective` | [`Collective`]: sums over ranks, each with a GPU of its own, `f32` |
//! | `calls` | the calls that cudarc does not wrap safely |
//!
//! # Features
//! * `stand-ins`: `stand_ins`, with which tests run without a GPU (Linux).
//!
//! # Conventions
//! * Libraries are loaded when they are first needed: nothing of CUDA is wanted to build, and [`Error::NoLibrary`] says
//!   which is missing where the loader looks.
//! * Numbers lie on the host before a call and after it; a call returns when they are there.
//! * Matrices are column-major.
//! * This crate's README lists the tests that ran on a GPU, and those that ran only on stand-ins for the libraries.

#![warn(missing_docs)]

mod calls;
mod card;
mod collective;
mod eigen_solver;
mod error;
#[cfg(all(feature = "stand-ins", target_os = "linux"))]
pub mod stand_ins;

pub use card::Gpu;
pub use collective::{Collective, JobId};
pub use eigen_solver::{Copies, EigenMethod, EigenSolver, Solved};
pub use error::{Error, Result};

/// The README's example runs as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
