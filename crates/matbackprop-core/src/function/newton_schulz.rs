//! The square root of a matrix and its inverse, by products alone.

use crate::decompose::symmetric_values;
use crate::error::{Error, Result};
use crate::guard::{ensure_above, ensure_shape, within_range};
use crate::products::add_product;
use crate::scale::{Scaled, power_of_two_scale};
use crate::solve::is_positive_definite;
use crate::symmetric::{ensure_symmetric, inner, sym};
use faer::{Mat, MatRef, Scale};

const OP: &str = "Newton–Schulz iteration";

/// A small eigenvalue of Z Y grows by 9/4 a step: so many lift 10⁻³⁵ to one, far below rounding.
const MOST_ITERATIONS: usize = 100;

/// The divisor of A, so that the eigenvalues of A/s lie in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Normalisation {
    /// s = tr A, as in iSQRT-COV.
    Trace,
    /// s = ‖A‖_F: never larger, so never slower.
    Frobenius,
}

/// When the iteration ends, after 1 to 100 steps.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Iterations {
    /// After this many steps, wherever that is; [`residual`](NewtonSchulz::residual) says.
    Fixed(usize),
    /// As soon as ‖I − Z Y‖_F is at most `tolerance`.
    Until {
        /// Largest accepted residual.
        tolerance: f64,
        /// Steps after which it is an error.
        at_most: usize,
    },
}

/// A^½ and A^−½ of a positive semidefinite A, by the coupled Newton–Schulz iteration.
///
/// ```text
/// forward   B = A / s,  Y₀ = B,  Z₀ = I
///           Tₖ = (3I − Zₖ Yₖ) / 2,  Yₖ₊₁ = Yₖ Tₖ,  Zₖ₊₁ = Tₖ Zₖ
///           C = √s Y_N → A^½,  D = Z_N / √s → A^−½
/// jvp       Ṫₖ = −(Żₖ Yₖ + Zₖ Ẏₖ) / 2,  Ẏₖ₊₁ = Ẏₖ Tₖ + Yₖ Ṫₖ,  Żₖ₊₁ = Ṫₖ Zₖ + Tₖ Żₖ
///           from Ẏ₀ = Ḃ = Ȧ/s − B ṡ/s,  Ċ = √s Ẏ_N + C ṡ/2s,  Ḋ = Ż_N/√s − D ṡ/2s
/// vjp       T̄ₖ = Yₖᵀ Ȳₖ₊₁ + Z̄ₖ₊₁ Zₖᵀ,  Ȳₖ = Ȳₖ₊₁ Tₖᵀ − Zₖᵀ T̄ₖ / 2,  Z̄ₖ = Tₖᵀ Z̄ₖ₊₁ − T̄ₖ Yₖᵀ / 2
///           from Ȳ_N = √s sym(C̄), Z̄_N = sym(D̄)/√s;  B̄ = sym(Ȳ₀),  g = ⟨C̄, C⟩/2 − ⟨D̄, D⟩/2 − ⟨B̄, B⟩
///           Ā = (B̄ + g N) / s                        N = I for the trace, B for the Frobenius norm
/// ```
///
/// # Shapes
/// A, C, D, Ā: n × n, symmetric.
///
/// # Conventions
/// Derivatives are those of the iteration as it was made, N steps
/// of it, not of the roots it would reach.
///
/// # Accuracy
/// Quadratic once begun, but an eigenvalue λ of A waits for log(s/λ) / log(9/4) steps: five bring √λ to 10⁻⁶ of itself at
/// λ = s/4 and to 3·10⁻³ at s/10, and λ = 10⁻¹² s takes 40. With condition κ the residual stalls near ε κ^½; C is right
/// to about that, D and both gradients to ε κ, each relative to its largest entry. A zero eigenvalue keeps a residual of
/// 1: C is right there, D grows by 3/2 a step, and a gradient that asks for it is as large. Where that matters, the method
/// is [`MatrixFunction`](crate::MatrixFunction) of [`Sqrt`](crate::Sqrt) and [`InverseSqrt`](crate::InverseSqrt), which
/// on one thread is the faster one too.
///
/// # Errors
/// [`NotSquare`](crate::Error::NotSquare), [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`NotSymmetric`](crate::Error::NotSymmetric) beyond rounding,
/// [`Overflow`](crate::Error::Overflow); [`OutOfRange`](crate::Error::OutOfRange) for a number of steps outside 1 to 100,
/// [`NotPositive`](crate::Error::NotPositive) for a tolerance, a trace or, to rounding, an eigenvalue that is not;
/// [`NotConverged`](crate::Error::NotConverged) with the residual, where a tolerance was not reached or rounding errors
/// of a singular A have grown until nothing is left.
///
/// # Cost
/// Three products a step, and six on each way back or ahead; 3n² numbers a step stored.
///
/// # Source
/// Li, Xie, Wang, Gao, "Towards Faster Training of Global Covariance Pooling Networks by Iterative Matrix Square Root
/// Normalization", CVPR 2018; the iteration: Higham, "Functions of Matrices", 2008, (6.35). We add the second root, the
/// Frobenius norm and a tolerance.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::{Iterations, NewtonSchulz, Normalisation};
///
/// let until = Iterations::Until { tolerance: 1e-13, at_most: 30 };
/// let roots = NewtonSchulz::forward(mat![[5.0, 4.0], [4.0, 5.0]].as_ref(), Normalisation::Trace, until)?;
/// assert!((roots.root() - mat![[2.0, 1.0], [1.0, 2.0]]).norm_max() < 1e-14);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct NewtonSchulz {
    /// B.
    normalised: Mat<f64>,
    /// T₀ = Z₁; the first step has fewer products, as Z₀ = I.
    first: Mat<f64>,
    /// From the second step on.
    steps: Vec<Step>,
    root: Mat<f64>,
    inverse_root: Mat<f64>,
    residual: f64,
    normalisation: Normalisation,
    size: Size,
}

/// Yₖ, Zₖ and Tₖ, symmetric up to rounding, which must stay: made symmetric, the iteration is no longer stable, and
/// loses all digits at a condition of 10⁴.
#[derive(Clone, Debug)]
struct Step {
    y: Mat<f64>,
    z: Mat<f64>,
    t: Mat<f64>,
}

/// s as a moderate number times a power of two.
#[derive(Clone, Copy, Debug)]
struct Size {
    moderate: f64,
    scale: f64,
}

impl Size {
    fn root(self) -> f64 {
        self.moderate.sqrt() * self.scale.sqrt()
    }

    /// A / s.
    fn divide(self, a: Mat<f64>) -> Mat<f64> {
        Scale(self.moderate.recip()) * (Scale(self.scale.recip()) * a)
    }
}

/// The result of [`NewtonSchulz::jvp`].
#[derive(Clone, Debug)]
pub struct NewtonSchulzTangent {
    /// Ċ, n × n.
    pub root: Mat<f64>,
    /// Ḋ, n × n.
    pub inverse_root: Mat<f64>,
}

impl NewtonSchulz {
    /// Iterates on A.
    ///
    /// # Errors
    /// See [`NewtonSchulz`].
    pub fn forward(
        a: MatRef<'_, f64>,
        normalisation: Normalisation,
        iterations: Iterations,
    ) -> Result<Self> {
        ensure_symmetric(OP, a)?;
        let (tolerance, at_most) = bounds(iterations)?;
        let scale = power_of_two_scale(a);
        let a = sym(Scaled::new(a, scale).as_ref());
        let moderate = match normalisation {
            Normalisation::Trace => (0..a.nrows()).map(|i| a[(i, i)]).sum(),
            Normalisation::Frobenius => a.norm_l2(),
        };
        ensure_above(OP, moderate, 0.0)?;
        let size = Size { moderate, scale };
        let normalised = Scale(moderate.recip()) * a;
        ensure_semidefinite(&normalised, size)?;

        let first = three_halves_minus_half(&normalised);
        let (mut y, mut z) = (&normalised * &first, first.clone());
        let mut steps = Vec::new();
        let residual = loop {
            let t = three_halves_minus_half(&(&z * &y));
            let residual = 2.0 * (&t - Mat::<f64>::identity(t.nrows(), t.ncols())).norm_l2();
            let converged = tolerance.is_some_and(|tolerance| residual <= tolerance);
            if converged || steps.len() + 1 == at_most {
                break residual;
            }
            let next = (&y * &t, &t * &z);
            steps.push(Step { y, z, t });
            (y, z) = next;
        };
        // In exact arithmetic the eigenvalues of I − Z Y stay in [0, 1].
        let tolerance = tolerance.unwrap_or(2.0 * (y.nrows() as f64).sqrt());
        if residual.is_nan() || residual > tolerance {
            return Err(Error::NotConverged {
                op: OP,
                residual,
                tolerance,
                iterations: steps.len() + 1,
            });
        }
        Ok(Self {
            root: Scale(size.root()) * sym(y.as_ref()),
            inverse_root: Scale(size.root().recip()) * sym(z.as_ref()),
            normalised,
            first,
            steps,
            residual,
            normalisation,
            size,
        })
    }

    /// The square root C, near A^½.
    pub fn root(&self) -> MatRef<'_, f64> {
        self.root.as_ref()
    }

    /// The inverse square root D, near A^−½.
    pub fn inverse_root(&self) -> MatRef<'_, f64> {
        self.inverse_root.as_ref()
    }

    /// ‖I − Z_N Y_N‖_F = ‖I − D C‖_F.
    pub fn residual(&self) -> f64 {
        self.residual
    }

    /// The number of iterations, N.
    pub fn iterations(&self) -> usize {
        self.steps.len() + 1
    }

    /// Ā from C̄ and D̄, whose symmetric parts count; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`NewtonSchulz`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless the cotangents are n × n.
    pub fn vjp(
        &self,
        root_bar: Option<MatRef<'_, f64>>,
        inverse_root_bar: Option<MatRef<'_, f64>>,
    ) -> Result<Mat<f64>> {
        let b = &self.normalised;
        for bar in [root_bar, inverse_root_bar].into_iter().flatten() {
            ensure_shape(OP, bar, b.shape())?;
        }
        let over_b = |bar: MatRef<'_, f64>, factor: f64| Scale(factor) * sym(bar);
        let factor = self.size.root();
        let y_bar = root_bar.map(|bar| over_b(bar, factor));
        let z_bar = inverse_root_bar.map(|bar| over_b(bar, factor.recip()));
        let mut b_bar = sym(self.pulled_back(y_bar, z_bar).as_ref());
        // The cotangent of ln s.
        let along = |bar: Option<MatRef<'_, f64>>, root: &Mat<f64>| {
            bar.map_or(0.0, |bar| inner(bar, root.as_ref()))
        };
        let mut log_size_bar =
            0.5 * (along(root_bar, &self.root) - along(inverse_root_bar, &self.inverse_root));
        log_size_bar -= inner(b_bar.as_ref(), b.as_ref());
        match self.normalisation {
            Normalisation::Trace => (0..b.nrows()).for_each(|i| b_bar[(i, i)] += log_size_bar),
            Normalisation::Frobenius => b_bar += Scale(log_size_bar) * b,
        }
        within_range(OP, self.size.divide(b_bar))
    }

    /// Ċ and Ḋ from Ȧ, whose symmetric part counts.
    ///
    /// # Errors
    /// See [`NewtonSchulz`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is n × n.
    pub fn jvp(&self, a_dot: MatRef<'_, f64>) -> Result<NewtonSchulzTangent> {
        let b = &self.normalised;
        ensure_shape(OP, a_dot, b.shape())?;
        let relative = self.size.divide(sym(a_dot));
        let log_size_dot = match self.normalisation {
            Normalisation::Trace => (0..b.nrows()).map(|i| relative[(i, i)]).sum(),
            Normalisation::Frobenius => inner(relative.as_ref(), b.as_ref()),
        };
        let (y_dot, z_dot) = self.tangents(relative - Scale(log_size_dot) * b);
        let root = Scale(self.size.root()) * y_dot + Scale(0.5 * log_size_dot) * &self.root;
        let inverse_root = Scale(self.size.root().recip()) * z_dot
            - Scale(0.5 * log_size_dot) * &self.inverse_root;
        Ok(NewtonSchulzTangent {
            root: within_range(OP, root)?,
            inverse_root: within_range(OP, inverse_root)?,
        })
    }

    /// Ẏ_N and Ż_N from Ḃ.
    fn tangents(&self, b_dot: Mat<f64>) -> (Mat<f64>, Mat<f64>) {
        let t_dot = Scale(-0.5) * &b_dot;
        let mut y_dot = &b_dot * &self.first;
        add_product(y_dot.as_mut(), 1.0, &self.normalised, &t_dot);
        let mut z_dot = t_dot;
        for Step { y, z, t } in &self.steps {
            let mut t_dot = Scale(-0.5) * (&z_dot * y);
            add_product(t_dot.as_mut(), -0.5, z, &y_dot);
            y_dot = &y_dot * t;
            add_product(y_dot.as_mut(), 1.0, y, &t_dot);
            z_dot = t * &z_dot;
            add_product(z_dot.as_mut(), 1.0, &t_dot, z);
        }
        (y_dot, z_dot)
    }

    /// Ȳ₀ from Ȳ_N and Z̄_N.
    fn pulled_back(&self, mut y_bar: Option<Mat<f64>>, mut z_bar: Option<Mat<f64>>) -> Mat<f64> {
        let zero = || Mat::zeros(self.normalised.nrows(), self.normalised.ncols());
        for Step { y, z, t } in self.steps.iter().rev() {
            let (mut t_bar, mut next_y_bar, mut next_z_bar) = (zero(), zero(), zero());
            if let Some(y_bar) = y_bar {
                add_product(t_bar.as_mut(), 1.0, y.transpose(), &y_bar);
                add_product(next_y_bar.as_mut(), 1.0, &y_bar, t.transpose());
            }
            if let Some(z_bar) = z_bar {
                add_product(t_bar.as_mut(), 1.0, &z_bar, z.transpose());
                add_product(next_z_bar.as_mut(), 1.0, t.transpose(), &z_bar);
            }
            add_product(next_y_bar.as_mut(), -0.5, z.transpose(), &t_bar);
            add_product(next_z_bar.as_mut(), -0.5, &t_bar, y.transpose());
            (y_bar, z_bar) = (Some(next_y_bar), Some(next_z_bar));
        }
        let mut t_bar = z_bar.unwrap_or_else(zero);
        let mut b_bar = zero();
        if let Some(y_bar) = y_bar {
            add_product(t_bar.as_mut(), 1.0, self.normalised.transpose(), &y_bar);
            add_product(b_bar.as_mut(), 1.0, &y_bar, self.first.transpose());
        }
        b_bar - Scale(0.5) * t_bar
    }
}

/// The tolerance, if there is one, and the number of steps.
fn bounds(iterations: Iterations) -> Result<(Option<f64>, usize)> {
    let (tolerance, steps) = match iterations {
        Iterations::Fixed(steps) => (None, steps),
        Iterations::Until { tolerance, at_most } => {
            ensure_above(OP, tolerance, 0.0)?;
            (Some(tolerance), at_most)
        }
    };
    if (1..=MOST_ITERATIONS).contains(&steps) {
        Ok((tolerance, steps))
    } else {
        Err(Error::OutOfRange {
            op: OP,
            value: steps as f64,
            low: 1.0,
            high: (MOST_ITERATIONS + 1) as f64,
        })
    }
}

/// No eigenvalue of B below zero by more than rounding: the iteration would not say so before it explodes.
fn ensure_semidefinite(b: &Mat<f64>, size: Size) -> Result<()> {
    let floor = 32.0 * f64::EPSILON * b.nrows() as f64;
    let mut raised = b.clone();
    (0..b.nrows()).for_each(|i| raised[(i, i)] += floor);
    if is_positive_definite(raised) {
        return Ok(());
    }
    let smallest = symmetric_values(OP, b.as_ref())?[0];
    if smallest >= -floor {
        return Ok(());
    }
    let unscaled = |value: f64| value * size.moderate * size.scale;
    Err(Error::NotPositive {
        op: OP,
        value: unscaled(smallest),
        floor: unscaled(-floor),
    })
}

/// (3I − A) / 2.
fn three_halves_minus_half(a: &Mat<f64>) -> Mat<f64> {
    let mut t = Scale(-0.5) * a;
    (0..t.nrows()).for_each(|i| t[(i, i)] += 1.5);
    t
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::function::matrix_function::MatrixFunction;
    use crate::function::scalar::{InverseSqrt, Sqrt};
    use crate::gradcheck::{
        GradientCheck, check_jvp, check_vjp, gaussian, symmetric_with_spectrum,
    };
    use faer::mat;

    const BOTH: [Normalisation; 2] = [Normalisation::Trace, Normalisation::Frobenius];
    const CONVERGED: Iterations = Iterations::Until {
        tolerance: 1e-12,
        at_most: 40,
    };

    fn iterated(
        a: &Mat<f64>,
        normalisation: Normalisation,
        iterations: Iterations,
    ) -> NewtonSchulz {
        NewtonSchulz::forward(a.as_ref(), normalisation, iterations).unwrap()
    }

    #[test]
    fn one_step_by_hand() {
        // B = A/4 with the trace: T = (3 − B)/2, C = 2 B T, D = T/2.
        let a = mat![[3.0, 0.0], [0.0, 1.0]];
        let roots = iterated(&a, Normalisation::Trace, Iterations::Fixed(1));
        assert_eq!(roots.root(), mat![[1.6875, 0.0], [0.0, 0.6875]]);
        assert_eq!(roots.inverse_root(), mat![[0.5625, 0.0], [0.0, 0.6875]]);
        assert_eq!(roots.iterations(), 1);
        // Along A itself s grows with A and B stays: Ċ = C/2, Ḋ = −D/2.
        let tangent = roots.jvp(a.as_ref()).unwrap();
        assert_eq!(tangent.root, Scale(0.5) * &roots.root);
        assert_eq!(tangent.inverse_root, Scale(-0.5) * &roots.inverse_root);
        // A number is its own trace: the root is exact, and so is its slope.
        let roots = iterated(&mat![[4.0]], Normalisation::Trace, Iterations::Fixed(3));
        assert_eq!((roots.root()[(0, 0)], roots.residual()), (2.0, 0.0));
        assert_eq!(
            roots.vjp(Some(mat![[1.0]].as_ref()), None).unwrap(),
            mat![[0.25]]
        );
    }

    #[test]
    fn agrees_with_finite_differences_however_many_steps() {
        for spectrum in [
            &[0.7][..],
            &[1.0, 2.0, 3.0, 5.0],
            &[2.0, 2.0, 2.0],
            &[0.1, 1.0, 1.0 + 1e-14, 4.0],
        ] {
            let a = symmetric_with_spectrum(spectrum, 9);
            let n = a.nrows();
            for normalisation in BOTH {
                for iterations in [Iterations::Fixed(1), Iterations::Fixed(4), CONVERGED] {
                    let roots = iterated(&a, normalisation, iterations);
                    // As many steps at the neighbours too, however near they come.
                    let fixed = Iterations::Fixed(roots.iterations().max(1));
                    let roots = iterated(&a, normalisation, fixed);
                    let forward = |a: MatRef<'_, f64>| {
                        let roots = NewtonSchulz::forward(sym(a).as_ref(), normalisation, fixed)?;
                        Ok::<_, Error>(stacked(roots.root(), roots.inverse_root()))
                    };
                    let check = GradientCheck {
                        step: 3e-5,
                        ..GradientCheck::default()
                    };
                    let vjp = |bar: MatRef<'_, f64>| {
                        roots.vjp(Some(bar.subrows(0, n)), Some(bar.subrows(n, n)))
                    };
                    check_vjp(forward, vjp, a.as_ref(), &check).unwrap();
                    let jvp = |a_dot: MatRef<'_, f64>| {
                        let tangent = roots.jvp(a_dot)?;
                        Ok(stacked(
                            tangent.root.as_ref(),
                            tangent.inverse_root.as_ref(),
                        ))
                    };
                    check_jvp(forward, jvp, a.as_ref(), &check).unwrap();
                }
            }
        }
    }

    fn stacked(above: MatRef<'_, f64>, below: MatRef<'_, f64>) -> Mat<f64> {
        let n = above.nrows();
        Mat::from_fn(2 * n, n, |i, j| {
            if i < n {
                above[(i, j)]
            } else {
                below[(i - n, j)]
            }
        })
    }

    #[test]
    fn reaches_the_roots_and_their_gradients_at_moderate_condition() {
        let spectrum = [0.05, 0.3, 0.3, 1.0, 2.0, 7.0];
        let a = symmetric_with_spectrum(&spectrum, 4);
        let root = MatrixFunction::forward(a.as_ref(), Sqrt).unwrap();
        let inverse_root = MatrixFunction::forward(a.as_ref(), InverseSqrt).unwrap();
        let bar = gaussian(6, 6, 1);
        // κ = 140, and the gradient of the inverse root as κ^(3/2).
        let close = |found: MatRef<'_, f64>, expected: MatRef<'_, f64>| {
            let error = (found - expected).norm_max() / expected.norm_max();
            assert!(error < 1e-12, "{error:e}");
        };
        for normalisation in BOTH {
            let roots = iterated(&a, normalisation, CONVERGED);
            assert!(roots.residual() <= 1e-12 && roots.iterations() < 15);
            close(roots.root(), root.value());
            close(roots.inverse_root(), inverse_root.value());
            let found = roots.vjp(Some(bar.as_ref()), None).unwrap();
            close(found.as_ref(), root.vjp(bar.as_ref()).unwrap().as_ref());
            let found = roots.vjp(None, Some(bar.as_ref())).unwrap();
            close(
                found.as_ref(),
                inverse_root.vjp(bar.as_ref()).unwrap().as_ref(),
            );
            let tangent = roots.jvp(bar.as_ref()).unwrap();
            close(
                tangent.root.as_ref(),
                root.jvp(bar.as_ref()).unwrap().as_ref(),
            );
            close(
                tangent.inverse_root.as_ref(),
                inverse_root.jvp(bar.as_ref()).unwrap().as_ref(),
            );
        }
    }

    #[test]
    fn the_ways_there_and_back_agree_and_add_up() {
        let a = symmetric_with_spectrum(&[0.1, 0.5, 1.0, 3.0], 4);
        let (x_dot, c_bar, d_bar) = (gaussian(4, 4, 1), gaussian(4, 4, 2), gaussian(4, 4, 3));
        for normalisation in BOTH {
            let roots = iterated(&a, normalisation, Iterations::Fixed(5));
            let tangent = roots.jvp(x_dot.as_ref()).unwrap();
            let there = inner(c_bar.as_ref(), tangent.root.as_ref())
                + inner(d_bar.as_ref(), tangent.inverse_root.as_ref());
            let both = roots
                .vjp(Some(c_bar.as_ref()), Some(d_bar.as_ref()))
                .unwrap();
            let back = inner(both.as_ref(), x_dot.as_ref());
            assert!(
                (there - back).abs() < 1e-13 * there.abs().max(10.0),
                "{there} {back}"
            );
            assert_eq!(both, both.transpose());
            let one_by_one = roots.vjp(Some(c_bar.as_ref()), None).unwrap()
                + roots.vjp(None, Some(d_bar.as_ref())).unwrap();
            assert!((&both - one_by_one).norm_max() < 1e-14 * both.norm_max());
            assert_eq!(roots.vjp(None, None).unwrap(), Mat::<f64>::zeros(4, 4));
        }
    }

    #[test]
    fn the_iteration_scales_with_its_input() {
        let a = symmetric_with_spectrum(&[0.1, 0.5, 1.0, 3.0], 4);
        let bar = gaussian(4, 4, 1);
        for normalisation in BOTH {
            let plain = iterated(&a, normalisation, Iterations::Fixed(6));
            let plain_bar = plain.vjp(Some(bar.as_ref()), None).unwrap();
            for exponent in [-500, 500] {
                let (size, root) = (2f64.powi(exponent), 2f64.powi(exponent / 2));
                let scaled = iterated(&(Scale(size) * &a), normalisation, Iterations::Fixed(6));
                let error = Scale(root.recip()) * &scaled.root - &plain.root;
                assert!(error.norm_max() < 1e-14);
                let error =
                    Scale(root) * scaled.vjp(Some(bar.as_ref()), None).unwrap() - &plain_bar;
                assert!(error.norm_max() < 1e-14 * plain_bar.norm_max());
            }
        }
    }

    #[test]
    fn a_singular_matrix_has_a_root_and_never_converges() {
        let a = symmetric_with_spectrum(&[0.0, 0.0, 1.0, 4.0], 4);
        let roots = iterated(&a, Normalisation::Trace, Iterations::Fixed(20));
        assert!((roots.root() * roots.root() - &a).norm_max() < 1e-10);
        assert!((roots.residual() - 2f64.sqrt()).abs() < 1e-6);
        assert!(roots.vjp(Some(gaussian(4, 4, 1).as_ref()), None).is_ok());
        // Below zero by rounding, an eigenvalue runs away in the end.
        let rounded = mat![[1.0, 0.0], [0.0, -1e-15]];
        for (a, iterations) in [(a, CONVERGED), (rounded, Iterations::Fixed(100))] {
            let error =
                NewtonSchulz::forward(a.as_ref(), Normalisation::Trace, iterations).map(|_| ());
            assert!(
                matches!(error, Err(Error::NotConverged { .. })),
                "{error:?}"
            );
        }
    }

    #[test]
    fn digits_go_as_the_condition_grows() {
        let bar = gaussian(4, 4, 1);
        for smallest in [1e-2, 1e-4, 1e-6, 1e-8] {
            let spectrum = [smallest, 0.3, 0.7, 1.0];
            let of_spectrum = |f: fn(f64) -> f64| symmetric_with_spectrum(&spectrum.map(f), 4);
            let a = of_spectrum(|x| x);
            // ε κ^½ and ε κ, times 45.
            let (by_root, by_condition) = (1e-14 / smallest.sqrt(), 1e-14 / smallest);
            let until = Iterations::Until {
                tolerance: by_root,
                at_most: 40,
            };
            let roots = iterated(&a, Normalisation::Frobenius, until);
            let close = |found: MatRef<'_, f64>, exact: &Mat<f64>, tolerance: f64| {
                let error = (found - exact).norm_max() / exact.norm_max();
                assert!(error < tolerance, "{smallest:e}: {error:e}");
            };
            close(roots.root(), &of_spectrum(f64::sqrt), by_root);
            let exact = of_spectrum(|x| x.sqrt().recip());
            close(roots.inverse_root(), &exact, by_condition);
            let exact = MatrixFunction::forward(a.as_ref(), Sqrt).unwrap();
            let exact = exact.vjp(bar.as_ref()).unwrap();
            let found = roots.vjp(Some(bar.as_ref()), None).unwrap();
            close(found.as_ref(), &exact, by_condition);
            let exact = MatrixFunction::forward(a.as_ref(), InverseSqrt).unwrap();
            let exact = exact.vjp(bar.as_ref()).unwrap();
            let found = roots.vjp(None, Some(bar.as_ref())).unwrap();
            close(found.as_ref(), &exact, by_condition);
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let forward = |a: Mat<f64>, iterations| {
            NewtonSchulz::forward(a.as_ref(), Normalisation::Frobenius, iterations)
        };
        let one = Mat::<f64>::identity(2, 2);
        let error = forward(mat![[1.0, 0.0], [0.0, -1e-3]], CONVERGED)
            .err()
            .unwrap();
        refused! {
            forward(Mat::zeros(2, 3), CONVERGED) => Error::NotSquare { .. },
            forward(Mat::zeros(0, 0), CONVERGED) => Error::Empty { .. },
            forward(mat![[f64::NAN]], CONVERGED) => Error::NotFinite { .. },
            forward(Mat::zeros(2, 2), CONVERGED) => Error::NotPositive { .. },
        }
        assert!(
            matches!(error, Error::NotPositive { value, .. } if (value + 1e-3).abs() < 1e-15),
            "{error}"
        );
        for steps in [0, 101] {
            refused! {
                forward(one.clone(), Iterations::Fixed(steps))
                    => Error::OutOfRange { low: 1.0, high: 101.0, .. },
            }
        }
        let tolerance = Iterations::Until {
            tolerance: f64::NAN,
            at_most: 5,
        };
        let hasty = Iterations::Until {
            tolerance: 1e-12,
            at_most: 3,
        };
        let roots = iterated(&one, Normalisation::Trace, CONVERGED);
        let wrong = Mat::<f64>::zeros(3, 3);
        refused! {
            forward(one.clone(), tolerance) => Error::NotPositive { .. },
            forward(mat![[1.0, 0.0], [0.0, 1e-3]], hasty)
                => Error::NotConverged { iterations: 3, tolerance: 1e-12, .. },
            roots.vjp(Some(wrong.as_ref()), None) => Error::ShapeMismatch { .. },
            roots.vjp(None, Some(wrong.as_ref())) => Error::ShapeMismatch { .. },
            roots.jvp(wrong.as_ref()) => Error::ShapeMismatch { .. },
        }
    }
}
