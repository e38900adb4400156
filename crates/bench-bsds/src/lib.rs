//! BSDS500: photographs, the segmentations that people drew on them, and the official measures of regions and
//! boundaries.
//!
//! # Example
//! Two annotators of a picture of 4 × 2 pixels, and segmentations into one and into two segments:
//! ```
//! use bench_bsds::{Evaluation, Level, Pool};
//! use segmentation::LabelMap;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let left_and_right = LabelMap::new(4, 2, vec![1, 1, 2, 2, 1, 1, 2, 2])?;
//! let top_and_bottom = LabelMap::new(4, 2, vec![1, 1, 1, 1, 2, 2, 2, 2])?;
//! let one = LabelMap::new(4, 2, vec![0; 8])?;
//! let two = LabelMap::new(4, 2, vec![0, 0, 5, 5, 0, 0, 5, 5])?;
//!
//! let mut evaluation = Evaluation::default();
//! evaluation.push(
//!     "photograph",
//!     &[left_and_right, top_and_bottom],
//!     &Pool::from(vec![(Level::Clusters(1), one), (Level::Clusters(2), two)]),
//! )?;
//! let report = evaluation.report()?;
//!
//! // The first annotator is met exactly, the second by a third.
//! assert_eq!(report.covering.ods_level, Level::Clusters(2));
//! assert!((report.average_covering.ods - (1.0 + 1.0 / 3.0) / 2.0).abs() < 1e-15);
//! assert_eq!(report.average_covering.best_annotator.ods, 1.0);
//! assert_eq!(report.vi.ods, 1.0);
//! # Ok(())
//! # }
//! ```
//!
//! # Map
//! ```text
//!  images/ID.jpg   groundTruth/ID.mat, .png  segmentations: PNG, segs, ucm2, a network
//!        └──── BsdsDataset ────┘                           SegmentationFolder, or any closure
//!                   │                                              │
//!             annotations                                        Pool            several levels an image
//!                   └───────────────┬──────────────────────────────┘
//!                           ContingencyTable                                     one for each pair
//!                  ┌────────────────┼──────────────────┐
//!               Overlaps        rand_index   variation_of_information
//!                  └────────────────┼──────────────────┘
//!                            evaluate → Report                                   ODS, OIS, Best
//!
//!  annotations → BoundaryMap      BoundaryPool ← Pool, contour map or picture     lines of one pixel
//!                     └──── BoundaryMatch ────┘                                   one for each pair
//!                           BoundaryCounts
//!                   BoundaryEvaluation → BoundaryReport                          ODS, OIS, AP
//! ```
//!
//! | room | holds |
//! |---|---|
//! | `dataset/mat5/` | MATLAB level 5 files, trusted in nothing |
//! | `dataset/npy` | NumPy's arrays, trusted in nothing |
//! | `dataset/{ground_truth, seg_file, truth_pictures}` | the annotations of one image |
//! | `dataset/{listing, layout, bsds}` | the folders of the dataset, pictures in them |
//! | `segmentation/{level, pool}` | several segmentations of one image, each under its level |
//! | `segmentation/{label_png, mat_pool, ucm, folder}` | where they are read from: [`SegmentationFolder`], or a file by [`read_label_png`], [`read_segmentation_mat`] |
//! | `segmentation/{soft_map, boundary_pool, boundary_folder}` | their boundaries, and those of soft maps |
//! | `segmentation/{soft_survey, label_look, zero_look}` | whether their numbers can be meant |
//! | `metrics/{regions, contingency}` | the counts every measure is made of |
//! | `metrics/{covering, probabilistic_rand, variation_of_information}` | the measures |
//! | `metrics/{boundary_map, suppression, thinning}` | boundaries, ridges of soft maps, thinning to lines |
//! | `metrics/{boundary_match, assignment}` | the matching of boundary pixels of two maps |
//! | `metrics/boundary_f` | the counts, recall, precision and F |
//! | `protocol/{image_measures, image_counts}` | all of them, one image |
//! | `protocol/{levels, report, evaluate}` | one level for all images, or each its own: [`evaluate()`], [`evaluate_in_parallel`] |
//! | `protocol/{boundaries, evaluate_boundaries, boundary_report}` | the same for boundaries: [`evaluate_boundaries`] |
//! | `protocol/{general_format, official_files}` | the text files of the official kit |
//!
//! # Conventions
//! Label maps lie row by row, for any order in a file. ODS takes one level for all images, OIS each
//! image's own best. Results for regions agree with the published benchmark to the digits it prints, those for
//! boundaries as closely as its own runs with each other: `tests/official.rs`, `tests/official_boundaries.rs` and
//! `tests/official_files.rs`, which need the benchmark's sample data and count as ignored without them.
//!
//! Parts of a report ([`ImageRow`], [`LevelRow`], [`AverageCovering`], [`BoundaryImageRow`], [`BoundaryLevelRow`],
//! [`BoundaryScore`]) can be written as JSON. [`OfficialFile`] is a text of the official kit, [`Ucm`] an ultrametric
//! contour map of your own.
//!
//! No features. How the workspace is built: `crates/README.md`.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod dataset;
mod error;
mod metrics;
mod protocol;
mod segmentation;

pub use dataset::{
    Annotation, BsdsDataset, MissingPartner, Split, TruthLook, TruthPictures, TruthReading,
    decode_ground_truth, decode_ground_truth_boundaries, decode_seg, read_ground_truth,
};
pub use error::{Error, MatPosition, Result, Size};
pub use metrics::{
    BoundaryCounts, BoundaryMap, BoundaryMatch, BoundaryScore, ContingencyTable, Overlaps,
    SoftBoundaryMap, rand_index, variation_of_information,
};
pub use protocol::{
    AverageCovering, BoundaryEvaluation, BoundaryImageRow, BoundaryLevelRow, BoundaryReport,
    Covering, Evaluation, ImageCounts, ImageMeasures, ImageRow, LevelRow, Measure, OfficialFile,
    Progress, Report, evaluate, evaluate_boundaries, evaluate_in_parallel,
};
pub use segmentation::{
    BoundaryFolder, BoundaryPool, LabelLook, Level, Pool, SegmentationFolder, SoftDoubt, SoftLook,
    SoftReading, SoftSurvey, Thresholds, Ucm, ZeroLook, decode_boundaries, decode_label_png,
    decode_segmentation_mat, read_boundaries, read_boundaries_with, read_label_png,
    read_segmentation_mat,
};

/// The README's example runs as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
