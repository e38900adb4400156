//! SHA-256 of bytes, of a file, and one SHA-256 for all files of an extension below a folder.
//!
//! ```text
//!   of a folder   sha256( lines )      one line a file:   <sha256 of the file>  <relative name>\n
//! ```
//!
//! lines sorted by the bytes of the relative name, its parts joined by `/`: the listing that
//! `sha256sum` prints, so that a shell can compute it too. Files are read in blocks, never whole.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// Bytes read at a time.
const BLOCK: usize = 1 << 16;

/// Number, size and digest of a folder's files of one extension.
#[derive(Debug, PartialEq)]
pub struct FolderDigest {
    pub count: u64,
    pub bytes: u64,
    pub sha256: String,
}

/// SHA-256 of bytes, in lower-case hexadecimal.
pub fn of_bytes(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Number of bytes and SHA-256 (lower-case hexadecimal) of a file.
pub fn of_file(path: &Path) -> Result<(u64, String)> {
    let context = || format!("reading {}", path.display());
    let mut file = std::fs::File::open(path).with_context(context)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; BLOCK];
    let mut bytes = 0;
    loop {
        let count = file.read(&mut block).with_context(context)?;
        if count == 0 {
            return Ok((bytes, hexadecimal(&hash.finalize())));
        }
        hash.update(&block[..count]);
        bytes += count as u64;
    }
}

/// The digest of all files below `folder` that end in `.extension`.
pub fn of_folder(folder: &Path, extension: &str) -> Result<FolderDigest> {
    let mut names = Vec::new();
    collect(folder, "", extension, &mut names)?;
    names.sort();
    let mut hash = Sha256::new();
    let mut total = 0;
    for name in &names {
        let (bytes, sha256) = of_file(&folder.join(name))?;
        total += bytes;
        hash.update(format!("{sha256}  {name}\n"));
    }
    Ok(FolderDigest {
        count: names.len() as u64,
        bytes: total,
        sha256: hexadecimal(&hash.finalize()),
    })
}

fn collect(root: &Path, below: &str, extension: &str, names: &mut Vec<String>) -> Result<()> {
    let folder = root.join(below);
    let context = || format!("listing {}", folder.display());
    for entry in std::fs::read_dir(&folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() {
            name
        } else {
            format!("{below}/{name}")
        };
        if entry.path().is_dir() {
            collect(root, &path, extension, names)?;
        } else if Path::new(&path)
            .extension()
            .is_some_and(|found| found == extension)
        {
            names.push(path);
        }
    }
    Ok(())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn folder_with(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, content).expect("a file");
        }
        folder
    }

    #[test]
    fn known_digests_of_files() {
        let long = vec![b'a'; 1_000_000];
        let folder = folder_with(&[("empty", b""), ("abc", b"abc"), ("million", &long)]);
        let of = |name: &str| of_file(&folder.path().join(name)).expect("a digest");
        assert_eq!(of("empty"), (0, OF_NOTHING.to_owned()));
        assert_eq!(of("abc"), (3, OF_ABC.to_owned()));
        let million = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
        assert_eq!(of("million"), (1_000_000, million.to_owned()));
    }

    #[test]
    fn a_folder_is_the_digest_of_its_sorted_listing() {
        let folder = folder_with(&[
            ("b/x.jpg", b"abc"),
            ("a.jpg", b""),
            ("b.jpg", b"abc"),
            ("Thumbs.db", b"left out"),
        ]);
        // By bytes `b.jpg` comes before `b/x.jpg`: '.' is 46, '/' is 47.
        let listing = format!("{OF_NOTHING}  a.jpg\n{OF_ABC}  b.jpg\n{OF_ABC}  b/x.jpg\n");
        let expected = FolderDigest {
            count: 3,
            bytes: 6,
            sha256: of_bytes(listing.as_bytes()),
        };
        assert_eq!(of_folder(folder.path(), "jpg").expect("a digest"), expected);
    }

    #[test]
    fn one_changed_byte_changes_the_folder() {
        let one = folder_with(&[("a.mat", b"abc")]);
        let two = folder_with(&[("a.mat", b"abx")]);
        let of = |folder: &tempfile::TempDir| of_folder(folder.path(), "mat").expect("a digest");
        assert_ne!(of(&one).sha256, of(&two).sha256);
        assert_eq!(of(&one).bytes, of(&two).bytes);
    }

    #[test]
    fn an_absent_file_is_named() {
        let folder = folder_with(&[]);
        let error = of_file(&folder.path().join("absent.bin")).expect_err("no file");
        assert!(format!("{error:#}").contains("absent.bin"));
    }
}
