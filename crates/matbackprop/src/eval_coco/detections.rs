//! Detections against annotations, by the official table.

use std::path::Path;

use anyhow::Result;
use bench_coco::{DetectionKind, Error, evaluate_detections};

use crate::arguments::KindArgument;
use crate::failure::usage;
use crate::output;

/// Prints the official table, or its object.
pub fn run(detections: &Path, truth: &Path, kind: Option<KindArgument>, json: bool) -> Result<()> {
    let kind = kind.map(DetectionKind::from);
    let table = evaluate_detections(truth, detections, kind).map_err(|error| match error {
        // Nothing is wrong with the file: only the call can say what it would have held.
        Error::ResultsEmpty { .. } => usage(format!("--kind: {error}")),
        other => other.into(),
    })?;
    if json {
        return output::print_json(&table);
    }
    output::print(&table.to_string())
}
