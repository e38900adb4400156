//! Results of a measurement.

use bench_bsds::{BoundaryReport, Report};
use serde::Serialize;
use serde_json::{Value, json};

use super::level_names::LevelNames;
use super::timing::Timing;
use crate::error::Result;

/// An image that is not measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its id.
    pub id: String,
    /// The file that is absent or cannot be read.
    pub why: String,
}

/// The measures of all images together, each where it was asked for.
#[derive(Clone, Debug)]
pub struct BsdsReport {
    /// The measured source, in one line.
    pub title: String,
    /// How many images.
    pub images: usize,
    /// `None` for soft boundary maps.
    pub regions: Option<Report>,
    /// `None` where boundaries were not asked for.
    pub boundaries: Option<BoundaryReport>,
    /// What a person should know of the numbers that were read, a sentence each.
    pub remarks: Vec<String>,
    /// The images that are not measured.
    pub left_out: Vec<LeftOut>,
    pub(super) names: LevelNames,
    pub(super) timing: Timing,
}

impl BsdsReport {
    /// Seconds an image and peak memory, for people.
    pub fn timing(&self) -> String {
        self.timing.line()
    }

    /// The same for programs.
    pub fn timing_json(&self) -> Value {
        self.timing.object()
    }

    /// The measures for programs; with every level and every image where `details` are asked for.
    ///
    /// # Errors
    /// A number that JSON cannot hold.
    pub fn json(&self, details: bool) -> Result<Value> {
        let mut object = json!({ "images": self.images });
        if let Some(report) = &self.regions {
            object["covering"] = json!(report.covering);
            object["pri"] = json!(report.pri);
            object["vi"] = json!(report.vi);
            object["average_covering"] = json!(report.average_covering);
            if details {
                object["per_level"] = serde_json::to_value(&report.per_level)?;
                object["per_image"] = serde_json::to_value(&report.per_image)?;
            }
        }
        if let Some(report) = &self.boundaries {
            let mut boundary = serde_json::to_value(report)?;
            if let Some(fields) = boundary.as_object_mut().filter(|_| !details) {
                fields.retain(|name, _| name != "per_level" && name != "per_image");
            }
            object["boundary"] = boundary;
        }
        if !self.remarks.is_empty() {
            object["remarks"] = json!(self.remarks);
        }
        if !self.left_out.is_empty() {
            object["left_out"] = json!(self.left_out);
        }
        Ok(object)
    }
}
