//! Where a training keeps what.

use std::path::{Path, PathBuf};

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
