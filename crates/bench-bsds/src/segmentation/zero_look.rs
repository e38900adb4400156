//! Whether label maps count their segments from 0, where 0 is no segment.

use serde::{Deserialize, Serialize};

use super::pool::Pool;

/// Pixels of id 0 in label maps of `.mat` files, where the benchmark counts them to no segment.
///
/// Programs that count from 0 lose a segment by it: covering falls, the Rand index and the variation of information do
/// not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZeroLook {
    /// Label maps with id 0.
    pub maps_with_zero: u64,
    /// Label maps.
    pub maps: u64,
    /// Pixels of id 0.
    pub zeros: u64,
    /// Pixels of all maps.
    pub pixels: u64,
}

impl ZeroLook {
    /// At the maps of a pool whose id 0 is no segment; `None` for other pools, contour maps among them.
    pub fn at(pool: &Pool) -> Option<Self> {
        if !pool.zero_is_unlabelled() || pool.pieces().is_some() {
            return None;
        }
        let mut look = Self::default();
        for map in pool.maps() {
            let zeros = map.ids().iter().filter(|id| **id == 0).count() as u64;
            look.add(&Self {
                maps_with_zero: u64::from(zeros > 0),
                maps: 1,
                zeros,
                pixels: map.ids().len() as u64,
            });
        }
        Some(look)
    }

    /// Adds another look.
    pub fn add(&mut self, other: &Self) {
        self.maps_with_zero += other.maps_with_zero;
        self.maps += other.maps;
        self.zeros += other.zeros;
        self.pixels += other.pixels;
    }
}

#[cfg(test)]
mod tests {
    use segmentation::LabelMap;

    use super::*;
    use crate::segmentation::{Level, Thresholds, Ucm};

    #[test]
    fn zeros_count_where_they_are_no_segment() {
        let map = |ids: &[u32]| LabelMap::new(3, 1, ids.to_vec()).unwrap();
        let maps = vec![
            (Level::Place(1), map(&[0, 0, 1])),
            (Level::Place(2), map(&[1, 2, 3])),
        ];
        let pool = Pool::from(maps).with_zero_unlabelled();
        let look = ZeroLook::at(&pool).unwrap();
        assert_eq!(
            (look.maps_with_zero, look.maps, look.zeros, look.pixels),
            (1, 2, 2, 6)
        );
        assert_eq!(ZeroLook::at(&pool.with_zero_as_segment()), None);
        let ucm = Ucm::new(3, 3, vec![0.0; 9]).unwrap();
        let cuts = ucm.pool(&Thresholds::official(1).unwrap()).unwrap();
        assert_eq!(ZeroLook::at(&cuts), None);
        assert!(cuts.with_zero_as_segment().zero_is_unlabelled());
    }
}
