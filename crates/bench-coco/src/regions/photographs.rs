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
use crate::photograph_files::{Located, PhotographFolder, Spelling};

/// Photographs in the cache: 15 MB of the size COCO has.
const CACHED: usize = 16;

/// A folder of photographs.
#[derive(Debug)]
pub(super) struct Photographs {
    folder: PhotographFolder,
    /// Those that do not lie where their records say, by the images' places.
    elsewhere: HashMap<usize, PathBuf>,
    /// The oldest first.
    cache: Mutex<VecDeque<(usize, Arc<RgbImage>)>>,
}

/// What was found of photographs that are looked for, by the images' places.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Those that are turned while their size fits both ways.
    pub turned: Vec<usize>,
    /// Those whose file has a name of other capitals or `%` escapes.
    pub otherwise_spelled: Vec<usize>,
    /// Why others cannot be used.
    pub unusable: HashMap<usize, Error>,
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
            folder: PhotographFolder::new(folder),
            elsewhere: HashMap::new(),
            cache: Mutex::default(),
        }
    }

    /// Looks for the photographs of some images, given by their places, and at their headers.
    pub fn find(&mut self, records: &[ImageRecord], wanted: &[usize]) -> Looked {
        let look = |image: &usize| (*image, self.folder.located(&records[*image].file_name));
        let found: Vec<(usize, std::result::Result<Located, String>)> =
            wanted.par_iter().map(look).collect();
        let mut reasons = self.settle(&found);
        let fit = |image: &usize| {
            let record = &records[*image];
            (*image, self.fit(*image, record))
        };
        let wanted: Vec<_> = wanted
            .iter()
            .filter(|image| !reasons.contains_key(image))
            .collect();
        let seen: Vec<_> = wanted.into_par_iter().map(fit).collect();
        let mut looked = Looked::default();
        for (image, fit) in seen {
            match fit {
                Ok(Fit::Both) => looked.turned.push(image),
                Ok(_) => {}
                Err(error) => drop(looked.unusable.insert(image, error)),
            }
        }
        let spelled = found.iter().filter_map(|(image, place)| {
            let otherwise = place.as_ref().ok()?.spelling == Spelling::Otherwise;
            (otherwise && self.elsewhere.contains_key(image)).then_some(*image)
        });
        looked.otherwise_spelled = spelled.collect();
        let missing = reasons.drain().map(|(image, hint)| {
            let error = Error::MissingImage {
                image: records[image].id.clone(),
                path: self.path(image, &records[image]),
                hint,
            };
            (image, error)
        });
        looked.unusable.extend(missing);
        looked
    }

    /// Keeps where photographs lie that are found elsewhere; returns what lies in the place of others.
    fn settle(
        &mut self,
        found: &[(usize, std::result::Result<Located, String>)],
    ) -> HashMap<usize, String> {
        let places = || {
            let places = found.iter();
            places.filter_map(|(image, place)| Some((*image, place.as_ref().ok()?)))
        };
        let elsewhere = || places().filter(|(_, place)| place.spelling != Spelling::AsWritten);
        let as_written: HashSet<&PathBuf> = places()
            .filter(|(_, place)| place.spelling == Spelling::AsWritten)
            .map(|(_, place)| &place.path)
            .collect();
        // A file that several records may mean is taken for none of them.
        let mut claims: HashMap<&PathBuf, usize> = HashMap::new();
        for (_, place) in elsewhere() {
            *claims.entry(&place.path).or_default() += 1;
        }
        let mine = |path: &PathBuf| claims[path] == 1 && !as_written.contains(path);
        let (mut kept, mut reasons) = (HashMap::new(), HashMap::new());
        for (image, place) in elsewhere() {
            if mine(&place.path) {
                kept.insert(image, place.path.clone());
            } else {
                let path = place.path.display();
                reasons.insert(image, format!("other images may mean {path} too"));
            }
        }
        // Without anything to name, the file's own error says why.
        let named = found.iter().filter_map(|(image, place)| {
            let hint = place.as_ref().err().filter(|hint| !hint.is_empty())?;
            Some((*image, hint.clone()))
        });
        reasons.extend(named);
        self.elsewhere = kept;
        reasons
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
            None => self.folder.path(&image.file_name),
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
                hint: String::new(),
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
