//! Vectors of a grid's positions, borrowed from their owner.

use crate::error::{Error, Result};

/// The columns of an n × m matrix U with a value each, a row a position of a grid: a spectral embedding, or any other
/// features to be clustered.
///
/// # Shapes
/// n = grid_width · grid_height; row y · grid_width + x is the position (x, y).
///
/// # Conventions
/// There may be more values than columns: values of columns that were not computed.
///
/// # Example
/// ```
/// use segmentation::GridVectors;
/// # fn main() -> Result<(), segmentation::Error> {
/// // One vector on a 2 × 2 grid: the left column against the right.
/// let vector = [0.5, -0.5, 0.5, -0.5];
/// let vectors = GridVectors::new(2, 2, vec![&vector], &[1.0])?;
/// assert_eq!((vectors.positions(), vectors.dimensions()), (4, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct GridVectors<'a> {
    grid_width: usize,
    grid_height: usize,
    columns: Vec<&'a [f64]>,
    spectrum: &'a [f64],
}

impl<'a> GridVectors<'a> {
    /// Vectors and their values, on a grid of `grid_width × grid_height` positions.
    ///
    /// # Errors
    /// [`Error::GridVectors`] for a column that does not fill the grid, or more columns than values.
    pub fn new(
        grid_width: usize,
        grid_height: usize,
        columns: Vec<&'a [f64]>,
        spectrum: &'a [f64],
    ) -> Result<Self> {
        let positions = grid_width.checked_mul(grid_height);
        let wrong = columns
            .iter()
            .find(|column| Some(column.len()) != positions);
        if wrong.is_some() || columns.len() > spectrum.len() || positions == Some(0) {
            return Err(Error::GridVectors {
                grid_width,
                grid_height,
                columns: columns.len(),
                values: spectrum.len(),
                found: wrong.or(columns.first()).map_or(0, |column| column.len()),
            });
        }
        Ok(Self {
            grid_width,
            grid_height,
            columns,
            spectrum,
        })
    }

    /// Columns of the grid.
    pub fn grid_width(&self) -> usize {
        self.grid_width
    }

    /// Rows of the grid.
    pub fn grid_height(&self) -> usize {
        self.grid_height
    }

    /// The number of positions, n.
    pub fn positions(&self) -> usize {
        self.grid_width * self.grid_height
    }

    /// The length of each vector: the columns of U.
    pub fn dimensions(&self) -> usize {
        self.columns.len()
    }

    /// Values of the columns, and of further ones where they are known.
    pub fn spectrum(&self) -> &'a [f64] {
        self.spectrum
    }

    /// Uᵢⱼ.
    pub(crate) fn at(&self, i: usize, j: usize) -> f64 {
        self.columns[j][i]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_columns_that_do_not_fill_the_grid() {
        let column = [1.0; 6];
        assert!(GridVectors::new(3, 2, vec![&column, &column], &[1.0; 2]).is_ok());
        for (columns, values) in [
            (vec![&column[..], &column[..5]], 2),
            (vec![&column[..]; 2], 1),
        ] {
            let refused = GridVectors::new(3, 2, columns, &[1.0; 2][..values]);
            assert!(matches!(refused, Err(Error::GridVectors { .. })));
        }
        assert!(GridVectors::new(0, 2, Vec::new(), &[]).is_err());
        assert!(GridVectors::new(usize::MAX, 2, vec![&column], &[1.0]).is_err());
    }
}
