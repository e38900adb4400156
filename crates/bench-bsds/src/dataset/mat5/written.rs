//! A small writer of `.mat` files, for tests.

use std::io::Write;

#[derive(Clone, Copy)]
pub(crate) enum Writer {
    Little,
    Big,
}

impl Writer {
    fn turned(self, mut bytes: Vec<u8>) -> Vec<u8> {
        if matches!(self, Self::Big) {
            bytes.reverse();
        }
        bytes
    }

    fn u32(self, value: u32) -> Vec<u8> {
        self.turned(value.to_le_bytes().to_vec())
    }

    /// A tag and its data, small where they fit into four bytes.
    fn element(self, code: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes;
        if (1..=4).contains(&data.len()) {
            bytes = self.u32((data.len() as u32) << 16 | code);
        } else {
            bytes = [self.u32(code), self.u32(data.len() as u32)].concat();
        }
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }
}

pub(crate) fn file(writer: Writer, elements: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"MATLAB 5.0 MAT-file, written by a test".to_vec();
    bytes.resize(124, b' ');
    bytes.extend(match writer {
        Writer::Little => *b"\x00\x01IM",
        Writer::Big => *b"\x01\x00MI",
    });
    elements.iter().for_each(|element| bytes.extend(element));
    bytes
}

/// An array of a class (with its flags) whose content, as elements, is `content`.
pub(crate) fn matrix(
    writer: Writer,
    class: u32,
    name: &str,
    sides: &[i32],
    content: &[u8],
) -> Vec<u8> {
    let flags = [writer.u32(class), writer.u32(0)].concat();
    let sides: Vec<u8> = sides
        .iter()
        .flat_map(|side| writer.u32(*side as u32))
        .collect();
    let data = [
        writer.element(6, &flags),
        writer.element(5, &sides),
        writer.element(1, name.as_bytes()),
        content.to_vec(),
    ]
    .concat();
    [writer.u32(14), writer.u32(data.len() as u32), data].concat()
}

pub(crate) fn uint16(writer: Writer, name: &str, sides: &[i32], ids: &[u16]) -> Vec<u8> {
    let data: Vec<u8> = ids
        .iter()
        .flat_map(|id| writer.turned(id.to_le_bytes().to_vec()))
        .collect();
    matrix(writer, 11, name, sides, &writer.element(4, &data))
}

pub(crate) fn double(writer: Writer, name: &str, sides: &[i32], reals: &[f64]) -> Vec<u8> {
    let data: Vec<u8> = reals
        .iter()
        .flat_map(|real| writer.turned(real.to_le_bytes().to_vec()))
        .collect();
    matrix(writer, 6, name, sides, &writer.element(9, &data))
}

pub(crate) fn cells(writer: Writer, name: &str, items: &[Vec<u8>]) -> Vec<u8> {
    matrix(writer, 1, name, &[1, items.len() as i32], &items.concat())
}

/// A struct of one element.
pub(crate) fn structs(writer: Writer, name: &str, fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let (names, values): (Vec<_>, Vec<_>) = fields.iter().cloned().unzip();
    struct_array(writer, name, &names, &values)
}

/// An array of structs; `values` are those of the fields of the first, then of the second.
pub(crate) fn struct_array(
    writer: Writer,
    name: &str,
    fields: &[&str],
    values: &[Vec<u8>],
) -> Vec<u8> {
    const LENGTH: usize = 32;
    let mut names = Vec::new();
    for field in fields {
        names.extend(field.as_bytes());
        names.resize(names.len().next_multiple_of(LENGTH), 0);
    }
    let content = [
        writer.element(5, &writer.u32(LENGTH as u32)),
        writer.element(1, &names),
        values.concat(),
    ]
    .concat();
    let count = values.len() / fields.len();
    matrix(writer, 2, name, &[1, count as i32], &content)
}

pub(crate) fn compressed(writer: Writer, element: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(element).unwrap();
    let data = encoder.finish().unwrap();
    [writer.u32(15), writer.u32(data.len() as u32), data].concat()
}
