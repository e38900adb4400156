//! Distributed runs: several processes, on one machine or on many, by MPI; sums over GPUs by NCCL.
//!
//! ```text
//! rank 0   computing thread ──requests──▶ communication thread ─┐
//! rank 1   computing thread ──requests──▶ communication thread ─┼─ transport: MPI; NCCL for sums, where each rank has a GPU
//!  …                        ◀──answers───                      ─┘
//! ```
//!
//! Each rank has a communication thread of its own: gradients are summed during the backward pass, and a rank that
//! computes for a minute still sends heartbeats.

#[cfg(feature = "mpi")]
mod by_mpi;
#[cfg(any(test, feature = "cuda"))]
mod by_nccl;
#[cfg(test)]
mod by_threads;
// No other module opens a transport.
#[cfg_attr(not(feature = "mpi"), allow(dead_code))]
mod comm_thread;
#[cfg_attr(not(feature = "mpi"), allow(dead_code))]
mod heartbeat;
#[cfg_attr(not(feature = "mpi"), allow(dead_code))]
mod transport;

use std::cell::Cell;
use std::ops::Range;

use self::comm_thread::CommThread;
pub(crate) use self::comm_thread::{PendingSum, SumSender};
use crate::error::{Error, Result};
#[cfg(any(test, feature = "cuda"))]
use models::Device;

/// Where launchers of MPI say how many processes there are: Open MPI, then MPICH and its derivatives.
const LAUNCHED: [&str; 2] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"];
/// The ranks of a job, as one of them sees it. All ranks make the same calls, in the same order.
///
/// # Conventions
/// Ranks are counted from 0; the first one writes files and reports. A job of one rank is [`Ranks::alone`]: every call costs
/// nothing and returns its argument.
pub struct Ranks {
    rank: usize,
    size: usize,
    /// `None` for a job of one.
    comm_thread: Option<CommThread>,
    /// Whether a failure is known to all ranks: they do not communicate any more.
    failed: Cell<bool>,
}

impl Ranks {
    /// A job of one process.
    pub fn alone() -> Self {
        Self {
            rank: 0,
            size: 1,
            comm_thread: None,
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
    /// A rank without a heartbeat for 30 s counts as lost; for half a second where `asked` says that this process was asked
    /// to end, as launchers do when a rank is lost. Then `lost` is called, in another thread, and may end the process;
    /// otherwise it is aborted, with code 1, whatever it is doing.
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
        let handlers = by_mpi::FailureHandlers {
            asked: Box::new(asked),
            lost: Box::new(lost),
        };
        Self::through(move |awaited| by_mpi::MpiTransport::open(awaited, handlers))
    }

    #[cfg(any(test, feature = "mpi"))]
    fn through<W: transport::Transport + 'static>(
        open: impl FnOnce(comm_thread::Awaited) -> Result<W> + Send + 'static,
    ) -> Result<Self> {
        let (comm_thread, rank, size) = CommThread::start(open)?;
        Ok(Self {
            rank,
            size,
            comm_thread: Some(comm_thread),
            failed: Cell::new(false),
        })
    }

    /// Runs `job` as each of `size` ranks that are threads, and returns their results, in order.
    #[cfg(test)]
    pub(crate) fn as_threads<T: Send>(size: usize, job: impl Fn(Self) -> T + Sync) -> Vec<T> {
        let transports = by_threads::ThreadTransport::all(size);
        std::thread::scope(|scope| {
            let job = &job;
            let start =
                |transport| scope.spawn(move || job(Self::through(|_| Ok(transport)).unwrap()));
            let threads: Vec<_> = transports.into_iter().map(start).collect();
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

    /// Whether this is the rank that writes files and reports.
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
    /// [`Error::Ranks`] where the communication thread is gone.
    pub fn all_gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        match &self.comm_thread {
            None => Ok(vec![bytes]),
            Some(comm_thread) => comm_thread.all_gather(bytes),
        }
    }

    /// Waits for all ranks. `failure` is the error of this one, if there is one.
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

    /// Says that all ranks failed in the same way, and know it.
    pub(crate) fn failed_alike(&self) {
        self.failed.set(true);
    }

    /// Whether a failure is known to all ranks.
    pub fn have_failed(&self) -> bool {
        self.failed.get()
    }

    /// Sums go over the ranks' GPUs from now on, where each has one of its own; returns whether they do. All ranks call it,
    /// with a GPU or without.
    ///
    /// # Errors
    /// [`Error::Ranks`] where the communication thread is gone, or NCCL refuses this rank: the others wait for it then.
    #[cfg(any(test, feature = "cuda"))]
    pub(crate) fn sum_over_gpus(&self, device: &Device) -> Result<bool> {
        let Some(comm_thread) = &self.comm_thread else {
            return Ok(false);
        };
        let card = device.card();
        let gpus = comm_thread.all_gather(by_nccl::identity_of(card))?;
        let Some(card) = card.filter(|_| by_nccl::all_have_their_own(&gpus)) else {
            return Ok(false);
        };
        let made = if self.is_first() {
            by_nccl::new_job()
        } else {
            Vec::new()
        };
        let Some(id) = by_nccl::job(&comm_thread.all_gather(made)?[0]) else {
            return Ok(false);
        };
        let (card, place) = (card.clone(), (self.rank, self.size));
        comm_thread.sum_by(move || by_nccl::OverGpus::join(&card, place, id))?;
        Ok(true)
    }

    /// Where sums are sent; `None` for a job of one.
    pub(crate) fn sums(&self) -> Option<SumSender> {
        self.comm_thread.as_ref().map(CommThread::sums)
    }

    /// Ends the job; waits for all ranks.
    ///
    /// Dropping `Ranks` without it ends no other process: the launcher does, when this one has ended.
    ///
    /// # Errors
    /// [`Error::Ranks`] where the communication thread is gone.
    pub fn finalize(self) -> Result<()> {
        self.comm_thread.map_or(Ok(()), CommThread::finalize)
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
    fn every_rank_gets_all_in_order() {
        let gathered = Ranks::as_threads(3, |ranks| {
            let word = "a".repeat(ranks.rank());
            let words = ranks.all_gather(word.into_bytes()).unwrap();
            let sum = ranks.sums().unwrap().send(vec![ranks.rank() as f32, 0.5]);
            let sum = sum.unwrap().wait().unwrap();
            ranks.finalize().unwrap();
            (words, sum)
        });
        let words = ["", "a", "aa"].map(|word| word.as_bytes().to_vec());
        assert!(
            gathered
                .iter()
                .all(|(found, sum)| *found == words && *sum == [3.0, 1.5])
        );
    }

    #[test]
    fn the_first_failure_is_reported_on_all_ranks() {
        let reported = Ranks::as_threads(3, |ranks| {
            ranks.barrier(None).unwrap();
            let result = if ranks.rank() == 1 {
                Err(Error::Model(models::Error::Tape("refused".to_owned())))
            } else {
                Ok(())
            };
            let reported = ranks.sync_result(result).unwrap_err().to_string();
            // No rank listens any more.
            ranks.barrier(None).unwrap();
            assert!(ranks.have_failed());
            ranks.finalize().unwrap();
            reported
        });
        let expected = [
            "rank 1: dfdx: refused",
            "dfdx: refused",
            "rank 1: dfdx: refused",
        ];
        assert_eq!(reported, expected);
    }

    #[test]
    fn a_rank_that_goes_is_no_end_of_waiting() {
        let reported = Ranks::as_threads(2, |ranks| match ranks.rank() {
            0 => ranks.all_gather(Vec::new()).unwrap_err().to_string(),
            _ => String::new(),
        });
        assert!(
            reported[0].contains("no answer from the others"),
            "{reported:?}"
        );
    }

    #[test]
    fn alone_everything_is_what_it_was() {
        let ranks = Ranks::alone();
        assert_eq!((ranks.part(7), ranks.is_first()), (0..7, true));
        assert_eq!(ranks.all_gather(vec![1, 2]).unwrap(), [[1, 2]]);
        ranks.barrier(None).unwrap();
        let reported = ranks.barrier(Some("full".to_owned())).unwrap_err();
        assert_eq!(reported.to_string(), "rank 0: full");
        ranks.finalize().unwrap();
    }
}
