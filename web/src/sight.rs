//! The results of one head on a photograph.

use models::{Contours, DeepNcuts, FeatureMaps, GridFeatures};
use ncuts::Embedding;
use segmentation::LabelMap;

use crate::canvas::Canvas;
use crate::error::{Error, Result};

/// Eigenvectors that are stored for display.
const VECTORS: usize = 12;

/// Features of one head, their leading eigenvectors, and, once the mirror image was looked at, the tree of contours.
#[derive(Clone, Debug)]
pub struct Sight {
    grid: GridFeatures,
    embedding: Embedding,
    contours: Option<Contours>,
}

impl Sight {
    /// Head and eigenvectors, from the trunk's features.
    ///
    /// # Errors
    /// Those of head and embedding.
    pub fn new(network: &DeepNcuts, maps: &FeatureMaps) -> Result<Self> {
        let grid = network.head_features(maps)?;
        let features = grid.features.as_ref();
        let dimensions = VECTORS.min(grid.width * grid.height);
        let embedding =
            Embedding::from_features(features, None, grid.width, grid.height, dimensions)?;
        Ok(Self {
            grid,
            embedding,
            contours: None,
        })
    }

    /// Takes the tree that was made of it.
    pub(crate) fn set_contours(&mut self, contours: Contours) {
        self.contours = Some(contours);
    }

    /// F, and its grid.
    pub fn grid(&self) -> &GridFeatures {
        &self.grid
    }

    /// Leading eigenvectors of D^{−½} W D^{−½}, and σ.
    pub fn embedding(&self) -> &Embedding {
        &self.embedding
    }

    /// The tree of contours.
    ///
    /// # Errors
    /// [`Error::TooEarly`].
    pub fn contours(&self) -> Result<&Contours> {
        self.contours.as_ref().ok_or(Error::TooEarly {
            expected: "the tree of contours",
        })
    }

    /// Row i of W = F Fᵀ, of the position (column, row) of the grid, as heat.
    ///
    /// # Errors
    /// [`Error::Argument`] for a position outside the grid.
    pub fn affinity_row(&self, column: usize, row: usize) -> Result<Canvas> {
        let GridFeatures {
            features,
            width,
            height,
        } = &self.grid;
        if column >= *width || row >= *height {
            return Err(Error::Argument {
                name: "position",
                expected: format!("a place on the grid of {width} × {height}"),
                found: format!("({column}, {row})"),
            });
        }
        let own = features.row(row * width + column).transpose();
        let row = features * own;
        let values: Vec<f64> = row.iter().copied().collect();
        Ok(Canvas::of_heat(&values, *width))
    }

    /// Eigenvector `index` over the grid, the first being 0, in the colours of its sign.
    ///
    /// # Errors
    /// [`Error::Argument`] for one that there is not.
    pub fn eigenvector(&self, index: usize) -> Result<Canvas> {
        let vectors = self.embedding.vectors();
        if index >= vectors.ncols() {
            return Err(Error::Argument {
                name: "eigenvector",
                expected: format!("a number below {}", vectors.ncols()),
                found: index.to_string(),
            });
        }
        let values: Vec<f64> = vectors.col(index).iter().copied().collect();
        Ok(Canvas::of_signed(&values, self.grid.width))
    }

    /// The segmentation of so many segments, or as near to it as the tree comes, and their number; 0 lets the network
    /// choose.
    ///
    /// # Errors
    /// [`Error::TooEarly`] before there is a tree.
    pub fn cut(&self, segments: usize) -> Result<(LabelMap, usize)> {
        let tree = &self.contours()?.tree;
        Ok(match segments {
            0 => tree.cut(models::TreeSettings::default().height),
            _ => tree.cut_into(segments),
        })
    }
}
