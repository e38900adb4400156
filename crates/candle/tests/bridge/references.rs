//! Gradients at equal values, zero values and lost rank, against references of many digits stored with the core.

use crate::losses::list;
use candle_core::{D, Device, Result, Tensor, Var};
use matbackprop_candle as bridge;
use matbackprop_candle::core::RankTolerance;
use matbackprop_candle::core::stack::{ProjectorRule, Stacked};
use test_support::references::{
    ClosedGapCase, Matrix, Must, closed_gap_cases, gram_log_cases, relative_error,
};

fn tensor(matrix: &Matrix) -> Tensor {
    let entries = matrix.entries.clone();
    Tensor::from_vec(entries, (matrix.rows, matrix.columns), &Device::Cpu).unwrap()
}

/// The gradient of a loss at a stored matrix.
fn gradient(a: &Matrix, loss: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Vec<f64>> {
    let a = Var::from_tensor(&tensor(a))?;
    let grads = loss(&a)?.backward()?;
    Ok(list(grads.get(&a).expect("a gradient")))
}

#[test]
fn logarithms_of_gram_matrices_are_right_on_every_spectrum() {
    for case in gram_log_cases() {
        let found = gradient(&case.f, |f| {
            (bridge::gram_log(f, case.epsilon)? * tensor(&case.g))?.sum_all()
        });
        let error = relative_error(&found.unwrap(), &case.f_bar);
        assert!(error <= 5e-14, "{}: {error:e}", case.name);
    }
}

/// Right, or an error of the right kind where the case allows for one.
fn judge(case: &ClosedGapCase, found: Result<Vec<f64>>) {
    match (found, case.must) {
        (Ok(found), Must::Right | Must::Either) => {
            let error = relative_error(&found, &case.expected);
            assert!(error <= case.tolerance, "{}: {error:e}", case.name);
        }
        (Ok(found), Must::Unknowable) => {
            assert!(found.iter().all(|x| x.is_finite()), "{}", case.name);
        }
        (Ok(_), Must::Error) => panic!("{}: numbers", case.name),
        (Err(error), Must::Right) => panic!("{}: {error}", case.name),
        (Err(error), _) => {
            let message = error.to_string();
            assert!(
                message.contains("expected a gap"),
                "{}: {message}",
                case.name
            );
        }
    }
}

/// Columns times numbers.
fn scaled(x: &Tensor, weights: &Tensor) -> Result<Tensor> {
    x.broadcast_mul(&weights.unsqueeze(D::Minus2)?)
}

fn from_one_to(n: usize) -> Result<Tensor> {
    Tensor::arange(1.0, n as f64 + 1.0, &Device::Cpu)
}

fn eigen_loss(case: &ClosedGapCase, a: &Tensor) -> Result<Tensor> {
    let (values, vectors) = bridge::eigh(a)?;
    let n = case.a.rows;
    let weights = match case.loss.as_str() {
        "exp" => values.exp()?,
        "same" => values,
        "indices" => from_one_to(n)?,
        "sum exp" => return values.exp()?.sum_all(),
        "projector" => {
            let kept = vectors.narrow(1, n - case.k, case.k)?;
            let product = kept.matmul(&kept.t()?)?;
            return (product * tensor(&case.g))?.sum_all();
        }
        other => panic!("expected a loss we know, found {other}"),
    };
    let product = scaled(&vectors, &weights)?.matmul(&vectors.t()?)?;
    (product * tensor(&case.g))?.sum_all()
}

#[test]
fn losses_of_eigenvectors_are_right_or_refused() {
    for case in closed_gap_cases("SymEig") {
        judge(&case, gradient(&case.a, |a| eigen_loss(&case, a)));
    }
}

fn singular_loss(case: &ClosedGapCase, a: &Tensor) -> Result<Tensor> {
    let (u, s, vt) = bridge::svd(a)?;
    let r = case.a.rows.min(case.a.columns);
    let kept = |x: Tensor| -> Result<Tensor> {
        let kept = x.narrow(1, 0, case.k)?;
        (kept.matmul(&kept.t()?)? * tensor(&case.g))?.sum_all()
    };
    let scaled_u = match case.loss.as_str() {
        "same" => scaled(&u, &s)?,
        "sinh" => {
            let sinh = ((s.exp()? - s.neg()?.exp()?)? * 0.5)?;
            scaled(&u, &sinh)?
        }
        "polar" => u,
        "indices" => scaled(&u, &from_one_to(r)?)?,
        "nuclear norm" => return s.sum_all(),
        "left projector" => return kept(u),
        "right projector" => return kept(vt.t()?),
        other => panic!("expected a loss we know, found {other}"),
    };
    (scaled_u.matmul(&vt)? * tensor(&case.g))?.sum_all()
}

#[test]
fn losses_of_singular_vectors_are_right_or_refused() {
    for case in closed_gap_cases("ThinSvd") {
        judge(&case, gradient(&case.a, |a| singular_loss(&case, a)));
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
        judge(
            case,
            gradient(&case.a, |a| {
                (bridge::polar(a)?.0 * tensor(&case.g))?.sum_all()
            }),
        );
    }
}

#[test]
fn truncated_projectors_have_the_stored_gradients() {
    for case in closed_gap_cases("Projector") {
        let tolerance = RankTolerance::Relative(case.rank_tolerance.expect("a tolerance"));
        let rule = Stacked::new(ProjectorRule { tolerance });
        let found = gradient(&case.a, |a| {
            (bridge::apply(rule, &[a])?.remove(0) * tensor(&case.g))?.sum_all()
        });
        judge(&case, found);
    }
}
