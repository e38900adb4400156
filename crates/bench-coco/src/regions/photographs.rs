//! The photographs: where they lie, which way up, and those of the last few images.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use image::RgbImage;
use pictures::{PictureFile, PictureHeader};
use rayon::prelude::*;

use crate::dataset::ImageRecord;
use crate::error::{Error, Result, Size};
use crate::photograph_files::{below, located};

/// Photographs in the cache: 15 MB of the size COCO has.
const CACHED: usize = 16;

/// A folder of photographs.
#[derive(Debug)]
pub(super) struct Photographs {
    folder: PathBuf,
    /// Those that do not lie where their records say, by the images' places.
    elsewhere: HashMap<usize, PathBuf>,
    /// The oldest first.
    cache: Mutex<VecDeque<(usize, Arc<RgbImage>)>>,
}

/// How the listed size fits a photograph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// Upright, or without a tag.
    Upright,
    /// As stored only.
    AsStored,
    /// Both ways, though its Exif tag turns it.
    Both,
    Neither,
}

impl Fit {
    fn of(listed: Size, upright: (u32, u32), stored: (u32, u32), turned: bool) -> Self {
        let listed = (listed.width, listed.height);
        match (listed == upright, listed == stored) {
            (true, true) if turned => Self::Both,
            (true, _) => Self::Upright,
            (false, true) => Self::AsStored,
            (false, false) => Self::Neither,
        }
    }
}

impl Photographs {
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            elsewhere: HashMap::new(),
            cache: Mutex::default(),
        }
    }

    /// Looks for the photographs of some images, given by their places, and at their headers.
    ///
    /// Returns those that are turned while their size fits both ways, and why others cannot be used.
    pub fn find(
        &mut self,
        records: &[ImageRecord],
        wanted: &[usize],
    ) -> (Vec<usize>, HashMap<usize, Error>) {
        let found: Vec<_> = wanted
            .par_iter()
            .map(|image| (*image, located(&self.folder, &records[*image].file_name)))
            .collect();
        let as_written: HashSet<&PathBuf> = found
            .iter()
            .filter_map(|(_, place)| place.as_ref().filter(|place| place.as_written))
            .map(|place| &place.path)
            .collect();
        // A file that several records may mean is nobody's.
        let mut claims: HashMap<&PathBuf, usize> = HashMap::new();
        for (_, place) in &found {
            if let Some(place) = place.as_ref().filter(|place| !place.as_written) {
                *claims.entry(&place.path).or_default() += 1;
            }
        }
        let mine = |path: &PathBuf| claims[path] == 1 && !as_written.contains(path);
        let elsewhere: HashMap<usize, PathBuf> = found
            .iter()
            .filter_map(|(image, place)| Some((*image, place.as_ref()?)))
            .filter(|(_, place)| !place.as_written && mine(&place.path))
            .map(|(image, place)| (image, place.path.clone()))
            .collect();
        let disputed: HashSet<usize> = found
            .iter()
            .filter_map(|(image, place)| Some((*image, place.as_ref()?)))
            .filter(|(image, place)| !place.as_written && !elsewhere.contains_key(image))
            .map(|(image, _)| image)
            .collect();
        self.elsewhere = elsewhere;
        let fit = |image: &usize| {
            let record = &records[*image];
            let missing = || Error::MissingImage {
                image: record.id.clone(),
                path: self.path(*image, record),
            };
            let fit = match disputed.contains(image) {
                true => Err(missing()),
                false => self.fit(*image, record),
            };
            (*image, fit)
        };
        let seen: Vec<_> = wanted.par_iter().map(fit).collect();
        let (mut turned, mut unusable) = (Vec::new(), HashMap::new());
        for (image, fit) in seen {
            match fit {
                Ok(Fit::Both) => turned.push(image),
                Ok(_) => {}
                Err(error) => drop(unusable.insert(image, error)),
            }
        }
        (turned, unusable)
    }

    fn fit(&self, place: usize, image: &ImageRecord) -> Result<Fit> {
        let path = self.path(place, image);
        let header = PictureHeader::read(&path).map_err(|error| missing(error, &path, image))?;
        let fit = Fit::of(
            image.size,
            header.size(),
            header.stored_size(),
            header.is_turned(),
        );
        match fit {
            Fit::Neither => Err(mismatch(path, image, header.size())),
            fit => Ok(fit),
        }
    }

    /// Where the photograph lies.
    pub fn path(&self, place: usize, image: &ImageRecord) -> PathBuf {
        match self.elsewhere.get(&place) {
            Some(path) => path.clone(),
            None => below(&self.folder, &image.file_name, 0),
        }
    }

    /// The photograph of the image at a place, of the size its record says: upright, unless only the stored pixels have
    /// that size.
    pub fn read(&self, place: usize, image: &ImageRecord) -> Result<Arc<RgbImage>> {
        let lock = || self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut cache = lock();
            if let Some(at) = cache.iter().position(|(of, _)| *of == place)
                && let Some(used) = cache.remove(at)
            {
                cache.push_back(used);
            }
            if let Some((of, photograph)) = cache.back()
                && *of == place
            {
                return Ok(Arc::clone(photograph));
            }
        }
        // Decoded outside the lock: other threads read other photographs meanwhile.
        let photograph = Arc::new(decode(&self.path(place, image), image)?);
        let mut cache = lock();
        if cache.len() >= CACHED {
            cache.pop_front();
        }
        cache.push_back((place, Arc::clone(&photograph)));
        Ok(photograph)
    }
}

fn missing(error: pictures::Error, path: &Path, image: &ImageRecord) -> Error {
    match error {
        pictures::Error::File { source, .. } if source.kind() == ErrorKind::NotFound => {
            Error::MissingImage {
                image: image.id.clone(),
                path: path.to_owned(),
            }
        }
        other => other.into(),
    }
}

fn mismatch(path: PathBuf, image: &ImageRecord, (width, height): (u32, u32)) -> Error {
    Error::SizeMismatch {
        path,
        expected: image.size,
        found: Size { width, height },
    }
}

/// The size is compared with the record, and with the file's, before a pixel is decoded: a picture cannot claim more
/// memory.
fn decode(path: &Path, image: &ImageRecord) -> Result<RgbImage> {
    let file = PictureFile::open(path).map_err(|error| missing(error, path, image))?;
    let file = match Fit::of(image.size, file.size(), file.stored_size(), false) {
        Fit::Neither => return Err(mismatch(path.to_owned(), image, file.size())),
        Fit::AsStored => file.as_stored(),
        Fit::Upright | Fit::Both => file,
    };
    Ok(file.photograph()?.pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: u64, width: u32, height: u32) -> ImageRecord {
        ImageRecord {
            id: id.into(),
            file_name: format!("{id}.png").into(),
            size: Size { width, height },
        }
    }

    #[test]
    fn decodes_once_and_forgets_the_oldest() {
        let folder = tempfile::tempdir().unwrap();
        let photographs = Photographs::new(folder.path().to_owned());
        for id in 0..=CACHED as u64 {
            let path = photographs.path(id as usize, &record(id, 3, 2));
            RgbImage::new(3, 2).save(path).unwrap();
        }
        let first = photographs.read(0, &record(0, 3, 2)).unwrap();
        for id in 1..CACHED as u64 {
            photographs.read(id as usize, &record(id, 3, 2)).unwrap();
        }
        // Used again, the first outlives the second.
        assert!(Arc::ptr_eq(
            &first,
            &photographs.read(0, &record(0, 3, 2)).unwrap()
        ));
        photographs
            .read(CACHED, &record(CACHED as u64, 3, 2))
            .unwrap();
        assert!(Arc::ptr_eq(
            &first,
            &photographs.read(0, &record(0, 3, 2)).unwrap()
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
        let error = photographs.read(0, &image).unwrap_err();
        assert!(
            matches!(&error, Error::MissingImage { image, .. } if *image == 5),
            "{error}"
        );
        let path = photographs.path(0, &image);
        std::fs::write(&path, "no picture").unwrap();
        let error = photographs.read(0, &image).unwrap_err();
        assert!(matches!(error, Error::Picture(_)), "{error}");
        RgbImage::new(2, 3).save(&path).unwrap();
        let error = photographs.read(0, &image).unwrap_err().to_string();
        assert!(
            error.ends_with("5.png: expected 3 × 2 pixels, found 2 × 3"),
            "{error}"
        );
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        let error = photographs.read(0, &image).unwrap_err();
        assert!(matches!(error, Error::Picture(_)), "{error}");
    }
}
