//! What can go wrong in this crate.

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The ids of a label map do not fill it.
    #[error("label map of {width} × {height} pixels: expected {} ids and sides above 0, found {found} ids", width * height)]
    LabelMapShape {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
        /// Ids given.
        found: usize,
    },
    /// A rule of `matbackprop-core` refused.
    #[error(transparent)]
    Rule(#[from] matbackprop_core::Error),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
