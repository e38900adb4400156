//! What the rules that take one matrix at a time share: single numbers, zeros, and whether factors were kept.

use super::matrix_function::list;
use super::rule::Saved;
use crate::error::Result;
use crate::guard::ensure_finite;
use faer::{Mat, MatRef};

/// U, σ and V.
pub(super) type Svd = (Mat<f64>, Vec<f64>, Mat<f64>);

/// A number as a matrix.
pub(super) fn number(x: f64) -> Mat<f64> {
    Mat::full(1, 1, x)
}

/// The number of a matrix 1 × 1; zero in its absence.
pub(super) fn number_of(x: Option<MatRef<'_, f64>>) -> f64 {
    x.map_or(0.0, |x| x[(0, 0)])
}

/// Zeros in the shapes of matrices.
pub(super) fn zeros_like(matrices: &[MatRef<'_, f64>]) -> Vec<Mat<f64>> {
    let zeros = matrices.iter().map(|x| Mat::zeros(x.nrows(), x.ncols()));
    zeros.collect()
}

/// The image of what is given; a zero of a shape in its absence.
pub(super) fn image(
    given: Option<MatRef<'_, f64>>,
    (rows, columns): (usize, usize),
    map: impl FnOnce(MatRef<'_, f64>) -> Result<Mat<f64>>,
) -> Result<Vec<Mat<f64>>> {
    Ok(vec![match given {
        None => Mat::zeros(rows, columns),
        Some(given) => map(given)?,
    }])
}

/// A cotangent of a stated shape, which may be absent: a zero.
pub(super) type Given<'a> = (Option<MatRef<'a, f64>>, (usize, usize));

/// What a rule of one input makes of ȳ and Z to second order: the cotangents of ȳ and of the input.
pub(super) fn twice(
    bar: Given<'_>,
    z: Given<'_>,
    second: impl FnOnce(MatRef<'_, f64>, MatRef<'_, f64>) -> Result<(Mat<f64>, Mat<f64>)>,
) -> Result<Vec<Mat<f64>>> {
    let [bar, z] = [bar, z].map(|(given, (rows, columns))| match given {
        Some(given) => given.to_owned(),
        None => Mat::zeros(rows, columns),
    });
    let (bar_bar, x_bar) = second(bar.as_ref(), z.as_ref())?;
    Ok(vec![bar_bar, x_bar])
}

/// Columns and zeros beside them, `columns` in all.
pub(super) fn padded(x: MatRef<'_, f64>, columns: usize) -> Mat<f64> {
    let mut wide = Mat::zeros(x.nrows(), columns);
    wide.subcols_mut(0, x.ncols()).copy_from(x);
    wide
}

impl Saved<'_> {
    /// Are factors there? NaN stands where forward found none, or none of this shape.
    pub(super) fn has_factors(&self) -> bool {
        let mut kept = self.kept.iter();
        kept.all(|x| ensure_finite("", *x).is_ok())
    }

    /// What was kept at a place.
    pub(super) fn factor(&self, place: usize) -> Mat<f64> {
        self.kept[place].to_owned()
    }

    /// U, σ and V, if they were kept first.
    pub(super) fn svd(&self) -> Option<Svd> {
        let svd = || (self.factor(0), list(self.kept[1]), self.factor(2));
        self.has_factors().then(svd)
    }
}
