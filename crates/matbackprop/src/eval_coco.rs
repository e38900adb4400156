//! `matbackprop eval coco`: a trained classifier of regions, or anybody's detections, measured.

mod classification;
mod detections;

use anyhow::Result;
use training::Ranks;

use crate::arguments::EvalCocoArguments;
use crate::failure::usage;

pub use classification::predictions_path;

/// Measures and tells.
pub fn run(arguments: &EvalCocoArguments, ranks: &Ranks) -> Result<()> {
    if let (Some(run), Some(data)) = (&arguments.run, &arguments.data) {
        let asked = classification::Asked {
            run,
            data,
            split: &arguments.split,
            against: arguments.against.as_deref(),
            cache: arguments.cache.as_deref(),
            device: arguments.device,
            json: arguments.json,
        };
        return classification::run(&asked, ranks);
    }
    // One table of one file: there is nothing to share.
    let table = ranks.is_first().then(|| detections(arguments));
    ranks.sync_result(table.unwrap_or(Ok(())))
}

fn detections(arguments: &EvalCocoArguments) -> Result<()> {
    match (&arguments.detections, &arguments.truth) {
        (Some(detections), Some(truth)) => {
            detections::run(detections, truth, arguments.kind, arguments.json)
        }
        // Clap has made sure of it.
        _ => Err(usage(
            "expected --run and --data, or --detections and --truth, found neither",
        )),
    }
}
