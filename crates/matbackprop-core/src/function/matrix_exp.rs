//! The exponential of a general square matrix.

use crate::error::{Error, Result};
use crate::guard::{ensure_shape, ensure_square, within_range};
use crate::products::add_product;
use crate::scale::{Scaled, power_of_two_scale};
use crate::solve::Lu;
use faer::{Mat, MatRef, Scale};

const OP: &str = "matrix exponential";

/// From this norm on, an angle or an exponent is not known to a digit.
const LARGEST: f64 = (1u64 << 52) as f64;

/// Degrees of the Padé approximant: the norm up to which value and derivative are right to rounding, and the
/// coefficients of its numerator.
const DEGREES: [(f64, &[f64]); 4] = [
    (1.08e-2, &[120.0, 60.0, 12.0, 1.0]),
    (2.00e-1, &[30240.0, 15120.0, 3360.0, 420.0, 30.0, 1.0]),
    (
        7.83e-1,
        &[
            17_297_280.0,
            8_648_640.0,
            1_995_840.0,
            277_200.0,
            25_200.0,
            1512.0,
            56.0,
            1.0,
        ],
    ),
    (
        4.74,
        &[
            64_764_752_532_480_000.0,
            32_382_376_266_240_000.0,
            7_771_770_303_897_600.0,
            1_187_353_796_428_800.0,
            129_060_195_264_000.0,
            10_559_470_521_600.0,
            670_442_572_800.0,
            33_522_128_640.0,
            1_323_241_920.0,
            40_840_800.0,
            960_960.0,
            16_380.0,
            182.0,
            1.0,
        ],
    ),
];

/// X = exp(A) = I + A + A²/2 + … of any square A.
///
/// ```text
/// forward   X = ( e^(μ/2ˢ) r(B) )^(2ˢ)           B = (A − μI) / 2ˢ,  μ = tr(A) / n,  r a Padé approximant
/// jvp       Ẋ = L(A, Ȧ) = ∫₀¹ exp((1 − t) A) Ȧ exp(t A) dt        by the same steps: d(X²) = X Ẋ + Ẋ X
/// vjp       Ā = L(Aᵀ, X̄) = L(A, X̄ᵀ)ᵀ
/// ```
///
/// # Shapes
/// A, X and their cotangents: n × n.
///
/// # Conventions
/// The exponential of an antisymmetric A is a rotation, that of any real A has the determinant e^tr(A). No eigenvalue is
/// found: repeated ones, missing eigenvectors and zero cost nothing. Relative to the norm of the result, value and derivative
/// are right to about n ε (1 + ‖A − μI‖₁) times the condition of the exponential at A: an angle of 10⁶ is known to ten
/// digits. For a symmetric A, [`MatrixFunction`](crate::MatrixFunction) with [`Exp`](crate::Exp) loses none.
///
/// # Errors
/// [`NotSquare`](crate::Error::NotSquare), [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`ShapeMismatch`](crate::Error::ShapeMismatch);
/// [`OutOfRange`](crate::Error::OutOfRange) where ‖A − μI‖₁ reaches 2⁵²: there no digit is known;
/// [`Overflow`](crate::Error::Overflow).
///
/// # Cost
/// 2 to 6 products of n × n matrices, a factorisation and s = log₂(‖A − μI‖₁ / 4.74) products forward, twice that each
/// way after it; (9 + s) n² numbers stored.
///
/// # Source
/// Higham, "The scaling and squaring method for the matrix exponential revisited", 2005; Al-Mohy and Higham, "Computing the
/// Fréchet derivative of the matrix exponential", 2009, algorithm 6.4 with degrees 3, 5, 7 and 13. Ours: the
/// factor of μ enters before the squares, so that nothing over- or underflows on the way; squares are those of X − I while
/// X is not small, which keeps the eigenvalues of matrices far from normal.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::MatrixExp;
///
/// // A turn by a right angle, and its derivative by the angle.
/// let half = std::f64::consts::FRAC_PI_2;
/// let turn = mat![[0.0, -1.0], [1.0, 0.0]];
/// let exp = MatrixExp::forward((faer::Scale(half) * &turn).as_ref())?;
/// assert!((exp.value() - &turn).norm_max() < 1e-15);
/// let dot = exp.jvp(turn.as_ref())?;
/// assert!((dot - mat![[-1.0, 0.0], [0.0, -1.0]]).norm_max() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MatrixExp {
    approximant: Approximant,
    /// e^(μ/2ˢ).
    factor: f64,
    /// 2⁻ˢ.
    share: f64,
    /// e^(μ/2ˢ) r(B), its square, and so on; not the last, which is the value.
    squared: Vec<Mat<f64>>,
    value: Mat<f64>,
}

impl MatrixExp {
    /// Scales A and squares its approximant.
    ///
    /// # Errors
    /// See [`MatrixExp`].
    pub fn forward(a: MatRef<'_, f64>) -> Result<Self> {
        let n = ensure_square(OP, a)?;
        let mean = mean_of_diagonal(a);
        let shifted = Mat::from_fn(n, n, |i, j| a[(i, j)] - if i == j { mean } else { 0.0 });
        let (shifted, mean) = if norm(shifted.as_ref()) <= norm(a) {
            (shifted, mean)
        } else {
            (a.to_owned(), 0.0)
        };
        let size = norm(shifted.as_ref());
        if size.is_nan() || size >= LARGEST {
            return Err(Error::OutOfRange {
                op: OP,
                value: size,
                low: 0.0,
                high: LARGEST,
            });
        }
        let mut share = 1.0;
        while size * share > DEGREES[3].0 {
            share *= 0.5;
        }
        let approximant = Approximant::new(Scale(share) * shifted, size * share);
        let factor = (mean * share).exp();
        let mut value = Scale(factor) * plus(&approximant.less_one, 1.0);
        // X − I as long as it is the one of the two that keeps more digits: (I + D)² − I = 2 D + D².
        let mut less_one = Some(plus(
            &(Scale(factor) * &approximant.less_one),
            (mean * share).exp_m1(),
        ));
        let mut squared = Vec::new();
        let mut power = share;
        while power < 1.0 {
            less_one = less_one.filter(|_| norm(value.as_ref()) >= 0.5);
            let square = match &mut less_one {
                Some(d) => {
                    let mut next = Scale(2.0) * &*d;
                    add_product(next.as_mut(), 1.0, &*d, &*d);
                    *d = next;
                    plus(d, 1.0)
                }
                None => &value * &value,
            };
            squared.push(std::mem::replace(&mut value, square));
            power *= 2.0;
        }
        Ok(Self {
            approximant,
            factor,
            share,
            squared,
            value: within_range(OP, value)?,
        })
    }

    /// The exponential X, n × n.
    pub fn value(&self) -> MatRef<'_, f64> {
        self.value.as_ref()
    }

    /// Ā from X̄.
    ///
    /// # Errors
    /// See [`MatrixExp`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless X̄ is n × n.
    pub fn vjp(&self, value_bar: MatRef<'_, f64>) -> Result<Mat<f64>> {
        Ok(self.jvp(value_bar.transpose())?.transpose().to_owned())
    }

    /// Ẋ from Ȧ.
    ///
    /// # Errors
    /// See [`MatrixExp`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is n × n.
    pub fn jvp(&self, a_dot: MatRef<'_, f64>) -> Result<Mat<f64>> {
        ensure_shape(OP, a_dot, self.value.shape())?;
        let size = power_of_two_scale(a_dot);
        let b_dot = Scale(self.share) * Scaled::new(a_dot, size).as_ref();
        let mut dot = Scale(self.factor) * self.approximant.jvp(&b_dot);
        for x in &self.squared {
            let mut square_dot = x * &dot;
            add_product(square_dot.as_mut(), 1.0, &dot, x);
            dot = square_dot;
        }
        within_range(OP, Scale(size) * dot)
    }
}

/// r(B) = (V − U)⁻¹ (V + U) = I + 2 (V − U)⁻¹ U, U = B W, with everything that its derivative needs.
///
/// ```text
/// W = B⁶ W₁ + W₂,  V = B⁶ Z₁ + Z₂          W₁ … Z₂ polynomials in B², B⁴, B⁶; W₁ and Z₁ at degree 13 alone
/// ```
#[derive(Clone, Debug)]
struct Approximant {
    b: Mat<f64>,
    /// B², B⁴, B⁶, as far as the degree asks for them.
    powers: Vec<Mat<f64>>,
    w: Mat<f64>,
    /// W₁ and Z₁.
    high: Option<[Mat<f64>; 2]>,
    /// Of V − U.
    lu: Lu,
    /// r(B) − I.
    less_one: Mat<f64>,
    coefficients: &'static [f64],
}

impl Approximant {
    /// Of a B of this norm.
    fn new(b: Mat<f64>, norm: f64) -> Self {
        let (_, coefficients) = DEGREES[..3]
            .iter()
            .find(|(largest, _)| norm <= *largest)
            .unwrap_or(&DEGREES[3]);
        let count = (coefficients.len() / 2 - 1).min(3);
        let mut powers: Vec<Mat<f64>> = Vec::with_capacity(count);
        for k in 0..count {
            powers.push(match k {
                0 => &b * &b,
                _ => &powers[0] * &powers[k - 1],
            });
        }
        let [mut w, mut v] = [1, 0].map(|odd| {
            let mut low = polynomial(&powers, &coefficients[2 + odd..]);
            for i in 0..b.nrows() {
                low[(i, i)] += coefficients[odd];
            }
            low
        });
        let high = (coefficients.len() > 8).then(|| {
            let high = [1, 0].map(|odd| polynomial(&powers, &coefficients[8 + odd..]));
            add_product(w.as_mut(), 1.0, &powers[2], &high[0]);
            add_product(v.as_mut(), 1.0, &powers[2], &high[1]);
            high
        });
        let u = &b * &w;
        let lu = Lu::new(&v - &u);
        let mut less_one = Scale(2.0) * u;
        lu.solve(less_one.as_mut());
        Self {
            b,
            powers,
            w,
            high,
            lu,
            less_one,
            coefficients,
        }
    }

    /// ṙ from Ḃ.
    fn jvp(&self, b_dot: &Mat<f64>) -> Mat<f64> {
        let mut powers_dot: Vec<Mat<f64>> = Vec::with_capacity(self.powers.len());
        for k in 0..self.powers.len() {
            // d(B² B²ᵏ) = d(B²) B²ᵏ + B² d(B²ᵏ).
            let (first, last) = match k {
                0 => (&self.b, &self.b),
                _ => (&self.powers[0], &self.powers[k - 1]),
            };
            let (first_dot, last_dot) = match k {
                0 => (b_dot, b_dot),
                _ => (&powers_dot[0], &powers_dot[k - 1]),
            };
            let mut dot = first_dot * last;
            add_product(dot.as_mut(), 1.0, first, last_dot);
            powers_dot.push(dot);
        }
        let [mut w_dot, mut v_dot] =
            [1, 0].map(|odd| polynomial(&powers_dot, &self.coefficients[2 + odd..]));
        if let Some(high) = &self.high {
            for (odd, sum) in [(1, &mut w_dot), (0, &mut v_dot)] {
                let high_dot = polynomial(&powers_dot, &self.coefficients[8 + odd..]);
                add_product(sum.as_mut(), 1.0, &powers_dot[2], &high[1 - odd]);
                add_product(sum.as_mut(), 1.0, &self.powers[2], &high_dot);
            }
        }
        let mut u_dot = b_dot * &self.w;
        add_product(u_dot.as_mut(), 1.0, &self.b, &w_dot);
        // (V − U) ṙ = 2 U̇ − (V̇ − U̇) (r − I).
        let mut dot = Scale(2.0) * &u_dot;
        add_product(dot.as_mut(), 1.0, u_dot - v_dot, &self.less_one);
        self.lu.solve(dot.as_mut());
        dot
    }
}

/// c₀ P₀ + c₂ P₁ + c₄ P₂, every other coefficient, as many as there are.
fn polynomial(powers: &[Mat<f64>], coefficients: &[f64]) -> Mat<f64> {
    let n = powers[0].nrows();
    let mut sum = Mat::zeros(n, n);
    for (power, &coefficient) in powers.iter().zip(coefficients.iter().step_by(2)) {
        sum += Scale(coefficient) * power;
    }
    sum
}

/// A + x I.
fn plus(a: &Mat<f64>, x: f64) -> Mat<f64> {
    let mut sum = a.clone();
    for i in 0..a.nrows() {
        sum[(i, i)] += x;
    }
    sum
}

/// ‖A‖₁.
fn norm(a: MatRef<'_, f64>) -> f64 {
    a.col_iter()
        .fold(0.0, |norm: f64, column| norm.max(column.norm_l1()))
}

/// tr(A) / n, exactly where the diagonal is one number.
fn mean_of_diagonal(a: MatRef<'_, f64>) -> f64 {
    let (n, first) = (a.nrows(), a[(0, 0)]);
    let apart = (0..n).map(|i| (a[(i, i)] - first) / n as f64).sum::<f64>();
    first + apart
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::function::{Exp, MatrixFunction};
    use crate::gradcheck::{
        GradientCheck, check_jvp, check_vjp, gaussian, symmetric_with_spectrum,
    };
    use crate::symmetric::{inner, skew};
    use faer::mat;

    fn of(a: &Mat<f64>) -> MatrixExp {
        MatrixExp::forward(a.as_ref()).unwrap()
    }

    fn jordan(n: usize, value: f64) -> Mat<f64> {
        Mat::from_fn(n, n, |i, j| match j.wrapping_sub(i) {
            0 => value,
            1 => 1.0,
            _ => 0.0,
        })
    }

    /// 1 × 1, general of every degree and with squares, defective, nilpotent, antisymmetric, zero.
    fn cases() -> Vec<Mat<f64>> {
        vec![
            mat![[0.7]],
            Scale(1e-3) * gaussian(3, 3, 1),
            Scale(2e-2) * gaussian(4, 4, 2),
            Scale(1e-1) * gaussian(4, 4, 3),
            Scale(0.5) * gaussian(4, 4, 4),
            gaussian(6, 6, 5),
            Scale(4.0) * gaussian(5, 5, 6),
            jordan(4, -0.5),
            jordan(5, 0.0),
            Scale(3.0) * skew(gaussian(5, 5, 7).as_ref()),
            symmetric_with_spectrum(&[1.0, 1.0, -2.0, 3.0], 8),
            Mat::zeros(3, 3),
        ]
    }

    #[test]
    fn a_shear_by_hand() {
        // exp(t N) = I + t N; L(N, E) = ∫ (1 1−t; 0 1) E (1 t; 0 1) dt, for E = E₂₁ (½ ⅙; 1 ½).
        let rule = of(&mat![[0.0, 1.0], [0.0, 0.0]]);
        assert!((rule.value() - mat![[1.0, 1.0], [0.0, 1.0]]).norm_max() < 1e-15);
        let dot = rule.jvp(mat![[0.0, 0.0], [1.0, 0.0]].as_ref()).unwrap();
        assert!((dot - mat![[0.5, 1.0 / 6.0], [1.0, 0.5]]).norm_max() < 1e-15);
        // The gradient of x₁₂ is the same with its rows for columns: ⟨E₁₂, L(N, Eᵢⱼ)⟩.
        let a_bar = rule.vjp(mat![[0.0, 1.0], [0.0, 0.0]].as_ref()).unwrap();
        assert!((a_bar - mat![[0.5, 1.0], [1.0 / 6.0, 0.5]]).norm_max() < 1e-15);
        // exp(0) = I, L(0, E) = E, to the last bit.
        let rule = of(&Mat::zeros(3, 3));
        let e = gaussian(3, 3, 1);
        assert_eq!(rule.value(), Mat::<f64>::identity(3, 3));
        assert!((rule.jvp(e.as_ref()).unwrap() - &e).norm_max() < 1e-15);
    }

    #[test]
    fn a_number_is_its_own_exponential_from_end_to_end() {
        for a in [-800.0, -700.0, -1e-300, 0.0, 1e-3, 1.0, 20.0, 709.0] {
            let rule = of(&mat![[a]]);
            assert_eq!(rule.value()[(0, 0)], f64::exp(a), "{a}");
            let dot = rule.jvp(mat![[1.0]].as_ref()).unwrap()[(0, 0)];
            assert!((dot - f64::exp(a)).abs() <= 1e-15 * f64::exp(a), "{a}");
        }
        // A large mean costs nothing either.
        let turn = mat![[0.0, -2.0], [2.0, 0.0]];
        let far = of(&(&turn + Scale(-700.0) * Mat::<f64>::identity(2, 2)));
        let expected = Scale(f64::exp(-700.0)) * of(&turn).value();
        assert!((far.value() - &expected).norm_max() < 1e-15 * expected.norm_max());
        assert_eq!(
            of(&(Scale(-1e150) * Mat::<f64>::identity(3, 3)))
                .value()
                .norm_max(),
            0.0
        );
    }

    #[test]
    fn rotations_stay_rotations_and_determinants_are_traces() {
        for (angle, tolerance) in [(1e-3, 1e-15), (1.0, 1e-15), (100.0, 1e-13), (1e6, 1e-9)] {
            let rule = of(&mat![[0.0, -angle], [angle, 0.0]]);
            let (sin, cos) = f64::sin_cos(angle);
            let error = (rule.value() - mat![[cos, -sin], [sin, cos]]).norm_max();
            assert!(error < tolerance, "{angle}: {error:e}");
        }
        let x = of(&skew(gaussian(9, 9, 1).as_ref())).value;
        let error = (&x * x.transpose() - Mat::<f64>::identity(9, 9)).norm_max();
        assert!(error < 1e-14, "{error:e}");
    }

    #[test]
    fn agrees_with_the_function_of_a_symmetric_matrix() {
        for spectrum in [
            &[0.3][..],
            &[1.0, 1.0, -2.0, 3.0],
            &[-5.0, 4.0, 4.0 + 1e-14],
        ] {
            let n = spectrum.len();
            let a = symmetric_with_spectrum(spectrum, 3);
            let (e, general) = (gaussian(n, n, 1), of(&a));
            let symmetric = MatrixFunction::forward(a.as_ref(), Exp).unwrap();
            let error = (general.value() - symmetric.value()).norm_l2();
            assert!(error < 1e-14 * general.value().norm_l2(), "{error:e}");
            let e = &e + e.transpose();
            let (dot, other) = (general.jvp(e.as_ref()), symmetric.jvp(e.as_ref()));
            let (dot, other) = (dot.unwrap(), other.unwrap());
            assert!((&dot - other).norm_l2() < 1e-13 * dot.norm_l2());
        }
    }

    #[test]
    fn agrees_with_finite_differences() {
        for a in cases() {
            let rule = of(&a);
            // A step relative to the largest entry; of a zero matrix, to one.
            let size = a.norm_max();
            let check = GradientCheck {
                step: if size > 1.0 { 1e-4 } else { 1e-3 },
                ..GradientCheck::default()
            };
            let value = |a: MatRef<'_, f64>| Ok::<_, Error>(MatrixExp::forward(a)?.value);
            check_vjp(value, |bar| rule.vjp(bar), a.as_ref(), &check).unwrap();
            check_jvp(value, |dot| rule.jvp(dot), a.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn jvp_and_vjp_are_transposes_and_the_derivative_is_that_of_a_block_matrix() {
        for a in cases() {
            let n = a.nrows();
            let (bar, dot) = (gaussian(n, n, 1), gaussian(n, n, 2));
            let rule = of(&a);
            let pushed = rule.jvp(dot.as_ref()).unwrap();
            let pulled = rule.vjp(bar.as_ref()).unwrap();
            let forward = inner(bar.as_ref(), pushed.as_ref());
            let back = inner(pulled.as_ref(), dot.as_ref());
            let size = pulled.norm_l2() * dot.norm_l2();
            assert!((forward - back).abs() < 1e-13 * size, "{forward} {back}");
            // exp (A E; 0 A) = (X L; 0 X), another approximant and another number of squares.
            let block = Mat::from_fn(2 * n, 2 * n, |i, j| match (i < n, j < n) {
                (true, true) => a[(i, j)],
                (true, false) => dot[(i, j - n)],
                (false, true) => 0.0,
                (false, false) => a[(i - n, j - n)],
            });
            let block = of(&block).value;
            let error = (block.submatrix(0, n, n, n) - &pushed).norm_l2() / pushed.norm_l2();
            assert!(error < 1e-12, "{error:e}");
        }
    }

    #[test]
    fn a_tangent_of_any_size_is_carried_and_what_is_too_large_is_refused() {
        let a = &cases()[5];
        let (rule, e) = (of(a), gaussian(6, 6, 1));
        let plain = rule.jvp(e.as_ref()).unwrap();
        for size in [
            2f64.powi(-900),
            2f64.powi(-500),
            2f64.powi(500),
            2f64.powi(1000),
        ] {
            let dot = rule.jvp((Scale(size) * &e).as_ref()).unwrap();
            let error = (Scale(size.recip()) * dot - &plain).norm_max();
            assert!(error < 1e-15 * plain.norm_max(), "{size:e}");
        }
        for size in [1e-300, 1e-150, 1e-20] {
            let small = Scale(size) * a;
            let error = (of(&small).value() - (Mat::<f64>::identity(6, 6) + small)).norm_max();
            assert!(error <= 1e-15 * size, "{size:e}: {error:e}");
        }
        // A nilpotent matrix of a large norm has an exponential all the same; so have eigenvalues of 1 and −1 beside it.
        for size in [1e3, 1e6, 1e12] {
            let rule = of(&mat![[0.0, size], [0.0, 0.0]]);
            assert!((rule.value()[(0, 1)] / size - 1.0).abs() < 1e-15);
            assert_eq!((rule.value()[(0, 0)], rule.value()[(1, 1)]), (1.0, 1.0));
            let rule = of(&mat![[1.0, size], [0.0, -1.0]]);
            let expected = [f64::exp(1.0), size * 1f64.sinh(), f64::exp(-1.0)];
            let places = [(0, 0), (0, 1), (1, 1)];
            for (place, expected) in places.into_iter().zip(expected) {
                let error = (rule.value()[place] / expected - 1.0).abs();
                assert!(error < 1e-14, "{size:e}, {place:?}: {error:e}");
            }
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let forward = |a: Mat<f64>| MatrixExp::forward(a.as_ref());
        let rule = of(&mat![[700.0]]);
        let (wrong, nan, large) = (Mat::zeros(2, 2), mat![[f64::NAN]], mat![[1e10]]);
        refused! {
            forward(Mat::zeros(2, 3)) => Error::NotSquare { rows: 2, columns: 3, .. },
            forward(Mat::zeros(0, 0)) => Error::Empty { .. },
            forward(mat![[f64::NAN]]) => Error::NotFinite { op: OP },
            forward(mat![[0.0, -1e150], [1e150, 0.0]]) => Error::OutOfRange { value: 1e150, .. },
            forward(mat![[f64::MAX, f64::MAX], [f64::MAX, -f64::MAX]]) => Error::OutOfRange { .. },
            forward(mat![[710.0]]) => Error::Overflow { op: OP },
            forward(mat![[800.0, 1.0], [0.0, 700.0]]) => Error::Overflow { op: OP },
            rule.vjp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            rule.jvp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            rule.vjp(nan.as_ref()) => Error::NotFinite { .. },
            rule.jvp(nan.as_ref()) => Error::NotFinite { .. },
            rule.vjp(large.as_ref()) => Error::Overflow { op: OP },
            rule.jvp(large.as_ref()) => Error::Overflow { op: OP },
        }
    }
}
