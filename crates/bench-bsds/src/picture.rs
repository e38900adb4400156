//! A picture from its file, whose header is not trusted.

use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageReader};

use crate::error::{Error, Result};

/// The picture in a file whose ending tells its kind.
///
/// # Errors
/// [`Error::Io`], [`Error::Image`]; [`Error::Picture`] for more pixels than the file can hold.
pub(crate) fn read_picture(path: &Path) -> Result<DynamicImage> {
    let io = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    let refused = |source| Error::Image {
        path: path.to_owned(),
        source,
    };
    let file = std::fs::metadata(path).map_err(io)?.len();
    let reader = ImageReader::open(path).map_err(io)?;
    let decoder = reader.into_decoder().map_err(refused)?;
    let origin = path.display().to_string();
    pictures::check_claim(&origin, decoder.dimensions(), decoder.total_bytes(), file)?;
    DynamicImage::from_decoder(decoder).map_err(refused)
}
