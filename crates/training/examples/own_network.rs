//! A network, a loss and data of your own under the trainer: stopped in the middle, resumed, and the same to the bit.
//!
//! `cargo run -p training --example own_network`

use std::path::Path;

use dfdx::prelude::Gradients;
use faer::Scale;
use matbackprop_core::{GramFunction, Log, Ridge};
use models::{
    Activation, BackwardScope, Conv, ForwardPass, Mode, Network, Padding, Parameters, Planes,
    TrainableNetwork, WeightsFile, features_from_maps, maps_from_features,
};
use serde::{Deserialize, Serialize};
use training::{Progress, StepContext, StepMeasures, StepResult, Task, TrainConfig, Trainer};

/// Pixels along a side of a picture.
const SIDE: usize = 12;
const DESCRIPTION: &str = "a mixture of three channels";

/// A 1 × 1 convolution: three channels in, three mixtures of them out.
#[derive(Clone)]
struct Mixer(Network);

impl Mixer {
    fn new(seed: u64) -> models::Result<Self> {
        let mix = Conv {
            in_channels: 3,
            out_channels: 3,
            kernel: 1,
            stride: 1,
            padding: Padding::Symmetric(0),
            groups: 1,
            activation: Activation::Identity,
        };
        Ok(Self(Network::convolutions(&[("mix", mix)], seed)?))
    }
}

impl TrainableNetwork for Mixer {
    fn description(&self) -> models::Result<String> {
        Ok(DESCRIPTION.to_owned())
    }

    fn from_described(file: &WeightsFile, description: &str) -> models::Result<Self> {
        if description != DESCRIPTION {
            return Err(models::Error::NotANetwork {
                origin: file.origin().to_owned(),
                found: description.to_owned(),
            });
        }
        let mut mixer = Self::new(0)?;
        let layers = mixer.0.parameters.layers().to_vec();
        mixer.0.parameters = Parameters::from_source(layers, file)?;
        Ok(mixer)
    }

    fn new_layers(&self) -> Vec<&Network> {
        vec![&self.0]
    }

    fn new_layers_mut(&mut self) -> Vec<&mut Network> {
        vec![&mut self.0]
    }
}

/// Mixtures that are white: uncorrelated, of variance one.
///
/// ```text
/// x, 3 × H × W ─▶ mixer ─▶ F, n × 3 ─▶ C = log(FᵀF / n + ε I) ─▶ J = ½ ‖C‖²      C̄ = C,  F̄ by the rule of C
/// ```
struct Whitening {
    names: Vec<String>,
    epsilon: f64,
}

impl Whitening {
    /// Three channels that share one wave, and so are correlated.
    fn picture(index: usize) -> Vec<f32> {
        let wave = |frequency: usize, pixel: usize| {
            (0.37 * ((frequency + index) * pixel) as f32 + index as f32).sin()
        };
        let channel = |c: usize| {
            (0..SIDE * SIDE).map(move |pixel| 2.0 * wave(1, pixel) + wave(2 + 3 * c, pixel))
        };
        (0..3).flat_map(channel).collect()
    }
}

/// Measures of a step, as in the journal.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Whiteness {
    /// The largest |log λ| of a picture's covariance.
    worst: f64,
}

impl StepMeasures for Whiteness {
    fn joined(parts: &[(usize, Self)]) -> Self {
        let worst = parts.iter().map(|(_, part)| part.worst);
        Self {
            worst: worst.fold(0.0, f64::max),
        }
    }
}

impl Task for Whitening {
    type Network = Mixer;
    type Measures = Whiteness;

    fn settings(&self) -> String {
        format!("epsilon {}", self.epsilon)
    }

    fn examples(&self) -> usize {
        self.names.len()
    }

    fn id(&self, index: usize) -> &str {
        &self.names[index]
    }

    fn step(
        &mut self,
        network: &Mixer,
        at: &StepContext<'_>,
    ) -> training::Result<StepResult<Whiteness>> {
        let Network { chain, parameters } = &network.0;
        let scope = BackwardScope::PARAMETERS;
        let mut gradients = Gradients::leaky();
        let (mut loss, mut measures) = (0.0, Whiteness::default());
        for sample in at.samples {
            let picture = Self::picture(sample.example);
            let picture = Planes::from_vec(3, SIDE, SIDE, picture);
            let mode = Mode::Training {
                seed: sample.dropout,
            };
            let pass = ForwardPass::of(picture);
            let pass = pass.through(chain, parameters, mode, scope, None)?;
            let root = 1.0 / (SIDE as f64);
            let features = Scale(root) * features_from_maps(pass.output()?.data(), 3);
            let log = GramFunction::forward(features.as_ref(), Ridge::new(Log, self.epsilon)?)?;
            loss += 0.5 * log.value().squared_norm_l2();
            measures.worst = measures.worst.max(log.value().norm_max());
            let bar = Scale(root) * log.vjp(log.value())?;
            pass.backward(maps_from_features(bar.as_ref()), &mut gradients)?;
        }
        Ok(StepResult {
            loss: loss / at.samples.len() as f64,
            measures,
            gradients,
        })
    }
}

fn task() -> Whitening {
    Whitening {
        names: (0..8).map(|index| format!("picture {index}")).collect(),
        epsilon: 1e-3,
    }
}

fn config() -> TrainConfig {
    TrainConfig {
        epochs: 40,
        batch: 4,
        rate: 2e-2,
        warmup: 1,
        flips: false,
        checkpoint_every: 10,
        ..TrainConfig::default()
    }
}

/// Losses of all steps.
fn train(trainer: Trainer<Whitening>) -> training::Result<Vec<f64>> {
    let mut losses = Vec::new();
    trainer.run(|progress| {
        if let Progress::Step { record, .. } = progress {
            losses.push(record.loss);
        }
        true
    })?;
    Ok(losses)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (whole, halves) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let start = |folder: &Path| Trainer::start(Mixer::new(3)?, task(), config(), folder, |_, _| ());
    let losses = train(start(whole.path())?)?;
    let last = losses[losses.len() - 1];
    println!("{} steps, loss {:.3} → {last:.3}", losses.len(), losses[0]);
    assert!(last < 0.5 * losses[0]);

    // The same training, stopped after step 25, by whatever stops a program, and resumed from its checkpoint.
    let stopped = start(halves.path())?.run(|progress| match progress {
        Progress::Step { record, .. } => record.step < 25,
        _ => true,
    })?;
    assert!(stopped.is_none());
    let resumed = Trainer::resume(task(), config(), halves.path())?;
    println!("resumed after step {}", resumed.step());
    assert_eq!(train(resumed)?, losses[25..]);

    let bytes = |folder: &Path| std::fs::read(folder.join("network.safetensors"));
    assert_eq!(bytes(whole.path())?, bytes(halves.path())?);
    println!("both networks are the same to the bit");
    Ok(())
}
