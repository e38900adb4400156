//! An orthonormal basis of the columns of a matrix, in their order.

use super::householder_qr::HouseholderQr;
use crate::error::{Error, Result};
use faer::{Mat, MatRef};

/// Q (m × n) and R (n × n, upper triangular with positive diagonal) of a finite m × n matrix, m ≥ n.
///
/// rⱼⱼ / ‖aⱼ‖ is the sine of the angle between column j and those before it, known to about m ε for any size of
/// each column: one that does not exceed 16 (m + 1) ε may as well be zero, and is [`Error::RankDeficient`].
pub(crate) fn thin_qr(op: &'static str, a: MatRef<'_, f64>) -> Result<(Mat<f64>, Mat<f64>)> {
    let (m, n) = a.shape();
    assert!(m >= n, "thin QR is asked of a matrix that is not wide");
    let factors = HouseholderQr::new(a);
    let floor = 16.0 * (m + 1) as f64 * f64::EPSILON;
    for j in 0..n {
        let norm = a.col(j).norm_l2();
        let sine = if norm > 0.0 {
            factors.r(j, j).abs() / norm
        } else {
            0.0
        };
        if sine <= floor {
            return Err(Error::RankDeficient {
                op,
                index: j,
                value: sine,
                floor,
            });
        }
    }

    let mut q = Mat::identity(m, n);
    factors.apply(q.as_mut());
    let sign = |j: usize| factors.r(j, j).signum();
    for j in 0..n {
        q.col_mut(j).iter_mut().for_each(|entry| *entry *= sign(j));
    }
    let r = Mat::from_fn(n, n, |i, j| {
        if i <= j {
            sign(i) * factors.r(i, j)
        } else {
            0.0
        }
    });
    Ok((q, r))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::{gaussian, with_spectrum};
    use crate::products::gram;

    #[test]
    fn reconstructs_with_orthonormal_columns() {
        for (m, n) in [(1, 1), (5, 1), (9, 4), (40, 40), (200, 60)] {
            let a = gaussian(m, n, 3);
            let (q, r) = thin_qr("test", a.as_ref()).unwrap();
            let tolerance = 10.0 * f64::EPSILON * (m + n) as f64;
            assert!((&q * &r - &a).norm_max() < tolerance * 4.0, "{m} × {n}");
            let error = gram(q.as_ref()) - Mat::<f64>::identity(n, n);
            assert!(error.norm_max() < tolerance, "{m} × {n}");
            assert!((0..n).all(|j| r[(j, j)] > 0.0 && (j + 1..n).all(|i| r[(i, j)] == 0.0)));
        }
    }

    #[test]
    fn the_first_dependent_column_is_named() {
        for n in [2, 8, 50] {
            for dependent in [1, n - 1] {
                let mut a = gaussian(60, n, 4);
                let sum = a.subcols(0, dependent) * Mat::<f64>::full(dependent, 1, 1.0);
                a.col_mut(dependent).copy_from(sum.col(0));
                assert!(matches!(
                    thin_qr("test", a.as_ref()),
                    Err(Error::RankDeficient { index, value, .. }) if index == dependent && value < 1e-14
                ));
                a.col_mut(dependent).fill(0.0);
                assert!(matches!(
                    thin_qr("test", a.as_ref()),
                    Err(Error::RankDeficient { index, value: 0.0, .. }) if index == dependent
                ));
            }
        }
        let low = with_spectrum(20, 6, &[3.0, 2.0, 1.0], 1);
        assert!(matches!(
            thin_qr("test", low.as_ref()),
            Err(Error::RankDeficient { index: 3, .. })
        ));
    }
}
