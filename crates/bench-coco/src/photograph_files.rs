//! Where the photographs of annotations lie.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Endings of photographs: a file of another ending beside a missing one is no candidate.
const ENDINGS: [&str; 10] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "tif", "tiff", "bmp", "gif",
];
/// Candidates that a message names.
const NAMED: usize = 3;

/// A photograph that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    pub path: PathBuf,
    pub spelling: Spelling,
}

/// How a name fits the file that was found for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// The file lies where the name says.
    AsWritten,
    /// It lies where the last parts of the name say.
    LastParts,
    /// Its name differs in capitals or in `%` escapes.
    Otherwise,
}

/// A folder of photographs. It is listed only where a photograph does not lie where its name says, and once.
#[derive(Debug)]
pub struct PhotographFolder {
    folder: PathBuf,
    listings: Mutex<HashMap<PathBuf, Arc<Listing>>>,
}

/// The names in one folder, by their letters without capitals and escapes.
type Listing = BTreeMap<String, Vec<String>>;

impl PhotographFolder {
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            listings: Mutex::default(),
        }
    }

    /// The file that a name means: below the folder whatever the name says, without `./`, with `\` for `/`, and without
    /// the folders of the machine that it was written on. Where there is none, the one file whose name differs in
    /// capitals or `%` escapes alone.
    ///
    /// # Errors
    /// What lies there in its place, in words; empty where nothing does.
    pub fn located(&self, name: &str) -> Result<Located, String> {
        if let Some(found) = self.as_named(name) {
            return Ok(found);
        }
        let decoded = decoded(name).replace('\\', "/");
        let last_parts = 0..decoded.split('/').count();
        for skipped in last_parts.clone() {
            let mut found = self.otherwise_spelled(&below(Path::new(""), &decoded, skipped));
            found.sort();
            match &found[..] {
                [] => {}
                [path] => {
                    return Ok(Located {
                        path: path.clone(),
                        spelling: Spelling::Otherwise,
                    });
                }
                several => {
                    return Err(format!(
                        "of this name in other letters there are several: {}",
                        self.in_words(several)
                    ));
                }
            }
        }
        let beside = |skipped| self.of_other_ending(&below(Path::new(""), &decoded, skipped));
        match last_parts.map(beside).find(|found| !found.is_empty()) {
            Some(found) => Err(format!(
                "of this name with another ending there is {}: correct `file_name` if it is the photograph",
                self.in_words(&found)
            )),
            None => Err(String::new()),
        }
    }

    /// Where a photograph lies whose name is the file's, or ends with it.
    fn as_named(&self, name: &str) -> Option<Located> {
        let slashed = name.replace('\\', "/");
        for one in [name, slashed.as_str()] {
            let path = self.path(one);
            if path.is_file() {
                let mut parts = Path::new(name).components();
                let plain =
                    parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
                let spelling = match one == name && plain {
                    true => Spelling::AsWritten,
                    false => Spelling::LastParts,
                };
                return Some(Located { path, spelling });
            }
        }
        let parts = slashed.split('/').count();
        (1..parts)
            .map(|skipped| below(&self.folder, &slashed, skipped))
            .find(|path| path.is_file())
            .map(|path| Located {
                path,
                spelling: Spelling::LastParts,
            })
    }

    /// Where a photograph should lie.
    pub fn path(&self, name: &str) -> PathBuf {
        below(&self.folder, name, 0)
    }

    /// The files below the folder whose names have the same letters, each part as written where there is one.
    fn otherwise_spelled(&self, name: &Path) -> Vec<PathBuf> {
        let mut found = vec![self.folder.clone()];
        for part in name.iter().map(|part| part.to_string_lossy()) {
            let below = |folder: &PathBuf| {
                let exact = folder.join(&*part);
                if exact.exists() {
                    return vec![exact];
                }
                let listing = self.listing(folder);
                let names = listing.get(&letters(&part)).into_iter().flatten();
                names.map(|name| folder.join(name)).collect()
            };
            found = found.iter().flat_map(below).collect();
        }
        found.retain(|path| path.is_file());
        found
    }

    /// The photographs beside a missing one that have its name up to the ending.
    fn of_other_ending(&self, name: &Path) -> Vec<PathBuf> {
        let folder = self.folder.join(name.parent().unwrap_or(Path::new("")));
        let Some(stem) = name.file_stem() else {
            return Vec::new();
        };
        let start = letters(&stem.to_string_lossy()) + ".";
        let listing = self.listing(&folder);
        let beside = listing.range(start.clone()..);
        let beside = beside.take_while(|(letters, _)| letters.starts_with(&start));
        let same = beside.filter(|(letters, _)| ENDINGS.contains(&&letters[start.len()..]));
        let names = same.flat_map(|(_, names)| names);
        let paths = names.map(|name| folder.join(name));
        paths.filter(|path| path.is_file()).collect()
    }

    fn listing(&self, folder: &Path) -> Arc<Listing> {
        let listings = self.listings.lock();
        let mut listings = listings.unwrap_or_else(PoisonError::into_inner);
        let listing = listings.entry(folder.to_owned());
        Arc::clone(listing.or_insert_with(|| Arc::new(listed(folder))))
    }

    /// Paths below the folder, the first few.
    fn in_words(&self, paths: &[PathBuf]) -> String {
        let shown = paths.iter().take(NAMED).map(|path| {
            let path = path.strip_prefix(&self.folder).unwrap_or(path);
            path.display().to_string()
        });
        let shown = shown.collect::<Vec<_>>().join(", ");
        match paths.len() > NAMED {
            true => shown + ", …",
            false => shown,
        }
    }
}

fn listed(folder: &Path) -> Listing {
    let mut listing = Listing::new();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        if let Ok(name) = entry.file_name().into_string() {
            listing.entry(letters(&name)).or_default().push(name);
        }
    }
    listing.values_mut().for_each(|names| names.sort());
    listing
}

/// A name without capitals and escapes.
fn letters(name: &str) -> String {
    decoded(name).to_lowercase()
}

/// A name with its escapes, `%20`, as the letters that they mean; as it is where they mean none.
fn decoded(name: &str) -> String {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = name.as_bytes();
    let (mut letters, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let escaped = digit(bytes.get(at + 1)).zip(digit(bytes.get(at + 2)));
        match escaped.filter(|_| *byte == b'%') {
            Some((high, low)) => {
                letters.push((16 * high + low) as u8);
                at += 3;
            }
            None => {
                letters.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8(letters).unwrap_or_else(|_| name.to_owned())
}

/// A name below the folder, without its first parts: nothing leads out of it.
fn below(folder: &Path, name: &str, skipped: usize) -> PathBuf {
    let mut parts = Vec::new();
    for part in Path::new(name).components() {
        match part {
            Component::Normal(part) => parts.push(part),
            Component::ParentDir => drop(parts.pop()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    let last = parts.len().saturating_sub(1);
    let path: PathBuf = parts[skipped.min(last)..].iter().collect();
    folder.join(path)
}

/// The name of a photograph in one form: two names of one form mean one file.
pub fn plain_name(name: &str) -> PathBuf {
    below(Path::new(""), &name.replace('\\', "/"), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> (tempfile::TempDir, PhotographFolder) {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let photographs = PhotographFolder::new(folder.path().to_owned());
        (folder, photographs)
    }

    /// Not on systems that take `a.JPG` for `a.jpg` themselves.
    #[test]
    #[cfg(target_os = "linux")]
    fn capitals_and_escapes_are_passed_over_where_one_file_is_meant() {
        use Spelling::{AsWritten, LastParts, Otherwise};
        for (file, name, spelling) in [
            ("a.jpg", "a.jpg", AsWritten),
            ("a.jpg", "set/a.jpg", LastParts),
            ("a.JPG", "a.jpg", Otherwise),
            ("a.jpg", "A.JPG", Otherwise),
            ("Ä.jpg", "ä.jpg", Otherwise),
            ("Train/a.jpg", "train/a.jpg", Otherwise),
            ("TRAIN/a.JPG", "/set/x/train/a.jpg", Otherwise),
            ("a b.jpg", "a%20b.jpg", Otherwise),
            ("a%20b.jpg", "a b.jpg", Otherwise),
            ("a%20b.jpg", "a%20b.jpg", AsWritten),
            ("train/ä.jpg", "images%2Ftrain%2F%C3%A4.JPG", Otherwise),
            ("100%.jpg", "100%.JPG", Otherwise),
        ] {
            let (root, photographs) = folder(&[file]);
            let expected = Located {
                path: root.path().join(file),
                spelling,
            };
            assert_eq!(photographs.located(name), Ok(expected), "{name}");
        }
        // As written goes before all others, and nothing leads out of the folder.
        let (_root, photographs) = folder(&["a.JPG", "a.jpg", "b/c.jpg"]);
        assert_eq!(photographs.located("a.jpg").unwrap().spelling, AsWritten);
        let inner = PhotographFolder::new(photographs.folder.join("b"));
        assert!(inner.located("%2E%2E%2Fa.jpg").is_err());
        // A folder is no photograph.
        assert_eq!(photographs.located("B"), Err(String::new()));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_lies_in_the_place_of_a_photograph_is_named() {
        let several = "of this name in other letters there are several: ";
        let (_root, photographs) = folder(&["A.JPG", "a.JPG", "b.png", "B.webp", "b.txt", "c"]);
        for (name, words) in [
            ("a.jpg", format!("{several}A.JPG, a.JPG")),
            (
                "b.jpg",
                "of this name with another ending there is b.png, B.webp: correct `file_name` if it is the photograph"
                    .to_owned(),
            ),
            ("c.jpg", String::new()),
            ("d.jpg", String::new()),
            ("", String::new()),
        ] {
            assert_eq!(photographs.located(name), Err(words), "{name}");
        }
        let many: Vec<_> = ["x", "X"]
            .iter()
            .flat_map(|a| ["y", "Y"].map(|b| format!("{a}{b}.png")))
            .collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let (_root, photographs) = folder(&many);
        let error = photographs.located("Xy.PNG").unwrap_err();
        assert_eq!(error, format!("{several}XY.png, Xy.png, xY.png, …"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_folder_is_listed_once() {
        let (root, photographs) = folder(&["a.JPG"]);
        assert!(photographs.located("b.jpg").is_err());
        std::fs::write(root.path().join("B.jpg"), "").unwrap();
        // Not seen: the listing is that of the first look.
        assert!(photographs.located("b.jpg").is_err());
        assert!(photographs.located("a.jpg").is_ok());
        assert_eq!(photographs.listings.lock().unwrap().len(), 1);
    }
}
