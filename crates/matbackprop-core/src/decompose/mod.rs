//! Eigenvalues, singular values and their vectors: what is computed here and how, what is faer's, and why.
//!
//! ```text
//! symmetric_eigen ── tridiagonalise ── householder, wide      ours; values with vectors or without
//!       └─────────── tridiagonal ── rank_one_update ── secular
//!                         └──────── implicit_ql, join
//! thin_svd ── householder_qr ── householder, wide             ours; the reduction and the small blocks by faer
//!     └────── bidiagonal ── rank_one_update, join
//!                └───────── small_svd
//! refined_svd ── double_double                                small values to their last digit: few of them,
//! refined_by_parts ── sliced_product                          or any number
//! qr ── householder_qr
//! ```
//!
//! # Method
//!
//! | step | by | source |
//! |---|---|---|
//! | A = H T Hᵀ, T tridiagonal | ours, panels of 16 columns | Dongarra, Hammarling, Sorensen 1989 |
//! | A = H B Gᵀ, B bidiagonal | faer | Golub, Kahan 1965 |
//! | T = W Λ Wᵀ, side ≤ 24 | ours, implicit QL | Bowdler, Martin, Reinsch, Wilkinson 1968 |
//! | B = W Σ Zᵀ, side ≤ 24 | faer's QR iteration; Jacobi in twice the precision where that gives up | Hestenes 1958 |
//! | larger T and B | ours: divide and conquer | Cuppen 1981; Gu, Eisenstat 1995 |
//! | secular equation | ours, eight roots side by side | Li 1994 |
//! | vectors orthogonal to rounding | ours: weights taken back from the roots | Gu, Eisenstat 1994 |
//! | m > 11/6 n: A = Q R first | ours, Householder without pivots | Joffrain et al. 2006 |
//! | values without vectors | the same joins on two rows of the vectors, O(n²) after the reduction | Gu, Eisenstat 1995 |
//! | σ below ε σ₁ to their last digits | ours: Jacobi, or products of slices that round nothing | Hestenes 1958; Ozaki et al. 2012 |
//!
//! # Why not faer's alone
//! Of faer 0.24; `tests/attack` and `hard_cases` hold ours on such matrices:
//! * Its singular values without vectors lose small and large ones alike from side 128 on (σ₁₂₈ = 1.8·10⁻¹⁵ in place of 1),
//!   its eigenvalues without vectors do not converge on graded matrices.
//! * Its eigenvectors lose all digits above side 128 unless the matrix is of order one.
//! * The QR that its SVD of a tall matrix begins with takes a column for zero below 16 m ε of its length, and drops the rest.
//! * Its bidiagonal iteration gives up on some graded matrices, and leaves values that agree to rounding out of order.
//! * Two thirds of its time at sides of some hundred go to a secular equation solved a root and a division at a time.
//!
//! # Speed beside faer
//! `cargo bench -p matbackprop-core --bench decompose` prints both in one run.
//!
//! # Who calls what
//! `spectral`, `subspace` and `function` take [`symmetric_eigen`], [`thin_svd`] or their values alone; `function::gram_factors`
//! the refined ones, where a function is steep at zero; `factor::qr` takes [`thin_qr`].
//!
//! # Limits
//! Residuals grow like √n ε ‖A‖, as LAPACK's; values within 48 ε of each other may be turned by the caller (`free_basis`).
//! Small singular values are known to ε σ₁ unless refined. A call uses one thread and O(n²) numbers of buffers.

mod bidiagonal;
mod double_double;
#[cfg(test)]
mod hard_cases;
mod householder;
mod householder_qr;
mod implicit_ql;
mod join;
mod qr;
mod rank_one_update;
mod refined_by_parts;
mod refined_svd;
mod secular;
mod sliced_product;
mod small_svd;
mod symmetric_eigen;
mod thin_svd;
mod tridiagonal;
mod tridiagonalise;
mod wide;

pub(crate) use qr::thin_qr;
pub(crate) use refined_by_parts::refined_by_parts;
pub(crate) use refined_svd::refined_svd;
pub(crate) use symmetric_eigen::{SymmetricEigen, symmetric_eigen, symmetric_values};
pub(crate) use thin_svd::{singular_values_only, thin_svd};
