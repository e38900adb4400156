//! The errors on the page's side.

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A stage was asked for before the one it stands on.
    #[error("expected {expected} first, found none")]
    TooEarly {
        /// The stage that comes before.
        expected: &'static str,
    },
    /// A number from the page outside its range.
    #[error("{name}: expected {expected}, found {found}")]
    Argument {
        /// The argument's name.
        name: &'static str,
        /// The range.
        expected: String,
        /// The number.
        found: String,
    },
    /// A file that could not be made.
    #[error("the file could not be made: {reason}")]
    NotWritten {
        /// Why.
        reason: String,
    },
    /// An error of the network.
    #[error(transparent)]
    Models(#[from] models::Error),
    /// An error of a training.
    #[error(transparent)]
    Training(#[from] training::Error),
    /// An error of normalised cuts.
    #[error(transparent)]
    Ncuts(#[from] ncuts::Error),
    /// An error of a photograph or its picture.
    #[error(transparent)]
    Pictures(#[from] pictures::Error),
    /// An error of a label map.
    #[error(transparent)]
    Segmentation(#[from] segmentation::Error),
    /// An error of a matrix rule.
    #[error(transparent)]
    Rule(#[from] matbackprop_core::Error),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
