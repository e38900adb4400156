//! A rule applied to the matrices of stacks, by groups and one by one, over the cores.

use super::group::{Done, Group};
use super::rule::{Forward, Saved, Shape, StackRule};
use super::view::{Number, StackMut, StackRef};
use crate::error::{Error, Result};
use crate::lanes::{LaneNumber, WIDEST, Width};
use crate::symmetric::symmetric_up_to;
use faer::{Mat, MatRef};
use std::ops::Range;

/// Matrices that a thread takes at a time.
#[cfg(feature = "rayon")]
const CHUNK: usize = 64;

/// Sides from which arithmetic of 32 bits is taken: below, 64 bits are fast already, and their errors ten times smaller or more.
const SINGLE_FROM: usize = 24;

/// Which of a rule's maps is applied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Way {
    Forward,
    Vjp,
    Jvp,
    /// The way back through `Vjp`: what is read has cotangents of outputs, and then those of the inputs' cotangents.
    Second,
}

/// What is read by all parts of a pass: by the place of a matrix in the whole stack.
pub(super) struct Read<'a, R, T> {
    pub(super) rule: &'a R,
    pub(super) way: Way,
    /// The shape of what is held in registers; `None` where matrices are dealt with one by one.
    pub(super) in_registers: Option<Shape>,
    pub(super) inputs: &'a [StackRef<'a, T>],
    pub(super) kept: &'a [StackRef<'a, f64>],
    /// Cotangents of outputs, or tangents of inputs.
    pub(super) bars: &'a [Option<StackRef<'a, T>>],
}

impl<R: StackRule, T: Number> Read<'_, R, T> {
    /// Are matrices tried in 32 bits first?
    fn in_single(&self) -> bool {
        let (rows, columns) = self.inputs[0].shape();
        let in_registers = self.in_registers.is_some() && self.way != Way::Jvp;
        in_registers && T::EPSILON > f64::EPSILON && rows.min(columns) >= SINGLE_FROM
    }

    fn width<A: LaneNumber>(&self) -> Width<A> {
        Width::for_shape(self.in_registers.unwrap_or(self.inputs[0].shape()))
    }
}

/// Matrices on their way through a rule, and where they are written: by their place in this part.
pub(super) struct Pass<'r, 'w, R, T> {
    pub(super) read: &'r Read<'r, R, T>,
    pub(super) matrices: Range<usize>,
    pub(super) outputs: Vec<StackMut<'w, T>>,
    pub(super) kept_outputs: Vec<StackMut<'w, f64>>,
}

impl<R: StackRule, T: Number> Pass<'_, '_, R, T> {
    /// The errors, in order, each with its place.
    pub(super) fn run(self) -> Vec<(usize, Error)> {
        #[cfg(feature = "rayon")]
        if self.matrices.len() > CHUNK {
            let (first, second) = self.split();
            let (mut failures, others) = rayon::join(|| first.run(), || second.run());
            failures.extend(others);
            return failures;
        }
        self.run_here()
    }

    /// Two halves, the first one a number of whole chunks.
    #[cfg(feature = "rayon")]
    fn split(self) -> (Self, Self) {
        let half = (self.matrices.len() / 2).div_ceil(CHUNK) * CHUNK;
        let middle = self.matrices.start + half;
        let outputs = self.outputs.into_iter();
        let (first, second) = outputs.map(|stack| stack.split_at(half)).unzip();
        let kept = self.kept_outputs.into_iter();
        let (first_kept, second_kept) = kept.map(|stack| stack.split_at(half)).unzip();
        let part = |matrices, outputs, kept_outputs| Self {
            read: self.read,
            matrices,
            outputs,
            kept_outputs,
        };
        (
            part(self.matrices.start..middle, first, first_kept),
            part(middle..self.matrices.end, second, second_kept),
        )
    }

    fn run_here(mut self) -> Vec<(usize, Error)> {
        let Range { mut start, end } = self.matrices.clone();
        let mut failures = Vec::new();
        // The constant first, so that groups of 32 bits are compiled for rules that have them alone.
        if !(R::IN_SINGLE && self.read.in_single()) {
            while start < end {
                let matrices: [usize; WIDEST] = std::array::from_fn(|lane| start + lane);
                let count = (end - start).min(self.read.width::<f64>().numbers());
                self.in_double(&matrices[..count], &mut failures);
                start += count;
            }
            return failures;
        }
        // Those for which 32 bits do not suffice wait until they fill registers of 64.
        let (mut waiting, mut count) = ([0; 2 * WIDEST], 0);
        let width = self.read.width::<f64>().numbers();
        while start < end || count > 0 {
            if start < end && count < width {
                let taken = (end - start).min(self.read.width::<f32>().numbers());
                let matrices: [usize; WIDEST] = std::array::from_fn(|lane| start + lane);
                let done = self.group::<f32>(&matrices[..taken]);
                for lane in (0..taken).filter(|&lane| !done.contains(lane)) {
                    waiting[count] = start + lane;
                    count += 1;
                }
                start += taken;
            } else {
                let taken = count.min(width);
                self.in_double(&waiting[..taken], &mut failures);
                waiting.copy_within(taken..count, 0);
                count -= taken;
            }
        }
        failures.sort_by_key(|(b, _)| *b);
        failures
    }

    /// Matrices side by side in 64 bits, and one by one where that does not do.
    fn in_double(&mut self, matrices: &[usize], failures: &mut Vec<(usize, Error)>) {
        let done = self.group::<f64>(matrices);
        for (lane, &b) in matrices.iter().enumerate() {
            if done.contains(lane) {
                continue;
            }
            if let Err(error) = self.single(b) {
                self.fill_with_nan(b);
                failures.push((b, error));
            }
        }
    }

    /// Matrices side by side, as many as registers of this arithmetic have numbers; those that are done.
    fn group<A: LaneNumber>(&mut self, matrices: &[usize]) -> Done {
        let group = Group {
            width: self.read.width::<A>(),
            matrices,
            first_written: self.matrices.start,
            inputs: self.read.inputs,
            kept: self.read.kept,
            bars: self.read.bars,
        };
        let rule = self.read.rule;
        match (self.read.in_registers.is_some(), self.read.way) {
            (true, Way::Forward) => {
                rule.forward_group(&group, &mut self.outputs, &mut self.kept_outputs)
            }
            (true, Way::Vjp) => rule.vjp_group(&group, &mut self.outputs),
            _ => Done::NONE,
        }
    }

    /// One matrix by itself.
    fn single(&mut self, b: usize) -> Result<()> {
        let Read {
            rule, way, bars, ..
        } = *self.read;
        let inputs: Result<Vec<Mat<f64>>> = self
            .read
            .inputs
            .iter()
            .enumerate()
            .map(|(k, stack)| {
                let a = matrix(stack, b);
                match rule.takes_symmetric_at(k) && T::EPSILON > f64::EPSILON {
                    true => symmetric_up_to(rule.op(), a, T::EPSILON),
                    false => Ok(a),
                }
            })
            .collect();
        let inputs = inputs?;
        let inputs: Vec<MatRef<'_, f64>> = inputs.iter().map(Mat::as_ref).collect();
        let written = b - self.matrices.start;
        if way == Way::Forward {
            let Forward { outputs, kept } = rule.forward(&inputs)?;
            write_all(&mut self.outputs, written, &outputs);
            write_all(&mut self.kept_outputs, written, &kept);
            return Ok(());
        }
        let kept: Vec<Mat<f64>> = self
            .read
            .kept
            .iter()
            .map(|stack| matrix(stack, b))
            .collect();
        let kept: Vec<MatRef<'_, f64>> = kept.iter().map(Mat::as_ref).collect();
        let bars: Vec<Option<Mat<f64>>> = bars
            .iter()
            .map(|stack| stack.as_ref().map(|stack| matrix(stack, b)))
            .collect();
        let bars: Vec<_> = bars
            .iter()
            .map(|bar| bar.as_ref().map(Mat::as_ref))
            .collect();
        let saved = Saved {
            inputs: &inputs,
            kept: &kept,
        };
        let results = match way {
            Way::Jvp => rule.jvp(saved, &bars)?,
            Way::Second => {
                let (bars, z) = bars.split_at(bars.len() - inputs.len());
                rule.vjp_of_vjp(saved, bars, z)?
            }
            _ => rule.vjp(saved, &bars)?,
        };
        write_all(&mut self.outputs, written, &results);
        Ok(())
    }

    fn fill_with_nan(&mut self, b: usize) {
        let written = b - self.matrices.start;
        for stack in &mut self.outputs {
            stack.fill(written, T::NAN);
        }
        for stack in &mut self.kept_outputs {
            stack.fill(written, f64::NAN);
        }
    }
}

/// Matrix b of a stack.
fn matrix<T: Number>(stack: &StackRef<'_, T>, b: usize) -> Mat<f64> {
    let (rows, columns) = stack.shape();
    Mat::from_fn(rows, columns, |i, j| stack.entry(b, i, j).widened())
}

fn write_all<T: Number>(stacks: &mut [StackMut<'_, T>], b: usize, matrices: &[Mat<f64>]) {
    for (stack, matrix) in stacks.iter_mut().zip(matrices) {
        for j in 0..matrix.ncols() {
            for i in 0..matrix.nrows() {
                stack.set(b, i, j, T::rounded(matrix[(i, j)]));
            }
        }
    }
}
