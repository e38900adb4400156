//! Segmentations or boundary maps, of any method or of a network, measured on BSDS500.

mod contour_pools;
mod curve;
mod level_names;
mod measure_cache;
mod measuring;
mod network_pools;
mod outputs;
mod page;
mod record;
mod report;
mod settings;
mod source;
mod table;
mod timing;

use std::path::PathBuf;

use bench_bsds::BsdsDataset;
use training::Ranks;

use self::measure_cache::MeasureCache;
use self::measuring::{Evaluations, Measurement};
use self::page::ReportPage;
use self::source::Source;
use self::timing::Timing;
use crate::error::{Context as _, Error, Result};
use crate::observer::Observer;

pub use report::BsdsReport;
pub use settings::{BsdsSettings, BsdsSource, LevelRule};

/// Measures segmentations, or boundaries alone.
///
/// # Errors
/// [`Error::Setting`] for settings that cannot be meant; those of the dataset, of the network and of files.
pub fn bsds(settings: &BsdsSettings, observer: &mut dyn Observer) -> Result<BsdsReport> {
    let report = bsds_among(&Ranks::alone(), settings, observer)?;
    report.context("expected the measures of the first rank, found none")
}

/// As [`bsds`], by several processes together, each of which calls this with the same settings; the first has the report.
///
/// # Errors
/// As [`bsds`]; the failure of another rank.
pub fn bsds_among(
    ranks: &Ranks,
    settings: &BsdsSettings,
    observer: &mut dyn Observer,
) -> Result<Option<BsdsReport>> {
    let prepared = ranks.sync_result(Prepared::new(settings, observer))?;
    let measurement = Measurement {
        dataset: &prepared.dataset,
        source: &prepared.source,
        boundaries: settings.measures_boundaries(),
        cache: prepared.cache.as_ref(),
    };
    let measured = measurement.of_images(prepared.count, ranks, observer)?;
    let report = measured.map(|measured| conclude(settings, &prepared, &measured));
    ranks.sync_result(report.transpose())
}

/// The source to be measured, and the cache of measures.
struct Prepared {
    dataset: BsdsDataset,
    count: usize,
    source: Source,
    cache: Option<MeasureCache>,
}

impl Prepared {
    fn new(settings: &BsdsSettings, observer: &mut dyn Observer) -> Result<Self> {
        check_folders(settings)?;
        if settings.limit == Some(0) {
            return Err(Error::setting(
                "--limit: expected 1 or more images, found 0",
            ));
        }
        let dataset = BsdsDataset::open(&settings.data, settings.split)
            .with_context(|| format!("--data, split {}", settings.split))?;
        let count = dataset.len().min(settings.limit.unwrap_or(usize::MAX));
        let source = Source::open(settings, &dataset.ids()[..count], observer)?;
        let cache = match &settings.out {
            Some(out) => Some(MeasureCache::open(
                out,
                &record::record(settings, &source)?,
            )?),
            None => None,
        };
        Ok(Self {
            dataset,
            count,
            source,
            cache,
        })
    }
}

fn check_folders(settings: &BsdsSettings) -> Result<()> {
    let source: Option<(&str, &PathBuf)> = match &settings.source {
        BsdsSource::Run(folder) => Some(("--run", folder)),
        BsdsSource::Segmentations(folder) => Some(("--segs", folder)),
        BsdsSource::ContourMaps(folder) => Some(("--ucm", folder)),
        BsdsSource::SoftBoundaries(folder) => Some(("--pb", folder)),
        _ => None,
    };
    for (name, folder) in [("--data", &settings.data)].into_iter().chain(source) {
        if !folder.is_dir() {
            return Err(Error::setting(format!(
                "{name}: expected a folder, found none at {}",
                folder.display()
            )));
        }
    }
    Ok(())
}

/// The report; its files are written.
fn conclude(
    settings: &BsdsSettings,
    prepared: &Prepared,
    (evaluations, timing): &(Evaluations, Timing),
) -> Result<BsdsReport> {
    let count = prepared.count;
    let report = BsdsReport {
        title: format!(
            "BSDS500 {}, {count} image{}, {}",
            settings.split,
            if count == 1 { "" } else { "s" },
            settings.origin()
        ),
        images: count,
        regions: evaluations.region_report()?,
        boundaries: evaluations.boundary_report()?,
        names: prepared.source.level_names(),
        timing: *timing,
    };
    if let Some(out) = &settings.out {
        let page = ReportPage {
            report: &report,
            dataset: &prepared.dataset,
            source: &prepared.source,
        };
        outputs::write(out, evaluations, &report.json(true)?, &page)?;
    }
    Ok(report)
}
