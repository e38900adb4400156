//! Per-thread reusable buffers.
//!
//! `models` has a pool of its own, for f32 maps: they pass from thread to thread, are as large as a photograph, and must
//! be zero at first. Matrices of a rule stay with their thread, take no lock, and are written before they are read.

use faer::{MatMut, MatRef};
use std::cell::RefCell;

/// Buffers in the pool of a thread at most, and the numbers in all of them: 64 MiB.
const BUFFERS: usize = 16;
const NUMBERS: usize = 1 << 23;

thread_local! {
    static POOL: RefCell<Vec<Vec<f64>>> = const { RefCell::new(Vec::new()) };
}

/// A matrix for a moment, or for as long as a rule lives; of any content at first.
///
/// A rule on a side of n goes through a dozen n × n matrices; fetching fresh pages for them, and giving them back, costs
/// as much as a quarter of the arithmetic. So a matrix takes its buffer from the pool of its thread, and returns it there.
#[derive(Debug)]
pub(crate) struct Temporary {
    buffer: Vec<f64>,
    shape: (usize, usize),
}

impl Temporary {
    /// rows × columns numbers.
    pub(crate) fn new(rows: usize, columns: usize) -> Self {
        let len = rows * columns;
        let mut buffer = POOL.with_borrow_mut(|pool| {
            // The smallest that is large enough.
            let found = (0..pool.len())
                .filter(|&i| pool[i].len() >= len)
                .min_by_key(|&i| pool[i].len());
            found.map(|i| pool.swap_remove(i)).unwrap_or_default()
        });
        if buffer.len() < len {
            buffer.resize(len, 0.0);
        }
        Self {
            buffer,
            shape: (rows, columns),
        }
    }

    /// A copy of A.
    pub(crate) fn copy_of(a: MatRef<'_, f64>) -> Self {
        let mut copy = Self::new(a.nrows(), a.ncols());
        for j in 0..a.ncols() {
            match a.col(j).try_as_col_major() {
                Some(column) => copy.column_mut(j).copy_from_slice(column.as_slice()),
                None => copy.as_mut().col_mut(j).copy_from(a.col(j)),
            }
        }
        copy
    }

    pub(crate) fn as_ref(&self) -> MatRef<'_, f64> {
        let (rows, columns) = self.shape;
        MatRef::from_column_major_slice(&self.buffer[..rows * columns], rows, columns)
    }

    pub(crate) fn as_mut(&mut self) -> MatMut<'_, f64> {
        let (rows, columns) = self.shape;
        MatMut::from_column_major_slice_mut(&mut self.buffer[..rows * columns], rows, columns)
    }

    /// The numbers, column by column.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [f64] {
        &mut self.buffer[..self.shape.0 * self.shape.1]
    }

    /// Column j.
    pub(crate) fn column(&self, j: usize) -> &[f64] {
        let rows = self.shape.0;
        &self.buffer[j * rows..][..rows]
    }

    /// Column j.
    pub(crate) fn column_mut(&mut self, j: usize) -> &mut [f64] {
        let rows = self.shape.0;
        &mut self.buffer[j * rows..][..rows]
    }
}

impl Clone for Temporary {
    fn clone(&self) -> Self {
        Self::copy_of(self.as_ref())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        // A thread that ends has no list any more.
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if buffer.len() > NUMBERS {
                return;
            }
            pool.push(buffer);
            let too_much = |pool: &[Vec<f64>]| {
                pool.len() > BUFFERS || pool.iter().map(Vec::len).sum::<usize>() > NUMBERS
            };
            // The smallest goes first: small buffers are soon allocated again, and must not keep out the large ones.
            while too_much(&pool) {
                let smallest = (0..pool.len()).min_by_key(|&i| pool[i].len());
                smallest.map(|i| pool.swap_remove(i));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_nest_and_are_used_again() {
        let mut outer = Temporary::new(2, 3);
        outer.as_mut().fill(1.0);
        {
            let mut inner = Temporary::new(2, 2);
            inner.as_mut_slice().fill(2.0);
            inner.column_mut(1)[0] = 3.0;
            assert_eq!(inner.as_ref(), faer::mat![[2.0, 3.0], [2.0, 2.0]]);
        }
        assert_eq!(outer.as_ref().sum(), 6.0);
        // The inner buffer, as it was left.
        let again = Temporary::new(3, 1);
        assert_eq!(again.as_ref(), faer::mat![[2.0], [2.0], [3.0]]);
    }

    #[test]
    fn buffers_beyond_the_limits_are_freed() {
        let large: Vec<Temporary> = (0..BUFFERS + 3).map(|_| Temporary::new(1, 1)).collect();
        drop(large);
        POOL.with_borrow(|pool| assert!(pool.len() <= BUFFERS));
        drop(Temporary::new(100, 1));
        POOL.with_borrow(|pool| assert!(pool.iter().any(|buffer| buffer.len() == 100)));
        drop(Temporary::new(NUMBERS + 1, 1));
        POOL.with_borrow(|pool| {
            assert!(pool.iter().map(Vec::len).sum::<usize>() <= NUMBERS);
        });
    }
}
