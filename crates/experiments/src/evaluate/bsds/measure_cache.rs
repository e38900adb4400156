//! The measures of finished images, in a folder, so that a measurement that was stopped can be resumed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bench_bsds::{ImageCounts, ImageMeasures};
use models::fnv_1a;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::looks::Looks;
use crate::error::{Context as _, Error, Result};
use crate::files::write_whole;
use crate::observer::Observer;

/// The measures of one image.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// `None` for soft boundary maps.
    pub regions: Option<ImageMeasures>,
    /// `None` where boundaries were not asked for.
    pub boundaries: Option<ImageCounts>,
    /// Looks at the numbers that were measured, for remarks on all of them.
    #[serde(default, skip_serializing_if = "Looks::is_empty")]
    pub looks: Looks,
}

/// Measures in a folder.
///
/// ```text
/// settings.json       how all images are measured; a folder has one way
/// images/ID.json      the measures of one image, with the fingerprint of the settings and of the files they are of
/// ```
///
/// Each file appears whole or not at all. One that was damaged since, which its checksum shows, is measured again, and
/// [`report_damage`](Self::report_damage) says so.
pub struct MeasureCache {
    images: PathBuf,
    notices: Mutex<Vec<String>>,
    /// The settings, as their file holds them.
    settings: Vec<u8>,
}

/// A file of `images`.
#[derive(Serialize, Deserialize)]
struct Record<M> {
    fingerprint: String,
    /// Of fingerprint and measures; none in files from before.
    #[serde(default)]
    checksum: String,
    #[serde(flatten)]
    measured: M,
}

impl MeasureCache {
    /// Opens the folder `out`, or begins it.
    ///
    /// # Errors
    /// A wrong call where the folder was begun with other settings: each is named; a folder that cannot be written.
    pub fn open(out: &Path, settings: &Map<String, Value>) -> Result<Self> {
        let path = out.join("settings.json");
        let images = out.join("images");
        fs::create_dir_all(&images)
            .map_err(Error::file(&images))
            .context("--out")?;
        match fs::read(&path) {
            Ok(bytes) => {
                let begun = serde_json::from_slice(&bytes).with_context(|| {
                    format!(
                        "{}: expected settings of a measurement; remove the file if {} is of these settings, or choose \
                         another folder",
                        path.display(),
                        images.display()
                    )
                })?;
                let differences = differences(&begun, settings);
                if !differences.is_empty() {
                    return Err(Error::setting(format!(
                        "--out: {} was begun with other settings, choose another folder: {}",
                        out.display(),
                        differences.join("; ")
                    )));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                write_whole(&path, &serde_json::to_vec_pretty(settings)?)?;
            }
            Err(error) => return Err(Error::file(&path)(error)),
        }
        Ok(Self {
            images,
            notices: Mutex::default(),
            settings: serde_json::to_vec(settings)?,
        })
    }

    /// A digest of the settings and of the files that an image's measures are made of: their names and bytes.
    pub fn fingerprint(&self, files: &[PathBuf]) -> Result<String> {
        let mut digest = Sha256::new();
        digest.update(&self.settings);
        add_files(&mut digest, files)?;
        Ok(in_hexadecimal(digest))
    }

    /// The measures of an image, where they are there as they were written.
    ///
    /// # Errors
    /// A wrong call where they are of other files.
    pub fn get(&self, id: &str, fingerprint: &str) -> Result<Option<Measured>> {
        let path = self.path(id);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found.map_err(Error::file(&path))?,
        };
        let Some(record) = whole(&bytes) else {
            let name = path.display();
            let notice = format!(
                "{name}: expected the measures of an image as they were written, found a damaged file; image {id} is measured \
                 again"
            );
            let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
            notices.push(notice);
            return Ok(None);
        };
        if record.fingerprint != fingerprint {
            return Err(Error::setting(format!(
                "--out: {} holds the measures of other files of image {id}, choose another folder, or take it away",
                path.display()
            )));
        }
        Ok(Some(record.measured))
    }

    /// Writes the measures of an image.
    pub fn put(&self, id: &str, fingerprint: &str, measured: &Measured) -> Result<()> {
        let record = Record {
            fingerprint: fingerprint.to_owned(),
            checksum: checksum(fingerprint, measured)?,
            measured,
        };
        write_whole(&self.path(id), &serde_json::to_vec(&record)?)
    }

    /// Warns of the files that were damaged, each once.
    pub fn report_damage(&self, observer: &mut dyn Observer) {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        notices
            .drain(..)
            .for_each(|notice| observer.warning(&notice));
    }

    fn path(&self, id: &str) -> PathBuf {
        self.images.join(format!("{id}.json"))
    }
}

/// A file of `images`, where it is as it was written.
fn whole(bytes: &[u8]) -> Option<Record<Measured>> {
    let record: Record<Measured> = serde_json::from_slice(bytes).ok()?;
    let found = checksum(&record.fingerprint, &record.measured).ok()?;
    (found == record.checksum).then_some(record)
}

/// Of the measures as numbers: the same however a file lays them out.
fn checksum(fingerprint: &str, measured: &Measured) -> Result<String> {
    let text = serde_json::to_vec(&(fingerprint, measured))?;
    Ok(format!("{:016x}", fnv_1a(text.into_iter())))
}

/// A digest of files: their names without folders, their lengths and their bytes.
///
/// SHA-256, not [`models::fnv_1a`]: the measures of one file must never count as those of another, whoever made it.
pub fn digest_of(files: &[PathBuf]) -> Result<String> {
    let mut digest = Sha256::new();
    add_files(&mut digest, files)?;
    Ok(in_hexadecimal(digest))
}

fn add_files(digest: &mut Sha256, files: &[PathBuf]) -> Result<()> {
    for path in files {
        let Some(name) = path.file_name() else {
            return Err(Error::unexpected(format!(
                "{}: expected a file, found a folder",
                path.display()
            )));
        };
        let bytes = fs::read(path).map_err(Error::file(path))?;
        digest.update(name.as_encoded_bytes());
        digest.update([0]);
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(&bytes);
    }
    Ok(())
}

fn in_hexadecimal(digest: Sha256) -> String {
    let bytes = digest.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every setting that is another, in words.
fn differences(begun: &Map<String, Value>, asked: &Map<String, Value>) -> Vec<String> {
    let mut names: Vec<&String> = begun.keys().chain(asked.keys()).collect();
    names.sort();
    names.dedup();
    let value = |settings: &Map<String, Value>, name: &str| {
        settings.get(name).cloned().unwrap_or(Value::Null)
    };
    let differing = names
        .into_iter()
        .map(|name| (name, value(begun, name), value(asked, name)));
    differing
        .filter(|(_, begun, asked)| begun != asked)
        .map(|(name, begun, asked)| format!("{name}: expected {begun}, found {asked}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn measured() -> Measured {
        Measured {
            regions: None,
            boundaries: None,
            looks: Looks::default(),
        }
    }

    #[test]
    fn measures_are_found_again_and_those_of_other_files_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("7.png");
        fs::write(&file, "one").unwrap();
        let asked = settings(&json!({"k": [2, 3], "boundaries": true}));
        let files = [file.clone()];
        let cache = MeasureCache::open(folder.path(), &asked).unwrap();
        let fingerprint = cache.fingerprint(&files).unwrap();
        assert!(cache.get("7", &fingerprint).unwrap().is_none());
        cache.put("7", &fingerprint, &measured()).unwrap();
        let again = MeasureCache::open(folder.path(), &asked).unwrap();
        assert_eq!(again.fingerprint(&files).unwrap(), fingerprint);
        assert_eq!(again.get("7", &fingerprint).unwrap(), Some(measured()));
        fs::write(&file, "two").unwrap();
        let other = again.fingerprint(&files).unwrap();
        let error = again.get("7", &other).unwrap_err().to_string();
        assert!(
            error.contains("7.json holds the measures of other files"),
            "{error}"
        );
    }

    #[test]
    fn damaged_measures_are_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let cache = MeasureCache::open(folder.path(), &settings(&json!({"k": [2]}))).unwrap();
        let path = folder.path().join("images/7.json");
        let measures = Measured {
            looks: Looks {
                zero: Some(bench_bsds::ZeroLook {
                    maps: 12,
                    ..bench_bsds::ZeroLook::default()
                }),
                ..Looks::default()
            },
            ..measured()
        };
        cache.put("7", "print", &measures).unwrap();
        assert_eq!(cache.get("7", "print").unwrap(), Some(measures));
        let notices = || cache.notices.lock().unwrap().drain(..).collect::<Vec<_>>();
        assert!(notices().is_empty());
        let written = fs::read(&path).unwrap();
        let digit = written.iter().rposition(u8::is_ascii_digit).unwrap();
        let mut altered = written.clone();
        altered[digit] = if altered[digit] == b'1' { b'2' } else { b'1' };
        let cut = written[..written.len() / 2].to_vec();
        for damaged in [altered, cut, b"{}".to_vec(), Vec::new()] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(cache.get("7", "print").unwrap(), None);
            let notices = notices();
            assert!(
                notices.len() == 1 && notices[0].contains("image 7 is measured again"),
                "{notices:?}"
            );
        }
    }

    #[test]
    fn other_settings_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let begun = settings(&json!({"k": [2, 3], "levels": "clusters", "network": "a"}));
        MeasureCache::open(folder.path(), &begun).unwrap();
        let asked = settings(&json!({"k": [2, 4], "levels": "clusters", "thresholds": 9}));
        let error = MeasureCache::open(folder.path(), &asked)
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.ends_with(
                "k: expected [2,3], found [2,4]; network: expected \"a\", found null; thresholds: expected null, found 9"
            ),
            "{error}"
        );
    }
}
