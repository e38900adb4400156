//! The bytes of a file of JSON, whatever they are wrapped in: gzip, a byte-order mark, UTF-16.

use std::fs::File;
use std::io::{BufReader, Cursor, Error as IoError, ErrorKind, Read, Result};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::error::Error;

/// Text that any file may inflate to.
const FREE: u64 = 1 << 30;
/// Beyond that, text a byte of the file: annotations pack to a tenth, deflate's own limit is a thousandth.
const MOST_RATIO: u64 = 100;

/// Opens a file of JSON.
///
/// # Errors
/// `Io`, which says so of a folder, and of `-`.
pub(crate) fn open_file(path: &Path) -> crate::error::Result<File> {
    let open = || {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            let reason = "expected a file, found a folder";
            return Err(IoError::new(ErrorKind::IsADirectory, reason));
        }
        Ok(file)
    };
    open().map_err(|error| {
        let standard = path == Path::new("-") && error.kind() == ErrorKind::NotFound;
        let reason = "expected a file, found none of this name: /dev/stdin is standard input";
        Error::Io {
            path: path.to_owned(),
            source: match standard {
                true => IoError::new(ErrorKind::NotFound, reason),
                false => error,
            },
        }
    })
}

/// The text of a stream in UTF-8, without a byte-order mark.
///
/// Decides by the first bytes: gzip is inflated, UTF-16 behind its mark is converted, other bytes pass as they are.
///
/// # Errors
/// Those of the stream; of the stream returned, damaged gzip and UTF-16, and gzip that inflates out of proportion.
pub(crate) fn text_of<'a>(stream: impl Read + 'a) -> Result<Box<dyn Read + 'a>> {
    let (head, stream) = beginning(stream)?;
    match head {
        [0x1F, 0x8B, ..] => {
            let packed = Counted { stream, passed: 0 };
            let inflated = Inflated {
                stream: MultiGzDecoder::new(packed),
                passed: 0,
            };
            without_mark(BufReader::with_capacity(1 << 16, inflated))
        }
        _ => without_mark(stream),
    }
}

/// The first bytes of a stream, and the stream with them; zeros behind the end of a shorter one.
fn beginning<'a>(mut stream: impl Read + 'a) -> Result<([u8; 3], impl Read + 'a)> {
    let mut head = [0; 3];
    let mut length = 0;
    while length < head.len() {
        match stream.read(&mut head[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let again = Cursor::new(head).take(length as u64);
    Ok((head, again.chain(stream)))
}

fn without_mark<'a>(stream: impl Read + 'a) -> Result<Box<dyn Read + 'a>> {
    let (head, mut stream) = beginning(stream)?;
    let mark = match head {
        [0xEF, 0xBB, 0xBF] => 3,
        [0xFF, 0xFE, _] | [0xFE, 0xFF, _] => 2,
        _ => return Ok(Box::new(stream)),
    };
    stream.read_exact(&mut [0; 3][..mark])?;
    Ok(match head[0] {
        0xEF => Box::new(stream),
        first => Box::new(Utf16 {
            stream: BufReader::with_capacity(1 << 16, stream),
            big_endian: first == 0xFE,
            waiting: None,
            text: Vec::new(),
            given: 0,
        }),
    })
}

/// Counts the bytes that pass.
struct Counted<R> {
    stream: R,
    passed: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let length = self.stream.read(buffer)?;
        self.passed += length as u64;
        Ok(length)
    }
}

/// Inflated text in proportion to its file.
struct Inflated<R> {
    stream: MultiGzDecoder<Counted<R>>,
    passed: u64,
}

impl<R: Read> Read for Inflated<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let length = self.stream.read(buffer).map_err(|error| {
            let reason = match error.kind() {
                ErrorKind::Interrupted => return error,
                ErrorKind::UnexpectedEof => "expected more gzip, found the end of the file",
                _ => "expected gzip, found a damaged one",
            };
            IoError::new(ErrorKind::InvalidData, reason)
        })?;
        self.passed += length as u64;
        let packed = self.stream.get_ref().passed;
        if self.passed > FREE.max(packed.saturating_mul(MOST_RATIO)) {
            let reason = format!(
                "expected gzip of at most {FREE} bytes, or {MOST_RATIO} times its size, found more"
            );
            return Err(IoError::new(ErrorKind::InvalidData, reason));
        }
        Ok(length)
    }
}

/// UTF-16 as UTF-8.
struct Utf16<R> {
    stream: R,
    big_endian: bool,
    /// A unit that the one before did not go with.
    waiting: Option<u16>,
    text: Vec<u8>,
    given: usize,
}

impl<R: Read> Utf16<R> {
    fn unit(&mut self) -> Result<Option<u16>> {
        if let Some(unit) = self.waiting.take() {
            return Ok(Some(unit));
        }
        let mut bytes = [0; 2];
        if self.stream.read(&mut bytes[..1])? == 0 {
            return Ok(None);
        }
        self.stream.read_exact(&mut bytes[1..])?;
        Ok(Some(match self.big_endian {
            true => u16::from_be_bytes(bytes),
            false => u16::from_le_bytes(bytes),
        }))
    }

    fn next(&mut self) -> Result<Option<char>> {
        let Some(first) = self.unit()? else {
            return Ok(None);
        };
        let second = match first {
            0xD800..0xDC00 => self.unit()?,
            _ => None,
        };
        let mut decoded = char::decode_utf16([first].into_iter().chain(second));
        match decoded.next() {
            Some(Ok(letter)) => Ok(Some(letter)),
            _ => {
                self.waiting = second;
                Ok(Some(char::REPLACEMENT_CHARACTER))
            }
        }
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.given == self.text.len() {
            self.text.clear();
            self.given = 0;
            while self.text.len() < 4096 {
                let Some(letter) = self.next()? else { break };
                self.text
                    .extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        let length = buffer.len().min(self.text.len() - self.given);
        buffer[..length].copy_from_slice(&self.text[self.given..self.given + length]);
        self.given += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn text(bytes: &[u8]) -> Result<String> {
        let mut text = String::new();
        text_of(bytes)?.read_to_string(&mut text)?;
        Ok(text)
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn unwraps_marks_gzip_and_utf_16() {
        let word = "{\"name\": \"Häuser 🏠\"}";
        let utf_16 = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
            let units = word.encode_utf16().flat_map(bytes);
            mark.into_iter().chain(units).collect::<Vec<u8>>()
        };
        let marked = [b"\xEF\xBB\xBF", word.as_bytes()].concat();
        let twice = [packed(&word.as_bytes()[..5]), packed(&word.as_bytes()[5..])].concat();
        for bytes in [
            word.as_bytes().to_vec(),
            packed(&marked),
            marked,
            packed(word.as_bytes()),
            twice,
            utf_16([0xFF, 0xFE], u16::to_le_bytes),
            utf_16([0xFE, 0xFF], u16::to_be_bytes),
            packed(&utf_16([0xFF, 0xFE], u16::to_le_bytes)),
        ] {
            assert_eq!(text(&bytes).unwrap(), word);
        }
        for short in ["", "[", "[]", "{ }"] {
            assert_eq!(text(short.as_bytes()).unwrap(), short);
        }
    }

    #[test]
    fn folders_and_the_dash_of_standard_input_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = open_file(folder.path()).unwrap_err().to_string();
        assert!(
            error.ends_with(": expected a file, found a folder"),
            "{error}"
        );
        let error = open_file(Path::new("-")).unwrap_err().to_string();
        assert_eq!(
            error,
            "-: expected a file, found none of this name: /dev/stdin is standard input"
        );
        let missing = open_file(&folder.path().join("a.json")).unwrap_err();
        assert!(
            matches!(&missing, Error::Io { source, .. } if source.kind() == ErrorKind::NotFound),
            "{missing}"
        );
    }

    #[test]
    fn damaged_wrappings_are_errors() {
        let whole = packed(&[b' '; 10_000]);
        assert!(text(&whole[..whole.len() - 9]).is_err());
        assert!(text(b"\x1F\x8Bno gzip").is_err());
        // Half a unit at the end, and half a pair.
        assert!(text(b"\xFF\xFE[\0]").is_err());
        assert_eq!(text(b"\xFF\xFE\x00\xD8[\0").unwrap(), "\u{FFFD}[");
    }

    #[test]
    fn gzip_out_of_proportion_ends() {
        let bomb = packed(&vec![b' '; 4 << 20]);
        let mut inflated = Inflated {
            stream: MultiGzDecoder::new(Counted {
                stream: &bomb[..],
                passed: 0,
            }),
            passed: FREE,
        };
        let error = std::io::copy(&mut inflated, &mut std::io::sink()).unwrap_err();
        assert!(error.to_string().contains("100 times its size"), "{error}");
    }
}
