//! A head that draws boundaries, trained on BSDS500.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use models::{DeepBoundaries, Device, Precision, TrunkWeights};
use training::{BoundaryTask, Ranks, SegmentationSet as _};

use super::driver::{self, Job};
use super::run_settings::{RunSettings, Trained, check_export};
use crate::counted::counted;
use crate::datasets::{BsdsTrainingSet, FileDigests, TrainingSplit};
use crate::error::{Context as _, Error, Result};
use crate::observer::Observer;
use crate::recipe::BoundaryPlan;

/// Settings of [`boundaries()`].
#[derive(Clone, Debug, PartialEq)]
pub struct BoundariesSettings {
    /// The network and its steps.
    pub plan: BoundaryPlan,
    /// Folder of BSDS500.
    pub data: PathBuf,
    /// The images to learn from.
    pub split: TrainingSplit,
    /// Where the network comes from and where it goes.
    pub run: RunSettings,
    /// A file for the head alone, in half precision: all that was learned.
    pub export_head: Option<PathBuf>,
}

impl BoundariesSettings {
    /// Learns from the train split.
    pub fn new(plan: BoundaryPlan, data: impl Into<PathBuf>, run: RunSettings) -> Self {
        Self {
            plan,
            data: data.into(),
            split: TrainingSplit::Train,
            run,
            export_head: None,
        }
    }
}

/// Trains a network that draws boundaries, and leaves everything in the folder of the settings:
///
/// ```text
/// network.safetensors      written at the end
/// checkpoint.safetensors   to be resumed from
/// journal.jsonl            a line a step
/// ```
///
/// # Errors
/// [`Error::Setting`] for settings that cannot be meant, before anything is written; those of the trainer, of images and
/// of files.
pub fn boundaries(
    settings: &BoundariesSettings,
    observer: &mut dyn Observer,
) -> Result<Trained<DeepBoundaries>> {
    boundaries_among(&Rc::new(Ranks::alone()), settings, observer)
}

/// As [`boundaries()`], by several processes together, each of which calls this with the same settings.
///
/// # Errors
/// As [`boundaries()`]; the failure of another rank.
pub fn boundaries_among(
    ranks: &Rc<Ranks>,
    settings: &BoundariesSettings,
    observer: &mut dyn Observer,
) -> Result<Trained<DeepBoundaries>> {
    let set = ranks.sync_result(prepare(settings))?;
    set.warn_of_left_out(observer);
    let job = BoundaryJob {
        settings,
        set: &set,
    };
    let (run, config) = (&settings.run, &settings.plan.training);
    let trainer = driver::trainer(&job, run, config, ranks, observer)?;
    let watch = |_: &mut dyn Observer, _: u64, _: &DeepBoundaries| Ok(());
    let trained = driver::run::<BoundaryJob<'_>>(trainer, ranks, observer, 0, watch)?;
    if let Trained::Finished { network, .. } = &trained {
        ranks.sync_result(match ranks.is_first() {
            true => export(settings, network),
            false => Ok(()),
        })?;
    }
    Ok(trained)
}

/// All that is known before the first file is written.
fn prepare(settings: &BoundariesSettings) -> Result<BsdsTrainingSet> {
    let (data, run, plan) = (&settings.data, &settings.run, &settings.plan);
    if !data.is_dir() {
        return Err(Error::setting(format!(
            "--data: expected the folder of BSDS500, found none at {}",
            data.display()
        )));
    }
    plan.check()?;
    run.check_out()?;
    check_export("--export", run.export.as_ref())?;
    check_export("--export-head", settings.export_head.as_ref())?;
    if !run.resumes() {
        run.check_init_from(None)?;
        if run.trunk_weights.is_none() && !run.from_scratch {
            return Err(Error::setting(
                "expected --trunk-weights FILE, or --from-scratch for a trunk of random weights, found neither",
            ));
        }
    }
    let share = plan.training.unreadable.clamp(0.0, 1.0);
    let set = BsdsTrainingSet::open(data, settings.split, share).context("--data")?;
    Ok(set.with_need(plan.architecture.trunk, &plan.training.trunk))
}

/// Writes the files that were asked for beside the run's folder.
fn export(settings: &BoundariesSettings, network: &DeepBoundaries) -> Result<()> {
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

struct BoundaryJob<'a> {
    settings: &'a BoundariesSettings,
    set: &'a BsdsTrainingSet,
}

impl<'a> Job for BoundaryJob<'a> {
    type Task = BoundaryTask<'a>;

    fn task(&self, calibrated: bool) -> BoundaryTask<'a> {
        let task = BoundaryTask::new(self.set);
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

    fn new_network(&self) -> Result<DeepBoundaries> {
        let plan = &self.settings.plan;
        let weights = self.settings.run.trunk_weights.as_deref();
        let weights = weights.map_or(TrunkWeights::Random, TrunkWeights::File);
        let architecture = plan.architecture.clone();
        let network = DeepBoundaries::new(architecture, &weights, plan.training.seed);
        network.map_err(Error::of_training)
    }

    fn load(&self, run: &Path) -> Result<DeepBoundaries> {
        DeepBoundaries::load(&run.join("network.safetensors")).context("--init-from")
    }

    fn on_device(network: DeepBoundaries, device: &Device) -> DeepBoundaries {
        network.on_device(device)
    }

    fn check_alike(&self, option: &str, found: &DeepBoundaries) -> Result<()> {
        let (asked, found) = (&self.settings.plan.architecture, found.architecture());
        if asked == found {
            return Ok(());
        }
        Err(Error::setting(format!(
            "{option}: expected the network that is there, {found:?}, found {asked:?}"
        )))
    }

    fn in_words(&self, network: &DeepBoundaries) -> String {
        let (trunk, head) = network.parameter_count();
        format!(
            "{}: {trunk} numbers in the trunk, {head} in the head; {}",
            self.settings.plan.architecture.trunk.name(),
            counted(self.set.len(), "image")
        )
    }
}
