//! Ranks that an MPI started.

use std::time::{Duration, Instant};

use mpi::Threading;
use mpi::collective::{CommunicatorCollectives as _, SystemOperation};
use mpi::environment::Universe;
use mpi::point_to_point::{Destination as _, Source as _};
use mpi::request::{Request, Scope};
use mpi::topology::{Communicator as _, SimpleCommunicator};

use super::comm_thread::Awaited;
use super::heartbeat::{BEAT, Heartbeat};
use super::transport::Transport;
use crate::error::{Error, Result};

/// Tag of heartbeats among messages.
const HEARTBEAT: i32 = 7;
/// Shortest and longest time between two looks at a collective, in which alone MPI moves bytes. A long wait is for a
/// rank that still computes, and leaves the core to it.
const RESTS: [Duration; 2] = [Duration::from_micros(50), Duration::from_micros(200)];
/// How long one is looked at without a rest where our own computing thread waits for it.
const SPIN_TIME: Duration = Duration::from_millis(1);

/// Callbacks of the program: whether it was asked to end, and a call before the process ends.
pub(super) struct FailureHandlers {
    /// Whether the program was asked to end.
    pub(super) asked: Box<dyn Fn() -> bool + Send>,
    /// Called when a rank is lost, before the process ends.
    pub(super) lost: Box<dyn Fn(&Error) + Send>,
}

/// The world of an MPI. Everything happens on the thread that opened it.
///
/// Ranks form a ring: each listens to the one before it, and sends heartbeats to the one after it.
pub(super) struct MpiTransport {
    /// `None` once left.
    universe: Option<Universe>,
    world: SimpleCommunicator,
    awaited: Awaited,
    watch: Watch,
}

/// The rank before ours, watched.
struct Watch {
    handlers: FailureHandlers,
    heartbeat: Heartbeat,
    beaten: Instant,
}

impl MpiTransport {
    /// Joins the world that this process was started in.
    ///
    /// # Errors
    /// [`Error::Ranks`] where MPI was begun before, or cannot be used from one thread of several.
    pub(super) fn open(awaited: Awaited, handlers: FailureHandlers) -> Result<Self> {
        let refused = |found: &str| Error::Ranks {
            found: found.to_owned(),
        };
        let (universe, threading) = mpi::initialize_with_threading(Threading::Funneled)
            .ok_or_else(|| refused("an MPI that was begun before"))?;
        if threading < Threading::Funneled {
            return Err(refused("an MPI for programs of one thread only"));
        }
        let now = Instant::now();
        Ok(Self {
            world: universe.world(),
            universe: Some(universe),
            awaited,
            watch: Watch {
                handlers,
                heartbeat: Heartbeat::new(now),
                beaten: now,
            },
        })
    }

    /// Waits for a request, with heartbeats meanwhile.
    fn finish<'a, D: ?Sized, S: Scope<'a>>(
        world: &SimpleCommunicator,
        watch: &mut Watch,
        awaited: &Awaited,
        mut request: Request<'a, D, S>,
    ) {
        let begin = Instant::now();
        while let Err(unfinished) = request.test() {
            request = unfinished;
            watch.look(world);
            let waited = begin.elapsed();
            if awaited.is() && waited < SPIN_TIME {
                std::thread::yield_now();
            } else {
                std::thread::sleep((waited / 16).clamp(RESTS[0], RESTS[1]));
            }
        }
    }

    fn gather(&mut self, bytes: &[u8], all: &mut [u8]) {
        let Self {
            world,
            watch,
            awaited,
            ..
        } = self;
        mpi::request::scope(|scope| {
            let request = world.immediate_all_gather_into(scope, bytes, all);
            Self::finish(world, watch, awaited, request);
        });
    }
}

impl Watch {
    /// Sends a heartbeat and looks for one, now and then.
    fn look(&mut self, world: &SimpleCommunicator) {
        let (now, size) = (Instant::now(), world.size());
        if size == 1 || now.saturating_duration_since(self.beaten) < BEAT {
            return;
        }
        self.beaten = now;
        let (rank, nothing) = (world.rank(), [0_u8; 0]);
        world
            .process_at_rank((rank + 1) % size)
            .send_with_tag(&nothing[..], HEARTBEAT);
        let before = (rank + size - 1) % size;
        let source = world.process_at_rank(before);
        let mut received = false;
        while source.immediate_probe_with_tag(HEARTBEAT).is_some() {
            source.receive_into_with_tag(&mut [0_u8; 0][..], HEARTBEAT);
            received = true;
        }
        self.heartbeat.look(now, received);
        if self.heartbeat.is_lost((self.handlers.asked)()) {
            (self.handlers.lost)(&Error::RankLost {
                rank: before as usize,
                size: size as usize,
            });
            world.abort(1);
        }
    }
}

impl Transport for MpiTransport {
    fn rank(&self) -> usize {
        self.world.rank() as usize
    }

    fn size(&self) -> usize {
        self.world.size() as usize
    }

    fn sum(&mut self, numbers: &[f32], total: &mut [f32]) {
        let Self {
            world,
            watch,
            awaited,
            ..
        } = self;
        mpi::request::scope(|scope| {
            let sum = SystemOperation::sum();
            let request = world.immediate_all_reduce_into(scope, numbers, total, sum);
            Self::finish(world, watch, awaited, request);
        });
    }

    fn all_gather(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let size = self.size();
        // All send as much as the longest has to say: lengths first.
        let mut lengths = vec![0; 8 * size];
        self.gather(&(bytes.len() as u64).to_le_bytes(), &mut lengths);
        let lengths: Vec<usize> = lengths
            .chunks_exact(8)
            .map(|length| {
                length
                    .iter()
                    .rev()
                    .fold(0, |sum, byte| sum << 8 | usize::from(*byte))
            })
            .collect();
        let longest = lengths.iter().copied().max().unwrap_or(0).max(1);
        let mut padded = bytes.to_vec();
        padded.resize(longest, 0);
        let mut all = vec![0; longest * size];
        self.gather(&padded, &mut all);
        let parts = all.chunks_exact(longest).zip(lengths);
        parts
            .map(|(part, length)| part[..length].to_vec())
            .collect()
    }

    fn barrier(&mut self) {
        let Self {
            world,
            watch,
            awaited,
            ..
        } = self;
        Self::finish(world, watch, awaited, world.immediate_barrier());
    }

    fn idle(&mut self) {
        self.watch.look(&self.world);
    }

    fn abort(&mut self, error: &Error) -> ! {
        (self.watch.handlers.lost)(error);
        self.world.abort(1)
    }

    fn finalize(mut self: Box<Self>) {
        self.barrier();
        // MPI ends here.
        drop(self.universe.take());
    }
}

impl Drop for MpiTransport {
    fn drop(&mut self) {
        // Without `finalize` something broke: to end MPI would be to wait for ranks that wait for us.
        std::mem::forget(self.universe.take());
    }
}
