//! The road on a thread of its own: a GPU's tensors do not leave the thread that made them.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use dfdx::prelude::*;

use super::chain::{SavedRows, TensorRoad};
use crate::device::Transfers;
use crate::error::{Error, Result};
use crate::trunk::chain::Chain;
use crate::trunk::mode::Mode;
use crate::trunk::planes::Planes;

type Values = Arc<Vec<Vec<f32>>>;
type Answer<T> = Sender<Result<T>>;
type Home = (Vec<Vec<f32>>, Option<Planes>);

/// A thread that runs chains on its device, one after the other, for whoever asks.
#[derive(Debug)]
pub(crate) struct RoadThread {
    requests: Sender<Request>,
}

/// What the way back of a chain needs, on the device until this is dropped.
#[derive(Debug)]
pub(crate) struct KeptRows {
    number: u64,
    requests: Sender<Request>,
}

enum Request {
    Forward {
        chain: Chain,
        input: Planes,
        values: Values,
        mode: Mode,
        /// Under which number the way back is kept.
        keep: Option<u64>,
        answer: Answer<Planes>,
    },
    Vjp {
        chain: Chain,
        kept: u64,
        values: Values,
        out_bar: Planes,
        ends: (usize, bool),
        answer: Answer<Home>,
    },
    Forget(u64),
    Transfers(Sender<Transfers>),
}

impl RoadThread {
    /// Opens a device on a new thread, which ends when nobody can ask it any more.
    ///
    /// # Errors
    /// What `open` says.
    pub(crate) fn start<D, E>(
        open: impl FnOnce() -> std::result::Result<D, E> + Send + 'static,
    ) -> std::result::Result<Self, String>
    where
        D: Device<f32> + Synchronize,
        E: Display,
    {
        let (requests, asked) = channel();
        let (opened, answer) = channel();
        std::thread::spawn(move || match open() {
            Ok(device) => {
                // Who does not wait for the answer does not ask either.
                let _ = opened.send(Ok(()));
                serve(TensorRoad::new(device), &asked);
            }
            Err(error) => {
                let _ = opened.send(Err(error.to_string()));
            }
        });
        let lost = |_| Err("a device whose thread stopped".to_owned());
        answer.recv().unwrap_or_else(lost)?;
        Ok(Self { requests })
    }

    /// As [`TensorRoad::forward`].
    pub(crate) fn forward(
        &self,
        chain: &Chain,
        input: Planes,
        values: &Values,
        mode: Mode,
        keep: bool,
    ) -> Result<(Planes, Option<KeptRows>)> {
        let kept = keep.then(|| KeptRows {
            number: next_number(),
            requests: self.requests.clone(),
        });
        let output = ask(&self.requests, |answer| Request::Forward {
            chain: chain.clone(),
            input,
            values: Arc::clone(values),
            mode,
            keep: kept.as_ref().map(|kept| kept.number),
            answer,
        })?;
        Ok((output, kept))
    }

    /// As [`TensorRoad::vjp`].
    pub(crate) fn vjp(
        &self,
        chain: &Chain,
        kept: KeptRows,
        values: &Values,
        out_bar: Planes,
        ends: (usize, bool),
    ) -> Result<Home> {
        ask(&self.requests, |answer| Request::Vjp {
            chain: chain.clone(),
            kept: kept.number,
            values: Arc::clone(values),
            out_bar,
            ends,
            answer,
        })
    }

    /// What crossed since this was asked last.
    pub(crate) fn take_transfers(&self) -> Transfers {
        let (sender, answer) = channel();
        let asked = self.requests.send(Request::Transfers(sender));
        asked
            .ok()
            .and_then(|()| answer.recv().ok())
            .unwrap_or_default()
    }
}

impl Drop for KeptRows {
    fn drop(&mut self) {
        // Where the thread is gone, so is what it kept.
        let _ = self.requests.send(Request::Forget(self.number));
    }
}

fn next_number() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};

    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn ask<T>(requests: &Sender<Request>, request: impl FnOnce(Answer<T>) -> Request) -> Result<T> {
    let lost = || Error::Tape("the device's thread stopped".to_owned());
    let (sender, answer) = channel();
    requests.send(request(sender)).map_err(|_| lost())?;
    answer.recv().map_err(|_| lost())?
}

fn serve<D: Device<f32> + Synchronize>(mut road: TensorRoad<D>, requests: &Receiver<Request>) {
    let mut kept: HashMap<u64, SavedRows<D>> = HashMap::new();
    // An answer that nobody waits for any more is no loss.
    for request in requests {
        match request {
            Request::Forward {
                chain,
                input,
                values,
                mode,
                keep,
                answer,
            } => {
                let done = road.forward(&chain, input, &values, mode, keep.is_some());
                let _ = answer.send(done.map(|(output, saved)| {
                    keep.map(|number| kept.insert(number, saved));
                    output
                }));
            }
            Request::Vjp {
                chain,
                kept: number,
                values,
                out_bar,
                ends: (first_step, want_input),
                answer,
            } => {
                let saved = kept.remove(&number);
                let saved = saved.ok_or_else(|| Error::Tape("no way back is kept".to_owned()));
                let _ = answer.send(saved.and_then(|saved| {
                    road.vjp(&chain, saved, &values, &out_bar, first_step, want_input)
                }));
            }
            Request::Forget(number) => {
                kept.remove(&number);
            }
            Request::Transfers(answer) => {
                let _ = answer.send(road.take_transfers());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_does_not_open_says_why() {
        let refused = RoadThread::start(|| Err::<Cpu, _>("no driver")).unwrap_err();
        assert_eq!(refused, "no driver");
    }

    #[test]
    fn what_is_kept_goes_with_its_handle() {
        let road = RoadThread::start(|| Ok::<_, String>(Cpu::default())).unwrap();
        let (chain, layers) = crate::TrunkKind::Lite0
            .chain(&[("stem".to_owned(), 1.0)])
            .unwrap();
        let values = crate::Parameters::random(layers, 1).values();
        let image = || Planes::zeros(3, 8, 8, 0);
        let (output, kept) = road
            .forward(&chain, image(), &values, Mode::Inference, true)
            .unwrap();
        let number = kept.as_ref().unwrap().number;
        drop(kept);
        let gone = KeptRows {
            number,
            requests: road.requests.clone(),
        };
        let refused = road.vjp(&chain, gone, &values, output, (0, false));
        assert!(refused.is_err());
    }
}
