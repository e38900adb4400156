//! `matbackprop eval bsds`: anybody's segmentations, or a network's, measured.

mod contour_pools;
mod network_pools;
mod table;
mod timing;

use std::path::Path;

use anyhow::{Context, Result, bail};
use bench_bsds::{
    BoundaryEvaluation, BoundaryPool, BoundaryReport, BsdsDataset, Evaluation, Pool, Report,
    SegmentationFolder, Thresholds,
};
use models::{DeepNcuts, SegmentSeconds};
use ncuts::ContourOptions;
use serde_json::{Value, json};

use self::contour_pools::ContourPools;
use self::network_pools::{NetworkPools, untrained};
use self::timing::Timing;
use crate::arguments::{EvalBsdsArguments, LevelRule};
use crate::cut_recipe::{CutModel, CutRecipe};
use crate::failure::usage;
use crate::output;
use crate::progress::Progress;

/// Where segmentations come from.
enum Source {
    Network(Box<NetworkPools>),
    Contours(ContourPools),
    Folder(SegmentationFolder),
}

/// Measures and tells.
pub fn run(arguments: &EvalBsdsArguments) -> Result<()> {
    let folders = [
        ("--data", Some(&arguments.data)),
        ("--run", arguments.run.as_ref()),
        ("--segs", arguments.segs.as_ref()),
        ("--ucm", arguments.ucm.as_ref()),
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
    let ids = &dataset.ids()[..count];
    let source = source(arguments, ids)?;
    let mut timing = Timing::default();
    let mut evaluation = Evaluation::default();
    let mut boundaries = arguments.boundaries.then(BoundaryEvaluation::default);
    let mut progress = Progress::new("image", count as u64);
    for (index, id) in ids.iter().enumerate() {
        let made = match &source {
            Source::Folder(folder) => Ok((folder.pool(index)?, None)),
            Source::Network(pools) => pools.pool(&dataset.image(index)?).map(timed),
            Source::Contours(pools) => pools.pool(&dataset.image(index)?).map(timed),
        };
        let (pool, seconds) = made.with_context(|| format!("image {id}"))?;
        if let Some(seconds) = seconds {
            timing.add(seconds);
        }
        let drawn = dataset.drawn(index)?;
        if let Some(boundaries) = &mut boundaries {
            let found = match &source {
                Source::Folder(folder) => folder.boundaries(index, &pool)?,
                _ => BoundaryPool::from_segmentations(&pool)?,
            };
            let maps = drawn.iter().map(|annotation| annotation.boundary_map());
            let maps = maps.collect::<bench_bsds::Result<Vec<_>>>()?;
            boundaries.push(id, &maps, &found)?;
        }
        let segmentations = drawn.into_iter().map(|annotation| annotation.segmentation);
        evaluation.push(id, &segmentations.collect::<Vec<_>>(), &pool)?;
        progress.advance(index as u64 + 1, || id.clone());
    }
    drop(progress);
    let report = evaluation.report()?;
    let boundaries = boundaries.map(|found| found.report()).transpose()?;
    if arguments.json {
        let mut object = object(&report, arguments.details)?;
        if let Some(boundaries) = &boundaries {
            object["boundary"] = boundary_object(boundaries, arguments.details)?;
        }
        if arguments.timing {
            object["timing"] = timing.object();
        }
        return output::print_json(&object);
    }
    let level: Box<dyn Fn(&bench_bsds::Level) -> String> = match &source {
        Source::Network(pools) => Box::new(|level| pools.level_in_words(level)),
        _ => Box::new(table::level_in_words),
    };
    let title = format!(
        "BSDS500 {}, {} image{}, {}",
        arguments.split,
        report.images,
        if report.images == 1 { "" } else { "s" },
        origin(arguments)
    );
    output::print(&table::table(&title, &report, level.as_ref()))?;
    if let Some(boundaries) = &boundaries {
        output::print(&table::boundary_lines(boundaries))?;
    }
    if arguments.timing {
        output::print(&timing.line())?;
    }
    Ok(())
}

fn source(arguments: &EvalBsdsArguments, ids: &[String]) -> Result<Source> {
    if let Some(folder) = arguments.segs.as_ref().or(arguments.ucm.as_ref()) {
        let thresholds = Thresholds::official(arguments.thresholds)
            .map_err(|error| usage(format!("--thresholds: {error}")))?;
        return Ok(Source::Folder(SegmentationFolder::open(
            folder, ids, thresholds,
        )?));
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
    Ok(Source::Network(Box::new(NetworkPools::new(
        network,
        arguments.k.as_ref(),
        arguments.levels,
    ))))
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

fn timed((pool, seconds): (Pool, SegmentSeconds)) -> (Pool, Option<SegmentSeconds>) {
    (pool, Some(seconds))
}

/// The network of a finished training.
fn of_run(run: &Path) -> Result<DeepNcuts> {
    let path = run.join("network.safetensors");
    if !path.exists() && models::can_resume(run) {
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

/// What `--boundaries` adds to it.
fn boundary_object(report: &BoundaryReport, details: bool) -> Result<Value> {
    let mut object = serde_json::to_value(report)?;
    if let Some(fields) = object.as_object_mut().filter(|_| !details) {
        fields.retain(|name, _| name != "per_level" && name != "per_image");
    }
    Ok(object)
}

/// The one object of `--json`.
fn object(report: &Report, details: bool) -> Result<Value> {
    let mut object = json!({
        "images": report.images,
        "covering": report.covering,
        "pri": report.pri,
        "vi": report.vi,
        "average_covering": report.average_covering,
    });
    if details {
        object["per_level"] = serde_json::to_value(&report.per_level)?;
        object["per_image"] = serde_json::to_value(&report.per_image)?;
    }
    Ok(object)
}
