//! A whole `.mat` file: its header and its variables.

use std::path::{Path, PathBuf};

use super::array::{Array, read_array};
use super::element::{Allowance, COMPRESSED, Element, MATRIX, MOST_BYTES, Order, Span, Stream};
use super::view::View;
use crate::error::{Error, MatPosition, Result};

const HEADER: usize = 128;
const HDF5: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

/// The variables of a MATLAB file of level 5.
///
/// # Conventions
/// Both byte orders; elements compressed or not. Arrays that the benchmark never stores (sparse, complex, objects)
/// are listed by name only, and refused when asked for.
///
/// # Errors
/// [`Error::Mat`] with the byte, the format's demand and the bytes found. Files of version 7.3 are HDF5, not
/// level 5, and those of level 4 have no header: both are refused by name.
#[derive(Debug)]
pub(crate) struct MatFile {
    path: PathBuf,
    variables: Vec<(String, Array)>,
}

impl MatFile {
    /// The file at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let io = |source| Error::Io {
            path: path.to_owned(),
            source,
        };
        let size = std::fs::metadata(path).map_err(io)?.len();
        if size > MOST_BYTES as u64 {
            return Err(refuse(
                path,
                0,
                format!("at most {MOST_BYTES} bytes"),
                format!("{size} bytes"),
            ));
        }
        Self::parse(path, &std::fs::read(path).map_err(io)?)
    }

    /// The file whose bytes are `bytes`; `path` names it in messages.
    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let order = read_header(path, bytes)?;
        let allowance = Allowance::whole();
        let stream = Stream {
            path,
            order,
            compressed_at: None,
            allowance: &allowance,
        };
        let mut span = Span::new(&stream, &bytes[HEADER..], HEADER);
        let mut variables = Vec::new();
        while !span.is_empty() {
            let at = bytes.len() - span.bytes().len();
            let element = span.take_element()?;
            if element.code == COMPRESSED {
                let inflated = element.data.inflate()?;
                let stream = Stream {
                    path,
                    order,
                    compressed_at: Some(at),
                    allowance: &allowance,
                };
                let mut span = Span::new(&stream, &inflated, 0);
                variables.push(read_variable(span.take_element()?)?);
            } else {
                variables.push(read_variable(element)?);
            }
        }
        Ok(Self {
            path: path.to_owned(),
            variables,
        })
    }

    /// The variable `name`, if it is there.
    pub(crate) fn find(&self, name: &str) -> Option<View<'_>> {
        let (name, array) = self.variables.iter().find(|(other, _)| other == name)?;
        Some(View::new(&self.path, name.clone(), array))
    }

    /// Every variable.
    pub(crate) fn variables(&self) -> impl Iterator<Item = View<'_>> {
        let variables = self.variables.iter();
        variables.map(|(name, array)| View::new(&self.path, name.clone(), array))
    }

    /// The names of all variables, for messages.
    pub(crate) fn names(&self) -> String {
        if self.variables.is_empty() {
            return "no variables".to_owned();
        }
        let names: Vec<_> = self
            .variables
            .iter()
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        names.join(", ")
    }
}

fn read_variable(element: Element<'_>) -> Result<(String, Array)> {
    if element.code != MATRIX {
        return Err(element.data.refuse(
            format!("an array (type {MATRIX})"),
            format!("type {}", element.code),
        ));
    }
    read_array(element.data, 0)
}

/// The order of bytes that the header declares.
fn read_header(path: &Path, bytes: &[u8]) -> Result<Order> {
    // HDF5 begins at byte 0, or after a block of 512 · 2ⁿ bytes that belongs to the writer.
    let hdf5_at = |start: usize| {
        bytes
            .get(start..)
            .is_some_and(|rest| rest.starts_with(&HDF5))
    };
    if bytes.starts_with(b"MATLAB 7.3 MAT-file")
        || [0, 512, 1024, 2048].map(hdf5_at).contains(&true)
    {
        return Err(refuse(
            path,
            0,
            "a MATLAB file of level 5 (save it with -v7: in MATLAB `save(name, '-struct', 's', '-v7')` after `s = \
             load(name)`, in Python `scipy.io.savemat` of what h5py reads, transposed)",
            "version 7.3, which is HDF5",
        ));
    }
    if bytes.len() < HEADER {
        return Err(refuse(
            path,
            0,
            format!("a header of {HEADER} bytes"),
            format!("{} bytes", bytes.len()),
        ));
    }
    if bytes[..4].contains(&0) {
        return Err(refuse(
            path,
            0,
            "a MATLAB file of level 5 (save it with -v7)",
            "no descriptive text, as in level 4",
        ));
    }
    let (version, order) = match &bytes[126..HEADER] {
        b"IM" => ([bytes[125], bytes[124]], Order::Little),
        b"MI" => ([bytes[124], bytes[125]], Order::Big),
        other => {
            return Err(refuse(
                path,
                126,
                "the letters IM or MI",
                format!("{other:?}"),
            ));
        }
    };
    if version != [1, 0] {
        return Err(refuse(
            path,
            124,
            "version 1.0 of the format",
            format!("{}.{}", version[0], version[1]),
        ));
    }
    Ok(order)
}

fn refuse(
    path: &Path,
    offset: usize,
    expected: impl Into<String>,
    found: impl Into<String>,
) -> Error {
    Error::Mat {
        path: path.to_owned(),
        position: MatPosition {
            offset,
            compressed_at: None,
        },
        expected: expected.into(),
        found: found.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::array::Content;
    use super::super::written::{Writer, cells, compressed, double, file, matrix, structs, uint16};
    use super::*;

    fn parse(bytes: &[u8]) -> Result<MatFile> {
        MatFile::parse(Path::new("x.mat"), bytes)
    }

    fn ground_truth(writer: Writer) -> Vec<u8> {
        let annotator = |ids: &[u16]| {
            structs(
                writer,
                "",
                &[("Segmentation", uint16(writer, "", &[2, 3], ids))],
            )
        };
        let cell = cells(
            writer,
            "groundTruth",
            &[
                annotator(&[1, 2, 1, 2, 1, 3]),
                annotator(&[1, 1, 1, 1, 2, 2]),
            ],
        );
        file(writer, &[cell])
    }

    #[test]
    fn reads_cells_of_structs_in_both_byte_orders() {
        for writer in [Writer::Little, Writer::Big] {
            let parsed = parse(&ground_truth(writer)).unwrap();
            let annotators = parsed.find("groundTruth").unwrap().cells().unwrap();
            assert_eq!(annotators.len(), 2);
            let first = annotators[0].field("Segmentation").unwrap().ids().unwrap();
            // Two rows, three columns, stored column by column.
            assert_eq!(
                (first.width, first.height, &first.ids[..]),
                (3, 2, &[1, 1, 1, 2, 2, 3][..])
            );
            assert_eq!(first.ids.len(), 6);
        }
    }

    #[test]
    fn reads_a_compressed_element_and_a_plain_one_beside_it() {
        let writer = Writer::Little;
        let bytes = file(
            writer,
            &[
                compressed(writer, &double(writer, "ucm2", &[1, 3], &[0.0, 0.25, 1.0])),
                uint16(writer, "n", &[1, 1], &[7]),
            ],
        );
        let parsed = parse(&bytes).unwrap();
        assert_eq!(
            parsed.find("ucm2").unwrap().reals().unwrap().1,
            [0.0, 0.25, 1.0]
        );
        assert_eq!(parsed.find("n").unwrap().ids().unwrap().ids, [7]);
        assert!(parsed.find("N").is_none());
        assert_eq!(parsed.names(), "`ucm2`, `n`");
    }

    #[test]
    fn every_cut_of_a_file_is_an_error_or_lacks_the_variable() {
        let writer = Writer::Little;
        let plain = ground_truth(writer);
        let packed = file(writer, &[compressed(writer, &plain[HEADER..])]);
        for bytes in [&plain, &packed] {
            for length in 0..bytes.len() {
                let found =
                    parse(&bytes[..length]).map(|parsed| parsed.find("groundTruth").is_some());
                assert!(
                    !matches!(found, Ok(true)),
                    "{length} of {} bytes",
                    bytes.len()
                );
            }
        }
    }

    #[test]
    fn flipped_bytes_never_panic() {
        use rand::{RngExt, SeedableRng};
        let mut random = rand_pcg::Pcg64::seed_from_u64(5);
        let plain = ground_truth(Writer::Little);
        let packed = file(
            Writer::Little,
            &[compressed(Writer::Little, &plain[HEADER..])],
        );
        let mut refused = 0;
        for original in [&plain, &ground_truth(Writer::Big), &packed] {
            for round in 0..20_000 {
                let mut bytes = original.clone();
                for _ in 0..=round % 3 {
                    let at = random.random_range(0..bytes.len());
                    bytes[at] = random.random_range(0..=255);
                }
                refused += usize::from(walk(&bytes).is_err());
            }
        }
        // Flips of the header's text and of ids are no error; most others are.
        assert!(refused > 20_000, "{refused}");
    }

    /// Reads as far as a caller would.
    fn walk(bytes: &[u8]) -> Result<()> {
        let parsed = parse(bytes)?;
        let Some(truth) = parsed.find("groundTruth") else {
            return Err(refuse(Path::new("x.mat"), 0, "", ""));
        };
        for annotator in truth.cells()? {
            annotator.field("Segmentation")?.ids()?;
        }
        Ok(())
    }

    #[test]
    fn refuses_other_versions_by_name() {
        let mut newer = b"MATLAB 7.3 MAT-file, Platform".to_vec();
        newer.resize(600, b' ');
        let error = parse(&newer).unwrap_err().to_string();
        assert!(error.contains("version 7.3, which is HDF5"), "{error}");
        assert!(error.contains("'-v7')` after `s = load(name)`"), "{error}");
        assert!(error.contains("scipy.io.savemat"), "{error}");
        assert!(parse(&HDF5).unwrap_err().to_string().contains("HDF5"));
        assert!(
            parse(&[0; 200])
                .unwrap_err()
                .to_string()
                .contains("level 4")
        );
        assert!(
            parse(b"MATLAB")
                .unwrap_err()
                .to_string()
                .contains("expected a header of 128 bytes, found 6 bytes")
        );
        let mut strange = file(Writer::Little, &[]);
        strange[126] = b'X';
        assert!(
            parse(&strange)
                .unwrap_err()
                .to_string()
                .contains("at byte 126: expected the letters IM or MI")
        );
        let mut version = file(Writer::Big, &[]);
        version[124] = 2;
        assert!(
            parse(&version)
                .unwrap_err()
                .to_string()
                .contains("found 2.0")
        );
    }

    #[test]
    fn keeps_unneeded_kinds_by_name_and_refuses_unknown_classes() {
        let writer = Writer::Little;
        for (class, kind) in [
            (3, "an object"),
            (4, "text"),
            (5, "a sparse matrix"),
            (16, "a function handle"),
            (17, "an opaque object"),
        ] {
            let bytes = file(writer, &[matrix(writer, class, "x", &[1, 1], &[])]);
            let parsed = parse(&bytes).unwrap();
            assert_eq!(parsed.variables[0].1.content.kind(), kind);
        }
        let complex = matrix(writer, 6 | 0x0800, "x", &[1, 1], &[]);
        let parsed = parse(&file(writer, &[complex])).unwrap();
        assert_eq!(
            parsed.variables[0].1.content,
            Content::Other("complex numbers")
        );
        assert!(parse(&file(writer, &[matrix(writer, 99, "x", &[1, 1], &[])])).is_err());
    }

    #[test]
    fn refuses_a_tower_of_cells() {
        let writer = Writer::Little;
        let mut tower = uint16(writer, "", &[1, 1], &[1]);
        for _ in 0..10_000 {
            tower = cells(writer, "", &[tower]);
            if tower.len() > 400_000 {
                break;
            }
        }
        let error = parse(&file(writer, &[tower])).unwrap_err().to_string();
        assert!(error.contains("nested at most 32 deep"), "{error}");
    }

    #[test]
    fn dimensions_beyond_the_data_are_refused() {
        let writer = Writer::Little;
        for (sides, words) in [
            ([i32::MAX, i32::MAX], "expected 4611686014132420609 numbers"),
            ([-1, 2], "expected dimensions from 0, found -1"),
        ] {
            // A small element of one number, of type 4.
            let whole = matrix(writer, 11, "x", &sides, &[4, 0, 2, 0, 9, 0, 0, 0]);
            let error = parse(&file(writer, &[whole])).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
