//! The GPUs of this machine.

use std::sync::Arc;

use cudarc::driver::CudaContext;
use cudarc::driver::sys::CUdevice_attribute_enum::CU_DEVICE_ATTRIBUTE_SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO as SINGLE_TO_DOUBLE;

use crate::calls;
use crate::error::{Error, Result};

/// GPUs made for double precision give it at a half or a third of the speed of single; others at 1/32 or 1/64.
const FAST_RATIO: i32 = 4;

/// An NVIDIA GPU, opened: its primary context, which others in this process share.
#[derive(Clone, Debug)]
pub struct Gpu {
    pub(crate) context: Arc<CudaContext>,
}

impl Gpu {
    /// How many there are.
    ///
    /// # Errors
    /// [`Error::NoLibrary`] without a driver; [`Error::Driver`] where it refuses, as it does without any GPU.
    pub fn count() -> Result<usize> {
        if !calls::has_driver() {
            return Err(Error::NoLibrary { name: "libcuda" });
        }
        let count = CudaContext::device_count()?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    /// The GPU of a number, counted from 0.
    ///
    /// # Errors
    /// Those of [`Gpu::count`]; [`Error::NoSuchGpu`].
    pub fn open(number: usize) -> Result<Self> {
        let count = Self::count()?;
        if number >= count {
            return Err(Error::NoSuchGpu { number, count });
        }
        let context = CudaContext::new(number)?;
        Ok(Self { context })
    }

    /// Its number, counted from 0.
    pub fn number(&self) -> usize {
        self.context.ordinal()
    }

    /// Its maker's name for it.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub fn name(&self) -> Result<String> {
        Ok(self.context.name()?)
    }

    /// Its UUID: the same on any machine and under any number.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub fn uuid(&self) -> Result<[u8; 16]> {
        let uuid = self.context.uuid()?;
        Ok(uuid.bytes.map(|byte| u8::from_ne_bytes(byte.to_ne_bytes())))
    }

    /// Whether it computes in double precision at a fair part of its speed: at least a quarter.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub fn has_fast_doubles(&self) -> Result<bool> {
        Ok(self.context.attribute(SINGLE_TO_DOUBLE)? <= FAST_RATIO)
    }
}
