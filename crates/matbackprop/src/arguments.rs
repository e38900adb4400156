//! Arguments of the command line.

mod clusters;
mod device;
mod eval;
mod eval_coco;
mod report;
mod reproduce;
mod segment;
mod train_ncuts;
mod train_o2p;
mod training;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use clusters::ClusterArgument;
pub use eval::EvalBsdsArguments;
pub use eval_coco::EvalCocoArguments;
pub use report::ReportArguments;
pub use reproduce::Reproduce;
pub use segment::{Quality, SegmentArguments};
pub use train_ncuts::TrainNcutsArguments;
pub use train_o2p::TrainO2pArguments;

/// Differentiable matrix layers, and networks trained through them.
#[derive(Parser, Debug)]
#[command(
    name = "matbackprop",
    version,
    after_help = "Example:\n  matbackprop segment photograph.jpg\n\nErrors go to standard error; the exit code is 2 for invalid arguments, 1 for a failure."
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Cut photographs into segments, and paint them
    Segment(SegmentArguments),
    /// Train a network
    #[command(subcommand)]
    Train(Train),
    /// Measure segmentations and detections
    #[command(subcommand)]
    Eval(Eval),
    /// Draw the curves of a training on one page, during it or after
    Report(ReportArguments),
    /// Train and measure every row of a comparison
    #[command(subcommand)]
    Reproduce(Reproduce),
    /// Describe a network
    Info(InfoArguments),
}

/// Train a network
#[derive(Subcommand, Debug)]
#[command(
    after_help = "Example:\n  matbackprop train ncuts --data BSDS500 --trunk lite0 --trunk-weights lite0.safetensors --out runs/lite0"
)]
pub enum Train {
    /// Train a head, and optionally the trunk, through normalised cuts on BSDS500
    Ncuts(Box<TrainNcutsArguments>),
    /// Train a classifier of free-form regions, DeepO2P or a baseline, on MS-COCO
    O2p(Box<TrainO2pArguments>),
}

/// Measure segmentations and detections
#[derive(Subcommand, Debug)]
#[command(
    after_help = "Example:\n  matbackprop eval bsds --data BSDS500 --split val --run runs/lite0"
)]
pub enum Eval {
    /// The region measures of BSDS500, as the official benchmark defines them
    Bsds(Box<EvalBsdsArguments>),
    /// Errors of a trained classifier of MS-COCO's regions, or the official table of detections by any method
    Coco(Box<EvalCocoArguments>),
}

/// Describe a network: its layers, parameters and bytes
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  matbackprop info runs/lite0/network.safetensors")]
pub struct InfoArguments {
    /// A network that `train` wrote; the one inside this program if none is given
    pub file: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_commands_are_sound() {
        Arguments::command().debug_assert();
    }
}
