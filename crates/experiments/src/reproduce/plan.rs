//! The runs in their order, and the rows that are left out.

use std::path::{Path, PathBuf};

use super::call::Call;
use super::settings::{Comparison, ReproduceSettings};
use crate::error::{Error, Result};

/// Runs in groups: those of a group come one after another, for they share features or are initialised from one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The runs, done or not.
    pub groups: Vec<Vec<Run>>,
    /// Why rows are left out, a line each.
    pub left_out: Vec<String>,
}

/// A row, or a row with a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its name in messages.
    pub title: String,
    /// Its folder.
    pub folder: PathBuf,
    /// The output of its programs.
    pub log: PathBuf,
    pub(super) kind: Kind,
}

/// How a run comes to its measures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// By these calls; the last one measures.
    Measured(Vec<Call>),
    /// By a training, which may have to be resumed, and a measure of it.
    Trained { train: Call, measure: Call },
}

impl Plan {
    /// All runs.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.groups.iter().flatten()
    }

    /// Whether a run that is not done needs the script of outside references.
    pub(super) fn uses_script(&self) -> bool {
        let calls = self.runs().flat_map(Run::calls);
        calls.into_iter().any(|call| {
            let first = call.arguments.first();
            first.is_some_and(|first| Path::new(first).ends_with("outside_references.py"))
        })
    }
}

impl Run {
    /// The calls that are left to be made: none where its measures are there; no training where its network is; a
    /// training that was stopped is resumed.
    pub fn calls(&self) -> Vec<Call> {
        if self.results().exists() {
            return Vec::new();
        }
        match &self.kind {
            Kind::Measured(calls) => calls.clone(),
            Kind::Trained { train, measure } => {
                let has = |name: &str| self.folder.join(name).exists();
                let train = match (has("network.safetensors"), has("checkpoint.safetensors")) {
                    (true, _) => None,
                    (false, true) => Some(train.clone().and(["--resume"])),
                    (false, false) => Some(train.clone()),
                };
                train.into_iter().chain([measure.clone()]).collect()
            }
        }
    }

    /// Its measures, as they are printed.
    pub fn results(&self) -> PathBuf {
        self.folder.join("val.txt")
    }
}

/// The line of a run's measures that a table shows.
pub(super) fn line_of_results(comparison: Comparison, path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
    let line = match comparison {
        Comparison::Bsds => text
            .lines()
            .find(|line| line.starts_with("average covering")),
        Comparison::Coco => text.lines().nth(1),
    };
    Ok(line.unwrap_or("no such measure").to_owned())
}

/// A line a run that is done, in the order of their names.
pub(super) fn table(settings: &ReproduceSettings) -> Result<String> {
    let runs = &settings.runs;
    let mut names = Vec::new();
    for entry in std::fs::read_dir(runs).map_err(Error::file(runs))? {
        names.push(entry.map_err(Error::file(runs))?.file_name());
    }
    names.sort();
    let mut table = String::new();
    for name in names {
        let path = runs.join(&name).join("val.txt");
        let name = name.to_string_lossy();
        let name = match (settings.comparison, name.rsplit_once('-')) {
            (Comparison::Bsds, _) => name.to_string(),
            (Comparison::Coco, Some((row, seed))) => format!("{row} {seed}"),
            (Comparison::Coco, None) => continue,
        };
        if path.is_file() {
            let line = line_of_results(settings.comparison, &path)?;
            table += &format!("{name} {line}\n");
        }
    }
    Ok(table)
}
