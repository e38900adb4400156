//! Experiments: data sets, recipes, training, evaluation and reports, as functions of typed settings.
//!
//! Nothing here prints or reads arguments. Long work shows its progress to an [`Observer`]; `&mut ()` ignores it.
//! Errors name settings as the command line does, `--data`.
//!
//! # Example
//! A head for a frozen trunk, by the recipe of a row, and its measures on val.
//! ```no_run
//! use experiments::evaluate::{self, BsdsSettings, BsdsSource};
//! use experiments::recipe::CutPlan;
//! use experiments::train::{self, NcutsSettings, RunSettings};
//!
//! # fn main() -> experiments::Result<()> {
//! let mut plan = CutPlan::read("lite0-ncuts")?;
//! plan.training.epochs = 2;
//! let run = RunSettings::new("runs/lite0", "lite0.safetensors");
//! let settings = NcutsSettings::new(plan, "BSDS500", run);
//! let _ = train::ncuts(&settings, &mut ())?;
//!
//! let source = BsdsSource::Run("runs/lite0".into());
//! let settings = BsdsSettings::new("BSDS500", bench_bsds::Split::Val, source);
//! println!("{}", evaluate::bsds(&settings, &mut ())?.table());
//! # Ok(())
//! # }
//! ```
//!
//! # Map
//! ```text
//!   recipe (TOML) ─▶ settings ─▶ train ─▶ run folder ─▶ evaluate ─▶ measures
//!                                 ▲           │
//!   BSDS500, MS-COCO ─▶ datasets ─┘           └─▶ report ─▶ one HTML page
//! ```
//!
//! | module | contents |
//! |---|---|
//! | [`datasets`] | BSDS500 and MS-COCO as networks are trained on them |
//! | [`recipe`] | rows of the comparisons: TOML files that come with this crate, or your own |
//! | [`train`] | [`train::ncuts`], [`train::boundaries`] and [`train::o2p`]: from settings to a network in a folder |
//! | [`evaluate`] | the measures of BSDS500 and MS-COCO, of networks and of files by any method |
//! | [`segment`] | photographs and folders of them in, pictures and files of their segments out |
//! | [`report()`] | a training on one HTML page |
//! | [`mod@reproduce`] | every row of a comparison: plans and runs the rows that are missing |
//! | [`network_in_words`], [`counted`] | description of a network; `1 image`, `2 images` |
//! | [`sharding`], [`files`] | work that several processes share; files that appear whole or not at all |
//!
//! # Features
//! `cuda`: trunks and heads on an NVIDIA GPU. `mpi`: several processes of one job.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod counted;
pub mod datasets;
mod description;
mod device;
mod error;
pub mod evaluate;
pub mod files;
mod network_memory;
mod observer;
mod oklab;
mod page;
mod png_file;
pub mod recipe;
mod report;
pub mod reproduce;
mod run_folder;
pub mod segment;
pub mod sharding;
pub mod train;

pub use counted::counted;
pub use description::{cuts_in_a_line, cuts_in_words, network_in_words};
pub use error::{Error, Result, error_chain_line};
pub use observer::{Observer, Shown};
pub use png_file::PngSize;
pub use report::{ReportSettings, report};

/// The README's example runs as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
