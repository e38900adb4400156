//! Tensors by name out of a safetensors file, f32 or half precision.

use std::path::Path;

use half::{bf16, f16};
use safetensors::tensor::Metadata;
use safetensors::{Dtype, SafeTensors};

use crate::error::{Error, Result};

/// Something that gives tensors by name.
pub trait TensorSource {
    /// Whether there is one.
    fn contains(&self, name: &str) -> bool;

    /// Its numbers, row-major, of just this shape.
    ///
    /// # Errors
    /// A missing or misshapen tensor, by name; one with numbers that are not finite.
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>>;
}

/// A safetensors file in memory, its header read and checked against the file's length.
pub struct WeightsFile {
    origin: String,
    header: Metadata,
    bytes: Vec<u8>,
    /// Where the numbers begin.
    numbers: usize,
}

impl WeightsFile {
    /// Reads a file whole.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::NotSafetensors`].
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::file(path))?;
        Self::from_bytes(path.display().to_string(), bytes)
    }

    /// Takes a file's bytes; `origin` names it in errors.
    ///
    /// # Errors
    /// [`Error::NotSafetensors`].
    pub fn from_bytes(origin: String, bytes: Vec<u8>) -> Result<Self> {
        match SafeTensors::read_metadata(&bytes) {
            Ok((length, header)) => Ok(Self {
                origin,
                header,
                // The header's length stands before it, in eight bytes.
                numbers: 8 + length,
                bytes,
            }),
            Err(error) => Err(Error::NotSafetensors {
                origin,
                message: error.to_string(),
            }),
        }
    }

    /// The name that errors give it.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// One entry of the file's metadata.
    pub fn metadata(&self, key: &str) -> Option<String> {
        self.header.metadata().as_ref()?.get(key).cloned()
    }

    /// All tensors' names and bytes, in no order.
    pub fn contents(&self) -> impl Iterator<Item = (String, &[u8])> {
        let infos = self.header.tensors().into_iter();
        infos.map(|(name, info)| {
            let (start, end) = info.data_offsets;
            (name, &self.bytes[self.numbers..][start..end])
        })
    }
}

impl TensorSource for WeightsFile {
    fn contains(&self, name: &str) -> bool {
        self.header.info(name).is_some()
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let (origin, name) = (self.origin.clone(), name.to_owned());
        let Some(info) = self.header.info(&name) else {
            return Err(Error::MissingTensor { origin, name });
        };
        if info.shape != shape {
            let (expected, found) = (shape.to_vec(), info.shape.clone());
            return Err(Error::TensorShape {
                origin,
                name,
                expected,
                found,
            });
        }
        let (start, end) = info.data_offsets;
        let data = &self.bytes[self.numbers..][start..end];
        let halves = || data.chunks_exact(2).map(|b| [b[0], b[1]]);
        let values: Vec<f32> = match info.dtype {
            Dtype::F32 => data
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
            Dtype::F16 => halves().map(|b| f16::from_le_bytes(b).to_f32()).collect(),
            Dtype::BF16 => halves().map(|b| bf16::from_le_bytes(b).to_f32()).collect(),
            other => {
                let found = format!("{other:?}");
                return Err(Error::TensorType {
                    origin,
                    name,
                    found,
                });
            }
        };
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(values),
            Some(place) => Err(Error::TensorNotFinite {
                origin,
                name,
                place,
                found: values[place],
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::{Precision, TensorOut, write_safetensors};
    use test_support::refused;

    fn file(values: &[f32], precision: Precision) -> WeightsFile {
        let tensors = [TensorOut {
            name: "a".into(),
            shape: vec![2, 2],
            values: values.to_vec(),
        }];
        let bytes = write_safetensors(&tensors, precision, Some("text".into())).unwrap();
        WeightsFile::from_bytes("test".into(), bytes).unwrap()
    }

    #[test]
    fn both_precisions_come_back() {
        for precision in [Precision::Single, Precision::Half] {
            let file = file(&[0.5, -1.0, 2.0, 0.25], precision);
            assert_eq!(file.tensor("a", &[2, 2]).unwrap(), [0.5, -1.0, 2.0, 0.25]);
            assert_eq!(
                file.metadata(crate::weights::write::KEY).as_deref(),
                Some("text")
            );
            assert!(file.contains("a") && !file.contains("b"));
        }
    }

    #[test]
    fn errors_are_named() {
        let good = file(&[0.0; 4], Precision::Single);
        let bad = file(&[0.0, f32::NAN, 0.0, 0.0], Precision::Single);
        let missing = "test: expected a tensor `b`, found none of that name";
        let shape = "test: tensor `a`: expected shape [4], found [2, 2]";
        refused! {
            good.tensor("b", &[1]) => error if error.to_string() == missing,
            good.tensor("a", &[4]) => error if error.to_string() == shape,
            bad.tensor("a", &[2, 2]) => Error::TensorNotFinite { place: 1, .. },
            WeightsFile::from_bytes("test".into(), vec![1; 40]) => Error::NotSafetensors { .. },
        }
    }
}
