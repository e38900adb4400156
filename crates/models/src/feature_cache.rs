//! Features of a frozen trunk, cached on disk.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use half::f16;

use crate::digest::fnv_1a;
use crate::error::{Error, Result};
use crate::feature_maps::FeatureMaps;
use crate::staged::write_atomically;

/// The beginning of every file; another layout gets another one.
const MAGIC: &[u8; 8] = b"MBPFEAT1";
/// Bytes of [`MAGIC`], checksum, the digests of layers and example, channels, height and width before the numbers.
const HEADER: usize = 56;

/// A folder of feature maps in half precision, one file an example and view.
///
/// # Conventions
/// Features always pass through half precision, from the cache or not, so that a run does not
/// depend on the contents of the cache.
///
/// A file has a checksum, and digests of what its features were made from: layers and example. Where one is another than
/// it should be, the features are made again, and [`take_notices`](Self::take_notices) says so.
#[derive(Debug)]
pub struct FeatureCache {
    folder: PathBuf,
    bytes_left: u64,
    layers: u64,
    /// Digests of examples by the names of their files: each is computed once, as it may take a photograph's decoding.
    contents: HashMap<String, u64>,
    notices: Vec<String>,
}

impl FeatureCache {
    /// A cache in `folder` of at most `bytes`, with the features that lie there already; `layers` is a digest of what
    /// computes them.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn new(folder: &Path, bytes: u64, layers: u64) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
        let mut bytes_left = bytes;
        for entry in std::fs::read_dir(folder).map_err(Error::file(folder))? {
            let size = entry
                .and_then(|entry| entry.metadata())
                .map_err(Error::file(folder))?
                .len();
            bytes_left = bytes_left.saturating_sub(size);
        }
        Ok(Self {
            folder: folder.to_path_buf(),
            bytes_left,
            layers,
            contents: HashMap::new(),
            notices: Vec::new(),
        })
    }

    /// The same for each of so many processes that fill the folder together, each with its part of the room that is left.
    pub fn shared_by(self, sharers: usize) -> Self {
        Self {
            bytes_left: self.bytes_left / sharers.max(1) as u64,
            ..self
        }
    }

    /// The features under a name fit for a file's, made by `compute` where they are not there, are damaged, or were made from
    /// something else: other layers, other channels, or an example whose `contents` have another digest, which is asked
    /// for once.
    ///
    /// # Errors
    /// [`Error::File`]; those of `compute`.
    pub fn features<E: From<Error>>(
        &mut self,
        (name, contents): (&str, impl FnOnce() -> u64),
        channels: usize,
        compute: impl FnOnce() -> std::result::Result<FeatureMaps, E>,
    ) -> std::result::Result<FeatureMaps, E> {
        let path = self.folder.join(format!("{name}.features"));
        let contents = match self.contents.get(name) {
            Some(known) => *known,
            None => *self.contents.entry(name.to_owned()).or_insert(contents()),
        };
        let made_from = [self.layers, contents];
        if let Ok(bytes) = std::fs::read(&path) {
            match decode(&bytes, made_from) {
                Ok(maps) if maps.channels == channels => return Ok(maps),
                Ok(_) => self.make_again(&path, bytes.len(), "those of other channels")?,
                Err(found) => self.make_again(&path, bytes.len(), found)?,
            }
        }
        let maps = compute()?;
        let bytes = encode(&maps, made_from);
        if bytes.len() as u64 <= self.bytes_left {
            write_atomically(&path, &bytes)?;
            self.bytes_left -= bytes.len() as u64;
        }
        let read = decode(&bytes, made_from);
        let refused = |found| Error::file(&path)(std::io::Error::other(found));
        Ok(read.map_err(refused)?)
    }

    /// Takes features that cannot be used out of the folder.
    fn make_again(&mut self, path: &Path, bytes: usize, found: &str) -> Result<()> {
        let path_words = path.display();
        let notice = format!("{path_words}: expected features, found {found}; made again");
        self.notices.push(notice);
        self.bytes_left += bytes as u64;
        match std::fs::remove_file(path) {
            // Another process was faster.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(Error::file(path)),
        }
    }

    /// What was made again since this was asked last, a sentence a file.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// Removes the folder.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn remove(self) -> Result<()> {
        std::fs::remove_dir_all(&self.folder).map_err(Error::file(&self.folder))
    }
}

/// Magic, checksum of all that follows it, `made_from`, sides, numbers.
fn encode(maps: &FeatureMaps, made_from: [u64; 2]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + 2 * maps.values.len());
    let sides = [maps.channels, maps.height, maps.width].map(|side| side as u64);
    for number in made_from.into_iter().chain(sides) {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    for value in &maps.values {
        // Features past half precision's largest number would become infinite.
        let value = value.clamp(-65504.0, 65504.0);
        bytes.extend_from_slice(&f16::from_f32(value).to_le_bytes());
    }
    let checksum = fnv_1a(bytes.iter().copied()).to_le_bytes();
    [&MAGIC[..], &checksum, &bytes].concat()
}

/// The maps, or what is there instead.
fn decode(bytes: &[u8], made_from: [u64; 2]) -> std::result::Result<FeatureMaps, &'static str> {
    const CUT: &str = "a file cut short or from another version";
    let (header, numbers) = bytes.split_at_checked(HEADER).ok_or(CUT)?;
    let (magic, header) = header.split_at(MAGIC.len());
    let words: Vec<u64> = header
        .chunks_exact(8)
        .map(|b| {
            b.iter()
                .rev()
                .fold(0, |word, byte| word << 8 | u64::from(*byte))
        })
        .collect();
    if magic != MAGIC {
        return Err(CUT);
    }
    let rest = &bytes[MAGIC.len() + 8..];
    if words[0] != fnv_1a(rest.iter().copied()) {
        return Err("damaged ones: their checksum is another");
    }
    if words[1] != made_from[0] {
        return Err("those of another network");
    }
    if words[2] != made_from[1] {
        return Err("those of an example whose files have changed since");
    }
    let side = |place: usize| usize::try_from(words[place]).map_err(|_| CUT);
    let (channels, height, width) = (side(3)?, side(4)?, side(5)?);
    let count = channels
        .checked_mul(height)
        .and_then(|n| n.checked_mul(width));
    if count.and_then(|n| n.checked_mul(2)) != Some(numbers.len()) {
        return Err(CUT);
    }
    let values = numbers
        .chunks_exact(2)
        .map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())
        .collect();
    Ok(FeatureMaps {
        channels,
        height,
        width,
        values,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maps() -> FeatureMaps {
        FeatureMaps {
            channels: 2,
            height: 1,
            width: 2,
            values: vec![0.5, 1.0, 7e4, 0.0],
        }
    }

    #[test]
    fn every_byte_counts() {
        let bytes = encode(&maps(), [3, 4]);
        let back = decode(&bytes, [3, 4]).unwrap();
        assert_eq!(back.values, [0.5, 1.0, 65504.0, 0.0]);
        assert_eq!((back.channels, back.height, back.width), (2, 1, 2));
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length], [3, 4]).is_err(), "{length}");
        }
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 4;
            assert!(decode(&damaged, [3, 4]).is_err(), "{place}");
        }
        assert!(decode(&bytes, [2, 4]).unwrap_err().contains("network"));
        assert!(decode(&bytes, [3, 5]).unwrap_err().contains("example"));
    }

    #[test]
    fn what_cannot_be_used_is_made_again_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.features");
        let room = 10 * encode(&maps(), [0, 0]).len() as u64;
        let asked = |layers: u64, contents: u64| {
            let mut cache = FeatureCache::new(folder.path(), room, layers).unwrap();
            let mut made = false;
            let found = cache.features(("a", || contents), 2, || {
                made = true;
                Ok::<_, Error>(maps())
            });
            assert_eq!(found.unwrap().values, [0.5, 1.0, 65504.0, 0.0]);
            (made, cache.take_notices())
        };
        let whole = |found: (bool, Vec<String>)| assert_eq!(found, (false, Vec::new()));
        let made_again = |found: (bool, Vec<String>), why: &str| {
            let (made, notices) = found;
            assert!(made && notices.len() == 1, "{notices:?}");
            assert!(
                notices[0].contains("a.features: expected features") && notices[0].contains(why),
                "{notices:?}"
            );
        };
        assert_eq!(asked(1, 1), (true, Vec::new()));
        whole(asked(1, 1));
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        made_again(asked(1, 1), "damaged");
        whole(asked(1, 1));
        made_again(asked(2, 1), "another network");
        made_again(asked(2, 2), "have changed");
        whole(asked(2, 2));
        std::fs::write(&path, b"").unwrap();
        made_again(asked(2, 2), "cut short");
        whole(asked(2, 2));
    }
}
