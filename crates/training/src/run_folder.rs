//! Names of the files in the folder of a training.

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

/// An older state of the training, after `step`.
pub(super) fn older_checkpoint_path(folder: &Path, step: u64) -> PathBuf {
    folder.join(format!("checkpoint-{step}.safetensors"))
}

/// Steps of the older states that are kept, the newest first.
///
/// # Errors
/// [`Error::File`]; a folder that is not there has none.
pub(super) fn older_checkpoints(folder: &Path) -> Result<Vec<u64>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::file(folder))?,
    };
    let mut steps = Vec::new();
    for entry in entries {
        let name = entry.map_err(Error::file(folder))?.file_name();
        let step = name.to_str().and_then(|name| {
            let step = name.strip_prefix("checkpoint-")?;
            step.strip_suffix(".safetensors")?.parse().ok()
        });
        // `checkpoint-007` is not ours: we would look for it under another name.
        steps.extend(step.filter(|step| older_checkpoint_path(folder, *step).exists()));
    }
    steps.sort_unstable_by(|a: &u64, b| b.cmp(a));
    Ok(steps)
}

/// A line a step.
pub(super) fn journal_path(folder: &Path) -> PathBuf {
    folder.join("journal.jsonl")
}

/// Features of a frozen trunk.
pub(super) fn cache_path(folder: &Path) -> PathBuf {
    folder.join("cache")
}
