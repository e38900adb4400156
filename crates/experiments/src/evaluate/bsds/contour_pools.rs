//! Segmentations of cuts on the contours of a photograph, nothing learned.

use std::time::Instant;

use bench_bsds::{Level, Pool};
use image::RgbImage;
use models::{CutSettings, SegmentSeconds};
use ncuts::{InterveningContourCut, InterveningContourOptions};
use segmentation::segmentation_pool;

use crate::error::Result;
use crate::oklab::oklab_planes;

/// The cut, and the numbers of clusters it is measured at.
pub struct ContourPools {
    options: InterveningContourOptions,
    counts: Vec<usize>,
}

impl ContourPools {
    /// At these numbers of clusters.
    pub fn new(options: InterveningContourOptions, counts: Vec<usize>) -> Self {
        Self { options, counts }
    }

    /// All settings, for a record of them.
    pub fn in_words(&self) -> String {
        format!("{:?} {:?}", self.options, self.counts)
    }

    /// The segmentations of an image, and the wall time of each part.
    pub fn pool(&self, image: &RgbImage) -> Result<(Pool, SegmentSeconds)> {
        let begin = Instant::now();
        let most = self.counts.iter().copied().max().unwrap_or(1);
        let cut = InterveningContourCut::forward(&oklab_planes(image)?, &self.options, most)?;
        let layer = begin.elapsed().as_secs_f64();

        let begin = Instant::now();
        let [column, row] = cut.axes();
        // The grid has sixteen times the positions of a network's: fewer starts, or they take most of the time.
        let settings = CutSettings {
            restarts: 3,
            ..CutSettings::UNTRAINED
        };
        let options = settings.options(&self.counts).with_axes(column, row);
        let (width, height) = (image.width() as usize, image.height() as usize);
        let pool = segmentation_pool(&cut.embedding(), width, height, &options)?;
        let maps = pool.into_iter();
        let maps = maps.map(|found| (Level::Clusters(found.k as u32), found.labels));
        let seconds = SegmentSeconds {
            trunk: 0.0,
            layer,
            clustering: begin.elapsed().as_secs_f64(),
        };
        Ok((Pool::from(maps.collect::<Vec<_>>()), seconds))
    }
}
