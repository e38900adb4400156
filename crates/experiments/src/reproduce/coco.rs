//! The rows on MS-COCO: those of one trunk one after another, as they share its features; trunks side by side.

use std::path::{Path, PathBuf};

use super::call::Call;
use super::plan::{Kind, Plan, Run};
use super::settings::ReproduceSettings;
use crate::error::{Error, Result};
use crate::recipe::{COCO_RECIPES, RegionRecipe, trunk_by_name};

/// A group a trunk, in the order of rows.
pub fn plan(settings: &ReproduceSettings) -> Result<Plan> {
    let rows = match settings.rows.as_slice() {
        [] => all_rows(),
        rows => rows.to_vec(),
    };
    let mut groups: Vec<(Option<PathBuf>, Vec<Run>)> = Vec::new();
    let mut left_out = Vec::new();
    for row in rows {
        let recipe = read(&row)?;
        let weights = weights(settings, &recipe)?;
        if let Some(file) = weights.as_ref().filter(|file| !file.is_file()) {
            left_out.push(format!(
                "{row}: there is no {}, so it is left out",
                file.display()
            ));
            continue;
        }
        let place = groups.iter().position(|(file, _)| *file == weights);
        let place = place.unwrap_or_else(|| {
            groups.push((weights.clone(), Vec::new()));
            groups.len() - 1
        });
        // Without pretrained weights one seed is enough.
        let seeds = match &weights {
            Some(_) => settings.seeds.as_slice(),
            None => &settings.seeds[..1],
        };
        for seed in seeds {
            let run = run(settings, &row, *seed, weights.as_deref(), &recipe);
            groups[place].1.push(run);
        }
    }
    Ok(Plan {
        groups: groups.into_iter().map(|(_, runs)| runs).collect(),
        left_out,
    })
}

fn all_rows() -> Vec<String> {
    let mut rows = Vec::new();
    for trunk in ["vgg16", "lite0", "alexnet"] {
        for row in ["first", "o2p", "o2p-fc"] {
            rows.push(format!("{trunk}-{row}"));
            rows.push(format!("{trunk}-{row}-tuned"));
        }
    }
    let others = [
        "vgg16-o2p-fc-box",
        "lite0-o2p-fc-box",
        "sift-o2p",
        "alexnet-s",
        "deep-o2p-s",
        "deep-o2p-fc-s",
    ];
    rows.extend(others.map(str::to_owned));
    rows
}

fn read(row: &str) -> Result<RegionRecipe> {
    RegionRecipe::read(row).map_err(|error| match error {
        Error::Setting(_) if !Path::new(row).is_file() => Error::setting(format!(
            "ROW: expected a recipe's file, or one of {}, found {row}",
            COCO_RECIPES.names().join(", ")
        )),
        other => other,
    })
}

/// The file that a row's trunk comes from, where it is pretrained.
fn weights(settings: &ReproduceSettings, recipe: &RegionRecipe) -> Result<Option<PathBuf>> {
    let Some(trunk) = recipe
        .model
        .trunk
        .as_ref()
        .filter(|_| !recipe.model.from_scratch)
    else {
        return Ok(None);
    };
    let trunk = trunk_by_name(trunk).map_err(|error| Error::setting(format!("trunk: {error}")))?;
    Ok(Some(settings.weights_of(trunk)))
}

fn run(
    settings: &ReproduceSettings,
    row: &str,
    seed: u64,
    weights: Option<&Path>,
    recipe: &RegionRecipe,
) -> Run {
    let name = Path::new(row).file_stem().unwrap_or_default();
    let name = name.to_string_lossy();
    let folder = settings.runs.join(format!("{name}-{seed}"));
    let cache = settings.runs.join("cache");
    let train = Call::new(&settings.program, &["train", "o2p"])
        .with("--recipe", row)
        .with("--data", &settings.data);
    let train = match (recipe.init_from(), weights) {
        (Some(start), _) => {
            train.with("--init-from", settings.runs.join(format!("{start}-{seed}")))
        }
        (None, Some(weights)) => train.with("--trunk-weights", weights),
        (None, None) => train,
    };
    let train = train
        .with("--out", &folder)
        .with("--cache", &cache)
        .with("--seed", seed.to_string());
    let measure = Call::new(&settings.program, &["eval", "coco"])
        .with("--data", &settings.data)
        .with("--run", &folder)
        .with("--cache", &cache)
        .into_file(folder.join("val.partial"));
    Run {
        title: format!("{name}, seed {seed}"),
        log: settings.runs.join(format!("{name}-{seed}.log")),
        folder,
        kind: Kind::Trained { train, measure },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reproduce::settings::Comparison;

    #[test]
    fn a_group_a_trunk_and_seeds_where_it_is_pretrained() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let mut settings = ReproduceSettings::new(Comparison::Coco, path, path, path.join("runs"));
        let found = plan(&settings).unwrap();
        assert_eq!((found.groups.len(), found.left_out.len()), (1, 20));
        let titles =
            |group: &[Run]| -> Vec<String> { group.iter().map(|run| run.title.clone()).collect() };
        assert_eq!(
            titles(&found.groups[0]),
            [
                "sift-o2p, seed 1",
                "alexnet-s, seed 1",
                "deep-o2p-s, seed 1",
                "deep-o2p-fc-s, seed 1"
            ]
        );
        std::fs::write(path.join("efficientnet_lite0_f16.safetensors"), "").unwrap();
        settings.seeds = vec![5, 7];
        let found = plan(&settings).unwrap();
        assert_eq!((found.groups.len(), found.left_out.len()), (2, 13));
        assert_eq!(found.groups[0].len(), 2 * 7);
        assert_eq!(found.groups[0][1].title, "lite0-first, seed 7");
        let call = found.groups[1][0].calls()[0].to_string();
        assert!(
            call.contains("--seed 5") && !call.contains("--trunk-weights"),
            "{call}"
        );
    }
}
