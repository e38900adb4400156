//! JSON that is no deeper than COCO's.

use std::fmt;
use std::io::{Error as IoError, ErrorKind, Read, Result};
use std::path::Path;

use crate::error::Error;

/// Lists and objects within one another: COCO's own files have five.
const DEEPEST: usize = 32;

/// A list or an object too many.
#[derive(Debug)]
struct TooDeep {
    at: u64,
}

impl fmt::Display for TooDeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one level more at byte {}", self.at)
    }
}

impl std::error::Error for TooDeep {}

/// The error for the file at `path`, from that of its stream.
pub(crate) fn refused(path: &Path, source: IoError) -> Error {
    let path = path.to_owned();
    let inner = source.get_ref();
    match inner.and_then(|inner| inner.downcast_ref::<TooDeep>()) {
        Some(TooDeep { at }) => Error::JsonTooDeep {
            path,
            most: DEEPEST,
            at: *at,
        },
        None => Error::Io { path, source },
    }
}

/// A stream of JSON that ends with an error where it is too deep, also in unused fields.
pub(crate) struct DepthLimited<R> {
    stream: R,
    depth: usize,
    in_string: bool,
    escaped: bool,
    passed: u64,
}

impl<R: Read> DepthLimited<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self {
            stream,
            depth: 0,
            in_string: false,
            escaped: false,
            passed: 0,
        }
    }

    fn count(&mut self, byte: u8) -> Result<()> {
        self.passed += 1;
        if self.in_string {
            (self.escaped, self.in_string) = match byte {
                _ if self.escaped => (false, true),
                b'\\' => (true, true),
                other => (false, other != b'"'),
            };
            return Ok(());
        }
        match byte {
            b'"' => self.in_string = true,
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if self.depth <= DEEPEST {
            return Ok(());
        }
        let at = self.passed - 1;
        Err(IoError::new(ErrorKind::InvalidData, TooDeep { at }))
    }
}

impl<R: Read> Read for DepthLimited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let length = self.stream.read(buffer)?;
        buffer[..length]
            .iter()
            .try_for_each(|byte| self.count(*byte))?;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(text: &str) -> Result<u64> {
        std::io::copy(
            &mut DepthLimited::new(text.as_bytes()),
            &mut std::io::sink(),
        )
    }

    #[test]
    fn brackets_count_but_not_in_strings() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(passes(&deep(DEEPEST)).is_ok());
        assert!(passes(&"[]".repeat(100)).is_ok());
        let error = refused(Path::new("a.json"), passes(&deep(DEEPEST + 1)).unwrap_err());
        assert_eq!(
            error.to_string(),
            "a.json: expected at most 32 lists and objects within one another, found one more at byte 32"
        );
        let words = format!(r#"{{"a": "{}\"{}\\"}}"#, "{".repeat(40), "[".repeat(40));
        assert_eq!(passes(&words).unwrap(), words.len() as u64);
        // Behind an escaped backslash the string is over.
        assert!(passes(&format!(r#"["\\",{}"#, "[".repeat(40))).is_err());
    }
}
