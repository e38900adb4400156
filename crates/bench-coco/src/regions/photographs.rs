//! The photographs of the last few images, so that the regions of one image decode it once.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use image::RgbImage;
use pictures::PictureFile;

use crate::dataset::ImageRecord;
use crate::error::{Error, Result, Size};

/// Photographs in the cache: 15 MB of the size COCO has.
const CACHED: usize = 16;

/// A folder of photographs.
#[derive(Debug)]
pub(super) struct Photographs {
    folder: PathBuf,
    /// The oldest first.
    cache: Mutex<VecDeque<(u64, Arc<RgbImage>)>>,
}

impl Photographs {
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            cache: Mutex::default(),
        }
    }

    /// Where the photograph lies.
    pub fn path(&self, image: &ImageRecord) -> PathBuf {
        self.folder.join(Path::new(&*image.file_name))
    }

    /// The photograph, of the size its record says.
    pub fn read(&self, image: &ImageRecord) -> Result<Arc<RgbImage>> {
        let lock = || self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut cache = lock();
            if let Some(at) = cache.iter().position(|(id, _)| *id == image.id)
                && let Some(used) = cache.remove(at)
            {
                cache.push_back(used);
            }
            if let Some((id, photograph)) = cache.back()
                && *id == image.id
            {
                return Ok(Arc::clone(photograph));
            }
        }
        // Decoded outside the lock: other threads read other photographs meanwhile.
        let photograph = Arc::new(decode(&self.path(image), image)?);
        let mut cache = lock();
        if cache.len() >= CACHED {
            cache.pop_front();
        }
        cache.push_back((image.id, Arc::clone(&photograph)));
        Ok(photograph)
    }
}

/// The size is compared with the record, and with the file's, before a pixel is decoded: a picture cannot claim more
/// memory.
fn decode(path: &Path, image: &ImageRecord) -> Result<RgbImage> {
    let file = PictureFile::open(path).map_err(|error| match error {
        pictures::Error::File { source, .. } if source.kind() == ErrorKind::NotFound => {
            Error::MissingImage {
                image: image.id,
                path: path.to_owned(),
            }
        }
        other => other.into(),
    })?;
    let (width, height) = file.size();
    let found = Size { width, height };
    if found != image.size {
        return Err(Error::SizeMismatch {
            path: path.to_owned(),
            expected: image.size,
            found,
        });
    }
    Ok(file.decode()?.into_rgb8())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: u64, width: u32, height: u32) -> ImageRecord {
        ImageRecord {
            id,
            file_name: format!("{id}.png").into(),
            size: Size { width, height },
            license: None,
        }
    }

    #[test]
    fn decodes_once_and_forgets_the_oldest() {
        let folder = tempfile::tempdir().unwrap();
        let photographs = Photographs::new(folder.path().to_owned());
        for id in 0..=CACHED as u64 {
            let path = photographs.path(&record(id, 3, 2));
            RgbImage::new(3, 2).save(path).unwrap();
        }
        let first = photographs.read(&record(0, 3, 2)).unwrap();
        for id in 1..CACHED as u64 {
            photographs.read(&record(id, 3, 2)).unwrap();
        }
        // Used again, the first outlives the second.
        assert!(Arc::ptr_eq(
            &first,
            &photographs.read(&record(0, 3, 2)).unwrap()
        ));
        photographs.read(&record(CACHED as u64, 3, 2)).unwrap();
        assert!(Arc::ptr_eq(
            &first,
            &photographs.read(&record(0, 3, 2)).unwrap()
        ));
        let cache = photographs.cache.lock().unwrap();
        assert_eq!(cache.len(), CACHED);
        assert!(cache.iter().all(|(id, _)| *id != 1));
    }

    #[test]
    fn refuses_what_is_missing_broken_or_of_another_size() {
        let folder = tempfile::tempdir().unwrap();
        let photographs = Photographs::new(folder.path().to_owned());
        let image = record(5, 3, 2);
        let error = photographs.read(&image).unwrap_err();
        assert!(
            matches!(error, Error::MissingImage { image: 5, .. }),
            "{error}"
        );
        let path = photographs.path(&image);
        std::fs::write(&path, "no picture").unwrap();
        let error = photographs.read(&image).unwrap_err();
        assert!(matches!(error, Error::Picture(_)), "{error}");
        RgbImage::new(2, 3).save(&path).unwrap();
        let error = photographs.read(&image).unwrap_err().to_string();
        assert!(
            error.ends_with("5.png: expected 3 × 2 pixels, found 2 × 3"),
            "{error}"
        );
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        let error = photographs.read(&image).unwrap_err();
        assert!(matches!(error, Error::Picture(_)), "{error}");
    }
}
