//! An array of a `.mat` file: numbers, text, cells or structs.

use super::element::{MATRIX, MOST_DEPTH, Span};
use super::numbers::{Class, Numbers};
use crate::error::Result;

const INT8: u32 = 1;
const INT32: u32 = 5;
const UINT32: u32 = 6;

/// An array and its dimensions; elements in MATLAB's order, the first dimension fastest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Array {
    pub(crate) dimensions: Vec<usize>,
    pub(crate) content: Content,
}

/// The content of an array.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    /// Real numbers of any class, logical ones too.
    Numbers(Numbers),
    /// Characters: recognised, never needed, not stored.
    Text,
    /// A cell array.
    Cells(Vec<Array>),
    /// A struct array: for each element, the values of `fields` in turn.
    Structs {
        fields: Vec<String>,
        values: Vec<Array>,
    },
    /// An array of a kind that the benchmark never stores, by its MATLAB name.
    Other(&'static str),
}

impl Content {
    /// The content in words, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Numbers(_) => "numbers",
            Self::Text => "text",
            Self::Cells(_) => "a cell array",
            Self::Structs { .. } => "a struct",
            Self::Other(name) => name,
        }
    }

    /// The same, with what to do where there is an easy way.
    pub(crate) fn kind_with_way_out(&self) -> &'static str {
        match self {
            Self::Other(SPARSE) => "a sparse matrix: save it by `full(…)`",
            other => other.kind(),
        }
    }
}

/// MATLAB's sparse matrices, by their name in messages.
const SPARSE: &str = "a sparse matrix";

/// The name and value in an element of type matrix; `depth` arrays lie around it.
pub(super) fn read_array(mut matrix: Span<'_>, depth: usize) -> Result<(String, Array)> {
    matrix.count_array()?;
    if depth >= MOST_DEPTH {
        return Err(matrix.refuse(
            format!("arrays nested at most {MOST_DEPTH} deep"),
            "one deeper",
        ));
    }
    if matrix.is_empty() {
        // How an empty cell is written.
        let none = Content::Cells(Vec::new());
        return Ok((
            String::new(),
            Array {
                dimensions: vec![0, 0],
                content: none,
            },
        ));
    }
    let mut flags = matrix.expect_element(UINT32, "array flags")?;
    let word = flags.take_u32("array flags")?;
    let class = word & 0xff;
    let complex = word & 0x0800 != 0;
    if class == 17 {
        // A value of a newer kind of class: no dimensions follow.
        return Ok((
            String::new(),
            Array {
                dimensions: Vec::new(),
                content: Content::Other("an opaque object"),
            },
        ));
    }
    let dimensions = read_dimensions(matrix.expect_element(INT32, "dimensions")?)?;
    let name = text(matrix.expect_element(INT8, "an array's name")?.bytes());
    let Some(count) = dimensions
        .iter()
        .try_fold(1usize, |count, side| count.checked_mul(*side))
    else {
        return Err(matrix.refuse(
            "dimensions whose product is a size",
            format!("{dimensions:?}"),
        ));
    };
    let content = match class {
        1 => Content::Cells(read_arrays(&mut matrix, count, depth)?),
        2 => read_structs(&mut matrix, count, depth)?,
        3 => Content::Other("an object"),
        4 => Content::Text,
        5 => Content::Other(SPARSE),
        6..=15 if complex => Content::Other("complex numbers"),
        6..=15 => {
            let class = Class::from_flags(class, word & 0x0200 != 0);
            Content::Numbers(Numbers::read(matrix.take_element()?, count, class)?)
        }
        16 => Content::Other("a function handle"),
        _ => return Err(matrix.refuse("an array class from 1 to 17", class.to_string())),
    };
    Ok((
        name,
        Array {
            dimensions,
            content,
        },
    ))
}

fn read_dimensions(mut data: Span<'_>) -> Result<Vec<usize>> {
    let start = data;
    let mut dimensions = Vec::new();
    while !data.is_empty() {
        let side = data.take_u32("a dimension")?;
        if side > i32::MAX as u32 {
            return Err(start.refuse("dimensions from 0", (side as i32).to_string()));
        }
        dimensions.push(side as usize);
    }
    if dimensions.len() < 2 {
        return Err(start.refuse("at least 2 dimensions", dimensions.len().to_string()));
    }
    Ok(dimensions)
}

/// `count` arrays in a row. A false count ends at the first tag that is not there.
fn read_arrays(span: &mut Span<'_>, count: usize, depth: usize) -> Result<Vec<Array>> {
    let mut arrays = Vec::new();
    for _ in 0..count {
        let inner = span.expect_element(MATRIX, "an array")?;
        arrays.push(read_array(inner, depth + 1)?.1);
    }
    Ok(arrays)
}

fn read_structs(span: &mut Span<'_>, count: usize, depth: usize) -> Result<Content> {
    let at = *span;
    let length = span
        .expect_element(INT32, "the length of field names")?
        .take_u32("the length of field names")? as usize;
    let names = span.expect_element(INT8, "field names")?.bytes();
    if names.is_empty() {
        return Ok(Content::Structs {
            fields: Vec::new(),
            values: Vec::new(),
        });
    }
    if length == 0 || !names.len().is_multiple_of(length) {
        return Err(at.refuse(
            format!("field names of {length} bytes each"),
            format!("{} bytes", names.len()),
        ));
    }
    let fields: Vec<String> = names.chunks_exact(length).map(text).collect();
    let Some(count) = count.checked_mul(fields.len()) else {
        return Err(at.refuse(
            "a number of fields that is a size",
            format!("{count} times {}", fields.len()),
        ));
    };
    let values = read_arrays(span, count, depth)?;
    Ok(Content::Structs { fields, values })
}

/// A name, up to its first zero byte.
fn text(bytes: &[u8]) -> String {
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::element::{Allowance, Order, Stream};
    use super::super::written::{Writer, cells, matrix, structs, uint16};
    use super::*;

    const WRITER: Writer = Writer::Little;

    /// The array in an element, whose first 8 bytes are its tag.
    fn read(element: &[u8]) -> Result<Array> {
        let allowance = Allowance::whole();
        let path = Path::new("x.mat");
        let stream = Stream {
            path,
            order: Order::Little,
            compressed_at: None,
            allowance: &allowance,
        };
        read_array(Span::new(&stream, &element[8..], 8), 0).map(|(_, array)| array)
    }

    #[test]
    fn structs_keep_fields_in_order() {
        let one = uint16(WRITER, "", &[1, 1], &[1]);
        let array = read(&structs(
            WRITER,
            "s",
            &[
                ("first", one),
                ("second", Vec::from([14, 0, 0, 0, 0, 0, 0, 0])),
            ],
        ))
        .unwrap();
        let Content::Structs { fields, values } = array.content else {
            panic!("a struct")
        };
        assert_eq!(fields, ["first", "second"]);
        assert_eq!(
            (values[0].content.kind(), &values[1].dimensions[..]),
            ("numbers", &[0, 0][..])
        );
    }

    #[test]
    fn refuses_field_names_that_do_not_divide() {
        // Names of 0, then of 3 bytes each, in 4 bytes.
        for length in [0, 3] {
            let mut content = vec![5, 0, 4, 0, length, 0, 0, 0];
            content.extend([1, 0, 4, 0, b'a', 0, b'b', 0]);
            let error = read(&matrix(WRITER, 2, "s", &[1, 1], &content))
                .unwrap_err()
                .to_string();
            assert!(
                error.ends_with(&format!(
                    "expected field names of {length} bytes each, found 4 bytes"
                )),
                "{error}"
            );
        }
    }

    #[test]
    fn refuses_fewer_cells_than_the_dimensions_say() {
        let one = uint16(WRITER, "", &[1, 1], &[1]);
        let whole = cells(WRITER, "c", &[one.clone(), one.clone()]);
        assert!(read(&whole).is_ok());
        let error = read(&whole[..whole.len() - one.len()])
            .unwrap_err()
            .to_string();
        assert!(
            error.ends_with("expected 8 bytes of an element's tag, found 0 bytes"),
            "{error}"
        );
    }

    #[test]
    fn refuses_dimensions_that_overflow_and_a_single_one() {
        let sides = [i32::MAX; 3];
        assert!(
            read(&matrix(WRITER, 1, "c", &sides, &[]))
                .unwrap_err()
                .to_string()
                .contains("product is a size")
        );
        assert!(
            read(&matrix(WRITER, 1, "c", &[4], &[]))
                .unwrap_err()
                .to_string()
                .contains("at least 2 dimensions")
        );
    }
}
