//! Normalised cuts as a differentiable layer, and the spectral embedding of its affinity.
//!
//! # Example
//! Features that follow their annotation by gradient steps.
//! ```
//! # fn main() -> Result<(), ncuts::Error> {
//! use faer::Mat;
//! use ncuts::{Indicator, LabelMap, NcutsLayer};
//!
//! // An 8 × 4 annotation seen by a 4 × 2 grid: left half, right half.
//! let labels = LabelMap::new(8, 4, (0..32).map(|pixel| u32::from(pixel % 8 >= 4)).collect())?;
//! let indicator = Indicator::from_label_map(&labels, 4, 2)?;
//! let mut features = Mat::from_fn(8, 2, |i, j| 1.0 + 0.3 * (i as f64 + 4.0 * j as f64).sin());
//!
//! let layer = NcutsLayer::default();
//! let mut losses = Vec::new();
//! for _ in 0..40 {
//!     let forward = layer.forward(features.as_ref(), None, &[indicator.clone()])?;
//!     losses.push(forward.loss());
//!     features -= faer::Scale(0.1) * forward.vjp(1.0)?.features;
//! }
//! assert!(losses[39] < 0.5 * losses[0]);
//! # Ok(())
//! # }
//! ```
//!
//! # Map
//! ```text
//!   features F (n × d), Λ          label map of an annotation
//!          |                                |
//!      affinity  W = F Λ Fᵀ             indicator  E          n × n is never formed
//!          |                                |
//!       degree   w = W 1  ------------->  target   A = D^½ E
//!          |                                |
//!      similarity  Z = D^-½ F Λ^½           |
//!          |                                |
//!          +------------ criterion ---------+
//!          |         J = ½ ‖Π_A − P_Z‖²          learning: layer runs it forward and back
//!          |
//!      embedding  leading eigenvectors          inference: `segmentation` clusters their rows
//! ```
//!
//! | module | what |
//! |---|---|
//! | `affinity`, `lambda_root` | [`Affinity`]: W stored as factors; Λ of any rank |
//! | `degree` | [`Degrees`]: row sums, isolated pixels |
//! | `indicator` | [`Indicator`]: a [`LabelMap`] at feature resolution |
//! | `similarity`, `target` | the two factors whose ranges are compared |
//! | `criterion`, `criterion_second` | [`Criterion`]: hard projector at a rank tolerance, or regularised; to second order |
//! | `layer` | [`NcutsLayer`] → [`NcutsForward`] → [`NcutsCotangents`], and to second order [`NcutsSecond`] |
//! | `rule` | [`NcutsRule`]: the layer on stacks of pictures, for frameworks of tensors |
//! | `embedding`, `leading_eigen`, `choose_k` | [`Embedding`], whose rows [`segmentation::segmentation_pool`] clusters; [`choose_k`] |
//! | `intervening_contour` | [`InterveningContourCut`]: multiscale cuts on the edges of [`Planes`], nothing learned |
//!
//! # Conventions
//! * Features are n × d, `f64`, column-major: a row a position of the grid (row-major over the image), a column a channel.
//! * Degenerate input has a defined outcome, listed at [`NcutsLayer`]; everything else is a typed [`Error`].
//! * The same input gives the same bits.
//!
//! # Features
//! * `rayon` (default): that of `segmentation`: the segmentations of a pool share the cores.
//! * `serde`: [`Criterion`] and [`InterveningContourOptions`] in files, their names in kebab case.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod affinity;
mod choose_k;
mod criterion;
mod criterion_second;
mod degree;
mod embedding;
mod error;
mod indicator;
mod intervening_contour;
mod lambda_root;
mod layer;
mod leading_eigen;
mod rule;
mod similarity;
mod symmetric_spectrum;
mod target;

pub use affinity::{Affinity, NcutsCotangents};
pub use choose_k::choose_k;
pub use criterion::Criterion;
pub use degree::Degrees;
pub use embedding::Embedding;
pub use error::{Error, Result};
pub use indicator::Indicator;
pub use intervening_contour::{EdgeMap, InterveningContourCut, InterveningContourOptions, Planes};
pub use layer::{NcutsForward, NcutsLayer, NcutsSecond};
pub use rule::NcutsRule;
/// An image of segment ids, and a grid over it: see [`segmentation`].
pub use segmentation::{GridAxis, LabelMap};

/// The README's example runs as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
