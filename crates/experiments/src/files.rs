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
    fs::create_dir_all(folder).map_err(writing(path))?;
    partial_in(folder).map_err(writing(path))
}

/// Checks that files can be written into a folder.
///
/// # Errors
/// Those of the folder.
pub fn check_folder(folder: &Path) -> Result<()> {
    partial_in(folder).map(drop).map_err(writing(folder))
}

/// A file that will be renamed to its place, with the rights of any new file.
fn partial_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".").suffix(".partial");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The umask of the process applies to these.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Writes a file whole or not at all.
///
/// # Errors
/// Those of the file.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut file = partial_in(folder).map_err(writing(path))?;
    file.write_all(bytes).map_err(writing(path))?;
    file.persist(path)
        .map_err(|refused| writing(path)(refused.error))?;
    Ok(())
}

fn writing(path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.to_path_buf();
    move |source| Error::Writing { path, source }
}
