//! COCO's table of detections, out of files.

use crate::exceptions::{MatbackpropError, of_any};
use bench_coco::{DetectionKind, DetectionOptions, report_detections};
use numpy::PyArray1;
use pyo3::prelude::*;
use std::path::PathBuf;

/// Numbers, table, report, sizes of the curves, precision and recall.
type Evaluated<'py> = (
    Vec<Option<f64>>,
    String,
    String,
    [usize; 5],
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<f64>>,
);

/// The twelve numbers in the official order, the table as pycocotools prints it, and the whole report as JSON, and what the numbers are the
/// means of.
#[pyfunction]
fn evaluate_detections<'py>(
    py: Python<'py>,
    truth: PathBuf,
    results: PathBuf,
    kind: Option<&str>,
    max_detections: Option<[usize; 3]>,
    flags: (bool, bool, bool),
) -> PyResult<Evaluated<'py>> {
    let (class_agnostic, as_pycocotools, strict) = flags;
    let kind = match kind {
        None => None,
        Some("bbox") => Some(DetectionKind::Bbox),
        Some("segm") => Some(DetectionKind::Segm),
        Some(other) => {
            let message = format!("kind: expected \"bbox\", \"segm\" or None, found {other:?}");
            return Err(MatbackpropError::new_err(message));
        }
    };
    let mut options = DetectionOptions {
        kind,
        class_agnostic,
        as_pycocotools,
        strict,
        ..DetectionOptions::default()
    };
    if let Some(most) = max_detections {
        options.max_detections = most;
    }
    let report = py.detach(|| report_detections(&truth, &results, options));
    let report = report.map_err(|error| of_any(&error))?;
    let numbers = report.table.rows().iter().map(|row| row.value).collect();
    let printed = report.table.to_string();
    let json = serde_json::to_string(&report).map_err(|error| of_any(&error))?;
    let curves = report.curves;
    let precision = PyArray1::from_vec(py, curves.precision);
    let recall = PyArray1::from_vec(py, curves.recall);
    Ok((numbers, printed, json, curves.shape, precision, recall))
}

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(evaluate_detections, module)?)
}
