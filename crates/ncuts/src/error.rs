//! The errors of this crate.

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A grid that the rows of the features do not fill.
    #[error(
        "embedding: expected grid_width · grid_height = rows > 0 and channels > 0, found {grid_width} × {grid_height}, {rows} rows, {channels} channels"
    )]
    GridShape {
        /// Columns of the grid.
        grid_width: usize,
        /// Rows of the grid.
        grid_height: usize,
        /// Rows of the features.
        rows: usize,
        /// Columns of the features.
        channels: usize,
    },
    /// An embedding of no dimension was asked for.
    #[error("embedding: expected at least one dimension, found 0")]
    NoDimensions,
    /// The symmetric eigensolver gave up.
    #[error(
        "embedding: expected the eigenvalues of a {side} × {side} matrix, found no convergence"
    )]
    EigenNotConverged {
        /// Rows of the matrix.
        side: usize,
    },
    /// Planes that are no picture.
    #[error(
        "planes of {width} × {height} pixels: expected sides above 0 and one channel or more of {} numbers, found {channels} channels, one of {found}", width.saturating_mul(*height)
    )]
    PlaneShape {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
        /// Channels given.
        channels: usize,
        /// Numbers of the first channel of another length; 0 where there is none.
        found: usize,
    },
    /// A plane with a value that is not a number.
    #[error("planes: expected finite values, found none at pixel {pixel} of channel {channel}")]
    PlaneNotFinite {
        /// The channel.
        channel: usize,
        /// Its first such pixel.
        pixel: usize,
    },
    /// An option of the cut on contours outside its range.
    #[error("cut on contours: expected {expected}, found {found}")]
    InterveningContourOption {
        /// The option and its range.
        expected: &'static str,
        /// Its value.
        found: f64,
    },
    /// Λ is not positive semidefinite.
    #[error(
        "affinity: expected a positive semidefinite Λ, found eigenvalues from {smallest:e} to {largest:e}"
    )]
    LambdaIndefinite {
        /// The smallest eigenvalue, of Λ divided by a power of two.
        smallest: f64,
        /// The largest eigenvalue, likewise.
        largest: f64,
    },
    /// A degree is negative, or none is positive.
    #[error(
        "degrees: expected a positive degree (none below minus {floor:e}), found {value:e} at pixel {pixel}"
    )]
    DegreeNotPositive {
        /// The first such pixel.
        pixel: usize,
        /// Its degree, of features divided by a power of two.
        value: f64,
        /// Magnitudes up to this count as zero.
        floor: f64,
    },
    /// A grid that does not fit the label map.
    #[error(
        "indicator: expected a grid of 1 × 1 to {width} × {height} cells, as large as the label map, found {grid_width} × {grid_height}"
    )]
    GridSize {
        /// Columns of the grid.
        grid_width: usize,
        /// Rows of the grid.
        grid_height: usize,
        /// Columns of the label map.
        width: usize,
        /// Rows of the label map.
        height: usize,
    },
    /// An assignment of no positions.
    #[error("indicator: expected at least one position, found none")]
    NoPositions,
    /// A position in a segment that does not exist.
    #[error(
        "indicator: expected segments below {segments}, found {segment} at position {position}"
    )]
    SegmentIndex {
        /// The first such position.
        position: usize,
        /// Its segment.
        segment: u32,
        /// The number of segments.
        segments: usize,
    },
    /// No annotation to compare with.
    #[error("normalised cuts: expected at least one indicator, found none")]
    NoIndicators,
    /// An annotation of another image.
    #[error(
        "normalised cuts: expected an indicator of {expected} positions, as the features have, found {found}"
    )]
    IndicatorLength {
        /// Rows of the features.
        expected: usize,
        /// Positions of the indicator.
        found: usize,
    },
    /// A label map, a grid or its clusters.
    #[error(transparent)]
    Segmentation(#[from] segmentation::Error),
    /// A rule of `matbackprop-core` refused.
    #[error(transparent)]
    Rule(#[from] matbackprop_core::Error),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
