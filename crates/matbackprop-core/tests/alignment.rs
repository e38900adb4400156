//! Alignments of point sets, held against 60 digits and against SciPy; `reference/alignment.py` made the references.

use faer::{Mat, MatRef};
use matbackprop_core::{Alignment, Procrustes};
use serde_json::Value;

/// Numbers up to 40, each after a few dozen roundings.
const LIMIT: f64 = 4e-14;

#[test]
fn values_and_cotangents_agree_with_sixty_digits_and_rotations_with_scipy() {
    let file: Value =
        serde_json::from_str(include_str!("reference/alignment.json")).expect("a reference file");
    let (x, r_bar) = (matrix(&file["x"], 5), matrix(&file["rotation_bar"], 3));
    let (w, t_bar) = (list(&file["weights"]), list(&file["translation_bar"]));
    let (s_bar, residual_bar) = (number(&file["scale_bar"]), number(&file["residual_bar"]));
    let cases = file["cases"].as_array().expect("a list of cases");
    assert_eq!(cases.len(), 16);
    for case in cases {
        let may = |key: &str| case["alignment"][key].as_bool().expect(key);
        let alignment = Alignment {
            reflections: may("reflections"),
            translation: may("translation"),
            scale: may("scale"),
        };
        let y = matrix(&case["y"], 5);
        let fit = Procrustes::forward(x.as_ref(), y.as_ref(), Some(&w), alignment)
            .expect("points in space");
        let bar = fit
            .vjp(Some(r_bar.as_ref()), Some(&t_bar), s_bar, residual_bar)
            .expect("one solution");
        let column = |values: &[f64]| Mat::from_fn(values.len(), 1, |i, _| values[i]);
        for (name, found, expected) in [
            (
                "rotation",
                fit.rotation().to_owned(),
                matrix(&case["rotation"], 3),
            ),
            (
                "SciPy's",
                fit.rotation().to_owned(),
                matrix(&case["rotation_scipy"], 3),
            ),
            (
                "translation",
                column(fit.translation()),
                column(&list(&case["translation"])),
            ),
            (
                "scale",
                column(&[fit.scale()]),
                column(&[number(&case["scale"])]),
            ),
            (
                "residual",
                column(&[fit.residual()]),
                column(&[number(&case["residual"])]),
            ),
            ("x", bar.x, matrix(&case["x_bar"], 5)),
            ("y", bar.y, matrix(&case["y_bar"], 5)),
            (
                "weights",
                column(&bar.weights),
                column(&list(&case["weights_bar"])),
            ),
        ] {
            let error = (found - expected).norm_max();
            // Written so that NaN fails.
            assert!(error <= LIMIT, "{alignment:?}, {name}: {error:e}");
        }
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn list(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .expect("a list")
        .iter()
        .map(number)
        .collect()
}

fn matrix(value: &Value, rows: usize) -> Mat<f64> {
    let values = list(value);
    MatRef::from_row_major_slice(&values, rows, values.len() / rows).to_owned()
}
