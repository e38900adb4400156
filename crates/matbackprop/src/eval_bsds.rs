//! `matbackprop eval bsds`: anybody's segmentations or boundary maps, or a network's, measured.

mod contour_pools;
mod curve;
mod kept;
mod measuring;
mod network_pools;
mod outputs;
mod page;
mod settings;
mod table;
mod timing;

use std::path::Path;

use anyhow::{Context, Result, bail};
use bench_bsds::{BoundaryFolder, BsdsDataset, SegmentationFolder, Thresholds};
use models::{DeepNcuts, Device};
use ncuts::ContourOptions;
use serde_json::{Value, json};
use training::Ranks;

use self::contour_pools::ContourPools;
use self::kept::Kept;
use self::measuring::{Evaluations, Measurement, Reports};
use self::network_pools::{NetworkPools, untrained};
use self::page::ReportPage;
use self::timing::Timing;
use crate::arguments::{EvalBsdsArguments, LevelRule};
use crate::cut_recipe::{CutModel, CutRecipe};
use crate::failure::usage;
use crate::output;

/// Where segmentations, or boundaries alone, come from.
enum Source {
    Network(Box<NetworkPools>),
    Contours(ContourPools),
    Folder(SegmentationFolder),
    Soft(BoundaryFolder),
}

/// Measures and tells.
pub fn run(arguments: &EvalBsdsArguments, ranks: &Ranks) -> Result<()> {
    let (dataset, count, source, kept) = ranks.sync_result(prepare(arguments))?;
    let measurement = Measurement {
        dataset: &dataset,
        source: &source,
        boundaries: arguments.measures_boundaries(),
        kept: kept.as_ref(),
    };
    let measured = measurement.of_images(count, ranks)?;
    let told = measured.map(|measured| tell(arguments, &measurement, count, &measured));
    ranks.sync_result(told.unwrap_or(Ok(())))
}

/// What is to be measured, and where measures are kept.
fn prepare(arguments: &EvalBsdsArguments) -> Result<(BsdsDataset, usize, Source, Option<Kept>)> {
    let folders = [
        ("--data", Some(&arguments.data)),
        ("--run", arguments.run.as_ref()),
        ("--segs", arguments.segs.as_ref()),
        ("--ucm", arguments.ucm.as_ref()),
        ("--pb", arguments.pb.as_ref()),
    ];
    for (name, folder) in folders {
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(usage(format!(
                "{name}: expected a folder, found none at {}",
                folder.display()
            )));
        }
    }
    if arguments.limit == Some(0) {
        return Err(usage("--limit: expected 1 or more images, found 0"));
    }
    let dataset = BsdsDataset::open(&arguments.data, arguments.split)
        .with_context(|| format!("--data, split {}", arguments.split))?;
    let count = dataset.len().min(arguments.limit.unwrap_or(usize::MAX));
    let source = source(arguments, &dataset.ids()[..count])?;
    let kept = match &arguments.out {
        Some(out) => Some(Kept::open(out, &settings::settings(arguments, &source)?)?),
        None => None,
    };
    Ok((dataset, count, source, kept))
}

/// Writes and prints what came out.
fn tell(
    arguments: &EvalBsdsArguments,
    measurement: &Measurement<'_>,
    count: usize,
    (evaluations, timing): &(Evaluations, Timing),
) -> Result<()> {
    let Measurement {
        dataset, source, ..
    } = measurement;
    let reports = evaluations.reports()?;
    let level: Box<dyn Fn(&bench_bsds::Level) -> String> = match source {
        Source::Network(pools) => Box::new(|level| pools.level_in_words(level)),
        _ => Box::new(table::level_in_words),
    };
    let title = format!(
        "BSDS500 {}, {count} image{}, {}",
        arguments.split,
        if count == 1 { "" } else { "s" },
        origin(arguments)
    );
    if let Some(out) = &arguments.out {
        let page = ReportPage {
            title: &title,
            reports: &reports,
            level: level.as_ref(),
            dataset,
            source,
        };
        outputs::write(out, evaluations, &object(count, &reports, true)?, &page)?;
    }
    if arguments.json {
        let mut object = object(count, &reports, arguments.details)?;
        if arguments.timing {
            object["timing"] = timing.object();
        }
        return output::print_json(&object);
    }
    output::print(&table::table(&title, &reports, level.as_ref()))?;
    if arguments.timing {
        output::print(&timing.line())?;
    }
    if let Some(out) = &arguments.out {
        let page = out.join("report.html");
        output::print(&format!("page      {}", page.display()))?;
    }
    Ok(())
}

fn source(arguments: &EvalBsdsArguments, ids: &[String]) -> Result<Source> {
    let thresholds = || {
        Thresholds::official(arguments.thresholds)
            .map_err(|error| usage(format!("--thresholds: {error}")))
    };
    if let Some(folder) = arguments.segs.as_ref().or(arguments.ucm.as_ref()) {
        let folder = SegmentationFolder::open(folder, ids, thresholds()?)?;
        return Ok(Source::Folder(folder));
    }
    if let Some(folder) = &arguments.pb {
        let folder = BoundaryFolder::open(folder, ids, thresholds()?)?;
        return Ok(Source::Soft(folder));
    }
    let network = match (&arguments.run, &arguments.weights) {
        (Some(run), _) => of_run(run)?,
        (_, Some(path)) => DeepNcuts::load(path).context("--weights")?,
        (None, None) => match unlearned(arguments)? {
            CutRecipe::Contour(options) => return contours(arguments, options),
            CutRecipe::Untrained(model) => {
                let Some(weights) = &arguments.trunk_weights else {
                    return Err(usage(
                        "--trunk-weights: expected a file for this recipe's trunk, found none",
                    ));
                };
                untrained(&model, weights, &arguments.data)?
            }
            CutRecipe::Trained(_) => {
                return Err(usage(
                    "--model: expected a recipe without training, found one for `train ncuts`; measure its run by --run",
                ));
            }
        },
    };
    let device = arguments.device.open()?;
    let network = network.on_device(&device);
    let pools = NetworkPools::new(network, arguments.k.as_ref(), arguments.levels);
    Ok(Source::Network(Box::new(
        pools.beside(others(arguments, &device)?),
    )))
}

/// Networks whose embeddings count too.
fn others(arguments: &EvalBsdsArguments, device: &Device) -> Result<Vec<DeepNcuts>> {
    if !arguments.with.is_empty() && arguments.levels != Some(LevelRule::Tree) {
        return Err(usage(
            "--with: expected beside --levels tree only, which networks can make together",
        ));
    }
    let load = |path| {
        let network = DeepNcuts::load(path).context("--with")?;
        Ok(network.on_device(device))
    };
    arguments.with.iter().map(|path| load(path)).collect()
}

/// A row without training, by its recipe or by its trunk.
fn unlearned(arguments: &EvalBsdsArguments) -> Result<CutRecipe> {
    match (&arguments.model, arguments.untrained) {
        (Some(name), _) => CutRecipe::read(name),
        (None, Some(trunk)) => Ok(CutRecipe::Untrained(CutModel {
            taps: arguments.taps.clone(),
            ..CutModel::usual(trunk)
        })),
        (None, None) => bail!("expected a source of segmentations, found none"),
    }
}

fn contours(arguments: &EvalBsdsArguments, options: ContourOptions) -> Result<Source> {
    let counts = match &arguments.k {
        None => Some((2..=16).collect()),
        Some(k) => k.counts().map(<[usize]>::to_vec),
    };
    match (counts, arguments.levels, &arguments.trunk_weights) {
        (_, _, Some(path)) => Err(usage(format!(
            "--trunk-weights: expected none, as this recipe has no trunk, found {}",
            path.display()
        ))),
        (Some(counts), None | Some(LevelRule::Clusters), None) => {
            Ok(Source::Contours(ContourPools::new(options, counts)))
        }
        _ => Err(usage(
            "--k, --levels: expected numbers of clusters, as contours choose none, found auto",
        )),
    }
}

/// The network of a finished training.
fn of_run(run: &Path) -> Result<DeepNcuts> {
    let path = run.join("network.safetensors");
    if !path.exists() && training::can_resume(run) {
        bail!(
            "{}: expected a finished training, found one to be gone on with by `train ncuts --resume`",
            run.display()
        );
    }
    DeepNcuts::load(&path).context("--run")
}

/// The source in a few words.
fn origin(arguments: &EvalBsdsArguments) -> String {
    let paths = [
        &arguments.run,
        &arguments.weights,
        &arguments.segs,
        &arguments.ucm,
        &arguments.pb,
    ];
    let taps = |taps: &Vec<String>| format!(" {}", taps.join(","));
    match (
        paths.into_iter().flatten().next(),
        &arguments.model,
        arguments.untrained,
    ) {
        (Some(path), _, _) => path.display().to_string(),
        (None, Some(name), _) => name.clone(),
        (None, None, Some(trunk)) => format!(
            "untrained {}{}",
            trunk.name(),
            arguments.taps.as_ref().map_or(String::new(), taps)
        ),
        (None, None, None) => String::new(),
    }
}

/// The one object of `--json`.
fn object(count: usize, reports: &Reports, details: bool) -> Result<Value> {
    let mut object = json!({ "images": count });
    if let Some(report) = &reports.regions {
        object["covering"] = json!(report.covering);
        object["pri"] = json!(report.pri);
        object["vi"] = json!(report.vi);
        object["average_covering"] = json!(report.average_covering);
        if details {
            object["per_level"] = serde_json::to_value(&report.per_level)?;
            object["per_image"] = serde_json::to_value(&report.per_image)?;
        }
    }
    if let Some(report) = &reports.boundaries {
        let mut boundary = serde_json::to_value(report)?;
        if let Some(fields) = boundary.as_object_mut().filter(|_| !details) {
            fields.retain(|name, _| name != "per_level" && name != "per_image");
        }
        object["boundary"] = boundary;
    }
    Ok(object)
}
