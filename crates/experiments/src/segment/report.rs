//! What was done with each photograph, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use models::SegmentSeconds;
use serde::{Deserialize, Serialize};

use super::inputs::PassedOver;
use super::shown::{bytes_of, in_a_line, lossy, lossy_map, lossy_option};
use crate::counted::counted;
use crate::error::{Result, error_chain_line};

/// What was done with all photographs: the object of `--json`.
#[derive(Serialize)]
pub struct SegmentReport {
    /// Those that were segmented.
    pub images: Vec<ImageReport>,
    /// Those that were not.
    pub failed: Vec<FailedImage>,
    /// Left out, since their outputs exist.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedImage>,
    /// Given, but no photographs to be segmented.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
    /// How many were not reached before the work was stopped.
    #[serde(skip_serializing_if = "is_zero")]
    pub not_reached: usize,
    /// Why none was begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl SegmentReport {
    /// Of the outcomes in order.
    pub fn new(outcomes: Vec<SegmentOutcome>, passed_over: Vec<PassedOver>) -> Self {
        let mut report = Self {
            images: Vec::new(),
            failed: Vec::new(),
            skipped: Vec::new(),
            passed_over,
            not_reached: 0,
            error: None,
        };
        for one in outcomes {
            match one {
                SegmentOutcome::Segmented(image) => report.images.push(*image),
                SegmentOutcome::Skipped(image) => report.skipped.push(image),
                SegmentOutcome::Failed(image) => report.failed.push(image),
                SegmentOutcome::NotReached => report.not_reached += 1,
            }
        }
        report
    }

    /// Of a call that ended before its first photograph.
    pub fn not_begun(error: String) -> Self {
        Self {
            error: Some(error),
            ..Self::new(Vec::new(), Vec::new())
        }
    }

    /// How many photographs there are.
    pub fn total(&self) -> usize {
        self.images.len() + self.failed.len() + self.skipped.len() + self.not_reached
    }
}

/// The outcome of a photograph. As text it is one line.
#[derive(Serialize, Deserialize)]
pub enum SegmentOutcome {
    /// It was segmented.
    Segmented(Box<ImageReport>),
    /// Its outputs exist.
    Skipped(SkippedImage),
    /// It was not segmented, and nothing was written of it.
    Failed(FailedImage),
    /// The work was stopped before.
    NotReached,
}

impl SegmentOutcome {
    pub(super) fn of(image: &Path, result: Result<ImageReport>) -> Self {
        let error = match result {
            Ok(found) => return Self::Segmented(Box::new(found)),
            Err(error) => error_chain_line(&error),
        };
        // Errors of files begin with their names.
        let name = format!("{}: ", image.display());
        Self::Failed(FailedImage {
            image: image.to_path_buf(),
            image_bytes: bytes_of(image),
            error: error.strip_prefix(&name).unwrap_or(&error).to_owned(),
        })
    }

    pub(super) fn skipped(image: &Path) -> Self {
        let image = image.to_path_buf();
        Self::Skipped(SkippedImage { image })
    }

    /// What was found while its file was read, a line each.
    pub fn notes(&self) -> Vec<String> {
        let Self::Segmented(report) = self else {
            return Vec::new();
        };
        let name = in_a_line(&report.image);
        let notes = report.notes.iter();
        notes.map(|note| format!("{name}: {note}")).collect()
    }
}

impl fmt::Display for SegmentOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segmented(report) => f.write_str(&line(report)),
            Self::Skipped(SkippedImage { image }) => {
                write!(f, "{}: skipped, its outputs exist", in_a_line(image))
            }
            Self::Failed(failed) => write!(f, "{}: {}", in_a_line(&failed.image), failed.error),
            Self::NotReached => f.write_str("not reached"),
        }
    }
}

/// A photograph that was segmented.
#[derive(Serialize, Deserialize)]
pub struct ImageReport {
    /// As it was given, or found in a folder.
    #[serde(serialize_with = "lossy")]
    pub image: PathBuf,
    /// The bytes of a name that is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub image_bytes: Option<Vec<u8>>,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Width and height in the file, where the photograph was read at a smaller size.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file_size: Option<(u32, u32)>,
    /// Width and height it was segmented at.
    pub working_size: (u32, u32),
    /// How many segments the network is sure of.
    pub soft_rank: f64,
    /// Pixels that the mask leaves out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub left_out: Option<usize>,
    /// One for each number of segments.
    pub segmentations: Vec<SegmentationReport>,
    /// The picture of boundary strengths.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "lossy_option",
        default
    )]
    pub contours: Option<PathBuf>,
    /// The picture of boundary probabilities.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "lossy_option",
        default
    )]
    pub boundaries: Option<PathBuf>,
    /// What was found while the file was read.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<String>,
    /// What each stage took.
    pub seconds: ImageSeconds,
}

/// Seconds of a photograph by stage: their sum is the time on the clock.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ImageSeconds {
    /// Reading and decoding the file and its mask, and bringing both to the working size.
    pub reading: f64,
    /// Trunk and head of the networks.
    pub trunk: f64,
    /// Their matrix layers.
    pub layer: f64,
    /// Superpixels, and the tree.
    pub clustering: f64,
    /// Cutting the tree, labels at full size, painting, and whatever lies between the other stages.
    pub painting: f64,
    /// Encoding and writing files.
    pub writing: f64,
    /// On the clock.
    pub total: f64,
}

impl ImageSeconds {
    /// Of the stages that were measured, and of all.
    pub(super) fn new(
        reading: f64,
        network: SegmentSeconds,
        writing: f64,
        total: Duration,
    ) -> Self {
        let SegmentSeconds {
            trunk,
            layer,
            clustering,
        } = network;
        let total = total.as_secs_f64();
        Self {
            reading,
            trunk,
            layer,
            clustering,
            painting: total - reading - trunk - layer - clustering - writing,
            writing,
            total,
        }
    }
}

/// One segmentation of a photograph, and its files.
#[derive(Serialize, Deserialize)]
pub struct SegmentationReport {
    /// The number asked for; none where the height of the cut was the rule.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub k: Option<usize>,
    /// How many there are.
    pub segments: usize,
    /// The number of the segment of transparent pixels, where there are any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub transparent: Option<u32>,
    /// The photograph with outlines.
    #[serde(serialize_with = "lossy")]
    pub overlay: PathBuf,
    /// A colour for each segment.
    #[serde(serialize_with = "lossy")]
    pub map: PathBuf,
    /// Segment numbers.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "lossy_option",
        default
    )]
    pub labels: Option<PathBuf>,
    /// Files for other programs, by [`super::Export::name`].
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        serialize_with = "lossy_map",
        default
    )]
    pub exports: BTreeMap<String, PathBuf>,
}

/// A photograph that was not segmented.
#[derive(Serialize, Deserialize)]
pub struct FailedImage {
    /// As it was given, or found in a folder.
    #[serde(serialize_with = "lossy")]
    pub image: PathBuf,
    /// The bytes of a name that is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub image_bytes: Option<Vec<u8>>,
    /// What was expected, and what was found.
    pub error: String,
}

/// A photograph whose outputs exist.
#[derive(Serialize, Deserialize)]
pub struct SkippedImage {
    /// As it was given, or found in a folder.
    #[serde(serialize_with = "lossy")]
    pub image: PathBuf,
}

/// `coffee.jpg: 600 × 400, 9 segments, 0.71 s (reading 0.02, trunk 0.40, layer 0.05, clustering 0.16,
/// painting 0.03, writing 0.05): coffee.overlay.png, …`
fn line(report: &ImageReport) -> String {
    let ImageSeconds {
        reading,
        trunk,
        layer,
        clustering,
        painting,
        writing,
        total,
    } = report.seconds;
    let found = report.segmentations.iter();
    let found = found.map(|found| counted(found.segments, "segment"));
    let files = report.segmentations.iter().flat_map(|found| {
        [
            Some(&found.overlay),
            Some(&found.map),
            found.labels.as_ref(),
        ]
        .into_iter()
        .flatten()
        .chain(found.exports.values())
    });
    let files = files.chain(&report.contours).chain(&report.boundaries);
    let files: Vec<String> = files.map(|path| in_a_line(path)).collect();
    let files = match files.as_slice() {
        [first, .., last] if report.segmentations.len() > 1 => {
            format!("{} files, {first} to {last}", files.len())
        }
        all => all.join(", "),
    };
    format!(
        "{}: {} × {}, {}, {total:.2} s (reading {reading:.2}, trunk {trunk:.2}, layer {layer:.2}, clustering {clustering:.2}, painting {painting:.2}, writing {writing:.2}): {files}",
        in_a_line(&report.image),
        report.width,
        report.height,
        found.collect::<Vec<_>>().join("; "),
    )
}
