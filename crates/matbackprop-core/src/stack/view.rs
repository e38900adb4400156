//! Many matrices of one shape, in one list of numbers.

use crate::error::{Error, Result};
use std::ops::Range;

const OP: &str = "stack of matrices";

/// Numbers that a stack is made of: `f64` and `f32`.
pub trait Number: sealed::Sealed + Copy + Send + Sync + std::fmt::Debug + 'static {
    /// The distance from one to the next number above it.
    const EPSILON: f64;
    /// What takes the place of a result that there is none of.
    const NAN: Self;

    /// From a number of 64 bits, rounded.
    fn rounded(x: f64) -> Self;
    /// As a number of 64 bits, which loses nothing.
    fn widened(self) -> f64;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f64 {}
    impl Sealed for f32 {}
}

impl Number for f64 {
    const EPSILON: f64 = f64::EPSILON;
    const NAN: Self = f64::NAN;

    #[inline(always)]
    fn rounded(x: f64) -> Self {
        x
    }

    #[inline(always)]
    fn widened(self) -> f64 {
        self
    }
}

impl Number for f32 {
    const EPSILON: f64 = f32::EPSILON as f64;
    const NAN: Self = f32::NAN;

    #[inline(always)]
    fn rounded(x: f64) -> Self {
        x as Self
    }

    #[inline(always)]
    fn widened(self) -> f64 {
        f64::from(self)
    }
}

/// Where the entries of a stack lie: entry (i, j) of matrix b is number b s₀ + i s₁ + j s₂.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Layout {
    count: usize,
    shape: (usize, usize),
    strides: [usize; 3],
}

impl Layout {
    fn row_major(count: usize, (rows, columns): (usize, usize)) -> Self {
        Self {
            count,
            shape: (rows, columns),
            strides: [rows * columns, columns, 1],
        }
    }

    /// Does every entry lie inside a list of this length?
    fn ensure_inside(&self, found: usize) -> Result<()> {
        let (rows, columns) = self.shape;
        let expected = if self.count * rows * columns == 0 {
            0
        } else {
            1 + self.matrix_reach() + (self.count - 1) * self.strides[0]
        };
        if expected <= found {
            Ok(())
        } else {
            Err(Error::StackTooShort {
                op: OP,
                expected,
                found,
            })
        }
    }

    /// The distance from the first entry of a matrix to its last.
    fn matrix_reach(&self) -> usize {
        let (rows, columns) = self.shape;
        rows.saturating_sub(1) * self.strides[1] + columns.saturating_sub(1) * self.strides[2]
    }

    /// Is no number two entries, and no matrix between the entries of another?
    fn ensure_apart(&self) -> Result<()> {
        let (rows, columns) = self.shape;
        let [matrix, row, column] = self.strides;
        let by_rows = columns <= 1 || column > 0 && (rows <= 1 || row > (columns - 1) * column);
        let by_columns = rows <= 1 || row > 0 && (columns <= 1 || column > (rows - 1) * row);
        if (by_rows || by_columns) && (self.count <= 1 || matrix > self.matrix_reach()) {
            Ok(())
        } else {
            Err(Error::StackOverlaps {
                op: OP,
                strides: self.strides,
                shape: self.shape,
            })
        }
    }

    fn place(&self, b: usize, i: usize, j: usize) -> usize {
        b * self.strides[0] + i * self.strides[1] + j * self.strides[2]
    }
}

/// Many matrices of one shape to be read, as they lie in memory.
///
/// # Conventions
/// Strides count numbers, not bytes, from one matrix, row and column to the next. A stride of 0 repeats: one matrix for the whole
/// stack has `[0, columns, 1]`.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use matbackprop_core::stack::StackRef;
/// let numbers: Vec<f64> = (0..12).map(f64::from).collect();
/// let rows = StackRef::row_major(&numbers, 2, (2, 3))?;
/// assert_eq!(rows.entry(1, 0, 2), 8.0);
/// // The same numbers as two 3 × 2 matrices, transposed without a copy.
/// assert_eq!(rows.transpose().entry(1, 2, 0), 8.0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StackRef<'a, T> {
    numbers: &'a [T],
    layout: Layout,
}

impl<'a, T: Copy> StackRef<'a, T> {
    /// `count` matrices of `shape`, row after row.
    ///
    /// # Errors
    /// [`StackTooShort`](Error::StackTooShort).
    pub fn row_major(numbers: &'a [T], count: usize, shape: (usize, usize)) -> Result<Self> {
        Self::with_strides(
            numbers,
            count,
            shape,
            Layout::row_major(count, shape).strides,
        )
    }

    /// `count` matrices of `shape`, column after column.
    ///
    /// # Errors
    /// [`StackTooShort`](Error::StackTooShort).
    pub fn column_major(numbers: &'a [T], count: usize, shape: (usize, usize)) -> Result<Self> {
        Self::with_strides(numbers, count, shape, [shape.0 * shape.1, 1, shape.0])
    }

    /// `count` matrices of `shape`, whose entries lie at b s₀ + i s₁ + j s₂.
    ///
    /// # Errors
    /// [`StackTooShort`](Error::StackTooShort).
    pub fn with_strides(
        numbers: &'a [T],
        count: usize,
        shape: (usize, usize),
        strides: [usize; 3],
    ) -> Result<Self> {
        let layout = Layout {
            count,
            shape,
            strides,
        };
        layout.ensure_inside(numbers.len())?;
        Ok(Self { numbers, layout })
    }

    /// How many matrices there are.
    pub fn count(&self) -> usize {
        self.layout.count
    }

    /// Rows and columns of each.
    pub fn shape(&self) -> (usize, usize) {
        self.layout.shape
    }

    /// Numbers from one matrix, row and column to the next.
    pub fn strides(&self) -> [usize; 3] {
        self.layout.strides
    }

    /// Entry (i, j) of matrix b.
    ///
    /// # Panics
    /// Where an index is out of range.
    pub fn entry(&self, b: usize, i: usize, j: usize) -> T {
        let (rows, columns) = self.layout.shape;
        assert!(
            b < self.layout.count && i < rows && j < columns,
            "expected an entry inside the stack, found ({b}, {i}, {j})"
        );
        self.numbers[self.layout.place(b, i, j)]
    }

    /// The transposes, without a copy.
    pub fn transpose(mut self) -> Self {
        let (rows, columns) = self.layout.shape;
        self.layout.shape = (columns, rows);
        self.layout.strides.swap(1, 2);
        self
    }

    /// Some rows of every matrix, without a copy.
    pub(crate) fn some_rows(mut self, rows: Range<usize>) -> Self {
        self.numbers = self
            .numbers
            .get(self.layout.strides[1] * rows.start..)
            .unwrap_or_default();
        self.layout.shape.0 = rows.len();
        self
    }

    /// The numbers from the first entry of matrix b on.
    pub(crate) fn matrix(&self, b: usize) -> &'a [T] {
        &self.numbers[b * self.layout.strides[0]..]
    }
}

/// Many matrices of one shape to be written, as they lie in memory.
///
/// # Conventions
/// As [`StackRef`]'s; no number is two entries, and no matrix lies between the entries of another, so that several threads can write.
#[derive(Debug)]
pub struct StackMut<'a, T> {
    numbers: &'a mut [T],
    layout: Layout,
}

impl<'a, T: Copy> StackMut<'a, T> {
    /// `count` matrices of `shape`, row after row.
    ///
    /// # Errors
    /// [`StackTooShort`](Error::StackTooShort).
    pub fn row_major(numbers: &'a mut [T], count: usize, shape: (usize, usize)) -> Result<Self> {
        Self::with_strides(
            numbers,
            count,
            shape,
            Layout::row_major(count, shape).strides,
        )
    }

    /// `count` matrices of `shape`, column after column.
    ///
    /// # Errors
    /// [`StackTooShort`](Error::StackTooShort).
    pub fn column_major(numbers: &'a mut [T], count: usize, shape: (usize, usize)) -> Result<Self> {
        Self::with_strides(numbers, count, shape, [shape.0 * shape.1, 1, shape.0])
    }

    /// `count` matrices of `shape`, whose entries lie at b s₀ + i s₁ + j s₂.
    ///
    /// # Errors
    /// [`StackTooShort`](Error::StackTooShort); [`StackOverlaps`](Error::StackOverlaps).
    pub fn with_strides(
        numbers: &'a mut [T],
        count: usize,
        shape: (usize, usize),
        strides: [usize; 3],
    ) -> Result<Self> {
        let layout = Layout {
            count,
            shape,
            strides,
        };
        layout.ensure_inside(numbers.len())?;
        layout.ensure_apart()?;
        Ok(Self { numbers, layout })
    }

    /// How many matrices there are.
    pub fn count(&self) -> usize {
        self.layout.count
    }

    /// Rows and columns of each.
    pub fn shape(&self) -> (usize, usize) {
        self.layout.shape
    }

    /// The same stack to be read.
    pub fn as_ref(&self) -> StackRef<'_, T> {
        StackRef {
            numbers: self.numbers,
            layout: self.layout,
        }
    }

    /// The same stack for a shorter time.
    pub fn reborrow(&mut self) -> StackMut<'_, T> {
        StackMut {
            numbers: self.numbers,
            layout: self.layout,
        }
    }

    /// The transposes, without a copy.
    pub fn transpose(mut self) -> Self {
        let (rows, columns) = self.layout.shape;
        self.layout.shape = (columns, rows);
        self.layout.strides.swap(1, 2);
        self
    }

    /// Some rows of every matrix, without a copy.
    pub(crate) fn some_rows(mut self, rows: Range<usize>) -> Self {
        self.numbers = self
            .numbers
            .get_mut(self.layout.strides[1] * rows.start..)
            .unwrap_or_default();
        self.layout.shape.0 = rows.len();
        self
    }

    /// Writes entry (i, j) of matrix b.
    ///
    /// # Panics
    /// Where an index is out of range.
    pub fn set(&mut self, b: usize, i: usize, j: usize, x: T) {
        let (rows, columns) = self.layout.shape;
        assert!(
            b < self.layout.count && i < rows && j < columns,
            "expected an entry inside the stack, found ({b}, {i}, {j})"
        );
        self.numbers[self.layout.place(b, i, j)] = x;
    }

    /// Fills matrix b.
    pub(crate) fn fill(&mut self, b: usize, x: T) {
        let (rows, columns) = self.layout.shape;
        for i in 0..rows {
            for j in 0..columns {
                self.set(b, i, j, x);
            }
        }
    }

    /// Numbers from one matrix, row and column to the next.
    pub(crate) fn strides(&self) -> [usize; 3] {
        self.layout.strides
    }

    /// The numbers from the first entry of matrix b on, and the strides of rows and columns.
    pub(crate) fn matrix_mut(&mut self, b: usize) -> (&mut [T], [usize; 2]) {
        let [matrix, row, column] = self.layout.strides;
        (&mut self.numbers[b * matrix..], [row, column])
    }

    /// The first `count` matrices, and the others.
    ///
    /// # Panics
    /// Where there are fewer.
    pub fn split_at(self, count: usize) -> (Self, Self) {
        assert!(
            count <= self.layout.count,
            "expected to split at most {} matrices, found {count}",
            self.layout.count
        );
        let place = (count * self.layout.strides[0]).min(self.numbers.len());
        let (first, second) = self.numbers.split_at_mut(place);
        let part = |numbers, count| Self {
            numbers,
            layout: Layout {
                count,
                ..self.layout
            },
        };
        (part(first, count), part(second, self.layout.count - count))
    }
}

/// Many matrices of one shape that own their numbers, row after row.
#[derive(Clone, Debug, PartialEq)]
pub struct Stack<T> {
    numbers: Vec<T>,
    layout: Layout,
}

impl<T: Number> Stack<T> {
    /// Zeros.
    pub fn zeros(count: usize, shape: (usize, usize)) -> Self {
        Self {
            numbers: vec![T::rounded(0.0); count * shape.0 * shape.1],
            layout: Layout::row_major(count, shape),
        }
    }

    /// Entries by matrix, row and column.
    pub fn from_fn(
        count: usize,
        shape: (usize, usize),
        mut entry: impl FnMut(usize, usize, usize) -> T,
    ) -> Self {
        let mut stack = Self::zeros(count, shape);
        for b in 0..count {
            for i in 0..shape.0 {
                for j in 0..shape.1 {
                    let place = stack.layout.place(b, i, j);
                    stack.numbers[place] = entry(b, i, j);
                }
            }
        }
        stack
    }

    /// To be read.
    pub fn as_ref(&self) -> StackRef<'_, T> {
        StackRef {
            numbers: &self.numbers,
            layout: self.layout,
        }
    }

    /// To be written.
    pub fn as_mut(&mut self) -> StackMut<'_, T> {
        StackMut {
            numbers: &mut self.numbers,
            layout: self.layout,
        }
    }

    /// The numbers, matrix after matrix and row after row.
    pub fn numbers(&self) -> &[T] {
        &self.numbers
    }

    /// The numbers, matrix after matrix and row after row.
    pub fn into_numbers(self) -> Vec<T> {
        self.numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::refused;

    #[test]
    fn entries_lie_where_the_strides_say() {
        let numbers: Vec<f64> = (0..24).map(f64::from).collect();
        let shape = (2, 3);
        for (stack, place) in [
            (StackRef::row_major(&numbers, 2, shape), [6, 3, 1]),
            (StackRef::column_major(&numbers, 2, shape), [6, 1, 2]),
            (
                StackRef::with_strides(&numbers, 2, shape, [12, 4, 1]),
                [12, 4, 1],
            ),
            (
                StackRef::with_strides(&numbers, 2, shape, [0, 3, 1]),
                [0, 3, 1],
            ),
            (
                StackRef::with_strides(&numbers, 2, shape, [1, 6, 2]),
                [1, 6, 2],
            ),
        ] {
            let stack = stack.unwrap();
            assert_eq!(stack.strides(), place);
            for (b, i, j) in [(0, 0, 0), (1, 0, 2), (1, 1, 1)] {
                let expected = (b * place[0] + i * place[1] + j * place[2]) as f64;
                assert_eq!(stack.entry(b, i, j), expected);
                assert_eq!(stack.transpose().entry(b, j, i), expected);
            }
        }
    }

    #[test]
    fn a_stack_that_does_not_fit_is_refused() {
        let mut numbers = vec![0.0; 11];
        refused! {
            StackRef::row_major(&numbers, 2, (2, 3)) => Error::StackTooShort { expected: 12, found: 11, .. },
            StackMut::row_major(&mut numbers, 2, (2, 3)) => Error::StackTooShort { expected: 12, found: 11, .. },
            StackMut::with_strides(&mut numbers, 2, (2, 2), [0, 2, 1]) => Error::StackOverlaps { .. },
            StackMut::with_strides(&mut numbers, 2, (2, 2), [3, 2, 1]) => Error::StackOverlaps { .. },
            StackMut::with_strides(&mut numbers, 1, (2, 2), [4, 1, 1]) => Error::StackOverlaps { .. },
            StackMut::with_strides(&mut numbers, 1, (3, 2), [4, 1, 2]) => Error::StackOverlaps { .. },
        }
        assert!(StackMut::with_strides(&mut numbers, 2, (2, 2), [4, 1, 2]).is_ok());
        assert!(StackMut::with_strides(&mut numbers, 0, (2, 2), [0, 0, 0]).is_err());
        assert!(StackRef::<f64>::row_major(&[], 0, (2, 2)).is_ok());
    }

    #[test]
    fn a_stack_is_split_between_two_matrices() {
        let mut stack = Stack::from_fn(5, (2, 2), |b, i, j| (b * 4 + i * 2 + j) as f64);
        let (first, mut second) = stack.as_mut().split_at(2);
        assert_eq!((first.count(), second.count()), (2, 3));
        assert_eq!(second.as_ref().entry(0, 1, 0), 10.0);
        second.set(2, 1, 1, -1.0);
        second.fill(0, 7.0);
        assert_eq!(stack.as_ref().entry(4, 1, 1), -1.0);
        assert_eq!(&stack.numbers()[7..12], [7.0, 7.0, 7.0, 7.0, 7.0]);
        let (all, none) = stack.as_mut().split_at(5);
        assert_eq!((all.count(), none.count()), (5, 0));
    }
}
