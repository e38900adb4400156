//! One number for every pair of arguments, by the widest arithmetic the machine has.

use crate::buffer_pool::Temporary;
use crate::lanes::{LaneNumber, NumbersMut};
use faer::MatMut;
use pulp::{Arch, Simd, WithSimd};

/// A divided difference as arithmetic on K numbers that are found once an argument.
pub(super) trait Pairwise<const K: usize> {
    /// The part of f[a, b] that depends on a alone.
    fn parts(&self, x: f64) -> [f64; K];

    /// f[a, b]. Without calls and branches, and marked `#[inline(always)]`, so that the loop over many pairs is wide.
    fn pair(&self, a: [f64; K], b: [f64; K]) -> f64;
}

/// f[a, b].
pub(super) fn one_pair<const K: usize, F: Pairwise<K>>(f: &F, a: f64, b: f64) -> f64 {
    f.pair(f.parts(a), f.parts(b))
}

/// The n × n matrix of f[xᵢ, xⱼ]; both triangles, as mirroring one is slower than a division.
pub(super) fn all_pairs<const K: usize, F: Pairwise<K>>(f: &F, x: &[f64], pairs: MatMut<'_, f64>) {
    // Each kind of number beside its like, as wide loads want it.
    let mut parts = Temporary::new(x.len(), K);
    for (i, &x) in x.iter().enumerate() {
        for (k, part) in f.parts(x).into_iter().enumerate() {
            parts.column_mut(k)[i] = part;
        }
    }
    Arch::new().dispatch(Fill {
        f,
        parts: std::array::from_fn(|k| parts.column(k)),
        pairs,
    });
}

struct Fill<'a, const K: usize, F> {
    f: &'a F,
    parts: [&'a [f64]; K],
    pairs: MatMut<'a, f64>,
}

impl<const K: usize, F: Pairwise<K>> WithSimd for Fill<'_, K, F> {
    type Output = ();

    // A closure would be called, not inlined, and compiled for the narrowest machine.
    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) {
        for j in 0..self.pairs.ncols() {
            let of_column: [f64; K] = std::array::from_fn(|k| self.parts[k][j]);
            let mut column = self.pairs.as_mut().col_mut(j);
            let Some(column) = column.as_mut().try_as_col_major_mut() else {
                for i in 0..column.nrows() {
                    let of_row = std::array::from_fn(|k| self.parts[k][i]);
                    column[i] = self.f.pair(of_row, of_column);
                }
                continue;
            };
            let column = column.as_slice_mut();
            // Of one length with the column, so that no index is checked inside the loop.
            let parts = self.parts.map(|part| &part[..column.len()]);
            for i in 0..column.len() {
                column[i] = self.f.pair(std::array::from_fn(|k| parts[k][i]), of_column);
            }
        }
    }
}

/// f[xᵢ, xⱼ] of lists that lie side by side, see
/// [`fill_differences_of_lists`](crate::ScalarFunction::fill_differences_of_lists).
pub(super) fn all_pairs_of_lists<const K: usize, F: Pairwise<K>>(
    f: &F,
    lists: usize,
    x: &[f64],
    pairs: NumbersMut<'_>,
) {
    let mut parts = Temporary::new(x.len(), K);
    for (i, &x) in x.iter().enumerate() {
        for (k, part) in f.parts(x).into_iter().enumerate() {
            parts.column_mut(k)[i] = part;
        }
    }
    let parts = std::array::from_fn(|k| parts.column(k));
    match pairs {
        NumbersMut::Double(pairs) => Arch::new().dispatch(FillLists {
            f,
            lists,
            parts,
            pairs,
        }),
        NumbersMut::Single(pairs) => Arch::new().dispatch(FillLists {
            f,
            lists,
            parts,
            pairs,
        }),
    }
}

struct FillLists<'a, const K: usize, F, N> {
    f: &'a F,
    lists: usize,
    parts: [&'a [f64]; K],
    pairs: &'a mut [N],
}

/// Lists that are worked on at once, in arrays of their own: the compiler need not ask whether they overlap.
const SIDE_BY_SIDE: usize = 8;

impl<const K: usize, F: Pairwise<K>, N: LaneNumber> WithSimd for FillLists<'_, K, F, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let lists = self.lists;
        let n = self.parts[0].len() / lists;
        for i in 0..n {
            for j in 0..=i {
                let own = self.parts.map(|part| &part[i * lists..][..lists]);
                let other = self.parts.map(|part| &part[j * lists..][..lists]);
                let from = (i * n + j) * lists;
                let below = &mut self.pairs[from..][..lists];
                let (eights, rest) = below.as_chunks_mut::<SIDE_BY_SIDE>();
                for (e, eight) in eights.iter_mut().enumerate() {
                    let (mut a, mut b) = ([[0.0; SIDE_BY_SIDE]; K], [[0.0; SIDE_BY_SIDE]; K]);
                    for k in 0..K {
                        a[k].copy_from_slice(&own[k][e * SIDE_BY_SIDE..][..SIDE_BY_SIDE]);
                        b[k].copy_from_slice(&other[k][e * SIDE_BY_SIDE..][..SIDE_BY_SIDE]);
                    }
                    let mut pairs = [0.0; SIDE_BY_SIDE];
                    for l in 0..SIDE_BY_SIDE {
                        // Without closures, which are not always inlined here.
                        let (mut x, mut y) = ([0.0; K], [0.0; K]);
                        for k in 0..K {
                            (x[k], y[k]) = (a[k][l], b[k][l]);
                        }
                        pairs[l] = self.f.pair(x, y);
                    }
                    for l in 0..SIDE_BY_SIDE {
                        eight[l] = N::rounded(pairs[l]);
                    }
                }
                let first = lists - rest.len();
                for (l, pair) in rest.iter_mut().enumerate() {
                    let at = |parts: [&[f64]; K]| parts.map(|part| part[first + l]);
                    *pair = N::rounded(self.f.pair(at(own), at(other)));
                }
                self.pairs
                    .copy_within(from..from + lists, (j * n + i) * lists);
            }
        }
    }
}
