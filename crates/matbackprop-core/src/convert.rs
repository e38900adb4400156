//! Matrices of other crates, as faer's and back.
//!
//! ```text
//! view_from_…   the same numbers in the same place; `None` where faer cannot read them there
//! mat_from_…    a copy, of any layout
//! …_from_mat    a copy back
//! ```

#[cfg(feature = "nalgebra")]
mod nalgebra;
#[cfg(feature = "ndarray")]
mod ndarray;

#[cfg(feature = "nalgebra")]
pub use self::nalgebra::{mat_from_nalgebra, nalgebra_from_mat, view_from_nalgebra};
#[cfg(feature = "ndarray")]
pub use self::ndarray::{mat_from_ndarray, ndarray_from_mat, view_from_ndarray};
