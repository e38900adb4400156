//! A device on a thread of its own: a GPU's tensors do not leave the thread that made them.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use dfdx::prelude::*;

use super::chain::DeviceActivations;
use super::tensor_device::TensorDevice;
use crate::backend::interface::{BackwardScope, ChainGradients};
use crate::backend::planes::Planes;
use crate::device::Transfers;
use crate::error::{Error, Result};
use crate::trunk::{Chain, Mode};

type Values = Arc<Vec<Vec<f32>>>;
type Answer<T> = Sender<Result<T>>;

/// A thread that runs chains on its device, one request after the other.
#[derive(Debug)]
pub(crate) struct DeviceThread {
    requests: Sender<Request>,
}

/// Activations that lie on the device until this is dropped.
#[derive(Debug)]
pub(crate) struct RemoteActivations {
    number: u64,
    requests: Sender<Request>,
}

enum Request {
    Forward {
        chain: Chain,
        input: Planes,
        values: Values,
        mode: Mode,
        /// Number under which the activations are saved; `None` where no backward pass follows.
        save_as: Option<u64>,
        answer: Answer<Planes>,
    },
    Vjp {
        chain: Chain,
        saved: u64,
        values: Values,
        out_bar: Planes,
        scope: BackwardScope,
        answer: Answer<ChainGradients>,
    },
    Forget(u64),
    Transfers(Sender<Transfers>),
}

impl DeviceThread {
    /// Opens a device on a new thread, which ends with the last handle that can send it a request.
    ///
    /// # Errors
    /// That of `open`, as text.
    pub(crate) fn start<D, E>(
        open: impl FnOnce() -> std::result::Result<D, E> + Send + 'static,
    ) -> std::result::Result<Self, String>
    where
        D: Device<f32> + Synchronize,
        E: Display,
    {
        let (requests, received) = channel();
        let (opened, answer) = channel();
        std::thread::spawn(move || match open() {
            Ok(device) => {
                // There is no receiver only where the caller's thread is gone, and with it all requests.
                let _ = opened.send(Ok(()));
                serve(TensorDevice::new(device), &received);
            }
            Err(error) => {
                let _ = opened.send(Err(error.to_string()));
            }
        });
        let lost = |_| Err("a device whose thread stopped".to_owned());
        answer.recv().unwrap_or_else(lost)?;
        Ok(Self { requests })
    }

    /// As [`TensorDevice::forward`].
    pub(crate) fn forward(
        &self,
        chain: &Chain,
        input: Planes,
        values: &Values,
        mode: Mode,
        save: bool,
    ) -> Result<(Planes, Option<RemoteActivations>)> {
        let saved = save.then(|| RemoteActivations {
            number: next_number(),
            requests: self.requests.clone(),
        });
        let output = ask(&self.requests, |answer| Request::Forward {
            chain: chain.clone(),
            input,
            values: Arc::clone(values),
            mode,
            save_as: saved.as_ref().map(|saved| saved.number),
            answer,
        })?;
        Ok((output, saved))
    }

    /// As [`TensorDevice::vjp`].
    pub(crate) fn vjp(
        &self,
        chain: &Chain,
        saved: RemoteActivations,
        values: &Values,
        out_bar: Planes,
        scope: BackwardScope,
    ) -> Result<ChainGradients> {
        ask(&self.requests, |answer| Request::Vjp {
            chain: chain.clone(),
            saved: saved.number,
            values: Arc::clone(values),
            out_bar,
            scope,
            answer,
        })
    }

    /// Transfers since the last call.
    pub(crate) fn take_transfers(&self) -> Transfers {
        let (sender, answer) = channel();
        let asked = self.requests.send(Request::Transfers(sender));
        asked
            .ok()
            .and_then(|()| answer.recv().ok())
            .unwrap_or_default()
    }
}

impl Drop for RemoteActivations {
    fn drop(&mut self) {
        // Where the thread is gone, so are the activations.
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

fn serve<D: Device<f32> + Synchronize>(mut device: TensorDevice<D>, requests: &Receiver<Request>) {
    let mut activations: HashMap<u64, DeviceActivations<D>> = HashMap::new();
    // An answer without a receiver is no loss: its request was given up.
    for request in requests {
        match request {
            Request::Forward {
                chain,
                input,
                values,
                mode,
                save_as,
                answer,
            } => {
                let done = device.forward(&chain, input, &values, mode, save_as.is_some());
                let _ = answer.send(done.map(|(output, saved)| {
                    if let (Some(number), Some(saved)) = (save_as, saved) {
                        activations.insert(number, saved);
                    }
                    output
                }));
            }
            Request::Vjp {
                chain,
                saved: number,
                values,
                out_bar,
                scope,
                answer,
            } => {
                let saved = activations.remove(&number);
                let saved = saved.ok_or_else(|| Error::Tape("no activations are saved".to_owned()));
                let _ = answer.send(
                    saved.and_then(|saved| device.vjp(&chain, saved, &values, out_bar, scope)),
                );
            }
            Request::Forget(number) => {
                activations.remove(&number);
            }
            Request::Transfers(answer) => {
                let _ = answer.send(device.take_transfers());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_does_not_open_says_why() {
        let refused = DeviceThread::start(|| Err::<Cpu, _>("no driver")).unwrap_err();
        assert_eq!(refused, "no driver");
    }

    #[test]
    fn activations_go_with_their_handle() {
        let device = DeviceThread::start(|| Ok::<_, String>(Cpu::default())).unwrap();
        let (chain, layers) = crate::TrunkKind::Lite0
            .chain(&[("stem".to_owned(), 1.0)])
            .unwrap();
        let values = crate::Parameters::random(layers, 1).values();
        let image = || Planes::zeros(3, 8, 8, 0);
        let (output, saved) = device
            .forward(&chain, image(), &values, Mode::Inference, true)
            .unwrap();
        let number = saved.as_ref().unwrap().number;
        drop(saved);
        let gone = RemoteActivations {
            number,
            requests: device.requests.clone(),
        };
        let refused = device.vjp(&chain, gone, &values, output, BackwardScope::PARAMETERS);
        assert!(refused.is_err());
    }
}
