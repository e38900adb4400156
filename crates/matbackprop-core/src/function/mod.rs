//! Functions of matrices.
