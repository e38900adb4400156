//! Each rule forward and back, one thread, f64: times, and how often and how much a call allocates.

use divan::{AllocProfiler, Bencher};
use faer::Mat;
use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::{
    Alignment, Cholesky, DenseOperator, Determinant, GapPolicy, GeneralisedEig, GramFunction,
    Iterations, LanczosOptions, Leading, LeadingEigenpairs, LeastSquares, Log, LogDet, Lyapunov,
    MatrixExp, MatrixFunction, MatrixLog, MatrixSqrt, Method, NewtonSchulz, Normalisation, Polar,
    Procrustes, Projector, PseudoInverse, Qr, RankTolerance, RegularisedLeastSquares,
    RegularisedProjector, Ridge, Rotation, ScalarFunction, SignedLogDet, Sqrt, Sylvester, SymEig,
    SymmetricSolve, ThinSvd, Whitening, batch, eigenvalues, singular_values, symmetric_part,
};

/// The system's allocator, counted.
#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

mod definite;
mod leading;

fn main() {
    divan::main();
}

/// Sides of square matrices.
const SIDES: [usize; 4] = [64, 128, 256, 512];
/// Rows, columns, and columns of the factored cotangent.
const TALL: [(usize, usize, usize); 2] = [(600, 64, 8), (2400, 128, 10)];

#[divan::bench(args = SIDES)]
fn sym_eig(bencher: Bencher<'_, '_>, n: usize) {
    let (a, bar) = (symmetric(n), gaussian(n, n, 2));
    let values_bar = vec![1.0; n];
    let gaps = GapPolicy::Error { floor: 0.0 };
    bencher.bench_local(|| {
        let eigen = SymEig::forward(a.as_ref(), gaps).expect("distinct eigenvalues");
        eigen
            .vjp(Some(&values_bar), Some(bar.as_ref()))
            .expect("distinct eigenvalues")
    });
}

#[divan::bench(args = [256, 512])]
fn leading_eigenpairs(bencher: Bencher<'_, '_>, n: usize) {
    let (a, bar) = (symmetric(n), gaussian(n, 1, 2));
    bencher.bench_local(|| {
        let operator = DenseOperator::new(a.as_ref()).expect("a symmetric matrix");
        let pairs =
            LeadingEigenpairs::forward(operator, 4, Leading::Largest, LanczosOptions::default())
                .expect("distinct eigenvalues");
        pairs
            .vjp(Some(&[1.0; 4]), Some((bar.as_ref(), bar.as_ref())))
            .expect("distinct eigenvalues")
    });
}

#[divan::bench(args = SIDES)]
fn generalised_eig(bencher: Bencher<'_, '_>, n: usize) {
    let (a, b, bar) = (symmetric(n), positive_definite(n), gaussian(n, n, 2));
    let values_bar = vec![1.0; n];
    let gaps = GapPolicy::Error { floor: 0.0 };
    bencher.bench_local(|| {
        let eigen =
            GeneralisedEig::forward(a.as_ref(), b.as_ref(), gaps).expect("distinct eigenvalues");
        eigen
            .vjp(Some(&values_bar), Some(bar.as_ref()))
            .expect("distinct eigenvalues")
    });
}

#[divan::bench(args = SIDES)]
fn thin_svd(bencher: Bencher<'_, '_>, n: usize) {
    let (a, bar) = (gaussian(n, n, 1), gaussian(n, n, 2));
    let values_bar = vec![1.0; n];
    let gaps = GapPolicy::Error { floor: 0.0 };
    bencher.bench_local(|| {
        let svd = ThinSvd::forward(a.as_ref(), gaps).expect("distinct singular values");
        svd.vjp(Some(bar.as_ref()), Some(&values_bar), Some(bar.as_ref()))
            .expect("distinct singular values")
    });
}

/// Well conditioned and positive definite.
fn symmetric(n: usize) -> Mat<f64> {
    symmetric_part(gaussian(n, n, 1).as_ref()).expect("a square matrix")
}

/// Sides where values alone are a fraction of the time.
const SIDES_OF_VALUES: [usize; 6] = [64, 128, 256, 512, 1000, 2000];

#[divan::bench(args = SIDES_OF_VALUES)]
fn eigenvalues_alone(bencher: Bencher<'_, '_>, n: usize) {
    let a = symmetric(n);
    bencher.bench_local(|| eigenvalues(a.as_ref()).expect("finite entries"));
}

#[divan::bench(args = &SIDES_OF_VALUES[..5])]
fn singular_values_alone(bencher: Bencher<'_, '_>, n: usize) {
    let a = gaussian(n, n, 1);
    bencher.bench_local(|| singular_values(a.as_ref()).expect("finite entries"));
}

fn positive_definite(n: usize) -> Mat<f64> {
    let root = gaussian(n, n, 1);
    &root * root.transpose() + faer::Scale(n as f64) * Mat::<f64>::identity(n, n)
}

#[divan::bench(args = SIDES)]
fn cholesky(bencher: Bencher<'_, '_>, n: usize) {
    let (a, bar) = (positive_definite(n), gaussian(n, n, 2));
    bencher.bench_local(|| {
        let cholesky = Cholesky::forward(a.as_ref()).expect("positive definite");
        cholesky.vjp(bar.as_ref()).expect("finite cotangent")
    });
}

/// Of rank n / 2.
#[divan::bench(args = SIDES)]
fn cholesky_with_jitter(bencher: Bencher<'_, '_>, n: usize) {
    let (root, bar) = (gaussian(n, n / 2, 1), gaussian(n, n, 2));
    let a = &root * root.transpose();
    bencher.bench_local(|| {
        let cholesky = Cholesky::forward_with_jitter(a.as_ref(), 1e-6).expect("semidefinite");
        cholesky.vjp(bar.as_ref()).expect("finite cotangent")
    });
}

#[divan::bench(args = SIDES)]
fn symmetric_solve(bencher: Bencher<'_, '_>, n: usize) {
    let root = gaussian(n, n, 1);
    let (a, b) = (&root + root.transpose(), gaussian(n, 8, 2));
    bencher.bench_local(|| {
        let solve = SymmetricSolve::forward(a.as_ref(), b.as_ref()).expect("regular");
        solve.vjp(b.as_ref()).expect("finite cotangent")
    });
}

#[divan::bench(args = SIDES)]
fn log_det(bencher: Bencher<'_, '_>, n: usize) {
    let a = positive_definite(n);
    bencher.bench_local(|| {
        let log_det = LogDet::forward(a.as_ref()).expect("positive definite");
        log_det.vjp(1.0).expect("finite cotangent")
    });
}

#[divan::bench(args = SIDES)]
fn signed_log_det(bencher: Bencher<'_, '_>, n: usize) {
    let a = gaussian(n, n, 1);
    bencher.bench_local(|| {
        let log_det = SignedLogDet::forward(a.as_ref()).expect("regular");
        log_det.vjp(1.0).expect("finite cotangent")
    });
}

#[divan::bench(args = SIDES)]
fn determinant(bencher: Bencher<'_, '_>, n: usize) {
    let root = (n as f64).sqrt().recip();
    let a = faer::Scale(root) * gaussian(n, n, 1);
    bencher.bench_local(|| {
        let determinant = Determinant::forward(a.as_ref()).expect("within the numbers");
        determinant.vjp(1.0).expect("finite cotangent")
    });
}

/// Sides of general matrices, where the Schur factors take most of the time.
const GENERAL: [usize; 4] = [16, 64, 128, 256];

#[divan::bench(args = GENERAL)]
fn sylvester(bencher: Bencher<'_, '_>, n: usize) {
    let (a, b, c) = (gaussian(n, n, 1), gaussian(n, n, 2), gaussian(n, n, 3));
    bencher.bench_local(|| {
        let sylvester =
            Sylvester::forward(a.as_ref(), b.as_ref(), c.as_ref()).expect("no common eigenvalue");
        sylvester.vjp(c.as_ref()).expect("finite cotangent")
    });
}

#[divan::bench(args = GENERAL)]
fn lyapunov(bencher: Bencher<'_, '_>, n: usize) {
    let (a, c) = (gaussian(n, n, 1), symmetric(n));
    bencher.bench_local(|| {
        let lyapunov = Lyapunov::forward(a.as_ref(), c.as_ref()).expect("no zero sum");
        lyapunov.vjp(c.as_ref()).expect("finite cotangent")
    });
}

#[divan::bench(args = GENERAL)]
fn matrix_sqrt(bencher: Bencher<'_, '_>, n: usize) {
    let bar = gaussian(n, n, 2);
    let shift = 2.0 * (n as f64).sqrt();
    let a = gaussian(n, n, 1) + faer::Scale(shift) * Mat::<f64>::identity(n, n);
    bencher.bench_local(|| {
        let root = MatrixSqrt::forward(a.as_ref()).expect("no negative eigenvalue");
        root.vjp(bar.as_ref()).expect("finite cotangent")
    });
}

#[divan::bench(args = GENERAL)]
fn matrix_log(bencher: Bencher<'_, '_>, n: usize) {
    let bar = gaussian(n, n, 2);
    let shift = 2.0 * (n as f64).sqrt();
    let a = gaussian(n, n, 1) + faer::Scale(shift) * Mat::<f64>::identity(n, n);
    bencher.bench_local(|| {
        let log = MatrixLog::forward(a.as_ref()).expect("no negative eigenvalue");
        log.vjp(bar.as_ref()).expect("finite cotangent")
    });
}

#[divan::bench(args = GENERAL)]
fn matrix_exp(bencher: Bencher<'_, '_>, n: usize) {
    let (a, bar) = (gaussian(n, n, 1), gaussian(n, n, 2));
    bencher.bench_local(|| {
        let exp = MatrixExp::forward(a.as_ref()).expect("a moderate norm");
        exp.vjp(bar.as_ref()).expect("finite cotangent")
    });
}

fn matrix_function(bencher: Bencher<'_, '_>, n: usize, f: impl ScalarFunction + Copy) {
    let (a, bar) = definite::definite(n);
    bencher.bench_local(|| {
        let c = MatrixFunction::forward(a.as_ref(), f).expect("a definite matrix");
        c.vjp(bar.as_ref()).expect("a definite matrix")
    });
}

#[divan::bench(args = definite::DEFINITE)]
fn log_of_symmetric(bencher: Bencher<'_, '_>, n: usize) {
    let f = Ridge::new(Log, 1e-3).expect("a positive ridge");
    matrix_function(bencher, n, f);
}

#[divan::bench(args = definite::DEFINITE)]
fn sqrt_of_symmetric(bencher: Bencher<'_, '_>, n: usize) {
    matrix_function(bencher, n, Sqrt);
}

#[divan::bench(args = definite::DEFINITE)]
fn second_order_of_log(bencher: Bencher<'_, '_>, n: usize) {
    let (a, bar) = definite::definite(n);
    bencher.bench_local(|| {
        let c = MatrixFunction::forward(a.as_ref(), Log).expect("a definite matrix");
        c.vjp_of_vjp(bar.as_ref(), bar.as_ref())
            .expect("a definite matrix")
    });
}

#[divan::bench(args = definite::DEFINITE)]
fn newton_schulz(bencher: Bencher<'_, '_>, n: usize) {
    let (a, bar) = definite::definite(n);
    bencher.bench_local(|| {
        let roots = NewtonSchulz::forward(a.as_ref(), Normalisation::Trace, Iterations::Fixed(5))
            .expect("a definite matrix");
        roots
            .vjp(Some(bar.as_ref()), None)
            .expect("a definite matrix")
    });
}

fn tall((m, n, p): (usize, usize, usize)) -> (Mat<f64>, Mat<f64>) {
    (gaussian(m, n, 1), gaussian(m, p, 2))
}

#[divan::bench(args = TALL)]
fn qr(bencher: Bencher<'_, '_>, (m, n, _): (usize, usize, usize)) {
    let (a, q_bar, r_bar) = (gaussian(m, n, 1), gaussian(m, n, 2), gaussian(n, n, 3));
    bencher.bench_local(|| {
        let qr = Qr::forward(a.as_ref()).expect("independent columns");
        qr.vjp(Some(q_bar.as_ref()), Some(r_bar.as_ref()))
            .expect("finite cotangents")
    });
}

#[divan::bench(args = TALL)]
fn projector(bencher: Bencher<'_, '_>, shape: (usize, usize, usize)) {
    let (a, bar) = tall(shape);
    bencher.bench_local(|| {
        let projector =
            Projector::forward(a.as_ref(), RankTolerance::default()).expect("finite input");
        projector
            .vjp_factored(bar.as_ref(), bar.as_ref())
            .expect("finite cotangent")
    });
}

#[divan::bench(args = TALL)]
fn regularised_projector(bencher: Bencher<'_, '_>, shape: (usize, usize, usize)) {
    let (a, bar) = tall(shape);
    bencher.bench_local(|| {
        let projector = RegularisedProjector::forward(a.as_ref(), 1.0).expect("finite input");
        projector
            .vjp_factored(bar.as_ref(), bar.as_ref(), 1.0)
            .expect("finite cotangent")
    });
}

#[divan::bench(args = TALL)]
fn pseudo_inverse(bencher: Bencher<'_, '_>, (m, n, p): (usize, usize, usize)) {
    let (a, left, right) = (gaussian(m, n, 1), gaussian(n, p, 2), gaussian(m, p, 3));
    bencher.bench_local(|| {
        let inverse =
            PseudoInverse::forward(a.as_ref(), RankTolerance::default()).expect("finite input");
        inverse
            .vjp_factored(left.as_ref(), right.as_ref())
            .expect("finite cotangent")
    });
}

#[divan::bench(args = TALL)]
fn least_squares(bencher: Bencher<'_, '_>, (m, n, p): (usize, usize, usize)) {
    let (a, b, bar) = (gaussian(m, n, 1), gaussian(m, p, 2), gaussian(n, p, 3));
    bencher.bench_local(|| {
        let fit = LeastSquares::forward(a.as_ref(), b.as_ref(), RankTolerance::default())
            .expect("finite input");
        fit.vjp(Some(bar.as_ref()), None).expect("full rank")
    });
}

#[divan::bench(args = TALL)]
fn regularised_least_squares(bencher: Bencher<'_, '_>, (m, n, p): (usize, usize, usize)) {
    let (a, b, bar) = (gaussian(m, n, 1), gaussian(m, p, 2), gaussian(n, p, 3));
    bencher.bench_local(|| {
        let fit =
            RegularisedLeastSquares::forward(a.as_ref(), b.as_ref(), 1.0).expect("finite input");
        fit.vjp(bar.as_ref()).expect("finite cotangent")
    });
}

#[divan::bench(args = TALL)]
fn polar(bencher: Bencher<'_, '_>, (m, n, _): (usize, usize, usize)) {
    let (a, w_bar, h_bar) = (gaussian(m, n, 1), gaussian(m, n, 2), gaussian(n, n, 3));
    bencher.bench_local(|| {
        let polar = Polar::forward(a.as_ref()).expect("finite input");
        polar
            .vjp(Some(w_bar.as_ref()), Some(h_bar.as_ref()))
            .expect("full rank")
    });
}

#[divan::bench(args = SIDES)]
fn rotation(bencher: Bencher<'_, '_>, n: usize) {
    let (a, bar) = (gaussian(n, n, 1), gaussian(n, n, 2));
    bencher.bench_local(|| {
        let rotation = Rotation::forward(a.as_ref()).expect("finite input");
        rotation.vjp(bar.as_ref()).expect("full rank")
    });
}

#[divan::bench(args = [100, 10_000])]
fn procrustes_in_space(bencher: Bencher<'_, '_>, n: usize) {
    let (x, y, bar) = (gaussian(n, 3, 1), gaussian(n, 3, 2), gaussian(3, 3, 3));
    bencher.bench_local(|| {
        let fit = Procrustes::forward(x.as_ref(), y.as_ref(), None, Alignment::default())
            .expect("finite input");
        fit.vjp(Some(bar.as_ref()), Some(&[1.0; 3]), 0.0, 1.0)
            .expect("points in space")
    });
}

#[divan::bench(args = TALL)]
fn second_order_of_polar(bencher: Bencher<'_, '_>, (m, n, _): (usize, usize, usize)) {
    let (a, bar) = (gaussian(m, n, 1), gaussian(m, n, 2));
    bencher.bench_local(|| {
        let polar = Polar::forward(a.as_ref()).expect("finite input");
        polar
            .vjp_of_vjp(bar.as_ref(), bar.as_ref())
            .expect("full rank")
    });
}

/// Positions and channels of features.
const FEATURES: [(usize, usize); 3] = [(169, 256), (784, 256), (196, 512)];

#[divan::bench(args = FEATURES)]
fn gram_log(bencher: Bencher<'_, '_>, (n, d): (usize, usize)) {
    let (features, bar) = (gaussian(n, d, 1), gaussian(d, d, 2));
    let log = Ridge::new(Log, 1e-3).expect("a positive ridge");
    bencher.bench_local(|| {
        let c = GramFunction::forward(features.as_ref(), log).expect("finite features");
        c.vjp(bar.as_ref()).expect("finite cotangent")
    });
}

#[divan::bench(args = FEATURES)]
fn second_order_of_gram_log(bencher: Bencher<'_, '_>, (n, d): (usize, usize)) {
    let (features, bar, z) = (gaussian(n, d, 1), gaussian(d, d, 2), gaussian(n, d, 3));
    bencher.bench_local(|| {
        let log = Ridge::new(Log, 1e-3).expect("a positive ridge");
        let c = GramFunction::forward(features.as_ref(), log).expect("finite input");
        c.vjp_of_vjp(bar.as_ref(), z.as_ref())
            .expect("a smooth function")
    });
}

#[divan::bench(args = FEATURES)]
fn whitening(bencher: Bencher<'_, '_>, (n, d): (usize, usize)) {
    let (x, bar) = (gaussian(n, d, 1), gaussian(n, d, 2));
    bencher.bench_local(|| {
        let white = Whitening::forward(x.as_ref(), 1e-3).expect("a positive ridge");
        white.vjp(bar.as_ref()).expect("finite cotangent")
    });
}

/// Positions, channels and rank of features of low rank, and the method: the cost of refinement.
const STEEP: [(usize, usize, usize, Method); 12] = [
    (12, 8, 4, Method::Svd),
    (12, 8, 4, Method::Refined),
    (24, 16, 8, Method::Svd),
    (24, 16, 8, Method::Refined),
    (48, 32, 16, Method::Svd),
    (48, 32, 16, Method::Refined),
    (400, 40, 13, Method::Svd),
    (400, 40, 13, Method::Refined),
    (784, 256, 85, Method::Svd),
    (784, 256, 85, Method::Refined),
    (196, 512, 65, Method::Svd),
    (196, 512, 65, Method::Refined),
];

#[divan::bench(args = STEEP)]
fn gram_log_of_low_rank(
    bencher: Bencher<'_, '_>,
    (n, d, rank, method): (usize, usize, usize, Method),
) {
    let features = gaussian(n, rank, 1) * gaussian(rank, d, 2);
    let bar = gaussian(d, d, 3);
    let log = Ridge::new(Log, 1e-3).expect("a positive ridge");
    bencher.bench_local(|| {
        let c =
            GramFunction::forward_with(method, features.as_ref(), log).expect("finite features");
        c.vjp(bar.as_ref()).expect("finite cotangent")
    });
}

/// Thirty-two images of 36 positions and 64 channels; on all cores with the feature `rayon`.
#[divan::bench]
fn gram_log_batch(bencher: Bencher<'_, '_>) {
    let images: Vec<_> = (0..32).map(|seed| gaussian(36, 64, seed)).collect();
    let bar = gaussian(64, 64, 99);
    let log = Ridge::new(Log, 1e-3).expect("a positive ridge");
    bencher.bench_local(|| {
        batch(&images, |image| {
            GramFunction::forward(image.as_ref(), log)?.vjp(bar.as_ref())
        })
        .expect("finite features")
    });
}
