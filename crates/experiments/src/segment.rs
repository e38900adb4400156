//! Photographs in, pictures of their segments out.
//!
//! ```text
//!   images ─▶ inputs ─▶ names ─▶ for each: read ─▶ contours (network) ─▶ cut ─▶ files, all or none
//! ```

mod awaited;
mod boundaries;
mod cut;
mod exports;
mod inputs;
mod masks;
mod names;
mod outputs;
mod report;
mod settings;
mod shown;

use std::path::{Path, PathBuf};
use std::time::Instant;

use image::RgbImage;
use models::{
    BoundaryProbabilities, Contours, DeepNcuts, TreeSettings, boundary_contours, joint_contours,
    masked_contours,
};
use pictures::{
    MemoryBudget, Photograph, PictureFile, ReadOptions, SegmentExport, at_working_size,
    contour_image, fill_left_out, paint_outlines,
};
use segmentation::{PixelMask, SegmentationTree};

use self::awaited::{awaited, may_wait};
use self::boundaries::boundary_picture;
use self::cut::cut;
use self::exports::{Exported, neighbours};
use self::inputs::{Input, collect};
use self::masks::mask_of;
use self::names::names;
use self::outputs::{BOUNDARIES, CONTOURS, OutputPlan};
use self::settings::STANDARD_INPUT;
use self::shown::bytes_of;
use crate::error::{Error, Result};
use crate::files::Staged;
use crate::network_memory::Need;

pub use boundaries::boundary_network;
pub use exports::Export;
pub use inputs::PassedOver;
pub use report::{
    FailedImage, ImageReport, ImageSeconds, SegmentOutcome, SegmentReport, SegmentationReport,
    SkippedImage,
};
pub use settings::SegmentSettings;
pub use shown::in_a_line;

/// The photographs of a call, each to be segmented on its own: in order, or shared out among processes.
///
/// # Example
/// ```no_run
/// use experiments::segment::{Export, SegmentJob, SegmentReport, SegmentSettings};
/// use models::DeepNcuts;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut settings = SegmentSettings::new(["photographs"], "segments");
/// settings.exports = vec![Export::Geojson];
/// let network = DeepNcuts::load("network.safetensors".as_ref())?;
/// let job = SegmentJob::new(settings, vec![network])?;
/// let outcomes = (0..job.images()).map(|index| job.segment(index)).collect();
/// let report = SegmentReport::new(outcomes, job.passed_over().to_vec());
/// println!("{}", serde_json::to_string_pretty(&report)?);
/// # Ok(())
/// # }
/// ```
pub struct SegmentJob {
    settings: SegmentSettings,
    networks: Vec<DeepNcuts>,
    inputs: Vec<Input>,
    /// Names of their outputs.
    names: Vec<PathBuf>,
    renamed: usize,
    passed_over: Vec<PassedOver>,
    plan: OutputPlan,
}

impl SegmentJob {
    /// Looks for the photographs, and gives each a name; none is read yet. Several networks segment together.
    ///
    /// # Errors
    /// [`Error::Setting`] for places that cannot be meant, or without a network. A photograph that is not there is an
    /// outcome, no error.
    pub fn new(settings: SegmentSettings, networks: Vec<DeepNcuts>) -> Result<Self> {
        settings.check()?;
        if networks.is_empty() {
            return Err(Error::setting("expected a network, found none"));
        }
        let (inputs, passed_over) = collect(&settings.images, settings.recursive, &settings.out);
        let plan = OutputPlan::new(&settings);
        let (names, renamed) = names(&inputs, &plan);
        Ok(Self {
            settings,
            networks,
            inputs,
            names,
            renamed,
            passed_over,
            plan,
        })
    }

    /// How many photographs there are.
    pub fn images(&self) -> usize {
        self.inputs.len()
    }

    /// A photograph, as it was given or found.
    pub fn image(&self, index: usize) -> &Path {
        &self.inputs[index].path
    }

    /// Files that were given or found, but are no photographs to be segmented.
    pub fn passed_over(&self) -> &[PassedOver] {
        &self.passed_over
    }

    /// How many photographs would share names, or write over others: their outputs get folders or numbers.
    pub fn renamed(&self) -> usize {
        self.renamed
    }

    /// Segments a photograph and writes its files: all of them, or none.
    pub fn segment(&self, index: usize) -> SegmentOutcome {
        self.segment_unless(index, &|| false)
    }

    /// As [`segment`](Self::segment); the photograph is not reached where the work is stopped while standard input or a
    /// pipe keeps it waiting.
    pub fn segment_unless(&self, index: usize, stopped: &dyn Fn() -> bool) -> SegmentOutcome {
        let (input, name) = (&self.inputs[index], &self.names[index]);
        let exists = || input.refused.is_none() && self.plan.all_exist(name);
        if self.settings.skip_existing && exists() {
            return SegmentOutcome::skipped(&input.path);
        }
        let begin = Instant::now();
        let Some(read) = self.read(input, stopped) else {
            return SegmentOutcome::NotReached;
        };
        let result = read.and_then(|read| self.one_image(input, name, &read, begin));
        SegmentOutcome::of(&input.path, result)
    }

    /// The photograph of an input, as a viewer shows it; none where the work is stopped before it is there.
    fn read(&self, input: &Input, stopped: &dyn Fn() -> bool) -> Option<Result<Photograph>> {
        if let Some(why) = &input.refused {
            return Some(Err(Error::unexpected(why)));
        }
        let options = ReadOptions {
            memory: self.settings.max_memory,
            lenient: self.settings.lenient,
            bytes_to_come: Some(BYTES_A_PIXEL),
        };
        let (path, is_standard) = (input.path.clone(), input.is_standard());
        let waits = is_standard || may_wait(&path);
        let read = move || -> Result<Photograph> {
            if is_standard {
                let standard = std::io::stdin().lock();
                return Ok(
                    PictureFile::from_reader(STANDARD_INPUT, standard, options)?.photograph()?
                );
            }
            Ok(PictureFile::open_with(&path, options)?.photograph()?)
        };
        match waits {
            true => awaited(read, stopped)
                .unwrap_or_else(|error| Some(Err(Error::file(&input.path)(error)))),
            false => Some(read()),
        }
    }

    /// The photograph that was `read`, since `begin`.
    fn one_image(
        &self,
        input: &Input,
        name: &Path,
        read: &Photograph,
        begin: Instant,
    ) -> Result<ImageReport> {
        let image = &read.pixels;
        let mask = self.settings.mask.as_ref();
        let mask = mask.map(|mask| mask_of(mask, input, image.dimensions()));
        let mask = mask.transpose()?;
        let tree = self.settings.tree();
        let seen = self.seen(image, mask.as_ref())?;
        let reading = begin.elapsed().as_secs_f64();
        let (contours, drawn) = self.contours(input, &seen, image, &tree)?;
        let working_size = seen.pixels.as_ref().unwrap_or(image).dimensions();
        let asked = self.settings.cuts();
        let most = contours.tree.most_segments();
        if let Some(k) = asked.iter().flatten().find(|k| **k > most) {
            return Err(Error::unexpected(format!(
                "--k: expected at most the {most} segments that this photograph has, found {k}; more --superpixels allow more"
            )));
        }
        let photograph = Staging {
            read,
            mask: mask.as_ref(),
            file_name: input.file_name(),
            height: tree.height,
            name,
        };
        let mut staged = Staged::within(&self.settings.out).with_png(self.settings.png);
        let mut segmentations = Vec::new();
        let mut exported = Vec::new();
        for k in asked {
            let (segmentation, files) = self.stage(&mut staged, &photograph, &contours.tree, k)?;
            segmentations.push(segmentation);
            exported.push(files);
        }
        let mut picture = None;
        if self.settings.contours {
            let path = self.plan.place(name, None, CONTOURS);
            staged.picture(path.clone(), &contour_image(&contours.tree))?;
            picture = Some(path);
        }
        let mut boundaries = None;
        if let Some(map) = drawn.filter(|_| self.settings.boundaries) {
            let path = self.plan.place(name, None, BOUNDARIES);
            staged.picture(path.clone(), &boundary_picture(&map, seen.mask.as_ref()))?;
            boundaries = Some(path);
        }
        let mut writing = staged.seconds();
        let renaming = Instant::now();
        staged.commit()?;
        exported.iter().try_for_each(Exported::tidy)?;
        writing += renaming.elapsed().as_secs_f64();
        let left_out = |mask: PixelMask| mask.kept().len() - mask.kept_pixels();
        Ok(ImageReport {
            image: input.path.clone(),
            image_bytes: bytes_of(&input.path),
            width: image.width(),
            height: image.height(),
            file_size: (read.file_size != image.dimensions()).then_some(read.file_size),
            working_size,
            soft_rank: contours.soft_rank,
            left_out: mask.map(left_out),
            segmentations,
            contours: picture,
            boundaries,
            notes: notes(read, working_size),
            seconds: ImageSeconds::new(reading, contours.seconds, writing, begin.elapsed()),
        })
    }

    /// A photograph at its working size, where that is another or a mask leaves pixels out, which are filled; and its mask.
    fn seen(&self, image: &RgbImage, mask: Option<&PixelMask>) -> Result<Seen> {
        let max_side = self.settings.max_side;
        let Some(mask) = mask else {
            let pixels = at_working_size(image, max_side);
            return Ok(Seen { pixels, mask: None });
        };
        let mut filled = image.clone();
        fill_left_out(&mut filled, mask)?;
        let working = at_working_size(&filled, max_side).unwrap_or(filled);
        let (width, height) = working.dimensions();
        Ok(Seen {
            mask: Some(mask.at_smaller_size(width as usize, height as usize)?),
            pixels: Some(working),
        })
    }

    /// The tree of a photograph at its working size, and the boundaries that it follows.
    fn contours(
        &self,
        input: &Input,
        seen: &Seen,
        image: &RgbImage,
        tree: &TreeSettings,
    ) -> Result<(Contours, Option<BoundaryProbabilities>)> {
        let networks: Vec<&DeepNcuts> = self.networks.iter().collect();
        let pixels = seen.pixels.as_ref().unwrap_or(image);
        let size = pixels.dimensions();
        let allowed = self.settings.max_memory.max(NETWORK_MEMORY);
        let need = Need::segmenting(networks.iter().copied());
        let need = need.and_drawing(self.settings.boundary_network.as_ref());
        need.check(allowed, &input.path, size, " (`--max-side`)")?;
        let mask = seen.mask.as_ref();
        let Some(network) = &self.settings.boundary_network else {
            let contours = match mask {
                None => joint_contours(&networks, pixels, tree)?,
                Some(mask) => masked_contours(&networks, pixels, mask, tree)?,
            };
            return Ok((contours, None));
        };
        let drawing = Instant::now();
        let drawn = network.boundaries(pixels, tree.flips)?;
        let drawing = drawing.elapsed().as_secs_f64();
        let found = drawn.probabilities();
        let mut contours = boundary_contours(&networks, pixels, found, mask, tree)?;
        contours.seconds.trunk += drawing;
        Ok((contours, Some(drawn)))
    }

    /// Writes the files of one cut beside their places.
    fn stage(
        &self,
        staged: &mut Staged,
        photograph: &Staging<'_>,
        tree: &SegmentationTree,
        k: Option<usize>,
    ) -> Result<(SegmentationReport, Exported)> {
        let Staging { read, mask, .. } = *photograph;
        let image = &read.pixels;
        let mut found = cut(tree, k, photograph.height, read)?;
        if let Some(mask) = mask {
            found = found.kept_by(mask)?;
        }
        let (labels, segments) = (found.labels, found.segments);
        let export = SegmentExport::new(&photograph.file_name, &labels, segments, mask.is_some());
        let several = self.settings.counts.len() > 1;
        let place = |ending: &str| {
            let k = k.filter(|_| several);
            self.plan.place(photograph.name, k, ending)
        };
        let (overlay, map) = (place("overlay.png"), place("segments.png"));
        staged.picture(overlay.clone(), &paint_outlines(image, &labels)?)?;
        staged.picture(map.clone(), &export.colours())?;
        let mut numbers = None;
        if self.settings.labels {
            let path = place("labels.png");
            staged.picture(path.clone(), &export.numbers_image()?)?;
            numbers = Some(path);
        }
        let pairs = || neighbours(tree, &labels, segments);
        let kinds = self.settings.exports();
        let exported = Exported::stage(staged, &export, &kinds, place, pairs)?;
        let report = SegmentationReport {
            k,
            segments,
            transparent: found.transparent.map(|id| id + u32::from(mask.is_some())),
            overlay,
            map,
            labels: numbers,
            exports: exported.places.clone(),
        };
        Ok((report, exported))
    }
}

/// What the networks see.
struct Seen {
    /// None where it is the photograph itself.
    pixels: Option<RgbImage>,
    mask: Option<PixelMask>,
}

/// What a network may take in any case: `--max-memory` is of photographs first, and these may be small.
const NETWORK_MEMORY: MemoryBudget = MemoryBudget::of_bytes(64 << 20);

/// What its user should know of a photograph.
fn notes(read: &Photograph, (width, height): (u32, u32)) -> Vec<String> {
    let mut notes: Vec<String> = read.notes.iter().map(ToString::to_string).collect();
    if width.max(height) >= LONG * width.min(height) {
        notes.push(format!(
            "a strip, segmented at {width} × {height} pixels; parts of less than {LONG} to 1 have finer segments"
        ));
    }
    notes
}

/// Photographs of so much to 1 are strips.
const LONG: u32 = 32;

/// What is written of a photograph.
struct Staging<'a> {
    read: &'a Photograph,
    mask: Option<&'a PixelMask>,
    file_name: String,
    /// Of the cut where no number of segments is asked for.
    height: f64,
    /// Of its outputs.
    name: &'a Path,
}

/// Bytes that a photograph's pixels and its pictures take for each pixel, at their largest: 3 of the photograph, 4 of its
/// labels, and 11 while the segments are painted.
const BYTES_A_PIXEL: u64 = 18;
