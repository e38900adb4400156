//! Photographs in, as a viewer shows them; segmentations out, as pictures.
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
//!   bytes ──► PictureFile ──► Photograph ──► at_working_size ──► (models: a tree)
//!                                                                        │
//!   outlines, colours, grey levels ◄── paint, label_image ◄── Transparency, at_full_size
//! ```
//!
//! | name | what it holds |
//! |---|---|
//! | [`PictureFile`] | a picture by its content, upright as its Exif tag says: the one reader of the house |
//! | [`Photograph`] | what a viewer shows of it: sRGB, on white, eight bits; [`Note`]s of what was found |
//! | [`read_upright`], [`decode_upright`] | its pixels at once |
//! | [`MemoryBudget`] | what reading may take, compared before memory is taken: 1 GiB unless said otherwise |
//! | [`Transparency`] | where nothing shows, a segment of its own |
//! | [`at_working_size`], [`at_full_size`] | the size it is segmented at, and the way back for labels |
//! | [`paint_outlines`], [`paint_segments`], [`segment_colours`] | a segmentation for people |
//! | [`label_image`], [`contour_image`] | a segmentation, or all of a tree, for programs |
//! | [`SegmentExport`] | a segmentation as COCO JSON, GeoJSON, SVG, NumPy array, masks, table of neighbours |
//! | [`read_mask`], [`fill_left_out`] | pixels that are left out |
//!
//! # What is read
//! JPEG, PNG and WebP; with `more-formats` TIFF, BMP and GIF, of several pictures the first. HEIC, AVIF, JPEG XL, raw data
//! and others are named in the error, with what to do: no decoder of theirs is small, without C, and well kept.
//!
//! # Features
//! `more-formats` (on): TIFF, BMP and GIF. The page leaves it out, for its size.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod byte_units;
mod colour_profile;
mod decoder_words;
mod decoders;
mod error;
mod exports;
mod file_kind;
mod gif_frame;
mod grey_images;
mod jpeg;
mod left_out;
mod memory_budget;
mod notes;
mod orientation;
mod paint;
mod photograph;
mod picture_file;
mod picture_header;
mod png_chunks;
mod sample_range;
mod system_memory;
mod tiff_directory;
mod tiff_kinds;
mod tiff_tags;
mod to_srgb;
mod transparency;
mod working_size;

pub use error::{Error, Result};
pub use exports::{
    CocoAnnotation, CocoCategory, CocoFile, CocoImage, CocoMasks, CocoSegmentation, GeoJson,
    GeoJsonFeature, GeoJsonGeometry, GeoJsonProperties, SegmentExport,
};
pub use grey_images::{contour_image, label_image};
pub use left_out::{fill_left_out, read_mask};
pub use memory_budget::MemoryBudget;
pub use notes::Note;
pub use paint::{paint_outlines, paint_segments, segment_colours};
pub use photograph::Photograph;
pub use picture_file::{PictureFile, ReadOptions, decode_upright, read_upright};
pub use picture_header::PictureHeader;
pub use transparency::{MarkedLabels, Transparency};
pub use working_size::{at_full_size, at_working_size};

/// The README's example runs as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
