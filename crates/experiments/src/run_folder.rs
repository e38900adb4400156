//! The folder of a training: its network, or a training that can be resumed.

use std::path::{Path, PathBuf};

use training::can_resume;

use crate::error::{Error, Result};

/// The state of a training, by the files of its folder.
pub(crate) enum RunFolder {
    /// It has ended: the file of its network.
    Finished(PathBuf),
    /// It was stopped, and has checkpoints.
    Stopped,
    /// It has neither; the place where a network would lie.
    Empty(PathBuf),
}

impl RunFolder {
    /// The state of the training in `run`.
    pub(crate) fn of(run: &Path) -> Self {
        let network = run.join("network.safetensors");
        if network.exists() {
            Self::Finished(network)
        } else if can_resume(run) {
            Self::Stopped
        } else {
            Self::Empty(network)
        }
    }
}

/// The file of a network to be measured; reading it says where there is none.
///
/// # Errors
/// A training that was stopped: `command` resumes it.
pub(crate) fn finished_network(run: &Path, command: &str) -> Result<PathBuf> {
    match RunFolder::of(run) {
        RunFolder::Finished(network) | RunFolder::Empty(network) => Ok(network),
        RunFolder::Stopped => Err(Error::unexpected(format!(
            "{}: expected a finished training, found one to be finished with `{command} --resume`",
            run.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_training_that_was_stopped_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path();
        let network = run.join("network.safetensors");
        let of = || finished_network(run, "train o2p");
        assert_eq!(of().unwrap(), network);
        std::fs::write(run.join("checkpoint.safetensors"), "").unwrap();
        let error = of().unwrap_err().to_string();
        assert!(error.contains("`train o2p --resume`"), "{error}");
        std::fs::write(&network, "").unwrap();
        assert_eq!(of().unwrap(), network);
    }
}
