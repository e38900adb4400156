//! Which example comes when, mirrored or not, with which annotation: all from the seed and the step.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// One example of a step, and the random numbers that belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Which example.
    pub example: usize,
    /// Whether mirrored.
    pub flipped: bool,
    /// A random number for the draws of the task: an annotation, a view.
    pub draw: u64,
    /// Seeds dropout.
    pub dropout: u64,
}

/// The samples of all steps, from the seed and the step alone: nothing is carried from step to step, so that a resumed
/// training takes the steps that the first would have taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampler {
    pub(super) examples: usize,
    pub(super) batch: usize,
    pub(super) flips: bool,
    pub(super) seed: u64,
}

impl Sampler {
    /// Steps of an epoch; the last may be smaller.
    pub(super) fn steps_per_epoch(&self) -> u64 {
        self.examples.div_ceil(self.batch) as u64
    }

    /// The samples of a step.
    pub(super) fn samples(&self, step: u64) -> Vec<Sample> {
        let per_epoch = self.steps_per_epoch();
        let (epoch, place) = (step / per_epoch, (step % per_epoch) as usize * self.batch);
        let order = self.order(epoch);
        let end = (place + self.batch).min(self.examples);
        let mut random = self.random(1, step);
        order[place..end]
            .iter()
            .map(|example| Sample {
                example: *example,
                flipped: random.random::<bool>() && self.flips,
                draw: random.random(),
                dropout: random.random(),
            })
            .collect()
    }

    /// The examples of an epoch, shuffled.
    fn order(&self, epoch: u64) -> Vec<usize> {
        let mut random = self.random(0, epoch);
        let mut order: Vec<usize> = (0..self.examples).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, random.random_range(0..=i));
        }
        order
    }

    fn random(&self, purpose: u64, count: u64) -> Pcg64Mcg {
        let mixed = self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (purpose << 63);
        Pcg64Mcg::seed_from_u64(mixed.wrapping_add(count.wrapping_mul(0xD1B5_4A32_D192_ED03)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_has_every_example_once() {
        let sampler = Sampler {
            examples: 7,
            batch: 3,
            flips: true,
            seed: 5,
        };
        assert_eq!(sampler.steps_per_epoch(), 3);
        for epoch in 0..3 {
            let mut seen: Vec<usize> = (0..3)
                .flat_map(|step| sampler.samples(3 * epoch + step))
                .map(|sample| sample.example)
                .collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..7).collect::<Vec<_>>());
        }
        assert_ne!(sampler.order(0), sampler.order(1));
    }

    #[test]
    fn a_step_is_the_same_whenever_it_is_asked_for() {
        let sampler = Sampler {
            examples: 50,
            batch: 2,
            flips: true,
            seed: 5,
        };
        assert_eq!(sampler.samples(31), sampler.samples(31));
        let flipped = (0..25)
            .flat_map(|s| sampler.samples(s))
            .filter(|v| v.flipped)
            .count();
        assert!((12..=38).contains(&flipped), "{flipped}");
        let still = Sampler {
            flips: false,
            ..sampler
        };
        assert!((0..25).flat_map(|s| still.samples(s)).all(|v| !v.flipped));
    }
}
