//! Checkpoints: everything that a training resumes from, to the bit.

use std::path::Path;

use dfdx::prelude::HasShape;
use serde::{Deserialize, Serialize};

use crate::averaging::Averaging;
use crate::config::TrainConfig;
use crate::error::{Error, Result};
use crate::optimiser::OptimiserState;
use models::TrainableNetwork;
use models::fnv_1a;
use models::{
    Precision, TensorOut, TensorSource, WeightsFile, write_atomically, write_safetensors,
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
}

/// The parts of a checkpoint beside the optimiser's state.
pub(super) struct Written<'a, L> {
    pub(super) network: &'a L,
    pub(super) averaging: &'a Averaging,
    pub(super) config: &'a TrainConfig,
    pub(super) task: String,
    pub(super) images: Vec<String>,
}

/// A training as it was after some step.
pub(super) struct Checkpoint<L> {
    pub(super) network: L,
    pub(super) optimiser: OptimiserState,
    pub(super) averaging: Averaging,
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
        images: &[String],
    ) -> Result<Self> {
        let refused = refusing(path);
        let (file, header) = open(path)?;
        // These settings do not change the numbers of a step.
        let comparable = TrainConfig {
            checkpoint_every: config.checkpoint_every,
            keep_checkpoints: config.keep_checkpoints,
            unreadable: config.unreadable,
            cache_bytes: config.cache_bytes,
            ..header.config
        };
        if comparable != *config {
            let found = serde_json::to_string(&comparable).unwrap_or_default();
            return Err(refused("settings", found));
        }
        if header.task != task {
            return Err(refused("task", header.task));
        }
        if header.images != images {
            return Err(refused(
                "training set",
                format!("{} other images", header.images.len()),
            ));
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

/// A number that changes with every bit of the header and the tensors, whatever the tensors' order: safetensors files
/// have none, and a number that a disk has turned is a number still.
fn digest<'a>(
    header: &str,
    contents: impl Iterator<Item = (&'a str, impl Iterator<Item = u8>)>,
) -> u64 {
    contents.fold(fnv_1a(header.bytes()), |sum, (name, bytes)| {
        sum.wrapping_add(fnv_1a(name.bytes().chain(bytes)))
    })
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
