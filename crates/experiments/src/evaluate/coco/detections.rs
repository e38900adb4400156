//! Detections against annotations, by the official table.

use std::path::Path;

use bench_coco::{DetectionKind, DetectionTable, evaluate_detections};

use crate::error::{Error, Result};

/// The official table of detections in COCO's results format, against annotations in its instances format.
///
/// # Errors
/// [`Error::Setting`] for an empty list without a kind; those of the files.
pub fn detections(
    detections: &Path,
    truth: &Path,
    kind: Option<DetectionKind>,
) -> Result<DetectionTable> {
    evaluate_detections(truth, detections, kind).map_err(|error| match error {
        // An empty file is valid: only the call can say which kind it would have held.
        bench_coco::Error::ResultsEmpty { .. } => Error::setting(format!("--kind: {error}")),
        other => other.into(),
    })
}
