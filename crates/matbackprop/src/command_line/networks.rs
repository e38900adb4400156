//! The networks that `segment` segments with.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use experiments::cuts_in_a_line;
use experiments::segment::boundary_network;
use models::{DeepBoundaries, DeepNcuts};

use crate::command_line::arguments::{Followed, Quality, SegmentArguments};
use crate::command_line::failure::usage;
use crate::command_line::output;

/// The second network of `--quality high`: your own trained one, or the published VGG-16 trunk with the embedded head.
const LARGE_NETWORK: &str = "ncuts_vgg16_f16.safetensors";
const LARGE_TRUNK: &str = "vgg16_features_f16.safetensors";

/// The network of the arguments, and a larger one if asked for, on their device.
pub fn networks(arguments: &SegmentArguments) -> Result<Vec<DeepNcuts>> {
    let mut networks = vec![match &arguments.weights {
        Some(path) => DeepNcuts::load(path).context("reading the network")?,
        None => crate::default_network()?,
    }];
    let origin = arguments.weights.as_ref();
    let origin = origin.map_or("inside this program".into(), |path| path.to_string_lossy());
    output::detail(&cuts_in_a_line(&origin, &networks[0]));
    if arguments.quality == Quality::High {
        networks.push(large_network()?);
    }
    let device = arguments.device.open()?;
    let networks = networks.into_iter();
    Ok(networks.map(|network| network.on_device(&device)).collect())
}

/// The network that draws boundaries, if asked for, on the arguments' device.
pub fn boundaries(arguments: &SegmentArguments) -> Result<Option<DeepBoundaries>> {
    let network = match (&arguments.boundary_network, arguments.superpixels_by) {
        (Some(_), Some(Followed::Colours)) => {
            return Err(usage(
                "--boundary-network: expected --superpixels-by boundaries beside it, or none, found colours",
            ));
        }
        (Some(path), _) => boundary_network(path)?,
        (None, Some(Followed::Boundaries)) => crate::default_boundary_network()?,
        (None, _) if arguments.boundaries => {
            return Err(usage(
                "--boundaries: expected --superpixels-by boundaries or --boundary-network beside it, found neither",
            ));
        }
        (None, _) => return Ok(None),
    };
    Ok(Some(network.on_device(&arguments.device.open()?)))
}

fn large_network() -> Result<DeepNcuts> {
    let shared = std::env::var_os("MATBACKPROP_DATA").map(PathBuf::from);
    let folders = shared.into_iter().chain([PathBuf::from("data")]);
    let folders: Vec<PathBuf> = folders.map(|folder| folder.join("weights")).collect();
    let find = |name: &str| {
        let mut places = folders.iter().map(|folder| folder.join(name));
        places.find(|path| path.is_file())
    };
    let found = match (find(LARGE_NETWORK), find(LARGE_TRUNK)) {
        (Some(path), _) => Some((DeepNcuts::load(&path), path)),
        (None, Some(path)) => Some((crate::large_network(&path), path)),
        (None, None) => None,
    };
    if let Some((network, path)) = found {
        let network = network.context("--quality high")?;
        output::detail(&cuts_in_a_line(&path.to_string_lossy(), &network));
        return Ok(network);
    }
    let folders: Vec<String> = folders
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    bail!(
        "--quality high: expected {LARGE_TRUNK} in {}, found none; data/README.md says how to make it, \
         and {LARGE_NETWORK}, of `train ncuts --trunk vgg16 … --export`, serves too",
        folders.join(" or ")
    )
}
