//! A segmentation of a photograph out of its tree, transparent pixels apart.

use anyhow::Result;
use pictures::{Photograph, at_full_size};
use segmentation::{LabelMap, SegmentationTree};

/// A cut of the tree at the size of the photograph.
pub struct Cut {
    pub labels: LabelMap,
    pub segments: usize,
    /// The number of the segment of transparent pixels.
    pub transparent: Option<u32>,
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
