//! What a file is that is no safetensors file: files of other programs, by their first bytes, with what to do.

/// Bytes of a file's beginning that a judgement wants.
pub(super) const BEGINNING: usize = 1024;

/// How to make the file that is expected of a checkpoint.
const CONVERT: &str = "data/README.md tells how to make safetensors of it";

/// Whether a file begins as a safetensors file does: the length of its header, and the header.
pub(super) fn is_safetensors(beginning: &[u8]) -> bool {
    // A header of 100 MB is the most that the format allows.
    const MOST_HEADER: u64 = 100_000_000;
    let Some((length, header)) = beginning.split_first_chunk() else {
        return false;
    };
    u64::from_le_bytes(*length) <= MOST_HEADER && header.first() == Some(&b'{')
}

/// The kind of a file, and what to do about it; `None` where nothing is known of it.
pub(super) fn kind(beginning: &[u8], size: u64) -> Option<String> {
    let begins = |with: &[u8]| beginning.starts_with(with);
    let contains = |word: &[u8]| beginning.windows(word.len()).any(|window| window == word);
    if beginning.is_empty() {
        return Some("an empty file: fetch it again".to_owned());
    }
    if let Some(kind) = text(beginning, size) {
        return Some(kind);
    }
    let kind = if begins(b"PK\x03\x04") {
        if contains(b".pkl") || contains(b"/version") {
            format!("a PyTorch checkpoint: {CONVERT}")
        } else if contains(b".npy") {
            format!("a NumPy archive (.npz): {CONVERT}")
        } else if contains(b".keras") || contains(b"metadata.json") {
            format!("a Keras model: {CONVERT}")
        } else {
            "a ZIP archive: unpack it first".to_owned()
        }
    } else if begins(b"\x80") && (2..=5).contains(&beginning.get(1).copied().unwrap_or(0)) {
        // A pickle's first operation is its protocol; before version 1.6 PyTorch wrote several in a row.
        format!("a Python pickle, as PyTorch wrote its checkpoints: {CONVERT}")
    } else if begins(b"\x89HDF\r\n\x1a\n") {
        format!("an HDF5 file, as Keras and Caffe write weights: {CONVERT}")
    } else if begins(b"\x93NUMPY") {
        format!("a NumPy array: {CONVERT}")
    } else if begins(b"GGUF") {
        "a GGUF file, of language models".to_owned()
    } else if begins(b"MATLAB ") {
        format!("a MATLAB file, as MatConvNet writes networks: {CONVERT}")
    } else if beginning.get(4..8) == Some(b"TFL3") {
        format!("a TensorFlow Lite model: {CONVERT}")
    } else if is_onnx(beginning) {
        format!("an ONNX model: {CONVERT}")
    } else if is_caffe(beginning) {
        format!("a Caffe model: {CONVERT}")
    } else if beginning.get(257..262) == Some(b"ustar") {
        "a tar archive: unpack it first".to_owned()
    } else if let Some((_, name)) = PACKED.iter().find(|(magic, _)| begins(magic)) {
        format!("a file packed by {name}: unpack it first")
    } else if let Some((_, name)) = PICTURES.iter().find(|(magic, _)| begins(magic)) {
        format!("a {name} picture")
    } else {
        return None;
    };
    Some(kind)
}

const PACKED: [(&[u8], &str); 5] = [
    (b"\x1f\x8b", "gzip"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
];

const PICTURES: [(&[u8], &str); 4] = [
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"RIFF", "WebP"),
];

/// Files of text, by their first words.
fn text(beginning: &[u8], size: u64) -> Option<String> {
    let words = beginning.strip_prefix(b"\xef\xbb\xbf").unwrap_or(beginning);
    let words = String::from_utf8_lossy(words.trim_ascii_start()).to_ascii_lowercase();
    let begins = |with: &[&str]| with.iter().any(|with| words.starts_with(with));
    let kind = if begins(&["version https://git-lfs"]) {
        let bytes = words.split_once("\nsize ").map(|(_, rest)| rest);
        let bytes = bytes.and_then(|rest| rest.split_whitespace().next());
        let bytes = bytes.map_or(String::new(), |bytes| format!(" of {bytes} bytes"));
        format!("a Git LFS pointer: `git lfs pull` fetches the file{bytes}")
    } else if begins(&["<!doctype html", "<html", "<head", "<script"]) {
        "a web page, as servers send in place of a file: download the file itself".to_owned()
    } else if begins(&["<?xml", "<error"]) {
        "XML, as servers send for an error: download the file itself".to_owned()
    } else if begins(&["{", "["]) {
        match words.contains("weight_map") {
            true => "an index of several files: name one of those".to_owned(),
            false => "JSON, which holds no weights".to_owned(),
        }
    } else {
        let printed = |byte: &u8| (0x20..0x7f).contains(byte) || byte.is_ascii_whitespace();
        if !beginning.iter().all(printed) {
            return None;
        }
        format!("a text of {size} bytes")
    };
    Some(kind)
}

/// A protocol buffer that begins with a version, then the name of the program that wrote it, or a graph.
fn is_onnx(beginning: &[u8]) -> bool {
    matches!(beginning, [0x08, 1..=30, 0x12 | 0x3a, ..])
}

/// A protocol buffer that begins with the network's name.
fn is_caffe(beginning: &[u8]) -> bool {
    let [0x0a, length @ 1..=127, rest @ ..] = beginning else {
        return false;
    };
    let name = rest.get(..usize::from(*length));
    name.is_some_and(|name| name.iter().all(|byte| (0x20..0x7f).contains(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_sentence() {
        let mut tar = vec![b'a'; 8];
        tar.resize(257, 0);
        tar.extend(b"ustar\0");
        let cases: [(&[u8], &str); 29] = [
            (b"", "an empty file"),
            (
                b"PK\x03\x04......archive/data.pkl\x80\x02}",
                "a PyTorch checkpoint: data/README.md",
            ),
            (b"PK\x03\x04......conv.weight.npy", "a NumPy archive (.npz)"),
            (b"PK\x03\x04......readme.txt", "a ZIP archive: unpack"),
            (
                b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",
                "a Python pickle, as PyTorch",
            ),
            (b"\x80\x04\x95\x10", "a Python pickle"),
            (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras"),
            (b"\x93NUMPY\x01\0", "a NumPy array"),
            (b"\x08\x07\x12\x07pytorch", "an ONNX model"),
            (b"\x0a\x05VGG16\x12\x03", "a Caffe model"),
            (b"\x1c\0\0\0TFL3", "a TensorFlow Lite model"),
            (b"GGUF\x03\0\0\0", "a GGUF file"),
            (b"MATLAB 5.0 MAT-file\0\0", "a MATLAB file, as MatConvNet"),
            (&tar, "a tar archive"),
            (b"\x1f\x8b\x08\0", "a file packed by gzip"),
            (b"\xfd7zXZ\0\0", "a file packed by xz"),
            (b"\x28\xb5\x2f\xfd\x04", "a file packed by zstd"),
            (b"BZh91AY\x26\xff", "a file packed by bzip2"),
            (b"7z\xbc\xaf\x27\x1c", "a file packed by 7z"),
            (b"\xff\xd8\xff\xe0", "a JPEG picture"),
            (b"\x89PNG\r\n\x1a\n\0", "a PNG picture"),
            (
                b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 12345678\n",
                "a Git LFS pointer: `git lfs pull` fetches the file of 12345678 bytes",
            ),
            (b"\n<!DOCTYPE html><html>", "a web page, as servers send"),
            (b"\xef\xbb\xbf<HTML>", "a web page"),
            (b"<?xml version=\"1.0\"?><Error>", "XML, as servers send"),
            (
                b"{\"metadata\": {}, \"weight_map\": {}}",
                "an index of several files",
            ),
            (b"[1, 2]", "JSON, which holds no weights"),
            (b"Not Found", "a text of 9 bytes"),
            (b"PK\x03\x04......model.keras", "a Keras model"),
        ];
        for (bytes, words) in cases {
            let found = kind(bytes, bytes.len() as u64).unwrap_or_default();
            assert!(found.starts_with(words), "{found}: expected {words}");
            assert!(!is_safetensors(bytes));
        }
        assert_eq!(kind(&[7; 40], 40), None);
        assert!(is_safetensors(b"\x02\0\0\0\0\0\0\0{}"));
    }
}
