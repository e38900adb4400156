//! MS-COCO's file of instances.

use segmentation::{Polygon, RunLengths, run_lengths};
use serde::Serialize;

use super::SegmentExport;

/// How masks are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CocoMasks {
    /// Compressed run lengths: exact, and what MS-COCO's tools write.
    RunLengths,
    /// Polygons along the sides of the pixels. A segment with holes keeps its run lengths: MS-COCO's polygons have no holes.
    Polygons,
}

/// A file of instances.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CocoFile {
    /// The photograph.
    pub images: Vec<CocoImage>,
    /// Its segments.
    pub annotations: Vec<CocoAnnotation>,
    /// One category, of all segments.
    pub categories: Vec<CocoCategory>,
}

/// The photograph.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CocoImage {
    /// 1.
    pub id: u32,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The name of its file.
    pub file_name: String,
}

/// A segment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CocoAnnotation {
    /// From 1 on.
    pub id: u32,
    /// 1.
    pub image_id: u32,
    /// 1.
    pub category_id: u32,
    /// Its pixels.
    pub segmentation: CocoSegmentation,
    /// Its number of pixels.
    pub area: u64,
    /// Left, top, width and height of the box around it, in pixels.
    pub bbox: [u32; 4],
    /// 0: a single object.
    pub iscrowd: u8,
    /// Its number in the other files: not of MS-COCO, whose tools ignore it.
    pub label: u32,
}

/// The pixels of a segment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum CocoSegmentation {
    /// Run lengths.
    RunLengths {
        /// Height and width.
        size: [u32; 2],
        /// [`RunLengths::compressed`].
        counts: String,
    },
    /// Polygons, each x, y, x, y, …
    Polygons(Vec<Vec<u32>>),
}

/// A category.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CocoCategory {
    /// 1.
    pub id: u32,
    /// `segment`.
    pub name: String,
}

pub(super) fn file(export: &SegmentExport<'_>, masks: CocoMasks) -> CocoFile {
    let (width, height) = export.size();
    let runs = run_lengths(export.labels, export.segments);
    let boxes = boxes(export);
    let annotations = export.polygons().enumerate();
    let annotations = annotations.map(|(place, (id, label, polygons))| CocoAnnotation {
        id: place as u32 + 1,
        image_id: 1,
        category_id: 1,
        segmentation: segmentation(&runs[id], &polygons, [height, width], masks),
        area: runs[id].area(),
        bbox: boxes[id],
        iscrowd: 0,
        label,
    });
    CocoFile {
        images: vec![CocoImage {
            id: 1,
            width,
            height,
            file_name: export.name.to_owned(),
        }],
        annotations: annotations.collect(),
        categories: vec![CocoCategory {
            id: 1,
            name: "segment".to_owned(),
        }],
    }
}

fn segmentation(
    runs: &RunLengths,
    polygons: &[Polygon],
    size: [u32; 2],
    masks: CocoMasks,
) -> CocoSegmentation {
    let is_whole = polygons.iter().all(|polygon| polygon.holes.is_empty());
    if masks == CocoMasks::Polygons && is_whole {
        let rings = polygons.iter();
        let rings = rings.map(|polygon| polygon.outer.iter().flatten().copied().collect());
        return CocoSegmentation::Polygons(rings.collect());
    }
    CocoSegmentation::RunLengths {
        size,
        counts: runs.compressed(),
    }
}

/// The box around each segment; zeros for one without pixels.
fn boxes(export: &SegmentExport<'_>) -> Vec<[u32; 4]> {
    let width = export.labels.width();
    // Left, top, and the column and row after the last.
    let mut ends = vec![[u32::MAX, u32::MAX, 0, 0]; export.segments];
    for (place, id) in export.labels.ids().iter().enumerate() {
        let (x, y) = ((place % width) as u32, (place / width) as u32);
        if let Some([left, top, right, bottom]) = ends.get_mut(*id as usize) {
            (*left, *right) = ((*left).min(x), (*right).max(x + 1));
            (*top, *bottom) = ((*top).min(y), (*bottom).max(y + 1));
        }
    }
    let sides = ends.into_iter().map(|[left, top, right, bottom]| {
        let empty = right == 0;
        if empty {
            [0; 4]
        } else {
            [left, top, right - left, bottom - top]
        }
    });
    sides.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exports::tests::map;

    #[test]
    fn run_lengths_boxes_and_areas_by_hand() {
        let labels = map();
        let export = SegmentExport::new("b.jpg", &labels, 3, true);
        let file = export.coco(CocoMasks::RunLengths);
        assert_eq!((file.images[0].width, file.images[0].height), (4, 3));
        let found: Vec<_> = file.annotations.iter().collect();
        let runs = |place: usize| match &found[place].segmentation {
            CocoSegmentation::RunLengths { size, counts } => (*size, counts.as_str()),
            other => panic!("{other:?}"),
        };
        // The column lacks its middle pixel: 9, 1, 1, 1, of which the last is written as 1 − 1.
        assert_eq!(runs(0), ([3, 4], "04102"));
        assert_eq!(runs(1), ([3, 4], "9110"));
        assert_eq!((found[0].area, found[1].area, found[2].area), (8, 2, 1));
        assert_eq!(found[0].bbox, [0, 0, 3, 3]);
        assert_eq!(found[1].bbox, [3, 0, 1, 3]);
        assert_eq!(found[2].bbox, [1, 1, 1, 1]);
        let ids: Vec<_> = found.iter().map(|one| (one.id, one.label)).collect();
        assert_eq!(ids, [(1, 1), (2, 2), (3, 3)]);
    }

    #[test]
    fn polygons_where_there_are_no_holes() {
        let labels = map();
        let export = SegmentExport::new("b.jpg", &labels, 3, false);
        let file = export.coco(CocoMasks::Polygons);
        let form = |place: usize| &file.annotations[place].segmentation;
        assert!(matches!(form(0), CocoSegmentation::RunLengths { .. }));
        let column = vec![vec![3, 0, 4, 0, 4, 1, 3, 1], vec![3, 2, 4, 2, 4, 3, 3, 3]];
        assert_eq!(form(1), &CocoSegmentation::Polygons(column));
        let text = serde_json::to_string(&file.annotations[2]).unwrap();
        assert_eq!(
            text,
            r#"{"id":3,"image_id":1,"category_id":1,"segmentation":[[1,1,2,1,2,2,1,2]],"area":1,"bbox":[1,1,1,1],"iscrowd":0,"label":2}"#
        );
    }
}
