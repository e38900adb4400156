//! Where regions to be classified come from.

use image::RgbImage;
use segmentation::GridAxis;

use crate::digest::fnv_1a;
use crate::error::{Error, Result};
use crate::feature_maps::FeatureMaps;

/// How a region is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RegionView {
    /// Draws the shift and the zoom; `None` for the region as it is.
    pub jitter: Option<u64>,
    /// Whether mirrored.
    pub flipped: bool,
}

impl RegionView {
    /// The region as it is.
    pub const PLAIN: Self = Self {
        jitter: None,
        flipped: false,
    };
}

/// A region cut out of its photograph, its longer side fitted to a square.
#[derive(Clone, Debug)]
pub struct RegionCrop {
    /// The square; pixels outside the photograph are padded.
    pub image: RgbImage,
    /// The free-form region in it, row-major.
    pub mask: Vec<bool>,
    /// Where the photograph lies in it: left, top, width, height.
    pub frame: [u32; 4],
}

impl RegionCrop {
    /// The frame as a bitmap.
    pub(crate) fn frame_bitmap(&self) -> Vec<bool> {
        let [left, top, width, height] = self.frame;
        let inside =
            |x: u32, y: u32| (left..left + width).contains(&x) && (top..top + height).contains(&y);
        let (columns, rows) = self.image.dimensions();
        (0..rows)
            .flat_map(|y| (0..columns).map(move |x| inside(x, y)))
            .collect()
    }

    /// Refuses bitmaps of another size.
    pub(crate) fn check(&self, side: u32) -> Result<()> {
        let pixels = (side as usize).pow(2);
        if self.image.dimensions() == (side, side) && self.mask.len() == pixels {
            return Ok(());
        }
        let (width, height) = self.image.dimensions();
        Err(Error::Setting {
            name: "crop",
            expected: "a square of the network's side, and a bitmap of as many pixels",
            found: format!("{width} x {height} and {} pixels", self.mask.len()),
        })
    }
}

/// Descriptors of a crop.
#[derive(Clone, Debug)]
pub struct Descriptors {
    /// C × (scales · H) × W: grids of several scales below one another.
    pub maps: FeatureMaps,
    /// Columns and rows of one scale's grid, in the crop.
    pub axes: [GridAxis; 2],
}

/// Regions with their classes.
pub trait RegionSet {
    /// How many.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A name that stays the same from run to run, fit for a file's.
    fn id(&self, index: usize) -> &str;

    /// The class, counted from 0.
    fn class(&self, index: usize) -> usize;

    /// The region, cropped.
    ///
    /// # Errors
    /// Those of its photograph.
    fn crop(&self, index: usize, view: RegionView, side: u32) -> Result<RegionCrop>;

    /// A digest of the contents of a region: its photograph, its outline, its class. Caches and checkpoints know by it whether
    /// the data are still those that they were made from.
    ///
    /// By default that of the region as it is looked at, on a small square; sets of files digest these.
    ///
    /// # Errors
    /// Those of its photograph.
    fn digest(&self, index: usize) -> Result<u64> {
        const SIDE: u32 = 96;
        let crop = self.crop(index, RegionView::PLAIN, SIDE)?;
        let class = (self.class(index) as u64).to_le_bytes();
        let mask = crop.mask.into_iter().map(u8::from);
        Ok(fnv_1a(
            crop.image.into_raw().into_iter().chain(mask).chain(class),
        ))
    }

    /// Descriptors of a crop, for networks without a trunk.
    ///
    /// # Errors
    /// [`Error::NoDescriptors`] unless the set has some.
    fn descriptors(&self, index: usize, crop: &RegionCrop) -> Result<Descriptors> {
        let _ = crop;
        Err(Error::NoDescriptors {
            id: self.id(index).to_owned(),
        })
    }
}
