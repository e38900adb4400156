//! Segmentations of images: label maps and operations on them, without linear algebra.
//!
//! # Example
//! A photograph cut in two where its colours differ most.
//! ```
//! use segmentation::{MergeWeights, MinArea, SegmentationTree, SuperpixelGraph};
//!
//! # fn main() -> Result<(), segmentation::Error> {
//! // 24 × 16 pixels: dark at the left, bright from column 9 on.
//! let rgb: Vec<u8> = (0..24 * 16).flat_map(|i| [if i % 24 < 9 { 30 } else { 200 }; 3]).collect();
//! let graph = SuperpixelGraph::of_photograph(&rgb, 24, 16, 12)?;
//! let tree = SegmentationTree::new(&graph, &MergeWeights::default(), MinArea::Pixels(1))?;
//! let (labels, segments) = tree.cut_into(2);
//! assert_eq!((segments, labels.at(8, 0), labels.at(9, 0)), (2, 0, 1));
//! # Ok(())
//! # }
//! ```
//!
//! # Map
//! ```text
//!   photograph ──► superpixels ──► SuperpixelGraph ──► SegmentationTree ──► LabelMap
//!                                     ▲ views                    at any height or number
//!   vectors of a grid (GridVectors) ──┤
//!                                     └─► segmentation_pool ──► a LabelMap for each k
//!   LabelMap ──► connected_components, merge_small_pieces
//!            └─► run_lengths, polygons, adjacency
//! ```
//!
//! | module | what |
//! |---|---|
//! | `label_map` | [`LabelMap`]: one segment id a pixel |
//! | `components` | [`connected_components`], [`merge_small_pieces`] |
//! | `pixel_mask` | [`PixelMask`]: pixels that are left out |
//! | `run_lengths`, `polygons`, `adjacency` | [`run_lengths`], [`polygons`], [`adjacency`] of segments |
//! | `grid_axis` | [`GridAxis`]: where a coarse grid's positions lie in the image |
//! | `cielab`, `superpixels` | [`superpixels`] of a photograph, along its edges |
//! | `watershed`, `gaussian` | superpixels along the crests of learned boundaries |
//! | `superpixel_graph` | [`SuperpixelGraph`]: areas, colours, borders, and rows of embeddings |
//! | `segmentation_tree`, `average_linkage`, `merge_weights` | [`SegmentationTree`], by [`MergeWeights`]: an ultrametric contour map |
//! | `grid_vectors`, `points` | [`GridVectors`], weighted by [`EmbeddingScaling`]: the points to be clustered |
//! | `kmeans`, `ward_tree`, `assignment`, `pool` | [`segmentation_pool`] and its [`SegmentOptions`] |
//! | `merge_queue` | the loop under both region trees |
//!
//! # Conventions
//! Row-major images, `y` downwards; four neighbours; photographs as three bytes a pixel, sRGB. The same input gives the
//! same bits on every machine.
//!
//! # Features
//! `rayon` (default): the segmentations of a pool share the cores; the results are the same without.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod adjacency;
mod assignment;
mod average_linkage;
mod cielab;
mod components;
mod error;
mod gaussian;
mod grid_axis;
mod grid_vectors;
mod kmeans;
mod label_map;
mod merge_queue;
mod merge_weights;
mod options;
mod pixel_mask;
mod points;
mod polygons;
mod pool;
mod run_lengths;
mod segmentation_tree;
mod superpixel_graph;
mod superpixels;
mod ward_tree;
mod watershed;

pub use adjacency::{Adjacency, adjacency};
pub use components::{connected_components, merge_small_pieces};
pub use error::{Error, Result};
pub use grid_axis::GridAxis;
pub use grid_vectors::GridVectors;
pub use label_map::LabelMap;
pub use merge_weights::MergeWeights;
pub use options::{Clustering, EmbeddingDimensions, MinArea, SegmentOptions, check_cluster_counts};
pub use pixel_mask::PixelMask;
pub use points::EmbeddingScaling;
pub use polygons::{Corner, Polygon, polygons, ring_area};
pub use pool::{Segmentation, segmentation_pool};
pub use run_lengths::{RunLengths, run_lengths};
pub use segmentation_tree::SegmentationTree;
pub use superpixel_graph::SuperpixelGraph;
pub use superpixels::superpixels;

/// The README's example runs as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
