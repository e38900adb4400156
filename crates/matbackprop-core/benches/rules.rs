//! Each rule forward and back, one thread, f64.

use divan::Bencher;
use faer::Mat;
use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::{
    GapPolicy, Iterations, Log, MatrixFunction, NewtonSchulz, Normalisation, Projector,
    RankTolerance, RegularisedProjector, Ridge, ScalarFunction, Sqrt, SymEig, ThinSvd,
};

fn main() {
    divan::main();
}

/// Sides of square matrices.
const SIDES: [usize; 4] = [64, 128, 256, 512];
/// Rows, columns, and columns of the factored cotangent.
const TALL: [(usize, usize, usize); 2] = [(600, 64, 8), (2400, 128, 10)];

#[divan::bench(args = SIDES)]
fn sym_eig(bencher: Bencher<'_, '_>, n: usize) {
    let (a, bar) = (gaussian(n, n, 1), gaussian(n, n, 2));
    let values_bar = vec![1.0; n];
    let gaps = GapPolicy::Error { floor: 0.0 };
    bencher.bench_local(|| {
        let eigen = SymEig::forward(a.as_ref(), gaps).expect("distinct eigenvalues");
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

/// Sides of positive definite matrices.
const DEFINITE: [usize; 3] = [64, 128, 256];

/// GᵀG/n + 10⁻³ I of a Gaussian G, and a cotangent.
fn definite(n: usize) -> (Mat<f64>, Mat<f64>) {
    let g = gaussian(n, n, 1);
    let a = faer::Scale((n as f64).recip()) * (g.transpose() * &g);
    (
        a + faer::Scale(1e-3) * Mat::<f64>::identity(n, n),
        gaussian(n, n, 2),
    )
}

fn matrix_function(bencher: Bencher<'_, '_>, n: usize, f: impl ScalarFunction + Copy) {
    let (a, bar) = definite(n);
    bencher.bench_local(|| {
        let c = MatrixFunction::forward(a.as_ref(), f).expect("a definite matrix");
        c.vjp(bar.as_ref()).expect("a definite matrix")
    });
}

#[divan::bench(args = DEFINITE)]
fn log_of_symmetric(bencher: Bencher<'_, '_>, n: usize) {
    let f = Ridge::new(Log, 1e-3).expect("a positive ridge");
    matrix_function(bencher, n, f);
}

#[divan::bench(args = DEFINITE)]
fn sqrt_of_symmetric(bencher: Bencher<'_, '_>, n: usize) {
    matrix_function(bencher, n, Sqrt);
}

#[divan::bench(args = DEFINITE)]
fn second_order_of_log(bencher: Bencher<'_, '_>, n: usize) {
    let (a, bar) = definite(n);
    bencher.bench_local(|| {
        let c = MatrixFunction::forward(a.as_ref(), Log).expect("a definite matrix");
        c.vjp_of_vjp(bar.as_ref(), bar.as_ref())
            .expect("a definite matrix")
    });
}

#[divan::bench(args = DEFINITE)]
fn newton_schulz(bencher: Bencher<'_, '_>, n: usize) {
    let (a, bar) = definite(n);
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
