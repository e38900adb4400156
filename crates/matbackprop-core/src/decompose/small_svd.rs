//! Singular values and vectors of a small bidiagonal matrix.

use super::implicit_ql::SMALL;
use super::implicit_qr::{ImplicitQr, Vectors};
use super::refined_svd::refined_svd;
use faer::{Mat, MatMut, MatRef, Scale};

/// B = U [Σ 0] Vᵀ for an upper bidiagonal B of one row a value in `diagonal` and one column more than entries `above`
/// it, at most [`SMALL`]: values nondecreasing, U and V orthogonal, the null vector of a wide B last in V. `false` without
/// convergence.
///
/// Vectors that are not asked for are not computed; the values, and the vectors that are, have the same bits.
///
/// By QR steps; where they do not converge, by Jacobi's rotations, which do.
pub(super) fn small_bidiagonal_svd(
    arch: pulp::Arch,
    diagonal: &mut [f64],
    above: &[f64],
    mut left: Option<&mut Vectors>,
    mut right: Option<&mut Vectors>,
) -> bool {
    let (rows, columns) = (diagonal.len(), above.len() + 1);
    let mut values = [0.0; SMALL];
    let values = &mut values[..rows];
    values.copy_from_slice(diagonal);
    let converged = arch.dispatch(ImplicitQr {
        diagonal: values,
        above,
        left: left.as_deref_mut(),
        right: right.as_deref_mut(),
    });
    if converged {
        diagonal.copy_from_slice(values);
        return true;
    }
    let b = Mat::from_fn(rows, columns, |i, j| match j.wrapping_sub(i) {
        0 => diagonal[i],
        1 => above[i],
        _ => 0.0,
    });
    let (mut u, mut v) = (Mat::zeros(rows, rows), Mat::zeros(columns, columns));
    let Some(found) = by_rotations(b.as_ref(), u.as_mut(), v.as_mut()) else {
        return false;
    };
    // Those came nonincreasing.
    for (value, found) in diagonal.iter_mut().rev().zip(found) {
        *value = found;
    }
    for (asked, found) in [(left, u), (right, v)] {
        let Some(asked) = asked else { continue };
        *asked = [[0.0; SMALL]; SMALL];
        for (j, column) in found.col_iter().enumerate() {
            let place = if j < rows { rows - 1 - j } else { j };
            for (to, from) in asked[place].iter_mut().zip(column.iter()) {
                *to = *from;
            }
        }
    }
    true
}

/// Values, nonincreasing, of a B with no more rows than columns, and U and V, in some fifty times the time.
fn by_rotations(
    b: MatRef<'_, f64>,
    mut left: MatMut<'_, f64>,
    mut right: MatMut<'_, f64>,
) -> Option<Vec<f64>> {
    let (rows, columns) = b.shape();
    let start = Mat::<f64>::identity(rows, rows);
    // Bᵀ U = W: the columns of W are those of V times the values.
    let (w, u) = refined_svd("small block", b.transpose(), start.as_ref()).ok()?;
    left.copy_from(&u);
    let mut values: Vec<f64> = (0..rows).map(|j| w.col(j).norm_l2()).collect();
    // Columns of W are right to 10⁻³⁰ of the longest: a shorter one than this has not all digits of its direction.
    let floor = 1e-14 * values.first().copied().unwrap_or(0.0);
    let mut candidates = 0..columns;
    for j in 0..columns {
        let mut v = match values.get(j) {
            Some(&value) if value > floor => Scale(value.recip()) * w.subcols(j, 1),
            _ => Mat::zeros(columns, 1),
        };
        // A column without a direction of its own takes a free one: one of n unit vectors is far enough away.
        while v.norm_l2() < 0.5 {
            let unit = candidates.next()?;
            let before = right.as_ref().subcols(0, j);
            v = Mat::from_fn(columns, 1, |i, _| f64::from(i == unit));
            let mut length = 1.0;
            for _ in 0..2 {
                let along = before.transpose() * &v;
                v -= before * along;
                length = v.norm_l2();
            }
            if length * length * (2 * columns) as f64 > 1.0 {
                v = Scale(length.recip()) * v;
            } else {
                v.fill(0.0);
            }
        }
        right.as_mut().subcols_mut(j, 1).copy_from(&v);
    }
    // In order in twice the digits; lengths in one may differ in the last.
    for j in 1..rows {
        values[j] = values[j].min(values[j - 1]);
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::gaussian;
    use crate::products::gram;

    #[test]
    fn vectors_that_are_not_asked_for_change_no_bit() {
        for (rows, columns) in [(1, 1), (1, 2), (2, 2), (7, 8), (24, 24), (23, 24)] {
            for graded in [0, 1, 20] {
                let x = gaussian(rows, 2, 5);
                let entry = |i: usize, k| x[(i, k)] * 10f64.powi(-graded * i as i32);
                let above: Vec<f64> = (0..columns - 1).map(|i| entry(i, 1)).collect();
                let solve = |with_left: bool, with_right: bool| {
                    let mut values: Vec<f64> = (0..rows).map(|i| entry(i, 0)).collect();
                    let mut u = [[0.0; SMALL]; SMALL];
                    let mut v = u;
                    assert!(small_bidiagonal_svd(
                        pulp::Arch::new(),
                        &mut values,
                        &above,
                        with_left.then_some(&mut u),
                        with_right.then_some(&mut v),
                    ));
                    (values, u, v)
                };
                let (values, _, v) = solve(true, true);
                let (of_right, _, v_alone) = solve(false, true);
                let (alone, _, _) = solve(false, false);
                assert_eq!((&values, &v), (&of_right, &v_alone), "{rows} {columns}");
                assert_eq!(values, alone, "{rows} {columns}");
            }
        }
    }

    #[test]
    fn rotations_take_over_where_an_iteration_gives_up() {
        for (rows, columns) in [(1, 1), (1, 2), (5, 5), (5, 6), (24, 25)] {
            for graded in [0, 1, 20] {
                let x = gaussian(rows, 2, 3);
                let b = Mat::from_fn(rows, columns, |i, j| match j.wrapping_sub(i) {
                    k @ (0 | 1) => x[(i, k)] * 10f64.powi(-graded * i as i32),
                    _ => 0.0,
                });
                let (mut u, mut v) = (Mat::zeros(rows, rows), Mat::zeros(columns, columns));
                let values = by_rotations(b.as_ref(), u.as_mut(), v.as_mut()).unwrap();
                assert!(values.windows(2).all(|pair| pair[0] >= pair[1]));
                let sigma =
                    Mat::from_fn(rows, columns, |i, j| if i == j { values[i] } else { 0.0 });
                let residual = (&b * &v - &u * sigma).norm_max();
                assert!(
                    residual < 1e-14 * values[0],
                    "{rows} {graded}: {residual:e}"
                );
                for x in [&u, &v] {
                    let identity = Mat::<f64>::identity(x.ncols(), x.ncols());
                    assert!((gram(x.as_ref()) - identity).norm_max() < 1e-14);
                }
            }
        }
    }

    #[test]
    fn equal_values_stay_in_order_where_rotations_take_over() {
        // Columns of half rank with equal values: no step of QR makes an entry beside them vanish.
        let diagonal = [
            -0.877_096_697_155_547_9,
            -8.710_448_046_663_598e-16,
            0.205_951_354_634_138_97,
            0.998_651_138_731_174_1,
            -4.236_914_035_265_974e-15,
            -0.041_930_636_578_034_27,
            0.999_913_810_379_079,
            2.017_653_364_598_579_6e-14,
            0.008_186_924_219_439_31,
            -0.999_992_996_004_394_6,
            6.821_947_189_135_537e-14,
            -0.002_335_570_872_830_239_4,
            -0.999_999_821_729_825_5,
            -6.044_173_251_789_497e-13,
            0.000_465_177_247_474_735_8,
            1.0,
            2.111_793_636_583_008_4e-16,
            -7.883_390_210_667_828e-17,
            9.023_091_152_470_7e-17,
            -1.511_959_639_492_330_7e-16,
            -1.581_543_565_280_274_6e-16,
        ];
        let above = [
            -0.480_313_853_445_145_66,
            -0.978_562_237_927_082_1,
            2.649_960_329_921_412e-15,
            0.051_922_221_480_069_51,
            0.999_120_531_106_535_5,
            7.848_880_596_744_08e-15,
            0.013_129_576_752_010_03,
            -0.999_966_493_560_819_6,
            -1.576_036_188_502_464_2e-14,
            -0.003_744_584_710_034_522,
            0.999_997_279_536_896_2,
            2.473_937_099_612_159e-13,
            0.000_608_697_636_912_179_5,
            0.999_999_898_791_306_9,
            1.290_648_739_000_303_3e-12,
            0.000_118_205_307_926_987_91,
            1.606_880_921_133_494_2e-16,
            1.232_982_618_885_930_8e-16,
            -6.736_044_192_488_544e-17,
            8.851_472_121_517_725e-18,
        ];
        let b = Mat::from_fn(21, 21, |i, j| match j.wrapping_sub(i) {
            0 => diagonal[i],
            1 => above[i],
            _ => 0.0,
        });
        let (mut u, mut v) = (Mat::zeros(21, 21), Mat::zeros(21, 21));
        let values = by_rotations(b.as_ref(), u.as_mut(), v.as_mut()).unwrap();
        assert!(values.is_sorted_by(|a, b| a >= b), "{values:?}");
    }
}
