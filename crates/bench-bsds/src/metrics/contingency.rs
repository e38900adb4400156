//! How many pixels each segment shares with each human region.

use segmentation::LabelMap;

use super::regions::Regions;
use crate::dataset::size_of;
use crate::error::{Error, Result};

/// The joint histogram of two label maps: nᵢⱼ pixels lie in segment i and in region j.
///
/// ```
/// use bench_bsds::{ContingencyTable, Overlaps, rand_index, variation_of_information};
/// use segmentation::LabelMap;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let segmentation = LabelMap::new(4, 1, vec![0, 0, 1, 1])?;
/// let annotation = LabelMap::new(4, 1, vec![1, 1, 1, 2])?;
/// let table = ContingencyTable::new(&segmentation, &annotation)?;
/// assert_eq!(rand_index(&table), 0.5);
/// // The region of 3 pixels is met at 2/3, the one of 1 pixel at 1/2.
/// assert!((Overlaps::new(&table).covering() - (3.0 * (2.0 / 3.0) + 0.5) / 4.0).abs() < 1e-15);
/// assert!(variation_of_information(&table) > 0.0);
/// # Ok(())
/// # }
/// ```
///
/// # Conventions
/// Segments and regions are numbered from 0 in the order of their ids. Only cells that are not zero are stored, segment
/// by segment.
///
/// # Cost
/// One pass over the pixels and one over segments × regions, or a sort of the pixels where that product is large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContingencyTable {
    segment_sizes: Vec<u64>,
    region_sizes: Vec<u64>,
    cells: Vec<Cell>,
    unlabelled: Option<u32>,
}

/// One cell that is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) segment: u32,
    pub(super) region: u32,
    pub(super) pixels: u64,
}

/// A table of more cells is not laid out.
const MOST_DENSE: usize = 1 << 22;

impl ContingencyTable {
    /// The table of a segmentation and one human segmentation.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`].
    pub fn new(segmentation: &LabelMap, annotation: &LabelMap) -> Result<Self> {
        let (expected, found) = (size_of(annotation), size_of(segmentation));
        if expected != found {
            return Err(Error::SizeMismatch {
                name: "segmentation".to_owned(),
                expected,
                found,
            });
        }
        Ok(Self::count(
            &Regions::new(segmentation),
            &Regions::new(annotation),
        ))
    }

    /// The table of two maps of one size.
    pub(crate) fn count(segments: &Regions, regions: &Regions) -> Self {
        let pairs = segments
            .of_pixel
            .iter()
            .zip(&regions.of_pixel)
            .map(|(i, j)| (*i, *j, 1));
        Self {
            segment_sizes: segments.sizes.clone(),
            region_sizes: regions.sizes.clone(),
            cells: collect(pairs, segments.sizes.len(), regions.sizes.len()),
            unlabelled: None,
        }
    }

    /// The table whose segment `segment_of[i]` is the union of the old segments i; `count` is their number.
    pub(crate) fn merged(&self, segment_of: &[u32], count: usize) -> Self {
        let mut segment_sizes = vec![0; count];
        for (size, segment) in self.segment_sizes.iter().zip(segment_of) {
            segment_sizes[*segment as usize] += size;
        }
        let pairs = self
            .cells
            .iter()
            .map(|cell| (segment_of[cell.segment as usize], cell.region, cell.pixels));
        Self {
            segment_sizes,
            region_sizes: self.region_sizes.clone(),
            cells: collect(pairs, count, self.region_sizes.len()),
            unlabelled: None,
        }
    }

    /// The same counts, where one segment stands for the pixels that belong to none: [`Overlaps`] pass it over.
    pub(crate) fn with_unlabelled(self, unlabelled: Option<u32>) -> Self {
        Self { unlabelled, ..self }
    }

    /// Pixels in each segment.
    pub fn segment_sizes(&self) -> &[u64] {
        &self.segment_sizes
    }

    /// Pixels in each human region.
    pub fn region_sizes(&self) -> &[u64] {
        &self.region_sizes
    }

    /// Pixels in all.
    pub fn pixels(&self) -> u64 {
        self.region_sizes.iter().sum()
    }

    pub(super) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The segment that stands for pixels of no segment.
    pub(crate) fn unlabelled(&self) -> Option<u32> {
        self.unlabelled
    }
}

fn collect(
    pairs: impl Iterator<Item = (u32, u32, u64)>,
    segments: usize,
    regions: usize,
) -> Vec<Cell> {
    match segments.checked_mul(regions) {
        Some(cells) if cells <= MOST_DENSE => collect_dense(pairs, cells, regions),
        _ => collect_sorted(pairs),
    }
}

fn collect_dense(
    pairs: impl Iterator<Item = (u32, u32, u64)>,
    cells: usize,
    regions: usize,
) -> Vec<Cell> {
    let mut counts = vec![0u64; cells];
    for (segment, region, pixels) in pairs {
        counts[segment as usize * regions + region as usize] += pixels;
    }
    let mut cells = Vec::new();
    for (row, segment) in counts.chunks_exact(regions.max(1)).zip(0..) {
        for (pixels, region) in row.iter().zip(0..) {
            if *pixels > 0 {
                cells.push(Cell {
                    segment,
                    region,
                    pixels: *pixels,
                });
            }
        }
    }
    cells
}

fn collect_sorted(pairs: impl Iterator<Item = (u32, u32, u64)>) -> Vec<Cell> {
    let mut sorted: Vec<_> = pairs.collect();
    sorted.sort_unstable_by_key(|(segment, region, _)| (*segment, *region));
    let mut cells: Vec<Cell> = Vec::new();
    for (segment, region, pixels) in sorted {
        match cells.last_mut() {
            Some(last) if (last.segment, last.region) == (segment, region) => last.pixels += pixels,
            _ => cells.push(Cell {
                segment,
                region,
                pixels,
            }),
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn map(ids: &[u32]) -> LabelMap {
        LabelMap::new(ids.len(), 1, ids.to_vec()).unwrap()
    }

    fn triples(table: &ContingencyTable) -> Vec<(u32, u32, u64)> {
        table
            .cells
            .iter()
            .map(|cell| (cell.segment, cell.region, cell.pixels))
            .collect()
    }

    #[test]
    fn counts_by_hand() {
        let table = ContingencyTable::new(&map(&[5, 5, 9, 9, 9]), &map(&[1, 2, 2, 2, 1])).unwrap();
        assert_eq!(
            triples(&table),
            [(0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 2)]
        );
        assert_eq!(
            (table.segment_sizes(), table.region_sizes(), table.pixels()),
            (&[2, 3][..], &[2, 3][..], 5)
        );
    }

    #[test]
    fn laid_out_or_sorted_is_the_same() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(1);
        let pairs: Vec<_> = (0..500)
            .map(|_| {
                (
                    random.random_range(0..9u32),
                    random.random_range(0..7u32),
                    random.random_range(1..4u64),
                )
            })
            .collect();
        assert_eq!(
            collect_dense(pairs.iter().copied(), 63, 7),
            collect_sorted(pairs.into_iter())
        );
    }

    #[test]
    fn merging_the_table_is_merging_the_map() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(2);
        let pieces: Vec<u32> = (0..300).map(|pixel| pixel % 10).collect();
        let truth: Vec<u32> = (0..300).map(|_| random.random_range(0..4)).collect();
        let segment_of = [0, 1, 1, 2, 0, 2, 2, 1, 0, 0];
        let merged: Vec<u32> = pieces
            .iter()
            .map(|piece| segment_of[*piece as usize])
            .collect();
        let table = ContingencyTable::new(&map(&pieces), &map(&truth)).unwrap();
        assert_eq!(
            table.merged(&segment_of, 3),
            ContingencyTable::new(&map(&merged), &map(&truth)).unwrap()
        );
    }

    #[test]
    fn refuses_two_sizes() {
        let error = ContingencyTable::new(&map(&[1, 1]), &map(&[1, 1, 1])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "segmentation: expected 3 × 1 pixels, found 2 × 1"
        );
    }
}
