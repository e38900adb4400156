//! Closed gaps, zero values, lost rank, truncation, the edge of a domain: an answer is right, or it is an error.
//!
//! `cargo test -p matbackprop-core --test closed_gaps -- --nocapture` prints how many answers of each rule were right,
//! refused and neither. `reference/closed_gaps.py` made the references, from functions of the matrices themselves.

mod edges;
mod eigen;
mod file;
mod gram;
mod report;
mod svd;
mod truncated;
