//! Stacks of 32 bits: which arithmetic is taken, and what it costs in digits.

use crate::compare::{Bars, Case, compare};
use crate::matrices::{matrix_of, stack_of};
use faer::{Mat, Scale};
use matbackprop_core::gradcheck::{gaussian, symmetric_with_spectrum, with_spectrum};
use matbackprop_core::stack::{
    GramFunctionRule, MatrixFunctionRule, OnFailure, PolarRule, StackRule, Stacked, SymEigRule,
    ThinSvdRule,
};
use matbackprop_core::{GapPolicy, Log, Ridge, Sqrt, WithSlope, symmetric_part};

const SIDES: [usize; 9] = [1, 2, 3, 6, 8, 17, 24, 33, 64];

/// Below, all goes through 64 bits.
const SINGLE_FROM: usize = 24;

/// Bounds of what 32 bits leave: three times 2⁸ ε of functions, and 2¹⁰ ε of vectors.
const OF_FUNCTIONS: f64 = 3.0 * 256.0 * f32::EPSILON as f64;
const OF_VECTORS: f64 = 4.0 * OF_FUNCTIONS;

/// Rounding of a cotangent and of a result.
const ONCE: f64 = 8.0 * f32::EPSILON as f64;

/// A matrix, and whether 32 bits suffice for it.
struct Kind {
    name: &'static str,
    matrix: Mat<f64>,
    suffices: bool,
}

fn kind(name: &'static str, matrix: Mat<f64>, suffices: bool) -> Kind {
    Kind {
        name,
        matrix,
        suffices,
    }
}

/// n values from 1 up, each larger by the same.
fn even(n: usize) -> Vec<f64> {
    (0..n).map(|i| 1.0 + i as f64 / n as f64).collect()
}

/// From 1 down to 1 / ratio, by equal factors.
fn graded(n: usize, ratio: f64) -> Vec<f64> {
    let last = (n.max(2) - 1) as f64;
    (0..n).map(|i| ratio.powf(-(i as f64) / last)).collect()
}

/// Even values of which the first two differ by this.
fn closing(n: usize, gap: f64) -> Vec<f64> {
    let mut values = even(n);
    values[n - 1] = values[n - 2] + gap;
    values
}

/// Was every number that forward kept found in 32 bits? Those of 64 have digits beyond.
fn in_single<R: StackRule>(rule: &R, matrices: &[Mat<f64>]) -> Vec<bool> {
    let stacked = Stacked::new(rule).on_failure(OnFailure::Nan);
    let kept = stacked
        .forward(&[stack_of::<f32>(matrices).as_ref()])
        .unwrap()
        .kept;
    let is_single = |x: f64| f64::from(x as f32) == x;
    (0..matrices.len())
        .map(|b| {
            let mut all = kept.iter().map(|stack| matrix_of(stack.as_ref(), b));
            all.all(|x| x.col_iter().all(|x| x.iter().all(|x| is_single(*x))))
        })
        .collect()
}

/// Every kind takes its arithmetic, and has its digits: `known` where 32 bits suffice, `rounded` elsewhere.
fn check<R: StackRule + Copy>(
    name: &str,
    rule: R,
    kinds: &[Kind],
    seen: impl Fn(&[Mat<f64>]) -> Vec<Mat<f64>> + Copy,
    bars: impl Fn(&[Mat<f64>], usize) -> Bars + Copy,
    (known, rounded): (f64, f64),
) {
    // Three in turn: neither kind fills registers.
    let matrices: Vec<Mat<f64>> = (0..3)
        .flat_map(|_| kinds.iter().map(|kind| kind.matrix.clone()))
        .collect();
    let found = in_single(&rule, &matrices);
    let side = matrices[0].ncols().min(matrices[0].nrows());
    for (b, found) in found.iter().enumerate() {
        let kind = &kinds[b % kinds.len()];
        // A number by itself has no digits to tell.
        if side > 1 {
            let suffices = kind.suffices && side >= SINGLE_FROM;
            assert_eq!(*found, suffices, "{name}: {}", kind.name);
        }
    }
    for suffices in [true, false] {
        let of_kind: Vec<Mat<f64>> = (kinds.iter().filter(|kind| kind.suffices == suffices))
            .map(|kind| kind.matrix.clone())
            .collect();
        let case = Case {
            name: format!("{name}, in 32 bits {suffices}"),
            rule,
            matrices: of_kind,
        };
        if !case.matrices.is_empty() {
            compare::<_, f32>(&case, seen, bars, if suffices { known } else { rounded });
        }
    }
    let mixed = Case {
        name: format!("{name}, all"),
        rule,
        matrices,
    };
    compare::<_, f32>(&mixed, seen, bars, known);
}

fn all(outputs: &[Mat<f64>]) -> Vec<Mat<f64>> {
    outputs.to_vec()
}

/// Positive definite matrices, and whether 32 bits suffice for their logarithms.
fn definite(n: usize) -> Vec<Kind> {
    let of = |values: &[f64]| symmetric_with_spectrum(values, 3);
    let two: Vec<f64> = (0..n).map(|i| if i % 2 == 0 { 1.0 } else { 2.0 }).collect();
    let mut kinds = vec![
        kind("even", Scale(3.0) * of(&even(n)), true),
        kind("equal", Scale(3.0) * of(&vec![1.0; n]), true),
        kind("two values", Scale(3.0) * of(&two), true),
        kind("small", Scale(2f64.powi(-30)) * of(&even(n)), true),
        kind("large", Scale(2f64.powi(30)) * of(&even(n)), true),
        kind("tiny", Scale(2f64.powi(-60)) * of(&even(n)), false),
        kind("huge", Scale(2f64.powi(60)) * of(&even(n)), false),
        // The logarithm of I + E: what is left of E is all there is.
        kind(
            "near one",
            of(&even(n).iter().map(|x| 1.0 + 1e-3 * x).collect::<Vec<_>>()),
            false,
        ),
    ];
    if n > 1 {
        kinds.push(kind("graded", Scale(3.0) * of(&graded(n, 64.0)), true));
        kinds.push(kind("wide", Scale(3.0) * of(&graded(n, 1e4)), false));
    }
    kinds
}

#[test]
fn functions_of_symmetric_matrices() {
    for n in SIDES {
        let bars = |_: &[Mat<f64>], b: usize| vec![Some(gaussian(n, n, b as u64))];
        let kinds = definite(n);
        check(
            &format!("log {n}"),
            MatrixFunctionRule(Log),
            &kinds,
            all,
            bars,
            (OF_FUNCTIONS, ONCE),
        );
        // Of a root nothing is left over near one.
        let kinds: Vec<Kind> = (kinds.into_iter())
            .filter(|kind| kind.name != "near one")
            .collect();
        check(
            &format!("root {n}"),
            MatrixFunctionRule(Sqrt),
            &kinds,
            all,
            bars,
            (OF_FUNCTIONS, ONCE),
        );
    }
}

#[test]
fn a_function_of_unknown_curvature_stays_in_64_bits() {
    let matrices: Vec<Mat<f64>> = (0..5)
        .map(|b| symmetric_with_spectrum(&even(24), b))
        .collect();
    let rule = MatrixFunctionRule(WithSlope::new(f64::ln, f64::recip));
    assert_eq!(in_single(&rule, &matrices), [false; 5]);
    assert_eq!(in_single(&MatrixFunctionRule(Log), &matrices), [true; 5]);
}

#[test]
fn functions_of_gram_matrices() {
    for n in SIDES {
        let rows = 2 * n + 1;
        let of = |values: &[f64]| with_spectrum(rows, n, values, 5);
        let mut kinds = vec![
            kind("even", Scale(2.0) * of(&even(n)), true),
            kind("equal", Scale(2.0) * of(&vec![1.0; n]), true),
            kind("small", Scale(2f64.powi(-4)) * of(&even(n)), true),
            kind("large", Scale(2f64.powi(15)) * of(&even(n)), true),
            kind("huge", Scale(2f64.powi(60)) * of(&even(n)), false),
        ];
        if n > 1 {
            kinds.push(kind("graded", Scale(2.0) * of(&graded(n, 8.0)), true));
            kinds.push(kind("wide", Scale(2.0) * of(&graded(n, 100.0)), false));
            // The last singular value is zero.
            let mut values = even(n);
            values[0] = 0.0;
            kinds.push(kind("low rank", of(&values), false));
        }
        let bars = |_: &[Mat<f64>], b: usize| vec![Some(gaussian(n, n, b as u64))];
        let rule = GramFunctionRule(Ridge::new(Log, 1e-3).unwrap());
        check(
            &format!("log of Gram {n}"),
            rule,
            &kinds,
            all,
            bars,
            (OF_FUNCTIONS, ONCE),
        );
    }
}

/// x_j (j + 1): sees every rotation.
fn times_ranks(x: &Mat<f64>) -> Mat<f64> {
    Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] * (j + 1) as f64)
}

#[test]
fn eigenvalues_and_vectors() {
    for n in SIDES {
        let seen = |outputs: &[Mat<f64>]| {
            let ranked = times_ranks(&outputs[1]) * outputs[1].transpose();
            vec![outputs[0].clone(), ranked]
        };
        let bars = |outputs: &[Mat<f64>], b: usize| {
            let c_bar = symmetric_part(gaussian(n, n, b as u64).as_ref()).unwrap();
            let v_bar = times_ranks(&(Scale(2.0) * &c_bar * &outputs[1]));
            vec![Some(gaussian(n, 1, 7 + b as u64)), Some(v_bar)]
        };
        let of = |values: &[f64]| symmetric_with_spectrum(values, 3);
        let signed: Vec<f64> = (0..n)
            .map(|i| (i + 1) as f64 * if i % 2 == 0 { 1.0 } else { -1.01 })
            .collect();
        let mut kinds = vec![
            kind("even", of(&even(n)), true),
            kind("of both signs", of(&signed), true),
            kind("small", Scale(2f64.powi(-30)) * of(&even(n)), true),
            kind("tiny", Scale(2f64.powi(-60)) * of(&even(n)), false),
            kind("huge", Scale(2f64.powi(60)) * of(&even(n)), false),
        ];
        if n > 1 {
            kinds.push(kind("close", of(&closing(n, 4e-3)), true));
            kinds.push(kind("closer", of(&closing(n, 5e-4)), false));
        }
        let rule = SymEigRule {
            gaps: GapPolicy::Error { floor: 0.0 },
        };
        check(
            &format!("eigen {n}"),
            rule,
            &kinds,
            seen,
            bars,
            (OF_VECTORS, OF_VECTORS),
        );
    }
}

#[test]
fn a_floor_above_that_of_32_bits_holds() {
    let matrices = vec![symmetric_with_spectrum(&closing(24, 0.05), 1); 5];
    let rule = |floor: f64| SymEigRule {
        gaps: GapPolicy::Error { floor },
    };
    assert_eq!(in_single(&rule(0.0), &matrices), [true; 5]);
    // Closed by the policy: what forward finds is left to the rule for one matrix.
    assert_eq!(in_single(&rule(0.1), &matrices), [false; 5]);
}

#[test]
fn singular_values_and_vectors() {
    for (m, n) in [
        (1, 1),
        (2, 2),
        (3, 3),
        (13, 6),
        (6, 13),
        (17, 17),
        (33, 24),
        (24, 33),
        (64, 64),
    ] {
        let r = m.min(n);
        let seen = |outputs: &[Mat<f64>]| {
            let ranked = times_ranks(&outputs[0]) * outputs[2].transpose();
            vec![outputs[1].clone(), ranked]
        };
        let bars = |outputs: &[Mat<f64>], b: usize| {
            let c_bar = gaussian(m, n, b as u64);
            vec![
                Some(times_ranks(&(&c_bar * &outputs[2]))),
                Some(gaussian(r, 1, 7 + b as u64)),
                Some(times_ranks(&(c_bar.transpose() * &outputs[0]))),
            ]
        };
        let of = |values: &[f64]| with_spectrum(m, n, values, 3);
        let mut kinds = vec![
            kind("even", of(&even(r)), true),
            kind("small", Scale(2f64.powi(-30)) * of(&even(r)), true),
            kind("tiny", Scale(2f64.powi(-60)) * of(&even(r)), false),
            kind("huge", Scale(2f64.powi(60)) * of(&even(r)), false),
        ];
        if r > 1 {
            kinds.push(kind("close", of(&closing(r, 4e-3)), true));
            kinds.push(kind("closer", of(&closing(r, 5e-4)), false));
            let mut values = even(r);
            // Of a square matrix a small value is no loss: sums are divided by.
            values[0] = 5e-4;
            kinds.push(kind("nearly of low rank", of(&values), m == n));
            values[0] = 1e-6;
            kinds.push(kind("nearer", of(&values), false));
        }
        let rule = ThinSvdRule {
            gaps: GapPolicy::Error { floor: 0.0 },
        };
        check(
            &format!("SVD {m} × {n}"),
            rule,
            &kinds,
            seen,
            bars,
            (OF_VECTORS, OF_VECTORS),
        );
    }
}

#[test]
fn polar_factors() {
    for (m, n) in [
        (1, 1),
        (2, 2),
        (3, 3),
        (13, 6),
        (6, 13),
        (17, 17),
        (33, 24),
        (24, 33),
        (64, 64),
    ] {
        let r = m.min(n);
        let bars = |_: &[Mat<f64>], b: usize| {
            vec![
                Some(gaussian(m, n, b as u64)),
                Some(gaussian(r, r, 9 + b as u64)),
            ]
        };
        let of = |values: &[f64]| with_spectrum(m, n, values, 3);
        let mut kinds = vec![
            kind("even", of(&even(r)), true),
            kind("equal", of(&vec![1.0; r]), true),
            kind("small", Scale(2f64.powi(-30)) * of(&even(r)), true),
            kind("tiny", Scale(2f64.powi(-60)) * of(&even(r)), false),
            kind("huge", Scale(2f64.powi(60)) * of(&even(r)), false),
        ];
        if r > 1 {
            let mut values = even(r);
            values[0] = 5e-4;
            kinds.push(kind("nearly of low rank", of(&values), m == n));
            if r > 2 {
                values[1] = 5e-4;
                kinds.push(kind("two small ones", of(&values), false));
            }
            values[..2].copy_from_slice(&[1e-6, 1.0]);
            kinds.push(kind("nearer", of(&values), false));
        }
        check(
            &format!("polar {m} × {n}"),
            PolarRule,
            &kinds,
            all,
            bars,
            (OF_VECTORS, 1e-5),
        );
    }
}

#[test]
fn extreme_cotangents_go_back_in_64_bits() {
    let matrices: Vec<Mat<f64>> = (0..5)
        .map(|b| symmetric_with_spectrum(&even(24), b))
        .collect();
    let case = |name: &str| Case {
        name: name.to_owned(),
        rule: MatrixFunctionRule(Sqrt),
        matrices: matrices.clone(),
    };
    for scale in [
        2f64.powi(-110),
        2f64.powi(-60),
        2f64.powi(60),
        2f64.powi(110),
    ] {
        let bars = |_: &[Mat<f64>], b: usize| vec![Some(Scale(scale) * gaussian(24, 24, b as u64))];
        compare::<_, f32>(&case("scaled"), all, bars, 1e-5);
    }
    let none = |_: &[Mat<f64>], _: usize| vec![Some(Mat::zeros(24, 24))];
    compare::<_, f32>(&case("zero"), all, none, 1e-5);
}
