//! `matbackprop train o2p`.

use std::rc::Rc;

use anyhow::{Result, bail};
use models::{RegionClassifier, TrunkWeights};
use training::{
    Progress as Event, Ranks, RegionMeasures, RegionTask, StepRecord, TrainConfig, Trainer,
    can_resume,
};

use crate::arguments::TrainO2pArguments;
use crate::coco_regions::CocoRegions;
use crate::failure::{of_settings, usage};
use crate::interrupt::Interrupt;
use crate::mishaps::{OVER_GPUS, left_out, passed_over, skipped, solver_refused};
use crate::output;
use crate::progress::{Pace, Progress};
use crate::region_recipe::RegionRecipe;

/// Trains, and tells where the network lies.
pub fn run(arguments: &TrainO2pArguments, ranks: &Rc<Ranks>, interrupt: &Interrupt) -> Result<()> {
    let (recipe, config, regions) = ranks.sync_result(prepare(arguments))?;
    output::note(&format!("{}: {}", arguments.split, regions.in_words()));
    let trainer = ranks.sync_result(if arguments.resume {
        resume(arguments, ranks, &recipe, &regions, config)
    } else {
        start(arguments, ranks, &recipe, &regions, config)
    })?;
    let mut teller = Teller::new(trainer.steps(), trainer.step());
    ranks.sync_result(interrupt.listen())?;
    let mut last = trainer.step();
    let trained = trainer.run(|event| {
        match event {
            Event::Step { record, .. } => {
                last = record.step;
                teller.step(record);
            }
            Event::LeftOut { name, why, count } => {
                let line = left_out(name, why, count);
                teller.progress.aside(|| output::note(&line));
            }
            Event::SolverRefused { why } => {
                let line = solver_refused(why);
                teller.progress.aside(|| output::note(&line));
            }
            Event::OverGpus => teller.progress.aside(|| output::note(OVER_GPUS)),
            _ => {}
        }
        !interrupt.asked()
    });
    let clipped = teller.clipped;
    drop(teller);
    if trained?.is_none() {
        return Err(interrupt.stopped(last, "the same command with --resume"));
    }
    ranks.sync_result(tell(arguments, clipped))
}

/// All that is known before the first file is written.
fn prepare(arguments: &TrainO2pArguments) -> Result<(RegionRecipe, TrainConfig, CocoRegions)> {
    let recipe = RegionRecipe::read(&arguments.model)?;
    let config = TrainConfig {
        epochs: arguments.epochs.unwrap_or(recipe.training.epochs),
        seed: arguments.seed,
        unreadable: arguments.unreadable.unwrap_or(recipe.training.unreadable),
        keep_checkpoints: arguments
            .keep_checkpoints
            .unwrap_or(recipe.training.keep_checkpoints),
        ..recipe.training.clone()
    };
    config.check().map_err(of_settings)?;
    check(arguments, &recipe)?;
    let regions = CocoRegions::open(&arguments.data, &arguments.split)?;
    Ok((recipe, config, regions))
}

fn tell(arguments: &TrainO2pArguments, clipped: u64) -> Result<()> {
    let (run, data) = (arguments.out.display(), arguments.data.display());
    output::print(&format!("network   {run}/network.safetensors"))?;
    output::print(&format!("clipped   {clipped} gradients in this call"))?;
    output::print(&format!(
        "measure   matbackprop eval coco --data {data} --run {run}"
    ))
}

/// What must be there, before hours are spent.
fn check(arguments: &TrainO2pArguments, recipe: &RegionRecipe) -> Result<()> {
    let out = arguments.out.display();
    if arguments.out.exists() && !arguments.out.is_dir() {
        return Err(usage(format!(
            "--out: expected a folder, or a place for one, found the file {out}"
        )));
    }
    if arguments.resume {
        if !can_resume(&arguments.out) {
            bail!("--resume: expected a checkpoint in {out}, found none");
        }
        return Ok(());
    }
    if can_resume(&arguments.out) {
        return Err(usage(format!(
            "--out: expected a new folder, or --resume to go on, found a training in {out}"
        )));
    }
    match (recipe.wants_weights(), &arguments.trunk_weights) {
        (true, None) => {
            return Err(usage(
                "--trunk-weights: expected a file for this recipe's trunk, found none",
            ));
        }
        (false, Some(path)) => {
            return Err(usage(format!(
                "--trunk-weights: expected none, as this recipe starts from elsewhere, found {}",
                path.display()
            )));
        }
        _ => {}
    }
    match (recipe.start(), &arguments.start) {
        (Some(name), None) => Err(usage(format!(
            "--start: expected a run of the recipe {name}, found none"
        ))),
        (None, Some(run)) => Err(usage(format!(
            "--start: expected none, as this recipe starts anew, found {}",
            run.display()
        ))),
        _ => Ok(()),
    }
}

fn task<'a>(
    arguments: &TrainO2pArguments,
    recipe: &RegionRecipe,
    regions: &'a CocoRegions,
) -> RegionTask<'a> {
    let task = RegionTask::new(regions, recipe.regions);
    match &arguments.cache {
        Some(folder) => task.sharing_cache(folder),
        None => task,
    }
}

fn start<'a>(
    arguments: &TrainO2pArguments,
    ranks: &Rc<Ranks>,
    recipe: &RegionRecipe,
    regions: &'a CocoRegions,
    config: TrainConfig,
) -> Result<Trainer<RegionTask<'a>>> {
    let architecture = recipe.architecture(&regions.set().class_names())?;
    let device = arguments.device.open()?;
    let task = task(arguments, recipe, regions);
    let (network, task) = match &arguments.start {
        Some(run) => {
            let network = RegionClassifier::load(&run.join("network.safetensors"))?;
            if !architecture.is_like(network.architecture()) {
                return Err(usage(format!(
                    "--start: expected a network of this recipe's architecture, found another in {}",
                    run.display()
                )));
            }
            (network, task.already_calibrated())
        }
        None => {
            let weights = arguments.trunk_weights.as_deref();
            let weights = weights.map_or(TrunkWeights::Random, TrunkWeights::File);
            let network = RegionClassifier::new(architecture, &weights, arguments.seed);
            (network.map_err(of_settings)?, task)
        }
    };
    let network = network.on_device(&device);
    let (trunk, new) = network.parameter_count();
    output::note(&format!(
        "{}: {trunk} numbers in the trunk, {new} above it",
        arguments.model
    ));
    let mut progress = None;
    let observe = |done: usize, total: usize| {
        let progress = progress.get_or_insert_with(|| Progress::new("calibrating", total as u64));
        progress.advance(done as u64, String::new);
    };
    let out = &arguments.out;
    Trainer::start_among(ranks, network, task, config, out, observe).map_err(of_settings)
}

fn resume<'a>(
    arguments: &TrainO2pArguments,
    ranks: &Rc<Ranks>,
    recipe: &RegionRecipe,
    regions: &'a CocoRegions,
    config: TrainConfig,
) -> Result<Trainer<RegionTask<'a>>> {
    let device = arguments.device.open()?;
    let task = task(arguments, recipe, regions);
    let trainer = Trainer::resume_among(ranks, task, config, &arguments.out);
    let trainer = trainer.map_err(of_settings)?.on_device(&device);
    let asked = recipe.architecture(&regions.set().class_names())?;
    if !asked.is_like(trainer.network().architecture()) {
        return Err(usage(format!(
            "--resume: expected the checkpoint's network, found another recipe: {}",
            arguments.model
        )));
    }
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

/// Lines on how the training goes: means since the last line.
struct Teller {
    progress: Progress,
    pace: Pace,
    recent: Recent,
    clipped: u64,
}

#[derive(Default)]
struct Recent {
    steps: f64,
    regions: f64,
    seconds: f64,
    loss: f64,
    error: f64,
}

impl Teller {
    fn new(steps: u64, first: u64) -> Self {
        Self {
            progress: Progress::new("step", steps),
            pace: Pace::new(first, steps),
            recent: Recent::default(),
            clipped: 0,
        }
    }

    fn step(&mut self, record: &StepRecord<RegionMeasures>) {
        self.clipped += u64::from(record.clipped);
        if record.skipped {
            let line = skipped(record.step, &record.images);
            self.progress.aside(|| output::note(&line));
        } else {
            self.recent.add(record);
        }
        let (recent, pace) = (&self.recent, &self.pace);
        let note = || format!("{}, {}", recent.line(record), pace.left(record.step));
        let told = self.progress.advance(record.step, note);
        // A bar is told at every step: it shows means of the last hundred.
        if told && (!self.progress.is_bar() || self.recent.steps >= 100.0) {
            self.recent = Recent::default();
        }
    }
}

impl Recent {
    fn add(&mut self, record: &StepRecord<RegionMeasures>) {
        self.steps += 1.0;
        self.regions += record.images.len() as f64;
        self.seconds += record.seconds;
        self.loss += record.loss;
        self.error += record.measures.training_error;
    }

    fn line(&self, record: &StepRecord<RegionMeasures>) -> String {
        format!(
            "epoch {}, loss {:.4}, training error {:.3}, rate {:.2e}, {:.1} regions/s",
            record.epoch,
            self.loss / self.steps.max(1.0),
            self.error / self.steps.max(1.0),
            record.rate,
            self.regions / self.seconds.max(1e-9),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_means_since_the_last() {
        let record = |loss: f64, training_error: f64| StepRecord {
            step: 7,
            epoch: 2,
            images: vec!["a".into(), "b".into()],
            loss,
            measures: RegionMeasures {
                training_error,
                ..RegionMeasures::default()
            },
            gradient_norm: 1.0,
            clipped: false,
            rate: 1e-3,
            seconds: 0.5,
            transfers: None,
            skipped: false,
        };
        let mut recent = Recent::default();
        recent.add(&record(1.0, 0.5));
        recent.add(&record(2.0, 1.0));
        assert_eq!(
            recent.line(&record(2.0, 1.0)),
            "epoch 2, loss 1.5000, training error 0.750, rate 1.00e-3, 4.0 regions/s"
        );
    }
}
