//! Segments as files for other programs.

mod coco;
mod geojson;
mod npy;
mod svg;

use image::{GrayImage, ImageBuffer, Luma, Rgb, RgbImage};
use segmentation::{Adjacency, LabelMap, Polygon, polygons};

pub use coco::{CocoAnnotation, CocoCategory, CocoFile, CocoImage, CocoMasks, CocoSegmentation};
pub use geojson::{GeoJson, GeoJsonFeature, GeoJsonGeometry, GeoJsonProperties};

use crate::error::{Error, Result};
use crate::paint::paint_segments;

/// The segments of a photograph, to be written for other programs.
///
/// # Conventions
/// Ids of `labels` from 0 to `segments` − 1; pixels of other ids were left out, and are in no file. A segment's number is
/// its id, or its id + 1 where the label of left-out pixels is to be 0 (`counts_from_one`).
///
/// # Example
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let labels = segmentation::LabelMap::new(3, 1, vec![0, 1, 1])?;
/// let export = pictures::SegmentExport::new("a.jpg", &labels, 2, false);
/// assert_eq!(export.geojson().features.len(), 2);
/// assert!(export.svg().contains("M1 0H3V1H1Z"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SegmentExport<'a> {
    name: &'a str,
    labels: &'a LabelMap,
    segments: usize,
    counts_from_one: bool,
}

impl<'a> SegmentExport<'a> {
    /// The segments of the photograph of this file name.
    pub fn new(
        name: &'a str,
        labels: &'a LabelMap,
        segments: usize,
        counts_from_one: bool,
    ) -> Self {
        Self {
            name,
            labels,
            segments,
            counts_from_one,
        }
    }

    /// The number of each segment, in the order of ids.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + use<> {
        let first = u32::from(self.counts_from_one);
        first..first + self.segments as u32
    }

    /// The number at each pixel, row by row; 0 where it was left out.
    fn pixel_numbers(&self) -> impl Iterator<Item = u32> + '_ {
        let first = u32::from(self.counts_from_one);
        let ids = self.labels.ids().iter();
        ids.map(move |id| {
            let is_kept = (*id as usize) < self.segments;
            if is_kept { id + first } else { 0 }
        })
    }

    /// The numbers as grey levels of 16 bits.
    ///
    /// # Errors
    /// [`Error::TooManySegments`] for a number above 65,535.
    pub fn numbers_image(&self) -> Result<ImageBuffer<Luma<u16>, Vec<u16>>> {
        let levels = self.pixel_numbers().map(u16::try_from);
        let levels: Vec<u16> =
            levels
                .collect::<std::result::Result<_, _>>()
                .map_err(|_| Error::TooManySegments {
                    segments: self.segments,
                })?;
        let (width, height) = self.size();
        Ok(ImageBuffer::from_raw(width, height, levels).expect("one level a pixel"))
    }

    /// Every segment in a colour of its own, black where pixels were left out.
    pub fn colours(&self) -> RgbImage {
        let mut picture = paint_segments(self.labels);
        for (pixel, id) in picture.pixels_mut().zip(self.labels.ids()) {
            if *id as usize >= self.segments {
                *pixel = Rgb([0; 3]);
            }
        }
        picture
    }

    /// The numbers as an array of NumPy, `height × width`, C order: unsigned integers of 16 bits, or of 32 where a number
    /// is above 65,535.
    pub fn npy(&self) -> Vec<u8> {
        let numbers: Vec<u32> = self.pixel_numbers().collect();
        npy::array(self.labels.height(), self.labels.width(), &numbers)
    }

    /// MS-COCO's file of instances: one image, and an annotation for each segment.
    pub fn coco(&self, masks: CocoMasks) -> CocoFile {
        coco::file(self, masks)
    }

    /// A feature for each segment, with its outlines in pixels.
    pub fn geojson(&self) -> GeoJson {
        geojson::features(self)
    }

    /// The outlines as a drawing, a path for each segment, in the colours of [`colours`](Self::colours).
    pub fn svg(&self) -> String {
        svg::drawing(self)
    }

    /// The mask of each segment with its number: 255 within, 0 elsewhere.
    pub fn masks(&self) -> impl Iterator<Item = (u32, GrayImage)> + '_ {
        let (width, height) = self.size();
        self.numbers().enumerate().map(move |(id, number)| {
            let ids = self.labels.ids().iter();
            let levels = ids.map(|own| if *own as usize == id { 255 } else { 0 });
            let mask = GrayImage::from_raw(width, height, levels.collect());
            (number, mask.expect("one level a pixel"))
        })
    }

    /// The pairs of segments that touch, as a table of numbers: `a,b,length,strength`.
    pub fn adjacency_csv(&self, pairs: &[Adjacency]) -> String {
        let first = u32::from(self.counts_from_one);
        let mut table = "a,b,length,strength\n".to_owned();
        for Adjacency {
            a,
            b,
            length,
            strength,
        } in pairs
        {
            table += &format!("{},{},{length},{strength}\n", a + first, b + first);
        }
        table
    }

    fn size(&self) -> (u32, u32) {
        (self.labels.width() as u32, self.labels.height() as u32)
    }

    /// The polygons of each segment that has pixels, with its id and number.
    fn polygons(&self) -> impl Iterator<Item = (usize, u32, Vec<Polygon>)> + use<> {
        let found = polygons(self.labels, self.segments);
        let found = found.into_iter().enumerate().zip(self.numbers());
        found
            .map(|((id, polygons), number)| (id, number, polygons))
            .filter(|(_, _, polygons)| !polygons.is_empty())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A ring around a pixel, and a column whose middle pixel was left out.
    pub(crate) fn map() -> LabelMap {
        LabelMap::new(4, 3, vec![0, 0, 0, 1, 0, 2, 0, 3, 0, 0, 0, 1]).unwrap()
    }

    #[test]
    fn left_out_pixels_have_number_0_colour_black_and_no_mask() {
        let labels = map();
        let export = SegmentExport::new("a.jpg", &labels, 3, true);
        let numbers = [1, 1, 1, 2, 1, 3, 1, 0, 1, 1, 1, 2];
        assert_eq!(export.numbers_image().unwrap().into_raw(), numbers);
        let colours = export.colours();
        assert_eq!(colours.get_pixel(3, 1).0, [0; 3]);
        let masks: Vec<_> = export.masks().collect();
        assert_eq!(masks.len(), 3);
        for (number, mask) in masks {
            for (level, own) in mask.into_raw().into_iter().zip(numbers) {
                assert_eq!(level == 255, u32::from(own) == number);
            }
        }
        assert!(colours.pixels().filter(|pixel| pixel.0 == [0; 3]).count() == 1);
    }

    #[test]
    fn numbers_begin_at_0_where_nothing_was_left_out() {
        let labels = LabelMap::new(2, 1, vec![0, 1]).unwrap();
        let export = SegmentExport::new("a.jpg", &labels, 2, false);
        assert_eq!(export.numbers_image().unwrap().into_raw(), [0, 1]);
        let pairs = segmentation::adjacency(&labels, 2, |_, _| 0.25);
        assert_eq!(
            export.adjacency_csv(&pairs),
            "a,b,length,strength\n0,1,1,0.25\n"
        );
        let from_one = SegmentExport::new("a.jpg", &labels, 2, true);
        assert!(from_one.adjacency_csv(&pairs).ends_with("\n1,2,1,0.25\n"));
    }

    #[test]
    fn sixteen_bits_hold_65535() {
        let strip = |length: u32| LabelMap::new(length as usize, 1, (0..length).collect()).unwrap();
        let (most, more) = (strip(65_536), strip(65_537));
        let levels = SegmentExport::new("", &most, 65_536, false).numbers_image();
        assert_eq!(levels.unwrap().get_pixel(65_535, 0).0, [65_535]);
        let refused = SegmentExport::new("", &more, 65_537, false).numbers_image();
        assert!(matches!(refused, Err(Error::TooManySegments { .. })));
    }
}
