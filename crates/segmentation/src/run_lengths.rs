//! Segments as run lengths, column by column, as MS-COCO writes masks.

use crate::label_map::LabelMap;

/// The pixels of a segment: how many in a row are not its own, then how many are, and so on.
///
/// # Conventions
/// Column by column, each from the top. The first number counts pixels that are not of the segment, and may be 0; all
/// others are above 0. They sum to the pixels of the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunLengths {
    counts: Vec<u64>,
}

/// The run lengths of each segment.
///
/// # Conventions
/// Ids from 0 to `segments` − 1; pixels of other ids are of no segment.
///
/// # Cost
/// One pass over the pixels, by columns.
///
/// # Source
/// The run lengths of MS-COCO, as `maskApi` of its tools writes them.
///
/// # Example
/// ```
/// # fn main() -> Result<(), segmentation::Error> {
/// // 0 1
/// // 0 0
/// let labels = segmentation::LabelMap::new(2, 2, vec![0, 1, 0, 0])?;
/// let found = segmentation::run_lengths(&labels, 2);
/// assert_eq!(found[0].counts(), [0, 2, 1, 1]);
/// assert_eq!(found[1].counts(), [2, 1, 1]);
/// assert_eq!(found[1].compressed(), "211");
/// # Ok(())
/// # }
/// ```
pub fn run_lengths(labels: &LabelMap, segments: usize) -> Vec<RunLengths> {
    let (width, height) = (labels.width(), labels.height());
    // Of each segment the place after its last pixel.
    let mut ends = vec![0_u64; segments];
    let mut found = vec![RunLengths { counts: Vec::new() }; segments];
    let columns = (0..width).flat_map(|x| (0..height).map(move |y| y * width + x));
    for (place, pixel) in columns.enumerate() {
        let (place, id) = (place as u64, labels.ids()[pixel] as usize);
        let Some(end) = ends.get_mut(id) else {
            continue;
        };
        let counts = &mut found[id].counts;
        match counts.last_mut() {
            Some(run) if *end == place => *run += 1,
            _ => counts.extend([place - *end, 1]),
        }
        *end = place + 1;
    }
    let pixels = labels.ids().len() as u64;
    for (run, end) in found.iter_mut().zip(ends) {
        if end < pixels {
            run.counts.push(pixels - end);
        }
    }
    found
}

impl RunLengths {
    /// The lengths.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Pixels of the segment.
    pub fn area(&self) -> u64 {
        self.counts.iter().skip(1).step_by(2).sum()
    }

    /// The text that MS-COCO's tools make of the lengths.
    ///
    /// Each number from the fourth on is written as its difference to the one two before. Groups of five bits, the lowest
    /// first, become characters from `0` on; the sixth bit says that another group follows.
    ///
    /// # Source
    /// `rleToString` of `maskApi`.
    pub fn compressed(&self) -> String {
        let mut text = String::new();
        for (place, run) in self.counts.iter().enumerate() {
            let mut rest = *run as i64;
            if place > 2 {
                rest -= self.counts[place - 2] as i64;
            }
            loop {
                let group = (rest & 0x1f) as u8;
                rest >>= 5;
                // The sign is the highest bit of the last group.
                let negative = group & 0x10 != 0;
                let more = rest != if negative { -1 } else { 0 };
                text.push(char::from(48 + group + if more { 0x20 } else { 0 }));
                if !more {
                    break;
                }
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_by_three_by_hand() {
        // A ring around a pixel, and a column: what pycocotools' `encode` gives.
        let labels = LabelMap::new(4, 3, vec![0, 0, 0, 1, 0, 2, 0, 1, 0, 0, 0, 1]).unwrap();
        let found = run_lengths(&labels, 3);
        let expected: [(&[u64], u64, &str); 3] = [
            (&[0, 4, 1, 4, 3], 8, "04102"),
            (&[9, 3], 3, "93"),
            (&[4, 1, 7], 1, "417"),
        ];
        for (found, (counts, area, text)) in found.iter().zip(expected) {
            assert_eq!(
                (found.counts(), found.area(), found.compressed().as_str()),
                (counts, area, text)
            );
        }
    }

    #[test]
    fn pixels_of_no_segment_are_in_none() {
        let labels = LabelMap::new(2, 2, vec![0, 2, 2, 0]).unwrap();
        let found = run_lengths(&labels, 2);
        assert_eq!(found[0].counts(), [0, 1, 2, 1]);
        assert_eq!((found[1].counts(), found[1].area()), (&[4][..], 0));
    }

    #[test]
    fn long_runs_and_shrinking_ones_take_several_groups() {
        let text = |counts: &[u64]| {
            let counts = counts.to_vec();
            RunLengths { counts }.compressed()
        };
        // 5; 100 = 3 · 32 + 4; 3; 40 − 100 = −60 = −2 · 32 + 4; 2 − 3 = −1.
        assert_eq!(text(&[5, 100, 3, 40, 2]), "5T33TNO");
        // 16 needs a second group, so that it is not taken for −16.
        assert_eq!(text(&[16]), "`0");
        assert_eq!(text(&[307_200]), "PP\\9");
    }
}
