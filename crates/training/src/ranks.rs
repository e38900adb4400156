//! Several processes that do one job: on one machine, or on many.
//!
//! ```text
//! rank 0   computing thread ──errands──▶ messenger ─┐
//! rank 1   computing thread ──errands──▶ messenger ─┼─ wire: MPI; for sums, where each rank has a GPU, NCCL
//!  …                         ◀──answers─            ─┘
//! ```
//!
//! A rank has a thread of its own, the messenger, that talks to the others: sums of gradients travel while the way back
//! goes on, and a rank that computes for a minute still gives signs of life.

#[cfg(feature = "mpi")]
mod by_mpi;
#[cfg(any(test, feature = "cuda"))]
mod by_nccl;
#[cfg(test)]
mod by_threads;
// Nobody else opens a wire.
#[cfg_attr(not(feature = "mpi"), allow(dead_code))]
mod messenger;
#[cfg_attr(not(feature = "mpi"), allow(dead_code))]
mod pulse;
#[cfg_attr(not(feature = "mpi"), allow(dead_code))]
mod wire;

use std::cell::Cell;
use std::ops::Range;

use self::messenger::Messenger;
pub(crate) use self::messenger::{PendingSum, SumSender};
use crate::error::{Error, Result};
#[cfg(any(test, feature = "cuda"))]
use models::Device;

/// What launchers of MPI tell each process: how many there are. Open MPI, then MPICH and its kin.
const LAUNCHED: [&str; 2] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"];
/// The ranks of a job, as one of them sees it. What each call does, all ranks do, in the same order.
///
/// # Conventions
/// Ranks are counted from 0; the first one writes and tells. A job of one rank is [`Ranks::alone`]: every call costs
/// nothing and gives back what it got.
pub struct Ranks {
    rank: usize,
    size: usize,
    /// `None` for a job of one.
    messenger: Option<Messenger>,
    /// Whether a failure is known to all ranks: they do not communicate any more.
    failed: Cell<bool>,
}

impl Ranks {
    /// A job of one.
    pub fn alone() -> Self {
        Self {
            rank: 0,
            size: 1,
            messenger: None,
            failed: Cell::new(false),
        }
    }

    /// How many processes an MPI launcher says that it started; 1 where there is none.
    pub fn launched() -> usize {
        let sizes = LAUNCHED.iter().filter_map(|name| std::env::var(name).ok());
        sizes
            .filter_map(|size| size.parse().ok())
            .max()
            .unwrap_or(1)
    }

    /// The ranks that `mpirun -np N` started, this process among them; alone where it was not started so.
    ///
    /// A rank that gives no sign of life for 30 s, or for half a second after `asked` says that this process was asked to
    /// end (as launchers do when a rank is lost), counts as lost: `lost` is told, in another thread, and may end the
    /// process; otherwise it is aborted, with code 1, whatever it is doing.
    ///
    /// # Errors
    /// [`Error::Ranks`] where MPI cannot be used.
    #[cfg(feature = "mpi")]
    pub fn of_mpi(
        asked: impl Fn() -> bool + Send + 'static,
        lost: impl Fn(&Error) + Send + 'static,
    ) -> Result<Self> {
        if Self::launched() == 1 {
            return Ok(Self::alone());
        }
        let ears = by_mpi::Ears {
            asked: Box::new(asked),
            lost: Box::new(lost),
        };
        Self::through(move |awaited| by_mpi::MpiWire::open(awaited, ears))
    }

    #[cfg(any(test, feature = "mpi"))]
    fn through<W: wire::Wire + 'static>(
        open: impl FnOnce(messenger::Awaited) -> Result<W> + Send + 'static,
    ) -> Result<Self> {
        let (messenger, rank, size) = Messenger::start(open)?;
        Ok(Self {
            rank,
            size,
            messenger: Some(messenger),
            failed: Cell::new(false),
        })
    }

    /// Runs `job` as each of `size` ranks that are threads, and gives back what they return, in order.
    #[cfg(test)]
    pub(crate) fn as_threads<T: Send>(size: usize, job: impl Fn(Self) -> T + Sync) -> Vec<T> {
        let wires = by_threads::ThreadWire::all(size);
        std::thread::scope(|scope| {
            let job = &job;
            let start = |wire| scope.spawn(move || job(Self::through(|_| Ok(wire)).unwrap()));
            let threads: Vec<_> = wires.into_iter().map(start).collect();
            let ended = threads.into_iter().map(|thread| thread.join().unwrap());
            ended.collect()
        })
    }

    /// This rank's place.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// How many ranks there are.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether this is the rank that writes and tells.
    pub fn is_first(&self) -> bool {
        self.rank == 0
    }

    /// Whether this is the only rank.
    pub fn is_alone(&self) -> bool {
        self.size == 1
    }

    /// This rank's places of `count`: one stretch, as long as the others' to within one.
    pub fn part(&self, count: usize) -> Range<usize> {
        self.rank * count / self.size..(self.rank + 1) * count / self.size
    }

    /// Gathers every rank's bytes on all, in the order of ranks.
    ///
    /// # Errors
    /// [`Error::Ranks`] where the messenger is gone.
    pub fn all_gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        match &self.messenger {
            None => Ok(vec![bytes]),
            Some(messenger) => messenger.all_gather(bytes),
        }
    }

    /// Waits for all ranks. `failure` is what went wrong on this one, if anything did.
    ///
    /// After a failure that is known to all ranks this returns at once.
    ///
    /// # Errors
    /// [`Error::OnRank`] for the first rank that has a failure.
    pub fn barrier(&self, failure: Option<String>) -> Result<()> {
        if self.failed.get() {
            return Ok(());
        }
        self.gather_results(failure, Vec::new()).map(|_| ())
    }

    /// As [`Ranks::barrier`]; returns every rank's `words` where none has a failure.
    pub(crate) fn gather_results(
        &self,
        failure: Option<String>,
        words: Vec<u8>,
    ) -> Result<Vec<Vec<u8>>> {
        let said = match failure {
            None => [vec![0], words].concat(),
            Some(message) => [&[1], message.as_bytes()].concat(),
        };
        let said = self.all_gather(said)?;
        for (rank, said) in said.iter().enumerate() {
            if let [1, message @ ..] = said.as_slice() {
                self.failed.set(true);
                return Err(Error::OnRank {
                    rank,
                    message: String::from_utf8_lossy(message).into_owned(),
                });
            }
        }
        Ok(said.into_iter().map(|said| said[1..].to_vec()).collect())
    }

    /// A barrier after work that may have failed: this rank's result where all ranks succeeded.
    ///
    /// # Errors
    /// This rank's own, as it is; [`Error::OnRank`] where another rank failed.
    pub fn sync_result<T, E: From<Error> + std::fmt::Display>(
        &self,
        result: std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        // In one line, with its causes.
        let failure = result.as_ref().err().map(|error| format!("{error:#}"));
        let agreed = self.barrier(failure);
        let value = result?;
        agreed?;
        Ok(value)
    }

    /// All ranks failed alike, and know it.
    pub(crate) fn failed_alike(&self) {
        self.failed.set(true);
    }

    /// Whether a failure is known to all ranks.
    pub fn have_failed(&self) -> bool {
        self.failed.get()
    }

    /// Sums take the way over the ranks' GPUs from now on, where each has one of its own; tells whether they do. What
    /// one rank has, all ask about.
    ///
    /// # Errors
    /// [`Error::Ranks`] where the messenger is gone, or NCCL refuses this rank: the others wait for it then.
    #[cfg(any(test, feature = "cuda"))]
    pub(crate) fn sum_over_gpus(&self, device: &Device) -> Result<bool> {
        let Some(messenger) = &self.messenger else {
            return Ok(false);
        };
        let card = device.card();
        let told = messenger.all_gather(by_nccl::told_of(card))?;
        let Some(card) = card.filter(|_| by_nccl::all_have_their_own(&told)) else {
            return Ok(false);
        };
        let made = if self.is_first() {
            by_nccl::new_job()
        } else {
            Vec::new()
        };
        let Some(id) = by_nccl::job(&messenger.all_gather(made)?[0]) else {
            return Ok(false);
        };
        let (card, place) = (card.clone(), (self.rank, self.size));
        messenger.sum_by(move || by_nccl::OverGpus::join(&card, place, id))?;
        Ok(true)
    }

    /// Where sums are sent; `None` for a job of one.
    pub(crate) fn sums(&self) -> Option<SumSender> {
        self.messenger.as_ref().map(Messenger::sums)
    }

    /// Ends the job; waits for all ranks.
    ///
    /// Dropping `Ranks` without it ends no other process: the launcher does, when this one has ended.
    ///
    /// # Errors
    /// [`Error::Ranks`] where the messenger is gone.
    pub fn finalize(self) -> Result<()> {
        self.messenger.map_or(Ok(()), Messenger::finalize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_all_places_without_overlap() {
        for (size, count) in [(1, 5), (2, 5), (3, 2), (7, 100), (4, 0)] {
            let parts = Ranks::as_threads(size, |ranks| ranks.part(count));
            let lengths: Vec<usize> = parts.iter().map(ExactSizeIterator::len).collect();
            let places: Vec<usize> = parts.into_iter().flatten().collect();
            assert_eq!(places, (0..count).collect::<Vec<_>>());
            let (least, most) = (lengths.iter().min(), lengths.iter().max());
            assert!(most.unwrap() - least.unwrap() <= 1, "{lengths:?}");
        }
    }

    #[test]
    fn every_rank_hears_all_in_order() {
        let heard = Ranks::as_threads(3, |ranks| {
            let word = "a".repeat(ranks.rank());
            let words = ranks.all_gather(word.into_bytes()).unwrap();
            let sum = ranks.sums().unwrap().send(vec![ranks.rank() as f32, 0.5]);
            let sum = sum.unwrap().wait().unwrap();
            ranks.finalize().unwrap();
            (words, sum)
        });
        let words = ["", "a", "aa"].map(|word| word.as_bytes().to_vec());
        assert!(
            heard
                .iter()
                .all(|(found, sum)| *found == words && *sum == [3.0, 1.5])
        );
    }

    #[test]
    fn the_first_failure_is_told_on_all_ranks() {
        let told = Ranks::as_threads(3, |ranks| {
            ranks.barrier(None).unwrap();
            let result = if ranks.rank() == 1 {
                Err(Error::Model(models::Error::Tape("refused".to_owned())))
            } else {
                Ok(())
            };
            let told = ranks.sync_result(result).unwrap_err().to_string();
            // Nobody listens any more.
            ranks.barrier(None).unwrap();
            assert!(ranks.have_failed());
            ranks.finalize().unwrap();
            told
        });
        let expected = [
            "rank 1: dfdx: refused",
            "dfdx: refused",
            "rank 1: dfdx: refused",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_rank_that_goes_is_no_end_of_waiting() {
        let told = Ranks::as_threads(2, |ranks| match ranks.rank() {
            0 => ranks.all_gather(Vec::new()).unwrap_err().to_string(),
            _ => String::new(),
        });
        assert!(told[0].contains("no answer from the others"), "{told:?}");
    }

    #[test]
    fn alone_everything_is_what_it_was() {
        let ranks = Ranks::alone();
        assert_eq!((ranks.part(7), ranks.is_first()), (0..7, true));
        assert_eq!(ranks.all_gather(vec![1, 2]).unwrap(), [[1, 2]]);
        ranks.barrier(None).unwrap();
        let told = ranks.barrier(Some("full".to_owned())).unwrap_err();
        assert_eq!(told.to_string(), "rank 0: full");
        ranks.finalize().unwrap();
    }
}
