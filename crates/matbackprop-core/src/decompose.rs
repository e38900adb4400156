//! Eigenvalues, singular values and their vectors: the methods of our own, the use of faer's, and the reasons.
//!
//! ```text
//! symmetric_eigen ── tridiagonalise ── householder, wide      ours; values with vectors or without
//!       └─────────── tridiagonal ── rank_one_update ── secular
//!                         └──────── implicit_ql, join
//! leading_eigen ─── symmetric_eigen                          k pairs without the others, and solves beside them
//!       └─────────── sturm, inverse_iteration ── shifted_tridiagonal
//! thin_svd ── householder_qr ── householder, wide             ours; the reduction of large sides by faer
//!     ├────── bidiagonalise ─── householder, wide
//!     └────── bidiagonal ── rank_one_update, join
//!                └───────── small_svd ── implicit_qr
//! refined_svd ── double_double                                small values to their last digit: few of them,
//! refined_by_parts ── sliced_product                          or any number
//! qr ── householder_qr
//! real_schur                                                 of a general square matrix
//! thick_restart ── symmetric_eigen                           the leading pairs of an operator
//! ```
//!
//! # Method
//!
//! | step | by | source |
//! |---|---|---|
//! | A = H T Hᵀ, T tridiagonal | ours, panels of 16 columns | Dongarra, Hammarling, Sorensen 1989 |
//! | A = H B Gᵀ, B bidiagonal | ours up to a side of 192; faer | Golub, Kahan 1965 |
//! | T = W Λ Wᵀ, side ≤ 24 | ours, implicit QL | Bowdler, Martin, Reinsch, Wilkinson 1968 |
//! | B = W Σ Zᵀ, side ≤ 24 | ours, implicit QR; Jacobi in twice the precision where that gives up | Demmel, Kahan 1990; Hestenes 1958 |
//! | larger T and B | ours: divide and conquer | Cuppen 1981; Gu, Eisenstat 1995 |
//! | secular equation | ours, eight roots side by side | Li 1994 |
//! | vectors orthogonal to rounding | ours: weights taken back from the roots | Gu, Eisenstat 1994 |
//! | m > 11/6 n: A = Q R first | ours, Householder without pivots | Joffrain et al. 2006 |
//! | A = P H Pᵀ, H Hessenberg | faer | |
//! | H = Q T Qᵀ, T quasi-triangular | ours, sweeps with two shifts; faer keeps its own to itself | Francis 1961 |
//! | values without vectors | the same joins on two rows of the vectors, O(n²) after the reduction | Gu, Eisenstat 1995 |
//! | a few pairs of a matrix | ours: counts of pivots, inverse iteration on T, O(n²) after the reduction | Givens 1954; Peters, Wilkinson 1971 |
//! | a few pairs of an operator | ours: Lanczos with thick restarts, equal values searched for | Wu, Simon 2000 |
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
//! Microseconds of ours, of faer's, and their ratio, as a user calls them (ours check their input, bring it to order one and
//! turn vectors of equal values): square Gaussian matrices, the fastest of four runs, one core of two of an AMD EPYC (Zen 4)
//! that others shared; `cargo bench -p matbackprop-core --bench decompose`.
//!
//! | n | symmetric eigen | eigenvalues | SVD | singular values |
//! |---|---|---|---|---|
//! | 4 | 1.83, 1.54: 1.19 | 1.22, 1.19: 1.03 | 4.69, 2.6: 1.80 | 3.21, 1.87: 1.72 |
//! | 8 | 4.54, 5.47: 0.83 | 3.61, 3.88: 0.93 | 14, 8.28: 1.69 | 8.16, 5.44: 1.50 |
//! | 16 | 14.1, 19.8: 0.71 | 12, 13.4: 0.90 | 50.7, 31.8: 1.60 | 27.8, 19.5: 1.42 |
//! | 24 | 28, 38.7: 0.72 | 23.8, 28.9: 0.82 | 94.2, 61.2: 1.54 | 64.9, 44.8: 1.45 |
//! | 32 | 45.2, 67: 0.68 | 36.5, 50.1: 0.73 | 132, 106: 1.25 | 99.5, 75.8: 1.31 |
//! | 48 | 90.5, 140: 0.64 | 71.7, 104: 0.69 | 263, 223: 1.18 | 207, 166: 1.25 |
//! | 64 | 155, 260: 0.59 | 114, 180: 0.63 | 378, 437: 0.86 | 277, 293: 0.95 |
//! | 96 | 341, 699: 0.49 | 234, 408: 0.57 | 847, 1160: 0.73 | 615, 654: 0.94 |
//! | 128 | 627, 1350: 0.47 | 396, 739: 0.54 | 1420, 2000: 0.71 | 988, 1480: 0.66 |
//! | 256 | 3130, 6030: 0.52 | 1690, 3310: 0.51 | 7530, 10700: 0.70 | 5950, 7470: 0.80 |
//! | 512 | 19900, 32200: 0.62 | 9320, 17100: 0.55 | 51900, 65200: 0.80 | 35300, 48000: 0.74 |
//!
//! The columns of SVD and singular values are from before small blocks and the reduction were ours: the blocks, bidiagonal
//! already, went through faer's SVD, which reduced them again.
//!
//! faer's own SVD is not called for small sides. As it is, it failed at 842 of 9881 matrices of a shorter side up to 48, as
//! `tests/attack` draws and judges them (residuals up to ‖A‖, no convergence).
//!
//! # Where each is used
//! `spectral`, `subspace` and `function` take [`symmetric_eigen`], [`thin_svd`] or their values alone; `function::gram_factors`
//! the refined ones, where a function is steep at zero; `factor::qr` takes [`thin_qr`].
//!
//! # Limits
//! Residuals grow like √n ε ‖A‖, as LAPACK's; values within 48 ε of each other may be turned by the caller (`free_basis`).
//! Small singular values are known to ε σ₁ unless refined. A call uses one thread and O(n²) numbers of buffers.

mod bidiagonal;
mod bidiagonalise;
mod double_double;
#[cfg(test)]
mod hard_cases;
mod householder;
mod householder_qr;
mod implicit_ql;
mod implicit_qr;
mod inverse_iteration;
mod join;
mod leading_eigen;
mod qr;
mod rank_one_update;
mod real_schur;
mod refined_by_parts;
mod refined_svd;
mod secular;
mod shifted_tridiagonal;
mod sliced_product;
mod small_svd;
mod sturm;
mod symmetric_eigen;
mod thick_restart;
mod thin_svd;
mod tridiagonal;
mod tridiagonalise;
mod wide;

pub(crate) use leading_eigen::LeadingEigen;
pub(crate) use qr::thin_qr;
pub(crate) use real_schur::RealSchur;
pub(crate) use refined_by_parts::refined_by_parts;
pub(crate) use refined_svd::refined_svd;
pub(crate) use symmetric_eigen::{SymmetricEigen, symmetric_eigen, symmetric_values};
pub(crate) use thick_restart::{Search, leading_pairs};
pub(crate) use thin_svd::{singular_values_only, thin_svd};
