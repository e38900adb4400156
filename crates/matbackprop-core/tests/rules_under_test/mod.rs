//! Every rule behind one face: matrices in, matrices out, and both ways between their derivatives.

mod definite;
mod factors;
mod functions;
mod general;
mod operators;
mod planted;
mod subspaces;

use definite::definite_rules;
use factors::{cholesky, log_det, qr, signed_log_det, symmetric_solve};
use faer::{Mat, MatRef};
use functions::{gram_function, matrix_function, newton_schulz, trace_function};
use general::general_rules;
use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::{
    Error, GapPolicy, GeneralisedEig, InverseSqrt, Log, Method, RankTolerance, Result, Ridge, Sqrt,
    SymEig, ThinSvd, ensure_finite,
};
use operators::{leading_eigenpairs, leading_generalised_eig, leading_sym_eig};
pub use planted::{Planted, SPECTRA, Spectrum};
use subspaces::{
    leading_projector, least_squares, least_squares_at, polar, procrustes, projector, projector_at,
    pseudo_inverse, pseudo_inverse_at, regularised_least_squares, regularised_projector, rotation,
    system,
};

/// The settings of a rule beside its matrices.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub gaps: GapPolicy,
    /// The factor by which the first input was scaled.
    pub size: f64,
}

type Way = Box<dyn Fn(&[Mat<f64>]) -> Result<Vec<Mat<f64>>>>;

/// A rule after its `forward`.
pub struct Evaluated {
    pub outputs: Vec<Mat<f64>>,
    /// Cotangents of the inputs from those of the outputs.
    pub vjp: Way,
    /// Tangents of the outputs from those of the inputs.
    pub jvp: Way,
}

impl Evaluated {
    fn new(
        outputs: Vec<Mat<f64>>,
        vjp: impl Fn(&[Mat<f64>]) -> Result<Vec<Mat<f64>>> + 'static,
        jvp: impl Fn(&[Mat<f64>]) -> Result<Vec<Mat<f64>>> + 'static,
    ) -> Self {
        Self {
            outputs,
            vjp: Box::new(vjp),
            jvp: Box::new(jvp),
        }
    }
}

pub struct Rule {
    pub name: &'static str,
    pub inputs: fn(&Planted) -> Vec<Mat<f64>>,
    pub forward: fn(&[Mat<f64>], &Settings) -> Result<Evaluated>,
    /// Output i scales with the degree-th power of the first input, up to a constant that is added.
    pub degrees: &'static [f64],
}

/// All of them.
#[allow(clippy::too_many_lines)] // A table.
pub fn rules() -> Vec<Rule> {
    let groups = [
        spectral_rules(),
        range_rules(),
        factor_rules(),
        general_rules(),
        function_rules(),
        definite_rules(),
    ];
    groups.into_iter().flatten().collect()
}

fn rule(
    name: &'static str,
    inputs: fn(&Planted) -> Vec<Mat<f64>>,
    forward: fn(&[Mat<f64>], &Settings) -> Result<Evaluated>,
    degrees: &'static [f64],
) -> Rule {
    Rule {
        name,
        inputs,
        forward,
        degrees,
    }
}

/// Eigenvalues and singular values, with their vectors.
fn spectral_rules() -> Vec<Rule> {
    vec![
        rule("sym_eig", |p| vec![p.indefinite()], sym_eig, &[1.0, 0.0]),
        rule(
            "leading_eigenpairs",
            // Solves are right to the tolerance over the gap: both ways agree to 1e-12 where gaps are wide.
            |p| {
                let well = Planted {
                    spectrum: Spectrum::Distinct,
                    ..*p
                };
                vec![well.indefinite()]
            },
            leading_eigenpairs,
            &[1.0, 0.0],
        ),
        rule("thin_svd", |p| vec![p.general()], thin_svd, &[1.0, 0.0]),
        rule("generalised_eig", pencil, generalised_eig, &[1.0, 0.0]),
        rule(
            "generalised_eig, planted lengths",
            |p| {
                let well = Planted {
                    spectrum: Spectrum::Distinct,
                    seed: p.seed ^ 1,
                    ..*p
                };
                vec![well.indefinite(), p.positive()]
            },
            generalised_eig,
            &[1.0, 0.0],
        ),
        rule(
            "leading_sym_eig",
            |p| vec![p.indefinite()],
            leading_sym_eig,
            &[1.0, 0.0],
        ),
        rule(
            "leading_generalised_eig",
            pencil,
            leading_generalised_eig,
            &[1.0, 0.0],
        ),
    ]
}

/// A planted matrix in lengths of moderate condition.
fn pencil(p: &Planted) -> Vec<Mat<f64>> {
    let well = Planted {
        spectrum: Spectrum::Distinct,
        seed: p.seed ^ 1,
        ..*p
    };
    vec![p.indefinite(), well.positive()]
}

/// Ranges and inverses on them.
fn range_rules() -> Vec<Rule> {
    vec![
        rule("projector", |p| vec![p.general()], projector, &[0.0]),
        rule(
            "projector, truncated",
            |p| vec![p.general()],
            |x, _| projector_at(x, RankTolerance::Relative(0.3)),
            &[0.0],
        ),
        rule(
            "leading_projector",
            |p| vec![p.general()],
            leading_projector,
            &[0.0],
        ),
        rule(
            "regularised_projector",
            |p| vec![p.general()],
            regularised_projector,
            &[0.0, 0.0],
        ),
        rule(
            "pseudo_inverse",
            |p| vec![p.general()],
            pseudo_inverse,
            &[-1.0],
        ),
        rule(
            "pseudo_inverse, truncated",
            |p| vec![p.general()],
            |x, _| pseudo_inverse_at(x, RankTolerance::Relative(0.3)),
            &[-1.0],
        ),
        rule("least_squares", system, least_squares, &[-1.0, 0.0]),
        rule(
            "least_squares, truncated",
            system,
            |x, _| least_squares_at(x, RankTolerance::Relative(0.3)),
            &[-1.0, 0.0],
        ),
        rule(
            "regularised_least_squares",
            system,
            regularised_least_squares,
            &[-1.0],
        ),
        rule("polar", |p| vec![p.general()], polar, &[0.0, 1.0]),
        rule("rotation", |p| vec![p.square()], rotation, &[0.0]),
        rule(
            "procrustes",
            points_and_weights,
            procrustes,
            &[0.0, 0.0, -1.0, 0.0],
        ),
    ]
}

/// Two point sets, more points than dimensions, and weights.
fn points_and_weights(p: &Planted) -> Vec<Mat<f64>> {
    let (n, d) = (p.m.max(p.n) + 2, p.m.min(p.n));
    let weights = gaussian(n, 1, p.seed ^ 3);
    vec![
        Planted { m: n, n: d, ..*p }.general(),
        gaussian(n, d, p.seed ^ 2),
        Mat::from_fn(n, 1, |i, _| 0.1 + weights[(i, 0)].abs()),
    ]
}

/// Factors, solves, determinants.
fn factor_rules() -> Vec<Rule> {
    vec![
        rule("cholesky", |p| vec![p.positive()], cholesky, &[0.5]),
        rule(
            "symmetric_solve, definite",
            |p| vec![p.positive(), gaussian(p.n, 3, p.seed ^ 2)],
            symmetric_solve,
            &[-1.0],
        ),
        rule(
            "symmetric_solve, indefinite",
            |p| vec![p.indefinite(), gaussian(p.n, 3, p.seed ^ 2)],
            symmetric_solve,
            &[-1.0],
        ),
        rule("qr", |p| vec![p.general()], qr, &[0.0, 1.0]),
        rule("log_det", |p| vec![p.positive()], log_det, &[0.0]),
        rule(
            "signed_log_det",
            |p| vec![p.square()],
            signed_log_det,
            &[0.0],
        ),
    ]
}

/// Functions of a matrix.
fn function_rules() -> Vec<Rule> {
    vec![
        rule(
            "matrix_function, log",
            |p| vec![p.positive()],
            |x, _| matrix_function(x, Log),
            &[0.0],
        ),
        rule(
            "matrix_function, inverse square root with a ridge",
            |p| vec![p.positive()],
            |x, settings| matrix_function(x, Ridge::new(InverseSqrt, 0.3 * settings.size)?),
            &[-0.5],
        ),
        rule(
            "trace_function, square root",
            |p| vec![p.positive()],
            trace_function,
            &[0.5],
        ),
        rule(
            "gram_function, log with a ridge",
            |p| vec![p.general()],
            |x, settings| {
                let epsilon = 0.3 * settings.size * settings.size;
                gram_function(x, None, Ridge::new(Log, epsilon)?)
            },
            &[0.0],
        ),
        rule(
            "gram_function, log with a ridge, by the singular values",
            |p| vec![p.general()],
            |x, settings| {
                let epsilon = 1e-6 * settings.size * settings.size;
                gram_function(x, Some(Method::Svd), Ridge::new(Log, epsilon)?)
            },
            &[0.0],
        ),
        rule(
            "gram_function, square root",
            |p| vec![p.general()],
            |x, _| gram_function(x, None, Sqrt),
            &[1.0],
        ),
        rule(
            "newton_schulz",
            |p| vec![p.positive()],
            newton_schulz,
            &[0.5, -0.5],
        ),
    ]
}

fn column(values: &[f64]) -> Mat<f64> {
    Mat::from_fn(values.len(), 1, |i, _| values[i])
}

fn list(column: &Mat<f64>) -> Vec<f64> {
    column.col(0).iter().copied().collect()
}

/// X diag(1, 2, …).
fn ranked(x: MatRef<'_, f64>) -> Mat<f64> {
    Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] * (j + 1) as f64)
}

/// The cotangent of V under C = V diag(1, 2, …) Vᵀ, which no free sign changes.
fn of_vectors(v: MatRef<'_, f64>, c_bar: &Mat<f64>) -> Mat<f64> {
    ranked(((c_bar + c_bar.transpose()) * v).as_ref())
}

/// Ċ of the same from V̇.
fn from_vectors(v: MatRef<'_, f64>, v_dot: &Mat<f64>) -> Result<Mat<f64>> {
    let half = ranked(v_dot.as_ref()) * v.transpose();
    in_range(&half + half.transpose())
}

/// A product that the test itself forms from finite numbers may leave their range.
fn in_range(product: Mat<f64>) -> Result<Mat<f64>> {
    match ensure_finite("product", product.as_ref()) {
        Ok(()) => Ok(product),
        Err(_) => Err(Error::Overflow { op: "product" }),
    }
}

/// As [`in_range`]; a product that was not finite before is passed to the rule.
fn in_range_of(bar: &Mat<f64>, product: Mat<f64>) -> Result<Mat<f64>> {
    match ensure_finite("cotangent", bar.as_ref()) {
        Ok(()) => in_range(product),
        Err(_) => Ok(product),
    }
}

fn sym_eig(x: &[Mat<f64>], settings: &Settings) -> Result<Evaluated> {
    let rule = SymEig::forward(x[0].as_ref(), settings.gaps)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![
            column(rule.values()),
            in_range(ranked(rule.vectors()) * rule.vectors().transpose())?,
        ],
        move |bars| {
            let vectors_bar = in_range_of(&bars[1], of_vectors(back.vectors(), &bars[1]))?;
            Ok(vec![
                back.vjp(Some(&list(&bars[0])), Some(vectors_bar.as_ref()))?,
            ])
        },
        move |dots| {
            let dot = ahead.jvp(dots[0].as_ref())?;
            Ok(vec![
                column(&dot.values),
                from_vectors(ahead.vectors(), &dot.vectors)?,
            ])
        },
    ))
}

fn thin_svd(x: &[Mat<f64>], settings: &Settings) -> Result<Evaluated> {
    let rule = ThinSvd::forward(x[0].as_ref(), settings.gaps)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![
            column(rule.singular_values()),
            ranked(rule.u()) * rule.v().transpose(),
        ],
        move |bars| {
            let u_bar = in_range_of(&bars[1], ranked((&bars[1] * back.v()).as_ref()))?;
            let v_bar = in_range_of(&bars[1], ranked((bars[1].transpose() * back.u()).as_ref()))?;
            Ok(vec![back.vjp(
                Some(u_bar.as_ref()),
                Some(&list(&bars[0])),
                Some(v_bar.as_ref()),
            )?])
        },
        move |dots| {
            let dot = ahead.jvp(dots[0].as_ref())?;
            let product = ranked(dot.u.as_ref()) * ahead.v().transpose()
                + ranked(ahead.u()) * dot.v.transpose();
            Ok(vec![column(&dot.singular_values), in_range(product)?])
        },
    ))
}

fn generalised_eig(x: &[Mat<f64>], settings: &Settings) -> Result<Evaluated> {
    let rule = GeneralisedEig::forward(x[0].as_ref(), x[1].as_ref(), settings.gaps)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![
            column(rule.values()),
            in_range(ranked(rule.vectors()) * rule.vectors().transpose())?,
        ],
        move |bars| {
            let vectors_bar = in_range_of(&bars[1], of_vectors(back.vectors(), &bars[1]))?;
            let bar = back.vjp(Some(&list(&bars[0])), Some(vectors_bar.as_ref()))?;
            Ok(vec![bar.a, bar.b])
        },
        move |dots| {
            let dot = ahead.jvp(Some(dots[0].as_ref()), Some(dots[1].as_ref()))?;
            Ok(vec![
                column(&dot.values),
                from_vectors(ahead.vectors(), &dot.vectors)?,
            ])
        },
    ))
}
