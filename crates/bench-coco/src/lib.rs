//! MS-COCO: objects that people outlined. Cut out as free-form regions they are classified, found by a detector they are
//! matched; this crate says how well.
//!
//! # Example
//! A photograph with one object of 40 × 40 pixels, read, cut out, described, classified, and found by its box:
//! ```
//! use bench_coco::{ClassificationReport, CocoInstances, DenseSift, DetectionKind, GrayPlane, Prediction, RegionRule,
//!     RegionSet, View, evaluate_detections};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! image::RgbImage::new(80, 60).save(folder.path().join("5.png"))?;
//! let path = folder.path().join("instances.json");
//! std::fs::write(&path, r#"{
//!     "images": [{"id": 5, "file_name": "5.png", "width": 80, "height": 60}],
//!     "categories": [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}],
//!     "annotations": [{"id": 7, "image_id": 5, "category_id": 3, "area": 1600, "bbox": [20, 10, 40, 40],
//!         "iscrowd": 0, "segmentation": [[20, 10, 60, 10, 60, 50, 20, 50]]}]
//! }"#)?;
//!
//! let regions = RegionSet::new(CocoInstances::read(&path)?, folder.path(), RegionRule::default())?;
//! let crop = regions.crop(0, &View::plain(), 24)?;
//! // The box and a fifth more, 48 × 48 pixels, at half their size: the object is 20 × 20.
//! assert_eq!(crop.mask.iter().filter(|inside| **inside).count(), 400);
//! let maps = DenseSift::default().describe(&GrayPlane::from_rgb(&*regions.photograph(0)?)?);
//! assert_eq!((maps.scales(), maps.rows(), maps.columns()), (3, 8, 10));
//!
//! let predictions = [Prediction {
//!     region: regions.regions()[0].id.clone(),
//!     image: regions.image(0).id.clone(),
//!     truth: regions.regions()[0].category,
//!     ranked: vec![1, 0],
//! }];
//! let report = ClassificationReport::new(&regions.class_names(), &predictions, 0)?;
//! assert_eq!(report.top1_error.estimate, 0.0);
//!
//! let results = folder.path().join("results.json");
//! std::fs::write(&results, r#"[{"image_id": 5, "category_id": 3, "score": 0.9, "bbox": [20, 10, 40, 40]}]"#)?;
//! let table = evaluate_detections(&path, &results, DetectionKind::Bbox)?;
//! assert_eq!(table.ar100, Some(1.0));
//! # Ok(())
//! # }
//! ```
//!
//! # Map
//! ```text
//!  annotations/instances_*.json        images/*.jpg
//!     │        │ a stream                   │ the last few
//!     │  CocoInstances ── RegionRule ── RegionSet ── LeftOut         what is a region
//!     │        │                            ├─────────────┐
//!     │ Annotation::mask           View ── crop       GrayPlane      a square around it; in grey
//!     │        │                            │             │
//!     │      Mask                      RegionCrop     DenseSift      a network's input; SIFT
//!     │                                     │             │
//!     │                                     │       DescriptorMaps
//!     │                                     └──────┬──────┘
//!     │                                        Prediction            a classifier's answers
//!     │                                ┌───────────┴───────────┐
//!     │                            Confusion           paired_difference
//!     │                                │
//!     │                      ClassificationReport                    with intervals
//!     │
//!     │       results.json                                           a detector's answers
//!     └────────────┤
//!         evaluate_detections ── DetectionTable                      the twelve numbers
//! ```
//!
//! | room | holds |
//! |---|---|
//! | `dataset/json`, `dataset/depth_limit` | the annotation file as a stream, with everything checked, its depth too |
//! | `dataset/shape` | outlines and run lengths, small in memory and checked before they are drawn |
//! | `dataset/foreign`, `dataset/other_names` | files and fields of other programs, named with what to do |
//! | `dataset/mask` | a region's pixels, row by row |
//! | `dataset/run_lengths` | a region as runs, its letters, area and box |
//! | `dataset/instances` | all records of a file, joined by their ids |
//! | `photograph_files` | where a photograph lies, also under a name of other capitals or escapes |
//! | `regions/photographs` | the photographs, each decoded once for its regions |
//! | `regions/view` | the box itself, or a little beside it |
//! | `regions/crop` | a region in a square, with its mask |
//! | `regions/set` | the annotations that are regions, and those left out |
//! | `sift/gray_plane` | a photograph in grey |
//! | `sift/taps`, `sift/orientation` | windows and gradients, shared by all points of a grid |
//! | `sift/dense` | descriptors on a grid, at several scales |
//! | `sift/descriptor_maps` | their values and positions |
//! | `metrics/confusion` | predicted against true classes |
//! | `metrics/bootstrap` | intervals, where examples come in clusters |
//! | `metrics/report` | a run measured, and two runs compared |
//! | `detections/json_file`, `detections/rle` | a file read whole, run lengths that fill an image |
//! | `detections/truth`, `detections/results` | annotations and detections, checked before they are matched |
//! | `detections/table` | the official numbers, as printed and as stored |
//!
//! # Conventions
//! Bitmaps lie row by row, for any order in a file; pixel (x, y) covers `[x, x + 1] × [y, y + 1]`. Descriptors alone
//! are placed from the centre of the first pixel. A class is an index into the categories ordered by id; a detection
//! names the id itself. Small objects are COCO's, `area` < 32²: counted and left out of the regions, a line of their
//! own among detections. Outlines are drawn, and detections matched, by hotcoco's port of pycocotools. Every size
//! in a file is compared with the image's size, and with the file's own, before memory is taken for it.
//!
//! No features. How the workspace is built: `crates/README.md`.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod dataset;
mod detections;
mod error;
mod findings;
mod id;
mod metrics;
mod photograph_files;
mod plausible;
mod regions;
mod sift;
mod strict;

pub use dataset::{
    Annotation, Category, CocoInstances, ImageRecord, MAX_PIXELS, Mask, Points, RunLengths, Shape,
};
pub use detections::{
    CategoryPrecision, DetectionCurves, DetectionKind, DetectionOptions, DetectionReport,
    DetectionRow, DetectionTable, evaluate_detections, report_detections,
};
pub use error::{Error, Record, Result, Size};
pub use findings::{Finding, FindingKind};
pub use id::Id;
pub use metrics::{
    ClassRow, ClassificationReport, Confused, Confusion, Interval, Prediction, RESAMPLES,
    paired_difference,
};
pub use regions::{Frame, LeftOut, Region, RegionCrop, RegionRule, RegionSet, Unreadable, View};
pub use sift::{CHANNELS as SIFT_CHANNELS, DenseSift, DescriptorMaps, GrayPlane};

/// The README's example runs as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
