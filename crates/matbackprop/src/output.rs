//! Files that appear whole or not at all, and lines of results.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use image::codecs::png::PngEncoder;
use image::{ImageBuffer, PixelWithColorType};
use tempfile::NamedTempFile;

/// Files written beside their places; all are renamed together, or none is left.
#[derive(Default)]
pub struct Staged {
    files: Vec<(NamedTempFile, PathBuf)>,
}

impl Staged {
    /// Writes a picture beside its place.
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
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).with_context(naming)?;
        let file = partial_in(folder).with_context(naming)?;
        let encoder = PngEncoder::new(io::BufWriter::new(file.as_file()));
        image.write_with_encoder(encoder).with_context(naming)?;
        self.files.push((file, path));
        Ok(())
    }

    /// Brings all files to their places.
    pub fn commit(self) -> Result<Vec<PathBuf>> {
        for (_, path) in &self.files {
            if path.is_dir() {
                bail!(
                    "{}: expected a place for a file, found a folder",
                    path.display()
                );
            }
        }
        let mut written = Vec::new();
        for (file, path) in self.files {
            file.persist(&path)
                .map_err(|refused| refused.error)
                .with_context(|| format!("writing {}", path.display()))?;
            written.push(path);
        }
        Ok(written)
    }
}

/// A file that will be renamed to its place, with the rights of any new file.
fn partial_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".").suffix(".partial");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The process's mask takes from these what it takes.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Writes a file whole or not at all.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let naming = || format!("writing {}", path.display());
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut file = partial_in(folder).with_context(naming)?;
    file.write_all(bytes).with_context(naming)?;
    file.persist(path).with_context(naming)?;
    Ok(())
}

/// Whether another process tells what this one helps to find.
static SILENT: AtomicBool = AtomicBool::new(false);

/// From here on this process tells nothing but errors.
pub fn be_silent() {
    SILENT.store(true, Ordering::Relaxed);
}

/// Whether it tells nothing.
pub fn is_silent() -> bool {
    SILENT.load(Ordering::Relaxed)
}

/// Tells people something beside the results.
pub fn note(line: &str) {
    if !is_silent() {
        eprintln!("{line}");
    }
}

/// Prints a line of results.
pub fn print(text: &str) -> Result<()> {
    if is_silent() {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .context("writing to standard output")
}

/// Prints an object of results.
pub fn print_json(value: &impl serde::Serialize) -> Result<()> {
    print(&serde_json::to_string_pretty(value)?)
}
