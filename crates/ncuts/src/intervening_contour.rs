//! Normalised cuts on the edges of a photograph: the method before features were learned.
//!
//! ```text
//!   Planes ──► EdgeMap ──► ContourGraph, one a scale ──► Scales, C X = 0 ──► leading eigenvectors ──► Embedding
//! ```

mod cut;
mod edges;
mod graph;
mod krylov;
mod operator;
mod oriented;
mod planes;
mod scales;

pub use cut::{InterveningContourCut, InterveningContourOptions};
pub use edges::EdgeMap;
pub use planes::Planes;
