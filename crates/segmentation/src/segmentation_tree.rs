//! One tree of regions of a photograph, by how alike they are.

use crate::average_linkage::merges;
use crate::error::Result;
use crate::label_map::LabelMap;
use crate::merge_queue::{Cost, Merge, regions_after};
use crate::merge_weights::MergeWeights;
use crate::options::MinArea;
use crate::superpixel_graph::SuperpixelGraph;

/// An ultrametric tree of a photograph's regions: every cut is a segmentation, and finer cuts only split the segments of
/// coarser ones.
///
/// ```text
///     d(A, B) = (e + w_c c + w_g g + w_b b) / (1 + w_c + w_g + w_b)
///     e = 1 − mean over views, p ∈ A, q ∈ B of ⟨v_p, v_q⟩, held from 0 to 1         v: rows of the pieces, of length 1
///     c = mean over p ∈ A, q ∈ B of min(‖c_p − c_q‖ / s_c, 1)                       c: colours of the pieces, CIELAB
///     g = mean along the border of A and B of min(contrast between two pieces / s_g, 1)
///     b = mean along the border of A and B of min(max(p, q) / 0.7, 1)               p, q: learned boundary of its pixels
/// ```
///
/// The two touching regions of the least d merge, again and again, from the pieces on; d is the height of the merge, or
/// that of the merge before it where this is higher. Regions below the smallest area merge first of all, at height 0.
///
/// # Conventions
/// Heights lie from 0 to 1. Four neighbours. Of equal distances the pair that was formed first merges. Without a view e is
/// left out, and b of pieces without learned boundaries.
///
/// # Cost
/// p² numbers for p pieces; O(p) and O(columns of all views) a neighbour of every merge: some ten milliseconds for 400.
///
/// # Source
/// Average linkage among neighbours. e is the cosine between rows of the regularised projector, which training brings
/// close to that of the human segments; the form of an ultrametric contour map is that of Arbeláez (2006).
///
/// # Example
/// ```
/// use segmentation::{SegmentationTree, MergeWeights, MinArea, SuperpixelGraph};
/// # fn main() -> Result<(), segmentation::Error> {
/// // Black, dark grey, white: a pixel each, nothing learned.
/// let pieces = SuperpixelGraph::of_photograph(&[0, 0, 0, 40, 40, 40, 255, 255, 255], 3, 1, 3)?;
/// let tree = SegmentationTree::new(&pieces, &MergeWeights::default(), MinArea::Pixels(1))?;
/// assert_eq!(tree.cut_into(2).0.ids(), [0, 0, 1]);
/// assert_eq!(tree.cut(1.0).1, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SegmentationTree {
    /// Pixels that were left out have the id `count`.
    pieces: LabelMap,
    count: usize,
    /// Step s made region `count` + s of these two.
    merges: Vec<Merge<(bool, Cost)>>,
    /// Of each step: d of the two, or of a merge before it where this is higher.
    heights: Vec<f64>,
}

impl SegmentationTree {
    /// The tree over a photograph's pieces.
    ///
    /// # Errors
    /// [`Error::SegmentOption`](crate::Error::SegmentOption) for a weight below 0, a scale that is not above it, or one that is not finite.
    pub fn new(
        pieces: &SuperpixelGraph,
        weights: &MergeWeights,
        min_area: MinArea,
    ) -> Result<Self> {
        weights.check()?;
        let pixels: f64 = pieces.areas.iter().sum();
        let smallest = min_area.pixels(pixels as usize) as f64;
        let merges = merges(pieces, weights, smallest);
        let mut highest = 0.0_f64;
        let height = |merge: &Merge<(bool, Cost)>| {
            let (large, Cost(distance)) = merge.key;
            if large {
                highest = highest.max(distance);
            }
            highest
        };
        Ok(Self {
            heights: merges.iter().map(height).collect(),
            merges,
            pieces: pieces.map.clone(),
            count: pieces.count(),
        })
    }

    /// The pieces that all cuts merge: ids 0, 1, … in the order of first appearance; their number for pixels left out.
    pub fn pieces(&self) -> &LabelMap {
        &self.pieces
    }

    /// Segments of the finest cut: the number of pieces.
    pub fn most_segments(&self) -> usize {
        self.count
    }

    /// The two regions of each merge, from the lowest: pieces, or `most_segments()` + s for what merge s made. Cuts that
    /// are drawn elsewhere than here, as on a page, need no more than these and [`pieces`](Self::pieces).
    pub fn merges(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.merges
            .iter()
            .map(|merge| (merge.a as u32, merge.b as u32))
    }

    /// The heights of all merges, from the lowest.
    pub fn heights(&self) -> impl Iterator<Item = f64> + '_ {
        self.heights.iter().copied()
    }

    /// The segmentation in which all merges up to a height are done, and its number of segments, which is the id of
    /// pixels left out.
    pub fn cut(&self, height: f64) -> (LabelMap, usize) {
        self.painted(self.merges_up_to(height))
    }

    /// The segmentation of `segments` segments, or as near to it as the tree comes: at least one for each part that touches
    /// no other, at most the pieces. Ids as of [`cut`](Self::cut).
    pub fn cut_into(&self, segments: usize) -> (LabelMap, usize) {
        self.painted(
            self.count
                .saturating_sub(segments.max(1))
                .min(self.merges.len()),
        )
    }

    /// The segment of each piece when all merges up to a height are done, numbered in the order of first appearance.
    pub fn segment_of_pieces(&self, height: f64) -> Vec<u32> {
        self.after(self.merges_up_to(height))
    }

    /// An ultrametric contour map, a number a pixel: the height up to which the pixel is separated from the one at its
    /// right or the one below, whichever is higher; 0 within a piece, and beside pixels that were left out.
    pub fn contours(&self) -> Vec<f32> {
        let apart = self.heights_between();
        let (width, ids) = (self.pieces.width(), self.pieces.ids());
        let apart = |a: u32, b: u32| {
            let kept = (a.max(b) as usize) < self.count;
            if kept { apart(a, b) as f32 } else { 0.0 }
        };
        let contour = |pixel: usize| {
            let right = !(pixel + 1).is_multiple_of(width);
            let right = right.then(|| apart(ids[pixel], ids[pixel + 1]));
            let below = ids.get(pixel + width);
            let below = below.map(|below| apart(ids[pixel], *below));
            right.unwrap_or(0.0).max(below.unwrap_or(0.0))
        };
        (0..ids.len()).map(contour).collect()
    }

    /// A function of two pieces: the height up to which cuts separate them; 0 of a piece and itself, 1 of pieces that never
    /// merge.
    ///
    /// # Panics
    /// The function panics for a piece that there is none of.
    ///
    /// # Cost
    /// A step for each merge above the two.
    ///
    /// # Example
    /// ```
    /// use segmentation::{MergeWeights, MinArea, SegmentationTree, SuperpixelGraph};
    /// # fn main() -> Result<(), segmentation::Error> {
    /// let pieces = SuperpixelGraph::of_photograph(&[0, 0, 0, 40, 40, 40, 255, 255, 255], 3, 1, 3)?;
    /// let tree = SegmentationTree::new(&pieces, &MergeWeights::default(), MinArea::Pixels(1))?;
    /// let apart = tree.heights_between();
    /// assert!(apart(0, 1) < apart(1, 2));
    /// assert_eq!(apart(0, 2), apart(1, 2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn heights_between(&self) -> impl Fn(u32, u32) -> f64 + '_ {
        let mut parents = vec![usize::MAX; self.count + self.merges.len()];
        for (step, merge) in self.merges.iter().enumerate() {
            parents[merge.a] = self.count + step;
            parents[merge.b] = self.count + step;
        }
        move |a: u32, b: u32| {
            let (mut a, mut b) = (a as usize, b as usize);
            assert!(
                a.max(b) < self.count,
                "expected one of {} pieces",
                self.count
            );
            if a == b {
                return 0.0;
            }
            // Parents come after their children: the lower of two climbs.
            while a != b {
                let lower = if a < b { &mut a } else { &mut b };
                *lower = parents[*lower];
                if *lower == usize::MAX {
                    return 1.0;
                }
            }
            self.heights[a - self.count]
        }
    }

    fn painted(&self, merges: usize) -> (LabelMap, usize) {
        let segments = self.after(merges);
        let ids = self.pieces.ids().iter();
        let count = self.count - merges;
        let of_piece = |piece: &u32| segments.get(*piece as usize).copied();
        let ids = ids.map(|piece| of_piece(piece).unwrap_or(count as u32));
        (self.pieces.with_ids(ids.collect()), count)
    }

    fn merges_up_to(&self, height: f64) -> usize {
        self.heights.partition_point(|merge| *merge <= height)
    }

    fn after(&self, merges: usize) -> Vec<u32> {
        regions_after(self.count, &self.merges[..merges])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::connected_components;
    use crate::error::Error;
    use crate::superpixel_graph::{Border, View};

    /// SuperpixelGraph in a row, a pixel each, with rows of two columns and colours of one.
    fn row(rows: &[[f32; 2]], lightness: &[f32], contrasts: &[f64]) -> SuperpixelGraph {
        let count = rows.len();
        let border = |(a, contrast): (usize, &f64)| Border {
            a,
            b: a + 1,
            length: 1.0,
            contrast: *contrast,
            boundary: None,
        };
        SuperpixelGraph {
            map: LabelMap::new(count, 1, (0..count as u32).collect()).unwrap(),
            areas: vec![1.0; count],
            colours: lightness.iter().map(|value| [*value, 0.0, 0.0]).collect(),
            borders: contrasts.iter().enumerate().map(border).collect(),
            views: vec![View {
                dimensions: 2,
                rows: rows.concat(),
            }],
        }
    }

    const EVEN: MergeWeights = MergeWeights {
        colour: 0.5,
        colour_scale: 10.0,
        contrast: 0.5,
        contrast_scale: 8.0,
        boundary: 0.0,
    };

    #[test]
    fn heights_by_hand() {
        // Rows alike, then at a right angle; colours 5 apart, then 25; contrasts 2, then 16.
        let rows = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
        let pieces = row(&rows, &[0.0, 5.0, 30.0], &[2.0, 16.0]);
        let tree = SegmentationTree::new(&pieces, &EVEN, MinArea::Pixels(1)).unwrap();
        // (0 + ½ · ½ + ½ · ¼) / 2, then (1 + ½ · 1 + ½ · 1) / 2.
        assert_eq!(tree.heights().collect::<Vec<_>>(), [0.1875, 1.0]);
        let regions: Vec<_> = tree.merges().map(|(a, b)| (a.min(b), a.max(b))).collect();
        assert_eq!(regions, [(0, 1), (2, 3)]);
        assert_eq!(tree.contours(), [0.1875, 1.0, 0.0]);
        assert_eq!(tree.cut(0.5).0.ids(), [0, 0, 1]);
        assert_eq!((tree.cut_into(0).1, tree.cut_into(99).1), (1, 3));
    }

    #[test]
    fn likeness_of_regions_is_the_mean_over_their_pieces() {
        // The first two merge; half of their pixels are like the third.
        let rows = [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]];
        let mut pieces = row(&rows, &[0.0, 0.0, 4.0, 8.0], &[0.0, 4.0, 8.0]);
        pieces.views.push(pieces.views[0].clone());
        let weights = MergeWeights {
            colour: 1.0,
            ..EVEN
        };
        let tree = SegmentationTree::new(&pieces, &weights, MinArea::Pixels(1)).unwrap();
        // 1 + 2: 0.4 + ½ · ½; 0 + 1: 1; then {1, 2} + 3: c = (0.8 + 0.4) / 2, b = 1.
        let heights: Vec<f64> = tree.heights().map(|height| 2.5 * height).collect();
        // {1, 2, 3} + 0: e = 1, c = (0 + 0.4 + 0.8) / 3, b = 0.
        let expected = [0.65, 1.1, 1.4];
        for (height, expected) in heights.iter().zip(expected) {
            assert!((height - expected).abs() < 1e-6, "{heights:?}");
        }
    }

    #[test]
    fn learned_boundaries_count_where_pieces_have_them() {
        // Of one colour and no contrast, with boundaries of 0.2 and 0.8 between three.
        let mut pieces = row(&[[1.0, 0.0]; 3], &[5.0; 3], &[0.0, 0.0]);
        let weights = MergeWeights {
            boundary: 1.0,
            ..EVEN
        };
        // Unknown, they are left out.
        let tree = SegmentationTree::new(&pieces, &weights, MinArea::Pixels(1)).unwrap();
        assert_eq!(tree.heights().collect::<Vec<_>>(), [0.0, 0.0]);
        for (border, boundary) in pieces.borders.iter_mut().zip([0.25, 0.75]) {
            border.boundary = Some(boundary);
        }
        let tree = SegmentationTree::new(&pieces, &weights, MinArea::Pixels(1)).unwrap();
        // (0 + 0 + 0 + 1 · ¼) / (1 + ½ + ½ + 1), then ¾ / 3.
        let heights: Vec<f64> = tree.heights().collect();
        assert!((heights[0] - 0.25 / 3.0).abs() < 1e-12 && (heights[1] - 0.25).abs() < 1e-12);
    }

    #[test]
    fn without_a_view_colour_and_contrast_decide() {
        let mut pieces = row(&[[0.0; 2]; 3], &[0.0, 1.0, 9.0], &[0.0, 8.0]);
        pieces.views.clear();
        let tree = SegmentationTree::new(&pieces, &EVEN, MinArea::Pixels(1)).unwrap();
        let heights: Vec<f64> = tree.heights().collect();
        assert!(
            (heights[0] - 0.05).abs() < 1e-6 && heights[1] > 0.9,
            "{heights:?}"
        );
        let nothing = MergeWeights {
            colour: 0.0,
            contrast: 0.0,
            ..EVEN
        };
        let tree = SegmentationTree::new(&pieces, &nothing, MinArea::Pixels(1)).unwrap();
        assert_eq!(tree.heights().collect::<Vec<_>>(), [0.0, 0.0]);
    }

    /// A photograph of blobs and noise, and its tree.
    fn tree(width: usize, height: usize, min_area: MinArea) -> SegmentationTree {
        let pixel = |i: usize| {
            let (x, y) = (i % width, i / width);
            let noise = (i * 37 % 23) as u8;
            [
                if (x / 6 + y / 5).is_multiple_of(2) {
                    200
                } else {
                    40
                } + noise,
                (7 * x) as u8,
                if x * x + y * y < 90 { 180 } else { 60 } + noise,
            ]
        };
        let rgb: Vec<u8> = (0..width * height).flat_map(pixel).collect();
        let pieces = SuperpixelGraph::of_photograph(&rgb, width, height, 40).unwrap();
        SegmentationTree::new(&pieces, &MergeWeights::default(), min_area).unwrap()
    }

    #[test]
    fn cuts_are_connected_nested_and_counted() {
        let tree = tree(23, 17, MinArea::Pixels(12));
        let mut coarser: Option<LabelMap> = None;
        for segments in 1..=tree.most_segments() {
            let (cut, count) = tree.cut_into(segments);
            assert_eq!((cut.compacted().1, count), (segments, segments));
            assert_eq!(connected_components(&cut), (cut.clone(), count));
            if let Some(coarser) = coarser {
                let joined = cut.ids().iter().zip(coarser.ids());
                let joined: std::collections::HashSet<_> = joined.collect();
                assert_eq!(
                    joined.len(),
                    segments,
                    "a finer segment lies in one coarser"
                );
            }
            coarser = Some(cut);
        }
        let heights: Vec<f64> = tree.heights().collect();
        assert!(heights.is_sorted() && heights[0] == 0.0 && *heights.last().unwrap() <= 1.0);
        // Segments above height 0 have the smallest area.
        let (cut, count) = tree.cut(0.0);
        for segment in 0..count as u32 {
            assert!(cut.ids().iter().filter(|id| **id == segment).count() >= 12);
        }
    }

    #[test]
    fn the_contour_map_cut_at_a_height_separates_as_the_tree_does() {
        let tree = tree(19, 14, MinArea::Pixels(3));
        let contours = tree.contours();
        for height in [0.0, 0.2, 0.5, 0.7] {
            let (cut, _) = tree.cut(height);
            for (x, y) in (0..18).flat_map(|x| (0..13).map(move |y| (x, y))) {
                let own = cut.at(x, y);
                let apart = own != cut.at(x + 1, y) || own != cut.at(x, y + 1);
                assert_eq!(
                    f64::from(contours[19 * y + x]) > height,
                    apart,
                    "{x} {y} {height}"
                );
            }
        }
    }

    #[test]
    fn left_out_pixels_stay_out_of_every_cut() {
        // Two halves of a row, apart.
        let kept = (0..9).map(|x| x != 4).collect();
        let mask = crate::PixelMask::new(9, 1, kept).unwrap();
        let rgb: Vec<u8> = (0..9).flat_map(|x| [30 * x; 3]).collect();
        let pieces = SuperpixelGraph::of_masked_photograph(&rgb, 9, 1, 8, &mask).unwrap();
        let tree = SegmentationTree::new(&pieces, &EVEN, MinArea::Pixels(1)).unwrap();
        // As few as there are parts.
        let (cut, segments) = tree.cut_into(1);
        assert_eq!((cut.ids(), segments), (&[0, 0, 0, 0, 2, 1, 1, 1, 1][..], 2));
        let contours = tree.contours();
        assert_eq!((contours[3], contours[4]), (0.0, 0.0));
        assert!(contours[0] > 0.0);
        let apart = tree.heights_between();
        let ids = tree.pieces().ids();
        assert_eq!((apart(ids[0], ids[8]), apart(ids[0], ids[0])), (1.0, 0.0));
    }

    #[test]
    fn weights_outside_their_range_are_refused() {
        let pieces = row(&[[1.0, 0.0]; 2], &[0.0; 2], &[0.0]);
        for wrong in [
            MergeWeights {
                colour: -1.0,
                ..EVEN
            },
            MergeWeights {
                contrast: f64::NAN,
                ..EVEN
            },
            MergeWeights {
                colour_scale: 0.0,
                ..EVEN
            },
            MergeWeights {
                contrast_scale: f64::INFINITY,
                ..EVEN
            },
        ] {
            let refused = SegmentationTree::new(&pieces, &wrong, MinArea::Pixels(1));
            assert!(
                matches!(refused, Err(Error::SegmentOption { .. })),
                "{wrong:?}"
            );
        }
    }
}
