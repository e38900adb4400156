//! Room for registers, from the pool of the thread.

use crate::buffer_pool::Temporary;
use crate::lanes::{LaneNumber, Width};
use pulp::bytemuck::cast_slice_mut;

/// Bytes of a line of the cache: registers that straddle two lines take twice as long to fetch.
const LINE: usize = 64;

/// Numbers of 64 bits in such a line.
const LINE_OF_NUMBERS: usize = LINE / size_of::<f64>();

/// Room for registers, and for a list of numbers of 64 bits.
pub(crate) struct Room<A> {
    buffer: Temporary,
    width: Width<A>,
    /// Numbers of the list, at the end.
    listed: usize,
}

impl<A: LaneNumber> Room<A> {
    /// So many registers of a width, of any content.
    pub(crate) fn new(width: Width<A>, registers: usize) -> Self {
        Self::with_list(width, registers, 0)
    }

    /// Beside them so many numbers of 64 bits for each lane.
    pub(crate) fn with_list(width: Width<A>, registers: usize, listed: usize) -> Self {
        let bytes = registers * width.numbers() * size_of::<A>();
        let listed = listed * width.numbers();
        let numbers = bytes.div_ceil(size_of::<f64>()) + LINE_OF_NUMBERS + listed;
        Self {
            buffer: Temporary::new(numbers, 1),
            width,
            listed,
        }
    }

    /// The registers, from the beginning of a line of the cache.
    pub(crate) fn space(&mut self) -> Space<'_, A> {
        self.space_and_list().0
    }

    /// The registers, and the list.
    pub(crate) fn space_and_list(&mut self) -> (Space<'_, A>, &mut [f64]) {
        let numbers = self.buffer.as_mut_slice();
        let (numbers, list) = numbers.split_at_mut(numbers.len() - self.listed);
        let skipped = numbers.as_ptr().align_offset(LINE);
        let space = Space {
            numbers: cast_slice_mut(&mut numbers[skipped.min(LINE_OF_NUMBERS)..]),
            width: self.width,
        };
        (space, list)
    }
}

/// What is left of a room.
pub(crate) struct Space<'a, A> {
    numbers: &'a mut [A],
    width: Width<A>,
}

impl<'a, A: LaneNumber> Space<'a, A> {
    /// The next registers.
    pub(crate) fn take(&mut self, registers: usize) -> &'a mut [A] {
        let (first, rest) =
            std::mem::take(&mut self.numbers).split_at_mut(registers * self.width.numbers());
        self.numbers = rest;
        first
    }
}
