//! The twelve numbers, and how the official tool prints them.

use std::fmt;

use hotcoco::{AccumulatedEval, COCOeval};
use serde::{Deserialize, Serialize};

/// The shapes by which detections are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DetectionKind {
    /// Masks.
    Segm,
    /// Boxes.
    Bbox,
}

impl fmt::Display for DetectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Segm => "segm",
            Self::Bbox => "bbox",
        })
    }
}

/// The official table: average precision and recall, from 0 to 1.
///
/// # Conventions
/// `None` where there is nothing to find, which the official tool prints as −1. Small is below 32² pixels, large above
/// 96². Written to JSON under the official names. Printed as pycocotools prints it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DetectionTable {
    /// The shapes compared.
    pub kind: DetectionKind,
    /// Precision, mean over IoU from 0.50 to 0.95.
    #[serde(rename = "AP")]
    pub ap: Option<f64>,
    /// Precision at IoU 0.50.
    #[serde(rename = "AP50")]
    pub ap50: Option<f64>,
    /// Precision at IoU 0.75.
    #[serde(rename = "AP75")]
    pub ap75: Option<f64>,
    /// Precision of small objects.
    #[serde(rename = "APs")]
    pub ap_small: Option<f64>,
    /// Precision of medium objects.
    #[serde(rename = "APm")]
    pub ap_medium: Option<f64>,
    /// Precision of large objects.
    #[serde(rename = "APl")]
    pub ap_large: Option<f64>,
    /// Recall with 1 detection an image.
    #[serde(rename = "AR1")]
    pub ar1: Option<f64>,
    /// Recall with 10 detections an image.
    #[serde(rename = "AR10")]
    pub ar10: Option<f64>,
    /// Recall with 100 detections an image.
    #[serde(rename = "AR100")]
    pub ar100: Option<f64>,
    /// Recall of small objects.
    #[serde(rename = "ARs")]
    pub ar_small: Option<f64>,
    /// Recall of medium objects.
    #[serde(rename = "ARm")]
    pub ar_medium: Option<f64>,
    /// Recall of large objects.
    #[serde(rename = "ARl")]
    pub ar_large: Option<f64>,
    /// The precision of each category, in the order of their ids.
    pub categories: Vec<CategoryPrecision>,
}

/// The average precision of one category.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CategoryPrecision {
    /// Its id in the annotations.
    pub id: u64,
    /// Its name there.
    pub name: String,
    /// Precision, mean over IoU from 0.50 to 0.95.
    #[serde(rename = "AP")]
    pub ap: Option<f64>,
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetectionRow {
    /// The short official name: `AP50`.
    pub name: &'static str,
    /// The official description, as printed.
    pub description: &'static str,
    /// The number.
    pub value: Option<f64>,
}

impl DetectionTable {
    /// From an evaluation that has run to its end.
    pub(super) fn of(kind: DetectionKind, evaluation: &COCOeval) -> Self {
        let stats = evaluation.stats().unwrap_or_default();
        assert_eq!(
            stats.len(),
            12,
            "an evaluation of boxes or masks has twelve numbers"
        );
        let number = |at: usize| present(stats[at]);
        let categories = evaluation.accumulated().map_or(vec![], |accumulated| {
            let name = |id| evaluation.coco_gt().cat_name(id);
            let (area, detections) = (
                evaluation.params.all_area_idx(),
                evaluation.params.max_det_idx(),
            );
            let ids = accumulated.cat_ids.iter().enumerate();
            ids.map(|(category, id)| CategoryPrecision {
                id: *id,
                name: name(*id),
                ap: mean_precision(accumulated, category, area, detections),
            })
            .collect()
        });
        Self {
            kind,
            ap: number(0),
            ap50: number(1),
            ap75: number(2),
            ap_small: number(3),
            ap_medium: number(4),
            ap_large: number(5),
            ar1: number(6),
            ar10: number(7),
            ar100: number(8),
            ar_small: number(9),
            ar_medium: number(10),
            ar_large: number(11),
            categories,
        }
    }

    /// The twelve lines in the official order.
    pub fn rows(&self) -> [DetectionRow; 12] {
        let row = |name, description, value| DetectionRow {
            name,
            description,
            value,
        };
        #[rustfmt::skip]
        let rows = [
            row("AP",    "Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ]", self.ap),
            row("AP50",  "Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ]", self.ap50),
            row("AP75",  "Average Precision  (AP) @[ IoU=0.75      | area=   all | maxDets=100 ]", self.ap75),
            row("APs",   "Average Precision  (AP) @[ IoU=0.50:0.95 | area= small | maxDets=100 ]", self.ap_small),
            row("APm",   "Average Precision  (AP) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ]", self.ap_medium),
            row("APl",   "Average Precision  (AP) @[ IoU=0.50:0.95 | area= large | maxDets=100 ]", self.ap_large),
            row("AR1",   "Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=  1 ]", self.ar1),
            row("AR10",  "Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets= 10 ]", self.ar10),
            row("AR100", "Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ]", self.ar100),
            row("ARs",   "Average Recall     (AR) @[ IoU=0.50:0.95 | area= small | maxDets=100 ]", self.ar_small),
            row("ARm",   "Average Recall     (AR) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ]", self.ar_medium),
            row("ARl",   "Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets=100 ]", self.ar_large),
        ];
        rows
    }
}

impl fmt::Display for DetectionTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, row) in self.rows().iter().enumerate() {
            let line_break = if at == 0 { "" } else { "\n" };
            let value = row.value.unwrap_or(-1.0);
            write!(f, "{line_break} {} = {value:.3}", row.description)?;
        }
        Ok(())
    }
}

/// The number that is not the official −1 for none.
fn present(number: f64) -> Option<f64> {
    (number >= 0.0).then_some(number)
}

/// Mean of P(r) over recalls and thresholds, where there is something to find.
fn mean_precision(
    accumulated: &AccumulatedEval,
    category: usize,
    area: usize,
    detections: usize,
) -> Option<f64> {
    let (thresholds, recalls) = (accumulated.shape.t, accumulated.shape.r);
    let precisions: Vec<f64> = (0..thresholds)
        .flat_map(|t| (0..recalls).map(move |r| (t, r)))
        .map(|(t, r)| accumulated.precision_idx(t, r, category, area, detections))
        .filter_map(|at| present(accumulated.precision[at]))
        .collect();
    let count = precisions.len();
    (count > 0).then(|| precisions.iter().sum::<f64>() / count as f64)
}
