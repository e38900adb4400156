//! Segmentations or boundary maps, of any method or of a network, measured on BSDS500.

mod contour_pools;
mod curve;
mod in_order;
mod level_names;
mod looks;
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

use std::collections::HashSet;
use std::path::PathBuf;

use bench_bsds::{BsdsDataset, TruthReading};
use training::Ranks;

use self::measure_cache::MeasureCache;
use self::measuring::{MeasuredImages, Measurement};
use self::page::ReportPage;
use self::source::Source;
use crate::counted::counted;
use crate::error::{Context as _, Error, Result};
use crate::observer::Observer;

pub use report::{BsdsReport, LeftOut};
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
        most_left_out: prepared.most_left_out,
    };
    let measured = measurement.of_images(prepared.dataset.len(), ranks, observer)?;
    let report = measured.map(|measured| conclude(settings, &prepared, measured));
    let report = ranks.sync_result(report.transpose())?;
    if let Some(report) = &report {
        for LeftOut { id, why } in &report.left_out {
            observer.warning(&format!("image {id} is left out: {why}"));
        }
        for remark in &report.remarks {
            observer.warning(&format!("note: {remark}"));
        }
    }
    Ok(report)
}

/// The source to be measured, and the cache of measures.
struct Prepared {
    dataset: BsdsDataset,
    /// Images that lack a file.
    left_out: Vec<LeftOut>,
    /// How many more may be left out.
    most_left_out: usize,
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
        check_shares(settings)?;
        let (dataset, left_out, most_left_out) = images(settings)?;
        let source = Source::open(settings, dataset.ids(), observer)?;
        let cache = match &settings.out {
            Some(out) => Some(MeasureCache::open(
                out,
                &record::record(settings, &source)?,
            )?),
            None => None,
        };
        Ok(Self {
            dataset,
            left_out,
            most_left_out,
            source,
            cache,
        })
    }
}

fn check_shares(settings: &BsdsSettings) -> Result<()> {
    let shares = [
        ("--max-unreadable", settings.max_unreadable),
        ("--truth-above", settings.truth.above),
    ];
    if let Some((name, found)) = shares
        .iter()
        .find(|(_, share)| !(0.0..=1.0).contains(share))
    {
        return Err(Error::setting(format!(
            "{name}: expected a share from 0 to 1, found {found}"
        )));
    }
    match settings.soft.scale {
        Some(scale) if !(scale > 0.0 && scale.is_finite()) => Err(Error::setting(format!(
            "--scale: expected a number above 0, found {scale}"
        ))),
        _ => Ok(()),
    }
}

/// The images to be measured, those that lack a file, and how many more may be left out.
fn images(settings: &BsdsSettings) -> Result<(BsdsDataset, Vec<LeftOut>, usize)> {
    let dataset =
        BsdsDataset::open_leaving_out(&settings.data, settings.split, settings.max_unreadable)
            .with_context(|| format!("--data, split {}", settings.split))?
            .with_truth(TruthReading {
                from_zero: settings.labels_from_zero,
                ..settings.truth
            });
    let partners = dataset.left_out().iter().map(|partner| LeftOut {
        id: partner.id.clone(),
        why: format!(
            "expected {} beside {}, found none",
            partner.missing.display(),
            partner.found.display()
        ),
    });
    let mut left_out: Vec<_> = partners.collect();
    let most = settings.most_left_out(dataset.len() + left_out.len());
    let mut chosen = dataset.ids().to_vec();
    chosen.truncate(settings.limit.unwrap_or(usize::MAX));
    let missing = Source::missing(settings, &chosen)?;
    if left_out.len() + missing.len() <= most && missing.len() < chosen.len() {
        for (index, why) in missing.into_iter().rev() {
            let id = chosen.remove(index);
            left_out.push(LeftOut { id, why });
        }
        left_out.sort_by(|a, b| a.id.cmp(&b.id));
    }
    // Where more are missing the source names the first.
    let chosen: HashSet<_> = chosen.into_iter().collect();
    let most_left_out = most.saturating_sub(left_out.len());
    Ok((
        dataset.keeping(|id| chosen.contains(id)),
        left_out,
        most_left_out,
    ))
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
    measured: MeasuredImages,
) -> Result<BsdsReport> {
    let MeasuredImages {
        evaluations,
        timing,
        looks,
        left_out,
    } = &measured;
    let count = prepared.dataset.len() - left_out.len();
    let left_out: Vec<_> = prepared.left_out.iter().chain(left_out).cloned().collect();
    let report = BsdsReport {
        title: format!(
            "BSDS500 {}, {}{}, {}",
            settings.split,
            counted(count, "image"),
            match left_out.len() {
                0 => String::new(),
                some => format!(" ({some} left out)"),
            },
            settings.origin()
        ),
        images: count,
        remarks: looks.remarks(settings),
        left_out,
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
