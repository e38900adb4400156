//! Errors.

use std::io;
use std::path::{Path, PathBuf};

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting outside its range, or settings that do not go together. Settings are named as the command line names
    /// them, `--data`.
    #[error("{0}")]
    Setting(String),
    /// Something else than was expected, in one sentence.
    #[error("{0}")]
    Unexpected(String),
    /// A file that cannot be written.
    #[error("writing {path}")]
    Writing {
        /// Its place.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A file or a folder that cannot be used.
    #[error("{path}")]
    File {
        /// Its place.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A value that JSON cannot hold, or a file that is not JSON of the expected form.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A picture that cannot be written.
    #[error(transparent)]
    Picture(#[from] image::ImageError),
    /// Of a network.
    #[error(transparent)]
    Models(#[from] models::Error),
    /// Of a training.
    #[error(transparent)]
    Training(#[from] training::Error),
    /// Of BSDS500.
    #[error(transparent)]
    Bsds(#[from] bench_bsds::Error),
    /// Of MS-COCO.
    #[error(transparent)]
    Coco(#[from] bench_coco::Error),
    /// Of normalised cuts.
    #[error(transparent)]
    Ncuts(#[from] ncuts::Error),
    /// Of label maps and clusters.
    #[error(transparent)]
    Segmentation(#[from] segmentation::Error),
    /// Of the pictures that people see.
    #[error(transparent)]
    Pictures(#[from] pictures::Error),
    /// Another error, and the work that was being done.
    #[error("{context}")]
    Context {
        /// The work that was being done, or the setting or file.
        context: String,
        /// The error.
        source: Box<Error>,
    },
}

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A setting that cannot be meant, in words.
    pub fn setting(message: impl Into<String>) -> Self {
        Self::Setting(message.into())
    }

    /// Something unexpected, in words.
    pub(crate) fn unexpected(message: impl Into<String>) -> Self {
        Self::Unexpected(message.into())
    }

    /// An error of the file at `path`.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::File { path, source }
    }

    /// An error of a network's or a training's settings is one here too; any other stays what it is.
    pub(crate) fn of_training(error: impl Into<training::Error>) -> Self {
        use training::Error;

        match error.into() {
            error @ (Error::Setting { .. } | Error::Model(models::Error::UnknownLayer { .. })) => {
                Self::Setting(error.to_string())
            }
            other => Self::Training(other),
        }
    }

    /// Whether settings are to blame: another attempt with the same ones fails alike.
    pub fn is_setting(&self) -> bool {
        match self {
            Self::Setting(_) => true,
            Self::Context { source, .. } => source.is_setting(),
            _ => false,
        }
    }
}

/// An error and its causes in one line; a cause that the line contains already is left out.
pub fn error_chain_line(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    for cause in std::iter::successors(Some(error), |error| error.source()) {
        // Decoders end some messages with a line's end.
        let cause = cause.to_string().trim_end().to_owned();
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Adds to an error the work that was being done.
pub(crate) trait Context<T> {
    /// In words that cost nothing to make.
    fn context(self, doing: &str) -> Result<T>;

    /// In words that are made only where they are needed.
    fn with_context(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for Result<T, E> {
    fn context(self, doing: &str) -> Result<T> {
        self.with_context(|| doing.to_owned())
    }

    fn with_context(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Error::Context {
            context: doing(),
            source: Box::new(error.into()),
        })
    }
}

/// Expects something to be there.
impl<T> Context<T> for Option<T> {
    fn context(self, doing: &str) -> Result<T> {
        self.with_context(|| doing.to_owned())
    }

    fn with_context(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.ok_or_else(|| Error::Unexpected(doing()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_nothing_twice() {
        let inner = models::Error::File {
            path: "a.png".into(),
            source: io::Error::other("disk on fire"),
        };
        let outer = Err::<(), _>(inner).context("writing").unwrap_err();
        assert_eq!(error_chain_line(&outer), "writing: a.png: disk on fire");
    }

    #[test]
    fn settings_are_found_below_their_context() {
        let wrapped = Err::<(), _>(Error::setting("no")).context("--k");
        assert!(wrapped.unwrap_err().is_setting());
        assert!(!None::<()>.context("expected one").unwrap_err().is_setting());
    }
}
