//! A chain split in two: the frozen part and the part that learns.

use super::chain::{Chain, Step, Tap};
use crate::digest::fnv_1a;

impl Chain {
    /// The chain below the last cut at or before `step`, and the one above it: x ↦ above(below(x)).
    ///
    /// A cut goes where no residual connection crosses it and no tap lies below. Parameters keep their places: both
    /// halves read the whole chain's. At a cut after the last step, `above` has no steps and `below` the taps.
    pub fn split(&self, step: usize) -> (Self, Option<Self>) {
        if step >= self.steps.len() {
            return (self.clone(), None);
        }
        let crossed = |cut: usize| {
            let added = self.steps.iter().enumerate().skip(cut);
            let mut reads = added.flat_map(|(_, step)| match step {
                Step::Add { value } => std::slice::from_ref(value),
                Step::Join { values } => values,
                _ => &[],
            });
            reads.any(|value| *value < cut) || self.taps.iter().any(|tap| tap.value < cut)
        };
        let cut = (0..=step).rev().find(|&cut| !crossed(cut)).unwrap_or(0);
        let mut above = self.steps[cut..].to_vec();
        for step in &mut above {
            match step {
                Step::Add { value } => *value -= cut,
                Step::Join { values } => values.iter_mut().for_each(|value| *value -= cut),
                _ => {}
            }
        }
        let tap = |tap: &Tap| Tap {
            value: tap.value - cut,
            scale: tap.scale,
        };
        let below = Self {
            steps: self.steps[..cut].to_vec(),
            taps: vec![Tap {
                value: cut,
                scale: 1.0,
            }],
        };
        let above = Self {
            steps: above,
            taps: self.taps.iter().map(tap).collect(),
        };
        (below, Some(above))
    }

    /// A digest of this chain with these parameters, on inputs made as `input` says.
    ///
    /// It names the caches of features: a step that is written otherwise is another digest.
    pub(crate) fn digest(&self, parameters: &[Vec<f32>], input: &str) -> u64 {
        let words = format!("{:?} {:?} {input}", self.steps, self.taps);
        let kernels = self.steps.iter().filter_map(Step::kernel_layer);
        let numbers = kernels
            .flat_map(|(_, weight)| parameters[weight].iter().chain(&parameters[weight + 1]));
        fnv_1a(words.bytes().chain(numbers.flat_map(|x| x.to_le_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Planes;
    use crate::trunk::Mode;

    #[test]
    fn halves_of_a_chain_equal_the_whole() {
        let taps = [("expand1".to_owned(), 0.5), ("expand3".to_owned(), 2.0)];
        let (chain, layers) = crate::TrunkKind::Lite0.chain(&taps).unwrap();
        let parameters = crate::Parameters::random(layers, 3).values();
        let image: Vec<f32> = (0..3 * 32 * 40).map(|i| (i as f32 * 0.37).sin()).collect();
        let input = || Planes::from_contiguous(3, 32, 40, 0, &image);
        let run = |chain: &Chain, input| {
            let ran = chain.forward(input, &parameters, Mode::Inference);
            ran.unwrap()
        };
        let whole = run(&chain, input());
        for step in 0..chain.steps.len() + 2 {
            let (below, above) = chain.split(step);
            let mut output = run(&below, input());
            assert_eq!(above.is_none(), step >= chain.steps.len());
            if let Some(above) = above {
                // Nothing at or after `step` is left below: it would not learn.
                assert!(below.steps.len() <= step);
                output = run(&above, output);
            }
            assert_eq!(output.to_contiguous(), whole.to_contiguous(), "{step}");
        }
    }

    #[test]
    fn a_digest_tells_numbers_layers_and_sides_apart() {
        let taps = [("expand1".to_owned(), 1.0)];
        let (chain, layers) = crate::TrunkKind::Lite0.chain(&taps).unwrap();
        let mut parameters = crate::Parameters::random(layers, 3).values().to_vec();
        let first = chain.digest(&parameters, "64");
        assert_eq!(first, chain.digest(&parameters, "64"));
        assert_ne!(first, chain.digest(&parameters, "65"));
        assert_ne!(first, chain.split(2).0.digest(&parameters, "64"));
        parameters[0][0] += 1.0;
        assert_ne!(first, chain.digest(&parameters, "64"));
    }
}
