//! Where trunks and heads run.

mod device_maps;
#[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
mod gpu_eigen_solver;

use std::sync::Arc;

use faer::MatRef;
use matbackprop_core::Eigenpairs;

use serde::{Deserialize, Serialize};

#[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
use crate::backend::dfdx::{DeviceThread, RemoteActivations};
use crate::backend::{BackwardScope, Planes, SavedActivations};
use crate::error::{Error, Result};
use crate::trunk::{Chain, InputGrid, Mode};
pub(crate) use device_maps::{DeviceMaps, GridMaps};
#[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
use gpu_eigen_solver::GpuEigenSolver;

/// Where launchers of MPI say which place a process has among those of its machine: Open MPI, MPICH and its derivatives,
/// MVAPICH, Cray's PALS, Slurm.
const LOCAL_RANK: [&str; 5] = [
    "OMPI_COMM_WORLD_LOCAL_RANK",
    "MPI_LOCALRANKID",
    "MV2_COMM_WORLD_LOCAL_RANK",
    "PALS_LOCAL_RANKID",
    "SLURM_LOCALID",
];

/// Which device is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceChoice {
    /// The processor.
    #[default]
    Cpu,
    /// The NVIDIA GPU of this number.
    Cuda(usize),
    /// The first GPU where this build and machine have one, else the processor.
    Auto,
}

impl std::str::FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong = || format!("expected cpu, cuda:N or auto, found `{text}`");
        match text {
            "cpu" => Ok(Self::Cpu),
            "auto" => Ok(Self::Auto),
            "cuda" => Ok(Self::Cuda(0)),
            _ => {
                let number = text.strip_prefix("cuda:").ok_or_else(wrong)?;
                number.parse().map(Self::Cuda).map_err(|_| wrong())
            }
        }
    }
}

impl std::fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
            Self::Auto => f.write_str("auto"),
        }
    }
}

/// Where trunks and heads run: the processor, or a GPU.
///
/// Parameters, optimiser and the matrix layers, in f64, stay on the host whatever the device. What crosses: the maps that
/// enter the first chain, those that leave the last, their cotangents, parameters that changed, and gradients. Maps
/// between two chains of one device stay there. [`Transfers`] counts the time. A GPU that is fast in double precision finds
/// the eigenvalues of many matrices at a time, when the batch is large enough to repay the transfer.
#[derive(Clone, Debug, Default)]
pub struct Device {
    place: Place,
}

#[derive(Clone, Debug, Default)]
enum Place {
    #[default]
    Cpu,
    #[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
    Tensors {
        name: String,
        thread: Arc<DeviceThread>,
        /// `None` for a device of tests.
        card: Option<gpu::Gpu>,
        /// `None` where the processor finds them all.
        eigen_solver: Option<Arc<GpuEigenSolver>>,
    },
}

/// Transfers between host and device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Transfers {
    /// Wall seconds of copies, the device's work before them not counted.
    pub seconds: f64,
    /// Bytes, both ways.
    pub bytes: u64,
    /// Matrices whose eigenvalues and eigenvectors were found on the device.
    #[serde(default)]
    pub decomposed: u64,
}

/// Activations that the backward pass of a chain needs, on the device of the forward pass.
pub(crate) enum DeviceActivations {
    Cpu(SavedActivations),
    #[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
    Remote(RemoteActivations),
}

impl Device {
    /// The device that is asked for.
    ///
    /// # Errors
    /// [`Error::NoDevice`] for a GPU in a build without the feature `cuda`, on a machine without a driver, or of a number
    /// that there is not. [`DeviceChoice::Auto`] takes the processor then.
    pub fn open(choice: DeviceChoice) -> Result<Self> {
        match choice {
            DeviceChoice::Cpu => Ok(Self::default()),
            DeviceChoice::Cuda(number) => Self::cuda(number),
            DeviceChoice::Auto => Ok(Self::any_cuda().unwrap_or_default()),
        }
    }

    /// The GPU of a number. dfdx's cudarc gives up where there is no driver or no such GPU; ours answers, and is asked
    /// first.
    #[cfg(feature = "cuda")]
    fn cuda(number: usize) -> Result<Self> {
        let name = DeviceChoice::Cuda(number).to_string();
        let refused = |error: gpu::Error| Error::NoDevice {
            name: name.clone(),
            found: found_instead(error),
        };
        let card = gpu::Gpu::open(number).map_err(refused)?;
        Self::on_tensors(name, Some(card), move || tensors_on(number))
    }

    /// A GPU; for several processes on one machine another each, as far as there are.
    #[cfg(feature = "cuda")]
    fn any_cuda() -> Option<Self> {
        let count = gpu::Gpu::count().ok().filter(|count| *count > 0)?;
        Self::cuda(Self::local_rank() % count).ok()
    }

    #[cfg(not(feature = "cuda"))]
    fn any_cuda() -> Option<Self> {
        None
    }

    #[cfg(not(feature = "cuda"))]
    fn cuda(number: usize) -> Result<Self> {
        Err(Error::NoDevice {
            name: DeviceChoice::Cuda(number).to_string(),
            found: "a program that was built without the feature `cuda`".to_owned(),
        })
    }

    /// Chains by dfdx's own operations on the device that `open` gives.
    #[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
    fn on_tensors<D, E>(
        name: String,
        card: Option<gpu::Gpu>,
        open: impl FnOnce() -> std::result::Result<D, E> + Send + 'static,
    ) -> Result<Self>
    where
        D: dfdx::tensor_ops::Device<f32> + dfdx::tensor::Synchronize,
        E: std::fmt::Display,
    {
        match DeviceThread::start(open) {
            Ok(thread) => {
                let place = Place::Tensors {
                    name,
                    thread: Arc::new(thread),
                    eigen_solver: card.as_ref().and_then(GpuEigenSolver::on).map(Arc::new),
                    card,
                };
                Ok(Self { place })
            }
            Err(found) => Err(Error::NoDevice { name, found }),
        }
    }

    /// This process's place among those that a launcher of MPI started on its machine, so that each takes another GPU; 0
    /// where there is none.
    pub fn local_rank() -> usize {
        let places = LOCAL_RANK
            .iter()
            .filter_map(|name| std::env::var(name).ok());
        places
            .filter_map(|place| place.parse().ok())
            .next()
            .unwrap_or(0)
    }

    /// The dfdx backend on the processor, for tests.
    #[cfg(any(test, feature = "stand-ins"))]
    pub fn tensors_on_cpu() -> Self {
        Self::tensors_on_cpu_beside(None)
    }

    /// The same, its matrices and sums on a GPU.
    ///
    /// # Panics
    /// Never: there is a processor.
    #[cfg(any(test, feature = "stand-ins"))]
    pub fn tensors_on_cpu_beside(card: Option<gpu::Gpu>) -> Self {
        let open = || Ok::<_, String>(dfdx::tensor::Cpu::default());
        Self::on_tensors("tensors on cpu".to_owned(), card, open).expect("a processor")
    }

    /// The GPU behind it.
    #[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
    pub fn card(&self) -> Option<&gpu::Gpu> {
        match &self.place {
            Place::Cpu => None,
            Place::Tensors { card, .. } => card.as_ref(),
        }
    }

    /// `cpu`, or `cuda:N`.
    pub fn name(&self) -> &str {
        match &self.place {
            Place::Cpu => "cpu",
            #[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
            Place::Tensors { name, .. } => name,
        }
    }

    /// Transfers to the device and back since the last call; `None` on the processor.
    pub fn take_transfers(&self) -> Option<Transfers> {
        match &self.place {
            Place::Cpu => None,
            #[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
            Place::Tensors {
                thread,
                eigen_solver,
                ..
            } => {
                let mut transfers = thread.take_transfers();
                if let Some(eigen_solver) = eigen_solver {
                    eigen_solver.add_transfers(&mut transfers);
                }
                Some(transfers)
            }
        }
    }

    /// Eigenpairs of symmetric matrices, of those that this device finds faster than the processor would; where it finds
    /// none, they are not asked for.
    pub(crate) fn eigenpairs<'m>(
        &self,
        matrices: impl ExactSizeIterator<Item = Option<MatRef<'m, f64>>>,
    ) -> Vec<Option<Eigenpairs>> {
        match &self.place {
            #[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
            Place::Tensors {
                eigen_solver: Some(eigen_solver),
                ..
            } => eigen_solver.eigenpairs(&matrices.collect::<Vec<_>>()),
            _ => vec![None; matrices.len()],
        }
    }

    /// Why the processor finds all eigenvalues from here on; `Some` once.
    pub fn take_refusal(&self) -> Option<String> {
        match &self.place {
            #[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
            Place::Tensors {
                eigen_solver: Some(eigen_solver),
                ..
            } => eigen_solver.take_refusal(),
            _ => None,
        }
    }

    /// As [`Chain::forward`], on this device.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`]; [`Error::Tape`] when the device refuses.
    pub(crate) fn forward(
        &self,
        chain: &Chain,
        inputs: Vec<GridMaps>,
        parameters: &Arc<Vec<Vec<f32>>>,
        mode: Mode,
        on_step: &mut dyn FnMut(usize),
    ) -> Result<DeviceMaps> {
        let (grids, maps) = grids_and_maps(inputs);
        match &self.place {
            Place::Cpu => {
                let planes = maps.into_iter().map(DeviceMaps::into_planes);
                let planes = planes.collect::<Result<_>>()?;
                let output = chain.forward_on(planes, &grids, parameters, mode, on_step)?;
                Ok(DeviceMaps::Host(output))
            }
            #[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
            Place::Tensors { thread, .. } => {
                let maps = maps.into_iter().map(|maps| maps.on(thread));
                let inputs = (maps.collect::<Result<_>>()?, grids.as_slice());
                let (output, _) = thread.forward(chain, inputs, parameters, mode, false)?;
                Ok(output.into())
            }
        }
    }

    /// As [`Chain::forward_values`], on this device.
    ///
    /// # Errors
    /// As [`Device::forward`].
    pub(crate) fn forward_values(
        &self,
        chain: &Chain,
        input: Planes,
        parameters: &Arc<Vec<Vec<f32>>>,
        wanted: &[usize],
    ) -> Result<Vec<DeviceMaps>> {
        match &self.place {
            Place::Cpu => {
                let values = chain.forward_values(input, parameters, wanted)?;
                Ok(values.into_iter().map(DeviceMaps::Host).collect())
            }
            #[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
            Place::Tensors { thread, .. } => {
                let input = thread.upload(input)?;
                let values = thread.forward_values(chain, input, parameters, wanted)?;
                Ok(values.into_iter().map(DeviceMaps::from).collect())
            }
        }
    }

    /// As [`Chain::forward_saving`], on this device.
    ///
    /// # Errors
    /// As [`Device::forward`].
    pub(crate) fn forward_saving(
        &self,
        chain: &Chain,
        inputs: Vec<GridMaps>,
        parameters: &Arc<Vec<Vec<f32>>>,
        mode: Mode,
    ) -> Result<(DeviceMaps, DeviceActivations)> {
        let (grids, maps) = grids_and_maps(inputs);
        match &self.place {
            Place::Cpu => {
                let planes = maps.into_iter().map(DeviceMaps::into_planes);
                let planes = planes.collect::<Result<_>>()?;
                let (output, saved) = chain.forward_saving_on(planes, &grids, parameters, mode)?;
                Ok((DeviceMaps::Host(output), DeviceActivations::Cpu(saved)))
            }
            #[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
            Place::Tensors { thread, .. } => {
                let maps = maps.into_iter().map(|maps| maps.on(thread));
                let inputs = (maps.collect::<Result<_>>()?, grids.as_slice());
                let (output, saved) = thread.forward(chain, inputs, parameters, mode, true)?;
                let saved = saved.expect("activations that were asked for");
                Ok((output.into(), DeviceActivations::Remote(saved)))
            }
        }
    }

    /// As [`Chain::vjp_with_hook`], on this device, which ran [`Device::forward_saving`]. A device other than the
    /// processor gives all gradients at the end.
    ///
    /// # Errors
    /// [`Error::Tape`] when the device refuses.
    ///
    /// # Panics
    /// When `saved` was made on another device.
    pub(crate) fn vjp_with_hook(
        &self,
        chain: &Chain,
        saved: DeviceActivations,
        parameters: &Arc<Vec<Vec<f32>>>,
        out_bar: DeviceMaps,
        scope: BackwardScope,
        on_gradient: impl FnMut(usize, [Vec<f32>; 2]),
    ) -> Result<Option<DeviceMaps>> {
        match (&self.place, saved) {
            (_, DeviceActivations::Cpu(saved)) => {
                let out_bar = out_bar.into_planes()?;
                let bar = chain.vjp_with_hook(saved, parameters, out_bar, scope, on_gradient);
                Ok(bar.map(DeviceMaps::Host))
            }
            #[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
            (Place::Tensors { thread, .. }, DeviceActivations::Remote(saved)) => {
                let out_bar = out_bar.on(thread)?;
                let bars = thread.vjp(chain, saved, parameters, out_bar, scope)?;
                let (mut on_gradient, mut rest) = (on_gradient, bars.parameters);
                while let (Some(bias_bar), Some(kernel_bar)) = (rest.pop(), rest.pop()) {
                    if !kernel_bar.is_empty() {
                        on_gradient(rest.len(), [kernel_bar, bias_bar]);
                    }
                }
                Ok(bars.input.map(DeviceMaps::from))
            }
            #[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
            (Place::Cpu, DeviceActivations::Remote(_)) => {
                panic!("a backward pass runs where the forward pass ran")
            }
        }
    }
}

/// Grids and maps apart, as chains take them.
fn grids_and_maps(inputs: Vec<GridMaps>) -> (Vec<InputGrid>, Vec<DeviceMaps>) {
    let pairs = inputs.into_iter();
    pairs.map(|input| (input.grid, input.maps)).unzip()
}

/// The reason why there is no GPU, in the words of [`Error::NoDevice`].
#[cfg(any(test, feature = "cuda"))]
fn found_instead(error: gpu::Error) -> String {
    match error {
        gpu::Error::NoLibrary { name } => format!("no {name} where the loader looks"),
        gpu::Error::NoSuchGpu { count, .. } => format!("{count} GPUs, counted from 0"),
        error => error.to_string(),
    }
}

/// dfdx's tensors on a GPU that is there.
#[cfg(feature = "cuda")]
fn tensors_on(number: usize) -> std::result::Result<dfdx::tensor::Cuda, String> {
    use dfdx::tensor::{Cuda, CudaError};

    Cuda::try_build(number, 0).map_err(|error| match error {
        CudaError::Driver(error) => found_instead(gpu::Error::Driver {
            code: error.0 as u32,
        }),
        _ => "a CUDA library that does not start".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_by_name() {
        for (text, choice) in [
            ("cpu", DeviceChoice::Cpu),
            ("auto", DeviceChoice::Auto),
            ("cuda:3", DeviceChoice::Cuda(3)),
        ] {
            assert_eq!(text.parse::<DeviceChoice>().unwrap(), choice);
            assert_eq!(choice.to_string(), text);
        }
        assert_eq!("cuda".parse::<DeviceChoice>(), Ok(DeviceChoice::Cuda(0)));
        for text in ["", "gpu", "cuda:", "cuda:-1", "cuda:x"] {
            let refused = text.parse::<DeviceChoice>().unwrap_err();
            assert!(
                refused.starts_with("expected cpu, cuda:N or auto"),
                "{refused}"
            );
        }
    }

    #[test]
    fn threads_share_a_device() {
        fn shared<T: Send + Sync>() {}
        shared::<Device>();
    }

    #[test]
    fn the_reason_for_no_gpu_completes_the_message() {
        let errors = [
            gpu::Error::NoLibrary { name: "libcuda" },
            gpu::Error::NoSuchGpu {
                number: 5,
                count: 2,
            },
            gpu::Error::Driver { code: 35 },
        ];
        let expected = [
            "no libcuda where the loader looks",
            "2 GPUs, counted from 0",
            "a driver older than the CUDA toolkit of this build (CUDA error 35)",
        ];
        assert_eq!(errors.map(found_instead), expected);
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_build_without_cuda_says_so_and_auto_takes_the_processor() {
        let refused = Device::open(DeviceChoice::Cuda(1)).unwrap_err().to_string();
        assert_eq!(
            refused,
            "device cuda:1: expected an NVIDIA GPU and its driver, found a program that was built without the feature `cuda`"
        );
        assert_eq!(Device::open(DeviceChoice::Auto).unwrap().name(), "cpu");
    }
}
