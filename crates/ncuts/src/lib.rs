//! Normalised cuts as a differentiable layer.
mod affinity;
mod criterion;
mod degree;
mod error;
mod indicator;
mod label_map;
mod lambda_root;
mod layer;
mod segment;
mod similarity;
mod target;
pub use affinity::{Affinity, NcutsCotangents};
pub use criterion::Criterion;
pub use degree::Degrees;
pub use error::{Error, Result};
pub use indicator::Indicator;
pub use label_map::LabelMap;
pub use layer::{NcutsForward, NcutsLayer};
pub use segment::{
    Clustering, Embedding, EmbeddingDimensions, EmbeddingScaling, MinArea, SegmentOptions,
    Segmentation, choose_k, connected_components, merge_small_pieces, segmentation_pool,
};
