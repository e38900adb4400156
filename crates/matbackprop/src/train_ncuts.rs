//! `matbackprop train ncuts`.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use models::{Architecture, DeepNcuts, Precision, TrunkWeights};
use training::{
    CutMeasures, CutTask, Progress as Event, Ranks, SegmentationSet as _, Trainer, can_resume,
};

use crate::arguments::TrainNcutsArguments;
use crate::cut_recipe::CutPlan;
use crate::failure::{of_settings, usage};
use crate::interrupt::Interrupt;
use crate::mishaps::{OVER_GPUS, left_out, passed_over, skipped};
use crate::output;
use crate::progress::{Pace, Progress};
use crate::training_set::BsdsTrainingSet;
use crate::validation::{OpenValidation, Validation};

type StepRecord = training::StepRecord<CutMeasures>;
type CutTrainer<'a> = Trainer<CutTask<'a>>;

/// Trains, and tells where the network lies.
pub fn run(
    arguments: &TrainNcutsArguments,
    ranks: &Rc<Ranks>,
    interrupt: &Interrupt,
) -> Result<()> {
    let (plan, set, validation) = ranks.sync_result(prepare(arguments))?;
    let every = validation.as_ref().map_or(0, Validation::every);
    let settings = plan.training.clone();
    let trainer = ranks.sync_result(if arguments.resume {
        resume(arguments, ranks, &set, &plan)
    } else {
        start(arguments, ranks, &set, &plan)
    })?;
    let steps = trainer.steps();
    let (out, step, new) = (&arguments.out, trainer.step(), !arguments.resume);
    let validation = validation
        .filter(|_| ranks.is_first())
        .map(|asked| asked.open(out, step, new, &settings));
    let mut validation = ranks.sync_result(validation.transpose())?;
    let teller = RefCell::new(Teller::new(steps, step, set.len()));
    ranks.sync_result(interrupt.listen())?;
    let mut last = step;
    let observe = |event: Event<'_, CutMeasures>| {
        match event {
            Event::Step { record, .. } => {
                last = record.step;
                teller.borrow_mut().step(record);
            }
            Event::LeftOut { name, why, count } => {
                let line = left_out(name, why, count);
                teller.borrow().progress.aside(|| output::note(&line));
            }
            Event::OverGpus => teller.borrow().progress.aside(|| output::note(OVER_GPUS)),
            _ => {}
        }
        !interrupt.asked()
    };
    let trained =
        trainer.run_with_validation(observe, every, |step, network| match &mut validation {
            Some(validation) => teller.borrow().measure(validation, step, network),
            None => Ok(()),
        });
    drop(teller);
    let Some(network) = trained? else {
        return Err(interrupt.stopped(last, "the same command with --resume"));
    };
    ranks.sync_result(match ranks.is_first() {
        true => tell(arguments, &network),
        false => Ok(()),
    })
}

/// All that is known before the first file is written.
fn prepare(
    arguments: &TrainNcutsArguments,
) -> Result<(CutPlan, BsdsTrainingSet, Option<Validation>)> {
    let plan = arguments.plan()?;
    check_folders(arguments)?;
    if !arguments.resume {
        check_origin(arguments, &plan)?;
    }
    let set = BsdsTrainingSet::open(&arguments.data, arguments.split).context("--data")?;
    let validation = Validation::asked(arguments, &plan.training)?;
    Ok((plan, set, validation))
}

/// Writes what was asked for beside the run's folder, and tells where all of it lies.
fn tell(arguments: &TrainNcutsArguments, network: &DeepNcuts) -> Result<()> {
    if let Some(path) = &arguments.export {
        network.save(path, Precision::Half).context("--export")?;
        output::print(&format!("exported  {}", path.display()))?;
    }
    if let Some(path) = &arguments.export_head {
        network
            .save_head(path, Precision::Half)
            .context("--export-head")?;
        output::print(&format!("head      {}", path.display()))?;
    }
    let (run, data) = (arguments.out.display(), arguments.data.display());
    output::print(&format!(
        "network   {}",
        arguments.out.join("network.safetensors").display()
    ))?;
    output::print(&format!(
        "measure   matbackprop eval bsds --data {data} --split val --run {run}"
    ))
}

/// Folders that must be there, before hours are spent.
fn check_folders(arguments: &TrainNcutsArguments) -> Result<()> {
    let data = &arguments.data;
    if !data.is_dir() {
        return Err(usage(format!(
            "--data: expected the folder of BSDS500, found none at {}",
            data.display()
        )));
    }
    if arguments.out.exists() && !arguments.out.is_dir() {
        let found = arguments.out.display();
        return Err(usage(format!(
            "--out: expected a folder, or a place for one, found the file {found}"
        )));
    }
    for (name, export) in [
        ("--export", &arguments.export),
        ("--export-head", &arguments.export_head),
    ] {
        let Some(export) = export else { continue };
        let folder = match export.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if export.is_dir() || !folder.is_dir() {
            let found = export.display();
            return Err(usage(format!(
                "{name}: expected a place for a file in a folder that exists, found {found}"
            )));
        }
    }
    Ok(())
}

/// The numbers that the network starts from.
fn check_origin(arguments: &TrainNcutsArguments, plan: &CutPlan) -> Result<()> {
    match (&plan.start, &arguments.start) {
        (Some(name), None) => Err(usage(format!(
            "--start: expected a run of the recipe {name}, found none"
        ))),
        (None, Some(run)) => Err(usage(format!(
            "--start: expected none, as this recipe starts anew, found {}",
            run.display()
        ))),
        (None, None) if arguments.trunk_weights.is_none() && !arguments.from_scratch => Err(usage(
            "expected --trunk-weights FILE, or --from-scratch for a trunk of random weights, found neither",
        )),
        _ => Ok(()),
    }
}

/// What is asked for is what the checkpoint holds; the taps' scales were measured since.
fn check_same_network(option: &str, asked: &Architecture, found: &Architecture) -> Result<()> {
    let in_words = |architecture: &Architecture| {
        let taps: Vec<&str> = architecture
            .taps
            .iter()
            .map(|tap| tap.layer.as_str())
            .collect();
        format!(
            "trunk {}, taps {}, head {:?}, recipe {:?}",
            architecture.trunk.name(),
            taps.join(","),
            architecture.head,
            architecture.recipe
        )
    };
    let (asked, found) = (in_words(asked), in_words(found));
    if asked != found {
        return Err(usage(format!(
            "{option}: expected the network that is there ({found}), found {asked}"
        )));
    }
    Ok(())
}

fn start<'a>(
    arguments: &TrainNcutsArguments,
    ranks: &Rc<Ranks>,
    set: &'a BsdsTrainingSet,
    plan: &CutPlan,
) -> Result<CutTrainer<'a>> {
    if can_resume(&arguments.out) {
        return Err(usage(format!(
            "--out: expected a new folder, or --resume to go on, found a training in {}",
            arguments.out.display()
        )));
    }
    let device = arguments.device.open()?;
    let task = CutTask::new(set, plan.loss);
    let (network, task) = match &arguments.start {
        Some(run) => {
            let network = DeepNcuts::load(&run.join("network.safetensors")).context("--start")?;
            check_same_network("--start", &plan.architecture(), network.architecture())?;
            (network, task.already_calibrated())
        }
        None => {
            let weights = arguments
                .trunk_weights
                .as_deref()
                .map_or(TrunkWeights::Random, TrunkWeights::File);
            let network = DeepNcuts::new(plan.architecture(), &weights, plan.training.seed);
            (network.map_err(of_settings)?, task)
        }
    };
    let network = network.on_device(&device);
    let (trunk, head) = network.parameter_count();
    output::note(&format!(
        "{}: {trunk} numbers in the trunk, {head} in the head; {} images",
        plan.model.trunk.name(),
        set.len()
    ));
    let mut progress = None;
    let observe = |done: usize, total: usize| {
        let progress = progress.get_or_insert_with(|| Progress::new("calibrating", total as u64));
        progress.advance(done as u64, String::new);
    };
    let training = plan.training.clone();
    let out = &arguments.out;
    let trainer = Trainer::start_among(ranks, network, task, training, out, observe);
    let trainer = trainer.map_err(of_settings)?;
    if ranks.is_first() {
        // What the report holds the trained network against.
        let start = out.join("start.safetensors");
        trainer.network().save(&start, Precision::Half)?;
    }
    Ok(trainer)
}

fn resume<'a>(
    arguments: &TrainNcutsArguments,
    ranks: &Rc<Ranks>,
    set: &'a BsdsTrainingSet,
    plan: &CutPlan,
) -> Result<CutTrainer<'a>> {
    if !can_resume(&arguments.out) {
        bail!(
            "--resume: expected a checkpoint in {}, found none",
            arguments.out.display()
        );
    }
    let device = arguments.device.open()?;
    let task = CutTask::new(set, plan.loss);
    let training = plan.training.clone();
    let trainer = Trainer::resume_among(ranks, task, training, &arguments.out);
    let trainer = trainer.map_err(of_settings)?.on_device(&device);
    let found = trainer.network().architecture();
    check_same_network("--resume", &plan.architecture(), found)?;
    for damage in trainer.skipped_checkpoints() {
        output::note(&passed_over(&damage));
    }
    output::note(&format!(
        "going on after step {} of {}",
        trainer.step(),
        trainer.steps()
    ));
    Ok(trainer)
}

/// Lines on how the training goes.
struct Teller {
    progress: Progress,
    pace: Pace,
    recent: Recent,
    images_in_all: usize,
}

/// What happened since the last line.
#[derive(Default)]
struct Recent {
    steps: usize,
    images: usize,
    seconds: f64,
    loss: f64,
    similarity_rank: f64,
    target_rank: f64,
}

impl Teller {
    fn new(steps: u64, first: u64, images_in_all: usize) -> Self {
        let progress = Progress::new("step", steps);
        let recent = Recent::default();
        Self {
            progress,
            pace: Pace::new(first, steps),
            recent,
            images_in_all,
        }
    }

    fn step(&mut self, record: &StepRecord) {
        if record.skipped {
            let line = skipped(record.step, &record.images);
            self.progress.aside(|| output::note(&line));
        } else {
            self.recent.add(record);
        }
        let (recent, pace) = (&self.recent, &self.pace);
        let note = || format!("{}, {}", recent.line(record), pace.left(record.step));
        let told = self.progress.advance(record.step, note);
        // A bar is told at every step: it shows the mean of an epoch so far.
        let over = !self.progress.is_bar() || self.recent.images >= self.images_in_all;
        if told && over {
            self.recent = Recent::default();
        }
    }

    fn measure(
        &self,
        validation: &mut OpenValidation,
        step: u64,
        network: &DeepNcuts,
    ) -> training::Result<()> {
        let total = validation.photographs();
        // A second bar would write over the first; lines come below one another.
        let mut lines = (!self.progress.is_bar()).then(|| Progress::new("val", total as u64));
        let observe = |done: usize| {
            if let Some(lines) = lines.as_mut().filter(|_| done < total) {
                lines.advance(done as u64, String::new);
            }
        };
        let record = validation.measure(step, network, observe)?;
        let line = format!(
            "after step {}: average covering {:.3} of {} photographs of val, {:.1} s",
            record.step, record.mean_covering, record.images, record.seconds
        );
        self.progress.aside(|| output::note(&line));
        Ok(())
    }
}

impl Recent {
    fn add(&mut self, record: &StepRecord) {
        self.steps += 1;
        self.images += record.images.len();
        self.seconds += record.seconds;
        self.loss += record.loss;
        self.similarity_rank += record.measures.similarity_rank;
        self.target_rank += record.measures.target_rank;
    }

    fn line(&self, record: &StepRecord) -> String {
        let mean = |sum: f64| sum / self.steps.max(1) as f64;
        format!(
            "epoch {}, loss {:.4}, ranks {:.1} of {:.1}, rate {:.2e}, {:.2} images/s",
            record.epoch,
            mean(self.loss),
            mean(self.similarity_rank),
            mean(self.target_rank),
            record.rate,
            self.images as f64 / self.seconds.max(1e-9),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_means_since_the_last() {
        let record = |step, loss| StepRecord {
            step,
            epoch: 2,
            images: vec!["a".into(), "b".into()],
            loss,
            measures: CutMeasures {
                similarity_rank: 30.0,
                target_rank: 8.0,
                dropped_segments: 0,
            },
            gradient_norm: 1.0,
            clipped: false,
            rate: 1e-3,
            seconds: 0.5,
            transfers: None,
            skipped: false,
        };
        let mut recent = Recent::default();
        recent.add(&record(1, 1.0));
        recent.add(&record(2, 2.0));
        assert_eq!(
            recent.line(&record(2, 2.0)),
            "epoch 2, loss 1.5000, ranks 30.0 of 8.0, rate 1.00e-3, 4.00 images/s"
        );
    }
}
