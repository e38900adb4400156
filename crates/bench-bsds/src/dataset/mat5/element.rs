//! An element of a `.mat` file: its tag, its data, and inflation of a compressed one.

use std::cell::Cell;
use std::path::Path;

use flate2::{Decompress, FlushDecompress, Status};

use crate::error::{Error, MatPosition, Result};

/// Type codes of elements that are not numbers.
pub(super) const MATRIX: u32 = 14;
pub(super) const COMPRESSED: u32 = 15;

/// The most bytes one file may inflate to, or hold. Memory is the limit, not the ratio of the two: a label map of a
/// few segments packs a thousand bytes into one.
pub(super) const MOST_BYTES: usize = 256 << 20;
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
    /// The allowance of one file.
    pub(super) fn whole() -> Self {
        Self {
            bytes: Cell::new(MOST_BYTES),
            most: MOST_BYTES,
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
    ///
    /// The first eight inflated bytes are the tag of the element inside. No more is inflated than it asks for, so that
    /// a stream of gigabytes ends after its first bytes.
    pub(super) fn inflate(&self) -> Result<Vec<u8>> {
        const TAG: usize = 8;
        const STEP: usize = 64 << 10;
        let left = self.stream.allowance.bytes.get();
        let mut inflater = Decompress::new(true);
        let mut inflated = Vec::with_capacity(TAG);
        let mut most = None;
        loop {
            let consumed = inflater.total_in() as usize;
            let produced = inflated.len();
            let status = inflater
                .decompress_vec(
                    &self.bytes[consumed..],
                    &mut inflated,
                    FlushDecompress::None,
                )
                .map_err(|error| self.refuse("a zlib stream", error.to_string()))?;
            if most.is_none() && inflated.len() >= TAG {
                most = Some(self.inflated_size(&inflated, left)?);
            }
            let most = most.unwrap_or(TAG);
            if inflated.len() > most {
                let within = format!("{most} bytes in this file after inflation");
                return Err(self.refuse(within, "more"));
            }
            match status {
                Status::StreamEnd => break,
                Status::Ok | Status::BufError => {
                    let stuck =
                        inflated.len() == produced && inflater.total_in() as usize == consumed;
                    if stuck && inflated.len() < inflated.capacity() {
                        return Err(self.refuse(
                            "a whole zlib stream",
                            format!("one that stops after {} bytes", self.bytes.len()),
                        ));
                    }
                }
            }
            // Twice as much each time, and one byte beyond what may come, which would be one too many.
            let step = inflated.len().max(STEP).min(most + 1 - inflated.len());
            inflated.reserve_exact(step);
        }
        let consumed = inflater.total_in() as usize;
        if consumed != self.bytes.len() {
            return Err(self.refuse(
                format!("a zlib stream of {} bytes", self.bytes.len()),
                format!("one of {consumed}"),
            ));
        }
        self.stream
            .allowance
            .bytes
            .set(left - inflated.len().min(left));
        Ok(inflated)
    }

    /// The bytes of an inflated element, by the tag that it begins with: `left` at most.
    fn inflated_size(&self, tag: &[u8], left: usize) -> Result<usize> {
        let word = |at: usize| {
            let bytes = [tag[at], tag[at + 1], tag[at + 2], tag[at + 3]];
            match self.stream.order {
                Order::Little => u32::from_le_bytes(bytes),
                Order::Big => u32::from_be_bytes(bytes),
            }
        };
        // A small element lies in its tag.
        let data = if word(0) >> 16 > 0 {
            0
        } else {
            word(4) as usize
        };
        let size = 8 + data.next_multiple_of(8);
        if size > left {
            return Err(self.refuse(
                format!(
                    "at most {} bytes in this file after inflation",
                    self.stream.allowance.most
                ),
                format!("{size} more"),
            ));
        }
        Ok(size)
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
        let tagged = |claimed: u32, count: usize| {
            let mut bytes = [14_u32.to_le_bytes(), claimed.to_le_bytes()].concat();
            bytes.resize(8 + count, 1);
            bytes
        };
        let whole = tagged(100_000, 100_000);
        let bytes = deflated(&whole);
        with_span(&bytes, Order::Little, 100_008, |span| {
            assert_eq!(span.inflate().unwrap(), whole);
            // The allowance is spent.
            assert!(span.inflate().is_err());
        });
        let refused = |bytes: &[u8]| {
            let error = with_span(bytes, Order::Little, 100_000, |span| {
                span.inflate().unwrap_err()
            });
            error.to_string()
        };
        // By its tag, before a byte of it is there.
        let error = refused(&bytes);
        let words = "expected at most 100000 bytes in this file after inflation, found 100008 more";
        assert!(error.ends_with(words), "{error}");
        // By what comes after the bytes that the tag asks for.
        let error = refused(&deflated(&tagged(16, 50_000)));
        let words = "expected 24 bytes in this file after inflation, found more";
        assert!(error.ends_with(words), "{error}");
    }

    #[test]
    fn refuses_a_zlib_stream_cut_anywhere_or_followed_by_bytes() {
        // The tag of 48 bytes, and as many.
        let text = b"\x01\0\0\0\x30\0\0\0the quick brown fox jumps over the lazy dog     ";
        let mut bytes = deflated(text);
        with_span(&bytes, Order::Little, 1000, |span| {
            assert_eq!(span.inflate().unwrap(), text);
        });
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
