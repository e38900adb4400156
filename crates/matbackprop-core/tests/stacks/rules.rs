//! Stacks beside the rules for one matrix: the same numbers and the same errors at every kind of matrix.

use crate::compare::{Case, compare};
use faer::Mat;
use matbackprop_core::gradcheck::{gaussian, symmetric_with_spectrum, with_spectrum};
use matbackprop_core::stack::{
    GramFunctionRule, MatrixFunctionRule, PolarRule, RotationRule, SymEigRule, ThinSvdRule,
};
use matbackprop_core::{GapPolicy, Inverse, Log, Ridge, Sqrt, symmetric_part};

fn spectra(n: usize) -> Vec<Vec<f64>> {
    let even: Vec<f64> = (0..n).map(|i| 1.5 + i as f64).collect();
    let mut repeated = even.clone();
    let mut close = even.clone();
    if n > 1 {
        repeated[1] = repeated[0];
        close[1] = close[0] * (1.0 + 1e-9);
    }
    let graded = (0..n).map(|i| 10f64.powi(-(i as i32 % 6))).collect();
    vec![even, repeated, close, graded, vec![2.0; n]]
}

const SIDES: [usize; 10] = [1, 2, 3, 4, 5, 8, 17, 32, 40, 66];

fn definite(n: usize) -> Vec<Mat<f64>> {
    let mut matrices: Vec<Mat<f64>> = spectra(n)
        .iter()
        .enumerate()
        .map(|(k, spectrum)| symmetric_with_spectrum(spectrum, k as u64))
        .collect();
    matrices.push(faer::Scale(3.0) * Mat::<f64>::identity(n, n));
    matrices.push(faer::Scale(1e-200) * &matrices[0]);
    matrices.push(faer::Scale(1e200) * &matrices[0]);
    for seed in 0..12 {
        let root = gaussian(n + 3, n, seed);
        matrices.push(root.transpose() * &root);
    }
    matrices
}

#[test]
fn functions_of_symmetric_matrices() {
    for n in SIDES {
        let bars = |_: &[Mat<f64>], b: usize| vec![Some(gaussian(n, n, 100 + b as u64))];
        let all = |outputs: &[Mat<f64>]| outputs.to_vec();
        let mut matrices = definite(n);
        // A singular matrix, an indefinite one, one that is not symmetric, one that is not finite, zero.
        let mut singular = symmetric_with_spectrum(&vec![1.0; n], 3);
        singular.fill(0.0);
        singular[(0, 0)] = 3.0;
        matrices.push(singular);
        matrices.push(faer::Scale(-1.0) * &matrices[0]);
        matrices.push(gaussian(n, n, 5));
        matrices.push(Mat::full(n, n, f64::NAN));
        matrices.push(Mat::zeros(n, n));
        let case = |name: &str| format!("{name} of side {n}");
        let tolerance = 1e-10;
        compare::<_, f64>(
            &Case {
                name: case("log"),
                rule: MatrixFunctionRule(Log),
                matrices: matrices.clone(),
            },
            all,
            bars,
            tolerance,
        );
        compare::<_, f64>(
            &Case {
                name: case("sqrt"),
                rule: MatrixFunctionRule(Sqrt),
                matrices: matrices.clone(),
            },
            all,
            bars,
            tolerance,
        );
        compare::<_, f64>(
            &Case {
                name: case("inverse"),
                rule: MatrixFunctionRule(Inverse),
                matrices,
            },
            all,
            bars,
            tolerance,
        );
    }
}

#[test]
fn functions_of_gram_matrices() {
    for d in SIDES {
        let bars = |_: &[Mat<f64>], b: usize| vec![Some(gaussian(d, d, 100 + b as u64))];
        for n in [d, d + 1, 4 * d, d.div_ceil(2)] {
            let mut matrices: Vec<Mat<f64>> = (0..9).map(|seed| gaussian(n, d, seed)).collect();
            for spectrum in spectra(n.min(d)) {
                matrices.push(with_spectrum(n, d, &spectrum, 4));
            }
            let mut dead = gaussian(n, d, 3);
            dead.col_mut(0).fill(0.0);
            matrices.push(dead);
            matrices.push(Mat::zeros(n, d));
            matrices.push(faer::Scale(1e-180) * gaussian(n, d, 3));
            matrices.push(faer::Scale(1e5) * gaussian(n, d, 3));
            let rule = GramFunctionRule(Ridge::new(Log, 1e-3).unwrap());
            let case = Case {
                name: format!("log of Gram, {n} × {d}"),
                rule,
                matrices,
            };
            compare::<_, f64>(&case, |outputs| outputs.to_vec(), bars, 1e-9);
            compare::<_, f32>(&case, |outputs| outputs.to_vec(), bars, 1e-4);
        }
    }
}

/// x_j (j + 1): sees every rotation.
fn times_ranks(x: &Mat<f64>) -> Mat<f64> {
    Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] * (j + 1) as f64)
}

#[test]
fn eigenvalues_and_vectors() {
    for n in SIDES {
        // V diag(1, 2, …) Vᵀ does not see signs; its cotangent C̄ gives V̄ = (C̄ + C̄ᵀ) V N.
        let seen = |outputs: &[Mat<f64>]| {
            vec![
                outputs[0].clone(),
                times_ranks(&outputs[1]) * outputs[1].transpose(),
            ]
        };
        let bars = |outputs: &[Mat<f64>], b: usize| {
            let c_bar = symmetric_part(gaussian(n, n, b as u64).as_ref()).unwrap();
            let v_bar = times_ranks(&(faer::Scale(2.0) * &c_bar * &outputs[1]));
            vec![Some(gaussian(n, 1, 7 + b as u64)), Some(v_bar)]
        };
        let separate: Vec<Mat<f64>> = (0..12)
            .map(|seed| {
                let spectrum: Vec<f64> = (0..n)
                    .map(|i| (i + 1) as f64 * if i % 2 == 0 { 1.0 } else { -1.1 })
                    .collect();
                symmetric_with_spectrum(&spectrum, seed)
            })
            .collect();
        for gaps in [
            GapPolicy::default(),
            GapPolicy::Error { floor: 0.0 },
            GapPolicy::Broadened { width: 1e-3 },
        ] {
            let case = Case {
                name: format!("eigen of side {n}"),
                rule: SymEigRule { gaps },
                matrices: separate.clone(),
            };
            compare::<_, f64>(&case, seen, bars, 1e-11);
            compare::<_, f32>(&case, seen, bars, 1e-4);
        }
        // Values alone, where some are equal.
        let only_values = |_: &[Mat<f64>], _: usize| vec![Some(Mat::full(n, 1, 1.0)), None];
        let case = Case {
            name: format!("values of side {n}"),
            rule: SymEigRule::default(),
            matrices: definite(n),
        };
        compare::<_, f64>(
            &case,
            |outputs| vec![outputs[0].clone()],
            only_values,
            1e-11,
        );
    }
}

#[test]
fn singular_values_and_vectors() {
    for (m, n) in [
        (1, 1),
        (3, 3),
        (5, 2),
        (2, 5),
        (8, 8),
        (20, 7),
        (7, 20),
        (32, 32),
        (40, 32),
        (64, 64),
        (33, 33),
        (66, 66),
    ] {
        let r = m.min(n);
        let spectrum: Vec<f64> = (0..r).map(|i| 1.0 + (i as f64) * 0.7).collect();
        let matrices: Vec<Mat<f64>> = (0..11)
            .map(|seed| with_spectrum(m, n, &spectrum, seed))
            .collect();
        let seen = |outputs: &[Mat<f64>]| {
            vec![
                outputs[1].clone(),
                times_ranks(&outputs[0]) * outputs[2].transpose(),
            ]
        };
        let bars = |outputs: &[Mat<f64>], b: usize| {
            let c_bar = gaussian(m, n, b as u64);
            vec![
                Some(times_ranks(&(&c_bar * &outputs[2]))),
                Some(gaussian(r, 1, 7 + b as u64)),
                Some(times_ranks(&(c_bar.transpose() * &outputs[0]))),
            ]
        };
        let left_alone = |_: &[Mat<f64>], _: usize| vec![None, Some(Mat::full(r, 1, 1.0)), None];
        let case = Case {
            name: format!("SVD of {m} × {n}"),
            rule: ThinSvdRule::default(),
            matrices,
        };
        compare::<_, f64>(&case, seen, bars, 1e-10);
        compare::<_, f32>(&case, seen, bars, 1e-3);
        compare::<_, f64>(&case, seen, left_alone, 1e-12);
        let degenerate = vec![
            with_spectrum(m, n, &vec![1.0; r], 2),
            Mat::zeros(m, n),
            faer::Scale(1e-250) * gaussian(m, n, 1),
        ];
        let case = Case {
            name: format!("SVD of {m} × {n}, degenerate"),
            rule: ThinSvdRule::default(),
            matrices: degenerate,
        };
        compare::<_, f64>(&case, |outputs| vec![outputs[1].clone()], left_alone, 1e-12);
    }
}

#[test]
fn polar_factors() {
    for (m, n) in [
        (1, 1),
        (3, 3),
        (5, 2),
        (2, 5),
        (8, 8),
        (20, 7),
        (7, 20),
        (32, 32),
        (40, 32),
        (33, 33),
        (66, 66),
    ] {
        let k = m.min(n);
        let mut matrices: Vec<Mat<f64>> = (0..11).map(|seed| gaussian(m, n, seed)).collect();
        for spectrum in spectra(k) {
            matrices.push(with_spectrum(m, n, &spectrum, 4));
        }
        // A rotation: all singular values are one.
        matrices.push(with_spectrum(m, n, &vec![1.0; k], 4));
        matrices.push(faer::Scale(1e200) * gaussian(m, n, 1));
        matrices.push(Mat::zeros(m, n));
        let both = |_: &[Mat<f64>], b: usize| {
            vec![
                Some(gaussian(m, n, 30 + b as u64)),
                Some(gaussian(k, k, 50 + b as u64)),
            ]
        };
        let first = |_: &[Mat<f64>], b: usize| vec![Some(gaussian(m, n, 30 + b as u64)), None];
        let second = |_: &[Mat<f64>], b: usize| vec![None, Some(gaussian(k, k, 50 + b as u64))];
        let case = Case {
            name: format!("polar factors of {m} × {n}"),
            rule: PolarRule,
            matrices,
        };
        let all = |outputs: &[Mat<f64>]| outputs.to_vec();
        compare::<_, f64>(&case, all, second, 1e-9);
        compare::<_, f64>(&case, all, first, 1e-9);
        compare::<_, f64>(&case, all, both, 1e-9);
        compare::<_, f32>(&case, all, first, 1e-3);
    }
}

#[test]
fn functions_of_gram_matrices_that_would_lose_digits() {
    // Condition numbers of 10³ and more: the Gram matrix is left for the singular values, or those are refined.
    for (n, d) in [(3, 3), (8, 8), (20, 16), (40, 32)] {
        let bars = |_: &[Mat<f64>], b: usize| vec![Some(gaussian(d, d, 100 + b as u64))];
        let spectrum = |ratio: f64| (0..d).map(|i| ratio.powi(i as i32)).collect::<Vec<_>>();
        let matrices: Vec<Mat<f64>> = (0..20)
            .map(|seed| {
                with_spectrum(
                    n,
                    d,
                    &spectrum([0.8, 0.5, 0.2, 0.05][seed % 4]),
                    seed as u64,
                )
            })
            .chain((0..20).map(|seed| gaussian(n, d, seed)))
            .collect();
        let case = |epsilon: f64| Case {
            name: format!("log of Gram, {n} × {d}, graded, ridge {epsilon}"),
            rule: GramFunctionRule(Ridge::new(Log, epsilon).unwrap()),
            matrices: matrices.clone(),
        };
        compare::<_, f64>(&case(1e-3), |outputs| outputs.to_vec(), bars, 1e-11);
        compare::<_, f64>(&case(1e-8), |outputs| outputs.to_vec(), bars, 1e-9);
        let roots = Case {
            name: format!("root of Gram, {n} × {d}"),
            rule: GramFunctionRule(Sqrt),
            matrices: matrices.clone(),
        };
        compare::<_, f64>(&roots, |outputs| outputs.to_vec(), bars, 1e-9);
    }
}

#[test]
fn closest_rotations() {
    for n in SIDES {
        let mut matrices: Vec<Mat<f64>> = (0..20).map(|seed| gaussian(n, n, seed)).collect();
        for spectrum in spectra(n) {
            // A reflection of each as well: its last two values may cancel.
            let a = with_spectrum(n, n, &spectrum, 4);
            let mirrored = Mat::from_fn(n, n, |i, j| if i == 0 { -a[(i, j)] } else { a[(i, j)] });
            matrices.extend([a, mirrored]);
        }
        matrices.push(Mat::identity(n, n));
        matrices.push(Mat::zeros(n, n));
        let bars = |_: &[Mat<f64>], b: usize| vec![Some(gaussian(n, n, 60 + b as u64))];
        let case = Case {
            name: format!("closest rotation of side {n}"),
            rule: RotationRule,
            matrices,
        };
        let well_known: Vec<Mat<f64>> = case.matrices[..20].to_vec();
        // Where the last two values nearly cancel, a gradient keeps as few digits as their sum.
        compare::<_, f64>(&case, |_| Vec::new(), bars, 1e-5);
        let generic = Case {
            name: case.name,
            rule: RotationRule,
            matrices: well_known,
        };
        compare::<_, f64>(&generic, |outputs| outputs.to_vec(), bars, 1e-9);
        compare::<_, f32>(&generic, |outputs| outputs.to_vec(), bars, 1e-3);
    }
}
