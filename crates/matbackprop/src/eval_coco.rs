//! `matbackprop eval coco`: anybody's detections measured.

mod detections;

use anyhow::Result;

use crate::arguments::EvalCocoArguments;
use crate::failure::usage;

/// Measures and tells.
pub fn run(arguments: &EvalCocoArguments) -> Result<()> {
    match (&arguments.detections, &arguments.truth) {
        (Some(detections), Some(truth)) => {
            detections::run(detections, truth, arguments.kind, arguments.json)
        }
        // Clap has made sure of it.
        _ => Err(usage("expected --detections and --truth, found neither")),
    }
}
