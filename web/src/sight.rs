//! The results of one head on a photograph.

use models::{Contours, DeepNcuts, FeatureMaps, GridFeatures};
use ncuts::{Affinity, Degrees, Embedding};
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
    /// The diagonal of D^{−½}.
    inverse_roots: Vec<f64>,
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
        let degrees = Degrees::forward(&Affinity::forward(features, None)?)?;
        Ok(Self {
            embedding,
            inverse_roots: degrees.inverse_roots().to_vec(),
            grid,
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

    /// How alike the place (column, row) of the grid is to all others, as heat: the cosine of their features; and the least
    /// one, which is the dark end.
    ///
    /// ```text
    ///     c_j = ⟨f_i, f_j⟩ / (‖f_i‖ ‖f_j‖)
    /// ```
    ///
    /// Not the row of W = F Fᵀ, nor of D^{−½} W D^{−½}: both follow the lengths of the features, which are alike for every
    /// place.
    ///
    /// # Errors
    /// [`Error::Argument`] for a position outside the grid.
    pub fn likeness(&self, column: usize, row: usize) -> Result<(Canvas, f64)> {
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
        let products = features * own;
        let length = |j: usize| features.row(j).norm_l2();
        let own_length = own.norm_l2();
        let cosine = |(j, product): (usize, &f64)| {
            let both = own_length * length(j);
            if both > 0.0 { product / both } else { 0.0 }
        };
        let cosines: Vec<f64> = products.iter().enumerate().map(cosine).collect();
        let least = cosines.iter().copied().fold(1.0, f64::min);
        Ok((Canvas::of_heat(&cosines, *width, least), least))
    }

    /// How the places swing with eigenvector `index`, the first being 0, over the grid in the colours of the sign.
    ///
    /// ```text
    ///     y = D^{−½} v,   (D − W) y = (1 − λ) D y
    /// ```
    ///
    /// Of the first, y is the same everywhere; v is not.
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
        let entries = vectors.col(index).iter().zip(&self.inverse_roots);
        let values: Vec<f64> = entries.map(|(v, root)| v * root).collect();
        Ok(Canvas::of_signed(&values, self.grid.width))
    }

    /// How many segments the network chooses.
    ///
    /// # Errors
    /// [`Error::TooEarly`] before there is a tree.
    pub fn chosen_segments(&self) -> Result<usize> {
        let height = models::TreeSettings::default().height;
        Ok(self.contours()?.tree.cut(height).1)
    }

    /// The segmentation of so many segments, or as near to it as the tree comes, and their number.
    ///
    /// # Errors
    /// [`Error::TooEarly`] before there is a tree.
    pub fn cut(&self, segments: usize) -> Result<(LabelMap, usize)> {
        Ok(self.contours()?.tree.cut_into(segments))
    }
}
