//! A look at the numbers of a truth.

use serde::{Deserialize, Serialize};

/// The pictures of one image's truth, or its matrices, for a judgement of whether they can be meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TruthLook {
    /// Pixels of all of them.
    pub pixels: u64,
    /// Pixels that are boundaries.
    pub boundaries: u64,
    /// Pixels neither black nor white: those of averaged annotators.
    pub between: u64,
    /// The same in the matrices `Boundaries` of `.mat` files, which no option reads otherwise.
    #[serde(default)]
    pub drawn_between: u64,
}

impl TruthLook {
    /// Adds another look.
    pub fn add(&mut self, other: &Self) {
        self.pixels += other.pixels;
        self.boundaries += other.boundaries;
        self.between += other.between;
        self.drawn_between += other.drawn_between;
    }
}
