//! The last few checkpoints of a training: the newest under its own name, older ones by their steps.
//!
//! ```text
//! checkpoint.safetensors        the newest
//! checkpoint-400.safetensors    the one before, after step 400
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::run_folder::{checkpoint_path, older_checkpoint_path, older_checkpoints};

/// Whether `folder` holds a checkpoint.
pub fn can_resume(folder: &Path) -> bool {
    checkpoint_path(folder).exists()
        || older_checkpoints(folder).is_ok_and(|steps| !steps.is_empty())
}

/// Why each checkpoint that could not be read was skipped, the newest first.
#[derive(Debug)]
pub(super) struct SkippedCheckpoints(pub(super) Vec<Error>);

/// Reads the latest valid checkpoint by `read`. Returns the errors of those skipped too.
///
/// # Errors
/// That of the newest where none is valid. Errors other than damage, such as other settings, are returned at once.
pub(super) fn latest_valid_checkpoint<T>(
    folder: &Path,
    read: impl Fn(&Path) -> Result<T>,
) -> Result<(T, SkippedCheckpoints)> {
    let older = older_checkpoints(folder)?.into_iter();
    let paths = older.map(|step| older_checkpoint_path(folder, step));
    let mut skipped = Vec::new();
    for path in std::iter::once(checkpoint_path(folder)).chain(paths) {
        match read(&path) {
            Ok(read) => return Ok((read, SkippedCheckpoints(skipped))),
            Err(error) if error.is_damage() => skipped.push(error),
            Err(error) => return Err(error),
        }
    }
    Err(skipped.swap_remove(0))
}

/// Keeps the newest checkpoint, which is of `step`, beside the one that is about to be written over it.
///
/// # Errors
/// [`Error::File`].
pub(super) fn keep_newest(folder: &Path, step: u64) -> Result<()> {
    let (newest, kept) = (checkpoint_path(folder), older_checkpoint_path(folder, step));
    remove(&kept)?;
    // A second name costs nothing; where a file cannot have two it is copied.
    if fs::hard_link(&newest, &kept).is_err() {
        fs::copy(&newest, &kept).map_err(Error::file(&kept))?;
    }
    Ok(())
}

/// Removes all older checkpoints but the last `count` up to `step`; those after it are of steps that come again.
///
/// # Errors
/// [`Error::File`].
pub(super) fn prune(folder: &Path, step: u64, count: usize) -> Result<()> {
    let (before, after): (Vec<u64>, Vec<u64>) = older_checkpoints(folder)?
        .into_iter()
        .partition(|older| *older < step);
    for step in before.into_iter().skip(count).chain(after) {
        remove(&older_checkpoint_path(folder, step))?;
    }
    Ok(())
}

fn remove(path: &PathBuf) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file(path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn damaged(path: &Path) -> Error {
        Error::Model(models::Error::NotSafetensors {
            origin: path.display().to_string(),
            message: "cut short".into(),
        })
    }

    /// Checkpoints whose content is their step; those cut short are empty.
    fn read(path: &Path) -> Result<u64> {
        let text = fs::read_to_string(path).map_err(Error::file(path))?;
        text.parse().map_err(|_| damaged(path))
    }

    fn write(folder: &Path, step: u64, before: Option<u64>) {
        if let Some(before) = before {
            keep_newest(folder, before).unwrap();
        }
        let partial = folder.join("partial");
        fs::write(&partial, step.to_string()).unwrap();
        fs::rename(partial, checkpoint_path(folder)).unwrap();
        prune(folder, step, 2).unwrap();
    }

    #[test]
    fn the_last_few_are_kept_and_the_latest_valid_one_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert!(!can_resume(folder) && !can_resume(&folder.join("absent")));
        write(folder, 0, None);
        for step in 1..=4 {
            write(folder, step, Some(step - 1));
        }
        fs::write(folder.join("checkpoint-01.safetensors"), "").unwrap();
        assert_eq!(older_checkpoints(folder).unwrap(), [3, 2]);
        let whole =
            || latest_valid_checkpoint(folder, read).map(|(step, passed)| (step, passed.0.len()));
        assert_eq!(whole().unwrap(), (4, 0));
        fs::write(checkpoint_path(folder), "").unwrap();
        assert_eq!(whole().unwrap(), (3, 1));
        fs::write(older_checkpoint_path(folder, 3), "").unwrap();
        assert_eq!(whole().unwrap(), (2, 2));
        // Resumed from step 2, later ones are no checkpoints of this training.
        write(folder, 3, None);
        assert_eq!(older_checkpoints(folder).unwrap(), [2]);
        fs::remove_file(checkpoint_path(folder)).unwrap();
        assert!(can_resume(folder));
        assert_eq!(whole().unwrap(), (2, 1));
        fs::write(older_checkpoint_path(folder, 2), "").unwrap();
        let reported = whole().unwrap_err().to_string();
        assert!(reported.contains("checkpoint.safetensors: "), "{reported}");
    }

    #[test]
    fn errors_other_than_damage_end_the_search() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(folder, 0, None);
        write(folder, 1, Some(0));
        let other = |path: &Path| -> Result<u64> {
            Err(Error::Checkpoint {
                path: path.to_owned(),
                what: "settings",
                found: "others".into(),
            })
        };
        let reported = latest_valid_checkpoint(folder, other)
            .unwrap_err()
            .to_string();
        assert!(reported.contains("found another settings"), "{reported}");
    }
}
