//! Where segmentations, or boundaries alone, come from.

use std::path::Path;

use bench_bsds::{BoundaryFolder, SegmentationFolder, Thresholds};
use models::{DeepBoundaries, DeepNcuts, Device};
use ncuts::InterveningContourOptions;

use super::contour_pools::ContourPools;
use super::level_names::LevelNames;
use super::network_pools::{NetworkPools, untrained};
use super::settings::{BsdsSettings, BsdsSource, LevelRule, counts};
use crate::description::cuts_in_a_line;
use crate::device::open_device;
use crate::error::{Context as _, Error, Result};
use crate::observer::Observer;
use crate::recipe::{CutModel, CutRecipe};
use crate::run_folder::finished_network;
use crate::segment::boundary_network as boundary_network_of;

/// A source that is open.
pub enum Source {
    Network(Box<NetworkPools>),
    Contours(ContourPools),
    Folder(SegmentationFolder),
    Soft(BoundaryFolder),
}

impl Source {
    /// Opens the source of the settings, for images of these names.
    pub fn open(
        settings: &BsdsSettings,
        ids: &[String],
        observer: &mut dyn Observer,
    ) -> Result<Self> {
        let thresholds = || {
            Thresholds::official(settings.thresholds)
                .map_err(|error| Error::setting(format!("--thresholds: {error}")))
        };
        let network = match &settings.source {
            BsdsSource::Segmentations(folder) | BsdsSource::ContourMaps(folder) => {
                let folder = SegmentationFolder::open(folder, ids, thresholds()?)?;
                return Ok(Self::Folder(match settings.labels_from_zero {
                    true => folder.with_zero_as_segment(),
                    false => folder,
                }));
            }
            BsdsSource::SoftBoundaries(folder) => {
                let folder = BoundaryFolder::open(folder, ids, thresholds()?)?;
                return Ok(Self::Soft(folder.with_reading(settings.soft)));
            }
            BsdsSource::Run(run) => of_run(run)?,
            BsdsSource::Weights(path) => DeepNcuts::load(path).context("--weights")?,
            BsdsSource::Recipe(name) => match CutRecipe::read(name)? {
                CutRecipe::Contour(options) => return contours(settings, options),
                CutRecipe::Untrained(model) => without_training(settings, &model)?,
                CutRecipe::Trained(_) => {
                    return Err(Error::setting(
                        "--recipe: expected a recipe without training, found one for `train ncuts`; measure its run by --run",
                    ));
                }
            },
            BsdsSource::Untrained(trunk, layers) => {
                let model = CutModel {
                    layers: layers.clone(),
                    ..CutModel::usual(*trunk)
                };
                without_training(settings, &model)?
            }
        };
        let origin = match &settings.trunk_weights {
            Some(file) => format!("{}, {}", settings.origin(), file.display()),
            None => settings.origin(),
        };
        observer.detail(&cuts_in_a_line(&origin, &network));
        let device = open_device(settings.device, observer)?;
        let network = network.on_device(&device);
        let pools = NetworkPools::new(network, settings.clusters.as_ref(), settings.levels);
        let pools = pools.beside(others(settings, &device)?);
        let pools = pools.along(boundary_network(settings, &device)?);
        Ok(Self::Network(Box::new(pools)))
    }

    /// The images among `ids` that the source has no file of, each with the reason.
    pub fn missing(settings: &BsdsSettings, ids: &[String]) -> Result<Vec<(usize, String)>> {
        let missing = match &settings.source {
            BsdsSource::Segmentations(folder) | BsdsSource::ContourMaps(folder) => {
                SegmentationFolder::missing(folder, ids)?
            }
            BsdsSource::SoftBoundaries(folder) => BoundaryFolder::missing(folder, ids)?,
            _ => Vec::new(),
        };
        let reasons = missing.into_iter();
        Ok(reasons
            .map(|(index, error)| (index, error.to_string()))
            .collect())
    }

    /// How levels are called.
    pub fn level_names(&self) -> LevelNames {
        match self {
            Self::Network(pools) => pools.level_names(),
            _ => LevelNames::Plain,
        }
    }
}

/// The network of a finished training.
fn of_run(run: &Path) -> Result<DeepNcuts> {
    DeepNcuts::load(&finished_network(run, "train ncuts")?).context("--run")
}

fn without_training(settings: &BsdsSettings, model: &CutModel) -> Result<DeepNcuts> {
    let Some(weights) = &settings.trunk_weights else {
        return Err(Error::setting(
            "--trunk-weights: expected a file for this recipe's trunk, found none",
        ));
    };
    untrained(model, weights, &settings.data)
}

/// Networks whose embeddings count too.
fn others(settings: &BsdsSettings, device: &Device) -> Result<Vec<DeepNcuts>> {
    if !settings.with.is_empty() && settings.levels != Some(LevelRule::Tree) {
        return Err(Error::setting(
            "--with: expected beside --levels tree only, which networks can make together",
        ));
    }
    let load = |path| {
        let network = DeepNcuts::load(path).context("--with")?;
        Ok(network.on_device(device))
    };
    settings.with.iter().map(|path| load(path)).collect()
}

/// The network whose boundaries superpixels follow.
fn boundary_network(settings: &BsdsSettings, device: &Device) -> Result<Option<DeepBoundaries>> {
    let Some(path) = &settings.boundary_network else {
        return Ok(None);
    };
    if settings.levels != Some(LevelRule::Tree) {
        return Err(Error::setting(
            "--boundary-network: expected beside --levels tree only, whose superpixels follow boundaries",
        ));
    }
    Ok(Some(boundary_network_of(path)?.on_device(device)))
}

fn contours(settings: &BsdsSettings, options: InterveningContourOptions) -> Result<Source> {
    let numbers = match &settings.clusters {
        None => Some((2..=16).collect()),
        Some(choice) => counts(choice).map(<[usize]>::to_vec),
    };
    match (numbers, settings.levels, &settings.trunk_weights) {
        (_, _, Some(path)) => Err(Error::setting(format!(
            "--trunk-weights: expected none, as this recipe has no trunk, found {}",
            path.display()
        ))),
        (Some(numbers), None | Some(LevelRule::Clusters), None) => {
            Ok(Source::Contours(ContourPools::new(options, numbers)))
        }
        _ => Err(Error::setting(
            "--k, --levels: expected numbers of clusters, as contours choose none, found auto",
        )),
    }
}
