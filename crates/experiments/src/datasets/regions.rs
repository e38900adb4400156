//! COCO's regions as models are trained on them.

use std::path::{Path, PathBuf};

use bench_coco::{
    Annotation, CocoInstances, DenseSift, GrayPlane, Id, LeftOut, RegionRule, RegionSet, View,
};
use models::{Descriptors, FeatureMaps, RegionCrop, RegionView, fnv_1a};
use segmentation::GridAxis;
use sha2::{Digest, Sha256};

use super::file_digests::FileDigests;
use crate::counted::counted;
use crate::error::{Error, Result};

/// Regions of one split.
pub struct CocoRegions {
    set: RegionSet,
    ids: Vec<String>,
    sift: DenseSift,
    annotations: PathBuf,
    digests: FileDigests,
}

/// Left-out regions that a run names one by one.
const NAMED: usize = 20;
/// Letters of a region's name: with what comes behind, file systems take 255.
const LONGEST_NAME: usize = 120;

impl CocoRegions {
    /// The regions of `split` under a folder, as COCO, this project's subset, Roboflow or FiftyOne lays it out.
    ///
    /// # Errors
    /// [`Error::Setting`] where annotations or photographs are missing; those of the annotations, and where more of them
    /// cannot be read than the rule allows.
    pub fn open(data: &Path, split: &str, rule: RegionRule) -> Result<Self> {
        let Some((annotations, images)) = found(data, split) else {
            return Err(Error::setting(format!(
                "--data: expected annotations/instances_{split}.json (or …{split}2017.json, or \
                 {split}/_annotations.coco.json) and images/ (or {split}2017/) in {}, found none",
                data.display()
            )));
        };
        let instances = CocoInstances::read_beside(&annotations, &images)?;
        let set = RegionSet::new(instances, images, rule)?;
        let ids = set.regions().iter().map(|region| region_name(&region.id));
        Ok(Self {
            ids: ids.collect(),
            set,
            sift: DenseSift::default(),
            annotations,
            digests: FileDigests::default(),
        })
    }

    /// The set itself.
    pub fn set(&self) -> &RegionSet {
        &self.set
    }

    /// Digests of its files.
    pub(crate) fn digests(&self) -> &FileDigests {
        &self.digests
    }

    /// Refuses a set without a region; `purpose` says what one is for.
    ///
    /// # Errors
    /// [`Error::Unexpected`], with the file and what was left out.
    pub fn expect_regions(&self, purpose: &str) -> Result<()> {
        if !self.set.is_empty() {
            return Ok(());
        }
        let reasons = [vec![self.left_out_in_words()], self.messages()].concat();
        Err(Error::unexpected(format!(
            "{}: expected a region to {purpose}, found none ({})",
            self.annotations.display(),
            reasons.join("; ")
        )))
    }

    /// The size of the set, and what is not in it.
    pub fn in_words(&self) -> String {
        format!(
            "{}; {}",
            counted(self.set.len(), "region"),
            self.left_out_in_words()
        )
    }

    fn left_out_in_words(&self) -> String {
        let LeftOut {
            crowds,
            small,
            missing_images,
            empty_mask,
            unreadable,
        } = self.set.left_out();
        let side = self.set.rule().smallest_side;
        let mut words = format!(
            "left out: {}, {small} smaller than {side} x {side} pixels",
            counted(crowds, "crowd")
        );
        for (count, what) in [
            (empty_mask, "without an outline"),
            (missing_images, "without a photograph"),
            (unreadable, "unreadable"),
        ] {
            if count > 0 {
                words += &format!(", {count} {what}");
            }
        }
        words
    }

    /// Lines for people: what annotations and photographs have that is passed over, and the regions left out by name,
    /// those of one photograph together.
    pub fn messages(&self) -> Vec<String> {
        let mut lines: Vec<_> = self
            .set
            .findings()
            .iter()
            .map(ToString::to_string)
            .collect();
        let mut reasons: Vec<(&str, usize)> = Vec::new();
        for one in self.set.unreadable() {
            match reasons.last_mut() {
                Some((reason, count)) if *reason == one.reason => *count += 1,
                _ => reasons.push((&one.reason, 1)),
            }
        }
        let named = reasons
            .iter()
            .take(NAMED)
            .map(|(reason, count)| match count {
                1 => format!("left out: {reason}"),
                count => format!("left out: {reason} ({count} regions)"),
            });
        lines.extend(named);
        if reasons.len() > NAMED {
            lines.push(format!("left out: {} more", reasons.len() - NAMED));
        }
        lines
    }

    fn of(&self, index: usize) -> impl Fn(bench_coco::Error) -> models::Error + use<> {
        let path = self.annotations.clone();
        let id = self.ids[index].clone();
        move |error| models::Error::File {
            path: path.clone(),
            source: std::io::Error::other(format!("region {id}: {error}")),
        }
    }
}

/// What a region is called in messages, journals and names of cached files: its id, letters that no file name should
/// have as `%2F`.
pub(crate) fn region_name(id: &Id) -> String {
    let text = id.to_string();
    let mut name = String::new();
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'-' => name.push(byte.into()),
            other => name += &format!("%{other:02X}"),
        }
    }
    if name.len() <= LONGEST_NAME {
        return name;
    }
    let digest = Sha256::digest(text.as_bytes());
    let digest: String = digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    name.truncate(LONGEST_NAME);
    format!("{name}%{digest}")
}

/// The annotations of a split, and the folder of its photographs.
fn found(data: &Path, split: &str) -> Option<(PathBuf, PathBuf)> {
    let years = ["", "2017", "2014"].map(|year| format!("{split}{year}"));
    for name in years {
        let folders = [
            data.join(&name),
            data.join("images").join(&name),
            data.join("images"),
        ];
        let images = folders.into_iter().find(|folder| folder.is_dir());
        let files =
            ["json", "json.gz"].map(|end| data.join(format!("annotations/instances_{name}.{end}")));
        let annotations = files.into_iter().find(|file| file.is_file());
        if let (Some(annotations), Some(images)) = (annotations, images) {
            return Some((annotations, images));
        }
    }
    // Roboflow writes them beside the photographs, FiftyOne above them.
    let folders: &[&str] = match split {
        "val" => &["val", "valid", "validation"],
        _ => &[split],
    };
    folders
        .iter()
        .map(|folder| data.join(folder))
        .find_map(|folder| {
            let beside = folder.join("_annotations.coco.json");
            if beside.is_file() {
                return Some((beside, folder));
            }
            let (above, images) = (folder.join("labels.json"), folder.join("data"));
            (above.is_file() && images.is_dir()).then_some((above, images))
        })
}

impl models::RegionSet for CocoRegions {
    fn len(&self) -> usize {
        self.set.len()
    }

    fn id(&self, index: usize) -> &str {
        &self.ids[index]
    }

    fn class(&self, index: usize) -> usize {
        self.set.regions()[index].category
    }

    fn crop(&self, index: usize, view: RegionView, side: u32) -> models::Result<RegionCrop> {
        let jitter = view.jitter.map_or_else(View::plain, View::jittered);
        let view = View {
            flipped: view.flipped,
            ..jitter
        };
        let crop = self.set.crop(index, &view, side).map_err(self.of(index))?;
        let frame = crop.frame;
        Ok(RegionCrop {
            image: crop.image,
            mask: crop.mask,
            frame: [frame.x, frame.y, frame.width, frame.height],
        })
    }

    /// The photograph's bytes, and all that the annotation says of the region.
    fn digest(&self, index: usize) -> models::Result<u64> {
        let path = self.set.photograph_path(index);
        let photograph = self.digests.of(&path);
        let photograph = photograph.map_err(|source| models::Error::File { path, source })?;
        let Annotation {
            category,
            bbox,
            shape,
            ..
        } = self.set.annotation(index);
        let region = format!("{category} {bbox:?} {shape:?}");
        Ok(fnv_1a(
            photograph.to_le_bytes().into_iter().chain(region.bytes()),
        ))
    }

    fn descriptors(&self, index: usize, crop: &RegionCrop) -> models::Result<Descriptors> {
        let gray = GrayPlane::from_rgb(&crop.image).map_err(self.of(index))?;
        let described = self.sift.describe(&gray);
        let axis = |positions: usize, offset: f64| GridAxis {
            positions,
            stride: described.stride() as f64,
            offset,
        };
        let (x, y) = described.offset();
        let rows = described.scales() * described.rows();
        Ok(Descriptors {
            maps: FeatureMaps::new(
                bench_coco::SIFT_CHANNELS,
                rows,
                described.columns(),
                described.stacked(),
            )?,
            axes: [axis(described.columns(), x), axis(described.rows(), y)],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_lie_as_coco_roboflow_and_fiftyone_lay_them_out() {
        for (annotations, photograph, split) in [
            ("annotations/instances_val.json", "images/1.jpg", "val"),
            ("annotations/instances_val.json.gz", "images/1.jpg", "val"),
            ("annotations/instances_val2017.json", "val2017/1.jpg", "val"),
            (
                "annotations/instances_train2014.json",
                "images/train2014/1.jpg",
                "train",
            ),
            ("train/_annotations.coco.json", "train/1.jpg", "train"),
            ("valid/_annotations.coco.json", "valid/1.jpg", "val"),
            ("train/labels.json", "train/data/1.jpg", "train"),
            ("validation/labels.json", "validation/data/1.jpg", "val"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            for name in [annotations, photograph] {
                let path = folder.path().join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, "").unwrap();
            }
            let photographs = folder.path().join(photograph);
            let expected = (
                folder.path().join(annotations),
                photographs.parent().unwrap().into(),
            );
            assert_eq!(found(folder.path(), split), Some(expected), "{annotations}");
            let other = if split == "val" { "train" } else { "val" };
            assert_eq!(found(folder.path(), other), None, "{annotations}");
        }
    }

    #[test]
    fn a_set_without_a_region_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let annotations = folder.path().join("annotations");
        std::fs::create_dir(&annotations).unwrap();
        std::fs::create_dir(folder.path().join("images")).unwrap();
        let text = r#"{"images": [], "categories": [], "annotations": []}"#;
        std::fs::write(annotations.join("instances_val.json"), text).unwrap();
        let set = CocoRegions::open(folder.path(), "val", RegionRule::default()).unwrap();
        let error = set.expect_regions("measure").unwrap_err().to_string();
        assert!(
            error.contains("instances_val.json: expected a region to measure, found none"),
            "{error}"
        );
    }

    #[test]
    fn names_of_regions_are_names_of_files() {
        let name = |text: &str| region_name(&Id::Text(text.into()));
        assert_eq!(region_name(&Id::Number(17)), "17");
        assert_eq!(name("img_1-a"), "img_1-a");
        assert_eq!(name("../a/b c"), "%2E%2E%2Fa%2Fb%20c");
        assert_eq!(name("3#7"), "3%237");
        let long = [name(&"a".repeat(300)), name(&"a".repeat(301))];
        assert!(
            long[0] != long[1] && long.iter().all(|name| name.len() == 137),
            "{long:?}"
        );
    }
}
