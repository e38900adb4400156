//! Headings of the groups of options: one heading means the same in every command.

/// Data, and which part of it.
pub const INPUT: &str = "Input";
/// Segmentations, maps or detections that are measured: one of them.
pub const SOURCE: &str = "What to measure (one of these)";
/// A classifier of regions that is measured.
pub const CLASSIFIER: &str = "To measure a trained classifier";
/// Results of any method that are measured.
pub const DETECTIONS: &str = "To measure detections of any method";
/// Which network, and where it runs.
pub const NETWORK: &str = "Network";
/// How a photograph is cut.
pub const SEGMENTATION: &str = "Segmentation";
/// How files of other programs are read.
pub const READING: &str = "Files of other programs";
/// What is counted, and at which levels.
pub const MEASURES: &str = "Levels and measures";
/// What is minimised.
pub const LOSS: &str = "Loss";
/// How it is minimised.
pub const OPTIMISATION: &str = "Optimisation";
/// What a training keeps, and what it takes up again.
pub const CHECKPOINTS: &str = "Checkpoints, validation and caches";
/// Which runs of a comparison.
pub const RUNS: &str = "Runs";
/// Files and lines that are written.
pub const OUTPUT: &str = "Output";
/// What every command takes.
pub const GLOBAL: &str = "Options of every command";
