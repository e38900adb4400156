//! The twelve numbers, and how the official tool prints them.

use std::fmt;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::curves::{Curves, Slice};
use super::kind::DetectionKind;
use super::options::{DetectionOptions, OFFICIAL_DETECTIONS};
use crate::id::Id;

/// The official table: average precision and recall, from 0 to 1.
///
/// # Conventions
/// `None` where there is nothing to find, which the official tool prints as −1. Small is below 32² pixels, large above
/// 96². Written to JSON under the official names, with the numbers of detections in them: `AR100`. Printed as
/// pycocotools prints it.
#[derive(Clone, Debug, PartialEq)]
pub struct DetectionTable {
    /// The shapes compared.
    pub kind: DetectionKind,
    /// Detections an image that count: few, some, most.
    pub max_detections: [usize; 3],
    /// Whether all categories were taken for one.
    pub class_agnostic: bool,
    /// Precision, mean over IoU from 0.50 to 0.95.
    pub ap: Option<f64>,
    /// Precision at IoU 0.50.
    pub ap50: Option<f64>,
    /// Precision at IoU 0.75.
    pub ap75: Option<f64>,
    /// Precision of small objects.
    pub ap_small: Option<f64>,
    /// Precision of medium objects.
    pub ap_medium: Option<f64>,
    /// Precision of large objects.
    pub ap_large: Option<f64>,
    /// Recall with few detections an image: 1.
    pub ar1: Option<f64>,
    /// Recall with some detections an image: 10.
    pub ar10: Option<f64>,
    /// Recall with most detections an image: 100.
    pub ar100: Option<f64>,
    /// Recall of small objects.
    pub ar_small: Option<f64>,
    /// Recall of medium objects.
    pub ar_medium: Option<f64>,
    /// Recall of large objects.
    pub ar_large: Option<f64>,
    /// The precision of each category, in the order of their ids; none where all are taken for one.
    pub categories: Vec<CategoryPrecision>,
    /// Detections an image that the first line names.
    first_line: usize,
}

/// The average precision of one category.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CategoryPrecision {
    /// Its id in the annotations.
    pub id: Id,
    /// Its name there.
    pub name: String,
    /// Precision, mean over IoU from 0.50 to 0.95.
    #[serde(rename = "AP")]
    pub ap: Option<f64>,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct DetectionRow {
    /// The short official name: `AP50`.
    pub name: String,
    /// The official description, as printed.
    pub description: String,
    /// The number.
    pub value: Option<f64>,
}

const ALL: usize = 0;
const SMALL: usize = 1;
const MEDIUM: usize = 2;
const LARGE: usize = 3;
/// Places of 0.50 and 0.75 among the thresholds.
const LOOSE: usize = 0;
const TIGHT: usize = 5;

impl DetectionTable {
    /// From curves; `categories` with their places in them.
    pub(super) fn of(
        kind: DetectionKind,
        options: &DetectionOptions,
        curves: &Curves,
        categories: impl Iterator<Item = (Id, String, Option<usize>)>,
    ) -> Self {
        let slice = |threshold, size, detections| Slice {
            threshold,
            category: None,
            size,
            detections,
        };
        let precision = |threshold, size| curves.mean_precision(slice(threshold, size, 2));
        let recall = |size, detections| curves.mean_recall(slice(None, size, detections));
        let most = options.max_detections[2];
        // pycocotools looks for 100 there, whatever it was given.
        let hundred = OFFICIAL_DETECTIONS[2];
        let first = match options.as_pycocotools {
            true => options
                .max_detections
                .iter()
                .position(|most| *most == hundred),
            false => Some(2),
        };
        let of_category = |category| Slice {
            category: Some(category),
            ..slice(None, ALL, 2)
        };
        let categories = categories.map(|(id, name, place)| CategoryPrecision {
            id,
            name,
            ap: place.and_then(|place| curves.mean_precision(of_category(place))),
        });
        Self {
            kind,
            max_detections: options.max_detections,
            class_agnostic: options.class_agnostic,
            ap: first.and_then(|place| curves.mean_precision(slice(None, ALL, place))),
            ap50: precision(Some(LOOSE), ALL),
            ap75: precision(Some(TIGHT), ALL),
            ap_small: precision(None, SMALL),
            ap_medium: precision(None, MEDIUM),
            ap_large: precision(None, LARGE),
            ar1: recall(ALL, 0),
            ar10: recall(ALL, 1),
            ar100: recall(ALL, 2),
            ar_small: recall(SMALL, 2),
            ar_medium: recall(MEDIUM, 2),
            ar_large: recall(LARGE, 2),
            categories: categories.collect(),
            first_line: if options.as_pycocotools {
                hundred
            } else {
                most
            },
        }
    }

    /// The twelve lines in the official order.
    pub fn rows(&self) -> [DetectionRow; 12] {
        let [few, some, most] = self.max_detections;
        let precision = |name: &str, overlap: &str, size: &str, detections, value| DetectionRow {
            name: name.to_owned(),
            description: format!(
                "{:<18} (AP) @[ IoU={overlap:<9} | area={size:>6} | maxDets={detections:>3} ]",
                "Average Precision"
            ),
            value,
        };
        let recall = |name: String, size: &str, detections, value| DetectionRow {
            name,
            description: format!(
                "{:<18} (AR) @[ IoU=0.50:0.95 | area={size:>6} | maxDets={detections:>3} ]",
                "Average Recall"
            ),
            value,
        };
        [
            precision("AP", "0.50:0.95", "all", self.first_line, self.ap),
            precision("AP50", "0.50", "all", most, self.ap50),
            precision("AP75", "0.75", "all", most, self.ap75),
            precision("APs", "0.50:0.95", "small", most, self.ap_small),
            precision("APm", "0.50:0.95", "medium", most, self.ap_medium),
            precision("APl", "0.50:0.95", "large", most, self.ap_large),
            recall(format!("AR{few}"), "all", few, self.ar1),
            recall(format!("AR{some}"), "all", some, self.ar10),
            recall(format!("AR{most}"), "all", most, self.ar100),
            recall("ARs".to_owned(), "small", most, self.ar_small),
            recall("ARm".to_owned(), "medium", most, self.ar_medium),
            recall("ARl".to_owned(), "large", most, self.ar_large),
        ]
    }
}

impl Serialize for DetectionTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", &self.kind)?;
        map.serialize_entry("max_detections", &self.max_detections)?;
        map.serialize_entry("class_agnostic", &self.class_agnostic)?;
        for row in self.rows() {
            map.serialize_entry(&row.name, &row.value)?;
        }
        map.serialize_entry("categories", &self.categories)?;
        map.end()
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
