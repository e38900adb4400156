//! As many matrices of stacks as a register has numbers: into registers and back.

use super::precision::is_within_range;
use super::view::{Number, StackMut, StackRef};
use crate::lanes::{LaneFacts, LaneNumber, WIDEST, Width, facts_of, symmetrise, times_lanes};
use std::ops::Range;

/// Matrices of a group that a rule has dealt with; the others are left to the rule for one matrix. A bit a lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Done(u32);

impl Done {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// The lanes in which `is_done` says yes.
    pub(crate) fn from_fn(mut is_done: impl FnMut(usize) -> bool) -> Self {
        Self((0..WIDEST).fold(0, |bits, lane| bits | u32::from(is_done(lane)) << lane))
    }

    pub(crate) fn contains(self, lane: usize) -> bool {
        self.0 >> lane & 1 == 1
    }

    /// Takes out the lanes in which `stays` says no.
    pub(crate) fn retain(&mut self, stays: impl Fn(usize) -> bool) {
        for lane in self.lanes() {
            if !stays(lane) {
                self.remove(lane);
            }
        }
    }

    /// Takes a lane out.
    pub(crate) fn remove(&mut self, lane: usize) {
        self.0 &= !(1 << lane);
    }

    /// Those that are in both.
    pub(crate) fn and(self, others: [bool; WIDEST]) -> Self {
        Self(self.0 & Self::from_fn(|lane| others[lane]).0)
    }

    pub(crate) fn lanes(self) -> impl Iterator<Item = usize> + use<> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let lane = (left != 0).then(|| left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(lane)
        })
    }
}

/// Matrices of stacks side by side: what a rule reads, and where it writes.
#[derive(Debug)]
pub struct Group<'g, T, A> {
    /// How many matrices lie side by side, in which arithmetic.
    pub(crate) width: Width<A>,
    /// Matrices of the stacks that are read, at most as many as a register has numbers, and at least one.
    pub(crate) matrices: &'g [usize],
    /// The first matrix of the stacks that are written, in those that are read.
    pub(crate) first_written: usize,
    pub(crate) inputs: &'g [StackRef<'g, T>],
    /// What forward kept; empty in forward itself.
    pub(crate) kept: &'g [StackRef<'g, f64>],
    /// Cotangents of the outputs; empty in forward.
    pub(crate) bars: &'g [Option<StackRef<'g, T>>],
}

impl<T: Number, A: LaneNumber> Group<'_, T, A> {
    /// How many matrices there are.
    pub(crate) fn count(&self) -> usize {
        self.matrices.len()
    }

    /// The matrix of a lane, in the stacks that are read; lanes without a matrix repeat the last.
    fn read_by(&self, lane: usize) -> usize {
        self.matrices[lane.min(self.count() - 1)]
    }

    /// The matrix of a lane, in the stacks that are written.
    fn written_by(&self, lane: usize) -> usize {
        self.matrices[lane] - self.first_written
    }

    /// The lanes that have a matrix.
    pub(crate) fn lanes(&self) -> Done {
        Done::from_fn(|lane| lane < self.count())
    }

    /// Entries of a stack into registers, row after row of `stride` registers; lanes without a matrix repeat the last.
    pub(crate) fn pack<N: Number, B: LaneNumber>(
        &self,
        stack: StackRef<'_, N>,
        registers: &mut [B],
        stride: usize,
    ) {
        match self.width.numbers() {
            32 => self.pack_lanes::<32, N, B>(stack, registers, stride),
            16 => self.pack_lanes::<16, N, B>(stack, registers, stride),
            8 => self.pack_lanes::<8, N, B>(stack, registers, stride),
            4 => self.pack_lanes::<4, N, B>(stack, registers, stride),
            2 => self.pack_lanes::<2, N, B>(stack, registers, stride),
            _ => self.pack_lanes::<1, N, B>(stack, registers, stride),
        }
    }

    /// A matrix at a time, whose entries go to every W-th number.
    fn pack_lanes<const W: usize, N: Number, B: LaneNumber>(
        &self,
        stack: StackRef<'_, N>,
        registers: &mut [B],
        stride: usize,
    ) {
        let lines = Lines::new(stack.shape(), stack.strides(), stride);
        let (registers, _) = registers.as_chunks_mut::<W>();
        if let Some((places, entries)) = lines.places_of_few() {
            for lane in 0..W {
                let matrix = &stack.matrix(self.read_by(lane))[..entries];
                for (x, place) in matrix.iter().zip(&places) {
                    registers[usize::from(*place)][lane] = B::rounded(x.widened());
                }
            }
            return;
        }
        let (of_numbers, of_registers) = lines.reaches();
        for lane in 0..W {
            let matrix = stack.matrix(self.read_by(lane));
            for (numbers, places) in lines.starts(0..lines.count) {
                let line = &matrix[numbers..][..of_numbers];
                let places = &mut registers[places..][..of_registers];
                if lines.is_dense() {
                    for (x, place) in line.iter().zip(places) {
                        place[lane] = B::rounded(x.widened());
                    }
                } else {
                    for k in 0..lines.len {
                        let x = line[k * lines.number_step];
                        places[k * lines.register_step][lane] = B::rounded(x.widened());
                    }
                }
            }
        }
    }

    /// Registers into the matrices of a stack whose lanes are done.
    pub(crate) fn unpack<N: Number>(
        &self,
        done: Done,
        registers: &[A],
        stride: usize,
        stack: &mut StackMut<'_, N>,
    ) {
        match self.width.numbers() {
            32 => self.unpack_lanes::<32, N>(done, registers, stride, stack),
            16 => self.unpack_lanes::<16, N>(done, registers, stride, stack),
            8 => self.unpack_lanes::<8, N>(done, registers, stride, stack),
            4 => self.unpack_lanes::<4, N>(done, registers, stride, stack),
            2 => self.unpack_lanes::<2, N>(done, registers, stride, stack),
            _ => self.unpack_lanes::<1, N>(done, registers, stride, stack),
        }
    }

    fn unpack_lanes<const W: usize, N: Number>(
        &self,
        done: Done,
        registers: &[A],
        stride: usize,
        stack: &mut StackMut<'_, N>,
    ) {
        let lines = Lines::new(stack.shape(), stack.strides(), stride);
        let (registers, _) = registers.as_chunks::<W>();
        let lanes = || done.lanes().take_while(|&lane| lane < self.count().min(W));
        if let Some((places, entries)) = lines.places_of_few() {
            for lane in lanes() {
                let (matrix, _) = stack.matrix_mut(self.written_by(lane));
                for (x, place) in matrix[..entries].iter_mut().zip(&places) {
                    *x = N::rounded(registers[usize::from(*place)][lane].widened());
                }
            }
            return;
        }
        // A few lines at a time, whose registers stay in the cache for all lanes.
        let together = (REGISTERS_IN_CACHE / lines.len.max(1)).max(1);
        let (of_numbers, of_registers) = lines.reaches();
        for first in (0..lines.count).step_by(together) {
            let some = first..lines.count.min(first + together);
            for lane in lanes() {
                let (matrix, _) = stack.matrix_mut(self.written_by(lane));
                for (numbers, places) in lines.starts(some.clone()) {
                    let line = &mut matrix[numbers..][..of_numbers];
                    let places = &registers[places..][..of_registers];
                    if lines.is_dense() {
                        for (x, place) in line.iter_mut().zip(places) {
                            *x = N::rounded(place[lane].widened());
                        }
                    } else {
                        for k in 0..lines.len {
                            let place = &places[k * lines.register_step];
                            line[k * lines.number_step] = N::rounded(place[lane].widened());
                        }
                    }
                }
            }
        }
    }

    /// Values of lanes that are done into matrices of one column.
    pub(crate) fn write_values<N: Number>(
        &self,
        done: Done,
        value: impl Fn(usize, usize) -> f64,
        stack: &mut StackMut<'_, N>,
    ) {
        let count = stack.shape().0;
        for lane in done.lanes().take_while(|&lane| lane < self.count()) {
            let (matrix, [row, _]) = stack.matrix_mut(self.written_by(lane));
            for (k, place) in matrix
                .iter_mut()
                .step_by(row.max(1))
                .take(count)
                .enumerate()
            {
                *place = N::rounded(value(lane, k));
            }
        }
    }

    /// Matrices of which forward kept a spectrum, `which` of what is kept.
    pub(crate) fn with_finite_spectrum(&self, which: usize) -> Done {
        let count = self.count();
        let first = |lane| self.kept[which].entry(self.read_by(lane), 0, 0);
        Done::from_fn(|lane| lane < count && first(lane).is_finite())
    }

    /// The values of all matrices, `which` of what is kept.
    pub(crate) fn pack_spectrum<B: LaneNumber>(&self, which: usize, values: &mut [B]) {
        self.pack(self.kept[which], values, 1);
    }

    /// A value of one matrix, `which` of what is kept.
    pub(crate) fn kept_value(&self, which: usize, lane: usize, k: usize) -> f64 {
        self.kept[which].entry(self.read_by(lane), k, 0)
    }
}

/// Registers that are in the fastest cache together, two lines of it each.
const REGISTERS_IN_CACHE: usize = 128;

/// Entries of a matrix whose lines are so short that their registers are better known one by one.
const FEW: usize = 16;

/// The entries of a matrix, line by line as its numbers lie: rows, columns where those lie closer and are not too short, or all in
/// one line.
struct Lines {
    /// How many there are.
    count: usize,
    /// Entries of each.
    len: usize,
    /// From the first number of a line to that of the next, and the same of registers.
    apart: [usize; 2],
    number_step: usize,
    register_step: usize,
}

impl Lines {
    /// Of registers, whose rows lie `stride` apart, and a stack.
    fn new((rows, columns): (usize, usize), [_, row, column]: [usize; 3], stride: usize) -> Self {
        let (count, len, apart, number_step, register_step) =
            if column == 1 && row == columns && stride == columns {
                (1, rows * columns, [0, 0], 1, 1)
            } else if column > row && rows.pow(2) >= columns {
                (columns, rows, [column, 1], row, stride)
            } else {
                (rows, columns, [row, stride], column, 1)
            };
        Self {
            count,
            len,
            apart,
            number_step,
            register_step,
        }
    }

    /// Of a few numbers that lie side by side while their registers do not, the register of each; and how many there are.
    fn places_of_few(&self) -> Option<([u8; FEW], usize)> {
        let entries = self.count * self.len;
        let side_by_side = self.number_step == 1 && (self.count <= 1 || self.apart[0] == self.len);
        let last = self.count.saturating_sub(1) * self.apart[1] + self.reaches().1;
        if self.is_dense() || !side_by_side || entries > FEW || last > 1 << u8::BITS {
            return None;
        }
        let mut places = [0; FEW];
        let (mut line, mut k) = (0, 0);
        for place in &mut places[..entries] {
            *place = (line * self.apart[1] + k * self.register_step) as u8;
            k += 1;
            if k == self.len {
                (line, k) = (line + 1, 0);
            }
        }
        Some((places, entries))
    }

    /// Do numbers and registers follow each other?
    fn is_dense(&self) -> bool {
        self.number_step == 1 && self.register_step == 1
    }

    /// From the first number of a line to what follows its last, and the same of registers.
    fn reaches(&self) -> (usize, usize) {
        let reach = |step| self.len.min(1) + self.len.saturating_sub(1) * step;
        (reach(self.number_step), reach(self.register_step))
    }

    /// The first number and the first register of some lines.
    fn starts(&self, some: Range<usize>) -> impl Iterator<Item = (usize, usize)> {
        let [numbers, registers] = self.apart;
        some.map(move |line| (line * numbers, line * registers))
    }
}

/// Lanes brought to order one by powers of two.
pub(crate) struct Scaled {
    /// Lanes whose matrix is finite, not zero, and symmetric where that was asked for.
    pub(crate) done: Done,
    /// By what a lane was divided.
    pub(crate) scale: [f64; WIDEST],
}

/// A ← (A + Aᵀ) / 2 scale. `asymmetry` is the largest difference between mirrored entries, relative to the largest entry.
pub(crate) fn scaled_symmetric<A: LaneNumber>(
    width: Width<A>,
    n: usize,
    a: &mut [A],
    asymmetry: f64,
) -> Scaled {
    let facts = symmetrise(width, n, a);
    let mut scaled = scale_by(width, (n, n), a, &facts);
    for lane in scaled.done.lanes() {
        if facts.half_asymmetry[lane] > asymmetry * facts.half_largest[lane] {
            scaled.done.remove(lane);
        }
    }
    scaled
}

/// A ← A / scale.
pub(crate) fn scaled_to_one<A: LaneNumber>(
    width: Width<A>,
    shape: (usize, usize),
    a: &mut [A],
) -> Scaled {
    let facts = facts_of(width, shape, a);
    scale_by(width, shape, a, &facts)
}

fn scale_by<A: LaneNumber>(
    width: Width<A>,
    shape: (usize, usize),
    a: &mut [A],
    facts: &LaneFacts,
) -> Scaled {
    let (mut scale, mut inverse) = ([1.0; WIDEST], [1.0; WIDEST]);
    let done = Done::from_fn(|lane| {
        let half = facts.half_largest[lane];
        let normal = half >= f64::MIN_POSITIVE && half <= 2f64.powi(1021);
        if !(normal && facts.finite[lane] && is_within_range::<A>(half)) {
            return false;
        }
        // The power of two below the largest entry.
        scale[lane] = f64::from_bits((2.0 * half).to_bits() & 0x7ff0_0000_0000_0000);
        inverse[lane] = scale[lane].recip();
        true
    });
    times_lanes(width, shape, a, &inverse);
    Scaled { done, scale }
}
