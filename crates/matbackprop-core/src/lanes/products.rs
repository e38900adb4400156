//! Products of matrices, lane by lane.

use super::register::{LaneNumber, Lanes};
use super::wide::Wide;
use super::{Kernel, Width};
use super::{Rows, RowsMut};
use pulp::Simd;

/// Which entries of a product are asked for.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Part {
    /// All of them.
    Whole,
    /// The product is symmetric: those above the diagonal are copied.
    Symmetric,
}

/// Rows and columns of the result that are summed side by side: eight sums hide the time of one addition.
const ROWS: usize = 4;
const COLUMNS: usize = 2;

/// Z = X Yᵀ: `rows` rows of X, `columns` rows of Y, `inner` entries in each.
pub(crate) fn product<A: LaneNumber>(
    width: Width<A>,
    (rows, inner, columns): (usize, usize, usize),
    x: Rows<'_, A>,
    y: Rows<'_, A>,
    part: Part,
    z: RowsMut<'_, A>,
) {
    width.run(Product {
        sizes: (rows, inner, columns),
        x,
        y,
        part,
        adds: false,
        z,
    });
}

/// Z ← Z + X Xᵀ, which is symmetric: `rows` rows of X, `inner` entries in each.
pub(crate) fn add_gram<A: LaneNumber>(
    width: Width<A>,
    (rows, inner): (usize, usize),
    x: Rows<'_, A>,
    z: RowsMut<'_, A>,
) {
    width.run(Product {
        sizes: (rows, inner, rows),
        x,
        y: x,
        part: Part::Symmetric,
        adds: true,
        z,
    });
}

struct Product<'a, A> {
    sizes: (usize, usize, usize),
    x: Rows<'a, A>,
    y: Rows<'a, A>,
    part: Part,
    adds: bool,
    z: RowsMut<'a, A>,
}

impl<A: LaneNumber> Kernel<A> for Product<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, T: Lanes<Number = A>>(self, simd: S) {
        let (rows, inner, columns) = self.sizes;
        let (x, y) = (
            T::registers::<S>(self.x.numbers),
            T::registers::<S>(self.y.numbers),
        );
        let (z, stride) = (T::registers_mut::<S>(self.z.numbers), self.z.stride);
        let last_column = |i: usize| match self.part {
            Part::Whole => columns,
            Part::Symmetric => (i + 1).min(columns),
        };
        let mut i = 0;
        while i < rows {
            let height = (rows - i).min(ROWS);
            // Tiles of other sizes repeat their last row, whose sums are not stored.
            let x_rows: [_; ROWS] =
                std::array::from_fn(|r| &x[(i + r.min(height - 1)) * self.x.stride..][..inner]);
            let mut j = 0;
            while j < last_column(i + height - 1) {
                let across = (columns - j).min(COLUMNS);
                let y_rows: [_; COLUMNS] =
                    std::array::from_fn(|c| &y[(j + c.min(across - 1)) * self.y.stride..][..inner]);
                let mut sums = [[Wide::<S, T>::constant(simd, 0.0); COLUMNS]; ROWS];
                for k in 0..inner {
                    let y = y_rows.map(|row| Wide::new(simd, row[k]));
                    for r in 0..ROWS {
                        let x = Wide::new(simd, x_rows[r][k]);
                        for c in 0..COLUMNS {
                            sums[r][c] = x.times_plus(y[c], sums[r][c]);
                        }
                    }
                }
                for r in 0..height {
                    for c in 0..across {
                        let place = &mut z[(i + r) * stride + j + c];
                        *place = match self.adds {
                            true => (Wide::new(simd, *place) + sums[r][c]).register,
                            false => sums[r][c].register,
                        };
                    }
                }
                j += COLUMNS;
            }
            i += ROWS;
        }
        if self.part == Part::Symmetric {
            for i in 0..rows {
                for j in 0..i {
                    z[j * stride + i] = z[i * stride + j];
                }
            }
        }
    }
}

/// The transpose of X, `rows` × `columns`.
pub(crate) fn transpose<A: LaneNumber>(
    width: Width<A>,
    (rows, columns): (usize, usize),
    x: Rows<'_, A>,
    z: RowsMut<'_, A>,
) {
    width.run(Transpose {
        rows,
        columns,
        x,
        z,
    });
}

struct Transpose<'a, A> {
    rows: usize,
    columns: usize,
    x: Rows<'a, A>,
    z: RowsMut<'a, A>,
}

impl<A: LaneNumber> Kernel<A> for Transpose<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, T: Lanes<Number = A>>(self, _: S) {
        let x = T::registers::<S>(self.x.numbers);
        let (z, stride) = (T::registers_mut::<S>(self.z.numbers), self.z.stride);
        for i in 0..self.rows {
            for (j, x) in x[i * self.x.stride..][..self.columns].iter().enumerate() {
                z[j * stride + i] = *x;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::gaussian;
    use faer::Mat;

    /// A matrix in every lane, lane k times k + 1.
    fn packed(a: &Mat<f64>, stride: usize, width: usize) -> Vec<f64> {
        let mut numbers = vec![f64::NAN; a.nrows() * stride * width];
        for i in 0..a.nrows() {
            for j in 0..a.ncols() {
                for lane in 0..width {
                    numbers[(i * stride + j) * width + lane] = a[(i, j)] * (lane + 1) as f64;
                }
            }
        }
        numbers
    }

    #[test]
    fn products_and_transposes_of_every_size() {
        let lanes = Width::<f64>::for_shape((3, 3));
        let width = lanes.numbers();
        for (rows, inner, columns) in [(1, 1, 1), (3, 2, 5), (4, 7, 2), (5, 3, 1), (9, 8, 10)] {
            let (x, y) = (gaussian(rows, inner, 1), gaussian(columns, inner, 2));
            let strides = [inner + 2, inner, columns + 1];
            let (x_lanes, y_lanes) = (packed(&x, strides[0], width), packed(&y, strides[1], width));
            let mut z = vec![0.0; rows * strides[2] * width];
            product(
                lanes,
                (rows, inner, columns),
                Rows::new(&x_lanes, strides[0]),
                Rows::new(&y_lanes, strides[1]),
                Part::Whole,
                RowsMut::new(&mut z, strides[2]),
            );
            let expected = &x * y.transpose();
            let mut flipped = vec![0.0; columns * rows * width];
            transpose(
                lanes,
                (rows, columns),
                Rows::new(&z, strides[2]),
                RowsMut::new(&mut flipped, rows),
            );
            for i in 0..rows {
                for j in 0..columns {
                    for lane in 0..width {
                        let found = z[(i * strides[2] + j) * width + lane];
                        let square = ((lane + 1) * (lane + 1)) as f64;
                        assert!((found - square * expected[(i, j)]).abs() <= 1e-14 * square * 10.0);
                        assert_eq!(flipped[(j * rows + i) * width + lane], found);
                    }
                }
            }
        }
    }

    #[test]
    fn a_symmetric_product_is_mirrored() {
        let lanes = Width::<f64>::for_shape((3, 3));
        let width = lanes.numbers();
        for n in [1, 2, 3, 4, 5, 8, 9] {
            let x = packed(&gaussian(n, 6, 4), 6, width);
            let [mut whole, mut mirrored] = [(); 2].map(|()| vec![0.0; n * n * width]);
            for (part, z) in [(Part::Whole, &mut whole), (Part::Symmetric, &mut mirrored)] {
                let rows = Rows::new(&x, 6);
                product(lanes, (n, 6, n), rows, rows, part, RowsMut::new(z, n));
            }
            assert_eq!(whole, mirrored, "{n}");
            // The same twice.
            add_gram(
                lanes,
                (n, 6),
                Rows::new(&x, 6),
                RowsMut::new(&mut mirrored, n),
            );
            let doubled: Vec<f64> = whole.iter().map(|entry| 2.0 * entry).collect();
            assert_eq!(doubled, mirrored, "{n}");
        }
    }
}
