//! Safetensors files, written whole or not at all.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;

use half::f16;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::error::{Error, Result};

/// The one entry of our files' metadata: with one, the bytes do not depend on a map's order.
pub(super) const KEY: &str = "matbackprop";

/// How many bits a number takes on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits.
    Single,
    /// 16 bits; for weights to be given away, not for training on.
    Half,
}

/// A tensor to be written.
pub struct TensorOut {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its numbers, row-major.
    pub values: Vec<f32>,
}

/// The bytes of a file that holds `tensors` and, under our key, `description`.
///
/// # Errors
/// [`Error::NotSafetensors`] when a shape does not fit its numbers.
pub fn write_safetensors(
    tensors: &[TensorOut],
    precision: Precision,
    description: Option<String>,
) -> Result<Vec<u8>> {
    let (dtype, to_bytes): (_, fn(&f32) -> Vec<u8>) = match precision {
        Precision::Single => (Dtype::F32, |value| value.to_le_bytes().to_vec()),
        Precision::Half => (Dtype::F16, |value| {
            f16::from_f32(*value).to_le_bytes().to_vec()
        }),
    };
    let data: Vec<Vec<u8>> = tensors
        .iter()
        .map(|tensor| tensor.values.iter().flat_map(to_bytes).collect())
        .collect();
    let refused = |error: safetensors::SafeTensorError| Error::NotSafetensors {
        origin: "tensors to be written".into(),
        message: error.to_string(),
    };
    let views = tensors
        .iter()
        .zip(&data)
        .map(|(tensor, data)| {
            let view = TensorView::new(dtype, tensor.shape.clone(), data).map_err(refused)?;
            Ok((tensor.name.as_str(), view))
        })
        .collect::<Result<Vec<_>>>()?;
    let metadata = description.map(|text| HashMap::from([(KEY.to_owned(), text)]));
    safetensors::serialize(views, metadata).map_err(refused)
}

/// Writes beside the place and renames: the file is there whole, or as it was before.
///
/// # Errors
/// [`Error::File`].
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    // Temporary files are private to their owner by default; the umask still applies.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder
        .suffix(".partial")
        .tempfile_in(folder)
        .map_err(Error::file(path))?;
    file.write_all(bytes).map_err(Error::file(path))?;
    file.as_file().sync_all().map_err(Error::file(path))?;
    file.persist(path)
        .map_err(|error| Error::file(path)(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let nowhere = folder.path().join("absent").join("file");
        assert!(matches!(
            write_atomically(&nowhere, b""),
            Err(Error::File { .. })
        ));
    }
}
