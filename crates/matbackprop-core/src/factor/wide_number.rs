//! Numbers beyond the range of f64, and matrices whose rows and columns come in such units.

use faer::{Mat, MatRef};

/// fraction · 2^exponent, with 1 ≤ |fraction| < 2, or zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct WideNumber {
    pub(super) fraction: f64,
    pub(super) exponent: i64,
}

impl WideNumber {
    pub(super) const ONE: Self = Self {
        fraction: 1.0,
        exponent: 0,
    };

    /// A finite number, exactly.
    pub(super) fn new(x: f64) -> Self {
        const UP: i64 = 64;
        if x == 0.0 {
            return Self {
                fraction: x,
                exponent: 0,
            };
        }
        let (x, below) = if x.abs() < f64::MIN_POSITIVE {
            (x * 2f64.powi(UP as i32), UP)
        } else {
            (x, 0)
        };
        let field = (x.to_bits() >> 52) & 0x7ff;
        Self {
            fraction: f64::from_bits((x.to_bits() & !(0x7ff << 52)) | (1023 << 52)),
            exponent: field as i64 - 1023 - below,
        }
    }

    /// The product, rounded once.
    pub(super) fn times(self, other: Self) -> Self {
        let product = Self::new(self.fraction * other.fraction);
        Self {
            exponent: if product.fraction == 0.0 {
                0
            } else {
                product.exponent + self.exponent + other.exponent
            },
            ..product
        }
    }

    /// 2^`exponent` times this.
    pub(super) fn shifted(self, exponent: i64) -> Self {
        Self {
            exponent: self.exponent + exponent,
            ..self
        }
    }

    /// The closest f64: infinite or zero beyond their range.
    pub(super) fn to_f64(self) -> f64 {
        // Halves of the exponent, so that it is the second product alone that rounds.
        let exponent = self.exponent.clamp(-1100, 1100) as i32;
        let half = exponent / 2;
        self.fraction * 2f64.powi(half) * 2f64.powi(exponent - half)
    }
}

/// R A C with the largest entry of each row and column in [1, 2), or about; rows and columns of zeros stay.
pub(super) struct WideEquilibration {
    /// R A C.
    pub(super) matrix: Mat<f64>,
    /// The logarithms to base 2 of R's diagonal, whole numbers.
    pub(super) rows: Vec<i64>,
    /// Those of C's.
    pub(super) columns: Vec<i64>,
}

impl WideEquilibration {
    /// Of a finite A.
    pub(super) fn new(a: MatRef<'_, f64>) -> Self {
        let (m, n) = a.shape();
        let exponent = |i: usize, j: usize| {
            let x = a[(i, j)];
            (x != 0.0).then(|| WideNumber::new(x).exponent)
        };
        let rows: Vec<i64> = (0..m)
            .map(|i| -(0..n).filter_map(|j| exponent(i, j)).max().unwrap_or(0))
            .collect();
        let columns: Vec<i64> = (0..n)
            .map(|j| {
                let largest = (0..m)
                    .filter_map(|i| exponent(i, j).map(|e| e + rows[i]))
                    .max();
                -largest.unwrap_or(0)
            })
            .collect();
        let matrix = Mat::from_fn(m, n, |i, j| {
            WideNumber::new(a[(i, j)])
                .shifted(rows[i] + columns[j])
                .to_f64()
        });
        Self {
            matrix,
            rows,
            columns,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    #[test]
    fn numbers_come_back_and_products_leave_the_range() {
        for x in [0.0, 1.0, -3.5, 5e-324, 1e-310, f64::MAX, -f64::MIN_POSITIVE] {
            assert_eq!(WideNumber::new(x).to_f64(), x, "{x:e}");
        }
        let large = WideNumber::new(1e300);
        let square = large.times(large);
        assert_eq!(square.to_f64(), f64::INFINITY);
        let back = square
            .times(WideNumber::new(1e-300))
            .times(WideNumber::new(1e-300));
        assert!((back.to_f64() - 1.0).abs() < 1e-15);
        assert_eq!(square.times(WideNumber::new(0.0)).to_f64(), 0.0);
    }

    #[test]
    fn units_of_rows_and_columns_are_found() {
        // A product of one scale after the other would underflow.
        let a = mat![[1e300, 1e-300, 0.0], [1e300, 2e-300, 0.0], [0.0, 0.0, 0.0]];
        let e = WideEquilibration::new(a.as_ref());
        for i in 0..2 {
            for j in 0..2 {
                assert!((0.4..2.1).contains(&e.matrix[(i, j)]));
                let back = WideNumber::new(e.matrix[(i, j)]).shifted(-e.rows[i] - e.columns[j]);
                assert_eq!(back.to_f64(), a[(i, j)]);
            }
        }
        assert_eq!((e.rows[2], e.columns[2]), (0, 0));
    }
}
