//! Gradients through burn's own backward: against finite differences, stored references, and at degenerate input.

mod degenerate;
mod finite_differences;
mod forms;
mod losses;
mod references;
mod refusals;
