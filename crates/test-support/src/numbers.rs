//! Numbers that are the same for a seed on every machine.

/// Numbers between 0 and 1.
pub fn uniform(count: usize, seed: u64) -> Vec<f64> {
    let mut next = uniform_numbers(seed);
    (0..count).map(|_| next()).collect()
}

/// Normal numbers.
pub fn normal(count: usize, seed: u64) -> Vec<f64> {
    let mut next = uniform_numbers(seed);
    let mut normal = || {
        let (u, v) = (1.0 - next(), next());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    };
    (0..count).map(|_| normal()).collect()
}

fn uniform_numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_their_distributions() {
        let moments = |numbers: Vec<f64>| {
            let count = numbers.len() as f64;
            let mean = numbers.iter().sum::<f64>() / count;
            let squares = numbers.iter().map(|x| (x - mean).powi(2));
            (mean, squares.sum::<f64>() / count)
        };
        // Five standard deviations of a mean and of a variance of 10⁴ numbers.
        let (mean, variance) = moments(uniform(10_000, 1));
        assert!((mean - 0.5).abs() < 0.015 && (variance - 1.0 / 12.0).abs() < 0.004);
        let (mean, variance) = moments(normal(10_000, 1));
        assert!(mean.abs() < 0.05 && (variance - 1.0).abs() < 0.08);
    }
}
