//! Inputs that break Cholesky and plain QR: each has a defined, finite outcome.

mod dense_twin;
mod inputs;

use dense_twin::{DenseCriterion, dense_twin};
use faer::{Mat, MatRef, Side, mat};
use inputs::{blocks, definite_lambda, relu_features};
use matbackprop_core::RankTolerance;
use matbackprop_core::gradcheck::{GradientCheck, check_vjp};
use ncuts::{Criterion, Error, Indicator, NcutsForward, NcutsLayer};

const HARD: Criterion = Criterion::HardProjector {
    rank_tolerance: RankTolerance::MachinePrecision,
};
const SMOOTH: Criterion = Criterion::Regularised { epsilon: 1e-4 };
const CRITERIA: [(Criterion, DenseCriterion); 2] = [
    (HARD, DenseCriterion::Hard(1e-10)),
    (SMOOTH, DenseCriterion::Regularised(1e-4)),
];

const N: usize = 60;
const D: usize = 32;

fn indicator(assignment: &[u32], segments: usize) -> Indicator {
    Indicator::from_assignment(assignment.to_vec(), segments).unwrap()
}

/// Runs both criteria and holds loss and gradients against the dense twin; returns the hard one.
fn against_twin(f: &Mat<f64>, lambda: Option<MatRef<'_, f64>>, assignment: &[u32]) -> NcutsForward {
    let identity = Mat::identity(f.ncols(), f.ncols());
    let segments = *assignment.iter().max().unwrap() as usize + 1;
    let run = |criterion, dense| {
        let layer = NcutsLayer::new(criterion);
        let forward = layer
            .forward(f.as_ref(), lambda, &[indicator(assignment, segments)])
            .unwrap();
        let bar = forward.vjp(1.0).unwrap();
        let twin = dense_twin(
            f.as_ref(),
            lambda.unwrap_or(identity.as_ref()),
            assignment,
            dense,
        );
        assert!(
            (forward.loss() - twin.loss).abs() < 1e-9,
            "{criterion:?}: {} {}",
            forward.loss(),
            twin.loss
        );
        let error =
            (&bar.features - &twin.features_bar).norm_l2() / twin.features_bar.norm_l2().max(1e-3);
        assert!(error < 1e-7, "{criterion:?}: F̄ off by {error:e}");
        if let (Some(lambda), Some(lambda_bar)) = (lambda, bar.lambda) {
            let difference = &lambda_bar - &twin.lambda_bar;
            let difference = match criterion {
                Criterion::HardProjector { .. } => along_the_rank(lambda, &difference),
                _ => difference,
            };
            let error = difference.norm_l2() / twin.lambda_bar.norm_l2().max(1e-3);
            assert!(error < 1e-6, "{criterion:?}: Λ̄ off by {error:e}");
        }
        forward
    };
    let [hard, smooth] = CRITERIA.map(|(criterion, dense)| run(criterion, dense));
    assert_eq!(smooth.similarity_rank(), hard.similarity_rank());
    assert_eq!(smooth.target_ranks(), hard.target_ranks());
    hard
}

/// Without the block that would raise the rank of Λ, along which a hard projector jumps.
fn along_the_rank(lambda: MatRef<'_, f64>, lambda_bar: &Mat<f64>) -> Mat<f64> {
    let eigen = lambda.self_adjoint_eigen(Side::Lower).unwrap();
    let values = eigen.S().column_vector();
    let null = values
        .iter()
        .filter(|&&value| value < 1e-10 * values[values.nrows() - 1])
        .count();
    let basis = eigen.U().subcols(0, null);
    lambda_bar - basis * (basis.transpose() * lambda_bar * basis) * basis.transpose()
}

#[test]
fn regular_features() {
    let forward = against_twin(&relu_features(N, D, 1), None, &blocks(N, 5));
    assert_eq!(
        (
            forward.similarity_rank(),
            forward.target_ranks(),
            forward.isolated_pixels()
        ),
        (D, &[5][..], 0)
    );
    assert!((forward.spectrum()[0] - 1.0).abs() < 1e-13);
}

#[test]
fn a_dead_feature_drops_the_rank() {
    let f = relu_features(N, D, 1);
    let dead = Mat::from_fn(N, D, |i, j| if j == 3 || j == 17 { 0.0 } else { f[(i, j)] });
    let forward = against_twin(&dead, None, &blocks(N, 5));
    assert_eq!(forward.similarity_rank(), D - 2);
}

#[test]
fn a_duplicate_feature_drops_the_rank() {
    let f = relu_features(N, D, 1);
    let duplicate = Mat::from_fn(N, D, |i, j| f[(i, if j == 9 { 2 } else { j })]);
    let forward = against_twin(&duplicate, None, &blocks(N, 5));
    assert_eq!(forward.similarity_rank(), D - 1);
}

#[test]
fn twenty_independent_features_of_thirty_two() {
    let f = relu_features(N, 20, 1) * relu_features(20, D, 2);
    let forward = against_twin(&f, None, &blocks(N, 5));
    assert_eq!(forward.similarity_rank(), 20);
}

#[test]
fn lambda_of_rank_ten() {
    let forward = against_twin(
        &relu_features(N, D, 1),
        Some(definite_lambda(D, 10, 3).as_ref()),
        &blocks(N, 5),
    );
    assert_eq!(
        (forward.similarity_rank(), forward.spectrum().len()),
        (10, 10)
    );
}

#[test]
fn lambda_of_low_rank_is_differentiated_along_its_rank() {
    // Λ = B Bᵀ keeps its rank under changes of B: Λ̄ → B̄ = 2 Λ̄ B.
    let (f, b) = (relu_features(40, 6, 1), relu_features(6, 3, 4));
    let indicators = [indicator(&blocks(40, 4), 4)];
    for (criterion, _) in CRITERIA {
        let layer = NcutsLayer::new(criterion);
        let run = |b: MatRef<'_, f64>| {
            layer.forward(f.as_ref(), Some((b * b.transpose()).as_ref()), &indicators)
        };
        let forward = run(b.as_ref()).unwrap();
        let back = |bar: MatRef<'_, f64>| {
            Ok(faer::Scale(2.0) * forward.vjp(bar[(0, 0)])?.lambda.unwrap() * &b)
        };
        let check = GradientCheck {
            step: 1e-5,
            tolerance: 1e-6,
            ..GradientCheck::default()
        };
        check_vjp::<Error>(|b| Ok(mat![[run(b)?.loss()]]), back, b.as_ref(), &check).unwrap();
    }
}

#[test]
fn the_regularised_criterion_sees_lambda_gain_rank() {
    // One-sided differences of second order towards Λ + t c cᵀ, which only exists for t ≥ 0.
    let (f, lambda, c) = (
        relu_features(40, 6, 1),
        definite_lambda(6, 3, 4),
        relu_features(6, 1, 5),
    );
    let indicators = [indicator(&blocks(40, 4), 4)];
    let layer = NcutsLayer::new(SMOOTH);
    let towards = &c * c.transpose();
    let at = |t: f64| {
        layer
            .forward(
                f.as_ref(),
                Some((&lambda + faer::Scale(t) * &towards).as_ref()),
                &indicators,
            )
            .unwrap()
    };
    let h = 1e-6;
    let expected = (-3.0 * at(0.0).loss() + 4.0 * at(h).loss() - at(2.0 * h).loss()) / (2.0 * h);
    let found = at(0.0)
        .jvp(Mat::zeros(40, 6).as_ref(), Some(towards.as_ref()))
        .unwrap();
    assert!(
        (expected - found).abs() < 1e-5 * found.abs(),
        "{expected} {found}"
    );
}

#[test]
fn an_empty_segment_has_no_column() {
    let f = relu_features(N, D, 1);
    let assignment = blocks(N, 5);
    // Number 2 empty, and two more beyond the last.
    let gapped: Vec<u32> = assignment
        .iter()
        .map(|&segment| if segment > 1 { segment + 1 } else { segment })
        .collect();
    for (criterion, _) in CRITERIA {
        let layer = NcutsLayer::new(criterion);
        let plain = layer
            .forward(f.as_ref(), None, &[indicator(&assignment, 5)])
            .unwrap();
        let empty = layer
            .forward(f.as_ref(), None, &[indicator(&gapped, 8)])
            .unwrap();
        assert_eq!(empty.target_ranks(), &[5]);
        assert_eq!(empty.loss(), plain.loss());
        assert_eq!(
            empty.vjp(1.0).unwrap().features,
            plain.vjp(1.0).unwrap().features
        );
    }
}

#[test]
fn an_all_zero_row_is_left_out() {
    let f = relu_features(N, 8, 1);
    let zeroed = Mat::from_fn(N, 8, |i, j| if i == 7 || i == 30 { 0.0 } else { f[(i, j)] });
    let assignment = blocks(N, 5);
    let forward = against_twin(&zeroed, None, &assignment);
    assert_eq!(forward.isolated_pixels(), 2);
    // The same as if those pixels did not exist.
    let kept: Vec<usize> = (0..N).filter(|&i| i != 7 && i != 30).collect();
    let without = Mat::from_fn(N - 2, 8, |i, j| f[(kept[i], j)]);
    let assignment: Vec<u32> = kept.iter().map(|&i| assignment[i]).collect();
    let shorter = NcutsLayer::new(HARD)
        .forward(without.as_ref(), None, &[indicator(&assignment, 5)])
        .unwrap();
    assert!((forward.loss() - shorter.loss()).abs() < 1e-12);
    let (bar, shorter_bar) = (
        forward.vjp(1.0).unwrap().features,
        shorter.vjp(1.0).unwrap().features,
    );
    for (i, &pixel) in kept.iter().enumerate() {
        assert!((bar.row(pixel) - shorter_bar.row(i)).norm_max() < 1e-12);
    }
}

#[test]
fn a_row_fading_to_zero_changes_the_loss_continuously() {
    let f = relu_features(N, 8, 1);
    for (criterion, _) in CRITERIA {
        let run = |size: f64| {
            let faded = Mat::from_fn(
                N,
                8,
                |i, j| if i == 7 { size * f[(i, j)] } else { f[(i, j)] },
            );
            let layer = NcutsLayer::new(criterion);
            layer
                .forward(faded.as_ref(), None, &[indicator(&blocks(N, 5), 5)])
                .unwrap()
        };
        let gone = run(0.0);
        for size in [1e-6, 1e-9, 1e-11, 1e-13, 1e-200] {
            let forward = run(size);
            assert_eq!(
                forward.isolated_pixels(),
                usize::from(size < 1e-12),
                "{size:e}"
            );
            // The row of Z has the size of √w.
            assert!(
                (forward.loss() - gone.loss()).abs() < 10.0 * size.sqrt(),
                "{criterion:?} {size:e}"
            );
            assert!(forward.vjp(1.0).unwrap().features.norm_max().is_finite());
        }
    }
}

#[test]
fn one_segment_one_pixel_and_more_segments_than_rank() {
    // One segment: A = D^{½} 1 is the first left vector of Z, so the regularised J is as small as the rest allows.
    let f = relu_features(N, 1, 2);
    let positive = Mat::from_fn(N, 1, |i, _| f[(i, 0)] + 0.1);
    let forward = against_twin(&positive, None, &vec![0; N]);
    assert!(forward.loss().abs() < 1e-13);
    assert_eq!(
        (forward.similarity_rank(), forward.target_ranks()),
        (1, &[1][..])
    );
    against_twin(&relu_features(N, 6, 2), None, &vec![0; N]);

    let forward = against_twin(&relu_features(N, 3, 2), None, &blocks(N, 12));
    assert_eq!(
        (forward.similarity_rank(), forward.target_ranks()),
        (3, &[12][..])
    );

    for (criterion, _) in CRITERIA {
        let layer = NcutsLayer::new(criterion);
        let forward = layer
            .forward(mat![[0.3, 0.0, 2.0]].as_ref(), None, &[indicator(&[0], 1)])
            .unwrap();
        assert!(
            forward.loss().abs() < 1e-7 && forward.vjp(1.0).unwrap().features.norm_max() < 1e-7
        );
        assert_eq!(forward.similarity_rank(), 1);
    }
}

#[test]
fn input_without_outcome_is_a_typed_error() {
    let layer = NcutsLayer::default();
    let one = [indicator(&[0, 0, 1], 2)];
    let run = |f: Mat<f64>, lambda: Option<Mat<f64>>| {
        layer
            .forward(
                f.as_ref(),
                lambda.as_ref().map(|lambda| lambda.as_ref()),
                &one,
            )
            .map(|_| ())
            .unwrap_err()
    };
    assert!(matches!(
        run(Mat::zeros(3, 2), None),
        Error::DegreeNotPositive { pixel: 0, .. }
    ));
    let f = mat![[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
    assert!(matches!(
        run(f.clone(), Some(Mat::zeros(2, 2))),
        Error::DegreeNotPositive { .. }
    ));
    let signed = mat![[1.0], [2.0], [-1.0]];
    assert!(matches!(
        run(signed, None),
        Error::DegreeNotPositive { pixel: 2, .. }
    ));
    let indefinite = mat![[1.0, 2.0], [2.0, 1.0]];
    assert!(matches!(
        run(f.clone(), Some(indefinite)),
        Error::LambdaIndefinite { .. }
    ));
    assert!(matches!(
        run(mat![[f64::NAN], [1.0], [1.0]], None),
        Error::Rule(_)
    ));
    assert!(matches!(
        run(Mat::zeros(4, 2), None),
        Error::DegreeNotPositive { .. }
    ));
    let longer = Mat::from_fn(4, 2, |_, _| 1.0);
    assert!(matches!(
        run(longer, None),
        Error::IndicatorLength {
            expected: 4,
            found: 3
        }
    ));
    assert!(matches!(
        layer.forward(f.as_ref(), None, &[]),
        Err(Error::NoIndicators)
    ));
    let forward = layer.forward(f.as_ref(), None, &one).unwrap();
    assert!(matches!(forward.vjp(f64::NAN), Err(Error::Rule(_))));
    assert!(matches!(
        forward.jvp(Mat::zeros(2, 2).as_ref(), None),
        Err(Error::Rule(_))
    ));
}
