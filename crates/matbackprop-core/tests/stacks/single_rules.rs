//! Every rule that goes through a stack one matrix at a time, held to its bits.

use crate::one_by_one::same_as_alone;
use faer::{Mat, MatRef, Scale};
use matbackprop_core::gradcheck::{gaussian, symmetric_with_spectrum, with_spectrum};
use matbackprop_core::stack::{
    AffineInvariantDistanceRule, CholeskyRule, DeterminantRule, GeneralisedEigRule,
    KarcherMeanRule, LeadingProjectorRule, LeastSquaresRule, LogDetRule, LogEuclideanDistanceRule,
    LogEuclideanMeanRule, LyapunovRule, MatrixExpRule, MatrixLogRule, MatrixSqrtRule,
    NewtonSchulzRule, ProcrustesRule, ProjectorRule, PseudoInverseRule, QrRule,
    RegularisedLeastSquaresRule, RegularisedProjectorRule, SignedLogDetRule, SylvesterRule,
    SymmetricPowerRule, SymmetricSolveRule, TraceFunctionRule, WhiteningRule,
};
use matbackprop_core::{
    AffineInvariantDistance, Alignment, Cholesky, Determinant, GapPolicy, GeneralisedEig,
    Iterations, KarcherMean, LeadingProjector, LeastSquares, LogDet, LogEuclideanDistance,
    LogEuclideanMean, Lyapunov, MatrixExp, MatrixLog, MatrixSqrt, MeanCotangent, NewtonSchulz,
    Normalisation, Procrustes, Projector, PseudoInverse, Qr, RankTolerance,
    RegularisedLeastSquares, RegularisedProjector, SignedLogDet, Sqrt, Sylvester, SymmetricPower,
    SymmetricSolve, TraceFunction, Whitening, symmetric_part,
};

const SHAPES: [(usize, usize); 6] = [(1, 1), (3, 3), (6, 2), (2, 5), (12, 12), (40, 34)];
const SIDES: [usize; 5] = [1, 2, 3, 8, 35];

fn number(x: f64) -> Mat<f64> {
    Mat::full(1, 1, x)
}

fn column(values: &[f64]) -> Mat<f64> {
    Mat::from_fn(values.len(), 1, |i, _| values[i])
}

fn list(a: &Mat<f64>) -> Vec<f64> {
    a.col(0).iter().copied().collect()
}

/// Eigenvalues between one and six; symmetric to the last bit, in 32 bits too.
fn definite(n: usize, seed: u64) -> Mat<f64> {
    let size = 1.0 + (seed % 8) as f64 / 8.0;
    let spectrum: Vec<f64> = (0..n)
        .map(|i| size * (1.0 + 2.0 * i as f64 / n as f64))
        .collect();
    symmetric(&spectrum, seed)
}

fn indefinite(n: usize, seed: u64) -> Mat<f64> {
    let sign = |i: usize| if i.is_multiple_of(2) { -1.0 } else { 1.0 };
    let spectrum: Vec<f64> = (0..n).map(|i| sign(i) * (1.0 + i as f64)).collect();
    symmetric(&spectrum, seed)
}

fn symmetric(spectrum: &[f64], seed: u64) -> Mat<f64> {
    symmetric_part(symmetric_with_spectrum(spectrum, seed).as_ref()).unwrap()
}

/// Q Qᵀ.
fn projector_of(basis: MatRef<'_, f64>) -> Mat<f64> {
    basis * basis.transpose()
}

/// Half of the values are zero.
fn of_low_rank((m, n): (usize, usize), seed: u64) -> Mat<f64> {
    let k = m.min(n);
    let values: Vec<f64> = (0..k)
        .map(|i| if i <= k / 2 { (2 * k - i) as f64 } else { 0.0 })
        .collect();
    with_spectrum(m, n, &values, seed)
}

#[test]
fn projectors() {
    for shape @ (m, n) in SHAPES {
        // At full rank, at low rank, and where the tolerance drops what still turns the others.
        for (tolerance, low) in [
            (RankTolerance::default(), false),
            (RankTolerance::default(), true),
            (RankTolerance::Relative(0.3), false),
        ] {
            let draw = |seed: u64| match low {
                true => vec![of_low_rank(shape, seed)],
                false => vec![gaussian(m, n, seed)],
            };
            let alone = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
                let p = Projector::forward(x[0].as_ref(), tolerance)?;
                let a_bar = p.vjp(bars[0].as_ref())?;
                Ok((vec![projector_of(p.basis())], vec![a_bar]))
            };
            // Square and of full rank, it is I whatever A is.
            if m != n || low {
                same_as_alone(ProjectorRule { tolerance }, &draw, &alone, 1e-9);
            }
        }
        let epsilon = 0.25;
        let regularised = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
            let p = RegularisedProjector::forward(x[0].as_ref(), epsilon)?;
            let value = p.project(Mat::identity(m, m).as_ref())?;
            Ok((vec![value], vec![p.vjp(bars[0].as_ref())?]))
        };
        let draw = |seed: u64| vec![gaussian(m, n, seed)];
        same_as_alone(
            RegularisedProjectorRule { epsilon },
            &draw,
            &regularised,
            1e-10,
        );
        let (count, gaps) = (m.min(n).div_ceil(2), GapPolicy::default());
        let leading = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
            let p = LeadingProjector::forward(x[0].as_ref(), count, gaps)?;
            let a_bar = p.vjp_factored(bars[0].as_ref(), Mat::identity(m, m).as_ref())?;
            Ok((vec![projector_of(p.basis())], vec![a_bar]))
        };
        if m > 1 {
            same_as_alone(LeadingProjectorRule { count, gaps }, &draw, &leading, 1e-8);
        }
    }
}

#[test]
fn least_squares() {
    for shape @ (m, n) in SHAPES {
        for low in [false, true] {
            let a_of = |seed: u64| match low {
                true => of_low_rank(shape, seed),
                false => gaussian(m, n, seed),
            };
            let tolerance = RankTolerance::Relative(1e-5);
            let inverse = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
                let p = PseudoInverse::forward(x[0].as_ref(), tolerance)?;
                Ok((vec![p.value()], vec![p.vjp(bars[0].as_ref())?]))
            };
            let draw = |seed: u64| vec![a_of(seed)];
            same_as_alone(PseudoInverseRule { tolerance }, &draw, &inverse, 1e-8);
            let solution = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
                let fit = LeastSquares::forward(x[0].as_ref(), x[1].as_ref(), tolerance)?;
                let bar = fit.vjp(Some(bars[0].as_ref()), Some(bars[1].as_ref()))?;
                let outputs = [fit.solution(), fit.residual()].map(|x| x.to_owned());
                Ok((outputs.into(), vec![bar.a, bar.b]))
            };
            let draw = |seed: u64| vec![a_of(seed), gaussian(m, 2, seed + 1000)];
            same_as_alone(LeastSquaresRule { tolerance }, &draw, &solution, 1e-8);
            let ridge = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
                let (a, b) = (x[0].as_ref(), x[1].as_ref());
                let fit = RegularisedLeastSquares::forward(a, b, x[2][(0, 0)])?;
                let bar = fit.vjp(bars[0].as_ref())?;
                let x_bars = vec![bar.a, bar.b, number(bar.epsilon)];
                Ok((vec![fit.solution().to_owned()], x_bars))
            };
            let draw = |seed: u64| {
                let epsilon = number(0.25 + 0.125 * seed as f64);
                vec![a_of(seed), gaussian(m, 2, seed + 1000), epsilon]
            };
            same_as_alone(RegularisedLeastSquaresRule, &draw, &ridge, 1e-8);
        }
    }
}

#[test]
fn alignments() {
    for alignment in [
        Alignment::default(),
        Alignment {
            scale: true,
            ..Alignment::default()
        },
    ] {
        for (n, d) in [(5, 2), (8, 3), (50, 3), (60, 34)] {
            let draw = |seed: u64| {
                let weights = (0..n).map(|i| 1.0 + ((i + seed as usize) % 4) as f64);
                let weights: Vec<f64> = weights.collect();
                let y = gaussian(n, d, seed + 1000);
                vec![gaussian(n, d, seed), y, column(&weights)]
            };
            let alone = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
                let (w, t_bar) = (list(&x[2]), list(&bars[1]));
                let fit = Procrustes::forward(x[0].as_ref(), x[1].as_ref(), Some(&w), alignment)?;
                let rotation_bar = Some(bars[0].as_ref());
                let (s_bar, r_bar) = (bars[2][(0, 0)], bars[3][(0, 0)]);
                let bar = fit.vjp(rotation_bar, Some(&t_bar), s_bar, r_bar)?;
                let outputs = vec![
                    fit.rotation().to_owned(),
                    column(fit.translation()),
                    number(fit.scale()),
                    number(fit.residual()),
                ];
                Ok((outputs, vec![bar.x, bar.y, column(&bar.weights)]))
            };
            same_as_alone(ProcrustesRule { alignment }, &draw, &alone, 1e-7);
        }
    }
}

#[test]
fn triangular_factors() {
    for n in SIDES {
        let draw = |seed: u64| vec![definite(n, seed)];
        let plain = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
            let l = Cholesky::forward(x[0].as_ref())?;
            Ok((vec![l.factor().to_owned()], vec![l.vjp(bars[0].as_ref())?]))
        };
        same_as_alone(CholeskyRule { jitter: None }, &draw, &plain, 1e-10);
        // Singular within rounding: every matrix gets its own jitter.
        let singular = |seed: u64| {
            let mut spectrum = vec![1.0; n];
            spectrum[0] = if n > 1 { -1e-7 } else { 1.0 };
            vec![symmetric(&spectrum, seed)]
        };
        let lifted = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
            let l = Cholesky::forward_with_jitter(x[0].as_ref(), 1e-3)?;
            Ok((vec![l.factor().to_owned()], vec![l.vjp(bars[0].as_ref())?]))
        };
        let jitter = Some(1e-3);
        same_as_alone(CholeskyRule { jitter }, &singular, &lifted, 1e-8);
    }
    for (m, n) in SHAPES {
        let draw = |seed: u64| vec![gaussian(m, n, seed)];
        let alone = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
            let qr = Qr::forward(x[0].as_ref())?;
            let a_bar = qr.vjp(Some(bars[0].as_ref()), Some(bars[1].as_ref()))?;
            Ok((vec![qr.q().to_owned(), qr.r().to_owned()], vec![a_bar]))
        };
        same_as_alone(QrRule, &draw, &alone, 1e-8);
    }
}

#[test]
fn determinants() {
    for n in SIDES {
        let draw = |seed: u64| vec![definite(n, seed)];
        let log = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
            let y = LogDet::forward(x[0].as_ref())?;
            Ok((vec![number(y.value())], vec![y.vjp(bars[0][(0, 0)])?]))
        };
        same_as_alone(LogDetRule, &draw, &log, 1e-10);
        let draw = |seed: u64| vec![gaussian(n, n, seed)];
        let signed = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
            let y = SignedLogDet::forward(x[0].as_ref())?;
            let outputs = vec![number(y.sign()), number(y.value())];
            Ok((outputs, vec![y.vjp(bars[1][(0, 0)])?]))
        };
        same_as_alone(SignedLogDetRule, &draw, &signed, 1e-9);
        let plain = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
            let y = Determinant::forward(x[0].as_ref())?;
            Ok((vec![number(y.value())], vec![y.vjp(bars[0][(0, 0)])?]))
        };
        same_as_alone(DeterminantRule, &draw, &plain, 1e-9);
        if n > 1 {
            // Of rank n − 1: no inverse, and a gradient.
            let singular = |seed: u64| {
                let values: Vec<f64> = (0..n).map(|i| (n - 1 - i) as f64 / n as f64).collect();
                vec![with_spectrum(n, n, &values, seed)]
            };
            let gradient_alone = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
                let y = Determinant::forward(x[0].as_ref())?;
                Ok((Vec::new(), vec![y.vjp(bars[0][(0, 0)])?]))
            };
            same_as_alone(DeterminantRule, &singular, &gradient_alone, 1e-9);
        }
    }
}

#[test]
fn equations() {
    for n in SIDES {
        for kind in [definite, indefinite] {
            let draw = |seed: u64| vec![kind(n, seed), gaussian(n, 2, seed + 1000)];
            let alone = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
                let solve = SymmetricSolve::forward(x[0].as_ref(), x[1].as_ref())?;
                let bar = solve.vjp(bars[0].as_ref())?;
                Ok((vec![solve.solution().to_owned()], vec![bar.a, bar.b]))
            };
            same_as_alone(SymmetricSolveRule, &draw, &alone, 1e-9);
        }
        // A has eigenvalues near 3, B near 1: their sums stay away from zero.
        let near = |n: usize, centre: f64, seed: u64| {
            let spread = 0.5 / (n as f64).sqrt();
            Scale(spread) * gaussian(n, n, seed) + Scale(centre) * Mat::<f64>::identity(n, n)
        };
        let draw = |seed: u64| {
            let c = gaussian(n, 3, seed + 2000);
            vec![near(n, 3.0, seed), near(3, 1.0, seed + 1000), c]
        };
        let sylvester = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
            let y = Sylvester::forward(x[0].as_ref(), x[1].as_ref(), x[2].as_ref())?;
            let bar = y.vjp(bars[0].as_ref())?;
            Ok((vec![y.solution().to_owned()], vec![bar.a, bar.b, bar.c]))
        };
        same_as_alone(SylvesterRule, &draw, &sylvester, 1e-9);
        let draw = |seed: u64| vec![near(n, 3.0, seed), indefinite(n, seed + 1000)];
        let lyapunov = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
            let y = Lyapunov::forward(x[0].as_ref(), x[1].as_ref())?;
            let bar = y.vjp(bars[0].as_ref())?;
            Ok((vec![y.solution().to_owned()], vec![bar.a, bar.c]))
        };
        same_as_alone(LyapunovRule, &draw, &lyapunov, 1e-9);
    }
}

/// Value and cotangent of a rule for one matrix.
macro_rules! alone {
    ($single:ident) => {
        |x: &[Mat<f64>], bars: &[Mat<f64>]| {
            let y = $single::forward(x[0].as_ref())?;
            Ok((vec![y.value().to_owned()], vec![y.vjp(bars[0].as_ref())?]))
        }
    };
}

#[test]
fn functions_of_general_matrices() {
    for n in SIDES {
        // From small to large: steps of squaring differ between the matrices.
        let draw = |seed: u64| vec![Scale(0.1 * (1.0 + seed as f64)) * gaussian(n, n, seed)];
        same_as_alone(MatrixExpRule, &draw, &alone!(MatrixExp), 1e-9);
        let draw = |seed: u64| {
            let near = Scale(0.5 / (n as f64).sqrt()) * gaussian(n, n, seed);
            vec![near + Scale(2.0) * Mat::<f64>::identity(n, n)]
        };
        same_as_alone(MatrixSqrtRule, &draw, &alone!(MatrixSqrt), 1e-9);
        same_as_alone(MatrixLogRule, &draw, &alone!(MatrixLog), 1e-9);
        let rule = NewtonSchulzRule {
            normalisation: Normalisation::Trace,
            iterations: Iterations::Fixed(8),
        };
        let draw = |seed: u64| vec![definite(n, seed)];
        let both = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
            let y = NewtonSchulz::forward(x[0].as_ref(), rule.normalisation, rule.iterations)?;
            let a_bar = y.vjp(Some(bars[0].as_ref()), Some(bars[1].as_ref()))?;
            let outputs = [y.root(), y.inverse_root()].map(|x| x.to_owned());
            Ok((outputs.into(), vec![a_bar]))
        };
        same_as_alone(rule, &draw, &both, 1e-9);
    }
}

#[test]
fn powers_traces_and_whitening() {
    for n in SIDES {
        let draw = |seed: u64| vec![definite(n, seed), number(0.25 * seed as f64 - 1.125)];
        let power = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
            let y = SymmetricPower::forward(x[0].as_ref(), x[1][(0, 0)])?;
            let bar = y.vjp(bars[0].as_ref())?;
            Ok((
                vec![y.value().to_owned()],
                vec![bar.a, number(bar.exponent)],
            ))
        };
        same_as_alone(SymmetricPowerRule, &draw, &power, 1e-9);
        let draw = |seed: u64| vec![definite(n, seed)];
        let trace = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
            let y = TraceFunction::forward(x[0].as_ref(), Sqrt)?;
            Ok((vec![number(y.value())], vec![y.vjp(bars[0][(0, 0)])?]))
        };
        same_as_alone(TraceFunctionRule(Sqrt), &draw, &trace, 1e-10);
        let epsilon = 1e-2;
        let draw = |seed: u64| vec![gaussian(20, n, seed)];
        let whitened = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
            let y = Whitening::forward(x[0].as_ref(), epsilon)?;
            Ok((vec![y.value().to_owned()], vec![y.vjp(bars[0].as_ref())?]))
        };
        same_as_alone(WhiteningRule { epsilon }, &draw, &whitened, 1e-9);
    }
}

#[test]
fn distances_of_definite_matrices() {
    for n in SIDES {
        let draw = |seed: u64| vec![definite(n, seed), Scale(2.0) * definite(n, seed + 1000)];
        let log = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
            let y = LogEuclideanDistance::forward(x[0].as_ref(), x[1].as_ref())?;
            let bar = y.vjp(bars[0][(0, 0)], bars[1][(0, 0)])?;
            let outputs = vec![number(y.value()), number(y.squared())];
            Ok((outputs, vec![bar.a, bar.b]))
        };
        same_as_alone(LogEuclideanDistanceRule, &draw, &log, 1e-9);
        let affine = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
            let y = AffineInvariantDistance::forward(x[0].as_ref(), x[1].as_ref())?;
            let bar = y.vjp(bars[0][(0, 0)], bars[1][(0, 0)])?;
            let outputs = vec![number(y.value()), number(y.squared())];
            Ok((outputs, vec![bar.a, bar.b]))
        };
        same_as_alone(AffineInvariantDistanceRule, &draw, &affine, 1e-9);
    }
}

#[test]
fn means_of_definite_matrices() {
    let with_weights = |bar: MeanCotangent| {
        let mut bars = bar.matrices;
        bars.push(column(&bar.weights));
        bars
    };
    for n in [1, 3, 8] {
        let matrices = 3;
        let draw = |seed: u64| {
            let mut place: Vec<Mat<f64>> = (0..matrices as u64)
                .map(|i| definite(n, seed + 100 * i))
                .collect();
            place.push(column(&[1.0, 2.0, 0.5 + seed as f64 / 8.0]));
            place
        };
        let log = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
            let of: Vec<MatRef<'_, f64>> = x[..matrices].iter().map(Mat::as_ref).collect();
            let y = LogEuclideanMean::forward(&of, Some(&list(&x[matrices])))?;
            let bar = y.vjp(bars[0].as_ref())?;
            Ok((vec![y.value().to_owned()], with_weights(bar)))
        };
        same_as_alone(LogEuclideanMeanRule { matrices }, &draw, &log, 1e-9);
        let karcher = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
            let of: Vec<MatRef<'_, f64>> = x[..matrices].iter().map(Mat::as_ref).collect();
            let y = KarcherMean::forward(&of, Some(&list(&x[matrices])))?;
            let bar = y.vjp(bars[0].as_ref())?;
            Ok((vec![y.value().to_owned()], with_weights(bar)))
        };
        same_as_alone(KarcherMeanRule { matrices }, &draw, &karcher, 1e-8);
    }
}

#[test]
fn generalised_eigenvectors() {
    for n in [1, 2, 3, 8] {
        let gaps = GapPolicy::default();
        let draw = |seed: u64| vec![indefinite(n, seed), definite(n, seed + 1000)];
        let alone = |x: &[Mat<f64>], bars: &[Mat<f64>]| {
            let y = GeneralisedEig::forward(x[0].as_ref(), x[1].as_ref(), gaps)?;
            let bar = y.vjp(Some(&list(&bars[0])), Some(bars[1].as_ref()))?;
            let outputs = vec![column(y.values()), y.vectors().to_owned()];
            Ok((outputs, vec![bar.a, bar.b]))
        };
        same_as_alone(GeneralisedEigRule { gaps }, &draw, &alone, 1e-7);
    }
}
