//! The pixels of a picture where nothing shows, as a segment of their own.

use std::collections::VecDeque;

use image::GrayImage;
use segmentation::LabelMap;

use crate::error::{Error, Result};

/// Which pixels of a photograph are transparent: at least one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transparency {
    /// 1 where transparent, 0 elsewhere.
    mask: GrayImage,
}

/// A label map in which transparent pixels are a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedLabels {
    /// Ids 0, 1, … in the order of first appearance.
    pub labels: LabelMap,
    /// Segments that show.
    pub visible: usize,
    /// The id of the transparent one.
    pub transparent: u32,
}

impl Transparency {
    pub(crate) fn new(mask: GrayImage) -> Self {
        Self { mask }
    }

    pub(crate) fn mask(&self) -> &GrayImage {
        &self.mask
    }

    /// Width and height.
    pub fn size(&self) -> (u32, u32) {
        self.mask.dimensions()
    }

    /// Whether the pixel is transparent.
    ///
    /// # Panics
    /// When it lies outside.
    pub fn at(&self, x: u32, y: u32) -> bool {
        self.mask.get_pixel(x, y).0[0] != 0
    }

    /// The same at another size: every pixel as the nearest one is.
    pub fn at_size(&self, (width, height): (u32, u32)) -> Self {
        let (from_width, from_height) = self.size();
        let place = |i: u32, to: u32, from: u32| {
            ((2 * u64::from(i) + 1) * u64::from(from) / (2 * u64::from(to))) as u32
        };
        let mask = GrayImage::from_fn(width, height, |x, y| {
            *self
                .mask
                .get_pixel(place(x, width, from_width), place(y, height, from_height))
        });
        Self { mask }
    }

    /// Labels in which the transparent pixels are a segment.
    ///
    /// `rim` is how far borders may lie beside the true ones, in pixels. A segment that is transparent for the most part
    /// and shows nowhere farther from transparent pixels than that is none: its rim goes to the nearest others.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`].
    ///
    /// # Example
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // Black, white, and white of which nothing shows.
    /// let image = image::RgbaImage::from_fn(9, 1, |x, _| match x {
    ///     0..3 => image::Rgba([0, 0, 0, 255]),
    ///     3..6 => image::Rgba([255; 4]),
    ///     _ => image::Rgba([80, 90, 10, 0]),
    /// });
    /// let mut png = std::io::Cursor::new(Vec::new());
    /// image.write_to(&mut png, image::ImageFormat::Png)?;
    /// let photograph = pictures::PictureFile::from_bytes("a.png", png.into_inner())?.photograph()?;
    /// assert_eq!(photograph.pixels.get_pixel(8, 0).0, [255; 3]);
    /// let labels = segmentation::LabelMap::new(9, 1, vec![0, 0, 0, 1, 1, 1, 1, 1, 1])?;
    /// let transparency = photograph.transparency.expect("three transparent pixels");
    /// let marked = transparency.mark(&labels, 2)?;
    /// assert_eq!(marked.labels.ids(), [0, 0, 0, 1, 1, 1, 2, 2, 2]);
    /// assert_eq!((marked.visible, marked.transparent), (2, 2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn mark(&self, labels: &LabelMap, rim: u32) -> Result<MarkedLabels> {
        let size = self.size();
        let expected = (size.0 as usize, size.1 as usize);
        let found = (labels.width(), labels.height());
        if expected != found {
            return Err(Error::SizeMismatch { expected, found });
        }
        let (labels, segments) = labels.compacted();
        let mask = self.mask.as_raw();
        let near = within(mask, labels.width(), rim);
        let mut all = vec![0_usize; segments];
        let mut showing = vec![0_usize; segments];
        let mut inside = vec![0_usize; segments];
        for ((id, transparent), near) in labels.ids().iter().zip(mask).zip(&near) {
            let id = *id as usize;
            all[id] += 1;
            showing[id] += usize::from(*transparent == 0);
            inside[id] += usize::from(!near);
        }
        let is_rim = |id: u32| {
            let id = id as usize;
            2 * showing[id] < all[id] && inside[id] == 0
        };
        let transparent = segments as u32;
        let mut ids: Vec<u32> = labels.ids().to_vec();
        for (id, masked) in ids.iter_mut().zip(mask) {
            if *masked != 0 {
                *id = transparent;
            }
        }
        give_rims_away(&mut ids, labels.width(), transparent, is_rim);
        let marked = LabelMap::new(labels.width(), labels.height(), ids)?;
        let (labels, segments) = marked.compacted();
        let place = mask.iter().position(|transparent| *transparent != 0);
        Ok(MarkedLabels {
            visible: segments - usize::from(place.is_some()),
            transparent: place.map_or(segments as u32, |place| labels.ids()[place]),
            labels,
        })
    }
}

/// Whether each pixel lies within so many steps of a marked one, across or along.
fn within(mask: &[u8], width: usize, steps: u32) -> Vec<bool> {
    let mut near: Vec<bool> = mask.iter().map(|marked| *marked != 0).collect();
    let mut last: Vec<usize> = (0..mask.len()).filter(|place| near[*place]).collect();
    for _ in 0..steps {
        let mut next = Vec::new();
        for place in last {
            for other in neighbours(place, width, mask.len()) {
                if !near[other] {
                    near[other] = true;
                    next.push(other);
                }
            }
        }
        last = next;
    }
    near
}

/// Pixels of rims take the label of the nearest other segment that shows; where none can be reached they stay.
fn give_rims_away(ids: &mut [u32], width: usize, transparent: u32, is_rim: impl Fn(u32) -> bool) {
    let length = ids.len();
    let open = |id: u32| id != transparent && is_rim(id);
    let mut queue: VecDeque<usize> = (0..length)
        .filter(|place| ids[*place] != transparent && !open(ids[*place]))
        .filter(|place| neighbours(*place, width, length).any(|other| open(ids[other])))
        .collect();
    while let Some(place) = queue.pop_front() {
        for other in neighbours(place, width, length) {
            if open(ids[other]) {
                ids[other] = ids[place];
                queue.push_back(other);
            }
        }
    }
}

/// The places that share an edge with a pixel.
fn neighbours(place: usize, width: usize, length: usize) -> impl Iterator<Item = usize> {
    let left = (!place.is_multiple_of(width)).then(|| place - 1);
    let right = (!(place + 1).is_multiple_of(width)).then_some(place + 1);
    let above = place.checked_sub(width);
    let below = Some(place + width).filter(|below| *below < length);
    [left, right, above, below].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transparency(width: u32, values: &[u8]) -> Transparency {
        let height = values.len() as u32 / width;
        Transparency::new(GrayImage::from_raw(width, height, values.to_vec()).unwrap())
    }

    #[test]
    fn a_rim_goes_to_its_neighbours_and_an_object_stays() {
        // The hole was found one pixel too large.
        let hole = transparency(8, &[0, 0, 0, 1, 1, 1, 1, 0]);
        let labels = LabelMap::new(8, 1, vec![5, 5, 7, 7, 7, 7, 7, 7]).unwrap();
        let marked = hole.mark(&labels, 1).unwrap();
        // The last pixel is cut off from all others, so that it stays what it was.
        assert_eq!(marked.labels.ids(), [0, 0, 0, 1, 1, 1, 1, 2]);
        assert_eq!((marked.visible, marked.transparent), (2, 1));
        // White on nothing: the network sees one segment, of which a third shows.
        let object = transparency(9, &[1, 1, 1, 0, 0, 0, 1, 1, 1]);
        let labels = LabelMap::new(9, 1, vec![0; 9]).unwrap();
        let marked = object.mark(&labels, 1).unwrap();
        assert_eq!(marked.labels.ids(), [0, 0, 0, 1, 1, 1, 0, 0, 0]);
        assert_eq!((marked.visible, marked.transparent), (1, 0));
    }

    #[test]
    fn where_nothing_shows_there_is_one_segment() {
        let nothing = transparency(2, &[1; 4]);
        let labels = LabelMap::new(2, 2, vec![3, 3, 4, 4]).unwrap();
        let marked = nothing.mark(&labels, 2).unwrap();
        assert_eq!(marked.labels.ids(), [0; 4]);
        assert_eq!((marked.visible, marked.transparent), (0, 0));
        assert!(
            nothing
                .mark(&LabelMap::new(4, 1, vec![0; 4]).unwrap(), 2)
                .is_err()
        );
    }

    #[test]
    fn another_size_takes_the_nearest_pixels() {
        let halves = transparency(4, &[0, 0, 1, 1]);
        assert_eq!(halves.at_size((2, 2)).mask.as_raw(), &[0, 1, 0, 1]);
        assert_eq!(
            halves.at_size((8, 1)).mask.as_raw(),
            &[0, 0, 0, 0, 1, 1, 1, 1]
        );
        assert!(halves.at(2, 0) && !halves.at(1, 0));
    }
}
