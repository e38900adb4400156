//! Files that appear whole or not at all.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use image::{EncodableLayout, ImageBuffer, PixelWithColorType};

use crate::error::{Context as _, Error, Result};
use crate::png_file::{PngSize, write_png};

pub use models::remove_unfinished;

/// Files written beside their places; all are renamed together, or none is left: [`models::Staged`] with pictures.
#[derive(Debug)]
pub struct Staged {
    files: models::Staged,
    png: PngSize,
    /// Taken by encoding and writing.
    seconds: f64,
}

impl Staged {
    /// Unfinished files are to lie within this folder, which is made with the first of them.
    pub fn within(folder: &Path) -> Self {
        Self {
            files: models::Staged::within(folder),
            png: PngSize::default(),
            seconds: 0.0,
        }
    }

    /// Pictures are to be of this size.
    pub fn with_png(self, png: PngSize) -> Self {
        Self { png, ..self }
    }

    /// Seconds that encoding and writing took so far.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Writes a picture beside its place.
    ///
    /// # Errors
    /// Those of the file, and of PNG.
    pub fn picture<P>(
        &mut self,
        path: PathBuf,
        image: &ImageBuffer<P, Vec<P::Subpixel>>,
    ) -> Result<()>
    where
        P: PixelWithColorType,
        [P::Subpixel]: EncodableLayout,
    {
        let naming = || format!("writing {}", path.display());
        let file = self.files.file(path.clone()).map_err(refused)?;
        let begin = Instant::now();
        let bytes = image.as_raw().as_slice().as_bytes();
        let mut out = io::BufWriter::new(&file);
        write_png(&mut out, bytes, image.dimensions(), P::COLOR_TYPE, self.png)
            .and_then(|()| out.flush().map_err(|error| Error::Picture(error.into())))
            .with_context(naming)?;
        self.seconds += begin.elapsed().as_secs_f64();
        Ok(())
    }

    /// Writes a file beside its place.
    ///
    /// # Errors
    /// Those of the file.
    pub fn bytes(&mut self, path: PathBuf, bytes: &[u8]) -> Result<()> {
        let mut file = self.files.file(path.clone()).map_err(refused)?;
        let begin = Instant::now();
        let written = file.write_all(bytes);
        self.seconds += begin.elapsed().as_secs_f64();
        written.map_err(|source| Error::Writing { path, source })
    }

    /// Brings all files to their places, the first one last, and returns the places.
    ///
    /// # Errors
    /// Those of the files; a folder in the place of one.
    pub fn commit(self) -> Result<Vec<PathBuf>> {
        let places = self.files.places().to_vec();
        self.files.commit().map_err(|error| match error {
            models::Error::File { path, .. } if path.is_dir() && places.contains(&path) => {
                Error::unexpected(format!(
                    "{}: expected a place for a file, found a folder",
                    path.display()
                ))
            }
            models::Error::File { path, source } if places.contains(&path) => {
                Error::Writing { path, source }
            }
            other => refused(other),
        })
    }
}

/// Checks that files can be written into a folder; what killed processes left there goes.
///
/// # Errors
/// Those of the folder.
pub fn check_folder(folder: &Path) -> Result<()> {
    check_is_folder(folder)?;
    let mut staged = Staged::within(folder);
    staged.bytes(folder.join("checked"), b"")
}

/// Writes a file whole or not at all.
///
/// # Errors
/// Those of the file; the folder has to be there.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    if !folder.as_os_str().is_empty() {
        check_is_folder(folder)?;
    }
    let mut staged = Staged::within(folder);
    staged.bytes(path.to_path_buf(), bytes)?;
    staged.commit().map(drop)
}

fn check_is_folder(folder: &Path) -> Result<()> {
    let found = folder.metadata().and_then(|found| match found.is_dir() {
        true => Ok(()),
        false => Err(io::ErrorKind::NotADirectory.into()),
    });
    found.map_err(|source| {
        refused(models::Error::File {
            path: folder.to_path_buf(),
            source,
        })
    })
}

/// A folder into which no file can be written.
fn refused(error: models::Error) -> Error {
    match error {
        models::Error::File { path, source } => Error::unexpected(format!(
            "{}: expected a folder that can be written into: {}",
            path.display(),
            without_place(source)
        )),
        other => other.into(),
    }
}

/// An error of a file without the name that the file has until it is whole.
fn without_place(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path ") {
        Some((found, _)) => io::Error::new(error.kind(), found.to_owned()),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn errors_name_the_folder_and_no_file_of_ours() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, "a").unwrap();
        let absent = folder.path().join("absent");
        for place in [&file, &absent] {
            let error = check_folder(place).unwrap_err().to_string();
            let expected = format!(
                "{}: expected a folder that can be written into: ",
                place.display()
            );
            assert!(error.starts_with(&expected), "{error}");
            assert!(!error.contains(".partial"), "{error}");
        }
        let mut staged = Staged::within(folder.path());
        staged.bytes(folder.path().join("c"), b"c").unwrap();
        staged.bytes(file.join("b/c.txt"), b"c").unwrap();
        let error = staged.commit().unwrap_err();
        let expected = format!("{}/b: expected a folder", file.display());
        assert!(error.to_string().starts_with(&expected), "{error}");
        // Nothing is left of what was tried.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
