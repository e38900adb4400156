//! JSON read whole, with errors that name the file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::dataset::{DepthLimited, refused};
use crate::error::{Error, Result};

/// The bytes of a file of JSON that is not too deep.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>> {
    let io = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(io)?;
    bytes
        .try_reserve_exact(file.metadata().map_err(io)?.len() as usize)
        .map_err(|error| io(error.into()))?;
    DepthLimited::new(file)
        .read_to_end(&mut bytes)
        .map_err(|source| refused(path, source))?;
    Ok(bytes)
}

/// The value that the bytes of a file spell.
///
/// # Errors
/// `Truncated` where the file ends inside the value, `JsonNotFinite` where the first fault is a number as Python
/// prints it, `Json` for every other fault.
pub(super) fn parsed<T: DeserializeOwned>(
    path: &Path,
    bytes: &[u8],
    expected: &'static str,
) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|source| {
        let path = path.to_owned();
        let (line, column) = (source.line(), source.column());
        if source.is_eof() {
            return Error::Truncated { path, line, column };
        }
        match not_finite(bytes, line, column) {
            Some((found, column)) if source.is_syntax() => Error::JsonNotFinite {
                path,
                found,
                line,
                column,
            },
            _ => Error::Json {
                path,
                expected,
                source,
            },
        }
    })
}

/// Python's `NaN` or `Infinity` at a fault, or at the sign before it; and its column.
fn not_finite(bytes: &[u8], line: usize, column: usize) -> Option<(&'static str, usize)> {
    let text = bytes
        .split(|byte| *byte == b'\n')
        .nth(line.checked_sub(1)?)?;
    let around = column.saturating_sub(3)..=column;
    around.into_iter().find_map(|at| {
        let rest = text.get(at..)?;
        let spelled = |token: &&str| rest.starts_with(token.as_bytes());
        let token = ["-Infinity", "Infinity", "NaN"].into_iter().find(spelled)?;
        Some((token, at + 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> Error {
        parsed::<Vec<f64>>(Path::new("some.json"), text.as_bytes(), "numbers").unwrap_err()
    }

    #[test]
    fn names_numbers_that_json_lacks() {
        for (text, expected) in [
            ("[1,\n 2, NaN]", ("NaN", 2, 5)),
            ("[NaN]", ("NaN", 1, 2)),
            ("[1, Infinity]", ("Infinity", 1, 5)),
            ("[1, -Infinity, 2]", ("-Infinity", 1, 5)),
        ] {
            match error(text) {
                Error::JsonNotFinite {
                    found,
                    line,
                    column,
                    ..
                } => assert_eq!((found, line, column), expected),
                other => panic!("{text}: {other}"),
            }
        }
    }

    #[test]
    fn names_the_file_and_the_place_of_every_other_fault() {
        let end = error("[1,\n 2");
        assert!(matches!(end, Error::Truncated { line: 2, .. }), "{end}");
        for text in ["[1, x]", "[1, \"NaN\"]", "{}", "[1] 2", "\u{7f}", "[1e999]"] {
            let error = error(text);
            assert!(matches!(error, Error::Json { .. }), "{text}: {error}");
            let message = error.to_string();
            assert!(
                message.starts_with("some.json: expected numbers, found "),
                "{message}"
            );
            assert!(message.contains(" at line "), "{message}");
        }
    }
}
