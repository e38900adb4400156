//! Linear systems: faer's factors, products alone, and how near to singular a matrix is.
//!
//! ```text
//! lu   triangular (Cholesky too)   bunch_kaufman      faer's kernels, behind types of ours
//! congruence         L⁻¹ A L⁻ᵀ by halves
//! minres             by products with the matrix
//! equilibrate        rows and columns of order one before them
//! sylvester_map ── quasi_triangular      X of A X + X B = C, from Schur factors
//!      triangle_root ────┘               X of X² = T
//! condition          how near to singular, by Hager's and Higham's estimate
//! ```

mod bunch_kaufman;
mod condition;
mod congruence;
mod equilibrate;
mod lu;
mod minres;
mod quasi_triangular;
mod sylvester_map;
mod triangle_root;
mod triangular;

pub(crate) use bunch_kaufman::BunchKaufman;
pub(crate) use condition::{ensure_regular, reciprocal_condition, singular};
pub(crate) use congruence::congruence;
pub(crate) use equilibrate::{Equilibration, SymmetricEquilibration};
pub(crate) use lu::Lu;
pub(crate) use minres::minres;
pub(crate) use quasi_triangular::{blocks, solve_quasi_triangular};
pub(crate) use sylvester_map::SylvesterMap;
pub(crate) use triangle_root::root_of_triangle;
pub(crate) use triangular::{
    cholesky, cholesky_in, is_positive_definite, solve_lower, solve_root, solve_upper,
};
