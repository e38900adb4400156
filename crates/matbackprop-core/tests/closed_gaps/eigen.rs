//! Through eigenvalues and eigenvectors.

use crate::file::*;
use crate::report::*;
use faer::{Mat, Scale};
use matbackprop_core::{GapPolicy, Result, SymEig, eigenvalues};

/// λ̄ and V̄ of a loss, as a library of automatic differentiation forms them.
fn eigen_gradient(case: &Case, policy: GapPolicy) -> Result<Mat<f64>> {
    let eigen = SymEig::forward(case.a().as_ref(), policy)?;
    let (values, v, g) = (eigen.values(), eigen.vectors(), case.g());
    let n = values.len();
    let quadratic = v.transpose() * &g * v;
    let diagonal = |i: usize| quadratic[(i, i)];
    let vectors_bar = |weights: &[f64]| Scale(2.0) * weighted((&g * v).as_ref(), weights);
    match case.text("loss") {
        // ⟨G, V exp(Λ) Vᵀ⟩
        "exp" => {
            let weights: Vec<f64> = values.iter().map(|x| x.exp()).collect();
            let values_bar: Vec<f64> = (0..n).map(|i| diagonal(i) * weights[i]).collect();
            eigen.vjp(Some(&values_bar), Some(vectors_bar(&weights).as_ref()))
        }
        // ⟨G, V Λ Vᵀ⟩
        "same" => {
            let values_bar: Vec<f64> = (0..n).map(diagonal).collect();
            eigen.vjp(Some(&values_bar), Some(vectors_bar(values).as_ref()))
        }
        // ⟨G, V_k V_kᵀ⟩
        "projector" => {
            let first = n - case.whole("k");
            let leading = |i: usize| if i >= first { 1.0 } else { 0.0 };
            let weights: Vec<f64> = (0..n).map(leading).collect();
            eigen.vjp(None, Some(vectors_bar(&weights).as_ref()))
        }
        // ⟨G, V diag(1 … n) Vᵀ⟩
        "indices" => {
            let weights: Vec<f64> = (1..=n).map(|i| i as f64).collect();
            eigen.vjp(None, Some(vectors_bar(&weights).as_ref()))
        }
        // Σ exp(λ)
        "sum exp" => {
            let values_bar: Vec<f64> = values.iter().map(|x| x.exp()).collect();
            eigen.vjp(Some(&values_bar), None)
        }
        other => panic!("expected a loss we know, found {other}"),
    }
}

#[test]
fn eigenvectors_of_equal_values_have_right_gradients_or_none() {
    let file = File::read();
    let mut report = Report::default();
    for case in file.cases("SymEig") {
        for (name, policy) in policies() {
            let group = format!("A, {}", case.text("loss"));
            let found = eigen_gradient(&case, policy);
            report.judge(&group, &case, name, case.must, found);
        }
    }
    // The largest of equal values has subgradients: symmetric, positive semidefinite, of trace 1, ⟨Ā, A⟩ = λ.
    for a in ["I of 3", "diag(2,2,1)", "rotated (2,2,1)", "zero of 3"] {
        for (name, policy) in policies() {
            let a_matrix = file.matrix(a);
            let eigen = SymEig::forward(a_matrix.as_ref(), policy).expect("a symmetric matrix");
            let group = "A, largest value";
            match eigen.vjp(Some(&[0.0, 0.0, 1.0]), None) {
                Ok(bar) => {
                    let trace = inner(bar.as_ref(), Mat::<f64>::identity(3, 3).as_ref());
                    let along = inner(bar.as_ref(), a_matrix.as_ref());
                    let lowest = eigenvalues(symmetric(bar.as_ref()).as_ref()).expect("finite")[0];
                    let holds = (&bar - bar.transpose()).norm_max() <= 1e-14
                        && lowest >= -1e-14
                        && (trace - 1.0).abs() <= 1e-14
                        && (along - eigen.values()[2]).abs() <= 1e-14;
                    report.check(group, holds, || {
                        format!("{group}: {a} [{name}]: {bar:?} is no subgradient")
                    });
                }
                Err(error) => report.failed(group, format!("{group}: {a} [{name}]: {error}")),
            }
        }
    }
    report.finish();
}

// B. Singular values and vectors.
