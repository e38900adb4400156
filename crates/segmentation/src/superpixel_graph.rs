//! The superpixels of a photograph, and the differences between neighbours.

use crate::cielab::{cielab, contrast};
use crate::components::connected_components;
use crate::error::{Error, Result};
use crate::grid_vectors::GridVectors;
use crate::label_map::LabelMap;
use crate::options::{EmbeddingDimensions, SegmentOptions};
use crate::pixel_mask::PixelMask;
use crate::superpixels::superpixels_of_colours;
use crate::watershed::watershed;

/// The most separate parts that a mask may have: their distances take memory in the square of their number.
const MOST_PARTS: usize = 4096;

/// A learned boundary that is as strong as can be.
const CERTAIN: f64 = 0.7;

/// Superpixels of a photograph: their colours, the contrast along their borders, and where they lie in embeddings.
///
/// # Example
/// ```
/// # fn main() -> Result<(), segmentation::Error> {
/// // Black at the left, white from column 6 on.
/// let rgb: Vec<u8> = (0..16 * 8).flat_map(|i| [if i % 16 < 6 { 0 } else { 255 }; 3]).collect();
/// let pieces = segmentation::SuperpixelGraph::of_photograph(&rgb, 16, 8, 8)?;
/// assert_eq!(pieces.count(), 8);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SuperpixelGraph {
    /// Pixels that were left out have the id after the last piece.
    pub(crate) map: LabelMap,
    /// Pixels of each.
    pub(crate) areas: Vec<f64>,
    /// Mean CIELAB of each.
    pub(crate) colours: Vec<[f32; 3]>,
    /// Pairs that touch.
    pub(crate) borders: Vec<Border>,
    /// Of each view the rows of its pieces, one after the other.
    pub(crate) views: Vec<View>,
}

/// Two pieces that touch, the lower first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Border {
    pub(crate) a: usize,
    pub(crate) b: usize,
    /// Pairs of pixels.
    pub(crate) length: f64,
    /// Mean over them of the larger of the two pixels' contrasts, CIELAB a two pixels.
    pub(crate) contrast: f64,
    /// Mean over them of min(max(p, q) / 0.7, 1) of the two pixels' learned boundaries, if there are any.
    pub(crate) boundary: Option<f64>,
}

/// An embedding's mean row over each piece, of length 1, or 0 where no position of the piece is in the cut.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) dimensions: usize,
    pub(crate) rows: Vec<f32>,
}

impl SuperpixelGraph {
    /// About `count` superpixels of a photograph.
    ///
    /// # Conventions
    /// `rgb` holds the pixels row by row, three bytes each, sRGB.
    ///
    /// # Errors
    /// [`Error::LabelMapShape`] where a side is zero or `rgb` holds another number of bytes; [`Error::SegmentOption`] for
    /// no superpixels.
    ///
    /// # Cost
    /// O(n log n) for n pixels: some 0.08 s for 481 × 321.
    pub fn of_photograph(rgb: &[u8], width: usize, height: usize, count: usize) -> Result<Self> {
        Self::build(rgb, width, height, count, None, None)
    }

    /// About `count` superpixels of the pixels that a mask keeps. Pieces that only left-out pixels lie between do not
    /// touch.
    ///
    /// # Conventions
    /// As [`of_photograph`](Self::of_photograph). Left-out pixels are in no piece; in [`map`](Self::map) they have the id
    /// [`count`](Self::count). Their colours still count in the contrast of pixels within four of them: fill them first.
    ///
    /// # Errors
    /// As [`of_photograph`](Self::of_photograph), and [`Error::LabelMapShape`] for a mask of another size;
    /// [`Error::TooManyParts`] for a mask of more than 4,096 separate parts.
    ///
    /// # Example
    /// ```
    /// # fn main() -> Result<(), segmentation::Error> {
    /// // Three pixels, of which the middle one is left out.
    /// let mask = segmentation::PixelMask::new(3, 1, vec![true, false, true])?;
    /// let pieces = segmentation::SuperpixelGraph::of_masked_photograph(&[0; 9], 3, 1, 3, &mask)?;
    /// assert_eq!((pieces.count(), pieces.map().ids()), (2, &[0, 2, 1][..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn of_masked_photograph(
        rgb: &[u8],
        width: usize,
        height: usize,
        count: usize,
        mask: &PixelMask,
    ) -> Result<Self> {
        check_mask(mask, rgb, width, height)?;
        Self::build(rgb, width, height, count, Some(mask), None)
    }

    /// About `count` superpixels along learned boundaries: the watershed of a map of how sure a boundary is, from 0 to 1 a
    /// pixel, with a little contrast where it says nothing. A mask counts as in
    /// [`of_masked_photograph`](Self::of_masked_photograph).
    ///
    /// ```text
    ///     s = p + 0.02 min(g / 20, 1)        p the learned boundary, g the contrast, CIELAB a two pixels
    /// ```
    ///
    /// Seeds are the least of the smoothed s in a window, so that plain photographs have fewer pieces than asked for, and
    /// crowded ones more. Borders know the learned boundary along them, for [`MergeWeights::boundary`](crate::MergeWeights::boundary).
    ///
    /// # Conventions
    /// `boundaries` as the pixels, row by row.
    ///
    /// # Errors
    /// As [`of_masked_photograph`](Self::of_masked_photograph); [`Error::LabelMapShape`] for another number of boundaries,
    /// [`Error::BoundaryRange`] for one that is not from 0 to 1.
    ///
    /// # Cost
    /// O(n log n) for n pixels.
    ///
    /// # Example
    /// ```
    /// # fn main() -> Result<(), segmentation::Error> {
    /// // A boundary down the middle of a grey photograph.
    /// let boundaries: Vec<f32> = (0..21 * 9).map(|i| if i % 21 == 10 { 0.9 } else { 0.0 }).collect();
    /// let pieces =
    ///     segmentation::SuperpixelGraph::of_boundaries(&[128; 3 * 21 * 9], &boundaries, 21, 9, 4, None)?;
    /// assert_ne!(pieces.map().at(8, 4), pieces.map().at(12, 4));
    /// # Ok(())
    /// # }
    /// ```
    pub fn of_boundaries(
        rgb: &[u8],
        boundaries: &[f32],
        width: usize,
        height: usize,
        count: usize,
        mask: Option<&PixelMask>,
    ) -> Result<Self> {
        if boundaries.len() != rgb.len() / 3 {
            return Err(Error::LabelMapShape {
                width,
                height,
                found: boundaries.len(),
            });
        }
        let wrong = |(_, value): &(usize, &f32)| !(0.0..=1.0).contains(*value);
        if let Some((pixel, found)) = boundaries.iter().enumerate().find(wrong) {
            return Err(Error::BoundaryRange {
                x: pixel % width.max(1),
                y: pixel / width.max(1),
                found: *found,
            });
        }
        if let Some(mask) = mask {
            check_mask(mask, rgb, width, height)?;
        }
        Self::build(rgb, width, height, count, mask, Some(boundaries))
    }

    fn build(
        rgb: &[u8],
        width: usize,
        height: usize,
        count: usize,
        mask: Option<&PixelMask>,
        boundaries: Option<&[f32]>,
    ) -> Result<Self> {
        let colours = cielab(rgb, width, height)?;
        let contrast = contrast(&colours, width);
        let (map, _) = match boundaries {
            None => superpixels_of_colours(&colours, width, count, mask)?,
            Some(boundaries) => {
                let pairs = boundaries.iter().zip(&contrast);
                let strength = |(boundary, contrast): (&f32, &f32)| {
                    boundary + 0.02 * (contrast / 20.0).min(1.0)
                };
                let strengths: Vec<f32> = pairs.map(strength).collect();
                watershed(&strengths, width, count, mask)?
            }
        };
        let (map, count) = match mask {
            None => connected_components(&map),
            Some(mask) => kept_pieces(&map, mask),
        };
        let mut areas = vec![0.0; count];
        let mut sums = vec![[0.0_f64; 3]; count];
        for (piece, colour) in map.ids().iter().zip(&colours) {
            let piece = *piece as usize;
            if piece == count {
                continue;
            }
            areas[piece] += 1.0;
            for (sum, value) in sums[piece].iter_mut().zip(colour) {
                *sum += f64::from(*value);
            }
        }
        let mean = |(sum, area): (&[f64; 3], &f64)| sum.map(|sum| (sum / area) as f32);
        Ok(Self {
            colours: sums.iter().zip(&areas).map(mean).collect(),
            borders: borders(&map, count, &contrast, boundaries),
            areas,
            map,
            views: Vec::new(),
        })
    }

    /// The number of pieces.
    pub fn count(&self) -> usize {
        self.areas.len()
    }

    /// Whether the learned boundary along each border is known.
    pub(crate) fn has_boundaries(&self) -> bool {
        let first = self.borders.first();
        first.is_some_and(|border| border.boundary.is_some())
    }

    /// The piece of each pixel; [`count`](Self::count) where it was left out.
    pub fn map(&self) -> &LabelMap {
        &self.map
    }

    /// Adds a view: the place of each piece in an embedding of the photograph, or of its mirror image, on the grid, in the
    /// columns and with the weights that `options` say (for [`EmbeddingDimensions::SameAsK`] as many columns as the
    /// largest number of clusters).
    ///
    /// ```text
    ///     v_A = Σ_{p ∈ A} e(p) / ‖Σ_{p ∈ A} e(p)‖,   e(p) = Σ_q β_q(p) y_q       y weighted rows of U, β bilinear
    /// ```
    ///
    /// # Errors
    /// Those of the options' axes, which have to be those of the embedding's grid.
    ///
    /// # Cost
    /// Four products a pixel and column.
    pub fn add_view<'a>(
        &mut self,
        vectors: impl Into<GridVectors<'a>>,
        options: &SegmentOptions,
        mirrored: bool,
    ) -> Result<()> {
        let vectors = vectors.into();
        let (width, height) = (self.map.width(), self.map.height());
        let [column, row] = options.axes_in(&vectors, width, height)?;
        let asked = match options.dimensions {
            EmbeddingDimensions::Fixed(dimensions) => dimensions,
            EmbeddingDimensions::SameAsK => {
                options.cluster_counts.iter().copied().max().unwrap_or(0)
            }
        };
        let dimensions = asked.min(vectors.dimensions());
        if dimensions == 0 {
            return Err(Error::NoDimensions);
        }
        let weights = options.scaling.weights(&vectors.spectrum()[..dimensions]);
        let positions = (0..vectors.positions()).flat_map(|i| {
            let weights = weights.iter().enumerate();
            let vectors = &vectors;
            weights.map(move |(j, weight)| (vectors.at(i, j) * weight) as f32)
        });
        let positions: Vec<f32> = positions.collect();

        let mut rows = vec![0.0_f32; self.count() * dimensions];
        let columns: Vec<(usize, usize, f32)> = (0..width)
            .map(|x| {
                between(
                    column.coordinate(if mirrored { width - 1 - x } else { x }),
                    column.positions,
                )
            })
            .collect();
        for (y, ids) in self.map.ids().chunks_exact(width).enumerate() {
            let (above, below, v) = between(row.coordinate(y), row.positions);
            for (id, (left, right, u)) in ids.iter().zip(&columns) {
                let begin = *id as usize * dimensions;
                let Some(sum) = rows.get_mut(begin..begin + dimensions) else {
                    continue;
                };
                for (line, share) in [(above, 1.0 - v), (below, v)] {
                    for (place, share) in [(left, share * (1.0 - u)), (right, share * u)] {
                        let from = (line * column.positions + place) * dimensions;
                        let from = &positions[from..][..dimensions];
                        sum.iter_mut()
                            .zip(from)
                            .for_each(|(sum, value)| *sum += share * value);
                    }
                }
            }
        }
        for row in rows.chunks_exact_mut(dimensions) {
            let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
            let factor = if length > 0.0 { 1.0 / length } else { 0.0 };
            row.iter_mut().for_each(|value| *value *= factor);
        }
        self.views.push(View { dimensions, rows });
        Ok(())
    }
}

/// The two positions around a place, and the share of the second.
fn between(place: f64, positions: usize) -> (usize, usize, f32) {
    let low = place as usize;
    (low, (low + 1).min(positions - 1), place.fract() as f32)
}

/// The connected pieces of kept pixels, 0, 1, … in the order of first appearance, and their number, which is the id of
/// all others.
fn kept_pieces(map: &LabelMap, mask: &PixelMask) -> (LabelMap, usize) {
    let (pieces, all) = connected_components(map);
    let mut names = vec![None; all];
    let mut count = 0;
    for (piece, _) in pieces
        .ids()
        .iter()
        .zip(mask.kept())
        .filter(|(_, kept)| **kept)
    {
        names[*piece as usize].get_or_insert_with(|| {
            count += 1;
            count - 1
        });
    }
    let ids = pieces.ids().iter();
    let ids = ids.map(|piece| names[*piece as usize].unwrap_or(count));
    (pieces.with_ids(ids.collect()), count as usize)
}

/// A mask of the photograph's size, of few enough parts.
fn check_mask(mask: &PixelMask, rgb: &[u8], width: usize, height: usize) -> Result<()> {
    mask.check_size(width, height, rgb.len() / 3)?;
    let found = mask.parts();
    if found > MOST_PARTS {
        return Err(Error::TooManyParts {
            found,
            most: MOST_PARTS,
        });
    }
    Ok(())
}

/// Two pixels of two pieces that touch: the pieces, the lower first, and the pixels.
type Meeting = (u32, u32, usize, usize);

/// The pairs of the first `count` pieces that touch, in order.
fn borders(
    map: &LabelMap,
    count: usize,
    contrast: &[f32],
    boundaries: Option<&[f32]>,
) -> Vec<Border> {
    let (width, ids) = (map.width(), map.ids());
    let mut pairs: Vec<Meeting> = Vec::new();
    let mut meet = |p: usize, q: usize| {
        let (a, b) = (ids[p].min(ids[q]), ids[p].max(ids[q]));
        if a != b && (b as usize) < count {
            pairs.push((a, b, p, q));
        }
    };
    for pixel in 0..ids.len() {
        if !(pixel + 1).is_multiple_of(width) {
            meet(pixel, pixel + 1);
        }
        if pixel + width < ids.len() {
            meet(pixel, pixel + width);
        }
    }
    // Stable: sums are made in the order of the pixels.
    pairs.sort_by_key(|(a, b, _, _)| (*a, *b));
    let of_one = |pairs: &[Meeting]| {
        let length = pairs.len() as f64;
        let mean = |values: &[f32], seen: fn(f64) -> f64| {
            let higher = |(_, _, p, q): &Meeting| seen(f64::from(values[*p].max(values[*q])));
            pairs.iter().map(higher).sum::<f64>() / length
        };
        Border {
            a: pairs[0].0 as usize,
            b: pairs[0].1 as usize,
            length,
            contrast: mean(contrast, |contrast| contrast),
            boundary: boundaries.map(|values| mean(values, |p| (p / CERTAIN).min(1.0))),
        }
    };
    let same = |a: &Meeting, b: &Meeting| (a.0, a.1) == (b.0, b.1);
    pairs.chunk_by(same).map(of_one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A vector for each half of a 4 × 2 grid.
    const LEFT: [f64; 8] = [0.5, 0.5, 0.0, 0.0, 0.5, 0.5, 0.0, 0.0];
    const RIGHT: [f64; 8] = [0.0, 0.0, 0.5, 0.5, 0.0, 0.0, 0.5, 0.5];

    fn vectors() -> GridVectors<'static> {
        GridVectors::new(4, 2, vec![&LEFT, &RIGHT], &[1.0, 1.0]).unwrap()
    }

    fn halves(width: usize, height: usize) -> Vec<u8> {
        let pixels = 0..width * height;
        pixels
            .flat_map(|i| [if i % width < width / 2 { 20 } else { 220 }; 3])
            .collect()
    }

    #[test]
    fn borders_are_counted_and_have_their_contrast() {
        let map = LabelMap::new(3, 2, vec![0, 0, 1, 0, 2, 1]).unwrap();
        let found = borders(&map, 3, &[0.0, 4.0, 2.0, 0.0, 8.0, 1.0], None);
        let border = |a, b, length, contrast| Border {
            a,
            b,
            length,
            contrast,
            boundary: None,
        };
        // 0 | 1 at the right of pixel 1; 0 | 2 below it and at the right of pixel 3; 2 | 1 at the right of pixel 4.
        let expected = [
            border(0, 1, 1.0, 4.0),
            border(0, 2, 2.0, 8.0),
            border(1, 2, 1.0, 8.0),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn left_out_pixels_change_nothing_but_their_neighbours_contrast() {
        // A left-out column of another colour between halves that do not touch.
        let kept: Vec<bool> = (0..16 * 8).map(|i| i % 16 != 7).collect();
        let mask = PixelMask::new(16, 8, kept.clone()).unwrap();
        let mut rgb = halves(16, 8);
        let build = |rgb: &[u8]| SuperpixelGraph::of_masked_photograph(rgb, 16, 8, 8, &mask);
        let plain = build(&rgb).unwrap();
        (0..8).for_each(|y| rgb[3 * (16 * y + 7)] = 255);
        let other = build(&rgb).unwrap();
        assert_eq!((&plain.map, &plain.areas), (&other.map, &other.areas));
        assert_eq!(plain.colours, other.colours);
        let of_mask = plain
            .map
            .ids()
            .iter()
            .map(|id| *id as usize != plain.count());
        assert_eq!(of_mask.collect::<Vec<_>>(), kept);
        assert_eq!(plain.areas.iter().sum::<f64>(), 120.0);
        let is_left = |piece: usize| {
            let place = plain.map.ids().iter().position(|id| *id as usize == piece);
            place.unwrap() % 16 < 7
        };
        let borders = plain.borders.iter();
        assert!(borders.clone().count() > 0);
        assert!(
            borders
                .clone()
                .all(|border| is_left(border.a) == is_left(border.b))
        );
    }

    #[test]
    fn every_part_of_a_mask_gets_a_piece() {
        // Nine pixels apart from one another, and one seed asked for.
        let kept = (0..36).map(|i| (i / 6) % 2 == 0 && i % 2 == 0).collect();
        let mask = PixelMask::new(6, 6, kept).unwrap();
        let pieces = SuperpixelGraph::of_masked_photograph(&[9; 108], 6, 6, 1, &mask).unwrap();
        assert_eq!((pieces.count(), pieces.borders.len()), (9, 0));
        assert!(pieces.areas.iter().all(|area| *area == 1.0));
        let many = (0..200 * 200)
            .map(|i| (i / 200) % 2 == 0 && i % 2 == 0)
            .collect();
        let many = PixelMask::new(200, 200, many).unwrap();
        let refused = SuperpixelGraph::of_masked_photograph(&[9; 120_000], 200, 200, 1, &many);
        assert!(matches!(
            refused,
            Err(Error::TooManyParts { found: 10_000, .. })
        ));
        let refused = SuperpixelGraph::of_masked_photograph(&[9; 12], 2, 2, 1, &mask);
        assert!(matches!(refused, Err(Error::LabelMapShape { .. })));
    }

    #[test]
    fn a_view_separates_the_halves_mirrored_too() {
        let mut pieces = SuperpixelGraph::of_photograph(&halves(16, 8), 16, 8, 8).unwrap();
        let options = SegmentOptions::default();
        pieces.add_view(vectors(), &options, false).unwrap();
        pieces.add_view(vectors(), &options, true).unwrap();
        let side = |piece: usize| {
            let place = pieces.map.ids().iter().position(|id| *id as usize == piece);
            place.unwrap() % 16 < 8
        };
        for view in &pieces.views {
            assert_eq!(view.dimensions, 2);
            let row = |piece: usize| &view.rows[2 * piece..][..2];
            for (a, b) in (0..8).flat_map(|a| (0..8).map(move |b| (a, b))) {
                let product: f32 = row(a).iter().zip(row(b)).map(|(a, b)| a * b).sum();
                if side(a) == side(b) {
                    assert!(product > 0.8, "{a} {b} {product}");
                } else {
                    assert!(product < 0.6, "{a} {b} {product}");
                }
            }
        }
    }

    #[test]
    fn views_of_another_grid_and_without_columns_are_refused() {
        let mut pieces = SuperpixelGraph::of_photograph(&halves(16, 8), 16, 8, 8).unwrap();
        let axis = crate::GridAxis::spread(3, 16);
        let wrong = SegmentOptions::default().with_axes(axis, axis);
        assert!(pieces.add_view(vectors(), &wrong, false).is_err());
        let none = SegmentOptions::default().with_dimensions(EmbeddingDimensions::Fixed(0));
        let refused = pieces.add_view(vectors(), &none, false);
        assert!(matches!(refused, Err(Error::NoDimensions)));
        assert!(SuperpixelGraph::of_photograph(&[0; 12], 2, 2, 0).is_err());
        assert!(SuperpixelGraph::of_photograph(&[0; 11], 2, 2, 1).is_err());
    }

    #[test]
    fn learned_boundaries_count_along_borders_and_are_checked() {
        // Pieces of two columns each, a boundary of 0.35 between the first two, of 1 between the last.
        let map = LabelMap::new(6, 1, vec![0, 0, 1, 1, 2, 2]).unwrap();
        let boundaries = [0.0, 0.1, 0.35, 0.2, 1.0, 0.0];
        let found = borders(&map, 3, &[0.0; 6], Some(&boundaries));
        let strengths: Vec<f64> = found.iter().filter_map(|border| border.boundary).collect();
        assert!((strengths[0] - 0.5).abs() < 1e-6 && strengths[1] == 1.0);
        let graph = |boundaries: &[f32]| {
            SuperpixelGraph::of_boundaries(&[9; 18], boundaries, 6, 1, 2, None)
        };
        assert!(matches!(
            graph(&[0.0, 0.0, f32::NAN, 0.0, 0.0, 0.0]),
            Err(Error::BoundaryRange { x: 2, y: 0, .. })
        ));
        assert!(matches!(
            graph(&[0.0, 0.0, 0.0, 0.0, 0.0, 1.5]),
            Err(Error::BoundaryRange { x: 5, y: 0, .. })
        ));
        assert!(matches!(
            graph(&[0.0; 5]),
            Err(Error::LabelMapShape { found: 5, .. })
        ));
        // A mask divides what no boundary does.
        let mask = PixelMask::new(6, 1, vec![true, true, false, true, true, true]).unwrap();
        let divided =
            SuperpixelGraph::of_boundaries(&[9; 18], &[0.0; 6], 6, 1, 1, Some(&mask)).unwrap();
        let ids = divided.map().ids();
        assert!(ids[2] as usize == divided.count() && ids[1] != ids[3]);
    }
}
