//! DeepNCuts, trained on BSDS500.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use models::{CutArchitecture, DeepNcuts, Device, Precision, TrunkWeights};
use training::{CutTask, Ranks, SegmentationSet as _, Trainer};

use super::driver::{self, Job};
use super::run_settings::{RunSettings, Trained, check_export};
use super::validation::{Validation, ValidationSettings};
use crate::counted::counted;
use crate::datasets::{BsdsTrainingSet, FileDigests, TrainingSplit};
use crate::error::{Context as _, Error, Result};
use crate::observer::Observer;
use crate::recipe::{CutPlan, head_in_words, input_recipe_in_words};

/// Settings of [`ncuts()`].
#[derive(Clone, Debug, PartialEq)]
pub struct NcutsSettings {
    /// The network, its loss and its steps.
    pub plan: CutPlan,
    /// Folder of BSDS500.
    pub data: PathBuf,
    /// The images to learn from.
    pub split: TrainingSplit,
    /// Where the network comes from and where it goes.
    pub run: RunSettings,
    /// A file for the head alone, in half precision: all that was learned, where the trunk did not learn.
    pub export_head: Option<PathBuf>,
    /// Steps between measures of 20 photographs of val, 0 for none; `None` for as often as checkpoints are written, where
    /// there is a val split that is not learned from.
    pub val_every: Option<u64>,
}

impl NcutsSettings {
    /// Learns from the train split.
    pub fn new(plan: CutPlan, data: impl Into<PathBuf>, run: RunSettings) -> Self {
        Self {
            plan,
            data: data.into(),
            split: TrainingSplit::Train,
            run,
            export_head: None,
            val_every: None,
        }
    }
}

/// Trains a network that cuts, and leaves everything in the folder of the settings:
///
/// ```text
/// network.safetensors      written at the end
/// checkpoint.safetensors   to be resumed from
/// start.safetensors        the network before the first step
/// journal.jsonl            a line a step
/// val.jsonl                a line a measure of val
/// ```
///
/// # Errors
/// [`Error::Setting`] for settings that cannot be meant, before anything is written; those of the trainer, of images and
/// of files.
pub fn ncuts(settings: &NcutsSettings, observer: &mut dyn Observer) -> Result<Trained<DeepNcuts>> {
    ncuts_among(&Rc::new(Ranks::alone()), settings, observer)
}

/// As [`ncuts()`], by several processes together, each of which calls this with the same settings.
///
/// # Errors
/// As [`ncuts()`]; the failure of another rank.
pub fn ncuts_among(
    ranks: &Rc<Ranks>,
    settings: &NcutsSettings,
    observer: &mut dyn Observer,
) -> Result<Trained<DeepNcuts>> {
    let (set, validation) = ranks.sync_result(prepare(settings))?;
    set.warn_of_left_out(observer);
    let every = validation.as_ref().map_or(0, Validation::every);
    let (run, config) = (&settings.run, &settings.plan.training);
    let job = CutJob {
        settings,
        set: &set,
    };
    let new = !run.resumes();
    let trainer = driver::trainer(&job, run, config, ranks, observer)?;
    let step = trainer.step();
    let validation = validation
        .filter(|_| ranks.is_first())
        .map(|asked| asked.open((&run.out, trainer.network()), step, new, config));
    let mut validation = ranks.sync_result(validation.transpose())?;
    let watch = |observer: &mut dyn Observer, step: u64, network: &DeepNcuts| match &mut validation
    {
        Some(validation) => validation.measure(step, network, observer),
        None => Ok(()),
    };
    let trained = driver::run::<CutJob<'_>>(trainer, ranks, observer, every, watch)?;
    if let Trained::Finished { network, .. } = &trained {
        ranks.sync_result(match ranks.is_first() {
            true => export(settings, network),
            false => Ok(()),
        })?;
    }
    Ok(trained)
}

/// All that is known before the first file is written.
fn prepare(settings: &NcutsSettings) -> Result<(BsdsTrainingSet, Option<Validation>)> {
    let (data, run, plan) = (&settings.data, &settings.run, &settings.plan);
    if !data.is_dir() {
        return Err(Error::setting(format!(
            "--data: expected the folder of BSDS500, found none at {}",
            data.display()
        )));
    }
    run.check_out()?;
    check_export("--export", run.export.as_ref())?;
    check_export("--export-head", settings.export_head.as_ref())?;
    if !run.resumes() {
        run.check_init_from(plan.init_from.as_deref())?;
        let weights = run.trunk_weights.is_some() || run.from_scratch;
        if plan.init_from.is_none() && !weights {
            return Err(Error::setting(
                "expected --trunk-weights FILE, or --from-scratch for a trunk of random weights, found neither",
            ));
        }
    }
    let share = plan.training.unreadable.clamp(0.0, 1.0);
    let set = BsdsTrainingSet::open(data, settings.split, share).context("--data")?;
    let set = set.with_need(plan.architecture().trunk, &plan.training.trunk);
    let validation = Validation::asked(&ValidationSettings {
        data,
        split: settings.split,
        every: settings.val_every,
        checkpoint_every: plan.training.checkpoint_every,
    })?;
    Ok((set, validation))
}

/// Writes the files that were asked for beside the run's folder.
fn export(settings: &NcutsSettings, network: &DeepNcuts) -> Result<()> {
    if let Some(path) = &settings.run.export {
        network.save(path, Precision::Half).context("--export")?;
    }
    if let Some(path) = &settings.export_head {
        network
            .save_head(path, Precision::Half)
            .context("--export-head")?;
    }
    Ok(())
}

struct CutJob<'a> {
    settings: &'a NcutsSettings,
    set: &'a BsdsTrainingSet,
}

impl<'a> Job for CutJob<'a> {
    type Task = CutTask<'a>;

    fn task(&self, calibrated: bool) -> CutTask<'a> {
        let task = CutTask::new(self.set, self.settings.plan.loss);
        match calibrated {
            true => task.already_calibrated(),
            false => task,
        }
    }

    fn files(&self) -> &FileDigests {
        self.set.digests()
    }

    fn digest(&self, index: usize) {
        // A file that cannot be read is refused where it is looked at.
        let _ = self.set.digest(index);
    }

    fn examples(&self) -> usize {
        self.set.len()
    }

    fn new_network(&self) -> Result<DeepNcuts> {
        let plan = &self.settings.plan;
        let weights = self.settings.run.trunk_weights.as_deref();
        let weights = weights.map_or(TrunkWeights::Random, TrunkWeights::File);
        let network = DeepNcuts::new(plan.architecture(), &weights, plan.training.seed);
        network.map_err(Error::of_training)
    }

    fn load(&self, run: &Path) -> Result<DeepNcuts> {
        DeepNcuts::load(&run.join("network.safetensors")).context("--init-from")
    }

    fn on_device(network: DeepNcuts, device: &Device) -> DeepNcuts {
        network.on_device(device)
    }

    /// The taps' scales were measured since.
    fn check_alike(&self, option: &str, found: &DeepNcuts) -> Result<()> {
        let asked = architecture_in_words(&self.settings.plan.architecture());
        let found = architecture_in_words(found.architecture());
        let mut pairs = found.into_iter().zip(asked);
        if let Some(((part, found), (_, asked))) = pairs.find(|(found, asked)| found != asked) {
            return Err(Error::setting(format!(
                "{option}: expected the network that is there, with {part} {found}, found {part} {asked}"
            )));
        }
        Ok(())
    }

    fn in_words(&self, network: &DeepNcuts) -> String {
        let (trunk, head) = network.parameter_count();
        format!(
            "{}: {trunk} numbers in the trunk, {head} in the head; {}",
            self.settings.plan.model.trunk.name(),
            counted(self.set.len(), "image")
        )
    }

    /// Saves the initial network, which the report compares with the trained one.
    fn started(&self, trainer: &Trainer<CutTask<'a>>) -> Result<()> {
        let start = self.settings.run.out.join("start.safetensors");
        Ok(trainer.network().save(&start, Precision::Half)?)
    }
}

/// The parts that two networks can differ in, each with its value.
fn architecture_in_words(architecture: &CutArchitecture) -> [(&'static str, String); 4] {
    let taps: Vec<&str> = architecture
        .taps
        .iter()
        .map(|tap| tap.layer.as_str())
        .collect();
    let head = architecture.head.as_ref();
    [
        ("trunk", architecture.trunk.name().to_owned()),
        ("layers", taps.join(",")),
        ("head", head.map_or("none".to_owned(), head_in_words)),
        ("pixels", input_recipe_in_words(&architecture.recipe)),
    ]
}
