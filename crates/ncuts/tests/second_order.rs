//! Products with the Hessian of the loss, against finite differences of its gradient.

mod inputs;

use faer::{Mat, MatRef, Scale, mat};
use inputs::{blocks, definite_lambda, relu_features};
use matbackprop_core::gradcheck::{GradientCheck, check_vjp, gaussian};
use matbackprop_core::{Error as Rule, GapPolicy, RankTolerance, inner_product};
use ncuts::{Criterion, Error, Indicator, NcutsForward, NcutsLayer};

const HARD: Criterion = Criterion::HardProjector {
    rank_tolerance: RankTolerance::MachinePrecision,
};

/// The hard one, and the regularised one by each of its methods.
const CRITERIA: [Criterion; 3] = [
    HARD,
    Criterion::Regularised { epsilon: 1e-3 },
    Criterion::Regularised { epsilon: 1e-6 },
];

const LOSS_BAR: f64 = 0.7;

fn indicators(n: usize) -> [Indicator; 2] {
    [4, 7].map(|k| {
        let assignment = blocks(n, k);
        let segments = assignment.iter().max().map_or(0, |&last| last as usize + 1);
        Indicator::from_assignment(assignment, segments).unwrap()
    })
}

fn check() -> GradientCheck {
    GradientCheck {
        step: 1e-5,
        tolerance: 1e-5,
        ..GradientCheck::default()
    }
}

fn along(forward: &NcutsForward, y: &Mat<f64>) -> Mat<f64> {
    forward.vjp_of_vjp(LOSS_BAR, y.as_ref()).unwrap().features
}

/// Holds the second order of G ↦ F(G) to differences of the first, for a linear F.
fn check_through(
    criterion: Criterion,
    lambda: Option<MatRef<'_, f64>>,
    g: &Mat<f64>,
    there: impl Fn(MatRef<'_, f64>) -> Mat<f64>,
    back: impl Fn(MatRef<'_, f64>) -> Mat<f64>,
) {
    let layer = NcutsLayer::new(criterion);
    let of = |g: MatRef<'_, f64>| {
        let f = there(g);
        layer.forward(f.as_ref(), lambda, &indicators(f.nrows()))
    };
    let forward = of(g.as_ref()).unwrap();
    let first = |g: MatRef<'_, f64>| Ok(back(of(g)?.vjp(LOSS_BAR)?.features.as_ref()));
    let second = |y: MatRef<'_, f64>| Ok(back(along(&forward, &there(y)).as_ref()));
    check_vjp(first, second, g.as_ref(), &check())
        .unwrap_or_else(|error: Error| panic!("{criterion:?}, Λ {}: {error}", lambda.is_some()));
}

#[test]
fn agrees_with_finite_differences_of_the_gradient() {
    let (n, d) = (30, 5);
    let f = relu_features(n, d, 3);
    let (definite, low) = (definite_lambda(d, d + 4, 4), definite_lambda(d, 2, 6));
    for criterion in CRITERIA {
        for lambda in [None, Some(definite.as_ref()), Some(low.as_ref())] {
            check_through(criterion, lambda, &f, |f| f.to_owned(), |f| f.to_owned());
        }
    }
}

#[test]
fn lost_ranks_and_isolated_pixels_have_their_second_order_too() {
    let (n, d) = (30, 4);
    let g = relu_features(n, d, 3);
    // A feature twice, one that is a sum, one that is dead; equal singular values take no part in it.
    let twice = mat![
        [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        [0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0],
        [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0],
    ];
    for criterion in CRITERIA {
        check_through(
            criterion,
            None,
            &g,
            |g| g * &twice,
            |f| f * twice.transpose(),
        );
        // Two pixels without features, at the beginning and in the middle.
        let place = |i: usize| if i < 10 { i + 1 } else { i + 2 };
        let there = |g: MatRef<'_, f64>| {
            let mut f = Mat::zeros(n + 2, d);
            for i in 0..n {
                f.row_mut(place(i)).copy_from(g.row(i));
            }
            f
        };
        let back = |f: MatRef<'_, f64>| Mat::from_fn(n, d, |i, j| f[(place(i), j)]);
        check_through(criterion, None, &g, there, back);
    }
}

#[test]
fn the_hessian_is_symmetric_and_turns_the_gradient_along_the_features() {
    let (n, d) = (40, 6);
    let f = relu_features(n, d, 5);
    let lambda = definite_lambda(d, d + 2, 6);
    for criterion in CRITERIA {
        for lambda in [None, Some(lambda.as_ref())] {
            let forward = NcutsLayer::new(criterion)
                .forward(f.as_ref(), lambda, &indicators(n))
                .unwrap();
            let (x, y) = (gaussian(n, d, 7), gaussian(n, d, 8));
            let (of_x, of_y) = (along(&forward, &x), along(&forward, &y));
            let [one, other] = [(&of_x, &y), (&of_y, &x)]
                .map(|(a, b)| inner_product(a.as_ref(), b.as_ref()).unwrap());
            let size = of_x.norm_l2() * y.norm_l2();
            assert!(
                (one - other).abs() < 1e-10 * size,
                "{criterion:?}: {one} {other}"
            );
            // F̄(tF) = F̄(F) / t.
            let gradient = forward.vjp(LOSS_BAR).unwrap().features;
            let error = (along(&forward, &f) + &gradient).norm_l2() / gradient.norm_l2();
            assert!(error < 1e-8, "{criterion:?}: {error:e}");
            let second = forward.vjp_of_vjp(LOSS_BAR, x.as_ref()).unwrap();
            assert_eq!(second.loss_bar_bar, forward.jvp(x.as_ref(), None).unwrap());
            // Linear in J̄.
            let twice = forward.vjp_of_vjp(-2.0 * LOSS_BAR, x.as_ref()).unwrap();
            let error = (twice.features + Scale(2.0) * &of_x).norm_l2();
            assert!(error < 1e-13 * of_x.norm_l2());
        }
    }
}

#[test]
fn sizes_far_from_one_scale_as_they_should() {
    let (n, d) = (20, 4);
    let (f, y) = (relu_features(n, d, 5), gaussian(n, d, 6));
    for criterion in CRITERIA {
        let layer = NcutsLayer::new(criterion);
        let of = |f: &Mat<f64>| layer.forward(f.as_ref(), None, &indicators(n)).unwrap();
        let plain = along(&of(&f), &y);
        for (size, y_size) in [
            (1e120, 1.0),
            (1e-120, 1.0),
            (1e200, 1e250),
            (1e-200, 1e-250),
        ] {
            let forward = of(&(Scale(size) * &f));
            let found = along(&forward, &(Scale(y_size) * &y));
            let found = Scale(size / y_size) * (Scale(size) * found);
            let error = (found - &plain).norm_l2() / plain.norm_l2();
            assert!(error < 1e-9, "{criterion:?} {size:e}: {error:e}");
        }
    }
}

#[test]
fn refuses_what_has_no_answer() {
    let (n, d) = (20, 4);
    let f = relu_features(n, d, 5);
    let of = |criterion| {
        let layer = NcutsLayer::new(criterion);
        layer.forward(f.as_ref(), None, &indicators(n)).unwrap()
    };
    let truncated = Criterion::HardProjector {
        rank_tolerance: RankTolerance::Relative(0.5),
    };
    let gaps = GapPolicy::default();
    for criterion in [truncated, Criterion::Eigenvectors { gaps }] {
        let error = of(criterion).vjp_of_vjp(1.0, f.as_ref()).unwrap_err();
        assert!(
            matches!(error, Error::Rule(Rule::CurvatureUnknown { .. })),
            "{error}"
        );
    }
    let forward = of(HARD);
    let nan = Mat::full(n, d, f64::NAN);
    for (loss_bar, y) in [(f64::NAN, &f), (1.0, &nan)] {
        let error = forward.vjp_of_vjp(loss_bar, y.as_ref()).unwrap_err();
        assert!(
            matches!(error, Error::Rule(Rule::NotFinite { .. })),
            "{error}"
        );
    }
    let error = forward.vjp_of_vjp(1.0, f.transpose()).unwrap_err();
    assert!(
        matches!(error, Error::Rule(Rule::ShapeMismatch { .. })),
        "{error}"
    );
}
