//! Fewer channels before pooling.

use crate::error::Result;
use crate::range::within_range;
use faer::{Mat, MatRef};
use matbackprop_core::{ensure_matrix, ensure_shape};

const OP: &str = "reduction";

/// Y = X R, a learned linear map of the channels.
///
/// ```text
/// forward   Y = X R
/// vjp       X̄ = Ȳ Rᵀ,  R̄ = Xᵀ Ȳ
/// jvp       Ẏ = Ẋ R + X Ṙ
/// ```
///
/// The output of second-order pooling grows with the square of the channels: d = 256 gives 32 896 numbers, d′ = 64
/// gives 2080.
///
/// # Shapes
/// X: n × d; R: d × d′; Y: n × d′.
///
/// # Errors
/// [`Error::Rule`](crate::Error::Rule): empty, misshapen, not finite; `Overflow` where a product leaves the range of f64.
///
/// # Cost
/// O(n d d′) time; n d + d d′ numbers stored.
///
/// # Example
/// ```
/// # fn main() -> Result<(), o2p::Error> {
/// use faer::mat;
/// use o2p::Reduction;
///
/// let (reduction, y) = Reduction::forward(mat![[1.0, 2.0]].as_ref(), mat![[3.0], [4.0]].as_ref())?;
/// assert_eq!(y, mat![[11.0]]);
/// let (x_bar, r_bar) = reduction.vjp(mat![[1.0]].as_ref())?;
/// assert_eq!((x_bar, r_bar), (mat![[3.0, 4.0]], mat![[1.0], [2.0]]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Reduction {
    x: Mat<f64>,
    r: Mat<f64>,
}

impl Reduction {
    /// X and R, which the way back needs, and Y.
    ///
    /// # Errors
    /// See [`Reduction`].
    pub fn forward(x: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Result<(Self, Mat<f64>)> {
        ensure_matrix(OP, x)?;
        ensure_matrix(OP, r)?;
        ensure_shape(OP, r, (x.ncols(), r.ncols()))?;
        let y = within_range(OP, x * r)?;
        let reduction = Self {
            x: x.to_owned(),
            r: r.to_owned(),
        };
        Ok((reduction, y))
    }

    /// X̄ and R̄ from Ȳ.
    ///
    /// # Errors
    /// See [`Reduction`].
    pub fn vjp(&self, y_bar: MatRef<'_, f64>) -> Result<(Mat<f64>, Mat<f64>)> {
        ensure_shape(OP, y_bar, (self.x.nrows(), self.r.ncols()))?;
        Ok((
            within_range(OP, y_bar * self.r.transpose())?,
            within_range(OP, self.x.transpose() * y_bar)?,
        ))
    }

    /// Ẏ from Ẋ and Ṙ; `None` is a zero.
    ///
    /// # Errors
    /// See [`Reduction`].
    pub fn jvp(&self, x_dot: MatRef<'_, f64>, r_dot: Option<MatRef<'_, f64>>) -> Result<Mat<f64>> {
        ensure_shape(OP, x_dot, self.x.shape())?;
        let mut y_dot = x_dot * &self.r;
        if let Some(r_dot) = r_dot {
            ensure_shape(OP, r_dot, self.r.shape())?;
            y_dot += &self.x * r_dot;
        }
        within_range(OP, y_dot)
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use matbackprop_core::Error as Rule;
    use matbackprop_core::gradcheck::{GradientCheck, check_jvp, check_vjp, gaussian};

    #[test]
    fn agrees_with_finite_differences() {
        for (n, d, reduced) in [(7, 4, 2), (2, 5, 3), (3, 3, 3), (1, 1, 1), (2, 3, 6)] {
            let (x, r) = (gaussian(n, d, 1), gaussian(d, reduced, 2));
            let (reduction, _) = Reduction::forward(x.as_ref(), r.as_ref()).unwrap();
            let check = GradientCheck::default();
            let of_x = |x: MatRef<'_, f64>| Ok(Reduction::forward(x, r.as_ref())?.1);
            let of_r = |r: MatRef<'_, f64>| Ok(Reduction::forward(x.as_ref(), r)?.1);
            check_vjp(of_x, |bar| Ok(reduction.vjp(bar)?.0), x.as_ref(), &check).unwrap();
            check_vjp(of_r, |bar| Ok(reduction.vjp(bar)?.1), r.as_ref(), &check).unwrap();
            check_jvp(of_x, |dot| reduction.jvp(dot, None), x.as_ref(), &check).unwrap();
            let still = Mat::zeros(n, d);
            let along_r = |dot: MatRef<'_, f64>| reduction.jvp(still.as_ref(), Some(dot));
            check_jvp(of_r, along_r, r.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let (x, r) = (gaussian(4, 3, 1), gaussian(3, 2, 2));
        let forward = |x: &Mat<f64>, r: &Mat<f64>| Reduction::forward(x.as_ref(), r.as_ref());
        let mut broken = x.clone();
        broken[(1, 1)] = f64::NAN;
        let (reduction, _) = forward(&x, &r).unwrap();
        let (huge_x, huge_r) = (faer::Scale(1e200) * &x, faer::Scale(1e200) * &r);
        refused! {
            forward(&x, &x)
                => Error::Rule(Rule::ShapeMismatch { expected: (3, 3), found: (4, 3), .. }),
            forward(&Mat::zeros(0, 3), &r) => Error::Rule(Rule::Empty { .. }),
            forward(&broken, &r) => Error::Rule(Rule::NotFinite { .. }),
            forward(&huge_x, &huge_r) => Error::Rule(Rule::Overflow { op: OP }),
            reduction.vjp(r.as_ref()) => _,
            reduction.jvp(r.as_ref(), None) => _,
            reduction.jvp(x.as_ref(), Some(x.as_ref())) => _,
        }
    }
}
