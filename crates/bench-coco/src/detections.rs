//! The official detection table of COCO, from a file of annotations and a file of results.

mod curves;
mod kind;
mod listed;
mod masks;
mod options;
mod results;
mod table;
mod truth;

use std::path::Path;

use hotcoco::{COCOeval, IouType};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::findings::Finding;
use crate::strict::refuse;

pub use kind::DetectionKind;
pub use options::DetectionOptions;
pub use table::{CategoryPrecision, DetectionRow, DetectionTable};

pub use curves::DetectionCurves;

use curves::Curves;
use results::{Checked, Results};
use truth::Truth;

/// A table, and what the files have that it does not show.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DetectionReport {
    /// The numbers.
    #[serde(flatten)]
    pub table: DetectionTable,
    /// Records that were passed over, and where pycocotools departs.
    pub findings: Vec<Finding>,
    /// The numbers of pycocotools, where it departs on these files.
    pub pycocotools: Option<DetectionTable>,
    /// What the numbers are the means of.
    #[serde(skip)]
    pub curves: DetectionCurves,
}

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
/// `options` is `Segm`, `Bbox`, `None` to let the first detection choose (masks where it has one), or [`DetectionOptions`].
/// Results are a list of `{"image_id", "category_id", "score", "bbox": [x, y, width, height], "segmentation"}`, the last
/// as polygons or run lengths, `{"size", "counts"}` in letters or numbers. Where the first has a box all need one, and a
/// detection is as large as its box; otherwise all need a mask, and boxes are drawn around masks. An empty list has found
/// nothing. A list is read too where an object holds it, and no other, under `annotations`, `predictions`, `results` or
/// `detections`. Crowds are neither found nor missed. Only the fields that are compared are looked at.
///
/// # Errors
/// Everything that would make the table say something else than it means. For both files: `Io`, `Truncated`, `Json`,
/// `JsonTooDeep`. For results: `ResultsNotAList`, `ResultsEmpty` without a kind, `DetectionImage` and
/// `DetectionCategory` for ids that the annotations lack, `Detection` for scores, boxes and masks. For annotations:
/// `TruthEmpty`, `TooManyCategories` above 16384 with annotations, `Field` for a size, mask or box that cannot be
/// compared, and for an image or category without an id where results name one that is not listed. Where options are strict, `Strict` for ids that are repeated, missing or not listed, and negative numbers.
///
/// # Cost
/// Both files are read in a stream. The curves take 200 kB a category.
///
/// # Source
/// pycocotools, `loadRes` and `COCOeval`, by way of the crate `hotcoco`. Where we depart,
/// [`DetectionOptions::as_pycocotools`] says, and takes it back.
pub fn evaluate_detections(
    truth: &Path,
    results: &Path,
    options: impl Into<DetectionOptions>,
) -> Result<DetectionTable> {
    let options = options.into();
    let tabled = Evaluation::of(truth, results, &options)?.table(options.as_pycocotools)?;
    Ok(tabled.table)
}

/// As [`evaluate_detections`], with what the files have that the table does not show.
///
/// # Errors
/// As [`evaluate_detections`].
pub fn report_detections(
    truth: &Path,
    results: &Path,
    options: impl Into<DetectionOptions>,
) -> Result<DetectionReport> {
    let options = options.into();
    let evaluation = Evaluation::of(truth, results, &options)?;
    let tabled = evaluation.table(options.as_pycocotools)?;
    let departs = evaluation.truth.departs() && !options.as_pycocotools;
    let pycocotools = departs.then(|| evaluation.table(true)).transpose()?;
    Ok(DetectionReport {
        table: tabled.table,
        findings: tabled.findings,
        pycocotools: pycocotools.map(|tabled| tabled.table),
        curves: tabled.curves,
    })
}

/// What comes of an evaluation.
struct Tabled {
    table: DetectionTable,
    findings: Vec<Finding>,
    curves: DetectionCurves,
}

/// Files that have been read and can be compared.
struct Evaluation<'a> {
    path: &'a Path,
    truth: Truth,
    results: Results<'a>,
    kind: DetectionKind,
    options: &'a DetectionOptions,
}

impl<'a> Evaluation<'a> {
    fn of(truth: &Path, path: &'a Path, options: &'a DetectionOptions) -> Result<Self> {
        options.check()?;
        let truth = Truth::read(truth)?;
        let results = Results::read(path)?;
        let empty = || Error::ResultsEmpty {
            path: path.to_owned(),
        };
        let kind = options.kind.or_else(|| results.kind()).ok_or_else(empty)?;
        truth.check(kind)?;
        Ok(Self {
            path,
            truth,
            results,
            kind,
            options,
        })
    }

    fn table(&self, official: bool) -> Result<Tabled> {
        let options = &DetectionOptions {
            as_pycocotools: official,
            ..self.options.clone()
        };
        let Checked {
            annotations,
            findings,
        } = self.results.checked(self.kind, &self.truth, options)?;
        let findings = [&self.truth.findings[..], &findings].concat();
        if options.strict {
            refuse(&findings)?;
        }
        let prepared = self.truth.prepared(self.kind, official)?;
        let refused = |source| Error::DetectionEvaluation {
            path: self.path.to_owned(),
            source,
        };
        let detections = prepared.coco.load_res_anns(annotations).map_err(refused)?;
        let iou = match self.kind {
            DetectionKind::Segm => IouType::Segm,
            DetectionKind::Bbox => IouType::Bbox,
        };
        let mut evaluation = COCOeval::new(prepared.coco, detections, iou);
        evaluation.params.max_dets = options.max_detections.to_vec();
        evaluation.params.use_cats = !options.class_agnostic;
        let categories = match prepared.categories[..] {
            // No list would mean all of them.
            [] => vec![0],
            _ => prepared.categories,
        };
        if evaluation.params.use_cats {
            evaluation.params.cat_ids.clone_from(&categories);
        }
        evaluation.evaluate().map_err(refused)?;
        let curves = if prepared.zero.is_empty() {
            evaluation.accumulate();
            Curves::of(&evaluation)
        } else {
            Curves::without(&evaluation, &prepared.zero)
        };
        let listed = self.truth.categories();
        let place = |listed: usize| categories.binary_search(&(listed as u64)).ok();
        let places: Vec<Option<usize>> = match options.class_agnostic {
            true => Vec::new(),
            false => (0..listed.len()).map(place).collect(),
        };
        let named = listed.iter().zip(&places);
        let named =
            named.map(|(category, place)| (category.id.clone(), category.name.clone(), *place));
        Ok(Tabled {
            table: DetectionTable::of(self.kind, options, &curves, named),
            findings,
            curves: match options.class_agnostic {
                true => curves.of_categories(&[Some(0)]),
                false => curves.of_categories(&places),
            },
        })
    }
}
