//! One JSON line a step, or a measure.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use models::Transfers;
use models::write_atomically;

/// A line of the journal. `M` holds the measures of the task, beside the common columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord<M> {
    /// Counted from 1.
    pub step: u64,
    /// Counted from 1.
    pub epoch: u64,
    /// Examples of this step.
    pub images: Vec<String>,
    /// The mean over the step's examples; NaN, which the journal writes as null, where the step changed nothing.
    #[serde(deserialize_with = "nan_from_null")]
    pub loss: f64,
    /// The measures of the task.
    #[serde(flatten)]
    pub measures: M,
    /// L2 norm of the gradient before clipping.
    #[serde(deserialize_with = "nan_from_null")]
    pub gradient_norm: f64,
    /// Whether it was clipped.
    pub clipped: bool,
    /// Learning rate of new layers.
    pub rate: f64,
    /// Wall time of the step.
    pub seconds: f64,
    /// Transfers to a GPU and back; `None` on the CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfers: Option<Transfers>,
    /// Whether loss or gradient were not finite, or no example could be read: nothing was changed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub skipped: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn nan_from_null<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// The part that every line has: enough to find the lines after a checkpoint.
#[derive(Deserialize)]
struct Place {
    step: u64,
}

/// The file that steps are written to, a line each; so are measures after some of them, if any.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens the journal and drops the lines after `step`: those steps come again.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn open(path: &Path, step: u64) -> Result<Self> {
        let kept: Vec<u8> = match File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::file(path)(error)),
            Ok(file) => {
                let mut kept = Vec::new();
                for line in BufReader::new(file).split(b'\n') {
                    let line = line.map_err(Error::file(path))?;
                    // A line cut short by a crash is no record, and goes.
                    let record = serde_json::from_slice::<Place>(&line);
                    if record.is_ok_and(|record| record.step <= step) {
                        kept.extend_from_slice(&line);
                        kept.push(b'\n');
                    }
                }
                kept
            }
        };
        write_atomically(path, &kept)?;
        let file = OpenOptions::new()
            .append(true)
            .open(path)
            .map_err(Error::file(path))?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
        })
    }

    /// Appends a line: a [`StepRecord`], or any record with a `step`.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn write(&mut self, record: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(record)
            .map_err(|error| Error::file(&self.path)(std::io::Error::other(error)))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(Error::file(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CutMeasures;

    fn record(step: u64) -> StepRecord<CutMeasures> {
        StepRecord {
            step,
            epoch: 1,
            images: vec!["a".into()],
            loss: 0.5,
            measures: CutMeasures {
                similarity_rank: 3.0,
                target_rank: 2.0,
                dropped_segments: 0,
            },
            gradient_norm: 1.0,
            clipped: false,
            rate: 0.1,
            skipped: false,
            seconds: 0.0,
            transfers: None,
        }
    }

    #[test]
    fn lines_after_the_checkpoint_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let mut journal = Journal::open(&path, 0).unwrap();
        for step in 1..=5 {
            journal.write(&record(step)).unwrap();
        }
        drop(journal);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"step\": 3, \"epo").unwrap();
        let mut journal = Journal::open(&path, 3).unwrap();
        journal.write(&record(4)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let steps: Vec<u64> = text
            .lines()
            .map(|line| {
                serde_json::from_str::<StepRecord<CutMeasures>>(line)
                    .unwrap()
                    .step
            })
            .collect();
        assert_eq!(steps, [1, 2, 3, 4]);
    }
}
