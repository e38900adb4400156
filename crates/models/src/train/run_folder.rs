//! Where a training keeps what.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The network, written at the end.
pub(super) fn network_path(folder: &Path) -> PathBuf {
    folder.join("network.safetensors")
}

/// The training, to be resumed.
pub(super) fn checkpoint_path(folder: &Path) -> PathBuf {
    folder.join("checkpoint.safetensors")
}

/// A line a step.
pub(super) fn journal_path(folder: &Path) -> PathBuf {
    folder.join("journal.jsonl")
}

/// Features of a frozen trunk.
pub(super) fn cache_path(folder: &Path) -> PathBuf {
    folder.join("cache")
}

/// Throws away what a training that was killed had begun to write beside its files.
///
/// # Errors
/// [`Error::File`].
pub(super) fn remove_partial_files(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(Error::file(folder))? {
        let path = entry.map_err(Error::file(folder))?.path();
        if path.extension().is_some_and(|ending| ending == "partial") {
            std::fs::remove_file(&path).map_err(Error::file(&path))?;
        }
    }
    Ok(())
}
