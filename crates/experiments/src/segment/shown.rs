//! Paths as programs and people see them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serializer;

/// A path in JSON: bytes that are not UTF-8 become U+FFFD.
pub fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// As [`lossy`], where there may be none.
pub fn lossy_option<S: Serializer>(
    path: &Option<PathBuf>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => lossy(path, serializer),
        None => serializer.serialize_none(),
    }
}

/// As [`lossy`], of several by their names.
pub fn lossy_map<S: Serializer>(
    paths: &BTreeMap<String, PathBuf>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(
        paths
            .iter()
            .map(|(name, path)| (name, path.to_string_lossy())),
    )
}

/// The bytes of a path that is not UTF-8, so that programs can find it.
pub fn bytes_of(path: &Path) -> Option<Vec<u8>> {
    let odd = path.to_str().is_none();
    odd.then(|| path.as_os_str().as_encoded_bytes().to_vec())
}

/// A path on one line: control characters are escaped.
pub fn in_a_line(path: &Path) -> String {
    let text = path.to_string_lossy();
    let escaped = text.chars().flat_map(|character| {
        let plain = (!character.is_control()).then_some(character);
        let escape = character.is_control().then(|| character.escape_default());
        plain.into_iter().chain(escape.into_iter().flatten())
    });
    escaped.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_a_line() {
        assert_eq!(
            in_a_line(Path::new("a b'\"\n\u{1b}.png")),
            "a b'\"\\n\\u{1b}.png"
        );
        assert_eq!(in_a_line(Path::new("é.png")), "é.png");
    }

    #[cfg(unix)]
    #[test]
    fn odd_bytes_are_kept_beside_the_text() {
        use std::os::unix::ffi::OsStrExt as _;
        let odd = Path::new(std::ffi::OsStr::from_bytes(b"bad\xff.jpg"));
        assert_eq!(bytes_of(odd).unwrap(), b"bad\xff.jpg");
        assert_eq!(bytes_of(Path::new("a.jpg")), None);
    }
}
