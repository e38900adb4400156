//! Inputs that break the way through singular vectors: each has a defined, finite outcome.

use faer::{Mat, Scale};
use matbackprop_core::gradcheck::{GradientCheck, check_vjp, gaussian, with_spectrum};
use matbackprop_core::{Error as Rule, ensure_finite};
use o2p::{Error, O2pForward, O2pLayer, O2pOptions, Region, SpectralMap};

const N: usize = 20;
const D: usize = 6;

/// Every map, plain and with all that follows vech, centred or not, normalised or not.
fn layers() -> Vec<O2pLayer> {
    let maps = [
        SpectralMap::default(),
        SpectralMap::SquareRoot { epsilon: 1e-3 },
        SpectralMap::Power {
            exponent: 0.25,
            epsilon: 1e-3,
        },
        SpectralMap::Power {
            exponent: -1.0,
            epsilon: 1e-3,
        },
        SpectralMap::Identity,
    ];
    let mut layers = Vec::new();
    for map in maps {
        for bits in 0..8 {
            layers.push(O2pLayer::new(O2pOptions {
                map,
                centred: bits & 1 > 0,
                normalised: bits & 2 > 0,
                signed_square_root: (bits & 4 > 0).then_some(1e-3),
                unit_norm: bits & 4 > 0,
            }));
        }
    }
    layers
}

fn regions() -> Vec<Region> {
    let faint: Vec<f64> = (0..N)
        .map(|i| if i == 3 { 1e-12 } else { f64::from(i > 9) })
        .collect();
    vec![
        Region::all(N).unwrap(),
        Region::from_positions(N, &[7]).unwrap(),
        Region::from_positions(N, &[1, 2, 3]).unwrap(),
        Region::from_weights(&faint).unwrap(),
    ]
}

fn inputs() -> Vec<(&'static str, Mat<f64>)> {
    let generic = gaussian(N, D, 1);
    let with_column = |j: usize, of: fn(&Mat<f64>, usize) -> f64| {
        let mut x = generic.clone();
        for i in 0..N {
            x[(i, j)] = of(&generic, i);
        }
        x
    };
    vec![
        ("constant", Mat::from_fn(N, D, |_, _| 0.7)),
        (
            "constant over positions",
            Mat::from_fn(N, D, |_, j| j as f64),
        ),
        ("all zero", Mat::zeros(N, D)),
        ("dead channel", with_column(2, |_, _| 0.0)),
        ("duplicated channel", with_column(2, |x, i| x[(i, 0)])),
        (
            "dependent channel",
            with_column(2, |x, i| x[(i, 0)] - 3.0 * x[(i, 1)]),
        ),
        ("equal singular values", Mat::identity(N, D)),
        (
            "equal in pairs",
            with_spectrum(N, D, &[2.0, 2.0, 1.0, 1.0, 0.5, 0.5], 2),
        ),
        (
            "one number",
            Mat::from_fn(N, D, |i, j| f64::from(i == 7 && j == 2)),
        ),
        (
            "condition 1e12",
            with_spectrum(N, D, &[1.0, 1e-3, 1e-6, 1e-8, 1e-10, 1e-12], 3),
        ),
        (
            "nearly equal",
            Mat::from_fn(N, D, |i, j| 1.0 + 1e-15 * ((i * j) % 3) as f64),
        ),
    ]
}

fn pooled(layer: &O2pLayer, x: &Mat<f64>) -> O2pForward {
    layer.forward(x.as_ref(), None, &regions()).unwrap()
}

#[test]
fn everything_stays_finite() {
    for (name, x) in inputs() {
        for layer in layers() {
            let forward = pooled(&layer, &x);
            ensure_finite(name, forward.outputs()).unwrap();
            for report in forward.reports() {
                assert!(
                    (0.0..=1.0).contains(&report.reciprocal_condition),
                    "{name}: {report:?}"
                );
                assert!(report.smallest <= report.largest && report.largest.is_finite());
            }
            let bar = gaussian(4, D * (D + 1) / 2, 5);
            let back = forward.vjp(bar.as_ref()).unwrap();
            ensure_finite(name, back.features.as_ref()).unwrap();
            forward.jvp(gaussian(N, D, 6).as_ref(), None).unwrap();
        }
    }
}

#[test]
fn gradients_are_right_where_the_spectrum_is_degenerate() {
    for (name, x) in inputs() {
        let layer = O2pLayer::new(O2pOptions {
            // Curvature in reach of finite differences.
            map: SpectralMap::Log { epsilon: 0.5 },
            ..O2pOptions::default()
        });
        let forward = pooled(&layer, &x);
        let check = GradientCheck {
            tolerance: 1e-7,
            ..GradientCheck::default()
        };
        check_vjp::<Error>(
            |x| Ok(layer.forward(x, None, &regions())?.outputs().to_owned()),
            |bar| Ok(forward.vjp(bar)?.features),
            x.as_ref(),
            &check,
        )
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn outcomes_are_those_of_the_table() {
    let epsilon = 1e-3f64;
    let floor = Mat::from_fn(D, D, |i, j| if i == j { epsilon.ln() } else { 0.0 });
    let floor = o2p::vech(floor.as_ref()).unwrap();
    let bar = gaussian(4, D * (D + 1) / 2, 5);
    let plain = O2pLayer::default();
    let centred = O2pLayer::new(O2pOptions {
        centred: true,
        ..O2pOptions::default()
    });
    for (layer, x) in [
        (plain, Mat::zeros(N, D)),
        (centred, Mat::from_fn(N, D, |_, j| 0.1 + j as f64)),
    ] {
        let forward = pooled(&layer, &x);
        for i in 0..4 {
            assert!(forward.outputs().row(i).iter().eq(floor.iter()));
        }
        assert_eq!(forward.vjp(bar.as_ref()).unwrap().features.norm_max(), 0.0);
        let reports = forward.reports();
        assert!(reports.iter().all(|report| report.largest == epsilon));
        assert_eq!(
            reports
                .iter()
                .map(|report| report.fewer_than_channels)
                .collect::<Vec<_>>(),
            [false, true, true, false]
        );
    }
    // A dead channel is pulled on by the others.
    let mut x = gaussian(N, D, 1);
    x.col_as_slice_mut(2).fill(0.0);
    let back = pooled(&plain, &x).vjp(bar.as_ref()).unwrap().features;
    assert!(back.col_as_slice(2).iter().any(|x| x.abs() > 1e-6));
}

#[test]
fn a_singular_moment_without_a_ridge_is_a_typed_error() {
    let x = Mat::<f64>::zeros(N, D);
    let run = |map| {
        let options = O2pOptions {
            map,
            ..O2pOptions::default()
        };
        O2pLayer::new(options).forward(x.as_ref(), None, &regions())
    };
    assert!(matches!(
        run(SpectralMap::Log { epsilon: 0.0 }),
        Err(Error::Rule(Rule::OutsideDomain { .. }))
    ));
    let inverse = SpectralMap::Power {
        exponent: -1.0,
        epsilon: 0.0,
    };
    assert!(matches!(
        run(inverse),
        Err(Error::Rule(Rule::OutsideDomain { .. }))
    ));
    let root = run(SpectralMap::SquareRoot { epsilon: 0.0 }).unwrap();
    assert_eq!(root.outputs().norm_max(), 0.0);
}

#[test]
fn sizes_far_from_one_answer_with_numbers_or_with_overflow() {
    for size in [1e-150, 1e-100, 1e100, 1e150] {
        let x = Scale(size) * gaussian(N, D, 1);
        for layer in layers() {
            let finite = layer
                .forward(x.as_ref(), None, &regions())
                .and_then(|forward| {
                    ensure_finite("outputs", forward.outputs())?;
                    let bar = gaussian(4, D * (D + 1) / 2, 5);
                    let back = forward.vjp(bar.as_ref())?;
                    Ok(ensure_finite("gradient", back.features.as_ref())?)
                });
            assert!(
                matches!(finite, Ok(()) | Err(Error::Rule(Rule::Overflow { .. }))),
                "{size:e} {:?}: {finite:?}",
                layer.options()
            );
        }
        let default = pooled(&O2pLayer::default(), &x);
        default
            .vjp(gaussian(4, D * (D + 1) / 2, 5).as_ref())
            .unwrap();
    }
}
