//! The thread of a rank that talks to the others, while another computes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::transport::{AllReduce, Transport};
use crate::error::{Error, Result};

/// How often the thread looks at the other ranks while it has no request.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Opens another way for sums.
type Opening = Box<dyn FnOnce() -> Result<Box<dyn AllReduce>> + Send>;

/// Requests to the communication thread, done in this order.
enum Request {
    Sum(Vec<f32>, Sender<Vec<f32>>),
    AllGather(Vec<u8>, Sender<Vec<Vec<u8>>>),
    /// Sums go by this from now on; it is opened on the communication thread.
    #[cfg_attr(not(any(test, feature = "cuda")), allow(dead_code))]
    SumBy(Opening, Sender<Result<()>>),
    Finalize,
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

/// Hands requests to the thread that owns the transport.
pub(super) struct CommThread {
    requests: Sender<Request>,
    awaited: Awaited,
    thread: JoinHandle<()>,
}

/// Sends numbers to be summed, from within a backward pass.
#[derive(Clone)]
pub(crate) struct SumSender {
    requests: Sender<Request>,
    awaited: Awaited,
}

/// A sum that is not there yet.
pub(crate) struct PendingSum {
    answer: Receiver<Vec<f32>>,
    awaited: Awaited,
}

impl CommThread {
    /// Starts the thread, whose transport `open` makes there; this rank's place and the number of ranks.
    pub(super) fn start<W: Transport + 'static>(
        open: impl FnOnce(Awaited) -> Result<W> + Send + 'static,
    ) -> Result<(Self, usize, usize)> {
        let (requests, inbox) = channel();
        let (opened, is_open) = channel();
        let awaited = Awaited::default();
        let of_thread = awaited.clone();
        let work = move || match open(of_thread) {
            Err(error) => drop(opened.send(Err(error))),
            Ok(transport) => {
                drop(opened.send(Ok((transport.rank(), transport.size()))));
                run(Box::new(transport), &inbox);
            }
        };
        let thread = std::thread::Builder::new().name("communication".to_owned());
        let thread = thread.spawn(work).map_err(|error| Error::Ranks {
            found: error.to_string(),
        })?;
        let (rank, size) = is_open.recv().map_err(|_| silent())??;
        let comm_thread = Self {
            requests,
            awaited,
            thread,
        };
        Ok((comm_thread, rank, size))
    }

    /// Every rank's bytes.
    pub(super) fn all_gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        let (sender, answer) = channel();
        let request = Request::AllGather(bytes, sender);
        self.requests.send(request).map_err(|_| silent())?;
        let received = self.awaited.while_it(|| answer.recv());
        received.map_err(|_| silent())
    }

    /// Uses the transport that `open` returns for sums from now on.
    #[cfg_attr(not(any(test, feature = "cuda")), allow(dead_code))]
    pub(super) fn sum_by<R: AllReduce + 'static>(
        &self,
        open: impl FnOnce() -> Result<R> + Send + 'static,
    ) -> Result<()> {
        let (sender, answer) = channel();
        let opening = move || open().map(|all_reduce| Box::new(all_reduce) as Box<dyn AllReduce>);
        let request = Request::SumBy(Box::new(opening), sender);
        self.requests.send(request).map_err(|_| silent())?;
        let opened = self.awaited.while_it(|| answer.recv());
        opened.map_err(|_| silent())?
    }

    pub(super) fn sums(&self) -> SumSender {
        SumSender {
            requests: self.requests.clone(),
            awaited: self.awaited.clone(),
        }
    }

    /// Waits for all ranks to end.
    pub(super) fn finalize(self) -> Result<()> {
        self.requests
            .send(Request::Finalize)
            .map_err(|_| silent())?;
        let thread = self.thread;
        self.awaited
            .while_it(|| thread.join().map_err(|_| silent()))
    }
}

impl SumSender {
    /// Sends numbers to be summed over all ranks.
    pub(crate) fn send(&self, numbers: Vec<f32>) -> Result<PendingSum> {
        let (sender, answer) = channel();
        let request = Request::Sum(numbers, sender);
        self.requests.send(request).map_err(|_| silent())?;
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

fn run(mut transport: Box<dyn Transport>, inbox: &Receiver<Request>) {
    let mut all_reduce: Option<Box<dyn AllReduce>> = None;
    loop {
        match inbox.recv_timeout(POLL_INTERVAL) {
            // The receiver may be gone: an answer without a receiver is dropped.
            Ok(Request::Sum(numbers, answer)) => {
                let mut total = vec![0.0; numbers.len()];
                match &mut all_reduce {
                    None => transport.sum(&numbers, &mut total),
                    Some(all_reduce) => {
                        if let Err(error) = all_reduce.sum(transport.as_mut(), &numbers, &mut total)
                        {
                            transport.abort(&error);
                        }
                    }
                }
                drop(answer.send(total));
            }
            Ok(Request::SumBy(open, answer)) => {
                let opened = open().map(|opened| all_reduce = Some(opened));
                drop(answer.send(opened));
            }
            Ok(Request::AllGather(bytes, answer)) => {
                drop(answer.send(transport.all_gather(&bytes)))
            }
            Ok(Request::Finalize) => return transport.finalize(),
            Err(RecvTimeoutError::Timeout) => transport.idle(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The communication thread has ended too early.
fn silent() -> Error {
    Error::Ranks {
        found: "no answer from the others".to_owned(),
    }
}
