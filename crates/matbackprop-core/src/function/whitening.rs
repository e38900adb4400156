//! Data with its covariance taken away.

use crate::decompose::thin_svd;
use crate::error::{Error, Result};
use crate::guard::{ensure_matrix, ensure_shape, within_range};
use crate::products::{spectral_product, times_diagonal};
use crate::scale::power_of_two_scale;
use faer::{Mat, MatRef, Scale};

const OP: &str = "whitening";

/// Y = (X − 1 μᵀ) (C + εI)^−½, for n observations X, a row each: zero-phase (ZCA) whitening.
///
/// ```text
/// forward   X − 1 μᵀ = √n U Σ Vᵀ,  C = V Σ² Vᵀ,  Y = √n U g(Σ) Vᵀ          g(σ) = σ / p(σ),  p(σ) = (σ² + ε)^½
/// vjp       X̄ = D − 1 (mean row of D),  D = U ( P ∘ sym(G) + N ∘ skew(G) ) Vᵀ + R_U + R_V,  G = UᵀȲV
/// jvp       the same map of Ẋ less its mean row
///
///           Pᵢⱼ = g[σᵢ, σⱼ] = (√ε / pᵢ) (√ε / pⱼ) / m,     m = (σᵢ pⱼ + σⱼ pᵢ) / (σᵢ + σⱼ)
///           Nᵢⱼ = g[σᵢ, −σⱼ] = (σᵢ / pᵢ + σⱼ / pⱼ) / (σᵢ + σⱼ)
///           R_U = (I − UUᵀ) Ȳ V p(Σ)⁻¹ Vᵀ,   R_V = U p(Σ)⁻¹ UᵀȲ (I − VVᵀ)
/// ```
///
/// Y has the mean zero and the covariance C (C + εI)⁻¹; of all Y Q with an orthogonal Q, it is the closest to X.
///
/// # Shapes
/// X, Y, X̄, Ȳ: n × d; C: d × d, never formed; μ: 1 × d.
///
/// # Conventions
/// C is divided by n, not by n − 1; ε is added to it as it is, in the units of X². U and V have min(n, d) columns. Only
/// sums of singular values and of ε divide, so derivatives are right at equal values, at low rank, and for fewer
/// observations than channels, as long as ε > 0. With ε = 0, for independent channels alone, Y is √n times the
/// orthogonal polar factor. A σ is known to max(n, d) times the unit of rounding of σ₁, and Y to that over (σ² + ε)^½:
/// where that is no more than rounding itself, it is refused.
///
/// # Errors
/// [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`OutOfRange`](crate::Error::OutOfRange) unless 0 ≤ ε < ∞,
/// [`RankDeficient`](crate::Error::RankDeficient) where (σ² + ε)^½ does not exceed max(n, d) times the unit of rounding
/// of σ₁: a larger ε helps; [`NoConvergence`](crate::Error::NoConvergence), [`Overflow`](crate::Error::Overflow).
///
/// # Cost
/// A thin singular value decomposition forward, O(n d min(n, d)) each way; about 2 (n + d) min(n, d) + n d numbers stored.
///
/// # Source
/// Kessy, Lewin and Strimmer, "Optimal whitening and decorrelation", The American Statistician 72, 2018, for ZCA; Huang, Yang,
/// Lang and Deng, "Decorrelated batch normalization", CVPR 2018, for its use in networks. They go back through
/// eigenvectors of C; the derivative as a generalised function of X itself is after Noferini, "A formula for the Fréchet
/// derivative of a generalized matrix function", SIAM J. Matrix Analysis and Applications 38, 2017, the forms without
/// cancellation are ours.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::Whitening;
///
/// // Variances 4 and 1, correlation zero; no ridge.
/// let x = mat![[2.0, 1.0], [-2.0, 1.0], [2.0, -1.0], [-2.0, -1.0]];
/// let white = Whitening::forward(x.as_ref(), 0.0)?;
/// assert!((white.value() - mat![[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]]).norm_max() < 1e-15);
/// // Larger data is as white: a cotangent of its own length brings nothing.
/// assert!(white.vjp(white.value())?.norm_max() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Whitening {
    value: Mat<f64>,
    /// μ, 1 × d.
    mean: Mat<f64>,
    /// n × r.
    u: Mat<f64>,
    /// d × r.
    v: Mat<f64>,
    /// σᵢ / scale, nonincreasing.
    values: Vec<f64>,
    /// √ε / scale.
    ridge: f64,
    scale: f64,
}

impl Whitening {
    /// Whitens the rows of X, with ε added to their covariance.
    ///
    /// # Errors
    /// See [`Whitening`].
    pub fn forward(x: MatRef<'_, f64>, epsilon: f64) -> Result<Self> {
        ensure_matrix(OP, x)?;
        if !(epsilon.is_finite() && epsilon >= 0.0) {
            return Err(Error::OutOfRange {
                op: OP,
                value: epsilon,
                low: 0.0,
                high: f64::INFINITY,
            });
        }
        let n = x.nrows() as f64;
        let scale = power_of_two_scale(x);
        let mut centred = Scale(scale.recip()) * x;
        let mean = take_mean(&mut centred);
        let (u, values, v) = thin_svd(OP, (Scale(n.sqrt().recip()) * centred).as_ref())?;
        let ridge = epsilon.sqrt() / scale;
        let mut whitening = Self {
            value: Mat::new(),
            mean: within_range(OP, Scale(scale) * mean)?,
            u,
            v,
            values,
            ridge,
            scale,
        };
        whitening.ensure_rank(x.nrows().max(x.ncols()))?;
        let whitened: Vec<f64> = whitening
            .values
            .iter()
            .map(|&value| n.sqrt() * (value / whitening.root(value)))
            .collect();
        let left = times_diagonal(whitening.u.as_ref(), &whitened);
        whitening.value = within_range(OP, left * whitening.v.transpose())?;
        Ok(whitening)
    }

    /// U, σ and V of the centred X over √n and over scale.
    pub(crate) fn factors(&self) -> (MatRef<'_, f64>, &[f64], MatRef<'_, f64>) {
        (self.u.as_ref(), &self.values, self.v.as_ref())
    }

    /// The way back alone, from [`factors`](Self::factors) of X; value and mean are not there.
    pub(crate) fn from_factors(
        x: MatRef<'_, f64>,
        epsilon: f64,
        (u, values, v): (Mat<f64>, Vec<f64>, Mat<f64>),
    ) -> Self {
        let scale = power_of_two_scale(x);
        Self {
            value: Mat::zeros(x.nrows(), x.ncols()),
            mean: Mat::new(),
            u,
            v,
            values,
            ridge: epsilon.sqrt() / scale,
            scale,
        }
    }

    /// The whitened data Y, n × d.
    pub fn value(&self) -> MatRef<'_, f64> {
        self.value.as_ref()
    }

    /// The mean row μ, 1 × d.
    pub fn mean(&self) -> MatRef<'_, f64> {
        self.mean.as_ref()
    }

    /// (C + εI)^−½, d × d, which whitens other data less μ.
    ///
    /// # Errors
    /// [`Overflow`](crate::Error::Overflow); [`RankDeficient`](crate::Error::RankDeficient) without a ridge where n < d.
    pub fn matrix(&self) -> Result<Mat<f64>> {
        let (d, r) = self.v.shape();
        let off = if r < d {
            self.ensure_value(r, 0.0, self.u.nrows().max(d))?;
            self.ridge.recip()
        } else {
            0.0
        };
        let inside: Vec<f64> = self
            .values
            .iter()
            .map(|&value| self.root(value).recip() - off)
            .collect();
        let inside = spectral_product(self.v.as_ref(), &inside);
        let whole = inside + Scale(off) * Mat::<f64>::identity(d, d);
        within_range(OP, Scale(self.scale.recip()) * whole)
    }

    /// X̄ from Ȳ.
    ///
    /// # Errors
    /// See [`Whitening`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȳ is n × d.
    pub fn vjp(&self, value_bar: MatRef<'_, f64>) -> Result<Mat<f64>> {
        self.derivative(value_bar)
    }

    /// Ẏ from Ẋ.
    ///
    /// # Errors
    /// See [`Whitening`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ẋ is n × d.
    pub fn jvp(&self, x_dot: MatRef<'_, f64>) -> Result<Mat<f64>> {
        self.derivative(x_dot)
    }

    /// D of E less its mean row, and less its own: its own adjoint, as g is odd.
    fn derivative(&self, e: MatRef<'_, f64>) -> Result<Mat<f64>> {
        ensure_shape(OP, e, self.value.shape())?;
        let size = power_of_two_scale(e);
        let mut e = Scale(size.recip()) * e;
        take_mean(&mut e);
        let (u, v) = (&self.u, &self.v);
        let (n, d) = e.shape();
        let r = self.values.len();
        let roots: Vec<f64> = self.values.iter().map(|&x| self.root(x)).collect();
        let reciprocals: Vec<f64> = roots.iter().map(|p| p.recip()).collect();

        let ev = &e * v;
        let g = u.transpose() * &ev;
        let core = Mat::from_fn(r, r, |i, j| {
            let (x, y) = (g[(i, j)], g[(j, i)]);
            let (along, across) = (0.5 * x + 0.5 * y, 0.5 * x - 0.5 * y);
            let sum = self.values[i] + self.values[j];
            let share = if sum > 0.0 { self.values[i] / sum } else { 0.5 };
            let mean = share * roots[j] + (1.0 - share) * roots[i];
            let same = (self.ridge / roots[i]) * (self.ridge / roots[j]) / mean;
            let opposite = share * reciprocals[i] + (1.0 - share) * reciprocals[j];
            same * along + opposite * across
        });
        let mut inner = u * core;
        if n > r {
            inner += times_diagonal((&ev - u * &g).as_ref(), &reciprocals);
        }
        let mut moved = inner * v.transpose();
        if d > r {
            let off = u.transpose() * &e - &g * v.transpose();
            moved += times_diagonal(u.as_ref(), &reciprocals) * off;
        }
        take_mean(&mut moved);
        within_range(OP, Scale(size) * (Scale(self.scale.recip()) * moved))
    }

    /// p(σ), in units of the scale.
    fn root(&self, value: f64) -> f64 {
        value.hypot(self.ridge)
    }

    fn ensure_rank(&self, longest: usize) -> Result<()> {
        if !self.ridge.is_finite() {
            return Err(Error::Overflow { op: OP });
        }
        self.values
            .iter()
            .enumerate()
            .try_for_each(|(index, &value)| self.ensure_value(index, value, longest))
    }

    /// Is (σ² + ε)^½ more than the rounding of σ₁?
    fn ensure_value(&self, index: usize, value: f64, longest: usize) -> Result<()> {
        let largest = if self.values[0] > 0.0 {
            self.values[0]
        } else {
            1.0
        };
        let floor = longest as f64 * f64::EPSILON;
        let (root, least) = (self.root(value), floor * self.values[0]);
        if root > least {
            return Ok(());
        }
        Err(Error::RankDeficient {
            op: OP,
            index,
            value: root / largest,
            floor,
        })
    }
}

/// X ← X − 1 μᵀ, and μ: twice, as a mean is rounded to its own size and not to that of what is left.
fn take_mean(x: &mut Mat<f64>) -> Mat<f64> {
    let (n, d) = x.shape();
    let mut total = Mat::zeros(1, d);
    for j in 0..d {
        for _ in 0..2 {
            let mean = x.col(j).iter().map(|x| x / n as f64).sum::<f64>();
            x.col_mut(j).iter_mut().for_each(|x| *x -= mean);
            total[(0, j)] += mean;
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::gradcheck::{GradientCheck, check_jvp, check_vjp, gaussian, with_spectrum};
    use crate::symmetric::inner;
    use faer::mat;

    /// Tall, square, wide, one column, one row, one number; equal values; low rank.
    fn cases() -> Vec<(Mat<f64>, f64)> {
        let ones = |rows: usize, columns: usize| Mat::<f64>::full(rows, columns, 0.5);
        vec![
            (gaussian(7, 3, 1), 0.1),
            (gaussian(7, 3, 1), 0.0),
            (gaussian(4, 4, 2), 0.3),
            (gaussian(3, 6, 3), 0.2),
            (gaussian(5, 1, 4), 0.1),
            (gaussian(1, 3, 5), 0.5),
            (mat![[0.7]], 0.5),
            (with_spectrum(8, 3, &[2.0, 2.0, 2.0], 6) + ones(8, 3), 0.1),
            (with_spectrum(8, 4, &[2.0, 2.0, 1.0 + 1e-13, 1.0], 7), 0.0),
            (with_spectrum(9, 4, &[3.0, 1.0], 8) + ones(9, 4), 0.2),
            (Mat::zeros(4, 2), 0.3),
        ]
    }

    fn of(x: &Mat<f64>, epsilon: f64) -> Whitening {
        Whitening::forward(x.as_ref(), epsilon).unwrap()
    }

    #[test]
    fn one_column_by_hand() {
        // Mean 2, variance 1, ridge 3: halves. y = (x − μ) (v + 3)^−½.
        let white = of(&mat![[1.0], [3.0]], 3.0);
        assert!((white.value() - mat![[-0.5], [0.5]]).norm_max() < 1e-15);
        assert_eq!(white.mean(), mat![[2.0]]);
        assert!((white.matrix().unwrap() - mat![[0.5]]).norm_max() < 1e-15);
        // With t = (x₂ − x₁) / 2, y₂ = t (t² + 3)^−½ has the slope 3 (t² + 3)^−³ᐟ² = 3/8 in t.
        let bar = white.vjp(mat![[0.0], [1.0]].as_ref()).unwrap();
        let slope = 3.0 / 16.0;
        assert!((bar - mat![[-slope], [slope]]).norm_max() < 1e-15);
    }

    #[test]
    fn agrees_with_sixty_digits() {
        // By mpmath, from the covariance; there X̄ by central differences.
        let x = mat![[1.0, 2.0], [3.0, 1.0], [0.0, -1.0], [2.0, 4.0]];
        let y_bar = mat![[1.0, 0.0], [0.0, 2.0], [-1.0, 1.0], [3.0, -2.0]];
        let value = mat![
            [-0.5705440346378902, 0.38729065811723495],
            [1.5283787273930152, -0.5705440346378902],
            [-0.9786185978310498, -1.2034397845035543],
            [0.020783905075924636, 1.3866931610242093]
        ];
        let x_bar = mat![
            [-0.20414171741934456, 0.5431019722914576],
            [-0.33138822851443944, -0.3250433787122258],
            [-0.23965193191955741, 0.1226928739534039],
            [0.7751818778533414, -0.3407514675326357]
        ];
        let white = of(&x, 0.1);
        assert!((white.value() - value).norm_max() < 2e-15);
        assert!((white.vjp(y_bar.as_ref()).unwrap() - x_bar).norm_max() < 2e-15);
    }

    #[test]
    fn small_variances_keep_the_digits_of_the_data() {
        // Two columns that differ by 10⁻⁶, ε = 2⁻⁴⁴: the covariance has lost all but two digits of its small eigenvalue.
        let e = 2f64.powi(-20);
        let x = mat![
            [1.0, 1.0 + e],
            [3.0, 3.0],
            [0.0, -e],
            [2.0, 2.0 + 3.0 * e],
            [-1.0, -1.0]
        ];
        let y_bar = mat![[1.0, 0.0], [0.0, 2.0], [-1.0, 1.0], [3.0, -2.0], [1.0, 1.0]];
        // By mpmath, to 60 digits.
        let value = mat![
            [-0.22052708206657626, 0.22052718867695334],
            [1.7718449960890055, 0.22815463077460388],
            [0.16158114177173455, -1.1615814616028304],
            [-0.6026353059048871, 1.602635838956737],
            [-1.1102637498892767, -0.8897361968054639]
        ];
        let x_bar = mat![
            [-91722.70730659821, 91722.63847537019],
            [-199259.46265559678, 199259.4550902968],
            [101737.8048657025, -101738.51453005596],
            [292915.29453370675, -292915.00200451624],
            [-103670.92943721426, 103671.42296890522]
        ];
        let white = of(&x, 2f64.powi(-44));
        // 5 ε σ₁ / (σ² + ε)^½.
        assert!((white.value() - value).norm_max() < 4e-9);
        let error = (white.vjp(y_bar.as_ref()).unwrap() - &x_bar).norm_max();
        assert!(error < 4e-9 * x_bar.norm_max(), "{error:e}");
    }

    #[test]
    fn whitened_data_has_the_covariance_that_it_should() {
        for (x, epsilon) in cases() {
            let white = of(&x, epsilon);
            let (n, d) = x.shape();
            let y = white.value();
            let centred = Mat::from_fn(n, d, |i, j| x[(i, j)] - white.mean()[(0, j)]);
            let ridge = Scale(epsilon) * Mat::<f64>::identity(d, d);
            let c = Scale((n as f64).recip()) * centred.transpose() * &centred;
            let of_y = Scale((n as f64).recip()) * y.transpose() * y;
            // cov(Y) (C + εI) = C.
            assert!((of_y * (&c + &ridge) - &c).norm_max() < 1e-13);
            if epsilon > 0.0 || n > d {
                let w = white.matrix().unwrap();
                assert!((&centred * &w - y).norm_max() < 1e-13);
                let one = Mat::<f64>::identity(d, d);
                assert!((&w * (c + ridge) * &w - one).norm_max() < 1e-13);
            }
        }
    }

    #[test]
    fn agrees_with_finite_differences() {
        for (x, epsilon) in cases() {
            let white = of(&x, epsilon);
            let check = GradientCheck {
                // The fourth order needs the step small beside √ε.
                step: 2e-5,
                ..GradientCheck::default()
            };
            let forward = |x: MatRef<'_, f64>| {
                Ok::<_, Error>(Whitening::forward(x, epsilon)?.value().to_owned())
            };
            check_vjp(forward, |bar| white.vjp(bar), x.as_ref(), &check).unwrap();
            check_jvp(forward, |dot| white.jvp(dot), x.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn jvp_and_vjp_are_transposes() {
        for (x, epsilon) in cases() {
            let white = of(&x, epsilon);
            let (n, d) = x.shape();
            let (y_bar, x_dot) = (gaussian(n, d, 11), gaussian(n, d, 12));
            let there = inner(y_bar.as_ref(), white.jvp(x_dot.as_ref()).unwrap().as_ref());
            let back = inner(white.vjp(y_bar.as_ref()).unwrap().as_ref(), x_dot.as_ref());
            assert!(
                (there - back).abs() < 1e-13 * (1.0 + there.abs()),
                "{there} {back}"
            );
        }
    }

    #[test]
    fn gradients_do_not_see_a_shift_and_keep_digits_as_gaps_close() {
        let y_bar = gaussian(8, 3, 2);
        let equal = with_spectrum(8, 3, &[2.0, 2.0, 1.0], 6);
        let expected = of(&equal, 0.1).vjp(y_bar.as_ref()).unwrap();
        for j in 0..3 {
            assert!(expected.col(j).iter().sum::<f64>().abs() < 1e-15);
        }
        for gap in [1e-6, 1e-10, 1e-14] {
            let near = with_spectrum(8, 3, &[2.0 + gap, 2.0, 1.0], 6);
            let found = of(&near, 0.1).vjp(y_bar.as_ref()).unwrap();
            assert!((found - &expected).norm_max() < 1e-14 + 10.0 * gap);
        }
        // An offset costs the digits that it takes from X, no more.
        let far = Mat::from_fn(8, 3, |i, j| equal[(i, j)] + 1e6);
        let found = of(&far, 0.1).vjp(y_bar.as_ref()).unwrap();
        assert!((found - expected).norm_max() < 1e-9);
    }

    #[test]
    fn inputs_of_any_size_keep_their_digits() {
        for (x, epsilon) in cases() {
            let (n, d) = x.shape();
            let y_bar = gaussian(n, d, 3);
            let plain = of(&x, epsilon);
            let expected = plain.vjp(y_bar.as_ref()).unwrap();
            for size in [1e-150, 1e150] {
                let white = of(&(Scale(size) * &x), epsilon * size * size);
                assert!((white.value() - plain.value()).norm_max() < 1e-13);
                let found = Scale(size) * white.vjp(y_bar.as_ref()).unwrap();
                assert!((found - &expected).norm_max() < 1e-12 * (1.0 + expected.norm_max()));
            }
            let found = plain.vjp((Scale(1e300) * &y_bar).as_ref()).unwrap();
            assert!((Scale(1e-300) * found - expected).norm_max() < 1e-13);
        }
    }

    #[test]
    fn refuses_what_has_no_answer() {
        let forward = |x: Mat<f64>, epsilon: f64| Whitening::forward(x.as_ref(), epsilon);
        let low = with_spectrum(6, 3, &[2.0, 1.0], 1);
        let white = of(&low, 0.1);
        let tiny = of(&mat![[1e-200], [-1e-200], [0.0]], 0.0);
        refused! {
            forward(Mat::zeros(0, 3), 0.1) => Error::Empty { .. },
            forward(mat![[f64::NAN]], 0.1) => Error::NotFinite { .. },
            forward(low.clone(), -1.0) => Error::OutOfRange { value: -1.0, .. },
            forward(low.clone(), f64::NAN) => Error::OutOfRange { .. },
            forward(low.clone(), 0.0) => Error::RankDeficient { op: OP, index: 2, .. },
            // A ridge below rounding does not help.
            forward(low.clone(), 1e-40) => Error::RankDeficient { op: OP, index: 2, .. },
            forward(Mat::zeros(3, 2), 0.0) => Error::RankDeficient { index: 0, value: 0.0, .. },
            forward(gaussian(3, 5, 1), 0.0) => Error::RankDeficient { .. },
            tiny.vjp(mat![[1e200], [1e200], [-2e200]].as_ref()) => Error::Overflow { .. },
            white.vjp(Mat::zeros(2, 3).as_ref()) => Error::ShapeMismatch { .. },
            white.jvp(mat![[f64::NAN]].as_ref()) => Error::ShapeMismatch { .. },
        }
    }
}
