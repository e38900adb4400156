//! Execution of the layers of a chain: one interpreter, two backends.
//!
//! ```text
//!           interpreter      walks a chain's steps, forward and back
//!               │ Backend    forward and vjp of each kind of layer
//!        ┌──────┴──────┐
//!       cpu           dfdx
//!  fused kernels    dfdx's tensor operations
//!  on framed        on one device: CUDA, or
//!  planes           dfdx's Cpu in tests
//! ```
//!
//! `trunk` defines the layers and their sizes; this module computes them. The interpreter takes and gives maps where the
//! backend holds them; only `dfdx::DeviceThread` copies them to a device and back.

mod buffer_pool;
mod cpu;
#[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
pub(crate) mod dfdx;
mod interface;
mod interpreter;
mod planes;
#[cfg(test)]
pub(crate) mod test_values;

pub use interface::{BackwardScope, ChainGradients};
pub use interpreter::SavedActivations;
pub use planes::Planes;
