//! Projectors and inverses whose tolerance drops more than rounding.

use crate::file::*;
use crate::report::*;
use faer::Mat;
use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::{Projector, PseudoInverse, RankTolerance};

#[test]
fn truncated_projectors_and_inverses_have_the_gradients_of_what_they_are() {
    let file = File::read();
    let mut report = Report::default();
    for case in file.cases("Projector") {
        let (a, g) = (case.a(), case.g());
        let tolerance = RankTolerance::Relative(case.number("rank_tolerance"));
        let rule = Projector::forward(a.as_ref(), tolerance).expect("a finite matrix");
        assert_eq!(rule.rank(), case.whole("k"), "{}", case.name);
        let a_bar = rule.vjp(g.as_ref());
        let a_dot = gaussian(a.nrows(), a.ncols(), 5);
        if let (Ok(a_bar), Ok(dot)) = (&a_bar, rule.jvp(a_dot.as_ref())) {
            let dot = inner(dot.left(), (&g * dot.right()).as_ref());
            check_adjoint(
                &mut report,
                "C, projector, jvp",
                case.name,
                dot,
                a_bar,
                &a_dot,
            );
        }
        report.judge("C, projector", &case, "no policy", case.must, a_bar);
    }
    for case in file.cases("PseudoInverse") {
        let (a, g) = (case.a(), case.g());
        let tolerance = RankTolerance::Relative(case.number("rank_tolerance"));
        let rule = PseudoInverse::forward(a.as_ref(), tolerance).expect("a finite matrix");
        assert_eq!(rule.rank(), case.whole("k"), "{}", case.name);
        let a_bar = rule.vjp(g.as_ref());
        let a_dot = gaussian(a.nrows(), a.ncols(), 5);
        if let (Ok(a_bar), Ok(dot)) = (&a_bar, rule.jvp(a_dot.as_ref())) {
            let dot = inner(dot.as_ref(), g.as_ref());
            check_adjoint(
                &mut report,
                "C, pseudo-inverse, jvp",
                case.name,
                dot,
                a_bar,
                &a_dot,
            );
        }
        report.judge("C, pseudo-inverse", &case, "no policy", case.must, a_bar);
    }
    report.finish();
}

/// ⟨P̄, Ṗ⟩ = ⟨Ā, Ȧ⟩.
fn check_adjoint(
    report: &mut Report,
    group: &str,
    name: &str,
    dot: f64,
    a_bar: &Mat<f64>,
    a_dot: &Mat<f64>,
) {
    let back = inner(a_bar.as_ref(), a_dot.as_ref());
    let size = a_bar.norm_l2() * a_dot.norm_l2();
    report.check(group, (dot - back).abs() <= 1e-12 * (1.0 + size), || {
        format!("{group}: {name}: {dot:e} forward, {back:e} back")
    });
}

// D. The edge of a function's domain.
