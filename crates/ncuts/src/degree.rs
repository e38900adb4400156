//! Degrees: the row sums of the affinity.

use crate::affinity::Affinity;
use crate::error::{Error, Result};
use faer::{Col, Mat};

/// A pixel whose degree is at most this fraction of the largest is isolated.
const FLOOR: f64 = 1e-12;

/// w = W 1, and which pixels have none.
///
/// ```text
/// forward   s = Fᵀ 1,  a = Λ s,  w = F a
/// vjp       t = Fᵀ w̄,  F̄ = w̄ aᵀ + 1 (Λ t)ᵀ,  Λ̄ = sym(t sᵀ)
/// jvp       ẇ = Ḟ a + F (Λ̇ s + Λ Ḟᵀ 1)
/// ```
///
/// # Shapes
/// F: n × d; Λ: d × d; s, a, t: d; w: n.
///
/// # Conventions
/// A pixel with |w| ≤ 10⁻¹² max w has no neighbours to speak of: it is *isolated*, left out of the criterion
/// (w = w^{−½} = 0 from here on, no gradient through its degree) and counted. Its row of D^{−½} F has the size of √w,
/// so leaving it out changes the criterion continuously.
///
/// # Errors
/// [`Error::DegreeNotPositive`] for a degree below −10⁻¹² max |w|, or when every degree is zero.
///
/// # Cost
/// O(n d + d²) time; O(n + d) numbers stored.
#[derive(Clone, Debug)]
pub struct Degrees {
    values: Vec<f64>,
    inverse_roots: Vec<f64>,
    column_sums: Col<f64>,
    weighted_sums: Col<f64>,
    isolated: usize,
}

impl Degrees {
    /// The degrees of an affinity, in the units of its scaled factors.
    ///
    /// # Errors
    /// See [`Degrees`].
    pub fn forward(affinity: &Affinity) -> Result<Self> {
        let f = affinity.features();
        let column_sums = Col::from_fn(f.ncols(), |j| f.col(j).sum());
        let weighted_sums = times(affinity, &column_sums);
        let mut values: Vec<f64> = (f * &weighted_sums).iter().copied().collect();
        let largest = values
            .iter()
            .fold(0.0, |largest: f64, value| largest.max(value.abs()));
        let floor = FLOOR * largest;
        if let Some(pixel) = values
            .iter()
            .position(|&value| largest == 0.0 || value < -floor)
        {
            return Err(Error::DegreeNotPositive {
                pixel,
                value: values[pixel],
                floor,
            });
        }
        for value in &mut values {
            if *value <= floor {
                *value = 0.0;
            }
        }
        let inverse_roots: Vec<f64> = values
            .iter()
            .map(|&w| if w > 0.0 { w.sqrt().recip() } else { 0.0 })
            .collect();
        let isolated = values.iter().filter(|&&w| w == 0.0).count();
        Ok(Self {
            values,
            inverse_roots,
            column_sums,
            weighted_sums,
            isolated,
        })
    }

    /// w, zero for isolated pixels.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// w^{−½}, zero for isolated pixels.
    pub fn inverse_roots(&self) -> &[f64] {
        &self.inverse_roots
    }

    /// How many pixels are isolated.
    pub fn isolated(&self) -> usize {
        self.isolated
    }

    /// Adds F̄ to `features_bar` and returns Λ̄, for a w̄ that is zero on isolated pixels.
    pub(crate) fn vjp(
        &self,
        affinity: &Affinity,
        degrees_bar: &[f64],
        features_bar: &mut Mat<f64>,
    ) -> Mat<f64> {
        let f = affinity.features();
        let w_bar = Col::from_fn(degrees_bar.len(), |i| degrees_bar[i]);
        let t = f.transpose() * &w_bar;
        let lambda_t = times(affinity, &t);
        for j in 0..f.ncols() {
            let (a, b) = (self.weighted_sums[j], lambda_t[j]);
            for (f_bar, w_bar) in features_bar.col_as_slice_mut(j).iter_mut().zip(degrees_bar) {
                *f_bar += w_bar * a + b;
            }
        }
        let s = &self.column_sums;
        Mat::from_fn(t.nrows(), t.nrows(), |i, j| {
            0.5 * (t[i] * s[j] + s[i] * t[j])
        })
    }

    /// The way back through [`vjp`](Self::vjp) at fixed w̄, from cotangents Y of F̄ and M of Λ̄: adds to F, returns Λ's.
    ///
    /// ```text
    /// F: w̄ (Λ Yᵀ1 + M s)ᵀ + 1 (Λ Yᵀw̄ + M t)ᵀ          Λ: sym((Yᵀw̄) sᵀ + t (Yᵀ1)ᵀ),  t = Fᵀ w̄
    /// ```
    pub(crate) fn second(
        &self,
        affinity: &Affinity,
        degrees_bar: &[f64],
        features_dot: &Mat<f64>,
        lambda_dot: Option<&Mat<f64>>,
        features_bar: &mut Mat<f64>,
    ) -> Mat<f64> {
        let w_bar = Col::from_fn(degrees_bar.len(), |i| degrees_bar[i]);
        let s = &self.column_sums;
        let t = affinity.features().transpose() * &w_bar;
        let sums = Col::from_fn(features_dot.ncols(), |j| features_dot.col(j).sum());
        let pulled = features_dot.transpose() * &w_bar;
        let mut across = times(affinity, &sums);
        let mut down = times(affinity, &pulled);
        if let Some(lambda_dot) = lambda_dot {
            across += lambda_dot * s;
            down += lambda_dot * &t;
        }
        for j in 0..features_dot.ncols() {
            let (a, b) = (across[j], down[j]);
            for (f_bar, w_bar) in features_bar.col_as_slice_mut(j).iter_mut().zip(degrees_bar) {
                *f_bar += w_bar * a + b;
            }
        }
        Mat::from_fn(t.nrows(), t.nrows(), |i, j| {
            0.5 * (pulled[i] * s[j] + s[i] * pulled[j] + t[i] * sums[j] + sums[i] * t[j])
        })
    }

    /// ẇ, zero on isolated pixels.
    pub(crate) fn jvp(
        &self,
        affinity: &Affinity,
        features_dot: &Mat<f64>,
        lambda_dot: Option<&Mat<f64>>,
    ) -> Vec<f64> {
        let sums_dot = Col::from_fn(features_dot.ncols(), |j| features_dot.col(j).sum());
        let mut inner = times(affinity, &sums_dot);
        if let Some(lambda_dot) = lambda_dot {
            inner += lambda_dot * &self.column_sums;
        }
        let dot = features_dot * &self.weighted_sums + affinity.features() * inner;
        dot.iter()
            .zip(&self.values)
            .map(|(&dot, &w)| if w > 0.0 { dot } else { 0.0 })
            .collect()
    }
}

/// Λ x.
fn times(affinity: &Affinity, x: &Col<f64>) -> Col<f64> {
    affinity
        .lambda_times(x.as_mat().to_owned())
        .col(0)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::{MatRef, mat};
    use matbackprop_core::gradcheck::{GradientCheck, check_jvp, check_vjp, gaussian};

    fn forward(f: MatRef<'_, f64>, lambda: Option<MatRef<'_, f64>>) -> Result<(Affinity, Degrees)> {
        let affinity = Affinity::forward(f, lambda)?;
        let degrees = Degrees::forward(&affinity)?;
        Ok((affinity, degrees))
    }

    #[test]
    fn row_sums_by_hand() {
        // W = F Λ Fᵀ = [[2, 2], [2, 5]] from Λ = diag(2, 3) and F = [[1, 0], [1, 1]].
        let f = mat![[1.0, 0.0], [1.0, 1.0]];
        let lambda = mat![[1.0, 0.0], [0.0, 1.5]];
        let (_, degrees) = forward(f.as_ref(), Some(lambda.as_ref())).unwrap();
        assert_eq!(degrees.values(), &[2.0, 3.5]);
        assert_eq!(
            degrees.inverse_roots(),
            &[2f64.sqrt().recip(), 3.5f64.sqrt().recip()]
        );
        assert_eq!(degrees.isolated(), 0);
    }

    #[test]
    fn agrees_with_finite_differences() {
        // Entries in [1, 2): no change of scale on the way.
        let bounded = |m, n, seed| {
            let noise = gaussian(m, n, seed);
            Mat::from_fn(m, n, |i, j| {
                if (i, j) == (0, 0) {
                    1.5
                } else {
                    0.5 + 0.4 * noise[(i, j)].tanh()
                }
            })
        };
        let f = bounded(7, 4, 1);
        let half = bounded(4, 4, 2);
        let lambda = faer::Scale(0.25) * (&half * half.transpose()) + Mat::<f64>::identity(4, 4);
        let lambda = faer::Scale(1.5 / lambda.norm_max()) * lambda;
        let (affinity, degrees) = forward(f.as_ref(), Some(lambda.as_ref())).unwrap();
        let column = |degrees: &Degrees| Mat::from_fn(7, 1, |i, _| degrees.values()[i]);
        let of_features = |f: MatRef<'_, f64>| Ok(column(&forward(f, Some(lambda.as_ref()))?.1));
        let of_lambda = |lambda: MatRef<'_, f64>| Ok(column(&forward(f.as_ref(), Some(lambda))?.1));
        let back = |bar: MatRef<'_, f64>| {
            let bar: Vec<f64> = (0..7).map(|i| bar[(i, 0)]).collect();
            let mut features_bar = Mat::zeros(7, 4);
            let lambda_bar = degrees.vjp(&affinity, &bar, &mut features_bar);
            (features_bar, lambda_bar)
        };
        let check = GradientCheck {
            tolerance: 1e-9,
            ..GradientCheck::symmetric()
        };
        check_vjp::<Error>(of_lambda, |bar| Ok(back(bar).1), lambda.as_ref(), &check).unwrap();
        let check = GradientCheck {
            tolerance: 1e-9,
            ..GradientCheck::default()
        };
        check_vjp::<Error>(of_features, |bar| Ok(back(bar).0), f.as_ref(), &check).unwrap();
        let ahead = |f_dot: MatRef<'_, f64>| {
            let dot = degrees.jvp(&affinity, &f_dot.to_owned(), None);
            Ok(Mat::from_fn(7, 1, |i, _| dot[i]))
        };
        check_jvp::<Error>(of_features, ahead, f.as_ref(), &check).unwrap();
    }

    #[test]
    fn a_pixel_without_features_is_isolated() {
        let f = mat![[1.0, 1.0], [0.0, 0.0], [1.0, 0.0], [1e-14, 0.0]];
        let (_, degrees) = forward(f.as_ref(), None).unwrap();
        assert_eq!(degrees.isolated(), 2);
        assert_eq!(
            (degrees.values()[1], degrees.inverse_roots()[1]),
            (0.0, 0.0)
        );
        assert_eq!(
            (degrees.values()[3], degrees.inverse_roots()[3]),
            (0.0, 0.0)
        );
    }

    #[test]
    fn degrees_below_zero_and_no_degree_at_all_are_errors() {
        let negative = forward(mat![[1.0], [2.0], [-0.5]].as_ref(), None).unwrap_err();
        assert!(
            matches!(negative, Error::DegreeNotPositive { pixel: 2, value, .. } if value < 0.0)
        );
        let nothing = forward(Mat::zeros(3, 2).as_ref(), None).unwrap_err();
        assert!(matches!(
            nothing,
            Error::DegreeNotPositive {
                pixel: 0,
                value: 0.0,
                floor: 0.0
            }
        ));
    }
}
