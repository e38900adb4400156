//! How detections are evaluated.

use super::kind::DetectionKind;
use crate::error::{Error, Result};

/// Detections an image that pycocotools evaluates.
pub(super) const OFFICIAL_DETECTIONS: [usize; 3] = [1, 10, 100];

/// How detections are evaluated: by default as pycocotools does, except for the departures that
/// [`DetectionOptions::as_pycocotools`] takes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetectionOptions {
    /// The shapes compared; `None` lets the first detection choose: masks where it has one.
    pub kind: Option<DetectionKind>,
    /// Detections an image that count, the best by score: three numbers that rise. The last is that of every line
    /// but the first two of recall.
    pub max_detections: [usize; 3],
    /// All categories as one, as pycocotools' `useCats = 0`.
    pub class_agnostic: bool,
    /// The number of pycocotools 2.0 where it departs from what the files mean:
    ///
    /// - A detection that matches the annotation with the id 0 counts as a false one.
    /// - Of annotations with one id, the last counts in the place of each.
    /// - Detections of categories that are not listed are passed over, and boxes without masks are compared as masks.
    /// - The first line is -1 where 100 is none of the numbers of detections.
    pub as_pycocotools: bool,
    /// Refuse files with findings.
    pub strict: bool,
}

impl Default for DetectionOptions {
    fn default() -> Self {
        Self {
            kind: None,
            max_detections: OFFICIAL_DETECTIONS,
            class_agnostic: false,
            as_pycocotools: false,
            strict: false,
        }
    }
}

impl DetectionOptions {
    /// Refuses numbers of detections that do not rise from 1.
    pub(super) fn check(&self) -> Result<()> {
        let [few, some, most] = self.max_detections;
        // Beyond it no memory holds the curves; nobody has so many detections in an image.
        if (1..some).contains(&few) && some < most && most <= 1_000_000 {
            return Ok(());
        }
        Err(Error::Argument {
            op: "DetectionOptions",
            name: "max_detections",
            expected: "three numbers that rise, from 1 to 1000000".to_owned(),
            found: format!("{few}, {some}, {most}"),
        })
    }
}

impl From<DetectionKind> for DetectionOptions {
    fn from(kind: DetectionKind) -> Self {
        Some(kind).into()
    }
}

impl From<Option<DetectionKind>> for DetectionOptions {
    fn from(kind: Option<DetectionKind>) -> Self {
        Self {
            kind,
            ..Self::default()
        }
    }
}
