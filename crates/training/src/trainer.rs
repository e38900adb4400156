//! The loop: samples, steps, journal, checkpoints.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::averaging::Averaging;
use crate::checkpoint::{Checkpoint, SetOfNow, Written, changed_in_words};
use crate::config::{TrainConfig, TrunkTraining};
use crate::distributed::Ranks;
use crate::error::{Error, Result};
use crate::failure_policy::FailurePolicy;
use crate::journal::{Journal, StepRecord};
use crate::optimiser::OptimiserState;
use crate::recent_checkpoints::{
    SkippedCheckpoints, can_resume, keep_newest, latest_valid_checkpoint, prune,
};
use crate::run_folder::{cache_path, checkpoint_path, journal_path, network_path};
use crate::run_lock::RunLock;
use crate::sampler::Sampler;
use crate::task::Task;
use models::Device;
use models::Precision;
use models::TrainableNetwork;

/// The events that a training reports while it runs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Progress<'a, M> {
    /// A step is done.
    Step {
        /// Its line of the journal.
        record: &'a StepRecord<M>,
        /// Steps in all.
        steps: u64,
    },
    /// An example could not be read, and is skipped from here on.
    LeftOut {
        /// Its name.
        name: &'a str,
        /// The cause.
        why: &'a str,
        /// How many were left out so far.
        count: usize,
    },
    /// Gradients are summed over the GPUs of all ranks by NCCL, not by MPI.
    OverGpus,
    /// The solver of the device is unavailable: eigenvalues are found on the CPU from here on.
    SolverRefused {
        /// Its error.
        why: &'a str,
    },
    /// A sentence of the task: what it had to make again.
    Notice {
        /// The sentence.
        what: &'a str,
    },
    /// A checkpoint is written.
    Checkpoint {
        /// After this step.
        step: u64,
    },
}

/// Trains a network for a task and leaves everything in one folder:
///
/// ```text
/// network.safetensors      the network, written at the end (running average, if one is kept)
/// checkpoint.safetensors   to be resumed from
/// checkpoint-400.safetensors   the one before it, after step 400: as many as the settings say
/// journal.jsonl            a line a step
/// cache/                   features of the part of the trunk that is frozen; removed at the end
/// ```
pub struct Trainer<T: Task> {
    pub(super) network: T::Network,
    pub(super) task: T,
    pub(super) optimiser: OptimiserState,
    pub(super) averaging: Averaging,
    pub(super) config: TrainConfig,
    folder: PathBuf,
    pub(super) failures: FailurePolicy,
    /// The step of the newest checkpoint, where it is valid.
    newest: Option<u64>,
    skipped_checkpoints: SkippedCheckpoints,
    /// Digests of the examples' contents, on the rank that writes.
    digests: Vec<u64>,
    changed_data: Vec<String>,
    /// On the rank that writes: no other training has the folder meanwhile.
    _lock: Option<RunLock>,
    pub(super) ranks: Rc<Ranks>,
}

impl<T: Task> Trainer<T> {
    /// A new training in `folder`, which is created. The task is calibrated here, before the first step, and
    /// `observer` gets its progress as (done, total).
    ///
    /// # Errors
    /// [`Error::Setting`] for settings outside their range, an empty set, or a folder that holds a
    /// training already; [`Error::Locked`] for a folder in which another training runs; those of images and files.
    pub fn start(
        network: T::Network,
        task: T,
        config: TrainConfig,
        folder: &Path,
        observer: impl FnMut(usize, usize),
    ) -> Result<Self> {
        Self::start_among(
            &Rc::new(Ranks::alone()),
            network,
            task,
            config,
            folder,
            observer,
        )
    }

    /// As [`Trainer::start`], by several processes together, each of which calls this with the same arguments; the
    /// folder is one that all of them see.
    ///
    /// Each step's examples ([`TrainConfig::batch`] of them, whatever the number of ranks) are divided among the ranks, and
    /// gradients summed during the backward pass. All ranks take the same steps, to the bit, and those of one process to
    /// rounding. Only the first rank writes files, and only its observer gets everything. Where each rank has a GPU of its
    /// own, and NCCL, gradients are summed over the GPUs.
    ///
    /// # Errors
    /// As [`Trainer::start`]; [`Error::Setting`] for a batch smaller than the number of ranks; [`Error::OnRank`] where
    /// another rank fails.
    pub fn start_among(
        ranks: &Rc<Ranks>,
        network: T::Network,
        task: T,
        config: TrainConfig,
        folder: &Path,
        observer: impl FnMut(usize, usize),
    ) -> Result<Self> {
        let ranks = Rc::clone(ranks);
        let started = Self::started(Rc::clone(&ranks), network, task, config, folder, observer);
        ranks.sync_result(started)
    }

    fn started(
        ranks: Rc<Ranks>,
        mut network: T::Network,
        mut task: T,
        config: TrainConfig,
        folder: &Path,
        mut observer: impl FnMut(usize, usize),
    ) -> Result<Self> {
        config.check()?;
        task.check()?;
        if can_resume(folder) || journal_path(folder).exists() {
            let expected = "a new one, or to resume the training it holds";
            let found = folder.display().to_string();
            return Err(Error::Setting {
                name: "training folder",
                expected,
                found,
            });
        }
        first_step(&config, &network)?;
        let mut lock = None;
        if ranks.is_first() {
            std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
            // A folder that cannot be written to is refused before anything is measured.
            lock = Some(RunLock::take(folder)?);
            // Features of another network, left by an earlier attempt.
            let cache = cache_path(folder);
            if cache.exists() {
                std::fs::remove_dir_all(&cache).map_err(Error::file(&cache))?;
            }
        }
        let digests = digests(&task, &ranks);
        task.calibrate(&mut network, &config, &mut observer)?;
        let averaging = Averaging::new(config.averaging, &network);
        let optimiser = OptimiserState::new(config.optimiser);
        let trainer = Self {
            network,
            task,
            optimiser,
            averaging,
            config,
            folder: folder.to_path_buf(),
            failures: FailurePolicy::default(),
            newest: None,
            skipped_checkpoints: SkippedCheckpoints(Vec::new()),
            digests,
            changed_data: Vec::new(),
            _lock: lock,
            ranks,
        };
        trainer.check_batch()?;
        Ok(trainer)
    }

    /// Resumes the training of `folder` from its latest valid checkpoint: the steps after it are done again, with the
    /// same numbers. [`Trainer::skipped_checkpoints`] names the damaged ones.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] for a checkpoint under other settings, or of examples with other contents, unless
    /// [`TrainConfig::changed_data`] says otherwise; where none is valid, the error of the newest. [`Error::Locked`] where
    /// the training runs.
    pub fn resume(task: T, config: TrainConfig, folder: &Path) -> Result<Self> {
        Self::resume_among(&Rc::new(Ranks::alone()), task, config, folder)
    }

    /// As [`Trainer::resume`], by several processes together: as many as before, or others.
    ///
    /// # Errors
    /// As [`Trainer::resume`] and [`Trainer::start_among`].
    pub fn resume_among(
        ranks: &Rc<Ranks>,
        task: T,
        config: TrainConfig,
        folder: &Path,
    ) -> Result<Self> {
        let ranks = Rc::clone(ranks);
        ranks.sync_result(Self::resumed(Rc::clone(&ranks), task, config, folder))
    }

    fn resumed(ranks: Rc<Ranks>, task: T, config: TrainConfig, folder: &Path) -> Result<Self> {
        config.check()?;
        task.check()?;
        let lock = ranks.is_first().then(|| RunLock::take(folder));
        let lock = lock.transpose()?;
        let (settings, ids) = (task.settings(), task.ids());
        let digests = digests(&task, &ranks);
        let set = SetOfNow {
            images: &ids,
            digests: ranks.is_first().then_some(&digests[..]),
        };
        let read = |path: &Path| Checkpoint::read(path, &config, &settings, set);
        let (checkpoint, skipped_checkpoints) = latest_valid_checkpoint(folder, read)?;
        let Checkpoint {
            network,
            optimiser,
            averaging,
            changed,
        } = checkpoint;
        let is_newest = skipped_checkpoints.0.is_empty();
        let trainer = Self {
            network,
            task,
            newest: is_newest.then(|| optimiser.steps()),
            optimiser,
            averaging,
            config,
            folder: folder.to_path_buf(),
            failures: FailurePolicy::default(),
            skipped_checkpoints,
            digests,
            changed_data: changed,
            _lock: lock,
            ranks,
        };
        trainer.check_batch()?;
        Ok(trainer)
    }

    /// The same training, all layers on `device`.
    pub fn on_device(mut self, device: &Device) -> Self {
        self.network.set_device(device);
        self
    }

    /// The errors of the checkpoints newer than the one resumed from, a sentence each, the newest first.
    pub fn skipped_checkpoints(&self) -> Vec<String> {
        self.skipped_checkpoints
            .0
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    /// Examples whose contents have changed since the checkpoint, in words; `None` where there are none, or on other ranks than
    /// the first.
    pub fn changed_data(&self) -> Option<String> {
        let changed = &self.changed_data;
        (!changed.is_empty()).then(|| changed_in_words(changed))
    }

    /// The network that the training of `folder` would have written after its latest valid checkpoint, and that
    /// checkpoint's step; the training may still run.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when it is no checkpoint; those of the file.
    pub fn network_so_far(folder: &Path) -> Result<(T::Network, u64)> {
        latest_valid_checkpoint(folder, Checkpoint::network_so_far).map(|(so_far, _)| so_far)
    }

    /// The network as it is now.
    pub fn network(&self) -> &T::Network {
        &self.network
    }

    /// Steps in all.
    pub fn steps(&self) -> u64 {
        u64::from(self.config.epochs) * self.sampler().steps_per_epoch()
    }

    /// Steps done.
    pub fn step(&self) -> u64 {
        self.optimiser.steps()
    }

    /// Runs to the end, or until `observer` returns `false`; then a checkpoint is written, from which the training can be
    /// resumed.
    ///
    /// Returns the trained network, or `None` when stopped early.
    ///
    /// # Errors
    /// [`Error::Diverged`] when loss or gradient is not finite three times in a row, [`Error::TooManyUnreadable`] when
    /// more examples cannot be read than the settings allow; those of layer and files.
    pub fn run(
        self,
        observer: impl FnMut(Progress<'_, T::Measures>) -> bool,
    ) -> Result<Option<T::Network>> {
        self.run_with_validation(observer, 0, |_, _| Ok(()))
    }

    /// As [`Trainer::run`]; `validate` gets the network that would be written now: before the first step, after every
    /// `every` steps (0 for never) and after the last. Each call comes before the checkpoint of that step, so that what it
    /// writes is there when the training is resumed from that checkpoint. The steps do not depend on it.
    ///
    /// # Errors
    /// As [`Trainer::run`]; those of `validate`.
    pub fn run_with_validation(
        mut self,
        mut observer: impl FnMut(Progress<'_, T::Measures>) -> bool,
        every: u64,
        mut validate: impl FnMut(u64, &T::Network) -> Result<()>,
    ) -> Result<Option<T::Network>> {
        let (sampler, steps, ranks) = (self.sampler(), self.steps(), Rc::clone(&self.ranks));
        let journal = self.open(every, &mut validate);
        let mut journal = ranks.sync_result(journal)?;
        self.check_alike()?;
        #[cfg(any(test, feature = "cuda"))]
        if let Some(device) = self.network.device()
            && ranks.sum_over_gpus(device)?
        {
            observer(Progress::OverGpus);
        }
        while self.step() < steps {
            let done = self.one_step(&sampler, &mut observer);
            let done = done.and_then(|record| {
                if let Some(journal) = &mut journal {
                    journal.write(&record)?;
                }
                let device = self.network.device();
                if let Some(why) = device.and_then(Device::take_refusal) {
                    observer(Progress::SolverRefused { why: &why });
                }
                for what in self.task.take_notices() {
                    observer(Progress::Notice { what: &what });
                }
                let go_on = observer(Progress::Step {
                    record: &record,
                    steps,
                });
                let at = record.step;
                if every > 0 && (at.is_multiple_of(every) || at == steps) && ranks.is_first() {
                    validate(at, &self.averaging.written(&self.network))?;
                }
                // NaN compares equal to NaN here.
                let norm = Some(record.gradient_norm).filter(|norm| norm.is_finite());
                Ok((go_on, norm.map_or(0, f64::to_bits)))
            });
            let mut go_on = self.all_go_on(done)?;
            let step = self.step();
            if !go_on || step.is_multiple_of(self.config.checkpoint_every) || step == steps {
                let written = self.write_checkpoint();
                let written = written.map(|()| (observer(Progress::Checkpoint { step }), step));
                go_on &= self.all_go_on(written)?;
            }
            if !go_on && step < steps {
                return Ok(None);
            }
        }
        let network = self.averaging.written(&self.network).into_owned();
        let mut end = || {
            if ranks.is_first() {
                network.write(&network_path(&self.folder), Precision::Single)?;
                self.task.close()?;
            }
            Ok(())
        };
        ranks.sync_result::<(), Error>(end())?;
        Ok(Some(network))
    }

    /// Opens the resources that the steps share; the journal on the rank that writes it.
    fn open(
        &mut self,
        every: u64,
        validate: &mut impl FnMut(u64, &T::Network) -> Result<()>,
    ) -> Result<Option<Journal>> {
        let first = self.ranks.is_first();
        let (cache, sharers) = (cache_path(&self.folder), self.ranks.size());
        self.task
            .open(&self.network, &self.config, &cache, sharers)?;
        if !first {
            return Ok(None);
        }
        // A training can be resumed from before its first step.
        if !can_resume(&self.folder) {
            if every > 0 {
                validate(0, &self.averaging.written(&self.network))?;
            }
            self.write_checkpoint()?;
        }
        Journal::open(&journal_path(&self.folder), self.step()).map(Some)
    }

    fn sampler(&self) -> Sampler {
        Sampler {
            examples: self.task.examples(),
            batch: self.config.batch,
            flips: self.config.flips,
            seed: self.config.seed,
        }
    }

    /// On the rank that writes.
    fn write_checkpoint(&mut self) -> Result<()> {
        if !self.ranks.is_first() {
            return Ok(());
        }
        let written = Written {
            network: &self.network,
            averaging: &self.averaging,
            config: &self.config,
            task: self.task.settings(),
            images: self.task.ids(),
            digests: &self.digests,
        };
        let keep = usize::from(self.config.keep_checkpoints);
        let step = self.optimiser.steps();
        if let Some(before) = self.newest.filter(|before| keep > 1 && *before != step) {
            keep_newest(&self.folder, before)?;
        }
        Checkpoint::write(
            &checkpoint_path(&self.folder),
            &written,
            &mut self.optimiser,
        )?;
        self.newest = Some(step);
        prune(&self.folder, step, keep - 1)
    }
}

/// Digests of the contents of all examples; none on a rank that writes no checkpoint.
fn digests<T: Task>(task: &T, ranks: &Ranks) -> Vec<u64> {
    match ranks.is_first() {
        true => (0..task.examples())
            .map(|index| task.digest(index))
            .collect(),
        false => Vec::new(),
    }
}

/// Place among the trunk's tensors of the first that learns.
pub(super) fn first_tensor(config: &TrainConfig, network: &impl TrainableNetwork) -> Result<usize> {
    let Some(trunk) = network.trunk() else {
        return match &config.trunk {
            TrunkTraining::Frozen => Ok(0),
            other => Err(Error::Setting {
                name: "learning part of the trunk",
                expected: "none: this network has no trunk",
                found: format!("{other:?}"),
            }),
        };
    };
    match &config.trunk {
        TrunkTraining::Frozen => Ok(trunk.parameters.tensors().len()),
        TrunkTraining::Whole => Ok(0),
        TrunkTraining::From(layer) => Ok(2 * trunk.parameters.layer_index(layer)?),
    }
}

/// The trunk's first step that learns.
pub(super) fn first_step(config: &TrainConfig, network: &impl TrainableNetwork) -> Result<usize> {
    let tensor = first_tensor(config, network)?;
    let step = |trunk: &models::Network| trunk.chain.step_of_parameter(tensor);
    Ok(network.trunk().map_or(0, step))
}
