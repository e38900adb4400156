//! Nothing finite becomes NaN or an infinity: features, Λ, cotangents and tangents between 10⁻³⁰⁸ and 10³⁰⁸.

use faer::{Mat, Scale};
use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::{Error as Rule, GapPolicy, RankTolerance, ensure_finite};
use ncuts::{Criterion, Error, Indicator, NcutsLayer};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn criterion() -> impl Strategy<Value = Criterion> {
    prop::sample::select(vec![
        Criterion::Regularised { epsilon: 1e-4 },
        Criterion::HardProjector {
            rank_tolerance: RankTolerance::MachinePrecision,
        },
        Criterion::HardProjector {
            rank_tolerance: RankTolerance::Relative(0.1),
        },
        Criterion::Eigenvectors {
            gaps: GapPolicy::Broadened { width: 1e-3 },
        },
    ])
}

/// Every size has a chance, and so have both ends.
fn size() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-308i32..=308).prop_map(|exponent| 10f64.powi(exponent)),
        prop::sample::select(vec![0.0, 5e-324, 1e-320, f64::MIN_POSITIVE, 1.0, 1e308]),
    ]
}

/// Magnitudes of normal numbers below 1.7 times `size`, some of them zero.
fn sized(rows: usize, columns: usize, size: f64, seed: u64) -> Mat<f64> {
    let x = gaussian(rows, columns, seed);
    Mat::from_fn(rows, columns, |i, j| size * x[(i, j)].clamp(0.0, 1.7))
}

fn is_a_refusal_of_numbers(error: &Error) -> bool {
    matches!(
        error,
        Error::DegreeNotPositive { .. }
            | Error::LambdaIndefinite { .. }
            | Error::Rule(
                Rule::Overflow { .. } | Rule::GapClosed { .. } | Rule::NoConvergence { .. }
            )
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3000,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn answers_are_numbers_or_errors_that_say_why(
        criterion in criterion(),
        (n, d) in (2usize..20, 1usize..7),
        sizes in prop::array::uniform5(size()),
        with_lambda in any::<bool>(),
        seed in 0u64..1 << 32,
    ) {
        let [features_size, lambda_size, loss_size, features_dot_size, lambda_dot_size] = sizes;
        let features = sized(n, d, features_size, seed);
        let half = gaussian(d, d, seed ^ 1);
        let lambda = with_lambda.then(|| Scale(lambda_size.min(1e306)) * (&half * half.transpose()));
        let assignment = (0..n).map(|i| (i % 2) as u32).collect();
        let indicator = Indicator::from_assignment(assignment, 2).unwrap();
        let lambda = lambda.as_ref().map(|lambda| lambda.as_ref());
        let layer = NcutsLayer::new(criterion);
        let forward = match layer.forward(features.as_ref(), lambda, &[indicator]) {
            Ok(forward) => forward,
            Err(error) => {
                prop_assert!(is_a_refusal_of_numbers(&error), "{error}");
                return Ok(());
            }
        };
        prop_assert!(forward.loss().is_finite() && forward.alignment().is_finite());
        prop_assert!(forward.spectrum().iter().all(|value| value.is_finite()));
        for loss_bar in [loss_size, -loss_size, 1.0] {
            match forward.vjp(loss_bar) {
                Ok(bar) => {
                    prop_assert!(ensure_finite("F̄", bar.features.as_ref()).is_ok());
                    if let Some(lambda_bar) = bar.lambda {
                        prop_assert!(ensure_finite("Λ̄", lambda_bar.as_ref()).is_ok());
                    }
                }
                Err(error) => prop_assert!(is_a_refusal_of_numbers(&error), "{error}"),
            }
        }
        let features_dot = sized(n, d, features_dot_size, seed ^ 2);
        let lambda_dot = lambda.map(|_| sized(d, d, lambda_dot_size, seed ^ 3));
        let lambda_dot = lambda_dot.as_ref().map(|dot| dot.as_ref());
        match forward.jvp(features_dot.as_ref(), lambda_dot) {
            Ok(loss_dot) => prop_assert!(loss_dot.is_finite()),
            Err(error) => prop_assert!(is_a_refusal_of_numbers(&error), "{error}"),
        }
        for loss_bar in [loss_size, 1.0] {
            match forward.vjp_of_vjp(loss_bar, features_dot.as_ref(), lambda_dot) {
                Ok(second) => {
                    prop_assert!(second.loss_bar_bar.is_finite());
                    prop_assert!(ensure_finite("H Y", second.features.as_ref()).is_ok());
                    prop_assert_eq!(second.lambda.is_some(), with_lambda);
                    if let Some(lambda) = second.lambda {
                        prop_assert!(ensure_finite("H M", lambda.as_ref()).is_ok());
                    }
                }
                Err(Error::Rule(Rule::CurvatureUnknown { .. })) => {}
                Err(error) => prop_assert!(is_a_refusal_of_numbers(&error), "{error}"),
            }
        }
    }
}

#[test]
fn a_cotangent_of_any_size_gives_that_many_times_the_gradient() {
    let features = sized(12, 3, 1.0, 5);
    let assignment = (0..12).map(|i| (i % 3) as u32).collect();
    let indicator = Indicator::from_assignment(assignment, 3).unwrap();
    let forward = NcutsLayer::default()
        .forward(features.as_ref(), None, &[indicator])
        .unwrap();
    let plain = forward.vjp(1.0).unwrap().features;
    for exponent in [-900, -300, 300, 900] {
        let size = 2f64.powi(exponent);
        assert_eq!(forward.vjp(size).unwrap().features, Scale(size) * &plain);
    }
}
