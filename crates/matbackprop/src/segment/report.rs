//! What was done with each photograph, for people and for programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use models::SegmentSeconds;
use serde::{Deserialize, Serialize};

use super::inputs::PassedOver;
use super::shown::{bytes_of, in_a_line, lossy, lossy_map, lossy_option};
use crate::failure::error_chain_line;
use crate::output;

/// The output of `--json`.
#[derive(Serialize)]
struct Report {
    images: Vec<ImageReport>,
    failed: Vec<Failed>,
    /// Left out, since their outputs exist.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<Skipped>,
    /// Given, but no photographs to be segmented.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    passed_over: Vec<PassedOver>,
    /// Photographs that were not reached before the call was stopped.
    #[serde(skip_serializing_if = "is_zero")]
    not_reached: usize,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A photograph that was segmented.
#[derive(Serialize, Deserialize)]
pub struct ImageReport {
    #[serde(serialize_with = "lossy")]
    pub image: PathBuf,
    /// The bytes of a name that is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub image_bytes: Option<Vec<u8>>,
    pub width: u32,
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
    pub segmentations: Vec<SegmentationReport>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "lossy_option",
        default
    )]
    pub contours: Option<PathBuf>,
    /// What was found while the file was read.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<String>,
    pub seconds: SegmentSeconds,
}

/// One segmentation of it.
#[derive(Serialize, Deserialize)]
pub struct SegmentationReport {
    /// The number asked for; none where the height of the cut was the rule.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub k: Option<usize>,
    pub segments: usize,
    /// The number of the segment of transparent pixels, where there are any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub transparent: Option<u32>,
    #[serde(serialize_with = "lossy")]
    pub overlay: PathBuf,
    #[serde(serialize_with = "lossy")]
    pub map: PathBuf,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "lossy_option",
        default
    )]
    pub labels: Option<PathBuf>,
    /// Files for other programs, by their names on the command line.
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        serialize_with = "lossy_map",
        default
    )]
    pub exports: BTreeMap<String, PathBuf>,
}

/// A photograph that was not.
#[derive(Serialize, Deserialize)]
pub struct Failed {
    #[serde(serialize_with = "lossy")]
    image: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    image_bytes: Option<Vec<u8>>,
    error: String,
}

/// A photograph whose outputs exist.
#[derive(Serialize, Deserialize)]
pub struct Skipped {
    #[serde(serialize_with = "lossy")]
    image: PathBuf,
}

/// The outcome of a photograph.
#[derive(Serialize, Deserialize)]
pub enum SegmentOutcome {
    /// For people: what was found while the file was read, and the line.
    Line(Vec<String>, String),
    /// For programs.
    Report(Box<ImageReport>),
    /// The line for people, and as programs get it.
    Skipped(String, Skipped),
    /// The error, after the photograph's name, and as programs get it.
    Failed(String, Failed),
    /// The call was stopped before.
    NotReached,
}

impl SegmentOutcome {
    pub fn of(image: &Path, result: Result<ImageReport>, json: bool) -> Self {
        match result {
            Ok(found) if json => Self::Report(Box::new(found)),
            Ok(found) => Self::Line(note_lines(&found), line(&found)),
            Err(error) => {
                let error = error_chain_line(&error);
                let name = format!("{}: ", image.display());
                let error = error.strip_prefix(&name).unwrap_or(&error).to_owned();
                let failed = Failed {
                    image: image.to_path_buf(),
                    image_bytes: bytes_of(image),
                    error,
                };
                let line = format!("{}: {}", in_a_line(image), failed.error);
                Self::Failed(line, failed)
            }
        }
    }

    pub fn skipped(image: &Path) -> Self {
        let line = format!("{}: skipped, its outputs exist", in_a_line(image));
        let image = image.to_path_buf();
        Self::Skipped(line, Skipped { image })
    }

    /// Prints it as soon as it is known.
    pub fn print(&self) -> Result<()> {
        match self {
            Self::Line(notes, line) => {
                notes.iter().for_each(|note| output::note(note));
                output::print_done(line)
            }
            Self::Report(found) => {
                note_lines(found).iter().for_each(|note| output::note(note));
                Ok(())
            }
            Self::NotReached => Ok(()),
            Self::Skipped(line, _) => {
                output::note(line);
                Ok(())
            }
            Self::Failed(line, _) => {
                output::error(line);
                Ok(())
            }
        }
    }
}

/// The one object of `--json`, and whether all went well. How many were done where the call was stopped.
pub fn conclude(
    json: bool,
    outcomes: Vec<SegmentOutcome>,
    passed_over: Vec<PassedOver>,
) -> Result<Option<String>> {
    let (mut images, mut failed, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    let (total, mut not_reached) = (outcomes.len(), 0);
    for one in outcomes {
        match one {
            SegmentOutcome::Line(..) => {}
            SegmentOutcome::Report(report) => images.push(*report),
            SegmentOutcome::Skipped(_, photograph) => skipped.push(photograph),
            SegmentOutcome::Failed(_, photograph) => failed.push(photograph),
            SegmentOutcome::NotReached => not_reached += 1,
        }
    }
    let failures = failed.len();
    if json {
        output::print_json(&Report {
            images,
            failed,
            skipped,
            passed_over,
            not_reached,
        })?;
    }
    if not_reached > 0 {
        let done = total - not_reached;
        return Ok(Some(format!("{done} of {total} images")));
    }
    match failures {
        0 => Ok(None),
        _ if total == 1 => bail!("no image was segmented"),
        failed => bail!("{failed} of {total} images were not segmented"),
    }
}

/// A line for each reason to pass files over, with the first of them.
pub fn lines_of(passed_over: &[PassedOver]) -> Vec<String> {
    const SHOWN: usize = 3;
    let mut reasons: Vec<&str> = passed_over.iter().map(|one| one.reason).collect();
    reasons.sort_unstable();
    reasons.dedup();
    let line = |reason: &&str| {
        let files = passed_over.iter().filter(|one| one.reason == *reason);
        let mut names: Vec<String> = files.map(|one| in_a_line(&one.image)).collect();
        let more = names.len().saturating_sub(SHOWN);
        names.truncate(SHOWN);
        let more = match more {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("passed over, {reason}: {}{more}", names.join(", "))
    };
    reasons.iter().map(line).collect()
}

/// `coffee.jpg: the colour profile is ignored …`
fn note_lines(report: &ImageReport) -> Vec<String> {
    let name = in_a_line(&report.image);
    let notes = report.notes.iter();
    notes.map(|note| format!("{name}: {note}")).collect()
}

/// `coffee.jpg: 600 × 400, 9 segments, 0.61 s (trunk 0.40, layer 0.05, clustering 0.16): coffee.overlay.png, …`
fn line(report: &ImageReport) -> String {
    let SegmentSeconds {
        trunk,
        layer,
        clustering,
    } = report.seconds;
    let found = report.segmentations.iter().map(|found| {
        let plural = if found.segments == 1 { "" } else { "s" };
        format!("{} segment{plural}", found.segments)
    });
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
    let files = files.chain(&report.contours);
    let files: Vec<String> = files.map(|path| in_a_line(path)).collect();
    let files = match files.as_slice() {
        [first, .., last] if report.segmentations.len() > 1 => {
            format!("{} files, {first} to {last}", files.len())
        }
        all => all.join(", "),
    };
    format!(
        "{}: {} × {}, {}, {:.2} s (trunk {trunk:.2}, layer {layer:.2}, clustering {clustering:.2}): {files}",
        in_a_line(&report.image),
        report.width,
        report.height,
        found.collect::<Vec<_>>().join("; "),
        trunk + layer + clustering,
    )
}
