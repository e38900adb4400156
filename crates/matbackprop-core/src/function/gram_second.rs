//! The second derivative of a function of a Gram matrix, from the same thin factors.

use super::domain;
use super::gram_factors::Factors;
use super::gram_function::{GramFunction, OP, turned};
use super::scalar_function::ScalarFunction;
use super::second_order::Spectrum;
use crate::error::{Error, Result};
use crate::guard::{ensure_shape, within_range};
use crate::products::times_diagonal;
use crate::scale::{exponent, of_order_one, power_of_two_scale, times_power_of_two};
use crate::symmetric::sym;
use faer::{Mat, MatRef, Scale};

/// Eigenvalues from here on may have an f″ below the numbers whose product with F is none.
const HUGE: f64 = 1e120;

/// The result of [`GramFunction::vjp_of_vjp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GramFunctionSecond {
    /// The cotangent of C̄, d × d, symmetric.
    pub c_bar_bar: Mat<f64>,
    /// The cotangent of F, n × d.
    pub f_bar: Mat<f64>,
}

impl<F: ScalarFunction> GramFunction<F> {
    /// The way back through F̄ = `vjp(C̄)`: from a cotangent Z of F̄ to those of C̄ and of F.
    ///
    /// With C̄ held fixed, `f_bar` is the product of the Hessian of ⟨C̄, f(FᵀF)⟩ with Z. Rows of F that are zero
    /// throughout have a gradient of zero, and a second derivative that is not.
    ///
    /// # Errors
    /// See [`GramFunction`]; [`ShapeMismatch`](Error::ShapeMismatch) unless C̄ is d × d and Z n × d;
    /// [`CurvatureUnknown`](Error::CurvatureUnknown) without f″; [`NotDifferentiable`](Error::NotDifferentiable) where f
    /// has no slope at zero and F can grow between null vectors of both sides, or Z asks for a row that is zero
    /// throughout while FᵀF is singular; [`Overflow`](Error::Overflow).
    pub fn vjp_of_vjp(
        &self,
        value_bar: MatRef<'_, f64>,
        f_bar_bar: MatRef<'_, f64>,
    ) -> Result<GramFunctionSecond> {
        let (_, d) = self.support.shape();
        ensure_shape(OP, value_bar, (d, d))?;
        ensure_shape(OP, f_bar_bar, self.support.shape())?;
        self.ensure_smooth_twice()?;
        let c_bar_bar = self.jvp(f_bar_bar)?;
        let (s, of_s) = of_order_one(value_bar);
        let (z, of_z) = of_order_one(f_bar_bar);
        let (s, z) = (sym(s.as_ref()), z.as_ref());
        let (second, scale) = match &self.factors {
            Factors::Thin { u, w, scale } => {
                let thin = self.thin(u.as_ref(), w.as_ref(), *scale)?;
                (self.of_thin(&thin, s.as_ref(), z)?, *scale)
            }
            Factors::Complete { columns, v } => {
                let scale = self.scale();
                let turned = Scale(scale.recip()) * turned(columns, v.as_ref()).as_ref();
                let v = self.support.expand_to_columns(v.as_ref());
                // Null vectors of FᵀF, and f has no slope there: those of FFᵀ see none.
                let second = if self.has_null_vectors() && !self.function.slope(0.0).is_finite() {
                    let u = self.factors.left_directions(self.rank());
                    let lengths: Vec<f64> = self.squares.iter().map(|x| x.sqrt() / scale).collect();
                    let w = times_diagonal(v.as_ref(), &lengths);
                    let thin = self.thin(u.as_ref(), w.as_ref(), scale)?;
                    self.of_thin(&thin, s.as_ref(), z)?
                } else {
                    self.of_complete(&turned, &v, scale, s.as_ref(), z)?
                };
                (second, scale)
            }
        };
        let f_bar = times_power_of_two(second, of_s + of_z - 2 * exponent(scale));
        Ok(GramFunctionSecond {
            c_bar_bar,
            f_bar: within_range(OP, f_bar)?,
        })
    }

    /// Does f have a second derivative, in the range of numbers, wherever F can go from here?
    fn ensure_smooth_twice(&self) -> Result<()> {
        let f = &self.function;
        let rank = self.rank();
        let open = rank == self.factors.positions() || rank == self.support.shape().1;
        if !open && !f.slope(0.0).is_finite() {
            return Err(Error::NotDifferentiable { op: OP, value: 0.0 });
        }
        for &square in &self.squares[..rank] {
            let Some(second) = f.second_divided_difference(square, square, square) else {
                return Err(Error::CurvatureUnknown { op: OP });
            };
            let bends = || {
                let nearer = 0.25 * square;
                let (here, there) = (f.slope(square), f.slope(nearer));
                here != there || (here == 0.0 && f.value(square) != f.value(nearer))
            };
            let lost = second.abs() < f64::MIN_POSITIVE && square > HUGE && bends();
            if lost || (!second.is_finite() && f.edge().is_some()) {
                return Err(Error::Overflow { op: OP });
            }
        }
        Ok(())
    }

    fn rank(&self) -> usize {
        self.squares.iter().filter(|&&square| square > 0.0).count()
    }

    /// Is FᵀF singular?
    fn has_null_vectors(&self) -> bool {
        self.rank() < self.support.shape().1
    }

    /// A power of two near σ₁, where that is far from one.
    fn scale(&self) -> f64 {
        let largest = self.squares.first().map_or(0.0, |square| square.sqrt());
        power_of_two_scale(Mat::full(1, 1, largest).as_ref())
    }

    /// 2 Z D + 2 F V H Vᵀ for F / scale, D = V (P ∘ VᵀSV) Vᵀ; V with a column for every null vector.
    fn of_complete(
        &self,
        turned: &Mat<f64>,
        v: &Mat<f64>,
        scale: f64,
        s: MatRef<'_, f64>,
        z: MatRef<'_, f64>,
    ) -> Result<Mat<f64>> {
        let dead = self.support.dead_columns();
        let (d, zeros) = (v.nrows(), dead.len());
        // Nondecreasing: dead channels first.
        let value = |j: usize| {
            if j < zeros {
                0.0
            } else {
                self.squares[d - 1 - j]
            }
        };
        let v = Mat::from_fn(d, d, |i, j| match j < zeros {
            true => f64::from(u8::from(dead[j] == i)),
            false => v[(i, d - 1 - j)],
        });
        let turned = Mat::from_fn(turned.nrows(), d, |i, j| match j < zeros {
            true => 0.0,
            false => turned[(i, d - 1 - j)],
        });
        let values: Vec<f64> = (0..d).map(value).collect();
        let table = domain::differences_where_asked(OP, &self.function, &values, |_, _| false)?;
        let scaled = ScaledFunction::new(&self.function, scale);
        let spectrum = Spectrum {
            op: OP,
            second: |a, b, c| scaled.second(a, b, c),
            values: &values.iter().map(|x| x / scale / scale).collect::<Vec<_>>(),
            differences: &(Scale(scale * scale) * table),
        };
        let x = sym((v.transpose() * s * &v).as_ref());
        let z_v = z * &v;
        let moved = self.support.compact_rows(z_v.as_ref());
        let y = Scale(2.0) * sym((turned.transpose() * moved).as_ref());
        let h = spectrum.second_derivative(&x, &y)?;
        let inside = z_v * spectrum.weighted(&x) + self.support.expand_rows(turned * h);
        Ok(Scale(2.0) * inside * v.transpose())
    }

    /// The factors of F / scale = U Wᵀ in the order of nondecreasing values, with the differences of f there.
    fn thin(&self, u: MatRef<'_, f64>, w: MatRef<'_, f64>, scale: f64) -> Result<Thin> {
        let r = self.squares.len();
        let (q, table) = self.second_differences(scale)?;
        let turned_around =
            |x: MatRef<'_, f64>| Mat::from_fn(x.nrows(), r, |i, j| x[(i, r - 1 - j)]);
        Ok(Thin {
            u: turned_around(u),
            w: turned_around(w),
            scale,
            values: self
                .squares
                .iter()
                .rev()
                .map(|x| x / scale / scale)
                .collect(),
            q: q.into_iter().rev().collect(),
            r: Mat::from_fn(r, r, |i, j| table[(r - 1 - i, r - 1 - j)]),
        })
    }

    /// U (2 diag(q) Zᵤ S + 2 (R ∘ M) Zᵤ + 4 (R ∘ Y) WᵀS + 4 (R ∘ N + H) Wᵀ) and, where a row of F is zero, 2 Z D.
    fn of_thin(&self, thin: &Thin, s: MatRef<'_, f64>, z: MatRef<'_, f64>) -> Result<Mat<f64>> {
        let Thin {
            u, w, values, q, r, ..
        } = thin;
        let alive = self.support.compact_rows(z);
        let z_u = u.transpose() * &alive;
        let (w_s, z_s) = (w.transpose() * s, &z_u * s);
        let m = sym((&w_s * w).as_ref());
        let y = sym((&z_u * w).as_ref());
        let n = sym((&z_s * w).as_ref());
        let scaled = ScaledFunction::new(&self.function, thin.scale);
        let spectrum = Spectrum {
            op: OP,
            second: |a, b, c| scaled.third_with_zero(a, b, c),
            values,
            differences: r,
        };
        let h = match values.is_empty() {
            true => Mat::zeros(0, 0),
            false => spectrum.second_derivative(&m, &y)?,
        };
        let from_z = times_diagonal(z_s.transpose(), q).transpose() + spectrum.weighted(&m) * z_u;
        let from_f = spectrum.weighted(&y) * w_s + (spectrum.weighted(&n) + h) * w.transpose();
        let inside = Scale(2.0) * from_z + Scale(4.0) * from_f;
        let mut second = self.support.expand_rows(u * inside);
        let dead = self.support.dead_rows();
        let asked = Mat::from_fn(dead.len(), z.ncols(), |i, j| z[(dead[i], j)]);
        if asked.norm_max() > 0.0 {
            let rows = self.rows_times_derivative(thin, &m, s, &asked)?;
            for (i, &place) in dead.iter().enumerate() {
                second.row_mut(place).copy_from(rows.row(i));
            }
        }
        Ok(second)
    }

    /// 2 Z D, D = f′(0) S + W (f[λᵢ, λⱼ, 0, 0] ∘ M) Wᵀ + W diag(t) WᵀS + S W diag(t) Wᵀ, tᵢ = f[λᵢ, 0, 0].
    fn rows_times_derivative(
        &self,
        thin: &Thin,
        m: &Mat<f64>,
        s: MatRef<'_, f64>,
        z: &Mat<f64>,
    ) -> Result<Mat<f64>> {
        let slope = self.function.slope(0.0) * thin.scale * thin.scale;
        if !slope.is_finite() {
            return Err(Error::NotDifferentiable { op: OP, value: 0.0 });
        }
        let Thin {
            w, values, q, r, ..
        } = thin;
        // Where a value is zero, so is the column of W.
        let over = |x: f64, value: f64| if value > 0.0 { x / value } else { 0.0 };
        let t: Vec<f64> = (0..q.len())
            .map(|i| over(q[i] - slope, values[i]))
            .collect();
        let core = Mat::from_fn(q.len(), q.len(), |i, j| {
            let (smaller, larger) = (i.min(j), i.max(j));
            over(r[(i, j)] - t[smaller], values[larger]) * m[(i, j)]
        });
        let (z_w, z_s) = (z * w, z * s);
        let from_w = times_diagonal(z_w.as_ref(), &t) * (w.transpose() * s);
        let from_s = &z_w * core + times_diagonal((&z_s * w).as_ref(), &t);
        Ok(Scale(2.0) * (Scale(slope) * z_s + from_w + from_s * w.transpose()))
    }
}

/// F / scale = U Wᵀ; λ, q = f[λᵢ, 0] and R = f[λᵢ, λⱼ, 0] of it, all nondecreasing in λ.
struct Thin {
    u: Mat<f64>,
    w: Mat<f64>,
    scale: f64,
    values: Vec<f64>,
    q: Vec<f64>,
    r: Mat<f64>,
}

/// x ↦ f(s² x).
struct ScaledFunction<'a, F> {
    f: &'a F,
    scale: f64,
}

impl<'a, F: ScalarFunction> ScaledFunction<'a, F> {
    fn new(f: &'a F, scale: f64) -> Self {
        Self { f, scale }
    }

    fn times_square(&self, x: f64) -> f64 {
        x * self.scale * self.scale
    }

    /// f[a, b, c] where it is finite; at zero alone, where F has nothing, any number.
    fn second(&self, a: f64, b: f64, c: f64) -> Option<f64> {
        let [low, middle, high] = sorted([a, b, c]);
        let [x, y, z] = [low, middle, high].map(|x| self.times_square(x));
        let second = self.f.second_divided_difference(x, y, z)?;
        let second = if second.is_finite() || middle > 0.0 {
            second
        } else if high == 0.0 {
            0.0
        } else {
            (self.f.divided_difference(z, 0.0) - self.f.slope(0.0)) / z
        };
        Some(self.times_square(self.times_square(second)))
    }

    /// f[a, b, c, 0]; where two of the three are zero, so is what it multiplies.
    fn third_with_zero(&self, a: f64, b: f64, c: f64) -> Option<f64> {
        let [low, middle, high] = sorted([a, b, c]);
        if middle == 0.0 {
            return Some(0.0);
        }
        // The largest divides: that quotient keeps the most digits, as in R.
        Some((self.second(low, middle, high)? - self.second(0.0, low, middle)?) / high)
    }
}

fn sorted(mut x: [f64; 3]) -> [f64; 3] {
    x.sort_by(f64::total_cmp);
    x
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::function::{Exp, Inverse, Log, Power, Ridge, Sqrt, WithSlope};
    use crate::gradcheck::{GradientCheck, check_vjp, gaussian, with_spectrum};
    use crate::rank::Method;
    use crate::symmetric::inner;
    use faer::mat;

    fn of<F: ScalarFunction>(f: &Mat<f64>, function: F) -> GramFunction<F> {
        GramFunction::forward(f.as_ref(), function).unwrap()
    }

    fn second<F: ScalarFunction>(rule: &GramFunction<F>, s: &Mat<f64>, z: &Mat<f64>) -> Mat<f64> {
        rule.vjp_of_vjp(s.as_ref(), z.as_ref()).unwrap().f_bar
    }

    fn ridge<F: ScalarFunction>(f: F) -> Ridge<F> {
        Ridge::new(f, 0.1).unwrap()
    }

    /// Zeros in these rows and columns.
    fn dead(mut f: Mat<f64>, rows: &[usize], columns: &[usize]) -> Mat<f64> {
        for &i in rows {
            f.row_mut(i).fill(0.0);
        }
        for &j in columns {
            f.col_mut(j).fill(0.0);
        }
        f
    }

    /// Tall, wide, square, one row, one column, 1 × 1; values repeated, nearly repeated, lost on both sides; dead
    /// channels, dead positions, both; nothing at all.
    fn cases() -> Vec<Mat<f64>> {
        let spread = [3.0, 1.0, 0.5, 0.2];
        let close = [2.0, 2.0 + 1e-14, 2.0, 1.0];
        vec![
            with_spectrum(9, 4, &spread, 2),
            with_spectrum(4, 9, &spread, 2),
            with_spectrum(4, 4, &spread, 2),
            with_spectrum(9, 4, &close, 3),
            with_spectrum(4, 9, &close, 3),
            with_spectrum(7, 5, &[2.0, 2.0], 4),
            with_spectrum(5, 7, &[2.0, 2.0, 1.0], 4),
            with_spectrum(4, 4, &[1.0], 4),
            mat![[1.5]],
            mat![[1.0, -2.0, 0.5]],
            mat![[1.0], [-2.0], [0.5]],
            dead(gaussian(7, 5, 4), &[], &[1, 4]),
            dead(gaussian(8, 3, 5), &[2, 7], &[]),
            dead(gaussian(5, 6, 6), &[3], &[2]),
            dead(gaussian(5, 5, 6), &[0, 2], &[1]),
            dead(gaussian(4, 3, 7), &[3], &[2]),
            Mat::zeros(3, 2),
            Mat::zeros(2, 3),
        ]
    }

    #[test]
    fn one_number_and_one_row_by_hand() {
        // C = f(x²): F̄ = 2 x f′ s, and once more (2 f′ + 4 x² f″) s z; here of log(x² + 1) at 2.
        let rule = of(&mat![[2.0]], Ridge::new(Log, 1.0).unwrap());
        let found = rule
            .vjp_of_vjp(mat![[3.0]].as_ref(), mat![[5.0]].as_ref())
            .unwrap();
        assert!((found.f_bar[(0, 0)] - (2.0 / 5.0 - 16.0 / 25.0) * 15.0).abs() < 1e-14);
        assert!((found.c_bar_bar[(0, 0)] - 4.0).abs() < 1e-14);
        // A row (2, 0), f = √: C = FᵀF / ‖F‖, c₂₂ = x₂² / ‖F‖, whose second derivative by x₂ is 2 / 2.
        for row in [mat![[2.0, 0.0]], mat![[0.0, 0.0], [2.0, 0.0]]] {
            let rule = of(&row, Sqrt);
            let s = mat![[0.0, 0.0], [0.0, 1.0]];
            let z = Mat::from_fn(row.nrows(), 2, |i, j| {
                f64::from(row[(i, 0)] > 0.0 && j == 1)
            });
            assert!((second(&rule, &s, &z) - &z).norm_max() < 1e-15);
        }
        // At F = 0 what is left is f′(0) (FᵀF).
        let rule = of(&Mat::zeros(2, 3), ridge(Exp));
        let (s, z) = (gaussian(3, 3, 1), gaussian(2, 3, 2));
        let expected = Scale(2.0 * 0.1_f64.exp()) * &z * sym(s.as_ref());
        assert!((second(&rule, &s, &z) - expected).norm_max() < 1e-14);
    }

    #[test]
    fn agrees_with_finite_differences_of_the_first() {
        let softplus = WithSlope::new(|x: f64| x.exp().ln_1p(), |x: f64| 1.0 / (1.0 + (-x).exp()))
            .with_curvature(|x: f64| 0.25 / (0.5 * x).cosh().powi(2));
        let functions: [(&str, &dyn ScalarFunction); 4] = [
            ("log", &ridge(Log)),
            ("power", &ridge(Power { exponent: -0.7 })),
            ("three halves", &Power { exponent: 1.5 }),
            ("softplus", &softplus),
        ];
        let check = GradientCheck {
            step: 1e-4,
            tolerance: 1e-6,
            ..GradientCheck::default()
        };
        for (case, f) in cases().iter().enumerate() {
            let c_bar = gaussian(f.ncols(), f.ncols(), 21);
            for (name, function) in functions {
                let rule = of(f, function);
                let of_f =
                    |f: MatRef<'_, f64>| GramFunction::forward(f, function)?.vjp(c_bar.as_ref());
                let back = |z: MatRef<'_, f64>| Ok(rule.vjp_of_vjp(c_bar.as_ref(), z)?.f_bar);
                // |F|³ has no third derivative at zero.
                let smooth = name != "three halves" || rule.rank() == f.nrows().min(f.ncols());
                if smooth {
                    check_vjp(of_f, back, f.as_ref(), &check)
                        .unwrap_or_else(|error: Error| panic!("{name}, case {case}: {error}"));
                }
                check_vjp(
                    |c_bar| rule.vjp(c_bar),
                    |z| Ok(rule.vjp_of_vjp(c_bar.as_ref(), z)?.c_bar_bar),
                    c_bar.as_ref(),
                    &check,
                )
                .unwrap_or_else(|error: Error| panic!("{name}, case {case}: {error}"));
            }
        }
    }

    #[test]
    fn every_digit_stays_as_gaps_close_and_ranks_are_lost() {
        // G²: D = G S + S G. (G + ε)⁻¹ = B: D = −B S B. Each once more by N = FᵀZ + ZᵀF.
        for (case, f) in cases().iter().enumerate() {
            let (n, d) = f.shape();
            let s = sym(gaussian(d, d, 1).as_ref());
            let z = gaussian(n, d, 2);
            let (gram, moved) = (f.transpose() * f, f.transpose() * &z + z.transpose() * f);
            let jordan = |a: &Mat<f64>| a * &s + &s * a;
            let expected = Scale(2.0) * (&z * jordan(&gram) + f * jordan(&moved));
            let close = |found: Mat<f64>, expected: &Mat<f64>, tolerance: f64, name: &str| {
                let error = (found - expected).norm_max() / expected.norm_max();
                assert!(error < tolerance, "{name}, case {case}: {error:e}");
            };
            let square = WithSlope::new(|x| x * x, |x| 2.0 * x).with_curvature(|_| 2.0);
            if expected.norm_max() > 0.0 {
                // A few ε for every factor.
                close(
                    second(&of(f, Power { exponent: 2.0 }), &s, &z),
                    &expected,
                    1e-14,
                    "square",
                );
                close(
                    second(&of(f, square), &s, &z),
                    &expected,
                    2e-14,
                    "own square",
                );
            }
            for method in [Method::Gram, Method::Svd] {
                let rule = GramFunction::forward_with(method, f.as_ref(), ridge(Inverse)).unwrap();
                let b = rule.value();
                let b_s_b = b * &s * b;
                let bent = b * &moved * &b_s_b + &b_s_b * &moved * b;
                let expected = Scale(2.0) * (f * bent - &z * b_s_b);
                // Three inverses, and the condition of G + ε, up to 90 in squares.
                close(second(&rule, &s, &z), &expected, 1e-12, "inverse");
            }
        }
    }

    #[test]
    fn the_second_derivative_is_symmetric_and_its_first_part_is_the_pushforward() {
        for (case, f) in cases().iter().enumerate() {
            let (n, d) = f.shape();
            let (s, x, y) = (gaussian(d, d, 1), gaussian(n, d, 2), gaussian(n, d, 3));
            let rule = of(f, ridge(Log));
            let one = inner(second(&rule, &s, &x).as_ref(), y.as_ref());
            let other = inner(second(&rule, &s, &y).as_ref(), x.as_ref());
            let size = second(&rule, &s, &x).norm_l2() * y.norm_l2();
            assert!(
                (one - other).abs() < 1e-13 * size,
                "case {case}: {one} {other}"
            );
            let found = rule.vjp_of_vjp(s.as_ref(), x.as_ref()).unwrap();
            assert_eq!(found.c_bar_bar, rule.jvp(x.as_ref()).unwrap());
            // Linear in each, and only the symmetric part of C̄ counts.
            let of_transpose = second(&rule, &s.transpose().to_owned(), &x);
            assert!((of_transpose - &found.f_bar).norm_max() <= 1e-15 * found.f_bar.norm_max());
            let huge = second(&rule, &(Scale(1e-300) * &s), &(Scale(1e300) * &x));
            assert!((huge - &found.f_bar).norm_max() <= 1e-13 * found.f_bar.norm_max());
        }
    }

    #[test]
    fn refined_values_keep_their_digits() {
        // σ from 1 to 10⁻⁶ under a logarithm without a ridge, diagonal in known bases of whole numbers' rotations.
        let sigma = [1.0, 1e-2, 1e-4, 1e-6];
        let f = Mat::from_fn(6, 4, |i, j| if i == j { sigma[j] } else { 0.0 });
        let rule = of(&f, Log);
        let (s, z) = (sym(gaussian(4, 4, 1).as_ref()), gaussian(6, 4, 2));
        let found = second(&rule, &s, &z);
        let lambda = sigma.map(|x| x * x);
        let y = Mat::from_fn(4, 4, |i, j| sigma[i] * z[(i, j)] + sigma[j] * z[(j, i)]);
        for i in 0..6 {
            for j in 0..4 {
                let mut terms = Vec::new();
                for k in 0..4 {
                    let p = Log.divided_difference(lambda[k], lambda[j]);
                    terms.push(2.0 * z[(i, k)] * p * s[(k, j)]);
                    if i < 4 {
                        let t = Log.second_divided_difference(lambda[i], lambda[k], lambda[j]);
                        let bent = s[(i, k)] * y[(k, j)] + y[(i, k)] * s[(k, j)];
                        terms.push(2.0 * sigma[i] * t.unwrap() * bent);
                    }
                }
                let expected: f64 = terms.iter().sum();
                let size = terms.iter().map(|x| x.abs()).fold(0.0, f64::max);
                let error = (found[(i, j)] - expected).abs() / size;
                assert!(error < 1e-12, "{i}, {j}: {error:e}");
            }
        }
    }

    #[test]
    fn sizes_far_from_one_scale_as_they_should() {
        // (FᵀF)^½ is homogeneous of degree one: its second derivative of degree minus one.
        for f in [
            gaussian(9, 4, 1),
            gaussian(4, 9, 1),
            dead(gaussian(3, 4, 1), &[], &[2]),
        ] {
            let (s, z) = (
                gaussian(f.ncols(), f.ncols(), 2),
                gaussian(f.nrows(), f.ncols(), 3),
            );
            let plain = second(&of(&f, Sqrt), &s, &z);
            for exponent in [-300, -210, 210, 300] {
                let size = 2f64.powi(exponent);
                let rule = of(&(Scale(size) * &f), Sqrt);
                let found = second(&rule, &s, &(Scale(size) * &z));
                let error = (found - &plain).norm_max();
                assert!(error < 1e-12 * plain.norm_max(), "{exponent}: {error:e}");
            }
        }
    }

    #[test]
    fn refuses_what_has_no_answer() {
        let (tall, s) = (gaussian(4, 3, 1), Mat::<f64>::identity(3, 3));
        let z = gaussian(4, 3, 2);
        let rule = of(&tall, ridge(Log));
        let unknown = of(&tall, WithSlope::new(f64::sin, f64::cos));
        // Rank 1 of 3 on both sides; a row of zeros beside a singular FᵀF.
        let lost = of(&Mat::from_fn(4, 3, |i, j| (i * (j + 1)) as f64), Sqrt);
        let masked = of(&dead(gaussian(3, 4, 1), &[2], &[]), Sqrt);
        let (s_of_four, z_of_three) = (gaussian(4, 4, 3), gaussian(3, 4, 4));
        let tiny = of(&(Scale(1e-120) * &tall), Log);
        let huge = of(&(Scale(1e120) * &tall), Log);
        let nan = Scale(f64::NAN) * &z;
        refused! {
            rule.vjp_of_vjp(z.as_ref(), z.as_ref()) => Error::ShapeMismatch { .. },
            rule.vjp_of_vjp(s.as_ref(), s.as_ref()) => Error::ShapeMismatch { .. },
            rule.vjp_of_vjp(s.as_ref(), nan.as_ref()) => Error::NotFinite { .. },
            rule.vjp_of_vjp((Scale(f64::NAN) * &s).as_ref(), z.as_ref()) => Error::NotFinite { .. },
            unknown.vjp_of_vjp(s.as_ref(), z.as_ref()) => Error::CurvatureUnknown { op: OP },
            lost.vjp_of_vjp(s.as_ref(), z.as_ref())
                => Error::NotDifferentiable { op: OP, value: 0.0 },
            masked.vjp_of_vjp(s_of_four.as_ref(), z_of_three.as_ref())
                => Error::NotDifferentiable { op: OP, value: 0.0 },
            tiny.vjp_of_vjp(s.as_ref(), z.as_ref()) => Error::Overflow { op: OP },
            huge.vjp_of_vjp(s.as_ref(), z.as_ref()) => Error::Overflow { op: OP },
        }
        // A cotangent that leaves the row alone, as that of a gradient penalty, is answered.
        let penalty = masked.vjp(s_of_four.as_ref()).unwrap();
        assert_eq!(penalty.row(2).norm_max(), 0.0);
        let found = second(&masked, &s_of_four, &penalty);
        assert!(found.row(2).norm_max() == 0.0 && found.norm_max() > 0.0);
    }

    #[test]
    fn answers_at_any_size_are_numbers_or_errors_that_say_why() {
        let sizes = [
            0.0, 5e-324, 1e-310, 1e-160, 1e-75, 1.0, 1e75, 1e120, 1e150, 1e307,
        ];
        let functions: [&dyn ScalarFunction; 5] =
            [&ridge(Log), &Log, &Sqrt, &Exp, &Power { exponent: 0.25 }];
        let (mut numbers, mut errors) = (0, 0);
        for f in [
            gaussian(3, 2, 1),
            gaussian(2, 3, 1),
            dead(gaussian(4, 3, 1), &[0], &[1]),
        ] {
            let (n, d) = f.shape();
            let (s, z) = (gaussian(d, d, 2), gaussian(n, d, 3));
            for function in functions {
                for size in sizes {
                    let f = Scale(size) * &f;
                    let Ok(rule) = GramFunction::forward(f.as_ref(), function) else {
                        continue;
                    };
                    for (s_size, z_size) in
                        [(1.0, 1.0), (1e-300, 1e300), (1e300, 1e300), (0.0, 1.0)]
                    {
                        let (s, z) = (Scale(s_size) * &s, Scale(z_size) * &z);
                        match rule.vjp_of_vjp(s.as_ref(), z.as_ref()) {
                            Ok(second) => {
                                assert!(second.f_bar.is_all_finite(), "{size:e}");
                                assert!(second.c_bar_bar.is_all_finite(), "{size:e}");
                                numbers += 1;
                            }
                            Err(Error::Overflow { .. } | Error::NotDifferentiable { .. }) => {
                                errors += 1;
                            }
                            Err(other) => panic!("{size:e}: {other}"),
                        }
                    }
                }
            }
        }
        assert!(numbers > 150 && errors > 20, "{numbers} {errors}");
    }
}
