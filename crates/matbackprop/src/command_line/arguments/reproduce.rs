//! `matbackprop reproduce bsds` and `matbackprop reproduce coco`.

use std::path::PathBuf;

use clap::builder::StyledStr;
use clap::{Args, Subcommand, ValueHint};
use experiments::recipe::{BSDS_RECIPES, BuiltIn, COCO_RECIPES};
use experiments::reproduce::{Comparison, ReproduceSettings};

use super::{headings, sections};

const EXAMPLES: &str = "\
  # What there is to do on BSDS500
  matbackprop reproduce bsds --data BSDS500 --weights WEIGHTS --out runs \\
    --dry-run

  # Two rows on MS-COCO, one seed each
  matbackprop reproduce coco --data COCO --weights WEIGHTS --out runs \\
    --seeds 1 lite0-o2p-fc lite0-first";

const BSDS_EXAMPLES: &str = "\
  # What there is to do
  matbackprop reproduce bsds --data BSDS500 --weights WEIGHTS --out runs \\
    --dry-run

  # All rows
  matbackprop reproduce bsds --data BSDS500 --weights WEIGHTS --out runs

  # Two rows, the second initialised from the first
  matbackprop reproduce bsds --data BSDS500 --weights WEIGHTS --out runs \\
    lite0-ncuts lite0-ncuts-tuned";

const BSDS_RUNS: &str = "\
  One run at a time, on one core. RUNS/ROW.log is its log. RUNS/table.txt holds a line a row at the end: average \
  covering, ODS and OIS. The rows felzenszwalb and recursive-ncut need --python with scikit-image, gpb-owt-ucm needs --ucm.";

const COCO_EXAMPLES: &str = "\
  # What there is to do
  matbackprop reproduce coco --data COCO --weights WEIGHTS --out runs \\
    --dry-run

  # All rows
  matbackprop reproduce coco --data COCO --weights WEIGHTS --out runs

  # Two rows, one seed each
  matbackprop reproduce coco --data COCO --weights WEIGHTS --out runs \\
    --seeds 1 lite0-o2p-fc lite0-first";

const COCO_RUNS: &str = "\
  Rows of different trunks run side by side, a core each. RUNS/ROW-SEED.log is the log of a run. RUNS/table.txt \
  holds a line a run at the end: top-1 error.";

fn with_rows(examples: &str, runs: &str, recipes: &BuiltIn) -> StyledStr {
    let rows = format!("  {}", recipes.names().join(", "));
    sections::with_examples(examples, &[("Runs", runs), ("Rows with a recipe", &rows)])
}

/// Train and measure every row of a comparison
///
/// Finished runs are not repeated, and a training that was stopped is resumed.
#[derive(Subcommand, Debug)]
#[command(after_help = sections::examples(EXAMPLES))]
pub enum Reproduce {
    /// Train and measure every row of the comparison on BSDS500
    Bsds(Box<ReproduceBsdsArguments>),
    /// Train and measure every row of the comparison on MS-COCO
    Coco(Box<ReproduceCocoArguments>),
}

/// Where all runs lie, and which of them.
#[derive(Args, Debug)]
struct RunsArguments {
    /// Rows by name, or recipe files [default: all rows]
    #[arg(value_name = "ROW")]
    rows: Vec<String>,

    /// Folder of the trunks' weights
    ///
    /// It holds `vgg16_features_f16.safetensors` and `efficientnet_lite0_f16.safetensors`. With torchvision's
    /// `alexnet-owt-7be5be79.safetensors` AlexNet's rows run too.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = headings::INPUT)]
    weights: PathBuf,

    /// Folder of all runs
    #[arg(long, value_name = "RUNS", value_hint = ValueHint::DirPath, help_heading = headings::OUTPUT)]
    out: PathBuf,

    /// Print the plan and run nothing
    #[arg(long, help_heading = headings::RUNS)]
    dry_run: bool,
}

/// Train and measure every row of the comparison on BSDS500
#[derive(Args, Debug)]
#[command(
    after_help = sections::examples(BSDS_EXAMPLES),
    after_long_help = with_rows(BSDS_EXAMPLES, BSDS_RUNS, &BSDS_RECIPES)
)]
pub struct ReproduceBsdsArguments {
    /// Folder of BSDS500
    #[arg(long, value_name = "BSDS_DIR", value_hint = ValueHint::DirPath, help_heading = headings::INPUT)]
    data: PathBuf,

    #[command(flatten)]
    runs: RunsArguments,

    /// Python with scikit-image, for two methods of others
    #[arg(long, value_name = "PROGRAM", default_value = "python3", value_hint = ValueHint::CommandName,
        help_heading = headings::INPUT)]
    python: PathBuf,

    /// Contour maps of gPb-owt-ucm's authors: `ID.mat` with `ucm2`
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = headings::INPUT)]
    ucm: Option<PathBuf>,
}

/// Train and measure every row of the comparison on MS-COCO
#[derive(Args, Debug)]
#[command(
    after_help = sections::examples(COCO_EXAMPLES),
    after_long_help = with_rows(COCO_EXAMPLES, COCO_RUNS, &COCO_RECIPES)
)]
pub struct ReproduceCocoArguments {
    /// Folder of MS-COCO
    ///
    /// It holds `annotations/instances_SPLIT*.json`, and the photographs beside it.
    #[arg(long, value_name = "COCO_DIR", value_hint = ValueHint::DirPath, help_heading = headings::INPUT)]
    data: PathBuf,

    #[command(flatten)]
    runs: RunsArguments,

    /// Seeds of the rows on pretrained trunks
    ///
    /// All other rows take the first one.
    #[arg(long, value_name = "SEED,...", value_delimiter = ',', default_value = "1,2,3", help_heading = headings::RUNS)]
    seeds: Vec<u64>,

    /// Rows of different trunks to run side by side
    #[arg(long, value_name = "N", default_value_t = 2, help_heading = headings::RUNS)]
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
