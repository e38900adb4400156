//! The mean of positive definite matrices in their own geometry.

use super::relative_spectrum::RelativeSpectrum;
use super::weighted_matrices::{MeanCotangent, Shares, ensure_matrices, ensure_tangents};
use crate::decompose::thin_qr;
use crate::error::{Error, Result};
use crate::function::{Exp, MatrixFunction};
use crate::guard::{ensure_length, ensure_shape, within_range};
use crate::products::{congruence, gram, spectral_product};
use crate::solve::cholesky;
use crate::symmetric::{inner, sym};
use faer::{Mat, MatRef, Scale, unzip, zip};

const OP: &str = "Karcher mean";

/// Newton steps before the iteration is given up.
const STEPS: usize = 60;

/// Steps of conjugate gradients a system; its condition is below 36 for any that pass.
const INNER_STEPS: usize = 400;

/// The matrix M with the least Σ sᵢ d²(M, Aᵢ), for the affine-invariant distance d and sᵢ = wᵢ / Σ w.
///
/// ```text
/// forward   M = L Lᵀ with S = Σ sᵢ log(L⁻¹ Aᵢ L⁻ᵀ) = 0       Newton:  M ← L exp(X) Lᵀ,  H X = S
/// vjp       H Y = Lᵀ sym(M̄) L;  Āᵢ = sᵢ Zᵢ (Q ∘ (Uᵢᵀ Y Uᵢ)) Zᵢᵀ;  w̄ᵢ = ⟨Y, log Cᵢ⟩ / Σ w
/// jvp       H X = Σ sᵢ Uᵢ (Q ∘ (Zᵢᵀ sym(Ȧᵢ) Zᵢ)) Uᵢᵀ + Σ ẇᵢ log Cᵢ / Σ w,  Ṁ = L X Lᵀ
///
///           Aᵢ = Kᵢ Kᵢᵀ,  L⁻¹Kᵢ = Uᵢ Σ Wᵢᵀ,  Zᵢ = Kᵢ⁻ᵀWᵢ,  Cᵢ = Uᵢ Σ² Uᵢᵀ
///           H X = Σ sᵢ Uᵢ (T ∘ (UᵢᵀXUᵢ)) Uᵢᵀ,  Tⱼₖ = h coth h,  Qⱼₖ = h / sinh h,  h = ln σⱼ − ln σₖ
/// ```
///
/// Karcher, Fréchet and Riemannian mean are names of the same matrix; of two, it is their geometric mean.
///
/// # Shapes
/// Aᵢ, Āᵢ, M: n × n, symmetric; w: a number a matrix.
///
/// # Conventions
/// Weights are nonnegative; only their ratios count, so ⟨w̄, w⟩ = 0. Without weights, each is 1. The mean of XAᵢXᵀ is
/// XMXᵀ, that of the inverses M⁻¹. Derivatives are those of the equation S = 0, not of the iterations: as right as its
/// solution. Q and T are 1 where values are equal; nothing divides by a gap.
///
/// Newton's steps are halved until S shrinks, and end where it does so no more: accepted if ‖S‖ is up to
/// 16 n ε max (σ₁ / σₙ + 2 |ln σ|), which is the rounding of the logarithms. M has that relative error, as seen by M.
///
/// # Errors
/// [`Empty`](crate::Error::Empty) without matrices, [`ShapeMismatch`](crate::Error::ShapeMismatch) where sizes differ,
/// [`NotSquare`](crate::Error::NotSquare), [`NotFinite`](crate::Error::NotFinite),
/// [`NotSymmetric`](crate::Error::NotSymmetric) beyond rounding,
/// [`OutOfRange`](crate::Error::OutOfRange) of a negative weight, [`NotPositive`](crate::Error::NotPositive) where all
/// are zero, [`NotPositiveDefinite`](crate::Error::NotPositiveDefinite) of a matrix,
/// [`RankDeficient`](crate::Error::RankDeficient) where a σₙ does not exceed n ε σ₁,
/// [`NotConverged`](crate::Error::NotConverged) with ‖S‖ after 60 steps, or where it stops shrinking above that bound:
/// [`LogEuclideanMean`](crate::LogEuclideanMean) needs no iteration;
/// [`NoConvergence`](crate::Error::NoConvergence), [`Overflow`](crate::Error::Overflow).
///
/// # Cost
/// A singular value decomposition a matrix and step, 4 to 8 steps mostly; 10 to 60 products with H a step and each way,
/// 4 n³ multiplications a matrix each. 4n² numbers a matrix stored.
///
/// # Source
/// Bhatia, "Positive Definite Matrices", 2007, chapter 6; Moakher, "A differential geometric approach to the geometric mean
/// of symmetric positive-definite matrices", SIAM J. Matrix Analysis and Applications 26, 2005, for S. Newton by
/// conjugate gradients on H ≥ I from the arithmetic mean, and the implicit derivative by the same H, are ours.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::KarcherMean;
///
/// // With a = I, the mean of two is the root of the other: here (2, 1; 1, 2)² = (5, 4; 4, 5).
/// let (a, b) = (mat![[1.0, 0.0], [0.0, 1.0]], mat![[5.0, 4.0], [4.0, 5.0]]);
/// let mean = KarcherMean::forward(&[a.as_ref(), b.as_ref()], None)?;
/// assert!((mean.value() - mat![[2.0, 1.0], [1.0, 2.0]]).norm_max() < 1e-14);
/// let bar = mean.vjp(mat![[1.0, 0.0], [0.0, 1.0]].as_ref())?;
/// // tr √B has the gradient B^−½ / 2.
/// let expected = mat![[1.0 / 3.0, -1.0 / 6.0], [-1.0 / 6.0, 1.0 / 3.0]];
/// assert!((&bar.matrices[1] - expected).norm_max() < 1e-14);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct KarcherMean {
    shares: Shares,
    frame: Frame,
    value: Mat<f64>,
    steps: usize,
}

impl KarcherMean {
    /// The mean of the matrices, with these weights or equal ones.
    ///
    /// # Errors
    /// See [`KarcherMean`].
    pub fn forward(matrices: &[MatRef<'_, f64>], weights: Option<&[f64]>) -> Result<Self> {
        Self::within(matrices, weights, STEPS)
    }

    /// The lower triangular root L of the mean.
    pub(crate) fn root(&self) -> MatRef<'_, f64> {
        self.frame.root.as_ref()
    }

    /// From the inputs and the [`root`](Self::root) of their mean, without a step.
    pub(crate) fn from_root(
        matrices: &[MatRef<'_, f64>],
        weights: &[f64],
        root: Mat<f64>,
    ) -> Result<Self> {
        let shares = Shares::new(OP, Some(weights), matrices.len())?;
        let frame = Frame::new(root, &roots_of(matrices)?, &shares.shares)?;
        Ok(Self {
            value: within_range(OP, gram(frame.root.transpose()))?,
            shares,
            frame,
            steps: 0,
        })
    }

    /// The mean M, n × n.
    pub fn value(&self) -> MatRef<'_, f64> {
        self.value.as_ref()
    }

    /// How many of Newton's steps were made.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// ‖S‖, which is zero at the mean.
    pub fn residual(&self) -> f64 {
        self.frame.residual
    }

    /// Āᵢ and w̄ from M̄, whose symmetric part counts.
    ///
    /// # Errors
    /// See [`KarcherMean`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless M̄ is n × n.
    pub fn vjp(&self, value_bar: MatRef<'_, f64>) -> Result<MeanCotangent> {
        ensure_shape(OP, value_bar, self.value.shape())?;
        let seen = congruence(self.frame.root.transpose(), sym(value_bar).as_ref());
        let y = self
            .frame
            .solve(&self.shares.shares, &within_range(OP, seen)?)?;
        let mut bar = MeanCotangent {
            matrices: Vec::new(),
            weights: Vec::new(),
        };
        for (member, share) in self.frame.members.iter().zip(&self.shares.shares) {
            let u = &member.spectrum.u;
            let core = times(congruence(u.transpose(), y.as_ref()), &member.slopes);
            let pulled = Scale(*share) * congruence(member.spectrum.z.as_ref(), core.as_ref());
            bar.matrices.push(within_range(OP, pulled)?);
            bar.weights.push(inner(y.as_ref(), member.log.as_ref()));
        }
        bar.weights = self.shares.over_total(OP, &bar.weights)?;
        Ok(bar)
    }

    /// Ṁ from the Ȧᵢ, whose symmetric parts count, and ẇ; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`KarcherMean`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a tangent does not fit.
    pub fn jvp(
        &self,
        matrices_dot: Option<&[MatRef<'_, f64>]>,
        weights_dot: Option<&[f64]>,
    ) -> Result<Mat<f64>> {
        let (n, members) = (self.value.nrows(), &self.frame.members);
        let mut moved = Mat::zeros(n, n);
        if let Some(dots) = matrices_dot {
            ensure_tangents(OP, dots, members.len(), n)?;
            for ((member, share), dot) in members.iter().zip(&self.shares.shares).zip(dots) {
                let z = &member.spectrum.z;
                let core = times(
                    congruence(z.transpose(), sym(*dot).as_ref()),
                    &member.slopes,
                );
                moved += Scale(*share) * congruence(member.spectrum.u.as_ref(), core.as_ref());
            }
        }
        if let Some(weights_dot) = weights_dot {
            ensure_length(OP, weights_dot, members.len())?;
            let shares_dot = self.shares.over_total(OP, weights_dot)?;
            for (member, share_dot) in members.iter().zip(shares_dot) {
                moved += Scale(share_dot) * &member.log;
            }
        }
        let x = self
            .frame
            .solve(&self.shares.shares, &within_range(OP, moved)?)?;
        within_range(OP, congruence(self.frame.root.as_ref(), x.as_ref()))
    }

    /// The mean, found in so many steps.
    fn within(matrices: &[MatRef<'_, f64>], weights: Option<&[f64]>, steps: usize) -> Result<Self> {
        let n = ensure_matrices(OP, matrices)?;
        let shares = Shares::new(OP, weights, matrices.len())?;
        let roots = roots_of(matrices)?;
        let mut arithmetic = Mat::zeros(n, n);
        for (a, share) in matrices.iter().zip(&shares.shares) {
            arithmetic += Scale(*share) * sym(*a);
        }
        let root = cholesky(OP, arithmetic.as_ref())?;
        let mut frame = Frame::new(root, &roots, &shares.shares)?;
        let mut made = 0;
        while frame.residual > n as f64 * f64::EPSILON {
            let next = if made < steps {
                frame.step(&roots, &shares.shares)?
            } else {
                None
            };
            let Some(next) = next else {
                frame.ensure_solved(made)?;
                break;
            };
            frame = next;
            made += 1;
        }
        Ok(Self {
            value: within_range(OP, gram(frame.root.transpose()))?,
            shares,
            frame,
            steps: made,
        })
    }
}

/// All matrices as seen from M = L Lᵀ.
#[derive(Clone, Debug)]
struct Frame {
    /// L, lower triangular.
    root: Mat<f64>,
    members: Vec<Member>,
    /// S.
    sum: Mat<f64>,
    /// ‖S‖.
    residual: f64,
}

/// A matrix as seen from M.
#[derive(Clone, Debug)]
struct Member {
    spectrum: RelativeSpectrum,
    /// log C.
    log: Mat<f64>,
    /// Q.
    slopes: Mat<f64>,
    /// T.
    curvatures: Mat<f64>,
}

impl Frame {
    fn new(root: Mat<f64>, roots: &[Mat<f64>], shares: &[f64]) -> Result<Self> {
        let n = root.nrows();
        let members = roots
            .iter()
            .map(|k| Member::new(root.as_ref(), k.as_ref()))
            .collect::<Result<Vec<_>>>()?;
        let mut sum = Mat::zeros(n, n);
        for (member, share) in members.iter().zip(shares) {
            sum += Scale(*share) * &member.log;
        }
        Ok(Self {
            root,
            members,
            residual: sum.norm_l2(),
            sum,
        })
    }

    /// A Newton step, shortened until S shrinks; `None` where it does not.
    fn step(&self, roots: &[Mat<f64>], shares: &[f64]) -> Result<Option<Self>> {
        const HALVINGS: i32 = 30;
        let direction = self.solve(shares, &self.sum)?;
        // Within rounding, a shorter step gains nothing.
        let halvings = if self.residual > self.rounding() {
            HALVINGS
        } else {
            0
        };
        for length in (0..=halvings).map(|i| 0.5f64.powi(i)) {
            match self.moved(length, &direction, roots, shares) {
                Ok(next) if next.residual <= (1.0 - 0.25 * length) * self.residual => {
                    return Ok(Some(next));
                }
                // Too far: a shorter step may stay where matrices have logarithms.
                Ok(_) | Err(Error::Overflow { .. } | Error::RankDeficient { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// M ← L exp(t X) Lᵀ.
    fn moved(
        &self,
        length: f64,
        direction: &Mat<f64>,
        roots: &[Mat<f64>],
        shares: &[f64],
    ) -> Result<Self> {
        let half = Scale(0.5 * length) * direction;
        let stretch = MatrixFunction::forward(half.as_ref(), Exp)?;
        // L exp(X / 2) = Rᵀ Qᵀ, a triangle again.
        let (_, r) = thin_qr(OP, (stretch.value() * self.root.transpose()).as_ref())?;
        Self::new(r.transpose().to_owned(), roots, shares)
    }

    /// H⁻¹ S by conjugate gradients; H is symmetric and H ≥ I.
    fn solve(&self, shares: &[f64], right: &Mat<f64>) -> Result<Mat<f64>> {
        let n = right.nrows();
        let size = right.norm_max();
        if size == 0.0 {
            return Ok(Mat::zeros(n, n));
        }
        let mut x = Mat::zeros(n, n);
        let mut remainder = Mat::from_fn(n, n, |i, j| right[(i, j)] / size);
        let mut direction = remainder.clone();
        let mut squared = remainder.squared_norm_l2();
        let enough = 0.25 * f64::EPSILON * f64::EPSILON * squared;
        for _ in 0..INNER_STEPS {
            let image = self.hessian(shares, &direction);
            let length = squared / inner(direction.as_ref(), image.as_ref());
            x += Scale(length) * &direction;
            remainder -= Scale(length) * image;
            let next = remainder.squared_norm_l2();
            if next <= enough {
                return within_range(OP, Scale(size) * x);
            }
            direction = &remainder + Scale(next / squared) * direction;
            squared = next;
        }
        Err(Error::NotConverged {
            op: OP,
            residual: squared.sqrt(),
            tolerance: enough.sqrt(),
            iterations: INNER_STEPS,
        })
    }

    /// H X.
    fn hessian(&self, shares: &[f64], x: &Mat<f64>) -> Mat<f64> {
        let mut image = Mat::zeros(x.nrows(), x.ncols());
        for (member, share) in self.members.iter().zip(shares) {
            let u = &member.spectrum.u;
            let core = times(congruence(u.transpose(), x.as_ref()), &member.curvatures);
            image += Scale(*share) * congruence(u.as_ref(), core.as_ref());
        }
        image
    }

    /// The rounding of S.
    fn rounding(&self) -> f64 {
        let members = self.members.iter();
        let roundings = members.map(|member| member.spectrum.rounding());
        16.0 * self.root.nrows() as f64 * roundings.fold(f64::EPSILON, f64::max)
    }

    fn ensure_solved(&self, iterations: usize) -> Result<()> {
        if self.residual <= self.rounding() {
            return Ok(());
        }
        Err(Error::NotConverged {
            op: OP,
            residual: self.residual,
            tolerance: self.rounding(),
            iterations,
        })
    }
}

impl Member {
    fn new(l: MatRef<'_, f64>, k: MatRef<'_, f64>) -> Result<Self> {
        let spectrum = RelativeSpectrum::new(OP, l, k)?;
        let logs: Vec<f64> = spectrum.log_values.iter().map(|x| 2.0 * x).collect();
        let n = logs.len();
        let of_pairs = |f: fn(f64) -> f64| {
            let half_difference =
                |i: usize, j: usize| spectrum.log_values[i] - spectrum.log_values[j];
            Mat::from_fn(n, n, |i, j| f(half_difference(i, j).abs()))
        };
        Ok(Self {
            log: spectral_product(spectrum.u.as_ref(), &logs),
            slopes: of_pairs(|h| if h == 0.0 { 1.0 } else { h / h.sinh() }),
            curvatures: of_pairs(|h| if h == 0.0 { 1.0 } else { h / h.tanh() }),
            spectrum,
        })
    }
}

/// X ∘ F.
fn times(mut x: Mat<f64>, factors: &Mat<f64>) -> Mat<f64> {
    zip!(&mut x, factors).for_each(|unzip!(x, factor)| *x *= factor);
    x
}

/// The Cholesky factors of matrices.
fn roots_of(matrices: &[MatRef<'_, f64>]) -> Result<Vec<Mat<f64>>> {
    let roots = matrices.iter().map(|a| cholesky(OP, sym(*a).as_ref()));
    roots.collect()
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::definite::AffineInvariantDistance;
    use crate::factor::SymmetricSolve;
    use crate::function::Inverse;
    use crate::gradcheck::{
        GradientCheck, check_jvp, check_vjp, gaussian, symmetric_with_spectrum,
    };
    use crate::symmetric::sym;
    use faer::mat;

    const SPECTRA: [[&[f64]; 3]; 4] = [
        [&[0.7], &[2.0], &[1.0]],
        [&[1.0, 2.0, 5.0], &[0.5, 1.0, 3.0], &[1.0, 1.0, 2.0]],
        [&[2.0, 2.0], &[3.0, 3.0], &[1.0, 1.0]],
        [
            &[0.5, 2.0, 2.0, 2.0 + 1e-14],
            &[1.0, 1.0, 1.0, 4.0],
            &[1.0, 2.0, 3.0, 4.0],
        ],
    ];
    const WEIGHTS: [f64; 3] = [1.0, 2.0, 0.5];

    fn views(matrices: &[Mat<f64>]) -> Vec<MatRef<'_, f64>> {
        matrices.iter().map(Mat::as_ref).collect()
    }

    fn of(matrices: &[Mat<f64>], weights: &[f64]) -> KarcherMean {
        KarcherMean::forward(&views(matrices), Some(weights)).unwrap()
    }

    fn triples() -> impl Iterator<Item = Vec<Mat<f64>>> {
        SPECTRA.iter().map(|spectra| {
            let seeded = spectra.iter().zip(3..);
            seeded
                .map(|(spectrum, seed)| symmetric_with_spectrum(spectrum, seed))
                .collect()
        })
    }

    #[test]
    fn numbers_by_hand() {
        // (1 · 8²)^⅓ = 4; ∂m/∂b = ⅔ m / b, ∂m/∂w₂ = m (ln 8 − ln 4) / 3.
        let mean = of(&[mat![[1.0]], mat![[8.0]]], &[1.0, 2.0]);
        assert!((mean.value()[(0, 0)] - 4.0).abs() < 4e-15);
        let bar = mean.vjp(mat![[1.0]].as_ref()).unwrap();
        assert!((bar.matrices[1][(0, 0)] - 1.0 / 3.0).abs() < 1e-15);
        assert!((bar.weights[1] - 4.0 * 2f64.ln() / 3.0).abs() < 2e-15);
        assert!((bar.weights[0] + 2.0 * bar.weights[1]).abs() < 4e-15);
    }

    #[test]
    fn agrees_with_sixty_digits() {
        // By mpmath; there gradients by central differences.
        let matrices = [
            mat![[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]],
            mat![[2.0, -1.0, 0.5], [-1.0, 3.0, 0.0], [0.5, 0.0, 1.0]],
            mat![[5.0, 2.0, 1.0], [2.0, 2.0, 0.0], [1.0, 0.0, 1.0]],
        ];
        let m_bar = mat![[1.0, 2.0, 0.0], [2.0, -1.0, 1.0], [0.0, 1.0, 3.0]];
        let value = mat![
            [3.158911609942266, 0.711956221787616, 0.6712035181994882],
            [0.711956221787616, 1.9846225781220026, 0.02924577957505073],
            [0.6712035181994882, 0.02924577957505073, 1.060912008092358]
        ];
        let a_bar = mat![
            [0.160861679296452, 0.23937009149785432, 0.01337167858324166],
            [
                0.23937009149785432,
                -0.1889165066230952,
                0.15309497980016973
            ],
            [0.01337167858324166, 0.15309497980016973, 0.1744647885768733]
        ];
        let mean = of(&matrices, &[1.0, 2.0, 3.0]);
        assert!((mean.value() - value).norm_max() < 1e-14);
        let bar = mean.vjp(m_bar.as_ref()).unwrap();
        assert!((&bar.matrices[0] - a_bar).norm_max() < 4e-15);
        let weights = [0.6665973522245094, -1.7316112814837552, 0.9322084035810003];
        for (found, expected) in bar.weights.iter().zip(weights) {
            assert!((found - expected).abs() < 1e-14, "{found} {expected}");
        }
    }

    #[test]
    fn agrees_with_finite_differences() {
        let check = GradientCheck::default();
        for matrices in triples() {
            let rule = of(&matrices, &WEIGHTS);
            for which in 0..3 {
                let of_one = |a: MatRef<'_, f64>| {
                    let mut moved = matrices.clone();
                    moved[which] = sym(a);
                    let rule = KarcherMean::forward(&views(&moved), Some(&WEIGHTS))?;
                    Ok::<_, Error>(rule.value().to_owned())
                };
                let n = rule.value().nrows();
                let zero = Mat::<f64>::zeros(n, n);
                let bar = |bar: MatRef<'_, f64>| Ok(rule.vjp(bar)?.matrices.swap_remove(which));
                let dot = |dot: MatRef<'_, f64>| {
                    let mut dots = vec![zero.as_ref(); 3];
                    dots[which] = dot;
                    rule.jvp(Some(&dots), None)
                };
                check_vjp(of_one, bar, matrices[which].as_ref(), &check).unwrap();
                check_jvp(of_one, dot, matrices[which].as_ref(), &check).unwrap();
            }
            let of_weights = |w: MatRef<'_, f64>| {
                let weights: Vec<f64> = w.col(0).iter().copied().collect();
                let rule = KarcherMean::forward(&views(&matrices), Some(&weights))?;
                Ok::<_, Error>(rule.value().to_owned())
            };
            let bar = |bar: MatRef<'_, f64>| {
                let weights = rule.vjp(bar)?.weights;
                Ok(Mat::from_fn(3, 1, |i, _| weights[i]))
            };
            let dot = |dot: MatRef<'_, f64>| {
                let dots: Vec<f64> = dot.col(0).iter().copied().collect();
                rule.jvp(None, Some(&dots))
            };
            let weights = Mat::from_fn(3, 1, |i, _| WEIGHTS[i]);
            check_vjp(of_weights, bar, weights.as_ref(), &check).unwrap();
            check_jvp(of_weights, dot, weights.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn jvp_and_vjp_are_transposes() {
        for matrices in triples() {
            let rule = of(&matrices, &WEIGHTS);
            let n = rule.value().nrows();
            let dots: Vec<Mat<f64>> = (0..3).map(|seed| gaussian(n, n, seed)).collect();
            let weights_dot = [0.3, -1.0, 2.0];
            let m_bar = gaussian(n, n, 9);
            let bar = rule.vjp(m_bar.as_ref()).unwrap();
            let dot = rule.jvp(Some(&views(&dots)), Some(&weights_dot)).unwrap();
            let there = inner(m_bar.as_ref(), dot.as_ref());
            let of_matrices = bar.matrices.iter().zip(&dots);
            let back = of_matrices
                .map(|(bar, dot)| inner(bar.as_ref(), dot.as_ref()))
                .chain(bar.weights.iter().zip(weights_dot).map(|(x, y)| x * y))
                .sum::<f64>();
            assert!(
                (there - back).abs() < 1e-12 * (1.0 + there.abs()),
                "{there} {back}"
            );
        }
    }

    #[test]
    fn weights_count_by_their_ratios_and_zero_leaves_a_matrix_out() {
        let matrices: Vec<_> = triples().nth(1).unwrap();
        let plain = of(&matrices, &WEIGHTS);
        let large = of(&matrices, &WEIGHTS.map(|w| w * 8e307));
        assert!((plain.value() - large.value()).norm_max() < 1e-14);
        let without = of(&matrices, &[1.0, 2.0, 0.0]);
        let two = of(&matrices[..2], &[1.0, 2.0]);
        assert!((without.value() - two.value()).norm_max() < 1e-14);
        let bar = without.vjp(Mat::ones(3, 3).as_ref()).unwrap();
        assert_eq!(bar.matrices[2], Mat::<f64>::zeros(3, 3));
        assert!(bar.weights[2] != 0.0);
        // One matrix is its own mean.
        let one = of(&matrices[..1], &[3.0]);
        assert!((one.value() - &matrices[0]).norm_max() < 1e-14);
    }

    #[test]
    fn coordinates_and_inverses_commute_with_the_mean() {
        for matrices in triples() {
            let n = matrices[0].nrows();
            let mean = of(&matrices, &WEIGHTS);
            let x = gaussian(n, n, 8) + Scale(4.0) * Mat::<f64>::identity(n, n);
            let seen = |a: MatRef<'_, f64>| sym((&x * a * x.transpose()).as_ref());
            let moved: Vec<_> = matrices.iter().map(|a| seen(a.as_ref())).collect();
            let expected = seen(mean.value());
            let found = of(&moved, &WEIGHTS);
            assert!((found.value() - &expected).norm_max() < 1e-13 * expected.norm_max());
            let inverse = |a: MatRef<'_, f64>| {
                MatrixFunction::forward(a, Inverse)
                    .unwrap()
                    .value()
                    .to_owned()
            };
            let inverses: Vec<_> = matrices.iter().map(|a| inverse(a.as_ref())).collect();
            let found = of(&inverses, &WEIGHTS);
            assert!((found.value() - inverse(mean.value())).norm_max() < 1e-13);
        }
    }

    #[test]
    fn the_mean_of_two_is_their_geometric_mean() {
        // A # B = A^½ (A^−½ B A^−½)^½ A^½, the matrix with M A⁻¹ M = B.
        let spectra: [&[f64]; 2] = [&[1e-6, 1e-3, 1.0, 1.0, 10.0], &[1e-4, 0.1, 0.1, 5.0, 1e3]];
        let pair = spectra.map(|spectrum| symmetric_with_spectrum(spectrum, spectrum[0].to_bits()));
        let mean = of(&pair, &[1.0, 1.0]);
        let solved = SymmetricSolve::forward(pair[0].as_ref(), mean.value()).unwrap();
        let found = mean.value() * solved.solution();
        // Condition 10⁷ of A.
        assert!((found - &pair[1]).norm_max() < 1e-8 * pair[1].norm_max());
        assert!(mean.steps() <= 12, "{}", mean.steps());
        assert!(mean.residual() < 1e-10, "{:e}", mean.residual());
        // The distance to both is the same.
        let distance = |a: &Mat<f64>| {
            AffineInvariantDistance::forward(mean.value(), a.as_ref())
                .unwrap()
                .value()
        };
        assert!((distance(&pair[0]) - distance(&pair[1])).abs() < 1e-9);
    }

    #[test]
    fn sizes_far_apart_have_a_mean_between_them() {
        let matrices: Vec<_> = triples().nth(3).unwrap();
        let plain = of(&matrices, &WEIGHTS);
        let m_bar = gaussian(4, 4, 5);
        let expected = plain.vjp(m_bar.as_ref()).unwrap();
        for sizes in [
            [1e-150; 3],
            [1e150; 3],
            [1e150, 1e-150, 1.0],
            [1e-100, 1e40, 1e3],
        ] {
            let scaled: Vec<_> = matrices
                .iter()
                .zip(sizes)
                .map(|(a, s)| Scale(s) * a)
                .collect();
            let rule = of(&scaled, &WEIGHTS);
            let exponents = sizes.iter().zip(WEIGHTS).map(|(s, w)| w / 3.5 * s.log2());
            // In two factors, so that each is a number.
            let half = (0.5 * exponents.sum::<f64>()).exp2();
            let value = Scale(half.recip()) * (Scale(half.recip()) * rule.value());
            let error = (value - plain.value()).norm_max();
            // Of exponents near 350.
            assert!(error < 1e-11, "{sizes:?}: {error:e}");
            let m_bar = Scale(half.recip()) * (Scale(half.recip()) * &m_bar);
            let bar = rule.vjp(m_bar.as_ref()).unwrap();
            for ((found, size), expected) in bar.matrices.iter().zip(sizes).zip(&expected.matrices)
            {
                let error = (Scale(size) * found - expected).norm_max();
                assert!(error < 1e-11, "{sizes:?}: {error:e}");
            }
        }
    }

    #[test]
    fn nearly_singular_matrices_agree_with_fifty_digits() {
        // Conditions of 10⁹, in three directions.
        let d = 2f64.powi(-30);
        let matrices = [
            mat![[1.0, 0.5], [0.5, 0.25 + d]],
            mat![[d, 0.0], [0.0, 1.0]],
            mat![[4.0, -1.0], [-1.0, 0.25 + 4.0 * d]],
        ];
        // By mpmath.
        let value = mat![
            [0.0003686622100091823, -8.690560101511473e-05],
            [-8.690560101511473e-05, 3.280445594680732e-05]
        ];
        let bars = [
            mat![
                [-2579.6718989685355, 5159.343794502034],
                [5159.343794502034, -10318.687587907369]
            ],
            mat![
                [-18261.774520629166, 3.0255184055321634e-05],
                [3.0255184055321634e-05, -5.099129105457093e-06]
            ],
        ];
        let mean = of(&matrices, &[1.0, 2.0, 4.0]);
        let distance = AffineInvariantDistance::forward(mean.value(), value.as_ref()).unwrap();
        // Roots of relative conditions near 10⁵.
        assert!(distance.value() < 1e-9, "{:e}", distance.value());
        let bar = mean.vjp(mat![[1.0, 2.0], [2.0, -3.0]].as_ref()).unwrap();
        for (found, expected) in bar.matrices.iter().zip(&bars) {
            let error = (found - expected).norm_max() / expected.norm_max();
            assert!(error < 1e-9, "{error:e}");
        }
    }

    #[test]
    fn hard_means_are_found() {
        // Random axes, eigenvalues over eight decades, all weights.
        for (seed, count, n) in [(0, 2, 2), (10, 3, 6), (20, 8, 4), (30, 5, 12)] {
            let matrices: Vec<_> = (0..count)
                .map(|i| {
                    let spectrum: Vec<f64> = (0..n)
                        .map(|j| 10f64.powf(4.0 - 8.0 * ((3 * i + 5 * j) % n) as f64 / n as f64))
                        .collect();
                    symmetric_with_spectrum(&spectrum, seed + i as u64)
                })
                .collect();
            let mean = KarcherMean::forward(&views(&matrices), None).unwrap();
            // 16 n ε times roots of conditions up to 10⁸.
            assert!(mean.residual() < 1e-7, "{:e}", mean.residual());
            assert!(mean.steps() < 20, "{}", mean.steps());
        }
    }

    #[test]
    fn refuses_what_has_no_answer() {
        let one = Mat::<f64>::identity(2, 2);
        let forward = |matrices: &[Mat<f64>], weights: Option<&[f64]>| {
            KarcherMean::forward(&views(matrices), weights)
        };
        let two = [one.clone(), one.clone()];
        let rule = of(&two, &[1.0, 1.0]);
        let three = Mat::<f64>::zeros(3, 3);
        let hard = [
            mat![[9.0, 1.0], [1.0, 1.0]],
            mat![[1.0, -1.0], [-1.0, 7.0]],
            mat![[1.0, 0.0], [0.0, 30.0]],
        ];
        refused! {
            forward(&[], None) => Error::Empty { op: OP, rows: 0, columns: 0 },
            forward(&[Mat::zeros(2, 3)], None) => Error::NotSquare { .. },
            forward(&[one.clone(), Mat::identity(3, 3)], None) => Error::ShapeMismatch { .. },
            forward(&[mat![[f64::NAN]]], None) => Error::NotFinite { .. },
            forward(&[mat![[1.0, 2.0], [0.0, 1.0]]], None) => Error::NotSymmetric { .. },
            forward(&[mat![[1.0, 0.0], [0.0, 0.0]]], None) => Error::NotPositiveDefinite { index: 1, .. },
            forward(&two, Some(&[1.0])) => Error::ShapeMismatch { .. },
            forward(&two, Some(&[1.0, -1.0])) => Error::OutOfRange { value: -1.0, .. },
            forward(&two, Some(&[0.0, 0.0])) => Error::NotPositive { value: 0.0, .. },
            forward(&two, Some(&[0.0, f64::NAN])) => Error::NotFinite { .. },
            forward(&[mat![[1e-40, 0.0], [0.0, 1.0]], one.clone()], Some(&[0.0, 1.0]))
                => Error::RankDeficient { op: OP, index: 1, .. },
            KarcherMean::within(&views(&hard), None, 1)
                => Error::NotConverged { op: OP, iterations: 1, .. },
            rule.vjp(three.as_ref()) => Error::ShapeMismatch { .. },
            rule.jvp(Some(&[three.as_ref(), three.as_ref()]), None) => Error::ShapeMismatch { .. },
            rule.jvp(Some(&[one.as_ref()]), None) => Error::ShapeMismatch { .. },
            rule.jvp(None, Some(&[1.0])) => Error::ShapeMismatch { .. },
        }
    }
}
