//! How well a trained network classifies regions.

use std::error::Error as _;
use std::fmt;
use std::path::{Path, PathBuf};

use bench_coco::{
    ClassificationReport, Finding, Interval, Prediction, RegionRule, paired_difference,
};
use models::{DeviceChoice, FeatureCache, RegionClassifier, RegionSet as _};
use serde::{Deserialize, Serialize};
use training::{Ranks, TrainConfig};

use crate::counted::counted;
use crate::datasets::CocoRegions;
use crate::device::open_device;
use crate::error::{Context as _, Error, Result};
use crate::files::write_whole;
use crate::observer::Observer;
use crate::run_folder::finished_network;
use crate::sharding::{gather, shard};

/// Settings of [`classification()`].
#[derive(Clone, Debug, PartialEq)]
pub struct ClassificationSettings {
    /// The folder of the training.
    pub run: PathBuf,
    /// The folder of COCO.
    pub data: PathBuf,
    /// Which regions.
    pub split: String,
    /// Another run on the same regions, whose error is subtracted.
    pub against: Option<PathBuf>,
    /// Folder of cached features of trunks.
    pub cache: Option<PathBuf>,
    /// Where the network runs.
    pub device: DeviceChoice,
    /// Largest share of regions that may be left out because they cannot be read.
    pub max_unreadable: f64,
    /// Refuse a set with findings: repeated ids, records that are not listed, negative areas.
    pub strict: bool,
}

impl ClassificationSettings {
    /// Regions of val, on the processor, compared with no other run.
    pub fn new(run: impl Into<PathBuf>, data: impl Into<PathBuf>) -> Self {
        Self {
            run: run.into(),
            data: data.into(),
            split: "val".to_owned(),
            against: None,
            cache: None,
            device: DeviceChoice::Cpu,
            max_unreadable: 0.01,
            strict: false,
        }
    }
}

/// The file with the predictions of a run on a split.
pub fn predictions_path(run: &Path, split: &str) -> PathBuf {
    run.join(format!("predictions_{split}.json"))
}

/// Results: serialised for programs, displayed for people.
#[derive(Clone, Debug, Serialize)]
pub struct CocoReport {
    /// The folder of the training.
    pub run: String,
    /// Which regions.
    pub split: String,
    /// Errors over all regions and for each class.
    pub report: ClassificationReport,
    /// The smallest eigenvalue of any region, where moments are mapped.
    pub smallest_eigenvalue: Option<f64>,
    /// The share of regions with fewer positions than channels.
    pub fewer_than_channels: Option<f64>,
    /// Our error minus that of the other run.
    pub difference: Option<Interval>,
    /// What annotations and photographs have that is passed over.
    pub findings: Vec<Finding>,
    /// Why regions were left out, a line each.
    pub left_out: Vec<String>,
    regions_per_second: Speeds,
    #[serde(skip)]
    against: Option<PathBuf>,
}

/// Regions per second of each part by itself, forward.
#[derive(Clone, Copy, Debug, Serialize)]
struct Speeds {
    crop: f64,
    trunk: f64,
    layer: f64,
    head: f64,
}

/// What became of one region.
#[derive(Serialize, Deserialize)]
enum Outcome {
    Found(Found),
    /// Its name and the reason.
    LeftOut(String),
}

/// One region's contribution to the results.
#[derive(Serialize, Deserialize)]
struct Found {
    prediction: Prediction,
    /// The smallest eigenvalue, and whether there were fewer positions than channels, where moments are mapped.
    spectrum: Option<(f64, bool)>,
    /// Crop, trunk, layer, head.
    seconds: [f64; 4],
}

/// Classifies every region of the split, and writes the predictions into the run's folder.
///
/// # Errors
/// [`Error::Setting`] for a training that has not ended, or for another set of classes; those of network, photographs and
/// files.
pub fn classification(
    settings: &ClassificationSettings,
    observer: &mut dyn Observer,
) -> Result<CocoReport> {
    let report = classification_among(&Ranks::alone(), settings, observer)?;
    report.context("expected the measures of the first rank, found none")
}

/// As [`classification()`], by several processes together, each of which calls this with the same settings; the first has
/// the report.
///
/// # Errors
/// As [`classification()`]; the failure of another rank.
pub fn classification_among(
    ranks: &Ranks,
    settings: &ClassificationSettings,
    observer: &mut dyn Observer,
) -> Result<Option<CocoReport>> {
    let (network, regions) = ranks.sync_result(prepare(settings, observer))?;
    regions
        .messages()
        .iter()
        .for_each(|line| observer.warning(line));
    observer.message(&format!("{}: {}", settings.split, regions.in_words()));
    let found = ranks.sync_result(classify(settings, &network, &regions, ranks, observer))?;
    let report = gather(ranks, found)?.map(|found| conclude(settings, &regions, found));
    ranks.sync_result(report.transpose())
}

fn prepare(
    settings: &ClassificationSettings,
    observer: &mut dyn Observer,
) -> Result<(RegionClassifier, CocoRegions)> {
    let path = finished_network(&settings.run, "train o2p")?;
    let network = RegionClassifier::load(&path).context("--run")?;
    observer.detail(&format!("weights {}", path.display()));
    let network = network.on_device(&open_device(settings.device, observer)?);
    let rule = RegionRule {
        max_unreadable: settings.max_unreadable,
        strict: settings.strict,
        ..RegionRule::default()
    };
    let regions =
        CocoRegions::open(&settings.data, &settings.split, rule).map_err(|error| match error {
            Error::Coco(bench_coco::Error::Argument { .. }) => {
                Error::setting(format!("--max-unreadable: {error}"))
            }
            other => other,
        })?;
    regions.expect_regions("measure")?;
    let set = regions.set();
    let classes = set.class_names();
    if network.architecture().classes != classes {
        return Err(Error::setting(format!(
            "--run: expected a network of this set's {} classes, found one of {} or of other names",
            classes.len(),
            network.architecture().classes.len()
        )));
    }
    Ok((network, regions))
}

fn classify(
    settings: &ClassificationSettings,
    network: &RegionClassifier,
    regions: &CocoRegions,
    ranks: &Ranks,
    observer: &mut dyn Observer,
) -> Result<Vec<Outcome>> {
    let set = regions.set();
    let cache = settings
        .cache
        .as_ref()
        .map(|folder| network.feature_cache(folder, TrainConfig::default().cache_bytes));
    let mut cache = cache.transpose().context("--cache")?.flatten();
    let mine = shard(ranks, regions.len());
    observer.begin("region", mine.len() as u64);
    let mut found = Vec::with_capacity(mine.len());
    for index in mine {
        let classified = match network.classify_cached(regions, index, cache.as_mut()) {
            // Its own data alone: the others are measured without it.
            Err(models::Error::Unreadable { source, .. }) => {
                let reason = source
                    .source()
                    .map_or_else(|| source.to_string(), ToString::to_string);
                observer.warning(&format!("left out: {reason}"));
                found.push(Outcome::LeftOut(reason));
                continue;
            }
            other => other
                .with_context(|| format!("region {}", regions.id(index)))
                .inspect_err(|_| observer.end())?,
        };
        let spectrum = classified
            .report
            .map(|report| (report.smallest, report.fewer_than_channels));
        let part = classified.seconds;
        found.push(Outcome::Found(Found {
            prediction: Prediction {
                region: set.regions()[index].id.clone(),
                image: set.image(index).id.clone(),
                truth: regions.class(index),
                ranked: classified.ranked(),
            },
            spectrum,
            seconds: [part.crop, part.trunk, part.layer, part.head],
        }));
        for notice in cache
            .as_mut()
            .map(FeatureCache::take_notices)
            .unwrap_or_default()
        {
            observer.warning(&notice);
        }
        observer.advance(found.len() as u64, &String::new);
    }
    observer.end();
    Ok(found)
}

/// Refuses to measure a set of which too much is left out.
fn check_share(
    settings: &ClassificationSettings,
    found: &[Found],
    left_out: &[String],
) -> Result<()> {
    let of = found.len() + left_out.len();
    if left_out.len() as f64 <= settings.max_unreadable * of as f64 {
        return Ok(());
    }
    Err(bench_coco::Error::TooManyUnreadable {
        unreadable: left_out.len(),
        of,
        most: settings.max_unreadable,
        first: left_out[0].clone(),
    }
    .into())
}

fn conclude(
    settings: &ClassificationSettings,
    regions: &CocoRegions,
    outcomes: Vec<Outcome>,
) -> Result<CocoReport> {
    let classes = regions.set().class_names();
    let before = regions.set().unreadable();
    let mut left_out: Vec<String> = before.iter().map(|one| one.reason.clone()).collect();
    let mut found = Vec::with_capacity(outcomes.len());
    for outcome in outcomes {
        match outcome {
            Outcome::Found(one) => found.push(one),
            Outcome::LeftOut(reason) => left_out.push(reason),
        }
    }
    check_share(settings, &found, &left_out)?;
    let found = &found[..];
    let predictions: Vec<Prediction> = found.iter().map(|one| one.prediction.clone()).collect();
    let spectra: Vec<(f64, bool)> = found.iter().filter_map(|one| one.spectrum).collect();
    let mapped = spectra.len();
    let smallest = spectra
        .iter()
        .fold(f64::INFINITY, |least, one| least.min(one.0));
    let fewer = spectra.iter().filter(|one| one.1).count();
    let seconds = [0, 1, 2, 3].map(|part| found.iter().map(|one| one.seconds[part]).sum::<f64>());
    let [crop, trunk, layer, head] = seconds.map(|s| found.len() as f64 / s.max(1e-9));
    let report = ClassificationReport::new(&classes, &predictions, 0)?;
    let place = |run: &Path| predictions_path(run, &settings.split);
    write_whole(&place(&settings.run), &serde_json::to_vec(&predictions)?)?;
    let difference = settings
        .against
        .as_deref()
        .map(|other| -> Result<Interval> {
            let path = place(other);
            let text = std::fs::read(&path)
                .map_err(Error::file(&path))
                .context("--against: expected the predictions of a run that was measured before")?;
            let theirs: Vec<Prediction> = serde_json::from_slice(&text)
                .with_context(|| format!("--against: {}", path.display()))?;
            Ok(paired_difference(&predictions, &theirs, 0)?)
        });
    Ok(CocoReport {
        run: settings.run.display().to_string(),
        split: settings.split.clone(),
        report,
        smallest_eigenvalue: (mapped > 0).then_some(smallest),
        fewer_than_channels: (mapped > 0).then(|| fewer as f64 / mapped as f64),
        difference: difference.transpose()?,
        findings: regions.set().findings().to_vec(),
        left_out,
        regions_per_second: Speeds {
            crop,
            trunk,
            layer,
            head,
        },
        against: settings.against.clone(),
    })
}

impl fmt::Display for CocoReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &self.report;
        let interval = |i: &Interval| {
            format!(
                "{:.3}   95 % of resampled images: {:.3} to {:.3}",
                i.estimate, i.low, i.high
            )
        };
        let mut lines = vec![
            format!(
                "{} of {}, {}",
                counted(report.regions, "region"),
                counted(report.images, "image"),
                counted(report.classes.len(), "class")
            ),
            format!("top-1 error       {}", interval(&report.top1_error)),
        ];
        if let Some(top5) = &report.top5_error {
            lines.push(format!("top-5 error       {}", interval(top5)));
        }
        lines.push(format!("mean class error  {:.3}", report.mean_class_error));
        if let (Some(smallest), Some(fewer)) = (self.smallest_eigenvalue, self.fewer_than_channels)
        {
            lines.push(format!(
            "spectra           smallest eigenvalue {smallest:.2e}; fewer positions than channels in {:.0} % of regions",
            100.0 * fewer
        ));
        }
        if let (Some(difference), Some(other)) = (&self.difference, &self.against) {
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
        } = &self.regions_per_second;
        lines.push(format!(
        "regions a second  crop {crop:.0}, trunk {trunk:.0}, layer {layer:.0}, head {head:.0}, each by itself"
    ));
        lines.push("class                regions   error".into());
        for row in &report.classes {
            let error = row.error.map_or("-".into(), |error| format!("{error:.3}"));
            lines.push(format!("{:<20} {:>7} {error:>7}", row.name, row.regions));
        }
        f.write_str(&lines.join("\n"))
    }
}
