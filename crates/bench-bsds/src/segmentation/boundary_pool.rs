//! All boundary maps of one image.

use std::path::Path;

use super::level::Level;
use super::mat_pool::{MatSegmentations, segmentations};
use super::pool::Pool;
use super::soft_map::{SoftLook, SoftMap, SoftReading};
use super::ucm::Thresholds;
#[cfg(doc)]
use super::ucm::Ucm;
use crate::dataset::mat5::MatFile;
use crate::dataset::{ending, npy};
use crate::error::{Error, Result, Size};
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

    /// Width and height of the first map; `None` for a pool without levels.
    pub fn size(&self) -> Option<Size> {
        self.maps.first().map(BoundaryMap::size)
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
/// The first bytes of a file decide on its format, not its name.
///
/// - `segs` in a `.mat` file, a cell array of label maps: levels 1, 2, … in order, each the boundaries between its
///   segments.
/// - `ucm2` in a `.mat` file, a contour map at double size: its strengths between the pixels, as [`Ucm::boundaries`]
///   takes them, one level for each of `thresholds`.
/// - any other `.mat` file with one matrix, or one under a usual name (`edge`, `img`, `pb`, …), and a NumPy array: its
///   numbers for strengths, those of 8 or 16 bits over 255 or 65535, one level for each of `thresholds`.
/// - any other file, a picture in grey, or in colours that are all grey: grey level / 255 for a strength, one level for
///   each of `thresholds`. In 16 bits it is grey level / 65535, where the benchmark, which divides by 255, would find
///   strengths beyond 1.
///
/// Where `segs` and `ucm2` are both present `segs` is read.
///
/// # Errors
/// [`Error::Io`]; those of [`read_segmentation_mat`](crate::read_segmentation_mat); [`Error::Npy`];
/// [`Error::Picture`] and [`Error::BoundaryPicture`] for a picture that does not decode, or has colours.
pub fn read_boundaries(path: &Path, thresholds: &Thresholds) -> Result<BoundaryPool> {
    Ok(read_boundaries_with(path, thresholds, &SoftReading::default())?.0)
}

/// As [`read_boundaries`], the numbers of soft maps read as `reading` says, and a look at them.
///
/// Label maps are what they are: they are read alike under any `reading`, and there is no look at them.
///
/// # Errors
/// As [`read_boundaries`].
pub fn read_boundaries_with(
    path: &Path,
    thresholds: &Thresholds,
    reading: &SoftReading,
) -> Result<(BoundaryPool, Option<SoftLook>)> {
    let bytes = std::fs::read(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })?;
    decode_boundaries(path, bytes, thresholds, reading)
}

/// As [`read_boundaries_with`], out of a file's bytes; `path` names it in errors.
///
/// # Errors
/// As [`read_boundaries`].
pub fn decode_boundaries(
    path: &Path,
    bytes: Vec<u8>,
    thresholds: &Thresholds,
    reading: &SoftReading,
) -> Result<(BoundaryPool, Option<SoftLook>)> {
    let soft = |map: SoftMap| {
        let (map, look) = map.read(reading)?;
        Ok((BoundaryPool::from_soft(&map, thresholds), Some(look)))
    };
    match Format::of(path, &bytes) {
        Format::Picture => soft(SoftMap::from_picture(path, bytes)?),
        Format::Npy => soft(SoftMap::from_npy(path, &bytes)?),
        Format::Mat => {
            let file = MatFile::parse(path, &bytes)?;
            drop(bytes);
            if file.find("segs").is_none() && file.find("ucm2").is_none() {
                return soft(SoftMap::from_mat(path, &file)?);
            }
            Ok(match segmentations(path, &file)? {
                MatSegmentations::Maps(pool) => (BoundaryPool::from_segmentations(&pool)?, None),
                MatSegmentations::Contours(ucm) => return soft(SoftMap::from_contours(&ucm)),
            })
        }
    }
}

enum Format {
    Picture,
    Npy,
    Mat,
}

impl Format {
    /// By the first bytes; where they are of none of the formats, by the name.
    fn of(path: &Path, bytes: &[u8]) -> Self {
        let begins = |with: &[u8]| bytes.starts_with(with);
        let ending = ending(path).unwrap_or_default();
        if image::guess_format(bytes).is_ok() {
            Self::Picture
        } else if begins(npy::MAGIC) || begins(b"PK\x03\x04") {
            Self::Npy
        } else if begins(b"MATLAB ") || begins(b"\x89HDF") {
            Self::Mat
        } else {
            match ending.as_str() {
                "npy" | "npz" => Self::Npy,
                "mat" => Self::Mat,
                _ => Self::Picture,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use image::DynamicImage;
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
    fn contour_maps_at_double_size_are_scaled_and_looked_at() {
        // Two pixels side by side, 153 of 255 between them.
        let column = |strength: f64| [strength; 3];
        let strengths = [0.0, 0.0, 153.0, 0.0, 0.0].map(column).concat();
        let element = double(Writer::Little, "ucm2", &[3, 5], &strengths);
        let read = |scale| {
            let bytes = file(Writer::Little, std::slice::from_ref(&element));
            let reading = SoftReading {
                scale,
                ..SoftReading::default()
            };
            let thresholds = Thresholds::official(3).unwrap();
            decode_boundaries(Path::new("7.mat"), bytes, &thresholds, &reading).unwrap()
        };
        let (pool, look) = read(None);
        assert_eq!(counts(&pool), [1, 1, 1]);
        let look = look.unwrap();
        assert_eq!((look.full, look.most, look.pixels), (1.0, 153.0, 2));
        let (pool, look) = read(Some(255.0));
        assert_eq!(counts(&pool), [1, 1, 0]);
        assert_eq!(look.unwrap().full, 255.0);
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
        let red = image::RgbImage::from_pixel(1, 1, image::Rgb([200, 0, 0]));
        let error = read(".png", &encode(red.into())).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("in grey of 8 or 16 bits, found colours"),
            "{error}"
        );
        assert!(matches!(
            read(".png", b"no picture"),
            Err(Error::Picture(_))
        ));
    }

    #[test]
    fn content_decides_and_not_the_name() {
        let grey = image::GrayImage::from_raw(4, 1, vec![0, 64, 255, 128]).unwrap();
        let mut png = std::io::Cursor::new(Vec::new());
        grey.write_to(&mut png, image::ImageFormat::Png).unwrap();
        let array = npy::written("<f4", false, "1, 4", &{
            let strengths = [0.0_f32, 0.3, 1.0, 0.6].map(f32::to_le_bytes);
            strengths.concat()
        });
        let matrix = double(Writer::Little, "edge", &[1, 4], &[0.0, 0.3, 1.0, 0.6]);
        for bytes in [png.into_inner(), array, file(Writer::Little, &[matrix])] {
            for name in [".png", ".mat", ".npy", ".jpg"] {
                assert_eq!(counts(&read(name, &bytes).unwrap()), [3, 2, 1], "{name}");
            }
        }
        let words = |ending, bytes: &[u8]| read(ending, bytes).unwrap_err().to_string();
        assert!(words(".png", b"\x89HDF\r\n\x1a\n").contains("version 7.3, which is HDF5"));
        assert!(words(".npz", b"PK\x03\x04").contains("(.npz)"));
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
