//! What a file is that holds no annotations or results of COCO: files of other programs, by their first bytes or by
//! their keys, with what to do.

use std::io::Read;

use super::json_stream::{Fault, JsonStream, Kind};

/// Bytes of a file's beginning that a judgement wants.
pub(super) const BEGINNING: usize = 1024;
/// Keys that are looked at.
const MOST_KEYS: usize = 32;
/// Keys that a message names, and their letters.
const NAMED: usize = 3;
const LONGEST_KEY: usize = 40;

const JSON_LINES: &str = "one object a line (JSON Lines): `jq -s . FILE` makes one list of them";
const COLUMNS: &str = "a table by columns, as pandas writes it: `to_json(orient=\"records\")` writes a list of objects";

/// The kind of a file, by bytes that JSON does not begin with.
pub(super) fn by_beginning(beginning: &[u8]) -> Option<&'static str> {
    let begins = |with: &&[u8]| beginning.starts_with(with);
    let contains = |word: &[u8]| beginning.windows(word.len()).any(|window| window == word);
    if beginning.starts_with(b"PK\x03\x04") {
        return Some(match contains(b".npy") {
            true => "a NumPy archive (.npz): write its objects with `json.dump`",
            false => "a ZIP archive: unpack it first",
        });
    }
    if beginning.get(257..262) == Some(b"ustar") {
        return Some("a tar archive: unpack it first");
    }
    let known = BEGINNINGS.iter().find(|(with, _)| begins(with));
    known.map(|(_, words)| *words).or_else(|| table(beginning))
}

const BEGINNINGS: [(&[u8], &str); 22] = [
    (
        b"version https://git-lfs",
        "a pointer of Git LFS: fetch the file itself with `git lfs pull`",
    ),
    (b"<?xml", "XML: export the annotations as COCO JSON"),
    (
        b"<annotation",
        "XML, as Pascal VOC has it: export the annotations as COCO JSON",
    ),
    (b"<", "a page in HTML: fetch the file itself"),
    (b"\x80", "a pickle of Python: write it with `json.dump`"),
    (b"(lp", "a pickle of Python: write it with `json.dump`"),
    (b"(dp", "a pickle of Python: write it with `json.dump`"),
    (b"BZh", "a file packed by bzip2: unpack it first"),
    (b"\xfd7zXZ\0", "a file packed by xz: unpack it first"),
    (
        b"\x28\xb5\x2f\xfd",
        "a file packed by zstd: unpack it first",
    ),
    (b"\x04\x22\x4d\x18", "a file packed by lz4: unpack it first"),
    (
        b"7z\xbc\xaf\x27\x1c",
        "a file packed by 7z: unpack it first",
    ),
    (
        b"PAR1",
        "Parquet: read it in pandas and write it with `to_json(orient=\"records\")`",
    ),
    (
        b"ARROW1",
        "Arrow: read it in pandas and write it with `to_json(orient=\"records\")`",
    ),
    (
        b"\x93NUMPY",
        "a NumPy array: write its objects with `json.dump`",
    ),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file: write it as COCO JSON"),
    (
        b"SQLite format 3\0",
        "an SQLite database: write it as COCO JSON",
    ),
    (b"MATLAB ", "a MATLAB file: write it as COCO JSON"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF"),
];

/// A table of text: lines of the same number of commas, or of numbers.
fn table(beginning: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(beginning);
    let mut lines = text.lines();
    let (first, second) = (lines.next()?, lines.next().unwrap_or_default());
    let numbers = first.split_whitespace();
    if numbers.clone().count() >= 5 && numbers.clone().all(|one| one.parse::<f64>().is_ok()) {
        return Some("lines of numbers, as YOLO has them: convert the labels to COCO JSON");
    }
    [',', ';', '\t']
        .iter()
        .any(|comma| {
            let commas = |line: &str| line.matches(*comma).count();
            // The second line may end beyond the beginning.
            commas(first) > 0 && commas(second) > 0 && commas(first) <= commas(second).max(2)
        })
        .then_some("a table of text (CSV): write it as a list of JSON objects")
}

/// The keys of an object that is something else, and those of the first object in it.
#[derive(Default)]
pub(super) struct Keys {
    own: Vec<String>,
    inner: Vec<String>,
    /// Whether a field of a detection holds many values.
    columns: bool,
    /// Whether another object follows.
    lines: bool,
}

impl Keys {
    /// Passes over the value behind a key, and keeps what it says of the file.
    pub fn pass_over<R: Read>(&mut self, json: &mut JsonStream<R>, key: &str) -> Result<(), Fault> {
        let kind = json.kind()?;
        let of_detection = ["image_id", "category_id", "score"].contains(&key);
        self.columns |= of_detection && matches!(kind, Kind::Object | Kind::List);
        add(&mut self.own, key);
        if kind != Kind::Object || !self.inner.is_empty() {
            return json.skip();
        }
        let inner = &mut self.inner;
        json.object(|json, key| {
            add(inner, key);
            json.skip()
        })
    }

    /// The keys of the first object of a list, which is passed over.
    pub fn of_list<R: Read>(json: &mut JsonStream<R>) -> Result<Self, Fault> {
        let mut keys = Self::default();
        json.list(|json| match json.kind()? {
            Kind::Object if keys.own.is_empty() => {
                json.object(|json, key| keys.pass_over(json, key))
            }
            _ => json.skip(),
        })?;
        Ok(keys)
    }

    /// Looks whether another object follows the one that was read.
    pub fn look_behind<R: Read>(&mut self, json: &mut JsonStream<R>) {
        self.lines = matches!(json.kind(), Ok(Kind::Object));
    }

    /// Whether another object follows.
    pub fn follows(&self) -> bool {
        self.lines
    }

    pub fn has(&self, key: &str) -> bool {
        self.own.iter().any(|own| own == key)
    }

    /// What stands in the place of annotations, where that is known.
    pub fn in_place_of_annotations(&self) -> Option<&'static str> {
        let inner = |key: &str| self.inner.iter().any(|own| own == key);
        if self.lines {
            return Some(JSON_LINES);
        }
        if self.has("_via_settings")
            || self.has("_via_img_metadata")
            || (inner("filename") && inner("regions"))
        {
            return Some(
                "a project of VIA (VGG Image Annotator): export its annotations as COCO JSON",
            );
        }
        if self.has("shapes") && (self.has("imagePath") || self.has("imageHeight")) {
            return Some(
                "a file of labelme, of one photograph: labelme2coco joins them into COCO JSON",
            );
        }
        if self.has("asset") && self.has("regions") {
            return Some("a file of VoTT: export its annotations as COCO JSON");
        }
        if self.has("objects") && self.has("size") {
            return Some(
                "a file of Supervisely, of one photograph: export the annotations as COCO JSON",
            );
        }
        self.is_columns().then_some(COLUMNS)
    }

    /// What a list is that stands in the place of annotations: these are the keys of its first object.
    pub fn of_list_in_place_of_annotations(&self) -> &'static str {
        if self.has("annotations") && (self.has("data") || self.has("file_upload")) {
            "tasks of Label Studio: export them as COCO JSON"
        } else if self.has("annotations") && (self.has("image") || self.has("imagefilename")) {
            "annotations of Create ML: export them as COCO JSON"
        } else {
            "a list, as results are"
        }
    }

    /// What an object is that stands in the place of a list of detections.
    pub fn in_place_of_results(&self) -> String {
        let of_detection = |keys: &[String]| {
            keys.iter()
                .any(|key| key == "image_id" || key == "category_id")
        };
        if self.lines {
            return JSON_LINES.to_owned();
        }
        if self.is_columns() {
            return COLUMNS.to_owned();
        }
        if let Some(key) = ["images", "categories"].iter().find(|key| self.has(key)) {
            return format!(
                "an object with `{key}`, as annotations have: write the detections alone, with the ids of the annotations"
            );
        }
        if of_detection(&self.own) {
            return "an object, one detection: put it into a list, `[…]`".to_owned();
        }
        if of_detection(&self.inner) {
            return "an object of detections by key: write them as a list, \
                    in pandas by `to_json(orient=\"records\")`"
                .to_owned();
        }
        if let Some(other) = self.in_place_of_annotations() {
            return other.to_owned();
        }
        match self.own.is_empty() {
            true => "an object".to_owned(),
            false => format!("an object with the keys {}", self.named()),
        }
    }

    /// Whether it is a table of pandas in another orientation than `records`.
    fn is_columns(&self) -> bool {
        self.columns || (self.has("data") && (self.has("columns") || self.has("schema")))
    }

    fn named(&self) -> String {
        let short =
            |key: &String| format!("`{}`", key.chars().take(LONGEST_KEY).collect::<String>());
        let named = self.own.iter().take(NAMED).map(short);
        let named = named.collect::<Vec<_>>().join(", ");
        match self.own.len() > NAMED {
            true => named + ", …",
            false => named,
        }
    }
}

fn add(keys: &mut Vec<String>, key: &str) {
    if keys.len() < MOST_KEYS {
        keys.push(key.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_sentence() {
        let mut tar = vec![b'a'; 257];
        tar.extend(b"ustar\0");
        let cases: [(&[u8], &str); 25] = [
            (b"PK\x03\x04....a.npy", "a NumPy archive (.npz)"),
            (b"PK\x03\x04....a.json", "a ZIP archive: unpack"),
            (&tar, "a tar archive: unpack"),
            (
                b"version https://git-lfs.github.com",
                "a pointer of Git LFS",
            ),
            (b"<?xml version=", "XML: export"),
            (b"<annotation>\n<folder>", "XML, as Pascal VOC has it"),
            (b"<!DOCTYPE html>", "a page in HTML"),
            (b"\x80\x04\x95", "a pickle of Python"),
            (b"(lp0\n(dp1\n", "a pickle of Python"),
            (b"BZh91AY", "a file packed by bzip2"),
            (b"\xfd7zXZ\0\0", "a file packed by xz"),
            (b"\x28\xb5\x2f\xfd\x04", "a file packed by zstd"),
            (b"\x04\x22\x4d\x18", "a file packed by lz4"),
            (b"7z\xbc\xaf\x27\x1c\0", "a file packed by 7z"),
            (b"PAR1\x15\x04", "Parquet: read it in pandas"),
            (b"ARROW1\0\0", "Arrow: read it in pandas"),
            (b"\x93NUMPY\x01\0", "a NumPy array"),
            (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
            (b"SQLite format 3\0", "an SQLite database"),
            (b"MATLAB 5.0 MAT-file", "a MATLAB file"),
            (b"\xff\xd8\xff\xe0", "a JPEG picture"),
            (
                b"image_id,category_id,score\n1,7,0.5\n",
                "a table of text (CSV)",
            ),
            (
                b"\"image_id\",\"bbox\"\r\n1,\"[0, 0, 1, 1]\"\r\n",
                "a table of text (CSV)",
            ),
            (b"1;7;0.5\n1;7;0.25\n", "a table of text (CSV)"),
            (b"0 0.5 0.5 0.25 0.25\n", "lines of numbers, as YOLO"),
        ];
        for (bytes, words) in cases {
            let found = by_beginning(bytes).unwrap_or_default();
            assert!(found.starts_with(words), "{found}: expected {words}");
        }
        for other in ["hello", "7", "not json, not at all", "\"a\"", "Not Found\n"] {
            assert_eq!(by_beginning(other.as_bytes()), None, "{other}");
        }
    }

    fn keys(text: &str) -> Keys {
        let mut json = JsonStream::new(text.as_bytes());
        let mut keys = Keys::default();
        json.object(|json, key| keys.pass_over(json, key)).unwrap();
        keys.look_behind(&mut json);
        keys
    }

    #[test]
    fn objects_of_other_programs_are_known_by_their_keys() {
        for (text, words) in [
            (
                r#"{"_via_settings": {}, "_via_img_metadata": {}}"#,
                "a project of VIA",
            ),
            (
                r#"{"a.jpg12": {"filename": "a.jpg", "regions": []}}"#,
                "a project of VIA",
            ),
            (
                r#"{"version": "5", "shapes": [], "imagePath": "a.jpg"}"#,
                "a file of labelme",
            ),
            (r#"{"asset": {}, "regions": []}"#, "a file of VoTT"),
            (
                r#"{"description": "", "size": {}, "objects": []}"#,
                "a file of Supervisely",
            ),
            (
                "{\"id\": 1}\n{\"id\": 2}\n",
                "one object a line (JSON Lines)",
            ),
            (r#"{"image_id": {"0": 1}}"#, "a table by columns, as pandas"),
        ] {
            let found = keys(text).in_place_of_annotations().unwrap_or_default();
            assert!(found.starts_with(words), "{found}: expected {words}");
        }
        assert_eq!(
            keys(r#"{"info": {}, "size": 4}"#).in_place_of_annotations(),
            None
        );
        for (text, words) in [
            (
                r#"[{"id": 1, "data": {}, "annotations": []}]"#,
                "tasks of Label Studio",
            ),
            (
                r#"[{"image": "a.jpg", "annotations": []}]"#,
                "annotations of Create ML",
            ),
            (
                r#"[7, {"image_id": 1}, {"annotations": [], "data": 1}]"#,
                "a list, as results are",
            ),
        ] {
            let mut json = JsonStream::new(text.as_bytes());
            let found = Keys::of_list(&mut json).unwrap();
            let found = found.of_list_in_place_of_annotations();
            assert!(found.starts_with(words), "{found}: expected {words}");
        }
    }

    #[test]
    fn objects_in_place_of_results_get_a_sentence() {
        for (text, words) in [
            (
                "{\"image_id\": 1}\n{\"image_id\": 2}\n",
                "one object a line (JSON Lines): `jq -s",
            ),
            (
                r#"{"image_id": {"0": 1}, "score": {"0": 0.5}}"#,
                "a table by columns, as pandas",
            ),
            (r#"{"image_id": [1, 1]}"#, "a table by columns, as pandas"),
            (
                r#"{"columns": [], "index": [], "data": []}"#,
                "a table by columns, as pandas",
            ),
            (
                r#"{"schema": {}, "data": []}"#,
                "a table by columns, as pandas",
            ),
            (
                r#"{"images": [], "annotations": []}"#,
                "an object with `images`, as annotations",
            ),
            (
                r#"{"categories": []}"#,
                "an object with `categories`, as annotations",
            ),
            (
                r#"{"image_id": 1, "bbox": [1, 2, 3, 4]}"#,
                "an object, one detection: put it",
            ),
            (
                r#"{"0": {"image_id": 1}, "1": {}}"#,
                "an object of detections by key",
            ),
            (
                r#"{"version": 1, "shapes": [], "imagePath": ""}"#,
                "a file of labelme",
            ),
            (
                r#"{"42": [], "b": 1, "c": 2, "d": 3}"#,
                "an object with the keys `42`, `b`, `c`, …",
            ),
            (r#"{"a": [[]]}"#, "an object with the keys `a`"),
            ("{}", "an object"),
        ] {
            let found = keys(text).in_place_of_results();
            assert!(found.starts_with(words), "{found}: expected {words}");
        }
    }
}
