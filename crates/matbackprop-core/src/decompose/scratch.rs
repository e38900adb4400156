//! Room that a thread uses again from call to call.

use faer::{MatMut, MatRef};
use std::cell::RefCell;

/// Rooms kept by a thread at most, and the numbers in all of them: 64 MiB.
const ROOMS: usize = 16;
const NUMBERS: usize = 1 << 23;

thread_local! {
    static KEPT: RefCell<Vec<Vec<f64>>> = const { RefCell::new(Vec::new()) };
}

/// A matrix for a moment, or for as long as a rule lives; of any content at first.
///
/// A rule on a side of n goes through a dozen n × n matrices; fetching fresh pages for them, and giving them back, costs
/// as much as a quarter of the arithmetic. So a thread keeps their room.
#[derive(Debug)]
pub(crate) struct Temporary {
    room: Vec<f64>,
    shape: (usize, usize),
}

impl Temporary {
    /// rows × columns numbers.
    pub(crate) fn new(rows: usize, columns: usize) -> Self {
        let len = rows * columns;
        let mut room = KEPT.with_borrow_mut(|kept| {
            // The smallest that is large enough.
            let found = (0..kept.len())
                .filter(|&i| kept[i].len() >= len)
                .min_by_key(|&i| kept[i].len());
            found.map(|i| kept.swap_remove(i)).unwrap_or_default()
        });
        if room.len() < len {
            room.resize(len, 0.0);
        }
        Self {
            room,
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
        MatRef::from_column_major_slice(&self.room[..rows * columns], rows, columns)
    }

    pub(crate) fn as_mut(&mut self) -> MatMut<'_, f64> {
        let (rows, columns) = self.shape;
        MatMut::from_column_major_slice_mut(&mut self.room[..rows * columns], rows, columns)
    }

    /// The numbers, column by column.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [f64] {
        &mut self.room[..self.shape.0 * self.shape.1]
    }

    /// Column j.
    pub(crate) fn column(&self, j: usize) -> &[f64] {
        let rows = self.shape.0;
        &self.room[j * rows..][..rows]
    }

    /// Column j.
    pub(crate) fn column_mut(&mut self, j: usize) -> &mut [f64] {
        let rows = self.shape.0;
        &mut self.room[j * rows..][..rows]
    }
}

impl Clone for Temporary {
    fn clone(&self) -> Self {
        Self::copy_of(self.as_ref())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let room = std::mem::take(&mut self.room);
        // A thread that ends has no list any more.
        let _ = KEPT.try_with(|kept| {
            let mut kept = kept.borrow_mut();
            if room.len() > NUMBERS {
                return;
            }
            kept.push(room);
            let too_much = |kept: &[Vec<f64>]| {
                kept.len() > ROOMS || kept.iter().map(Vec::len).sum::<usize>() > NUMBERS
            };
            // The smallest goes first: small rooms are soon fetched again, and must not keep out the large ones.
            while too_much(&kept) {
                let smallest = (0..kept.len()).min_by_key(|&i| kept[i].len());
                smallest.map(|i| kept.swap_remove(i));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_nest_and_are_used_again() {
        let mut outer = Temporary::new(2, 3);
        outer.as_mut().fill(1.0);
        {
            let mut inner = Temporary::new(2, 2);
            inner.as_mut_slice().fill(2.0);
            inner.column_mut(1)[0] = 3.0;
            assert_eq!(inner.as_ref(), faer::mat![[2.0, 3.0], [2.0, 2.0]]);
        }
        assert_eq!(outer.as_ref().sum(), 6.0);
        // The inner room, as it was left.
        let again = Temporary::new(3, 1);
        assert_eq!(again.as_ref(), faer::mat![[2.0], [2.0], [3.0]]);
    }

    #[test]
    fn rooms_beyond_the_limits_are_let_go() {
        let large: Vec<Temporary> = (0..ROOMS + 3).map(|_| Temporary::new(1, 1)).collect();
        drop(large);
        KEPT.with_borrow(|kept| assert!(kept.len() <= ROOMS));
        drop(Temporary::new(100, 1));
        KEPT.with_borrow(|kept| assert!(kept.iter().any(|room| room.len() == 100)));
        drop(Temporary::new(NUMBERS + 1, 1));
        KEPT.with_borrow(|kept| {
            assert!(kept.iter().map(Vec::len).sum::<usize>() <= NUMBERS);
        });
    }
}
