//! A device on a thread of its own: a GPU's tensors do not leave the thread that made them.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::ThreadId;

use dfdx::prelude::*;

use super::chain::{DeviceActivations, refused};
use super::tensor_device::TensorDevice;
use super::tensor_maps::TensorMaps;
use crate::backend::interface::{BackwardScope, ChainGradients};
use crate::backend::planes::Planes;
use crate::device::Transfers;
use crate::error::{Error, Result};
use crate::trunk::{Chain, InputGrid, Mode, Size};

type Values = Arc<Vec<Vec<f32>>>;
type Answer<T> = Sender<Result<T>>;

/// A thread that runs chains on its device, one request after the other.
#[derive(Debug)]
pub(crate) struct DeviceThread {
    id: ThreadId,
    requests: Sender<Request>,
}

/// A number under which a device holds something until this is dropped.
#[derive(Debug)]
struct Handle {
    number: u64,
    thread: ThreadId,
    requests: Sender<Request>,
}

/// Activations that lie on the device until this is dropped.
#[derive(Debug)]
pub(crate) struct RemoteActivations(Handle);

/// Feature maps that lie on the device until this is dropped.
#[derive(Debug)]
pub(crate) struct RemoteMaps {
    handle: Handle,
    size: Size,
}

enum Request {
    Upload {
        maps: Planes,
        save_as: u64,
        answer: Answer<()>,
    },
    Download {
        maps: u64,
        answer: Answer<Planes>,
    },
    Forward {
        chain: Chain,
        inputs: Vec<u64>,
        grids: Vec<InputGrid>,
        values: Values,
        mode: Mode,
        output_as: u64,
        /// Number under which the activations are saved; `None` where no backward pass follows.
        save_as: Option<u64>,
        answer: Answer<Size>,
    },
    ForwardValues {
        chain: Chain,
        input: u64,
        values: Values,
        /// The values of the chain, and the numbers under which they are held.
        wanted: Vec<(usize, u64)>,
        answer: Answer<Vec<Size>>,
    },
    Vjp {
        chain: Chain,
        saved: u64,
        values: Values,
        out_bar: u64,
        scope: BackwardScope,
        input_bar_as: u64,
        answer: Answer<ChainGradients<Size>>,
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
        let thread = std::thread::spawn(move || match open() {
            Ok(device) => {
                // There is no receiver only where the caller's thread is gone, and with it all requests.
                let _ = opened.send(Ok(()));
                Server::new(device).serve(&received);
            }
            Err(error) => {
                let _ = opened.send(Err(error.to_string()));
            }
        });
        let lost = |_| Err("a device whose thread stopped".to_owned());
        answer.recv().unwrap_or_else(lost)?;
        Ok(Self {
            id: thread.thread().id(),
            requests,
        })
    }

    /// Whether maps lie on this device.
    pub(crate) fn holds(&self, maps: &RemoteMaps) -> bool {
        maps.handle.thread == self.id
    }

    /// Maps of the host, on the device.
    ///
    /// # Errors
    /// [`Error::Tape`] when the device refuses.
    pub(crate) fn upload(&self, maps: Planes) -> Result<RemoteMaps> {
        let (handle, size) = (self.new_handle(), maps.size());
        ask(&self.requests, |answer| Request::Upload {
            maps,
            save_as: handle.number,
            answer,
        })?;
        Ok(RemoteMaps { handle, size })
    }

    /// As [`TensorDevice::forward`]; the device holds the inputs no longer.
    pub(crate) fn forward(
        &self,
        chain: &Chain,
        (inputs, grids): (Vec<RemoteMaps>, &[InputGrid]),
        values: &Values,
        mode: Mode,
        save: bool,
    ) -> Result<(RemoteMaps, Option<RemoteActivations>)> {
        let handle = self.new_handle();
        let saved = save.then(|| RemoteActivations(self.new_handle()));
        let size = ask(&self.requests, |answer| Request::Forward {
            chain: chain.clone(),
            inputs: inputs.iter().map(|input| input.handle.number).collect(),
            grids: grids.to_vec(),
            values: Arc::clone(values),
            mode,
            output_as: handle.number,
            save_as: saved.as_ref().map(|saved| saved.0.number),
            answer,
        })?;
        Ok((RemoteMaps { handle, size }, saved))
    }

    /// As [`TensorDevice::forward_values`]; the device holds the input no longer.
    pub(crate) fn forward_values(
        &self,
        chain: &Chain,
        input: RemoteMaps,
        values: &Values,
        wanted: &[usize],
    ) -> Result<Vec<RemoteMaps>> {
        let handles: Vec<_> = wanted.iter().map(|_| self.new_handle()).collect();
        let numbers = handles.iter().map(|handle| handle.number);
        let wanted = wanted.iter().copied().zip(numbers).collect();
        let sizes = ask(&self.requests, |answer| Request::ForwardValues {
            chain: chain.clone(),
            input: input.handle.number,
            values: Arc::clone(values),
            wanted,
            answer,
        })?;
        let maps = handles.into_iter().zip(sizes);
        Ok(maps
            .map(|(handle, size)| RemoteMaps { handle, size })
            .collect())
    }

    /// As [`TensorDevice::vjp`]; the device holds the output's cotangent no longer.
    pub(crate) fn vjp(
        &self,
        chain: &Chain,
        saved: RemoteActivations,
        values: &Values,
        out_bar: RemoteMaps,
        scope: BackwardScope,
    ) -> Result<ChainGradients<RemoteMaps>> {
        let handle = self.new_handle();
        let bars = ask(&self.requests, |answer| Request::Vjp {
            chain: chain.clone(),
            saved: saved.0.number,
            values: Arc::clone(values),
            out_bar: out_bar.handle.number,
            scope,
            input_bar_as: handle.number,
            answer,
        })?;
        Ok(ChainGradients {
            parameters: bars.parameters,
            input: bars.input.map(|size| RemoteMaps { handle, size }),
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

    fn new_handle(&self) -> Handle {
        Handle {
            number: next_number(),
            thread: self.id,
            requests: self.requests.clone(),
        }
    }
}

impl RemoteMaps {
    /// Channels, height, width.
    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// A copy on the host, without a frame.
    ///
    /// # Errors
    /// [`Error::Tape`] when the device refuses.
    pub(crate) fn download(&self) -> Result<Planes> {
        ask(&self.handle.requests, |answer| Request::Download {
            maps: self.handle.number,
            answer,
        })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Where the thread is gone, so is what it held.
        let _ = self.requests.send(Request::Forget(self.number));
    }
}

/// Another for all devices of the process.
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

/// A device on its thread, and what it holds under the numbers of handles.
struct Server<D: Device<f32>> {
    device: TensorDevice<D>,
    maps: HashMap<u64, TensorMaps<D>>,
    activations: HashMap<u64, DeviceActivations<D>>,
}

impl<D: Device<f32> + Synchronize> Server<D> {
    fn new(device: D) -> Self {
        Self {
            device: TensorDevice::new(device),
            maps: HashMap::new(),
            activations: HashMap::new(),
        }
    }

    /// Answers all requests. An answer without a receiver is no loss: its request was given up.
    fn serve(mut self, requests: &Receiver<Request>) {
        for request in requests {
            match request {
                Request::Upload {
                    maps,
                    save_as,
                    answer,
                } => {
                    let uploaded = self.device.upload(maps).map_err(refused);
                    let _ = answer.send(uploaded.map(|maps| {
                        self.maps.insert(save_as, maps);
                    }));
                }
                Request::Download { maps, answer } => {
                    let maps = self.maps.get(&maps).cloned().ok_or_else(no_maps);
                    let planes = maps.and_then(|maps| self.device.download(maps).map_err(refused));
                    let _ = answer.send(planes);
                }
                Request::Forward {
                    chain,
                    inputs,
                    grids,
                    values,
                    mode,
                    output_as,
                    save_as,
                    answer,
                } => {
                    let inputs = self.all_taken(&inputs);
                    let save = save_as.is_some();
                    let done = inputs.and_then(|inputs| {
                        let inputs = (inputs, grids.as_slice());
                        self.device.forward(&chain, inputs, &values, mode, save)
                    });
                    let _ = answer.send(done.map(|(output, saved)| {
                        let saved = save_as.zip(saved);
                        self.activations.extend(saved);
                        self.hold(output_as, output)
                    }));
                }
                Request::ForwardValues {
                    chain,
                    input,
                    values,
                    wanted,
                    answer,
                } => {
                    let _ = answer.send(self.values(&chain, input, &values, &wanted));
                }
                Request::Vjp {
                    chain,
                    saved,
                    values,
                    out_bar,
                    scope,
                    input_bar_as,
                    answer,
                } => {
                    let bars = self.taken(saved, out_bar).and_then(|(saved, out_bar)| {
                        self.device.vjp(&chain, saved, &values, out_bar, scope)
                    });
                    let _ = answer.send(bars.map(|bars| ChainGradients {
                        parameters: bars.parameters,
                        input: bars.input.map(|bar| self.hold(input_bar_as, bar)),
                    }));
                }
                Request::Forget(number) => {
                    self.maps.remove(&number);
                    self.activations.remove(&number);
                }
                Request::Transfers(answer) => {
                    let _ = answer.send(self.device.take_transfers());
                }
            }
        }
    }

    /// Holds maps under a number; their size.
    fn hold(&mut self, number: u64, maps: TensorMaps<D>) -> Size {
        let size = maps.size();
        self.maps.insert(number, maps);
        size
    }

    /// Runs a chain and holds some of its values; their sizes.
    fn values(
        &mut self,
        chain: &Chain,
        input: u64,
        values: &Values,
        wanted: &[(usize, u64)],
    ) -> Result<Vec<Size>> {
        let input = self.maps.remove(&input).ok_or_else(no_maps)?;
        let places: Vec<usize> = wanted.iter().map(|(value, _)| *value).collect();
        let found = self.device.forward_values(chain, input, values, &places)?;
        let found = wanted.iter().zip(found);
        Ok(found
            .map(|((_, number), maps)| self.hold(*number, maps))
            .collect())
    }

    /// The maps that a forward pass begins with; they are held no longer.
    fn all_taken(&mut self, numbers: &[u64]) -> Result<Vec<TensorMaps<D>>> {
        let taken = numbers
            .iter()
            .map(|number| self.maps.remove(number).ok_or_else(no_maps));
        taken.collect()
    }

    /// What a backward pass begins with; both are held no longer.
    fn taken(&mut self, saved: u64, out_bar: u64) -> Result<(DeviceActivations<D>, TensorMaps<D>)> {
        let saved = self.activations.remove(&saved);
        let saved = saved.ok_or_else(|| Error::Tape("no activations are saved".to_owned()))?;
        let out_bar = self.maps.remove(&out_bar).ok_or_else(no_maps)?;
        Ok((saved, out_bar))
    }
}

fn no_maps() -> Error {
    Error::Tape("no feature maps are held".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::test_values::random_values;

    fn cpu() -> DeviceThread {
        DeviceThread::start(|| Ok::<_, String>(Cpu::default())).unwrap()
    }

    /// Another handle of the same number.
    fn again(handle: &Handle) -> Handle {
        Handle {
            number: handle.number,
            thread: handle.thread,
            requests: handle.requests.clone(),
        }
    }

    #[test]
    fn a_device_that_does_not_open_says_why() {
        let refused = DeviceThread::start(|| Err::<Cpu, _>("no driver")).unwrap_err();
        assert_eq!(refused, "no driver");
    }

    #[test]
    fn activations_go_with_their_handle() {
        let device = cpu();
        let (chain, layers) = crate::TrunkKind::Lite0
            .chain(&[("stem".to_owned(), 1.0)])
            .unwrap();
        let values = crate::Parameters::random(layers, 1).values();
        let image = device.upload(Planes::zeros(3, 8, 8, 0)).unwrap();
        let grid = InputGrid::pixels((3, 8, 8));
        let (output, saved) = device
            .forward(
                &chain,
                (vec![image], &[grid]),
                &values,
                Mode::Inference,
                true,
            )
            .unwrap();
        let saved = saved.unwrap();
        let gone = RemoteActivations(again(&saved.0));
        drop(saved);
        let refused = device.vjp(&chain, gone, &values, output, BackwardScope::PARAMETERS);
        assert_eq!(
            refused.unwrap_err().to_string(),
            Error::Tape("no activations are saved".to_owned()).to_string()
        );
    }

    #[test]
    fn maps_go_with_their_handle() {
        let (device, other) = (cpu(), cpu());
        let planes = Planes::from_vec(2, 2, 3, random_values(12, 1));
        let maps = device.upload(planes.clone()).unwrap();
        assert_eq!((maps.size(), maps.download().unwrap()), ((2, 2, 3), planes));
        assert!(device.holds(&maps) && !other.holds(&maps));
        let gone = RemoteMaps {
            handle: again(&maps.handle),
            size: maps.size(),
        };
        drop(maps);
        assert_eq!(
            gone.download().unwrap_err().to_string(),
            no_maps().to_string()
        );
    }
}
