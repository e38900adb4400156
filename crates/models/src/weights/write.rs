//! Safetensors files, as bytes.

use std::collections::HashMap;

use half::f16;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::digest::fnv_1a;
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

/// The bytes of a file that holds `tensors` and, under our key, `description`; behind a description in JSON stands a digest of
/// the whole, which [`WeightsFile`](super::WeightsFile) compares.
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
    let contents = tensors.iter().zip(&data);
    let contents = contents.map(|(tensor, data)| (tensor.name.as_str(), data.iter().copied()));
    let described = description.map(|text| match text.starts_with('{') {
        true => format!("{text} {:016x}", digest(&text, contents)),
        false => text,
    });
    let metadata = described.map(|text| HashMap::from([(KEY.to_owned(), text)]));
    safetensors::serialize(views, metadata).map_err(refused)
}

/// A number that changes with every bit of a description and of tensors, whatever the tensors' order: safetensors files have
/// none, and a number that a disk has turned is a number still.
pub fn digest<'a>(
    description: &str,
    contents: impl Iterator<Item = (&'a str, impl Iterator<Item = u8>)>,
) -> u64 {
    contents.fold(fnv_1a(description.bytes()), |sum, (name, bytes)| {
        sum.wrapping_add(fnv_1a(name.bytes().chain(bytes)))
    })
}
