//! Single fields of a record: read where they have the form that is wanted, described where not.

use std::io::Read;

use super::json_stream::{Fault, JsonStream, Kind};
use super::shape::{Points, Shape};
use crate::error::Size;
use crate::id::Id;

/// The forms of a region.
const SHAPES: &str = "polygons, or run lengths with `size` and `counts`";
/// Letters of a text that a message shows.
const SHOWN: usize = 40;

/// A field of another form than wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Odd {
    pub field: &'static str,
    pub expected: &'static str,
    pub found: Box<str>,
}

impl Odd {
    fn new(field: &'static str, expected: &'static str, found: String) -> Self {
        Self {
            field,
            expected,
            found: found.into(),
        }
    }
}

/// The value of a field: none where it is missing, null, or odd.
pub(super) type Value<T> = Result<Option<T>, Fault>;

/// The fields of one record, with the odd ones collected.
pub(super) struct Fields<'a, R> {
    pub stream: &'a mut JsonStream<R>,
    pub odd: &'a mut Vec<Odd>,
}

impl<R: Read> Fields<'_, R> {
    /// Passes over the value, and keeps what it is.
    fn odd<T>(&mut self, field: &'static str, expected: &'static str) -> Value<T> {
        let found = described(self.stream)?;
        self.odd.push(Odd::new(field, expected, found));
        Ok(None)
    }

    fn null<T>(&mut self) -> Value<T> {
        self.stream.skip()?;
        Ok(None)
    }

    /// A number in the place of something else: pandas writes `NaN` where there is nothing.
    fn number_instead<T>(&mut self, field: &'static str, expected: &'static str) -> Value<T> {
        let written = self.stream.number()?;
        if written != "NaN" {
            let found = short(written);
            self.odd.push(Odd::new(field, expected, found));
        }
        Ok(None)
    }

    /// An id: a whole number or a text.
    pub fn id(&mut self, field: &'static str) -> Value<Id> {
        let expected = "an id: a whole number or a text";
        match self.stream.kind()? {
            Kind::Number => {
                let written = self.stream.number()?;
                let id = Id::of_number(written);
                if id.is_none() && written != "NaN" {
                    let found = short(written);
                    self.odd.push(Odd::new(field, expected, found));
                }
                Ok(id)
            }
            Kind::Text => Ok(Some(Id::Text(self.stream.text()?.into()))),
            Kind::Null => self.null(),
            _ => self.odd(field, expected),
        }
    }

    /// A number, also one that is not finite.
    pub fn number(&mut self, field: &'static str, expected: &'static str) -> Value<f64> {
        match self.stream.kind()? {
            Kind::Number => Ok(Some(value(self.stream.number()?))),
            Kind::Null => self.null(),
            _ => self.odd(field, expected),
        }
    }

    /// A number of pixels.
    pub fn pixels(&mut self, field: &'static str) -> Value<u64> {
        let expected = "a whole number of pixels";
        let Some(number) = self.number(field, expected)? else {
            return Ok(None);
        };
        if number.is_nan() {
            return Ok(None);
        }
        let whole = whole(number);
        if whole.is_none() {
            let found = number.to_string();
            self.odd.push(Odd::new(field, expected, found));
        }
        Ok(whole)
    }

    /// Truth, as 0 and 1 or in words.
    pub fn flag(&mut self, field: &'static str) -> Value<bool> {
        match self.stream.kind()? {
            Kind::Truth(truth) => {
                self.stream.skip()?;
                Ok(Some(truth))
            }
            Kind::Number => {
                let number = value(self.stream.number()?);
                Ok((!number.is_nan()).then_some(number != 0.0))
            }
            Kind::Null => self.null(),
            _ => self.odd(field, "0 or 1"),
        }
    }

    /// A name: a text, or a number as it is written.
    pub fn name(&mut self, field: &'static str) -> Value<String> {
        match self.stream.kind()? {
            Kind::Text => self.stream.text().map(Some),
            Kind::Number => {
                let written = self.stream.number()?;
                Ok((written != "NaN").then(|| written.to_owned()))
            }
            Kind::Null => self.null(),
            _ => self.odd(field, "a text"),
        }
    }

    /// Left, top, width and height; an empty list is no box.
    pub fn bbox(&mut self) -> Value<[f64; 4]> {
        let expected = "a box of 4 numbers";
        match self.stream.kind()? {
            Kind::List => {}
            Kind::Null => return self.null(),
            Kind::Number => return self.number_instead("bbox", expected),
            _ => return self.odd("bbox", expected),
        }
        let (mut numbers, mut count, mut other) = ([0.0; 4], 0, None);
        self.stream.list(|stream| {
            match stream.kind()? {
                Kind::Number => {
                    let number = value(stream.number()?);
                    if let Some(place) = numbers.get_mut(count) {
                        *place = number;
                    }
                }
                _ => {
                    let found = described(stream)?;
                    other.get_or_insert(found);
                }
            }
            count += 1;
            Ok(())
        })?;
        let found = match (other, count) {
            (None, 4) => return Ok(Some(numbers)),
            (None, 0) => return Ok(None),
            (None, count) => format!("{count} numbers"),
            (Some(other), _) => format!("{other} in it"),
        };
        self.odd.push(Odd::new("bbox", expected, found));
        Ok(None)
    }

    /// An outline or run lengths; empty lists are no shape.
    pub fn shape(&mut self) -> Value<Shape> {
        match self.stream.kind()? {
            Kind::List => self.outline(),
            Kind::Object => self.runs(),
            Kind::Null => self.null(),
            Kind::Number => self.number_instead("segmentation", SHAPES),
            Kind::Text => {
                let text = self.stream.text()?;
                if !text.is_empty() {
                    self.odd_shape(text_instead(&text));
                }
                Ok(None)
            }
            _ => {
                let found = described(self.stream)?;
                self.odd_shape(found);
                Ok(None)
            }
        }
    }

    fn odd_shape(&mut self, found: String) {
        self.odd.push(Odd::new("segmentation", SHAPES, found));
    }

    /// Polygons: lists of x₀ y₀ x₁ y₁ …. One without the list around it is taken too, and points as pairs.
    fn outline(&mut self) -> Value<Shape> {
        let (mut numbers, mut ends, mut other) = (Vec::new(), Vec::new(), None);
        let (mut bare, mut object) = (false, false);
        self.stream.list(|stream| {
            match stream.kind()? {
                Kind::List => {
                    let start = numbers.len();
                    polygon(stream, &mut numbers, &mut other, true)?;
                    if numbers.len() > start {
                        ends.push(numbers.len());
                    }
                }
                Kind::Number => {
                    bare = true;
                    numbers.push(value(stream.number()?));
                }
                kind => {
                    object = kind == Kind::Object && other.is_none();
                    let found = described(stream)?;
                    other.get_or_insert(found);
                }
            }
            Ok(())
        })?;
        if let Some(found) = other {
            let advice = match object {
                true => ": write run lengths themselves, without a list",
                false => "",
            };
            self.odd_shape(format!("{found} in it{advice}"));
            return Ok(None);
        }
        if bare && !ends.is_empty() {
            self.odd_shape("numbers beside polygons".to_owned());
            return Ok(None);
        }
        let pairs = ends.len() > 2 && numbers.len() == 2 * ends.len();
        if bare || (pairs && ends.windows(2).all(|two| two[1] - two[0] == 2)) {
            ends = vec![numbers.len()];
        }
        let Ok(ends) = ends.into_iter().map(u32::try_from).collect() else {
            self.odd_shape("more than 2³² numbers".to_owned());
            return Ok(None);
        };
        let shape = Shape::Polygons {
            points: Points::new(&numbers),
            ends,
        };
        Ok((!numbers.is_empty()).then_some(shape))
    }

    fn runs(&mut self) -> Value<Shape> {
        let (mut size, mut height, mut width) = (Vec::new(), None, None);
        let (mut letters, mut counts, mut other) = (None, None, None);
        self.stream.object(|stream, key| {
            match (key, stream.kind()?) {
                ("size", Kind::List) => size = whole_numbers(stream, &mut other)?,
                ("h", Kind::Number) => height = whole(value(stream.number()?)),
                ("w", Kind::Number) => width = whole(value(stream.number()?)),
                ("counts", Kind::Text) => letters = Some(stream.text()?),
                ("counts", Kind::List) => counts = Some(whole_numbers(stream, &mut other)?),
                ("size" | "counts", _) => {
                    let found = described(stream)?;
                    other.get_or_insert(format!("`{key}`: {found}"));
                }
                _ => stream.skip()?,
            }
            Ok(())
        })?;
        let side = |side: u64| u32::try_from(side).ok();
        let size = match (&size[..], height, width) {
            ([height, width], _, _) => side(*height).zip(side(*width)),
            ([], Some(height), Some(width)) => side(height).zip(side(width)),
            _ => None,
        };
        let size = size.map(|(height, width)| Size { width, height });
        match (other, size, letters, counts) {
            (Some(other), ..) => self.odd_shape(other),
            (None, None, ..) => self.odd_shape("no `size` of two whole numbers".to_owned()),
            (None, Some(_), Some(text), _) if is_python_bytes(&text) => self.odd_shape(format!(
                "`counts`: {} of bytes in Python: write `counts.decode(\"ascii\")`",
                shown(&text)
            )),
            (None, Some(size), Some(text), _) => {
                let text = text.into();
                return Ok(Some(Shape::Compressed { size, text }));
            }
            (None, Some(size), None, Some(counts)) => {
                match counts.into_iter().map(u32::try_from).collect() {
                    Ok(counts) => return Ok(Some(Shape::Runs { size, counts })),
                    Err(_) => self.odd_shape("a run of more than 2³² pixels".to_owned()),
                }
            }
            (None, Some(_), None, None) => self.odd_shape("no `counts`".to_owned()),
        }
        Ok(None)
    }
}

/// One polygon's numbers, appended; `pairs` for points that are lists themselves.
fn polygon<R: Read>(
    stream: &mut JsonStream<R>,
    numbers: &mut Vec<f64>,
    other: &mut Option<String>,
    pairs: bool,
) -> Result<(), Fault> {
    stream.list(|stream| {
        match stream.kind()? {
            Kind::Number => numbers.push(value(stream.number()?)),
            Kind::List if pairs => {
                let start = numbers.len();
                polygon(stream, numbers, other, false)?;
                if numbers.len() - start != 2 {
                    other.get_or_insert("a point that is not two numbers".to_owned());
                }
            }
            _ => {
                let found = described(stream)?;
                other.get_or_insert(found);
            }
        }
        Ok(())
    })
}

/// A list of whole numbers.
fn whole_numbers<R: Read>(
    stream: &mut JsonStream<R>,
    other: &mut Option<String>,
) -> Result<Vec<u64>, Fault> {
    let mut numbers = Vec::new();
    stream.list(|stream| {
        let found = match stream.kind()? {
            Kind::Number => {
                let written = stream.number()?;
                match whole(value(written)) {
                    Some(number) => {
                        numbers.push(number);
                        return Ok(());
                    }
                    None => short(written),
                }
            }
            _ => described(stream)?,
        };
        other.get_or_insert(format!("{found} among whole numbers"));
        Ok(())
    })?;
    Ok(numbers)
}

/// Whether a text is what Python prints of bytes: no letter of run lengths is a quote.
fn is_python_bytes(text: &str) -> bool {
    let quoted = |quote: char| {
        let rest = text
            .strip_prefix('b')
            .and_then(|rest| rest.strip_prefix(quote));
        rest.is_some_and(|rest| rest.ends_with(quote))
    };
    quoted('\'') || quoted('"')
}

/// A text in the place of a shape, and what to do about it.
fn text_instead(text: &str) -> String {
    let words = if text.starts_with(['{', '[']) {
        ": write the shape itself, not the text of it"
    } else if is_python_bytes(text) {
        ": write an object with `size` and `counts`, and `counts.decode(\"ascii\")`"
    } else if text.bytes().all(|letter| (48..112).contains(&letter)) {
        ": write run lengths as an object with `size` and `counts`"
    } else {
        ""
    };
    shown(text) + words
}

/// The nearest float, as Python has it.
fn value(written: &str) -> f64 {
    written.parse().unwrap_or(f64::NAN)
}

/// A whole number that a float holds exactly.
fn whole(number: f64) -> Option<u64> {
    let exact = (0.0..9_007_199_254_740_992.0).contains(&number) && number.fract() == 0.0;
    exact.then_some(number as u64)
}

/// Passes over a value, and says what it is.
pub(super) fn described<R: Read>(stream: &mut JsonStream<R>) -> Result<String, Fault> {
    Ok(match stream.kind()? {
        Kind::Text => shown(&stream.text()?),
        Kind::Number => short(stream.number()?),
        kind => {
            stream.skip()?;
            match kind {
                Kind::Object => "an object",
                Kind::List => "a list",
                Kind::Truth(true) => "true",
                Kind::Truth(false) => "false",
                _ => "null",
            }
            .to_owned()
        }
    })
}

fn shown(text: &str) -> String {
    format!("the text \"{}\"", short(text))
}

/// The first letters of a text.
fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `read` makes of a text, and the message of what is odd.
    fn field<T>(
        text: &str,
        read: impl FnOnce(&mut Fields<'_, &[u8]>) -> Value<T>,
    ) -> (Option<T>, String) {
        let mut stream = JsonStream::new(text.as_bytes());
        let mut odd = Vec::new();
        let mut fields = Fields {
            stream: &mut stream,
            odd: &mut odd,
        };
        let value = read(&mut fields).unwrap();
        stream.end().unwrap();
        assert!(
            odd.len() < 2 && (odd.is_empty() || value.is_none()),
            "{odd:?}"
        );
        (
            value,
            odd.first()
                .map_or(String::new(), |odd| odd.found.to_string()),
        )
    }

    fn shape(text: &str) -> (Option<Shape>, String) {
        field(text, |fields| fields.shape())
    }

    fn polygons(pieces: &[&[f64]]) -> Option<Shape> {
        let ends = pieces.iter().scan(0, |end, piece| {
            *end += piece.len() as u32;
            Some(*end)
        });
        Some(Shape::Polygons {
            ends: ends.collect(),
            points: Points::new(&pieces.concat()),
        })
    }

    #[test]
    fn outlines_in_the_forms_that_people_write() {
        let triangle: &[f64] = &[0.0, 0.0, 4.0, 0.5, 4.0, 4.0];
        for text in [
            "[[0, 0, 4, 0.5, 4, 4]]",
            "[[0.0, 0.0, 4.0, 5e-1, 4.00, 4E0]]",
            "[[0, 0, 4, 0.5, 4, 4], []]",
            "[0, 0, 4, 0.5, 4, 4]",
            "[[0, 0], [4, 0.5], [4, 4]]",
            "[[[0, 0], [4, 0.5], [4, 4]]]",
        ] {
            assert_eq!(
                shape(text),
                (polygons(&[triangle]), String::new()),
                "{text}"
            );
        }
        let two = "[[0, 0, 4, 0.5, 4, 4], [1, 1, 2, 1]]";
        let pieces = [triangle, &[1.0, 1.0, 2.0, 1.0]];
        assert_eq!(shape(two).0, polygons(&pieces));
        for empty in ["null", "NaN", "[]", "[[]]", "[[], []]", "\"\""] {
            assert_eq!(shape(empty), (None, String::new()), "{empty}");
        }
        for (text, found) in [
            ("7", "7"),
            ("true", "true"),
            (
                "\"[[1, 2]]\"",
                "the text \"[[1, 2]]\": write the shape itself, not the text of it",
            ),
            (
                r#""{\"size\": [3, 4], \"counts\": \"04\"}""#,
                "the text \"{\"size\": [3, 4], \"counts\": \"04\"}\": write the shape itself, not the text of it",
            ),
            (
                "\"b'04'\"",
                "the text \"b'04'\": write an object with `size` and `counts`, and `counts.decode(\"ascii\")`",
            ),
            (
                "\"04\"",
                "the text \"04\": write run lengths as an object with `size` and `counts`",
            ),
            ("\"a picture.png\"", "the text \"a picture.png\""),
            ("[\"a\"]", "the text \"a\" in it"),
            ("[[0, 0, null, 1]]", "null in it"),
            ("[[0, \"1\"]]", "the text \"1\" in it"),
            ("[1, 2, [3, 4]]", "numbers beside polygons"),
            ("[[[1, 2, 3]]]", "a point that is not two numbers in it"),
            (
                "[{\"size\": [3, 4], \"counts\": \"04\"}]",
                "an object in it: write run lengths themselves, without a list",
            ),
        ] {
            assert_eq!(shape(text), (None, found.to_owned()), "{text}");
        }
    }

    #[test]
    fn run_lengths_in_letters_or_numbers() {
        // COCO writes the height first.
        let size = Size {
            width: 4,
            height: 3,
        };
        let letters = Shape::Compressed {
            size,
            text: "04".into(),
        };
        let counts = Shape::Runs {
            size,
            counts: [5, 7].into(),
        };
        for (text, expected) in [
            (r#"{"counts": "04", "size": [3, 4], "more": {}}"#, &letters),
            (r#"{"counts": "04", "h": 3, "w": 4.0}"#, &letters),
            (r#"{"size": [3, 4], "counts": [5, 7]}"#, &counts),
            (r#"{"size": [3.0, 4.0], "counts": [5.0, 7.0]}"#, &counts),
        ] {
            assert_eq!(
                shape(text),
                (Some(expected.clone()), String::new()),
                "{text}"
            );
        }
        for (text, found) in [
            (r#"{"counts": "04"}"#, "no `size` of two whole numbers"),
            (
                r#"{"size": [3], "counts": "04"}"#,
                "no `size` of two whole numbers",
            ),
            (
                r#"{"size": [3, -4], "counts": "04"}"#,
                "-4 among whole numbers",
            ),
            (
                r#"{"size": [3, 1e12], "counts": "04"}"#,
                "no `size` of two whole numbers",
            ),
            (
                r#"{"size": "3x4", "counts": "04"}"#,
                "`size`: the text \"3x4\"",
            ),
            (r#"{"size": [3, 4]}"#, "no `counts`"),
            (
                r#"{"size": [3, 4], "counts": "b'04'"}"#,
                "`counts`: the text \"b'04'\" of bytes in Python: write `counts.decode(\"ascii\")`",
            ),
            (
                r#"{"size": [3, 4], "counts": "b\"04\""}"#,
                "`counts`: the text \"b\"04\"\" of bytes in Python: write `counts.decode(\"ascii\")`",
            ),
            (r#"{"size": [3, 4], "counts": 12}"#, "`counts`: 12"),
            (
                r#"{"size": [3, 4], "counts": [-1]}"#,
                "-1 among whole numbers",
            ),
            (
                r#"{"size": [3, 4], "counts": [1.5]}"#,
                "1.5 among whole numbers",
            ),
            (
                r#"{"size": [3, 4], "counts": [4294967296]}"#,
                "a run of more than 2³² pixels",
            ),
        ] {
            assert_eq!(shape(text), (None, found.to_owned()), "{text}");
        }
    }

    #[test]
    fn numbers_flags_boxes_and_names() {
        let number = |text: &str| field(text, |fields| fields.number("area", "a number"));
        assert_eq!(number("900"), (Some(900.0), String::new()));
        assert!(number("NaN").0.is_some_and(f64::is_nan));
        assert_eq!(number("null"), (None, String::new()));
        assert_eq!(number("\"0.9\""), (None, "the text \"0.9\"".to_owned()));
        let pixels = |text: &str| field(text, |fields| fields.pixels("width"));
        assert_eq!(pixels("640.0"), (Some(640), String::new()));
        assert_eq!(pixels("NaN"), (None, String::new()));
        for odd in ["-1", "1.5", "1e300"] {
            assert!(!pixels(odd).1.is_empty(), "{odd}");
        }
        let flag = |text: &str| field(text, |fields| fields.flag("iscrowd"));
        for (text, expected) in [
            ("0", Some(false)),
            ("0.0", Some(false)),
            ("false", Some(false)),
            ("1", Some(true)),
            ("true", Some(true)),
            ("null", None),
            ("NaN", None),
        ] {
            assert_eq!(flag(text), (expected, String::new()), "{text}");
        }
        assert_eq!(flag("\"0\"").1, "the text \"0\"");
        let bbox = |text: &str| field(text, |fields| fields.bbox());
        assert_eq!(
            bbox("[1, 2.0, 3e0, 4]"),
            (Some([1.0, 2.0, 3.0, 4.0]), String::new())
        );
        for missing in ["[]", "null", "NaN"] {
            assert_eq!(bbox(missing), (None, String::new()));
        }
        assert_eq!(bbox("4").1, "4");
        assert_eq!(bbox("[1, 2, 3]").1, "3 numbers");
        assert_eq!(bbox("[1, 2, 3, null]").1, "null in it");
        assert_eq!(bbox("{\"x\": 1}").1, "an object");
        let name = |text: &str| field(text, |fields| fields.name("name")).0;
        assert_eq!(name("\"cat\"").as_deref(), Some("cat"));
        assert_eq!(name("7").as_deref(), Some("7"));
        assert_eq!(name("NaN"), None);
        assert_eq!(name("[]"), None);
    }
}
