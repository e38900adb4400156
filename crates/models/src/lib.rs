//! Convolutional trunks on dfdx, the seam to matrix layers in f64, and training through both.
//!
//! ```text
//! photograph → image_input → trunk → head ─┐ f32, on the tape
//!                                          │ seam
//!                 loss ← ncuts::NcutsLayer ┤ f64, off the tape; F̄ goes home as a seed
//!   loss ← softmax ← classifier ← o2p      ┘
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`InputRecipe`] | pixels as each trunk wants them |
//! | [`Chain`], [`Conv`], … | layers in a row, forward and back, on framed planes |
//! | [`TrunkKind`] | VGG-16, EfficientNet-Lite0, AlexNet; fully convolutional at any size |
//! | [`run_chain`], [`send_home`] | a chain as one operation on dfdx's tape; a cotangent from outside |
//! | [`Device`] | where chains run: the processor, or a GPU behind the feature `cuda` |
//! | [`DeepNcuts`] | trunk → two scales joined → head → normalised cuts; load, save, segment |
//! | [`RegionClassifier`] | trunk → pooling of a free-form region → classifier: DeepO2P, DeepO2P-FC, first order |
//! | [`Trainer`] | SGD and Adam, frozen or learning trunk, journal, checkpoints exact to the bit |
//! | [`Ranks`] | several processes, on one machine or many, that train or measure together |
//! | [`ScribbleTraining`] | the head of a network on one photograph, from a few strokes of a pen |
//!
//! ```
//! use models::{Architecture, ClusterChoice, DeepNcuts, HeadLayout, TrunkKind, TrunkWeights};
//!
//! # fn main() -> Result<(), models::Error> {
//! let architecture = Architecture::new(TrunkKind::Lite0, Some(HeadLayout::default()));
//! // TrunkWeights::File(path) for learned ones, DeepNcuts::load(path) for a trained network.
//! let network = DeepNcuts::new(architecture, &TrunkWeights::Random, 1)?;
//! let photograph = image::RgbImage::from_fn(96, 64, |x, _| image::Rgb([if x < 48 { 30 } else { 200 }; 3]));
//! let cut = network.segment(&photograph, &ClusterChoice::Counts(vec![2, 3]))?;
//! assert_eq!(cut.pool.len(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//! `cuda`: [`Device::open`] opens NVIDIA GPUs, through dfdx; needs a CUDA toolkit to build, a driver to run.
//!
//! # Conventions
//! Feature maps are C × H × W, row-major, f32; matrices n × d, a row a position, a column a channel, f64. Kernels are
//! stored in the order products read them and written to files in torch's.
//!
//! # Features
//! `mpi`: ranks that `mpirun` starts. It needs an MPI and libclang to build.

mod architecture;
mod contours;
mod cut_settings;
mod deep_ncuts;
mod device;
mod error;
mod feature_cache;
mod feature_maps;
mod head;
mod image_input;
mod learner;
mod network;
mod parameters;
mod ranks;
mod region_architecture;
mod region_classifier;
mod region_pooling;
mod region_set;
mod region_weights;
mod seam;
mod segmenter;
mod softmax;
mod stored_ncuts;
mod tape;
mod train;
mod trunk;
mod weights;

pub use architecture::{Architecture, ClusterRule, TapLayer};
pub use contours::{ContourSettings, Contours, joint_contours};
pub use cut_settings::CutSettings;
pub use deep_ncuts::DeepNcuts;
pub use device::{Device, DeviceChoice, Transfers};
pub use error::{Error, Result};
pub use feature_cache::FeatureCache;
pub use feature_maps::{FeatureMaps, GridFeatures};
pub use head::{HeadLayer, HeadLayout};
pub use image_input::{ChannelOrder, InputRecipe};
pub use network::TrunkWeights;
pub use parameters::Parameters;
pub use ranks::Ranks;
pub use region_architecture::{ClassifierLayout, RegionArchitecture, RegionFeatures};
pub use region_classifier::{Classified, RegionClassifier, RegionSeconds};
pub use region_pooling::{MomentMap, RegionPooling, SecondOrder};
pub use region_set::{Descriptors, RegionCrop, RegionSet, RegionView};
pub use segmenter::{ClusterChoice, SegmentSeconds, Segmented};
pub use tape::{MapTensor, Reach, run_chain, send_home};
pub use train::{
    Annotations, CutCriterion, CutMeasures, CutTask, CutTraining, Journal, Optimiser, Outcome,
    Progress, RegionMeasures, RegionTask, RegionTraining, Schedule, ScribbleStep, ScribbleTraining,
    StepMeasures, StepRecord, Task, TrainConfig, Trainer, TrainingSet, TrunkTraining, can_resume,
};
pub use trunk::{
    Activation, AlexnetLayout, AxisMap, Chain, Conv, Depthwise, Dropout, Layer, MaxPool, Mode,
    NamedLayer, Padding, Planes, Resize, ResponseNorm, Saved, Size, Step, Tap, TrunkKind,
};
pub use weights::Precision;
