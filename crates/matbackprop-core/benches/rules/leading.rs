//! A few pairs of dense matrices, forward and back.

use divan::Bencher;
use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::{GapPolicy, Leading, LeadingGeneralisedEig, LeadingSymEig};

use super::{SIDES, positive_definite, symmetric};

/// Pairs asked for.
const COUNT: usize = 4;
const GAPS: GapPolicy = GapPolicy::Error { floor: 0.0 };

#[divan::bench(args = SIDES)]
fn leading_sym_eig(bencher: Bencher<'_, '_>, n: usize) {
    let (a, bar) = (symmetric(n), gaussian(n, COUNT, 2));
    bencher.bench_local(|| {
        let eigen = LeadingSymEig::forward(a.as_ref(), COUNT, Leading::Smallest, GAPS)
            .expect("distinct eigenvalues");
        eigen
            .vjp(Some(&[1.0; COUNT]), Some(bar.as_ref()))
            .expect("distinct eigenvalues")
    });
}

#[divan::bench(args = SIDES)]
fn leading_generalised_eig(bencher: Bencher<'_, '_>, n: usize) {
    let (a, b, bar) = (symmetric(n), positive_definite(n), gaussian(n, COUNT, 2));
    bencher.bench_local(|| {
        let eigen =
            LeadingGeneralisedEig::forward(a.as_ref(), b.as_ref(), COUNT, Leading::Smallest, GAPS)
                .expect("distinct eigenvalues");
        eigen
            .vjp(Some(&[1.0; COUNT]), Some(bar.as_ref()))
            .expect("distinct eigenvalues")
    });
}
