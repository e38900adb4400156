//! Annotations as exporters write them, section by section: the same table for each.

use bench_coco::DetectionKind::{Bbox, Segm};
use serde_json::{Value, json};

use crate::files::truth;
use crate::forms::{changed, found, report};

/// The usual annotations with sections and fields as an exporter writes them.
fn exported(
    info: Value,
    licences: Value,
    image: Value,
    category: Value,
    annotation: Value,
) -> Value {
    let with = |one: &mut Value, more: &Value| {
        let more = more.as_object().unwrap().clone();
        one.as_object_mut().unwrap().extend(more);
    };
    let mut truth = truth();
    truth["info"] = info;
    truth["licenses"] = licences;
    for (section, more) in [
        ("images", image),
        ("categories", category),
        ("annotations", annotation),
    ] {
        let all = truth[section].as_array_mut().unwrap();
        all.iter_mut().for_each(|one| with(one, &more));
    }
    truth
}

#[test]
fn exports_of_other_tools_have_the_same_table() {
    let cvat = exported(
        json!({ "contributor": "", "date_created": "", "description": "", "url": "", "version": "", "year": "" }),
        json!([{ "name": "", "id": 0, "url": "" }]),
        json!({ "file_name": "a.jpg", "license": 0, "flickr_url": "", "coco_url": "", "date_captured": 0 }),
        json!({ "supercategory": "" }),
        json!({ "attributes": { "occluded": false, "rotation": 0.0 } }),
    );
    let roboflow = exported(
        json!({ "year": "2024", "version": "1", "description": "Exported", "date_created": "2024-05-01T10:00:00+00:00" }),
        json!([{ "id": 1, "url": "", "name": "Public Domain" }]),
        json!({ "file_name": "a_jpg.rf.0a1b.jpg", "license": 1, "date_captured": "2024-05-01T10:00:00+00:00",
                "extra": { "name": "a.jpg" } }),
        json!({ "supercategory": "none" }),
        json!({ "iscrowd": 0 }),
    );
    let label_studio = exported(
        json!({ "year": 2024, "version": "1.0", "description": "", "contributor": "Label Studio", "url": "",
                "date_created": "2024-05-01 10:00:00.000000" }),
        json!(null),
        json!({ "file_name": "images\\0a1b-a.jpg" }),
        json!({}),
        json!({ "ignore": 0, "iscrowd": 0 }),
    );
    let fiftyone = exported(
        json!({ "year": "", "version": "", "description": "Exported from FiftyOne", "contributor": "", "url": null,
                "date_created": "2024-05-01T10:00:00" }),
        json!([]),
        json!({ "file_name": "a.jpg", "license": null, "coco_url": null }),
        json!({ "supercategory": null }),
        json!({ "score": null, "num_keypoints": 0 }),
    );
    let labelme = exported(
        json!({ "description": null, "url": null, "version": null, "year": 2024, "contributor": null,
                "date_created": "2024-05-01 10:00:00.000000" }),
        json!([{ "url": null, "id": 0, "name": null }]),
        json!({ "license": 0, "url": null, "file_name": "JPEGImages/a.jpg", "date_captured": null }),
        json!({ "supercategory": null }),
        json!({ "group_id": null }),
    );
    for kind in [Segm, Bbox] {
        let expected = changed(kind, |_| {});
        for (name, truth) in [
            ("CVAT", &cvat),
            ("Roboflow", &roboflow),
            ("Label Studio", &label_studio),
            ("FiftyOne", &fiftyone),
            ("labelme2coco", &labelme),
        ] {
            let found = report(truth.to_string(), found().to_string(), kind);
            assert_eq!(found, expected, "{name}");
        }
    }
}
