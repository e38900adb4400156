//! Time and memory of a measurement.

use models::SegmentSeconds;
use serde_json::{Value, json};

/// Seconds summed over images.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timing {
    images: usize,
    sum: SegmentSeconds,
}

impl Timing {
    /// An image more.
    pub fn add(&mut self, seconds: SegmentSeconds) {
        self.images += 1;
        self.sum.trunk += seconds.trunk;
        self.sum.layer += seconds.layer;
        self.sum.clustering += seconds.clustering;
    }

    fn mean(&self) -> SegmentSeconds {
        let share = 1.0 / self.images.max(1) as f64;
        let SegmentSeconds {
            trunk,
            layer,
            clustering,
        } = self.sum;
        SegmentSeconds {
            trunk: trunk * share,
            layer: layer * share,
            clustering: clustering * share,
        }
    }

    /// Means an image, for people.
    pub fn line(&self) -> String {
        let SegmentSeconds {
            trunk,
            layer,
            clustering,
        } = self.mean();
        let memory =
            peak_memory().map_or("unknown".to_owned(), |bytes| format!("{} MiB", bytes >> 20));
        let seconds = match self.images {
            0 => "no network".to_owned(),
            _ => format!(
                "trunk {trunk:.3} s, layer {layer:.3} s, clustering {clustering:.3} s an image"
            ),
        };
        format!("{seconds}; peak memory {memory}")
    }

    /// The same for programs; `seconds` is null where no network ran.
    pub fn object(&self) -> Value {
        let seconds = (self.images > 0).then(|| self.mean());
        json!({ "seconds_per_image": seconds, "peak_memory_bytes": peak_memory() })
    }
}

/// The most memory this process has held, where the system says.
fn peak_memory() -> Option<u64> {
    peak_of_status(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn peak_of_status(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_over_images() {
        let mut timing = Timing::default();
        timing.add(SegmentSeconds {
            trunk: 1.0,
            layer: 2.0,
            clustering: 3.0,
        });
        timing.add(SegmentSeconds {
            trunk: 3.0,
            layer: 2.0,
            clustering: 1.0,
        });
        let line = timing.line();
        assert!(
            line.starts_with("trunk 2.000 s, layer 2.000 s, clustering 2.000 s an image;"),
            "{line}"
        );
        assert_eq!(timing.object()["seconds_per_image"]["layer"], 2.0);
        assert_eq!(Timing::default().object()["seconds_per_image"], Value::Null);
    }

    #[test]
    fn peak_memory_as_the_kernel_writes_it() {
        let status = "Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t   1024 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(peak_of_status(status), Some(1 << 20));
        assert_eq!(peak_of_status("VmHWM: many"), None);
    }
}
