//! A segmentation of a photograph out of its tree, transparent pixels apart.

use std::collections::HashMap;

use pictures::{Photograph, at_full_size};
use segmentation::{LabelMap, PixelMask, SegmentationTree};

use crate::error::Result;

/// A cut of the tree at the size of the photograph.
pub struct Cut {
    pub labels: LabelMap,
    pub segments: usize,
    /// The number of the segment of transparent pixels.
    pub transparent: Option<u32>,
}

impl Cut {
    /// The same where a mask leaves pixels out: these have the id `segments`.
    pub fn kept_by(self, mask: &PixelMask) -> Result<Self> {
        let labels = mask.cut_out(&self.labels, self.segments)?;
        let Some(transparent) = self.transparent else {
            return Ok(Self { labels, ..self });
        };
        // A segment that shows nowhere else than in what is left out is none any more; nor may the transparent one be.
        let left_out = self.segments as u32;
        let mut order = HashMap::new();
        for id in labels.ids().iter().filter(|id| **id != left_out) {
            let next = order.len() as u32;
            order.entry(*id).or_insert(next);
        }
        let segments = order.len();
        let number = |id: &u32| order.get(id).copied().unwrap_or(segments as u32);
        let ids = labels.ids().iter().map(number).collect();
        Ok(Self {
            labels: LabelMap::new(labels.width(), labels.height(), ids)?,
            segments,
            transparent: order.get(&transparent).copied(),
        })
    }
}

/// The segments at a height, or so many. Transparent pixels are one of them.
pub fn cut(
    tree: &SegmentationTree,
    k: Option<usize>,
    height: f64,
    photograph: &Photograph,
) -> Result<Cut> {
    let cut_into =
        |count: Option<usize>| count.map_or_else(|| tree.cut(height), |count| tree.cut_into(count));
    let size = photograph.pixels.dimensions();
    let Some(transparency) = &photograph.transparency else {
        let (labels, segments) = cut_into(k);
        let labels = at_full_size(&labels, size)?;
        return Ok(Cut {
            labels,
            segments,
            transparent: None,
        });
    };
    // Borders of the network's segments lie within two pixels of the working size.
    let longer = |(width, height): (u32, u32)| width.max(height);
    let working = (tree.pieces().width() as u32, tree.pieces().height() as u32);
    let rim = 2 * longer(size).div_ceil(longer(working));
    let small = transparency.at_size(working);
    let mut count = k;
    if let Some(k) = k {
        // Segments below transparent pixels do not count, so that more are cut.
        let shown = |count: usize| -> pictures::Result<usize> {
            let marked = small.mark(&cut_into(Some(count)).0, 2)?;
            Ok(marked.visible)
        };
        let mut cut = k.saturating_sub(1).max(1);
        while cut < tree.most_segments() && shown(cut)? + 1 < k {
            cut += 1;
        }
        count = Some(cut);
    }
    let labels = at_full_size(&cut_into(count).0, size)?;
    let marked = transparency.mark(&labels, rim)?;
    Ok(Cut {
        labels: marked.labels,
        segments: marked.visible + 1,
        transparent: Some(marked.transparent),
    })
}
