//! The one way that trainings go: a network and its trainer, then steps that an observer follows.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use models::Device;
use training::{Progress as Event, Ranks, Task, TrainConfig, Trainer};

use super::messages::{
    NO_CHECKPOINT_YET, OVER_GPUS, changed_data, left_out, skipped_checkpoint, solver_refused,
};
use super::progress_log::{Measured, ProgressLog};
use super::run_settings::{RunSettings, Trained};
use crate::datasets::FileDigests;
use crate::device::open_device;
use crate::error::{Error, Result};
use crate::observer::Observer;

/// The parts of a training that differ between kinds.
pub(super) trait Job {
    /// The task that is learned.
    type Task: Task<Measures: Measured>;

    /// The task; `calibrated` where its network was measured on the examples before.
    fn task(&self, calibrated: bool) -> Self::Task;

    /// A new network.
    fn new_network(&self) -> Result<Network<Self>>;

    /// The trained network of a run.
    fn load(&self, run: &Path) -> Result<Network<Self>>;

    /// The same network, all layers on a device.
    fn on_device(network: Network<Self>, device: &Device) -> Network<Self>;

    /// Refuses a network other than that of the settings; `option` is the setting it came by.
    fn check_alike(&self, option: &str, found: &Network<Self>) -> Result<()>;

    /// A new network in a few words.
    fn in_words(&self, network: &Network<Self>) -> String;

    /// The digests of its files, which are filled here so that people see how far it is.
    fn files(&self) -> &FileDigests;

    /// The digest of the contents of an example.
    fn digest(&self, index: usize);

    /// How many examples.
    fn examples(&self) -> usize;

    /// Called when a training starts, to save its initial state.
    fn started(&self, trainer: &Trainer<Self::Task>) -> Result<()> {
        let _ = trainer;
        Ok(())
    }
}

type Network<J> = <<J as Job>::Task as Task>::Network;
type Measures<J> = <<J as Job>::Task as Task>::Measures;

/// The trainer of a job: of a training that starts, or of one that is resumed.
pub(super) fn trainer<J: Job>(
    job: &J,
    settings: &RunSettings,
    config: &TrainConfig,
    ranks: &Rc<Ranks>,
    observer: &mut dyn Observer,
) -> Result<Trainer<J::Task>> {
    let resumes = settings.resumes();
    if ranks.is_first() {
        job.files().recall(&settings.out);
        observer.begin("reading the training set", job.examples() as u64);
        for index in 0..job.examples() {
            job.digest(index);
            observer.advance(index as u64 + 1, &String::new);
        }
        observer.end();
        if settings.resume && !resumes {
            observer.message(NO_CHECKPOINT_YET);
        }
    }
    let trainer = ranks.sync_result(if resumes {
        resumed(job, settings, config, ranks, observer)
    } else {
        started(job, settings, config, ranks, observer)
    })?;
    ranks.sync_result(match ranks.is_first() {
        true => job.files().keep(&settings.out),
        false => Ok(()),
    })?;
    Ok(trainer)
}

fn started<J: Job>(
    job: &J,
    settings: &RunSettings,
    config: &TrainConfig,
    ranks: &Rc<Ranks>,
    observer: &mut dyn Observer,
) -> Result<Trainer<J::Task>> {
    let device = open_device(settings.device, observer)?;
    observer.detail(&settings.weights_in_words());
    let network = match &settings.init_from {
        Some(run) => {
            let network = job.load(run)?;
            job.check_alike("--init-from", &network)?;
            network
        }
        None => job.new_network()?,
    };
    let task = job.task(settings.init_from.is_some());
    let network = J::on_device(network, &device);
    observer.message(&job.in_words(&network));
    let mut begun = false;
    let observe = |done: usize, total: usize| {
        if !begun {
            observer.begin("calibrating", total as u64);
            begun = true;
        }
        observer.advance(done as u64, &String::new);
    };
    let config = config.clone();
    let trainer = Trainer::start_among(ranks, network, task, config, &settings.out, observe);
    if begun {
        observer.end();
    }
    let trainer = trainer.map_err(Error::of_training)?;
    if ranks.is_first() {
        job.started(&trainer)?;
    }
    Ok(trainer)
}

fn resumed<J: Job>(
    job: &J,
    settings: &RunSettings,
    config: &TrainConfig,
    ranks: &Rc<Ranks>,
    observer: &mut dyn Observer,
) -> Result<Trainer<J::Task>> {
    let device = open_device(settings.device, observer)?;
    let config = TrainConfig {
        changed_data: settings.changed_data,
        ..config.clone()
    };
    let trainer = Trainer::resume_among(ranks, job.task(false), config, &settings.out);
    let trainer = trainer.map_err(Error::of_training)?.on_device(&device);
    job.check_alike("--resume", trainer.network())?;
    if let Some(changed) = trainer.changed_data() {
        observer.warning(&changed_data(&changed));
    }
    for damage in trainer.skipped_checkpoints() {
        observer.message(&skipped_checkpoint(&damage));
    }
    observer.message(&format!(
        "resuming after step {} of {}",
        trainer.step(),
        trainer.steps()
    ));
    Ok(trainer)
}

/// Takes the steps that are left; `watch` sees the network after every so many (`every`; 0 for never), as in
/// [`Trainer::run_with_validation`].
pub(super) fn run<J: Job>(
    trainer: Trainer<J::Task>,
    ranks: &Rc<Ranks>,
    observer: &mut dyn Observer,
    every: u64,
    mut watch: impl FnMut(&mut dyn Observer, u64, &Network<J>) -> training::Result<()>,
) -> Result<Trained<Network<J>>> {
    ranks.sync_result(observer.training_begins())?;
    let mut last = trainer.step();
    let log = ProgressLog::new(observer, trainer.step(), trainer.steps());
    // Both the steps and the measures between them are shown.
    let log = RefCell::new(log);
    let observe = |event: Event<'_, Measures<J>>| {
        let mut log = log.borrow_mut();
        match event {
            Event::Step { record, .. } => {
                last = record.step;
                log.step(record);
            }
            Event::LeftOut { name, why, count } => log.warning(&left_out(name, why, count)),
            Event::SolverRefused { why } => log.message(&solver_refused(why)),
            Event::Notice { what } => log.warning(what),
            Event::OverGpus => log.message(OVER_GPUS),
            _ => {}
        }
        !log.stops()
    };
    let trained = trainer.run_with_validation(observe, every, |step, network| {
        watch(log.borrow_mut().observer(), step, network)
    });
    let clipped = log.into_inner().end();
    Ok(match trained? {
        Some(network) => Trained::Finished { network, clipped },
        None => Trained::Stopped { step: last },
    })
}
