//! A function of a symmetric matrix.

use super::domain;
use super::scalar_function::ScalarFunction;
use super::second_order::Spectrum;
use crate::decompose::symmetric_eigen;
use crate::error::Result;
use crate::guard::{ensure_shape, values_within_range, within_range};
use crate::products::{congruence, spectral_product};
use crate::symmetric::{scaled_symmetric, sym};
use faer::{Mat, MatRef, unzip, zip};

const OP: &str = "function of a symmetric matrix";

/// C = V f(Λ) Vᵀ of a symmetric A = V Λ Vᵀ.
///
/// ```text
/// forward      C = V f(Λ) Vᵀ
/// vjp          Ā = V ( P ∘ (Vᵀ sym(C̄) V) ) Vᵀ          Pᵢⱼ = f[λᵢ, λⱼ]
/// jvp          Ċ = V ( P ∘ (Vᵀ sym(Ȧ) V) ) Vᵀ          the same map: the derivative is its own adjoint
/// vjp of vjp   the cotangent W of Ā goes to C̄ as V (P ∘ Y) Vᵀ, and to A as V H Vᵀ
///              Hᵢⱼ = Σₖ f[λᵢ, λₖ, λⱼ] (Xᵢₖ Yₖⱼ + Yᵢₖ Xₖⱼ),   X = Vᵀ sym(C̄) V,  Y = Vᵀ sym(W) V
/// ```
///
/// # Shapes
/// A, C, Ā, W: n × n, symmetric.
///
/// # Conventions
/// Eigenvalues nondecreasing. Divided differences stay finite where
/// eigenvalues meet, so no gap is formed and no policy asked for: C and its derivatives are as smooth as f.
///
/// An eigenvalue is known to about ε‖A‖. One within n ε‖A‖ of the [edge](ScalarFunction::edge) of f's domain counts as on
/// it: of a singular covariance matrix, the root is right to rounding whichever side of zero an eigenvalue comes out on,
/// and log and inverse are [`OutsideDomain`](crate::Error::OutsideDomain). [`Ridge`](crate::Ridge) moves the edge away.
/// Where f has a value at its edge and no slope, as the root at zero, a cotangent that asks for nothing between the null
/// vectors (8 n ε of its norm) has the gradient that is its limit; any other is
/// [`NotDifferentiable`](crate::Error::NotDifferentiable).
///
/// # Errors
/// [`NotSquare`](crate::Error::NotSquare), [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`NotSymmetric`](crate::Error::NotSymmetric) beyond rounding,
/// [`Overflow`](crate::Error::Overflow), [`NoConvergence`](crate::Error::NoConvergence);
/// [`OutsideDomain`](crate::Error::OutsideDomain) with the first eigenvalue at which f has no value,
/// [`NotDifferentiable`](crate::Error::NotDifferentiable) with one at which the derivative is not, and
/// [`CurvatureUnknown`](crate::Error::CurvatureUnknown) from second order.
///
/// # Cost
/// O(n³) time; 2n² + 2n numbers stored. Second order takes up to n³/2 divisions more, for pairs of
/// eigenvalues within a sixteenth of the largest, and evaluations of f″ for triples that all lie close together.
///
/// # Source
/// Daleckiĭ and Kreĭn, 1965; Higham, "Functions of Matrices", 2008, theorem 3.11. Second order: Bhatia, "Matrix
/// Analysis", 1997, section V.3, where we choose for every triple the difference that loses the fewest digits.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::{Log, MatrixFunction};
///
/// // Two equal eigenvalues: the logarithm of 2 I, and the gradient of one of its entries.
/// let log = MatrixFunction::forward(mat![[2.0, 0.0], [0.0, 2.0]].as_ref(), Log)?;
/// assert!((log.value()[(0, 0)] - 2f64.ln()).abs() < 1e-15);
/// let a_bar = log.vjp(mat![[0.0, 1.0], [0.0, 0.0]].as_ref())?;
/// assert!((a_bar - mat![[0.0, 0.25], [0.25, 0.0]]).norm_max() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MatrixFunction<F> {
    values: Vec<f64>,
    vectors: Mat<f64>,
    value: Mat<f64>,
    function: F,
}

/// The result of [`MatrixFunction::vjp_of_vjp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MatrixFunctionSecond {
    /// The cotangent of C̄, n × n.
    pub c_bar_bar: Mat<f64>,
    /// The cotangent of A, n × n.
    pub a_bar: Mat<f64>,
}

impl<F: ScalarFunction> MatrixFunction<F> {
    /// f of A.
    ///
    /// # Errors
    /// See [`MatrixFunction`].
    pub fn forward(a: MatRef<'_, f64>, function: F) -> Result<Self> {
        let (a, scale) = scaled_symmetric(OP, a)?;
        let (values, vectors) = symmetric_eigen(OP, a.as_ref())?;
        // f is not homogeneous: it must see the true eigenvalues.
        let values = values.iter().map(|value| value * scale).collect();
        let values = domain::onto_edge(&function, values_within_range(OP, values)?);
        let mapped = domain::values(OP, &function, &values)?;
        Ok(Self {
            value: within_range(OP, spectral_product(vectors.as_ref(), &mapped))?,
            values,
            vectors,
            function,
        })
    }

    /// The way back alone, from eigenvalues, nondecreasing, and eigenvectors that `forward` gave; C is not there.
    pub(crate) fn from_eigenpairs(values: Vec<f64>, vectors: Mat<f64>, function: F) -> Self {
        Self {
            value: Mat::zeros(vectors.nrows(), vectors.ncols()),
            values,
            vectors,
            function,
        }
    }

    /// The function of the matrix, C, n × n, without a copy.
    pub fn into_value(self) -> Mat<f64> {
        self.value
    }

    /// The function of the matrix, C, n × n.
    pub fn value(&self) -> MatRef<'_, f64> {
        self.value.as_ref()
    }

    /// Eigenvalues of A, nondecreasing.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Eigenvectors V of A, one a column, in the order of the values.
    pub fn vectors(&self) -> MatRef<'_, f64> {
        self.vectors.as_ref()
    }

    /// Ā from C̄, whose symmetric part counts.
    ///
    /// # Errors
    /// See [`MatrixFunction`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless C̄ is n × n.
    pub fn vjp(&self, value_bar: MatRef<'_, f64>) -> Result<Mat<f64>> {
        self.derivative(value_bar)
    }

    /// Ċ from Ȧ, whose symmetric part counts.
    ///
    /// # Errors
    /// See [`MatrixFunction`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is n × n.
    pub fn jvp(&self, a_dot: MatRef<'_, f64>) -> Result<Mat<f64>> {
        self.derivative(a_dot)
    }

    /// The way back through Ā = `vjp(C̄)`: from a cotangent W of Ā to those of C̄ and of A.
    ///
    /// With C̄ held fixed, `a_bar` is the product of the Hessian of ⟨C̄, f(A)⟩ with W.
    ///
    /// # Errors
    /// See [`MatrixFunction`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless C̄ and W are n × n.
    pub fn vjp_of_vjp(
        &self,
        value_bar: MatRef<'_, f64>,
        a_bar_bar: MatRef<'_, f64>,
    ) -> Result<MatrixFunctionSecond> {
        let x = self.in_eigenbasis(value_bar)?;
        let y = self.in_eigenbasis(a_bar_bar)?;
        let differences = domain::divided_differences(OP, &self.function, &self.values)?;
        let spectrum = Spectrum {
            op: OP,
            second: |a, b, c| self.function.second_divided_difference(a, b, c),
            values: &self.values,
            differences: &differences,
        };
        let h = spectrum.second_derivative(&x, &y)?;
        Ok(MatrixFunctionSecond {
            c_bar_bar: self.back_from_eigenbasis(spectrum.weighted(&y))?,
            a_bar: self.back_from_eigenbasis(h)?,
        })
    }

    /// V (P ∘ (Vᵀ sym(S) V)) Vᵀ.
    fn derivative(&self, s: MatRef<'_, f64>) -> Result<Mat<f64>> {
        let mut core = self.in_eigenbasis(s)?;
        let (f, norm) = (&self.function, s.norm_l2());
        let differences = domain::divided_differences_for(OP, f, &self.values, &core, norm)?;
        zip!(&mut core, &differences).for_each(|unzip!(core, difference)| *core *= difference);
        self.back_from_eigenbasis(core)
    }

    /// Vᵀ sym(S) V.
    fn in_eigenbasis(&self, s: MatRef<'_, f64>) -> Result<Mat<f64>> {
        ensure_shape(OP, s, self.value.shape())?;
        Ok(congruence(self.vectors().transpose(), sym(s).as_ref()))
    }

    /// V S Vᵀ.
    fn back_from_eigenbasis(&self, s: Mat<f64>) -> Result<Mat<f64>> {
        // A large derivative times a large cotangent may be too large for a number.
        within_range(OP, congruence(self.vectors(), s.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use crate::function::scalar::{Exp, Inverse, InverseSqrt, Log, Power, Ridge, Sqrt, WithSlope};
    use crate::gradcheck::{
        GradientCheck, check_jvp, check_vjp, gaussian, symmetric_with_spectrum,
    };
    use crate::symmetric::inner;
    use faer::{Scale, mat};

    fn of<F: ScalarFunction>(a: &Mat<f64>, f: F) -> MatrixFunction<F> {
        MatrixFunction::forward(a.as_ref(), f).unwrap()
    }

    fn functions() -> Vec<(&'static str, Box<dyn ScalarFunction>)> {
        let softplus = WithSlope::new(|x: f64| x.exp().ln_1p(), |x: f64| 1.0 / (1.0 + (-x).exp()))
            .with_curvature(|x: f64| 0.25 / (0.5 * x).cosh().powi(2));
        vec![
            ("log", Box::new(Log)),
            ("log with a ridge", Box::new(Ridge::new(Log, 0.1).unwrap())),
            ("sqrt", Box::new(Sqrt)),
            ("inverse sqrt", Box::new(InverseSqrt)),
            ("inverse", Box::new(Inverse)),
            ("exp", Box::new(Exp)),
            ("power", Box::new(Power { exponent: 0.7 })),
            ("cube", Box::new(Power { exponent: 3.0 })),
            ("softplus", Box::new(softplus)),
        ]
    }

    /// 1 × 1, well separated, exactly repeated, nearly repeated.
    const SPECTRA: [&[f64]; 5] = [
        &[0.7],
        &[1.0, 2.0, 3.0, 5.0],
        &[2.0, 2.0, 2.0],
        &[1.0, 1.0, 2.0, 4.0, 4.0],
        &[0.5, 2.0, 2.0 + 1e-14, 3.0],
    ];

    fn check() -> GradientCheck {
        GradientCheck {
            tolerance: 1e-8,
            ..GradientCheck::default()
        }
    }

    #[test]
    fn two_by_two_by_hand() {
        // Eigenvalues 1 and 9.
        let a = mat![[5.0, 4.0], [4.0, 5.0]];
        let root = of(&a, Sqrt);
        assert!((root.value() - mat![[2.0, 1.0], [1.0, 2.0]]).norm_max() < 1e-15);
        assert!((root.values()[0] - 1.0).abs() < 1e-15 && (root.values()[1] - 9.0).abs() < 1e-14);
        // C Ċ + Ċ C = Ȧ.
        let a_dot = mat![[1.0, -2.0], [-2.0, 7.0]];
        let c_dot = root.jvp(a_dot.as_ref()).unwrap();
        assert!((root.value() * &c_dot + &c_dot * root.value() - a_dot).norm_max() < 1e-14);
        // Second order: C W̃ + W̃ C for each argument, twice over; here by the closed form at a multiple of I.
        let root = of(&mat![[4.0, 0.0], [0.0, 4.0]], Sqrt);
        let (e, w) = (mat![[1.0, 2.0], [2.0, -1.0]], mat![[0.0, 1.0], [1.0, 3.0]]);
        let second = root.vjp_of_vjp(e.as_ref(), w.as_ref()).unwrap();
        // f″(4)/2 (E W + W E), f″(4) = −1/32.
        let expected = Scale(-1.0 / 64.0) * (&e * &w + &w * &e);
        assert!((second.a_bar - expected).norm_max() < 1e-16);
        assert!((second.c_bar_bar - Scale(0.25) * w).norm_max() < 1e-15);
    }

    #[test]
    fn agrees_with_finite_differences() {
        for spectrum in SPECTRA {
            let a = symmetric_with_spectrum(spectrum, 11);
            for (name, f) in functions() {
                let c = of(&a, &*f);
                for check in [
                    check(),
                    GradientCheck {
                        perturbation: GradientCheck::symmetric().perturbation,
                        ..check()
                    },
                ] {
                    let forward = |a: MatRef<'_, f64>| {
                        Ok(MatrixFunction::forward(sym(a).as_ref(), &*f)?.value)
                    };
                    check_vjp(forward, |c_bar| c.vjp(c_bar), a.as_ref(), &check)
                        .unwrap_or_else(|error: Error| panic!("{name}, {spectrum:?}: {error}"));
                    check_jvp(forward, |a_dot| c.jvp(a_dot), a.as_ref(), &check)
                        .unwrap_or_else(|error: Error| panic!("{name}, {spectrum:?}: {error}"));
                }
            }
        }
    }

    #[test]
    fn second_order_agrees_with_finite_differences_of_the_first() {
        for spectrum in SPECTRA {
            let a = symmetric_with_spectrum(spectrum, 11);
            let n = a.nrows();
            let c_bar = gaussian(n, n, 21);
            for (name, f) in functions() {
                let c = of(&a, &*f);
                let of_a = |a: MatRef<'_, f64>| {
                    MatrixFunction::forward(sym(a).as_ref(), &*f)?.vjp(c_bar.as_ref())
                };
                check_vjp(
                    of_a,
                    |w| Ok(c.vjp_of_vjp(c_bar.as_ref(), w)?.a_bar),
                    a.as_ref(),
                    &check(),
                )
                .unwrap_or_else(|error: Error| panic!("{name}, {spectrum:?}: {error}"));
                check_vjp(
                    |c_bar| c.vjp(c_bar),
                    |w| Ok(c.vjp_of_vjp(c_bar.as_ref(), w)?.c_bar_bar),
                    c_bar.as_ref(),
                    &check(),
                )
                .unwrap_or_else(|error: Error| panic!("{name}, {spectrum:?}: {error}"));
            }
        }
    }

    #[test]
    fn powers_and_the_inverse_agree_with_their_closed_forms() {
        for spectrum in [
            &[-1.5, 2.0, 3.0][..],
            &[2.0, 2.0, 2.0 + 1e-14, 0.5],
            &[1e-3, 1.0, 1.0, 7.0],
        ] {
            let a = symmetric_with_spectrum(spectrum, 4);
            let n = a.nrows();
            let (e, w) = (
                sym(gaussian(n, n, 1).as_ref()),
                sym(gaussian(n, n, 2).as_ref()),
            );
            let close = |found: &Mat<f64>, expected: Mat<f64>, name: &str| {
                let error = (found - &expected).norm_max() / expected.norm_max();
                // A few ε times the condition of A, at most 7000, for the inverse.
                assert!(
                    error < 4.0 * f64::EPSILON * 7000.0,
                    "{name}, {spectrum:?}: {error:e}"
                );
            };
            let square = of(&a, Power { exponent: 2.0 });
            close(&square.value, &a * &a, "square");
            close(
                &square.vjp(e.as_ref()).unwrap(),
                &a * &e + &e * &a,
                "square, first",
            );
            let second = square.vjp_of_vjp(e.as_ref(), w.as_ref()).unwrap();
            close(&second.a_bar, &e * &w + &w * &e, "square, second");

            let generic =
                WithSlope::new(|x| x * x * x, |x| 3.0 * x * x).with_curvature(|x| 6.0 * x);
            let cube: Box<dyn ScalarFunction> = Box::new(Power { exponent: 3.0 });
            for f in [&*cube, &generic] {
                let cube = of(&a, f);
                let first = &a * &a * &e + &a * &e * &a + &e * &a * &a;
                close(&cube.jvp(e.as_ref()).unwrap(), first, "cube, first");
                let of_two = |e: &Mat<f64>, w: &Mat<f64>| &a * e * w + e * &a * w + e * w * &a;
                let second = cube.vjp_of_vjp(e.as_ref(), w.as_ref()).unwrap();
                close(
                    &second.a_bar,
                    of_two(&e, &w) + of_two(&w, &e),
                    "cube, second",
                );
            }

            let inverse = of(&a, Inverse);
            let c = inverse.value();
            close(&(c * &a), Mat::identity(n, n), "inverse");
            close(
                &inverse.vjp(e.as_ref()).unwrap(),
                -(c * &e * c),
                "inverse, first",
            );
            let second = inverse.vjp_of_vjp(e.as_ref(), w.as_ref()).unwrap();
            close(
                &second.a_bar,
                c * &e * c * &w * c + c * &w * c * &e * c,
                "inverse, second",
            );
        }
    }

    #[test]
    fn digits_stay_as_gaps_close() {
        // log(2 I + D)·E = E/2 − (D E + E D)/8 + O(D²).
        for gap in [1e-6, 1e-10, 1e-14, 0.0] {
            let v = of(&symmetric_with_spectrum(&[1.0, 2.0, 3.0], 5), Exp)
                .vectors()
                .to_owned();
            let d = spectral_product(v.as_ref(), &[0.0, gap, -gap]);
            let a = &d + Scale(2.0) * Mat::<f64>::identity(3, 3);
            // The diagonal as rounded into A.
            let d = &a - Scale(2.0) * Mat::<f64>::identity(3, 3);
            let e = sym(gaussian(3, 3, 1).as_ref());
            let expected = Scale(0.5) * &e - Scale(0.125) * (&d * &e + &e * &d);
            let found = of(&a, Log).vjp(e.as_ref()).unwrap();
            let error = (found - expected).norm_max() / e.norm_max();
            assert!(error < 4e-15 + gap * gap, "{gap:e}: {error:e}");
            // Second order: f″(2)/2 (E W + W E) = −(E W + W E)/8.
            let w = sym(gaussian(3, 3, 2).as_ref());
            let second = of(&a, Log).vjp_of_vjp(e.as_ref(), w.as_ref()).unwrap();
            let expected = Scale(-0.125) * (&e * &w + &w * &e);
            let error = (second.a_bar - &expected).norm_max() / expected.norm_max();
            assert!(error < 4e-15 + 2.0 * gap, "{gap:e}: {error:e}");
        }
    }

    #[test]
    fn the_logarithm_of_a_wide_spectrum_is_as_right_as_its_eigenvalues() {
        let spectrum: Vec<f64> = (0..13).map(|i| 10f64.powi(-i)).collect();
        // Diagonal: every digit.
        let a = Mat::from_fn(13, 13, |i, j| if i == j { spectrum[i] } else { 0.0 });
        let log = of(&a, Log);
        let c_bar = sym(gaussian(13, 13, 3).as_ref());
        let a_bar = log.vjp(c_bar.as_ref()).unwrap();
        for j in 0..13 {
            assert!((log.value()[(j, j)] - spectrum[j].ln()).abs() < 1e-14);
            for i in 0..13 {
                let expected = Log.divided_difference(spectrum[i], spectrum[j]) * c_bar[(i, j)];
                assert!(
                    (a_bar[(i, j)] - expected).abs() <= 1e-15 * expected.abs(),
                    "{i}, {j}"
                );
            }
        }
        // Rotated: the smallest eigenvalue is known to ε / 10⁻¹² of itself.
        let log = of(&symmetric_with_spectrum(&spectrum, 6), Log);
        for (found, expected) in log.values().iter().zip(spectrum.iter().rev()) {
            assert!((found - expected).abs() < 10.0 * f64::EPSILON);
        }
        let (x_dot, y_bar) = (gaussian(13, 13, 4), gaussian(13, 13, 5));
        let there = inner(y_bar.as_ref(), log.jvp(x_dot.as_ref()).unwrap().as_ref());
        let back = inner(log.vjp(y_bar.as_ref()).unwrap().as_ref(), x_dot.as_ref());
        assert!(
            (there - back).abs() < 1e-13 * there.abs().max(back.abs()),
            "{there} {back}"
        );
    }

    #[test]
    fn exp_undoes_log() {
        let a = symmetric_with_spectrum(&[0.1, 0.5, 2.0, 2.0, 9.0], 2);
        let log = of(&a, Log);
        let exp = of(&log.value, Exp);
        assert!((exp.value() - &a).norm_max() < 1e-13);
        let a_dot = sym(gaussian(5, 5, 7).as_ref());
        let again = exp.jvp(log.jvp(a_dot.as_ref()).unwrap().as_ref()).unwrap();
        assert!((again - &a_dot).norm_max() < 1e-13 * a_dot.norm_max());
    }

    #[test]
    fn derivatives_are_symmetric_and_see_the_symmetric_part() {
        let a = symmetric_with_spectrum(&[1.0, 2.0, 2.0, 5.0], 3);
        let (e, w) = (gaussian(4, 4, 1), gaussian(4, 4, 2));
        let log = of(&a, Log);
        let a_bar = log.vjp(e.as_ref()).unwrap();
        assert_eq!(a_bar, a_bar.transpose());
        assert_eq!(a_bar, log.jvp(sym(e.as_ref()).as_ref()).unwrap());
        let second = log.vjp_of_vjp(e.as_ref(), w.as_ref()).unwrap();
        let swapped = log.vjp_of_vjp(w.as_ref(), e.as_ref()).unwrap();
        assert!((&second.a_bar - swapped.a_bar).norm_max() < 1e-15);
        assert_eq!(second.a_bar, second.a_bar.transpose());
    }

    #[test]
    fn inputs_of_any_size_keep_their_digits() {
        let a = symmetric_with_spectrum(&[1.0, 2.0, 2.0, 5.0], 3);
        let (e, w) = (gaussian(4, 4, 1), gaussian(4, 4, 2));
        let close = |found: Mat<f64>, expected: &Mat<f64>| {
            assert!((found - expected).norm_max() < 1e-13 * expected.norm_max());
        };
        for exponent in [-500, -300, 300, 500] {
            let size = 2f64.powi(exponent);
            let (plain, scaled) = (of(&a, Log), of(&(Scale(size) * &a), Log));
            let shift = Scale(size.ln()) * Mat::<f64>::identity(4, 4);
            // The shift, up to 347, brings the rounding.
            assert!((scaled.value() - shift - plain.value()).norm_max() < 1e-12);
            let expected = plain.vjp(e.as_ref()).unwrap();
            close(Scale(size) * scaled.vjp(e.as_ref()).unwrap(), &expected);
            let expected = plain.vjp_of_vjp(e.as_ref(), w.as_ref()).unwrap().a_bar;
            let found = scaled.vjp_of_vjp(e.as_ref(), w.as_ref()).unwrap().a_bar;
            close(Scale(size) * (Scale(size) * found), &expected);
            let (plain, scaled) = (of(&a, Sqrt), of(&(Scale(size) * &a), Sqrt));
            close(Scale(size.sqrt().recip()) * &scaled.value, &plain.value);
        }
    }

    #[test]
    fn refuses_what_has_no_answer() {
        let forward = |a: Mat<f64>| MatrixFunction::forward(a.as_ref(), Log);
        // The root of zero has a value and no slope.
        let root = of(&mat![[0.0, 0.0], [0.0, 4.0]], Sqrt);
        refused! {
            forward(Mat::zeros(2, 3)) => Error::NotSquare { .. },
            forward(Mat::zeros(0, 0)) => Error::Empty { .. },
            forward(mat![[f64::NAN]]) => Error::NotFinite { .. },
            forward(mat![[2.0, 0.0], [0.0, -3.0]]) => Error::OutsideDomain { op: OP, value: -3.0 },
        }
        assert_eq!(root.value(), mat![[0.0, 0.0], [0.0, 2.0]]);
        let one = Mat::<f64>::identity(2, 2);
        let not_differentiable = Error::NotDifferentiable { op: OP, value: 0.0 };
        assert_eq!(root.vjp(one.as_ref()), Err(not_differentiable.clone()));
        assert_eq!(
            root.vjp_of_vjp(one.as_ref(), one.as_ref()).map(|_| ()),
            Err(not_differentiable)
        );
        let no_curvature = of(&one, WithSlope::new(f64::sin, f64::cos));
        assert!(no_curvature.vjp(one.as_ref()).is_ok());
        // Too large for a number: an error, not an infinity.
        let inverse = of(&mat![[1e-150]], Inverse);
        refused! {
            no_curvature.vjp_of_vjp(one.as_ref(), one.as_ref())
                => Error::CurvatureUnknown { op: OP },
            no_curvature.vjp(Mat::zeros(3, 3).as_ref())
                => Error::ShapeMismatch { expected: (2, 2), found: (3, 3), .. },
            no_curvature.jvp(mat![[f64::NAN, 0.0], [0.0, 0.0]].as_ref()) => Error::NotFinite { .. },
            inverse.vjp(mat![[1e200]].as_ref()) => Error::Overflow { op: OP },
        }
    }

    #[test]
    fn roots_of_singular_covariances_are_right_whichever_side_of_zero_rounding_falls() {
        let mut refused = 0;
        let mut worst = (0.0_f64, 0.0_f64);
        for (rank, n, draws) in [
            (1, 2, 200),
            (2, 3, 200),
            (1, 8, 200),
            (5, 8, 50),
            (63, 64, 30),
        ] {
            for seed in 0..draws {
                let f = gaussian(rank, n, seed);
                let a = f.transpose() * &f;
                let Ok(root) = MatrixFunction::forward(a.as_ref(), Sqrt) else {
                    refused += 1;
                    continue;
                };
                let c = root.value();
                let error = (c * c - &a).norm_max() / a.norm_max();
                // A cotangent that is zero between null vectors: of ⟨M, C²⟩, whose gradient is M.
                let m = sym(gaussian(n, n, seed + 1).as_ref());
                let c_bar = &m * c + c * &m;
                let a_bar = root.vjp(c_bar.as_ref()).unwrap();
                // Between null vectors the gradient is free: there is none.
                let null = Mat::from_fn(n, n - rank, |i, j| root.vectors()[(i, j)]);
                let between = &null * (null.transpose() * &m * &null) * null.transpose();
                let smallest = root.values()[n - rank] / root.values()[n - 1];
                let wrong = (a_bar + between - &m).norm_max() / m.norm_max() * smallest;
                worst = (worst.0.max(error), worst.1.max(wrong));
                // A cotangent that is not zero there has no gradient.
                let asked = root.vjp(m.as_ref());
                assert!(matches!(
                    asked,
                    Err(Error::NotDifferentiable { value: 0.0, .. })
                ));
                for inverse in [
                    MatrixFunction::forward(a.as_ref(), Log).map(|_| ()),
                    MatrixFunction::forward(a.as_ref(), InverseSqrt).map(|_| ()),
                    MatrixFunction::forward(a.as_ref(), Inverse).map(|_| ()),
                ] {
                    assert!(matches!(
                        inverse,
                        Err(Error::OutsideDomain { value: 0.0, .. })
                    ));
                }
            }
        }
        assert_eq!(refused, 0);
        // Times the condition of the part that is not null.
        assert!(worst.0 < 1e-13 && worst.1 < 1e-12, "{worst:?}");
        let ones = Mat::<f64>::ones(3, 3);
        let root = of(&ones, Sqrt);
        assert!((root.value() - Scale(3f64.sqrt().recip()) * &ones).norm_max() < 1e-15);
    }
}
