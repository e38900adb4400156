//! An element of a `.mat` file: its tag, its data, and inflation of a compressed one.

use std::cell::Cell;
use std::path::Path;

use flate2::{Decompress, FlushDecompress, Status};

use crate::error::{Error, MatPosition, Result};

/// Type codes of elements that are not numbers.
pub(super) const MATRIX: u32 = 14;
pub(super) const COMPRESSED: u32 = 15;

/// The most bytes one file may inflate to, or hold.
pub(super) const MOST_BYTES: usize = 256 << 20;
/// Bytes that any file may inflate to.
const FREE_BYTES: usize = 8 << 20;
/// Beyond that, bytes for each of its own: ninety-nine label maps of BSDS500 in one file come to fewer.
const A_BYTE: usize = 256;
/// The most arrays (cells and fields among them) one file may hold.
const MOST_ARRAYS: usize = 100_000;
/// How deep cells and structs may lie in one another.
pub(super) const MOST_DEPTH: usize = 32;

/// The order of bytes in a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

/// The memory that a file may still take.
pub(super) struct Allowance {
    bytes: Cell<usize>,
    most: usize,
    arrays: Cell<usize>,
}

impl Allowance {
    /// The allowance of a file of `file` bytes.
    pub(super) fn new(file: usize) -> Self {
        let bytes = file.saturating_mul(A_BYTE).clamp(FREE_BYTES, MOST_BYTES);
        Self {
            bytes: Cell::new(bytes),
            most: bytes,
            arrays: Cell::new(MOST_ARRAYS),
        }
    }
}

/// A run of bytes and its origin: the file itself, or one compressed element after inflation.
pub(super) struct Stream<'a> {
    pub(super) path: &'a Path,
    pub(super) order: Order,
    pub(super) compressed_at: Option<usize>,
    pub(super) allowance: &'a Allowance,
}

/// A part of a stream that shrinks from the front as it is read.
#[derive(Clone, Copy)]
pub(super) struct Span<'a> {
    stream: &'a Stream<'a>,
    bytes: &'a [u8],
    offset: usize,
}

/// One element: its type code and data.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) code: u32,
    pub(super) data: Span<'a>,
}

impl<'a> Span<'a> {
    pub(super) fn new(stream: &'a Stream<'a>, bytes: &'a [u8], offset: usize) -> Self {
        Self {
            stream,
            bytes,
            offset,
        }
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(super) fn order(&self) -> Order {
        self.stream.order
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The error that names this position.
    pub(super) fn refuse(&self, expected: impl Into<String>, found: impl Into<String>) -> Error {
        Error::Mat {
            path: self.stream.path.to_owned(),
            position: MatPosition {
                offset: self.offset,
                compressed_at: self.stream.compressed_at,
            },
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// Counts one more array against the file's limit.
    pub(super) fn count_array(&self) -> Result<()> {
        let left = &self.stream.allowance.arrays;
        let Some(next) = left.get().checked_sub(1) else {
            return Err(self.refuse(format!("at most {MOST_ARRAYS} arrays"), "one more"));
        };
        left.set(next);
        Ok(())
    }

    /// The next `count` bytes.
    fn take(&mut self, count: usize, what: &str) -> Result<Self> {
        if count > self.bytes.len() {
            return Err(self.refuse(
                format!("{count} bytes of {what}"),
                format!("{} bytes", self.bytes.len()),
            ));
        }
        let (head, tail) = self.bytes.split_at(count);
        let taken = Self {
            bytes: head,
            ..*self
        };
        self.bytes = tail;
        self.offset += count;
        Ok(taken)
    }

    /// A 4-byte number at the front.
    pub(super) fn take_u32(&mut self, what: &str) -> Result<u32> {
        let at = *self;
        let taken = self.take(4, what)?;
        let bytes: [u8; 4] = taken
            .bytes
            .try_into()
            .map_err(|_| at.refuse("4 bytes", format!("{} bytes", taken.bytes.len())))?;
        Ok(match self.stream.order {
            Order::Little => u32::from_le_bytes(bytes),
            Order::Big => u32::from_be_bytes(bytes),
        })
    }

    /// The next element. A tag whose upper half is not zero is a small one: its data stand in the tag's second half.
    /// Others are padded to 8 bytes, except compressed ones; the last of a span may lack its padding.
    pub(super) fn take_element(&mut self) -> Result<Element<'a>> {
        let tag_at = *self;
        let mut tag = self.take(8, "an element's tag")?;
        let first = tag.take_u32("an element's type")?;
        let small = (first >> 16) as usize;
        if small > 4 {
            return Err(tag_at.refuse(
                "at most 4 bytes in a small element",
                format!("{small} bytes"),
            ));
        }
        if small > 0 {
            return Ok(Element {
                code: first & 0xffff,
                data: tag.take(small, "a small element")?,
            });
        }
        let count = tag.take_u32("an element's size")? as usize;
        let data = self.take(count, "an element's data")?;
        if first != COMPRESSED {
            let padding = (count.next_multiple_of(8) - count).min(self.bytes.len());
            self.take(padding, "padding")?;
        }
        Ok(Element { code: first, data })
    }

    /// The element that must come next: one of type `code`, named `what`.
    pub(super) fn expect_element(&mut self, code: u32, what: &str) -> Result<Span<'a>> {
        let at = *self;
        let element = self.take_element()?;
        if element.code != code {
            return Err(at.refuse(
                format!("{what} (type {code})"),
                format!("type {}", element.code),
            ));
        }
        Ok(element.data)
    }

    /// The inflated data of a compressed element; the checksum must hold and nothing follow it.
    pub(super) fn inflate(&self) -> Result<Vec<u8>> {
        const STEP: usize = 64 << 10;
        let most = self.stream.allowance.bytes.get();
        let mut inflater = Decompress::new(true);
        let mut inflated = Vec::new();
        loop {
            inflated.reserve(STEP.min(most + 1 - inflated.len()));
            let consumed = inflater.total_in() as usize;
            let produced = inflated.len();
            let status = inflater
                .decompress_vec(
                    &self.bytes[consumed..],
                    &mut inflated,
                    FlushDecompress::None,
                )
                .map_err(|error| self.refuse("a zlib stream", error.to_string()))?;
            if inflated.len() > most {
                return Err(self.refuse(
                    format!(
                        "at most {} bytes in this file after inflation",
                        self.stream.allowance.most
                    ),
                    "more".to_owned(),
                ));
            }
            match status {
                Status::StreamEnd => break,
                Status::Ok | Status::BufError => {
                    if inflated.len() == produced && inflater.total_in() as usize == consumed {
                        return Err(self.refuse(
                            "a whole zlib stream",
                            format!("one that stops after {} bytes", self.bytes.len()),
                        ));
                    }
                }
            }
        }
        let consumed = inflater.total_in() as usize;
        if consumed != self.bytes.len() {
            return Err(self.refuse(
                format!("a zlib stream of {} bytes", self.bytes.len()),
                format!("one of {consumed}"),
            ));
        }
        self.stream.allowance.bytes.set(most - inflated.len());
        Ok(inflated)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn with_span<T>(
        bytes: &[u8],
        order: Order,
        most: usize,
        read: impl FnOnce(Span<'_>) -> T,
    ) -> T {
        let allowance = Allowance {
            bytes: Cell::new(most),
            most,
            arrays: Cell::new(2),
        };
        let stream = Stream {
            path: Path::new("x.mat"),
            order,
            compressed_at: None,
            allowance: &allowance,
        };
        read(Span::new(&stream, bytes, 128))
    }

    #[test]
    fn reads_a_padded_and_a_small_element() {
        let mut bytes = vec![2, 0, 0, 0, 3, 0, 0, 0, 7, 8, 9, 0, 0, 0, 0, 0];
        bytes.extend([4, 0, 2, 0, 5, 6, 0, 0]);
        with_span(&bytes, Order::Little, 0, |mut span| {
            let first = span.take_element().unwrap();
            assert_eq!((first.code, first.data.bytes()), (2, &[7, 8, 9][..]));
            let second = span.take_element().unwrap();
            assert_eq!((second.code, second.data.bytes()), (4, &[5, 6][..]));
            assert!(span.is_empty());
        });
    }

    #[test]
    fn reads_big_endian_tags() {
        with_span(&[0, 2, 0, 4, 5, 6, 0, 0], Order::Big, 0, |mut span| {
            let element = span.take_element().unwrap();
            assert_eq!((element.code, element.data.bytes()), (4, &[5, 6][..]));
        });
    }

    #[test]
    fn refuses_an_element_longer_than_its_span() {
        let error = with_span(
            &[2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
            Order::Little,
            0,
            |mut span| span.take_element().err().unwrap(),
        );
        assert_eq!(
            error.to_string(),
            "x.mat: at byte 136: expected 4294967295 bytes of an element's data, found 0 bytes"
        );
    }

    fn deflated(bytes: &[u8]) -> Vec<u8> {
        let mut encoder =
            flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn inflates_up_to_the_limit_and_no_further() {
        let bytes = deflated(&[1; 100_000]);
        with_span(&bytes, Order::Little, 100_000, |span| {
            assert_eq!(span.inflate().unwrap(), vec![1; 100_000]);
            // The allowance is spent.
            assert!(span.inflate().is_err());
        });
        let error = with_span(&bytes, Order::Little, 99_999, |span| {
            span.inflate().unwrap_err()
        });
        assert!(
            error.to_string().contains("after inflation, found more"),
            "{error}"
        );
    }

    #[test]
    fn refuses_a_zlib_stream_cut_anywhere_or_followed_by_bytes() {
        let mut bytes = deflated(b"the quick brown fox jumps over the lazy dog");
        for length in 0..bytes.len() {
            assert!(with_span(&bytes[..length], Order::Little, 1000, |span| {
                span.inflate().is_err()
            }));
        }
        bytes.push(0);
        assert!(with_span(&bytes, Order::Little, 1000, |span| span
            .inflate()
            .is_err()));
    }

    #[test]
    fn counts_arrays() {
        with_span(&[], Order::Little, 0, |span| {
            assert!(span.count_array().is_ok() && span.count_array().is_ok());
            assert!(span.count_array().is_err());
        });
    }
}
