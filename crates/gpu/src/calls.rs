//! The calls that cudarc does not wrap safely: the only unsafe code of this workspace.
//!
//! Each function here is safe: it checks all that its libraries would take on trust.

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::sync::Arc;

use cudarc::cusolver::{CusolverError, DnHandle, DnParams, sys};
use cudarc::driver::{CudaSlice, CudaStream, DevicePtrMut as _, SyncOnDrop};

use crate::error::{Error, Result};

const VECTORS: sys::cusolverEigMode_t = sys::cusolverEigMode_t::CUSOLVER_EIG_MODE_VECTOR;
const LOWER: sys::cublasFillMode_t = sys::cublasFillMode_t::CUBLAS_FILL_MODE_LOWER;
const F64: sys::cudaDataType = sys::cudaDataType::CUDA_R_64F;

/// Whether the driver can be loaded.
pub(crate) fn has_driver() -> bool {
    // SAFETY: libraries of this name run nothing of ours when they are loaded, and may be closed again.
    unsafe { cudarc::driver::sys::is_culib_present() }
}

/// Whether cuSOLVER can be loaded.
pub(crate) fn has_cusolver() -> bool {
    // SAFETY: as above.
    unsafe { sys::is_culib_present() }
}

/// Whether NCCL can be loaded.
pub(crate) fn has_nccl() -> bool {
    // SAFETY: as above.
    unsafe { cudarc::nccl::sys::is_culib_present() }
}

/// cuSOLVER's version: 11701 for 11.7.1.
pub(crate) fn cusolver_version() -> Result<i32> {
    let mut version = 0;
    // SAFETY: the pointer is valid for one write.
    unsafe { sys::cusolverGetVersion(&raw mut version) }.result()?;
    Ok(version)
}

/// Settings of cuSOLVER's Jacobi method, its own ones: values nondecreasing, rotations until nothing is left to rotate.
#[derive(Debug)]
pub(crate) struct JacobiSettings(sys::syevjInfo_t);

// SAFETY: settings belong to no thread; their owner calls cuSOLVER from one thread at a time.
unsafe impl Send for JacobiSettings {}

impl JacobiSettings {
    pub(crate) fn new() -> Result<Self, CusolverError> {
        let mut settings = std::ptr::null_mut();
        // SAFETY: the pointer is valid for one write.
        unsafe { sys::cusolverDnCreateSyevjInfo(&raw mut settings) }.result()?;
        Ok(Self(settings))
    }
}

impl Drop for JacobiSettings {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and dropped once. Its status changes nothing any more.
        let _ = unsafe { sys::cusolverDnDestroySyevjInfo(self.0) };
    }
}

/// cuSOLVER's own settings, for calls that want some.
#[derive(Debug)]
pub(crate) struct PlainSettings(DnParams);

// SAFETY: as above.
unsafe impl Send for PlainSettings {}

impl PlainSettings {
    pub(crate) fn new() -> Result<Self, CusolverError> {
        // The algorithm of another function, at its default: cudarc makes no settings without setting something.
        let function = sys::cusolverDnFunction_t::CUSOLVERDN_GETRF;
        let algorithm = sys::cusolverAlgMode_t::CUSOLVER_ALG_0;
        Ok(Self(DnParams::new(function, algorithm)?))
    }
}

/// Waits for all work of a stream, also where an error is reported before the wait. An error that cudarc stored of an
/// earlier call comes first, and once.
pub(crate) fn wait(stream: &CudaStream) -> Result<()> {
    let result = stream.synchronize();
    if result.is_err() {
        // The first error is returned, not that of the second wait.
        let _ = stream.synchronize();
    }
    Ok(result?)
}

/// Numbers of a batch on the GPU.
pub(crate) struct Batch {
    /// n.
    pub(crate) side: usize,
    /// A, column-major, one after another; V afterwards.
    pub(crate) matrices: CudaSlice<f64>,
    /// Λ, n a matrix.
    pub(crate) values: CudaSlice<f64>,
    /// Zero for each matrix that converged.
    pub(crate) states: CudaSlice<i32>,
}

/// A batch as cuSOLVER takes it; the memory is not freed meanwhile.
struct Places<'a> {
    side: i32,
    count: i32,
    matrices: *mut f64,
    values: *mut f64,
    states: *mut i32,
    _guards: [SyncOnDrop<'a>; 3],
}

impl Batch {
    /// The pointers that cuSOLVER takes. Makes `handle`'s context current.
    ///
    /// # Panics
    /// When the slices do not hold what their names say, or lie on another stream than `handle`.
    fn places<'a>(&'a mut self, handle: &'a DnHandle) -> Result<Places<'a>> {
        let (n, count) = (self.side, self.states.len());
        assert!(n > 0 && count > 0, "a batch of something");
        let lengths = (self.matrices.len(), self.values.len());
        assert_eq!(
            lengths,
            (n * n * count, n * count),
            "a batch of {count} of side {n}"
        );
        let one_stream = [
            self.matrices.stream(),
            self.values.stream(),
            self.states.stream(),
        ];
        let same = one_stream
            .iter()
            .all(|other| Arc::ptr_eq(other, handle.stream()));
        assert!(same, "a batch on the stream of its solver");
        let side = i32::try_from(n).map_err(|_| too_large(n))?;
        let count = i32::try_from(count).map_err(|_| too_large(n))?;
        let stream = handle.stream();
        stream.context().bind_to_thread()?;
        let (matrices, of_matrices) = self.matrices.device_ptr_mut(stream);
        let (values, of_values) = self.values.device_ptr_mut(stream);
        let (states, of_states) = self.states.device_ptr_mut(stream);
        Ok(Places {
            side,
            count,
            matrices: matrices as *mut f64,
            values: values as *mut f64,
            states: states as *mut i32,
            _guards: [of_matrices, of_values, of_states],
        })
    }

    /// A = V Λ Vᵀ for each, by reflections and divide and conquer, one after another; lower triangles are read.
    pub(crate) fn by_divide_and_conquer(&mut self, handle: &DnHandle) -> Result<()> {
        let (n, count) = (self.side, self.states.len());
        let at = self.places(handle)?;
        let mut length = 0;
        // SAFETY: handle and pointers are alive; the call reads sizes alone.
        let status = unsafe {
            sys::cusolverDnDsyevd_bufferSize(
                handle.cu(),
                VECTORS,
                LOWER,
                at.side,
                at.matrices,
                at.side,
                at.values,
                &raw mut length,
            )
        };
        status.result()?;
        let mut room = room_of(handle.stream(), length)?;
        let (room, _room) = room.device_ptr_mut(handle.stream());
        for place in 0..count {
            // SAFETY: matrix `place` has n² numbers, its values n and its state one inside their slices, by `places`;
            // the room is as long as cuSOLVER asked for. All of them outlive the work: they are freed in the order of
            // the stream on which it runs.
            let status = unsafe {
                sys::cusolverDnDsyevd(
                    handle.cu(),
                    VECTORS,
                    LOWER,
                    at.side,
                    at.matrices.add(place * n * n),
                    at.side,
                    at.values.add(place * n),
                    room as *mut f64,
                    length,
                    at.states.add(place),
                )
            };
            status.result()?;
        }
        Ok(())
    }

    /// The same by Jacobi's rotations, all at once.
    pub(crate) fn by_jacobi(&mut self, handle: &DnHandle, settings: &JacobiSettings) -> Result<()> {
        let at = self.places(handle)?;
        let mut length = 0;
        // SAFETY: handle, settings and pointers are alive; the call reads sizes alone.
        let status = unsafe {
            sys::cusolverDnDsyevjBatched_bufferSize(
                handle.cu(),
                VECTORS,
                LOWER,
                at.side,
                at.matrices,
                at.side,
                at.values,
                &raw mut length,
                settings.0,
                at.count,
            )
        };
        status.result()?;
        let mut room = room_of(handle.stream(), length)?;
        let (room, _room) = room.device_ptr_mut(handle.stream());
        // SAFETY: by `places` the slices hold `count` matrices of side n, their values and their states; the room is
        // as long as cuSOLVER asked for. All of them outlive the work, as above.
        let status = unsafe {
            sys::cusolverDnDsyevjBatched(
                handle.cu(),
                VECTORS,
                LOWER,
                at.side,
                at.matrices,
                at.side,
                at.values,
                room as *mut f64,
                length,
                at.states,
                settings.0,
                at.count,
            )
        };
        Ok(status.result()?)
    }

    /// The same by reflections and divide and conquer, all at once.
    pub(crate) fn by_batched_divide_and_conquer(
        &mut self,
        handle: &DnHandle,
        settings: &PlainSettings,
    ) -> Result<()> {
        let at = self.places(handle)?;
        let (side, count) = (i64::from(at.side), i64::from(at.count));
        let stream = handle.stream();
        let (mut bytes, mut bytes_of_host) = (0, 0);
        // SAFETY: handle, settings and pointers are alive; the call reads sizes alone.
        let status = unsafe {
            sys::cusolverDnXsyevBatched_bufferSize(
                handle.cu(),
                settings.0.cu(),
                VECTORS,
                LOWER,
                side,
                F64,
                at.matrices.cast(),
                side,
                F64,
                at.values.cast(),
                F64,
                &raw mut bytes,
                &raw mut bytes_of_host,
                count,
            )
        };
        status.result()?;
        // Zeros: the first versions that have this call count on them.
        let mut room = stream.alloc_zeros::<u8>(bytes.max(1))?;
        let (room, _room) = room.device_ptr_mut(stream);
        let mut room_of_host = vec![0_u64; bytes_of_host.div_ceil(8).max(1)];
        // SAFETY: by `places` the slices hold `count` matrices of side n, their values and their states; both rooms are
        // as long as cuSOLVER asked for, the host's aligned for any number. The buffers on the GPU outlive the work, as
        // above. So does the host's, because the stream is waited for before it is freed.
        let status = unsafe {
            sys::cusolverDnXsyevBatched(
                handle.cu(),
                settings.0.cu(),
                VECTORS,
                LOWER,
                side,
                F64,
                at.matrices.cast(),
                side,
                F64,
                at.values.cast(),
                F64,
                room as *mut c_void,
                bytes,
                room_of_host.as_mut_ptr().cast(),
                bytes_of_host,
                at.states,
                count,
            )
        };
        wait(stream)?;
        Ok(status.result()?)
    }
}

/// As many numbers as cuSOLVER asked for, zeros.
fn room_of(stream: &Arc<CudaStream>, length: i32) -> Result<CudaSlice<f64>> {
    let asked = usize::try_from(length).map_err(|_| Error::Library {
        library: "cuSOLVER",
        status: format!("room for {length} numbers"),
    })?;
    Ok(stream.alloc_zeros(asked.max(1))?)
}

fn too_large(side: usize) -> Error {
    Error::TooLarge {
        side,
        limit: i32::MAX as usize,
    }
}
