//! `matbackprop eval coco --run`: how well a trained network tells regions apart.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bench_coco::{ClassificationReport, Interval, Prediction, paired_difference};
use models::{RegionClassifier, RegionSet as _};
use serde::{Deserialize, Serialize};
use training::{Ranks, TrainConfig, can_resume};

use crate::arguments::DeviceArgument;
use crate::coco_regions::CocoRegions;
use crate::failure::usage;
use crate::output;
use crate::progress::Progress;
use crate::shared_work::{every, gathered};

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

/// What one region's classification adds to all.
#[derive(Serialize, Deserialize)]
struct Found {
    prediction: Prediction,
    /// The smallest eigenvalue, and whether there were fewer positions than channels, where moments are mapped.
    spectrum: Option<(f64, bool)>,
    /// Crop, trunk, layer, head.
    seconds: [f64; 4],
}

/// Classifies every region of the split, keeps the predictions in the run's folder, and tells; ranks share the regions.
pub fn run(asked: &Asked<'_>, ranks: &Ranks) -> Result<()> {
    let (network, regions) = ranks.sync_result(prepare(asked))?;
    output::note(&format!("{}: {}", asked.split, regions.in_words()));
    let found = ranks.sync_result(classify(asked, &network, &regions, ranks))?;
    let told = gathered(ranks, found)?.map(|found| tell(asked, &regions, &found));
    ranks.sync_result(told.unwrap_or(Ok(())))
}

fn prepare(asked: &Asked<'_>) -> Result<(RegionClassifier, CocoRegions)> {
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
    let set = regions.set();
    let classes = set.class_names();
    if network.architecture().classes != classes {
        return Err(usage(format!(
            "--run: expected a network of this set's {} classes, found one of {} or of other names",
            classes.len(),
            network.architecture().classes.len()
        )));
    }
    Ok((network, regions))
}

fn classify(
    asked: &Asked<'_>,
    network: &RegionClassifier,
    regions: &CocoRegions,
    ranks: &Ranks,
) -> Result<Vec<Found>> {
    let set = regions.set();
    let cache = asked
        .cache
        .map(|folder| network.feature_cache(folder, TrainConfig::default().cache_bytes));
    let mut cache = cache.transpose().context("--cache")?.flatten();
    let mine = every(ranks, regions.len());
    let mut progress = Progress::new("region", mine.len() as u64);
    let mut found = Vec::with_capacity(mine.len());
    for index in mine {
        let said = network
            .classify_cached(regions, index, cache.as_mut())
            .with_context(|| format!("region {}", regions.id(index)))?;
        let spectrum = said
            .report
            .map(|report| (report.smallest, report.fewer_than_channels));
        let part = said.seconds;
        found.push(Found {
            prediction: Prediction {
                region: set.regions()[index].id,
                image: set.image(index).id,
                truth: regions.class(index),
                ranked: said.ranked(),
            },
            spectrum,
            seconds: [part.crop, part.trunk, part.layer, part.head],
        });
        progress.advance(found.len() as u64, String::new);
    }
    Ok(found)
}

fn tell(asked: &Asked<'_>, regions: &CocoRegions, found: &[Found]) -> Result<()> {
    let classes = regions.set().class_names();
    let predictions: Vec<Prediction> = found.iter().map(|one| one.prediction.clone()).collect();
    let spectra: Vec<(f64, bool)> = found.iter().filter_map(|one| one.spectrum).collect();
    let mapped = spectra.len();
    let smallest = spectra
        .iter()
        .fold(f64::INFINITY, |least, one| least.min(one.0));
    let fewer = spectra.iter().filter(|one| one.1).count();
    let seconds = [0, 1, 2, 3].map(|part| found.iter().map(|one| one.seconds[part]).sum::<f64>());
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
        fewer_than_channels: (mapped > 0).then(|| fewer as f64 / mapped as f64),
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
