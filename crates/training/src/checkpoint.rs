//! Checkpoints: everything that a training resumes from, to the bit.

use std::collections::BTreeSet;
use std::path::Path;

use dfdx::prelude::HasShape;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::averaging::Averaging;
use crate::config::TrainConfig;
use crate::error::{Error, Result};
use crate::optimiser::OptimiserState;
use models::TrainableNetwork;
use models::{
    Precision, TensorOut, TensorSource, WeightsFile, digest_of_tensors as digest, write_atomically,
    write_safetensors,
};

/// The file's metadata beside its tensors.
#[derive(Serialize, Deserialize)]
struct Header {
    /// Steps done.
    step: u64,
    /// Settings; a training resumes only under its own.
    config: TrainConfig,
    /// Settings of the task, as text.
    task: String,
    /// The network's description, as text.
    network: String,
    /// Names of the training examples, in order.
    images: Vec<String>,
    /// Digests of their contents, 0 for one that is not known; none in checkpoints from before.
    #[serde(default)]
    digests: Vec<u64>,
}

/// The parts of a checkpoint beside the optimiser's state.
pub(super) struct Written<'a, L> {
    pub(super) network: &'a L,
    pub(super) averaging: &'a Averaging,
    pub(super) config: &'a TrainConfig,
    pub(super) task: String,
    pub(super) images: Vec<String>,
    pub(super) digests: &'a [u64],
}

/// The training set of now, to be compared with that of a checkpoint.
#[derive(Clone, Copy)]
pub(super) struct SetOfNow<'a> {
    pub(super) images: &'a [String],
    /// `None` on ranks that do not look at the contents.
    pub(super) digests: Option<&'a [u64]>,
}

/// A training as it was after some step.
pub(super) struct Checkpoint<L> {
    pub(super) network: L,
    pub(super) optimiser: OptimiserState,
    pub(super) averaging: Averaging,
    /// Examples whose contents are others than they were.
    pub(super) changed: Vec<String>,
}

impl<L: TrainableNetwork> Checkpoint<L> {
    /// Writes network, optimiser and average, whole or not at all.
    pub(super) fn write(
        path: &Path,
        written: &Written<'_, L>,
        optimiser: &mut OptimiserState,
    ) -> Result<()> {
        let (network, averaging) = (written.network, written.averaging);
        let header = Header {
            step: optimiser.steps(),
            config: written.config.clone(),
            network: network.description()?,
            task: written.task.clone(),
            images: written.images.clone(),
            digests: written.digests.to_vec(),
        };
        let header = serde_json::to_string(&header)
            .map_err(|error| Error::file(path)(std::io::Error::other(error)))?;
        let mut tensors = network.tensors_out();
        for (index, (tensor, average)) in network
            .tensors()
            .into_iter()
            .zip(averaging.values())
            .enumerate()
        {
            let [first, second] = optimiser.state_of(tensor)?;
            for (what, values) in [
                ("first", first),
                ("second", second),
                ("average", average.clone()),
            ] {
                let shape = vec![values.len()];
                tensors.push(TensorOut {
                    name: state_name(what, index),
                    shape,
                    values,
                });
            }
        }
        let contents = tensors.iter().map(|tensor| {
            let numbers = tensor.values.iter();
            (
                tensor.name.as_str(),
                numbers.flat_map(|number| number.to_le_bytes()),
            )
        });
        let header = format!("{:016x} {header}", digest(&header, contents));
        let bytes = write_safetensors(&tensors, Precision::Single, Some(header))?;
        Ok(write_atomically(path, &bytes)?)
    }

    /// Reads a file of [`Checkpoint::write`].
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when it is no checkpoint, damaged, or one under other settings or of other images; those of
    /// the file.
    pub(super) fn read(
        path: &Path,
        config: &TrainConfig,
        task: &str,
        set: SetOfNow<'_>,
    ) -> Result<Self> {
        let refused = refusing(path);
        let (file, header) = open(path)?;
        // These settings do not change the numbers of a step.
        let comparable = TrainConfig {
            checkpoint_every: config.checkpoint_every,
            keep_checkpoints: config.keep_checkpoints,
            unreadable: config.unreadable,
            cache_bytes: config.cache_bytes,
            changed_data: config.changed_data,
            ..header.config.clone()
        };
        if comparable != *config {
            let found = serde_json::to_value(&comparable).unwrap_or_default();
            let asked = serde_json::to_value(config).unwrap_or_default();
            return Err(refused("setting", differences(&found, &asked)));
        }
        if header.task != task {
            let value = |text: &str| serde_json::from_str(text).unwrap_or_default();
            return Err(refused(
                "task",
                differences(&value(&header.task), &value(task)),
            ));
        }
        if header.images != set.images {
            return Err(refused(
                "training set",
                other_images(&header.images, set.images),
            ));
        }
        let changed = changed(&header, set.digests);
        if !config.changed_data && !changed.is_empty() {
            let found = format!(
                "{}; --changed-data resumes with the files as they are now",
                changed_in_words(&changed)
            );
            return Err(refused("training set", found));
        }
        let network = L::from_described(&file, &header.network)?;
        let mut optimiser = OptimiserState::new(config.optimiser);
        let mut averages = Vec::new();
        for (index, tensor) in network.tensors().into_iter().enumerate() {
            let len = tensor.shape().0;
            let read = |what| file.tensor(&state_name(what, index), &[len]);
            optimiser.restore(tensor, [read("first")?, read("second")?], header.step)?;
            averages.push(read("average")?);
        }
        let mut averaging = Averaging::new(config.averaging, &network);
        averaging.restore(averages);
        Ok(Self {
            network,
            optimiser,
            averaging,
            changed,
        })
    }

    /// The network that would have been written after the checkpoint's step, and that step.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when it is no checkpoint; those of the file.
    pub(super) fn network_so_far(path: &Path) -> Result<(L, u64)> {
        let (file, header) = open(path)?;
        let network = L::from_described(&file, &header.network)?;
        let mut averages = Vec::new();
        for (index, tensor) in network.tensors().into_iter().enumerate() {
            averages.push(file.tensor(&state_name("average", index), &[tensor.shape().0])?);
        }
        let mut averaging = Averaging::new(header.config.averaging, &network);
        averaging.restore(averages);
        Ok((averaging.written(&network).into_owned(), header.step))
    }
}

/// The settings that differ, each as `name: found, not asked`.
fn differences(found: &Value, asked: &Value) -> String {
    let mut differing = Vec::new();
    collect(String::new(), found, asked, &mut differing);
    differing.join("; ")
}

fn collect(name: String, found: &Value, asked: &Value, differing: &mut Vec<String>) {
    match (found, asked) {
        (Value::Object(found), Value::Object(asked)) => {
            let names: BTreeSet<&String> = found.keys().chain(asked.keys()).collect();
            for part in names {
                let value = |map: &Map<String, Value>| map.get(part).cloned().unwrap_or_default();
                let word = in_words(part);
                let name = if name.is_empty() {
                    word
                } else {
                    format!("{name}.{word}")
                };
                collect(name, &value(found), &value(asked), differing);
            }
        }
        _ if found != asked => differing.push(format!("{name}: {found}, not {asked}")),
        _ => {}
    }
}

/// A setting as the command line and recipes name it.
fn in_words(field: &str) -> String {
    match field {
        "rate" => "learning-rate".to_owned(),
        "averaging" => "ema".to_owned(),
        other => other.replace('_', "-"),
    }
}

/// Names of the examples whose contents have another digest than they had; those that are not known count as they were.
fn changed(header: &Header, now: Option<&[u64]>) -> Vec<String> {
    let pairs = header.digests.iter().zip(now.unwrap_or_default());
    let differs = pairs.map(|(then, now)| *then != 0 && *now != 0 && then != now);
    let named = differs.zip(&header.images).filter(|(differs, _)| *differs);
    named.map(|(_, name)| name.clone()).collect()
}

/// Changed examples in a few words.
pub(super) fn changed_in_words(names: &[String]) -> String {
    const NAMED: usize = 3;
    let first = names[..names.len().min(NAMED)].join(", ");
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("other contents of {first}{more}")
}

/// How the images of a checkpoint differ from those of the data.
fn other_images(found: &[String], asked: &[String]) -> String {
    let differs = found
        .iter()
        .zip(asked)
        .position(|(found, asked)| found != asked);
    let first = match differs {
        Some(place) => format!(
            "image {} is {}, not {}",
            place + 1,
            found[place],
            asked[place]
        ),
        None => "the first of them are the same".to_owned(),
    };
    let images = match found.len() {
        1 => "1 image".to_owned(),
        count => format!("{count} images"),
    };
    format!("{images}, not {}; {first}", asked.len())
}

/// A checkpoint's tensors and metadata.
fn open(path: &Path) -> Result<(WeightsFile, Header)> {
    let file = WeightsFile::open(path)?;
    let refused = refusing(path);
    let text = file.metadata("matbackprop");
    let text = text.ok_or_else(|| refused("header", "none".into()))?;
    // Checkpoints from before the digest begin with the header.
    let (written, header) = match text.split_once(' ') {
        Some((written, header)) if !written.starts_with('{') => (Some(written), header),
        _ => (None, text.as_str()),
    };
    if let Some(written) = written {
        let contents: Vec<_> = file.contents().collect();
        let contents = contents
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.iter().copied()));
        let found = format!("{:016x}", digest(header, contents));
        if found != written {
            return Err(refused("digest", format!("{found}, not {written}")));
        }
    }
    let header =
        serde_json::from_str(header).map_err(|error| refused("header", error.to_string()))?;
    Ok((file, header))
}

fn refusing(path: &Path) -> impl Fn(&'static str, String) -> Error {
    |what, found| Error::Checkpoint {
        path: path.to_path_buf(),
        what,
        found,
    }
}

fn state_name(what: &str, index: usize) -> String {
    format!("state.{index}.{what}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_one_setting_that_differs_is_named() {
        let found = TrainConfig::default();
        let asked = TrainConfig {
            rate: 0.5,
            ..found.clone()
        };
        let value = |config: &TrainConfig| serde_json::to_value(config).unwrap();
        let words = differences(&value(&found), &value(&asked));
        assert_eq!(words, "learning-rate: 0.003, not 0.5");
        let words = differences(
            &json!({"schedule": {"kind": "step", "drop_every": 3}, "same": 1}),
            &json!({"schedule": {"kind": "step", "drop_every": 4}, "same": 1}),
        );
        assert_eq!(words, "schedule.drop-every: 3, not 4");
        let words = differences(&json!({"a": 1}), &json!({"b": [2]}));
        assert_eq!(words, "a: 1, not null; b: null, not [2]");
    }

    #[test]
    fn the_first_image_that_differs_is_named() {
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        let words = other_images(&names(&["a", "b", "d"]), &names(&["a", "c"]));
        assert_eq!(words, "3 images, not 2; image 2 is b, not c");
        let words = other_images(&names(&["a"]), &names(&["a", "c"]));
        assert_eq!(words, "1 image, not 2; the first of them are the same");
    }
}
