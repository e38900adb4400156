//! Description of a network in words.

use std::path::Path;

use models::{
    DeepBoundaries, DeepNcuts, RegionClassifier, RegionFeatures, RegionPooling, SpectralMap,
    TapLayer,
};

use crate::error::{Context as _, Error, Result};
use crate::recipe::{head_in_words, input_recipe_in_words};

/// A network that cuts, and the bytes of the file or of the memory that it came from.
pub fn cuts_in_words(origin: &str, bytes: u64, network: &DeepNcuts) -> String {
    of_cuts(&heading(origin, bytes), network)
}

/// A network that cuts in one line: where its weights come from, its trunk, and how many numbers it has.
pub fn cuts_in_a_line(origin: &str, network: &DeepNcuts) -> String {
    let (trunk, head) = network.parameter_count();
    let name = network.architecture().trunk.name();
    format!("weights {origin}: {name}, {trunk} numbers, {head} above it")
}

/// The network of a file, of any task: each file says which.
///
/// # Errors
/// Those of the file, or of a network that is none.
pub fn network_in_words(path: &Path) -> Result<String> {
    let head = || -> Result<String> {
        let file = std::fs::metadata(path).map_err(Error::file(path))?;
        Ok(heading(&path.display().to_string(), file.len()))
    };
    if let Ok(network) = DeepBoundaries::load(path) {
        return Ok(of_boundaries(&head()?, &network));
    }
    match DeepNcuts::load(path) {
        Ok(network) => Ok(of_cuts(&head()?, &network)),
        Err(error) => match RegionClassifier::load(path) {
            Ok(network) => Ok(of_regions(&head()?, &network)),
            // A classifier of regions that is broken: the other reader only says that it does not cut.
            Err(second) if matches!(error, models::Error::NotANetwork { .. }) => {
                let broken = !matches!(second, models::Error::NotANetwork { .. });
                Err(if broken { second } else { error }).context("reading the network")
            }
            Err(_) => Err(error).context("reading the network"),
        },
    }
}

/// The first lines.
fn heading(origin: &str, bytes: u64) -> String {
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    format!("network     {origin}\nbytes       {bytes} ({mebibytes:.2} MiB)")
}

fn taps_in_words(taps: &[TapLayer]) -> String {
    let words = taps
        .iter()
        .map(|tap| format!("{} × {:.4}", tap.layer, tap.scale));
    words.collect::<Vec<_>>().join(", ")
}

fn of_regions(head: &str, network: &RegionClassifier) -> String {
    let architecture = network.architecture();
    let (trunk, above) = network.parameter_count();
    let features = match &architecture.features {
        RegionFeatures::Trunk { kind, recipe, taps } => format!(
            "trunk       {}, {trunk} numbers\npixels      {}\ntaps        {}",
            kind.name(),
            input_recipe_in_words(recipe),
            taps_in_words(taps)
        ),
        RegionFeatures::Given { channels } => {
            format!("descriptors given, {channels} numbers each")
        }
        _ => String::new(),
    };
    let reduction = architecture
        .reduction
        .map_or("none".to_owned(), |channels| {
            format!("to {channels} channels")
        });
    let classifier = &architecture.classifier;
    let layers = classifier.hidden.iter().map(|width| format!("{width}, "));
    format!(
        "{head}
{features}
crops       {side} x {side} pixels, pooled over the {region}
reduction   {reduction}
pooling     {pooling}
classifier  {layers}{classes} classes; dropout {input} before, {hidden} between; {above} numbers above the trunk",
        side = architecture.side,
        region = if architecture.masked { "free-form region" } else { "box" },
        pooling = pooling_in_words(&architecture.pooling),
        layers = layers.collect::<String>(),
        classes = architecture.classes.len(),
        input = classifier.input_dropout,
        hidden = classifier.dropout,
    )
}

fn pooling_in_words(pooling: &RegionPooling) -> String {
    match pooling {
        RegionPooling::Average => "mean".to_owned(),
        RegionPooling::Flatten => "flattened".to_owned(),
        RegionPooling::SecondOrder(options) => {
            let moment = if options.centred {
                "covariance"
            } else {
                "second moment"
            };
            let mapped = match options.map {
                SpectralMap::Log { epsilon } => format!("log({moment} + {epsilon} I)"),
                SpectralMap::SquareRoot { epsilon } => format!("({moment} + {epsilon} I)^0.5"),
                SpectralMap::Power { exponent, epsilon } => {
                    format!("({moment} + {epsilon} I)^{exponent}")
                }
                _ => moment.to_owned(),
            };
            let root = options.signed_square_root.map(|_| ", signed square root");
            let norm = options.unit_norm.then_some(", unit length");
            format!("{mapped}{}{}", root.unwrap_or(""), norm.unwrap_or(""))
        }
        _ => "another".to_owned(),
    }
}

fn of_boundaries(head: &str, network: &DeepBoundaries) -> String {
    let architecture = network.architecture();
    let (trunk, above) = network.parameter_count();
    let levels = architecture
        .levels
        .iter()
        .map(|level| format!("{} to {}", level.layers.join(" + "), level.reduction));
    format!(
        "{head}
trunk       {}, {trunk} numbers
pixels      {}
levels      {}
merges      to {:?} channels, the finest first
head        boundaries, {above} numbers, dropout {} in training",
        architecture.trunk.name(),
        input_recipe_in_words(&architecture.recipe),
        levels.collect::<Vec<_>>().join(", "),
        architecture.merges,
        architecture.dropout,
    )
}

fn of_cuts(head: &str, network: &DeepNcuts) -> String {
    let architecture = network.architecture();
    let (trunk, above) = network.parameter_count();
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
        "{head}
trunk       {}, {trunk} numbers
pixels      {}
taps        {}
head        {layout} (channels x kernel), {above} numbers{dropout}
embedding   columns: {dimensions}; {weighting}; {} starts of k-means, pieces from {} of the image
clusters    round({} r + {}) from {} to {}, r the soft rank at epsilon {}",
        architecture.trunk.name(),
        input_recipe_in_words(&architecture.recipe),
        taps_in_words(&architecture.taps),
        cut.restarts,
        cut.min_area,
        rule.slope,
        rule.offset,
        rule.fewest,
        rule.most,
        rule.epsilon,
    )
}
