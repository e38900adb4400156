//! Every row of a comparison: trained where its recipe says so, then measured on val.
//!
//! ```text
//!   settings ─▶ plan: runs in groups, rows left out ─▶ calls of the program ─▶ val.txt a run ─▶ table.txt
//! ```
//!
//! A run whose `val.txt` is there is done; a training with a checkpoint is resumed. One run that fails does not stop the
//! others.

mod bsds;
mod call;
mod coco;
mod plan;
mod runner;
mod settings;

use crate::error::{Error, Result};
use crate::files::write_whole;
use crate::observer::Observer;

pub use call::Call;
pub use plan::{Plan, Run};
pub use settings::{Comparison, ReproduceSettings};

/// The outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Reproduced {
    /// A line a run that is done, of this call or of one before.
    pub table: String,
    /// How many runs were done in this call.
    pub done: usize,
    /// The runs that failed, and where their logs are, a line each.
    pub failed: Vec<String>,
    /// Whether the observer stopped it.
    pub stopped: bool,
}

impl Plan {
    /// The runs of the rows that settings ask for.
    ///
    /// # Errors
    /// [`Error::Setting`] for unknown rows, no seed or no job, and for folders that are missing.
    pub fn new(settings: &ReproduceSettings) -> Result<Self> {
        let ucm = settings.ucm.as_ref().map(|folder| ("--ucm", folder));
        let folders = [("--data", &settings.data), ("--weights", &settings.weights)];
        for (option, folder) in folders.into_iter().chain(ucm) {
            if !folder.is_dir() {
                return Err(Error::setting(format!(
                    "{option}: expected a folder, found none at {}",
                    folder.display()
                )));
            }
        }
        if settings.jobs == 0 || settings.seeds.is_empty() {
            return Err(Error::setting(
                "--jobs, --seeds: expected one or more, found none",
            ));
        }
        match settings.comparison {
            Comparison::Bsds => bsds::plan(settings),
            Comparison::Coco => coco::plan(settings),
        }
    }
}

/// Runs all that is not done yet, by calls of the settings' program, and writes `table.txt` into the folder of all runs.
///
/// `ROW.log`, or `ROW-SEED.log`, holds the output of a run's program.
///
/// # Errors
/// [`Error::Setting`] for unknown rows and folders that are missing; those of files. A run that fails is none.
pub fn reproduce(settings: &ReproduceSettings, observer: &mut dyn Observer) -> Result<Reproduced> {
    let plan = Plan::new(settings)?;
    std::fs::create_dir_all(&settings.runs).map_err(Error::file(&settings.runs))?;
    for line in &plan.left_out {
        observer.message(line);
    }
    if plan.uses_script() {
        write_whole(&settings.script(), settings::SCRIPT.as_bytes())?;
    }
    observer.training_begins()?;
    let mut reproduced = runner::run(&plan, settings, observer)?;
    reproduced.table = plan::table(settings)?;
    let path = settings.runs.join("table.txt");
    write_whole(&path, reproduced.table.as_bytes())?;
    Ok(reproduced)
}
