//! The layer against the dense n × n way, and against finite differences.

mod dense_twin;
mod inputs;

use dense_twin::{DenseCriterion, dense_twin};
use faer::{Mat, MatRef, Scale, mat};
use inputs::{blocks, definite_lambda, relu_features};
use matbackprop_core::gradcheck::{GradientCheck, check_jvp, check_vjp, gaussian};
use matbackprop_core::{GapPolicy, RankTolerance};
use ncuts::{Criterion, Error, Indicator, NcutsLayer};

const HARD: Criterion = Criterion::HardProjector {
    rank_tolerance: RankTolerance::MachinePrecision,
};
const CRITERIA: [(Criterion, DenseCriterion); 4] = [
    (HARD, DenseCriterion::Hard(1e-10)),
    (
        Criterion::Regularised { epsilon: 1e-4 },
        DenseCriterion::Regularised(1e-4),
    ),
    // The method by singular values.
    (
        Criterion::Regularised { epsilon: 1e-6 },
        DenseCriterion::Regularised(1e-6),
    ),
    (
        Criterion::Eigenvectors {
            gaps: GapPolicy::Error { floor: 1e-12 },
        },
        DenseCriterion::Eigenvectors(1e-10),
    ),
];

fn indicator(assignment: &[u32]) -> Indicator {
    let segments = assignment.iter().max().map_or(0, |&last| last as usize + 1);
    Indicator::from_assignment(assignment.to_vec(), segments).unwrap()
}

fn relative(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    (a - b).norm_l2() / b.norm_l2()
}

#[test]
fn value_and_gradients_equal_the_dense_ones() {
    for (n, d, k) in [(40, 7, 4), (40, 16, 9), (33, 1, 2), (12, 20, 3)] {
        let f = relu_features(n, d, 1);
        let assignment = blocks(n, k);
        let identity = Mat::identity(d, d);
        let definite = definite_lambda(d, d + 4, 2);
        for (criterion, dense) in CRITERIA {
            for lambda in [None, Some(definite.as_ref())] {
                let layer = NcutsLayer::new(criterion);
                let forward = layer
                    .forward(f.as_ref(), lambda, &[indicator(&assignment)])
                    .unwrap();
                let twin = dense_twin(
                    f.as_ref(),
                    lambda.unwrap_or(identity.as_ref()),
                    &assignment,
                    dense,
                );
                let case = format!("{n} × {d}, {criterion:?}, Λ {}", lambda.is_some());
                assert!(
                    (forward.loss() - twin.loss).abs() < 1e-9,
                    "{case}: {} {}",
                    forward.loss(),
                    twin.loss
                );
                let bar = forward.vjp(1.0).unwrap();
                // The twin loses digits like 1/ε and cond(N).
                let error = (&bar.features - &twin.features_bar).norm_l2()
                    / twin.features_bar.norm_l2().max(1e-3);
                assert!(error < 1e-6, "{case}: F̄ off by {error:e}");
                assert_eq!(bar.lambda.is_some(), lambda.is_some());
                if let Some(lambda_bar) = bar.lambda {
                    let error = (&lambda_bar - &twin.lambda_bar).norm_l2()
                        / twin.lambda_bar.norm_l2().max(1e-3);
                    assert!(error < 1e-6, "{case}: Λ̄ off by {error:e}");
                }
            }
        }
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    let (n, d) = (40, 6);
    let f = relu_features(n, d, 3);
    let definite = definite_lambda(d, d + 4, 4);
    let indicators = [indicator(&blocks(n, 4)), indicator(&blocks(n, 7))];
    for (criterion, _) in CRITERIA {
        let layer = NcutsLayer::new(criterion);
        let check = GradientCheck {
            step: 2e-5,
            tolerance: 1e-6,
            ..GradientCheck::default()
        };
        for lambda in [None, Some(definite.as_ref())] {
            let of_features =
                |f: MatRef<'_, f64>| Ok(mat![[layer.forward(f, lambda, &indicators)?.loss()]]);
            let forward = layer.forward(f.as_ref(), lambda, &indicators).unwrap();
            let back = |bar: MatRef<'_, f64>| Ok(forward.vjp(bar[(0, 0)])?.features);
            check_vjp::<Error>(of_features, back, f.as_ref(), &check).unwrap();
            let ahead = |dot: MatRef<'_, f64>| Ok(mat![[forward.jvp(dot, None)?]]);
            check_jvp::<Error>(of_features, ahead, f.as_ref(), &check).unwrap();
        }
        let forward = layer
            .forward(f.as_ref(), Some(definite.as_ref()), &indicators)
            .unwrap();
        let of_lambda = |lambda: MatRef<'_, f64>| {
            Ok(mat![[layer
                .forward(f.as_ref(), Some(lambda), &indicators)?
                .loss()]])
        };
        let back = |bar: MatRef<'_, f64>| Ok(forward.vjp(bar[(0, 0)])?.lambda.unwrap());
        // A step that leaves Λ positive definite.
        let check = GradientCheck {
            step: 1e-6,
            tolerance: 1e-6,
            ..GradientCheck::symmetric()
        };
        check_vjp::<Error>(of_lambda, back, definite.as_ref(), &check).unwrap();
        // Any Λ stands for its symmetric part.
        let check = GradientCheck {
            perturbation: matbackprop_core::gradcheck::Perturbation::General,
            ..check
        };
        check_vjp::<Error>(of_lambda, back, definite.as_ref(), &check).unwrap();
    }
}

#[test]
fn jvp_and_vjp_are_transposes_and_vjp_is_linear() {
    let (n, d) = (50, 8);
    let f = relu_features(n, d, 5);
    let lambda = definite_lambda(d, 5, 6);
    for (criterion, _) in CRITERIA {
        let forward = NcutsLayer::new(criterion)
            .forward(
                f.as_ref(),
                Some(lambda.as_ref()),
                &[indicator(&blocks(n, 5)), indicator(&blocks(n, 2))],
            )
            .unwrap();
        let bar = forward.vjp(1.0).unwrap();
        let lambda_bar = bar.lambda.unwrap();
        let (f_dot, lambda_dot) = (gaussian(n, d, 7), gaussian(d, d, 8));
        let inner = |a: &Mat<f64>, b: &Mat<f64>| {
            (0..d).map(|j| a.col(j).transpose() * b.col(j)).sum::<f64>()
        };
        let expected = inner(&bar.features, &f_dot) + inner(&lambda_bar, &lambda_dot);
        let found = forward
            .jvp(f_dot.as_ref(), Some(lambda_dot.as_ref()))
            .unwrap();
        let size =
            bar.features.norm_l2() * f_dot.norm_l2() + lambda_bar.norm_l2() * lambda_dot.norm_l2();
        assert!(
            (expected - found).abs() < 1e-11 * size,
            "{criterion:?}: {expected} {found}"
        );
        let twice = forward.vjp(-2.0).unwrap();
        assert!(relative(&twice.features, &(Scale(-2.0) * bar.features)) < 1e-14);
        assert!(relative(&twice.lambda.unwrap(), &(Scale(-2.0) * &lambda_bar)) < 1e-14);
        assert_eq!(lambda_bar, lambda_bar.transpose());
    }
}

#[test]
fn several_annotations_are_their_mean() {
    let f = relu_features(45, 6, 9);
    let all =
        [blocks(45, 3), blocks(45, 8), blocks(45, 1)].map(|assignment| indicator(&assignment));
    for (criterion, _) in CRITERIA {
        let layer = NcutsLayer::new(criterion);
        let together = layer.forward(f.as_ref(), None, &all).unwrap();
        let mut loss = 0.0;
        let mut bar = Mat::<f64>::zeros(45, 6);
        for (one, rank) in all.iter().zip(together.target_ranks()) {
            let forward = layer
                .forward(f.as_ref(), None, std::slice::from_ref(one))
                .unwrap();
            assert_eq!(forward.target_ranks(), &[*rank]);
            loss += forward.loss() / 3.0;
            bar += Scale(1.0 / 3.0) * forward.vjp(1.0).unwrap().features;
        }
        assert!((together.loss() - loss).abs() < 1e-13);
        assert!(relative(&together.vjp(1.0).unwrap().features, &bar) < 1e-11);
    }
}

#[test]
fn the_sizes_of_features_and_lambda_do_not_matter() {
    let f = relu_features(30, 5, 10);
    let lambda = definite_lambda(5, 9, 11);
    let indicators = [indicator(&blocks(30, 4))];
    for (criterion, _) in CRITERIA {
        let layer = NcutsLayer::new(criterion);
        let plain = layer
            .forward(f.as_ref(), Some(lambda.as_ref()), &indicators)
            .unwrap();
        let plain_bar = plain.vjp(1.0).unwrap();
        let plain_lambda_bar = plain_bar.lambda.unwrap();
        for (f_size, lambda_size) in [(1e150, 1e-100), (1e-150, 1e100), (3.0, 7.0)] {
            let scaled = (Scale(f_size) * &f, Scale(lambda_size) * &lambda);
            let forward = layer
                .forward(scaled.0.as_ref(), Some(scaled.1.as_ref()), &indicators)
                .unwrap();
            assert!(
                (forward.loss() - plain.loss()).abs() < 1e-11,
                "{criterion:?} {f_size:e}"
            );
            let bar = forward.vjp(1.0).unwrap();
            assert!(relative(&(Scale(f_size) * bar.features), &plain_bar.features) < 1e-9);
            assert!(
                relative(
                    &(Scale(lambda_size) * bar.lambda.unwrap()),
                    &plain_lambda_bar
                ) < 1e-8
            );
        }
    }
}

#[test]
fn the_gradient_is_orthogonal_to_the_features() {
    // J(tF) = J(F), so ⟨F̄, F⟩ = 0; likewise for Λ.
    let f = relu_features(60, 9, 12);
    let lambda = definite_lambda(9, 12, 13);
    for (criterion, _) in CRITERIA {
        let forward = NcutsLayer::new(criterion)
            .forward(
                f.as_ref(),
                Some(lambda.as_ref()),
                &[indicator(&blocks(60, 6))],
            )
            .unwrap();
        let slope = forward.jvp(f.as_ref(), None).unwrap();
        let size = forward.vjp(1.0).unwrap().features.norm_l2() * f.norm_l2();
        assert!(slope.abs() < 1e-10 * size, "{criterion:?}: {slope:e}");
        let slope = forward
            .jvp(Mat::zeros(60, 9).as_ref(), Some(lambda.as_ref()))
            .unwrap();
        assert!(slope.abs() < 1e-8, "{criterion:?}: {slope:e}");
    }
}

#[test]
fn a_tolerance_that_drops_more_than_rounding_has_its_own_gradient() {
    // Dropped vectors still rotate the kept ones, and Λ rotates both, also where it is invertible.
    let (n, d) = (30, 6);
    let f = relu_features(n, d, 3);
    let lambda = definite_lambda(d, d + 4, 2);
    let assignment = indicator(&blocks(n, 3));
    let layer = NcutsLayer::new(Criterion::HardProjector {
        rank_tolerance: RankTolerance::Relative(0.2),
    });
    let indicators = [assignment.clone(), indicator(&blocks(n, 4))];
    let at =
        |f: MatRef<'_, f64>, lambda: MatRef<'_, f64>| layer.forward(f, Some(lambda), &indicators);
    let forward = at(f.as_ref(), lambda.as_ref()).unwrap();
    let rank = forward.similarity_rank();
    let (kept, dropped) = (forward.spectrum()[rank - 1], forward.spectrum()[rank]);
    assert!(
        rank < d && dropped > 1e-3 && kept - dropped > 1e-2,
        "{rank}"
    );
    let of_f = |f: MatRef<'_, f64>| Ok::<_, Error>(mat![[at(f, lambda.as_ref())?.loss()]]);
    let of_lambda =
        |lambda: MatRef<'_, f64>| Ok::<_, Error>(mat![[at(f.as_ref(), lambda)?.loss()]]);
    let check = GradientCheck {
        tolerance: 1e-7,
        ..GradientCheck::default()
    };
    let f_bar = |bar: MatRef<'_, f64>| Ok(forward.vjp(bar[(0, 0)])?.features);
    check_vjp(of_f, f_bar, f.as_ref(), &check).unwrap();
    let lambda_bar = |bar: MatRef<'_, f64>| Ok(forward.vjp(bar[(0, 0)])?.lambda.unwrap());
    check_vjp(of_lambda, lambda_bar, lambda.as_ref(), &check).unwrap();
    let zero = Mat::zeros(n, d);
    let f_dot = |dot: MatRef<'_, f64>| Ok(mat![[forward.jvp(dot, None)?]]);
    check_jvp(of_f, f_dot, f.as_ref(), &check).unwrap();
    let lambda_dot = |dot: MatRef<'_, f64>| Ok(mat![[forward.jvp(zero.as_ref(), Some(dot))?]]);
    check_jvp(of_lambda, lambda_dot, lambda.as_ref(), &check).unwrap();
}
