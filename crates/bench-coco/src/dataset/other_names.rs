//! Keys that people write in the place of COCO's: a field that is missing is named with the key that stands there.

use super::values::Odd;

/// A field, its form, and what stands in its place.
type Field = (&'static str, &'static str, &'static [Other]);
/// A key, and what is found with it.
type Other = (&'static str, &'static str);

const ID: &str = "an id: a whole number or a text";

const FIELDS: [Field; 4] = [
    (
        "image_id",
        ID,
        &[
            ("image", "`image` in its place: write the image's id"),
            ("img_id", "`img_id` in its place: rename it"),
            ("imageId", "`imageId` in its place: rename it"),
            (
                "image_name",
                "`image_name` in its place: write the image's id",
            ),
            (
                "file_name",
                "`file_name` in its place: write the image's id",
            ),
            ("filename", "`filename` in its place: write the image's id"),
            (
                "video_id",
                "`video_id`, as annotations of videos have: take those of images",
            ),
        ],
    ),
    (
        "category_id",
        ID,
        &[
            (
                "category",
                "`category` in its place: write the category's id",
            ),
            (
                "category_name",
                "`category_name` in its place: write the category's id",
            ),
            ("label", "`label` in its place: write the category's id"),
            ("label_id", "`label_id` in its place: rename it"),
            ("class", "`class` in its place: write the category's id"),
            ("class_id", "`class_id` in its place: rename it"),
            (
                "class_name",
                "`class_name` in its place: write the category's id",
            ),
            (
                "segments_info",
                "`segments_info`, as panoptic annotations have: take those of instances",
            ),
            (
                "caption",
                "`caption`, as captions have: take the annotations of instances",
            ),
        ],
    ),
    (
        "score",
        "a score",
        &[
            ("confidence", "`confidence` in its place: rename it"),
            ("conf", "`conf` in its place: rename it"),
            ("probability", "`probability` in its place: rename it"),
            (
                "scores",
                "`scores` in its place: write one score a detection",
            ),
        ],
    ),
    (
        "bbox",
        "a box of 4 numbers",
        &[
            ("box", "`box` in its place: rename it"),
            ("boxes", "`boxes` in its place: write one box a detection"),
            ("bboxes", "`bboxes` in its place: write one box a detection"),
            ("bounding_box", "`bounding_box` in its place: rename it"),
        ],
    ),
];

/// The keys of one record that stand in the place of others: the first for each field.
#[derive(Default)]
pub(super) struct OtherNames {
    found: [Option<&'static str>; FIELDS.len()],
}

impl OtherNames {
    /// Looks at a key that is none of COCO's.
    pub fn add(&mut self, key: &str) {
        for ((_, _, others), found) in FIELDS.iter().zip(&mut self.found) {
            if let Some((_, words)) = others.iter().find(|(other, _)| *other == key) {
                found.get_or_insert(words);
            }
        }
    }

    /// Names what stands in the place of fields that are missing; `read` says which are there.
    pub fn report(&self, read: [(&str, bool); FIELDS.len()], odd: &mut Vec<Odd>) {
        for ((field, expected, _), found) in FIELDS.iter().zip(self.found) {
            let there = read.iter().any(|(name, there)| name == field && *there);
            let missing = !there && odd.iter().all(|one| one.field != *field);
            if let Some(found) = found.filter(|_| missing) {
                odd.push(Odd {
                    field,
                    expected,
                    found: found.into(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_counts_where_its_field_is_missing() {
        let report = |keys: &[&str], score: bool| {
            let mut names = OtherNames::default();
            keys.iter().for_each(|key| names.add(key));
            let read = [
                ("image_id", true),
                ("category_id", false),
                ("score", score),
                ("bbox", true),
            ];
            let mut odd = Vec::new();
            names.report(read, &mut odd);
            let found = odd.iter().map(|one| (one.field, one.found.to_string()));
            found.collect::<Vec<_>>()
        };
        let confidence = ("score", "`confidence` in its place: rename it".to_owned());
        assert_eq!(report(&["confidence", "conf", "box"], false), [confidence]);
        assert_eq!(report(&["confidence", "attributes"], true), []);
        let label = (
            "category_id",
            "`label` in its place: write the category's id".to_owned(),
        );
        assert_eq!(report(&["label"], true), [label]);
    }
}
