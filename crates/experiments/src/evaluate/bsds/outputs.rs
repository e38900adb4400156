//! Output files of a measurement, apart from the measures of images.

use std::path::Path;

use bench_bsds::{BoundaryEvaluation, Evaluation};
use serde_json::Value;

use super::measuring::Evaluations;
use super::page::ReportPage;
use crate::error::Result;
use crate::files::write_whole;

/// Writes the official kit's text files, `report.json` and `report.html`, each whole or not at all.
///
/// Where fewer images are measured than before, the `ID_ev*.txt` of the others stay.
pub fn write(
    out: &Path,
    evaluations: &Evaluations,
    object: &Value,
    page: &ReportPage<'_>,
) -> Result<()> {
    let regions = evaluations.regions.as_ref();
    let boundaries = evaluations.boundaries.as_ref();
    let files = [
        regions.map(Evaluation::official_files),
        boundaries.map(BoundaryEvaluation::official_files),
    ];
    for files in files.into_iter().flatten() {
        for file in files? {
            write_whole(&out.join(&file.name), file.text.as_bytes())?;
        }
    }
    let mut json = serde_json::to_vec_pretty(object)?;
    json.push(b'\n');
    write_whole(&out.join("report.json"), &json)?;
    write_whole(&out.join("report.html"), page.html()?.as_bytes())
}
