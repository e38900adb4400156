//! The way back through the way back of a stack, against differences of the way back and against tangents.

use crate::matrices::{matrix_of, stack_of};
use faer::{Mat, Scale};
use matbackprop_core::gradcheck::{gaussian, symmetric_with_spectrum, with_spectrum};
use matbackprop_core::stack::{
    GramFunctionRule, LeadingProjectorRule, MatrixFunctionRule, PolarRule, ProjectorRule,
    PseudoInverseRule, QrRule, RegularisedProjectorRule, Stack, StackRule, Stacked,
};
use matbackprop_core::{Error, GapPolicy, Log, Ridge, Sqrt, symmetric_part};

const STEP: f64 = 1e-5;

/// Cotangents of the first output, others zero.
fn bars<R: StackRule>(rule: &R, a: &[Mat<f64>]) -> Vec<Option<Stack<f64>>> {
    let shapes = rule.shapes(&[a[0].shape()]).unwrap().outputs;
    let (m, n) = shapes[0];
    let matrices: Vec<_> = (0..a.len())
        .map(|b| gaussian(m, n, 40 + b as u64))
        .collect();
    let mut bars = vec![Some(stack_of(&matrices))];
    bars.resize_with(shapes.len(), || None);
    bars
}

/// ∂⟨ȳ, y⟩ moves along Z as vjp does, and ȳ's cotangent is the tangent along Z.
fn check<R: StackRule>(rule: R, a: &[Mat<f64>], z: &[Mat<f64>]) {
    let stacked = Stacked::new(&rule);
    let bars = bars(&rule, a);
    let given: Vec<_> = bars
        .iter()
        .map(|bar| bar.as_ref().map(Stack::as_ref))
        .collect();
    let vjp_at = |step: f64| {
        let moved: Vec<_> = a.iter().zip(z).map(|(a, z)| a + Scale(step) * z).collect();
        let input = stack_of::<f64>(&moved);
        let forward = stacked.forward(&[input.as_ref()]).unwrap();
        let bars = stacked.vjp(&[input.as_ref()], &forward.kept(), &given);
        bars.unwrap().swap_remove(0)
    };
    let (behind, ahead) = (vjp_at(-STEP), vjp_at(STEP));
    let (input, along) = (stack_of::<f64>(a), stack_of::<f64>(z));
    let forward = stacked.forward(&[input.as_ref()]).unwrap();
    let (inputs, kept) = ([input.as_ref()], forward.kept());
    let second = stacked.vjp_of_vjp(&inputs, &kept, &given, &[Some(along.as_ref())]);
    let second = second.unwrap();
    let tangents = stacked
        .jvp(&inputs, &kept, &[Some(along.as_ref())])
        .unwrap();
    for b in 0..a.len() {
        let at = |stack: &Stack<f64>| matrix_of(stack.as_ref(), b);
        let expected = Scale(0.5 / STEP) * (at(&ahead) - at(&behind));
        let off = (at(&second.x_bars[0]) - &expected).norm_max();
        assert!(
            off <= 1e-6 * (1.0 + expected.norm_max()),
            "{}, matrix {b}: {off:e}",
            rule.op()
        );
        for (bar_bar, tangent) in second.bar_bars.iter().zip(&tangents) {
            let off = (at(bar_bar) - at(tangent)).norm_max();
            assert!(
                off <= 1e-11 * (1.0 + at(tangent).norm_max()),
                "{}, matrix {b}: {off:e}",
                rule.op()
            );
        }
    }
}

#[test]
fn functions_of_matrices() {
    let spectra = [[3.0, 2.0, 1.0, 0.5], [2.0, 2.0, 1.0, 1.0], [1.0; 4]];
    let a: Vec<_> = spectra
        .iter()
        .map(|values| symmetric_with_spectrum(values, 3))
        .collect();
    let z: Vec<_> = (0..3)
        .map(|b| symmetric_part(gaussian(4, 4, 7 + b).as_ref()).unwrap())
        .collect();
    check(MatrixFunctionRule(Log), &a, &z);
    check(MatrixFunctionRule(Sqrt), &a, &z);
    let f = [
        gaussian(7, 4, 1),
        with_spectrum(7, 4, &[1.0; 4], 2),
        with_spectrum(7, 4, &[2.0, 1.0], 3),
    ];
    let z: Vec<_> = (0..3).map(|b| gaussian(7, 4, 11 + b)).collect();
    check(GramFunctionRule(Ridge::new(Log, 0.3).unwrap()), &f, &z);
}

#[test]
fn factors_and_subspaces() {
    for (m, n) in [(5, 3), (3, 5), (4, 4)] {
        let a: Vec<_> = (0..3).map(|b| gaussian(m, n, 1 + b)).collect();
        let z: Vec<_> = (0..3).map(|b| gaussian(m, n, 21 + b)).collect();
        check(PolarRule, &a, &z);
        check(ProjectorRule::default(), &a, &z);
        check(PseudoInverseRule::default(), &a, &z);
        check(RegularisedProjectorRule { epsilon: 0.4 }, &a, &z);
        let gaps = GapPolicy::default();
        check(LeadingProjectorRule { count: 2, gaps }, &a, &z);
    }
}

#[test]
fn what_has_no_second_order_says_so() {
    let a = stack_of::<f64>(&[gaussian(4, 3, 1)]);
    let refused = |failed: Error| {
        let Error::InStack { index: 0, source } = failed else {
            panic!("{failed}");
        };
        assert!(
            matches!(*source, Error::CurvatureUnknown { .. }),
            "{source}"
        );
    };
    let qr = Stacked::new(QrRule);
    let kept = qr.forward(&[a.as_ref()]).unwrap();
    let (inputs, along) = ([a.as_ref()], [Some(a.as_ref())]);
    refused(
        qr.vjp_of_vjp(&inputs, &kept.kept(), &[None, None], &along)
            .unwrap_err(),
    );
    // Of polar factors, W alone.
    let polar = Stacked::new(PolarRule);
    let forward = polar.forward(&inputs).unwrap();
    let h = Some(forward.outputs[1].as_ref());
    refused(
        polar
            .vjp_of_vjp(&inputs, &forward.kept(), &[None, h], &along)
            .unwrap_err(),
    );
    let wrong = polar.vjp_of_vjp(&inputs, &forward.kept(), &[None], &along);
    assert!(matches!(wrong, Err(Error::StackOperands { .. })));
}

#[test]
fn single_precision_is_rounded_once() {
    let f = [gaussian(9, 4, 5)];
    let rounded: Vec<Mat<f64>> = f
        .iter()
        .map(|f| Mat::from_fn(9, 4, |i, j| f64::from(f[(i, j)] as f32)))
        .collect();
    let rule = Stacked::new(GramFunctionRule(Ridge::new(Log, 0.3).unwrap()));
    let (single, double) = (stack_of::<f32>(&rounded), stack_of::<f64>(&rounded));
    let bar = [symmetric_part(gaussian(4, 4, 6).as_ref()).unwrap()];
    let bar = [Mat::from_fn(4, 4, |i, j| f64::from(bar[0][(i, j)] as f32))];
    let (bar_single, bar_double) = (stack_of::<f32>(&bar), stack_of::<f64>(&bar));
    let forward = rule.forward(&[single.as_ref()]).unwrap();
    let found = rule
        .vjp_of_vjp(
            &[single.as_ref()],
            &forward.kept(),
            &[Some(bar_single.as_ref())],
            &[Some(single.as_ref())],
        )
        .unwrap();
    let forward = rule.forward(&[double.as_ref()]).unwrap();
    let expected = rule
        .vjp_of_vjp(
            &[double.as_ref()],
            &forward.kept(),
            &[Some(bar_double.as_ref())],
            &[Some(double.as_ref())],
        )
        .unwrap();
    for (found, expected) in found.x_bars[0]
        .numbers()
        .iter()
        .zip(expected.x_bars[0].numbers())
    {
        assert_eq!(*found, *expected as f32);
    }
}
