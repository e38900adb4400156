//! `matbackprop reproduce bsds` and `matbackprop reproduce coco`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use experiments::reproduce::{Comparison, ReproduceSettings};

const EXAMPLE: &str = "\
Example:
  matbackprop reproduce bsds --data BSDS500 --weights WEIGHTS --out runs --dry-run
  matbackprop reproduce coco --data COCO --weights WEIGHTS --out runs lite0-o2p-fc lite0-first";

const BSDS_EXAMPLE: &str = "\
Example:
  matbackprop reproduce bsds --data BSDS500 --weights WEIGHTS --out runs
  matbackprop reproduce bsds --data BSDS500 --weights WEIGHTS --out runs lite0-ncuts lite0-ncuts-tuned

One run at a time, on one core. RUNS/ROW.log is its log; RUNS/table.txt holds a line a row at the end: average \
covering, ODS and OIS. The rows felzenszwalb and recursive-ncut need --python with scikit-image, gpb-owt-ucm needs --ucm.";

const COCO_EXAMPLE: &str = "\
Example:
  matbackprop reproduce coco --data COCO --weights WEIGHTS --out runs
  matbackprop reproduce coco --data COCO --weights WEIGHTS --out runs --seeds 1 lite0-o2p-fc lite0-first

Rows of different trunks run side by side, a core each. RUNS/ROW-SEED.log is the log of a run; RUNS/table.txt holds a \
line a run at the end: top-1 error.";

/// Train and measure every row of a comparison
#[derive(Subcommand, Debug)]
#[command(after_help = EXAMPLE)]
pub enum Reproduce {
    /// Every row on BSDS500
    Bsds(Box<ReproduceBsdsArguments>),
    /// Every row on MS-COCO
    Coco(Box<ReproduceCocoArguments>),
}

/// Where all runs lie, and which of them.
#[derive(Args, Debug)]
struct RunsArguments {
    /// Rows by name, or recipe files [default: all rows]
    #[arg(value_name = "ROW")]
    rows: Vec<String>,

    /// Folder with vgg16_features_f16.safetensors and efficientnet_lite0_f16.safetensors; with torchvision's
    /// alexnet-owt-7be5be79.safetensors its rows run too
    #[arg(long, value_name = "DIR")]
    weights: PathBuf,

    /// Folder of all runs. Finished runs are not repeated, and a training that was stopped is resumed
    #[arg(long, value_name = "RUNS")]
    out: PathBuf,

    /// Print the plan, and run nothing
    #[arg(long)]
    dry_run: bool,
}

/// Train and measure every row of the comparison on BSDS500
#[derive(Args, Debug)]
#[command(after_help = BSDS_EXAMPLE)]
pub struct ReproduceBsdsArguments {
    /// Folder of BSDS500
    #[arg(long, value_name = "BSDS_DIR")]
    data: PathBuf,

    #[command(flatten)]
    runs: RunsArguments,

    /// Python with scikit-image, for methods of others
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: PathBuf,

    /// The contour maps of gPb-owt-ucm's authors: ID.mat with `ucm2`
    #[arg(long, value_name = "DIR")]
    ucm: Option<PathBuf>,
}

/// Train and measure every row of the comparison on MS-COCO
#[derive(Args, Debug)]
#[command(after_help = COCO_EXAMPLE)]
pub struct ReproduceCocoArguments {
    /// Folder of MS-COCO: annotations/instances_SPLIT….json beside the photographs
    #[arg(long, value_name = "COCO_DIR")]
    data: PathBuf,

    #[command(flatten)]
    runs: RunsArguments,

    /// Seeds of the rows on pretrained trunks; the first is that of all others
    #[arg(
        long,
        value_name = "SEED,…",
        value_delimiter = ',',
        default_value = "1,2,3"
    )]
    seeds: Vec<u64>,

    /// Rows of different trunks that run side by side
    #[arg(long, value_name = "N", default_value_t = 2)]
    jobs: usize,
}

impl Reproduce {
    /// The library's settings; `program` is this one.
    pub fn settings(&self, program: PathBuf) -> ReproduceSettings {
        let (comparison, data, runs) = match self {
            Self::Bsds(arguments) => (Comparison::Bsds, &arguments.data, &arguments.runs),
            Self::Coco(arguments) => (Comparison::Coco, &arguments.data, &arguments.runs),
        };
        let settings = ReproduceSettings {
            rows: runs.rows.clone(),
            program,
            ..ReproduceSettings::new(comparison, data, &runs.weights, &runs.out)
        };
        match self {
            Self::Bsds(arguments) => ReproduceSettings {
                python: arguments.python.clone(),
                ucm: arguments.ucm.clone(),
                ..settings
            },
            Self::Coco(arguments) => ReproduceSettings {
                seeds: arguments.seeds.clone(),
                jobs: arguments.jobs,
                ..settings
            },
        }
    }

    /// Whether nothing is run.
    pub fn is_dry(&self) -> bool {
        match self {
            Self::Bsds(arguments) => arguments.runs.dry_run,
            Self::Coco(arguments) => arguments.runs.dry_run,
        }
    }
}
