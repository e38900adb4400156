//! How much embeddings, colours and borders count when regions merge.

use crate::error::{Error, Result};

/// How much embeddings, colours and borders count beside each other.
///
/// The default values were chosen on fifty images of BSDS500's train split, with networks that had learned from the
/// other hundred and fifty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MergeWeights {
    /// w_c: of colours, beside 1 for the embedding.
    pub colour: f64,
    /// CIELAB distance from which two pieces' colours are as far apart as can be.
    pub colour_scale: f64,
    /// w_b: of the contrast along the border.
    pub contrast: f64,
    /// Contrast, in CIELAB a two pixels, from which a border between two pieces is as strong as can be.
    pub contrast_scale: f64,
    /// Of learned boundaries along the border; left out of pieces without them.
    pub boundary: f64,
}

impl Default for MergeWeights {
    fn default() -> Self {
        Self {
            colour: 0.36,
            colour_scale: 30.0,
            contrast: 0.3,
            contrast_scale: 20.0,
            boundary: 0.0,
        }
    }
}

impl MergeWeights {
    /// Those for pieces with learned boundaries, which count in place of contrast. Chosen in a study on a hundred images of
    /// BSDS500's train split, with networks that had learned from the others.
    pub fn with_boundaries() -> Self {
        Self {
            contrast: 0.0,
            boundary: 0.6,
            ..Self::default()
        }
    }

    /// How strong a border is, weighted: by its contrast, and by the learned boundary where there is one, from 0 to 1.
    pub(crate) fn border(&self, contrast: f64, boundary: Option<f64>) -> f64 {
        self.contrast * (contrast / self.contrast_scale).min(1.0)
            + self.boundary * boundary.unwrap_or(0.0)
    }

    /// d from its parts: those of the embedding, if there is a view, and of colour from 0 to 1, and that of
    /// [`border`](Self::border).
    pub(crate) fn distance(
        &self,
        embedded: Option<f64>,
        colour: f64,
        border: f64,
        has_boundaries: bool,
    ) -> f64 {
        let own = f64::from(u8::from(embedded.is_some()));
        let sum = embedded.unwrap_or(0.0) + self.colour * colour + border;
        let learned = if has_boundaries { self.boundary } else { 0.0 };
        let whole = own + self.colour + self.contrast + learned;
        if whole > 0.0 { sum / whole } else { 0.0 }
    }

    /// Every weight and scale is in its range.
    pub(crate) fn check(&self) -> Result<()> {
        let fair = |value: f64, least: f64| value.is_finite() && value >= least;
        let wrong = [
            (self.colour, 0.0, "a weight of colour of 0 or more"),
            (self.contrast, 0.0, "a weight of contrast of 0 or more"),
            (self.boundary, 0.0, "a weight of boundaries of 0 or more"),
            (
                self.colour_scale,
                f64::MIN_POSITIVE,
                "a scale of colour above 0",
            ),
            (
                self.contrast_scale,
                f64::MIN_POSITIVE,
                "a scale of contrast above 0",
            ),
        ];
        match wrong
            .into_iter()
            .find(|(value, least, _)| !fair(*value, *least))
        {
            None => Ok(()),
            Some((found, _, expected)) => Err(Error::SegmentOption { expected, found }),
        }
    }
}
