//! The official detection table of COCO, from a file of annotations and a file of results.

mod json_file;
mod results;
mod rle;
mod table;
mod truth;

use std::path::Path;

use hotcoco::{COCOeval, IouType};

use crate::error::{Error, Result};

pub use table::{CategoryPrecision, DetectionKind, DetectionRow, DetectionTable};

/// The twelve official numbers of a file of results, and the precision of each category.
///
/// ```text
/// match       detections by falling score, each to the free annotation of largest IoU ≥ t, in its image and category
/// precision   P(r) = largest precision at a recall of at least r
/// AP          mean of P(r) over r = 0, 0.01 … 1, categories and t = 0.50, 0.55 … 0.95
/// AR          mean of the largest recall over categories and t, with 1, 10 or 100 detections an image
/// ```
///
/// # Conventions
/// `kind` is `Segm`, `Bbox`, or `None` to let the first detection choose: masks where it has one. Results are a list of
/// `{"image_id", "category_id", "score", "bbox": [x, y, width, height], "segmentation": {"size", "counts"}}`. Where the
/// first has a box all need one, and a detection is as large as its box; otherwise all need a mask, and boxes are drawn
/// around masks. An empty list has found nothing. Crowds are neither found nor missed.
///
/// # Errors
/// Everything that would make the table say something else than it means. For both files: `Io`, `Truncated`, `Json`, `JsonTooDeep`,
/// `JsonNotFinite`. For results: `ResultsNotAList`, `ResultsEmpty` without a kind, `DetectionImage` and
/// `DetectionCategory` for ids that the annotations lack, `Detection` for scores, boxes and masks. For annotations:
/// `TruthEmpty`, `TooManyCategories` above 512, `DuplicateId`, `Field` for a size, mask or box that cannot be compared.
///
/// # Source
/// pycocotools, `loadRes` and `COCOeval`, by way of the crate `hotcoco`. Where we depart: `loadRes` lets a category pass
/// that the annotations lack, and evaluates boxes as if they were masks.
pub fn evaluate_detections(
    truth: &Path,
    results: &Path,
    kind: impl Into<Option<DetectionKind>>,
) -> Result<DetectionTable> {
    let annotations = truth::read(truth)?;
    let detections = results::read(results)?;
    let empty = || Error::ResultsEmpty {
        path: results.to_owned(),
    };
    let kind = kind
        .into()
        .or_else(|| results::kind(&detections))
        .ok_or_else(empty)?;
    truth::check(truth, &annotations, kind)?;
    let detections = results::checked(results, detections, kind, &annotations)?;
    let refused = |source| Error::DetectionEvaluation {
        path: results.to_owned(),
        source,
    };
    let detections = annotations.load_res_anns(detections).map_err(refused)?;
    let iou = match kind {
        DetectionKind::Segm => IouType::Segm,
        DetectionKind::Bbox => IouType::Bbox,
    };
    let mut evaluation = COCOeval::new(annotations, detections, iou);
    evaluation.evaluate().map_err(refused)?;
    evaluation.accumulate();
    // For the numbers it leaves in `stats`: the lines are ours.
    evaluation.summarize_lines();
    Ok(DetectionTable::of(kind, &evaluation))
}
