//! How numbers travel between ranks.

use crate::error::{Error, Result};

/// A way between the ranks of a job, used by one thread of each. Calls meet the same calls of all other ranks, in the
/// same order. A wire does not come back from a call that a lost rank keeps from ending.
pub(super) trait Wire {
    /// This rank's place.
    fn rank(&self) -> usize;

    /// How many ranks there are.
    fn size(&self) -> usize;

    /// `total` ← the sum of all ranks' `numbers`, the same to the bit on all.
    fn sum(&mut self, numbers: &[f32], total: &mut [f32]);

    /// Every rank's bytes, in the order of ranks.
    fn all_gather(&mut self, bytes: &[u8]) -> Vec<Vec<u8>>;

    /// Waits for all ranks.
    fn meet(&mut self);

    /// Called several times a second while there is nothing else to do.
    fn idle(&mut self);

    /// The end of this process where it cannot keep up with the others any more: they find it lost.
    fn give_up(&mut self, error: &Error) -> !;

    /// The end, which all ranks wait for. A wire that goes without it leaves the others to find out.
    fn finalize(self: Box<Self>);
}

/// Another way for sums alone, beside a wire.
pub(super) trait SumRoad {
    /// As [`Wire::sum`].
    ///
    /// # Errors
    /// [`Error::Ranks`], after which the others wait for us.
    fn sum(&mut self, wire: &mut dyn Wire, numbers: &[f32], total: &mut [f32]) -> Result<()>;
}
