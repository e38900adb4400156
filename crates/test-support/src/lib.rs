//! What the tests of several crates share.
//!
//! A test that reads a data set says so. Where that set is absent, the test is counted as ignored, with the reason:
//!
//! ```rust,ignore
//! use test_support::{data_folder, needs};
//!
//! #[needs("bsds500")]
//! #[test]
//! fn every_image_reads() {
//!     let images = data_folder("bsds500").join("images");
//!     // …
//! }
//! ```
//!
//! Published crates depend on this one for their tests only; nothing of it is built by their users.

use std::path::{Path, PathBuf};

/// The attribute of a test that reads data sets or runs a program: `#[needs("bsds500", "weights")]` before `#[test]`.
///
/// Names are those of folders inside the data folder, or `mpirun`. Any other name is an error of the compiler.
/// What is there is found out when the tests are built; a change of `MATBACKPROP_DATA` or `PATH` builds them again.
pub use test_support_needs::needs;

/// The folder of one data set, by its name.
///
/// Data sets lie in the folder `MATBACKPROP_DATA`, or else in `shared/data` beside the workspace.
pub fn data_folder(name: &str) -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    std::env::var_os("MATBACKPROP_DATA")
        .map_or(beside, PathBuf::from)
        .join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_a_folder_is_its_name() {
        assert!(data_folder("weights").ends_with("weights"));
    }

    #[needs("weights")]
    #[test]
    fn a_needed_folder_is_there() {
        assert!(data_folder("weights").is_dir());
    }
}
