//! Sums over the GPUs of a job.

use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaEvent, CudaSlice, CudaStream};
use cudarc::nccl::result::NcclStatus;
use cudarc::nccl::safe::{Comm, Id, ReduceOp};

use crate::calls::{has_nccl, wait};
use crate::card::Gpu;
use crate::error::{Error, Result};

/// The id by which the ranks of a job find one another: made by one of them, sent to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobId(pub [u8; 128]);

impl JobId {
    /// The identity of a new job.
    ///
    /// # Errors
    /// [`Error::NoLibrary`] without NCCL; [`Error::Library`].
    pub fn new() -> Result<Self> {
        if !has_nccl() {
            return Err(missing());
        }
        let id = Id::new()?;
        Ok(Self(
            id.internal()
                .map(|byte| u8::from_ne_bytes(byte.to_ne_bytes())),
        ))
    }
}

/// Sums over the ranks of a job, each with a GPU of its own, one sum at a time.
///
/// ```text
/// total = Σ over ranks of numbers, f32       host → GPU → NCCL's all-reduce → host
/// ```
///
/// # Conventions
/// All ranks make the same calls, in the same order. The sum is the same to the bit on all ranks. A rank that is
/// lost leaves the others waiting: poll [`Collective::is_done`] meanwhile, and watch the ranks by other means.
/// [`Collective::join`] and the first sums of a size make connections, and wait inside the call until all ranks are there.
///
/// # Cost
/// Both ways as many numbers as there are to sum, between host and GPU; between GPUs, as fast as NCCL uses
/// their links.
#[derive(Debug)]
pub struct Collective {
    communicator: Comm,
    stream: Arc<CudaStream>,
    /// Reused from sum to sum: buckets have few lengths.
    buffers: Vec<CudaSlice<f32>>,
    under_way: Option<(CudaSlice<f32>, CudaEvent)>,
}

impl Collective {
    /// Whether NCCL is where the loader looks.
    pub fn is_available() -> bool {
        has_nccl()
    }

    /// Joins the job `id` as one of its ranks; waits for all of them.
    ///
    /// # Errors
    /// [`Error::NoLibrary`] without NCCL; [`Error::Driver`]; [`Error::Library`], as for two ranks on one GPU.
    pub fn join(card: &Gpu, rank: usize, size: usize, id: JobId) -> Result<Self> {
        if !has_nccl() {
            return Err(missing());
        }
        // Its calls would come back before they are through.
        if std::env::var("NCCL_COMM_BLOCKING").is_ok_and(|blocking| blocking.trim() == "0") {
            return Err(Error::Library {
                library: "NCCL",
                status: "NCCL_COMM_BLOCKING=0 in the environment".to_owned(),
            });
        }
        let context = CudaContext::new(card.number())?;
        let stream = context.new_stream()?;
        let id = Id::uninit(id.0.map(|byte| std::ffi::c_char::from_ne_bytes(byte.to_ne_bytes())));
        Ok(Self {
            communicator: Comm::from_rank(Arc::clone(&stream), rank, size, id)?,
            stream,
            buffers: Vec::new(),
            under_way: None,
        })
    }

    /// Sends numbers on their way.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Library`].
    ///
    /// # Panics
    /// When a sum is under way.
    pub fn begin(&mut self, numbers: &[f32]) -> Result<()> {
        assert!(self.under_way.is_none(), "one sum at a time");
        let cached = self
            .buffers
            .iter()
            .position(|buffer| buffer.len() == numbers.len());
        let mut buffer = match cached {
            Some(place) => self.buffers.swap_remove(place),
            None => self.stream.alloc_zeros(numbers.len())?,
        };
        self.stream.memcpy_htod(numbers, &mut buffer)?;
        let status = self
            .communicator
            .all_reduce_in_place(&mut buffer, &ReduceOp::Sum)?;
        if !matches!(status, NcclStatus::Success) {
            return Err(Error::Library {
                library: "NCCL",
                status: "a sum that is neither under way nor refused".to_owned(),
            });
        }
        let event = self.stream.record_event(None)?;
        self.under_way = Some((buffer, event));
        Ok(())
    }

    /// Whether the sum is there.
    ///
    /// # Errors
    /// [`Error::Driver`], of any call since `begin`.
    pub fn is_done(&self) -> Result<bool> {
        match &self.under_way {
            None => Ok(true),
            Some((_, event)) => Ok(event.try_is_complete()?),
        }
    }

    /// Waits for the sum, and takes it.
    ///
    /// # Errors
    /// [`Error::Driver`]; [`Error::Length`] unless there is room for as many numbers as were sent.
    ///
    /// # Panics
    /// When none is under way.
    pub fn finish(&mut self, total: &mut [f32]) -> Result<()> {
        let (buffer, _) = self.under_way.take().expect("a sum under way");
        if total.len() != buffer.len() {
            return Err(Error::Length {
                expected: buffer.len(),
                found: total.len(),
            });
        }
        self.stream.memcpy_dtoh(&buffer, total)?;
        wait(&self.stream)?;
        self.buffers.push(buffer);
        Ok(())
    }
}

fn missing() -> Error {
    Error::NoLibrary { name: "libnccl" }
}
