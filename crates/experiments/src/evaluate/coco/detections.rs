//! Detections against annotations, by the official table.

use std::path::Path;

use bench_coco::{DetectionOptions, DetectionReport, report_detections};

use crate::error::{Error, Result};
use crate::observer::Observer;

/// The official table of detections in COCO's results format, against annotations in its instances format.
///
/// What the files have that the table does not show goes to the observer too.
///
/// # Errors
/// [`Error::Setting`] for an empty list without a kind; those of the files.
pub fn detections(
    detections: &Path,
    truth: &Path,
    options: &DetectionOptions,
    observer: &mut dyn Observer,
) -> Result<DetectionReport> {
    let report = report_detections(truth, detections, options.clone());
    let report = report.map_err(|error| match error {
        // An empty file is valid: only the call can say which kind it would have held.
        bench_coco::Error::ResultsEmpty { .. } => Error::setting(format!("--kind: {error}")),
        bench_coco::Error::Argument { .. } => Error::setting(format!("--max-dets: {error}")),
        other => other.into(),
    })?;
    for finding in &report.findings {
        observer.warning(&finding.to_string());
    }
    if let Some(official) = &report.pycocotools {
        let (theirs, ours) = (official.ap.unwrap_or(-1.0), report.table.ap.unwrap_or(-1.0));
        observer.warning(&format!(
            "pycocotools says AP {theirs:.3} for these files, not {ours:.3}: --as-pycocotools prints its table"
        ));
    }
    Ok(report)
}
