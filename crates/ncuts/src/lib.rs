//! Normalised cuts as a differentiable layer.
mod error;
mod label_map;
mod segment;
pub use error::{Error, Result};
pub use label_map::LabelMap;
pub use segment::{
    Clustering, Embedding, EmbeddingDimensions, EmbeddingScaling, MinArea, SegmentOptions, Segmentation, choose_k, connected_components,
    merge_small_pieces, segmentation_pool,
};
