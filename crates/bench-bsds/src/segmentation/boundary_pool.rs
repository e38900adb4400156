//! All boundary maps of one image.

use std::path::Path;

use image::DynamicImage;
use pictures::PictureFile;

use super::level::Level;
use super::mat_pool::{MatSegmentations, segmentations};
use super::pool::Pool;
use super::ucm::Thresholds;
use crate::dataset::mat5::MatFile;
use crate::error::{Error, Result};
use crate::metrics::{BoundaryMap, SoftBoundaryMap};

/// The boundaries found in one image, each map under its level, thinned to lines of one pixel.
///
/// A map that repeats the one before it is stored, thinned and measured once.
///
/// ```
/// use bench_bsds::{BoundaryPool, Level, SoftBoundaryMap, Thresholds};
///
/// # fn main() -> bench_bsds::Result<()> {
/// let soft = SoftBoundaryMap::new(3, 1, vec![0.1, 0.9, 0.4])?;
/// let pool = BoundaryPool::from_soft(&soft, &Thresholds::official(3)?);
/// assert_eq!(pool.levels().len(), 3);
/// assert_eq!(pool.map(0).count(), 2);
/// assert_eq!(pool.map(1), pool.map(2));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct BoundaryPool {
    /// Each level, and the place of its map.
    levels: Vec<(Level, usize)>,
    maps: Vec<BoundaryMap>,
}

impl BoundaryPool {
    /// The pixels of at least each threshold.
    pub fn from_soft(soft: &SoftBoundaryMap, thresholds: &Thresholds) -> Self {
        let levels = thresholds
            .values()
            .iter()
            .map(|threshold| (Level::Threshold(*threshold), soft.at(*threshold)));
        Self::thinned(levels)
    }

    /// The boundaries between the segments of each level; id 0 is a segment too.
    ///
    /// # Errors
    /// As [`Pool::label_map`].
    pub fn from_segmentations(pool: &Pool) -> Result<Self> {
        let levels = pool.levels().into_iter().enumerate().map(|(index, level)| {
            let segments = pool.label_map(index)?;
            Ok((level, BoundaryMap::between_segments(&segments)))
        });
        let mut levels = levels.collect::<Result<Vec<_>>>()?;
        levels.sort_by(|(a, _), (b, _)| a.order(b));
        Ok(Self::thinned(levels))
    }

    fn thinned(drawn: impl IntoIterator<Item = (Level, BoundaryMap)>) -> Self {
        let mut levels = Vec::new();
        let mut maps = Vec::new();
        let mut previous = None;
        for (level, map) in drawn {
            if previous.as_ref() != Some(&map) {
                let thin = map.thinned();
                if maps.last() != Some(&thin) {
                    maps.push(thin);
                }
                previous = Some(map);
            }
            levels.push((level, maps.len() - 1));
        }
        Self { levels, maps }
    }

    /// The levels, in order.
    pub fn levels(&self) -> Vec<Level> {
        self.levels.iter().map(|(level, _)| *level).collect()
    }

    /// The thinned map at place `index` of [`BoundaryPool::levels`].
    ///
    /// # Panics
    /// When there is no such place.
    pub fn map(&self, index: usize) -> &BoundaryMap {
        &self.maps[self.levels[index].1]
    }

    /// Each level, and the place of its map among [`BoundaryPool::maps`].
    pub(crate) fn places(&self) -> &[(Level, usize)] {
        &self.levels
    }

    /// The maps that differ from the one before.
    pub(crate) fn maps(&self) -> &[BoundaryMap] {
        &self.maps
    }
}

/// The boundaries in a file, as the official benchmark reads them.
///
/// - `segs` in a `.mat` file, a cell array of label maps: levels 1, 2, … in order, each the boundaries between its
///   segments.
/// - `ucm2` in a `.mat` file, a contour map at double size: its strengths, one level for each of `thresholds`.
/// - any other file, a picture in grey: grey level / 255 for a strength, one level for each of `thresholds`. In 16 bits
///   it is grey level / 65535, where the benchmark, which divides by 255, would find strengths beyond 1.
///
/// Where `segs` and `ucm2` are both present `segs` is read.
///
/// # Errors
/// [`Error::Io`]; those of [`read_segmentation_mat`](crate::read_segmentation_mat); [`Error::Picture`] and
/// [`Error::BoundaryPicture`] for a picture that does not decode, or has colours or other depths.
pub fn read_boundaries(path: &Path, thresholds: &Thresholds) -> Result<BoundaryPool> {
    if path.extension().is_none_or(|ending| ending != "mat") {
        return Ok(BoundaryPool::from_soft(&soft_boundaries(path)?, thresholds));
    }
    match segmentations(path, &MatFile::read(path)?)? {
        MatSegmentations::Maps(pool) => BoundaryPool::from_segmentations(&pool),
        MatSegmentations::Contours(ucm) => {
            Ok(BoundaryPool::from_soft(&ucm.boundaries()?, thresholds))
        }
    }
}

fn soft_boundaries(path: &Path) -> Result<SoftBoundaryMap> {
    let picture = PictureFile::open(path)?.decode()?;
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    match picture {
        DynamicImage::ImageLuma8(grey) => {
            let strengths = grey.as_raw().iter();
            let strengths = strengths.map(|level| f64::from(*level) / 255.0);
            SoftBoundaryMap::new(width, height, strengths.collect())
        }
        DynamicImage::ImageLuma16(grey) => {
            let strengths = grey.as_raw().iter();
            let strengths = strengths.map(|level| f64::from(*level) / 65535.0);
            SoftBoundaryMap::new(width, height, strengths.collect())
        }
        other => Err(Error::BoundaryPicture {
            path: path.to_owned(),
            found: format!("{:?}", other.color()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use segmentation::LabelMap;

    use super::*;
    use crate::dataset::mat5::written::{Writer, cells, double, file, uint16};

    fn read(ending: &str, bytes: &[u8]) -> Result<BoundaryPool> {
        let file = tempfile::Builder::new().suffix(ending).tempfile().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        read_boundaries(file.path(), &Thresholds::official(3).unwrap())
    }

    fn counts(pool: &BoundaryPool) -> Vec<usize> {
        (0..pool.levels().len())
            .map(|index| pool.map(index).count())
            .collect()
    }

    #[test]
    fn reads_segs_by_place_and_contour_maps_by_threshold() {
        let maps = [
            uint16(Writer::Little, "", &[1, 4], &[1, 1, 2, 2]),
            double(Writer::Little, "", &[1, 4], &[0.0, 3.0, 0.0, 0.0]),
        ];
        let segs = file(Writer::Little, &[cells(Writer::Little, "segs", &maps)]);
        let pool = read(".mat", &segs).unwrap();
        assert_eq!(pool.levels(), [Level::Place(1), Level::Place(2)]);
        assert_eq!(counts(&pool), [1, 2]);
        // Two pixels side by side, 0.6 between them.
        let strengths = [[0.0; 3], [0.0; 3], [0.6; 3], [0.0; 3], [0.0; 3]].concat();
        let ucm2 = file(
            Writer::Little,
            &[double(Writer::Little, "ucm2", &[3, 5], &strengths)],
        );
        let pool = read(".mat", &ucm2).unwrap();
        assert_eq!(pool.levels()[1], Level::Threshold(0.5));
        assert_eq!(counts(&pool), [1, 1, 0]);
        assert_eq!(pool.maps().len(), 2);
    }

    #[test]
    fn reads_grey_pictures_and_no_others() {
        let encode = |picture: DynamicImage| {
            let mut bytes = std::io::Cursor::new(Vec::new());
            picture
                .write_to(&mut bytes, image::ImageFormat::Png)
                .unwrap();
            bytes.into_inner()
        };
        let grey = image::GrayImage::from_raw(4, 1, vec![0, 64, 255, 128]).unwrap();
        assert_eq!(
            counts(&read(".png", &encode(grey.into())).unwrap()),
            [3, 2, 1]
        );
        // In 16 bits the same shares of white are the same strengths.
        let levels = vec![0_u16, 64 * 257, 65535, 128 * 257];
        let deep = image::ImageBuffer::<image::Luma<u16>, _>::from_raw(4, 1, levels).unwrap();
        assert_eq!(
            counts(&read(".png", &encode(deep.into())).unwrap()),
            [3, 2, 1]
        );
        let error = read(".png", &encode(image::RgbImage::new(1, 1).into())).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("in grey of 8 or 16 bits, found Rgb8"),
            "{error}"
        );
        assert!(matches!(
            read(".png", b"no picture"),
            Err(Error::Picture(_))
        ));
    }

    #[test]
    fn levels_are_put_in_order() {
        let map = |ids: &[u32]| LabelMap::new(3, 1, ids.to_vec()).unwrap();
        let pool = Pool::from(vec![
            (Level::Clusters(3), map(&[1, 2, 3])),
            (Level::Clusters(1), map(&[1, 1, 1])),
        ]);
        let boundaries = BoundaryPool::from_segmentations(&pool).unwrap();
        assert_eq!(
            boundaries.levels(),
            [Level::Clusters(1), Level::Clusters(3)]
        );
        assert_eq!(counts(&boundaries), [0, 2]);
    }
}
