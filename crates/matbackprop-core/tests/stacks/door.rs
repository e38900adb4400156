//! Layouts, errors and precision of stacks.

use crate::matrices::{matrix_of, stack_of};
use faer::Mat;
use matbackprop_core::gradcheck::{gaussian, symmetric_with_spectrum};
use matbackprop_core::stack::{
    MatrixFunctionRule, OnFailure, PolarRule, Stack, StackMut, StackRef, Stacked,
};
use matbackprop_core::{Error, Log, symmetric_part};
use test_support::refused;

#[test]
fn layouts_give_the_same_numbers() {
    let count = 21;
    let matrices: Vec<Mat<f64>> = (0..count).map(|seed| gaussian(4, 3, seed)).collect();
    let plain = stack_of::<f64>(&matrices);
    let stacked = Stacked::new(PolarRule);
    let expected = stacked.forward(&[plain.as_ref()]).unwrap();
    let shape = (4, 3);
    // Column after column; every second number; the matrices innermost, as the entries of an image's pixels lie.
    for strides in [[12, 1, 4], [24, 6, 2], [1, 63, 21]] {
        let mut numbers = vec![0.0; 24 * 21 + 200];
        for (b, matrix) in matrices.iter().enumerate() {
            for i in 0..4 {
                for j in 0..3 {
                    numbers[b * strides[0] + i * strides[1] + j * strides[2]] = matrix[(i, j)];
                }
            }
        }
        let input = StackRef::with_strides(&numbers, 21, shape, strides).unwrap();
        let found = stacked.forward(&[input]).unwrap();
        assert_eq!(found.outputs, expected.outputs);
        assert_eq!(found.kept, expected.kept);
        // Written in another layout than it is read.
        let mut w = vec![0.0; 12 * 21];
        let mut h = Stack::<f64>::zeros(21, (3, 3));
        let [mut u, mut values, mut v] = [(4, 3), (3, 1), (3, 3)].map(|s| Stack::zeros(21, s));
        let outputs = &mut [
            StackMut::column_major(&mut w, 21, shape).unwrap(),
            h.as_mut(),
        ];
        let kept = &mut [u.as_mut(), values.as_mut(), v.as_mut()];
        stacked.forward_into(&[input], outputs, kept).unwrap();
        let w = StackRef::column_major(&w, 21, shape).unwrap();
        for b in 0..21 {
            assert_eq!(matrix_of(w, b), matrix_of(expected.outputs[0].as_ref(), b));
        }
    }
    // One matrix for all.
    let repeated = StackRef::with_strides(plain.numbers(), 21, shape, [0, 3, 1]).unwrap();
    let found = stacked.forward(&[repeated]).unwrap();
    for b in 0..21 {
        let (first, own) = (found.outputs[0].as_ref(), found.outputs[0].as_ref());
        assert_eq!(matrix_of(first, 0), matrix_of(own, b));
    }
}

#[test]
fn one_bad_matrix_is_named_or_becomes_nan() {
    for n in [3, 40, 70] {
        let count = 150;
        let of = |b: usize| match b {
            70 => Mat::full(n, n, f64::NAN),
            99 => symmetric_with_spectrum(&vec![-1.0; n], 3),
            _ => symmetric_with_spectrum(&vec![2.0; n], b as u64),
        };
        let matrices: Vec<Mat<f64>> = (0..count).map(of).collect();
        let input = stack_of::<f64>(&matrices);
        let rule = Stacked::new(MatrixFunctionRule(Log));
        let refused = rule.forward(&[input.as_ref()]).unwrap_err();
        let inner = Error::NotFinite {
            op: "function of a symmetric matrix",
        };
        assert_eq!(
            refused,
            Error::InStack {
                index: 70,
                source: Box::new(inner)
            }
        );
        assert!(
            refused
                .to_string()
                .starts_with("matrix 70 of the stack: function of")
        );

        let lenient = rule.on_failure(OnFailure::Nan);
        let forward = lenient.forward(&[input.as_ref()]).unwrap();
        let indices: Vec<usize> = forward
            .failures
            .iter()
            .map(|error| match error {
                Error::InStack { index, .. } => *index,
                _ => usize::MAX,
            })
            .collect();
        assert_eq!(indices, [70, 99]);
        let bar = Stack::from_fn(count, (n, n), |_, i, j| f64::from(u8::from(i == j)));
        let a_bar = lenient
            .vjp(&[input.as_ref()], &forward.kept(), &[Some(bar.as_ref())])
            .unwrap();
        for b in 0..count {
            let found = matrix_of(a_bar[0].as_ref(), b);
            let value = matrix_of(forward.outputs[0].as_ref(), b);
            if b == 70 || b == 99 {
                assert!(found.has_nan() && value.has_nan(), "{b}");
            } else {
                assert!((found - faer::Scale(0.5) * Mat::<f64>::identity(n, n)).norm_max() < 1e-13);
            }
        }
    }
}

#[test]
fn tangents_and_cotangents_agree() {
    let count = 11;
    let a = stack_of::<f64>(
        &(0..count)
            .map(|seed| gaussian(5, 4, seed))
            .collect::<Vec<_>>(),
    );
    let a_dot = stack_of::<f64>(
        &(0..count)
            .map(|seed| gaussian(5, 4, 50 + seed))
            .collect::<Vec<_>>(),
    );
    let rule = Stacked::new(PolarRule);
    let forward = rule.forward(&[a.as_ref()]).unwrap();
    let w_bar = stack_of::<f64>(
        &(0..count)
            .map(|seed| gaussian(5, 4, 90 + seed))
            .collect::<Vec<_>>(),
    );
    let inputs = [a.as_ref()];
    let dots = rule
        .jvp(&inputs, &forward.kept(), &[Some(a_dot.as_ref())])
        .unwrap();
    let bars = rule
        .vjp(&inputs, &forward.kept(), &[Some(w_bar.as_ref()), None])
        .unwrap();
    let inner = |x: &Stack<f64>, y: &Stack<f64>| -> f64 {
        x.numbers()
            .iter()
            .zip(y.numbers())
            .map(|(x, y)| x * y)
            .sum()
    };
    let (forth, back) = (inner(&w_bar, &dots[0]), inner(&bars[0], &a_dot));
    assert!(
        (forth - back).abs() < 1e-12 * forth.abs().max(1.0),
        "{forth} {back}"
    );
    // Nothing given, nothing comes.
    assert!(
        rule.jvp(&inputs, &forward.kept(), &[None]).unwrap()[0]
            .numbers()
            .iter()
            .all(|x| *x == 0.0)
    );
    let none = rule.vjp(&inputs, &forward.kept(), &[None, None]).unwrap();
    assert!(none[0].numbers().iter().all(|x| *x == 0.0));
}

#[test]
fn stacks_that_do_not_fit_are_refused() {
    let a = Stack::<f64>::zeros(4, (3, 3));
    let fewer = Stack::<f64>::zeros(3, (3, 3));
    let log = Stacked::new(MatrixFunctionRule(Log));
    let kept = [Stack::<f64>::zeros(4, (3, 1)), Stack::zeros(4, (3, 3))];
    let kept: Vec<_> = kept.iter().map(Stack::as_ref).collect();
    refused! {
        log.forward::<f64>(&[]) => Error::StackOperands { expected: 1, found: 0, .. },
        log.forward(&[Stack::<f64>::zeros(4, (3, 2)).as_ref()]) => Error::NotSquare { .. },
        log.forward(&[Stack::<f64>::zeros(4, (0, 0)).as_ref()]) => Error::Empty { .. },
        log.vjp(&[a.as_ref()], &kept[..1], &[None]) => Error::StackOperands { expected: 2, found: 1, .. },
        log.vjp(&[a.as_ref()], &kept, &[Some(fewer.as_ref())]) => Error::StackCount { expected: 4, found: 3, .. },
        log.vjp(&[a.as_ref()], &kept, &[]) => Error::StackOperands { expected: 1, found: 0, .. },
        log.jvp(&[a.as_ref()], &kept, &[Some(Stack::zeros(4, (2, 2)).as_ref())]) => Error::ShapeMismatch { .. },
    }
    // No matrix at all.
    let none = Stack::<f64>::zeros(0, (3, 3));
    assert_eq!(
        log.forward(&[none.as_ref()]).unwrap().outputs[0].numbers(),
        [0.0; 0]
    );
}

#[test]
fn single_precision_is_rounded_once() {
    // Symmetric in 32 bits, and not in the last of them: as products of 32 bits come out.
    let matrices: Vec<Mat<f64>> = (0..9)
        .map(|seed| {
            // Too wide for arithmetic of 32 bits.
            let a = symmetric_with_spectrum(&[1.0, 2.0, 1e4], seed);
            Mat::from_fn(3, 3, |i, j| {
                f64::from((a[(i, j)] * if i < j { 1.0 + 1e-7 } else { 1.0 }) as f32)
            })
        })
        .collect();
    let log = Stacked::new(MatrixFunctionRule(Log));
    let found = log.forward(&[stack_of::<f32>(&matrices).as_ref()]).unwrap();
    let means: Vec<Mat<f64>> = matrices
        .iter()
        .map(|a| symmetric_part(a.as_ref()).unwrap())
        .collect();
    let expected = log.forward(&[stack_of::<f64>(&means).as_ref()]).unwrap();
    for (found, expected) in found.outputs[0]
        .numbers()
        .iter()
        .zip(expected.outputs[0].numbers())
    {
        assert!(
            (f64::from(*found) - expected).abs()
                <= 0.5001 * f64::from(f32::EPSILON) * expected.abs().max(1e-3)
        );
    }
    // In 64 bits that is no symmetric matrix.
    let refused = log
        .forward(&[stack_of::<f64>(&matrices).as_ref()])
        .unwrap_err();
    assert!(
        matches!(refused, Error::InStack { index: 0, source } if matches!(*source, Error::NotSymmetric { .. }))
    );
}
