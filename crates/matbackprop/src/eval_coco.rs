//! `matbackprop eval coco`: a trained classifier of regions, or anybody's detections, measured.

mod classification;
mod detections;

use anyhow::Result;

use crate::arguments::EvalCocoArguments;
use crate::failure::usage;

pub use classification::predictions_path;

/// Measures and tells.
pub fn run(arguments: &EvalCocoArguments) -> Result<()> {
    if let (Some(run), Some(data)) = (&arguments.run, &arguments.data) {
        return classification::run(&classification::Asked {
            run,
            data,
            split: &arguments.split,
            against: arguments.against.as_deref(),
            cache: arguments.cache.as_deref(),
            device: arguments.device,
            json: arguments.json,
        });
    }
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
