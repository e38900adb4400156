//! A name for the outputs of each photograph: no two share one, and no output takes the place of a photograph.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use super::inputs::Input;
use super::outputs::OutputPlan;

/// The names of all outputs, in the order of the photographs, and how many differ from their files' names.
///
/// ```text
///   p.jpg alone          p
///   a/p.jpg, b/p.jpg     a/p, b/p: as many folders as it takes
///   p.jpg, p.png         p.jpg, p.png
///   what is left         p-2, p-3, …
/// ```
pub fn names(inputs: &[Input], plan: &OutputPlan) -> (Vec<PathBuf>, usize) {
    let mut groups: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, input) in inputs.iter().enumerate() {
        groups.entry(key(&input.stem)).or_default().push(place);
    }
    let mut wanted: Vec<PathBuf> = inputs.iter().map(|input| input.stem.clone()).collect();
    let mut shared = vec![false; inputs.len()];
    for group in groups.values().filter(|group| group.len() > 1) {
        for place in group {
            shared[*place] = true;
        }
        for (place, name) in group.iter().zip(distinguished(inputs, group)) {
            wanted[*place] = name;
        }
    }
    let given = Given::of(inputs);
    // Names that are a photograph's alone come first, so that no number takes one.
    let mut order: Vec<usize> = (0..inputs.len()).collect();
    order.sort_by_key(|place| shared[*place]);
    let mut taken = HashSet::new();
    let mut changed = 0;
    for place in order {
        if inputs[place].refused.is_some() {
            continue;
        }
        let name = wanted[place].clone();
        let free = |name: &Path| !taken.contains(&key(name)) && !given.lie_in(plan, name);
        let numbered = (2_u64..).map(|number| with_number(&name, number));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        let name = names.find(|name| free(name)).expect("numbers go on");
        taken.insert(key(&name));
        changed += usize::from(name != inputs[place].stem);
        wanted[place] = name;
    }
    (wanted, changed)
}

/// What makes two names one: their letters without case where file systems ignore it.
fn key(name: &Path) -> String {
    let text = name.to_string_lossy();
    match cfg!(any(windows, target_os = "macos")) {
        true => text.to_lowercase(),
        false => text.into_owned(),
    }
}

/// Names of photographs whose stems are one: by folders, by their files' whole names, by both. Numbers do the rest.
fn distinguished(inputs: &[Input], group: &[usize]) -> Vec<PathBuf> {
    let folders = |place: &usize| -> Vec<String> {
        let parent = inputs[*place].path.parent().unwrap_or(Path::new(""));
        let parts = parent.components().filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        });
        parts.collect()
    };
    let parents: Vec<Vec<String>> = group.iter().map(folders).collect();
    let deepest = parents.iter().map(Vec::len).max().unwrap_or(0);
    let named = |whole: bool, depth: usize| -> Vec<PathBuf> {
        let one = |(place, parents): (&usize, &Vec<String>)| {
            let input = &inputs[*place];
            let inside = input.stem.parent().unwrap_or(Path::new(""));
            let file = match whole {
                true => input.file_name().into(),
                false => input.stem.file_name().unwrap_or_default().to_owned(),
            };
            if depth == 0 {
                return inside.join(file);
            }
            let above: PathBuf = parents[parents.len().saturating_sub(depth)..]
                .iter()
                .collect();
            above.join(file)
        };
        group.iter().zip(&parents).map(one).collect()
    };
    let depths = (1..=deepest).map(|depth| (false, depth));
    let whole = (0..=deepest).map(|depth| (true, depth));
    let all_differ = |names: &Vec<PathBuf>| {
        let different: HashSet<String> = names.iter().map(|name| key(name)).collect();
        different.len() == names.len()
    };
    let mut tries = depths
        .chain(whole)
        .map(|(whole, depth)| named(whole, depth));
    tries.find(all_differ).unwrap_or_else(|| named(false, 0))
}

/// `a/p-2`.
fn with_number(name: &Path, number: u64) -> PathBuf {
    let mut text = name.as_os_str().to_owned();
    text.push(format!("-{number}"));
    text.into()
}

/// The photographs that are given, so that none is written over.
struct Given {
    /// Names of files: only of these is the place looked up.
    names: HashSet<String>,
    places: HashSet<PathBuf>,
}

impl Given {
    fn of(inputs: &[Input]) -> Self {
        let files = || inputs.iter().filter(|input| input.refused.is_none());
        let places = files().filter_map(|input| input.path.canonicalize().ok());
        let places: HashSet<PathBuf> = places.collect();
        let names = places.iter().filter_map(|place| place.file_name());
        let names = names.map(|name| key(Path::new(name))).collect();
        Self { names, places }
    }

    /// Whether an output of this name would take the place of one.
    fn lie_in(&self, plan: &OutputPlan, name: &Path) -> bool {
        plan.places(name).any(|place| {
            let file = place.file_name().map(|file| key(Path::new(file)));
            file.is_some_and(|file| self.names.contains(&file))
                && place
                    .canonicalize()
                    .is_ok_and(|place| self.places.contains(&place))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::inputs::collect;
    use super::super::settings::SegmentSettings;
    use super::*;

    fn plan(out: &Path) -> OutputPlan {
        OutputPlan::new(&SegmentSettings::new(["x"], out))
    }

    /// Names of photographs that do not exist.
    fn named(given: &[&str]) -> Vec<String> {
        let given: Vec<PathBuf> = given.iter().map(PathBuf::from).collect();
        let (inputs, _) = collect(&given, false, Path::new("out"));
        let (names, _) = names(&inputs, &plan(Path::new("out")));
        names
            .iter()
            .map(|name| name.display().to_string())
            .collect()
    }

    #[test]
    fn different_names_stay_as_they_are() {
        assert_eq!(named(&["x/a.jpg", "y/b.c.png"]), ["a", "b.c"]);
        assert_eq!(named(&["p.jpg", "p.k3.jpg", "-p.jpg"]), ["p", "p.k3", "-p"]);
    }

    #[test]
    fn equal_names_get_their_folders_or_their_ends_or_a_number() {
        assert_eq!(named(&["a/p.jpg", "b/p.jpg"]), ["a/p", "b/p"]);
        assert_eq!(named(&["p.jpg", "../b/p.jpg"]), ["p", "b/p"]);
        assert_eq!(named(&["x/a/p.jpg", "/y/a/p.jpg"]), ["x/a/p", "y/a/p"]);
        assert_eq!(named(&["p.jpg", "p.png"]), ["p.jpg", "p.png"]);
        assert_eq!(
            named(&["a/p.jpg", "a/p.png", "b/p.jpg"]),
            ["a/p.jpg", "a/p.png", "b/p.jpg"]
        );
        assert_eq!(named(&["../p.jpg", "../../p.jpg"]), ["p", "p-2"]);
        // Beside a photograph whose own name is the one with the end.
        assert_eq!(
            named(&["p.jpg", "p.png", "p.jpg.webp"]),
            ["p.jpg-2", "p.png", "p.jpg"]
        );
        assert_eq!(
            named(&["../p.jpg", "../../p.jpg", "p-2.jpg"]),
            ["p", "p-3", "p-2"]
        );
    }

    #[test]
    fn standard_input_has_a_name_of_its_own_beside_files_of_that_name() {
        assert_eq!(named(&["-", "stdin.jpg"]), ["stdin", "stdin.jpg"]);
        assert_eq!(named(&["-", "a/stdin.jpg"]), ["stdin", "a/stdin"]);
        assert_eq!(named(&["stdin", "-"]), ["stdin", "stdin-2"]);
        // A file called so.
        assert_eq!(named(&["-", "./-"]), ["stdin", "-"]);
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_utf_8_get_a_number_where_their_text_is_the_same() {
        use std::os::unix::ffi::OsStrExt as _;
        let odd = |name: &[u8]| PathBuf::from(std::ffi::OsStr::from_bytes(name));
        let given = [odd(b"p\xff.jpg"), odd(b"p\xfe.jpg")];
        let (inputs, _) = collect(&given, false, Path::new("out"));
        let (names, changed) = names(&inputs, &plan(Path::new(".")));
        assert_eq!(names, ["p\u{fffd}", "p\u{fffd}-2"].map(PathBuf::from));
        assert_eq!(changed, 1);
    }

    #[test]
    fn no_output_takes_the_place_of_a_photograph() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        image::RgbImage::new(4, 3).save(path("a.png")).unwrap();
        image::RgbImage::new(3, 4)
            .save(path("a.overlay.png"))
            .unwrap();
        let given = [path("a.png"), path("a.overlay.png")];
        let (inputs, passed_over) = collect(&given, false, folder.path());
        let (names, changed) = names(&inputs, &plan(folder.path()));
        assert!(passed_over.is_empty());
        assert_eq!(names, ["a-2", "a.overlay"].map(PathBuf::from));
        assert_eq!(changed, 1);
    }

    #[test]
    fn a_hundred_thousand_names_are_given_at_once() {
        let folder = |i: usize| PathBuf::from(format!("{}/{}.jpg", i % 7, i / 2));
        let given: Vec<PathBuf> = (0..100_000).map(folder).collect();
        let (inputs, _) = collect(&given, false, Path::new("out"));
        let (names, _) = names(&inputs, &plan(Path::new("out")));
        let different: HashSet<&PathBuf> = names.iter().collect();
        assert_eq!(different.len(), 100_000);
    }
}
