//! Seeded numbers, and dense matrices made of them.

use matbackprop_core::faer::{Mat, Scale};

/// Numbers below 2⁶⁴, one after another (Steele, Lea, Flood, 2014).
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64, index: u64) -> Self {
        Self(Self(seed).next() ^ Self(!index).next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// From `first` to `last`, both included.
    pub fn between(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last - first + 1)
    }

    pub fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    pub fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    /// In [0, 1).
    pub fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// In [−1, 1).
    pub fn unit(&mut self) -> f64 {
        2.0 * self.fraction() - 1.0
    }

    /// Normal, mean 0, variance 1 (Box, Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.fraction()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.fraction()).cos()
    }

    /// 1 down to 10^−decades, either sign.
    pub fn decades(&mut self, decades: f64) -> f64 {
        let x = self.unit();
        10f64.powf(-decades * x.abs()).copysign(x)
    }

    /// Entries one by one, a column after another.
    pub fn fill(
        &mut self,
        m: usize,
        n: usize,
        mut entry: impl FnMut(&mut Self, usize, usize) -> f64,
    ) -> Mat<f64> {
        let mut a = Mat::zeros(m, n);
        for j in 0..n {
            for i in 0..m {
                a[(i, j)] = entry(self, i, j);
            }
        }
        a
    }

    pub fn gaussian(&mut self, m: usize, n: usize) -> Mat<f64> {
        self.fill(m, n, |numbers, _, _| numbers.normal())
    }

    /// m × r with orthonormal columns, r ≤ m.
    pub fn orthonormal(&mut self, m: usize, r: usize) -> Mat<f64> {
        self.gaussian(m, r).qr().compute_thin_Q()
    }

    /// m × n with these singular values; or, where `symmetric`, with these eigenvalues.
    pub fn with_spectrum(
        &mut self,
        m: usize,
        n: usize,
        symmetric: bool,
        values: &[f64],
    ) -> Mat<f64> {
        let r = values.len();
        let u = self.orthonormal(m, r);
        let scaled = Mat::from_fn(m, r, |i, j| u[(i, j)] * values[j]);
        if symmetric {
            &scaled * u.transpose()
        } else {
            &scaled * self.orthonormal(n, r).transpose()
        }
    }

    /// I − 2 v vᵀ / ‖v‖².
    pub fn reflection(&mut self, n: usize) -> Mat<f64> {
        let v = self.gaussian(n, 1);
        Mat::<f64>::identity(n, n) - Scale(2.0 / v.squared_norm_l2()) * &v * v.transpose()
    }
}
