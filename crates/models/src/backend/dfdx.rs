//! The backend of devices whose memory the fused kernels cannot reach: dfdx's own tensor operations.
//!
//! ```text
//! C × H × W on the host ─► n × C on the device ─► gather, product, … ─► n′ × C′ ─► … ─► C″ × H″ × W″ on the host
//!                 upload   └──────────── a chain ───────────────────────────┘ the next   download
//! ```
//!
//! Maps and cotangents cross by [`DeviceThread::upload`] and [`DeviceThread::download`] alone. Between chains they stay
//! on the device, as [`RemoteMaps`].
//!
//! Generic over dfdx's devices: the tests run every layer on its `Cpu` against the fused kernels, `cuda` on a GPU.

#[cfg(test)]
mod agreement;
mod chain;
mod conv;
mod depthwise;
mod device_thread;
mod max_pool;
mod resize;
mod response_norm;
mod rows;
mod table;
mod tensor_backend;
mod tensor_device;
mod tensor_maps;
mod uploads;

pub(crate) use device_thread::{DeviceThread, RemoteActivations, RemoteMaps};
