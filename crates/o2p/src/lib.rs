//! Second-order pooling of free-form regions as a differentiable layer.
//!
//! # Example
//! Two regions of the same mean that differ in how their channels vary together; and features that follow a target.
//! ```
//! # fn main() -> Result<(), o2p::Error> {
//! use o2p::{O2pLayer, Region};
//!
//! // A grid of 4 × 1 positions, two channels; the bitmap's left half and its right half.
//! let mut features = faer::mat![[1.0, 1.0], [3.0, 3.0], [1.0, 3.0], [3.0, 1.0]];
//! let left = Region::from_mask(&[true, true, true, true, false, false, false, false], 8, 1, 4, 1)?;
//! let right = Region::from_positions(4, &[2, 3])?;
//!
//! let layer = O2pLayer::default();
//! let pooled = layer.forward(features.as_ref(), None, &[left.clone(), right])?;
//! let target = pooled.outputs().row(1).to_owned();
//! assert!((pooled.outputs().row(0) - &target).norm_l2() > 5.0);
//!
//! let mut losses = Vec::new();
//! for _ in 0..200 {
//!     let forward = layer.forward(features.as_ref(), None, std::slice::from_ref(&left))?;
//!     // ½ ‖z − target‖², so z̄ = z − target.
//!     let output_bar = forward.outputs() - target.as_mat();
//!     losses.push(0.5 * output_bar.squared_norm_l2());
//!     features -= faer::Scale(0.01) * forward.vjp(output_bar.as_ref())?.features;
//! }
//! assert!(losses[199] < 0.01 * losses[0]);
//! # Ok(())
//! # }
//! ```
//!
//! # Map
//! ```text
//!   features X (n × d)          bitmap, positions or weights
//!          |                               |
//!      reduction  Y = X R               region  w ≥ 0, a weight a position
//!          |                               |
//!          +--------- second_moment -------+      M = S (Y − 1 μᵀ), a row a position
//!                          |
//!                    spectral_map   C = f(MᵀM)    log, root, power or identity
//!                          |
//!                        vech       z             the triangle, √2 off the diagonal
//!                          |
//!          signed_square_root, unit_norm          where asked for
//! ```
//!
//! | module | what |
//! |---|---|
//! | `region` | [`Region`]: how much of each position counts; coverage of a bitmap |
//! | `reduction` | [`Reduction`]: fewer channels by a learned linear map |
//! | `second_moment` | [`SecondMoment`]: the factor of the moment or covariance of a region |
//! | `spectral_map` | [`SpectralMap`] → [`MappedMoment`], with a [`SpectralReport`]; [`PreparedMoment`] on the way |
//! | `vech` | [`vech()`] and its inverse [`symmetric_from_vech`] |
//! | `vech_rule` | [`VechRule`]: vech, root and length on stacks, for frameworks of tensors |
//! | `signed_square_root` | [`SignedSquareRoot`], smoothed at 0 |
//! | `unit_norm` | [`UnitNorm`]: outputs of length one |
//! | `layer` | [`O2pLayer`] with its [`O2pOptions`] → [`O2pForward`] → [`O2pCotangents`] |
//! | `prepared` | [`O2pPrepared`]: the layer up to the eigenvalues, which may be found elsewhere, and from there on |
//!
//! # Conventions
//! * Features are n × d, `f64`: a row a position of the grid (row-major over the image), a column a channel.
//! * An output is the upper triangle row by row, d (d + 1) / 2 numbers; inner products are those of the matrices.
//! * ε is added to the eigenvalues of the moment; [`SpectralReport`] says how close a region came to it.
//! * Degenerate input has a defined outcome, listed at [`O2pLayer`]; everything else is a typed [`Error`].
//! * The same input gives the same bits, on any number of cores.
//!
//! # Features
//! * `rayon` (default): the regions of an image share the cores; the results are the same without.
//! * `serde`: [`O2pOptions`] in files, names in kebab case, defaults for missing ones, errors for unknown names.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod error;
mod layer;
mod prepared;
mod range;
mod reduction;
mod region;
mod second_moment;
mod signed_square_root;
mod spectral_map;
mod unit_norm;
mod vech;
mod vech_rule;

pub use error::{Error, Result};
pub use layer::{O2pCotangents, O2pForward, O2pLayer, O2pOptions};
pub use prepared::O2pPrepared;
pub use reduction::Reduction;
pub use region::Region;
pub use second_moment::SecondMoment;
pub use signed_square_root::SignedSquareRoot;
pub use spectral_map::{MappedMoment, PreparedMoment, SpectralMap, SpectralReport};
pub use unit_norm::UnitNorm;
pub use vech::{symmetric_from_vech, vech};
pub use vech_rule::VechRule;

/// The README's example runs as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
