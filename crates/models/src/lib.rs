//! Convolutional trunks on dfdx.
mod architecture;
mod deep_ncuts;
mod error;
mod head;
mod image_input;
mod network;
mod parameters;
mod seam;
mod segmenter;
mod tape;
mod train;
mod trunk;
mod weights;

pub use architecture::{Architecture, ClusterRule, TapLayer};
pub use deep_ncuts::{DeepNcuts, FeatureMaps, GridFeatures};
pub use error::{Error, Result};
pub use head::{HeadLayer, HeadLayout};
pub use image_input::{ChannelOrder, InputRecipe, read_image};
pub use network::TrunkWeights;
pub use parameters::Parameters;
pub use segmenter::{ClusterChoice, CutSettings, SegmentSeconds, Segmented};
pub use train::{
    Annotations, Journal, Optimiser, Progress, Schedule, StepRecord, TrainConfig, Trainer,
    TrainingSet, TrunkTraining,
};
pub use trunk::{
    Activation, AlexnetLayout, Chain, Conv, Depthwise, Dropout, Layer, MaxPool, Mode, NamedLayer,
    Padding, Planes, Resize, ResponseNorm, Step, Tap, TrunkKind,
};
pub use weights::Precision;
