//! The layer: from features and annotations to one number, and back.

use crate::affinity::{Affinity, NcutsCotangents, Tangents, within_range};
use crate::criterion::{Criterion, CriterionForward};
use crate::criterion_second::Motion;
use crate::degree::Degrees;
use crate::error::Result;
use crate::indicator::Indicator;
use crate::similarity;
use crate::target::Targets;
use faer::{Mat, MatRef, Scale};
use matbackprop_core::{ensure_finite_values, power_of_two_scale};

const OP: &str = "normalised cuts";

/// Normalised cuts as a criterion on features: J compares the range of D^{−½} W D^{−½}, W = F Λ Fᵀ, with the segments.
///
/// ```text
/// forward   w = W 1,  Z = D^{−½} F Λ^{½},  A = D^{½} E,  J = ½ ‖Π_A − P_Z‖²_F
/// vjp       Z̄, Ā → w̄ → F̄ = D^{−½} Z̄ Λ^{½} + w̄ (Λ s)ᵀ + 1 (Λ Fᵀ w̄)ᵀ,  Λ̄ = sym((Fᵀ w̄) sᵀ) + what Z̄ adds,  s = Fᵀ 1
/// ```
///
/// P_Z is the orthogonal projector onto the range of Z, or its regularised form: see [`Criterion`].
///
/// # Shapes
/// F, F̄: n × d, a row a pixel, a column a feature; Λ, Λ̄: d × d, symmetric; E: n × k, an [`Indicator`] an annotation.
///
/// # Conventions
/// With several annotations J is the mean of theirs. Features are meant to be ≥ 0 (after a ReLU); it is enough
/// that no degree is negative. J depends on neither the size of F nor that of Λ. Every finite input has a finite
/// outcome:
///
/// | input | outcome |
/// |---|---|
/// | dead, duplicate or dependent features | the rank drops, nothing else; reported by `similarity_rank` |
/// | Λ positive semidefinite, of any rank | the range is taken with Λ^{½} |
/// | Λ indefinite | `LambdaIndefinite` |
/// | an all-zero pixel row | the pixel is left out, counted by `isolated_pixels` |
/// | all rows zero, or a negative degree | `DegreeNotPositive` |
/// | an empty segment | it has no column in A; `target_ranks` counts those that have |
///
/// # Errors
/// [`Error::Rule`](crate::Error::Rule) for empty, misshapen or non-finite inputs, ε ≤ 0, a rank tolerance outside
/// [0, 1); [`LambdaIndefinite`](crate::Error::LambdaIndefinite),
/// [`DegreeNotPositive`](crate::Error::DegreeNotPositive), [`NoIndicators`](crate::Error::NoIndicators),
/// [`IndicatorLength`](crate::Error::IndicatorLength).
///
/// # Cost
/// O(n d² + n k d) time, O(n (d + k)) memory: n × n is never formed.
///
/// # Source
/// Ionescu, Vantzos, Sminchisescu, "Training Deep Networks with Structured Layers by Matrix Backpropagation",
/// arXiv 1509.07838, section on normalised cuts. The low-rank form, Λ of any rank, the rank tolerance, isolated pixels
/// and the regularised criterion are ours.
///
/// # Example
/// ```
/// # fn main() -> Result<(), ncuts::Error> {
/// use ncuts::{Criterion, Indicator, NcutsLayer};
///
/// // Four pixels, two features; the annotation joins the first two and the last two.
/// let features = faer::mat![[1.0, 0.1], [0.9, 0.2], [0.2, 1.0], [0.1, 0.8]];
/// let indicator = Indicator::from_assignment(vec![0, 0, 1, 1], 2)?;
/// let layer = NcutsLayer::new(Criterion::default());
/// let forward = layer.forward(features.as_ref(), None, &[indicator.clone()])?;
/// let gradient = forward.vjp(1.0)?.features;
/// let step = &features - faer::Scale(0.1) * &gradient;
/// assert!(layer.forward(step.as_ref(), None, &[indicator])?.loss() < forward.loss());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NcutsLayer {
    criterion: Criterion,
}

impl NcutsLayer {
    /// A layer with this criterion.
    pub fn new(criterion: Criterion) -> Self {
        Self { criterion }
    }

    /// The criterion of this layer.
    pub fn criterion(&self) -> Criterion {
        self.criterion
    }

    /// J for features F, Λ (the identity where `None`) and one or more annotations of the same image.
    ///
    /// # Errors
    /// See [`NcutsLayer`].
    pub fn forward(
        &self,
        features: MatRef<'_, f64>,
        lambda: Option<MatRef<'_, f64>>,
        indicators: &[Indicator],
    ) -> Result<NcutsForward> {
        let affinity = Affinity::forward(features, lambda)?;
        let degrees = Degrees::forward(&affinity)?;
        let targets = Targets::forward(&degrees, indicators)?;
        let factor = similarity::forward(&affinity, &degrees);
        let criterion = CriterionForward::forward(self.criterion, factor.as_ref(), &targets)?;
        Ok(NcutsForward {
            affinity,
            degrees,
            targets,
            criterion,
        })
    }
}

/// J, with what the way back needs.
#[derive(Clone, Debug)]
pub struct NcutsForward {
    affinity: Affinity,
    degrees: Degrees,
    targets: Targets,
    criterion: CriterionForward,
}

/// The result of [`NcutsForward::vjp_of_vjp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NcutsSecond {
    /// The cotangent of J̄: the derivative of J along Y and M.
    pub loss_bar_bar: f64,
    /// The cotangent of F, n × d: J̄ times the rows of the Hessian of J for F, times (Y, M).
    pub features: Mat<f64>,
    /// The cotangent of Λ, d × d, symmetric, where Λ was given: J̄ times the rows for Λ, times (Y, M).
    pub lambda: Option<Mat<f64>>,
}

impl NcutsForward {
    /// J, the mean over the annotations.
    pub fn loss(&self) -> f64 {
        self.criterion.loss()
    }

    /// tr(Π_A P_Z), the mean over the annotations: J without its constants, between 0 and the number of segments.
    pub fn alignment(&self) -> f64 {
        self.criterion.alignment()
    }

    /// rank Z: at the tolerance of the hard criterion, or at [`RankTolerance::default`](matbackprop_core::RankTolerance) for the regularised one.
    ///
    /// From ZᵀZ no singular value below √(2⁻⁵² d) of the largest is seen.
    pub fn similarity_rank(&self) -> usize {
        self.criterion.similarity_rank()
    }

    /// All min(n, rank Λ) singular values of Z, nonincreasing; the first is 1.
    pub fn spectrum(&self) -> &[f64] {
        self.criterion.singular_values()
    }

    /// rank A of each annotation: its segments with volume.
    pub fn target_ranks(&self) -> &[usize] {
        self.targets.ranks()
    }

    /// Pixels without similarity to any, left out of J.
    pub fn isolated_pixels(&self) -> usize {
        self.degrees.isolated()
    }

    /// F̄ and, where Λ was given, Λ̄.
    ///
    /// # Errors
    /// [`Error::Rule`](crate::Error::Rule) when `loss_bar` is not finite, and where a cotangent is beyond the numbers,
    /// as at subnormal features.
    pub fn vjp(&self, loss_bar: f64) -> Result<NcutsCotangents> {
        ensure_finite_values(OP, &[loss_bar])?;
        // The way back is linear: a cotangent near the ends of the numbers is brought to order one, and back at the end.
        let unit = power_of_two_scale(faer::mat![[loss_bar]].as_ref());
        let loss_bar = loss_bar / unit;
        let Self {
            affinity,
            degrees,
            targets,
            criterion,
        } = self;
        let (factor_bar, basis_bar) = criterion.vjp(targets, loss_bar)?;
        let direct =
            criterion.lambda_vjp(affinity, degrees, targets, factor_bar.as_ref(), loss_bar)?;
        let (mut features_bar, mut degrees_bar) = similarity::vjp(affinity, degrees, factor_bar);
        targets.vjp(degrees, basis_bar.as_ref(), &mut degrees_bar);
        let through_degrees = degrees.vjp(affinity, &degrees_bar, &mut features_bar);
        let lambda_bar = direct.map(|direct| direct + through_degrees);
        affinity.cotangents(features_bar, lambda_bar, unit)
    }

    /// J̇ from Ḟ and Λ̇; `None` is a zero.
    ///
    /// # Errors
    /// [`Error::Rule`](crate::Error::Rule) when a tangent does not fit or is not finite, and where J̇ is beyond the
    /// numbers.
    pub fn jvp(
        &self,
        features_dot: MatRef<'_, f64>,
        lambda_dot: Option<MatRef<'_, f64>>,
    ) -> Result<f64> {
        let Self {
            affinity,
            degrees,
            targets,
            criterion,
        } = self;
        let Tangents {
            features: features_dot,
            lambda: lambda_dot,
            exponent,
        } = affinity.tangents(features_dot, lambda_dot)?;
        let degrees_dot = degrees.jvp(affinity, &features_dot, lambda_dot.as_ref());
        let basis_dot = targets.jvp(degrees, &degrees_dot);
        let factor_dot = similarity::jvp(affinity, degrees, &features_dot, &degrees_dot);
        let mut loss_dot = criterion.jvp(targets, factor_dot.as_ref(), &basis_dot)?;
        if let Some(lambda_dot) = &lambda_dot {
            loss_dot += criterion.lambda_jvp(affinity, degrees, targets, lambda_dot)?;
        }
        // In two steps, as 2^exponent alone may be out of range.
        loss_dot *= 2f64.powi(exponent / 2);
        loss_dot *= 2f64.powi(exponent - exponent / 2);
        if loss_dot.is_finite() {
            Ok(loss_dot)
        } else {
            Err(matbackprop_core::Error::Overflow { op: OP }.into())
        }
    }

    /// The way back through (F̄, Λ̄) = `vjp(J̄)`: from cotangents Y of F̄ and M of Λ̄ to those of J̄, F and Λ; `None` is a zero.
    ///
    /// `features` and `lambda` are the product of the Hessian of J in F and Λ with (Y, M); with Y = 2 F̄ and M = 2 Λ̄ they
    /// are the gradient of ‖F̄‖²_F + ‖Λ̄‖²_F, a gradient penalty.
    ///
    /// # Conventions
    /// Of the hard criterion where Z or Λ has lost rank, the derivative of ⟨Y, F̄⟩ + ⟨M, Λ̄⟩ along the perturbations that
    /// keep the rank: J jumps along any other. Where Λ and F have both lost rank, M counts where it keeps that of Z. Gaps
    /// of leading eigenvectors are to be open; with Λ, kept singular values σ of Z have a relative error of about
    /// 2⁻⁵² / σ⁴ there, as N = Z Zᵀ is differentiated.
    ///
    /// # Errors
    /// [`Error::Rule`](crate::Error::Rule) when `loss_bar` is not finite, Y or M does not fit or is not finite, where a
    /// result is beyond the numbers, and, [`CurvatureUnknown`](matbackprop_core::Error::CurvatureUnknown), for leading
    /// eigenvectors with broadened gaps.
    ///
    /// # Cost
    /// O(n d² + n K d) time, K the segments of all annotations; no n × n matrix is formed.
    ///
    /// # Example
    /// ```
    /// # fn main() -> Result<(), ncuts::Error> {
    /// use ncuts::{Indicator, NcutsLayer};
    ///
    /// let features = faer::mat![[1.0, 0.1], [0.9, 0.2], [0.2, 1.0], [0.1, 0.8]];
    /// let indicator = Indicator::from_assignment(vec![0, 0, 1, 1], 2)?;
    /// let forward = NcutsLayer::default().forward(features.as_ref(), None, &[indicator])?;
    /// // J does not depend on the size of F: along F itself its gradient turns into its negative.
    /// let along = forward.vjp_of_vjp(1.0, features.as_ref(), None)?;
    /// let gradient = forward.vjp(1.0)?.features;
    /// assert!((along.features + gradient).norm_max() < 1e-9);
    /// # Ok(())
    /// # }
    /// ```
    pub fn vjp_of_vjp(
        &self,
        loss_bar: f64,
        features_bar_bar: MatRef<'_, f64>,
        lambda_bar_bar: Option<MatRef<'_, f64>>,
    ) -> Result<NcutsSecond> {
        ensure_finite_values(OP, &[loss_bar])?;
        let loss_bar_bar = self.jvp(features_bar_bar, lambda_bar_bar)?;
        let unit = power_of_two_scale(faer::mat![[loss_bar]].as_ref());
        let loss_bar = loss_bar / unit;
        let Self {
            affinity,
            degrees,
            targets,
            criterion,
        } = self;
        let Tangents {
            features: y,
            lambda: m,
            exponent,
        } = affinity.tangents(features_bar_bar, lambda_bar_bar)?;
        // The way there, whose steps are walked back one by one: Z̄, Q̄ and w̄, and what Y and M make of w, Q and X.
        let (factor_bar, basis_bar) = criterion.vjp(targets, loss_bar)?;
        let (_, mut degrees_bar) = similarity::vjp(affinity, degrees, factor_bar.clone());
        targets.vjp(degrees, basis_bar.as_ref(), &mut degrees_bar);
        let degrees_dot = degrees.jvp(affinity, &y, m.as_ref());
        let motion = Motion {
            normalised: similarity::normalised_jvp(affinity, degrees, &y, &degrees_dot),
            basis: targets.jvp(degrees, &degrees_dot),
            lambda: m,
        };

        let second = criterion.second((affinity, degrees, targets), loss_bar, &motion)?;
        let (mut features, mut degrees_second) =
            similarity::second(affinity, degrees, &factor_bar, &y, &degrees_dot);
        let m = motion.lambda.as_ref();
        let mut lambda = degrees.second(affinity, &degrees_bar, &y, m, &mut features);
        targets.second(
            degrees,
            basis_bar.as_ref(),
            &degrees_dot,
            &mut degrees_second,
        );
        targets.vjp(degrees, second.basis.as_ref(), &mut degrees_second);
        let (through_factor, through_roots) =
            similarity::normalised_vjp(affinity, degrees, second.normalised);
        features += through_factor;
        for (sum, bar) in degrees_second.iter_mut().zip(through_roots) {
            *sum += bar;
        }
        lambda += degrees.vjp(affinity, &degrees_second, &mut features);
        let lambda = second
            .lambda
            .map(|direct| lambda + Scale(0.5) * (&direct + direct.transpose()));
        let NcutsCotangents { features, lambda } = affinity.cotangents(features, lambda, unit)?;
        Ok(NcutsSecond {
            loss_bar_bar,
            features: times_power_of_two(features, exponent)?,
            lambda: lambda
                .map(|lambda| times_power_of_two(lambda, exponent))
                .transpose()?,
        })
    }
}

/// X times 2^`exponent`, if that is finite.
fn times_power_of_two(x: Mat<f64>, exponent: i32) -> Result<Mat<f64>> {
    // In two steps, as 2^exponent alone may be out of range.
    let (half, rest) = (exponent / 2, exponent - exponent / 2);
    let x = Scale(2f64.powi(half)) * x;
    within_range(OP, Scale(2f64.powi(rest)) * x)
}
