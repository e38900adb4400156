//! Which photographs are given: files, folders and standard input.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pictures::PictureFile;
use serde::Serialize;

use super::outputs::names_of_source;
use super::settings::STANDARD_INPUT;
use super::shown::{in_a_line, lossy};

/// The name of what comes from there.
const STANDARD_NAME: &str = "stdin";

/// Ends of names of pictures, those that need a conversion among them: they get an error that says so.
const ENDINGS: [&str; 14] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "tif", "tiff", "bmp", "gif", "heic", "heif",
    "avif", "jxl",
];

/// A photograph that is given, or an argument without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// As it was given, or found in a folder.
    pub path: PathBuf,
    /// The name of its outputs, or of its mask, before other photographs are looked at: that of the file without its
    /// end, within the subfolder of the folder that was given.
    pub stem: PathBuf,
    /// Why there is no photograph.
    pub refused: Option<String>,
    /// Whether it was found in a folder.
    in_folder: bool,
}

/// A file that is not segmented, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    /// As it was given, or found in a folder.
    #[serde(serialize_with = "lossy")]
    pub image: PathBuf,
    /// In words.
    pub reason: &'static str,
}

impl PassedOver {
    /// A line for each reason to pass files over, with the first of them.
    pub fn lines(passed_over: &[Self]) -> Vec<String> {
        const SHOWN: usize = 3;
        let mut reasons: Vec<&str> = passed_over.iter().map(|one| one.reason).collect();
        reasons.sort_unstable();
        reasons.dedup();
        let line = |reason: &&str| {
            let files = passed_over.iter().filter(|one| one.reason == *reason);
            let mut names: Vec<String> = files.map(|one| in_a_line(&one.image)).collect();
            let more = names.len().saturating_sub(SHOWN);
            names.truncate(SHOWN);
            let more = match more {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("passed over, {reason}: {}{more}", names.join(", "))
        };
        reasons.iter().map(line).collect()
    }
}

const TWICE: &str = "given twice";
const EARLIER: &str = "an output of an earlier call";
const OUT: &str = "the folder of the outputs";

impl Input {
    /// Whether it comes from standard input.
    pub fn is_standard(&self) -> bool {
        !self.in_folder && self.path.as_os_str() == STANDARD_INPUT
    }

    /// The name of its file.
    pub fn file_name(&self) -> String {
        if self.is_standard() {
            return STANDARD_NAME.to_owned();
        }
        let name = self.path.file_name().unwrap_or(OsStr::new(STANDARD_NAME));
        name.to_string_lossy().into_owned()
    }

    fn refused(path: &Path, why: String) -> Self {
        Self {
            path: path.to_owned(),
            stem: PathBuf::new(),
            refused: Some(why),
            in_folder: false,
        }
    }
}

/// The photographs in the order of the arguments, those of folders in the order of their names; and what was passed over.
pub fn collect(given: &[PathBuf], recursive: bool, out: &Path) -> (Vec<Input>, Vec<PassedOver>) {
    let mut walk = Walk {
        recursive,
        out: out.canonicalize().ok(),
        found: Vec::new(),
        passed_over: Vec::new(),
    };
    for path in given {
        if path.as_os_str() != STANDARD_INPUT && path.is_dir() {
            walk.folder(path);
        } else {
            walk.file(path, Path::new(""), false);
        }
    }
    let Walk {
        found,
        mut passed_over,
        ..
    } = walk;
    let found = without_repeats(found, &mut passed_over);
    let found = without_outputs(found, &mut passed_over);
    (found, passed_over)
}

/// Photographs as they are found.
struct Walk {
    recursive: bool,
    /// Not looked into where it lies inside a folder.
    out: Option<PathBuf>,
    found: Vec<Input>,
    passed_over: Vec<PassedOver>,
}

impl Walk {
    /// A file, in a subfolder of the folder that was given.
    fn file(&mut self, path: &Path, subfolder: &Path, in_folder: bool) {
        let is_standard = !in_folder && path.as_os_str() == STANDARD_INPUT;
        let stem = match path.file_stem() {
            _ if is_standard => STANDARD_NAME.into(),
            Some(stem) => stem.to_string_lossy(),
            None => {
                let why = "expected a file, found a name without one".to_owned();
                return self.found.push(Input::refused(path, why));
            }
        };
        self.found.push(Input {
            path: path.to_owned(),
            stem: subfolder.join(&*stem),
            refused: None,
            in_folder,
        });
    }

    /// A folder that was given.
    fn folder(&mut self, path: &Path) {
        let before = (self.found.len(), self.passed_over.len());
        let result = self.inside(path, Path::new(""));
        let why = match result {
            Err(error) => format!("expected a folder that can be read: {error}"),
            Ok(_) if self.found.len() > before.0 => return,
            // What it holds is named already.
            Ok(_) if self.passed_over.len() > before.1 => return,
            Ok(true) if !self.recursive => {
                "expected photographs in this folder, found subfolders only; --recursive looks into them"
                    .to_owned()
            }
            Ok(_) => "expected photographs in this folder, found none".to_owned(),
        };
        self.found.push(Input::refused(path, why));
    }

    /// All of a folder; whether there are subfolders.
    fn inside(&mut self, folder: &Path, subfolder: &Path) -> io::Result<bool> {
        let entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
        let mut names: Vec<_> = entries.iter().map(fs::DirEntry::file_name).collect();
        names.retain(|name| !name.as_encoded_bytes().starts_with(b"."));
        names.sort();
        let mut subfolders = false;
        for name in names {
            let path = folder.join(&name);
            if !path.is_dir() {
                if is_picture(&path) {
                    self.file(&path, subfolder, true);
                }
                continue;
            }
            subfolders = true;
            // Links could lead in circles.
            if !self.recursive || path.is_symlink() {
                continue;
            }
            if self.out.is_some() && path.canonicalize().ok() == self.out {
                self.pass_over(&path, OUT);
            } else if is_masks_folder(&path) {
                self.pass_over(&path, EARLIER);
            } else {
                let inner = subfolder.join(&*name.to_string_lossy());
                if let Err(error) = self.inside(&path, &inner) {
                    let why = format!("expected a folder that can be read: {error}");
                    self.found.push(Input::refused(&path, why));
                }
            }
        }
        Ok(subfolders)
    }

    fn pass_over(&mut self, path: &Path, reason: &'static str) {
        let image = path.to_owned();
        self.passed_over.push(PassedOver { image, reason });
    }
}

/// Whether a file is a picture by its name or its first bytes.
fn is_picture(path: &Path) -> bool {
    if has_ending(path) {
        return true;
    }
    let mut first = [0; 12];
    let read = fs::metadata(path).is_ok_and(|data| data.is_file())
        && fs::File::open(path)
            .and_then(|mut file| io::Read::read_exact(&mut file, &mut first))
            .is_ok();
    let begins = |with: &[u8]| first.starts_with(with);
    read && (begins(b"\xFF\xD8\xFF")
        || begins(b"\x89PNG\r\n\x1A\n")
        || (begins(b"RIFF") && first.ends_with(b"WEBP"))
        || begins(b"II*\0")
        || begins(b"MM\0*")
        || begins(b"GIF8"))
}

fn has_ending(path: &Path) -> bool {
    let ending = path.extension().and_then(OsStr::to_str);
    ending.is_some_and(|ending| {
        ENDINGS
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
    })
}

/// Whether a folder is one of masks that an earlier call wrote: `a.masks` beside `a.overlay.png`.
fn is_masks_folder(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".masks");
    stem.is_some_and(|stem| path.with_file_name(format!("{stem}.overlay.png")).exists())
}

/// The same file of the same name is taken once, whatever path leads to it.
fn without_repeats(found: Vec<Input>, passed_over: &mut Vec<PassedOver>) -> Vec<Input> {
    let mut seen = HashSet::new();
    let mut kept = Vec::with_capacity(found.len());
    for input in found {
        let place = match input.is_standard() {
            true => Ok(input.path.clone()),
            false => input.path.canonicalize(),
        };
        let key = place
            .ok()
            .map(|place| (place, input.path.file_stem().map(OsStr::to_owned)));
        if input.refused.is_none() && key.is_some_and(|key| !seen.insert(key)) {
            passed_over.push(PassedOver {
                image: input.path,
                reason: TWICE,
            });
        } else {
            kept.push(input);
        }
    }
    kept
}

/// Outputs of earlier calls are passed over, unless nothing else is given and they are named one by one.
fn without_outputs(found: Vec<Input>, passed_over: &mut Vec<PassedOver>) -> Vec<Input> {
    let names = NamesGiven::of(&found);
    let is_output: Vec<bool> = found
        .iter()
        .map(|input| input.refused.is_none() && names.have_source_of(input))
        .collect();
    let nothing_else = found
        .iter()
        .zip(&is_output)
        .all(|(input, is_output)| *is_output && !input.in_folder);
    if nothing_else {
        return found;
    }
    let mut kept = Vec::with_capacity(found.len());
    for (input, is_output) in found.into_iter().zip(is_output) {
        if is_output {
            passed_over.push(PassedOver {
                image: input.path,
                reason: EARLIER,
            });
        } else {
            kept.push(input);
        }
    }
    kept
}

/// The photographs that are given, by the names that their outputs begin with.
struct NamesGiven(std::collections::HashMap<String, Vec<PathBuf>>);

impl NamesGiven {
    fn of(found: &[Input]) -> Self {
        let mut names = std::collections::HashMap::<_, Vec<PathBuf>>::new();
        for input in found {
            let stem = input.path.file_stem().unwrap_or_default();
            for name in [stem.to_string_lossy().into_owned(), input.file_name()] {
                names.entry(name).or_default().push(input.path.clone());
            }
        }
        Self(names)
    }

    /// Whether a file is an output of an earlier call: its name says so, and its photograph is given or lies beside it,
    /// in the same proportions, or the two pictures that every call writes lie beside it.
    fn have_source_of(&self, input: &Input) -> bool {
        let name = input.file_name();
        let Some(names) = names_of_source(&name) else {
            return false;
        };
        let beside = |name: String| input.path.with_file_name(name);
        let picture = |kind: &str| beside(format!("{}.{kind}.png", names[0])).exists();
        if picture("overlay") && picture("segments") {
            return true;
        }
        names.iter().any(|name| {
            let given = self.0.get(*name).into_iter().flatten().cloned();
            let ends = ENDINGS.iter().flat_map(|end| {
                [
                    beside(format!("{name}.{end}")),
                    beside(format!("{name}.{}", end.to_ascii_uppercase())),
                ]
            });
            let whole = std::iter::once(beside((*name).to_owned()));
            let near = ends.chain(whole).filter(|place| place.is_file());
            given
                .chain(near)
                .any(|source| source != input.path && same_proportions(&source, &input.path))
        })
    }
}

/// Whether two pictures have the same proportions, to a pixel of the smaller one. Where one cannot be read, names decide.
fn same_proportions(a: &Path, b: &Path) -> bool {
    let size = |path: &Path| PictureFile::open(path).ok().map(|file| file.size());
    let (Some(a), Some(b)) = (size(a), size(b)) else {
        return true;
    };
    let cross = |width: u32, height: u32| i64::from(width) * i64::from(height);
    let apart = (cross(a.0, b.1) - cross(b.0, a.1)).unsigned_abs();
    apart <= u64::from(a.0.max(a.1).max(b.0).max(b.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::RgbImage;

    fn folder_with(pictures: &[(&str, u32, u32)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, width, height) in pictures {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            RgbImage::new(*width, *height).save(path).unwrap();
        }
        folder
    }

    /// What is taken and what is passed over, by their paths in the folder.
    fn collected(folder: &Path, given: &[&str], recursive: bool) -> (Vec<String>, Vec<String>) {
        let given: Vec<PathBuf> = given.iter().map(|name| folder.join(name)).collect();
        let (found, passed) = collect(&given, recursive, &folder.join("out"));
        let inner = |path: &Path| path.strip_prefix(folder).unwrap().display().to_string();
        let refused = |input: &Input| if input.refused.is_some() { "!" } else { "" };
        let found = found.iter();
        (
            found
                .map(|input| format!("{}{}", refused(input), inner(&input.path)))
                .collect(),
            passed.iter().map(|passed| inner(&passed.image)).collect(),
        )
    }

    #[test]
    fn folders_give_their_pictures_in_order_and_subfolders_if_asked() {
        let folder = folder_with(&[
            ("p/b.png", 4, 3),
            ("p/a.JPG", 4, 3),
            ("p/.hidden.png", 4, 3),
            ("p/in/a.png", 4, 3),
            ("p/out/x.png", 4, 3),
        ]);
        fs::write(folder.path().join("p/notes.txt"), "notes").unwrap();
        fs::rename(folder.path().join("p/b.png"), folder.path().join("p/b")).unwrap();
        let (found, passed) = collected(folder.path(), &["p"], false);
        assert_eq!(
            (found, passed),
            (vec!["p/a.JPG".into(), "p/b".into()], vec![])
        );
        let given = [folder.path().join("p")];
        let (found, passed) = collect(&given, true, &folder.path().join("p/out"));
        let stems: Vec<_> = found.iter().map(|input| input.stem.clone()).collect();
        assert_eq!(stems, ["a", "b", "in/a"].map(PathBuf::from));
        assert_eq!(passed[0].reason, OUT);
    }

    #[test]
    fn folders_without_photographs_are_refused_by_name() {
        let folder = folder_with(&[("deep/er/a.png", 4, 3)]);
        fs::create_dir(folder.path().join("empty")).unwrap();
        let (found, _) = collected(folder.path(), &["empty", "deep"], false);
        assert_eq!(found, ["!empty", "!deep"]);
        let (found, _) = collect(&[folder.path().join("deep")], false, Path::new("out"));
        assert!(found[0].refused.as_ref().unwrap().contains("--recursive"));
    }

    #[test]
    fn a_file_is_taken_once_however_it_is_given() {
        let folder = folder_with(&[("a.png", 4, 3), ("d/b.png", 4, 3)]);
        let given = [
            "a.png",
            "./a.png",
            "d/../a.png",
            "d/b.png",
            "d",
            "absent.png",
            "absent.png",
        ];
        let (found, passed) = collected(folder.path(), &given, false);
        assert_eq!(found, ["a.png", "d/b.png", "absent.png", "absent.png"]);
        assert_eq!(passed.len(), 3);
    }

    #[cfg(unix)]
    #[test]
    fn links_of_other_names_are_photographs_and_circles_end() {
        use std::os::unix::fs::symlink;
        let folder = folder_with(&[("d/a.png", 4, 3)]);
        symlink("a.png", folder.path().join("d/b.png")).unwrap();
        symlink("../d", folder.path().join("d/circle")).unwrap();
        symlink("nowhere.png", folder.path().join("d/broken.png")).unwrap();
        let (found, passed) = collected(folder.path(), &["d"], true);
        assert_eq!(found, ["d/a.png", "d/b.png", "d/broken.png"]);
        assert!(passed.is_empty());
    }

    #[test]
    fn outputs_of_earlier_calls_are_passed_over() {
        let folder = folder_with(&[
            ("a.png", 8, 6),
            ("a.k3.overlay.png", 8, 6),
            ("a.contours.png", 4, 3),
            ("b.jpg", 8, 6),
            ("b.labels.png", 8, 6),
            // Its photograph is gone, its pair is there.
            ("c.overlay.png", 5, 5),
            ("c.segments.png", 5, 5),
            ("c.contours.png", 5, 5),
            // Photographs that look like outputs by their names alone.
            ("a.overlay.png", 6, 8),
            ("d.overlay.png", 8, 6),
            ("a.masks/0000.png", 8, 6),
        ]);
        let (found, passed) = collected(folder.path(), &["."], true);
        assert_eq!(found, ["a.overlay.png", "a.png", "b.jpg", "d.overlay.png"]);
        assert_eq!(passed.len(), 7);
        // One by one, and nothing else: they are meant.
        let (found, passed) = collected(folder.path(), &["c.overlay.png", "c.segments.png"], false);
        assert_eq!((found.len(), passed.len()), (2, 0));
    }
}
