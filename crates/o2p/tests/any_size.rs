//! Nothing finite becomes NaN or an infinity: features, cotangents and tangents between 10⁻³⁰⁸ and 10³⁰⁸.

use faer::Mat;
use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::{Error as Rule, ensure_finite};
use o2p::{Error, O2pLayer, O2pOptions, Region, SpectralMap};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn map() -> impl Strategy<Value = SpectralMap> {
    prop::sample::select(vec![
        SpectralMap::default(),
        SpectralMap::Log { epsilon: 1e-300 },
        SpectralMap::SquareRoot { epsilon: 1e-3 },
        SpectralMap::SquareRoot { epsilon: 0.0 },
        SpectralMap::Power {
            exponent: 0.7,
            epsilon: 0.0,
        },
        SpectralMap::Identity,
    ])
}

/// Every size has a chance, and so have both ends.
fn size() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-308i32..=308).prop_map(|exponent| 10f64.powi(exponent)),
        prop::sample::select(vec![0.0, 5e-324, 1e-320, f64::MIN_POSITIVE, 1.0, 1e308]),
    ]
}

/// Normal numbers below 1.7 times `size`, after a ReLU.
fn sized(rows: usize, columns: usize, size: f64, seed: u64) -> Mat<f64> {
    let x = gaussian(rows, columns, seed);
    Mat::from_fn(rows, columns, |i, j| size * x[(i, j)].clamp(0.0, 1.7))
}

fn is_a_refusal_of_numbers(error: &Error) -> bool {
    matches!(
        error,
        Error::Rule(
            Rule::Overflow { .. } | Rule::NotDifferentiable { .. } | Rule::NoConvergence { .. }
        )
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn answers_are_numbers_or_errors_that_say_why(
        map in map(),
        (centred, normalised, unit_norm, rooted) in any::<(bool, bool, bool, bool)>(),
        (n, d) in (1usize..12, 1usize..7),
        sizes in prop::array::uniform3(size()),
        seed in 0u64..1 << 32,
    ) {
        let options = O2pOptions {
            map,
            centred,
            normalised,
            unit_norm,
            signed_square_root: rooted.then_some(1e-3),
        };
        let features = sized(n, d, sizes[0], seed);
        let region = Region::all(n).unwrap();
        let forward = match O2pLayer::new(options).forward(features.as_ref(), None, &[region]) {
            Ok(forward) => forward,
            Err(error) => {
                prop_assert!(is_a_refusal_of_numbers(&error), "{error}");
                return Ok(());
            }
        };
        prop_assert!(ensure_finite("outputs", forward.outputs()).is_ok());
        let bar = sized(1, forward.outputs().ncols(), sizes[1], seed ^ 1);
        match forward.vjp(bar.as_ref()) {
            Ok(bar) => prop_assert!(ensure_finite("X̄", bar.features.as_ref()).is_ok()),
            Err(error) => prop_assert!(is_a_refusal_of_numbers(&error), "{error}"),
        }
        let dot = sized(n, d, sizes[2], seed ^ 2);
        match forward.jvp(dot.as_ref(), None) {
            Ok(dot) => prop_assert!(ensure_finite("outputs", dot.as_ref()).is_ok()),
            Err(error) => prop_assert!(is_a_refusal_of_numbers(&error), "{error}"),
        }
    }
}
