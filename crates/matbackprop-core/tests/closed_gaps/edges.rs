//! Functions of singular matrices, at the edge of their domain.

use crate::file::*;
use crate::report::*;
use faer::{Mat, Scale, mat};
use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::{
    Error, Exp, GapPolicy, Inverse, InverseSqrt, Log, MatrixFunction, Power, Result,
    ScalarFunction, Sqrt, SymEig, TraceFunction, eigenvalues,
};

#[test]
fn functions_of_singular_matrices_are_right_or_refused() {
    let file = File::read();
    let mut report = Report::default();
    for case in file.cases("MatrixFunction value") {
        let a = case.a();
        let found = match case.text("function") {
            "sqrt" => value_of(&a, Sqrt),
            _ => value_of(&a, power(case.number("exponent"))),
        };
        report.judge("D, value", &case, "no policy", case.must, found);
    }
    for case in file.cases("MatrixFunction") {
        let (a, g) = (case.a(), case.g());
        let found = match case.text("function") {
            "sqrt" => gradient_of(&a, Sqrt, &g),
            _ => gradient_of(&a, power(case.number("exponent")), &g),
        };
        report.judge("D, gradient", &case, "no policy", case.must, found);
    }
    for name in [
        "ones of 3",
        "zero of 3",
        "diag(1,0)",
        "whole, rank 2 of 4",
        "dead rows, rank 2 of 5",
    ] {
        check_singular(&mut report, name, &file.matrix(name));
    }
    // An eigenvalue is known to about ε of the largest.
    check_singular(
        &mut report,
        "diag(1,1e-17)",
        &mat![[1.0, 0.0], [0.0, 1e-17]],
    );
    for draw in 0..50 {
        check_rank_one(&mut report, draw);
        check_rank_but_one(&mut report, draw);
    }
    check_refusals(&mut report);
    report.finish();
}

fn power(exponent: f64) -> Power {
    Power { exponent }
}

fn value_of(a: &Mat<f64>, function: impl ScalarFunction) -> Result<Mat<f64>> {
    Ok(MatrixFunction::forward(a.as_ref(), function)?
        .value()
        .to_owned())
}

fn gradient_of(a: &Mat<f64>, function: impl ScalarFunction, g: &Mat<f64>) -> Result<Mat<f64>> {
    MatrixFunction::forward(a.as_ref(), function)?.vjp(g.as_ref())
}

fn trace_gradient_of(a: &Mat<f64>, function: impl ScalarFunction) -> Result<Mat<f64>> {
    TraceFunction::forward(a.as_ref(), function)?.vjp(1.0)
}

/// An error for which `fits` holds.
fn check_refused<T>(
    report: &mut Report,
    place: &str,
    found: Result<T>,
    fits: impl Fn(&Error) -> bool,
) {
    let group = "D, refusals";
    match found {
        Err(error) if fits(&error) => report.refused(group),
        Err(error) => report.failed(
            group,
            format!("{group}: {place}: an error of another kind: {error}"),
        ),
        Ok(_) => report.failed(
            group,
            format!("{group}: {place}: expected an error, found numbers"),
        ),
    }
}

/// Functions without a value at zero, and those without a slope there.
fn check_singular(report: &mut Report, name: &str, a: &Mat<f64>) {
    let outside = |error: &Error| matches!(error, Error::OutsideDomain { .. });
    let kink = |error: &Error| matches!(error, Error::NotDifferentiable { .. });
    check_refused(report, &format!("log of {name}"), value_of(a, Log), outside);
    check_refused(
        report,
        &format!("inverse root of {name}"),
        value_of(a, InverseSqrt),
        outside,
    );
    check_refused(
        report,
        &format!("inverse of {name}"),
        value_of(a, Inverse),
        outside,
    );
    check_refused(
        report,
        &format!("tr log of {name}"),
        TraceFunction::forward(a.as_ref(), Log),
        outside,
    );
    check_refused(
        report,
        &format!("tr of the inverse root of {name}"),
        TraceFunction::forward(a.as_ref(), InverseSqrt),
        outside,
    );
    check_refused(
        report,
        &format!("tr of the inverse of {name}"),
        TraceFunction::forward(a.as_ref(), Inverse),
        outside,
    );
    let n = a.nrows();
    let general = symmetric(gaussian(n, n, 77).as_ref());
    check_refused(
        report,
        &format!("root of {name}, general cotangent"),
        gradient_of(a, Sqrt, &general),
        kink,
    );
    check_refused(
        report,
        &format!("x^0.7 of {name}, general cotangent"),
        gradient_of(a, power(0.7), &general),
        kink,
    );
    check_refused(
        report,
        &format!("gradient of the trace of the root of {name}"),
        trace_gradient_of(a, Sqrt),
        kink,
    );
}

/// aᵀa for a row a of 8, rounded: everything has a closed form.
fn check_rank_one(report: &mut Report, draw: u64) {
    let row = gaussian(1, 8, 300 + draw);
    let a = row.transpose() * &row;
    let trace = row.squared_norm_l2();
    let onto = Scale(trace.recip()) * &a;
    let beside = Mat::<f64>::identity(8, 8) - &onto;
    let m = symmetric(gaussian(8, 8, 400 + draw).as_ref());
    let seen = symmetric((&m * &a + &a * &m).as_ref());
    let expected_gradient = |exponent: f64| {
        let across = &onto * &seen * &beside;
        Scale(exponent * trace.powf(exponent - 1.0)) * (&onto * &seen * &onto)
            + Scale(trace.powf(exponent - 1.0)) * (&across + across.transpose())
    };
    for exponent in [0.5, 0.7, 1.5] {
        let place = format!("x^{exponent}, rank 1 of 8, draw {draw}");
        let expected = Scale(trace.powf(exponent - 1.0)) * &a;
        let (value, gradient, of_trace) = if exponent == 0.5 {
            (value_of(&a, Sqrt), gradient_of(&a, Sqrt, &seen), None)
        } else {
            let f = power(exponent);
            // f′(0) is 0 above one, infinite below.
            let of_trace = (exponent > 1.0).then(|| trace_gradient_of(&a, f));
            (value_of(&a, f), gradient_of(&a, f, &seen), of_trace)
        };
        check_close(
            report,
            "D, rank 1 of 8, value",
            &place,
            value,
            &expected,
            1e-13,
        );
        check_close(
            report,
            "D, rank 1 of 8, gradient",
            &place,
            gradient,
            &expected_gradient(exponent),
            1e-13,
        );
        if let Some(of_trace) = of_trace {
            let expected = Scale(exponent * trace.powf(exponent - 1.0)) * &onto;
            check_close(
                report,
                "D, rank 1 of 8, trace",
                &place,
                of_trace,
                &expected,
                1e-13,
            );
        }
    }
    check_singular(report, &format!("rank 1 of 8, draw {draw}"), &a);
}

/// BᵀB for B: 63 × 64: conditions on a root and a power.
fn check_rank_but_one(report: &mut Report, draw: u64) {
    let b = gaussian(63, 64, 500 + draw);
    let a = symmetric((b.transpose() * &b).as_ref());
    let place = format!("rank 63 of 64, draw {draw}");
    let m = symmetric(gaussian(64, 64, 600 + draw).as_ref());
    let seen = symmetric((&m * &a + &a * &m).as_ref());
    let square = value_of(&a, Sqrt).map(|c| &c * &c);
    check_close(
        report,
        "D, rank 63 of 64, C C = A",
        &place,
        square,
        &a,
        1e-13,
    );
    let product = value_of(&a, power(0.7)).and_then(|c| Ok(c * value_of(&a, power(0.3))?));
    check_close(
        report,
        "D, rank 63 of 64, A^0.7 A^0.3 = A",
        &place,
        product,
        &a,
        1e-13,
    );
    let square = value_of(&a, power(1.5)).map(|c| &c * &c);
    check_close(
        report,
        "D, rank 63 of 64, (A^1.5)² = A³",
        &place,
        square,
        &(&a * &a * &a),
        1e-13,
    );
    // C Ā + Ā C = C̄, and nothing null × null.
    let group = "D, rank 63 of 64, root, gradient";
    let root = MatrixFunction::forward(a.as_ref(), Sqrt);
    match root.and_then(|root| Ok((root.vjp(seen.as_ref())?, root))) {
        Ok((bar, root)) => {
            let c = root.value();
            check_close(report, group, &place, Ok(c * &bar + &bar * c), &seen, 1e-12);
            let eigen = SymEig::forward(a.as_ref(), GapPolicy::default()).expect("a finite matrix");
            let null = eigen.vectors().subcols(0, 1);
            let left = (null.transpose() * &bar * null)[(0, 0)].abs() / bar.norm_l2();
            report.check(group, left <= 1e-10, || {
                format!("{group}: {place}: {left:.1e} is left null × null")
            });
        }
        Err(error) => report.failed(
            group,
            format!("{group}: {place}: expected numbers, found {error}"),
        ),
    }
    check_singular(report, &place, &a);
}

/// Beyond the largest number, and not symmetric.
fn check_refusals(report: &mut Report) {
    let hot = mat![[1000.0, 0.0], [0.0, 1.0]];
    let overflow = |error: &Error| matches!(error, Error::Overflow { .. });
    check_refused(report, "exp at 1000", value_of(&hot, Exp), overflow);
    check_refused(
        report,
        "tr exp at 1000",
        TraceFunction::forward(hot.as_ref(), Exp),
        overflow,
    );
    let turn = mat![[0.0, -1.0], [1.0, 0.0]];
    let asymmetric = |error: &Error| error.to_string().contains("expected a symmetric matrix");
    check_refused(
        report,
        "exp of a rotation's generator",
        value_of(&turn, Exp),
        asymmetric,
    );
    check_refused(
        report,
        "tr exp of a rotation's generator",
        TraceFunction::forward(turn.as_ref(), Exp),
        asymmetric,
    );
    check_refused(
        report,
        "eigenvectors of a rotation's generator",
        SymEig::forward(turn.as_ref(), GapPolicy::default()),
        asymmetric,
    );
    check_refused(
        report,
        "eigenvalues of a rotation's generator",
        eigenvalues(turn.as_ref()),
        asymmetric,
    );
}

// E. Functions of a Gram matrix.
