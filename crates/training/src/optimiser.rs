//! Steps of SGD and Adam, each tensor at its own rate.

use dfdx::optim::{AdamConfig, Momentum, SgdConfig, WeightDecay};
use dfdx::prelude::*;
use dfdx::tensor::Cpu;

use crate::config::Optimiser;
use crate::error::{Result, refused};
use models::ParameterTensor;

/// Rate and decay of one tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TensorRate {
    pub(super) rate: f64,
    pub(super) weight_decay: f64,
}

/// dfdx's update rules with a state that can be written down.
///
/// The state lives in two [`Gradients`], the only buffers of dfdx's kind that can be made, read and
/// written from outside; each holds a buffer a tensor.
#[derive(Clone)]
pub(super) struct OptimiserState {
    optimiser: Optimiser,
    /// Velocity of SGD, first moment of Adam.
    first: Gradients<f32, Cpu>,
    /// Second moment of Adam.
    second: Gradients<f32, Cpu>,
    /// Steps done.
    steps: u64,
}

impl OptimiserState {
    pub(super) fn new(optimiser: Optimiser) -> Self {
        Self {
            optimiser,
            first: Gradients::leaky(),
            second: Gradients::leaky(),
            steps: 0,
        }
    }

    /// Steps done.
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// Counts a step: Adam's correction of its moments depends on it.
    pub(super) fn begin_step(&mut self) {
        self.steps += 1;
    }

    /// Steps one tensor along its gradient.
    pub(super) fn update(
        &mut self,
        tensor: &mut ParameterTensor,
        gradients: &mut Gradients<f32, Cpu>,
        at: TensorRate,
    ) -> Result<()> {
        let ghost = tensor.ghost();
        let weight_decay = (at.weight_decay > 0.0).then_some(WeightDecay::L2(at.weight_decay));
        let gradient = gradients.get_or_alloc_mut(&ghost).map_err(refused)?;
        let first = self.first.get_or_alloc_mut(&ghost).map_err(refused)?;
        match self.optimiser {
            Optimiser::Sgd { momentum } => {
                let momentum = (momentum > 0.0).then_some(Momentum::Classic(momentum));
                let rule = SgdConfig {
                    lr: at.rate,
                    momentum,
                    weight_decay,
                };
                rule.try_update(tensor, first, gradient).map_err(refused)
            }
            Optimiser::Adam => {
                let second = self.second.get_or_alloc_mut(&ghost).map_err(refused)?;
                let rule = AdamConfig {
                    lr: at.rate,
                    weight_decay,
                    ..AdamConfig::default()
                };
                let t = i32::try_from(self.steps).unwrap_or(i32::MAX);
                rule.try_update(t, tensor, first, second, gradient)
                    .map_err(refused)
            }
        }
    }

    /// Both buffers of a tensor, to be written down.
    pub(super) fn state_of(&mut self, tensor: &ParameterTensor) -> Result<[Vec<f32>; 2]> {
        let ghost = tensor.ghost();
        let first = self
            .first
            .get_or_alloc_mut(&ghost)
            .map_err(refused)?
            .to_vec();
        let second = self
            .second
            .get_or_alloc_mut(&ghost)
            .map_err(refused)?
            .to_vec();
        Ok([first, second])
    }

    /// Takes both buffers of a tensor, and the number of steps done.
    pub(super) fn restore(
        &mut self,
        tensor: &ParameterTensor,
        [first, second]: [Vec<f32>; 2],
        steps: u64,
    ) -> Result<()> {
        let ghost = tensor.ghost();
        self.first
            .get_or_alloc_mut(&ghost)
            .map_err(refused)?
            .copy_from_slice(&first);
        self.second
            .get_or_alloc_mut(&ghost)
            .map_err(refused)?
            .copy_from_slice(&second);
        self.steps = steps;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(optimiser: Optimiser, at: TensorRate, count: usize) -> Vec<f32> {
        let device = Cpu::default();
        let mut tensor: ParameterTensor = device.tensor_from_vec(vec![1.0, -2.0], (2,));
        let mut state = OptimiserState::new(optimiser);
        for _ in 0..count {
            let mut gradients = Gradients::leaky();
            let gradient = gradients.get_or_alloc_mut(&tensor.ghost()).unwrap();
            gradient.copy_from_slice(&[0.5, -0.25]);
            state.begin_step();
            state.update(&mut tensor, &mut gradients, at).unwrap();
        }
        tensor.as_vec()
    }

    fn close(found: &[f32], expected: [f32; 2]) {
        let near = found
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(near, "{found:?} {expected:?}");
    }

    #[test]
    fn sgd_by_hand() {
        let at = TensorRate {
            rate: 0.1,
            weight_decay: 0.0,
        };
        let sgd = Optimiser::Sgd { momentum: 0.9 };
        // v₁ = g, v₂ = 1.9 g: two steps go 2.9 · rate · g.
        close(&steps(sgd, at, 2), [1.0 - 0.29 * 0.5, -2.0 + 0.29 * 0.25]);
        let decayed = TensorRate {
            rate: 0.1,
            weight_decay: 0.1,
        };
        close(
            &steps(sgd, decayed, 1),
            [1.0 - 0.1 * 0.6, -2.0 + 0.1 * 0.45],
        );
    }

    #[test]
    fn adam_steps_by_its_rate_at_first() {
        let at = TensorRate {
            rate: 0.01,
            weight_decay: 0.0,
        };
        close(&steps(Optimiser::Adam, at, 3), [0.97, -1.97]);
    }
}
