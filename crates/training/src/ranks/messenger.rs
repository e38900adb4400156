//! The thread of a rank that talks to the others, while another computes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::wire::{SumRoad, Wire};
use crate::error::{Error, Result};

/// The longest time between two looks at the others.
const BREATH: Duration = Duration::from_millis(50);

/// Opens a road for sums.
type Opening = Box<dyn FnOnce() -> Result<Box<dyn SumRoad>> + Send>;

/// What the messenger is asked to do, one after the other.
enum Errand {
    Sum(Vec<f32>, Sender<Vec<f32>>),
    Exchange(Vec<u8>, Sender<Vec<Vec<u8>>>),
    /// Sums take another road from now on, opened on the messenger's thread.
    #[cfg_attr(not(any(test, feature = "cuda")), allow(dead_code))]
    SumBy(Opening, Sender<Result<()>>),
    Leave,
}

/// Whether the computing thread waits for an answer, and its core is free.
#[derive(Clone, Debug, Default)]
pub(super) struct Awaited(Arc<AtomicBool>);

impl Awaited {
    /// Whether it does now.
    pub(super) fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn while_it<T>(&self, waits: impl FnOnce() -> T) -> T {
        self.0.store(true, Ordering::Relaxed);
        let answer = waits();
        self.0.store(false, Ordering::Relaxed);
        answer
    }
}

/// Takes errands to the thread that owns the wire.
pub(super) struct Messenger {
    errands: Sender<Errand>,
    awaited: Awaited,
    thread: JoinHandle<()>,
}

/// Sends sums on their way, from wherever the way back of a step has come to.
#[derive(Clone)]
pub(crate) struct SumSender {
    errands: Sender<Errand>,
    awaited: Awaited,
}

/// A sum on its way.
pub(crate) struct PendingSum {
    answer: Receiver<Vec<f32>>,
    awaited: Awaited,
}

impl Messenger {
    /// Starts the thread, whose wire `open` makes there; this rank's place and the number of ranks.
    pub(super) fn start<W: Wire + 'static>(
        open: impl FnOnce(Awaited) -> Result<W> + Send + 'static,
    ) -> Result<(Self, usize, usize)> {
        let (errands, inbox) = channel();
        let (opened, is_open) = channel();
        let awaited = Awaited::default();
        let of_thread = awaited.clone();
        let work = move || match open(of_thread) {
            Err(error) => drop(opened.send(Err(error))),
            Ok(wire) => {
                drop(opened.send(Ok((wire.rank(), wire.size()))));
                run(Box::new(wire), &inbox);
            }
        };
        let thread = std::thread::Builder::new().name("messenger".to_owned());
        let thread = thread.spawn(work).map_err(|error| Error::Ranks {
            found: error.to_string(),
        })?;
        let (rank, size) = is_open.recv().map_err(|_| silent())??;
        let messenger = Self {
            errands,
            awaited,
            thread,
        };
        Ok((messenger, rank, size))
    }

    /// Every rank's bytes.
    pub(super) fn all_gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        let (sender, answer) = channel();
        let errand = Errand::Exchange(bytes, sender);
        self.errands.send(errand).map_err(|_| silent())?;
        let received = self.awaited.while_it(|| answer.recv());
        received.map_err(|_| silent())
    }

    /// Sums take the road that `open` gives, from now on.
    #[cfg_attr(not(any(test, feature = "cuda")), allow(dead_code))]
    pub(super) fn sum_by<R: SumRoad + 'static>(
        &self,
        open: impl FnOnce() -> Result<R> + Send + 'static,
    ) -> Result<()> {
        let (sender, answer) = channel();
        let opening = move || open().map(|road| Box::new(road) as Box<dyn SumRoad>);
        let errand = Errand::SumBy(Box::new(opening), sender);
        self.errands.send(errand).map_err(|_| silent())?;
        let opened = self.awaited.while_it(|| answer.recv());
        opened.map_err(|_| silent())?
    }

    pub(super) fn sums(&self) -> SumSender {
        SumSender {
            errands: self.errands.clone(),
            awaited: self.awaited.clone(),
        }
    }

    /// Waits for all ranks to leave.
    pub(super) fn finalize(self) -> Result<()> {
        self.errands.send(Errand::Leave).map_err(|_| silent())?;
        let thread = self.thread;
        self.awaited
            .while_it(|| thread.join().map_err(|_| silent()))
    }
}

impl SumSender {
    /// Sends numbers to be summed over all ranks.
    pub(crate) fn send(&self, numbers: Vec<f32>) -> Result<PendingSum> {
        let (sender, answer) = channel();
        let errand = Errand::Sum(numbers, sender);
        self.errands.send(errand).map_err(|_| silent())?;
        Ok(PendingSum {
            answer,
            awaited: self.awaited.clone(),
        })
    }
}

impl PendingSum {
    /// Waits for the sum.
    pub(crate) fn wait(self) -> Result<Vec<f32>> {
        let received = self.awaited.while_it(|| self.answer.recv());
        received.map_err(|_| silent())
    }
}

fn run(mut wire: Box<dyn Wire>, inbox: &Receiver<Errand>) {
    let mut road: Option<Box<dyn SumRoad>> = None;
    loop {
        match inbox.recv_timeout(BREATH) {
            // Who asked may have gone meanwhile.
            Ok(Errand::Sum(numbers, answer)) => {
                let mut total = vec![0.0; numbers.len()];
                match &mut road {
                    None => wire.sum(&numbers, &mut total),
                    Some(road) => {
                        if let Err(error) = road.sum(wire.as_mut(), &numbers, &mut total) {
                            wire.give_up(&error);
                        }
                    }
                }
                drop(answer.send(total));
            }
            Ok(Errand::SumBy(open, answer)) => {
                let opened = open().map(|opened| road = Some(opened));
                drop(answer.send(opened));
            }
            Ok(Errand::Exchange(bytes, answer)) => drop(answer.send(wire.all_gather(&bytes))),
            Ok(Errand::Leave) => return wire.finalize(),
            Err(RecvTimeoutError::Timeout) => wire.idle(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The messenger has ended before its time.
fn silent() -> Error {
    Error::Ranks {
        found: "no answer from the others".to_owned(),
    }
}
