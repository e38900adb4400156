//! How a region is looked at: plainly, or a little beside it and mirrored, as training wants.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::Serialize;

use crate::error::{Error, Result};

/// The farthest jitter, in sides of the box.
const FARTHEST: f64 = 0.1;
/// The largest jitter of size, nearer or farther.
const NEAREST: f64 = 1.25;

/// Where the window lies around a region's box.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct View {
    /// Right and down, in widths and heights of the box.
    pub shift: [f64; 2],
    /// Above 1 is nearer: a smaller window.
    pub zoom: f64,
    /// Left and right exchanged.
    pub flipped: bool,
}

impl View {
    /// The box itself, as in tests.
    pub const fn plain() -> Self {
        Self {
            shift: [0.0; 2],
            zoom: 1.0,
            flipped: false,
        }
    }

    /// A view at random, the same for the same seed on every machine: shifted by up to a tenth of the box each way,
    /// up to 1.25 times nearer or farther with equal odds, mirrored every second time.
    pub fn jittered(seed: u64) -> Self {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let shift = [(); 2].map(|()| random.random_range(-FARTHEST..=FARTHEST));
        let zoom = random.random_range(-1.0..=1.0) * NEAREST.ln();
        Self {
            shift,
            zoom: f64::exp(zoom),
            flipped: random.random(),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        let refused = |name, expected: &str, found: String| Error::Argument {
            op: "View",
            name,
            expected: expected.to_owned(),
            found,
        };
        // Comparisons that a NaN fails too.
        if !self.shift.iter().all(|shift| shift.abs() <= 10.0) {
            let found = format!("{:?}", self.shift);
            return Err(refused("shift", "at most 10 boxes each way", found));
        }
        if !(0.01..=100.0).contains(&self.zoom) {
            return Err(refused(
                "zoom",
                "a factor from 0.01 to 100",
                self.zoom.to_string(),
            ));
        }
        Ok(())
    }
}

impl Default for View {
    fn default() -> Self {
        Self::plain()
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;

    #[test]
    fn jitter_stays_in_its_range_and_repeats() {
        let views: Vec<_> = (0..2000).map(View::jittered).collect();
        for (seed, view) in views.iter().enumerate() {
            assert!(view.shift.iter().all(|shift| shift.abs() <= 0.1));
            assert!(
                (0.8 - 1e-12..=1.25 + 1e-12).contains(&view.zoom),
                "{view:?}"
            );
            assert_eq!(*view, View::jittered(seed as u64));
            view.check().unwrap();
        }
        let mirrored = views.iter().filter(|view| view.flipped).count();
        let nearer = views.iter().filter(|view| view.zoom > 1.0).count();
        let right = views.iter().filter(|view| view.shift[0] > 0.0).count();
        // A fair coin 2000 times: 1000 ± 5 σ, σ = 22.4.
        for count in [mirrored, nearer, right] {
            assert!((888..=1112).contains(&count), "{count}");
        }
        assert_eq!(View::default(), View::plain());
    }

    #[test]
    fn refuses_views_of_nowhere() {
        let plain = View::plain();
        for zoom in [0.0, -1.0, f64::NAN, f64::INFINITY, 101.0] {
            refused! { View { zoom, ..plain }.check() => Error::Argument { name: "zoom", .. } }
        }
        for far in [f64::NAN, 10.1, f64::NEG_INFINITY] {
            let error = View {
                shift: [0.0, far],
                ..plain
            }
            .check()
            .unwrap_err();
            assert!(matches!(error, Error::Argument { name: "shift", .. }));
        }
    }
}
