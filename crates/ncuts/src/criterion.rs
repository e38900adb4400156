//! How far the normalised affinity is from spanning the segments.

use crate::affinity::Affinity;
use crate::degree::Degrees;
use crate::error::{Error, Result};
use crate::similarity::normalised_features;
use crate::target::Targets;
use faer::{Mat, MatRef, Scale};
use matbackprop_core::{
    GapPolicy, LeadingProjector, Projector, RankTolerance, RegularisedProjector, Split,
    SymmetricProduct, inner_product,
};

/// The matrix that is compared with the projector Π_A onto the segments.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")
)]
#[non_exhaustive]
pub enum Criterion {
    /// J = ½ ‖Π_A − Π_Z‖²_F = ½ (rank A + rank Z) − tr(Π_A Π_Z), Π_Z the orthogonal projector onto the range of
    /// Z = D^{−½} F Λ^{½} at a stated rank tolerance. It cannot reach zero before the ranks agree.
    HardProjector {
        /// The singular values that count.
        rank_tolerance: RankTolerance,
    },
    /// J = ½ ‖Π_A − P‖²_F = ½ (rank A + ‖P‖²_F) − tr(Π_A P), P = N (N + εI)⁻¹ with the normalised affinity
    /// N = Z Zᵀ = D^{−½} W D^{−½}: smooth through changes of rank. The largest eigenvalue of N is 1, so ε is a
    /// fraction of it.
    Regularised {
        /// ε > 0.
        epsilon: f64,
    },
    /// J = ½ ‖Π_A − U_k U_kᵀ‖²_F = ½ (k + rank U_k) − tr(Π_A U_k U_kᵀ), U_k the k leading eigenvectors of the normalised
    /// affinity N = Z Zᵀ, k = rank A of each annotation by itself: the criterion of Bach and Jordan, kept for comparison.
    /// It sees a k-th of the spectrum at a time, and jumps where the k-th and the next eigenvalue of N change places;
    /// the policy decides on the gradient there. With [`GapPolicy::Broadened`] it is finite everywhere.
    Eigenvectors {
        /// Gaps of eigenvalues, relative to the largest.
        gaps: GapPolicy,
    },
}

impl Default for Criterion {
    /// `Regularised` with ε = 10⁻⁴.
    fn default() -> Self {
        Self::Regularised { epsilon: 1e-4 }
    }
}

/// J as the mean over m annotations, with what the way back needs.
///
/// ```text
/// forward   T = P Q,  J = ½ (K/m + ‖P‖²_F) − ⟨Q, T⟩ / m             Q: the m bases side by side, K columns
/// vjp       P̄ = −Q Qᵀ J̄/m,  q̄ = ½ J̄,  Q̄ = −2 T J̄/m
///           Λ̄ = Eᵀ (P − Q Qᵀ/m) E J̄/ε,  E = (I − P) X               regularised, from dP = (I − P) dN (I − P)/ε
///           Λ̄ = sym((I − V₁V₁ᵀ) Xᵀ Z̄ L⁺)                            hard, along changes of Λ that keep its rank
///           Λ̄ = Xᵀ N̄ X                                             eigenvectors; hard, where the tolerance drops more than rounding
/// ```
///
/// where P is Π_Z for the hard criterion, and for eigenvectors a U_k U_kᵀ of each annotation's own k, and ‖Π_Z‖² = rank Z, which has no derivative. Hard Λ̄ is zero in the block of
/// Λ̇ that would raise the rank, along which Π_Z jumps, and zero altogether for an invertible Λ.
#[derive(Clone, Debug)]
pub(crate) struct CriterionForward {
    pub(crate) projector: SimilarityProjector,
    /// T, n × K.
    projected: Mat<f64>,
    pub(crate) annotations: f64,
    similarity_rank: usize,
    alignment: f64,
    loss: f64,
}

#[derive(Clone, Debug)]
pub(crate) enum SimilarityProjector {
    /// With the parts of Q inside its range and beside it.
    Hard(Projector, Split),
    /// With ε, and the same parts.
    Regularised(RegularisedProjector, f64, Split),
    /// One for each annotation.
    Leading(Vec<LeadingProjector>),
}

impl CriterionForward {
    /// Compares the range of Z with the targets.
    pub(crate) fn forward(
        criterion: Criterion,
        factor: MatRef<'_, f64>,
        targets: &Targets,
    ) -> Result<Self> {
        let q = targets.basis();
        let (projector, rank, squared_norm, projected) = match criterion {
            Criterion::HardProjector { rank_tolerance } => {
                let projector = Projector::forward(factor, rank_tolerance)?;
                let (rank, split) = (projector.rank(), projector.split(q)?);
                let projected = q - split.outside();
                let projector = if truncates(&projector, factor)? {
                    // Dropped vectors still rotate the kept ones, and Λ rotates both.
                    let gaps = GapPolicy::default();
                    let leading = LeadingProjector::forward(factor, rank, gaps)?;
                    SimilarityProjector::Leading(vec![leading; targets.ranks().len()])
                } else {
                    SimilarityProjector::Hard(projector, split)
                };
                (projector, rank, rank as f64, projected)
            }
            Criterion::Regularised { epsilon } => {
                let projector = RegularisedProjector::forward(factor, epsilon)?;
                let rank = projector.rank(RankTolerance::default())?;
                let split = projector.split(q)?;
                let projected = q - split.outside();
                let squared_norm = projector.squared_norm();
                (
                    SimilarityProjector::Regularised(projector, epsilon, split),
                    rank,
                    squared_norm,
                    projected,
                )
            }
            Criterion::Eigenvectors { gaps } => {
                let whole = LeadingProjector::forward(factor, 0, gaps)?;
                let own = |segments: &usize| whole.with_count(*segments);
                let projectors: Vec<_> = targets.ranks().iter().map(own).collect();
                let mut projected = Mat::zeros(q.nrows(), q.ncols());
                let mut count = 0;
                for (projector, columns) in projectors.iter().zip(targets.columns()) {
                    let own = q.subcols(columns.start, columns.len());
                    let mut out = projected.as_mut();
                    out.as_mut()
                        .subcols_mut(columns.start, columns.len())
                        .copy_from(projector.project(own)?);
                    count += projector.count();
                }
                let squared_norm = count as f64 / projectors.len() as f64;
                (
                    SimilarityProjector::Leading(projectors),
                    whole.rank(),
                    squared_norm,
                    projected,
                )
            }
        };
        let annotations = targets.ranks().len() as f64;
        let alignment = inner_product(q, projected.as_ref())? / annotations;
        let loss = 0.5 * (q.ncols() as f64 / annotations + squared_norm) - alignment;
        Ok(Self {
            projector,
            projected,
            annotations,
            similarity_rank: rank,
            alignment,
            loss,
        })
    }

    /// J.
    pub(crate) fn loss(&self) -> f64 {
        self.loss
    }

    /// tr(Π_A P), the mean over annotations.
    pub(crate) fn alignment(&self) -> f64 {
        self.alignment
    }

    /// Singular values of Z, nonincreasing.
    pub(crate) fn singular_values(&self) -> &[f64] {
        match &self.projector {
            SimilarityProjector::Hard(projector, _) => projector.singular_values(),
            SimilarityProjector::Regularised(projector, _, _) => projector.singular_values(),
            SimilarityProjector::Leading(projectors) => projectors[0].singular_values(),
        }
    }

    /// The rank of Z, at the tolerance of the hard criterion or the default one.
    pub(crate) fn similarity_rank(&self) -> usize {
        self.similarity_rank
    }

    /// Z̄ and Q̄ from J̄.
    pub(crate) fn vjp(&self, targets: &Targets, loss_bar: f64) -> Result<(Mat<f64>, Mat<f64>)> {
        let share = loss_bar / self.annotations;
        let q = targets.basis();
        let factor_bar = match &self.projector {
            SimilarityProjector::Hard(projector, split) => projector.vjp_split(-share, split)?,
            SimilarityProjector::Regularised(projector, _, split) => {
                projector.vjp_split(-share, split, 0.5 * loss_bar)?
            }
            SimilarityProjector::Leading(projectors) => {
                let pulled = Scale(-share) * q;
                let mut sum: Option<Mat<f64>> = None;
                for (projector, columns) in projectors.iter().zip(targets.columns()) {
                    let [own, pulled] =
                        [q, pulled.as_ref()].map(|m| m.subcols(columns.start, columns.len()));
                    let bar = projector.vjp_factored(pulled, own)?;
                    sum = Some(match sum {
                        Some(sum) => sum + bar,
                        None => bar,
                    });
                }
                // There is an annotation: the targets have refused none.
                sum.ok_or(Error::NoIndicators)?
            }
        };
        Ok((factor_bar, Scale(-2.0 * share) * &self.projected))
    }

    /// The part of Λ̄ that does not go through the degrees, from J̄ and Z̄; `None` without Λ.
    pub(crate) fn lambda_vjp(
        &self,
        affinity: &Affinity,
        degrees: &Degrees,
        targets: &Targets,
        factor_bar: MatRef<'_, f64>,
        loss_bar: f64,
    ) -> Result<Option<Mat<f64>>> {
        let Some(lambda) = affinity.lambda_root() else {
            return Ok(None);
        };
        let x = normalised_features(affinity, degrees);
        let bar = match &self.projector {
            SimilarityProjector::Hard(..) => {
                let pulled = x.transpose() * factor_bar;
                let free = &pulled - &lambda.range * (lambda.range.transpose() * &pulled);
                free * &lambda.inverse
            }
            SimilarityProjector::Regularised(projector, epsilon, _) => {
                let outside = &x - projector.project(x.as_ref())?;
                let aligned = outside.transpose() * targets.basis();
                let spread = outside.transpose() * projector.project(outside.as_ref())?;
                Scale(loss_bar / epsilon)
                    * (spread - Scale(self.annotations.recip()) * &aligned * aligned.transpose())
            }
            SimilarityProjector::Leading(projectors) => {
                let mut sum = Mat::zeros(x.ncols(), x.ncols());
                for (projector, columns) in projectors.iter().zip(targets.columns()) {
                    let own = targets.basis().subcols(columns.start, columns.len());
                    let pulled = Scale(-loss_bar / self.annotations) * own;
                    let square = projector.square_vjp_factored(pulled.as_ref(), own)?;
                    sum += within(&square, x.as_ref());
                }
                sum
            }
        };
        Ok(Some(Scale(0.5) * (&bar + bar.transpose())))
    }

    /// The part of J̇ that Λ̇ brings other than through the degrees.
    ///
    /// J is one number, so its derivative along Λ̇ is ⟨Λ̄, Λ̇⟩ at J̄ = 1.
    pub(crate) fn lambda_jvp(
        &self,
        affinity: &Affinity,
        degrees: &Degrees,
        targets: &Targets,
        lambda_dot: &Mat<f64>,
    ) -> Result<f64> {
        let (factor_bar, _) = self.vjp(targets, 1.0)?;
        let bar = self.lambda_vjp(affinity, degrees, targets, factor_bar.as_ref(), 1.0)?;
        match bar {
            Some(bar) => Ok(inner_product(bar.as_ref(), lambda_dot.as_ref())?),
            None => Ok(0.0),
        }
    }

    /// J̇ from Ż and Q̇.
    pub(crate) fn jvp(
        &self,
        targets: &Targets,
        factor_dot: MatRef<'_, f64>,
        basis_dot: &Mat<f64>,
    ) -> Result<f64> {
        let turning = 2.0 * inner_product(self.projected.as_ref(), basis_dot.as_ref())?;
        let (projector_dot, squared_norm_dot) = match &self.projector {
            SimilarityProjector::Leading(projectors) => {
                let mut alignment_dot = turning;
                for (projector, columns) in projectors.iter().zip(targets.columns()) {
                    let own = targets.basis().subcols(columns.start, columns.len());
                    alignment_dot += projector.jvp(factor_dot)?.quadratic_form(own)?;
                }
                return Ok(-alignment_dot / self.annotations);
            }
            SimilarityProjector::Hard(projector, _) => (projector.jvp(factor_dot)?, 0.0),
            SimilarityProjector::Regularised(projector, _, _) => (
                projector.jvp(factor_dot)?,
                projector.squared_norm_jvp(factor_dot)?,
            ),
        };
        let alignment_dot = projector_dot.quadratic_form(targets.basis())? + turning;
        Ok(0.5 * squared_norm_dot - alignment_dot / self.annotations)
    }
}

/// Does the tolerance of this projector drop more than rounding?
fn truncates(projector: &Projector, factor: MatRef<'_, f64>) -> Result<bool> {
    let fraction = RankTolerance::default().fraction(factor.nrows(), factor.ncols())?;
    let values = projector.singular_values();
    let first_dropped = values.get(projector.rank()).copied().unwrap_or(0.0);
    Ok(first_dropped > fraction * values[0])
}

/// Xᵀ S X for S = sym(L Rᵀ), up to its symmetric part.
pub(crate) fn within(square: &SymmetricProduct, x: MatRef<'_, f64>) -> Mat<f64> {
    (x.transpose() * square.left()) * (square.right().transpose() * x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicator::Indicator;
    use faer::mat;

    const HARD: Criterion = Criterion::HardProjector {
        rank_tolerance: RankTolerance::MachinePrecision,
    };

    fn targets(assignment: &[u32]) -> Targets {
        let n = assignment.len();
        let affinity = Affinity::forward(Mat::from_fn(n, 1, |_, _| 1.0).as_ref(), None).unwrap();
        let degrees = Degrees::forward(&affinity).unwrap();
        let indicator = Indicator::from_assignment(assignment.to_vec(), 2).unwrap();
        Targets::forward(&degrees, &[indicator]).unwrap()
    }

    #[test]
    fn orthogonal_and_equal_spans_by_hand() {
        let targets = targets(&[0, 0, 1, 1]);
        // One direction inside the span of (1, 1, 0, 0) and (0, 0, 1, 1), one outside: J = ½ (2 + 2) − 1.
        let factor = mat![[1.0, 1.0], [1.0, -1.0], [0.0, 0.0], [0.0, 0.0]];
        let hard = CriterionForward::forward(HARD, factor.as_ref(), &targets).unwrap();
        assert!((hard.loss() - 1.0).abs() < 1e-15 && (hard.alignment() - 1.0).abs() < 1e-15);
        // σ² = 2 and ε = 2: p = ½ twice, J = ½ (2 + ½) − ½.
        let criterion = Criterion::Regularised { epsilon: 2.0 };
        let smooth = CriterionForward::forward(criterion, factor.as_ref(), &targets).unwrap();
        assert!((smooth.loss() - 0.75).abs() < 1e-15 && (smooth.alignment() - 0.5).abs() < 1e-15);

        let same = mat![[1.0, 2.0], [1.0, 2.0], [3.0, 1.0], [3.0, 1.0]];
        let hard = CriterionForward::forward(HARD, same.as_ref(), &targets).unwrap();
        assert!(hard.loss().abs() < 1e-14, "{:e}", hard.loss());
        let (factor_bar, _) = hard.vjp(&targets, 1.0).unwrap();
        assert!(factor_bar.norm_max() < 1e-14);
    }

    #[test]
    fn eigenvectors_see_as_many_as_there_are_segments() {
        let targets = targets(&[0, 0, 1, 1]);
        // σ = 2√2, √2 and 1: the two leading vectors are those of `orthogonal_and_equal_spans_by_hand`, the third is not seen.
        let factor = mat![
            [2.0, 1.0, 0.0],
            [2.0, -1.0, 0.0],
            [0.0, 0.0, 1.0],
            [0.0, 0.0, 0.0]
        ];
        let criterion = Criterion::Eigenvectors {
            gaps: GapPolicy::default(),
        };
        let forward = CriterionForward::forward(criterion, factor.as_ref(), &targets).unwrap();
        assert!((forward.loss() - 1.0).abs() < 1e-15 && (forward.alignment() - 1.0).abs() < 1e-15);
        assert_eq!(forward.similarity_rank(), 3);
    }

    #[test]
    fn equal_eigenvalues_at_the_border_are_left_to_the_policy() {
        let targets = targets(&[0, 0, 1, 1]);
        // σ = 2, 1, 1: the second of the two leading vectors may be either.
        let root = 0.5_f64.sqrt();
        let factor = mat![
            [2.0 * root, root, 0.0],
            [2.0 * root, -root, 0.0],
            [0.0, 0.0, 0.8],
            [0.0, 0.0, 0.6]
        ];
        let bar = |gaps| {
            let criterion = Criterion::Eigenvectors { gaps };
            let forward = CriterionForward::forward(criterion, factor.as_ref(), &targets).unwrap();
            assert!(forward.loss().is_finite());
            forward.vjp(&targets, 1.0)
        };
        assert!(bar(GapPolicy::Error { floor: 1e-9 }).is_err());
        let (bar, _) = bar(GapPolicy::Broadened { width: 1e-3 }).unwrap();
        assert!(bar.is_all_finite() && bar.norm_max() < 1e3);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn names_in_files_are_in_kebab_case() {
        let criteria = [
            (
                Criterion::default(),
                r#"{"regularised":{"epsilon":0.0001}}"#,
            ),
            (
                HARD,
                r#"{"hard-projector":{"rank-tolerance":"machine-precision"}}"#,
            ),
            (
                Criterion::Eigenvectors {
                    gaps: GapPolicy::Broadened { width: 0.5 },
                },
                r#"{"eigenvectors":{"gaps":{"broadened":{"width":0.5}}}}"#,
            ),
        ];
        for (criterion, text) in criteria {
            assert_eq!(serde_json::to_string(&criterion).unwrap(), text);
            assert_eq!(serde_json::from_str::<Criterion>(text).unwrap(), criterion);
        }
    }

    #[test]
    fn the_projectors_errors_come_through() {
        let targets = targets(&[0, 1]);
        let factor = mat![[1.0], [1.0]];
        let criterion = Criterion::Regularised { epsilon: 0.0 };
        assert!(matches!(
            CriterionForward::forward(criterion, factor.as_ref(), &targets),
            Err(Error::Rule(_))
        ));
        let criterion = Criterion::HardProjector {
            rank_tolerance: RankTolerance::Relative(-1.0),
        };
        assert!(matches!(
            CriterionForward::forward(criterion, factor.as_ref(), &targets),
            Err(Error::Rule(_))
        ));
    }
}
