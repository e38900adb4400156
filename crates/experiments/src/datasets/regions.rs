//! COCO's regions as models are trained on them.

use std::path::{Path, PathBuf};

use bench_coco::{CocoInstances, DenseSift, GrayPlane, LeftOut, RegionRule, RegionSet, View};
use models::{Descriptors, FeatureMaps, RegionCrop, RegionView};
use segmentation::GridAxis;

use crate::error::{Error, Result};

/// Regions of one split.
pub struct CocoRegions {
    set: RegionSet,
    ids: Vec<String>,
    sift: DenseSift,
    annotations: PathBuf,
}

impl CocoRegions {
    /// The regions of `split` under a folder as COCO or this project's subset lays it out.
    ///
    /// # Errors
    /// [`Error::Setting`] where annotations or photographs are missing; those of the annotations.
    pub fn open(data: &Path, split: &str) -> Result<Self> {
        let year = ["", "2017", "2014"];
        let found = year.iter().find_map(|year| {
            let annotations = data.join(format!("annotations/instances_{split}{year}.json"));
            let folders = [data.join(format!("{split}{year}")), data.join("images")];
            let images = folders.into_iter().find(|folder| folder.is_dir())?;
            annotations.is_file().then_some((annotations, images))
        });
        let Some((annotations, images)) = found else {
            return Err(Error::setting(format!(
                "--data: expected annotations/instances_{split}.json (or …{split}2017.json) and images/ \
                 (or {split}2017/) in {}, found none",
                data.display()
            )));
        };
        let instances = CocoInstances::read(&annotations)?;
        let set = RegionSet::new(instances, images, RegionRule::default())?;
        let ids = set.regions().iter().map(|region| region.id.to_string());
        Ok(Self {
            ids: ids.collect(),
            set,
            sift: DenseSift::default(),
            annotations,
        })
    }

    /// The set itself.
    pub fn set(&self) -> &RegionSet {
        &self.set
    }

    /// The possible values, in words.
    pub fn in_words(&self) -> String {
        let LeftOut { crowds, small, .. } = self.set.left_out();
        format!(
            "{} regions; left out: {crowds} crowds, {small} smaller than {1} x {1} pixels",
            self.set.len(),
            self.set.rule().smallest_side,
        )
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
