//! Errors of this crate.

use std::path::{Path, PathBuf};

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The network, one of its layers or a file of weights refused.
    #[error(transparent)]
    Model(models::Error),
    /// A rule refused a task's matrices.
    #[error(transparent)]
    Rule(#[from] matbackprop_core::Error),
    /// Something else went wrong in a task.
    #[error(transparent)]
    Task(Box<dyn std::error::Error + Send + Sync>),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
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
    /// Training met numbers that are not finite, step after step.
    #[error(
        "step {step}, {images}: expected a finite {what}, found {found}; the last checkpoint is untouched"
    )]
    Diverged {
        /// Which step.
        step: u64,
        /// Loss or gradient.
        what: &'static str,
        /// The value found.
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
        /// The cause.
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
    /// Another training has the folder.
    #[error(
        "{}: expected a folder that no other training uses, found that of process {process} on {host}, begun {age} ago{advice}",
        folder.display()
    )]
    Locked {
        /// Which folder.
        folder: PathBuf,
        /// The number of the process.
        process: u32,
        /// Its machine.
        host: String,
        /// How long it has had the folder.
        age: String,
        /// What to do, behind a semicolon; empty where waiting is all.
        advice: String,
    },
    /// A checkpoint belongs to another training.
    #[error("{}: expected a checkpoint of this training, found another {what}: {found}", path.display())]
    Checkpoint {
        /// Which file.
        path: PathBuf,
        /// The part that differs.
        what: &'static str,
        /// The value in the file.
        found: String,
    },
    /// A training step failed on one image.
    #[error("step {step}, image {image}: {source}")]
    Step {
        /// Which step, counted from 1.
        step: u64,
        /// Which image.
        image: String,
        /// The cause.
        source: Box<Error>,
    },
    /// Something went wrong on another rank of the job.
    #[error("rank {rank}: {message}")]
    OnRank {
        /// Which rank, counted from 0.
        rank: usize,
        /// Its error.
        message: String,
    },
    /// A rank of the job sends no heartbeat any more.
    #[error("expected {size} ranks, found rank {rank} lost: no heartbeat")]
    RankLost {
        /// Which rank, counted from 0.
        rank: usize,
        /// How many there are.
        size: usize,
    },
    /// Ranks cannot be started, or have diverged.
    #[error("distributed run: expected ranks that work together, found {found}")]
    Ranks {
        /// The problem found.
        found: String,
    },
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl From<models::Error> for Error {
    /// One shape for the errors of files, settings and examples of both crates.
    fn from(error: models::Error) -> Self {
        match error {
            models::Error::File { path, source } => Self::File { path, source },
            models::Error::Setting {
                name,
                expected,
                found,
            } => Self::Setting {
                name,
                expected,
                found,
            },
            models::Error::Unreadable {
                index,
                name,
                source,
            } => Self::Unreadable {
                index,
                name,
                source: Box::new(Self::from(*source)),
            },
            error => Self::Model(error),
        }
    }
}

impl From<segmentation::Error> for Error {
    fn from(error: segmentation::Error) -> Self {
        Self::Model(error.into())
    }
}

impl From<o2p::Error> for Error {
    fn from(error: o2p::Error) -> Self {
        Self::Model(error.into())
    }
}

impl From<ncuts::Error> for Error {
    fn from(error: ncuts::Error) -> Self {
        Self::Model(error.into())
    }
}

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

    /// Of an example, in a step.
    pub(crate) fn in_step(step: u64, name: &str) -> impl Fn(Self) -> Self + use<> {
        let image = name.to_owned();
        move |source| Self::Step {
            step,
            image: image.clone(),
            source: Box::new(source),
        }
    }

    /// Whether a number on the way was not finite.
    pub(crate) fn is_of_numbers(&self) -> bool {
        use matbackprop_core::Error as Rule;
        let of_rule = |rule: &Rule| matches!(rule, Rule::NotFinite { .. } | Rule::Overflow { .. });
        match self {
            Self::Step { source, .. } => source.is_of_numbers(),
            Self::Rule(rule) => of_rule(rule),
            Self::Model(
                models::Error::Ncuts(ncuts::Error::Rule(rule))
                | models::Error::Region(o2p::Error::Rule(rule)),
            ) => of_rule(rule),
            _ => false,
        }
    }

    /// Whether a file is damaged, rather than one that belongs to another training.
    pub(crate) fn is_damage(&self) -> bool {
        use models::Error as Model;
        match self {
            Self::File { .. } => true,
            Self::Model(error) => matches!(
                error,
                Model::NotSafetensors { .. }
                    | Model::Damaged { .. }
                    | Model::MissingTensor { .. }
                    | Model::TensorShape { .. }
                    | Model::TensorType { .. }
                    | Model::TensorNotFinite { .. }
                    | Model::NotANetwork { .. }
            ),
            Self::Checkpoint { what, .. } => matches!(*what, "header" | "digest"),
            _ => false,
        }
    }

    /// Names the file of an error of the system.
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File { path, source }
    }
}

/// A refusal of dfdx.
pub(crate) fn refused(error: dfdx::tensor::CpuError) -> Error {
    Error::Model(models::Error::Tape(error.to_string()))
}
