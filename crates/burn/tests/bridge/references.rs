//! Gradients at equal values, zero values and lost rank, against references of many digits stored with the core.
//!
//! A gradient that does not exist is NaN here, with the reason beside it. Tests run side by side and the reason is one for
//! the process: here it is not asked for, `refusals` does.

use crate::losses::{Taped, gradient, scaled, tensor};
use burn_tensor::Tensor;
use matbackprop_burn as bridge;
use matbackprop_burn::Result;
use matbackprop_burn::core::RankTolerance;
use matbackprop_burn::core::stack::{ProjectorRule, Stacked};
use test_support::references::{
    ClosedGapCase, Matrix, Must, closed_gap_cases, gram_log_cases, relative_error,
};

type Batch = Tensor<Taped, 3>;

fn one(matrix: &Matrix) -> Batch {
    tensor(matrix.entries.clone(), [1, matrix.rows, matrix.columns])
}

#[test]
fn logarithms_of_gram_matrices_are_right_on_every_spectrum() {
    for case in gram_log_cases() {
        let found = gradient(one(&case.f), |f| {
            Ok((bridge::gram_log(f, case.epsilon)? * one(&case.g)).sum())
        });
        let error = relative_error(&found.unwrap(), &case.f_bar);
        assert!(error <= 5e-14, "{}: {error:e}", case.name);
    }
}

/// Right, or NaN where the case allows for an error.
fn judge(case: &ClosedGapCase, found: Result<Vec<f64>>) {
    let found = found.unwrap();
    let finite = found.iter().all(|x| x.is_finite());
    match case.must {
        Must::Error => assert!(found.iter().all(|x| x.is_nan()), "{}: numbers", case.name),
        Must::Unknowable => assert!(finite, "{}", case.name),
        Must::Either if !finite => {}
        Must::Right | Must::Either => {
            let error = relative_error(&found, &case.expected);
            assert!(error <= case.tolerance, "{}: {error:e}", case.name);
        }
    }
}

fn from_one_to(n: usize) -> Tensor<Taped, 2> {
    tensor((1..=n).map(|i| i as f64).collect(), [1, n])
}

fn eigen_loss(case: &ClosedGapCase, a: Batch) -> Result<Tensor<Taped, 1>> {
    let (values, vectors): (Tensor<Taped, 2>, _) = bridge::eigh(a)?;
    let n = case.a.rows;
    let weights = match case.loss.as_str() {
        "exp" => values.exp(),
        "same" => values,
        "indices" => from_one_to(n),
        "sum exp" => return Ok(values.exp().sum()),
        "projector" => {
            let kept = vectors.narrow(2, n - case.k, case.k);
            return Ok((kept.clone().matmul(kept.transpose()) * one(&case.g)).sum());
        }
        other => panic!("expected a loss we know, found {other}"),
    };
    let product = scaled(vectors.clone(), weights).matmul(vectors.transpose());
    Ok((product * one(&case.g)).sum())
}

#[test]
fn losses_of_eigenvectors_are_right_or_refused() {
    for case in closed_gap_cases("SymEig") {
        judge(&case, gradient(one(&case.a), |a| eigen_loss(&case, a)));
    }
}

fn singular_loss(case: &ClosedGapCase, a: Batch) -> Result<Tensor<Taped, 1>> {
    let (u, s, vt): (_, Tensor<Taped, 2>, _) = bridge::svd(a)?;
    let r = case.a.rows.min(case.a.columns);
    let kept = |x: Batch| {
        let kept = x.narrow(2, 0, case.k);
        Ok((kept.clone().matmul(kept.transpose()) * one(&case.g)).sum())
    };
    let scaled_u = match case.loss.as_str() {
        "same" => scaled(u, s),
        "sinh" => scaled(u, (s.clone().exp() - s.neg().exp()).mul_scalar(0.5)),
        "polar" => u,
        "indices" => scaled(u, from_one_to(r)),
        "nuclear norm" => return Ok(s.sum()),
        "left projector" => return kept(u),
        "right projector" => return kept(vt.transpose()),
        other => panic!("expected a loss we know, found {other}"),
    };
    Ok((scaled_u.matmul(vt) * one(&case.g)).sum())
}

#[test]
fn losses_of_singular_vectors_are_right_or_refused() {
    for case in closed_gap_cases("ThinSvd") {
        judge(&case, gradient(one(&case.a), |a| singular_loss(&case, a)));
    }
}

#[test]
fn polar_factors_have_the_stored_gradients() {
    let of_polar = closed_gap_cases("ThinSvd");
    let of_polar: Vec<_> = of_polar
        .iter()
        .filter(|case| case.loss == "polar")
        .collect();
    assert!(of_polar.len() > 30);
    for case in of_polar {
        let found = gradient(one(&case.a), |a| {
            Ok((bridge::polar(a)?.0 * one(&case.g)).sum())
        });
        judge(case, found);
    }
}

#[test]
fn truncated_projectors_have_the_stored_gradients() {
    for case in closed_gap_cases("Projector") {
        let tolerance = RankTolerance::Relative(case.rank_tolerance.expect("a tolerance"));
        let found = gradient(one(&case.a), |a| {
            let rule = Stacked::new(ProjectorRule { tolerance });
            Ok((bridge::apply(rule, [a])?.remove(0) * one(&case.g)).sum())
        });
        judge(&case, found);
    }
}
