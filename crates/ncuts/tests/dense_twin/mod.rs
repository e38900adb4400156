//! The same criterion with every n × n matrix formed: slow, short, and written from W down rather than from factors up.

use faer::{Mat, MatRef, Side};

/// J and its gradients, for one annotation.
pub struct DenseTwin {
    pub loss: f64,
    pub features_bar: Mat<f64>,
    pub lambda_bar: Mat<f64>,
}

/// The projector that stands for the affinity.
#[derive(Clone, Copy)]
pub enum DenseCriterion {
    /// Eigenvalues of the normalised affinity above this count.
    Hard(f64),
    /// N (N + εI)⁻¹.
    Regularised(f64),
    // Each test file compiles this module for itself, and the degenerate inputs are about ranges.
    #[allow(dead_code)]
    /// As many leading eigenvectors of N as there are segments, and no more than its eigenvalues above this.
    Eigenvectors(f64),
}

#[allow(clippy::too_many_lines)] // The same derivation in one piece, as on paper.
pub fn dense_twin(
    f: MatRef<'_, f64>,
    lambda: MatRef<'_, f64>,
    assignment: &[u32],
    criterion: DenseCriterion,
) -> DenseTwin {
    let n = f.nrows();
    let identity = Mat::<f64>::identity(n, n);
    let affinity = f * lambda * f.transpose();
    let w: Vec<f64> = (0..n).map(|i| affinity.row(i).iter().sum()).collect();
    let alive = |i: usize| w[i] > 1e-12 * w.iter().copied().fold(0.0, f64::max);
    let root = |i: usize| if alive(i) { w[i].sqrt() } else { 0.0 };
    let inverse_root = |i: usize| if alive(i) { w[i].sqrt().recip() } else { 0.0 };
    let normalised = Mat::from_fn(n, n, |i, j| {
        inverse_root(i) * affinity[(i, j)] * inverse_root(j)
    });

    let segments = *assignment.iter().max().unwrap() as usize + 1;
    let a = Mat::from_fn(n, segments, |i, c| {
        if assignment[i] as usize == c {
            root(i)
        } else {
            0.0
        }
    });
    let a_pinv = pseudo_inverse(&a);
    let target = &a * &a_pinv;

    // N̄ from P̄ = P − Π_A.
    let (projector, normalised_bar) = match criterion {
        DenseCriterion::Hard(floor) => {
            let eigen = normalised.self_adjoint_eigen(Side::Lower).unwrap();
            let values = eigen.S().column_vector();
            let of = |f: &dyn Fn(f64) -> f64| {
                let scaled = Mat::from_fn(n, n, |i, j| eigen.U()[(i, j)] * f(values[j]));
                scaled * eigen.U().transpose()
            };
            let projector = of(&|value| f64::from(value > floor));
            let pinv = of(&|value| if value > floor { value.recip() } else { 0.0 });
            let half = (&identity - &projector) * (&projector - &target) * pinv;
            let bar = &half + half.transpose();
            (projector, bar)
        }
        DenseCriterion::Regularised(epsilon) => {
            let shifted = &normalised + faer::Scale(epsilon) * &identity;
            let inverse = pseudo_inverse(&shifted);
            let projector = &normalised * &inverse;
            let bar = faer::Scale(epsilon) * &inverse * (&projector - &target) * &inverse;
            (projector, bar)
        }
        DenseCriterion::Eigenvectors(floor) => {
            let eigen = normalised.self_adjoint_eigen(Side::Lower).unwrap();
            let (values, u) = (eigen.S().column_vector(), eigen.U());
            let rank = (0..n).filter(|j| values[*j] > floor).count();
            let first = n - segments.min(rank);
            let leading = u.subcols(first, n - first);
            let projector = leading * leading.transpose();
            // N̄ = Σ (uⱼᵀ P̄ uᵢ) / (λᵢ − λⱼ) (uᵢ uⱼᵀ + uⱼ uᵢᵀ) over leading i and other j.
            let turned = u.transpose() * (&projector - &target) * u;
            let divided = Mat::from_fn(n, n, |i, j| {
                if (i < first) == (j < first) {
                    0.0
                } else {
                    turned[(i, j)] / (values[i] - values[j]).abs()
                }
            });
            let bar = u * divided * u.transpose();
            (projector, bar)
        }
    };
    let difference = &target - &projector;
    let a_bar = faer::Scale(2.0) * (&identity - &target) * &difference * a_pinv.transpose();

    let pulled = &normalised_bar * &normalised;
    let w_bar: Vec<f64> = (0..n)
        .map(|i| {
            if alive(i) {
                -pulled[(i, i)] / w[i] + 0.5 * a_bar[(i, assignment[i] as usize)] * inverse_root(i)
            } else {
                0.0
            }
        })
        .collect();
    let affinity_bar = Mat::from_fn(n, n, |i, j| {
        inverse_root(i) * normalised_bar[(i, j)] * inverse_root(j) + w_bar[i]
    });
    let both = &affinity_bar + affinity_bar.transpose();
    let lambda_bar = faer::Scale(0.5) * (f.transpose() * &both * f);
    DenseTwin {
        loss: 0.5 * difference.squared_norm_l2(),
        features_bar: both * f * lambda,
        lambda_bar,
    }
}

fn pseudo_inverse(a: &Mat<f64>) -> Mat<f64> {
    let svd = a.thin_svd().unwrap();
    let s = svd.S().column_vector();
    let largest = s.iter().copied().fold(0.0, f64::max);
    let scaled = Mat::from_fn(a.ncols(), s.nrows(), |i, j| {
        if s[j] > 1e-13 * largest {
            svd.V()[(i, j)] / s[j]
        } else {
            0.0
        }
    });
    scaled * svd.U().transpose()
}
