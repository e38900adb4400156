//! A soft boundary map from anybody's file: a picture, a `.mat` file or a NumPy array.

use std::path::Path;

use image::DynamicImage;
use pictures::PictureFile;
use serde::{Deserialize, Serialize};

use super::ucm::Ucm;
use crate::dataset::mat5::{Class, MatFile, View};
use crate::dataset::npy;
use crate::error::{Error, Result, Size};
use crate::metrics::SoftBoundaryMap;

/// How the numbers of a file become strengths from 0 to 1.
///
/// ```text
/// s  = number / scale          scale: 255 or 65535 for integers of 8 or 16 bits, 1 for all other numbers
/// s  ← 1 − s                   where inverted
/// s  ← ridges of s             where suppressed: SoftBoundaryMap::suppressed
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SoftReading {
    /// The number that is strength 1, where the file's type does not tell.
    pub scale: Option<f64>,
    /// Whether boundaries are dark on white.
    pub inverted: bool,
    /// Whether maps are raw: non-maximum suppression makes ridges of them first.
    pub suppressed: bool,
}

/// The numbers of one map, for a judgement of whether they can be meant: see [`SoftSurvey`](super::SoftSurvey).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SoftLook {
    /// The number that is strength 1.
    pub full: f64,
    /// Whether the file holds integers.
    pub integers: bool,
    /// The lowest number.
    pub least: f64,
    /// The highest number.
    pub most: f64,
    /// Pixels.
    pub pixels: u64,
    /// Pixels above half of the highest number.
    pub bright: u64,
    /// Pixels that are not a number, or infinite.
    pub not_numbers: u64,
}

impl SoftLook {
    /// At numbers of which `full` is strength 1.
    pub(super) fn at(full: f64, numbers: impl Iterator<Item = f64> + Clone) -> Self {
        let finite = || numbers.clone().filter(|number| number.is_finite());
        let least = finite().fold(f64::INFINITY, f64::min);
        let most = finite().fold(f64::NEG_INFINITY, f64::max);
        let pixels = numbers.clone().count() as u64;
        // Of no number at all there is neither.
        let bounded = |number: f64| if number.is_finite() { number } else { 0.0 };
        Self {
            full,
            integers: false,
            least: bounded(least),
            most: bounded(most),
            pixels,
            bright: finite().filter(|number| *number > 0.5 * most).count() as u64,
            not_numbers: pixels - finite().count() as u64,
        }
    }
}

/// The numbers of a file, as they are stored.
pub(super) struct SoftMap {
    size: Size,
    numbers: Vec<f64>,
    /// The number that is strength 1 by the file's type.
    full: f64,
    integers: bool,
}

impl SoftMap {
    /// The map in a picture of grey levels, or in colours that are all grey.
    pub(super) fn from_picture(path: &Path, bytes: Vec<u8>) -> Result<Self> {
        let picture = PictureFile::from_bytes(&path.display().to_string(), bytes)?.decode()?;
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let (numbers, full) = grey(path, picture)?;
        Ok(Self {
            size: Size { width, height },
            numbers,
            full,
            integers: true,
        })
    }

    /// The map in a NumPy array.
    pub(super) fn from_npy(path: &Path, bytes: &[u8]) -> Result<Self> {
        let matrix = npy::decode(path, bytes)?;
        Ok(Self::new(matrix.size, matrix.values, matrix.class))
    }

    /// The map in a `.mat` file: its only matrix of numbers, or the one under a usual name.
    pub(super) fn from_mat(path: &Path, file: &MatFile) -> Result<Self> {
        let matrices: Vec<_> = file.variables().filter(View::is_numbers).collect();
        let maps: Vec<_> = matrices
            .iter()
            .filter_map(|view| view.picture().ok())
            .collect();
        let usual = || MAT_NAMES.iter().find_map(|name| file.find(name));
        let (size, numbers, class) = match (usual(), matrices.len(), maps.len()) {
            (_, _, 1) => maps.into_iter().next().ok_or_else(|| none(path, file))?,
            (Some(view), ..) => view.picture()?,
            // Why the only one is not read.
            (None, 1, 0) => matrices[0].picture()?,
            _ => return Err(none(path, file)),
        };
        Ok(Self::new(size, numbers, class))
    }

    /// The map in a contour map at double size: its strengths between the pixels, whatever their class.
    pub(super) fn from_contours(ucm: &Ucm) -> Self {
        let (size, numbers) = ucm.between_pixels();
        Self::new(size, numbers, Class::Real)
    }

    fn new(size: Size, numbers: Vec<f64>, class: Class) -> Self {
        Self {
            size,
            numbers,
            full: match class {
                Class::Byte => 255.0,
                Class::Word => 65535.0,
                Class::Logical | Class::Real | Class::Integer => 1.0,
            },
            integers: matches!(class, Class::Byte | Class::Word | Class::Integer),
        }
    }

    /// Strengths, and a look at the numbers they are made of.
    pub(super) fn read(self, reading: &SoftReading) -> Result<(SoftBoundaryMap, SoftLook)> {
        let full = reading.scale.unwrap_or(self.full);
        let look = self.look(full, reading.inverted);
        let strengths = self.numbers.into_iter().map(|number| {
            let strength = number / full;
            if reading.inverted {
                1.0 - strength
            } else {
                strength
            }
        });
        let map = SoftBoundaryMap::new(self.size.width, self.size.height, strengths.collect())?;
        let map = if reading.suppressed {
            map.suppressed()
        } else {
            map
        };
        Ok((map, look))
    }

    /// At the numbers as they are meant: those of an inverted map count down from the scale.
    fn look(&self, full: f64, inverted: bool) -> SoftLook {
        let meant = move |number: f64| if inverted { full - number } else { number };
        let numbers = self.numbers.iter().map(move |number| meant(*number));
        SoftLook {
            integers: self.integers,
            ..SoftLook::at(full, numbers)
        }
    }
}

/// Names that detectors give their maps, where a file holds several matrices.
const MAT_NAMES: [&str; 12] = [
    "edge",
    "edges",
    "edge_map",
    "E",
    "img",
    "pb",
    "gPb",
    "ucm",
    "pred",
    "prediction",
    "result",
    "map",
];

fn none(path: &Path, file: &MatFile) -> Error {
    Error::MatVariable {
        path: path.to_owned(),
        variable: MAT_NAMES[0].to_owned(),
        expected: "one matrix of strengths, or `segs`, or `ucm2`".to_owned(),
        found: file.names(),
    }
}

/// The most that the colours of one grey pixel differ: JPEG rounds each for itself.
const GREY: u8 = 2;

/// Grey levels and the one of white.
fn grey(path: &Path, picture: DynamicImage) -> Result<(Vec<f64>, f64)> {
    let refuse = |found: &str| Error::BoundaryPicture {
        path: path.to_owned(),
        found: found.to_owned(),
    };
    let clear = || refuse("transparent pixels: flatten them first");
    let coloured = || refuse("colours: save the map before colours are given to it");
    let bytes = |levels: Vec<u8>| (levels.into_iter().map(f64::from).collect(), 255.0);
    let words = |levels: Vec<u16>| (levels.into_iter().map(f64::from).collect(), 65535.0);
    Ok(match picture {
        DynamicImage::ImageLuma8(grey) => bytes(grey.into_raw()),
        DynamicImage::ImageLuma16(grey) => words(grey.into_raw()),
        DynamicImage::ImageLumaA8(_) | DynamicImage::ImageRgba8(_) | DynamicImage::ImageRgb8(_) => {
            let colours = picture.into_rgba8();
            let level = |pixel: &image::Rgba<u8>| {
                let [red, green, blue, alpha] = pixel.0;
                let (least, most) = (red.min(green).min(blue), red.max(green).max(blue));
                match alpha {
                    255 if most - least <= GREY => Ok(green),
                    255 => Err(coloured()),
                    _ => Err(clear()),
                }
            };
            bytes(colours.pixels().map(level).collect::<Result<_>>()?)
        }
        DynamicImage::ImageLumaA16(_)
        | DynamicImage::ImageRgba16(_)
        | DynamicImage::ImageRgb16(_) => {
            let colours = picture.into_rgba16();
            let level = |pixel: &image::Rgba<u16>| match pixel.0 {
                [red, green, blue, u16::MAX] if red == green && green == blue => Ok(green),
                [_, _, _, u16::MAX] => Err(coloured()),
                _ => Err(clear()),
            };
            words(colours.pixels().map(level).collect::<Result<_>>()?)
        }
        other => return Err(refuse(&format!("{:?}", other.color()))),
    })
}

/// The strengths of a picture that holds boundaries: grey level over white.
pub(crate) fn read_picture(path: &Path) -> Result<(Size, Vec<f64>)> {
    let bytes = std::fs::read(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })?;
    let map = SoftMap::from_picture(path, bytes)?;
    let full = map.full;
    Ok((
        map.size,
        map.numbers
            .into_iter()
            .map(|number| number / full)
            .collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::mat5::written::{Writer, double, file, matrix, uint16};

    fn strengths(map: Result<SoftMap>, reading: SoftReading) -> Vec<f64> {
        map.unwrap().read(&reading).unwrap().0.strengths().to_vec()
    }

    fn encode(picture: impl Into<DynamicImage>, format: image::ImageFormat) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.into().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn grey_in_any_colours_is_grey() {
        let path = Path::new("7.png");
        let (plain, png) = (SoftReading::default(), image::ImageFormat::Png);
        let expected = [0.0, 51.0 / 255.0, 1.0];
        let grey = image::GrayImage::from_raw(3, 1, vec![0, 51, 255]).unwrap();
        let colours = DynamicImage::from(grey.clone());
        for picture in [
            colours.clone(),
            colours.to_rgb8().into(),
            colours.to_rgba8().into(),
            colours.to_luma_alpha8().into(),
            colours.to_luma16().into(),
            colours.to_rgb16().into(),
        ] {
            let found = strengths(SoftMap::from_picture(path, encode(picture, png)), plain);
            assert_eq!(found, expected);
        }
        let jpeg = image::RgbImage::from_pixel(8, 8, image::Rgb([90; 3]));
        let jpeg = encode(jpeg, image::ImageFormat::Jpeg);
        assert!(
            (strengths(SoftMap::from_picture(path, jpeg), plain)[9] - 90.0 / 255.0).abs() < 0.02
        );
        let message = |pixel| {
            let bytes = encode(image::RgbaImage::from_pixel(1, 1, image::Rgba(pixel)), png);
            SoftMap::from_picture(path, bytes)
                .err()
                .unwrap()
                .to_string()
        };
        assert!(
            message([9, 9, 200, 255])
                .ends_with("found colours: save the map before colours are given to it")
        );
        assert!(message([9, 9, 9, 0]).contains("transparent"));
    }

    #[test]
    fn numbers_become_strengths_by_their_class() {
        let path = Path::new("7.mat");
        let read = |element: Vec<u8>| {
            let bytes = file(Writer::Little, &[element]);
            SoftMap::from_mat(path, &MatFile::parse(path, &bytes).unwrap())
        };
        // A small element of two numbers of 8 bits: as double, as logical, as uint8.
        let pair = [2, 0, 2, 0, 0, 1, 0, 0];
        for (class, white) in [
            (6, 1.0),
            (9 | 0x0200, 1.0),
            (9, 1.0 / 255.0),
            (11, 1.0 / 65535.0),
        ] {
            let map = read(matrix(Writer::Little, class, "x", &[2, 1], &pair));
            assert_eq!(
                strengths(map, SoftReading::default()),
                [0.0, white],
                "{class}"
            );
        }
        let half = SoftReading {
            scale: Some(4.0),
            inverted: true,
            suppressed: false,
        };
        let map = read(double(Writer::Little, "x", &[1, 2], &[1.0, 4.0]));
        assert_eq!(strengths(map, half), [0.75, 0.0]);
        let map = read(double(Writer::Little, "x", &[1, 1, 2], &[0.5, 0.25]));
        assert_eq!(strengths(map, SoftReading::default()), [0.5, 0.25]);
    }

    #[test]
    fn what_is_not_a_number_is_no_boundary_and_counted() {
        let bytes = double(Writer::Little, "x", &[1, 3], &[f64::NAN, 1.0, 0.5]);
        let bytes = file(Writer::Little, &[bytes]);
        let path = Path::new("7.mat");
        let map = SoftMap::from_mat(path, &MatFile::parse(path, &bytes).unwrap());
        let (map, look) = map.unwrap().read(&SoftReading::default()).unwrap();
        assert_eq!(map.strengths()[1..], [1.0, 0.5]);
        assert_eq!(look.not_numbers, 1);
        assert_eq!(map.at(0.01).pixels(), [false, true, true]);
    }

    #[test]
    fn of_several_matrices_the_usual_name_is_read() {
        let path = Path::new("7.mat");
        let read = |elements: &[Vec<u8>]| {
            let bytes = file(Writer::Little, elements);
            SoftMap::from_mat(path, &MatFile::parse(path, &bytes).unwrap())
        };
        let named = |name| double(Writer::Little, name, &[1, 2], &[0.5, 0.25]);
        let cube = double(Writer::Little, "cube", &[2, 2, 2], &[0.0; 8]);
        assert!(read(&[named("img"), named("other")]).is_ok());
        assert!(read(&[cube.clone(), named("other")]).is_ok());
        let error = read(&[named("a"), named("b")]).err().unwrap().to_string();
        assert!(
            error.ends_with(
                "expected one matrix of strengths, or `segs`, or `ucm2`, found `a`, `b`"
            ),
            "{error}"
        );
        let error = read(&[cube]).err().unwrap().to_string();
        assert!(
            error.contains("`cube`: expected a matrix with rows and columns"),
            "{error}"
        );
        assert!(read(&[uint16(Writer::Little, "x", &[0, 0], &[])]).is_err());
    }
}
