//! The truths of BSDS300: a text file an annotator, `.seg`, with runs of pixels of each segment.

use std::path::{Path, PathBuf};

use segmentation::LabelMap;

use super::ground_truth::{Annotation, size_of};
use crate::error::{Error, Result};

/// The longest piece of a line that is shown in an error.
const SHOWN: usize = 40;

/// The annotators of one image, a file each.
///
/// # Errors
/// Those of [`decode_seg`]; [`Error::Io`]; [`Error::SizeMismatch`] where two differ in size.
pub(super) fn annotations(paths: &[PathBuf]) -> Result<Vec<Annotation>> {
    let mut annotations = Vec::<Annotation>::with_capacity(paths.len());
    for path in paths {
        let bytes = std::fs::read(path).map_err(|source| Error::Io {
            path: path.clone(),
            source,
        })?;
        let segmentation = decode_seg(path, &bytes)?;
        let found = size_of(&segmentation);
        let first = annotations
            .first()
            .map(|first| size_of(&first.segmentation));
        if let Some(expected) = first.filter(|first| *first != found) {
            return Err(Error::SizeMismatch {
                name: format!("{}, beside {}", path.display(), paths[0].display()),
                expected,
                found,
            });
        }
        annotations.push(Annotation {
            segmentation,
            boundaries: None,
        });
    }
    Ok(annotations)
}

/// The segments in the text of a `.seg` file, a truth of BSDS300.
///
/// ```text
/// format ascii cr
/// width 481              and other lines of the header, which are passed over
/// height 321
/// data
/// 0 0 0 98               the pixels 0 to 98 of row 0 belong to segment 0
/// ```
///
/// Rows, columns and segments count from 0 in the file; segments count from 1 here, as in BSDS500.
///
/// # Errors
/// [`Error::SegFile`] for another format, a line that is not as above, and a pixel of no segment;
/// [`Error::Picture`] for more pixels than memory is to be taken for.
pub fn decode_seg(path: &Path, bytes: &[u8]) -> Result<LabelMap> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines().zip(1..);
    let refuse = |line: usize, expected: &str, found: &str| Error::SegFile {
        path: path.to_owned(),
        line,
        expected: expected.to_owned(),
        found: shortened(found),
    };
    let (mut width, mut height, mut last) = (None, None, 1);
    loop {
        let Some((line, number)) = lines.next() else {
            return Err(refuse(last, "a line `data`", "the end of the file"));
        };
        last = number;
        let (key, value) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let side = |value: &str| match value.trim().parse::<u32>() {
            Ok(side) if side > 0 => Ok(side as usize),
            _ => Err(refuse(number, "a number of pixels from 1", value)),
        };
        match key {
            "data" => break,
            "format" if value.trim() != "ascii cr" => {
                return Err(refuse(number, "the format `ascii cr`", value));
            }
            "width" => width = Some(side(value)?),
            "height" => height = Some(side(value)?),
            _ => {}
        }
    }
    let (Some(width), Some(height)) = (width, height) else {
        return Err(refuse(last, "`width` and `height` before `data`", "none"));
    };
    let what = format!("{width} × {height} pixels");
    let needed = (4 * width as u64).saturating_mul(height as u64);
    pictures::MemoryBudget::default().check(&path.display().to_string(), &what, needed)?;
    let mut ids = vec![0_u32; width * height];
    for (line, number) in lines.filter(|(line, _)| !line.trim().is_empty()) {
        let Some([segment, row, first, end]) = run(line) else {
            return Err(refuse(number, "segment, row, first and last column", line));
        };
        let (row, first, end) = (row as usize, first as usize, end as usize);
        if row >= height || first > end || end >= width || segment == u32::MAX {
            return Err(refuse(
                number,
                &format!("a run of pixels within {what}"),
                line,
            ));
        }
        ids[row * width + first..=row * width + end].fill(segment + 1);
    }
    if let Some(place) = ids.iter().position(|id| *id == 0) {
        let (column, row) = (place % width, place / width);
        let expected = format!("a segment at column {column} of row {row}");
        return Err(refuse(text.lines().count(), &expected, "none"));
    }
    Ok(LabelMap::new(width, height, ids)?)
}

/// Four numbers, and nothing else.
fn run(line: &str) -> Option<[u32; 4]> {
    let mut words = line.split_whitespace().map(str::parse);
    let mut next = || words.next()?.ok();
    let numbers = [next()?, next()?, next()?, next()?];
    words.next().is_none().then_some(numbers)
}

/// At most the first letters, those that can be shown.
fn shortened(text: &str) -> String {
    let mut shown = text.trim().escape_debug();
    let first: String = shown.by_ref().take(SHOWN).collect();
    match shown.next() {
        None => first,
        Some(_) => first + "…",
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;

    const HEADER: &str = "format ascii cr\ndate Thu Apr 05 11:18:16 2001\nimage 7\nuser 1102\nwidth 4\nheight 2\n\
                          segments 2\ngray 0\ninvert 0\nflipflop 0\n";

    fn parse(text: &str) -> Result<LabelMap> {
        decode_seg(Path::new("7.seg"), text.as_bytes())
    }

    #[test]
    fn runs_of_pixels_are_segments_from_1() {
        let runs = "data\n0 0 0 2\n1 0 3 3\n0 1 0 0\n1 1 1 3\n";
        let map = parse(&format!("{HEADER}{runs}")).unwrap();
        assert_eq!((map.width(), map.height()), (4, 2));
        assert_eq!(map.ids(), [1, 1, 1, 2, 1, 2, 2, 2]);
        let crlf = format!("{HEADER}{runs}\n").replace('\n', "\r\n");
        assert_eq!(parse(&crlf).unwrap(), map);
    }

    #[test]
    fn what_is_no_truth_is_refused_by_its_line() {
        for (text, end) in [
            (
                "".to_owned(),
                "line 1: expected a line `data`, found the end of the file",
            ),
            (
                "format binary\n".to_owned(),
                "line 1: expected the format `ascii cr`, found binary",
            ),
            (
                "width 0\n".to_owned(),
                "line 1: expected a number of pixels from 1, found 0",
            ),
            (
                "width 4\ndata\n".to_owned(),
                "line 2: expected `width` and `height` before `data`, found none",
            ),
            (
                format!("{HEADER}data\n0 0 0\n"),
                "line 12: expected segment, row, first and last column, found 0 0 0",
            ),
            (
                format!("{HEADER}data\n0 0 0 4\n"),
                "line 12: expected a run of pixels within 4 × 2 pixels, found 0 0 0 4",
            ),
            (
                format!("{HEADER}data\n0 0 0 3\n0 1 0 2\n"),
                "line 13: expected a segment at column 3 of row 1, found none",
            ),
        ] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.ends_with(end), "{error}");
        }
        refused! {
            parse("width 4000000000\nheight 4000000000\ndata\n") => Error::Picture(_),
        }
    }

    #[test]
    fn annotators_of_two_sizes_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["1", "2"].map(|width| {
            let path = folder.path().join(format!("{width}.seg"));
            let last = if width == "1" { 0 } else { 1 };
            let text = format!("width {width}\nheight 1\ndata\n0 0 0 {last}\n");
            std::fs::write(&path, text).unwrap();
            path
        });
        assert_eq!(annotations(&paths[..1]).unwrap()[0].segmentation.ids(), [1]);
        refused! {
            annotations(&paths) => Error::SizeMismatch { .. },
        }
    }
}
