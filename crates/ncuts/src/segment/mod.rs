//! From features to segmentations: the embedding, its clusters, and label maps of the full image.

mod assignment;
mod choose_k;
mod components;
mod embedding;
mod kmeans;
mod leading_eigen;
mod options;
mod pool;
mod tree;
mod unit_rows;

pub use choose_k::choose_k;
pub use components::{connected_components, merge_small_pieces};
pub use embedding::Embedding;
pub use options::{Clustering, EmbeddingDimensions, MinArea, SegmentOptions};
pub use pool::{Segmentation, segmentation_pool};
pub use unit_rows::EmbeddingScaling;
