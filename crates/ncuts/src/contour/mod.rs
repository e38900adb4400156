//! Normalised cuts on the edges of a photograph: the method before features were learned.
//!
//! ```text
//!   Planes ──► EdgeMap ──► ContourGraph, one a scale ──► Hierarchy, C X = 0 ──► leading eigenvectors ──► Embedding
//! ```

mod cut;
mod edges;
mod graph;
mod hierarchy;
mod krylov;
mod operator;
mod oriented;
mod planes;

pub use cut::{ContourCut, ContourOptions};
pub use edges::EdgeMap;
pub use planes::Planes;
