//! NumPy's files of one array (`.npy`), as `numpy.save` writes them.
//!
//! ```text
//! \x93NUMPY  version  length  { 'descr': '<f4', 'fortran_order': False, 'shape': (321, 481) }  numbers
//! ```
//!
//! Nothing here trusts a size: the numbers that the header promises must be there.

use std::path::Path;

use super::mat5::{Class, MOST_REALS};
use crate::error::{Error, Result, Size};

/// The first bytes of such a file.
pub(crate) const MAGIC: &[u8] = b"\x93NUMPY";

/// A matrix, row by row.
pub(crate) struct Matrix {
    pub(crate) size: Size,
    pub(crate) values: Vec<f64>,
    pub(crate) class: Class,
}

/// The matrix in a file's bytes; `path` names it in messages. Sides of 1 around it are passed over, as in
/// (1, 1, height, width).
///
/// # Errors
/// [`Error::Npy`] for other files, other types of numbers, and an array that is no matrix.
pub(crate) fn decode(path: &Path, bytes: &[u8]) -> Result<Matrix> {
    let refuse = |expected: &str, found: String| Error::Npy {
        path: path.to_owned(),
        expected: expected.to_owned(),
        found,
    };
    if bytes.starts_with(b"PK\x03\x04") {
        let found = "an archive of several (.npz): save the one that is meant with numpy.save";
        return Err(refuse("a NumPy array (.npy)", found.to_owned()));
    }
    let Some((header, numbers)) = split(bytes) else {
        return Err(refuse(
            "a NumPy array (.npy)",
            "another file, or one cut short".to_owned(),
        ));
    };
    let Some(header) = Header::parse(header) else {
        let found = header.chars().take(80).collect();
        return Err(refuse(
            "descr, fortran_order and shape of a NumPy array",
            found,
        ));
    };
    let Some((kind, width)) = kind_of(&header.kind) else {
        return Err(refuse(
            "numbers: bool, an integer, float16, float32 or float64",
            format!("the type {}", header.kind),
        ));
    };
    let mut sides = header.shape.clone();
    while sides.len() > 2
        && let Some(place) = sides.iter().position(|side| *side == 1)
    {
        sides.remove(place);
    }
    let size = match sides[..] {
        [height, width] if height > 0 && width > 0 => Size { width, height },
        _ => {
            let found = format!("the shape {:?}", header.shape);
            return Err(refuse("a matrix of height and width", found));
        }
    };
    let count = size.width.checked_mul(size.height);
    let Some(count) = count.filter(|count| *count <= MOST_REALS) else {
        return Err(refuse(
            &format!("at most {MOST_REALS} numbers"),
            size.to_string(),
        ));
    };
    if numbers.len() != count * width {
        return Err(refuse(
            &format!("{} bytes of {size} numbers", count * width),
            format!("{} bytes", numbers.len()),
        ));
    }
    let values = values(kind, header.kind.starts_with('>'), numbers, width);
    Ok(Matrix {
        size,
        values: if header.by_columns {
            rows(&values, size)
        } else {
            values
        },
        class: kind.class(width),
    })
}

/// The header and the numbers behind it.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (version, rest) = rest.split_first_chunk::<2>()?;
    let (length, rest) = match version[0] {
        1 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        2 | 3 => {
            let (length, rest) = rest.split_first_chunk()?;
            (u32::from_le_bytes(*length) as usize, rest)
        }
        _ => return None,
    };
    let (header, numbers) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(header).ok()?, numbers))
}

struct Header {
    /// As `<f4`.
    kind: String,
    by_columns: bool,
    shape: Vec<usize>,
}

impl Header {
    fn parse(text: &str) -> Option<Self> {
        let value = |key: &str| {
            let quoted = [format!("'{key}'"), format!("\"{key}\"")];
            let after = quoted.iter().find_map(|key| Some(text.split_once(key)?.1));
            after?.trim_start().strip_prefix(':').map(str::trim_start)
        };
        let kind = value("descr")?;
        let quote = kind.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let kind = match quote {
            Some(quote) => kind[1..].split_once(quote)?.0.to_owned(),
            // A list of named fields.
            None => "of records".to_owned(),
        };
        let shape = value("shape")?.strip_prefix('(')?.split_once(')')?.0;
        let sides = shape
            .split(',')
            .map(str::trim)
            .filter(|side| !side.is_empty());
        Some(Self {
            kind,
            by_columns: value("fortran_order")?.starts_with("True"),
            shape: sides.map(|side| side.parse().ok()).collect::<Option<_>>()?,
        })
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Bool,
    Signed,
    Unsigned,
    Float,
}

impl Kind {
    fn class(self, width: usize) -> Class {
        match (self, width) {
            (Self::Bool, _) => Class::Logical,
            (Self::Float, _) => Class::Real,
            (Self::Unsigned, 1) => Class::Byte,
            (Self::Unsigned, 2) => Class::Word,
            _ => Class::Integer,
        }
    }
}

/// The kind of numbers and the bytes of one.
fn kind_of(descr: &str) -> Option<(Kind, usize)> {
    let mut letters = descr.trim_start_matches(['<', '>', '|', '=']).chars();
    let kind = match letters.next()? {
        '?' | 'b' => Kind::Bool,
        'i' => Kind::Signed,
        'u' => Kind::Unsigned,
        'f' => Kind::Float,
        _ => return None,
    };
    let width = letters.as_str().parse().ok()?;
    let known = match kind {
        Kind::Bool => width == 1,
        Kind::Float => matches!(width, 2 | 4 | 8),
        Kind::Signed | Kind::Unsigned => matches!(width, 1 | 2 | 4 | 8),
    };
    known.then_some((kind, width))
}

fn values(kind: Kind, big: bool, numbers: &[u8], width: usize) -> Vec<f64> {
    let one = |chunk: &[u8]| {
        // The bytes from the lowest.
        let byte = |i: usize| u64::from(chunk[if big { width - 1 - i } else { i }]);
        let bits = (0..width).fold(0, |bits, i| bits | byte(i) << (8 * i));
        match (kind, width) {
            (Kind::Bool | Kind::Unsigned, _) => bits as f64,
            (Kind::Signed, _) => {
                let unused = 64 - 8 * width as u32;
                ((bits << unused) as i64 >> unused) as f64
            }
            (Kind::Float, 2) => from_half(bits as u16),
            (Kind::Float, 4) => f64::from(f32::from_bits(bits as u32)),
            (Kind::Float, _) => f64::from_bits(bits),
        }
    };
    numbers.chunks_exact(width).map(one).collect()
}

/// A number of half precision: a sign, 5 bits of exponent, 10 of significand.
fn from_half(bits: u16) -> f64 {
    let significand = f64::from(bits & 0x3ff) / 1024.0;
    let magnitude = match i32::from(bits >> 10 & 0x1f) {
        0 => significand * 2_f64.powi(-14),
        31 if significand == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (1.0 + significand) * 2_f64.powi(exponent - 15),
    };
    if bits >> 15 == 1 {
        -magnitude
    } else {
        magnitude
    }
}

/// Columns as rows.
fn rows(columns: &[f64], size: Size) -> Vec<f64> {
    let row = |y: usize| (0..size.width).map(move |x| columns[x * size.height + y]);
    (0..size.height).flat_map(row).collect()
}

/// A small writer, for tests.
#[cfg(test)]
pub(crate) fn written(descr: &str, by_columns: bool, shape: &str, numbers: &[u8]) -> Vec<u8> {
    let order = if by_columns { "True" } else { "False" };
    let header =
        format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({shape}), }}\n");
    let length = (header.len() as u16).to_le_bytes();
    [MAGIC, &[1, 0], &length, header.as_bytes(), numbers].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Matrix> {
        decode(Path::new("7.npy"), bytes)
    }

    #[test]
    fn reads_every_type_in_both_orders() {
        let cases: [(&str, Vec<u8>, f64, Class); 13] = [
            ("|b1", vec![1], 1.0, Class::Logical),
            ("|u1", vec![200], 200.0, Class::Byte),
            ("|i1", vec![0xff], -1.0, Class::Integer),
            ("<u2", vec![2, 1], 258.0, Class::Word),
            (">u2", vec![1, 2], 258.0, Class::Word),
            (
                "<i2",
                (-700_i16).to_le_bytes().to_vec(),
                -700.0,
                Class::Integer,
            ),
            ("<i8", (-5_i64).to_le_bytes().to_vec(), -5.0, Class::Integer),
            ("<u8", 5_u64.to_le_bytes().to_vec(), 5.0, Class::Integer),
            ("<f4", 0.25_f32.to_le_bytes().to_vec(), 0.25, Class::Real),
            (">f4", 0.25_f32.to_be_bytes().to_vec(), 0.25, Class::Real),
            ("<f8", 0.1_f64.to_le_bytes().to_vec(), 0.1, Class::Real),
            // 1.5 and the smallest number of half precision.
            ("<f2", vec![0x00, 0x3e], 1.5, Class::Real),
            ("<f2", vec![0x01, 0x00], 2_f64.powi(-24), Class::Real),
        ];
        for (descr, bytes, value, class) in cases {
            let matrix = read(&written(descr, false, "1, 1", &bytes)).unwrap();
            assert_eq!((matrix.values[0], matrix.class), (value, class), "{descr}");
        }
        assert_eq!(from_half(0xfc00), f64::NEG_INFINITY);
        assert!(from_half(0x7e00).is_nan());
    }

    #[test]
    fn rows_come_out_of_either_order_and_of_axes_of_one() {
        let size = Size {
            width: 3,
            height: 2,
        };
        for (by_columns, shape, numbers) in [
            (false, "2, 3", [1, 2, 3, 4, 5, 6]),
            (true, "2, 3", [1, 4, 2, 5, 3, 6]),
            (false, "1, 1, 2, 3", [1, 2, 3, 4, 5, 6]),
            (false, "2, 3, 1", [1, 2, 3, 4, 5, 6]),
        ] {
            let matrix = read(&written("|u1", by_columns, shape, &numbers)).unwrap();
            assert_eq!(matrix.size, size, "{shape}");
            assert_eq!(matrix.values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "{shape}");
        }
    }

    #[test]
    fn other_files_are_refused_with_what_they_are() {
        let message = |bytes: &[u8]| read(bytes).err().unwrap().to_string();
        let cases: [(Vec<u8>, &str); 9] = [
            (b"PK\x03\x04rest".to_vec(), "an archive of several (.npz)"),
            (b"no array".to_vec(), "found another file"),
            (written("|O", false, "1, 1", &[0]), "found the type |O"),
            (written("<c8", false, "1, 1", &[0; 8]), "found the type <c8"),
            (
                written("|u1", false, "2, 3, 4", &[0; 24]),
                "the shape [2, 3, 4]",
            ),
            (written("|u1", false, "7,", &[0; 7]), "the shape [7]"),
            (written("|u1", false, "0, 7", &[]), "the shape [0, 7]"),
            (
                written("|u1", false, "2, 2", &[0; 3]),
                "expected 4 bytes of 2 × 2 numbers, found 3",
            ),
            (
                written("<f8", false, "99999999999, 99999999999", &[]),
                "at most 33554432 numbers",
            ),
        ];
        for (bytes, words) in cases {
            let error = message(&bytes);
            assert!(
                error.starts_with("7.npy: expected ") && error.contains(words),
                "{error}"
            );
        }
    }

    #[test]
    fn flipped_and_cut_bytes_never_panic() {
        use rand::{RngExt, SeedableRng};
        let mut random = rand_pcg::Pcg64::seed_from_u64(9);
        let whole = written("<f4", true, "2, 3", &[7; 24]);
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length}");
        }
        for _ in 0..20_000 {
            let mut bytes = whole.clone();
            for _ in 0..3 {
                let at = random.random_range(0..bytes.len());
                bytes[at] = random.random_range(0..=255);
            }
            let _ = read(&bytes);
        }
    }
}
