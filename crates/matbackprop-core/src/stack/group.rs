//! As many matrices of stacks as a register has numbers: into registers and back.

use super::precision::is_within_range;
use super::view::{Number, StackMut, StackRef};
use crate::lanes::{LaneFacts, LaneNumber, WIDEST, Width, facts_of, symmetrise, times_lanes};

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
        let (rows, columns) = stack.shape();
        let [_, row, column] = stack.strides();
        let (registers, _) = registers.as_chunks_mut::<W>();
        let in_one_line = column == 1 && row == columns && stride == columns;
        for lane in 0..W {
            let matrix = stack.matrix(self.read_by(lane));
            if in_one_line {
                let entries = matrix.iter().zip(&mut registers[..rows * columns]);
                for (x, place) in entries {
                    place[lane] = B::rounded(x.widened());
                }
                continue;
            }
            for i in 0..rows {
                let places = registers[i * stride..][..columns].iter_mut();
                let line = &matrix[i * row..];
                match column {
                    1 => {
                        for (x, place) in line.iter().zip(places) {
                            place[lane] = B::rounded(x.widened());
                        }
                    }
                    0 => {
                        for place in places {
                            place[lane] = B::rounded(line[0].widened());
                        }
                    }
                    _ => {
                        for (x, place) in line.iter().step_by(column).zip(places) {
                            place[lane] = B::rounded(x.widened());
                        }
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
        let (mut rows, mut columns) = stack.shape();
        let [_, row, column] = stack.strides();
        if column == 1 && row == columns && stride == columns {
            (rows, columns) = (1, rows * columns);
        }
        let (registers, _) = registers.as_chunks::<W>();
        // Row by row, whose registers stay in the cache for all lanes.
        for i in 0..rows {
            let entries = &registers[i * stride..][..columns];
            for lane in (0..self.count().min(W)).filter(|&lane| done.contains(lane)) {
                let (matrix, _) = stack.matrix_mut(self.written_by(lane));
                let line = &mut matrix[i * row..];
                if column == 1 {
                    for (x, entry) in line.iter_mut().zip(entries) {
                        *x = N::rounded(entry[lane].widened());
                    }
                } else {
                    for (j, entry) in entries.iter().enumerate() {
                        line[j * column] = N::rounded(entry[lane].widened());
                    }
                }
            }
        }
    }

    /// As [`unpack`](Self::unpack), with the columns in the order that a lane has for them.
    pub(crate) fn unpack_columns<N: Number>(
        &self,
        done: Done,
        registers: &[A],
        stride: usize,
        stack: &mut StackMut<'_, N>,
        column_of: impl Fn(usize, usize) -> usize,
    ) {
        let (rows, columns) = stack.shape();
        self.unpack_entries(done, registers, stack, (rows, columns), |lane, i, j| {
            i * stride + column_of(lane, j)
        });
    }

    /// As [`unpack`](Self::unpack), with the rows in the order that a lane has for them.
    pub(crate) fn unpack_rows<N: Number>(
        &self,
        done: Done,
        registers: &[A],
        stride: usize,
        stack: &mut StackMut<'_, N>,
        row_of: impl Fn(usize, usize) -> usize,
    ) {
        let (rows, columns) = stack.shape();
        self.unpack_entries(done, registers, stack, (rows, columns), |lane, i, j| {
            row_of(lane, i) * stride + j
        });
    }

    #[inline(always)]
    fn unpack_entries<N: Number>(
        &self,
        done: Done,
        registers: &[A],
        stack: &mut StackMut<'_, N>,
        (rows, columns): (usize, usize),
        register_of: impl Fn(usize, usize, usize) -> usize,
    ) {
        // Row by row, whose registers stay in the cache for all lanes.
        for i in 0..rows {
            for lane in (0..self.count()).filter(|&lane| done.contains(lane)) {
                let (matrix, [row, column]) = stack.matrix_mut(self.written_by(lane));
                let line = &mut matrix[i * row..];
                for j in 0..columns {
                    let place = register_of(lane, i, j) * self.width.numbers() + lane;
                    line[j * column] = N::rounded(registers[place].widened());
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
        for lane in done.lanes().filter(|&lane| lane < self.count()) {
            for k in 0..stack.shape().0 {
                stack.set(self.written_by(lane), k, 0, N::rounded(value(lane, k)));
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
