//! `matbackprop segment`: photographs in, pictures of their segments out.

mod cut;
mod exports;
mod inputs;
mod masks;
mod names;
mod outputs;
mod report;
mod shown;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use experiments::cuts_in_a_line;
use experiments::files::{Staged, check_folder};
use experiments::sharding::{gather, shard};
use image::RgbImage;
use models::{Contours, DeepNcuts, SegmentSeconds, TreeSettings, joint_contours, masked_contours};
use pictures::{
    Photograph, PictureFile, ReadOptions, SegmentExport, at_working_size, contour_image,
    fill_left_out, paint_outlines,
};
use segmentation::{PixelMask, SegmentationTree};
use training::Ranks;

use crate::arguments::{ClusterArgument, Quality, SegmentArguments};
use crate::failure::usage;
use crate::interrupt::Interrupt;
use crate::output;
use crate::progress::Progress;
use cut::cut;
use exports::{Exported, neighbours};
use inputs::{Input, PassedOver, STANDARD_INPUT, collect};
use masks::mask_of;
use names::names;
use outputs::OutputPlan;
use report::{ImageReport, SegmentOutcome, SegmentationReport, conclude, lines_of};
use shown::{bytes_of, in_a_line};

/// Segments every photograph; one that fails is reported and skipped. Ranks share the photographs.
pub fn run(arguments: &SegmentArguments, ranks: &Ranks, interrupt: &Interrupt) -> Result<()> {
    let work = ranks.sync_result(prepare(arguments, ranks))?;
    let networks: Vec<&DeepNcuts> = work.networks.iter().collect();
    lines_of(&work.passed_over)
        .iter()
        .for_each(|line| output::note(line));
    interrupt.listen()?;
    let mine = shard(ranks, work.inputs.len());
    // Lines of results are progress enough, unless a bar can stand below them, or they come together in the end.
    let mut progress = (mine.len() > 1).then(|| Progress::new("image", mine.len() as u64));
    progress = progress.filter(|progress| arguments.json || progress.is_bar() || !ranks.is_alone());
    let mut outcomes = Vec::with_capacity(mine.len());
    for (done, index) in mine.into_iter().enumerate() {
        let (input, name) = (&work.inputs[index], &work.names[index]);
        let began = Instant::now();
        let mut seconds = None;
        let one = if interrupt.asked() {
            SegmentOutcome::NotReached
        } else if arguments.files.skip_existing
            && input.refused.is_none()
            && work.plan.all_exist(name)
        {
            SegmentOutcome::skipped(&input.path)
        } else {
            let result = one_image(&networks, input, name, &work.plan, arguments);
            seconds = result.as_ref().ok().map(|found| file_seconds(found, began));
            SegmentOutcome::of(&input.path, result, arguments.json)
        };
        if ranks.is_alone() {
            let print = || {
                seconds.iter().for_each(|line| output::detail(line));
                one.print()
            };
            match &progress {
                Some(progress) => progress.aside(print)?,
                None => print()?,
            }
        }
        outcomes.push(one);
        if let Some(progress) = &mut progress {
            progress.advance(done as u64 + 1, || in_a_line(&input.path));
        }
    }
    drop(progress);
    let together = gather(ranks, outcomes)?.map(|outcomes| {
        if !ranks.is_alone() {
            outcomes.iter().try_for_each(SegmentOutcome::print)?;
        }
        match conclude(arguments.json, outcomes, work.passed_over)? {
            Some(done) => Err(interrupt.stopped(&done, "the same command with --skip-existing")),
            None => Ok(()),
        }
    });
    ranks.sync_result(together.unwrap_or(Ok(())))
}

/// `coffee.jpg: reading and writing 0.12 s`: what the network did not take.
fn file_seconds(report: &ImageReport, began: Instant) -> String {
    let SegmentSeconds {
        trunk,
        layer,
        clustering,
    } = report.seconds;
    let files = began.elapsed().as_secs_f64() - trunk - layer - clustering;
    let image = in_a_line(&report.image);
    format!("{image}: reading and writing {files:.2} s")
}

/// What is known before the first photograph is read.
struct Work {
    inputs: Vec<Input>,
    /// Names of their outputs.
    names: Vec<PathBuf>,
    passed_over: Vec<PassedOver>,
    plan: OutputPlan,
    networks: Vec<DeepNcuts>,
}

fn prepare(arguments: &SegmentArguments, ranks: &Ranks) -> Result<Work> {
    check_out(&arguments.out)?;
    let (inputs, passed_over) = collect(
        &arguments.images,
        arguments.source.recursive,
        &arguments.out,
    );
    if !ranks.is_alone() && inputs.iter().any(Input::is_standard) {
        return Err(usage(
            "IMAGE: expected files or folders, as several processes do not share standard input, found -",
        ));
    }
    let mask = arguments.source.mask.as_deref();
    if let Some(missing) = mask.filter(|mask| !mask.exists()) {
        let found = missing.display();
        return Err(usage(format!(
            "--mask: expected a picture or a folder, found no {found}"
        )));
    }
    let plan = OutputPlan::new(arguments);
    let (names, changed) = names(&inputs, &plan);
    if changed > 0 {
        output::note(&format!(
            "{changed} of the photographs would share names, or write over others: their outputs get folders or numbers"
        ));
    }
    let mut networks = vec![match &arguments.weights {
        Some(path) => DeepNcuts::load(path).context("reading the network")?,
        None => matbackprop::default_network()?,
    }];
    let origin = arguments.weights.as_ref();
    let origin = origin.map_or("inside this program".into(), |path| path.to_string_lossy());
    output::detail(&cuts_in_a_line(&origin, &networks[0]));
    if arguments.quality == Quality::High {
        networks.push(large_network()?);
    }
    let device = arguments.device.open()?;
    let networks = networks.into_iter();
    Ok(Work {
        networks: networks.map(|network| network.on_device(&device)).collect(),
        inputs,
        names,
        passed_over,
        plan,
    })
}

/// The outputs have a folder, or a place for one.
fn check_out(out: &Path) -> Result<()> {
    let mut places = out.ancestors();
    let file = places.find(|place| place.exists() && !place.as_os_str().is_empty());
    if let Some(file) = file.filter(|place| !place.is_dir()) {
        let found = file.display();
        return Err(usage(format!(
            "--out: expected a folder, or a place for one, found the file {found}"
        )));
    }
    if out.is_dir() {
        check_folder(out).context("--out")?;
    }
    Ok(())
}

/// The second network of `--quality high`: your own trained one, or the published VGG-16 trunk with the embedded head.
const LARGE_NETWORK: &str = "ncuts_vgg16_f16.safetensors";
const LARGE_TRUNK: &str = "vgg16_features_f16.safetensors";

fn large_network() -> Result<DeepNcuts> {
    let shared = std::env::var_os("MATBACKPROP_DATA").map(PathBuf::from);
    let folders = shared.into_iter().chain([PathBuf::from("data")]);
    let folders: Vec<PathBuf> = folders.map(|folder| folder.join("weights")).collect();
    let find = |name: &str| {
        let mut places = folders.iter().map(|folder| folder.join(name));
        places.find(|path| path.is_file())
    };
    let found = match (find(LARGE_NETWORK), find(LARGE_TRUNK)) {
        (Some(path), _) => Some((DeepNcuts::load(&path), path)),
        (None, Some(path)) => Some((matbackprop::large_network(&path), path)),
        (None, None) => None,
    };
    if let Some((network, path)) = found {
        let network = network.context("--quality high")?;
        output::detail(&cuts_in_a_line(&path.to_string_lossy(), &network));
        return Ok(network);
    }
    let folders: Vec<String> = folders
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    bail!(
        "--quality high: expected {LARGE_TRUNK} in {}, found none; data/README.md says how to make it, \
         and {LARGE_NETWORK}, of `train ncuts --trunk vgg16 … --export`, serves too",
        folders.join(" or ")
    )
}

/// The photograph of an input, as a viewer shows it.
fn read(input: &Input, arguments: &SegmentArguments) -> Result<Photograph> {
    if let Some(why) = &input.refused {
        bail!("{why}");
    }
    let options = ReadOptions {
        memory: arguments.max_memory,
        lenient: arguments.lenient,
        bytes_to_come: Some(BYTES_A_PIXEL),
    };
    if !input.is_standard() {
        return Ok(PictureFile::open_with(&input.path, options)?.photograph()?);
    }
    let mut bytes = Vec::new();
    let mut standard = std::io::stdin().lock().take(MOST_BYTES + 1);
    standard
        .read_to_end(&mut bytes)
        .context("reading standard input")?;
    if bytes.len() as u64 > MOST_BYTES {
        bail!("expected a picture of at most {MOST_BYTES} bytes, found more");
    }
    Ok(PictureFile::from_bytes_with(STANDARD_INPUT, bytes, options)?.photograph()?)
}

/// Bytes that a photograph's pixels and its pictures take for each pixel, at their largest: 3 of the photograph, 4 of its
/// labels, and 11 while the segments are painted.
const BYTES_A_PIXEL: u64 = 18;

/// Bytes that standard input may have: it could go on for ever.
const MOST_BYTES: u64 = 1 << 30;

fn one_image(
    networks: &[&DeepNcuts],
    input: &Input,
    name: &Path,
    plan: &OutputPlan,
    arguments: &SegmentArguments,
) -> Result<ImageReport> {
    let read = read(input, arguments)?;
    let image = &read.pixels;
    let mask = arguments.source.mask.as_ref();
    let mask = mask.map(|mask| mask_of(mask, input, image.dimensions()));
    let mask = mask.transpose()?;
    let settings = TreeSettings {
        superpixels: arguments.source.superpixels as usize,
        ..TreeSettings::default()
    };
    let (contours, working_size) = contours(networks, image, mask.as_ref(), &settings, arguments)?;
    let asked = numbers_of_segments(&arguments.k);
    let photograph = Staging {
        read: &read,
        mask: mask.as_ref(),
        file_name: input.file_name(),
        height: settings.height,
        place: &|k, ending| plan.place(name, k, ending),
    };
    let most = contours.tree.most_segments();
    if let Some(k) = asked.iter().flatten().find(|k| **k > most) {
        bail!(
            "--k: expected at most the {most} segments that this photograph has, found {k}; more --superpixels allow more"
        );
    }
    let mut staged = Staged::default();
    let mut segmentations = Vec::new();
    let mut exported = Vec::new();
    for k in asked {
        let (segmentation, files) = stage(&mut staged, &photograph, &contours.tree, k, arguments)?;
        segmentations.push(segmentation);
        exported.push(files);
    }
    let mut picture = None;
    if arguments.contours {
        let path = plan.place(name, None, "contours.png");
        staged.picture(path.clone(), &contour_image(&contours.tree))?;
        picture = Some(path);
    }
    staged.commit()?;
    exported.iter().try_for_each(Exported::tidy)?;
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
        notes: read.notes.iter().map(ToString::to_string).collect(),
        seconds: contours.seconds,
    })
}

/// What is written of a photograph.
struct Staging<'a> {
    read: &'a Photograph,
    mask: Option<&'a PixelMask>,
    file_name: String,
    /// Of the cut where no number of segments is asked for.
    height: f64,
    place: &'a dyn Fn(Option<usize>, &str) -> PathBuf,
}

/// Writes the files of one cut beside their places.
fn stage(
    staged: &mut Staged,
    photograph: &Staging<'_>,
    tree: &SegmentationTree,
    k: Option<usize>,
    arguments: &SegmentArguments,
) -> Result<(SegmentationReport, Exported)> {
    let Staging { read, mask, .. } = *photograph;
    let image = &read.pixels;
    let mut found = cut(tree, k, photograph.height, read)?;
    if let Some(mask) = mask {
        found = found.kept_by(mask)?;
    }
    let (labels, segments) = (found.labels, found.segments);
    let export = SegmentExport::new(&photograph.file_name, &labels, segments, mask.is_some());
    let several = numbers_of_segments(&arguments.k).len() > 1;
    let place = |ending: &str| (photograph.place)(k.filter(|_| several), ending);
    let (overlay, map) = (place("overlay.png"), place("segments.png"));
    staged.picture(overlay.clone(), &paint_outlines(image, &labels)?)?;
    staged.picture(map.clone(), &export.colours())?;
    let mut numbers = None;
    if arguments.labels {
        let path = place("labels.png");
        staged.picture(path.clone(), &export.numbers_image()?)?;
        numbers = Some(path);
    }
    let pairs = || neighbours(tree, &labels, segments);
    let exported = Exported::stage(staged, &export, &arguments.files.exports(), place, pairs)?;
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

/// The tree of a photograph at its working size, and that size. What a mask leaves out is filled first.
fn contours(
    networks: &[&DeepNcuts],
    image: &RgbImage,
    mask: Option<&PixelMask>,
    settings: &TreeSettings,
    arguments: &SegmentArguments,
) -> Result<(Contours, (u32, u32))> {
    let Some(mask) = mask else {
        let working = at_working_size(image, arguments.max_side);
        let seen = working.as_ref().unwrap_or(image);
        return Ok((joint_contours(networks, seen, settings)?, seen.dimensions()));
    };
    let mut filled = image.clone();
    fill_left_out(&mut filled, mask)?;
    let working = at_working_size(&filled, arguments.max_side);
    let seen = working.as_ref().unwrap_or(&filled);
    let (width, height) = seen.dimensions();
    let mask = mask.at_smaller_size(width as usize, height as usize)?;
    let contours = masked_contours(networks, seen, &mask, settings)?;
    Ok((contours, (width, height)))
}

/// The numbers of segments asked for; none where the network is to choose.
fn numbers_of_segments(k: &ClusterArgument) -> Vec<Option<usize>> {
    let counts = k.counts().map(|counts| counts.iter().copied().map(Some));
    counts.map_or_else(|| vec![None], Iterator::collect)
}
