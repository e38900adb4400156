//! `matbackprop info`.

use anyhow::{Context, Result};
use matbackprop::DEFAULT_NETWORK_BYTES;
use models::DeepNcuts;

use crate::arguments::{InfoArguments, head_in_words, recipe_in_words};
use crate::output;

/// Tells what a network is made of.
pub fn run(arguments: &InfoArguments) -> Result<()> {
    let (origin, network, bytes) = match &arguments.file {
        None => {
            let origin = "the network inside this program".to_owned();
            (
                origin,
                matbackprop::default_network()?,
                DEFAULT_NETWORK_BYTES.len() as u64,
            )
        }
        Some(path) => {
            let network = DeepNcuts::load(path).context("reading the network")?;
            let file = std::fs::metadata(path).with_context(|| path.display().to_string())?;
            (path.display().to_string(), network, file.len())
        }
    };
    output::print(&description(&origin, &network, bytes))
}

fn description(origin: &str, network: &DeepNcuts, bytes: u64) -> String {
    let architecture = network.architecture();
    let (trunk, head) = network.parameter_count();
    let taps = architecture
        .taps
        .iter()
        .map(|tap| format!("{} × {:.4}", tap.layer, tap.scale));
    let (layout, dropout) = match &architecture.head {
        None => ("none".to_owned(), String::new()),
        Some(layout) => (
            head_in_words(layout),
            format!(", dropout {} in training", layout.dropout),
        ),
    };
    let (rule, cut) = (architecture.clusters, architecture.cut);
    let dimensions = cut
        .dimensions
        .map_or("as many as clusters".to_owned(), |d| d.to_string());
    let weighting = cut.epsilon.map_or("rows of unit length".to_owned(), |e| {
        format!("weighted, epsilon {e}")
    });
    format!(
        "network     {origin}
bytes       {bytes} ({:.2} MiB)
trunk       {}, {trunk} numbers
pixels      {}
taps        {}
head        {layout} (channels x kernel), {head} numbers{dropout}
embedding   columns: {dimensions}; {weighting}; {} starts of k-means, pieces from {} of the image
clusters    round({} r + {}) from {} to {}, r the soft rank at epsilon {}",
        bytes as f64 / f64::from(1 << 20),
        architecture.trunk.name(),
        recipe_in_words(&architecture.recipe),
        taps.collect::<Vec<_>>().join(", "),
        cut.restarts,
        cut.min_area,
        rule.slope,
        rule.offset,
        rule.fewest,
        rule.most,
        rule.epsilon,
    )
}
