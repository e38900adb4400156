//! The regions of a label map, numbered without gaps.

use std::collections::HashMap;

use segmentation::LabelMap;

/// A label map with regions 0, 1, … in the order of their ids, and the size of each.
pub(crate) struct Regions {
    pub(crate) of_pixel: Vec<u32>,
    pub(crate) sizes: Vec<u64>,
    /// The region whose id was 0.
    pub(crate) zero: Option<u32>,
}

impl Regions {
    pub(crate) fn new(map: &LabelMap) -> Self {
        let ids = map.ids();
        let highest = ids.iter().copied().max().unwrap_or(0) as usize;
        // A table by id where ids are small, as they nearly always are.
        let of_pixel = if highest <= 4 * ids.len() {
            by_table(ids, highest)
        } else {
            by_hash(ids)
        };
        let count = of_pixel
            .iter()
            .copied()
            .max()
            .map_or(0, |last| last as usize + 1);
        let mut sizes = vec![0; count];
        for region in &of_pixel {
            sizes[*region as usize] += 1;
        }
        // The lowest id comes first.
        let zero = ids
            .iter()
            .position(|id| *id == 0)
            .map(|pixel| of_pixel[pixel]);
        Self {
            of_pixel,
            sizes,
            zero,
        }
    }
}

fn by_table(ids: &[u32], highest: usize) -> Vec<u32> {
    let mut region_of_id = vec![0u32; highest + 1];
    for id in ids {
        region_of_id[*id as usize] = 1;
    }
    let mut next = 0;
    for region in &mut region_of_id {
        let present = *region;
        *region = next;
        next += present;
    }
    ids.iter().map(|id| region_of_id[*id as usize]).collect()
}

fn by_hash(ids: &[u32]) -> Vec<u32> {
    let mut distinct = ids.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let region_of_id: HashMap<u32, u32> = distinct.into_iter().zip(0..).collect();
    ids.iter().map(|id| region_of_id[id]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_regions_in_the_order_of_ids() {
        let map = LabelMap::new(3, 2, vec![9, 2, 9, 0, 0, 0]).unwrap();
        let regions = Regions::new(&map);
        assert_eq!(regions.of_pixel, [2, 1, 2, 0, 0, 0]);
        assert_eq!(regions.sizes, [3, 1, 2]);
        assert_eq!(regions.zero, Some(0));
    }

    #[test]
    fn both_ways_agree() {
        for ids in [vec![7, 7, 3, 1], vec![0], vec![4, 3, 2, 1, 0]] {
            let highest = *ids.iter().max().unwrap() as usize;
            assert_eq!(by_table(&ids, highest), by_hash(&ids));
        }
        let far = Regions::new(&LabelMap::new(2, 1, vec![u32::MAX, 5]).unwrap());
        assert_eq!((far.of_pixel, far.zero), (vec![1, 0], None));
    }
}
