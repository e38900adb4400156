//! Eigenvalues and eigenvectors of a small symmetric tridiagonal matrix, by rotations.

/// The largest side: a few registers of rows, so that a rotation of two columns is a dozen instructions.
pub(super) const SMALL: usize = 24;

/// QL steps granted to each eigenvalue; two are usual.
const STEPS: usize = 60;

/// The bound for zero in a matrix of order one, whose eigenvalues are known to 1e-16: the square of anything larger is
/// far from underflow, so that rotations stay orthogonal to the last digits.
const ZERO: f64 = 1e-145;

/// T = W Λ Wᵀ by the implicit QL iteration, to be dispatched; T's entries are of order one or less.
///
/// Source: Bowdler, Martin, Reinsch, Wilkinson, "The QR and QL algorithms for symmetric matrices", Numerische
/// Mathematik 11, 1968.
pub(super) struct ImplicitQl<'a> {
    /// The diagonal of T; becomes Λ, nondecreasing.
    pub(super) diagonal: &'a mut [f64],
    /// n entries, the last one spare; used up.
    pub(super) off_diagonal: &'a mut [f64],
    /// W is written here, a column a list; entries beyond n are zero.
    pub(super) vectors: &'a mut [[f64; SMALL]; SMALL],
}

impl pulp::WithSimd for ImplicitQl<'_> {
    /// `false` when an eigenvalue needs more steps than any is known to need.
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> bool {
        let n = self.diagonal.len();
        *self.vectors = [[0.0; SMALL]; SMALL];
        for (j, column) in self.vectors.iter_mut().enumerate() {
            column[j] = 1.0;
        }
        for l in 0..n {
            let mut steps = 0;
            loop {
                let (d, e) = (&mut *self.diagonal, &mut *self.off_diagonal);
                let m = (l..n - 1)
                    .find(|&m| negligible(e[m], d[m], d[m + 1]))
                    .unwrap_or(n - 1);
                if m == l {
                    break;
                }
                if steps == STEPS {
                    return false;
                }
                steps += 1;
                step(l, m, d, e, self.vectors);
            }
        }
        sort(self.diagonal, self.vectors);
        true
    }
}

/// Does the entry beside two diagonal entries vanish in their rounding?
#[inline(always)]
fn negligible(off_diagonal: f64, above: f64, below: f64) -> bool {
    off_diagonal.abs() <= 0.5 * f64::EPSILON * (above.abs() + below.abs())
        || off_diagonal.abs() < ZERO
}

/// One implicit step with Wilkinson's shift on the rows l..=m, which no zero divides.
#[inline(always)]
fn step(l: usize, m: usize, d: &mut [f64], e: &mut [f64], vectors: &mut [[f64; SMALL]; SMALL]) {
    // The shift is the eigenvalue of the leading 2 × 2 block that lies nearer to d[l], written so that nothing cancels. It
    // enters the first rotation alone: the others chase the entry off the tridiagonal band, the bulge, up to row l, and
    // that makes the same step as with the shifted matrix, whose diagonal would have lost digits.
    let slope = (d[l + 1] - d[l]) / (2.0 * e[l]);
    let root = (slope * slope + 1.0).sqrt().copysign(slope);
    let mut bulge = d[m] - d[l] + e[l] / (slope + root);
    let (mut sine, mut cosine, mut moved) = (1.0, 1.0, 0.0);
    for i in (l..m).rev() {
        let (f, b) = (sine * e[i], cosine * e[i]);
        let radius = (f * f + bulge * bulge).sqrt();
        e[i + 1] = radius;
        if radius < ZERO {
            // The bulge has vanished: the matrix splits here, and the sweep has nothing left to do.
            d[i + 1] -= moved;
            e[m] = 0.0;
            return;
        }
        let inverse = radius.recip();
        (sine, cosine) = (f * inverse, bulge * inverse);
        let shifted = d[i + 1] - moved;
        let r = (d[i] - shifted) * sine + 2.0 * cosine * b;
        moved = sine * r;
        d[i + 1] = shifted + moved;
        bulge = cosine * r - b;
        let (left, right) = vectors.split_at_mut(i + 1);
        for (x, y) in left[i].iter_mut().zip(&mut right[0]) {
            let old = *y;
            *y = sine * *x + cosine * old;
            *x = cosine * *x - sine * old;
        }
    }
    d[l] -= moved;
    e[l] = bulge;
    e[m] = 0.0;
}

/// Values nondecreasing, each with its column.
#[inline(always)]
fn sort(values: &mut [f64], vectors: &mut [[f64; SMALL]; SMALL]) {
    let n = values.len();
    for i in 0..n {
        let mut smallest = i;
        for j in i + 1..n {
            if values[j] < values[smallest] {
                smallest = j;
            }
        }
        if smallest != i {
            values.swap(i, smallest);
            vectors.swap(i, smallest);
        }
    }
}
