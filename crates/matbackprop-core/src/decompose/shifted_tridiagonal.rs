//! Solves with T − σ I for a symmetric tridiagonal T and a real or a complex σ.

use std::ops::{Add, Div, Mul, Sub};

/// What replaces a pivot nearer to zero, of a matrix of order one: a solution along a null vector stays in range.
const TINY: f64 = f64::EPSILON / 1024.0;

/// A number, real or complex.
pub(super) trait Entry:
    Copy + From<f64> + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// Of the order of the magnitude.
    fn size(self) -> f64;
}

impl Entry for f64 {
    fn size(self) -> f64 {
        self.abs()
    }
}

impl Entry for faer::c64 {
    fn size(self) -> f64 {
        self.re.abs() + self.im.abs()
    }
}

/// P (T − σ I) = L U, rows exchanged where the entry below is larger.
pub(super) struct ShiftedTridiagonal<E> {
    /// uᵢᵢ, uᵢ,ᵢ₊₁, uᵢ,ᵢ₊₂.
    upper: Vec<[E; 3]>,
    /// Of row i in row i + 1, and whether the two were exchanged.
    lower: Vec<(E, bool)>,
}

impl<E: Entry> ShiftedTridiagonal<E> {
    /// Of T by its diagonal and the entries below it (n, the last one spare), of order one.
    pub(super) fn new(diagonal: &[f64], below: &[f64], shift: E) -> Self {
        let zero = E::from(0.0);
        let (mut upper, mut lower) = (Vec::new(), Vec::new());
        let mut diagonal = diagonal.iter().map(|d| E::from(*d) - shift);
        let Some(mut pivot) = diagonal.next() else {
            return Self { upper, lower };
        };
        let mut beside = E::from(below[0]);
        for (i, next) in diagonal.enumerate() {
            let under = E::from(below[i]);
            let after = E::from(below[i + 1]);
            if pivot.size() >= under.size() {
                let pivot_row = away_from_zero(pivot);
                let factor = under / pivot_row;
                upper.push([pivot_row, beside, zero]);
                lower.push((factor, false));
                (pivot, beside) = (next - factor * beside, after);
            } else {
                let factor = pivot / under;
                upper.push([under, next, after]);
                lower.push((factor, true));
                (pivot, beside) = (beside - factor * next, zero - factor * after);
            }
        }
        upper.push([away_from_zero(pivot), zero, zero]);
        Self { upper, lower }
    }

    /// x ← (T − σ I)⁻¹ x.
    pub(super) fn solve(&self, x: &mut [E]) {
        for (i, (factor, exchanged)) in self.lower.iter().enumerate() {
            if *exchanged {
                x.swap(i, i + 1);
            }
            x[i + 1] = x[i + 1] - *factor * x[i];
        }
        let (mut first, mut second) = (E::from(0.0), E::from(0.0));
        for (x, [pivot, beside, after]) in x.iter_mut().zip(&self.upper).rev() {
            let value = (*x - *beside * first - *after * second) / *pivot;
            *x = value;
            (first, second) = (value, first);
        }
    }
}

fn away_from_zero<E: Entry>(pivot: E) -> E {
    if pivot.size() < TINY {
        E::from(TINY)
    } else {
        pivot
    }
}

/// T x.
pub(super) fn times_tridiagonal(diagonal: &[f64], below: &[f64], x: &[f64]) -> Vec<f64> {
    let n = x.len();
    let mut product: Vec<f64> = diagonal.iter().zip(x).map(|(d, x)| d * x).collect();
    for i in 1..n {
        product[i] += below[i - 1] * x[i - 1];
        product[i - 1] += below[i - 1] * x[i];
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gaussian::gaussian;
    use faer::c64;

    #[test]
    fn solves_what_products_make() {
        for n in [1, 2, 3, 4, 30] {
            let draw = |seed| gaussian(n, 1, seed).col_as_slice(0).to_vec();
            // Zeros on the diagonal ask for exchanges.
            for diagonal in [draw(1), vec![0.0; n]] {
                let (below, x) = (draw(2), draw(3));
                let shift = 0.3;
                let mut solved = times_tridiagonal(&diagonal, &below, &x);
                for (y, x) in solved.iter_mut().zip(&x) {
                    *y -= shift * x;
                }
                ShiftedTridiagonal::new(&diagonal, &below, shift).solve(&mut solved);
                let shift = c64::new(shift, 0.5);
                let mut complex: Vec<c64> = times_tridiagonal(&diagonal, &below, &x)
                    .iter()
                    .zip(&x)
                    .map(|(y, x)| c64::from(*y) - shift * c64::from(*x))
                    .collect();
                ShiftedTridiagonal::new(&diagonal, &below, shift).solve(&mut complex);
                for i in 0..n {
                    assert!((solved[i] - x[i]).abs() < 1e-11, "{n} {i}");
                    assert!((complex[i] - c64::from(x[i])).size() < 1e-13, "{n} {i}");
                }
            }
        }
    }

    #[test]
    fn a_singular_matrix_grows_its_null_vector() {
        let mut x = [1.0, 0.5];
        ShiftedTridiagonal::new(&[0.5, 0.5], &[0.5, 0.0], 0.0).solve(&mut x);
        assert!(x[0].abs() > 1e15 && (x[0] / x[1] + 1.0).abs() < 1e-12);
    }
}
