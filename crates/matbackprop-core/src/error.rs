//! What can go wrong in this crate.

/// An error of this crate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An entry is NaN or infinite.
    #[error("{op}: expected finite entries, found one that is not")]
    NotFinite {
        /// The rule that refused.
        op: &'static str,
    },
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
