//! Eigenvalues and eigenvectors of D + ρ z zᵀ, the step that joins two halves.

use super::secular::{Axis, LANES, Secular, Squares, Values};

/// Eight units in the last place of the largest magnitude: a join may neglect as much.
pub(super) fn rounding(numbers: &[f64]) -> f64 {
    let largest = numbers
        .iter()
        .fold(0.0, |largest: f64, x| largest.max(x.abs()));
    8.0 * f64::EPSILON * largest
}

/// D + ρ z zᵀ after deflation: k poles and the weights that do not vanish.
pub(super) struct Deflated {
    /// Columns that take part, in the order of their poles.
    pub(super) kept: Vec<usize>,
    /// Columns that are eigenvectors already.
    pub(super) settled: Vec<usize>,
}

/// Turns columns whose values agree until one of two has no weight, and sets aside those without weight.
///
/// An entry off the diagonal of at most `tolerance` is neglected: an error of that size in the matrix, so in its
/// values. In return the poles that are left differ, and no weight vanishes, without which the secular equation has
/// fewer roots than poles. A column set aside needs no root, no vector and no part in the product that follows; where
/// values cluster most of them are, and that is where the speed of divide and conquer comes from.
///
/// `order` lists the columns by nondecreasing value; `rotate(i, j, c, s)` is to replace columns xᵢ, xⱼ by
/// c xᵢ + s xⱼ and c xⱼ − s xᵢ. Nothing above `tolerance` is neglected.
///
/// Source: Dongarra, Sorensen, "A fully parallel algorithm for the symmetric eigenvalue problem", SIAM Journal on
/// Scientific and Statistical Computing 8, 1987, section 4.
#[inline(always)]
pub(super) fn deflate(
    order: &[usize],
    values: &mut [f64],
    z: &mut [f64],
    rho: f64,
    tolerance: f64,
    mut rotate: impl FnMut(usize, usize, f64, f64),
) -> Deflated {
    let mut kept: Vec<usize> = Vec::with_capacity(order.len());
    let mut settled = Vec::with_capacity(order.len());
    for &j in order {
        if rho * z[j].abs() <= tolerance {
            settled.push(j);
            continue;
        }
        if let Some(&i) = kept.last() {
            // The rotation that brings zᵢ to zero makes dᵢ, dⱼ a 2 × 2 block with (dⱼ − dᵢ) c s off its diagonal.
            let radius = z[i].hypot(z[j]);
            let (c, s) = (z[j] / radius, -z[i] / radius);
            let gap = values[j] - values[i];
            if (gap * c * s).abs() <= tolerance {
                rotate(i, j, c, s);
                (z[i], z[j]) = (0.0, radius);
                let (vi, vj) = (values[i], values[j]);
                values[i] = vi * c * c + vj * s * s;
                values[j] = vi * s * s + vj * c * c;
                kept.pop();
                settled.push(i);
            }
        }
        kept.push(j);
    }
    Deflated { kept, settled }
}

/// The eigenvalues of D + ρ z zᵀ as d(shift) + offset, and z as the computed eigenvalues would have it exactly.
pub(super) struct Roots {
    pub(super) shifts: Vec<f64>,
    pub(super) offsets: Vec<f64>,
    pub(super) z: Vec<f64>,
}

/// Solves for increasing poles and weights that do not vanish, to be dispatched.
///
/// Vectors made of the z that was given would lose their orthogonality as two roots come close: an error of ε in a root
/// is large beside their distance. So z is taken back from the roots: the roots found are *exactly* the eigenvalues of
/// D + ρ ẑ ẑᵀ for a ẑ within rounding of z, whose vectors are orthogonal to rounding, and no sum in twice the precision
/// is needed.
///
/// Source: Gu, Eisenstat, "A stable and efficient algorithm for the rank-one modification of the symmetric
/// eigenproblem", SIAM Journal on Matrix Analysis and Applications 15, 1994, equation 3.3 for z.
pub(super) struct SolveRankOneUpdate<'a, A> {
    pub(super) axis: A,
    pub(super) poles: &'a [f64],
    pub(super) z: &'a [f64],
    pub(super) rho: f64,
}

impl<A: Axis> pulp::WithSimd for SolveRankOneUpdate<'_, A> {
    type Output = Roots;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Roots {
        let (poles, k) = (self.poles, self.poles.len());
        let weights: Vec<f64> = self.z.iter().map(|z| self.rho * z * z).collect();
        let mut roots = Roots {
            shifts: vec![0.0; k],
            offsets: vec![0.0; k],
            z: vec![0.0; k],
        };
        if k == 0 {
            return roots;
        }
        let secular = Secular {
            axis: self.axis,
            poles,
            weights: &weights,
        };
        secular.roots(&mut roots.shifts, &mut roots.offsets);
        for first in (0..k).step_by(LANES) {
            let found = roots.eight_weights(self.axis, first, poles);
            for (i, weight) in (first..k).zip(found) {
                roots.z[i] = weight.copysign(self.z[i]);
            }
        }
        roots
    }
}

impl Roots {
    /// |zᵢ| = √( Πⱼ (λⱼ − dᵢ) / Πⱼ≠ᵢ (dⱼ − dᵢ) ), up to the factor √ρ that normalisation removes.
    ///
    /// Each λⱼ − dᵢ is divided by the dⱼ − dᵢ beside it before it is multiplied: between dⱼ and dⱼ₊₁ lies λⱼ, so that the
    /// factors are of order one and no product leaves the range. A factor is right to a few ε, since λⱼ is known as an
    /// offset from its nearer pole, and k of them to k ε.
    #[inline(always)]
    fn eight_weights(&self, axis: impl Axis, first: usize, poles: &[f64]) -> [f64; LANES] {
        let last = poles.len() - 1;
        let pole: [f64; LANES] = std::array::from_fn(|l| poles[(first + l).min(last)]);
        let mut product = [1.0; LANES];
        for ((other, shift), offset) in poles.iter().zip(&self.shifts).zip(&self.offsets) {
            for l in 0..LANES {
                let gap = axis.gap(*other, pole[l]);
                let divisor = if gap == 0.0 { 1.0 } else { gap };
                product[l] *= (axis.gap(*shift, pole[l]) + offset) / divisor;
            }
        }
        product.map(|product| product.abs().sqrt())
    }

    /// Writes zᵢ / (dᵢ − λⱼ), eigenvector j, and returns the sum of its squares; entries come in the order of `poles`
    /// and `z`.
    #[inline(always)]
    fn vector(
        &self,
        axis: impl Axis,
        j: usize,
        poles: &[f64],
        z: &[f64],
        vector: &mut [f64],
    ) -> f64 {
        let (shift, offset) = (self.shifts[j], self.offsets[j]);
        let mut squares = [0.0; LANES];
        let (pole_chunks, pole_rest) = poles.as_chunks::<LANES>();
        let (z_chunks, z_rest) = z.as_chunks::<LANES>();
        let (chunks, rest) = vector.as_chunks_mut::<LANES>();
        for ((chunk, pole), z) in chunks.iter_mut().zip(pole_chunks).zip(z_chunks) {
            let mut entries = [0.0; LANES];
            for l in 0..LANES {
                entries[l] = z[l] / (axis.gap(pole[l], shift) - offset);
            }
            for l in 0..LANES {
                squares[l] += entries[l] * entries[l];
            }
            *chunk = entries;
        }
        for ((x, &pole), z) in rest.iter_mut().zip(pole_rest).zip(z_rest) {
            *x = z / (axis.gap(pole, shift) - offset);
            squares[0] += *x * *x;
        }
        squares.iter().sum()
    }
}

/// Writes all eigenvectors, of unit norm, one after another, to be dispatched.
///
/// `poles` and `z` (that of [`Roots`]) may come in any common order, which becomes the order of the entries.
pub(super) struct FillVectors<'a> {
    pub(super) roots: &'a Roots,
    pub(super) poles: &'a [f64],
    pub(super) z: &'a [f64],
    pub(super) vectors: &'a mut [f64],
}

impl pulp::WithSimd for FillVectors<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let k = self.poles.len();
        for (j, vector) in self.vectors.chunks_exact_mut(k.max(1)).enumerate() {
            let square = self.roots.vector(Values, j, self.poles, self.z, vector);
            scale(vector, square.sqrt().recip());
        }
    }
}

/// Writes the singular vectors of a matrix with z in row `first` and the poles on the diagonal, to be dispatched.
///
/// ```text
/// v = ( zᵢ / (dᵢ² − σ²) ),   u = ( dᵢ vᵢ ),  −1 at `first`, where d is 0
/// ```
///
/// Orders as for [`FillVectors`]. Source: Gu, Eisenstat, "A divide-and-conquer algorithm for the bidiagonal SVD", SIAM
/// Journal on Matrix Analysis and Applications 16, 1995, equation 3.2.
pub(super) struct FillSingularVectors<'a> {
    pub(super) roots: &'a Roots,
    pub(super) poles: &'a [f64],
    pub(super) z: &'a [f64],
    pub(super) first: usize,
    pub(super) left: &'a mut [f64],
    pub(super) right: &'a mut [f64],
}

impl pulp::WithSimd for FillSingularVectors<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let k = self.poles.len();
        let columns = self
            .left
            .chunks_exact_mut(k)
            .zip(self.right.chunks_exact_mut(k));
        for (j, (u, v)) in columns.enumerate() {
            let square = self.roots.vector(Squares, j, self.poles, self.z, v);
            for ((u, v), pole) in u.iter_mut().zip(&*v).zip(self.poles) {
                *u = v * pole;
            }
            u[self.first] = -1.0;
            let mut squares = [0.0; LANES];
            let (chunks, rest) = u.as_chunks::<LANES>();
            for chunk in chunks {
                for l in 0..LANES {
                    squares[l] += chunk[l] * chunk[l];
                }
            }
            let left_square = squares.iter().sum::<f64>() + rest.iter().map(|x| x * x).sum::<f64>();
            scale(v, square.sqrt().recip());
            scale(u, left_square.sqrt().recip());
        }
    }
}

/// Two rows of a basis times all unit vectors, which are not stored, to be dispatched.
///
/// `rows` lists the entries of the columns that take part, in the order of `poles`.
pub(super) struct TurnRows<'a, A> {
    pub(super) axis: A,
    pub(super) roots: &'a Roots,
    pub(super) poles: &'a [f64],
    pub(super) rows: [&'a [f64]; 2],
}

impl<A: Axis> pulp::WithSimd for TurnRows<'_, A> {
    type Output = [Vec<f64>; 2];

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> [Vec<f64>; 2] {
        let k = self.poles.len();
        let (mut vector, mut turned) = (vec![0.0; k], [vec![0.0; k], vec![0.0; k]]);
        for j in 0..k {
            let (poles, z) = (self.poles, &self.roots.z);
            let square = self.roots.vector(self.axis, j, poles, z, &mut vector);
            let norm = square.sqrt().recip();
            for (turned, row) in turned.iter_mut().zip(self.rows) {
                turned[j] = norm * row_product(row, &vector);
            }
        }
        turned
    }
}

/// xᵀ y, many sums side by side.
#[inline(always)]
fn row_product(x: &[f64], y: &[f64]) -> f64 {
    let ((x_chunks, x_rest), (y_chunks, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (x, y) in x_chunks.iter().zip(y_chunks) {
        for l in 0..LANES {
            sums[l] += x[l] * y[l];
        }
    }
    let rest: f64 = x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f64>() + rest
}

#[inline(always)]
fn scale(vector: &mut [f64], factor: f64) {
    for x in vector {
        *x *= factor;
    }
}
