//! What every distance of two matrices gives back.

use faer::Mat;

/// The cotangents of two matrices from those of their distance.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DistanceCotangent {
    /// Ā, n × n, symmetric.
    pub a: Mat<f64>,
    /// B̄, n × n, symmetric.
    pub b: Mat<f64>,
}

/// The tangents of a distance.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct DistanceTangent {
    /// ḋ.
    pub distance: f64,
    /// That of d².
    pub squared: f64,
}

/// x / d, zero where d is: the subgradient 0 of a distance at distance zero.
pub(super) fn over_distance(x: f64, distance: f64) -> f64 {
    if distance == 0.0 { 0.0 } else { x / distance }
}
