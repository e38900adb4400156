//! How all images are measured, in a record that two calls can be compared by.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::Source;
use super::kept::digest_of;
use super::network_pools::untrained_files;
use crate::arguments::EvalBsdsArguments;

/// Everything that the measures of an image depend on, but that image's own files.
///
/// A network is named by a digest of its file, so that one trained anew is another. How many images are measured is no
/// setting.
pub fn settings(arguments: &EvalBsdsArguments, source: &Source) -> Result<Map<String, Value>> {
    let mut settings = Map::new();
    let mut set = |name: &str, value: Value| settings.insert(name.to_owned(), value);
    set("version", json!(env!("CARGO_PKG_VERSION")));
    set("split", json!(arguments.split.to_string()));
    set("boundaries", json!(arguments.measures_boundaries()));
    let kind = [
        ("run", arguments.run.is_some()),
        ("weights", arguments.weights.is_some()),
        ("model", arguments.model.is_some()),
        ("untrained", arguments.untrained.is_some()),
        ("segs", arguments.segs.is_some()),
        ("ucm", arguments.ucm.is_some()),
        ("pb", arguments.pb.is_some()),
    ];
    let kind = kind.into_iter().find(|(_, given)| *given);
    set("source", json!(kind.map(|(name, _)| name)));
    match source {
        Source::Network(pools) => {
            set("levels", pools.levels());
            set("network", json!(digest_of(&network_files(arguments)?)?));
            set(
                "trunk",
                json!(arguments.untrained.map(|trunk| trunk.name())),
            );
            set("taps", json!(arguments.taps));
            set("model", json!(arguments.model));
        }
        Source::Contours(pools) => {
            set("model", json!(arguments.model));
            set("contours", json!(pools.in_words()));
        }
        Source::Folder(_) | Source::Soft(_) => {
            set("thresholds", json!(arguments.thresholds));
        }
    }
    Ok(settings)
}

/// What a network is made of.
fn network_files(arguments: &EvalBsdsArguments) -> Result<Vec<PathBuf>> {
    let run = arguments.run.as_ref();
    let run = run.map(|run| run.join("network.safetensors"));
    let mut files: Vec<_> = run.into_iter().chain(arguments.weights.clone()).collect();
    files.extend(arguments.with.clone());
    // A recipe of one's own may change under its name.
    let recipe = arguments.model.iter().map(PathBuf::from);
    files.extend(recipe.filter(|path| path.is_file()));
    if let Some(weights) = &arguments.trunk_weights {
        files.extend(untrained_files(weights, &arguments.data)?);
    }
    Ok(files)
}
