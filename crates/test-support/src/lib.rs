//! Shared by the tests of several crates.
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

pub mod gradients;
pub mod numbers;
pub mod overhead;
pub mod references;

use std::path::{Path, PathBuf};

/// The attribute of a test that reads data sets or runs a program: `#[needs("bsds500", "weights")]` before `#[test]`.
///
/// Names are those of folders inside the data folder, or `mpirun`. Any other name is an error of the compiler.
/// The build script of the tests looks for them; a change of `MATBACKPROP_DATA` or `PATH` builds them again.
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

/// Calls that have to fail, as a table: each row a call and the pattern of its error.
///
/// Every row is tried. Those that succeed, or fail with another error, are named by their call.
///
/// ```
/// use test_support::refused;
///
/// refused! {
///     "x".parse::<u8>() => error if error.to_string().contains("digit"),
///     std::str::from_utf8(b"\xff") => std::str::Utf8Error { .. },
/// }
/// ```
#[macro_export]
macro_rules! refused {
    ($($call:expr => $pattern:pat $(if $condition:expr)?),+ $(,)?) => {{
        let mut wrong = ::std::string::String::new();
        $(
            match $call {
                Err($pattern) $(if $condition)? => {}
                #[allow(unreachable_patterns)]
                Err(error) => wrong += &format!(
                    "{}: expected {}, found {error:?}\n",
                    stringify!($call),
                    stringify!($pattern $(if $condition)?),
                ),
                Ok(_) => wrong += &format!("{}: accepted\n", stringify!($call)),
            }
        )+
        assert!(wrong.is_empty(), "{wrong}");
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_a_folder_is_its_name() {
        assert!(data_folder("weights").ends_with("weights"));
    }

    #[test]
    fn rows_that_are_wrong_are_named() {
        let wrong = std::panic::catch_unwind(|| {
            refused! {
                "256".parse::<u8>() => error if error.to_string().contains("large"),
                "x".parse::<u8>() => error if error.to_string().contains("large"),
                "7".parse::<u8>() => _,
            }
        });
        let message = wrong.expect_err("two rows are wrong");
        let message = message.downcast_ref::<String>().expect("a message");
        let rows: Vec<&str> = message.lines().collect();
        assert_eq!(rows.len(), 2, "{message}");
        assert!(rows[0].starts_with(r#""x".parse::<u8>(): expected error if"#));
        assert_eq!(rows[1], r#""7".parse::<u8>(): accepted"#);
    }

    #[needs("weights")]
    #[test]
    fn a_needed_folder_is_there() {
        assert!(data_folder("weights").is_dir());
    }
}
