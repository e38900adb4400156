//! The promises of every rule, on random shapes with planted spectra.

mod rules_under_test;

use faer::{Mat, Scale};
use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::{Error, GapPolicy};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rules_under_test::{Planted, SPECTRA, Settings, Spectrum, rules};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn planted() -> impl Strategy<Value = Planted> {
    let spectrum = prop::sample::select(&SPECTRA[..]);
    (1usize..=40, 1usize..=40, spectrum, 0u64..1 << 32).prop_map(|(m, n, spectrum, seed)| Planted {
        m,
        n,
        spectrum,
        seed,
    })
}

fn gaps() -> impl Strategy<Value = GapPolicy> {
    prop::sample::select(vec![
        GapPolicy::Error { floor: 1e-12 },
        GapPolicy::ZeroWhereFree {
            floor: 1e-12,
            tolerance: 1e-10,
        },
        GapPolicy::Broadened { width: 1e-6 },
    ])
}

/// Normal entries in the shapes of these.
fn noise(like: &[Mat<f64>], seed: u64) -> Vec<Mat<f64>> {
    like.iter()
        .zip(seed..)
        .map(|(a, seed)| gaussian(a.nrows(), a.ncols(), seed))
        .collect()
}

fn is_finite(matrices: &[Mat<f64>]) -> bool {
    matrices.iter().all(|a| {
        a.col_iter()
            .all(|column| column.iter().all(|x| x.is_finite()))
    })
}

fn inner(a: &[Mat<f64>], b: &[Mat<f64>]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| {
            a.col_iter()
                .zip(b.col_iter())
                .map(|(a, b)| a.transpose() * b)
                .sum::<f64>()
        })
        .sum()
}

fn norms(a: &[Mat<f64>], b: &[Mat<f64>]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| a.norm_l2() * b.norm_l2())
        .sum()
}

fn scaled(matrices: Vec<Mat<f64>>, size: f64) -> Vec<Mat<f64>> {
    matrices.into_iter().map(|a| Scale(size) * a).collect()
}

/// Powers of ten and of two from 1e-150 to 1e150.
fn sizes() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-150i32..=150).prop_map(|exponent| 10f64.powi(exponent)),
        (-498i32..=498).prop_map(|exponent| 2f64.powi(exponent)),
    ]
}

/// The list once for each of its matrices, with one bad entry in that one.
fn spoilt(
    matrices: &[Mat<f64>],
    bad: f64,
    place: prop::sample::Index,
) -> impl Iterator<Item = Vec<Mat<f64>>> {
    (0..matrices.len()).map(move |which| {
        let mut spoilt = matrices.to_vec();
        let (rows, columns) = spoilt[which].shape();
        let entry = place.index(rows * columns);
        spoilt[which][(entry % rows, entry / rows)] = bad;
        spoilt
    })
}

/// An error that a degenerate spectrum may bring; never one that blames finite input of a right shape.
fn is_about_the_spectrum(error: &Error) -> bool {
    matches!(
        error,
        Error::GapClosed { .. }
            | Error::NotPositive { .. }
            | Error::NotPositiveDefinite { .. }
            | Error::Singular { .. }
            | Error::RankDeficient { .. }
            | Error::OutsideDomain { .. }
            | Error::NotDifferentiable { .. }
            | Error::NotConverged { .. }
    )
}

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn answers_are_finite_or_errors_and_both_ways_are_transposes(
        planted in planted(),
        gaps in gaps(),
    ) {
        for rule in rules() {
            let context = format!("{}, {planted:?}, {gaps:?}", rule.name);
            let inputs = (rule.inputs)(&planted);
            let evaluated = match (rule.forward)(&inputs, &Settings { gaps, size: 1.0 }) {
                Ok(evaluated) => evaluated,
                Err(error) => {
                    prop_assert!(is_about_the_spectrum(&error), "{context}: {error}");
                    prop_assert!(planted.spectrum != Spectrum::Distinct, "{context}: {error}");
                    continue;
                }
            };
            prop_assert!(is_finite(&evaluated.outputs), "{context}");
            let (bars, dots) = (noise(&evaluated.outputs, 11), noise(&inputs, 22));
            let mut answers = Vec::new();
            for answer in [(evaluated.vjp)(&bars), (evaluated.jvp)(&dots)] {
                match answer {
                    Ok(answer) => {
                        prop_assert!(is_finite(&answer), "{context}");
                        answers.push(answer);
                    }
                    Err(error) => {
                        prop_assert!(is_about_the_spectrum(&error), "{context}: {error}");
                        prop_assert!(planted.spectrum != Spectrum::Distinct, "{context}: {error}");
                    }
                }
            }
            if let [back, ahead] = &answers[..] {
                let difference = (inner(back, &dots) - inner(&bars, ahead)).abs();
                let size = norms(back, &dots) + norms(&bars, ahead);
                let tolerance = 1e-12 * size;
                prop_assert!(difference <= tolerance, "{context}: {difference:e} of {size:e}");
            }
        }
    }

    #[test]
    fn no_size_of_the_input_brings_anything_but_numbers_and_errors(
        planted in planted(),
        gaps in gaps(),
        exponent in -308i32..=308,
    ) {
        let size = 10f64.powi(exponent);
        for rule in rules() {
            let context = format!("{}, 1e{exponent}, {planted:?}, {gaps:?}", rule.name);
            let mut inputs = (rule.inputs)(&planted);
            inputs[0] = Scale(size) * &inputs[0];
            let typed = |error: Error| {
                let beyond = matches!(error, Error::Overflow { .. });
                // ε = 0.3 size² has left the numbers' range itself.
                let no_epsilon =
                    exponent.abs() > 150 && matches!(error, Error::OutOfRange { .. });
                prop_assert!(
                    beyond || no_epsilon || is_about_the_spectrum(&error),
                    "{context}: {error}"
                );
                Ok(())
            };
            let evaluated = match (rule.forward)(&inputs, &Settings { gaps, size }) {
                Ok(evaluated) => evaluated,
                Err(error) => {
                    typed(error)?;
                    continue;
                }
            };
            prop_assert!(is_finite(&evaluated.outputs), "{context}");
            for sizes in [
                [1.0, 1.0],
                [1e150, 1e-150],
                [1e-150, 1e150],
                [1e307, 1e-320],
                [1e-320, 1e307],
            ] {
                let bars = scaled(noise(&evaluated.outputs, 11), sizes[0]);
                let dots = scaled(noise(&inputs, 22), sizes[1]);
                for answer in [(evaluated.vjp)(&bars), (evaluated.jvp)(&dots)] {
                    match answer {
                        Ok(answer) => prop_assert!(is_finite(&answer), "{context}"),
                        Err(error) => typed(error)?,
                    }
                }
            }
        }
    }

    #[test]
    fn gradients_scale_with_the_input(
        m in 1usize..=40,
        n in 1usize..=40,
        seed in 0u64..1 << 32,
        size in sizes(),
    ) {
        let planted = Planted { m, n, spectrum: Spectrum::Distinct, seed };
        let gaps = GapPolicy::default();
        for rule in rules() {
            let context = format!("{}, {size:e}, {planted:?}", rule.name);
            let inputs = (rule.inputs)(&planted);
            let plain = (rule.forward)(&inputs, &Settings { gaps, size: 1.0 })?;
            let bars = noise(&plain.outputs, 11);
            let expected = (plain.vjp)(&bars)?;

            let mut large = inputs.clone();
            large[0] = Scale(size) * &large[0];
            let evaluated = (rule.forward)(&large, &Settings { gaps, size })?;
            // y(s x) = sᵈ y(x): ȳ / sᵈ asks the same of both, and x̄ answers with a factor 1 / s.
            let bars: Vec<Mat<f64>> = bars
                .iter()
                .zip(rule.degrees)
                .map(|(bar, degree)| Scale(size.powf(-degree)) * bar)
                .collect();
            let mut found = (evaluated.vjp)(&bars)?;
            found[0] = Scale(size) * &found[0];
            for (found, expected) in found.iter().zip(&expected) {
                let difference = (found - expected).norm_l2();
                // A power of ten rounds each entry; gaps and values of 1/40 and more leave that at 1e-12 or so.
                prop_assert!(
                    difference <= 1e-9 * expected.norm_l2(),
                    "{context}: {difference:e}"
                );
            }
        }
    }

    #[test]
    fn input_that_is_not_finite_is_refused_everywhere(
        m in 1usize..=40,
        n in 1usize..=40,
        seed in 0u64..1 << 32,
        bad in prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
        place in any::<prop::sample::Index>(),
    ) {
        let planted = Planted { m, n, spectrum: Spectrum::Distinct, seed };
        let settings = Settings { gaps: GapPolicy::default(), size: 1.0 };
        let refused = |name: &str, error: Option<Error>| {
            prop_assert!(
                matches!(error, Some(Error::NotFinite { .. })),
                "{name}, {planted:?}: {error:?}"
            );
            Ok(())
        };
        for rule in rules() {
            let inputs = (rule.inputs)(&planted);
            for spoilt in spoilt(&inputs, bad, place) {
                refused(rule.name, (rule.forward)(&spoilt, &settings).err())?;
            }
            let evaluated = (rule.forward)(&inputs, &settings)?;
            for spoilt in spoilt(&noise(&evaluated.outputs, 11), bad, place) {
                refused(rule.name, (evaluated.vjp)(&spoilt).err())?;
            }
            for spoilt in spoilt(&noise(&inputs, 22), bad, place) {
                refused(rule.name, (evaluated.jvp)(&spoilt).err())?;
            }
        }
    }
}
