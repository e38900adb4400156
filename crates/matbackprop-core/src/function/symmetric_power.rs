//! A power of a symmetric matrix, whose exponent has a derivative too.

use super::domain;
use super::matrix_function::MatrixFunction;
use super::scalar::Power;
use super::scalar_function::ScalarFunction;
use crate::error::{Error, Result};
use crate::guard::{ensure_finite_values, ensure_shape, number_within_range, within_range};
use crate::products::spectral_product;
use crate::symmetric::sym;
use faer::{Mat, MatRef};

const OP: &str = "symmetric power";

/// C = Aᵖ = V Λᵖ Vᵀ of a symmetric positive semidefinite A, with a derivative in p as well.
///
/// ```text
/// forward   C = V Λᵖ Vᵀ
/// vjp       Ā = V ( P ∘ (Vᵀ sym(C̄) V) ) Vᵀ,  Pᵢⱼ = f[λᵢ, λⱼ]      p̄ = ⟨C̄, V diag(r) Vᵀ⟩,  rᵢ = λᵢᵖ ln λᵢ
/// jvp       Ċ = V ( P ∘ (Vᵀ sym(Ȧ) V) ) Vᵀ + ṗ V diag(r) Vᵀ       f(x) = xᵖ
/// ```
///
/// Power normalisation of covariances with an exponent that is learned.
///
/// # Shapes
/// A, C, Ā: n × n, symmetric; p: a number.
///
/// # Conventions
/// As [`MatrixFunction`](crate::MatrixFunction), for any p, whole ones too: the edge is zero, an eigenvalue within n ε‖A‖
/// of it counts as zero, one further below is refused. At λ = 0, r is its limit 0 for p > 0. For p = 0, 0⁰ is 1, and r is
/// infinite: where C̄ or ṗ asks for it, there is no derivative in p. A power with a fixed exponent is
/// [`MatrixFunction`](crate::MatrixFunction) with [`Power`]; it has a second order, and whole powers of indefinite A.
///
/// # Errors
/// [`NotFinite`](crate::Error::NotFinite) of p, [`OutsideDomain`](crate::Error::OutsideDomain) with a negative
/// eigenvalue, or with zero for p < 0; [`NotDifferentiable`](crate::Error::NotDifferentiable) at zero for 0 < p < 1 as
/// [`MatrixFunction`](crate::MatrixFunction) says, and for p = 0 as above; the other errors of that rule.
///
/// # Cost
/// O(n³) time; 2n² + 2n numbers stored.
///
/// # Source
/// Daleckiĭ and Kreĭn, 1965, for Ā. The derivative in p is that of each λᵖ, as eigenvectors do not depend on p.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::SymmetricPower;
///
/// // Eigenvalues 4 and 0: the root, and how its trace moves with the exponent, 4^½ ln 4.
/// let power = SymmetricPower::forward(mat![[2.0, 2.0], [2.0, 2.0]].as_ref(), 0.5)?;
/// assert!((power.value() - mat![[1.0, 1.0], [1.0, 1.0]]).norm_max() < 1e-15);
/// let ones = mat![[1.0, 1.0], [1.0, 1.0]];
/// let bar = power.vjp(ones.as_ref())?;
/// assert!((bar.exponent - 2.0 * 2.0 * 4f64.ln()).abs() < 1e-14);
/// assert!((bar.a - mat![[0.25, 0.25], [0.25, 0.25]]).norm_max() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SymmetricPower {
    power: MatrixFunction<PositivePower>,
    exponent: f64,
    /// r.
    rates: Vec<f64>,
}

/// The result of [`SymmetricPower::vjp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SymmetricPowerCotangent {
    /// Ā, n × n, symmetric.
    pub a: Mat<f64>,
    /// p̄.
    pub exponent: f64,
}

impl SymmetricPower {
    /// A to the power p.
    ///
    /// # Errors
    /// See [`SymmetricPower`].
    pub fn forward(a: MatRef<'_, f64>, exponent: f64) -> Result<Self> {
        ensure_finite_values(OP, &[exponent])?;
        let power = MatrixFunction::forward(a, PositivePower(Power { exponent }))?;
        let rates = power.values().iter().map(|&x| rate(x, exponent)).collect();
        Ok(Self {
            power,
            exponent,
            rates,
        })
    }

    /// The way back alone, from eigenvalues, nondecreasing, and eigenvectors that `forward` gave; Aᵖ is not there.
    pub(crate) fn from_eigenpairs(values: Vec<f64>, vectors: Mat<f64>, exponent: f64) -> Self {
        let function = PositivePower(Power { exponent });
        Self {
            rates: values.iter().map(|&x| rate(x, exponent)).collect(),
            power: MatrixFunction::from_eigenpairs(values, vectors, function),
            exponent,
        }
    }

    /// The power C, n × n.
    pub fn value(&self) -> MatRef<'_, f64> {
        self.power.value()
    }

    /// The exponent p.
    pub fn exponent(&self) -> f64 {
        self.exponent
    }

    /// Eigenvalues of A, nondecreasing.
    pub fn values(&self) -> &[f64] {
        self.power.values()
    }

    /// Eigenvectors V of A, one a column, in the order of the values.
    pub fn vectors(&self) -> MatRef<'_, f64> {
        self.power.vectors()
    }

    /// Ā and p̄ from C̄, whose symmetric part counts.
    ///
    /// # Errors
    /// See [`SymmetricPower`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless C̄ is n × n.
    pub fn vjp(&self, value_bar: MatRef<'_, f64>) -> Result<SymmetricPowerCotangent> {
        Ok(SymmetricPowerCotangent {
            a: self.power.vjp(value_bar)?,
            exponent: self.exponent_bar(value_bar)?,
        })
    }

    /// Ċ from Ȧ, whose symmetric part counts, and ṗ; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`SymmetricPower`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is n × n.
    pub fn jvp(&self, a_dot: Option<MatRef<'_, f64>>, exponent_dot: f64) -> Result<Mat<f64>> {
        ensure_finite_values(OP, &[exponent_dot])?;
        let n = self.rates.len();
        let mut value_dot = match a_dot {
            Some(a_dot) => self.power.jvp(a_dot)?,
            None => Mat::zeros(n, n),
        };
        if exponent_dot != 0.0 {
            if let Some(error) = (0..n).find_map(|i| self.missing_rate(i)) {
                return Err(error);
            }
            let rates: Vec<f64> = self.rates.iter().map(|rate| exponent_dot * rate).collect();
            value_dot += spectral_product(self.vectors(), &rates);
        }
        within_range(OP, value_dot)
    }

    /// Σ rᵢ vᵢᵀ C̄ vᵢ.
    fn exponent_bar(&self, value_bar: MatRef<'_, f64>) -> Result<f64> {
        let (n, v) = (self.rates.len(), self.vectors());
        ensure_shape(OP, value_bar, (n, n))?;
        let turned = sym(value_bar) * v;
        let nothing = domain::nothing(n, value_bar.norm_l2());
        let mut exponent_bar = 0.0;
        for (i, rate) in self.rates.iter().enumerate() {
            let along = v.col(i).transpose() * turned.col(i);
            match self.missing_rate(i) {
                None => exponent_bar += rate * along,
                // Nothing asked, nothing missing.
                Some(_) if along.abs() <= nothing => {}
                Some(error) => return Err(error),
            }
        }
        number_within_range(OP, exponent_bar)
    }

    /// Why rᵢ is not a number.
    fn missing_rate(&self, i: usize) -> Option<Error> {
        if self.rates[i].is_finite() {
            return None;
        }
        let value = self.values()[i];
        Some(if value == 0.0 {
            Error::NotDifferentiable { op: OP, value }
        } else {
            Error::Overflow { op: OP }
        })
    }
}

/// xᵖ ln x, the derivative of xᵖ in p.
fn rate(x: f64, p: f64) -> f64 {
    if x == 0.0 {
        if p > 0.0 { 0.0 } else { f64::NEG_INFINITY }
    } else {
        x.powf(p) * x.ln()
    }
}

/// xᵖ on x ≥ 0 alone, for whole p too: a power whose exponent moves has no value below zero.
#[derive(Clone, Copy, Debug)]
struct PositivePower(Power);

impl ScalarFunction for PositivePower {
    fn value(&self, x: f64) -> f64 {
        if x < 0.0 { f64::NAN } else { self.0.value(x) }
    }

    fn slope(&self, x: f64) -> f64 {
        self.0.slope(x)
    }

    fn edge(&self) -> Option<f64> {
        Some(0.0)
    }

    fn divided_difference(&self, a: f64, b: f64) -> f64 {
        self.0.divided_difference(a, b)
    }

    fn divided_differences(&self, x: &[f64]) -> Mat<f64> {
        self.0.divided_differences(x)
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::gradcheck::{
        GradientCheck, check_jvp, check_vjp, gaussian, symmetric_with_spectrum,
    };
    use crate::symmetric::inner;
    use faer::{Scale, mat};

    const SPECTRA: [&[f64]; 4] = [
        &[0.7],
        &[1.0, 2.0, 5.0],
        &[2.0, 2.0, 2.0],
        &[0.1, 2.0, 2.0, 2.0 + 1e-14, 7.0],
    ];
    const EXPONENTS: [f64; 8] = [-1.3, -0.5, 0.0, 0.3, 0.5, 1.0, 2.0, 2.6];

    fn of(a: &Mat<f64>, exponent: f64) -> SymmetricPower {
        SymmetricPower::forward(a.as_ref(), exponent).unwrap()
    }

    fn close(found: &Mat<f64>, expected: &Mat<f64>, tolerance: f64) {
        let error = (found - expected).norm_max() / expected.norm_max();
        assert!(error < tolerance, "{error:e}: {found:?}");
    }

    #[test]
    fn two_by_two_by_hand() {
        let power = of(&mat![[4.0, 0.0], [0.0, 9.0]], 0.5);
        assert!((power.value() - mat![[2.0, 0.0], [0.0, 3.0]]).norm_max() < 1e-15);
        // f[4, 9] = (3 − 2) / 5; p̄ = 2 ln 4 + 3 · 2 ln 9.
        let bar = power.vjp(mat![[1.0, 5.0], [5.0, 2.0]].as_ref()).unwrap();
        close(&bar.a, &mat![[0.25, 1.0], [1.0, 1.0 / 3.0]], 1e-15);
        assert!((bar.exponent - 2.0 * 4f64.ln() - 6.0 * 9f64.ln()).abs() < 1e-14);
        let dot = power.jvp(None, 2.0).unwrap();
        close(
            &dot,
            &mat![[4.0 * 4f64.ln(), 0.0], [0.0, 6.0 * 9f64.ln()]],
            1e-15,
        );
        assert_eq!(power.exponent(), 0.5);
    }

    #[test]
    fn agrees_with_sixty_digits() {
        // By mpmath; there A's gradient by central differences.
        let a = mat![[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]];
        let c_bar = mat![[1.0, 2.0, 0.0], [2.0, -1.0, 1.0], [0.0, 1.0, 3.0]];
        let power = of(&a, 0.3);
        let value = mat![
            [1.502959825154562, 0.1313812167632469, -0.018810561924594297],
            [0.1313812167632469, 1.3527680464667207, 0.16900234061243552],
            [
                -0.018810561924594297,
                0.16900234061243552,
                1.2025762677788796
            ]
        ];
        let a_bar = mat![
            [
                0.061208253052961493,
                0.2813202034391514,
                -0.04739198922167097
            ],
            [
                0.2813202034391514,
                -0.24869337768326658,
                0.13185959357168064
            ],
            [
                -0.04739198922167097,
                0.13185959357168064,
                0.5306612829534956
            ]
        ];
        close(&power.value().to_owned(), &value, 2e-15);
        let bar = power.vjp(c_bar.as_ref()).unwrap();
        close(&bar.a, &a_bar, 4e-15);
        assert!((bar.exponent - 6.719551901101362).abs() < 2e-14);
    }

    #[test]
    fn a_singular_matrix_agrees_with_sixty_digits() {
        let g = mat![[1.0, 0.0], [1.0, 1.0], [0.0, 2.0]];
        let c_bar = mat![[1.0, 2.0, 0.0], [2.0, -1.0, 1.0], [0.0, 1.0, 3.0]];
        let power = of(&(&g * g.transpose()), 0.7);
        assert_eq!(power.values()[0], 0.0);
        let value = mat![
            [0.8325113577333374, 0.7640037781344359, -0.13701515919780305],
            [0.7640037781344359, 1.3224848174721673, 1.1169620786754626],
            [-0.13701515919780305, 1.1169620786754626, 2.5079544757465313]
        ];
        close(&power.value().to_owned(), &value, 2e-15);
        let exponent_bar = power.exponent_bar(c_bar.as_ref()).unwrap();
        assert!((exponent_bar - 17.39044533570216).abs() < 4e-14);
        // The power 1.7 has a gradient at zero too, held against differences that keep A semidefinite: A + t A.
        let power = of(&(&g * g.transpose()), 1.7);
        let a = &g * g.transpose();
        let bar = power.vjp(c_bar.as_ref()).unwrap();
        let along = inner(bar.a.as_ref(), a.as_ref());
        let expected = 1.7 * inner(c_bar.as_ref(), power.value());
        assert!((along - expected).abs() < 1e-13 * expected.abs());
    }

    #[test]
    fn agrees_with_finite_differences() {
        // Four-digit cancellation at 10⁻⁴ of the smallest eigenvalue, 0.1 beside 7.
        let check = GradientCheck {
            step: 1e-5,
            tolerance: 1e-7,
            ..GradientCheck::default()
        };
        for spectrum in SPECTRA {
            let a = symmetric_with_spectrum(spectrum, 7);
            for exponent in EXPONENTS {
                let power = of(&a, exponent);
                let of_a = |a: MatRef<'_, f64>| {
                    Ok::<_, Error>(
                        SymmetricPower::forward(sym(a).as_ref(), exponent)?
                            .value()
                            .to_owned(),
                    )
                };
                let of_p = |p: MatRef<'_, f64>| {
                    Ok::<_, Error>(
                        SymmetricPower::forward(a.as_ref(), p[(0, 0)])?
                            .value()
                            .to_owned(),
                    )
                };
                let p = mat![[exponent]];
                if exponent == 0.0 {
                    // A difference would be rounding alone.
                    let bar = power.vjp(a.as_ref()).unwrap();
                    assert_eq!(bar.a.norm_max(), 0.0);
                } else {
                    check_vjp(of_a, |bar| Ok(power.vjp(bar)?.a), a.as_ref(), &check).unwrap();
                    check_jvp(of_a, |dot| power.jvp(Some(dot), 0.0), a.as_ref(), &check).unwrap();
                }
                let p_bar = |bar: MatRef<'_, f64>| Ok(mat![[power.vjp(bar)?.exponent]]);
                check_vjp(of_p, p_bar, p.as_ref(), &check).unwrap();
                check_jvp(of_p, |dot| power.jvp(None, dot[(0, 0)]), p.as_ref(), &check).unwrap();
            }
        }
    }

    #[test]
    fn jvp_and_vjp_are_transposes() {
        for spectrum in SPECTRA {
            let a = symmetric_with_spectrum(spectrum, 7);
            let n = a.nrows();
            for exponent in EXPONENTS {
                let power = of(&a, exponent);
                let (c_bar, a_dot, p_dot) = (gaussian(n, n, 1), gaussian(n, n, 2), 0.7);
                let bar = power.vjp(c_bar.as_ref()).unwrap();
                let dot = power.jvp(Some(a_dot.as_ref()), p_dot).unwrap();
                let there = inner(c_bar.as_ref(), dot.as_ref());
                let back = inner(bar.a.as_ref(), a_dot.as_ref()) + bar.exponent * p_dot;
                let size = c_bar.norm_l2() * dot.norm_l2();
                assert!((there - back).abs() < 1e-13 * size, "{there} {back}");
            }
        }
    }

    #[test]
    fn a_vanishing_eigenvalue_leaves_the_limit() {
        let c_bar = mat![[3.0, 0.0], [0.0, 1.0]];
        // λᵖ ln λ → 0, and its size on the way there.
        for (lambda, expected) in [(1e-10f64, 1e-5 * 1e-10f64.ln()), (1e-300, 0.0), (0.0, 0.0)] {
            let bar = of(&mat![[lambda, 0.0], [0.0, 1.0]], 0.5).exponent_bar(c_bar.as_ref());
            assert!((bar.unwrap() - 3.0 * expected).abs() < 1e-14);
        }
        // 0⁰ is 1, and moves at once: seen by a cotangent between null vectors alone.
        let zeroth = of(&mat![[0.0, 0.0], [0.0, 2.0]], 0.0);
        assert_eq!(zeroth.value(), Mat::<f64>::identity(2, 2));
        let bar = zeroth.vjp(mat![[0.0, 5.0], [5.0, 3.0]].as_ref()).unwrap();
        assert_eq!((bar.exponent, bar.a), (3.0 * 2f64.ln(), Mat::zeros(2, 2)));
        // Zero itself.
        let zero = of(&Mat::zeros(3, 3), 2.0);
        assert_eq!(zero.value(), Mat::<f64>::zeros(3, 3));
        let bar = zero.vjp(Mat::ones(3, 3).as_ref()).unwrap();
        assert_eq!((bar.exponent, bar.a), (0.0, Mat::zeros(3, 3)));
    }

    #[test]
    fn inputs_of_any_size_keep_their_digits() {
        let a = symmetric_with_spectrum(&[1.0, 2.0, 2.0, 5.0], 3);
        let c_bar = gaussian(4, 4, 1);
        let plain = of(&a, 0.4).vjp(c_bar.as_ref()).unwrap();
        for size in [1e-150, 1e150] {
            let scaled = of(&(Scale(size) * &a), 0.4);
            let factor = size.powf(0.4);
            let value = Scale(factor.recip()) * scaled.value();
            close(&value, &of(&a, 0.4).value().to_owned(), 1e-13);
            let bar = scaled.vjp(c_bar.as_ref()).unwrap();
            close(&(Scale(size / factor) * &bar.a), &plain.a, 1e-12);
            // d(s a)ᵖ/dp = sᵖ (aᵖ ln a + ln s · aᵖ).
            let shift = size.ln() * inner(c_bar.as_ref(), of(&a, 0.4).value());
            let error = bar.exponent / factor - plain.exponent - shift;
            assert!(error.abs() < 1e-12 * shift.abs());
        }
    }

    #[test]
    fn refuses_what_has_no_answer() {
        let forward = |a: Mat<f64>, p: f64| SymmetricPower::forward(a.as_ref(), p);
        let singular = mat![[0.0, 0.0], [0.0, 4.0]];
        let one = Mat::<f64>::identity(2, 2);
        let root = of(&singular, 0.5);
        let zeroth = of(&singular, 0.0);
        let large = of(&mat![[1e300]], 1.0);
        refused! {
            forward(Mat::zeros(2, 3), 1.0) => Error::NotSquare { .. },
            forward(Mat::zeros(0, 0), 1.0) => Error::Empty { .. },
            forward(mat![[f64::NAN]], 1.0) => Error::NotFinite { .. },
            forward(mat![[1.0]], f64::INFINITY) => Error::NotFinite { op: OP },
            forward(mat![[1.0, 2.0], [0.0, 1.0]], 1.0) => Error::NotSymmetric { .. },
            // A whole power too: its neighbours have no value.
            forward(mat![[2.0, 0.0], [0.0, -3.0]], 2.0) => Error::OutsideDomain { value: -3.0, .. },
            forward(singular.clone(), -0.5) => Error::OutsideDomain { value: 0.0, .. },
            forward(mat![[1e200]], 2.0) => Error::Overflow { .. },
            root.vjp(one.as_ref()) => Error::NotDifferentiable { value: 0.0, .. },
            zeroth.vjp(one.as_ref()) => Error::NotDifferentiable { op: OP, value: 0.0 },
            zeroth.jvp(None, 1.0) => Error::NotDifferentiable { op: OP, value: 0.0 },
            large.vjp(mat![[1e10]].as_ref()) => Error::Overflow { .. },
            large.jvp(None, 1e10) => Error::Overflow { .. },
            root.vjp(Mat::zeros(3, 3).as_ref()) => Error::ShapeMismatch { .. },
            root.jvp(Some(Mat::zeros(3, 3).as_ref()), 0.0) => Error::ShapeMismatch { .. },
            root.jvp(None, f64::NAN) => Error::NotFinite { .. },
        }
    }
}
