//! How all images are measured, in a record that two calls can be compared by.

use std::path::PathBuf;

use bench_bsds::{SoftReading, TruthReading};
use serde_json::{Map, Value, json};

use super::measure_cache::digest_of;
use super::network_pools::untrained_files;
use super::settings::{BsdsSettings, BsdsSource};
use super::source::Source;
use crate::error::Result;

/// Everything that the measures of an image depend on, but that image's own files.
///
/// A network is named by a digest of its file, so that the same file name may hold another network. How many images are measured is no
/// setting.
pub fn record(settings: &BsdsSettings, source: &Source) -> Result<Map<String, Value>> {
    let mut record = Map::new();
    let mut set = |name: &str, value: Value| record.insert(name.to_owned(), value);
    set("version", json!(env!("CARGO_PKG_VERSION")));
    set("split", json!(settings.split.to_string()));
    set("boundaries", json!(settings.measures_boundaries()));
    // Named only where they differ from the usual, so that a folder of before is taken up.
    let (soft, truth) = (&settings.soft, &settings.truth);
    if *soft != SoftReading::default() {
        set("soft", json!([soft.scale, soft.inverted, soft.suppressed]));
    }
    if *truth != TruthReading::default() {
        let pictures = format!("{:?}", truth.pictures);
        set("truth", json!([pictures, truth.above, truth.from_zero]));
    }
    if settings.labels_from_zero {
        set("labels-from-zero", json!(true));
    }
    let (kind, recipe, untrained) = match &settings.source {
        BsdsSource::Run(_) => ("run", None, None),
        BsdsSource::Weights(_) => ("weights", None, None),
        BsdsSource::Recipe(name) => ("model", Some(name), None),
        BsdsSource::Untrained(trunk, layers) => ("untrained", None, Some((trunk, layers))),
        BsdsSource::Segmentations(_) => ("segs", None, None),
        BsdsSource::ContourMaps(_) => ("ucm", None, None),
        BsdsSource::SoftBoundaries(_) => ("pb", None, None),
    };
    set("source", json!(kind));
    match source {
        Source::Network(pools) => {
            set("levels", pools.levels());
            set("network", json!(digest_of(&network_files(settings)?)?));
            set("trunk", json!(untrained.map(|(trunk, _)| trunk.name())));
            set(
                "taps",
                json!(untrained.and_then(|(_, layers)| layers.as_ref())),
            );
            set("model", json!(recipe));
            if let Some(path) = &settings.boundary_network {
                let file = match path.is_dir() {
                    true => path.join("network.safetensors"),
                    false => path.clone(),
                };
                set("boundary-network", json!(digest_of(&[file])?));
            }
        }
        Source::Contours(pools) => {
            set("model", json!(recipe));
            set("contours", json!(pools.in_words()));
        }
        Source::Folder(_) | Source::Soft(_) => {
            set("thresholds", json!(settings.thresholds));
        }
    }
    Ok(record)
}

/// Description of a network.
fn network_files(settings: &BsdsSettings) -> Result<Vec<PathBuf>> {
    let mut files = match &settings.source {
        BsdsSource::Run(run) => vec![run.join("network.safetensors")],
        BsdsSource::Weights(path) => vec![path.clone()],
        _ => Vec::new(),
    };
    files.extend(settings.with.clone());
    if let BsdsSource::Recipe(name) = &settings.source {
        // A recipe of one's own may change under its name.
        files.extend(Some(PathBuf::from(name)).filter(|path| path.is_file()));
    }
    if let Some(weights) = &settings.trunk_weights {
        files.extend(untrained_files(weights, &settings.data)?);
    }
    Ok(files)
}
