//! The errors of this crate.

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The ids of a label map do not fill it.
    #[error("label map of {width} × {height} pixels: expected {} ids and sides above 0, found {found} ids", width * height)]
    LabelMapShape {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
        /// Ids given.
        found: usize,
    },
    /// A mask that leaves out every pixel.
    #[error("mask of {width} × {height} pixels: expected a pixel that is kept, found none")]
    NothingKept {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// More parts of kept pixels than can be merged.
    #[error(
        "mask: expected at most {most} separate parts of kept pixels, found {found}; smooth the mask"
    )]
    TooManyParts {
        /// Parts of the mask.
        found: usize,
        /// The limit.
        most: usize,
    },
    /// A learned boundary that is no probability.
    #[error("boundaries: expected numbers from 0 to 1, found {found} at column {x}, row {y}")]
    BoundaryRange {
        /// Its column.
        x: usize,
        /// Its row.
        y: usize,
        /// Its value.
        found: f32,
    },
    /// A grid's axis without positions, without a stride, or at no place.
    #[error(
        "grid axis: expected a stride above 0 and a finite offset, found stride {stride}, offset {offset}"
    )]
    GridAxis {
        /// Pixels from one position to the next.
        stride: f64,
        /// Pixel of the first.
        offset: f64,
    },
    /// Vectors that do not fill their grid.
    #[error(
        "grid vectors: expected columns of {} numbers for a grid of {grid_width} × {grid_height} and a value for each column, found {columns} columns, {values} values, a column of {found}", grid_width.saturating_mul(*grid_height)
    )]
    GridVectors {
        /// Columns of the grid.
        grid_width: usize,
        /// Rows of the grid.
        grid_height: usize,
        /// Vectors given.
        columns: usize,
        /// Values given.
        values: usize,
        /// Numbers of the first vector of another length; where all fit, of the first.
        found: usize,
    },
    /// Vectors of no dimension were asked for.
    #[error("embedding: expected at least one dimension, found 0")]
    NoDimensions,
    /// No number of clusters to try.
    #[error("segmentation: expected at least one number of clusters, found none")]
    NoClusterCounts,
    /// A number of clusters that the grid cannot have.
    #[error("segmentation: expected 1 to {positions} clusters, found {clusters}")]
    ClusterCount {
        /// Clusters asked for.
        clusters: usize,
        /// Positions of the grid.
        positions: usize,
    },
    /// An option outside its range.
    #[error("segmentation: expected {expected}, found {found}")]
    SegmentOption {
        /// The option and its range.
        expected: &'static str,
        /// Its value.
        found: f64,
    },
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
