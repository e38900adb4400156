//! Files that appear whole or not at all.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use image::codecs::png::PngEncoder;
use image::{ImageBuffer, PixelWithColorType};
use tempfile::{NamedTempFile, TempPath};

use crate::error::{Context as _, Error, Result};

/// Files written beside their places; all are renamed together, or none is left.
#[derive(Default)]
pub struct Staged {
    /// Closed, since there may be thousands.
    files: Vec<(TempPath, PathBuf)>,
}

impl Staged {
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
        [P::Subpixel]: image::EncodableLayout,
    {
        let naming = || format!("writing {}", path.display());
        let file = partial_of(&path)?;
        let encoder = PngEncoder::new(io::BufWriter::new(file.as_file()));
        image.write_with_encoder(encoder).with_context(naming)?;
        self.files.push((file.into_temp_path(), path));
        Ok(())
    }

    /// Writes a file beside its place.
    ///
    /// # Errors
    /// Those of the file.
    pub fn bytes(&mut self, path: PathBuf, bytes: &[u8]) -> Result<()> {
        let mut file = partial_of(&path)?;
        file.write_all(bytes).map_err(writing(&path))?;
        self.files.push((file.into_temp_path(), path));
        Ok(())
    }

    /// Brings all files to their places, which it returns.
    ///
    /// # Errors
    /// Those of the files; a folder in the place of one.
    pub fn commit(self) -> Result<Vec<PathBuf>> {
        for (_, path) in &self.files {
            if path.is_dir() {
                return Err(Error::unexpected(format!(
                    "{}: expected a place for a file, found a folder",
                    path.display()
                )));
            }
        }
        let mut written = Vec::new();
        for (file, path) in self.files {
            file.persist(&path)
                .map_err(|refused| writing(&path)(refused.error))?;
            written.push(path);
        }
        Ok(written)
    }
}

/// A file that will be renamed to this place, in its folder, which is made where there is none.
fn partial_of(path: &Path) -> Result<NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(refused(folder))?;
    partial_in(folder)
}

/// Checks that files can be written into a folder.
///
/// # Errors
/// Those of the folder.
pub fn check_folder(folder: &Path) -> Result<()> {
    partial_in(folder).map(drop)
}

/// A file that will be renamed to its place, with the rights of any new file.
fn partial_in(folder: &Path) -> Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".").suffix(".partial");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The umask of the process applies to these.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder).map_err(refused(folder))
}

/// Writes a file whole or not at all.
///
/// # Errors
/// Those of the file.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut file = partial_in(folder)?;
    file.write_all(bytes).map_err(writing(path))?;
    file.persist(path)
        .map_err(|refused| writing(path)(refused.error))?;
    Ok(())
}

fn writing(path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.to_path_buf();
    move |source| Error::Writing {
        path,
        source: without_place(source),
    }
}

/// A folder into which no file can be written.
fn refused(folder: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let folder = match folder.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => folder.to_path_buf(),
    };
    move |source| {
        Error::unexpected(format!(
            "{}: expected a folder that can be written into: {}",
            folder.display(),
            without_place(source)
        ))
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
        let error = Staged::default()
            .bytes(file.join("b/c.txt"), b"c")
            .unwrap_err();
        let expected = format!("{}/b: expected a folder", file.display());
        assert!(error.to_string().starts_with(&expected), "{error}");
        // Nothing is left of what was tried.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
