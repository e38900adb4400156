//! Awkward matrices, by name.

use crate::case::Want;
use crate::numbers::Numbers;
use matbackprop_core::faer::{Mat, Scale};

/// Fills the shape that is wanted.
pub type Make = fn(&mut Numbers, &Want) -> Mat<f64>;

/// One matrix in so many is of [`RARE`].
pub const RARE_EVERY: u64 = 4096;

pub const RARE: [(&str, (usize, usize), Make); 4] = [
    ("5000 x 30, columns graded", (5000, 30), columns_graded),
    ("784 x 256, deficient", (784, 256), deficient),
    ("5000 x 30, rows graded", (5000, 30), rows_graded),
    ("784 x 256, dead channels", (784, 256), dead_channels),
];

/// The kinds, in turn.
pub const KINDS: [(&str, Make); 51] = [
    ("Gaussian", |x, w| x.gaussian(w.m, w.n)),
    ("entries over 30 decades", |x, w| {
        x.fill(w.m, w.n, |x, _, _| x.decades(30.0))
    }),
    ("entries over 300 decades", |x, w| {
        x.fill(w.m, w.n, |x, _, _| x.decades(300.0))
    }),
    ("rows graded", rows_graded),
    ("columns graded", columns_graded),
    ("rows and columns graded", rows_and_columns_graded),
    ("zeros then ones", |_, w| halves(w, false)),
    ("ones then zeros", |_, w| halves(w, true)),
    ("projector of half rank", projector),
    ("deficient, a rounded product", deficient),
    ("Kahan", kahan),
    ("Hilbert", |_, w| {
        Mat::from_fn(w.m, w.n, |i, j| 1.0 / (i + j + 1) as f64)
    }),
    ("Wilkinson, glued", |x, w| {
        let glue = x.one_of(&[1.0, 1e-8, 1e-14, f64::EPSILON]);
        banded(
            w,
            |i| (i % 21).abs_diff(10) as f64,
            |i| if i % 21 == 20 { glue } else { 1.0 },
        )
    }),
    ("second differences", |_, w| banded(w, |_| 2.0, |_| -1.0)),
    ("Clement, Kac", clement),
    ("all ones", |x, w| {
        let one = x.one_of(&[1.0, 0.1, -3.0]);
        Mat::from_fn(w.m, w.n, |_, _| one)
    }),
    ("identity", |_, w| Mat::identity(w.m, w.n)),
    ("permutation", permutation),
    ("zero", |_, w| Mat::zeros(w.m, w.n)),
    ("zeros sprinkled", |x, w| {
        let share = x.one_of(&[2, 5, 20]);
        x.fill(
            w.m,
            w.n,
            |x, _, _| if x.below(share) == 0 { x.normal() } else { 0.0 },
        )
    }),
    ("small integers", |x, w| {
        x.fill(w.m, w.n, |x, _, _| x.below(5) as f64 - 2.0)
    }),
    ("signs", |x, w| {
        x.fill(w.m, w.n, |x, _, _| x.unit().signum())
    }),
    ("subnormal", |x, w| {
        let size = x.one_of(&[1e-309, 1e-315, 1e-321, 1e-323]);
        x.fill(w.m, w.n, |x, _, _| x.normal() * size)
    }),
    ("entries about 1e300", |x, w| {
        x.fill(w.m, w.n, |x, _, _| x.normal() * 1e300)
    }),
    ("entries up to f64::MAX", |x, w| {
        // The norm lies within the range of f64, or near its end.
        let side = w.m.max(w.n) as f64;
        let size = x.one_of(&[1.0, 0.5 / side, 0.5 / (side * side)]) * f64::MAX;
        x.fill(w.m, w.n, |x, _, _| x.unit() * size)
    }),
    ("1e-161 beside ones", |x, w| far_blocks(x, w, 1e-161)),
    ("1e-310 beside ones", |x, w| far_blocks(x, w, 1e-310)),
    ("one huge entry", |x, w| {
        let mut a = x.gaussian(w.m, w.n);
        let (i, j) = (x.below(w.m), x.below(w.n));
        a[(i.min(j), j)] = x.one_of(&[1e8, 1e16, 1e20, 1e100, 1e300]);
        a
    }),
    ("near-orthogonal", near_orthogonal),
    ("arrow", |x, w| {
        let tip = x.coin();
        x.fill(w.m, w.n, |x, i, j| match (i, j) {
            _ if i == j => {
                if tip {
                    x.normal()
                } else {
                    i as f64
                }
            }
            (0, _) | (_, 0) => x.normal(),
            _ => 0.0,
        })
    }),
    ("companion", |x, w| {
        let size = x.one_of(&[1.0, 1e8, 1e-8]);
        x.fill(w.m, w.n, |x, i, j| match i {
            0 => x.normal() * size,
            _ => f64::from(i == j + 1 || w.symmetric() && j == i + 1),
        })
    }),
    ("Frank", |_, w| {
        Mat::from_fn(w.m, w.n, |i, j| {
            if i > j + 1 {
                0.0
            } else {
                (w.m.max(w.n) - i.max(j)) as f64
            }
        })
    }),
    ("Lauchli", |x, w| {
        let mu = 10f64.powi(-(x.between(4, 16) as i32));
        Mat::from_fn(w.m, w.n, |i, j| match i {
            0 => 1.0,
            _ if i == j + 1 || w.symmetric() && j == i + 1 => mu,
            _ => 0.0,
        })
    }),
    ("columns nearly repeated", |x, w| {
        let (base, noise) = (x.gaussian(w.m, 1), x.one_of(&[1e-8, 1e-15, 1e-30, 0.0]));
        x.fill(w.m, w.n, |x, i, _| base[(i, 0)] + noise * x.normal())
    }),
    ("dead channels", dead_channels),
    ("one row", |x, w| {
        let row = x.below(w.m);
        x.fill(w.m, w.n, |x, i, _| if i == row { x.normal() } else { 0.0 })
    }),
    ("geometric spectrum", |x, w| {
        let (r, decades) = (w.shorter(), x.one_of(&[6.0, 16.0, 40.0, 250.0]));
        let values: Vec<f64> = (0..r)
            .map(|i| 10f64.powf(-decades * i as f64 / r as f64))
            .collect();
        x.with_spectrum(w.m, w.n, w.symmetric(), &values)
    }),
    ("clustered spectrum", |x, w| {
        let width = x.one_of(&[0.0, 1e-16, 1e-14, 1e-8]);
        let values: Vec<f64> = (0..w.shorter())
            .map(|_| x.one_of(&[1.0, 1.0, 2.0, 1e-3]) + width * x.unit())
            .collect();
        x.with_spectrum(w.m, w.n, w.symmetric(), &values)
    }),
    ("one value apart", |x, w| {
        let mut values = vec![x.one_of(&[1e-20, 1e-15, 1e-8, 1.0]); w.shorter()];
        values[0] = x.one_of(&[1.0, -1.0, 2.0]);
        x.with_spectrum(w.m, w.n, w.symmetric(), &values)
    }),
    ("tridiagonal over 30 decades", |x, w| {
        banded_at_random(x, w, |x| x.decades(30.0))
    }),
    ("tridiagonal over 300 decades", |x, w| {
        banded_at_random(x, w, |x| x.decades(300.0))
    }),
    ("bidiagonal over 30 decades", |x, w| {
        x.fill(w.m, w.n, |x, i, j| {
            if j == i || j == i + 1 {
                x.decades(30.0)
            } else {
                0.0
            }
        })
    }),
    ("bidiagonal over 300 decades", |x, w| {
        x.fill(w.m, w.n, |x, i, j| {
            if j == i || j == i + 1 {
                x.decades(300.0)
            } else {
                0.0
            }
        })
    }),
    ("nearly diagonal", |x, w| {
        let noise = x.one_of(&[1e-8, 1e-14, 1e-17, 1e-60, 1e-170]);
        x.fill(w.m, w.n, |x, i, j| {
            if i == j {
                x.below(4) as f64
            } else {
                noise * x.unit()
            }
        })
    }),
    ("nearly zero diagonal", |x, w| {
        let noise = x.one_of(&[0.0, 1e-14, 1e-30]);
        x.fill(
            w.m,
            w.n,
            |x, i, j| if i == j { noise * x.unit() } else { x.unit() },
        )
    }),
    ("middle row far below", |x, w| {
        let size = x.one_of(&[1e-12, 1e-30, 1e-170]);
        x.fill(w.m, w.n, |x, i, j| {
            x.unit()
                * if 2 * i / w.m.max(2) == 1 && i + j > w.n {
                    size
                } else {
                    1.0
                }
        })
    }),
    ("every fifth row far below", |x, w| {
        x.fill(w.m, w.n, |x, i, _| {
            x.unit() * if i % 5 == 0 { 1e-9 } else { 1.0 }
        })
    }),
    ("Vandermonde", |_, w| {
        Mat::from_fn(w.m, w.n, |i, j| {
            ((i + 1) as f64 / w.m as f64).powi(j as i32)
        })
    }),
    ("skew-symmetric", |x, w| {
        let g = x.gaussian(w.m.max(w.n), w.m.max(w.n));
        Mat::from_fn(w.m, w.n, |i, j| g[(i, j)] - g[(j, i)])
    }),
    ("equal blocks", |x, w| {
        let (side, g) = (x.between(1, 5), x.gaussian(5, 5));
        Mat::from_fn(w.m, w.n, |i, j| {
            if i / side == j / side {
                g[(i % side, j % side)]
            } else {
                0.0
            }
        })
    }),
    ("diagonal over 300 decades", |x, w| {
        x.fill(
            w.m,
            w.n,
            |x, i, j| if i == j { x.decades(300.0) } else { 0.0 },
        )
    }),
];

/// 10^−decades(i/m), upwards or downwards.
fn grade(x: &mut Numbers, n: usize) -> impl Fn(usize) -> f64 + use<> {
    let (decades, up) = (x.one_of(&[4.0, 8.0, 16.0, 30.0, 150.0]), x.coin());
    move |i| {
        let place = if up { n - 1 - i } else { i };
        10f64.powf(-decades * place as f64 / n as f64)
    }
}

fn rows_graded(x: &mut Numbers, w: &Want) -> Mat<f64> {
    let rows = grade(x, w.m);
    x.fill(w.m, w.n, |x, i, _| x.normal() * rows(i))
}

fn columns_graded(x: &mut Numbers, w: &Want) -> Mat<f64> {
    let columns = grade(x, w.n);
    x.fill(w.m, w.n, |x, _, j| x.normal() * columns(j))
}

fn rows_and_columns_graded(x: &mut Numbers, w: &Want) -> Mat<f64> {
    let rows = grade(x, w.m);
    if w.symmetric() {
        return x.fill(w.m, w.n, |x, i, j| x.normal() * rows(i) * rows(j));
    }
    let columns = grade(x, w.n);
    x.fill(w.m, w.n, |x, i, j| x.normal() * rows(i) * columns(j))
}

fn halves(w: &Want, ones_first: bool) -> Mat<f64> {
    let half = w.shorter() / 2;
    Mat::from_fn(w.m, w.n, |i, j| {
        f64::from(i == j && (i < half) == ones_first)
    })
}

fn projector(x: &mut Numbers, w: &Want) -> Mat<f64> {
    let values = vec![1.0; w.shorter().div_ceil(2)];
    let symmetric = w.m == w.n;
    x.with_spectrum(w.m, w.n, symmetric, &values)
}

fn deficient(x: &mut Numbers, w: &Want) -> Mat<f64> {
    let r = x.between(1, w.shorter());
    let left = x.gaussian(w.m, r);
    if w.symmetric() {
        &left * left.transpose()
    } else {
        left * x.gaussian(r, w.n)
    }
}

fn dead_channels(x: &mut Numbers, w: &Want) -> Mat<f64> {
    let dead: Vec<bool> = (0..w.n).map(|_| x.below(3) == 0).collect();
    x.fill(w.m, w.n, |x, _, j| {
        let entry = x.normal().max(0.0);
        if dead[j] { 0.0 } else { entry }
    })
}

fn kahan(x: &mut Numbers, w: &Want) -> Mat<f64> {
    let (s, c) = x.one_of(&[1.2f64, 0.8, 0.3]).sin_cos();
    Mat::from_fn(w.m, w.n, |i, j| match i.cmp(&j) {
        std::cmp::Ordering::Equal => s.powi(i as i32),
        std::cmp::Ordering::Less => -c * s.powi(i as i32),
        std::cmp::Ordering::Greater => 0.0,
    })
}

/// Symmetric where square entries allow it; Kac's where not.
fn clement(_: &mut Numbers, w: &Want) -> Mat<f64> {
    let n = w.m.max(w.n);
    let symmetric = w.symmetric();
    Mat::from_fn(w.m, w.n, |i, j| {
        let (up, down) = ((i + 1) as f64, n.saturating_sub(j + 1) as f64);
        match () {
            () if j == i + 1 && symmetric => (up * (n - j) as f64).sqrt(),
            () if j == i + 1 => up,
            () if i == j + 1 => down,
            () => 0.0,
        }
    })
}

fn permutation(x: &mut Numbers, w: &Want) -> Mat<f64> {
    let mut place: Vec<usize> = (0..w.m.max(w.n)).collect();
    for i in (1..place.len()).rev() {
        place.swap(i, x.below(i + 1));
    }
    Mat::from_fn(w.m, w.n, |i, j| f64::from(place[i] == j))
}

/// Two blocks that do not meet, the second far below the first.
fn far_blocks(x: &mut Numbers, w: &Want, size: f64) -> Mat<f64> {
    x.fill(w.m, w.n, |x, i, j| match (2 * i > w.m, 2 * j > w.n) {
        (true, true) => x.unit() * size,
        (false, false) => x.unit(),
        _ => 0.0,
    })
}

fn near_orthogonal(x: &mut Numbers, w: &Want) -> Mat<f64> {
    let q = match () {
        () if w.m == w.n && (w.symmetric() || x.coin()) => x.reflection(w.m),
        () if w.m >= w.n => x.orthonormal(w.m, w.n),
        () => x.orthonormal(w.n, w.m).transpose().to_owned(),
    };
    let noise = x.one_of(&[0.0, 1e-15, 1e-12, 1e-8]);
    q + Scale(noise) * x.gaussian(w.m, w.n)
}

fn banded(w: &Want, on: impl Fn(usize) -> f64, beside: impl Fn(usize) -> f64) -> Mat<f64> {
    Mat::from_fn(w.m, w.n, |i, j| match i.abs_diff(j) {
        0 => on(i),
        1 => beside(i.min(j)),
        _ => 0.0,
    })
}

fn banded_at_random(x: &mut Numbers, w: &Want, entry: impl Fn(&mut Numbers) -> f64) -> Mat<f64> {
    x.fill(
        w.m,
        w.n,
        |x, i, j| if i.abs_diff(j) < 2 { entry(x) } else { 0.0 },
    )
}
