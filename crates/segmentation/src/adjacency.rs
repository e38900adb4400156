//! Which segments touch, and how strong their borders are.

use std::collections::BTreeMap;

use crate::label_map::LabelMap;

/// Two segments that touch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adjacency {
    /// The lower id.
    pub a: u32,
    /// The higher id.
    pub b: u32,
    /// Pixel sides along their border.
    pub length: usize,
    /// Mean strength of these sides.
    pub strength: f64,
}

/// The pairs of segments that share a pixel side, in the order of ids.
///
/// `strength` is asked for each side between two segments: the places of its two pixels, row by row.
///
/// # Conventions
/// Ids from 0 to `segments` − 1; pixels of other ids are of no segment, and their sides do not count.
///
/// # Cost
/// One pass over the pixels, and a call for each side of a border.
///
/// # Example
/// ```
/// # fn main() -> Result<(), segmentation::Error> {
/// // 0 1
/// // 0 0
/// let labels = segmentation::LabelMap::new(2, 2, vec![0, 1, 0, 0])?;
/// let found = segmentation::adjacency(&labels, 2, |_, _| 0.5);
/// assert_eq!((found.len(), found[0].length, found[0].strength), (1, 2, 0.5));
/// # Ok(())
/// # }
/// ```
pub fn adjacency(
    labels: &LabelMap,
    segments: usize,
    mut strength: impl FnMut(usize, usize) -> f64,
) -> Vec<Adjacency> {
    let (width, ids) = (labels.width(), labels.ids());
    let mut sides: BTreeMap<(u32, u32), (usize, f64)> = BTreeMap::new();
    let mut meet = |p: usize, q: usize| {
        let (a, b) = (ids[p].min(ids[q]), ids[p].max(ids[q]));
        if a != b && (b as usize) < segments {
            let side = sides.entry((a, b)).or_default();
            side.0 += 1;
            side.1 += strength(p, q);
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
    let one = |((a, b), (length, sum)): ((u32, u32), (usize, f64))| Adjacency {
        a,
        b,
        length,
        strength: sum / length as f64,
    };
    sides.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_by_three_by_hand() {
        let labels = LabelMap::new(4, 3, vec![0, 0, 0, 1, 0, 2, 0, 1, 0, 0, 0, 1]).unwrap();
        // A side below the first row is worth 1, all others 0.
        let found = adjacency(&labels, 3, |p, q| f64::from(u8::from(p < 4 && q >= 4)));
        let pair = |a, b, length, strength| Adjacency {
            a,
            b,
            length,
            strength,
        };
        assert_eq!(found, [pair(0, 1, 3, 0.0), pair(0, 2, 4, 0.25)]);
    }

    #[test]
    fn pixels_of_no_segment_touch_nothing() {
        let labels = LabelMap::new(3, 1, vec![0, 2, 1]).unwrap();
        assert!(adjacency(&labels, 2, |_, _| 1.0).is_empty());
    }
}
