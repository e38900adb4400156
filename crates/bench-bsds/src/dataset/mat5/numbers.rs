//! Numbers as a `.mat` file stores them: any type, for any class of their array.

use super::element::{Element, Order};
use crate::error::Result;

/// The type numbers are stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    Int8,
    UInt8,
    Int16,
    UInt16,
    Int32,
    UInt32,
    Single,
    Double,
    Int64,
    UInt64,
}

impl Stored {
    fn from_code(code: u32) -> Option<Self> {
        Some(match code {
            1 => Self::Int8,
            2 => Self::UInt8,
            3 => Self::Int16,
            4 => Self::UInt16,
            5 => Self::Int32,
            6 => Self::UInt32,
            7 => Self::Single,
            9 => Self::Double,
            12 => Self::Int64,
            13 => Self::UInt64,
            _ => return None,
        })
    }

    fn width(self) -> usize {
        match self {
            Self::Int8 | Self::UInt8 => 1,
            Self::Int16 | Self::UInt16 => 2,
            Self::Int32 | Self::UInt32 | Self::Single => 4,
            Self::Double | Self::Int64 | Self::UInt64 => 8,
        }
    }
}

/// The class of an array of numbers: what its values mean, whatever type they are stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// `single`, `double`.
    Real,
    /// `logical`: 0 or 1.
    Logical,
    /// `uint8`.
    Byte,
    /// `uint16`.
    Word,
    /// Any other class of integers.
    Integer,
}

impl Class {
    /// The class behind the number in an array's flags.
    pub(super) fn from_flags(class: u32, logical: bool) -> Self {
        match class {
            _ if logical => Self::Logical,
            6 | 7 => Self::Real,
            9 => Self::Byte,
            11 => Self::Word,
            _ => Self::Integer,
        }
    }
}

/// Numbers, stored as the bytes that were read and converted when asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Numbers {
    class: Class,
    stored: Stored,
    order: Order,
    bytes: Vec<u8>,
}

impl Numbers {
    /// The `count` numbers of an element, in an array of class `class`.
    pub(super) fn read(element: Element<'_>, count: usize, class: Class) -> Result<Self> {
        let data = element.data;
        let Some(stored) = Stored::from_code(element.code) else {
            return Err(data.refuse("an element of numbers", format!("type {}", element.code)));
        };
        let bytes = data.bytes();
        if count.checked_mul(stored.width()) != Some(bytes.len()) {
            return Err(data.refuse(
                format!("{count} numbers of {} bytes", stored.width()),
                format!("{} bytes", bytes.len()),
            ));
        }
        Ok(Self {
            class,
            stored,
            order: data.order(),
            bytes: bytes.to_vec(),
        })
    }

    /// The class of their array.
    pub(crate) fn class(&self) -> Class {
        self.class
    }

    /// Whether each number is another than 0.
    pub(crate) fn nonzero(&self) -> Vec<bool> {
        match self.stored {
            // Without the way over `f64`, eight times as large.
            Stored::Int8 | Stored::UInt8 => self.bytes.iter().map(|byte| *byte != 0).collect(),
            Stored::Int16 | Stored::UInt16 => self.each(|bytes: [u8; 2]| bytes != [0; 2]),
            _ => self.reals().into_iter().map(|real| real != 0.0).collect(),
        }
    }

    /// All numbers as `f64`: 64-bit integers beyond 2⁵³ are rounded, others exact.
    pub(crate) fn reals(&self) -> Vec<f64> {
        match self.stored {
            Stored::Int8 => self.each(|bytes| f64::from(i8::from_le_bytes(bytes))),
            Stored::UInt8 => self.each(|bytes| f64::from(u8::from_le_bytes(bytes))),
            Stored::Int16 => self.each(|bytes| f64::from(i16::from_le_bytes(bytes))),
            Stored::UInt16 => self.each(|bytes| f64::from(u16::from_le_bytes(bytes))),
            Stored::Int32 => self.each(|bytes| f64::from(i32::from_le_bytes(bytes))),
            Stored::UInt32 => self.each(|bytes| f64::from(u32::from_le_bytes(bytes))),
            Stored::Single => self.each(|bytes| f64::from(f32::from_le_bytes(bytes))),
            Stored::Double => self.each(f64::from_le_bytes),
            Stored::Int64 => self.each(|bytes| i64::from_le_bytes(bytes) as f64),
            Stored::UInt64 => self.each(|bytes| u64::from_le_bytes(bytes) as f64),
        }
    }

    /// All numbers as segment ids; an `Err` holds the first that is not a whole number from 0 to 2³² − 1.
    pub(crate) fn ids(&self) -> std::result::Result<Vec<u32>, f64> {
        match self.stored {
            // The types of nearly all label maps, without the way over `f64`.
            Stored::UInt8 => Ok(self.each(|bytes| u32::from(u8::from_le_bytes(bytes)))),
            Stored::UInt16 => Ok(self.each(|bytes| u32::from(u16::from_le_bytes(bytes)))),
            // A 64-bit integer beyond 2⁵³ is rounded here, and refused as it is.
            _ => self.reals().into_iter().map(id_from_real).collect(),
        }
    }

    fn each<const WIDTH: usize, T>(&self, from_le: impl Fn([u8; WIDTH]) -> T) -> Vec<T> {
        let (chunks, _) = self.bytes.as_chunks::<WIDTH>();
        match self.order {
            Order::Little => chunks.iter().map(|chunk| from_le(*chunk)).collect(),
            Order::Big => chunks
                .iter()
                .map(|chunk| {
                    let mut turned = *chunk;
                    turned.reverse();
                    from_le(turned)
                })
                .collect(),
        }
    }
}

fn id_from_real(real: f64) -> std::result::Result<u32, f64> {
    let id = real as u32;
    if f64::from(id) == real {
        Ok(id)
    } else {
        Err(real)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(stored: Stored, order: Order, bytes: &[u8]) -> Numbers {
        Numbers {
            class: Class::Real,
            stored,
            order,
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn nonzero_is_seen_in_every_type() {
        for stored in [Stored::UInt8, Stored::UInt16, Stored::Single, Stored::Int64] {
            let mut bytes = vec![0; 3 * stored.width()];
            bytes[2 * stored.width() - 1] = 0x40;
            for order in [Order::Little, Order::Big] {
                let found = numbers(stored, order, &bytes).nonzero();
                assert_eq!(found, [false, true, false], "{stored:?}");
            }
        }
    }

    #[test]
    fn reads_every_type_in_both_orders() {
        let cases: [(Stored, Vec<u8>, f64); 10] = [
            (Stored::Int8, (-7i8).to_le_bytes().to_vec(), -7.0),
            (Stored::UInt8, 200u8.to_le_bytes().to_vec(), 200.0),
            (Stored::Int16, (-700i16).to_le_bytes().to_vec(), -700.0),
            (Stored::UInt16, 60_000u16.to_le_bytes().to_vec(), 60_000.0),
            (
                Stored::Int32,
                (-70_000i32).to_le_bytes().to_vec(),
                -70_000.0,
            ),
            (Stored::UInt32, 4_000_000_000u32.to_le_bytes().to_vec(), 4e9),
            (Stored::Single, 0.15625f32.to_le_bytes().to_vec(), 0.15625),
            (Stored::Double, 0.1f64.to_le_bytes().to_vec(), 0.1),
            (
                Stored::Int64,
                (-5_000_000_000i64).to_le_bytes().to_vec(),
                -5e9,
            ),
            (Stored::UInt64, 5_000_000_000u64.to_le_bytes().to_vec(), 5e9),
        ];
        for (stored, mut bytes, value) in cases {
            assert_eq!(
                numbers(stored, Order::Little, &bytes).reals(),
                [value],
                "{stored:?}"
            );
            bytes.reverse();
            assert_eq!(
                numbers(stored, Order::Big, &bytes).reals(),
                [value],
                "{stored:?}"
            );
        }
    }

    #[test]
    fn every_type_code_has_a_width_that_fits_its_numbers() {
        for code in 0..20 {
            if let Some(stored) = Stored::from_code(code) {
                let one = numbers(stored, Order::Little, &vec![0; stored.width()]);
                assert_eq!(one.reals(), [0.0], "{stored:?}");
            }
        }
    }

    #[test]
    fn an_id_is_a_whole_number_from_zero_to_2_to_the_32() {
        let ids = |real: f64| numbers(Stored::Double, Order::Little, &real.to_le_bytes()).ids();
        assert_eq!(ids(0.0), Ok(vec![0]));
        assert_eq!(ids(4_294_967_295.0), Ok(vec![u32::MAX]));
        assert_eq!(ids(1.5), Err(1.5));
        assert_eq!(ids(-1.0), Err(-1.0));
        assert_eq!(ids(4_294_967_296.0), Err(4_294_967_296.0));
        assert!(ids(f64::NAN).is_err());
        assert_eq!(
            numbers(Stored::UInt16, Order::Big, &[1, 2]).ids(),
            Ok(vec![258])
        );
    }
}
