//! Settings of all trainings: where a network comes from, and where it goes.

use std::path::{Path, PathBuf};

use models::DeviceChoice;
use training::{can_resume, was_begun};

use crate::error::{Error, Result};

/// Where a training's network comes from, where it runs, and where it goes.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSettings {
    /// Folder for the network, its checkpoints and its journal.
    pub out: PathBuf,
    /// Whether the training in that folder is resumed.
    pub resume: bool,
    /// Whether it is resumed on examples whose contents have changed since.
    pub changed_data: bool,
    /// The run whose trained network is initialised from, for recipes that name one.
    pub init_from: Option<PathBuf>,
    /// The file with the weights that the trunk is initialised from.
    pub trunk_weights: Option<PathBuf>,
    /// Whether the trunk starts from random weights.
    pub from_scratch: bool,
    /// Where trunk and head run.
    pub device: DeviceChoice,
    /// A file that the trained network is written to as well, in half precision.
    pub export: Option<PathBuf>,
}

impl RunSettings {
    /// A new training in `out` on the processor, its trunk out of a file.
    pub fn new(out: impl Into<PathBuf>, trunk_weights: impl Into<PathBuf>) -> Self {
        Self {
            trunk_weights: Some(trunk_weights.into()),
            from_scratch: false,
            ..Self::from_scratch(out)
        }
    }

    /// A new training in `out` on the processor, its trunk of random weights.
    pub fn from_scratch(out: impl Into<PathBuf>) -> Self {
        Self {
            out: out.into(),
            resume: false,
            changed_data: false,
            init_from: None,
            trunk_weights: None,
            from_scratch: true,
            device: DeviceChoice::Cpu,
            export: None,
        }
    }

    /// Where the weights come from, in a line.
    pub(super) fn weights_in_words(&self) -> String {
        match (&self.init_from, &self.trunk_weights) {
            (Some(run), _) => format!("weights of the run {}", run.display()),
            (None, Some(file)) => format!("weights {}", file.display()),
            (None, None) => "weights random".to_owned(),
        }
    }

    /// Whether there is a checkpoint to resume from. Where a training was killed before its first one, to resume is to start.
    pub(super) fn resumes(&self) -> bool {
        self.resume && can_resume(&self.out)
    }

    /// Refuses a folder that is a file, that holds another training, or none to be resumed.
    pub(super) fn check_out(&self) -> Result<()> {
        let out = self.out.display();
        if self.out.exists() && !self.out.is_dir() {
            return Err(Error::setting(format!(
                "--out: expected a folder, or a place for one, found the file {out}"
            )));
        }
        match (self.resume, can_resume(&self.out)) {
            // Of a training that was killed before its first checkpoint nothing is left but its lock.
            (true, false) if was_begun(&self.out) => Ok(()),
            (true, false) => Err(Error::unexpected(format!(
                "--resume: expected a checkpoint in {out}, found none"
            ))),
            (false, true) => Err(Error::setting(format!(
                "--out: expected a new folder, or --resume, found a training in {out}"
            ))),
            _ => Ok(()),
        }
    }

    /// Refuses a run to initialise from where the recipe names none, and the other way round.
    pub(super) fn check_init_from(&self, recipe_names: Option<&str>) -> Result<()> {
        match (recipe_names, &self.init_from) {
            (Some(name), None) => Err(Error::setting(format!(
                "--init-from: expected a run of the recipe {name}, found none"
            ))),
            (None, Some(run)) => Err(Error::setting(format!(
                "--init-from: expected none, as this recipe names none, found {}",
                run.display()
            ))),
            _ => Ok(()),
        }
    }
}

/// Refuses a file to write that has no folder to lie in.
pub(super) fn check_export(option: &str, export: Option<&PathBuf>) -> Result<()> {
    let Some(export) = export else { return Ok(()) };
    let folder = match export.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if export.is_dir() || !folder.is_dir() {
        let found = export.display();
        return Err(Error::setting(format!(
            "{option}: expected a place for a file in a folder that exists, found {found}"
        )));
    }
    Ok(())
}

/// The outcome of a training.
#[derive(Debug)]
#[must_use]
pub enum Trained<N> {
    /// The network that it wrote.
    Finished {
        /// The network.
        network: N,
        /// How many gradients were clipped since this call began.
        clipped: u64,
    },
    /// It was asked to stop, and can be resumed.
    Stopped {
        /// Steps done.
        step: u64,
    },
}
