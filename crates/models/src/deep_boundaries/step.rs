//! The levels of one image forward to the loss and back, for training and gradient checks.

use dfdx::prelude::{Cpu, Gradients};
use segmentation::GridAxis;

use super::network::DeepBoundaries;
use crate::backend::BackwardScope;
use crate::boundary_loss::BoundaryLoss;
use crate::device::{DeviceMaps, GridMaps};
use crate::error::{Error, Result};
use crate::feature_maps::FeatureMaps;
use crate::forward_pass::{ForwardPass, GradientHook};
use crate::human_boundaries::HumanBoundaries;
use crate::trunk::Mode;

/// Loss, measures and cotangents of one image.
pub struct BoundaryStep {
    /// [`BoundaryLoss`].
    pub loss: f64,
    /// The mean share of people with a boundary at a position.
    pub drawn: f64,
    /// The mean probability of a boundary at a position.
    pub predicted: f64,
    /// Of the head's parameters.
    pub gradients: Gradients<f32, Cpu>,
}

impl DeepBoundaries {
    /// Loss of one image, of which the head sees the [levels](DeepBoundaries::level_features), against what people drew,
    /// and the cotangents of the head's parameters, added to `gradients`; `hook` is called with each as soon as this
    /// image's share is in it. The trunk does not learn.
    ///
    /// # Errors
    /// [`Error::Setting`] for levels other than those of an image of this size.
    pub fn step(
        &self,
        levels: &[FeatureMaps],
        human: &HumanBoundaries,
        seed: u64,
        mut gradients: Gradients<f32, Cpu>,
        hook: Option<&GradientHook>,
    ) -> Result<BoundaryStep> {
        let axes = self.level_axes(human.height(), human.width())?;
        let hook = hook.map(|hook| hook.after(self.trunk.parameters.tensors().len()));
        let pass = self.pass(levels, &axes, Mode::Training { seed }, hook)?;
        let targets = human.on_grid(axes[0]);
        let loss = BoundaryLoss::forward(pass.output()?.data(), &targets)?;
        pass.backward(loss.vjp(1.0), &mut gradients)?;
        let drawn: f64 = targets.iter().map(|target| f64::from(*target)).sum();
        Ok(BoundaryStep {
            loss: loss.loss(),
            drawn: drawn / targets.len() as f64,
            predicted: loss.mean_probability(),
            gradients,
        })
    }

    /// The pass of standardised levels through the head.
    fn pass(
        &self,
        levels: &[FeatureMaps],
        axes: &[[GridAxis; 2]],
        mode: Mode,
        hook: Option<GradientHook>,
    ) -> Result<ForwardPass<'_>> {
        let sizes = self.level_channels().into_iter().zip(axes);
        let expected: Vec<_> = sizes
            .map(|(channels, [columns, rows])| (channels, rows.positions, columns.positions))
            .collect();
        let found: Vec<_> = levels
            .iter()
            .map(|maps| (maps.channels, maps.height, maps.width))
            .collect();
        if found != expected {
            return Err(Error::Setting {
                name: "levels",
                expected: "the features of a photograph of this size",
                found: format!("{found:?} for {expected:?}"),
            });
        }
        // The head reads the coarsest first.
        let inputs = levels.iter().zip(axes).rev();
        let inputs =
            inputs.map(|(maps, axes)| GridMaps::on(*axes, DeviceMaps::Host(maps.planes())));
        let pass = ForwardPass::of_several(inputs.collect());
        let (chain, parameters) = (&self.head.chain, &self.head.parameters);
        pass.through(chain, parameters, mode, BackwardScope::PARAMETERS, hook)
    }

    /// z of standardised levels.
    #[cfg(test)]
    pub(super) fn logits_of(
        &self,
        levels: &[FeatureMaps],
        axes: &[[GridAxis; 2]],
    ) -> Result<Vec<f32>> {
        let pass = self.pass(levels, axes, Mode::Inference, None)?;
        Ok(pass.output()?.data().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::test_values::random_values;
    use crate::boundary_architecture::{BoundaryArchitecture, BoundaryLevel};
    use crate::device::Device;
    use crate::network::TrunkWeights;
    use crate::parameters::contents_of;
    use crate::trunk::TrunkKind;
    use test_support::refused;

    /// Three levels of one layer each, few channels.
    fn network() -> DeepBoundaries {
        let level = |layer: &str, reduction| BoundaryLevel {
            layers: vec![layer.to_owned()],
            reduction,
        };
        let architecture = BoundaryArchitecture {
            levels: vec![level("block0", 3), level("block2", 4), level("block4", 5)],
            merges: vec![2, 3],
            dropout: 0.4,
            ..BoundaryArchitecture::new(TrunkKind::Lite0)
        };
        DeepBoundaries::new(architecture, &TrunkWeights::Random, 1).unwrap()
    }

    fn levels(network: &DeepBoundaries) -> Vec<FeatureMaps> {
        let axes = network.level_axes(18, 25).unwrap();
        let sizes = network.level_channels().into_iter().zip(axes);
        let maps = sizes
            .enumerate()
            .map(|(seed, (channels, [columns, rows]))| {
                let (height, width) = (rows.positions, columns.positions);
                let values = random_values(channels * height * width, seed as u64);
                FeatureMaps::new(channels, height, width, values).unwrap()
            });
        maps.collect()
    }

    fn human() -> HumanBoundaries {
        let person = |every: usize| (0..18 * 25).map(|p| p % every == 0).collect();
        HumanBoundaries::new(25, 18, vec![person(7), person(31)]).unwrap()
    }

    #[test]
    fn gradients_equal_differences_in_every_layer() {
        let network = network();
        let (levels, human) = (levels(&network), human());
        let step = network
            .step(&levels, &human, 5, Gradients::leaky(), None)
            .unwrap();
        assert!(step.drawn > 0.1 && step.predicted > 0.0 && step.predicted < 1.0);
        let loss = |network: &DeepBoundaries| {
            let step = network.step(&levels, &human, 5, Gradients::leaky(), None);
            step.unwrap().loss
        };
        let count = network.head.parameters.tensors().len();
        assert_eq!(count, 12);
        for place in 0..count {
            let tensor = &network.head.parameters.tensors()[place];
            let bar = contents_of(&step.gradients.get(tensor));
            let dot = random_values(bar.len(), 40 + place as u64);
            let moved = |size: f32| {
                let mut moved = network.clone();
                let tensor = &mut moved.head.parameters.tensors_mut()[place];
                let mut values = contents_of(tensor);
                let pairs = values.iter_mut().zip(&dot);
                pairs.for_each(|(value, dot)| *value += size * dot);
                tensor.copy_from(&values);
                loss(&moved)
            };
            let size = 1e-3;
            let slope = (moved(size) - moved(-size)) / f64::from(2.0 * size);
            let pairs = bar.iter().zip(&dot);
            let expected: f64 = pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            // Central differences in f32 across ReLU kinks; a wrong rule is off by tens of percent.
            let scale = expected.abs().max(0.05);
            assert!(
                (slope - expected).abs() < 3e-2 * scale,
                "parameter {place}: {slope} {expected}"
            );
        }
    }

    #[test]
    fn dropout_draws_from_the_seed_and_devices_agree() {
        let network = network();
        let (levels, human) = (levels(&network), human());
        let loss = |network: &DeepBoundaries, seed| {
            let step = network.step(&levels, &human, seed, Gradients::leaky(), None);
            step.unwrap().loss
        };
        let first = loss(&network, 1);
        assert_eq!(first, loss(&network, 1));
        assert!((2..9).any(|seed| loss(&network, seed) != first));
        let elsewhere = network.on_device(&Device::tensors_on_cpu());
        assert!((first - loss(&elsewhere, 1)).abs() < 1e-5);
    }

    #[test]
    fn levels_of_another_image_are_refused() {
        let network = network();
        let levels = levels(&network);
        let human = HumanBoundaries::new(25, 20, vec![vec![false; 500]]).unwrap();
        let step = |levels: &[FeatureMaps], human| {
            let step = network.step(levels, human, 1, Gradients::leaky(), None);
            step.map(|step| step.loss)
        };
        refused! {
            step(&levels, &human) => Error::Setting { name: "levels", .. },
            step(&levels[1..], &self::human()) => Error::Setting { name: "levels", .. },
        }
    }
}
