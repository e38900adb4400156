//! Differentiable matrix rules: a map and its way back, on faer.
//!
//! # Example
//! The distance between two subspaces, and the way to bring them together.
//! ```
//! use matbackprop_core::gradcheck::gaussian;
//! use matbackprop_core::{Projector, RankTolerance};
//!
//! let (mut a, b, mut distances) = (gaussian(50, 3, 1), gaussian(50, 3, 2), Vec::new());
//! let target = Projector::forward(b.as_ref(), RankTolerance::default())?;
//! for _ in 0..50 {
//!     let projector = Projector::forward(a.as_ref(), RankTolerance::default())?;
//!     // ½‖Π_A − Π_B‖² = 3 − tr(Π_B Π_A), so Π̄ = −Π_B = −Q Qᵀ: never a 50 × 50 matrix.
//!     distances.push(3.0 - (target.basis().transpose() * projector.basis()).squared_norm_l2());
//!     let a_bar = projector.vjp_factored((-target.basis()).as_ref(), target.basis())?;
//!     a -= faer::Scale(10.0) * a_bar;
//! }
//! assert!(distances[0] > 2.0 && distances[49] < 0.1);
//! # Ok::<(), matbackprop_core::Error>(())
//! ```
//!
//! # Map
//! ```text
//!   batch, stack ── lanes       many inputs, over the cores; small matrices side by side in registers
//!   spectral   function   subspace   factor   definite      the rules, by their results
//!        \________|__________|_________|________/
//!      gap   1/(λⱼ − λᵢ), the caller's policy     free_basis   of equal values     rank   which values count
//!      decompose   eigenvalues, SVD and QR by our own kernels     solve   faer's LU
//!      products   buffer_pool   gaussian   symmetric   scale   guard   error   convert
//! ```
//!
//! | module | rule | back |
//! |---|---|---|
//! | `spectral` | [`SymEig`]: A = V Λ Vᵀ; [`GeneralisedEig`]: A V = B V Λ, VᵀBV = I | Ā = V (diag(λ̄) + K ∘ skew(VᵀV̄)) Vᵀ, and B̄ |
//! | | [`ThinSvd`]: A = U Σ Vᵀ, tall or wide | three cotangents, each optional; values alone: [`eigenvalues`], [`singular_values`] |
//! | | k pairs: [`LeadingSymEig`], [`LeadingGeneralisedEig`]; [`LeadingEigenpairs`] of a [`SymmetricOperator`], by products | Ā = sym((V (diag(λ̄) + R) + Z) Vᵀ), by solves beside V; the last to second order |
//! | `subspace` | [`Projector`]: Π = A A⁺ at a stated [`RankTolerance`] | Ā = 2 (I − Π) sym(Π̄) (A⁺)ᵀ; and the second order |
//! | | [`LeadingProjector`]: P = U₁U₁ᵀ, k leading singular vectors | Ā = 4 sym(Y U₁ᵀ) A, Y by gaps of σ²; and the second order |
//! | | [`RegularisedProjector`]: P = A (AᵀA + εI)⁻¹ Aᵀ | Ā = 2 (I − P) sym(P̄) A (AᵀA + εI)⁻¹; and the second order |
//! | | [`PseudoInverse`]: P = A⁺ in factors, to second order | Ā = −PᵀP̄Pᵀ + (I − AP)P̄ᵀPPᵀ + PᵀPP̄ᵀ(I − PA) |
//! | | [`LeastSquares`]: X = A⁺ B, R = B − A X at a stated rank; [`RegularisedLeastSquares`] | B̄ = PᵀX̄, Ā = −B̄ Xᵀ + R (P B̄)ᵀ + PᵀX ((I − PA) X̄)ᵀ |
//! | | [`Polar`]: A = W H; [`Rotation`]: the rotation closest to A | only sums σᵢ + σⱼ divide, σₙ signed by det A; W to second order |
//! | | [`Procrustes`]: Y ≈ s X Rᵀ + 1 tᵀ, R orthogonal | cotangents of points and weights |
//! | `function` | [`ScalarFunction`]: [`Log`], [`Sqrt`], [`InverseSqrt`], [`Inverse`], [`Exp`], [`Power`], your own [`WithSlope`]; [`Ridge`] over each | f[a, b], to the last digits |
//! | | [`MatrixFunction`]: C = V f(Λ) Vᵀ; [`TraceFunction`]: tr f(A) | Ā = V (P ∘ (Vᵀ sym(C̄) V)) Vᵀ, Pᵢⱼ = f[λᵢ, λⱼ]; and the second order |
//! | | [`GramFunction`]: C = f(FᵀF) from thin factors of F; [`PreparedGram`]: its [`Eigenpairs`] found elsewhere | F̄ = 2 F V (P ∘ VᵀSV) Vᵀ, and its thin form; and the second order |
//! | | [`SymmetricPower`]: Aᵖ, with a derivative in p too; [`NewtonSchulz`]: A^½ and A^−½ by products alone | p̄ = ⟨C̄, V diag(λᵖ ln λ) Vᵀ⟩ |
//! | | [`Whitening`]: (X − 1μᵀ)(C + εI)^−½ of data X | by sums of singular values, at equal ones and low rank too |
//! | | [`MatrixExp`], [`MatrixLog`], [`MatrixSqrt`]: exp(A), log(A) and A^½, A not symmetric | Ā = L(Aᵀ, X̄), Fréchet's derivative; XᵀĀ + ĀXᵀ = X̄ |
//! | `definite` | [`LogEuclideanMean`]: exp Σ wᵢ log Aᵢ; [`LogEuclideanDistance`]: ‖log A − log B‖ | of each matrix and weight |
//! | | [`AffineInvariantDistance`]: ‖log(A^−½ B A^−½)‖; [`KarcherMean`]: the weighted mean in it | Ā = −2 V diag(ln λ) Vᵀ of its square; implicit: H Y = LᵀM̄L |
//! | `factor` | [`Cholesky`]: A = L Lᵀ, or A + jI; [`Qr`]: A = Q R, tall, square or wide | Ā = sym(L⁻ᵀ Φ(LᵀL̄) L⁻¹); Ā = (Q̄ + Q copy(R̄Rᵀ − QᵀQ̄)) R⁻ᵀ |
//! | | [`SymmetricSolve`]: X = A⁻¹ B; [`Sylvester`]: A X + X B = C, [`Lyapunov`]: A X + X Aᵀ = C | B̄ = A⁻¹ X̄, Ā = −sym(B̄ Xᵀ); AᵀC̄ + C̄Bᵀ = X̄, Ā = −C̄Xᵀ |
//! | | [`LogDet`], [`SignedLogDet`]: log det A; [`Determinant`]: det A, singular or not | Ā = ȳ A⁻ᵀ; Ā = ȳ adj(A)ᵀ |
//! | [`stack`]; [`batch`], [`batch_owned`] | rules on stacks of matrices, f64 or f32, in any layout; a rule on many inputs | |
//! | `symmetric` | [`SymmetricProduct`]: sym(L Rᵀ) as factors; [`inner_product`]; [`symmetric_part`], [`symmetric_from_lower`] | |
//! | [`GapPolicy`]; [`gradcheck`]; `convert` | the meaning of a closed gap; finite differences; ndarray, nalgebra | |
//!
//! # Conventions
//! * Matrices are those of faer 0.24, `f64`; it is here as [`faer`].
//! * `forward` stores the state for `vjp` and `jvp`, neither factorises again; ⟨ȳ, ẏ⟩ = ⟨x̄, ẋ⟩, `x_bar` x's cotangent, `x_dot` its tangent.
//! * Eigenvalues nondecreasing, singular values nonincreasing; signs and rotations of vectors are free.
//! * Inputs may have any size between the subnormal numbers and overflow.
//! * Nothing finite becomes NaN or an infinity: a rule answers with numbers or with an [`Error`] that carries them.
//! * A gradient is right, to the rounding that its rule states, or an [`Error`]. Three answers are not gradients, by name:
//!   the smoothed one of [`GapPolicy::Broadened`], the limiting subgradient that a cotangent of values alone brings
//!   where they are equal ([`GapPolicy`]), and the subgradient 0 of a distance at distance zero.
//! * A rule for symmetric matrices refuses asymmetry beyond rounding: [`symmetric_part`] and others choose what counts.
//! * One thread a call, the same bits each time. A thread keeps up to 64 MiB of buffers between calls.
//!
//! # Features
//! None by default; each adds, none changes a result. `rayon`: [`batch`] and [`stack`] spread their inputs over all cores;
//! `ndarray`, `nalgebra`: `convert`; `serde`: [`GapPolicy`], [`RankTolerance`] and [`stack::OnFailure`] in kebab case.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod batch;
mod buffer_pool;
#[cfg(any(feature = "ndarray", feature = "nalgebra"))]
pub mod convert;
mod decompose;
mod definite;
mod error;
mod factor;
mod free_basis;
mod function;
mod gap;
mod gaussian;
pub mod gradcheck;
mod guard;
mod lanes;
mod products;
mod rank;
mod scale;
mod solve;
mod spectral;
pub mod stack;
mod subspace;
mod symmetric;
mod symmetric_operator;

pub use batch::{batch, batch_owned};
pub use definite::{
    AffineInvariantDistance, DistanceCotangent, DistanceTangent, KarcherMean, LogEuclideanDistance,
    LogEuclideanMean, MeanCotangent,
};
pub use error::{Error, Result};
pub use factor::{
    Cholesky, Determinant, LogDet, Lyapunov, LyapunovCotangent, Qr, QrTangent, SignedLogDet,
    Sylvester, SylvesterCotangent, SymmetricMethod, SymmetricSolve, SymmetricSolveCotangent,
};
/// The library of the matrices, in the version that the rules speak.
pub use faer;
pub use function::{
    Eigenpairs, Exp, GramFunction, GramFunctionSecond, Inverse, InverseSqrt, Iterations, Log,
    MatrixExp, MatrixFunction, MatrixFunctionSecond, MatrixLog, MatrixSqrt, NewtonSchulz,
    NewtonSchulzTangent, Normalisation, Power, PreparedGram, Ridge, ScalarFunction, Sqrt,
    SymmetricPower, SymmetricPowerCotangent, TraceFunction, Whitening, WithSlope,
};
pub use gap::GapPolicy;
pub use guard::{
    ensure_above, ensure_finite, ensure_finite_values, ensure_length, ensure_matrix, ensure_shape,
    ensure_square,
};
pub use rank::{Method, RankTolerance};
pub use scale::power_of_two_scale;
pub use spectral::{
    GeneralisedEig, GeneralisedEigCotangent, GeneralisedEigTangent, LanczosOptions, Leading,
    LeadingEigenpairs, LeadingEigenpairsSecond, LeadingEigenpairsTangent, LeadingGeneralisedEig,
    LeadingGeneralisedEigCotangent, LeadingSymEig, SymEig, SymEigTangent, ThinSvd, ThinSvdTangent,
    eigenvalues, singular_values,
};
pub use subspace::{
    Alignment, LeadingProjector, LeadingProjectorSecond, LeadingProjectorSquareSecond,
    LeastSquares, LeastSquaresCotangent, LeastSquaresTangent, Polar, PolarSecond, PolarTangent,
    Procrustes, ProcrustesCotangent, ProcrustesTangent, Projector, ProjectorSecond, PseudoInverse,
    PseudoInverseSecond, RegularisedLeastSquares, RegularisedLeastSquaresCotangent,
    RegularisedProjector, RegularisedProjectorSecond, Rotation, Split,
};
pub use symmetric::{
    SymmetricProduct, inner_product, symmetric_from_lower, symmetric_from_upper, symmetric_part,
};
pub use symmetric_operator::{DenseOperator, SymmetricOperator};

/// The README's example runs as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
