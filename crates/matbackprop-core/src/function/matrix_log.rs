//! The principal logarithm of a general square matrix.

use super::divided_difference::EIGHT;
use super::scalar::{Log, Power};
use super::scalar_function::ScalarFunction;
use crate::decompose::RealSchur;
use crate::error::{Error, Result};
use crate::guard::{ensure_shape, ensure_square, within_range};
use crate::scale::{Scaled, power_of_two_scale};
use crate::solve::{blocks, root_of_triangle, solve_quasi_triangular};
use faer::{Mat, MatRef, Scale};

const OP: &str = "matrix logarithm";

/// Roots that are taken at most: those of numbers need eleven, those of matrices far from normal some more.
const MOST_ROOTS: usize = 100;

/// Up to this ‖A − I‖ the Schur form is that of A − I: no eigenvalue is smaller than ½, so that none loses digits by it.
const NEAR: f64 = 0.5;

/// Nodes and weights of Gauss–Legendre quadrature on [0, 1], by their distance from ½; each occurs on both sides.
const FOUR: [(f64, f64); 2] = [
    (0.430_568_155_797_026_3, 0.173_927_422_568_726_93),
    (0.169_990_521_792_428_13, 0.326_072_577_431_273_1),
];
const SIX: [(f64, f64); 3] = [
    (0.466_234_757_101_576, 0.085_662_246_189_585_17),
    (0.330_604_693_233_132_26, 0.180_380_786_524_069_3),
    (0.119_309_593_041_598_46, 0.233_956_967_286_345_5),
];

/// Distances from ½ and weights.
type Nodes = &'static [(f64, f64)];

/// Padé approximants of ln(1 + x): the size of x up to which value and derivative are right to half of ε, and the nodes.
const DEGREES: [(f64, Nodes); 3] = [(2.88e-2, &FOUR), (0.136, &SIX), (0.28, &EIGHT)];

/// X with exp(X) = A and eigenvalues between −π i and π i, of a square A that need not be symmetric.
///
/// ```text
/// forward   A = Q T Qᵀ,  R = T^(1/2ˢ) − I,  X = Q ( 2ˢ Σⱼ wⱼ R (I + tⱼ R)⁻¹ ) Qᵀ
/// jvp       Ẋ = L(A, Ȧ) = ∫₀¹ (t(A − I) + I)⁻¹ Ȧ (t(A − I) + I)⁻¹ dt
///           by the same steps: E₀ = QᵀȦQ,  Eₖ from T^(1/2ᵏ) Eₖ + Eₖ T^(1/2ᵏ) = Eₖ₋₁,
///           Ẋ = Q ( 2ˢ Σⱼ wⱼ (I + tⱼ R)⁻¹ Eₛ (I + tⱼ R)⁻¹ ) Qᵀ
/// vjp       Ā = L(Aᵀ, X̄) = L(A, X̄ᵀ)ᵀ
/// ```
///
/// where tⱼ and wⱼ are nodes and weights of Gauss and Legendre: the diagonal Padé approximant in partial fractions.
///
/// # Shapes
/// A, X and their cotangents: n × n.
///
/// # Conventions
/// There is one such X where no eigenvalue of A is zero or a negative number; pairs of complex ones may lie anywhere else.
/// The logarithm of a rotation by less than π is antisymmetric. Repeated eigenvalues and missing eigenvectors cost
/// nothing. An eigenvalue within n ε‖A‖ of zero, and a pair that rounding of that size could bring onto the negative
/// numbers, count as there. X is right to about n ε times the condition of the logarithm at A, and up to ‖A − I‖ = ½ to
/// about n ε of its own size, however small: there the Schur form is that of A − I. The imaginary part jumps by 2π
/// across the negative numbers, and the derivative grows as one over the distance. For a symmetric A,
/// [`MatrixFunction`](crate::MatrixFunction) with [`Log`](crate::Log).
///
/// # Errors
/// [`NotSquare`](crate::Error::NotSquare), [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`ShapeMismatch`](crate::Error::ShapeMismatch);
/// [`OutsideDomain`](crate::Error::OutsideDomain) with an eigenvalue that is zero or a negative number;
/// [`NoConvergence`](crate::Error::NoConvergence), [`Overflow`](crate::Error::Overflow).
///
/// # Cost
/// About 25 n³ operations for the Schur factors, n³ for each of the s roots and of the 4 to 8 nodes, 2 n³ each for a
/// root and a node each way after it, s about log₂(max |ln λ| / 0.28) and one or two more; (3 + s) n² numbers stored.
///
/// # Source
/// Al-Mohy and Higham, "Improved inverse scaling and squaring algorithms for the matrix logarithm", 2012; with Relton,
/// "Computing the Fréchet derivative of the matrix logarithm and estimating the condition number", 2013. Ours: bounds
/// that hold for value and derivative, and closed forms of all blocks of the diagonal and the entries beside them.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::MatrixLog;
///
/// // The angle of a turn, and its derivative by a growth of the matrix.
/// let turn = mat![[0.0, -1.0], [1.0, 0.0]];
/// let log = MatrixLog::forward(turn.as_ref())?;
/// let half = std::f64::consts::FRAC_PI_2;
/// assert!((log.value() - faer::Scale(half) * &turn).norm_max() < 1e-15);
/// assert!((log.jvp(turn.as_ref())? - faer::Mat::<f64>::identity(2, 2)).norm_max() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MatrixLog {
    /// Q.
    vectors: Mat<f64>,
    /// T^(1/2), T^(1/4), and so on: s of them, of A / scale.
    roots: Vec<Mat<f64>>,
    /// R.
    less_one: Mat<f64>,
    nodes: Nodes,
    scale: f64,
    value: Mat<f64>,
}

impl MatrixLog {
    /// The logarithm of A by roots of its Schur form.
    ///
    /// # Errors
    /// See [`MatrixLog`].
    pub fn forward(a: MatRef<'_, f64>) -> Result<Self> {
        let n = ensure_square(OP, a)?;
        let SchurForm {
            vectors,
            triangle,
            beside_one,
            scale,
        } = SchurForm::of(a)?;
        let t = triangle.as_ref();
        let diagonal = Diagonal::of(t, beside_one).map_err(|value| Error::OutsideDomain {
            op: OP,
            value: value * scale,
        })?;
        let mut roots = Vec::new();
        let mut last = triangle.clone();
        let (less_one, nodes) = loop {
            let share = 0.5_f64.powi(roots.len() as i32);
            if let Some(found) = diagonal.approximant(t, &last, share) {
                break found;
            }
            if roots.len() == MOST_ROOTS {
                let (rows, columns) = (n, n);
                return Err(Error::NoConvergence {
                    op: OP,
                    rows,
                    columns,
                });
            }
            // The eigenvalues are those of T, which has been looked at: none is negative.
            root_of_triangle(last.as_mut(), f64::INFINITY)
                .map_err(|value| Error::OutsideDomain { op: OP, value })?;
            roots.push(last.clone());
        };
        let mut x = Mat::zeros(n, n);
        for (node, weight) in both_sides(nodes) {
            let mut term = less_one.clone();
            solve_left(&denominator(&less_one, node), &mut term);
            x += Scale(weight) * term;
        }
        let mut x = Scale(2f64.powi(roots.len() as i32)) * x;
        diagonal.write(t, &mut x, |log| log, |a, b| Log.divided_difference(a, b));
        let mut value = &vectors * x * vectors.transpose();
        for i in 0..n {
            value[(i, i)] += scale.ln();
        }
        Ok(Self {
            vectors,
            roots,
            less_one,
            nodes,
            scale,
            value: within_range(OP, value)?,
        })
    }

    /// The logarithm X, n × n.
    pub fn value(&self) -> MatRef<'_, f64> {
        self.value.as_ref()
    }

    /// Ā from X̄.
    ///
    /// # Errors
    /// See [`MatrixLog`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless X̄ is n × n.
    pub fn vjp(&self, value_bar: MatRef<'_, f64>) -> Result<Mat<f64>> {
        Ok(self.jvp(value_bar.transpose())?.transpose().to_owned())
    }

    /// Ẋ from Ȧ.
    ///
    /// # Errors
    /// See [`MatrixLog`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is n × n.
    pub fn jvp(&self, a_dot: MatRef<'_, f64>) -> Result<Mat<f64>> {
        ensure_shape(OP, a_dot, self.value.shape())?;
        let size = power_of_two_scale(a_dot);
        let q = &self.vectors;
        let mut e = q.transpose() * Scaled::new(a_dot, size).as_ref() * q;
        for root in &self.roots {
            solve_quasi_triangular(root.as_ref(), root.as_ref(), e.as_mut());
        }
        let n = e.nrows();
        let mut x_dot = Mat::zeros(n, n);
        for (node, weight) in both_sides(self.nodes) {
            let denominator = denominator(&self.less_one, node);
            let mut term = e.clone();
            solve_left(&denominator, &mut term);
            solve_right(&denominator, &mut term);
            x_dot += Scale(weight) * term;
        }
        let x_dot = Scale(2f64.powi(self.roots.len() as i32)) * (q * x_dot * q.transpose());
        within_range(OP, Scale(size / self.scale) * x_dot)
    }
}

/// A = scale · Q T Qᵀ.
struct SchurForm {
    vectors: Mat<f64>,
    triangle: Mat<f64>,
    /// The diagonal of T − I, with digits that T has not, where A is near I.
    beside_one: Option<Vec<f64>>,
    scale: f64,
}

impl SchurForm {
    fn of(a: MatRef<'_, f64>) -> Result<Self> {
        let n = a.nrows();
        let mut less_one = a.to_owned();
        for i in 0..n {
            // Exact between ½ and 2.
            less_one[(i, i)] -= 1.0;
        }
        if less_one.norm_l2() <= NEAR {
            let size = power_of_two_scale(less_one.as_ref());
            let schur = RealSchur::new(OP, Scaled::new(less_one.as_ref(), size).as_ref())?;
            let mut triangle = Scale(size) * schur.triangle;
            let beside_one = (0..n).map(|i| triangle[(i, i)]).collect();
            for i in 0..n {
                triangle[(i, i)] += 1.0;
            }
            return Ok(Self {
                vectors: schur.vectors,
                triangle,
                beside_one: Some(beside_one),
                scale: 1.0,
            });
        }
        let scale = power_of_two_scale(a);
        let RealSchur { vectors, triangle } = RealSchur::new(OP, Scaled::new(a, scale).as_ref())?;
        Ok(Self {
            vectors,
            triangle,
            beside_one: None,
            scale,
        })
    }
}

/// The logarithm of an eigenvalue: one number, or ln|λ| and the angle of λ with its positive imaginary part.
#[derive(Clone, Copy, Debug)]
enum Eigenvalue {
    Real {
        log: f64,
    },
    Pair {
        log: f64,
        angle: f64,
        imaginary: f64,
    },
}

/// Logarithms of the blocks of T, with the row where each begins.
#[derive(Debug)]
struct Diagonal {
    blocks: Vec<(usize, Eigenvalue)>,
}

impl Diagonal {
    /// An eigenvalue that has no logarithm, within rounding, where there is one: the smallest.
    ///
    /// `beside_one` is the diagonal of T − I, where that has more digits.
    fn of(t: MatRef<'_, f64>, beside_one: Option<Vec<f64>>) -> std::result::Result<Self, f64> {
        let beside = |i: usize| beside_one.as_ref().and_then(|all| all.get(i)).copied();
        let floor = t.nrows() as f64 * f64::EPSILON * t.norm_l2();
        let (mut found, mut outside) = (Vec::new(), None::<f64>);
        for (i, size) in blocks(t) {
            let real = t[(i, i)];
            let (eigenvalue, refused) = if size == 1 {
                let log = beside(i).map_or_else(|| real.ln(), f64::ln_1p);
                (Eigenvalue::Real { log }, real <= floor)
            } else {
                let (b, c) = (t[(i, i + 1)].abs(), t[(i + 1, i)].abs());
                let imaginary = b.sqrt() * c.sqrt();
                // Where the smaller of the two is rounding, the pair may be two numbers as far from `real` as this.
                let spread = (b.max(c) * floor).sqrt();
                let refused =
                    (b.min(c) <= floor && real <= spread) || real.hypot(imaginary) <= floor;
                let pair = Eigenvalue::Pair {
                    log: match beside(i) {
                        // |1 + e + iμ|² = 1 + e (2 + e) + μ².
                        Some(e) => 0.5 * (e * (2.0 + e) + imaginary * imaginary).ln_1p(),
                        None => log_of_modulus(real, imaginary),
                    },
                    angle: imaginary.atan2(real),
                    imaginary,
                };
                (pair, refused)
            };
            if refused {
                let value = if real < -floor { real } else { 0.0 };
                outside = Some(outside.map_or(value, |other| other.min(value)));
            }
            found.push((i, eigenvalue));
        }
        match outside {
            Some(value) => Err(value),
            None => Ok(Self { blocks: found }),
        }
    }

    /// T^share − I from the root that was found, and the nodes for it; `None` where it is too large.
    fn approximant(
        &self,
        t: MatRef<'_, f64>,
        root: &Mat<f64>,
        share: f64,
    ) -> Option<(Mat<f64>, Nodes)> {
        let largest = DEGREES[DEGREES.len() - 1].0;
        let power = |log: f64, angle: f64| complex_exp_m1(share * log, share * angle);
        let beyond = |&(_, eigenvalue): &(usize, Eigenvalue)| {
            let (real, imaginary) = match eigenvalue {
                Eigenvalue::Real { log } => power(log, 0.0),
                Eigenvalue::Pair { log, angle, .. } => power(log, angle),
            };
            real.hypot(imaginary) > largest
        };
        if self.blocks.iter().any(beyond) {
            return None;
        }
        let mut less_one = root.clone();
        let function = Power { exponent: share };
        self.write(
            t,
            &mut less_one,
            |(log, angle)| power(log, angle),
            |a, b| function.divided_difference(a, b),
        );
        let size = size_in_powers(&less_one, largest);
        let (_, nodes) = DEGREES.iter().find(|(bound, _)| size <= *bound)?;
        Some((less_one, nodes))
    }

    /// Writes f of the blocks, and f of the entries between two real eigenvalues that follow each other.
    ///
    /// `of_log` is f as a function of ln λ: real and imaginary part.
    fn write(
        &self,
        t: MatRef<'_, f64>,
        x: &mut Mat<f64>,
        of_log: impl Fn((f64, f64)) -> (f64, f64),
        difference: impl Fn(f64, f64) -> f64,
    ) {
        let mut before = None;
        for &(i, eigenvalue) in &self.blocks {
            match eigenvalue {
                Eigenvalue::Real { log } => {
                    x[(i, i)] = of_log((log, 0.0)).0;
                    if before == Some(i) {
                        x[(i - 1, i)] = t[(i - 1, i)] * difference(t[(i - 1, i - 1)], t[(i, i)]);
                    }
                    before = Some(i + 1);
                }
                Eigenvalue::Pair {
                    log,
                    angle,
                    imaginary,
                } => {
                    let (on, beside) = of_log((log, angle));
                    let share = beside / imaginary;
                    (x[(i, i)], x[(i + 1, i + 1)]) = (on, on);
                    x[(i, i + 1)] = share * t[(i, i + 1)];
                    x[(i + 1, i)] = share * t[(i + 1, i)];
                    before = None;
                }
            }
        }
    }
}

/// ln |a + iμ|, with its digits where that is near one.
fn log_of_modulus(a: f64, mu: f64) -> f64 {
    let modulus = a.hypot(mu);
    if (0.5..2.0).contains(&modulus) {
        let (larger, smaller) = (a.abs().max(mu), a.abs().min(mu));
        0.5 * ((larger - 1.0) * (larger + 1.0) + smaller * smaller).ln_1p()
    } else {
        modulus.ln()
    }
}

/// e^(a + ib) − 1: real and imaginary part.
fn complex_exp_m1(a: f64, b: f64) -> (f64, f64) {
    let half = (0.5 * b).sin();
    let growth = a.exp_m1();
    (
        growth * b.cos() - 2.0 * half * half,
        (growth + 1.0) * b.sin(),
    )
}

/// A bound for ‖Rᵏ‖^(1/k) from k = 6 on, up to where it is `enough`: by powers, which are far smaller than those of the
/// norm where R is far from normal.
fn size_in_powers(r: &Mat<f64>, enough: f64) -> f64 {
    let first = norm(r);
    if first <= DEGREES[0].0 {
        return first;
    }
    let square = r * r;
    let [second, third] = [norm(&square).sqrt(), norm(&(&square * r)).cbrt()];
    let size = first.min(second.max(third));
    if size <= enough {
        return size;
    }
    let fourth = norm(&(&square * &square)).sqrt().sqrt();
    size.min(third.max(fourth))
}

/// ‖A‖₁.
fn norm(a: &Mat<f64>) -> f64 {
    a.col_iter()
        .fold(0.0, |norm: f64, column| norm.max(column.norm_l1()))
}

/// Nodes and weights.
fn both_sides(nodes: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> {
    nodes
        .iter()
        .flat_map(|&(apart, weight)| [(0.5 - apart, weight), (0.5 + apart, weight)])
}

/// I + t R.
fn denominator(r: &Mat<f64>, t: f64) -> Mat<f64> {
    let mut sum = Scale(t) * r;
    for i in 0..r.nrows() {
        sum[(i, i)] += 1.0;
    }
    sum
}

/// X ← D⁻¹ X.
fn solve_left(d: &Mat<f64>, x: &mut Mat<f64>) {
    let zero = Mat::<f64>::zeros(x.ncols(), x.ncols());
    solve_quasi_triangular(d.as_ref(), zero.as_ref(), x.as_mut());
}

/// X ← X D⁻¹.
fn solve_right(d: &Mat<f64>, x: &mut Mat<f64>) {
    let zero = Mat::<f64>::zeros(x.nrows(), x.nrows());
    solve_quasi_triangular(zero.as_ref(), d.as_ref(), x.as_mut());
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::function::{MatrixExp, MatrixFunction};
    use crate::gradcheck::{
        GradientCheck, check_jvp, check_vjp, gaussian, symmetric_with_spectrum,
    };
    use crate::symmetric::{inner, skew};
    use faer::mat;

    fn of(a: &Mat<f64>) -> MatrixLog {
        MatrixLog::forward(a.as_ref()).unwrap()
    }

    /// 1 × 1, general, near I, complex pairs on either side, Jordan blocks, a multiple of I, symmetric, a rotation.
    fn cases() -> Vec<Mat<f64>> {
        let shifted = |n: usize, shift: f64| {
            gaussian(n, n, n as u64) + Scale(shift) * Mat::<f64>::identity(n, n)
        };
        let turn = MatrixExp::forward(skew(gaussian(5, 5, 7).as_ref()).as_ref()).unwrap();
        vec![
            mat![[0.49]],
            shifted(4, 4.0),
            shifted(7, 6.0),
            Mat::<f64>::identity(4, 4) + Scale(1e-4) * gaussian(4, 4, 3),
            mat![[-1.0, 4.0], [-2.0, -1.0]],
            mat![[0.0, -1.0], [1.0, 0.0]],
            mat![[4.0, 1.0, 0.0], [0.0, 4.0, 1.0], [0.0, 0.0, 4.0]],
            Scale(9.0) * Mat::<f64>::identity(3, 3),
            symmetric_with_spectrum(&[1.0, 1.0, 3.0, 0.3], 1),
            turn.value().to_owned(),
        ]
    }

    #[test]
    fn a_shear_by_hand() {
        // ln (4 4; 0 4) = (ln 4  1; 0 ln 4), and of the lower-left entry: ∫ (s 4t; 0 s)⁻¹ E₂₁ (…)⁻¹ dt, s = 1 + 3t.
        let rule = of(&mat![[4.0, 4.0], [0.0, 4.0]]);
        let ln = 4f64.ln();
        assert!((rule.value() - mat![[ln, 1.0], [0.0, ln]]).norm_max() < 1e-15);
        let dot = rule.jvp(mat![[0.0, 0.0], [1.0, 0.0]].as_ref()).unwrap();
        // ∫ s⁻² = 1/4, −4 ∫ t s⁻³ = −1/8, 16 ∫ t² s⁻⁴ = 16 · 1/192.
        let expected = mat![[-0.125, 1.0 / 12.0], [0.25, -0.125]];
        assert!((dot - &expected).norm_max() < 1e-15);
        let a_bar = rule.vjp(mat![[0.0, 1.0], [0.0, 0.0]].as_ref()).unwrap();
        assert!((a_bar - mat![[-0.125, 0.25], [1.0 / 12.0, -0.125]]).norm_max() < 1e-15);
        // log I = 0, L(I, E) = E.
        let e = gaussian(3, 3, 1);
        let rule = of(&Mat::identity(3, 3));
        assert_eq!(rule.value().norm_max(), 0.0);
        assert!((rule.jvp(e.as_ref()).unwrap() - &e).norm_max() < 1e-15);
    }

    #[test]
    fn a_number_is_its_own_logarithm_from_end_to_end() {
        for a in [
            5e-324,
            1e-310,
            1e-30,
            0.5,
            1.0 - 1e-12,
            1.0 + 1e-12,
            7.0,
            1e30,
            f64::MAX,
        ] {
            let rule = of(&mat![[a]]);
            let error = (rule.value()[(0, 0)] - a.ln()).abs();
            assert!(error <= 2e-16 * a.ln().abs(), "{a:e}");
            if a > 1e-300 {
                let dot = rule.jvp(mat![[1.0]].as_ref()).unwrap()[(0, 0)];
                assert!((dot * a - 1.0).abs() < 3e-15, "{a:e}: {dot:e}");
            }
        }
    }

    #[test]
    fn the_exponential_takes_it_back() {
        let mut matrices = cases();
        for n in [20, 65, 130] {
            let shift = Scale(3.0 * (n as f64).sqrt()) * Mat::<f64>::identity(n, n);
            matrices.push(gaussian(n, n, 1) + shift);
        }
        let steep = mat![[1.0, 300.0, 0.0], [0.0, 1.5, 300.0], [0.0, 0.0, 2.0]];
        let limits = std::iter::repeat_n(1e-12, matrices.len());
        // Far from normal, both maps magnify rounding by 10⁵ and more.
        for (a, limit) in matrices.into_iter().zip(limits).chain([(steep, 1e-6)]) {
            let n = a.nrows();
            let log = of(&a);
            let exp = MatrixExp::forward(log.value()).unwrap();
            let error = (exp.value() - &a).norm_l2() / a.norm_l2();
            assert!(error < 1e-13, "{n}: {error:e}");
            let dot = gaussian(n, n, 2);
            let there = log.jvp(dot.as_ref()).unwrap();
            let again = exp.jvp(there.as_ref()).unwrap();
            let error = (again - &dot).norm_l2() / dot.norm_l2();
            assert!(error < limit, "{n}: {error:e}");
        }
    }

    #[test]
    fn agrees_with_finite_differences() {
        for a in cases() {
            let rule = of(&a);
            let value = |a: MatRef<'_, f64>| Ok::<_, Error>(MatrixLog::forward(a)?.value);
            let check = GradientCheck {
                step: 3e-5,
                ..GradientCheck::default()
            };
            check_vjp(value, |bar| rule.vjp(bar), a.as_ref(), &check).unwrap();
            check_jvp(value, |dot| rule.jvp(dot), a.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn jvp_and_vjp_are_transposes() {
        for a in cases() {
            let n = a.nrows();
            let (bar, dot) = (gaussian(n, n, 1), gaussian(n, n, 2));
            let rule = of(&a);
            let pulled = rule.vjp(bar.as_ref()).unwrap();
            let pushed = rule.jvp(dot.as_ref()).unwrap();
            let forward = inner(bar.as_ref(), pushed.as_ref());
            let back = inner(pulled.as_ref(), dot.as_ref());
            let size = pulled.norm_l2() * dot.norm_l2();
            assert!((forward - back).abs() < 1e-13 * size, "{forward} {back}");
            // Ā = L(Aᵀ, X̄).
            let other = of(&a.transpose().to_owned()).jvp(bar.as_ref()).unwrap();
            let error = (&pulled - other).norm_l2() / pulled.norm_l2();
            assert!(error < 1e-11, "{n}: {error:e}");
        }
    }

    #[test]
    fn agrees_with_the_function_of_a_symmetric_matrix() {
        let a = symmetric_with_spectrum(&[1.0, 1.0, 3.0, 1e-6], 1);
        let (general, e) = (of(&a), gaussian(4, 4, 1));
        let symmetric = MatrixFunction::forward(a.as_ref(), Log).unwrap();
        assert!((general.value() - symmetric.value()).norm_max() < 1e-14);
        let e = &e + e.transpose();
        let dot = general.jvp(e.as_ref()).unwrap();
        let other = symmetric.jvp(e.as_ref()).unwrap();
        assert!((dot - &other).norm_max() < 1e-13 * other.norm_max());
    }

    #[test]
    fn near_the_identity_all_digits_of_the_difference_count() {
        let one = |n: usize| Mat::<f64>::identity(n, n);
        let upper = mat![[0.3, 1.0, 0.2], [0.0, 0.3, -0.7], [0.0, 0.0, 0.3]];
        let pairs = mat![[0.1, -1.0, 0.5], [2.0, 0.1, 0.3], [0.4, -0.2, -0.6]];
        for shape in [
            mat![[-0.7]],
            upper,
            pairs,
            gaussian(6, 6, 1),
            skew(gaussian(5, 5, 2).as_ref()),
            symmetric_with_spectrum(&[1.0, 1.0, -0.5, 1e-3], 3),
        ] {
            let n = shape.nrows();
            for size in [1e-12, 1e-9, 1e-6, 1e-3, 1e-2, 0.1, 0.2] {
                let a = one(n) + Scale(size / shape.norm_l2()) * &shape;
                let e = &a - one(n);
                let dot = gaussian(n, n, 4);
                // E − E²/2 + E³/3 − …, and its derivative that of Eᵏ⁺¹ by E (Eᵏ)˙ + Ė Eᵏ.
                let (mut power, mut power_dot) = (e.clone(), dot.clone());
                let (mut value, mut value_dot) = (Mat::zeros(n, n), Mat::zeros(n, n));
                for k in 1..40 {
                    let share = if k % 2 == 1 { 1.0 } else { -1.0 } / f64::from(k);
                    value += Scale(share) * &power;
                    value_dot += Scale(share) * &power_dot;
                    power_dot = &e * power_dot + &dot * &power;
                    power = &e * power;
                }
                let rule = of(&a);
                let error = (rule.value() - &value).norm_l2() / value.norm_l2();
                assert!(error < 5e-15, "{n} {size:e}: {error:e}");
                let error = rule.jvp(dot.as_ref()).unwrap() - &value_dot;
                let error = error.norm_l2() / value_dot.norm_l2();
                assert!(error < 5e-15, "{n} {size:e}: {error:e} back");
            }
        }
    }

    #[test]
    fn turns_have_their_angles_up_to_a_half_turn() {
        let half = std::f64::consts::PI;
        for angle in [1e-8, 1.0, 2.0, half - 1e-3, half - 1e-10] {
            let (sin, cos) = f64::sin_cos(angle);
            let rule = of(&mat![[cos, -sin], [sin, cos]]);
            let error = (rule.value()[(1, 0)] - angle).abs();
            assert!(error < 1e-15, "{angle}: {error:e}");
            assert!(rule.value()[(0, 0)].abs() < 1e-15);
        }
    }

    #[test]
    fn sizes_are_a_multiple_of_the_identity() {
        for a in cases() {
            let n = a.nrows();
            let bar = gaussian(n, n, 1);
            let plain = of(&a);
            let plain_bar = plain.vjp(bar.as_ref()).unwrap();
            for power in [-500, -250, 250, 500] {
                let size = 2f64.powi(power);
                let rule = of(&(Scale(size) * &a));
                let shift = Scale(size.ln()) * Mat::<f64>::identity(n, n);
                let error = (rule.value() - shift - plain.value()).norm_l2();
                assert!(
                    error < 1e-12 * (1.0 + plain.value().norm_l2()),
                    "{power}: {error:e}"
                );
                let scaled = Scale(size) * rule.vjp(bar.as_ref()).unwrap();
                let error = (scaled - &plain_bar).norm_l2() / plain_bar.norm_l2();
                assert!(error < 1e-10, "{power}: {error:e}");
            }
        }
    }

    #[test]
    fn the_gradient_grows_as_an_eigenvalue_closes_until_it_is_refused() {
        for smallest in [1e-2, 1e-6, 1e-12] {
            let rule = of(&mat![[1.0, 0.0], [0.0, smallest]]);
            let a_bar = rule.vjp(mat![[0.0, 0.0], [0.0, 1.0]].as_ref()).unwrap();
            assert!((a_bar[(1, 1)] * smallest - 1.0).abs() < 1e-14);
        }
        for a in [
            mat![[0.0]],
            Mat::zeros(3, 3),
            mat![[1.0, 1.0], [0.0, 0.0]],
            mat![[0.0, 1.0], [0.0, 0.0]],
            mat![[1.0, 0.0], [0.0, 1e-17]],
            // Eigenvalues 0 ± 10⁻¹⁰ i, which rounding brings to ± 10⁻⁸.
            mat![[0.0, 1.0], [-1e-20, 0.0]],
        ] {
            let error = MatrixLog::forward(a.as_ref()).unwrap_err();
            assert_eq!(error, Error::OutsideDomain { op: OP, value: 0.0 });
        }
        // −1 ± 10⁻⁸ i·10⁻⁸: rounding decides on which side of the negative numbers they lie.
        let error = MatrixLog::forward(mat![[-1.0, 1.0], [-1e-32, -1.0]].as_ref()).unwrap_err();
        assert_eq!(
            error,
            Error::OutsideDomain {
                op: OP,
                value: -1.0
            }
        );
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let forward = |a: Mat<f64>| MatrixLog::forward(a.as_ref());
        let rule = of(&mat![[1e-200]]);
        let (wrong, nan) = (Mat::zeros(2, 2), mat![[f64::NAN]]);
        let large = mat![[1e200]];
        refused! {
            forward(Mat::zeros(2, 3)) => Error::NotSquare { rows: 2, columns: 3, .. },
            forward(Mat::zeros(0, 0)) => Error::Empty { .. },
            forward(mat![[f64::NAN]]) => Error::NotFinite { op: OP },
            forward(mat![[-4.0]]) => Error::OutsideDomain { op: OP, value: -4.0 },
            forward(mat![[1.0, 3.0], [0.0, -1e300]]) => Error::OutsideDomain { value: -1e300, .. },
            forward(mat![[-1.0, 0.0], [0.0, -1.0]]) => Error::OutsideDomain { value: -1.0, .. },
            rule.vjp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            rule.jvp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            rule.vjp(nan.as_ref()) => Error::NotFinite { .. },
            rule.jvp(nan.as_ref()) => Error::NotFinite { .. },
            rule.vjp(large.as_ref()) => Error::Overflow { op: OP },
            rule.jvp(large.as_ref()) => Error::Overflow { op: OP },
        }
    }
}
