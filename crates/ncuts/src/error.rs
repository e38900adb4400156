//! What can go wrong in this crate.

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
    /// A grid that the rows of the features do not fill.
    #[error("embedding: expected grid_width · grid_height = rows > 0 and channels > 0, found {grid_width} × {grid_height}, {rows} rows, {channels} channels")]
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
    /// A metric Λ that does not fit the features.
    #[error("embedding: expected a metric of {channels} × {channels}, found {rows} × {columns}")]
    MetricShape {
        /// Rows of Λ.
        rows: usize,
        /// Columns of Λ.
        columns: usize,
        /// Channels of the features.
        channels: usize,
    },
    /// A metric Λ without a real root.
    #[error("embedding: expected a positive semidefinite metric, found eigenvalues from {smallest:e} to {largest:e}")]
    NegativeMetric {
        /// The smallest eigenvalue.
        smallest: f64,
        /// The largest eigenvalue.
        largest: f64,
    },
    /// A negative row sum of the affinity.
    #[error("embedding: expected degrees of at least 0, found {degree:e} in row {row}")]
    NegativeDegree {
        /// The first such row.
        row: usize,
        /// Its degree.
        degree: f64,
    },
    /// No position is similar to any.
    #[error("embedding: expected a positive degree, found none in {rows} rows")]
    NoAffinity {
        /// Rows of the features.
        rows: usize,
    },
    /// The symmetric eigensolver gave up.
    #[error("embedding: expected the eigenvalues of a {side} × {side} matrix, found no convergence")]
    EigenNotConverged {
        /// Rows of the matrix.
        side: usize,
    },
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
    /// A rule of `matbackprop-core` refused.
    #[error(transparent)]
    Rule(#[from] matbackprop_core::Error),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
