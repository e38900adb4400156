//! `matbackprop train o2p`.

use std::path::PathBuf;

use clap::Args;

use super::device::DeviceArgument;

const EXAMPLE: &str = "\
Example:
  matbackprop train o2p --model lite0-o2p-fc --data COCO --trunk-weights lite0.safetensors --out runs/lite0-o2p-fc
  matbackprop eval coco --data COCO --run runs/lite0-o2p-fc

RUN will hold network.safetensors (written at the end), checkpoint.safetensors and journal.jsonl, a line a step. A
training that was stopped goes on with the same command and --resume.

Built with --features mpi, `mpirun -np N matbackprop train o2p …` deals the regions of each step out to N processes, on
machines that all see RUN and the data: the steps are those of one process.";

/// Train a classifier of free-form regions, DeepO2P or one of its partners, on MS-COCO
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct TrainO2pArguments {
    /// A recipe: its name, or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    pub model: String,

    /// Folder of MS-COCO: annotations/instances_SPLIT….json beside the photographs
    #[arg(long, value_name = "COCO_DIR")]
    pub data: PathBuf,

    /// The regions to learn from
    #[arg(long, value_name = "NAME", default_value = "train")]
    pub split: String,

    /// Weights the trunk starts from, safetensors
    #[arg(long, value_name = "FILE")]
    pub trunk_weights: Option<PathBuf>,

    /// The run whose network is gone on from, for recipes that say so
    #[arg(long, value_name = "RUN")]
    pub start: Option<PathBuf>,

    /// Folder for the network, its checkpoint and its journal
    #[arg(long, value_name = "RUN")]
    pub out: PathBuf,

    /// Go on from the last checkpoint in RUN, under the same settings
    #[arg(long)]
    pub resume: bool,

    /// Folder where features of frozen layers are kept for other trainings too
    #[arg(long, value_name = "FOLDER")]
    pub cache: Option<PathBuf>,

    #[command(flatten)]
    pub device: DeviceArgument,

    /// Visits to every region [default: the recipe's]
    #[arg(long, value_name = "N")]
    pub epochs: Option<u32>,

    /// Largest share of the regions that may be left out because they cannot be read [default: the recipe's]
    #[arg(long, value_name = "SHARE")]
    pub unreadable: Option<f64>,

    /// Checkpoints kept, the newest among them [default: the recipe's, usually 2]
    #[arg(long, value_name = "N")]
    pub keep_checkpoints: Option<u8>,

    /// Where all random numbers come from
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}
