//! The errors of this crate.

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a GPU or of one of its libraries.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A library that is not where the loader looks.
    #[error("expected {name}, found none where the loader looks")]
    NoLibrary {
        /// Its file.
        name: &'static str,
    },
    /// A GPU of a number that there is not.
    #[error("expected GPU {number}, found {count}, counted from 0")]
    NoSuchGpu {
        /// Its number.
        number: usize,
        /// How many there are.
        count: usize,
    },
    /// The driver refuses.
    #[error("{} (CUDA error {code})", driver_words(*code))]
    Driver {
        /// Its own number.
        code: u32,
    },
    /// A library above the driver refuses.
    #[error("{library}: {status}")]
    Library {
        /// Its name.
        library: &'static str,
        /// Its own name for the error.
        status: String,
    },
    /// A library too old for the call.
    #[error("expected {library} {expected} or newer, found {found}")]
    TooOld {
        /// Its name.
        library: &'static str,
        /// The first version that has it, as the library counts.
        expected: i32,
        /// Its version.
        found: i32,
    },
    /// Numbers that do not make matrices.
    #[error(
        "expected matrices of {side} × {side} numbers, one after another, found {found} numbers"
    )]
    Shape {
        /// n.
        side: usize,
        /// How many numbers there are.
        found: usize,
    },
    /// Sums of different lengths.
    #[error("expected {expected} numbers, found {found}")]
    Length {
        /// How many numbers were sent.
        expected: usize,
        /// How many numbers there is room for.
        found: usize,
    },
    /// A matrix too large for the solver's own counts.
    #[error("expected a side of at most {limit}, found {side}")]
    TooLarge {
        /// n.
        side: usize,
        /// The largest.
        limit: usize,
    },
}

impl Error {
    /// No memory left: a smaller batch, or a later one, may succeed.
    pub const OUT_OF_MEMORY: Self = Self::Driver { code: 2 };
}

/// The driver's error codes in words, for those that users meet.
fn driver_words(code: u32) -> &'static str {
    match code {
        2 => "no memory left on the GPU",
        34 => "a stand-in for the driver",
        35 => "a driver older than the CUDA toolkit of this build",
        100 => "no GPU",
        _ => "a driver that refuses",
    }
}

impl From<cudarc::driver::DriverError> for Error {
    fn from(error: cudarc::driver::DriverError) -> Self {
        Self::Driver {
            code: error.0 as u32,
        }
    }
}

impl From<cudarc::cusolver::CusolverError> for Error {
    fn from(error: cudarc::cusolver::CusolverError) -> Self {
        Self::Library {
            library: "cuSOLVER",
            status: format!("{:?}", error.0),
        }
    }
}

impl From<cudarc::nccl::result::NcclError> for Error {
    fn from(error: cudarc::nccl::result::NcclError) -> Self {
        Self::Library {
            library: "NCCL",
            status: format!("{:?}", error.0),
        }
    }
}
