//! What is segmented, how, and what is written.

use std::path::{Path, PathBuf};

use models::{DeepBoundaries, TreeSettings};
use pictures::MemoryBudget;

use super::exports::Export;
use crate::error::{Context as _, Error, Result};
use crate::files::check_folder;
use crate::png_file::PngSize;

/// The image that means standard input.
pub const STANDARD_INPUT: &str = "-";

/// What is segmented, how, and which files are written of it.
#[derive(Clone, Debug)]
pub struct SegmentSettings {
    /// Photographs: files, folders of them, and `-` for standard input.
    pub images: Vec<PathBuf>,
    /// Whether folders give the photographs of their subfolders too.
    pub recursive: bool,
    /// Pixels to leave out: a picture, white where it is segmented, or a folder with one for each photograph.
    pub mask: Option<PathBuf>,
    /// Superpixels that segments are made of: from 1 to 4096, none for the usual number. Memory grows with the square of
    /// their number.
    pub superpixels: Option<usize>,
    /// Numbers of segments, each for a segmentation of its own; none where the network is to choose.
    pub counts: Vec<usize>,
    /// The height that the tree is cut at where no numbers are given, from 0 for all superpixels to 1 for one segment; none
    /// for the usual one. It counts the same on every photograph.
    pub level: Option<f64>,
    /// The longer side that photographs are segmented at, in pixels; 0 for no limit.
    pub max_side: u32,
    /// Memory for a photograph and its pictures.
    pub max_memory: MemoryBudget,
    /// Whether damaged photographs are segmented as far as they go.
    pub lenient: bool,
    /// Folder of the outputs; it is made where there is none.
    pub out: PathBuf,
    /// Whether segment numbers are written, as a 16-bit PNG.
    pub labels: bool,
    /// Whether boundary strengths are written, as a grey PNG.
    pub contours: bool,
    /// The network along whose boundaries superpixels lie, which count in place of contrast; none where colours decide.
    pub boundary_network: Option<DeepBoundaries>,
    /// Whether that network's map is written, as a grey PNG.
    pub boundaries: bool,
    /// How much time is spent on the size of pictures.
    pub png: PngSize,
    /// Files for other programs.
    pub exports: Vec<Export>,
    /// Whether photographs are left out whose outputs all exist.
    pub skip_existing: bool,
}

impl SegmentSettings {
    /// The defaults of the command line: overlay and map of each photograph, in as many segments as the network chooses.
    pub fn new<P: Into<PathBuf>>(
        images: impl IntoIterator<Item = P>,
        out: impl Into<PathBuf>,
    ) -> Self {
        Self {
            images: images.into_iter().map(Into::into).collect(),
            recursive: false,
            mask: None,
            superpixels: None,
            counts: Vec::new(),
            level: None,
            max_side: 1024,
            max_memory: MemoryBudget::default(),
            lenient: false,
            out: out.into(),
            labels: false,
            contours: false,
            boundary_network: None,
            boundaries: false,
            png: PngSize::default(),
            exports: Vec::new(),
            skip_existing: false,
        }
    }

    /// Whether an image comes from standard input, which several processes do not share.
    pub fn reads_standard_input(&self) -> bool {
        let mut images = self.images.iter();
        images.any(|image| image.as_os_str() == STANDARD_INPUT)
    }

    /// The kinds of files for other programs, each once.
    pub(super) fn exports(&self) -> Vec<Export> {
        let mut exports = self.exports.clone();
        exports.sort();
        exports.dedup();
        exports
    }

    /// Each number of segments, or the network's choice.
    pub(super) fn cuts(&self) -> Vec<Option<usize>> {
        match self.counts.is_empty() {
            true => vec![None],
            false => self.counts.iter().copied().map(Some).collect(),
        }
    }

    /// As a network's tree takes them.
    pub(super) fn tree(&self) -> TreeSettings {
        let usual = match self.boundary_network {
            Some(_) => TreeSettings::with_boundaries(),
            None => TreeSettings::default(),
        };
        TreeSettings {
            superpixels: self.superpixels.unwrap_or(usual.superpixels),
            height: self.level.unwrap_or(usual.height),
            ..usual
        }
    }

    /// # Errors
    /// [`Error::Setting`] for places that cannot be meant.
    pub(super) fn check(&self) -> Result<()> {
        check_out(&self.out)?;
        match self.level {
            Some(level) if !(0.0..=1.0).contains(&level) => {
                return Err(Error::setting(format!(
                    "--level: expected a number from 0 to 1, found {level}"
                )));
            }
            Some(_) if !self.counts.is_empty() => {
                return Err(Error::setting(
                    "--level: expected no numbers of segments beside it, found --k",
                ));
            }
            _ => {}
        }
        match self.mask.as_deref().filter(|mask| !mask.exists()) {
            Some(missing) => Err(Error::setting(format!(
                "--mask: expected a picture or a folder, found no {}",
                missing.display()
            ))),
            None => Ok(()),
        }
    }
}

/// The outputs have a folder, or a place for one.
fn check_out(out: &Path) -> Result<()> {
    let mut places = out.ancestors();
    let file = places.find(|place| place.exists() && !place.as_os_str().is_empty());
    if let Some(file) = file.filter(|place| !place.is_dir()) {
        return Err(Error::setting(format!(
            "--out: expected a folder, or a place for one, found the file {}",
            file.display()
        )));
    }
    match out.is_dir() {
        true => check_folder(out).context("--out"),
        false => Ok(()),
    }
}
