//! One step: gradients of its examples, clipping, every tensor moved; or nothing changed where numbers are not finite.

use dfdx::prelude::*;
use dfdx::tensor::Cpu;
use web_time::Instant;

use crate::config::TrainConfig;
use crate::error::Result;
use crate::journal::StepRecord;
use crate::optimiser::TensorRate;
use crate::sampler::{Sample, Sampler};
use crate::task::{StepContext, StepResult, Task};
use crate::trainer::{Progress, Trainer, first_tensor};
use models::TrainableNetwork;
use models::{ParameterTensor, Parameters};

impl<T: Task> Trainer<T> {
    /// Does one step; returns its record.
    ///
    /// # Errors
    /// As [`Trainer::run`].
    pub(super) fn one_step(
        &mut self,
        sampler: &Sampler,
        observer: &mut impl FnMut(Progress<'_, T::Measures>) -> bool,
    ) -> Result<StepRecord<T::Measures>> {
        let begin = Instant::now();
        // Transfers between two steps, to validate the network, do not belong to this one.
        self.network.take_transfers();
        let step = self.step();
        let number = step + 1;
        let mut samples = sampler.samples(step);
        let outcome = self.readable_outcome(number, &mut samples, observer)?;
        let id = |sample: &Sample| self.task.id(sample.example).to_owned();
        let images: Vec<String> = samples.iter().map(id).collect();
        let mut record = StepRecord {
            step: number,
            epoch: step / sampler.steps_per_epoch() + 1,
            images,
            loss: f64::NAN,
            measures: T::Measures::default(),
            gradient_norm: f64::NAN,
            clipped: false,
            rate: 0.0,
            seconds: 0.0,
            transfers: None,
            skipped: true,
        };
        if let Some(outcome) = outcome {
            let mut gradients = outcome.gradients;
            let share = 1.0 / samples.len() as f64;
            record.loss = outcome.loss;
            record.measures = outcome.measures;
            record.gradient_norm = self.scale_gradients(&mut gradients, share)?;
            record.skipped = !(record.loss + record.gradient_norm).is_finite();
            if !record.skipped {
                record.clipped = self.config.clip > 0.0 && record.gradient_norm > self.config.clip;
                if record.clipped {
                    let factor = self.config.clip / record.gradient_norm;
                    self.scale_gradients(&mut gradients, factor)?;
                }
                record.rate = self.update(&mut gradients, sampler)?;
                if self.config.averaging > 0.0 {
                    self.averaging.follow(&self.network, number);
                }
            }
        }
        if record.skipped {
            // The step counts, so that later steps keep their numbers.
            self.optimiser.begin_step();
            if !record.images.is_empty() {
                let of_loss = !record.loss.is_finite();
                let (what, found) = if of_loss {
                    ("loss", record.loss)
                } else {
                    ("gradient", record.gradient_norm)
                };
                self.failures
                    .unsound(number, what, found, &record.images)
                    .inspect_err(|_| self.ranks.failed_alike())?;
            }
        } else {
            self.failures.sound();
        }
        record.transfers = self.network.take_transfers();
        record.seconds = begin.elapsed().as_secs_f64();
        Ok(record)
    }

    /// Loss and gradients of the samples whose examples can be read; the others are removed from `samples`. `None` where
    /// none is left, or where a number on the way was not finite.
    fn readable_outcome(
        &mut self,
        number: u64,
        samples: &mut Vec<Sample>,
        observer: &mut impl FnMut(Progress<'_, T::Measures>) -> bool,
    ) -> Result<Option<StepResult<T::Measures>>> {
        loop {
            samples.retain(|sample| !self.failures.is_left_out(sample.example));
            if samples.is_empty() {
                return Ok(None);
            }
            let found = if self.ranks.is_alone() {
                let at = StepContext {
                    number,
                    samples,
                    config: &self.config,
                    hook: None,
                };
                self.task.step(&self.network, &at).map(Some)
            } else {
                let mine = self.ranks.part(samples.len());
                self.shared_step(number, &samples[mine])
            };
            match found {
                Ok(outcome) => return Ok(outcome),
                Err(error) if error.is_of_numbers() => return Ok(None),
                Err(error) => {
                    let (examples, share) = (self.task.examples(), self.config.unreadable);
                    let left_out = self.failures.leave_out(error, examples, share);
                    // An error that ends a training here ends it on all ranks.
                    let (name, why) = left_out.inspect_err(|_| self.ranks.failed_alike())?;
                    let count = self.failures.left_out();
                    observer(Progress::LeftOut {
                        name: &name,
                        why: &why,
                        count,
                    });
                }
            }
        }
    }

    /// Multiplies all gradients; returns the L2 norm of the result.
    fn scale_gradients(&self, gradients: &mut Gradients<f32, Cpu>, factor: f64) -> Result<f64> {
        let mut energy = 0.0;
        for tensor in learning(&self.network, &self.config)? {
            let gradient = gradients.get_or_alloc_mut(&tensor.ghost());
            // Sixteen sums side by side: one would wait for each addition.
            let mut sums = [0.0; 16];
            for values in gradient.map_err(crate::error::refused)?.chunks_mut(16) {
                for (value, sum) in values.iter_mut().zip(&mut sums) {
                    *value *= factor as f32;
                    *sum += f64::from(*value).powi(2);
                }
            }
            energy += sums.iter().sum::<f64>();
        }
        Ok(energy.sqrt())
    }

    /// Steps every tensor that learns; returns the learning rate of new layers.
    fn update(&mut self, gradients: &mut Gradients<f32, Cpu>, sampler: &Sampler) -> Result<f64> {
        let step = self.step();
        let factor = self
            .config
            .schedule
            .factor(step, self.steps(), sampler.steps_per_epoch());
        let warmup = ((step + 1) as f64 / self.config.warmup.max(1) as f64).min(1.0);
        let base = self.config.rate * factor * warmup;
        let new = base * self.config.new_layer_multiplier;
        // Tensors below the first learning layer have a gradient of zero: only decay would move them.
        let first_tensor = first_tensor(&self.config, &self.network)?;
        self.optimiser.begin_step();
        let mut step_one = |index: usize, tensor: &mut ParameterTensor, rate: f64| {
            let weight_decay = if Parameters::is_bias(index) {
                0.0
            } else {
                self.config.weight_decay
            };
            let at = TensorRate { rate, weight_decay };
            self.optimiser.update(tensor, gradients, at)
        };
        if let Some(trunk) = self.network.trunk_mut() {
            let tensors = trunk.parameters.tensors_mut().iter_mut().enumerate();
            for (index, tensor) in tensors.skip(first_tensor) {
                step_one(index, tensor, base)?;
            }
        }
        for part in self.network.new_layers_mut() {
            for (index, tensor) in part.parameters.tensors_mut().iter_mut().enumerate() {
                step_one(index, tensor, new)?;
            }
        }
        Ok(new)
    }
}

/// The tensors that learn.
pub(super) fn learning<'a>(
    network: &'a impl TrainableNetwork,
    config: &TrainConfig,
) -> Result<Vec<&'a ParameterTensor>> {
    let first = first_tensor(config, network)?;
    Ok(network.tensors().into_iter().skip(first).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_halves::{Halves, network};
    use crate::{CutTask, CutTraining, Optimiser};
    use std::path::Path;

    fn config(unreadable: f64) -> TrainConfig {
        TrainConfig {
            epochs: 3,
            batch: 2,
            optimiser: Optimiser::Sgd { momentum: 0.0 },
            unreadable,
            ..TrainConfig::default()
        }
    }

    fn start<'a>(set: &'a Halves, folder: &Path, unreadable: f64) -> Trainer<CutTask<'a>> {
        let task = CutTask::new(set, CutTraining::default());
        Trainer::start(network(), task, config(unreadable), folder, |_, _| ()).unwrap()
    }

    fn journal(folder: &Path) -> Vec<StepRecord<crate::CutMeasures>> {
        let text = std::fs::read_to_string(folder.join("journal.jsonl")).unwrap();
        let lines = text.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn unreadable_examples_are_left_out_and_named_once() {
        let folder = tempfile::tempdir().unwrap();
        let set = Halves::new(4, Some(2));
        let mut reported = Vec::new();
        let observe = |event: Progress<'_, _>| {
            if let Progress::LeftOut { name, why, count } = event {
                reported.push(format!("{name}, {count}: {why}"));
            }
            true
        };
        let trained = start(&set, folder.path(), 0.25).run(observe).unwrap();
        assert!(trained.is_some());
        assert_eq!(reported, ["halves2, 1: halves.jpg: it was cut short"]);
        let records = journal(folder.path());
        assert_eq!(records.len(), 6);
        let images: Vec<&String> = records.iter().flat_map(|record| &record.images).collect();
        assert_eq!(images.len(), 3 * 3);
        assert!(images.iter().all(|image| *image != "halves2"));
        assert!(
            records
                .iter()
                .all(|record| !record.skipped && record.loss > 0.0)
        );
    }

    #[test]
    fn where_nothing_can_be_read_the_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let set = Halves::new(1, Some(0));
        let task = CutTask::new(&set, CutTraining::default());
        let started = Trainer::start(network(), task, config(1.0), folder.path(), |_, _| ());
        let words = started.err().unwrap().to_string();
        assert_eq!(words, "halves.jpg: it was cut short");
    }

    /// Losses of six steps in which the whole network learns, and the transfers to the device in each.
    fn losses_on(device: &models::Device) -> Vec<(f64, Option<models::Transfers>)> {
        let folder = tempfile::tempdir().unwrap();
        let set = Halves::new(4, None);
        let task = CutTask::new(&set, CutTraining::default());
        let config = TrainConfig {
            trunk: crate::TrunkTraining::Whole,
            rate: 1e-2,
            ..config(0.0)
        };
        let network = network().on_device(device);
        let trainer = Trainer::start(network, task, config, folder.path(), |_, _| ()).unwrap();
        assert!(trainer.run(|_| true).unwrap().is_some());
        let records = journal(folder.path()).into_iter();
        records
            .map(|record| (record.loss, record.transfers))
            .collect()
    }

    /// The result does not depend on the device.
    fn takes_the_steps_of_the_processor(device: &models::Device) {
        let (expected, found) = (losses_on(&models::Device::default()), losses_on(device));
        assert_eq!(found.len(), 6);
        for ((expected, none), (found, transfers)) in expected.into_iter().zip(found) {
            assert!(
                (found / expected - 1.0).abs() < 1e-4,
                "{found} and {expected}"
            );
            assert!(none.is_none() && transfers.unwrap().bytes > 0);
        }
    }

    #[test]
    fn a_training_on_tensors_takes_the_same_steps() {
        takes_the_steps_of_the_processor(&models::Device::tensors_on_cpu());
    }

    #[cfg(feature = "cuda")]
    #[test]
    #[ignore = "needs an NVIDIA GPU and its driver"]
    fn a_training_on_cuda_takes_the_same_steps() {
        let device = models::Device::open(models::DeviceChoice::Cuda(0)).unwrap();
        takes_the_steps_of_the_processor(&device);
    }

    #[test]
    fn too_many_unreadable_examples_end_the_training() {
        let folder = tempfile::tempdir().unwrap();
        let set = Halves::new(4, Some(1));
        let stopped = start(&set, folder.path(), 0.2).run(|_| true).unwrap_err();
        let words = stopped.to_string();
        assert!(
            words.starts_with("expected at most 20 % of 4 examples"),
            "{words}"
        );
        assert!(
            words.contains("halves1: halves.jpg: it was cut short"),
            "{words}"
        );
    }

    #[test]
    fn a_step_without_finite_numbers_changes_nothing_and_the_third_stops() {
        let folder = tempfile::tempdir().unwrap();
        let set = Halves::new(4, None);
        let mut trainer = start(&set, folder.path(), 0.0);
        let head = trainer.network.new_layers_mut().remove(0);
        let kernel = &mut head.parameters.tensors_mut()[2];
        let huge = vec![f32::MAX; kernel.shape().0];
        kernel.copy_from(&huge);
        let before = trainer.network.new_layers()[0].parameters.values();
        let mut skipped = 0;
        let mut after = None;
        let stopped = trainer.run_with_validation(
            |event| {
                if let Progress::Step { record, .. } = event {
                    assert!(record.skipped && record.loss.is_nan());
                    skipped += 1;
                }
                true
            },
            1,
            |step, network| {
                if step == 2 {
                    after = Some(network.new_layers()[0].parameters.values());
                }
                Ok(())
            },
        );
        let words = stopped.unwrap_err().to_string();
        assert!(words.starts_with("step 3, halves"), "{words}");
        assert!(
            words.contains("expected a finite loss, found NaN"),
            "{words}"
        );
        assert_eq!((skipped, after.unwrap()), (2, before));
        let records = journal(folder.path());
        assert!(records.len() == 2 && records.iter().all(|record| record.loss.is_nan()));
    }
}
