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

/// The hard one, the regularised one by each of its methods, and leading eigenvectors.
const CRITERIA: [Criterion; 4] = [
    HARD,
    Criterion::Regularised { epsilon: 1e-3 },
    Criterion::Regularised { epsilon: 1e-6 },
    Criterion::Eigenvectors {
        gaps: GapPolicy::Error { floor: 1e-12 },
    },
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
    forward
        .vjp_of_vjp(LOSS_BAR, y.as_ref(), None)
        .unwrap()
        .features
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
            let second = forward.vjp_of_vjp(LOSS_BAR, x.as_ref(), None).unwrap();
            assert_eq!(second.loss_bar_bar, forward.jvp(x.as_ref(), None).unwrap());
            // Linear in J̄.
            let twice = forward
                .vjp_of_vjp(-2.0 * LOSS_BAR, x.as_ref(), None)
                .unwrap();
            let error = (twice.features + Scale(2.0) * &of_x).norm_l2();
            assert!(error < 1e-13 * of_x.norm_l2());
        }
    }
}

/// One matrix above another.
fn above(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows() + b.nrows(), a.ncols(), |i, j| {
        match i.checked_sub(a.nrows()) {
            None => a[(i, j)],
            Some(i) => b[(i, j)],
        }
    })
}

/// (Y, M) above each other to the product of the Hessian with it.
fn along_both(forward: &NcutsForward, z: MatRef<'_, f64>, n: usize) -> (Mat<f64>, Mat<f64>) {
    let (y, m) = z.split_at_row(n);
    let second = forward.vjp_of_vjp(LOSS_BAR, y, Some(m)).unwrap();
    (second.features, second.lambda.unwrap())
}

/// Holds the second order in F and Λ to differences of F̄ and Λ̄, for Λ = Λ₀ + B Bᵀ, in F and B, with any M.
fn check_with_lambda(criterion: Criterion, f: &Mat<f64>, base: &Mat<f64>, half: &Mat<f64>) {
    let (n, d) = f.shape();
    let layer = NcutsLayer::new(criterion);
    let of = |g: MatRef<'_, f64>| {
        let (f, half) = g.split_at_row(n);
        let lambda = base + half.transpose() * half;
        layer.forward(f, Some(lambda.as_ref()), &indicators(n))
    };
    let g = above(f.as_ref(), half.transpose());
    let forward = of(g.as_ref()).unwrap();
    let first = |g: MatRef<'_, f64>| {
        let bar = of(g)?.vjp(LOSS_BAR)?;
        Ok(above(bar.features.as_ref(), bar.lambda.unwrap().as_ref()))
    };
    let second = |z: MatRef<'_, f64>| {
        let (features, lambda) = along_both(&forward, z, n);
        let of_half = Scale(2.0) * lambda * half;
        Ok(above(features.as_ref(), of_half.transpose()))
    };
    check_vjp(first, second, g.as_ref(), &check()).unwrap_or_else(|error: Error| {
        panic!("{criterion:?}, rank {} of {d}: {error}", half.ncols())
    });
}

#[test]
fn agrees_with_finite_differences_in_lambda_of_any_rank() {
    let (n, d) = (30, 5);
    let f = relu_features(n, d, 3);
    let zero = Mat::zeros(d, d);
    for criterion in CRITERIA {
        // Definite, in every direction; of rank d, 3 and 2, along Λ's of that rank. At rank 1, J is constant.
        let base = definite_lambda(d, d + 4, 4);
        check_with_lambda(criterion, &f, &base, &relu_features(d, d, 5));
        for rank in [d, 3, 2] {
            check_with_lambda(criterion, &f, &zero, &relu_features(d, rank, 6));
        }
    }
}

#[test]
fn a_tolerance_that_drops_a_value_has_its_second_order_too() {
    let (n, d) = (30, 5);
    let f = relu_features(n, d, 3);
    let zero = Mat::zeros(d, d);
    for (rank, is_given) in [(d, true), (3, true), (d, false)] {
        let half = relu_features(d, rank, 6);
        let lambda = &half * half.transpose();
        let given = is_given.then_some(lambda.as_ref());
        let layer = NcutsLayer::new(HARD);
        let whole = layer.forward(f.as_ref(), given, &indicators(n)).unwrap();
        let fraction = (whole.spectrum()[rank - 1] * whole.spectrum()[rank - 2]).sqrt();
        let criterion = Criterion::HardProjector {
            rank_tolerance: RankTolerance::Relative(fraction),
        };
        check_through(criterion, given, &f, |f| f.to_owned(), |f| f.to_owned());
        if is_given {
            check_with_lambda(criterion, &f, &zero, &half);
        }
    }
}

#[test]
fn features_of_lower_rank_than_lambda_do_not_see_its_range() {
    // rank F = 2 < rank Λ = 4 < d: the range of Z is that of D^{−½} F, whatever M.
    let (n, d) = (30, 6);
    let noise = relu_features(n, 2, 3);
    let g = Mat::from_fn(n, 2, |i, j| noise[(i, j)] + 0.3);
    let mixed = relu_features(2, d, 4);
    let lambda = definite_lambda(d, 4, 6);
    let layer = NcutsLayer::new(HARD);
    let of = |g: MatRef<'_, f64>| {
        let f = g * &mixed;
        layer.forward(f.as_ref(), Some(lambda.as_ref()), &indicators(n))
    };
    let forward = of(g.as_ref()).unwrap();
    assert_eq!(forward.similarity_rank(), 2);
    let first = |g: MatRef<'_, f64>| {
        let bar = of(g)?.vjp(LOSS_BAR)?;
        let features = bar.features * mixed.transpose();
        let lambda = bar.lambda.unwrap() * lambda_tangent(d, &lambda);
        Ok(above(features.as_ref(), lambda.as_ref()))
    };
    let second = |z: MatRef<'_, f64>| {
        let (y, m) = z.split_at_row(n);
        let m = m * lambda_tangent(d, &lambda).transpose();
        let y = y * &mixed;
        let second = forward.vjp_of_vjp(LOSS_BAR, y.as_ref(), Some(m.as_ref()));
        Ok(second.unwrap().features * mixed.transpose())
    };
    check_vjp(first, second, g.as_ref(), &check()).unwrap_or_else(|error: Error| panic!("{error}"));
}

/// Two columns of the range of Λ.
fn lambda_tangent(d: usize, lambda: &Mat<f64>) -> Mat<f64> {
    lambda * gaussian(d, 2, 8)
}

#[test]
fn lambda_has_its_second_order_with_isolated_pixels_too() {
    let (n, d) = (24, 4);
    let noise = relu_features(n, d, 3);
    let dead = |i: usize| i == 0 || i == 11;
    let f = Mat::from_fn(n, d, |i, j| if dead(i) { 0.0 } else { noise[(i, j)] + 0.1 });
    let lambda = definite_lambda(d, 2, 6);
    let alive = Mat::from_fn(n, d, |i, j| {
        if dead(i) {
            0.0
        } else {
            gaussian(n, d, 9)[(i, j)]
        }
    });
    for criterion in CRITERIA {
        let layer = NcutsLayer::new(criterion);
        let forward = |f: &Mat<f64>| {
            layer
                .forward(f.as_ref(), Some(lambda.as_ref()), &indicators(n))
                .unwrap()
        };
        let second = forward(&f)
            .vjp_of_vjp(LOSS_BAR, alive.as_ref(), None)
            .unwrap();
        let h = 1e-5;
        let [up, down] = [h, -h].map(|h| {
            let bar = forward(&(&f + Scale(h) * &alive)).vjp(LOSS_BAR).unwrap();
            bar.lambda.unwrap()
        });
        let expected = Scale(0.5 / h) * (up - down);
        let found = second.lambda.unwrap();
        let error = (found - &expected).norm_l2() / expected.norm_l2();
        assert!(error < 1e-5, "{criterion:?}: {error:e}");
    }
}

#[test]
fn a_regularised_criterion_bends_where_the_rank_of_lambda_rises() {
    let (n, d) = (30, 5);
    let f = relu_features(n, d, 3);
    let lambda = definite_lambda(d, 2, 6);
    let rising = definite_lambda(d, 3, 7);
    let none = Mat::zeros(n, d);
    for epsilon in [1e-1, 1e-2] {
        let layer = NcutsLayer::new(Criterion::Regularised { epsilon });
        let of = |h: f64| {
            let lambda = &lambda + Scale(h) * &rising;
            layer
                .forward(f.as_ref(), Some(lambda.as_ref()), &indicators(n))
                .unwrap()
        };
        let bar = |h: f64| of(h).vjp(LOSS_BAR).unwrap().lambda.unwrap();
        let h = 1e-5;
        // From one side, to second order: beyond Λ itself it is indefinite.
        let expected =
            Scale(0.5 / h) * (Scale(4.0) * bar(h) - Scale(3.0) * bar(0.0) - bar(2.0 * h));
        let z = above(none.as_ref(), rising.as_ref());
        let (_, found) = along_both(&of(0.0), z.as_ref(), n);
        let error = (found - &expected).norm_l2() / expected.norm_l2();
        assert!(error < 1e-4, "{epsilon}: {error:e}");
    }
}

#[test]
fn the_hessian_in_both_is_symmetric_and_turns_the_gradient_along_lambda() {
    let (n, d) = (40, 6);
    let f = relu_features(n, d, 5);
    for criterion in CRITERIA {
        for lambda in [definite_lambda(d, d + 2, 6), definite_lambda(d, 3, 6)] {
            let forward = NcutsLayer::new(criterion)
                .forward(f.as_ref(), Some(lambda.as_ref()), &indicators(n))
                .unwrap();
            // Along motions that keep the rank: Λ̇ = sym(K Λ).
            let tangent = |seed| {
                let turned = gaussian(d, d, seed) * &lambda;
                let m = &turned + turned.transpose();
                above(gaussian(n, d, seed + 1).as_ref(), m.as_ref())
            };
            let (x, y) = (tangent(7), tangent(9));
            let [of_x, of_y] = [&x, &y].map(|z| {
                let (features, lambda) = along_both(&forward, z.as_ref(), n);
                above(features.as_ref(), lambda.as_ref())
            });
            let [one, other] = [(&of_x, &y), (&of_y, &x)]
                .map(|(a, b)| inner_product(a.as_ref(), b.as_ref()).unwrap());
            let size = of_x.norm_l2() * y.norm_l2();
            assert!(
                (one - other).abs() < 1e-9 * size,
                "{criterion:?}: {one} {other}"
            );
            // F̄(F, tΛ) = F̄ and Λ̄(F, tΛ) = Λ̄ / t.
            let none = Mat::zeros(n, d);
            let z = above(none.as_ref(), lambda.as_ref());
            let (features, turned) = along_both(&forward, z.as_ref(), n);
            let bar = forward.vjp(LOSS_BAR).unwrap();
            let lambda_bar = bar.lambda.unwrap();
            let error = (turned + &lambda_bar).norm_l2() / lambda_bar.norm_l2();
            assert!(error < 1e-8, "{criterion:?}: {error:e}");
            let error = features.norm_l2() / bar.features.norm_l2();
            assert!(error < 1e-8, "{criterion:?}: {error:e}");
            let (y, m) = x.as_ref().split_at_row(n);
            let second = forward.vjp_of_vjp(LOSS_BAR, y, Some(m)).unwrap();
            assert_eq!(second.loss_bar_bar, forward.jvp(y, Some(m)).unwrap());
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
    let gaps = GapPolicy::Broadened { width: 1e-3 };
    let broadened = of(Criterion::Eigenvectors { gaps });
    let error = broadened.vjp_of_vjp(1.0, f.as_ref(), None).unwrap_err();
    assert!(
        matches!(error, Error::Rule(Rule::CurvatureUnknown { .. })),
        "{error}"
    );
    let forward = of(HARD);
    let nan = Mat::full(n, d, f64::NAN);
    for (loss_bar, y) in [(f64::NAN, &f), (1.0, &nan)] {
        let error = forward.vjp_of_vjp(loss_bar, y.as_ref(), None).unwrap_err();
        assert!(
            matches!(error, Error::Rule(Rule::NotFinite { .. })),
            "{error}"
        );
    }
    let error = forward.vjp_of_vjp(1.0, f.transpose(), None).unwrap_err();
    assert!(
        matches!(error, Error::Rule(Rule::ShapeMismatch { .. })),
        "{error}"
    );
    // M without Λ, of another side, and not finite.
    let lambda = definite_lambda(d, d, 1);
    let with_lambda = NcutsLayer::default()
        .forward(f.as_ref(), Some(lambda.as_ref()), &indicators(n))
        .unwrap();
    let (small, nan) = (Mat::identity(3, 3), Mat::full(d, d, f64::NAN));
    for (forward, m) in [(&forward, &lambda), (&with_lambda, &small)] {
        let error = forward.vjp_of_vjp(1.0, f.as_ref(), Some(m.as_ref()));
        assert!(matches!(
            error,
            Err(Error::Rule(Rule::ShapeMismatch { .. }))
        ));
    }
    let error = with_lambda.vjp_of_vjp(1.0, f.as_ref(), Some(nan.as_ref()));
    assert!(matches!(error, Err(Error::Rule(Rule::NotFinite { .. }))));
}
