//! How a chain runs: as it is used, or as it is trained.

use std::sync::Arc;

use super::dropout::Draws;

/// How a chain runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Every number passes.
    Inference,
    /// Dropout draws from this seed.
    Training {
        /// Another one each step.
        seed: u64,
    },
    /// The columns are the examples of a batch, and dropout draws for each of them from its own seed, whatever the others
    /// are.
    Batch {
        /// One a column, others each step.
        seeds: Arc<[u64]>,
    },
}

impl Mode {
    /// The random source of dropout at step `index`; `None` where every number passes.
    pub(crate) fn draws(&self, index: usize) -> Option<Draws> {
        match self {
            Self::Inference => None,
            Self::Training { seed } => Some(Draws::Together(step_seed(*seed, index))),
            Self::Batch { seeds } => {
                let seeds = seeds.iter().map(|seed| step_seed(*seed, index));
                Some(Draws::ByColumn(seeds.collect()))
            }
        }
    }
}

/// Every dropout of a chain draws its own numbers.
fn step_seed(seed: u64, index: usize) -> u64 {
    seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(index as u64)
}
