//! Through singular values and vectors.

use crate::file::*;
use crate::report::*;
use faer::{Mat, MatRef};
use matbackprop_core::{GapPolicy, Result, ThinSvd};

/// Ū, σ̄ and V̄ of a loss, as a library of automatic differentiation forms them.
fn svd_gradient(case: &Case, policy: GapPolicy) -> Result<Mat<f64>> {
    let svd = ThinSvd::forward(case.a().as_ref(), policy)?;
    let (u, values, v, g) = (svd.u(), svd.singular_values(), svd.v(), case.g());
    let r = values.len();
    // Ū and V̄ of ⟨G, U diag(weights) Vᵀ⟩.
    let bars = |weights: &[f64]| {
        (
            weighted((&g * v).as_ref(), weights),
            weighted((g.transpose() * u).as_ref(), weights),
        )
    };
    let diagonal = |slopes: &[f64]| -> Vec<f64> {
        let core = u.transpose() * &g * v;
        (0..r).map(|i| core[(i, i)] * slopes[i]).collect()
    };
    let leading = |x: MatRef<'_, f64>| {
        let k = case.whole("k");
        let weights: Vec<f64> = (0..r).map(|i| if i < k { 2.0 } else { 0.0 }).collect();
        weighted((&g * x).as_ref(), &weights)
    };
    match case.text("loss") {
        // ⟨G, U Σ Vᵀ⟩
        "same" => {
            let (u_bar, v_bar) = bars(values);
            let values_bar = diagonal(&vec![1.0; r]);
            svd.vjp(
                Some(u_bar.as_ref()),
                Some(&values_bar),
                Some(v_bar.as_ref()),
            )
        }
        // ⟨G, U sinh(Σ) Vᵀ⟩
        "sinh" => {
            let weights: Vec<f64> = values.iter().map(|x| x.sinh()).collect();
            let slopes: Vec<f64> = values.iter().map(|x| x.cosh()).collect();
            let (u_bar, v_bar) = bars(&weights);
            let values_bar = diagonal(&slopes);
            svd.vjp(
                Some(u_bar.as_ref()),
                Some(&values_bar),
                Some(v_bar.as_ref()),
            )
        }
        // ⟨G, U Vᵀ⟩
        "polar" => {
            let (u_bar, v_bar) = bars(&vec![1.0; r]);
            svd.vjp(Some(u_bar.as_ref()), None, Some(v_bar.as_ref()))
        }
        // ⟨G, U diag(1 … r) Vᵀ⟩
        "indices" => {
            let weights: Vec<f64> = (1..=r).map(|i| i as f64).collect();
            let (u_bar, v_bar) = bars(&weights);
            svd.vjp(Some(u_bar.as_ref()), None, Some(v_bar.as_ref()))
        }
        "left projector" => svd.vjp(Some(leading(u).as_ref()), None, None),
        "right projector" => svd.vjp(None, None, Some(leading(v).as_ref())),
        "nuclear norm" => svd.vjp(None, Some(&vec![1.0; r]), None),
        other => panic!("expected a loss we know, found {other}"),
    }
}

#[test]
fn singular_vectors_of_equal_and_zero_values_have_right_gradients_or_none() {
    let file = File::read();
    let mut report = Report::default();
    for case in file.cases("ThinSvd") {
        for (name, policy) in policies() {
            let group = format!("B, {}", case.text("loss"));
            let found = svd_gradient(&case, policy);
            report.judge(&group, &case, name, case.must, found);
        }
    }
    // The nuclear norm at low rank: ‖Ā‖₂ ≤ 1 and ⟨Ā, A⟩ = Σσ.
    for shape in ["5x3", "3x5", "3x3"] {
        for spectrum in [
            "diagonal (2,2,0)",
            "rotated (2,2,0)",
            "diagonal (1,0,0)",
            "rotated (1,0,0)",
            "diagonal (0,0,0)",
        ] {
            let a = format!("{shape} {spectrum}");
            check_subgradient(
                &mut report,
                "B, nuclear norm at low rank",
                &a,
                &file.matrix(&a),
                &[1.0; 3],
            );
        }
        // σ₁ where it is repeated: Σσ(Ā) ≤ 1 and ⟨Ā, A⟩ = σ₁.
        for spectrum in ["diagonal (2,2,1)", "rotated (2,2,1)", "diagonal (0,0,0)"] {
            let a = format!("{shape} {spectrum}");
            check_subgradient(
                &mut report,
                "B, largest value",
                &a,
                &file.matrix(&a),
                &[1.0, 0.0, 0.0],
            );
        }
    }
    let one = Mat::<f64>::identity(3, 3);
    check_subgradient(
        &mut report,
        "B, largest value",
        "I of 3",
        &one,
        &[1.0, 0.0, 0.0],
    );
    report.finish();
}

/// Of the nuclear norm or of the spectral norm, whichever σ̄ says.
fn check_subgradient(
    report: &mut Report,
    group: &str,
    name: &str,
    a: &Mat<f64>,
    values_bar: &[f64],
) {
    for (policy_name, policy) in policies() {
        let svd = ThinSvd::forward(a.as_ref(), policy).expect("a finite matrix");
        let place = format!("{group}: {name} [{policy_name}]");
        match svd.vjp(None, Some(values_bar), None) {
            Ok(bar) => {
                let own = matbackprop_core::singular_values(bar.as_ref()).expect("finite");
                let dual: f64 = if values_bar[1] == 1.0 {
                    own[0]
                } else {
                    own.iter().sum()
                };
                let pairs = svd.singular_values().iter().zip(values_bar);
                let norm: f64 = pairs.map(|(value, weight)| value * weight).sum();
                let holds = dual <= 1.0 + 1e-14
                    && (inner(bar.as_ref(), a.as_ref()) - norm).abs() <= 1e-14 * (1.0 + norm);
                report.check(group, holds, || {
                    format!("{place}: {bar:?} is no subgradient")
                });
            }
            Err(error) => report.failed(group, format!("{place}: {error}")),
        }
    }
}

// C. Truncation by a tolerance.
