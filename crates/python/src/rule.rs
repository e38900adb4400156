//! Rules by their names: what crosses from Python is a word and a few numbers.

use crate::exceptions::{self, MatbackpropError};
use ::ncuts::{Criterion, NcutsRule};
use matbackprop_core::stack::{
    AffineInvariantDistanceRule, CholeskyRule, DeterminantRule, GeneralisedEigRule,
    GramFunctionRule, LeadingProjectorRule, LeastSquaresRule, LogDetRule, LogEuclideanDistanceRule,
    LyapunovRule, MatrixExpRule, MatrixFunctionRule, MatrixLogRule, MatrixSqrtRule, PolarRule,
    ProcrustesRule, ProjectorRule, PseudoInverseRule, QrRule, RegularisedProjectorRule,
    RotationRule, SignedLogDetRule, StackRule, SylvesterRule, SymEigRule, SymmetricPowerRule,
    SymmetricSolveRule, ThinSvdRule, WhiteningRule,
};
use matbackprop_core::{
    Alignment, Exp, Inverse, InverseSqrt, Log, Power, RankTolerance, Ridge, ScalarFunction, Sqrt,
};
use pyo3::PyResult;

/// A function of a number, and a ridge that is added to the matrix first.
#[derive(Clone, Copy, Debug)]
pub enum Function {
    Log(Ridge<Log>),
    Sqrt(Ridge<Sqrt>),
    InverseSqrt(Ridge<InverseSqrt>),
    Inverse(Ridge<Inverse>),
    Exp(Ridge<Exp>),
    Power(Ridge<Power>),
}

/// What is done with a rule whose type is known.
pub trait Visit {
    type Output;

    fn visit<R: StackRule>(self, rule: &R) -> Self::Output;
}

macro_rules! rules {
    ($($name:ident($rule:ty),)*) => {
        /// A rule of the core.
        #[derive(Clone, Copy, Debug)]
        pub enum Rule {
            /// f(A) of a symmetric A.
            Symmetric(Function),
            /// f(FᵀF).
            Gram(Function),
            $($name($rule),)*
        }

        impl Rule {
            pub fn apply<V: Visit>(&self, visit: V) -> V::Output {
                match self {
                    Self::Symmetric(f) => f.apply(OfSymmetric(visit)),
                    Self::Gram(f) => f.apply(OfGram(visit)),
                    $(Self::$name(rule) => visit.visit(rule),)*
                }
            }
        }
    };
}

rules! {
    SymEig(SymEigRule),
    ThinSvd(ThinSvdRule),
    Polar(PolarRule),
    Rotation(RotationRule),
    Procrustes(ProcrustesRule),
    Projector(ProjectorRule),
    RegularisedProjector(RegularisedProjectorRule),
    LeadingProjector(LeadingProjectorRule),
    PseudoInverse(PseudoInverseRule),
    LeastSquares(LeastSquaresRule),
    SymmetricPower(SymmetricPowerRule),
    Whitening(WhiteningRule),
    MatrixExp(MatrixExpRule),
    MatrixLog(MatrixLogRule),
    MatrixSqrt(MatrixSqrtRule),
    SymmetricSolve(SymmetricSolveRule),
    Sylvester(SylvesterRule),
    Lyapunov(LyapunovRule),
    Cholesky(CholeskyRule),
    Qr(QrRule),
    LogDet(LogDetRule),
    SignedLogDet(SignedLogDetRule),
    Determinant(DeterminantRule),
    LogEuclideanDistance(LogEuclideanDistanceRule),
    AffineInvariantDistance(AffineInvariantDistanceRule),
    GeneralisedEig(GeneralisedEigRule),
    Ncuts(NcutsRule),
}

/// What is done with a function of a number whose type is known.
pub trait VisitFunction {
    type Output;

    fn visit<F: ScalarFunction + Copy + Sync + 'static>(self, f: F) -> Self::Output;
}

impl Function {
    pub fn apply<V: VisitFunction>(&self, visit: V) -> V::Output {
        match *self {
            Self::Log(f) => visit.visit(f),
            Self::Sqrt(f) => visit.visit(f),
            Self::InverseSqrt(f) => visit.visit(f),
            Self::Inverse(f) => visit.visit(f),
            Self::Exp(f) => visit.visit(f),
            Self::Power(f) => visit.visit(f),
        }
    }

    /// A function by its name, a ridge and, for a power, its exponent.
    fn parse(name: &str, numbers: &[f64]) -> PyResult<Self> {
        let &[ridge, ..] = numbers else {
            return Err(MatbackpropError::new_err(format!(
                "{name}: expected a ridge"
            )));
        };
        let failed = exceptions::of;
        Ok(match name {
            "log" => Self::Log(Ridge::new(Log, ridge).map_err(failed)?),
            "sqrt" => Self::Sqrt(Ridge::new(Sqrt, ridge).map_err(failed)?),
            "inverse_sqrt" => Self::InverseSqrt(Ridge::new(InverseSqrt, ridge).map_err(failed)?),
            "inverse" => Self::Inverse(Ridge::new(Inverse, ridge).map_err(failed)?),
            "exp" => Self::Exp(Ridge::new(Exp, ridge).map_err(failed)?),
            "power" => {
                let &[_, exponent] = numbers else {
                    return Err(MatbackpropError::new_err("power: expected an exponent"));
                };
                let power = Power { exponent };
                Self::Power(Ridge::new(power, ridge).map_err(failed)?)
            }
            other => {
                let message = format!(
                    "expected log, sqrt, inverse_sqrt, inverse, exp or power, found {other:?}"
                );
                return Err(MatbackpropError::new_err(message));
            }
        })
    }
}

struct OfSymmetric<V>(V);

impl<V: Visit> VisitFunction for OfSymmetric<V> {
    type Output = V::Output;

    fn visit<F: ScalarFunction + Copy + Sync + 'static>(self, f: F) -> V::Output {
        self.0.visit(&MatrixFunctionRule(f))
    }
}

struct OfGram<V>(V);

impl<V: Visit> VisitFunction for OfGram<V> {
    type Output = V::Output;

    fn visit<F: ScalarFunction + Copy + Sync + 'static>(self, f: F) -> V::Output {
        self.0.visit(&GramFunctionRule(f))
    }
}

impl Rule {
    /// The loss of normalised cuts: regularised where there is an ε, else of the hard projector.
    fn ncuts(numbers: &[f64], metric: bool) -> Self {
        let hard = Criterion::HardProjector {
            rank_tolerance: RankTolerance::default(),
        };
        let regularised = |&epsilon: &f64| Criterion::Regularised { epsilon };
        let criterion = numbers.first().map_or(hard, regularised);
        Self::Ncuts(NcutsRule { criterion, metric })
    }

    /// A rule by its name and its numbers.
    pub fn parse(name: &str, numbers: &[f64]) -> PyResult<Self> {
        if let Some(function) = name.strip_prefix("symmetric_") {
            return Ok(Self::Symmetric(Function::parse(function, numbers)?));
        }
        if let Some(function) = name.strip_prefix("gram_") {
            return Ok(Self::Gram(Function::parse(function, numbers)?));
        }
        let first = || {
            numbers.first().copied().ok_or_else(|| {
                MatbackpropError::new_err(format!("{name}: expected a number beside the name"))
            })
        };
        let tolerance = || match numbers.first() {
            Some(&share) => RankTolerance::Relative(share),
            None => RankTolerance::default(),
        };
        Ok(match name {
            "eigh" => Self::SymEig(SymEigRule::default()),
            "svd" => Self::ThinSvd(ThinSvdRule::default()),
            "polar" => Self::Polar(PolarRule),
            "rotation" => Self::Rotation(RotationRule),
            "procrustes" => {
                let allowed = |place: usize| numbers.get(place).is_some_and(|&flag| flag != 0.0);
                Self::Procrustes(ProcrustesRule {
                    alignment: Alignment {
                        reflections: allowed(0),
                        translation: allowed(1),
                        scale: allowed(2),
                    },
                })
            }
            "projector" => Self::Projector(ProjectorRule {
                tolerance: tolerance(),
            }),
            "regularised_projector" => {
                Self::RegularisedProjector(RegularisedProjectorRule { epsilon: first()? })
            }
            "leading_projector" => Self::LeadingProjector(LeadingProjectorRule {
                count: first()? as usize,
                gaps: Default::default(),
            }),
            "pinv" => Self::PseudoInverse(PseudoInverseRule {
                tolerance: tolerance(),
            }),
            "lstsq" => Self::LeastSquares(LeastSquaresRule {
                tolerance: tolerance(),
            }),
            "learned_power" => Self::SymmetricPower(SymmetricPowerRule),
            "whiten" => Self::Whitening(WhiteningRule { epsilon: first()? }),
            "expm" => Self::MatrixExp(MatrixExpRule),
            "logm" => Self::MatrixLog(MatrixLogRule),
            "sqrtm" => Self::MatrixSqrt(MatrixSqrtRule),
            "solve_symmetric" => Self::SymmetricSolve(SymmetricSolveRule),
            "sylvester" => Self::Sylvester(SylvesterRule),
            "lyapunov" => Self::Lyapunov(LyapunovRule),
            "cholesky" => Self::Cholesky(CholeskyRule {
                jitter: numbers.first().copied(),
            }),
            "qr" => Self::Qr(QrRule),
            "logdet" => Self::LogDet(LogDetRule),
            "slogdet" => Self::SignedLogDet(SignedLogDetRule),
            "det" => Self::Determinant(DeterminantRule),
            "log_euclidean_distance" => Self::LogEuclideanDistance(LogEuclideanDistanceRule),
            "affine_invariant_distance" => {
                Self::AffineInvariantDistance(AffineInvariantDistanceRule)
            }
            "ncuts" => Self::ncuts(numbers, false),
            "ncuts_metric" => Self::ncuts(numbers, true),
            "eigh_generalised" => Self::GeneralisedEig(GeneralisedEigRule::default()),
            other => {
                let message = format!("expected the name of a rule, found {other:?}");
                return Err(MatbackpropError::new_err(message));
            }
        })
    }
}
