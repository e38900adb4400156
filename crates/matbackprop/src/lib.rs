//! Differentiable matrix layers, and networks trained through them.
//!
//! This crate is the front: the libraries under one name, and the network that comes with them. The binary of the same
//! name is the command line; the folder `examples` holds seven numbered programs, one thing each.
//!
//! # Example
//! A photograph, its segments, and a picture of them.
//! ```
//! use matbackprop::models::TreeSettings;
//! use matbackprop::pictures::{paint_outlines, read_upright};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let photograph = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/samples/coffee.jpg"));
//! # let picture = folder.path().join("coffee.overlay.png");
//! let network = matbackprop::default_network()?;
//! let image = read_upright(photograph)?;
//! let contours = network.contours(&image, &TreeSettings::default())?;
//! let (labels, segments) = contours.tree.cut_into(6);
//! assert_eq!(segments, 6);
//! paint_outlines(&image, &labels)?.save(picture)?;
//! # Ok(())
//! # }
//! ```
//!
//! # Map
//! A crate uses the floors below its own.
//!
//! ```text
//!  5            matbackprop   web            programs: one command line, one page
//!  4                experiments              recipes, trainings, evaluations, reports
//!  3   training   bench-coco   bench-bsds    trainer; data sets, official measures
//!  2             models   pictures           trunks (dfdx), networks; photographs
//!  1           o2p    ncuts    gpu           layers; NVIDIA's libraries
//!  0       matbackprop-core  segmentation    rules (faer); label maps and trees
//! ```
//!
//! | name | contents |
//! |---|---|
//! | [`matbackprop_core`] | matrix rules, each a map with its backward pass (vjp) |
//! | [`segmentation`] | label maps, superpixels, clusters, merge trees |
//! | [`ncuts`] | normalised cuts: the layer, and the embedding |
//! | [`o2p`] | second-order pooling of free-form regions: the layer |
//! | [`models`] | trunks, DeepNCuts, DeepO2P |
//! | [`training`] | the trainer: tasks, optimisers, checkpoints, several processes |
//! | [`bench_bsds`] | BSDS500, and its measures of regions and boundaries |
//! | [`bench_coco`] | MS-COCO, its regions to be classified, and the official detection table |
//! | [`experiments`] | recipes, trainings, evaluations and reports, as functions of typed settings |
//! | [`pictures`] | photographs upright and at their working size; a segmentation, or all of them, as a picture |
//! | [`command_line`] | the program itself, for programs that carry it |
//! | [`default_boundary_network`] | a trained network that draws boundaries, inside this crate |
//! | [`default_network`], [`large_network`] | the trained network inside this crate, and a head for VGG-16 |
//!
//! # Features
//! * `cuda`: trunks and heads on an NVIDIA GPU, `--device cuda:N`; builds with a CUDA toolkit, the default build needs none.
//! * `mpi`: several processes, `mpirun -np N matbackprop …`; builds with an MPI and libclang.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod command_line;
mod embedded;

pub use bench_bsds;
pub use bench_coco;
pub use experiments;
pub use matbackprop_core;
pub use models;
pub use ncuts;
pub use o2p;
pub use pictures;
pub use segmentation;
pub use training;

pub use command_line::command_line;
pub use embedded::{
    DEFAULT_NETWORK_BYTES, default_boundary_network, default_network, large_network,
};

/// The example of the README runs as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// That of the repository's too.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct FrontDoor;
