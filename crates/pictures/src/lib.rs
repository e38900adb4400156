//! Photographs in, upright and at their working size; segmentations out, as pictures.
//!
//! The command line and the page share this crate, so that both see the same pixels and draw the same picture.
//!
//! # Example
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let labels = segmentation::LabelMap::new(2, 1, vec![0, 1])?;
//! let large = pictures::at_full_size(&labels, (6, 3))?;
//! assert_eq!(pictures::paint_segments(&large).dimensions(), (6, 3));
//! # Ok(())
//! # }
//! ```
//!
//! # Map
//! ```text
//!   bytes ──► read_upright ──► at_working_size ──► (models: a label map, a tree of contours)
//!                                                          │
//!   outlines, colours, grey levels ◄── paint, label_image ◄── at_full_size
//! ```
//!
//! | name | what it holds |
//! |---|---|
//! | [`PictureFile`] | a JPEG, PNG or WebP by its content, upright as its Exif tag says: the one reader of the house |
//! | [`read_upright`], [`decode_upright`] | the same at once, as a photograph of three bytes a pixel |
//! | [`check_decoded_size`] | pixels that a file cannot hold, refused before memory is taken |
//! | [`at_working_size`], [`at_full_size`] | the size it is segmented at, and the way back for labels |
//! | [`paint_outlines`], [`paint_segments`], [`segment_colours`] | a segmentation for people |
//! | [`label_image`], [`contour_image`] | a segmentation, or all of a tree, for programs |
//!
//! # Features
//! None.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod decode_limits;
mod error;
mod grey_images;
mod paint;
mod picture_file;
mod picture_header;
mod working_size;

pub use decode_limits::check_decoded_size;
pub use error::{Error, Result};
pub use grey_images::{contour_image, label_image};
pub use paint::{paint_outlines, paint_segments, segment_colours};
pub use picture_file::{PictureFile, decode_upright, read_upright};
pub use picture_header::PictureHeader;
pub use working_size::{at_full_size, at_working_size};

/// The README's example runs as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
