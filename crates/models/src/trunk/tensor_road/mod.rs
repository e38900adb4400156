//! The same layers by dfdx's own operations, for devices whose memory the fused ones cannot reach.
//!
//! ```text
//! C × H × W on the host ─► n × C on the device ─► gather, product, … ─► n′ × C′ ─► C′ × H′ × W′ on the host
//! ```
//!
//! Generic over the device: the tests run every layer on dfdx's `Cpu` against the fused ones, `cuda` on a GPU.

#[cfg(test)]
mod agreement;
mod chain;
mod conv;
mod depthwise;
mod max_pool;
mod resize;
mod response_norm;
mod rows;

mod table;
mod thread;
mod uploads;

pub(crate) use thread::KeptRows;
pub(crate) use thread::RoadThread;
