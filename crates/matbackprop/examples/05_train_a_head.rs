//! Trains a new head by a task of yours: of one photograph, what lies inside an ellipse is one segment.
//!
//! `cargo run --release --example 05_train_a_head`

use image::{RgbImage, imageops};
use matbackprop::models::{CutInput, DeepNcuts};
use matbackprop::ncuts::{LabelMap, NcutsLayer};
use matbackprop::pictures::read_upright;
use matbackprop::training::{
    CutMeasures, Gradients, Progress, Result, StepContext, StepResult, Task, TrainConfig, Trainer,
};

struct Ellipse(RgbImage, LabelMap);
type Step = StepResult<CutMeasures>;
impl Task for Ellipse {
    type Network = DeepNcuts;
    type Measures = CutMeasures;
    fn settings(&self) -> String {
        String::new()
    }
    fn examples(&self) -> usize {
        1
    }
    fn id(&self, _: usize) -> &str {
        "coffee"
    }
    fn step(&mut self, network: &DeepNcuts, at: &StepContext<'_>) -> Result<Step> {
        let features = network.trunk_features(&self.0)?;
        let (input, layer) = (CutInput::Features(&features), NcutsLayer::default());
        let (seed, none_yet) = (at.samples[0].dropout, Gradients::leaky());
        let cut = network.step(input, &[&self.1], &layer, seed, none_yet, None)?;
        Ok(Step {
            loss: cut.loss,
            measures: CutMeasures::default(),
            gradients: cut.gradients,
        })
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/samples/coffee.jpg");
    let small = imageops::thumbnail(&read_upright(sample.as_ref())?, 192, 128);
    let inside = |i: usize| (i % 192).abs_diff(94).pow(2) + (i / 192).abs_diff(66).pow(2) < 3400;
    let drawn = (0..192 * 128).map(|i| u32::from(inside(i))).collect();
    let task = Ellipse(small, LabelMap::new(192, 128, drawn)?);
    let network = matbackprop::default_network()?.with_new_head(1)?;
    let run = tempfile::tempdir()?;
    let config = TrainConfig {
        epochs: 30,
        ..TrainConfig::default()
    };
    let trainer = Trainer::start(network, task, config, run.path(), |_, _| ())?;
    let _ = trainer.run(|progress| {
        if let Progress::Step { record, .. } = progress {
            println!("step {:2}: loss {:.4}", record.step, record.loss);
        }
        true
    })?;
    Ok(())
}
