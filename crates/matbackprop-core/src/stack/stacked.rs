//! Rules applied to stacks: what people call.

use super::pass::{Pass, Read, Way};
use super::rule::{Shape, Shapes, StackRule};
use super::view::{Number, Stack, StackMut, StackRef};
use crate::error::{Error, Result};

/// What one bad matrix means for the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum OnFailure {
    /// The call fails with the first error in order, as [`InStack`](Error::InStack).
    #[default]
    Error,
    /// Its results are NaN, the others are as they would be, and the errors are reported.
    Nan,
}

/// A rule, and the way it is applied to stacks of matrices.
///
/// Matrices with sides up to 64 go through six rules of this crate, which the module names, as many at a time as a register
/// has numbers (8 of 64 bits with AVX-512, 4 with AVX2, 2 elsewhere; twice as many of 32), and twice as many up to 22 × 22; all
/// other rules take one at a time. A matrix that needs a decision, because gaps are closed, rank is missing or a value lies at the edge of a
/// domain, goes through the rule for one matrix, as larger ones do. With the feature `rayon` all cores share the stack. A
/// matrix's numbers do not depend on the number of cores; they depend on its neighbours, and on the width of registers,
/// within rounding alone.
///
/// # Entries of 32 bits
/// From a side of 24 on, five rules compute entries of 32 bits in 32 bits where a matrix's spectrum says that this suffices; each
/// matrix by itself, whatever its neighbours are, and its way back as its way forth. With ε = 2⁻²³ and the eigenvalue λ₁ of largest magnitude:
///
/// ```text
/// functions of A or of FᵀF   λ₁ max|f′| ≤ 2⁸ max|f|  and  λ₁ max|f″| ≤ 2⁸ max|f′|  over the spectrum
/// eigenvectors               every gap between eigenvalues above 2⁻¹⁰ λ₁
/// singular vectors           every gap between singular values above 2⁻¹⁰ σ₁, and as polar factors
/// polar factors              σₙ₋₁ + σₙ above 2⁻¹⁰ σ₁ and σₙ above 2⁻¹⁶ σ₁; of m > n, σₙ above 2⁻¹⁰ σ₁
/// always                     λ₁ or σ₁, and the largest entry of each cotangent that is not zero, within 2^±40
/// ```
///
/// Of logarithms, roots and powers the second condition is one on λ₁ / λₙ, up to a factor of order one. Rounding moves a matrix
/// by a small multiple of ε λ₁, and a result by at most 2⁸ times that share of its size, 2¹⁰ times where vectors are asked for. A
/// function whose curvature is not known, all other matrices and all other rules go through 64 bits, and are rounded once. What is
/// kept of a matrix that went through 32 bits has the digits of 32 bits.
///
/// # Conventions
/// What is kept is a list of stacks of 64 bits: it can be stored,
/// sent to another thread, and handed to a framework that wants arrays. The stacks of the way back are those of the way
/// forth: same matrices, same order. What is kept of a matrix may be NaN, where a rule says so: the way back then decomposes
/// the matrix again. An input that all share is a stack with a stride of zero; its cotangent is the sum of theirs.
/// In steady state nothing is allocated for a matrix that stays in registers: buffers belong to the thread.
///
/// # Errors
/// [`StackOperands`](Error::StackOperands), [`StackCount`](Error::StackCount), [`ShapeMismatch`](Error::ShapeMismatch)
/// where stacks do not fit; those of the rule, as [`OnFailure`] says.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use matbackprop_core::Log;
/// use matbackprop_core::stack::{MatrixFunctionRule, Stack, Stacked};
///
/// // The logarithms of a thousand matrices, and the gradients of their traces: the inverses.
/// let a = Stack::from_fn(1000, (3, 3), |b, i, j| if i == j { 1.0 + b as f64 } else { 0.5 });
/// let log = Stacked::new(MatrixFunctionRule(Log));
/// let forward = log.forward(&[a.as_ref()])?;
/// let ones = Stack::from_fn(1000, (3, 3), |_, i, j| if i == j { 1.0 } else { 0.0 });
/// let a_bar = log.vjp(&[a.as_ref()], &forward.kept(), &[Some(ones.as_ref())])?;
/// // Matrix 999 is 999.5 I + 0.5 1 1ᵀ.
/// let inverse = (1.0 - 0.5 / 1001.0) / 999.5;
/// assert!((a_bar[0].as_ref().entry(999, 0, 0) - inverse).abs() < 1e-17);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Stacked<R> {
    rule: R,
    on_failure: OnFailure,
}

/// Outputs of a rule, and what its way back needs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StackForward<T> {
    /// In the order of the rule.
    pub outputs: Vec<Stack<T>>,
    /// What the way back needs, in the order of the rule.
    pub kept: Vec<Stack<f64>>,
    /// Errors of the matrices without a result, in order.
    pub failures: Vec<Error>,
}

impl<T> StackForward<T> {
    /// What the way back needs, to be read.
    pub fn kept(&self) -> Vec<StackRef<'_, f64>> {
        self.kept.iter().map(Stack::as_ref).collect()
    }
}

/// The result of [`Stacked::vjp_of_vjp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StackSecond<T> {
    /// Cotangents of the outputs' cotangents, in their order.
    pub bar_bars: Vec<Stack<T>>,
    /// Cotangents of the inputs, in their order.
    pub x_bars: Vec<Stack<T>>,
}

impl<R: StackRule> Stacked<R> {
    /// The rule; one bad matrix fails the call.
    pub fn new(rule: R) -> Self {
        Self {
            rule,
            on_failure: OnFailure::default(),
        }
    }

    /// What one bad matrix means for the others.
    pub fn on_failure(self, on_failure: OnFailure) -> Self {
        Self { on_failure, ..self }
    }

    /// The rule.
    pub fn rule(&self) -> &R {
        &self.rule
    }

    /// Outputs in stacks of their own.
    ///
    /// # Errors
    /// See [`Stacked`].
    pub fn forward<T: Number>(&self, inputs: &[StackRef<'_, T>]) -> Result<StackForward<T>> {
        let (count, shapes) = self.shapes_of(inputs)?;
        let mut outputs: Vec<_> = zeros(count, &shapes.outputs);
        let mut kept: Vec<_> = zeros(count, &shapes.kept);
        let failures = self.forward_into(inputs, &mut muts(&mut outputs), &mut muts(&mut kept))?;
        Ok(StackForward {
            outputs,
            kept,
            failures,
        })
    }

    /// Outputs, and what the way back needs, into stacks of the caller's; the errors of matrices without a result.
    ///
    /// # Errors
    /// See [`Stacked`].
    pub fn forward_into<T: Number>(
        &self,
        inputs: &[StackRef<'_, T>],
        outputs: &mut [StackMut<'_, T>],
        kept: &mut [StackMut<'_, f64>],
    ) -> Result<Vec<Error>> {
        let (count, shapes) = self.shapes_of(inputs)?;
        self.ensure_fit("outputs", count, &shapes.outputs, &written(outputs))?;
        self.ensure_fit("what is kept", count, &shapes.kept, &written(kept))?;
        let read = self.reading(Way::Forward, inputs, &[], &[]);
        self.run(&read, count, outputs, kept)
    }

    /// Cotangents of the inputs in stacks of their own; with [`OnFailure::Nan`], NaN where there is none.
    ///
    /// # Errors
    /// See [`Stacked`].
    pub fn vjp<T: Number>(
        &self,
        inputs: &[StackRef<'_, T>],
        kept: &[StackRef<'_, f64>],
        bars: &[Option<StackRef<'_, T>>],
    ) -> Result<Vec<Stack<T>>> {
        let (count, _) = self.shapes_of(inputs)?;
        let mut x_bars: Vec<_> = zeros(count, &shapes_only(inputs));
        self.vjp_into(inputs, kept, bars, &mut muts(&mut x_bars))?;
        Ok(x_bars)
    }

    /// Cotangents of the inputs into stacks of the caller's; the errors of matrices without a result.
    ///
    /// # Errors
    /// See [`Stacked`].
    pub fn vjp_into<T: Number>(
        &self,
        inputs: &[StackRef<'_, T>],
        kept: &[StackRef<'_, f64>],
        bars: &[Option<StackRef<'_, T>>],
        x_bars: &mut [StackMut<'_, T>],
    ) -> Result<Vec<Error>> {
        let (count, shapes) = self.shapes_of(inputs)?;
        self.ensure_fit("what is kept", count, &shapes.kept, &read_only(kept))?;
        self.ensure_given("cotangents", count, &shapes.outputs, bars)?;
        let of_inputs = shapes_only(inputs);
        self.ensure_fit("cotangents of inputs", count, &of_inputs, &written(x_bars))?;
        let read = self.reading(Way::Vjp, inputs, kept, bars);
        self.run(&read, count, x_bars, &mut [])
    }

    /// Tangents of the outputs in stacks of their own; with [`OnFailure::Nan`], NaN where there is none.
    ///
    /// # Errors
    /// See [`Stacked`].
    pub fn jvp<T: Number>(
        &self,
        inputs: &[StackRef<'_, T>],
        kept: &[StackRef<'_, f64>],
        dots: &[Option<StackRef<'_, T>>],
    ) -> Result<Vec<Stack<T>>> {
        let (count, shapes) = self.shapes_of(inputs)?;
        let mut y_dots: Vec<_> = zeros(count, &shapes.outputs);
        self.jvp_into(inputs, kept, dots, &mut muts(&mut y_dots))?;
        Ok(y_dots)
    }

    /// Tangents of the outputs into stacks of the caller's; the errors of matrices without a result.
    ///
    /// # Errors
    /// See [`Stacked`].
    pub fn jvp_into<T: Number>(
        &self,
        inputs: &[StackRef<'_, T>],
        kept: &[StackRef<'_, f64>],
        dots: &[Option<StackRef<'_, T>>],
        y_dots: &mut [StackMut<'_, T>],
    ) -> Result<Vec<Error>> {
        let (count, shapes) = self.shapes_of(inputs)?;
        self.ensure_fit("what is kept", count, &shapes.kept, &read_only(kept))?;
        self.ensure_given("tangents", count, &shapes_only(inputs), dots)?;
        self.ensure_fit(
            "tangents of outputs",
            count,
            &shapes.outputs,
            &written(y_dots),
        )?;
        let read = self.reading(Way::Jvp, inputs, kept, dots);
        self.run(&read, count, y_dots, &mut [])
    }

    /// The way back through [`vjp`](Self::vjp), in stacks of their own: from cotangents Z of the inputs' cotangents, those of the
    /// outputs' cotangents, and of the inputs: the Hessian of ⟨ȳ, y⟩ times Z. One matrix at a time, which is decomposed again.
    ///
    /// # Errors
    /// See [`Stacked`]; [`CurvatureUnknown`](Error::CurvatureUnknown) for rules without a second order.
    pub fn vjp_of_vjp<T: Number>(
        &self,
        inputs: &[StackRef<'_, T>],
        kept: &[StackRef<'_, f64>],
        bars: &[Option<StackRef<'_, T>>],
        z: &[Option<StackRef<'_, T>>],
    ) -> Result<StackSecond<T>> {
        let (count, shapes) = self.shapes_of(inputs)?;
        let of_inputs = shapes_only(inputs);
        self.ensure_fit("what is kept", count, &shapes.kept, &read_only(kept))?;
        self.ensure_given("cotangents", count, &shapes.outputs, bars)?;
        self.ensure_given("cotangents of cotangents", count, &of_inputs, z)?;
        let mut bar_bars: Vec<Stack<T>> = zeros(count, &shapes.outputs);
        let mut x_bars: Vec<Stack<T>> = zeros(count, &of_inputs);
        let both: Vec<_> = bars.iter().chain(z).copied().collect();
        let read = self.reading(Way::Second, inputs, kept, &both);
        let mut written = muts(&mut bar_bars);
        written.extend(muts(&mut x_bars));
        self.run(&read, count, &mut written, &mut [])?;
        Ok(StackSecond { bar_bars, x_bars })
    }

    fn reading<'a, T: Number>(
        &'a self,
        way: Way,
        inputs: &'a [StackRef<'a, T>],
        kept: &'a [StackRef<'a, f64>],
        bars: &'a [Option<StackRef<'a, T>>],
    ) -> Read<'a, R, T> {
        Read {
            rule: &self.rule,
            way,
            in_registers: self.rule.in_registers(&shapes_only(inputs)),
            inputs,
            kept,
            bars,
        }
    }

    fn run<T: Number>(
        &self,
        read: &Read<'_, R, T>,
        count: usize,
        outputs: &mut [StackMut<'_, T>],
        kept: &mut [StackMut<'_, f64>],
    ) -> Result<Vec<Error>> {
        let pass = Pass {
            read,
            matrices: 0..count,
            outputs: outputs.iter_mut().map(StackMut::reborrow).collect(),
            kept_outputs: kept.iter_mut().map(StackMut::reborrow).collect(),
        };
        let failures = pass.run().into_iter();
        let mut failures = failures.map(|(index, error)| Error::InStack {
            index,
            source: Box::new(error),
        });
        match self.on_failure {
            OnFailure::Error => failures.next().map_or(Ok(Vec::new()), Err),
            OnFailure::Nan => Ok(failures.collect()),
        }
    }

    /// Matrices in each stack, and the shapes of the results.
    fn shapes_of<T: Number>(&self, inputs: &[StackRef<'_, T>]) -> Result<(usize, Shapes)> {
        let op = self.rule.op();
        ensure_operands(op, "inputs", self.rule.inputs(), inputs.len())?;
        let count = inputs.first().map_or(0, StackRef::count);
        for input in inputs {
            ensure_count(op, count, input.count())?;
        }
        Ok((count, self.rule.shapes(&shapes_only(inputs))?))
    }

    fn ensure_fit(
        &self,
        what: &'static str,
        count: usize,
        expected: &[Shape],
        found: &[(usize, Shape)],
    ) -> Result<()> {
        let op = self.rule.op();
        ensure_operands(op, what, expected.len(), found.len())?;
        for (&expected, &(stacked, found)) in expected.iter().zip(found) {
            ensure_count(op, count, stacked)?;
            if expected != found {
                return Err(Error::ShapeMismatch {
                    op,
                    expected,
                    found,
                });
            }
        }
        Ok(())
    }

    /// As `ensure_fit`, of stacks of which some are zero.
    fn ensure_given<T: Number>(
        &self,
        what: &'static str,
        count: usize,
        expected: &[Shape],
        given: &[Option<StackRef<'_, T>>],
    ) -> Result<()> {
        ensure_operands(self.rule.op(), what, expected.len(), given.len())?;
        for (&expected, given) in expected.iter().zip(given) {
            if let Some(stack) = given {
                let found = (stack.count(), stack.shape());
                self.ensure_fit(what, count, &[expected], &[found])?;
            }
        }
        Ok(())
    }
}

fn ensure_operands(
    op: &'static str,
    what: &'static str,
    expected: usize,
    found: usize,
) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::StackOperands {
        op,
        what,
        expected,
        found,
    })
}

fn ensure_count(op: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::StackCount {
        op,
        expected,
        found,
    })
}

fn zeros<T: Number>(count: usize, shapes: &[Shape]) -> Vec<Stack<T>> {
    let stacks = shapes.iter().map(|&shape| Stack::zeros(count, shape));
    stacks.collect()
}

fn muts<T: Number>(stacks: &mut [Stack<T>]) -> Vec<StackMut<'_, T>> {
    stacks.iter_mut().map(Stack::as_mut).collect()
}

fn shapes_only<T: Copy>(stacks: &[StackRef<'_, T>]) -> Vec<Shape> {
    stacks.iter().map(StackRef::shape).collect()
}

fn read_only<T: Copy>(stacks: &[StackRef<'_, T>]) -> Vec<(usize, Shape)> {
    let shapes = stacks.iter().map(|stack| (stack.count(), stack.shape()));
    shapes.collect()
}

fn written<T: Copy>(stacks: &[StackMut<'_, T>]) -> Vec<(usize, Shape)> {
    let shapes = stacks.iter().map(|stack| (stack.count(), stack.shape()));
    shapes.collect()
}
