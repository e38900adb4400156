//! How bytes and numbers travel between ranks.

use crate::error::{Error, Result};

/// Collective operations between the ranks of a job, used by one thread of each: all ranks make the same calls in the same
/// order. A call that waits for a lost rank does not return.
pub(super) trait Transport {
    /// This rank's place.
    fn rank(&self) -> usize;

    /// How many ranks there are.
    fn size(&self) -> usize;

    /// `total` ← the sum of all ranks' `numbers`, the same to the bit on all.
    fn sum(&mut self, numbers: &[f32], total: &mut [f32]);

    /// Every rank's bytes, in the order of ranks.
    fn all_gather(&mut self, bytes: &[u8]) -> Vec<Vec<u8>>;

    /// Waits for all ranks.
    fn barrier(&mut self);

    /// Called several times a second while there is nothing else to do.
    fn idle(&mut self);

    /// Ends this process, because it cannot continue: the others find it lost.
    fn abort(&mut self, error: &Error) -> !;

    /// Ends the job; waits for all ranks. A transport dropped without it leaves the others to find this rank lost.
    fn finalize(self: Box<Self>);
}

/// Another way for sums alone, beside a transport.
pub(super) trait AllReduce {
    /// As [`Transport::sum`].
    ///
    /// # Errors
    /// [`Error::Ranks`], after which the others wait for us.
    fn sum(
        &mut self,
        transport: &mut dyn Transport,
        numbers: &[f32],
        total: &mut [f32],
    ) -> Result<()>;
}
