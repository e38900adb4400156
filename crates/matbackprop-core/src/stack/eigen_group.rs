//! Eigenvalues and eigenvectors of a group of symmetric matrices, and the way back through V M Vᵀ.

use super::group::{Done, Space};
use crate::function::ScalarFunction;
use crate::lanes::{LARGEST, Part, Rows, RowsMut, WIDEST, eigen, product, stride_of, transpose};
use faer::MatMut;

/// Eigenvalues and eigenvectors of a group, in registers.
pub(super) struct GroupEigen<'a> {
    width: usize,
    n: usize,
    /// λ / scale, in any order.
    values: &'a mut [f64],
    /// V, row after row.
    pub(super) vectors: &'a mut [f64],
}

/// Registers that [`group_eigen`] takes beside those of the matrix.
pub(super) const fn registers_for_eigen(n: usize) -> usize {
    n * stride_of(n) + 4 * n
}

/// A = V Λ Vᵀ for a group of matrices of order one, which are used up; `None` where a lane does not converge.
pub(super) fn group_eigen<'a>(
    (width, n): (usize, usize),
    a: &mut [f64],
    space: &mut Space<'a>,
) -> Option<GroupEigen<'a>> {
    let vectors = space.take(n * stride_of(n));
    let values = space.take(n);
    eigen(n, a, vectors, values, space.take(3 * n)).then_some(GroupEigen {
        width,
        n,
        values,
        vectors,
    })
}

impl GroupEigen<'_> {
    /// The eigenvalues of a lane, times its scale, as they lie in registers.
    pub(super) fn spectrum(&self, lane: usize, scale: f64) -> [f64; LARGEST] {
        let mut spectrum = [0.0; LARGEST];
        for (k, place) in spectrum[..self.n].iter_mut().enumerate() {
            *place = self.values[k * self.width + lane] * scale;
        }
        spectrum
    }

    /// Places of the eigenvalues of each lane in nondecreasing order.
    pub(super) fn orders(&self, done: Done) -> [[u8; LARGEST]; WIDEST] {
        let mut orders = [[0; LARGEST]; WIDEST];
        for lane in done.lanes() {
            let (spectrum, order) = (self.spectrum(lane, 1.0), &mut orders[lane][..self.n]);
            for (k, place) in order.iter_mut().enumerate() {
                *place = k as u8;
            }
            order.sort_unstable_by(|&a, &b| {
                spectrum[usize::from(a)].total_cmp(&spectrum[usize::from(b)])
            });
        }
        orders
    }

    /// The eigenvalue of a lane, over its scale, that lies in a place.
    pub(super) fn value(&self, lane: usize, place: u8) -> f64 {
        self.values[usize::from(place) * self.width + lane]
    }

    /// V diag(m) Vᵀ, by `scaled` for V diag(m).
    pub(super) fn spectral_product(&self, mapped: &[f64], scaled: &mut [f64], result: &mut [f64]) {
        let (n, stride, width) = (self.n, stride_of(self.n), self.width);
        for i in 0..n {
            let row = i * stride * width..(i * stride + n) * width;
            let entries = self.vectors[row.clone()].iter().zip(mapped);
            for (scaled, (x, m)) in scaled[row].iter_mut().zip(entries) {
                *scaled = x * m;
            }
        }
        product(
            (n, n, n),
            Rows::new(scaled, stride),
            Rows::new(self.vectors, stride),
            Part::Symmetric,
            RowsMut::new(result, stride),
        );
    }

    /// f of the eigenvalues of each lane, a register each; lanes that need a decision are taken out of `done`.
    pub(super) fn map(
        &self,
        f: &impl ScalarFunction,
        scale: &[f64; WIDEST],
        done: &mut Done,
        mapped: &mut [f64],
    ) {
        mapped.fill(0.0);
        for lane in done.lanes() {
            let spectrum = self.spectrum(lane, scale[lane]);
            let mut values = [0.0; LARGEST];
            if !map_spectrum(f, &spectrum[..self.n], &mut values[..self.n]) {
                done.remove(lane);
                continue;
            }
            for (k, value) in values[..self.n].iter().enumerate() {
                mapped[k * self.width + lane] = *value;
            }
        }
    }
}

/// f of a spectrum; `false` where it is not finite, or an eigenvalue lies within rounding of the edge of f's domain.
fn map_spectrum(f: &impl ScalarFunction, spectrum: &[f64], mapped: &mut [f64]) -> bool {
    if let Some(edge) = f.edge() {
        let largest = spectrum.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        // Twice what the rule for one matrix takes for the edge.
        let reach = 2.0 * spectrum.len() as f64 * f64::EPSILON * largest;
        if spectrum.iter().any(|x| (x - edge).abs() <= reach) {
            return false;
        }
    }
    for (mapped, x) in mapped.iter_mut().zip(spectrum) {
        *mapped = f.value(*x);
    }
    mapped.iter().all(|x| x.is_finite())
}

/// V (M ∘ (Vᵀ S V)) Vᵀ for symmetric S and M, into S; `weights` fills M, column after column, for the spectrum of a lane.
///
/// `v` holds V row after row. Lanes whose weights are not finite are taken out of `done`.
pub(super) fn weighted_in_eigenbasis(
    (width, n): (usize, usize),
    done: &mut Done,
    v: &[f64],
    s: &mut [f64],
    space: &mut Space<'_>,
    weights: impl Fn(usize, MatMut<'_, f64>),
) {
    let stride = stride_of(n);
    let (v_transposed, between) = (space.take(n * stride), space.take(n * stride));
    let weight = &mut space.take((n * n).div_ceil(width))[..n * n];
    let cube = (n, n, n);
    transpose(
        (n, n),
        Rows::new(v, stride),
        RowsMut::new(v_transposed, stride),
    );
    let turned = Rows::new(v_transposed, stride);
    product(
        cube,
        turned,
        Rows::new(s, stride),
        Part::Whole,
        RowsMut::new(between, stride),
    );
    product(
        cube,
        Rows::new(between, stride),
        turned,
        Part::Symmetric,
        RowsMut::new(s, stride),
    );
    for lane in done.lanes() {
        weights(lane, MatMut::from_column_major_slice_mut(weight, n, n));
        if !weight.iter().all(|x| x.is_finite()) {
            done.remove(lane);
            continue;
        }
        for i in 0..n {
            for (j, weight) in weight[i * n..][..n].iter().enumerate() {
                s[(i * stride + j) * width + lane] *= weight;
            }
        }
    }
    product(
        cube,
        Rows::new(v, stride),
        Rows::new(s, stride),
        Part::Whole,
        RowsMut::new(between, stride),
    );
    product(
        cube,
        Rows::new(between, stride),
        Rows::new(v, stride),
        Part::Symmetric,
        RowsMut::new(s, stride),
    );
}
