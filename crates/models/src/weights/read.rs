//! Tensors by name out of a safetensors file, f32 or half precision.

use std::io::Read as _;
use std::path::Path;
use std::sync::OnceLock;

use half::{bf16, f16};
use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, SafeTensorError, SafeTensors};

use super::foreign::{BEGINNING, is_safetensors, kind};
use super::prefix::{Renaming, renamings};
use super::write::{KEY, digest};
use crate::error::{Error, Result};

/// Something that gives tensors by name.
pub trait TensorSource {
    /// Whether there is one.
    fn contains(&self, name: &str) -> bool;

    /// Its numbers, row-major, of just this shape.
    ///
    /// # Errors
    /// A missing or misshapen tensor, by name; one with numbers that are not finite, or variances below zero.
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>>;
}

/// A safetensors file in memory, its header read and checked against the file's length.
///
/// # Conventions
/// Where a tensor is not there by its name, it is looked for behind the prefix of a wrapper: `module.`, `backbone.`,
/// `model.`, `_orig_mod.`, … ([`TensorSource`]). The first name decides on the prefix of all; where the file has the
/// name behind two of them, none is taken.
pub struct WeightsFile {
    origin: String,
    header: Metadata,
    bytes: Vec<u8>,
    /// Where the numbers begin.
    numbers: usize,
    /// Our entry of the metadata.
    description: Option<String>,
    /// How names differ, once a name has been found in another way.
    renaming: OnceLock<Renaming>,
}

impl WeightsFile {
    /// Reads a file whole.
    ///
    /// # Errors
    /// [`Error::File`]; those of [`WeightsFile::from_bytes`].
    pub fn open(path: &Path) -> Result<Self> {
        let mut file = std::fs::File::open(path).map_err(Error::file(path))?;
        let size = file.metadata().map_err(Error::file(path))?.len();
        let mut bytes = Vec::new();
        let beginning = file.by_ref().take(BEGINNING as u64);
        { beginning }
            .read_to_end(&mut bytes)
            .map_err(Error::file(path))?;
        // Checkpoints of others may be gigabytes.
        if !is_safetensors(&bytes)
            && let Some(message) = kind(&bytes, size)
        {
            let origin = path.display().to_string();
            return Err(Error::NotSafetensors { origin, message });
        }
        file.read_to_end(&mut bytes).map_err(Error::file(path))?;
        Self::from_bytes(path.display().to_string(), bytes)
    }

    /// Takes a file's bytes; `origin` names it in errors.
    ///
    /// # Errors
    /// [`Error::NotSafetensors`]; [`Error::Damaged`] where a digest was written and is another now.
    pub fn from_bytes(origin: String, bytes: Vec<u8>) -> Result<Self> {
        match SafeTensors::read_metadata(&bytes) {
            Ok((length, header)) => {
                let mut file = Self {
                    origin,
                    header,
                    // The header's length stands before it, in eight bytes.
                    numbers: 8 + length,
                    bytes,
                    description: None,
                    renaming: OnceLock::new(),
                };
                file.description = file.checked_description()?;
                Ok(file)
            }
            Err(error) => Err(Error::NotSafetensors {
                origin,
                message: in_words(&error, &bytes),
            }),
        }
    }

    /// Our entry of the metadata, without the digest behind it, which is compared.
    fn checked_description(&self) -> Result<Option<String>> {
        let Some(text) = self.header.metadata().as_ref().and_then(|all| all.get(KEY)) else {
            return Ok(None);
        };
        // Files from before the digest end with the description.
        let is_digest =
            |end: &str| end.len() == 16 && end.bytes().all(|byte| byte.is_ascii_hexdigit());
        let (text, written) = match text.rsplit_once("} ") {
            Some((before, end)) if text.starts_with('{') && is_digest(end) => {
                (&text[..=before.len()], end)
            }
            _ => return Ok(Some(text.clone())),
        };
        let contents: Vec<_> = self.contents().collect();
        let contents = contents.iter();
        let contents = contents.map(|(name, bytes)| (name.as_str(), bytes.iter().copied()));
        let found = format!("{:016x}", digest(text, contents));
        if found == written {
            return Ok(Some(text.to_owned()));
        }
        Err(Error::Damaged {
            origin: self.origin.clone(),
            expected: written.to_owned(),
            found,
        })
    }

    /// The name that errors give it.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The names of the tensors in a few words, for messages.
    pub(crate) fn names_in_words(&self) -> String {
        const SHOWN: usize = 3;
        const LONGEST: usize = 80;
        let mut names = self.header.offset_keys();
        names.sort();
        let count = names.len();
        let shown = |name: &String| format!("`{}`", name.chars().take(LONGEST).collect::<String>());
        let shown: Vec<_> = names.iter().take(SHOWN).map(shown).collect();
        match count {
            0 => "no tensors".to_owned(),
            1 => format!("one tensor, {}", shown[0]),
            _ if count <= SHOWN => format!("{count} tensors, {}", shown.join(", ")),
            _ => format!("{count} tensors, {}, …", shown.join(", ")),
        }
    }

    /// The tensor under its name, or behind the prefix of a wrapper.
    fn info(&self, name: &str) -> Option<&TensorInfo> {
        if let Some(info) = self.header.info(name) {
            return Some(info);
        }
        if let Some(renaming) = self.renaming.get() {
            return self.header.info(&renaming.apply(name));
        }
        let names = self.header.offset_keys();
        let [renaming] = &renamings(name, names.iter().map(String::as_str))[..] else {
            return None;
        };
        let renaming = self.renaming.get_or_init(|| renaming.clone());
        self.header.info(&renaming.apply(name))
    }

    /// Why a tensor is not there.
    fn missing(&self, name: &str) -> Error {
        let names = self.header.offset_keys();
        let found = match &renamings(name, names.iter().map(String::as_str))[..] {
            [first, second, ..] => format!(
                "it twice, as `{}` and `{}`: take one of the networks out of the file",
                first.apply(name),
                second.apply(name)
            ),
            _ => self.names_in_words(),
        };
        Error::MissingTensor {
            origin: self.origin.clone(),
            name: name.to_owned(),
            found,
        }
    }

    /// One entry of the file's metadata.
    pub fn metadata(&self, key: &str) -> Option<String> {
        if key == KEY {
            return self.description.clone();
        }
        self.header.metadata().as_ref()?.get(key).cloned()
    }

    /// The description of a network of the `wanted` kind, as [`crate::DeepNcuts::save`] and
    /// [`crate::RegionClassifier::save`] write it.
    ///
    /// # Errors
    /// [`Error::NotANetwork`] with what the file holds in its place: a trunk's weights, a checkpoint, a network of the
    /// other kind.
    pub(crate) fn description(&self, wanted: NetworkKind) -> Result<String> {
        let found = match self.metadata("matbackprop") {
            None => self.undescribed(),
            Some(text) if text.starts_with('{') => {
                // The one has classes, another the rule of its clusters, the third merges levels.
                let regions = text.contains("\"classes\":");
                let cuts = text.contains("\"clusters\":");
                let boundaries = text.contains("\"merges\":");
                let kinds = [
                    (
                        NetworkKind::Cuts,
                        cuts,
                        "a network that cuts photographs into segments",
                    ),
                    (NetworkKind::Regions, regions, "a classifier of regions"),
                    (
                        NetworkKind::Boundaries,
                        boundaries,
                        "a network that draws boundaries",
                    ),
                ];
                let is_wanted = kinds.iter().any(|(kind, is, _)| *kind == wanted && *is);
                match kinds.iter().find(|(_, is, _)| *is && !is_wanted) {
                    Some((_, _, words)) => (*words).to_owned(),
                    None => return Ok(text),
                }
            }
            Some(text) if is_checkpoint(&text) => {
                "a checkpoint of a training: --resume goes on from it, and \
                network.safetensors stands beside it in the end"
                    .to_owned()
            }
            Some(text) => return Ok(text),
        };
        Err(Error::NotANetwork {
            origin: self.origin.clone(),
            found,
        })
    }

    /// What weights without a description are.
    fn undescribed(&self) -> String {
        let first = |name| self.info(name).map(|info| info.shape.as_slice());
        let trunk = match (first("_conv_stem.weight"), first("features.0.weight")) {
            (Some(_), _) => Some("lite0"),
            (_, Some([64, 3, 3, 3])) => Some("vgg16"),
            (_, Some([64, 3, 11, 11])) => Some("alexnet"),
            (_, Some([96, 3, 11, 11])) => Some("alexnet-original"),
            _ => None,
        };
        match trunk {
            Some(name) => {
                format!("the weights of a trunk alone, {name}: --trunk-weights takes them")
            }
            None => format!("no description and {}", self.names_in_words()),
        }
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

/// The kinds of networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetworkKind {
    /// [`crate::DeepNcuts`].
    Cuts,
    /// [`crate::RegionClassifier`].
    Regions,
    /// [`crate::DeepBoundaries`].
    Boundaries,
}

/// Whether a description is that of a checkpoint: a digest of 16 digits before it.
fn is_checkpoint(text: &str) -> bool {
    let digest = text.split_once(' ').map(|(digest, _)| digest);
    digest.is_some_and(|digest| digest.len() == 16 && digest.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// What is wrong with a file that is no safetensors file, or a broken one.
fn in_words(error: &SafeTensorError, bytes: &[u8]) -> String {
    let whole = || format!("a file of {} bytes", bytes.len());
    if !is_safetensors(bytes) {
        let beginning = &bytes[..bytes.len().min(BEGINNING)];
        return kind(beginning, bytes.len() as u64)
            .unwrap_or_else(|| format!("{} of another kind", whole()));
    }
    match error {
        SafeTensorError::MetadataIncompleteBuffer | SafeTensorError::InvalidHeaderLength => {
            format!(
                "{} that its header does not fit: cut short? fetch it again",
                whole()
            )
        }
        SafeTensorError::HeaderTooSmall | SafeTensorError::HeaderTooLarge => {
            format!("{} without a whole header: fetch it again", whole())
        }
        SafeTensorError::InvalidHeaderDeserialization(_) | SafeTensorError::InvalidHeader(_) => {
            format!("{} whose header is no list of tensors", whole())
        }
        SafeTensorError::InvalidOffset(name) => format!(
            "tensor `{name}` with a hole or an overlap before it: write the file again with the library of safetensors"
        ),
        other => other.to_string(),
    }
}

impl TensorSource for WeightsFile {
    fn contains(&self, name: &str) -> bool {
        self.info(name).is_some()
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let Some(info) = self.info(name) else {
            return Err(self.missing(name));
        };
        let (origin, name) = (self.origin.clone(), name.to_owned());
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
            Dtype::F64 => {
                let doubles = data.as_chunks::<8>().0.iter();
                doubles.map(|b| f64::from_le_bytes(*b) as f32).collect()
            }
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
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            let found = values[place];
            return Err(Error::TensorNotFinite {
                origin,
                name,
                place,
                found,
            });
        }
        // Folded into a layer, one below zero has no square root.
        let variances = name.ends_with("running_var");
        match values.iter().position(|value| variances && *value < 0.0) {
            None => Ok(values),
            Some(place) => Err(Error::NegativeVariance {
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
            assert_eq!(file.metadata(KEY).as_deref(), Some("text"));
            assert!(file.contains("a") && !file.contains("b"));
        }
    }

    #[test]
    fn doubles_are_rounded_and_whole_numbers_refused() {
        let read = |kind: &str, bytes: &[u8]| {
            let end = bytes.len();
            let header =
                format!(r#"{{"a":{{"dtype":"{kind}","shape":[2],"data_offsets":[0,{end}]}}}}"#);
            let length = (header.len() as u64).to_le_bytes();
            let bytes = [&length, header.as_bytes(), bytes].concat();
            let file = WeightsFile::from_bytes("test".into(), bytes).unwrap();
            file.tensor("a", &[2])
        };
        let doubles = [0.1_f64, -2.5].map(f64::to_le_bytes).concat();
        assert_eq!(read("F64", &doubles).unwrap(), [0.1_f32, -2.5]);
        let error = read("I32", &doubles[..8]).unwrap_err().to_string();
        assert!(error.contains("found I32: save it as float"), "{error}");
    }

    fn named(names: &[&str]) -> WeightsFile {
        let tensors = names.iter().enumerate().map(|(value, name)| TensorOut {
            name: (*name).to_owned(),
            shape: vec![1],
            values: vec![value as f32],
        });
        let tensors: Vec<_> = tensors.collect();
        let bytes = write_safetensors(&tensors, Precision::Single, None).unwrap();
        WeightsFile::from_bytes("test".into(), bytes).unwrap()
    }

    #[test]
    fn one_prefix_of_a_wrapper_is_passed_over() {
        let file = named(&["module.a.weight", "module.a.bias", "module.b.weight"]);
        assert_eq!(file.tensor("a.weight", &[1]).unwrap(), [0.0]);
        assert!(file.contains("a.bias") && !file.contains("b.bias"));
        // The first name decides.
        let file = named(&["module.a.weight", "backbone.b.weight"]);
        assert!(file.contains("a.weight") && !file.contains("b.weight"));
        let file = named(&[
            "a.weight",
            "module.a.weight",
            "student.b.weight",
            "teacher.b.weight",
        ]);
        assert_eq!(file.tensor("a.weight", &[1]).unwrap(), [0.0]);
        let error = file.tensor("b.weight", &[1]).unwrap_err().to_string();
        assert!(
            error.contains("found it twice, as `student.b.weight` and `teacher.b.weight`"),
            "{error}"
        );
        // A running average is not passed over in silence, nor taken.
        for average in [
            "ema_model",
            "model_ema",
            "ema_model.module",
            "state_dict_ema",
        ] {
            let file = named(&["model.a.weight", &format!("{average}.a.weight")]);
            let error = file.tensor("a.weight", &[1]).unwrap_err().to_string();
            let twice = error.contains("found it twice, as `")
                && error.contains("`model.a.weight`")
                && error.contains(&format!(
                    "`{average}.a.weight`: take one of the networks out"
                ));
            assert!(
                twice || error.contains(&format!("`{average}.a.weight` and `model.a.weight`")),
                "{error}"
            );
            // Alone it is the network.
            let alone = named(&[&format!("{average}.a.weight")]);
            assert_eq!(alone.tensor("a.weight", &[1]).unwrap(), [0.0]);
        }
    }

    #[test]
    fn what_stands_in_place_of_a_network_is_named() {
        let described = |name: &str, shape: &[usize], description: Option<&str>| {
            let tensor = TensorOut {
                name: name.to_owned(),
                shape: shape.to_vec(),
                values: vec![0.0; shape.iter().product()],
            };
            let description = description.map(str::to_owned);
            let bytes = write_safetensors(&[tensor], Precision::Half, description).unwrap();
            WeightsFile::from_bytes("test".into(), bytes).unwrap()
        };
        let stem = [2, 3, 3, 3];
        let digest = "0123456789abcdef {\"step\": 4}";
        for (file, kind, words) in [
            (
                described("module._conv_stem.weight", &stem, None),
                NetworkKind::Cuts,
                "found the weights of a trunk alone, lite0: --trunk-weights",
            ),
            (
                described("features.0.weight", &[64, 3, 3, 3], None),
                NetworkKind::Regions,
                "found the weights of a trunk alone, vgg16",
            ),
            (
                described("fc.weight", &[1], None),
                NetworkKind::Cuts,
                "found no description and one tensor, `fc.weight`",
            ),
            (
                described("a", &[1], Some(digest)),
                NetworkKind::Cuts,
                "found a checkpoint of a training: --resume",
            ),
            (
                described("a", &[1], Some("{\"classes\":[]}")),
                NetworkKind::Cuts,
                "found a classifier of regions",
            ),
            (
                described("a", &[1], Some("{\"clusters\":{}}")),
                NetworkKind::Regions,
                "found a network that cuts",
            ),
        ] {
            let error = file.description(kind).unwrap_err().to_string();
            assert!(error.contains(words), "{error}: expected {words}");
        }
    }

    #[test]
    fn foreign_and_broken_files_are_named_on_disk_and_in_memory() {
        let good = write_safetensors(
            &[TensorOut {
                name: "a".into(),
                shape: vec![2],
                values: vec![1.0, 2.0],
            }],
            Precision::Single,
            None,
        )
        .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        let mut spoilt = good.clone();
        spoilt[8..12].copy_from_slice(b"{{{{");
        let cases: [(Vec<u8>, &str); 6] = [
            (good[..good.len() - 2].to_vec(), "cut short? fetch it again"),
            (good[..12].to_vec(), "fetch it again"),
            (spoilt, "whose header is no list of tensors"),
            (vec![1; 4_000], "a file of 4000 bytes of another kind"),
            (
                b"PK\x03\x04 archive/data.pkl".to_vec(),
                "a PyTorch checkpoint: data/README.md",
            ),
            (Vec::new(), "an empty file"),
        ];
        for (bytes, words) in cases {
            std::fs::write(&path, &bytes).unwrap();
            let found = [
                WeightsFile::open(&path),
                WeightsFile::from_bytes("x.safetensors".to_owned(), bytes),
            ];
            for found in found {
                let error = found.err().unwrap().to_string();
                assert!(
                    error.contains("x.safetensors: expected a safetensors file, found "),
                    "{error}"
                );
                assert!(error.contains(words), "{error}: expected {words}");
            }
        }
    }

    #[test]
    fn holes_and_overlaps_between_tensors_are_named() {
        for (start, end) in [(12, 20), (4, 12)] {
            let header = format!(
                r#"{{"a":{{"dtype":"F32","shape":[2],"data_offsets":[0,8]}},"b":{{"dtype":"F32","shape":[2],"data_offsets":[{start},{end}]}}}}"#
            );
            let length = (header.len() as u64).to_le_bytes();
            let bytes = [&length, header.as_bytes(), &vec![0; end]].concat();
            let error = WeightsFile::from_bytes("test".into(), bytes).err().unwrap();
            let expected = "test: expected a safetensors file, found tensor `b` with a hole or an overlap before it";
            assert!(error.to_string().starts_with(expected), "{error}");
        }
    }

    #[test]
    fn variances_below_zero_are_named() {
        let file = |values: [f32; 2]| {
            let tensors = ["bn.running_mean", "bn.running_var"].map(|name| TensorOut {
                name: name.to_owned(),
                shape: vec![2],
                values: values.to_vec(),
            });
            let bytes = write_safetensors(&tensors, Precision::Single, None).unwrap();
            WeightsFile::from_bytes("test".into(), bytes).unwrap()
        };
        let negative = file([0.0, -0.25]);
        assert!(negative.tensor("bn.running_mean", &[2]).is_ok());
        let error = negative.tensor("bn.running_var", &[2]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "test: tensor `bn.running_var`: expected variances of at least 0, found -0.25 at place 1"
        );
        assert_eq!(
            file([0.0, 2.0]).tensor("bn.running_var", &[2]).unwrap(),
            [0.0, 2.0]
        );
    }

    #[test]
    fn every_bit_of_a_described_file_counts() {
        let tensor = |name: &str| TensorOut {
            name: name.to_owned(),
            shape: vec![2],
            values: vec![0.5, -1.5],
        };
        let tensors = [tensor("a"), tensor("b")];
        let description = r#"{"format":1,"note":"{} ends"}"#;
        let bytes = write_safetensors(&tensors, Precision::Single, Some(description.to_owned()));
        let bytes = bytes.unwrap();
        let open = |bytes| WeightsFile::from_bytes("file".to_owned(), bytes);
        let whole = open(bytes.clone()).unwrap();
        assert_eq!(whole.metadata(KEY).as_deref(), Some(description));
        for place in 8..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            // The digest does not know a shape, nor the space behind the header; no number and no name is another.
            if let Ok(file) = open(damaged) {
                // A description that is lost, or has something behind it, is none.
                let found = file.metadata(KEY);
                if found.as_deref() != Some(description) {
                    let json = found
                        .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
                    assert_eq!(json, None, "{place}");
                    continue;
                }
                let contents = |file: &WeightsFile| {
                    let contents = file.contents().map(|(name, bytes)| (name, bytes.to_vec()));
                    contents.collect::<std::collections::BTreeMap<_, _>>()
                };
                assert_eq!(contents(&file), contents(&whole), "{place}");
            }
        }
    }

    #[test]
    fn errors_are_named() {
        let good = file(&[0.0; 4], Precision::Single);
        let bad = file(&[0.0, f32::NAN, 0.0, 0.0], Precision::Single);
        let missing = "test: expected a tensor `b`, found one tensor, `a`";
        let shape = "test: tensor `a`: expected shape [4], found [2, 2]";
        refused! {
            good.tensor("b", &[1]) => error if error.to_string() == missing,
            good.tensor("a", &[4]) => error if error.to_string() == shape,
            bad.tensor("a", &[2, 2]) => Error::TensorNotFinite { place: 1, .. },
            WeightsFile::from_bytes("test".into(), vec![1; 40]) => Error::NotSafetensors { .. },
        }
    }
}
