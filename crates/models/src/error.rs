//! Errors of this crate.

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
    /// A rule has no output of this place.
    #[error("{op}: expected an output below {outputs}, found {found}")]
    NoSuchOutput {
        /// The rule.
        op: &'static str,
        /// How many outputs it has.
        outputs: usize,
        /// The place asked for, from 0.
        found: usize,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A file is not in the safetensors format.
    #[error("{origin}: expected a safetensors file, found {message}")]
    NotSafetensors {
        /// Which file.
        origin: String,
        /// The reader's error.
        message: String,
    },
    /// A file is not as it was written.
    #[error(
        "{origin}: expected the contents that were written, of digest {expected}, found digest {found}: the file is \
         damaged, take it from where it came from"
    )]
    Damaged {
        /// Which file.
        origin: String,
        /// The digest that stands in it.
        expected: String,
        /// That of its contents.
        found: String,
    },
    /// A file lacks a tensor.
    #[error("{origin}: expected a tensor `{name}`, found {found}")]
    MissingTensor {
        /// Which file.
        origin: String,
        /// Which tensor.
        name: String,
        /// The tensors found, in a few words.
        found: String,
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
    #[error(
        "{origin}: tensor `{name}`: expected F64, F32, F16 or BF16, found {found}: save it as float"
    )]
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
        /// The value found.
        found: f32,
    },
    /// A tensor of variances holds a number below zero.
    #[error(
        "{origin}: tensor `{name}`: expected variances of at least 0, found {found} at place {place}"
    )]
    NegativeVariance {
        /// Which file.
        origin: String,
        /// Which tensor.
        name: String,
        /// Where.
        place: usize,
        /// The value found.
        found: f32,
    },
    /// A file holds weights, but not of a network that this crate saved.
    #[error(
        "{origin}: expected the description of a network in the file's metadata, found {found}"
    )]
    NotANetwork {
        /// Which file.
        origin: String,
        /// The contents found.
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
        /// The allowed values.
        expected: &'static str,
        /// The value found.
        found: String,
    },
    /// An example of a training set could not be read.
    #[error("{name}: {source}")]
    Unreadable {
        /// Its place in the set.
        index: usize,
        /// Its name.
        name: String,
        /// The cause.
        source: Box<Error>,
    },
    /// A region of a batch stopped a step.
    #[error("region {place} of the batch: {source}")]
    InBatch {
        /// Its place in the batch, counted from 0.
        place: usize,
        /// The cause.
        source: Box<Error>,
    },
    /// An annotation has another size than its image, or than its fellows.
    #[error("annotation: expected {} × {} pixels as the image, found {} × {}", expected.0, expected.1, found.0, found.1)]
    AnnotationSize {
        /// Width and height of the image.
        expected: (usize, usize),
        /// Width and height of the annotation.
        found: (usize, usize),
    },
    /// A device that is asked for cannot be had.
    #[error("device {name}: expected an NVIDIA GPU and its driver, found {found}")]
    NoDevice {
        /// Which one.
        name: String,
        /// The reason.
        found: String,
    },
    /// A device refused an operation on tensors.
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
    /// A rule of `matbackprop-core` refused.
    #[error(transparent)]
    Matrices(#[from] matbackprop_core::Error),
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
    /// Of a region of a batch.
    pub(crate) fn in_batch(place: usize) -> impl FnOnce(Self) -> Self {
        move |source| Self::InBatch {
            place,
            source: Box::new(source),
        }
    }

    /// Of an example's files, while it is read.
    pub(crate) fn unreadable(index: usize, name: &str) -> impl FnOnce(Self) -> Self {
        let name = name.to_owned();
        move |source| Self::Unreadable {
            index,
            name,
            source: Box::new(source),
        }
    }

    /// Names the file of an error of the system.
    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File { path, source }
    }
}

/// The error of a device that refuses an operation on its tensors.
pub(crate) fn refused(error: dfdx::tensor::CpuError) -> Error {
    Error::Tape(error.to_string())
}
