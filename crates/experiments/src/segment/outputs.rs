//! The files that a call writes for each photograph, and their names.

use std::path::{Path, PathBuf};

use super::exports::Export;
use super::settings::SegmentSettings;

/// The end of the name of an ultrametric contour map.
pub const CONTOURS: &str = "contours.png";
/// The end of the name of a boundary map.
pub const BOUNDARIES: &str = "boundaries.png";

/// Which files a call writes for each photograph.
pub struct OutputPlan {
    out: PathBuf,
    /// The number of segments in the names; none where there is one segmentation.
    counts: Vec<Option<usize>>,
    endings: Vec<&'static str>,
    /// Of the pictures that the photograph has once.
    once: Vec<&'static str>,
}

impl OutputPlan {
    pub fn new(settings: &SegmentSettings) -> Self {
        let counts = match settings.counts.as_slice() {
            [] | [_] => vec![None],
            several => several.iter().copied().map(Some).collect(),
        };
        let mut endings = vec!["overlay.png", "segments.png"];
        endings.extend(settings.labels.then_some("labels.png"));
        endings.extend(settings.exports().into_iter().map(Export::ending));
        let mut once = Vec::new();
        once.extend(settings.contours.then_some(CONTOURS));
        once.extend(settings.boundaries.then_some(BOUNDARIES));
        Self {
            out: settings.out.clone(),
            counts,
            endings,
            once,
        }
    }

    /// The place of a file, of the only segmentation or of that of `k` segments.
    pub fn place(&self, name: &Path, k: Option<usize>, ending: &str) -> PathBuf {
        self.out.join(file_name(name, k, ending))
    }

    /// All places of a photograph's files.
    pub fn places(&self, name: &Path) -> impl Iterator<Item = PathBuf> {
        let of_cut = |k: &Option<usize>| {
            let endings = self.endings.iter();
            let places = endings.map(|ending| self.place(name, *k, ending));
            places.collect::<Vec<_>>()
        };
        let once = self.once.iter();
        let once = once.map(|ending| self.place(name, None, ending));
        let once: Vec<PathBuf> = once.collect();
        let cuts: Vec<PathBuf> = self.counts.iter().flat_map(of_cut).collect();
        cuts.into_iter().chain(once)
    }

    /// Whether all of them exist.
    pub fn all_exist(&self, name: &Path) -> bool {
        self.places(name).all(|place| place.exists())
    }
}

/// `NAME.overlay.png`, or `NAME.k5.overlay.png` where there are several.
fn file_name(name: &Path, k: Option<usize>, ending: &str) -> PathBuf {
    // Not `set_extension`: names have dots of their own.
    let mut file = name.as_os_str().to_owned();
    if let Some(k) = k {
        file.push(format!(".k{k}"));
    }
    file.push(".");
    file.push(ending);
    file.into()
}

/// The pictures that calls write, by the ends of their names.
const KINDS: [&str; 5] = ["overlay", "segments", "labels", "contours", "boundaries"];

/// The names that a photograph may have had, where a file's name is one of an output: `a.k3` and `a` of
/// `a.k3.overlay.png`. The first is what its companions begin with.
pub fn names_of_source(file: &str) -> Option<Vec<&str>> {
    let stem = file.strip_suffix(".png")?;
    let mut stems = KINDS
        .iter()
        .filter_map(|kind| stem.strip_suffix(kind)?.strip_suffix('.'));
    let stem = stems.find(|stem| !stem.is_empty())?;
    let mut names = vec![stem];
    if let Some((name, count)) = stem.rsplit_once(".k") {
        let is_count = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
        names.extend((is_count && !name.is_empty()).then_some(name));
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_their_photograph() {
        let name = |stem: &str, k, ending| file_name(Path::new(stem), k, ending);
        assert_eq!(
            name("a.b", None, "overlay.png"),
            Path::new("a.b.overlay.png")
        );
        assert_eq!(
            name("x/a", Some(5), "labels.png"),
            Path::new("x/a.k5.labels.png")
        );
    }

    #[test]
    fn outputs_are_known_by_their_names() {
        let names = |file| names_of_source(file).unwrap_or_default();
        assert_eq!(names("a.overlay.png"), ["a"]);
        assert_eq!(names("a.b.k12.labels.png"), ["a.b.k12", "a.b"]);
        assert_eq!(names("a.kx.contours.png"), ["a.kx"]);
        assert_eq!(names("a.k3.segments.png"), ["a.k3", "a"]);
        for other in [
            "a.png",
            "overlay.png",
            ".overlay.png",
            "a.overlay.jpg",
            "aoverlay.png",
        ] {
            assert!(names_of_source(other).is_none(), "{other}");
        }
    }
}
