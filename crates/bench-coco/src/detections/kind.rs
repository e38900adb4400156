//! The shapes by which detections are compared.

use std::fmt;

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
