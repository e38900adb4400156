//! Features of a frozen trunk, cached on disk.

use std::path::{Path, PathBuf};

use half::f16;

use crate::error::{Error, Result};
use crate::feature_maps::FeatureMaps;
use crate::weights::write_atomically;

/// Bytes of channels, height and width before the numbers.
const HEADER: usize = 24;

/// A folder of feature maps in half precision, one file an example and view.
///
/// # Conventions
/// Features always pass through half precision, from the cache or not, so that a run does not
/// depend on the contents of the cache.
#[derive(Debug)]
pub struct FeatureCache {
    folder: PathBuf,
    bytes_left: u64,
}

impl FeatureCache {
    /// A cache in `folder` of at most `bytes`, with the features that lie there already.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn new(folder: &Path, bytes: u64) -> Result<Self> {
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
        })
    }

    /// The same for each of so many processes that fill the folder together, each with its part of the room that is left.
    pub fn shared_by(self, sharers: usize) -> Self {
        Self {
            bytes_left: self.bytes_left / sharers.max(1) as u64,
            ..self
        }
    }

    /// The features under a name fit for a file's, made by `compute` where they are not there, or have other channels.
    ///
    /// # Errors
    /// [`Error::File`]; those of `compute`.
    pub fn features<E: From<Error>>(
        &mut self,
        name: &str,
        channels: usize,
        compute: impl FnOnce() -> std::result::Result<FeatureMaps, E>,
    ) -> std::result::Result<FeatureMaps, E> {
        let path = self.folder.join(format!("{name}.features"));
        let cached = std::fs::read(&path).ok().as_deref().and_then(decode);
        if let Some(maps) = cached.filter(|maps| maps.channels == channels) {
            return Ok(maps);
        }
        let bytes = encode(&compute()?);
        if bytes.len() as u64 <= self.bytes_left {
            write_atomically(&path, &bytes)?;
            self.bytes_left -= bytes.len() as u64;
        }
        let read = decode(&bytes);
        let cut_short = || Error::file(&path)(std::io::Error::other("features cut short"));
        Ok(read.ok_or_else(cut_short)?)
    }

    /// Removes the folder.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn remove(self) -> Result<()> {
        std::fs::remove_dir_all(&self.folder).map_err(Error::file(&self.folder))
    }
}

fn encode(maps: &FeatureMaps) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + 2 * maps.values.len());
    for side in [maps.channels, maps.height, maps.width] {
        bytes.extend_from_slice(&(side as u64).to_le_bytes());
    }
    for value in &maps.values {
        // Features past half precision's largest number would become infinite.
        let value = value.clamp(-65504.0, 65504.0);
        bytes.extend_from_slice(&f16::from_f32(value).to_le_bytes());
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<FeatureMaps> {
    let (header, numbers) = bytes.split_at_checked(HEADER)?;
    let mut sides = header.chunks_exact(8).map(|b| {
        let side = u64::from_le_bytes(b.try_into().ok()?);
        usize::try_from(side).ok()
    });
    let (channels, height, width) = (sides.next()??, sides.next()??, sides.next()??);
    let count = channels.checked_mul(height)?.checked_mul(width)?;
    if numbers.len() != count.checked_mul(2)? {
        return None;
    }
    let values = numbers
        .chunks_exact(2)
        .map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())
        .collect();
    Some(FeatureMaps {
        channels,
        height,
        width,
        values,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_cut_short_is_no_features() {
        let maps = FeatureMaps {
            channels: 2,
            height: 1,
            width: 2,
            values: vec![0.5, 1.0, 7e4, 0.0],
        };
        let bytes = encode(&maps);
        let back = decode(&bytes).unwrap();
        assert_eq!(back.values, [0.5, 1.0, 65504.0, 0.0]);
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_none(), "{length}");
        }
    }
}
