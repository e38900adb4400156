//! The backend of the processor: fused kernels on framed planes.

mod activation;
mod chain;
mod conv;
mod correlate;
mod cpu_backend;
mod depthwise;
mod dropout;
mod max_pool;
mod parallel;
mod patches;
mod phases;
mod resize;
mod response_norm;
mod sliding;
mod tiles;
mod window;
