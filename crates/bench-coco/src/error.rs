//! The errors between a file and a measure.

use std::fmt;
use std::path::PathBuf;

use crate::findings::Finding;
use crate::id::Id;

/// Width and height in pixels, written `640 × 480`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}", self.width, self.height)
    }
}

/// A record of an annotation file, written `annotation 17`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The image with this id.
    Image(Id),
    /// The category with this id.
    Category(Id),
    /// The annotation with this id.
    Annotation(Id),
    /// The image at this place in its list, from 0, where it has no id.
    ImageAt(usize),
    /// The category at this place in its list, from 0, where it has no id.
    CategoryAt(usize),
    /// The annotation at this place in its list, from 0, where it has no id.
    AnnotationAt(usize),
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(id) => write!(f, "image {}", id.quoted()),
            Self::Category(id) => write!(f, "category {}", id.quoted()),
            Self::Annotation(id) => write!(f, "annotation {}", id.quoted()),
            Self::ImageAt(place) => write!(f, "image without an id at place {place}"),
            Self::CategoryAt(place) => write!(f, "category without an id at place {place}"),
            Self::AnnotationAt(place) => write!(f, "annotation without an id at place {place}"),
        }
    }
}

/// Everything this crate refuses, with the file, the record and the numbers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read a file or folder.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Its reason.
        source: std::io::Error,
    },
    /// A picture that cannot be read: another file, a broken one, or more pixels than memory is to be taken for.
    #[error(transparent)]
    Picture(#[from] pictures::Error),
    /// A file that stops in the middle.
    #[error("{}: expected more JSON, found the end of the file at line {line} column {column}", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The last line, from 1.
        line: usize,
        /// The last column, from 1.
        column: usize,
    },
    /// A file that is not JSON, or JSON of another shape.
    #[error("{}: expected {expected}, found {found} at line {line} column {column}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The content that the file should have.
        expected: &'static str,
        /// What it has instead.
        found: String,
        /// Its line, from 1.
        line: usize,
        /// Its column in bytes, from 1.
        column: usize,
    },
    /// JSON deeper than COCO's.
    #[error("{}: expected at most {most} lists and objects within one another, found one more at byte {at}", path.display())]
    JsonTooDeep {
        /// The file.
        path: PathBuf,
        /// The most.
        most: usize,
        /// Where the one too many begins.
        at: u64,
    },
    /// A file without one of the three sections.
    #[error("{}: expected the section `{section}`, found none", path.display())]
    NoSection {
        /// The file.
        path: PathBuf,
        /// `images`, `annotations` or `categories`.
        section: &'static str,
    },
    /// A file with something that a number would not show, where that is to be refused.
    #[error("{finding}{}; --strict refuses them", more(*others))]
    Strict {
        /// What it has first.
        finding: Finding,
        /// How many kinds of findings there are beside it.
        others: usize,
    },
    /// More entries that cannot be read than may be left out.
    #[error(
        "expected at most {:.1} % of {of} regions to be left out, found {unreadable}; first: {first}; \
         --max-unreadable takes a larger share",
        100.0 * most
    )]
    TooManyUnreadable {
        /// How many cannot be read.
        unreadable: usize,
        /// Of how many.
        of: usize,
        /// The largest share.
        most: f64,
        /// Why the first cannot be read.
        first: String,
    },
    /// A record whose field no image of this world has.
    #[error("{}: {record}: `{field}`: expected {expected}, found {found}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The record.
        record: Record,
        /// The field.
        field: &'static str,
        /// The values allowed.
        expected: String,
        /// The value found.
        found: String,
    },
    /// The mask of an annotation asked for on another image, or by shapes that do not fit it.
    #[error("annotation {}: mask: expected {expected}, found {found}", annotation.quoted())]
    Mask {
        /// The annotation's id.
        annotation: Id,
        /// The form that a mask needs.
        expected: String,
        /// The value found.
        found: String,
    },
    /// A shape on an image that it does not fit, or a bitmap that is none.
    #[error("mask: expected {expected}, found {found}")]
    Shape {
        /// The form that a mask needs.
        expected: String,
        /// The value found.
        found: String,
    },
    /// An annotated image without its photograph.
    #[error("image {}: expected the photograph {}, found none{}", image.quoted(), path.display(), behind(hint))]
    MissingImage {
        /// The image's id.
        image: Id,
        /// Where it should lie.
        path: PathBuf,
        /// What lies there in its place, in words; empty where nothing does.
        hint: String,
    },
    /// A photograph of another size than the annotations were made on.
    #[error("{}: expected {expected} pixels, found {found}", path.display())]
    SizeMismatch {
        /// The photograph.
        path: PathBuf,
        /// The size in the annotation file.
        expected: Size,
        /// Its own size.
        found: Size,
    },
    /// A picture without pixels, or with more or fewer numbers than pixels.
    #[error("grey plane: expected {width} × {height} numbers, at least one, found {found}")]
    GrayPlaneSize {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
        /// Numbers given.
        found: usize,
    },
    /// A grey value that is not a number.
    #[error("grey plane: expected finite values, found {value} at column {x} of row {y}")]
    GrayPlaneNotFinite {
        /// Its column.
        x: usize,
        /// Its row.
        y: usize,
        /// The value found.
        value: f32,
    },
    /// A grid or bins that describe nothing.
    #[error("dense SIFT: expected {expected}, found {found}")]
    DenseSiftOption {
        /// The values allowed.
        expected: &'static str,
        /// The value found.
        found: String,
    },
    /// A rule, view or crop with a number out of its range.
    #[error("{op}: `{name}`: expected {expected}, found {found}")]
    Argument {
        /// The rule, view or crop.
        op: &'static str,
        /// The number's name.
        name: &'static str,
        /// Its range.
        expected: String,
        /// The number.
        found: String,
    },
    /// A measure of nothing.
    #[error("{op}: expected at least one prediction, found none")]
    NoPredictions {
        /// The measure.
        op: &'static str,
    },
    /// A class outside the classes, or ranked where it must not be.
    #[error("{op}: region {}: expected {expected}, found {found}", region.quoted())]
    Prediction {
        /// The measure.
        op: &'static str,
        /// The region: an annotation's id.
        region: Id,
        /// The form of a prediction.
        expected: String,
        /// The value found.
        found: String,
    },
    /// Two runs that did not classify the same regions.
    #[error("{op}: region {}: expected it alike in both runs, found {found}", region.quoted())]
    NotPaired {
        /// The measure.
        op: &'static str,
        /// The region: an annotation's id.
        region: Id,
        /// How they differ.
        found: String,
    },
    /// Annotations that list nothing to detect.
    #[error("{}: expected at least one entry under `{list}`, found none", path.display())]
    TruthEmpty {
        /// The file.
        path: PathBuf,
        /// The empty list.
        list: &'static str,
    },
    /// More categories with annotations than a table is made of.
    #[error("{}: expected at most {most} categories with annotations, found {found}", path.display())]
    TooManyCategories {
        /// The file.
        path: PathBuf,
        /// The most.
        most: usize,
        /// How many it has.
        found: usize,
    },
    /// Results that are not a list.
    #[error("{}: expected a list of detections, found {found}", path.display())]
    ResultsNotAList {
        /// The file.
        path: PathBuf,
        /// The value found.
        found: String,
    },
    /// No detection, and no kind given.
    #[error("{}: expected a kind (bbox or segm) for an empty list of detections, found none", path.display())]
    ResultsEmpty {
        /// The file.
        path: PathBuf,
    },
    /// A detection in an image that the annotations do not list.
    #[error("{}: detection {index}: expected an annotated image, found image {}{hint}", path.display(), image.quoted())]
    DetectionImage {
        /// The file.
        path: PathBuf,
        /// Its place in the list, from 0.
        index: usize,
        /// The id it names.
        image: Id,
        /// What else the annotations have, where that may be meant.
        hint: &'static str,
    },
    /// A detection of a category that the annotations do not list.
    #[error("{}: detection {index}: expected an annotated category, found category {}{hint}", path.display(), category.quoted())]
    DetectionCategory {
        /// The file.
        path: PathBuf,
        /// Its place in the list, from 0.
        index: usize,
        /// The id it names.
        category: Id,
        /// What else the annotations have, where that may be meant.
        hint: &'static str,
    },
    /// A detection whose score, box or mask the evaluation does not take.
    #[error("{}: detection {index}: expected {expected}, found {found}", path.display())]
    Detection {
        /// The file.
        path: PathBuf,
        /// Its place in the list, from 0.
        index: usize,
        /// The values allowed.
        expected: String,
        /// The value found.
        found: String,
    },
    /// The evaluation itself refused.
    #[error("{}: {source}", path.display())]
    DetectionEvaluation {
        /// The results.
        path: PathBuf,
        /// Its reason.
        source: hotcoco::Error,
    },
}

fn more(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => "; 1 more finding".to_owned(),
        others => format!("; {others} more findings"),
    }
}

/// Words behind a sentence, where there are any.
fn behind(hint: &str) -> String {
    match hint {
        "" => String::new(),
        hint => format!("; {hint}"),
    }
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_file_the_record_and_the_numbers() {
        let error = Error::Field {
            path: "val.json".into(),
            record: Record::Annotation(7.into()),
            field: "segmentation",
            expected: "run lengths over 12 pixels".into(),
            found: "13".into(),
        };
        assert_eq!(
            error.to_string(),
            "val.json: annotation 7: `segmentation`: expected run lengths over 12 pixels, found 13"
        );
        assert_eq!(
            Size {
                width: 640,
                height: 480
            }
            .to_string(),
            "640 × 480"
        );
        assert_eq!(Record::Category(90.into()).to_string(), "category 90");
        let text = Record::Image(Id::Text("a".into()));
        assert_eq!(text.to_string(), "image \"a\"");
    }
}
