//! The rows on BSDS500, one after another on one core.

use std::path::{Path, PathBuf};

use super::call::Call;
use super::plan::{Kind, Plan, Run};
use super::settings::ReproduceSettings;
use crate::error::{Error, Result};
use crate::recipe::{BSDS_RECIPES, CutRecipe};

/// Rows of methods of others, by a script.
const SCRIPTED: [&str; 2] = ["felzenszwalb", "recursive-ncut"];
/// The row of contour maps that its authors publish.
const CONTOUR_MAPS: &str = "gpb-owt-ucm";

/// One group: a tuned row is initialised from another.
pub fn plan(settings: &ReproduceSettings) -> Result<Plan> {
    let rows = match settings.rows.as_slice() {
        [] => all_rows(),
        rows => rows.to_vec(),
    };
    let (mut runs, mut left_out) = (Vec::new(), Vec::new());
    for row in rows {
        match run(settings, &row)? {
            Ok(run) => runs.push(run),
            Err(why) => left_out.push(format!("{row}: {why}, so it is left out")),
        }
    }
    Ok(Plan {
        groups: vec![runs],
        left_out,
    })
}

/// Outside references first, then each trunk as it is, its head, and both together.
fn all_rows() -> Vec<String> {
    let mut rows = vec!["intervening-contour"];
    rows.extend(SCRIPTED);
    rows.push(CONTOUR_MAPS);
    let mut rows: Vec<String> = rows.into_iter().map(str::to_owned).collect();
    for trunk in ["lite0", "vgg16", "alexnet"] {
        let untrained = format!("{trunk}-untrained");
        let names = BSDS_RECIPES.names().into_iter();
        rows.extend(
            names
                .filter(|name| name.starts_with(&untrained))
                .map(str::to_owned),
        );
        let trained = ["ncuts", "ncuts-tuned", "eigenvectors"];
        rows.extend(trained.map(|row| format!("{trunk}-{row}")));
    }
    rows
}

/// The run of a row, or why it is left out.
fn run(settings: &ReproduceSettings, row: &str) -> Result<Result<Run, String>> {
    let name = Path::new(row).file_stem().unwrap_or_default();
    let name = name.to_string_lossy();
    let folder = settings.runs.join(&*name);
    let kind = if SCRIPTED.contains(&row) {
        let segmentations = folder.join("segmentations");
        let script = Call::new(&settings.python, &[])
            .and([settings.script()])
            .and([row])
            .and([photographs(&settings.data), segmentations.clone()]);
        let measure = measure(settings, &folder).with("--segs", segmentations);
        Kind::Measured(vec![script, measure])
    } else if row == CONTOUR_MAPS {
        let Some(ucm) = &settings.ucm else {
            return Ok(Err("--ucm is not given".to_owned()));
        };
        Kind::Measured(vec![measure(settings, &folder).with("--ucm", ucm)])
    } else {
        match of_recipe(settings, row, &folder)? {
            Ok(kind) => kind,
            Err(why) => return Ok(Err(why)),
        }
    };
    Ok(Ok(Run {
        title: name.to_string(),
        log: settings.runs.join(format!("{name}.log")),
        folder,
        kind,
    }))
}

fn of_recipe(
    settings: &ReproduceSettings,
    row: &str,
    folder: &Path,
) -> Result<Result<Kind, String>> {
    let recipe = CutRecipe::read(row).map_err(|error| match error {
        Error::Setting(_) => Error::setting(format!(
            "ROW: expected a recipe's file, or one of {}, {CONTOUR_MAPS}, {}, found {row}",
            SCRIPTED.join(", "),
            BSDS_RECIPES.names().join(", ")
        )),
        other => other,
    })?;
    let measure = measure(settings, folder);
    let missing = |weights: &Path| match weights.is_file() {
        true => None,
        false => Some(format!("there is no {}", weights.display())),
    };
    Ok(match recipe {
        CutRecipe::Contour(_) => Ok(Kind::Measured(vec![measure.with("--recipe", row)])),
        CutRecipe::Untrained(model) => {
            let weights = settings.weights_of(model.trunk);
            if let Some(why) = missing(&weights) {
                return Ok(Err(why));
            }
            let measure = measure.with("--recipe", row);
            Ok(Kind::Measured(vec![
                measure.with("--trunk-weights", weights),
            ]))
        }
        CutRecipe::Trained(plan) => {
            let weights = settings.weights_of(plan.model.trunk);
            if let Some(why) = missing(&weights) {
                return Ok(Err(why));
            }
            let train = Call::new(&settings.program, &["train", "ncuts"])
                .with("--recipe", row)
                .with("--data", &settings.data)
                .with("--out", folder);
            let train = match &plan.init_from {
                Some(start) => train.with("--init-from", settings.runs.join(start)),
                None => train.with("--trunk-weights", weights),
            };
            Ok(Kind::Trained {
                train,
                measure: measure.with("--run", folder),
            })
        }
    })
}

fn measure(settings: &ReproduceSettings, folder: &Path) -> Call {
    Call::new(&settings.program, &["eval", "bsds"])
        .with("--data", &settings.data)
        .with("--split", "val")
        .into_file(folder.join("val.partial"))
}

/// Where the photographs of val lie, in either layout of the data set.
fn photographs(data: &Path) -> PathBuf {
    let short = data.join("images/val");
    match short.is_dir() {
        true => short,
        false => data.join("BSDS500/data/images/val"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reproduce::settings::Comparison;

    fn settings(folder: &Path) -> ReproduceSettings {
        ReproduceSettings::new(Comparison::Bsds, folder, folder, folder.join("runs"))
    }

    fn titles(plan: &Plan) -> Vec<&str> {
        plan.runs().map(|run| run.title.as_str()).collect()
    }

    #[test]
    fn rows_without_their_weights_are_left_out_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(folder.path());
        let found = plan(&settings).unwrap();
        assert_eq!(
            titles(&found),
            ["intervening-contour", "felzenszwalb", "recursive-ncut"]
        );
        assert_eq!(found.left_out.len(), 1 + 18);
        assert!(found.left_out[0].starts_with("gpb-owt-ucm: --ucm is not given"));
        assert!(found.uses_script());
        std::fs::write(folder.path().join("vgg16_features_f16.safetensors"), "").unwrap();
        settings.ucm = Some(folder.path().to_path_buf());
        let found = plan(&settings).unwrap();
        assert_eq!(found.left_out.len(), 12);
        assert!(titles(&found).contains(&"vgg16-ncuts-tuned"));
        settings.rows = vec!["vgg16".into()];
        let error = plan(&settings).unwrap_err();
        assert!(error.is_setting() && error.to_string().contains("vgg16-ncuts,"));
    }

    #[test]
    fn finished_runs_are_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        std::fs::write(place("efficientnet_lite0_f16.safetensors"), "").unwrap();
        let mut settings = settings(folder.path());
        settings.rows = vec!["lite0-ncuts".into(), "lite0-ncuts-tuned".into()];
        let calls = || {
            let plan = plan(&settings).unwrap();
            let calls = plan.runs().map(|run| {
                let lines = run.calls().into_iter().map(|call| call.to_string());
                lines.collect::<Vec<_>>()
            });
            calls.collect::<Vec<_>>()
        };
        let found = calls();
        assert!(found[0][0].contains("--trunk-weights") && !found[0][0].contains("--resume"));
        assert!(found[0][1].contains("eval bsds") && found[0][1].ends_with("val.partial"));
        assert!(found[1][0].contains("runs/lite0-ncuts") && found[1][0].contains("--init-from"));
        let run = place("runs/lite0-ncuts");
        std::fs::create_dir_all(&run).unwrap();
        std::fs::write(run.join("checkpoint.safetensors"), "").unwrap();
        assert!(calls()[0][0].ends_with("--resume"));
        std::fs::write(run.join("network.safetensors"), "").unwrap();
        assert_eq!(calls()[0].len(), 1);
        std::fs::write(run.join("val.txt"), "").unwrap();
        assert!(calls()[0].is_empty());
    }
}
