//! `matbackprop eval coco --run`: how well a trained network tells regions apart.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bench_coco::{ClassificationReport, Interval, Prediction, paired_difference};
use models::{RegionClassifier, RegionSet as _, TrainConfig, can_resume};
use serde::Serialize;

use crate::arguments::DeviceArgument;
use crate::coco_regions::CocoRegions;
use crate::failure::usage;
use crate::output;
use crate::progress::Progress;

/// What is measured, and beside what.
pub struct Asked<'a> {
    /// The folder of the training.
    pub run: &'a Path,
    /// The folder of COCO.
    pub data: &'a Path,
    /// Which regions.
    pub split: &'a str,
    /// Another run on the same regions, whose error is taken off.
    pub against: Option<&'a Path>,
    /// Where features of trunks are kept.
    pub cache: Option<&'a Path>,
    /// Where the network runs.
    pub device: DeviceArgument,
    /// JSON instead of words.
    pub json: bool,
}

/// Where the predictions of a run on a split are kept.
pub fn predictions_path(run: &Path, split: &str) -> PathBuf {
    run.join(format!("predictions_{split}.json"))
}

#[derive(Serialize)]
struct Told<'a> {
    run: String,
    split: &'a str,
    report: &'a ClassificationReport,
    smallest_eigenvalue: Option<f64>,
    fewer_than_channels: Option<f64>,
    difference: Option<Interval>,
    regions_per_second: Speeds,
}

/// Regions per second of each part by itself, forward.
#[derive(Serialize)]
struct Speeds {
    crop: f64,
    trunk: f64,
    layer: f64,
    head: f64,
}

/// Classifies every region of the split, keeps the predictions in the run's folder, and tells.
pub fn run(asked: &Asked<'_>) -> Result<()> {
    let path = asked.run.join("network.safetensors");
    if !path.exists() && can_resume(asked.run) {
        return Err(usage(format!(
            "--run: expected a training that has ended, found one to be resumed in {}",
            asked.run.display()
        )));
    }
    let network = RegionClassifier::load(&path).context("--run")?;
    let network = network.on_device(&asked.device.open()?);
    let regions = CocoRegions::open(asked.data, asked.split)?;
    eprintln!("{}: {}", asked.split, regions.in_words());
    let set = regions.set();
    let classes = set.class_names();
    if network.architecture().classes != classes {
        return Err(usage(format!(
            "--run: expected a network of this set's {} classes, found one of {} or of other names",
            classes.len(),
            network.architecture().classes.len()
        )));
    }
    let cache = asked
        .cache
        .map(|folder| network.feature_cache(folder, TrainConfig::default().cache_bytes));
    let mut cache = cache.transpose().context("--cache")?.flatten();
    let mut progress = Progress::new("region", regions.len() as u64);
    let mut predictions = Vec::with_capacity(regions.len());
    let (mut smallest, mut fewer, mut mapped) = (f64::INFINITY, 0_u32, 0_u32);
    let mut seconds = [0.0; 4];
    for index in 0..regions.len() {
        let said = network
            .classify_cached(&regions, index, cache.as_mut())
            .with_context(|| format!("region {}", regions.id(index)))?;
        if let Some(report) = said.report {
            smallest = smallest.min(report.smallest);
            fewer += u32::from(report.fewer_than_channels);
            mapped += 1;
        }
        let part = said.seconds;
        for (sum, part) in seconds
            .iter_mut()
            .zip([part.crop, part.trunk, part.layer, part.head])
        {
            *sum += part;
        }
        predictions.push(Prediction {
            region: set.regions()[index].id,
            image: set.image(index).id,
            truth: regions.class(index),
            ranked: said.ranked(),
        });
        progress.advance(index as u64 + 1, String::new);
    }
    drop(progress);
    let report = ClassificationReport::new(&classes, &predictions, 0)?;
    let place = |run: &Path| predictions_path(run, asked.split);
    output::write_whole(&place(asked.run), &serde_json::to_vec(&predictions)?)?;
    let difference = asked.against.map(|other| -> Result<Interval> {
        let path = place(other);
        let text = std::fs::read(&path).with_context(|| {
            format!(
                "--against: expected the predictions of a run that was measured before in {}",
                path.display()
            )
        })?;
        let theirs: Vec<Prediction> = serde_json::from_slice(&text)
            .with_context(|| format!("--against: {}", path.display()))?;
        Ok(paired_difference(&predictions, &theirs, 0)?)
    });
    let told = Told {
        run: asked.run.display().to_string(),
        split: asked.split,
        report: &report,
        smallest_eigenvalue: (mapped > 0).then_some(smallest),
        fewer_than_channels: (mapped > 0).then(|| f64::from(fewer) / f64::from(mapped)),
        difference: difference.transpose()?,
        regions_per_second: {
            let [crop, trunk, layer, head] = seconds.map(|s| regions.len() as f64 / s.max(1e-9));
            Speeds {
                crop,
                trunk,
                layer,
                head,
            }
        },
    };
    if asked.json {
        return output::print_json(&told);
    }
    output::print(&in_words(&told, asked.against))
}

fn in_words(told: &Told<'_>, against: Option<&Path>) -> String {
    let report = told.report;
    let interval = |i: &Interval| {
        format!(
            "{:.3}   95 % of resampled images: {:.3} to {:.3}",
            i.estimate, i.low, i.high
        )
    };
    let mut lines = vec![
        format!(
            "{} regions of {} images, {} classes",
            report.regions,
            report.images,
            report.classes.len()
        ),
        format!("top-1 error       {}", interval(&report.top1_error)),
    ];
    if let Some(top5) = &report.top5_error {
        lines.push(format!("top-5 error       {}", interval(top5)));
    }
    lines.push(format!("mean class error  {:.3}", report.mean_class_error));
    if let (Some(smallest), Some(fewer)) = (told.smallest_eigenvalue, told.fewer_than_channels) {
        lines.push(format!(
            "spectra           smallest eigenvalue {smallest:.2e}; fewer positions than channels in {:.0} % of regions",
            100.0 * fewer
        ));
    }
    if let (Some(difference), Some(other)) = (&told.difference, against) {
        lines.push(format!(
            "less {}:  {}",
            other.display(),
            interval(difference)
        ));
    }
    let Speeds {
        crop,
        trunk,
        layer,
        head,
    } = &told.regions_per_second;
    lines.push(format!(
        "regions a second  crop {crop:.0}, trunk {trunk:.0}, layer {layer:.0}, head {head:.0}, each by itself"
    ));
    lines.push("class                regions   error".into());
    for row in &report.classes {
        let error = row.error.map_or("-".into(), |error| format!("{error:.3}"));
        lines.push(format!("{:<20} {:>7} {error:>7}", row.name, row.regions));
    }
    lines.join("\n")
}
