//! MATLAB files of level 5 (`.mat`, "v5" to "v7"): the layout BSDS500 and its benchmark are stored in.
//!
//! ```text
//! file      a header of 128 bytes and a list of elements
//! element   one tag (type, bytes) and its data, at most once compressed
//! numbers   the data of a numeric element, in the type it is stored as
//! array     an element of type matrix: numbers, text, cells, structs
//! view      an array with its file and name, read as the benchmark needs it
//! ```
//!
//! Nothing here trusts a size: every length is checked against the bytes that are there, inflation stops where the
//! element's own tag says and at 256 MiB a file, nesting and the number of arrays have limits.

mod array;
mod element;
mod file;
mod numbers;
mod view;
#[cfg(test)]
pub(crate) mod written;

pub(crate) use file::MatFile;
pub(crate) use numbers::Class;
pub(crate) use view::{IdMatrix, MOST_REALS, View};
