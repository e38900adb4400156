//! Covering: how well the best segments overlap the human regions.

use super::contingency::ContingencyTable;

/// The best overlap of every region and of every segment.
///
/// ```text
/// overlap     O(Sᵢ, Rⱼ) = nᵢⱼ / (|Sᵢ| + |Rⱼ| − nᵢⱼ)          intersection over union
/// of regions  best(Rⱼ) = maxᵢ O(Sᵢ, Rⱼ)
/// of segments best(Sᵢ) = maxⱼ O(Sᵢ, Rⱼ)
/// covering    C = Σⱼ |Rⱼ| best(Rⱼ) / Σⱼ |Rⱼ|                 of the regions by the segments
/// ```
///
/// # Conventions
/// A segment that stands for pixels of no segment covers nothing, and its best overlap is 0; its pixels still count in
/// the unions.
///
/// # Cost
/// O(cells of the table that are not zero).
///
/// # Source
/// Arbeláez, Maire, Fowlkes, Malik, TPAMI 33(5), 2011, §3.1.3; rounding, order and zeros as in the benchmark published
/// with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlaps {
    of_regions: Vec<f64>,
    of_segments: Vec<f64>,
    region_sizes: Vec<u64>,
}

impl Overlaps {
    /// The best overlaps in a table.
    pub fn new(table: &ContingencyTable) -> Self {
        let (segments, regions) = (table.segment_sizes(), table.region_sizes());
        let mut of_regions = vec![0.0_f64; regions.len()];
        let mut of_segments = vec![0.0_f64; segments.len()];
        for cell in table.cells() {
            if table.unlabelled() == Some(cell.segment) {
                continue;
            }
            let (i, j) = (cell.segment as usize, cell.region as usize);
            let overlap = cell.pixels as f64 / (segments[i] + regions[j] - cell.pixels) as f64;
            of_regions[j] = of_regions[j].max(overlap);
            of_segments[i] = of_segments[i].max(overlap);
        }
        Self {
            of_regions,
            of_segments,
            region_sizes: regions.to_vec(),
        }
    }

    /// The best overlap of each region.
    pub fn of_regions(&self) -> &[f64] {
        &self.of_regions
    }

    /// The best overlap of each segment.
    pub fn of_segments(&self) -> &[f64] {
        &self.of_segments
    }

    /// Pixels covered: Σⱼ |Rⱼ| best(Rⱼ).
    pub fn covered(&self) -> f64 {
        covered(&self.region_sizes, &self.of_regions)
    }

    /// The covering of this one annotator's regions, from 0 to 1.
    pub fn covering(&self) -> f64 {
        self.covered() / self.region_sizes.iter().sum::<u64>() as f64
    }
}

/// Sizes weighted by overlaps.
pub(crate) fn covered(sizes: &[u64], overlaps: &[f64]) -> f64 {
    sizes
        .iter()
        .zip(overlaps)
        .map(|(size, overlap)| *size as f64 * overlap)
        .sum()
}

#[cfg(test)]
mod tests {
    use segmentation::LabelMap;

    use super::*;

    fn table(segments: &[u32], regions: &[u32]) -> ContingencyTable {
        let map = |ids: &[u32]| LabelMap::new(ids.len(), 1, ids.to_vec()).unwrap();
        ContingencyTable::new(&map(segments), &map(regions)).unwrap()
    }

    #[test]
    fn overlaps_by_hand() {
        // Segments of 2 and 4 pixels, regions of 3 and 3; 2, 0, 1, 3 shared.
        let overlaps = Overlaps::new(&table(&[1, 1, 2, 2, 2, 2], &[1, 1, 1, 2, 2, 2]));
        assert_eq!(overlaps.of_regions(), [2.0 / 3.0, 3.0 / 4.0]);
        assert_eq!(overlaps.of_segments(), [2.0 / 3.0, 3.0 / 4.0]);
        assert_eq!(overlaps.covered(), 3.0 * (2.0 / 3.0) + 3.0 * (3.0 / 4.0));
        assert_eq!(overlaps.covering(), 4.25 / 6.0);
    }

    #[test]
    fn itself_is_covered_whole_and_one_segment_by_the_largest() {
        assert_eq!(
            Overlaps::new(&table(&[4, 5, 5, 6], &[1, 2, 2, 3])).covering(),
            1.0
        );
        // One segment of 4: regions of 3 and 1 overlap it by 3/4 and 1/4.
        let whole = Overlaps::new(&table(&[1, 1, 1, 1], &[1, 1, 1, 2]));
        assert_eq!(whole.covering(), (3.0 * 0.75 + 0.25) / 4.0);
        assert_eq!(whole.of_segments(), [0.75]);
    }

    #[test]
    fn pixels_of_no_segment_cover_nothing_but_count_in_unions() {
        let with_none = table(&[0, 0, 1, 1], &[1, 1, 1, 1]).with_unlabelled(Some(0));
        let overlaps = Overlaps::new(&with_none);
        assert_eq!(
            (overlaps.of_regions(), overlaps.of_segments()),
            (&[0.5][..], &[0.0, 0.5][..])
        );
    }
}
