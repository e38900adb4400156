//! The loop: visits, steps, journal, checkpoints.

use std::path::{Path, PathBuf};
use std::time::Instant;

use dfdx::prelude::*;
use dfdx::tensor::Cpu;
use image::RgbImage;
use matbackprop_core::RankTolerance;
use ncuts::{Criterion, LabelMap, NcutsLayer};

use super::averaging::Averaging;
use super::checkpoint::{Checkpoint, Written};
use super::config::{Annotations, TrainConfig, TrunkTraining};
use super::examples::{TrainingSet, check_set, ids_of};
use super::feature_cache::FeatureCache;
use super::journal::{Journal, StepRecord};
use super::optimiser::{OptimiserState, TensorRate};
use super::plan::{Plan, Visit};
use super::run_folder::{cache_path, checkpoint_path, journal_path, network_path};
use crate::deep_ncuts::{DeepNcuts, StepInput};
use crate::error::{Error, Result};
use crate::parameters::Parameters;
use crate::weights::Precision;

/// Images that the scales of the trunk's taps are measured on, evenly spaced over the set.
const CALIBRATION_IMAGES: usize = 50;

/// What a training tells while it runs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// The scales of the trunk's taps are being measured: `done` of `total` images.
    Calibrating {
        /// Images done.
        done: usize,
        /// Images in all.
        total: usize,
    },
    /// A step is done.
    Step {
        /// What it did.
        record: &'a StepRecord,
        /// Steps in all.
        steps: u64,
    },
    /// A checkpoint is written.
    Checkpoint {
        /// After this step.
        step: u64,
    },
}

/// Trains a [`DeepNcuts`] and leaves everything in one folder:
///
/// ```text
/// network.safetensors      the network, written at the end (running average, if one is kept)
/// checkpoint.safetensors   to be resumed from
/// journal.jsonl            a line a step
/// cache/                   features of a frozen trunk; removed at the end
/// ```
pub struct Trainer<'a> {
    network: DeepNcuts,
    optimiser: OptimiserState,
    averaging: Averaging,
    config: TrainConfig,
    set: &'a dyn TrainingSet,
    folder: PathBuf,
}

impl<'a> Trainer<'a> {
    /// A new training in `folder`, which is made; the taps are calibrated on the training images.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings outside their range, an empty set, or a folder that holds a
    /// training already; those of images and files.
    pub fn start(
        mut network: DeepNcuts,
        set: &'a dyn TrainingSet,
        config: TrainConfig,
        folder: &Path,
        mut observer: impl FnMut(Progress<'_>),
    ) -> Result<Self> {
        config.check()?;
        check_set(set)?;
        if checkpoint_path(folder).exists() || journal_path(folder).exists() {
            let expected = "a new one, or to resume the training it holds";
            let found = folder.display().to_string();
            return Err(Error::Setting {
                name: "training folder",
                expected,
                found,
            });
        }
        first_step(&config, &network)?;
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
        // What another network left there is not this one's.
        let cache = cache_path(folder);
        if cache.exists() {
            std::fs::remove_dir_all(&cache).map_err(Error::file(&cache))?;
        }
        // The size of features hardly differs from image to image: a few dozen tell it.
        let every = set.len().div_ceil(CALIBRATION_IMAGES);
        let total = set.len().div_ceil(every);
        network.calibrate((0..total).map(|count| {
            let image = set.image(count * every);
            observer(Progress::Calibrating {
                done: count + 1,
                total,
            });
            image
        }))?;
        let averaging = Averaging::new(config.averaging, &network);
        let optimiser = OptimiserState::new(config.optimiser);
        Ok(Self {
            network,
            optimiser,
            averaging,
            config,
            set,
            folder: folder.to_path_buf(),
        })
    }

    /// The training of `folder`, from its last checkpoint on.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when it is one under other settings; those of files.
    pub fn resume(set: &'a dyn TrainingSet, config: TrainConfig, folder: &Path) -> Result<Self> {
        config.check()?;
        check_set(set)?;
        let checkpoint = Checkpoint::read(&checkpoint_path(folder), &config, &ids_of(set))?;
        let Checkpoint {
            network,
            optimiser,
            averaging,
        } = checkpoint;
        Ok(Self {
            network,
            optimiser,
            averaging,
            config,
            set,
            folder: folder.to_path_buf(),
        })
    }

    /// Whether `folder` holds a checkpoint.
    pub fn can_resume(folder: &Path) -> bool {
        checkpoint_path(folder).exists()
    }

    /// The network as it is now.
    pub fn network(&self) -> &DeepNcuts {
        &self.network
    }

    /// Steps in all.
    pub fn steps(&self) -> u64 {
        u64::from(self.config.epochs) * self.plan().steps_per_epoch()
    }

    /// Steps done.
    pub fn step(&self) -> u64 {
        self.optimiser.steps()
    }

    /// Runs to the end, or until `observer` says `false`; then a checkpoint is written, and the
    /// training can be resumed.
    ///
    /// Returns the trained network, or `None` when stopped early.
    ///
    /// # Errors
    /// [`Error::Diverged`] when loss or gradient is not finite; those of layer, images and files.
    pub fn run(
        mut self,
        mut observer: impl FnMut(Progress<'_>) -> bool,
    ) -> Result<Option<DeepNcuts>> {
        let (plan, steps) = (self.plan(), self.steps());
        let layer = NcutsLayer::new(match self.config.epsilon {
            Some(epsilon) => Criterion::Regularised { epsilon },
            // Features are f32: what lies below their rounding is not rank.
            None => Criterion::HardProjector {
                rank_tolerance: RankTolerance::Relative(1e-6),
            },
        });
        let mut cache = match self.config.trunk {
            TrunkTraining::Frozen => Some(FeatureCache::new(
                &cache_path(&self.folder),
                self.config.cache_bytes,
            )?),
            _ => None,
        };
        // From the first step on there is something to be resumed.
        if !checkpoint_path(&self.folder).exists() {
            self.write_checkpoint()?;
        }
        let mut journal = Journal::open(&journal_path(&self.folder), self.step())?;
        while self.step() < steps {
            let record = self.one_step(&plan, &layer, cache.as_mut())?;
            journal.write(&record)?;
            let mut go_on = observer(Progress::Step {
                record: &record,
                steps,
            });
            if !go_on
                || record.step.is_multiple_of(self.config.checkpoint_every)
                || record.step == steps
            {
                self.write_checkpoint()?;
                go_on &= observer(Progress::Checkpoint { step: record.step });
            }
            if !go_on && record.step < steps {
                return Ok(None);
            }
        }
        let network = match self.config.averaging {
            decay if decay > 0.0 => self.averaging.applied(&self.network),
            _ => self.network,
        };
        network.save(&network_path(&self.folder), Precision::Single)?;
        if let Some(cache) = cache {
            cache.remove()?;
        }
        Ok(Some(network))
    }

    fn plan(&self) -> Plan {
        Plan {
            images: self.set.len(),
            batch: self.config.batch,
            flips: self.config.flips,
            seed: self.config.seed,
        }
    }

    fn one_step(
        &mut self,
        plan: &Plan,
        layer: &NcutsLayer,
        mut cache: Option<&mut FeatureCache>,
    ) -> Result<StepRecord> {
        let begin = Instant::now();
        let step = self.step();
        let visits = plan.visits(step);
        let mut gradients = Gradients::leaky();
        let mut sums = Sums::default();
        for visit in &visits {
            let visited = self.visit(visit, layer, cache.as_deref_mut(), gradients, &mut sums);
            gradients = visited.map_err(|source| Error::Step {
                step: step + 1,
                image: self.set.id(visit.image).to_owned(),
                source: Box::new(source),
            })?;
        }
        let share = 1.0 / visits.len() as f64;
        let gradient_norm = self.scale_gradients(&mut gradients, share)?;
        let number = step + 1;
        for (what, found) in [("loss", sums.loss), ("gradient", gradient_norm)] {
            if !found.is_finite() {
                return Err(Error::Diverged {
                    step: number,
                    what,
                    found,
                });
            }
        }
        let clipped = self.config.clip > 0.0 && gradient_norm > self.config.clip;
        if clipped {
            self.scale_gradients(&mut gradients, self.config.clip / gradient_norm)?;
        }
        let rate = self.update(&mut gradients, plan)?;
        if self.config.averaging > 0.0 {
            self.averaging.follow(&self.network, number);
        }
        Ok(StepRecord {
            step: number,
            epoch: step / plan.steps_per_epoch() + 1,
            images: visits
                .iter()
                .map(|visit| self.set.id(visit.image).to_owned())
                .collect(),
            loss: sums.loss * share,
            similarity_rank: sums.similarity_rank * share,
            target_rank: sums.target_rank * share,
            dropped_segments: sums.dropped_segments,
            gradient_norm,
            clipped,
            rate,
            seconds: begin.elapsed().as_secs_f64(),
        })
    }

    fn visit(
        &self,
        visit: &Visit,
        layer: &NcutsLayer,
        cache: Option<&mut FeatureCache>,
        gradients: Gradients<f32, Cpu>,
        sums: &mut Sums,
    ) -> Result<Gradients<f32, Cpu>> {
        let annotations = self.annotations(visit)?;
        let annotations: Vec<&LabelMap> = annotations.iter().collect();
        let outcome = match cache {
            Some(cache) => {
                let maps = cache.features(&self.network, self.set, visit.image, visit.flipped)?;
                let input = StepInput::Features(&maps);
                self.network
                    .step(input, &annotations, layer, visit.dropout, gradients)?
            }
            None => {
                let image = self.image(visit)?;
                let first_step = first_step(&self.config, &self.network)?;
                let input = StepInput::Image {
                    image: &image,
                    first_step,
                };
                self.network
                    .step(input, &annotations, layer, visit.dropout, gradients)?
            }
        };
        let ranks = &outcome.target_ranks;
        sums.loss += outcome.loss;
        sums.similarity_rank += outcome.similarity_rank as f64;
        sums.target_rank += ranks.iter().sum::<usize>() as f64 / ranks.len() as f64;
        sums.dropped_segments += outcome.dropped_segments;
        Ok(outcome.gradients)
    }

    fn image(&self, visit: &Visit) -> Result<RgbImage> {
        let mut image = self.set.image(visit.image)?;
        if visit.flipped {
            image::imageops::flip_horizontal_in_place(&mut image);
        }
        Ok(image)
    }

    fn annotations(&self, visit: &Visit) -> Result<Vec<LabelMap>> {
        let mut annotations = self.set.annotations(visit.image)?;
        if annotations.is_empty() {
            let found = self.set.id(visit.image).to_owned();
            let expected = "at least one human segmentation an image";
            return Err(Error::Setting {
                name: "training set",
                expected,
                found,
            });
        }
        if self.config.annotations == Annotations::One {
            let drawn = (visit.draw % annotations.len() as u64) as usize;
            annotations = vec![annotations.swap_remove(drawn)];
        }
        if visit.flipped {
            annotations = annotations.iter().map(LabelMap::flipped).collect();
        }
        Ok(annotations)
    }

    /// Multiplies all gradients and tells the length of what comes out.
    fn scale_gradients(&self, gradients: &mut Gradients<f32, Cpu>, factor: f64) -> Result<f64> {
        let mut energy = 0.0;
        for part in self.learning_parts() {
            for tensor in part.tensors() {
                let gradient = gradients.get_or_alloc_mut(&tensor.ghost());
                for value in gradient.map_err(crate::tape::refused)?.iter_mut() {
                    *value *= factor as f32;
                    energy += f64::from(*value).powi(2);
                }
            }
        }
        Ok(energy.sqrt())
    }

    fn learning_parts(&self) -> impl Iterator<Item = &Parameters> {
        let trunk = match self.config.trunk {
            TrunkTraining::Frozen => None,
            _ => Some(&self.network.trunk.parameters),
        };
        let head = self.network.head.as_ref().map(|head| &head.parameters);
        trunk.into_iter().chain(head)
    }

    /// Steps every tensor that learns; the rate of new layers is returned.
    fn update(&mut self, gradients: &mut Gradients<f32, Cpu>, plan: &Plan) -> Result<f64> {
        let step = self.step();
        let factor = self
            .config
            .schedule
            .factor(step, self.steps(), plan.steps_per_epoch());
        let warmup = ((step + 1) as f64 / self.config.warmup.max(1) as f64).min(1.0);
        let base = self.config.rate * factor * warmup;
        let new = base * self.config.new_layer_multiplier;
        // Tensors below the first learning layer have a gradient of zero: only decay would move them.
        let first_tensor = first_tensor(&self.config, &self.network)?;
        self.optimiser.begin_step();
        let trunk = self.network.trunk.parameters.tensors_mut().iter_mut();
        let trunk = trunk
            .enumerate()
            .skip(first_tensor)
            .map(|(i, tensor)| (i, tensor, base));
        let head = self
            .network
            .head
            .as_mut()
            .map(|head| head.parameters.tensors_mut());
        let head = head
            .into_iter()
            .flatten()
            .enumerate()
            .map(|(i, tensor)| (i, tensor, new));
        for (index, tensor, rate) in trunk.chain(head) {
            let decays = !Parameters::is_bias(index);
            let weight_decay = if decays {
                self.config.weight_decay
            } else {
                0.0
            };
            self.optimiser
                .update(tensor, gradients, TensorRate { rate, weight_decay })?;
        }
        Ok(new)
    }

    fn write_checkpoint(&mut self) -> Result<()> {
        let written = Written {
            network: &self.network,
            averaging: &self.averaging,
            config: &self.config,
            images: ids_of(self.set),
        };
        Checkpoint::write(
            &checkpoint_path(&self.folder),
            &written,
            &mut self.optimiser,
        )
    }
}

/// What a step adds up over its images.
#[derive(Default)]
struct Sums {
    loss: f64,
    similarity_rank: f64,
    target_rank: f64,
    dropped_segments: usize,
}

/// Place among the trunk's tensors of the first that learns.
fn first_tensor(config: &TrainConfig, network: &DeepNcuts) -> Result<usize> {
    let parameters = &network.trunk.parameters;
    match &config.trunk {
        TrunkTraining::Frozen => Ok(parameters.tensors().len()),
        TrunkTraining::Whole => Ok(0),
        TrunkTraining::From(layer) => Ok(2 * parameters.layer_index(layer)?),
    }
}

/// The trunk's first step that learns.
fn first_step(config: &TrainConfig, network: &DeepNcuts) -> Result<usize> {
    let tensor = first_tensor(config, network)?;
    Ok(network.trunk.chain.step_of_parameter(tensor))
}
