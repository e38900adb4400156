//! What can go wrong in this crate.

use std::path::PathBuf;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A window of the trunk does not fit into the image.
    #[error(
        "image of {width} × {height} pixels: expected one large enough for the trunk's windows"
    )]
    ImageTooSmall {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not in the safetensors format.
    #[error("{origin}: expected a safetensors file, found {message}")]
    NotSafetensors {
        /// Which file.
        origin: String,
        /// What the reader said.
        message: String,
    },
    /// A file lacks a tensor.
    #[error("{origin}: expected a tensor `{name}`, found none of that name")]
    MissingTensor {
        /// Which file.
        origin: String,
        /// Which tensor.
        name: String,
    },
    /// A tensor has another shape.
    #[error("{origin}: tensor `{name}`: expected shape {expected:?}, found {found:?}")]
    TensorShape {
        /// Which file.
        origin: String,
        /// Which tensor.
        name: String,
        /// The shape the network has.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A tensor has a type that this crate does not read.
    #[error("{origin}: tensor `{name}`: expected F32, F16 or BF16, found {found}")]
    TensorType {
        /// Which file.
        origin: String,
        /// Which tensor.
        name: String,
        /// The type in the file.
        found: String,
    },
    /// A tensor holds a number that is not finite.
    #[error("{origin}: tensor `{name}`: expected finite numbers, found {found} at place {place}")]
    TensorNotFinite {
        /// Which file.
        origin: String,
        /// Which tensor.
        name: String,
        /// Where.
        place: usize,
        /// What.
        found: f32,
    },
    /// A file holds weights, but not of a network that this crate saved.
    #[error(
        "{origin}: expected the description of a network in the file's metadata, found {found}"
    )]
    NotANetwork {
        /// Which file.
        origin: String,
        /// What is there.
        found: String,
    },
    /// A layer's name that the trunk does not have.
    #[error("trunk {trunk}: expected a layer among {known}, found `{found}`")]
    UnknownLayer {
        /// Which trunk.
        trunk: &'static str,
        /// The layers it has.
        known: String,
        /// The name asked for.
        found: String,
    },
    /// A setting outside its range.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// Which setting.
        name: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// Training met numbers that are not finite, step after step.
    #[error(
        "step {step}, {images}: expected a finite {what}, found {found}; the last checkpoint is untouched"
    )]
    Diverged {
        /// Which step.
        step: u64,
        /// Loss or gradient.
        what: &'static str,
        /// What it is.
        found: f64,
        /// The examples of that step.
        images: String,
    },
    /// An example of a training set could not be read.
    #[error("{name}: {source}")]
    Unreadable {
        /// Its place in the set.
        index: usize,
        /// Its name.
        name: String,
        /// What went wrong.
        source: Box<Error>,
    },
    /// More examples of a training set than may be left out could not be read.
    #[error("expected at most {} % of {examples} examples that cannot be read, found {found}; the last: {last}", 100.0 * share)]
    TooManyUnreadable {
        /// How many could not.
        found: usize,
        /// How many there are.
        examples: usize,
        /// The share that may be left out.
        share: f64,
        /// Of the last of them.
        last: Box<Error>,
    },
    /// A checkpoint belongs to another training.
    #[error("{}: expected a checkpoint of this training, found another {what}: {found}", path.display())]
    Checkpoint {
        /// Which file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// What it says.
        found: String,
    },
    /// An annotation has another size than its image, or than its fellows.
    #[error("annotation: expected {} × {} pixels as the image, found {} × {}", expected.0, expected.1, found.0, found.1)]
    AnnotationSize {
        /// Width and height of the image.
        expected: (usize, usize),
        /// Width and height of the annotation.
        found: (usize, usize),
    },
    /// A training step failed on one image.
    #[error("step {step}, image {image}: {source}")]
    Step {
        /// Which step, counted from 1.
        step: u64,
        /// Which image.
        image: String,
        /// What went wrong.
        source: Box<Error>,
    },
    /// A device that is asked for cannot be had.
    #[error("device {name}: expected an NVIDIA GPU and its driver, found {found}")]
    NoDevice {
        /// Which one.
        name: String,
        /// What there is instead.
        found: String,
    },
    /// Something went wrong on another rank of the job.
    #[error("rank {rank}: {message}")]
    OnRank {
        /// Which rank, counted from 0.
        rank: usize,
        /// What it says.
        message: String,
    },
    /// A rank of the job gives no sign of life.
    #[error("expected {size} ranks, found rank {rank} lost: it gives no sign of life")]
    RankLost {
        /// Which rank, counted from 0.
        rank: usize,
        /// How many there are.
        size: usize,
    },
    /// Ranks cannot be had, or do not agree.
    #[error("expected several processes that do one job, found {found}")]
    Ranks {
        /// What was found.
        found: String,
    },
    /// The tape refused.
    #[error("dfdx: {0}")]
    Tape(String),
    /// Normalised cuts refused.
    #[error(transparent)]
    Ncuts(#[from] ncuts::Error),
    /// A label map, superpixels or clusters.
    #[error(transparent)]
    Segmentation(#[from] segmentation::Error),
    /// Second-order pooling refused.
    #[error(transparent)]
    Region(#[from] o2p::Error),
    /// Examples come without the features that a network without a trunk starts from.
    #[error("region {id}: expected descriptors for a network without a trunk, found none")]
    NoDescriptors {
        /// Which region.
        id: String,
    },
}

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Of an example's files, while it is read.
    pub(crate) fn unreadable(index: usize, name: &str) -> impl FnOnce(Self) -> Self {
        let name = name.to_owned();
        move |source| Self::Unreadable {
            index,
            name,
            source: Box::new(source),
        }
    }

    /// Whether a number that is not finite was met on the way.
    pub(crate) fn is_of_numbers(&self) -> bool {
        use matbackprop_core::Error as Rule;
        let of_rule = |rule: &Rule| matches!(rule, Rule::NotFinite { .. } | Rule::Overflow { .. });
        match self {
            Self::Step { source, .. } => source.is_of_numbers(),
            Self::Ncuts(ncuts::Error::Rule(rule)) | Self::Region(o2p::Error::Rule(rule)) => {
                of_rule(rule)
            }
            _ => false,
        }
    }

    /// Whether a file is not there whole: nothing that another call could be meant to change.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::File { .. }
            | Self::NotSafetensors { .. }
            | Self::MissingTensor { .. }
            | Self::TensorShape { .. }
            | Self::TensorType { .. }
            | Self::TensorNotFinite { .. }
            | Self::NotANetwork { .. } => true,
            Self::Checkpoint { what, .. } => matches!(*what, "header" | "digest"),
            _ => false,
        }
    }

    /// Names the file of an error of the system.
    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File { path, source }
    }
}
