//! The mask of each photograph.

use std::path::{Path, PathBuf};

use pictures::read_mask;
use segmentation::PixelMask;

use super::inputs::Input;
use crate::error::{Error, Result};

/// The mask of a photograph of this size: a picture for all, or that of its name in a folder.
pub fn mask_of(mask: &Path, input: &Input, size: (u32, u32)) -> Result<PixelMask> {
    let path = match mask.is_dir() {
        true => in_folder(mask, input)?,
        false => mask.to_owned(),
    };
    let mask = read_mask(&path)?;
    if (mask.width(), mask.height()) != (size.0 as usize, size.1 as usize) {
        return Err(Error::unexpected(format!(
            "--mask {}: expected {} × {} pixels, as the photograph has, found {} × {}",
            path.display(),
            size.0,
            size.1,
            mask.width(),
            mask.height()
        )));
    }
    Ok(mask)
}

/// `NAME.png` or `NAME.jpg.png`, in the subfolder that the photograph was found in.
fn in_folder(folder: &Path, input: &Input) -> Result<PathBuf> {
    let inside = folder.join(input.stem.parent().unwrap_or(Path::new("")));
    let stem = input.stem.file_name().unwrap_or_default().to_string_lossy();
    let names = [format!("{stem}.png"), format!("{}.png", input.file_name())];
    let places = names.map(|name| inside.join(name));
    match places.iter().find(|place| place.is_file()) {
        Some(place) => Ok(place.clone()),
        None => Err(Error::unexpected(format!(
            "--mask: expected {} or {}, found neither",
            places[0].display(),
            places[1].display()
        ))),
    }
}
