//! Several stacks in one list of numbers: for frameworks whose operations have one result.

use super::rule::Shape;
use super::view::{StackMut, StackRef};
use crate::error::{Error, Result};
use std::ops::Range;

const OP: &str = "packed stacks";

/// Where stacks lie in one list of numbers: one behind the other, each row after row, without a gap.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use matbackprop_core::stack::{Packing, Stack, StackRule, Stacked, SymEigRule};
///
/// // Eigenvalues and eigenvectors of two matrices: 2 · 3 numbers, then 2 · 9.
/// let a = Stack::from_fn(2, (3, 3), |b, i, j| if i == j { (b + i) as f64 } else { 0.0 });
/// let rule = SymEigRule::default();
/// let shapes = rule.shapes(&[(3, 3)])?;
/// let packing = Packing::new(2, shapes.outputs);
/// assert_eq!(packing.ranges(), [0..6, 6..24]);
///
/// let mut kept: Vec<_> = shapes.kept.iter().map(|&shape| Stack::zeros(2, shape)).collect();
/// let mut kept: Vec<_> = kept.iter_mut().map(Stack::as_mut).collect();
/// let mut numbers = vec![0.0; packing.len()];
/// Stacked::new(rule).forward_into(&[a.as_ref()], &mut packing.split_mut(&mut numbers)?, &mut kept)?;
/// assert_eq!(numbers[3..6], [1.0, 2.0, 3.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packing {
    count: usize,
    shapes: Vec<Shape>,
}

impl Packing {
    /// Stacks of `count` matrices, one stack a shape.
    pub fn new(count: usize, shapes: Vec<Shape>) -> Self {
        Self { count, shapes }
    }

    /// Numbers in all.
    pub fn len(&self) -> usize {
        self.ranges().last().map_or(0, |range| range.end)
    }

    /// Is there no number?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The place of each stack.
    pub fn ranges(&self) -> Vec<Range<usize>> {
        let mut start = 0;
        let ranges = self.shapes.iter().map(|(rows, columns)| {
            let end = start + self.count * rows * columns;
            std::mem::replace(&mut start, end)..end
        });
        ranges.collect()
    }

    /// Each stack, to be read.
    ///
    /// # Errors
    /// [`StackTooShort`](Error::StackTooShort).
    pub fn split<'a, T: Copy>(&self, numbers: &'a [T]) -> Result<Vec<StackRef<'a, T>>> {
        let stacks = self.ranges().into_iter().zip(&self.shapes);
        let stacks = stacks.map(|(range, &shape)| {
            let own = numbers.get(range).ok_or(self.too_short(numbers.len()))?;
            StackRef::row_major(own, self.count, shape)
        });
        stacks.collect()
    }

    /// Each stack, to be written.
    ///
    /// # Errors
    /// [`StackTooShort`](Error::StackTooShort).
    pub fn split_mut<'a, T: Copy>(&self, numbers: &'a mut [T]) -> Result<Vec<StackMut<'a, T>>> {
        let too_short = self.too_short(numbers.len());
        let mut rest = numbers;
        let mut stacks = Vec::with_capacity(self.shapes.len());
        for (range, &shape) in self.ranges().into_iter().zip(&self.shapes) {
            let parts = rest.split_at_mut_checked(range.len());
            let (own, behind) = parts.ok_or_else(|| too_short.clone())?;
            stacks.push(StackMut::row_major(own, self.count, shape)?);
            rest = behind;
        }
        Ok(stacks)
    }

    fn too_short(&self, found: usize) -> Error {
        Error::StackTooShort {
            op: OP,
            expected: self.len(),
            found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::refused;

    #[test]
    fn stacks_lie_one_behind_the_other() {
        let packing = Packing::new(2, vec![(2, 3), (1, 1), (3, 1)]);
        assert_eq!(packing.ranges(), [0..12, 12..14, 14..20]);
        let mut numbers: Vec<f64> = (0..20).map(f64::from).collect();
        let stacks = packing.split(&numbers).unwrap();
        assert_eq!(stacks[0].entry(1, 1, 2), 11.0);
        assert_eq!(stacks[1].entry(1, 0, 0), 13.0);
        assert_eq!(stacks[2].entry(1, 2, 0), 19.0);
        let mut written = packing.split_mut(&mut numbers).unwrap();
        written[0].set(0, 0, 0, -1.0);
        written[2].set(0, 0, 0, -2.0);
        assert_eq!((numbers[0], numbers[14]), (-1.0, -2.0));
    }

    #[test]
    fn nothing_is_packed_into_nothing() {
        for packing in [Packing::new(0, vec![(2, 2)]), Packing::new(3, Vec::new())] {
            assert!(packing.is_empty());
            assert!(packing.split::<f64>(&[]).is_ok());
        }
    }

    #[test]
    fn a_short_list_is_refused() {
        let packing = Packing::new(2, vec![(1, 1), (2, 2)]);
        let mut numbers = [0.0; 9];
        refused! {
            packing.split(&numbers) => Error::StackTooShort { expected: 10, found: 9, .. },
            packing.split_mut(&mut numbers) => Error::StackTooShort { expected: 10, found: 9, .. },
        }
    }
}
