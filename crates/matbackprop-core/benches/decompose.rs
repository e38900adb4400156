//! Our decompositions beside faer's on the same matrices, one thread, f64: times of calls as a user writes them.
//!
//! `cargo bench -p matbackprop-core --bench decompose` prints both in one run; compare the column of the fastest, which
//! a busy machine spoils least. Ours check their input, bring it to order one and turn the vectors of equal values.

use divan::Bencher;
use faer::{Mat, Side};
use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::{GapPolicy, SymEig, ThinSvd, eigenvalues, singular_values, symmetric_part};

fn main() {
    divan::main();
}

const SIDES: [usize; 11] = [4, 8, 16, 24, 32, 48, 64, 96, 128, 256, 512];

fn general(n: usize) -> Mat<f64> {
    gaussian(n, n, 1)
}

fn symmetric(n: usize) -> Mat<f64> {
    symmetric_part(general(n).as_ref()).expect("a square matrix")
}

#[divan::bench_group]
mod symmetric_eigen {
    use super::*;

    #[divan::bench(args = SIDES)]
    fn ours(bencher: Bencher<'_, '_>, n: usize) {
        let a = symmetric(n);
        bencher.bench_local(|| SymEig::forward(a.as_ref(), GapPolicy::default()).expect("finite"));
    }

    #[divan::bench(args = SIDES)]
    fn faer(bencher: Bencher<'_, '_>, n: usize) {
        let a = symmetric(n);
        bencher.bench_local(|| a.self_adjoint_eigen(Side::Lower).expect("finite"));
    }
}

#[divan::bench_group]
mod symmetric_values {
    use super::*;

    #[divan::bench(args = SIDES)]
    fn ours(bencher: Bencher<'_, '_>, n: usize) {
        let a = symmetric(n);
        bencher.bench_local(|| eigenvalues(a.as_ref()).expect("finite"));
    }

    #[divan::bench(args = SIDES)]
    fn faer(bencher: Bencher<'_, '_>, n: usize) {
        let a = symmetric(n);
        bencher.bench_local(|| a.self_adjoint_eigenvalues(Side::Lower).expect("finite"));
    }
}

#[divan::bench_group]
mod thin_svd {
    use super::*;

    #[divan::bench(args = SIDES)]
    fn ours(bencher: Bencher<'_, '_>, n: usize) {
        let a = general(n);
        bencher.bench_local(|| ThinSvd::forward(a.as_ref(), GapPolicy::default()).expect("finite"));
    }

    #[divan::bench(args = SIDES)]
    fn faer(bencher: Bencher<'_, '_>, n: usize) {
        let a = general(n);
        bencher.bench_local(|| a.thin_svd().expect("finite"));
    }
}

#[divan::bench_group]
mod singular_values_alone {
    use super::*;

    #[divan::bench(args = SIDES)]
    fn ours(bencher: Bencher<'_, '_>, n: usize) {
        let a = general(n);
        bencher.bench_local(|| singular_values(a.as_ref()).expect("finite"));
    }

    #[divan::bench(args = SIDES)]
    fn faer(bencher: Bencher<'_, '_>, n: usize) {
        let a = general(n);
        bencher.bench_local(|| a.singular_values().expect("finite"));
    }
}
