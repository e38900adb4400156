//! What a file has that a number does not show: passed over, counted, named.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

/// The kind of a [`Finding`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FindingKind {
    /// Images with an id that another has: the last counts, as in pycocotools.
    RepeatedImages,
    /// Categories with an id that another has: the last counts, as in pycocotools.
    RepeatedCategories,
    /// Annotations with an id that another has: each counts, where pycocotools counts the last one several times.
    RepeatedAnnotations,
    /// Records without an id: images and categories are passed over, annotations called by their place.
    WithoutId,
    /// Images without width and height: those of their photographs are taken, upright.
    WithoutSize,
    /// Annotations of images that are not listed: passed over, as in pycocotools.
    UnlistedImages,
    /// Annotations of categories that are not listed: passed over, as in pycocotools.
    UnlistedCategories,
    /// Annotations of a negative area: neither found nor missed by detections, as in pycocotools; regions take the area
    /// of their mask.
    NegativeAreas,
    /// Annotations whose box has a negative side: compared as they are, as in pycocotools.
    NegativeBoxes,
    /// Boxes or outlines of numbers from 0 to 1 alone: shares of the image where pixels are expected.
    SharesOfImage,
    /// Boxes that reach beyond their image, where that is more than one of four: corners or centres, it seems.
    BeyondImage,
    /// Detections with a mask, where the first has none and no kind was asked for: boxes are compared.
    MasksUnused,
    /// No annotation at all.
    NoAnnotations,
    /// An annotation with the id 0, which pycocotools takes for the mark of "not found".
    IdZero,
    /// Detections of categories that are not listed, where pycocotools is reproduced: passed over.
    UnlistedDetections,
    /// Images whose photograph is listed under another id too.
    SharedPhotographs,
    /// Images with the fields of LVIS, whose own protocol is not computed.
    Federated,
    /// Photographs under a name that differs from the listed one in capitals or `%` escapes: taken.
    OtherSpelling,
    /// Photographs whose Exif tag turns them, where the listed size fits both ways: read upright.
    Turned,
}

impl FindingKind {
    fn in_words(self, count: usize) -> String {
        if self == Self::NoAnnotations {
            return "expected annotations, found none".to_owned();
        }
        let (one, many) = self.record();
        format!(
            "{count} {} {}",
            if count == 1 { one } else { many },
            self.behind_the_record()
        )
    }

    /// What is counted: one, and many.
    fn record(self) -> (&'static str, &'static str) {
        match self {
            Self::RepeatedImages
            | Self::WithoutSize
            | Self::SharedPhotographs
            | Self::Federated => ("image", "images"),
            Self::RepeatedCategories => ("category", "categories"),
            Self::RepeatedAnnotations
            | Self::UnlistedImages
            | Self::UnlistedCategories
            | Self::NegativeAreas
            | Self::NegativeBoxes
            | Self::NoAnnotations
            | Self::IdZero => ("annotation", "annotations"),
            Self::WithoutId => ("record", "records"),
            Self::SharesOfImage => ("box or outline", "boxes or outlines"),
            Self::BeyondImage => ("box", "boxes"),
            Self::MasksUnused | Self::UnlistedDetections => ("detection", "detections"),
            Self::OtherSpelling | Self::Turned => ("photograph", "photographs"),
        }
    }

    /// What they have, and what becomes of them.
    fn behind_the_record(self) -> &'static str {
        match self {
            Self::RepeatedImages | Self::RepeatedCategories => {
                "listed again under the same id: the last counts"
            }
            Self::RepeatedAnnotations => {
                "with the id of another, in whose place pycocotools counts the last again"
            }
            Self::WithoutId => "without an id",
            Self::WithoutSize => "without width and height: those of the photograph are taken",
            Self::UnlistedImages => "of an image that is not listed: left out",
            Self::UnlistedCategories | Self::UnlistedDetections => {
                "of a category that is not listed: left out"
            }
            Self::NegativeAreas => "of a negative area",
            Self::NegativeBoxes => "whose box has a negative side",
            Self::SharesOfImage => {
                "of numbers from 0 to 1, none in pixels: multiply by width and height"
            }
            Self::BeyondImage => {
                "beyond the image: expected left, top, width and height, not corners or a centre"
            }
            Self::MasksUnused => {
                "with a mask, where the first has none: boxes are compared; --kind segm compares masks"
            }
            Self::NoAnnotations => "",
            Self::IdZero => "with the id 0, which pycocotools counts as not found",
            Self::SharedPhotographs => "of a photograph that is listed under another id too",
            Self::Federated => {
                "with the fields of LVIS (neg_category_ids, not_exhaustive_category_ids), whose federated protocol is \
                 not computed: detections of unverified categories count as false"
            }
            Self::OtherSpelling => "under a name of other capitals or % escapes: taken",
            Self::Turned => {
                "turned by an Exif tag, of a size that fits both ways: read upright. If the annotations are of the \
                 stored pixels, remove the tag"
            }
        }
    }
}

/// Something that a file has and that a number does not show.
///
/// # Example
/// ```
/// use bench_coco::{Finding, FindingKind};
///
/// let finding = Finding::new("val.json", FindingKind::UnlistedImages, 2, "annotation 3: image 9");
/// assert_eq!(
///     finding.to_string(),
///     "val.json: 2 annotations of an image that is not listed: left out; first: annotation 3: image 9"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub path: PathBuf,
    /// What it has.
    pub kind: FindingKind,
    /// How often.
    pub count: usize,
    /// The first of them; empty where there is nothing to name.
    pub first: String,
}

impl Finding {
    /// A finding of the file at `path`.
    pub fn new(
        path: impl Into<PathBuf>,
        kind: FindingKind,
        count: usize,
        first: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into(),
            kind,
            count,
            first: first.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}",
            self.path.display(),
            self.kind.in_words(self.count)
        )?;
        match self.first.as_str() {
            "" => Ok(()),
            first => write!(f, "; first: {first}"),
        }
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Stored<'a> {
            kind: FindingKind,
            count: usize,
            first: &'a str,
            message: String,
        }

        let stored = Stored {
            kind: self.kind,
            count: self.count,
            first: &self.first,
            message: self.to_string(),
        };
        stored.serialize(serializer)
    }
}

/// The findings of one file while it is read.
pub(crate) struct Findings<'a> {
    path: &'a Path,
    found: Vec<Finding>,
}

impl<'a> Findings<'a> {
    pub fn of(path: &'a Path) -> Self {
        Self {
            path,
            found: Vec::new(),
        }
    }

    /// Counts one more; `first` names it, and is asked for only once.
    pub fn add(&mut self, kind: FindingKind, first: impl FnOnce() -> String) {
        match self.found.iter_mut().find(|finding| finding.kind == kind) {
            Some(finding) => finding.count += 1,
            None => self.found.push(Finding::new(self.path, kind, 1, first())),
        }
    }

    /// A finding that was counted elsewhere.
    pub fn add_many(&mut self, kind: FindingKind, count: usize, first: String) {
        self.found.push(Finding::new(self.path, kind, count, first));
    }

    /// All of them, in the order of their kinds.
    pub fn all(mut self) -> Vec<Finding> {
        self.found.sort_by_key(|finding| finding.kind);
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_names_the_first_and_says_what_was_done() {
        let path = Path::new("a.json");
        let mut findings = Findings::of(path);
        findings.add(FindingKind::UnlistedCategories, || {
            "annotation 4".to_owned()
        });
        findings.add(FindingKind::RepeatedImages, || "image 1".to_owned());
        findings.add(FindingKind::UnlistedCategories, || unreachable!());
        let all = findings.all();
        let lines: Vec<_> = all.iter().map(Finding::to_string).collect();
        assert_eq!(
            lines,
            [
                "a.json: 1 image listed again under the same id: the last counts; first: image 1",
                "a.json: 2 annotations of a category that is not listed: left out; first: annotation 4",
            ]
        );
        let stored = serde_json::to_value(&all[1]).unwrap();
        assert_eq!(stored["kind"], "unlisted-categories");
        assert_eq!(
            (&stored["count"], &stored["message"]),
            (&2.into(), &lines[1].clone().into())
        );
    }
}
