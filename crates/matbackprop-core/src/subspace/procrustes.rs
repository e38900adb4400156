//! The closest alignment of two point sets: Procrustes, Kabsch, Umeyama.

use super::nearest_orthogonal::{Group, NearestOrthogonal};
use super::weighted_points::{WeightedPoints, ensure_weights, list, row, squared_size, times_rows};
use crate::error::{Error, Result};
use crate::guard::{
    ensure_finite_values, ensure_length, ensure_matrix, ensure_shape, number_within_range,
    values_within_range, within_range,
};
use crate::scale::{Scaled, power_of_two_scale};
use crate::symmetric::inner;
use faer::{Mat, MatRef, Scale};

const OP: &str = "alignment of point sets";

/// What an alignment of point sets may do beside rotate.
///
/// The default is Kabsch's: rotation and translation, no reflection, no scale. With `scale`, it is Umeyama's; with
/// `reflections` alone, the orthogonal Procrustes problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alignment {
    /// R may be any orthogonal matrix; else its determinant is 1.
    pub reflections: bool,
    /// t may be any vector; else it is 0.
    pub translation: bool,
    /// s may be any number; else it is 1.
    pub scale: bool,
}

impl Default for Alignment {
    fn default() -> Self {
        Self {
            reflections: false,
            translation: true,
            scale: false,
        }
    }
}

/// R, t and s that bring the points xᵢ closest to their partners yᵢ, each pair with a weight wᵢ.
///
/// ```text
/// forward   ρ = Σ wᵢ ‖s R xᵢ + t − yᵢ‖² is least       a = xᵢ − Σ wⱼxⱼ/ω,  b = yᵢ − Σ wⱼyⱼ/ω,  ω = Σ wⱼ
///           M = Σ wᵢ bᵢaᵢᵀ,  R closest to M,  s = ⟨R, M⟩ / V,  V = Σ wᵢ‖aᵢ‖²,  t = ȳ − s R x̄  (the means)
/// vjp       ρ:  x̄ᵢ = 2 wᵢ s Rᵀeᵢ,  ȳᵢ = −2 wᵢ eᵢ,  w̄ᵢ = ‖eᵢ‖²       eᵢ = s R xᵢ + t − yᵢ
///           s:  M̄ = R / V,  V̄ = −s / V           R:  M̄ = D(R̄)           t:  by the means, R and s
///           x̄ᵢ = wᵢ M̄ᵀbᵢ + 2 V̄ wᵢ aᵢ,  ȳᵢ = wᵢ M̄ aᵢ,  w̄ᵢ = bᵢᵀ M̄ aᵢ + V̄ ‖aᵢ‖²
/// jvp       Ṁ = Σ ẇᵢ bᵢaᵢᵀ + wᵢ (ẏᵢaᵢᵀ + bᵢẋᵢᵀ),  Ṙ = D(Ṁ),  and so on
/// with      D, the derivative of the closest rotation or orthogonal matrix
/// ```
///
/// R and s are least squares, so ρ and ⟨R, M⟩ go back without the derivative of R.
///
/// # Shapes
/// X, Y and their cotangents: n × d, a point a row; w: n; R: d × d; t: d. In matrices, Y ≈ s X Rᵀ + 1 tᵀ.
///
/// # Conventions
/// [`Alignment`] says which of R, t, s are free; without translation, a = x and b = y. Weights are nonnegative; without
/// them each is 1, and w̄ is that of weights 1. s is not negative where d > 1; for d = 1 and no reflections it is the
/// slope of a line.
///
/// With reflections, R is unique where M has rank d. Without, it is unique as in [`Rotation`](crate::Rotation): rank d − 1
/// is enough (points of space in a plane), unless a mirror image fits best and two of them fit as well. Singular values of M
/// count as zero up to its rounding: 8 max(d, √n) ε times the sizes of both sets, distance from the origin included.
/// Elsewhere R is one of several, and a cotangent of R or t goes back only where it asks for nothing that they differ in;
/// those of s and ρ go back where neither set has extent along the directions in which R may choose, as with two sets
/// that each lie on a line.
///
/// # Errors
/// [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Y has the shape of X and w its rows,
/// [`OutOfRange`](crate::Error::OutOfRange) for a negative weight,
/// [`NotPositive`](crate::Error::NotPositive) where all weights are zero,
/// [`NoConvergence`](crate::Error::NoConvergence), [`Overflow`](crate::Error::Overflow);
/// [`RankDeficient`](crate::Error::RankDeficient) with index 0 where s is asked of an X that is one point; where a
/// cotangent or tangent needs R to be unique, [`RankDeficient`](crate::Error::RankDeficient) with the singular value of M
/// that is missing, or [`GapClosed`](crate::Error::GapClosed) where two rotations fit a mirror image as well.
///
/// # Cost
/// O(n d² + d³) time; 3 n d + n numbers stored.
///
/// # Source
/// Schönemann, "A generalized solution of the orthogonal Procrustes problem", Psychometrika 31, 1966; Kabsch, "A solution
/// for the best rotation to relate two sets of vectors", Acta Crystallographica A 32, 1976; Umeyama, "Least-squares
/// estimation of transformation parameters between two point patterns", IEEE Transactions on Pattern Analysis and
/// Machine Intelligence 13, 1991. The way back, to the weights too, is ours.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::{Alignment, Procrustes};
///
/// // A corner, turned by a right angle and moved by (1, 2).
/// let x = mat![[0.0, 0.0], [2.0, 0.0], [0.0, 1.0]];
/// let y = mat![[1.0, 2.0], [1.0, 4.0], [0.0, 2.0]];
/// let fit = Procrustes::forward(x.as_ref(), y.as_ref(), None, Alignment::default())?;
/// assert!((fit.rotation() - mat![[0.0, -1.0], [1.0, 0.0]]).norm_max() < 1e-15);
/// assert!((fit.translation()[1] - 2.0).abs() < 1e-15);
/// assert!(fit.residual() < 1e-30);
/// // The gradient of t₁ with respect to the points.
/// let bar = fit.vjp(None, Some(&[1.0, 0.0]), 0.0, 0.0)?;
/// assert_eq!(bar.x.shape(), (3, 2));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Procrustes {
    alignment: Alignment,
    /// x, y and w are stored over these powers of two.
    units: Units,
    x: WeightedPoints,
    y: WeightedPoints,
    weights: Vec<f64>,
    total: f64,
    nearest: NearestOrthogonal,
    rotation: Mat<f64>,
    /// s, in units of y over those of x; and of both over `units.error`.
    relative_scale: f64,
    x_share: f64,
    y_share: f64,
    /// eᵢ over `units.error`, a point a row.
    errors: Mat<f64>,
    translation: Vec<f64>,
    scale: f64,
    residual: f64,
}

/// Powers of two.
#[derive(Clone, Copy, Debug)]
struct Units {
    x: f64,
    y: f64,
    weights: f64,
    error: f64,
}

/// The result of [`Procrustes::vjp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProcrustesCotangent {
    /// X̄, n × d.
    pub x: Mat<f64>,
    /// Ȳ, n × d.
    pub y: Mat<f64>,
    /// w̄, n.
    pub weights: Vec<f64>,
}

/// The result of [`Procrustes::jvp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProcrustesTangent {
    /// Ṙ, d × d.
    pub rotation: Mat<f64>,
    /// ṫ, d.
    pub translation: Vec<f64>,
    /// ṡ; 0 where s is 1.
    pub scale: f64,
    /// ρ̇.
    pub residual: f64,
}

/// Cotangents that t has part in, in the stored units.
struct TranslationBar {
    rotation: Mat<f64>,
    scale: f64,
    x_mean: Mat<f64>,
    y_mean: Mat<f64>,
}

/// Cotangents of what is formed from the points: M, V, the means, ρ.
struct PointsBar {
    product: Mat<f64>,
    spread: f64,
    x_mean: Mat<f64>,
    y_mean: Mat<f64>,
    residual: f64,
}

impl Procrustes {
    /// Aligns X with Y.
    ///
    /// # Errors
    /// See [`Procrustes`].
    pub fn forward(
        x: MatRef<'_, f64>,
        y: MatRef<'_, f64>,
        weights: Option<&[f64]>,
        alignment: Alignment,
    ) -> Result<Self> {
        ensure_matrix(OP, x)?;
        ensure_shape(OP, y, x.shape())?;
        let (n, d) = x.shape();
        let given = weights.map_or_else(|| vec![1.0; n], <[f64]>::to_vec);
        let unit = ensure_weights(OP, &given, n)?;
        let weights: Vec<f64> = given.iter().map(|w| w / unit).collect();
        let total = weights.iter().sum();
        let (x_unit, y_unit) = (power_of_two_scale(x), power_of_two_scale(y));
        let cloud = |points, unit| {
            let points = Scaled::new(points, unit).into_owned();
            WeightedPoints::new(points, &weights, total, alignment.translation)
        };
        let (x, y) = (cloud(x, x_unit), cloud(y, y_unit));

        let resolution = resolution(n, d);
        let (x_extent, y_extent) = (x.spread.sqrt(), y.spread.sqrt());
        if alignment.scale && x_extent <= resolution * x.size {
            return Err(Error::RankDeficient {
                op: OP,
                index: 0,
                value: if x.size > 0.0 { x_extent / x.size } else { 0.0 },
                floor: resolution,
            });
        }
        let m = times_rows(&y.points, &weights).transpose() * &x.points;
        let rounding = resolution * f64::max(x.size * y_extent, x_extent * y.size);
        let group = if alignment.reflections {
            Group::Orthogonal
        } else {
            Group::Rotations
        };
        let nearest = NearestOrthogonal::new(OP, m.as_ref(), group, rounding)?;
        let rotation = nearest.value();

        let (relative_scale, error_unit) = if alignment.scale {
            (inner(rotation.as_ref(), m.as_ref()) / x.spread, y_unit)
        } else {
            (1.0, x_unit.max(y_unit))
        };
        let (x_share, y_share) = if alignment.scale {
            (relative_scale, 1.0)
        } else {
            (x_unit / error_unit, y_unit / error_unit)
        };
        let errors =
            Scale(x_share) * (&x.points * rotation.transpose()) - Scale(y_share) * &y.points;
        let moved = Scale(y_share) * &y.mean - Scale(x_share) * (&x.mean * rotation.transpose());
        let units = Units {
            x: x_unit,
            y: y_unit,
            weights: unit,
            error: error_unit,
        };
        let scale = if alignment.scale {
            relative_scale * (y_unit / x_unit)
        } else {
            1.0
        };
        let squares = squared_size(errors.as_ref(), &weights);
        Ok(Self {
            translation: values_within_range(OP, list(&(Scale(error_unit) * moved)))?,
            scale: number_within_range(OP, scale)?,
            residual: number_within_range(OP, units.of_residual(squares))?,
            alignment,
            units,
            x,
            y,
            weights,
            total,
            nearest,
            rotation,
            relative_scale,
            x_share,
            y_share,
            errors,
        })
    }

    /// R, d × d: a rotation, or with [`Alignment::reflections`] any orthogonal matrix.
    pub fn rotation(&self) -> MatRef<'_, f64> {
        self.rotation.as_ref()
    }

    /// t, d numbers.
    pub fn translation(&self) -> &[f64] {
        &self.translation
    }

    /// s; 1 without [`Alignment::scale`].
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// ρ = Σ wᵢ ‖s R xᵢ + t − yᵢ‖².
    pub fn residual(&self) -> f64 {
        self.residual
    }

    /// Is there no other R as good?
    pub fn is_unique(&self) -> bool {
        self.nearest.is_unique()
    }

    /// s P Rᵀ + 1 tᵀ: points of X's space, p × d, brought to those of Y.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless P has d columns; [`NotFinite`](crate::Error::NotFinite);
    /// [`Overflow`](crate::Error::Overflow).
    pub fn apply(&self, points: MatRef<'_, f64>) -> Result<Mat<f64>> {
        ensure_shape(OP, points, (points.nrows(), self.rotation.nrows()))?;
        let turned = points * self.rotation.transpose();
        let moved = Mat::from_fn(turned.nrows(), turned.ncols(), |i, j| {
            self.scale * turned[(i, j)] + self.translation[j]
        });
        within_range(OP, moved)
    }

    /// X̄, Ȳ and w̄ from R̄, t̄, s̄ and ρ̄; `None` and 0 cost nothing, and what is not free has no way back.
    ///
    /// # Errors
    /// See [`Procrustes`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a cotangent does not fit.
    pub fn vjp(
        &self,
        rotation_bar: Option<MatRef<'_, f64>>,
        translation_bar: Option<&[f64]>,
        scale_bar: f64,
        residual_bar: f64,
    ) -> Result<ProcrustesCotangent> {
        ensure_finite_values(OP, &[scale_bar, residual_bar])?;
        let mut bars = self.of_translation(translation_bar)?;
        if let Some(bar) = rotation_bar {
            ensure_shape(OP, bar, self.rotation.shape())?;
            bars.rotation += bar;
        }
        if self.alignment.scale {
            bars.scale += scale_bar * (self.units.y / self.units.x);
        } else {
            bars.scale = 0.0;
        }
        if bars.scale != 0.0 || residual_bar != 0.0 {
            self.ensure_one_minimum()?;
        }
        let rotation_bar = within_range(OP, bars.rotation)?;
        let mut product_bar = self.nearest.turned(rotation_bar.as_ref())?;
        // s = ⟨R, M⟩ / V.
        let over_spread = if bars.scale == 0.0 {
            0.0
        } else {
            bars.scale / self.x.spread
        };
        product_bar += Scale(over_spread) * &self.rotation;
        self.to_points(&PointsBar {
            product: product_bar,
            spread: -over_spread * self.relative_scale,
            x_mean: bars.x_mean,
            y_mean: bars.y_mean,
            residual: self.units.of_residual(residual_bar),
        })
    }

    /// Of t = ȳ − s R x̄.
    fn of_translation(&self, translation_bar: Option<&[f64]>) -> Result<TranslationBar> {
        let d = self.rotation.nrows();
        let mut bars = TranslationBar {
            rotation: Mat::zeros(d, d),
            scale: 0.0,
            x_mean: Mat::zeros(1, d),
            y_mean: Mat::zeros(1, d),
        };
        let Some(bar) = translation_bar else {
            return Ok(bars);
        };
        ensure_length(OP, bar, d)?;
        if self.alignment.translation {
            let t_bar = Scale(self.units.error) * row(bar);
            let turned = &t_bar * &self.rotation;
            bars.rotation = Scale(-self.x_share) * (t_bar.transpose() * &self.x.mean);
            bars.scale = -inner(turned.as_ref(), self.x.mean.as_ref());
            bars.x_mean = Scale(-self.x_share) * turned;
            bars.y_mean = Scale(self.y_share) * t_bar;
        }
        Ok(bars)
    }

    /// Of M, V, the means and ρ, all in the stored units.
    fn to_points(&self, bars: &PointsBar) -> Result<ProcrustesCotangent> {
        let (n, d) = self.errors.shape();
        let (x, y, e) = (&self.x.points, &self.y.points, &self.errors);
        let (x_pulled, y_pulled) = (y * &bars.product, x * bars.product.transpose());
        let turned_errors = e * &self.rotation;
        let x_mean_bar = Scale(self.total.recip()) * &bars.x_mean;
        let y_mean_bar = Scale(self.total.recip()) * &bars.y_mean;
        let by_x = 2.0 * bars.residual * self.x_share;
        let x_bar = Mat::from_fn(n, d, |i, j| {
            let by_spread = 2.0 * bars.spread * x[(i, j)];
            let by_errors = by_x * turned_errors[(i, j)];
            let sum = x_pulled[(i, j)] + by_spread + x_mean_bar[(0, j)] + by_errors;
            self.weights[i] * sum / self.units.x
        });
        let by_y = 2.0 * bars.residual * self.y_share;
        let y_bar = Mat::from_fn(n, d, |i, j| {
            let sum = y_pulled[(i, j)] + y_mean_bar[(0, j)] - by_y * e[(i, j)];
            self.weights[i] * sum / self.units.y
        });
        let weight_bar = |i: usize| {
            let of_column = |j: usize| {
                let (x, y, e) = (x[(i, j)], y[(i, j)], e[(i, j)]);
                let by_means = x_mean_bar[(0, j)] * x + y_mean_bar[(0, j)] * y;
                let by_squares = bars.spread * x * x + bars.residual * e * e;
                y * y_pulled[(i, j)] + by_means + by_squares
            };
            (0..d).map(of_column).sum::<f64>() / self.units.weights
        };
        Ok(ProcrustesCotangent {
            x: within_range(OP, x_bar)?,
            y: within_range(OP, y_bar)?,
            weights: values_within_range(OP, (0..n).map(weight_bar).collect())?,
        })
    }

    /// Ṙ, ṫ, ṡ and ρ̇ from Ẋ, Ẏ and ẇ, where R is unique; `None` is a zero.
    ///
    /// # Errors
    /// See [`Procrustes`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a tangent does not fit.
    pub fn jvp(
        &self,
        x_dot: Option<MatRef<'_, f64>>,
        y_dot: Option<MatRef<'_, f64>>,
        weights_dot: Option<&[f64]>,
    ) -> Result<ProcrustesTangent> {
        let (n, d) = self.errors.shape();
        let tangent = |dot: Option<MatRef<'_, f64>>, unit: f64| match dot {
            Some(dot) => {
                ensure_shape(OP, dot, (n, d))?;
                Ok(Scaled::new(dot, unit).into_owned())
            }
            None => Ok(Mat::zeros(n, d)),
        };
        let (x_dot, y_dot) = (tangent(x_dot, self.units.x)?, tangent(y_dot, self.units.y)?);
        let mut w_dot = vec![0.0; n];
        if let Some(dot) = weights_dot {
            ensure_length(OP, dot, n)?;
            w_dot = dot.iter().map(|w| w / self.units.weights).collect();
        }
        if !self.is_unique() {
            return Err(self.nearest.not_unique());
        }
        let (x, y, r) = (&self.x.points, &self.y.points, &self.rotation);
        let w = &self.weights;
        let weighted_x = times_rows(x, w);
        let m_dot = times_rows(y, &w_dot).transpose() * x
            + y_dot.transpose() * &weighted_x
            + times_rows(y, w).transpose() * &x_dot;
        let r_dot = self
            .nearest
            .turned(within_range(OP, m_dot.clone())?.as_ref())?;
        let mut scale_dot = 0.0;
        if self.alignment.scale {
            let spread_dot =
                squared_size(x.as_ref(), &w_dot) + 2.0 * inner(weighted_x.as_ref(), x_dot.as_ref());
            let trace_dot = inner(r.as_ref(), m_dot.as_ref());
            scale_dot = (trace_dot - self.relative_scale * spread_dot) / self.x.spread;
        }
        let mut moved = Mat::zeros(1, d);
        if self.alignment.translation {
            let mean_dot = |points: &Mat<f64>, dot: &Mat<f64>| {
                Scale(self.total.recip()) * (row(w) * dot + row(&w_dot) * points)
            };
            let turning = &self.x.mean * r_dot.transpose() + mean_dot(x, &x_dot) * r.transpose();
            moved = Scale(self.y_share) * mean_dot(y, &y_dot)
                - Scale(self.x_share) * turning
                - Scale(scale_dot) * (&self.x.mean * r.transpose());
        }
        let errors_dot =
            Scale(self.x_share) * (x_dot * r.transpose()) - Scale(self.y_share) * y_dot;
        let weighted_errors = times_rows(&self.errors, w);
        let squares_dot = squared_size(self.errors.as_ref(), &w_dot)
            + 2.0 * inner(weighted_errors.as_ref(), errors_dot.as_ref());
        if self.alignment.scale {
            scale_dot *= self.units.y / self.units.x;
        }
        Ok(ProcrustesTangent {
            rotation: within_range(OP, r_dot)?,
            translation: values_within_range(OP, list(&(Scale(self.units.error) * moved)))?,
            scale: number_within_range(OP, scale_dot)?,
            residual: number_within_range(OP, self.units.of_residual(squares_dot))?,
        })
    }

    /// ⟨R, M⟩ has one derivative where R is unique, or neither set has extent along what R may choose.
    fn ensure_one_minimum(&self) -> Result<()> {
        if self.is_unique() {
            return Ok(());
        }
        let (n, d) = self.errors.shape();
        let (left, right) = self.nearest.free();
        for (cloud, vectors) in [(&self.x, right), (&self.y, left)] {
            let along = &cloud.points * vectors;
            let extent = squared_size(along.as_ref(), &self.weights).sqrt();
            if extent > resolution(n, d) * cloud.size {
                return Err(self.nearest.not_unique());
            }
        }
        Ok(())
    }
}

impl Units {
    /// A sum of w e², or a cotangent that goes the other way, in the caller's units.
    fn of_residual(&self, squares: f64) -> f64 {
        squares * self.error * self.weights * self.error
    }
}

/// Rounding of a sum over n points in d dimensions, with room to spare, relative to their size.
fn resolution(n: usize, d: usize) -> f64 {
    8.0 * f64::EPSILON * f64::max(d as f64, (n as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::gradcheck::{GradientCheck, check_jvp, check_vjp, gaussian};
    use crate::subspace::Rotation;
    use faer::mat;

    const KABSCH: Alignment = Alignment {
        reflections: false,
        translation: true,
        scale: false,
    };
    const UMEYAMA: Alignment = Alignment {
        scale: true,
        ..KABSCH
    };
    const ORTHOGONAL: Alignment = Alignment {
        reflections: true,
        translation: false,
        scale: false,
    };

    /// X, Y, w, and what is free.
    type Case = (Mat<f64>, Mat<f64>, Vec<f64>, Alignment);

    fn alignments() -> impl Iterator<Item = Alignment> {
        (0..8).map(|bits| Alignment {
            reflections: bits & 1 > 0,
            translation: bits & 2 > 0,
            scale: bits & 4 > 0,
        })
    }

    fn positive(n: usize, seed: u64) -> Vec<f64> {
        gaussian(n, 1, seed)
            .col(0)
            .iter()
            .map(|x| 0.2 + x.abs())
            .collect()
    }

    /// X, Y and weights: a turned and moved set with noise, its mirror image, sets without relation.
    fn sets(n: usize, d: usize) -> Vec<(Mat<f64>, Mat<f64>, Vec<f64>)> {
        let (x, w) = (gaussian(n, d, 1), positive(n, 2));
        let r = Rotation::forward(gaussian(d, d, 3).as_ref()).unwrap();
        let near = Scale(1.7) * (&x * r.value()) + Scale(0.3) * gaussian(n, d, 4);
        let moved = Mat::from_fn(n, d, |i, j| near[(i, j)] + j as f64 - 0.5);
        let mirrored = Mat::from_fn(n, d, |i, j| {
            if j == 0 {
                -moved[(i, j)]
            } else {
                moved[(i, j)]
            }
        });
        let far = gaussian(n, d, 5);
        [moved, mirrored, far]
            .map(|y| (x.clone(), y, w.clone()))
            .into()
    }

    /// Many points, a square, in a plane of space, on a line, more dimensions than points, one number; every alignment
    /// whose solution is unique.
    fn cases() -> Vec<Case> {
        let mut cases = Vec::new();
        for (n, d) in [
            (9, 3),
            (7, 2),
            (3, 3),
            (5, 1),
            (4, 4),
            (3, 4),
            (1, 1),
            (2, 2),
        ] {
            for (x, y, w) in sets(n, d) {
                for alignment in alignments() {
                    let fit = Procrustes::forward(x.as_ref(), y.as_ref(), Some(&w), alignment);
                    if fit.is_ok_and(|fit| fit.is_unique()) {
                        cases.push((x.clone(), y.clone(), w.clone(), alignment));
                    }
                }
            }
        }
        assert!(cases.len() > 120, "{}", cases.len());
        cases
    }

    /// R, t, s and ρ, one below the other.
    fn stacked(rotation: MatRef<'_, f64>, t: &[f64], scale: f64, residual: f64) -> Mat<f64> {
        let d = t.len();
        Mat::from_fn(d * d + d + 2, 1, |k, _| match k {
            k if k < d * d => rotation[(k % d, k / d)],
            k if k < d * d + d => t[k - d * d],
            k if k == d * d + d => scale,
            _ => residual,
        })
    }

    fn outputs(
        x: MatRef<'_, f64>,
        y: MatRef<'_, f64>,
        w: &[f64],
        alignment: Alignment,
    ) -> Result<Mat<f64>> {
        let fit = Procrustes::forward(x, y, Some(w), alignment)?;
        Ok(stacked(
            fit.rotation(),
            fit.translation(),
            fit.scale(),
            fit.residual(),
        ))
    }

    fn pulled(fit: &Procrustes, bar: MatRef<'_, f64>) -> Result<ProcrustesCotangent> {
        let d = fit.translation().len();
        let r_bar = Mat::from_fn(d, d, |i, j| bar[(i + j * d, 0)]);
        let t_bar: Vec<f64> = (0..d).map(|j| bar[(d * d + j, 0)]).collect();
        let last = d * d + d;
        fit.vjp(
            Some(r_bar.as_ref()),
            Some(&t_bar),
            bar[(last, 0)],
            bar[(last + 1, 0)],
        )
    }

    fn pushed(tangent: &ProcrustesTangent) -> Mat<f64> {
        stacked(
            tangent.rotation.as_ref(),
            &tangent.translation,
            tangent.scale,
            tangent.residual,
        )
    }

    fn column(values: &[f64]) -> Mat<f64> {
        row(values).transpose().to_owned()
    }

    #[test]
    fn a_line_by_hand_is_a_linear_regression() {
        let (x, y) = (mat![[0.0], [1.0], [2.0]], mat![[1.0], [3.0], [4.0]]);
        let fit = Procrustes::forward(x.as_ref(), y.as_ref(), None, UMEYAMA).unwrap();
        assert_eq!(fit.rotation(), mat![[1.0]]);
        assert!((fit.scale() - 1.5).abs() < 1e-15);
        assert!((fit.translation()[0] - 7.0 / 6.0).abs() < 1e-15);
        assert!((fit.residual() - 1.0 / 6.0).abs() < 1e-15);
        // a = (−1, 0, 1), b = (−5, 1, 4)/3, V = 2: ds/dy = a/V, ds/dx = (b − 2 s a)/V, ds/dw = a (b − s a)/V.
        let bar = fit.vjp(None, None, 1.0, 0.0).unwrap();
        assert!((bar.y - mat![[-0.5], [0.0], [0.5]]).norm_max() < 1e-15);
        assert!((bar.x - mat![[2.0 / 3.0], [1.0 / 6.0], [-5.0 / 6.0]]).norm_max() < 1e-15);
        let expected = mat![[1.0 / 12.0], [0.0], [-1.0 / 12.0]];
        assert!((column(&bar.weights) - expected).norm_max() < 1e-15);
    }

    #[test]
    fn agrees_with_finite_differences() {
        let check = GradientCheck {
            step: 1e-5,
            tolerance: 1e-7,
            ..GradientCheck::default()
        };
        for (x, y, w, alignment) in cases() {
            let fit = Procrustes::forward(x.as_ref(), y.as_ref(), Some(&w), alignment).unwrap();
            let ctx = format!("{:?} {alignment:?}", x.shape());
            let of_x = |x: MatRef<'_, f64>| outputs(x, y.as_ref(), &w, alignment);
            let of_y = |y: MatRef<'_, f64>| outputs(x.as_ref(), y, &w, alignment);
            let of_w = |w: MatRef<'_, f64>| {
                let w: Vec<f64> = w.col(0).iter().copied().collect();
                outputs(x.as_ref(), y.as_ref(), &w, alignment)
            };
            check_vjp(of_x, |bar| Ok(pulled(&fit, bar)?.x), x.as_ref(), &check).expect(&ctx);
            check_vjp(of_y, |bar| Ok(pulled(&fit, bar)?.y), y.as_ref(), &check).expect(&ctx);
            let w_bar = |bar: MatRef<'_, f64>| Ok(column(&pulled(&fit, bar)?.weights));
            // Where the fit is exact, weights move nothing but rounding.
            if fit.residual() > 1e-10 {
                check_vjp(of_w, w_bar, column(&w).as_ref(), &check).expect(&ctx);
            }
            let of_dot = |dot: MatRef<'_, f64>| Ok(pushed(&fit.jvp(Some(dot), None, None)?));
            check_jvp(of_x, of_dot, x.as_ref(), &check).expect(&ctx);
            let of_dot = |dot: MatRef<'_, f64>| Ok(pushed(&fit.jvp(None, Some(dot), None)?));
            check_jvp(of_y, of_dot, y.as_ref(), &check).expect(&ctx);
        }
    }

    #[test]
    fn jvp_and_vjp_are_transposes() {
        for (x, y, w, alignment) in cases() {
            let (n, d) = x.shape();
            let fit = Procrustes::forward(x.as_ref(), y.as_ref(), Some(&w), alignment).unwrap();
            let (x_dot, y_dot, w_dot) = (gaussian(n, d, 7), gaussian(n, d, 8), positive(n, 9));
            let dot = fit
                .jvp(Some(x_dot.as_ref()), Some(y_dot.as_ref()), Some(&w_dot))
                .unwrap();
            let bar = gaussian(d * d + d + 2, 1, 10);
            let back = pulled(&fit, bar.as_ref()).unwrap();
            let terms = [
                inner(bar.as_ref(), pushed(&dot).as_ref()),
                -inner(back.x.as_ref(), x_dot.as_ref()),
                -inner(back.y.as_ref(), y_dot.as_ref()),
                -inner(column(&back.weights).as_ref(), column(&w_dot).as_ref()),
            ];
            let size: f64 = terms.iter().map(|term| term.abs()).sum();
            let condition = back.x.norm_l2() + back.y.norm_l2();
            assert!(terms.iter().sum::<f64>().abs() < 1e-13 * size.max(condition));
            let still = fit.jvp(None, None, None).unwrap();
            assert_eq!(pushed(&still).norm_max(), 0.0);
            let nothing = fit.vjp(None, None, 0.0, 0.0).unwrap();
            assert_eq!((nothing.x.norm_max(), nothing.y.norm_max()), (0.0, 0.0));
        }
    }

    #[test]
    fn no_other_alignment_is_closer() {
        for (x, y, w, alignment) in cases() {
            let fit = Procrustes::forward(x.as_ref(), y.as_ref(), Some(&w), alignment).unwrap();
            let rest = fit.apply(x.as_ref()).unwrap() - &y;
            let residual = squared_size(rest.as_ref(), &w);
            assert!((residual - fit.residual()).abs() < 1e-13 * (1.0 + fit.y.size.powi(2)));
            let d = x.ncols();
            for seed in 0..10 {
                let near = fit.rotation() + Scale(0.2) * gaussian(d, d, seed);
                let r = Rotation::forward((near.transpose() * fit.rotation()).as_ref()).unwrap();
                let turned = fit.apply(x.as_ref()).unwrap() - row_of(&fit);
                let rest = turned * r.value() + row_of(&fit) - &y;
                assert!(squared_size(rest.as_ref(), &w) > residual - 1e-12);
            }
        }
    }

    /// 1 tᵀ.
    fn row_of(fit: &Procrustes) -> Mat<f64> {
        let (n, d) = fit.errors.shape();
        Mat::from_fn(n, d, |_, j| fit.translation()[j])
    }

    #[test]
    fn the_size_of_all_weights_moves_the_residual_alone_and_weightless_points_count_for_nothing() {
        for (x, y, w, alignment) in cases() {
            let (n, d) = x.shape();
            let fit = Procrustes::forward(x.as_ref(), y.as_ref(), Some(&w), alignment).unwrap();
            let back = pulled(&fit, gaussian(d * d + d + 2, 1, 10).as_ref()).unwrap();
            let along: f64 = back.weights.iter().zip(&w).map(|(bar, w)| bar * w).sum();
            let residual_bar = gaussian(d * d + d + 2, 1, 10)[(d * d + d + 1, 0)];
            let size = back.y.norm_l2() * y.norm_l2() + 1.0;
            assert!((along - residual_bar * fit.residual()).abs() < 1e-12 * size);

            let more = |a: &Mat<f64>| {
                Mat::from_fn(
                    n + 1,
                    d,
                    |i, j| if i < n { a[(i, j)] } else { 3.0 + j as f64 },
                )
            };
            let mut w_more = w.clone();
            w_more.push(0.0);
            let with = Procrustes::forward(
                more(&x).as_ref(),
                more(&y).as_ref(),
                Some(&w_more),
                alignment,
            );
            let with = with.unwrap();
            assert!((with.rotation() - fit.rotation()).norm_max() < 1e-12);
            assert!((with.residual() - fit.residual()).abs() < 1e-12 * size);
            let bar = with.vjp(None, None, 0.0, 1.0).unwrap();
            assert_eq!(bar.x.row(n).norm_max(), 0.0);
            // A gradient to bring it in all the same: its squared distance.
            let last = mat![[3.0, 4.0, 5.0, 6.0]];
            let last = last.subcols(0, d);
            let rest = with.apply(last).unwrap() - last;
            assert!((bar.weights[n] - rest.squared_norm_l2()).abs() < 1e-12 * size);
        }
    }

    #[test]
    fn equal_singular_values_cost_no_digit() {
        // Six points on the axes: M = 2 Rᵀ, all values equal; ρ is zero, and stays so where X turns.
        let axes = Mat::from_fn(6, 3, |i, j| match i {
            i if i == j => 1.0,
            i if i == j + 3 => -1.0,
            _ => 0.0,
        });
        let r = mat![[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]];
        let y = &axes * r.transpose();
        let fit = Procrustes::forward(axes.as_ref(), y.as_ref(), None, KABSCH).unwrap();
        assert!((fit.rotation() - &r).norm_max() < 1e-15);
        assert!(fit.residual() < 1e-30);
        let bar = gaussian(3, 3, 1);
        let back = fit.vjp(Some(bar.as_ref()), None, 0.0, 1.0).unwrap();
        // M̄ = (R̄ − R R̄ᵀ R) / 4, Ȳ = X M̄ᵀ.
        let m_bar = Scale(0.25) * (&bar - &r * bar.transpose() * &r);
        assert!((back.y - &axes * m_bar.transpose()).norm_max() < 1e-14);
        assert!((back.x - &y * m_bar).norm_max() < 1e-14);
    }

    #[test]
    fn points_in_a_plane_have_one_rotation_and_two_orthogonal_matrices() {
        let flat = Mat::from_fn(6, 3, |i, j| {
            if j < 2 {
                gaussian(6, 3, 1)[(i, j)]
            } else {
                4.0
            }
        });
        let y = &flat * mat![[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
            + Scale(0.1) * gaussian(6, 3, 2);
        let bar = gaussian(3, 3, 3);
        let fit = Procrustes::forward(flat.as_ref(), y.as_ref(), None, KABSCH).unwrap();
        assert!(fit.is_unique());
        let check = GradientCheck {
            step: 1e-5,
            tolerance: 1e-7,
            ..GradientCheck::default()
        };
        let of_x = |x: MatRef<'_, f64>| outputs(x, y.as_ref(), &[1.0; 6], KABSCH);
        check_vjp(of_x, |bar| Ok(pulled(&fit, bar)?.x), flat.as_ref(), &check).unwrap();
        let mirror = Alignment {
            reflections: true,
            ..KABSCH
        };
        let fit = Procrustes::forward(flat.as_ref(), y.as_ref(), None, mirror).unwrap();
        assert!(!fit.is_unique());
        refused! {
            fit.vjp(Some(bar.as_ref()), None, 0.0, 0.0) => Error::RankDeficient { op: OP, index: 2, .. },
            fit.vjp(None, None, 0.0, 1.0) => Error::RankDeficient { op: OP, index: 2, .. },
            fit.jvp(None, None, None) => Error::RankDeficient { op: OP, index: 2, .. },
        }
    }

    #[test]
    fn points_on_a_line_go_back_from_what_no_turn_about_it_changes() {
        let along = gaussian(6, 1, 1);
        let line = |direction: Mat<f64>| {
            Mat::from_fn(6, 3, |i, j| 2.0 + along[(i, 0)] * direction[(0, j)])
        };
        let (x, y) = (line(mat![[1.0, 2.0, 2.0]]), line(mat![[0.3, -2.5, 1.0]]));
        for alignment in alignments().filter(|alignment| alignment.translation) {
            let fit = Procrustes::forward(x.as_ref(), y.as_ref(), None, alignment).unwrap();
            assert!(!fit.is_unique());
            let rotation_bar = gaussian(3, 3, 3);
            refused! {
                fit.vjp(Some(rotation_bar.as_ref()), None, 0.0, 0.0) => Error::RankDeficient { index: 1, .. },
                fit.vjp(None, Some(&[1.0, 0.0, 0.0]), 0.0, 0.0) => Error::RankDeficient { .. },
                fit.jvp(Some(x.as_ref()), None, None) => Error::RankDeficient { .. },
            }
            // s and ρ: their second derivative grows across the line, so short steps.
            let check = GradientCheck {
                step: 1e-5,
                tolerance: 1e-6,
                ..GradientCheck::default()
            };
            let values = |x: MatRef<'_, f64>, y: MatRef<'_, f64>| {
                let fit = Procrustes::forward(x, y, None, alignment)?;
                Ok::<_, Error>(mat![[fit.scale()], [fit.residual()]])
            };
            let back = |bar: MatRef<'_, f64>| fit.vjp(None, None, bar[(0, 0)], bar[(1, 0)]);
            check_vjp(
                |x| values(x, y.as_ref()),
                |bar| Ok(back(bar)?.x),
                x.as_ref(),
                &check,
            )
            .unwrap();
            check_vjp(
                |y| values(x.as_ref(), y),
                |bar| Ok(back(bar)?.y),
                y.as_ref(),
                &check,
            )
            .unwrap();

            // Against a set that is no line there is no gradient: it would turn about the line.
            let fit = Procrustes::forward(x.as_ref(), gaussian(6, 3, 5).as_ref(), None, alignment)
                .unwrap();
            refused! { fit.vjp(None, None, 0.0, 1.0) => Error::RankDeficient { index: 1, .. } }
        }
    }

    #[test]
    fn a_mirror_image_that_fits_as_well_is_refused() {
        // The axes of space, mirrored: M = diag(2, 2, −2).
        let axes = Mat::from_fn(6, 3, |i, j| match i {
            i if i == j => 1.0,
            i if i == j + 3 => -1.0,
            _ => 0.0,
        });
        let mirrored = &axes * mat![[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]];
        let fit = Procrustes::forward(axes.as_ref(), mirrored.as_ref(), None, KABSCH).unwrap();
        let bar = gaussian(3, 3, 1);
        refused! {
            fit.vjp(Some(bar.as_ref()), None, 0.0, 0.0) => Error::GapClosed { op: OP, i: 1, j: 2, .. },
            fit.vjp(None, None, 0.0, 1.0) => Error::GapClosed { .. },
        }
        let fit = Procrustes::forward(axes.as_ref(), mirrored.as_ref(), None, ORTHOGONAL).unwrap();
        assert!(fit.vjp(Some(bar.as_ref()), None, 0.0, 1.0).is_ok());
    }

    #[test]
    fn units_cost_no_digit() {
        for (x, y, w, alignment) in cases() {
            let d = x.ncols();
            let plain = Procrustes::forward(x.as_ref(), y.as_ref(), Some(&w), alignment).unwrap();
            let (r_bar, t_bar) = (gaussian(d, d, 1), vec![1.0; d]);
            let plain_bar = plain
                .vjp(Some(r_bar.as_ref()), Some(&t_bar), 1.0, 1.0)
                .unwrap();
            for size in [2f64.powi(-490), 2f64.powi(490)] {
                let (large_x, large_y) = (Scale(size) * &x, Scale(size) * &y);
                let fit =
                    Procrustes::forward(large_x.as_ref(), large_y.as_ref(), Some(&w), alignment)
                        .unwrap();
                assert!((fit.rotation() - plain.rotation()).norm_max() < 1e-13);
                assert!((fit.scale() - plain.scale()).abs() < 1e-13);
                assert!(
                    (fit.residual() / size / size - plain.residual()).abs()
                        < 1e-12 * plain.y.size.powi(2)
                );
                let t_bar = vec![size.recip(); d];
                let bar = fit
                    .vjp(Some(r_bar.as_ref()), Some(&t_bar), 1.0, size.powi(-2))
                    .unwrap();
                let tolerance = 1e-12 * (1.0 + plain_bar.x.norm_max());
                assert!((Scale(size) * bar.x - &plain_bar.x).norm_max() < tolerance);
                let weights = column(&bar.weights) - column(&plain_bar.weights);
                assert!(weights.norm_max() < tolerance * 10.0);
            }
            // Small onto large: R does not see it.
            let (small, large) = (Scale(1e-150) * &x, Scale(1e100) * &y);
            let alignment = Alignment {
                scale: true,
                ..alignment
            };
            if let Ok(fit) = Procrustes::forward(small.as_ref(), large.as_ref(), None, alignment) {
                let bar = fit.vjp(None, None, 1e-250, 0.0).unwrap();
                assert!(bar.y.norm_max() < 1.0 && fit.scale().abs() < 1e252);
            }
        }
    }

    #[test]
    fn one_point_is_moved_and_not_turned() {
        let (x, y) = (mat![[1.0, 2.0], [1.0, 2.0]], mat![[3.0, 3.0], [5.0, 5.0]]);
        let fit = Procrustes::forward(x.as_ref(), y.as_ref(), None, KABSCH).unwrap();
        assert!(!fit.is_unique());
        assert_eq!(fit.residual(), 4.0);
        let placed = fit.apply(x.as_ref()).unwrap();
        assert!((placed - Mat::full(2, 2, 4.0)).norm_max() < 1e-14);
        refused! {
            fit.vjp(None, None, 0.0, 1.0) => Error::RankDeficient { index: 0, .. },
            Procrustes::forward(x.as_ref(), y.as_ref(), None, UMEYAMA)
                => Error::RankDeficient { op: OP, index: 0, .. },
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let (x, w) = (gaussian(4, 2, 1), [1.0; 4]);
        let y = gaussian(4, 2, 2);
        let forward = |x: &Mat<f64>, y: &Mat<f64>, w: &[f64]| {
            Procrustes::forward(x.as_ref(), y.as_ref(), Some(w), KABSCH)
        };
        let huge = Mat::from_fn(4, 2, |i, j| if i == j { 1e200 } else { 0.0 });
        let fit = forward(&x, &y, &w).unwrap();
        let wrong = Mat::zeros(3, 3);
        let wrong = wrong.as_ref();
        let nan = Mat::full(4, 2, f64::NAN);
        let tiny = forward(&(Scale(1e-150) * &x), &(Scale(1e-150) * &y), &w).unwrap();
        let large = Mat::full(2, 2, 1e200);
        let large = mat![[large[(0, 0)], 0.0], [large[(1, 0)], 0.0]];
        refused! {
            forward(&Mat::zeros(0, 2), &y, &w) => Error::Empty { .. },
            forward(&nan, &y, &w) => Error::NotFinite { .. },
            forward(&x, &nan, &w) => Error::NotFinite { .. },
            forward(&x, &Mat::zeros(4, 3), &w) => Error::ShapeMismatch { .. },
            forward(&x, &y, &w[..3]) => Error::ShapeMismatch { .. },
            forward(&x, &y, &[1.0, -1.0, 1.0, 1.0]) => Error::OutOfRange { .. },
            forward(&x, &y, &[1.0, f64::NAN, 1.0, 1.0]) => Error::NotFinite { .. },
            forward(&x, &y, &[0.0; 4]) => Error::NotPositive { .. },
            forward(&huge, &y, &w) => Error::Overflow { op: OP },
            fit.apply(wrong) => Error::ShapeMismatch { .. },
            fit.vjp(Some(wrong), None, 0.0, 0.0) => Error::ShapeMismatch { .. },
            fit.vjp(Some(nan.subrows(0, 2)), None, 0.0, 0.0) => Error::NotFinite { .. },
            fit.vjp(None, Some(&[1.0; 3]), 0.0, 0.0) => Error::ShapeMismatch { .. },
            fit.vjp(None, None, f64::NAN, 0.0) => Error::NotFinite { .. },
            fit.vjp(None, None, 0.0, f64::INFINITY) => Error::NotFinite { .. },
            fit.jvp(Some(wrong), None, None) => Error::ShapeMismatch { .. },
            fit.jvp(None, Some(nan.as_ref()), None) => Error::NotFinite { .. },
            fit.jvp(None, None, Some(&[1.0; 3])) => Error::ShapeMismatch { .. },
            tiny.vjp(Some(large.as_ref()), None, 0.0, 0.0) => Error::Overflow { op: OP },
            tiny.jvp(Some(Mat::from_fn(4, 2, |i, _| 1e200 * i as f64).as_ref()), None, None)
                => Error::Overflow { op: OP },
        }
    }
}
