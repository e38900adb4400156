//! Which example comes when, mirrored or not, with which annotation: all from the seed and the step.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// One visit to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Which image.
    pub image: usize,
    /// Whether mirrored.
    pub flipped: bool,
    /// Draws the annotation.
    pub draw: u64,
    /// Seeds dropout.
    pub dropout: u64,
}

/// The visits of all steps. Nothing is carried from step to step, so that a resumed training goes on
/// just as the first would have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) images: usize,
    pub(super) batch: usize,
    pub(super) flips: bool,
    pub(super) seed: u64,
}

impl Plan {
    /// Steps of an epoch; the last may be smaller.
    pub(super) fn steps_per_epoch(&self) -> u64 {
        self.images.div_ceil(self.batch) as u64
    }

    /// The visits of a step.
    pub(super) fn visits(&self, step: u64) -> Vec<Visit> {
        let per_epoch = self.steps_per_epoch();
        let (epoch, place) = (step / per_epoch, (step % per_epoch) as usize * self.batch);
        let order = self.order(epoch);
        let end = (place + self.batch).min(self.images);
        let mut random = self.random(1, step);
        order[place..end]
            .iter()
            .map(|image| Visit {
                image: *image,
                flipped: random.random::<bool>() && self.flips,
                draw: random.random(),
                dropout: random.random(),
            })
            .collect()
    }

    /// The images of an epoch, shuffled.
    fn order(&self, epoch: u64) -> Vec<usize> {
        let mut random = self.random(0, epoch);
        let mut order: Vec<usize> = (0..self.images).collect();
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
    fn an_epoch_visits_every_image_once() {
        let plan = Plan {
            images: 7,
            batch: 3,
            flips: true,
            seed: 5,
        };
        assert_eq!(plan.steps_per_epoch(), 3);
        for epoch in 0..3 {
            let mut seen: Vec<usize> = (0..3)
                .flat_map(|step| plan.visits(3 * epoch + step))
                .map(|visit| visit.image)
                .collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..7).collect::<Vec<_>>());
        }
        assert_ne!(plan.order(0), plan.order(1));
    }

    #[test]
    fn a_step_is_the_same_whenever_it_is_asked_for() {
        let plan = Plan {
            images: 50,
            batch: 2,
            flips: true,
            seed: 5,
        };
        assert_eq!(plan.visits(31), plan.visits(31));
        let flipped = (0..25)
            .flat_map(|s| plan.visits(s))
            .filter(|v| v.flipped)
            .count();
        assert!((12..=38).contains(&flipped), "{flipped}");
        let still = Plan {
            flips: false,
            ..plan
        };
        assert!((0..25).flat_map(|s| still.visits(s)).all(|v| !v.flipped));
    }
}
