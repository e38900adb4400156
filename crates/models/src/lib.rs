//! Convolutional trunks on dfdx, the seam to matrix layers in f64, and the networks made of both.
//!
//! # Example
//! ```
//! use models::{ClusterChoice, CutArchitecture, DeepNcuts, HeadLayout, TrunkKind, TrunkWeights};
//!
//! # fn main() -> Result<(), models::Error> {
//! let architecture = CutArchitecture::new(TrunkKind::Lite0, Some(HeadLayout::default()));
//! // TrunkWeights::File(path) for learned ones, DeepNcuts::load(path) for a trained network.
//! let network = DeepNcuts::new(architecture, &TrunkWeights::Random, 1)?;
//! let photograph = image::RgbImage::from_fn(96, 64, |x, _| image::Rgb([if x < 48 { 30 } else { 200 }; 3]));
//! let cut = network.segment(&photograph, &ClusterChoice::Counts(vec![2, 3]))?;
//! assert_eq!(cut.pool.len(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! # Map
//! ```text
//! photograph → image_input → trunk → head ─┐ f32, chains of layers
//!                                          │ seam
//!                 loss ← ncuts::NcutsLayer ┤ f64, matrix layers; the way back with cotangents
//!   loss ← softmax ← classifier ← o2p      ┘
//! ```
//!
//! | module | contents |
//! |---|---|
//! | [`InputRecipe`] | pixels as each trunk wants them |
//! | [`TrunkKind`] | VGG-16, EfficientNet-Lite0, AlexNet; fully convolutional at any size |
//! | [`Chain`] | the layers of a network in a row; one interpreter runs them, on framed planes or on dfdx's tensors |
//! | [`Parameters`] | their kernels and biases, as tensors of dfdx |
//! | [`ForwardPass`] | chains one after the other, forward and back |
//! | [`on_tape`] | chains, matrix layers and the core's rules on a dfdx tape of your own |
//! | [`Device`] | where chains run: the processor, or a GPU behind the feature `cuda`; maps stay there from chain to chain |
//! | [`DeepBoundaries`] | trunk at four strides → merged upward → a map of boundary probabilities; load, save, predict |
//! | [`DeepNcuts`] | trunk → two scales joined → head → normalised cuts; load, save, segment |
//! | [`RegionClassifier`] | trunk → pooling of a free-form region → classifier: DeepO2P, DeepO2P-FC, first order |
//! | [`TrainableNetwork`] | interface of a network to the trainer and to files |
//! | [`Network`], [`Planes`], [`Mode`], [`BackwardScope`] | a chain with its numbers, maps, and how a chain runs: for networks of your own |
//! | [`RegionSet`], [`RegionCrop`], [`Descriptors`] | interface of your own regions to the networks that classify them |
//! | [`FeatureCache`] | features of a frozen trunk, on disk |
//! | [`WeightsFile`], [`write_safetensors`] | weights in files |
//! | [`Staged`], [`write_atomically`], [`remove_unfinished`] | files that appear whole or not at all |
//!
//! # Features
//! * `cuda`: [`Device::open`] opens NVIDIA GPUs, through dfdx; needs a CUDA toolkit to build, a driver to run.
//! * `stand-ins`: devices for tests of dependent crates, without a GPU.
//!
//! # Conventions
//! Feature maps are C × H × W, row-major, f32; matrices n × d, a row a position, a column a channel, f64. Kernels are
//! stored in the order products read them and written to files in torch's.

mod architecture;
mod backend;
mod boundary_architecture;
mod boundary_loss;
mod cut_settings;
mod deep_boundaries;
mod deep_ncuts;
mod device;
mod digest;
mod error;
mod feature_cache;
mod feature_maps;
mod forward_pass;
mod head;
mod human_boundaries;
mod image_input;
mod network;
pub mod on_tape;
mod parameters;
mod region_architecture;
mod region_classifier;
mod region_pooling;
mod region_set;
mod region_weights;
mod seam;
mod second_order_in_files;
mod softmax;
mod staged;
mod trainable_network;
mod trunk;
mod weights;

pub use architecture::{ClusterRule, CutArchitecture, TapLayer};
pub use backend::{BackwardScope, ChainGradients, Planes, SavedActivations};
pub use boundary_architecture::{BoundaryArchitecture, BoundaryLevel};
pub use boundary_loss::BoundaryLoss;
pub use cut_settings::CutSettings;
pub use deep_boundaries::{BoundaryProbabilities, BoundaryStep, DeepBoundaries};
pub use deep_ncuts::{
    ClusterChoice, Contours, CutInput, CutStep, DeepNcuts, SegmentSeconds, Segmented, TreeSettings,
    boundary_contours, joint_contours, masked_contours,
};
pub use device::{Device, DeviceChoice, Transfers};
pub use digest::fnv_1a;
pub use error::{Error, Result};
pub use feature_cache::FeatureCache;
pub use feature_maps::{FeatureMaps, GridFeatures};
pub use forward_pass::{ForwardPass, GradientHook};
pub use head::{HeadLayer, HeadLayout};
pub use human_boundaries::HumanBoundaries;
pub use image_input::{ChannelOrder, InputRecipe};
pub use network::{Network, TrunkWeights};
/// How second moments become a vector: see [`o2p`].
pub use o2p::{O2pOptions, SpectralMap};
pub use parameters::{ParameterTensor, Parameters};
pub use region_architecture::{ClassifierLayout, RegionArchitecture, RegionFeatures};
pub use region_classifier::{
    Classified, RegionBatch, RegionClassifier, RegionInput, RegionSeconds, RegionStep,
};
pub use region_pooling::RegionPooling;
pub use region_set::{Descriptors, RegionCrop, RegionSet, RegionView};
pub use seam::{features_from_maps, maps_from_features};
pub use staged::{Staged, remove_unfinished, write_atomically};
pub use trainable_network::TrainableNetwork;
pub use trunk::{Activation, AlexnetLayout, Chain, Conv, Mode, NamedLayer, Padding, TrunkKind};
pub use weights::{
    Precision, TensorOut, TensorSource, WeightsFile, digest_of_tensors, write_safetensors,
};

/// The README's example runs as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
