//! The seam: f32 feature maps on one side, f64 matrices on the other. The only cast of features.

use faer::{Mat, MatRef};

/// F from feature maps: a row a position (row-major over the grid), a column a channel.
///
/// # Shapes
/// `maps`: C × H × W contiguous, which is the column-major (H·W) × C matrix already.
///
/// # Panics
/// When the numbers do not fill `channels` planes.
pub fn features_from_maps(maps: &[f32], channels: usize) -> Mat<f64> {
    assert_eq!(maps.len() % channels, 0, "whole planes");
    let n = maps.len() / channels;
    Mat::from_fn(n, channels, |i, c| f64::from(maps[c * n + i]))
}

/// Feature maps' cotangent from F̄.
pub fn maps_from_features(features: MatRef<'_, f64>) -> Vec<f32> {
    let (n, d) = (features.nrows(), features.ncols());
    (0..d)
        .flat_map(|c| (0..n).map(move |i| features[(i, c)] as f32))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let maps = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let features = features_from_maps(&maps, 2);
        assert_eq!((features.nrows(), features.ncols()), (3, 2));
        assert_eq!(features[(1, 1)], 5.0);
        assert_eq!(maps_from_features(features.as_ref()), maps);
    }
}
