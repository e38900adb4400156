//! The errors of this crate.

/// An error of this crate.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A region without a position of positive weight.
    #[error("region: expected a weight above 0 at one of {positions} positions, found none")]
    EmptyRegion {
        /// Positions of the feature map.
        positions: usize,
    },
    /// A weight below zero, or no number.
    #[error(
        "region: expected finite weights, none below 0, found {value:e} at position {position}"
    )]
    RegionWeight {
        /// The first such position.
        position: usize,
        /// Its weight.
        value: f64,
    },
    /// A position that the feature map does not have.
    #[error("region: expected positions below {positions}, found {position}")]
    RegionPosition {
        /// The first such position.
        position: usize,
        /// Positions of the feature map.
        positions: usize,
    },
    /// The pixels of a bitmap do not fill it.
    #[error("region: expected {width} × {height} pixels and sides above 0, found {found} pixels")]
    BitmapShape {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
        /// Pixels given.
        found: usize,
    },
    /// A grid without cells, or with more than can be counted.
    #[error("region: expected a grid with sides above 0, found {grid_width} × {grid_height}")]
    GridSize {
        /// Columns of the grid.
        grid_width: usize,
        /// Rows of the grid.
        grid_height: usize,
    },
    /// A region of another feature map.
    #[error(
        "second moment: expected a region of {expected} positions, as the features have, found {found}"
    )]
    RegionLength {
        /// Rows of the features.
        expected: usize,
        /// Positions of the region.
        found: usize,
    },
    /// A power that is no number.
    #[error("spectral map: expected a finite exponent, found {found}")]
    Exponent {
        /// The exponent given.
        found: f64,
    },
    /// A list that is no triangle.
    #[error("vech: expected d (d + 1) / 2 entries with d above 0, found {found}")]
    TriangleLength {
        /// Entries given.
        found: usize,
    },
    /// Eigenpairs, or none, for another number of regions.
    #[error(
        "second-order pooling: expected eigenpairs, or none, for each of {expected} regions, found {found}"
    )]
    EigenpairsLength {
        /// Regions.
        expected: usize,
        /// Entries given.
        found: usize,
    },
    /// No region to pool.
    #[error("second-order pooling: expected at least one region, found none")]
    NoRegions,
    /// A rule of `matbackprop-core` refused, or a result left the range of f64.
    #[error(transparent)]
    Rule(#[from] matbackprop_core::Error),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
