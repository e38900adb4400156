//! Tensors by name out of a safetensors file, f32 or half precision.

use std::path::Path;

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors};

use crate::error::{Error, Result};

/// Something that gives tensors by name.
pub(crate) trait TensorSource {
    /// Whether there is one.
    fn contains(&self, name: &str) -> bool;

    /// Its numbers, row-major, of just this shape.
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>>;
}

/// A safetensors file in memory.
pub struct WeightsFile {
    origin: String,
    bytes: Vec<u8>,
}

impl WeightsFile {
    /// Reads a file whole.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::NotSafetensors`].
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::file(path))?;
        Self::from_bytes(path.display().to_string(), bytes)
    }

    /// Takes a file's bytes; `origin` names it in errors.
    ///
    /// # Errors
    /// [`Error::NotSafetensors`].
    pub(crate) fn from_bytes(origin: String, bytes: Vec<u8>) -> Result<Self> {
        let file = Self { origin, bytes };
        file.tensors()?;
        Ok(file)
    }

    /// The name that errors give it.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// One entry of the file's metadata.
    pub(crate) fn metadata(&self, key: &str) -> Option<String> {
        let (_, header) = SafeTensors::read_metadata(&self.bytes).ok()?;
        header.metadata().as_ref()?.get(key).cloned()
    }

    fn tensors(&self) -> Result<SafeTensors<'_>> {
        SafeTensors::deserialize(&self.bytes).map_err(|error| Error::NotSafetensors {
            origin: self.origin.clone(),
            message: error.to_string(),
        })
    }
}

impl TensorSource for WeightsFile {
    fn contains(&self, name: &str) -> bool {
        self.tensors()
            .is_ok_and(|tensors| tensors.tensor(name).is_ok())
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let tensors = self.tensors()?;
        let (origin, name) = (self.origin.clone(), name.to_owned());
        let Ok(view) = tensors.tensor(&name) else {
            return Err(Error::MissingTensor { origin, name });
        };
        if view.shape() != shape {
            let (expected, found) = (shape.to_vec(), view.shape().to_vec());
            return Err(Error::TensorShape {
                origin,
                name,
                expected,
                found,
            });
        }
        let halves = || view.data().chunks_exact(2).map(|b| [b[0], b[1]]);
        let values: Vec<f32> = match view.dtype() {
            Dtype::F32 => view
                .data()
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
    fn what_is_wrong_is_named() {
        let good = file(&[0.0; 4], Precision::Single);
        let missing = good.tensor("b", &[1]).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "test: expected a tensor `b`, found none of that name"
        );
        let shape = good.tensor("a", &[4]).unwrap_err();
        assert_eq!(
            shape.to_string(),
            "test: tensor `a`: expected shape [4], found [2, 2]"
        );
        let bad = file(&[0.0, f32::NAN, 0.0, 0.0], Precision::Single);
        assert!(matches!(
            bad.tensor("a", &[2, 2]),
            Err(Error::TensorNotFinite { place: 1, .. })
        ));
        let bytes = vec![1; 40];
        assert!(matches!(
            WeightsFile::from_bytes("test".into(), bytes),
            Err(Error::NotSafetensors { .. })
        ));
    }
}
