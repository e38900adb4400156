//! `matbackprop segment`: photographs in, pictures of their segments out.

mod cut;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use experiments::cuts_in_a_line;
use experiments::files::Staged;
use experiments::sharding::{gather, shard};
use models::{DeepNcuts, SegmentSeconds, TreeSettings, joint_contours};
use pictures::{
    PictureFile, ReadOptions, at_working_size, contour_image, label_image, paint_outlines,
    paint_segments,
};
use serde::{Deserialize, Serialize};
use training::Ranks;

use self::cut::cut;
use crate::arguments::{ClusterArgument, Quality, SegmentArguments};
use crate::failure::{error_chain_line, usage};
use crate::output;
use crate::progress::Progress;

/// The output of `--json`.
#[derive(Serialize)]
struct Report {
    images: Vec<ImageReport>,
    failed: Vec<Failed>,
}

/// A photograph that was segmented.
#[derive(Serialize, Deserialize)]
struct ImageReport {
    image: PathBuf,
    /// Width and height of the pictures written.
    width: u32,
    height: u32,
    /// Width and height in the file, where the photograph was read at a smaller size.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    file_size: Option<(u32, u32)>,
    /// Width and height it was segmented at.
    working_size: (u32, u32),
    /// How many segments the network is sure of.
    soft_rank: f64,
    segmentations: Vec<SegmentationReport>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    contours: Option<PathBuf>,
    /// What was found while the file was read.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    notes: Vec<String>,
    seconds: SegmentSeconds,
}

/// One segmentation of it.
#[derive(Serialize, Deserialize)]
struct SegmentationReport {
    /// The number asked for; none where the height of the cut was the rule.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    k: Option<usize>,
    segments: usize,
    /// The number of the segment of transparent pixels, where there are any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    transparent: Option<u32>,
    overlay: PathBuf,
    map: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    labels: Option<PathBuf>,
}

/// A photograph that was not.
#[derive(Serialize, Deserialize)]
struct Failed {
    image: PathBuf,
    error: String,
}

/// Segments every photograph; one that fails is reported and skipped. Ranks share the photographs.
pub fn run(arguments: &SegmentArguments, ranks: &Ranks) -> Result<()> {
    let (stems, networks) = ranks.sync_result(prepare(arguments))?;
    let networks: Vec<&DeepNcuts> = networks.iter().collect();
    let mine = shard(ranks, arguments.images.len());
    // Lines of results are progress enough, unless a bar can stand below them, or they come together in the end.
    let mut progress = (mine.len() > 1).then(|| Progress::new("image", mine.len() as u64));
    progress = progress.filter(|progress| arguments.json || progress.is_bar() || !ranks.is_alone());
    let mut outcomes = Vec::with_capacity(mine.len());
    for (done, index) in mine.into_iter().enumerate() {
        let image = &arguments.images[index];
        let began = Instant::now();
        let result = one_image(&networks, image, &stems[index], arguments);
        let seconds = result.as_ref().ok().map(|found| file_seconds(found, began));
        let one = SegmentOutcome::of(image, result, arguments.json);
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
            progress.advance(done as u64 + 1, || image.display().to_string());
        }
    }
    drop(progress);
    let together = gather(ranks, outcomes)?.map(|outcomes| {
        if !ranks.is_alone() {
            outcomes.iter().try_for_each(SegmentOutcome::print)?;
        }
        conclude(arguments, outcomes)
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
    format!(
        "{}: reading and writing {files:.2} s",
        report.image.display()
    )
}

/// Prepares all before the first photograph is read: the names of its pictures, and the networks.
fn prepare(arguments: &SegmentArguments) -> Result<(Vec<String>, Vec<DeepNcuts>)> {
    let stems = stems(&arguments.images)?;
    if arguments.out.exists() && !arguments.out.is_dir() {
        let found = arguments.out.display();
        return Err(usage(format!(
            "--out: expected a folder, or a place for one, found the file {found}"
        )));
    }
    check_outputs(arguments, &stems)?;
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
    let networks = networks.map(|network| network.on_device(&device)).collect();
    Ok((stems, networks))
}

/// The outcome of a photograph.
#[derive(Serialize, Deserialize)]
enum SegmentOutcome {
    /// For people: what was found while the file was read, and the line.
    Line(Vec<String>, String),
    /// For programs.
    Report(ImageReport),
    /// The error, after the photograph's name, and as programs get it.
    Failed(String, Failed),
}

impl SegmentOutcome {
    fn of(image: &Path, result: Result<ImageReport>, json: bool) -> Self {
        match result {
            Ok(found) if json => Self::Report(found),
            Ok(found) => Self::Line(note_lines(&found), line(&found)),
            Err(error) => {
                let (name, error) = (format!("{}: ", image.display()), error_chain_line(&error));
                let error = error.strip_prefix(&name).unwrap_or(&error).to_owned();
                let image = image.to_path_buf();
                Self::Failed(format!("{name}{error}"), Failed { image, error })
            }
        }
    }

    /// Prints it as soon as it is known.
    fn print(&self) -> Result<()> {
        match self {
            Self::Line(notes, line) => {
                notes.iter().for_each(|note| output::note(note));
                output::print_done(line)
            }
            Self::Report(found) => {
                note_lines(found).iter().for_each(|note| output::note(note));
                Ok(())
            }
            Self::Failed(line, _) => {
                output::error(line);
                Ok(())
            }
        }
    }
}

/// The one object of `--json`, and whether all went well.
fn conclude(arguments: &SegmentArguments, outcomes: Vec<SegmentOutcome>) -> Result<()> {
    let (mut images, mut failed) = (Vec::new(), Vec::new());
    let total = outcomes.len();
    for one in outcomes {
        match one {
            SegmentOutcome::Line(..) => {}
            SegmentOutcome::Report(report) => images.push(report),
            SegmentOutcome::Failed(_, photograph) => failed.push(photograph),
        }
    }
    let failures = failed.len();
    if arguments.json {
        output::print_json(&Report { images, failed })?;
    }
    match failures {
        0 => Ok(()),
        _ if total == 1 => bail!("no image was segmented"),
        failed => bail!("{failed} of {total} images were not segmented"),
    }
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

fn one_image(
    networks: &[&DeepNcuts],
    path: &Path,
    stem: &str,
    arguments: &SegmentArguments,
) -> Result<ImageReport> {
    let options = ReadOptions {
        memory: arguments.max_memory,
        lenient: arguments.lenient,
        bytes_to_come: Some(BYTES_A_PIXEL),
    };
    let photograph = PictureFile::open_with(path, options)?.photograph()?;
    let image = &photograph.pixels;
    let working = at_working_size(image, arguments.max_side);
    let seen = working.as_ref().unwrap_or(image);
    let settings = TreeSettings::default();
    let contours = joint_contours(networks, seen, &settings)?;
    let asked = numbers_of_segments(&arguments.k);
    let several = asked.len() > 1;
    let most = contours.tree.most_segments();
    if let Some(k) = asked.iter().flatten().find(|k| **k > most) {
        bail!("--k: expected at most the {most} segments that this photograph has, found {k}");
    }
    let mut staged = Staged::default();
    let mut segmentations = Vec::new();
    for k in asked {
        let found = cut(&contours.tree, k, settings.height, &photograph)?;
        let place = |kind: &str| {
            let k = k.filter(|_| several);
            arguments.out.join(file_name(stem, k, kind))
        };
        let (overlay, map) = (place("overlay"), place("segments"));
        staged.picture(overlay.clone(), &paint_outlines(image, &found.labels)?)?;
        staged.picture(map.clone(), &paint_segments(&found.labels))?;
        let mut numbers = None;
        if arguments.labels {
            let path = place("labels");
            staged.picture(path.clone(), &label_image(&found.labels)?)?;
            numbers = Some(path);
        }
        segmentations.push(SegmentationReport {
            k,
            segments: found.segments,
            transparent: found.transparent,
            overlay,
            map,
            labels: numbers,
        });
    }
    let mut picture = None;
    if arguments.contours {
        let path = arguments.out.join(file_name(stem, None, "contours"));
        let found = contour_image(&contours.tree);
        staged.picture(path.clone(), &found)?;
        picture = Some(path);
    }
    staged.commit()?;
    Ok(ImageReport {
        image: path.to_path_buf(),
        width: image.width(),
        height: image.height(),
        file_size: (photograph.file_size != image.dimensions()).then_some(photograph.file_size),
        working_size: seen.dimensions(),
        soft_rank: contours.soft_rank,
        segmentations,
        contours: picture,
        notes: photograph.notes.iter().map(ToString::to_string).collect(),
        seconds: contours.seconds,
    })
}

/// Bytes that a photograph's pixels and its pictures take for each pixel, at their largest: 3 of the photograph, 4 of its
/// labels, and 11 while the segments are painted.
const BYTES_A_PIXEL: u64 = 18;

/// The numbers of segments asked for; none where the network is to choose.
fn numbers_of_segments(k: &ClusterArgument) -> Vec<Option<usize>> {
    let counts = k.counts().map(|counts| counts.iter().copied().map(Some));
    counts.map_or_else(|| vec![None], Iterator::collect)
}

/// `NAME.overlay.png`, or `NAME.k5.overlay.png` where there are several.
fn file_name(stem: &str, k: Option<usize>, kind: &str) -> String {
    match k {
        Some(k) => format!("{stem}.k{k}.{kind}.png"),
        None => format!("{stem}.{kind}.png"),
    }
}

/// The names that files are made of, each once.
fn stems(images: &[PathBuf]) -> Result<Vec<String>> {
    let mut stems: Vec<String> = Vec::new();
    for image in images {
        let Some(stem) = image.file_stem() else {
            let found = image.display();
            return Err(usage(format!("IMAGE: expected a file, found {found}")));
        };
        let stem = stem.to_string_lossy().into_owned();
        if let Some(first) = stems.iter().position(|other| *other == stem) {
            return Err(usage(format!(
                "IMAGE: expected photographs of different names, as the pictures take them, found {} and {}",
                images[first].display(),
                image.display()
            )));
        }
        stems.push(stem);
    }
    Ok(stems)
}

/// No picture may take the place of a photograph that is given.
fn check_outputs(arguments: &SegmentArguments, stems: &[String]) -> Result<()> {
    let inputs: Vec<_> = arguments
        .images
        .iter()
        .filter_map(|image| image.canonicalize().ok())
        .collect();
    let mut counts = numbers_of_segments(&arguments.k);
    if counts.len() == 1 {
        counts = vec![None];
    }
    for stem in stems {
        for k in &counts {
            for kind in ["overlay", "segments", "labels", "contours"] {
                let path = arguments.out.join(file_name(stem, *k, kind));
                if path.canonicalize().is_ok_and(|path| inputs.contains(&path)) {
                    return Err(usage(format!(
                        "--out: expected a folder where no photograph is written over, found {}, which is given as an IMAGE",
                        path.display()
                    )));
                }
            }
        }
    }
    Ok(())
}

/// `coffee.jpg: the colour profile is ignored …`
fn note_lines(report: &ImageReport) -> Vec<String> {
    let name = report.image.display();
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
    });
    let files = files.chain(&report.contours);
    let files: Vec<String> = files.map(|path| path.display().to_string()).collect();
    let files = match files.as_slice() {
        [first, .., last] if report.segmentations.len() > 1 => {
            format!("{} files, {first} to {last}", files.len())
        }
        all => all.join(", "),
    };
    format!(
        "{}: {} × {}, {}, {:.2} s (trunk {trunk:.2}, layer {layer:.2}, clustering {clustering:.2}): {files}",
        report.image.display(),
        report.width,
        report.height,
        found.collect::<Vec<_>>().join("; "),
        trunk + layer + clustering,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_their_photograph() {
        assert_eq!(file_name("a.b", None, "overlay"), "a.b.overlay.png");
        assert_eq!(file_name("a", Some(5), "labels"), "a.k5.labels.png");
        let images = ["x/a.jpg", "y/b.c.png"].map(PathBuf::from);
        assert_eq!(stems(&images).unwrap(), ["a", "b.c"]);
    }

    #[test]
    fn two_photographs_of_one_name_are_refused_by_both_names() {
        let images = ["x/a.jpg", "b.png", "y/a.png"].map(PathBuf::from);
        let refused = stems(&images).unwrap_err().to_string();
        assert!(refused.contains("x/a.jpg and y/a.png"), "{refused}");
        assert!(stems(&[PathBuf::from("..")]).is_err());
    }
}
