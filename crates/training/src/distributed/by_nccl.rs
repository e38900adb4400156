//! Sums over the GPUs of all ranks, where each has one of its own.

use std::time::{Duration, Instant};

use gpu::{Collective, Gpu, JobId};

use super::transport::{AllReduce, Transport};
use crate::error::{Error, Result};

/// Between two looks at a sum.
const REST: Duration = Duration::from_micros(50);

/// Time after which a sum that all ranks have begun will not end any more: a link is lost, and no rank.
const TIMEOUT: Duration = Duration::from_secs(60);

/// NCCL's way.
///
/// NCCL waits for a rank that is late or lost without end, in its calls and after them, and sends no heartbeats: ranks meet
/// on the transport, which does, before each sum, and the rest of the wait is short.
pub(super) struct OverGpus(Collective);

impl OverGpus {
    /// Joins the other ranks, which do the same; waits for all.
    ///
    /// # Errors
    /// [`Error::Ranks`].
    pub(super) fn join(card: &Gpu, (rank, size): (usize, usize), id: JobId) -> Result<Self> {
        Ok(Self(
            Collective::join(card, rank, size, id).map_err(refused)?,
        ))
    }
}

impl AllReduce for OverGpus {
    fn sum(
        &mut self,
        transport: &mut dyn Transport,
        numbers: &[f32],
        total: &mut [f32],
    ) -> Result<()> {
        transport.barrier();
        let begin = Instant::now();
        self.0.begin(numbers).map_err(refused)?;
        while !self.0.is_done().map_err(refused)? {
            if begin.elapsed() > TIMEOUT {
                return Err(Error::Ranks {
                    found: format!("a sum by NCCL that has not ended for {TIMEOUT:?}"),
                });
            }
            transport.idle();
            std::thread::sleep(REST);
        }
        self.0.finish(total).map_err(refused)
    }
}

fn refused(error: gpu::Error) -> Error {
    Error::Ranks {
        found: error.to_string(),
    }
}

/// A GPU as the other ranks know it: nothing where this rank has none, or no NCCL.
pub(super) fn identity_of(card: Option<&Gpu>) -> Vec<u8> {
    let usable = card.filter(|_| Collective::is_available());
    let uuid = usable.and_then(|card| card.uuid().ok());
    uuid.map_or(Vec::new(), |uuid| uuid.to_vec())
}

/// Whether every rank has a GPU, and one that no other has.
pub(super) fn all_have_their_own(gpus: &[Vec<u8>]) -> bool {
    let mut seen = std::collections::HashSet::new();
    gpus.iter()
        .all(|uuid| !uuid.is_empty() && seen.insert(uuid))
}

/// A new job in bytes; none where NCCL makes none, which all ranks have to know.
pub(super) fn new_job() -> Vec<u8> {
    JobId::new().map_or(Vec::new(), |id| id.0.to_vec())
}

/// The job that the first rank made, if it made one.
pub(super) fn job(bytes: &[u8]) -> Option<JobId> {
    bytes.try_into().ok().map(JobId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ranks_on_one_gpu_have_not_one_each() {
        let [none, first, second] = [vec![], vec![1; 16], vec![2; 16]];
        assert!(all_have_their_own(&[first.clone(), second]));
        assert!(!all_have_their_own(&[first.clone(), first.clone()]));
        assert!(!all_have_their_own(&[first, none]));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_rank_that_nccl_refuses_is_lost_to_the_others() {
        use crate::Ranks;
        use models::Device;

        let name = "distributed::by_nccl::tests::a_rank_that_nccl_refuses_is_lost_to_the_others";
        gpu::stand_ins::run_among(name, || {
            let reported = Ranks::as_threads(2, |ranks| {
                let card = Gpu::open(ranks.rank()).unwrap();
                let device = Device::tensors_on_cpu_beside(Some(card));
                assert!(ranks.sum_over_gpus(&device).unwrap());
                // More than the stand-in takes: the communication threads give up.
                let sum = ranks.sums().unwrap().send(vec![0.0; 3 << 20]).unwrap();
                sum.wait().unwrap_err().to_string()
            });
            let silence = "found no answer from the others";
            assert!(
                reported.iter().all(|reported| reported.contains(silence)),
                "{reported:?}"
            );
        });
    }

    #[cfg(all(feature = "mpi", target_os = "linux"))]
    #[test]
    fn processes_that_mpirun_starts_sum_over_their_gpus() {
        use crate::Ranks;
        use models::Device;

        let name = "distributed::by_nccl::tests::processes_that_mpirun_starts_sum_over_their_gpus";
        let mut mpirun = std::process::Command::new("mpirun");
        mpirun.args(["-np", "2"]);
        // Variables that Open MPI needs where a user is root, or cores are fewer than ranks.
        for (name, value) in [
            ("OMPI_ALLOW_RUN_AS_ROOT", "1"),
            ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
            ("OMPI_MCA_rmaps_base_oversubscribe", "1"),
            ("OMPI_MCA_btl_vader_single_copy_mechanism", "none"),
        ] {
            mpirun.env(name, value);
        }
        gpu::stand_ins::run_among_launched(mpirun, name, || {
            let ranks = Ranks::of_mpi(|| false, |lost| panic!("{lost}")).unwrap();
            assert_eq!(ranks.size(), 2);
            // The launcher counts the processes of a machine.
            assert_eq!(Device::local_rank(), ranks.rank());
            let card = Gpu::open(Device::local_rank()).unwrap();
            let device = Device::tensors_on_cpu_beside(Some(card));
            assert!(ranks.sum_over_gpus(&device).unwrap());
            let sums = ranks.sums().unwrap();
            let numbers = vec![1.5 + ranks.rank() as f32; 5000];
            assert_eq!(sums.send(numbers).unwrap().wait().unwrap(), [4.0; 5000]);
            // Everything else still goes by MPI.
            let words = ranks.all_gather(vec![ranks.rank() as u8]).unwrap();
            assert_eq!(words, [[0], [1]]);
            ranks.finalize().unwrap();
        });
    }
}
