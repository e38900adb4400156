//! From features to segmentations: the embedding, its clusters, and label maps of the full image.

mod assignment;
mod choose_k;
mod colour;
mod components;
mod contour_tree;
mod embedding;
mod kmeans;
mod leading_eigen;
mod merging;
mod options;
mod pieces;
mod points;
mod pool;
mod superpixels;
mod tree;

pub use choose_k::choose_k;
pub use components::{connected_components, merge_small_pieces};
pub use contour_tree::{ContourTree, ContourWeights};
pub use embedding::Embedding;
pub use options::{Clustering, EmbeddingDimensions, MinArea, SegmentOptions};
pub use pieces::Pieces;
pub use points::EmbeddingScaling;
pub use pool::{Segmentation, segmentation_pool};
pub use superpixels::superpixels;
