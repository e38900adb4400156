//! Batches of symmetric eigendecompositions.

use std::sync::Arc;
use std::time::Instant;

use cudarc::cusolver::DnHandle;
use cudarc::driver::{CudaContext, CudaStream};

use crate::calls::{Batch, JacobiSettings, PlainSettings, cusolver_version, has_cusolver, wait};
use crate::card::Gpu;
use crate::error::{Error, Result};

/// The largest side that cuSOLVER's Jacobi method treats as a batch of its own, a matrix a block of threads.
const JACOBI_SIDE: usize = 32;

/// Numbers of matrices that lie on the GPU at once: 256 MiB.
const BATCH_NUMBERS: usize = 1 << 25;
/// And how many matrices: cuSOLVER takes fewer than 65536, of some sides fewer than 32768.
const BATCH_MATRICES: usize = 1 << 14;
/// The first cuSOLVER that is asked at all, of CUDA 11.8: earlier ones answered wrong numbers for some matrices.
const OLDEST: i32 = 11_401;

/// The first cuSOLVER, of CUDA 12.6 update 2, that divides and conquers in batches.
const BATCHED_SINCE: i32 = 11_701;

/// How a batch is decomposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EigenMethod {
    /// Jacobi's rotations, all at once: `syevjBatched`.
    Jacobi,
    /// Reflections, then divide and conquer, all at once: `XsyevBatched`, from cuSOLVER 11.7.1 on.
    BatchedDivideAndConquer,
    /// The same, one after another: `syevd`.
    DivideAndConquer,
}

/// The copies to the GPU and back.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Copies {
    /// Wall seconds, the GPU's work not counted.
    pub seconds: f64,
    /// Bytes, both ways.
    pub bytes: u64,
}

/// The result of [`EigenSolver::solve`], beside the eigenvectors.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Solved {
    /// Λ, n a matrix, nondecreasing.
    pub values: Vec<f64>,
    /// Whether each matrix was decomposed; numbers of those that were not mean nothing.
    pub converged: Vec<bool>,
    /// The copies to the GPU and back.
    pub copies: Copies,
}

/// Symmetric eigendecompositions on a GPU, in batches.
///
/// ```text
/// A = V Λ Vᵀ of each matrix, f64        n ≤ 32: syevjBatched        n > 32: XsyevBatched, or one syevd after another
/// ```
///
/// # Shapes
/// Matrices of one side n, n² numbers each, one after another; Λ: n numbers each.
///
/// # Conventions
/// Column-major; lower triangles are read; values nondecreasing, one vector a column. Signs are free. Numbers that are
/// not finite are not looked for: guard first.
///
/// # Errors
/// [`Error::Shape`], [`Error::TooLarge`]; [`Error::Driver`], for want of memory among others; [`Error::Library`],
/// [`Error::TooOld`]. The content of the matrices is lost then.
///
/// # Cost
/// O(n³) time a matrix; both ways n² numbers, synchronously. At most 256 MiB of matrices lie on the GPU at once.
#[derive(Debug)]
pub struct EigenSolver {
    stream: Arc<CudaStream>,
    /// Until the end.
    handles: Option<Handles>,
    version: i32,
    /// After an error that leaves nothing to be cleared away in order.
    broken: bool,
}

#[derive(Debug)]
struct Handles {
    solver: DnHandle,
    jacobi: JacobiSettings,
    plain: PlainSettings,
}

impl Drop for EigenSolver {
    fn drop(&mut self) {
        let handles = self.handles.take();
        // cuSOLVER frees memory of the context that is current; cudarc gives up where it refuses to.
        if self.broken || self.stream.context().bind_to_thread().is_err() {
            std::mem::forget(handles);
        }
    }
}

impl EigenSolver {
    /// A solver on a GPU, with a stream of its own.
    ///
    /// # Errors
    /// [`Error::NoLibrary`] without cuSOLVER, [`Error::TooOld`]; [`Error::Driver`], [`Error::Library`].
    pub fn open(card: &Gpu) -> Result<Self> {
        if !has_cusolver() {
            return Err(Error::NoLibrary {
                name: "libcusolver",
            });
        }
        let version = cusolver_version()?;
        ensure_version(version, OLDEST)?;
        // A handle of the context of its own, so that errors of other handles are reported there.
        let context = CudaContext::new(card.number())?;
        let stream = context.new_stream()?;
        let handles = Handles {
            solver: DnHandle::new(Arc::clone(&stream))?,
            jacobi: JacobiSettings::new()?,
            plain: PlainSettings::new()?,
        };
        Ok(Self {
            stream,
            handles: Some(handles),
            version,
            broken: false,
        })
    }

    /// The method that [`EigenSolver::solve`] takes for matrices of this side.
    pub fn method(&self, side: usize) -> EigenMethod {
        if side <= JACOBI_SIDE {
            EigenMethod::Jacobi
        } else if self.version >= BATCHED_SINCE {
            EigenMethod::BatchedDivideAndConquer
        } else {
            EigenMethod::DivideAndConquer
        }
    }

    /// Λ of each matrix; V takes the place of the matrix.
    ///
    /// # Errors
    /// See [`EigenSolver`].
    pub fn solve(&mut self, side: usize, matrices: &mut [f64]) -> Result<Solved> {
        self.solve_by(self.method(side), side, matrices)
    }

    /// As [`EigenSolver::solve`], by a method of the caller's: to compare.
    ///
    /// # Errors
    /// See [`EigenSolver`].
    pub fn solve_by(
        &mut self,
        method: EigenMethod,
        side: usize,
        matrices: &mut [f64],
    ) -> Result<Solved> {
        if method == EigenMethod::BatchedDivideAndConquer {
            ensure_version(self.version, BATCHED_SINCE)?;
        }
        let mut solved = Solved {
            values: Vec::new(),
            converged: Vec::new(),
            copies: Copies::default(),
        };
        if matrices.is_empty() {
            return Ok(solved);
        }
        let entries = side.saturating_mul(side);
        if entries == 0 || !matrices.len().is_multiple_of(entries) {
            return Err(Error::Shape {
                side,
                found: matrices.len(),
            });
        }
        let at_once = (BATCH_NUMBERS / entries).clamp(1, BATCH_MATRICES) * entries;
        for part in matrices.chunks_mut(at_once) {
            let done = self.solve_part(method, side, part, &mut solved);
            // After an error too, nothing is read or written any more when this returns.
            let over = wait(&self.stream);
            if let Err(error) = done.and(over) {
                self.broken |= error != Error::OUT_OF_MEMORY;
                return Err(error);
            }
        }
        Ok(solved)
    }

    fn solve_part(
        &self,
        method: EigenMethod,
        side: usize,
        part: &mut [f64],
        solved: &mut Solved,
    ) -> Result<()> {
        let handles = self.handles.as_ref().expect("there until the end");
        let count = part.len() / (side * side);
        let begin = Instant::now();
        let mut batch = Batch {
            side,
            matrices: self.stream.clone_htod(part)?,
            values: self.stream.alloc_zeros(side * count)?,
            states: self.stream.alloc_zeros(count)?,
        };
        wait(&self.stream)?;
        let mut seconds = begin.elapsed().as_secs_f64();
        match method {
            EigenMethod::Jacobi => batch.by_jacobi(&handles.solver, &handles.jacobi)?,
            EigenMethod::BatchedDivideAndConquer => {
                batch.by_batched_divide_and_conquer(&handles.solver, &handles.plain)?;
            }
            EigenMethod::DivideAndConquer => batch.by_divide_and_conquer(&handles.solver)?,
        }
        wait(&self.stream)?;
        let begin = Instant::now();
        self.stream.memcpy_dtoh(&batch.matrices, part)?;
        let values = self.stream.clone_dtoh(&batch.values)?;
        let states = self.stream.clone_dtoh(&batch.states)?;
        wait(&self.stream)?;
        seconds += begin.elapsed().as_secs_f64();
        solved.copies.seconds += seconds;
        solved.copies.bytes += 8 * (2 * part.len() + values.len()) as u64 + 4 * count as u64;
        solved.values.extend(values);
        solved
            .converged
            .extend(states.iter().map(|state| *state == 0));
        Ok(())
    }
}

fn ensure_version(found: i32, expected: i32) -> Result<()> {
    if found >= expected {
        return Ok(());
    }
    Err(Error::TooOld {
        library: "cuSOLVER",
        expected,
        found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solvers_go_from_thread_to_thread() {
        fn goes<T: Send>() {}
        goes::<EigenSolver>();
    }

    #[test]
    fn versions_are_asked_for_as_the_library_counts_them() {
        assert_eq!(ensure_version(BATCHED_SINCE, OLDEST), Ok(()));
        let refused = ensure_version(10_600, OLDEST).unwrap_err().to_string();
        assert_eq!(refused, "expected cuSOLVER 11401 or newer, found 10600");
    }
}
