//! DeepO2P and its baselines, trained on the regions of MS-COCO.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use bench_coco::RegionRule;
use models::{Device, Precision, RegionClassifier, RegionSet as _, TrunkWeights};
use training::{Ranks, RegionTask};

use super::driver::{self, Job};
use super::run_settings::{RunSettings, Trained, check_export};
use crate::datasets::{CocoRegions, FileDigests};
use crate::error::{Context as _, Error, Result};
use crate::observer::Observer;
use crate::recipe::RegionRecipe;

/// Settings of [`o2p`].
#[derive(Clone, Debug)]
pub struct O2pSettings {
    /// Name of the recipe in messages.
    pub name: String,
    /// The network, how it sees regions, and its steps.
    pub recipe: RegionRecipe,
    /// Folder of MS-COCO: annotations beside photographs.
    pub data: PathBuf,
    /// The regions to learn from.
    pub split: String,
    /// Where the network comes from and where it goes.
    pub run: RunSettings,
    /// Cache folder for the features of frozen layers, shared with other trainings.
    pub cache: Option<PathBuf>,
    /// Refuse a set with findings: repeated ids, records that are not listed, negative areas.
    pub strict: bool,
}

impl O2pSettings {
    /// Learns from the train split.
    ///
    /// # Errors
    /// Those of [`RegionRecipe::read`].
    pub fn new(
        recipe: impl Into<String>,
        data: impl Into<PathBuf>,
        run: RunSettings,
    ) -> Result<Self> {
        let name = recipe.into();
        Ok(Self {
            recipe: RegionRecipe::read(&name)?,
            name,
            data: data.into(),
            split: "train".to_owned(),
            run,
            cache: None,
            strict: false,
        })
    }
}

/// Trains a classifier of regions, and leaves everything in the folder of the settings: `network.safetensors`, written at
/// the end, `checkpoint.safetensors` and `journal.jsonl`, a line a step.
///
/// # Errors
/// [`Error::Setting`] for settings that cannot be meant, before anything is written; those of the trainer, of photographs
/// and of files.
pub fn o2p(
    settings: &O2pSettings,
    observer: &mut dyn Observer,
) -> Result<Trained<RegionClassifier>> {
    o2p_among(&Rc::new(Ranks::alone()), settings, observer)
}

/// As [`o2p`], by several processes together, each of which calls this with the same settings.
///
/// # Errors
/// As [`o2p`]; the failure of another rank.
pub fn o2p_among(
    ranks: &Rc<Ranks>,
    settings: &O2pSettings,
    observer: &mut dyn Observer,
) -> Result<Trained<RegionClassifier>> {
    let regions = ranks.sync_result(prepare(settings))?;
    regions
        .messages()
        .iter()
        .for_each(|line| observer.warning(line));
    observer.message(&format!("{}: {}", settings.split, regions.in_words()));
    let (run, config) = (&settings.run, &settings.recipe.training);
    let job = RegionJob {
        settings,
        regions: &regions,
    };
    let trainer = driver::trainer(&job, run, config, ranks, observer)?;
    let trained = driver::run::<RegionJob<'_>>(trainer, ranks, observer, 0, |_, _, _| Ok(()))?;
    if let (Trained::Finished { network, .. }, Some(path)) = (&trained, &run.export) {
        ranks.sync_result(match ranks.is_first() {
            true => network.save(path, Precision::Half).context("--export"),
            false => Ok(()),
        })?;
    }
    Ok(trained)
}

/// All that is known before the first file is written.
fn prepare(settings: &O2pSettings) -> Result<CocoRegions> {
    let (run, recipe) = (&settings.run, &settings.recipe);
    recipe.training.check().map_err(Error::of_training)?;
    run.check_out()?;
    check_export("--export", run.export.as_ref())?;
    if !run.resumes() {
        match (
            recipe.wants_weights() && !run.from_scratch,
            &run.trunk_weights,
        ) {
            (true, None) => {
                return Err(Error::setting(
                    "--trunk-weights: expected a file for this recipe's trunk, found none",
                ));
            }
            (false, Some(path)) => {
                return Err(Error::setting(format!(
                    "--trunk-weights: expected none, as this recipe starts from elsewhere, found {}",
                    path.display()
                )));
            }
            _ => {}
        }
        run.check_init_from(recipe.init_from())?;
    }
    let rule = RegionRule {
        max_unreadable: recipe.training.unreadable,
        strict: settings.strict,
        ..RegionRule::default()
    };
    let regions = CocoRegions::open(&settings.data, &settings.split, rule)?;
    regions.expect_regions("learn from")?;
    Ok(regions)
}

struct RegionJob<'a> {
    settings: &'a O2pSettings,
    regions: &'a CocoRegions,
}

impl<'a> Job for RegionJob<'a> {
    type Task = RegionTask<'a>;

    fn task(&self, calibrated: bool) -> RegionTask<'a> {
        let task = RegionTask::new(self.regions, self.settings.recipe.regions);
        let task = match &self.settings.cache {
            Some(folder) => task.sharing_cache(folder),
            None => task,
        };
        match calibrated {
            true => task.already_calibrated(),
            false => task,
        }
    }

    fn files(&self) -> &FileDigests {
        self.regions.digests()
    }

    fn digest(&self, index: usize) {
        // A file that cannot be read is refused where it is looked at.
        let _ = self.regions.digest(index);
    }

    fn examples(&self) -> usize {
        self.regions.len()
    }

    fn new_network(&self) -> Result<RegionClassifier> {
        let recipe = &self.settings.recipe;
        let architecture = recipe.architecture(&self.regions.set().class_names())?;
        let weights = self.settings.run.trunk_weights.as_deref();
        let weights = weights.map_or(TrunkWeights::Random, TrunkWeights::File);
        let network = RegionClassifier::new(architecture, &weights, recipe.training.seed);
        network.map_err(Error::of_training)
    }

    fn load(&self, run: &Path) -> Result<RegionClassifier> {
        RegionClassifier::load(&run.join("network.safetensors")).context("--init-from")
    }

    fn on_device(network: RegionClassifier, device: &Device) -> RegionClassifier {
        network.on_device(device)
    }

    fn check_alike(&self, option: &str, found: &RegionClassifier) -> Result<()> {
        let classes = self.regions.set().class_names();
        let asked = self.settings.recipe.architecture(&classes)?;
        match asked.difference(found.architecture()) {
            None => Ok(()),
            Some((part, asked, found)) => Err(Error::setting(format!(
                "{option}: expected a network of the recipe {}, with {part} {asked}, found {part} {found}",
                self.settings.name
            ))),
        }
    }

    fn in_words(&self, network: &RegionClassifier) -> String {
        let (trunk, new) = network.parameter_count();
        format!(
            "{}: {trunk} numbers in the trunk, {new} above it",
            self.settings.name
        )
    }
}
