//! The memory that a network takes at a picture's size, compared before it runs: an allocation that fails ends the process
//! without the file's name.

use std::path::Path;

use models::{DeepBoundaries, DeepNcuts, TrunkKind};
use pictures::{MemoryBudget, Result};
use training::TrunkTraining;

/// What work on a picture needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Whatever the picture's size.
    bytes: u64,
    bytes_a_pixel: u64,
    /// The work, as it stands in the error.
    what: &'static str,
}

impl Need {
    /// Segmenting by a network, or by several one after another, beside what the process has.
    pub fn segmenting<'a>(networks: impl IntoIterator<Item = &'a DeepNcuts>) -> Self {
        let trunks = networks.into_iter();
        let trunks = trunks.map(|network| network.architecture().trunk);
        Self {
            bytes: 0,
            bytes_a_pixel: trunks.map(segmenting_a_pixel).max().unwrap_or(0),
            what: "segmenting",
        }
    }

    /// The same with a network that draws boundaries, before or after.
    pub fn and_drawing(self, network: Option<&DeepBoundaries>) -> Self {
        let drawing = network.map(|network| drawing_a_pixel(network.architecture().trunk));
        Self {
            bytes_a_pixel: self.bytes_a_pixel.max(drawing.unwrap_or(0)),
            ..self
        }
    }

    /// Learning, at least: where the trunk learns, what backward needs of it is kept.
    pub fn learning(trunk: TrunkKind, learns: &TrunkTraining) -> Self {
        Self {
            bytes: 0,
            bytes_a_pixel: match (trunk, learns) {
                (TrunkKind::Lite0, TrunkTraining::Whole) => 1000,
                (_, TrunkTraining::Whole) => 2000,
                // Of some layers alone: at least as for none.
                (_, _) => segmenting_a_pixel(trunk),
            },
            what: "learning",
        }
    }

    /// With the process itself and the weights of its trunk: measured, rounded down.
    pub fn in_process(self, trunk: TrunkKind) -> Self {
        let bytes = match trunk {
            TrunkKind::Vgg16 => 165 << 20,
            _ => 124 << 20,
        };
        Self { bytes, ..self }
    }

    /// Compares the need at a size, of width and height, with a budget; `hint` stands behind the size in the error.
    ///
    /// # Errors
    /// Those of [`MemoryBudget::check`], by the file's name.
    pub fn check(
        &self,
        budget: MemoryBudget,
        file: &Path,
        (width, height): (u32, u32),
        hint: &str,
    ) -> Result<()> {
        let needed = u64::from(width) * u64::from(height) * self.bytes_a_pixel + self.bytes;
        let what = format!("{} at {width} × {height} pixels{hint}", self.what);
        budget.check(&file.display().to_string(), &what, needed)
    }

    /// Compares it with the system's limit on this process, where there is one.
    ///
    /// # Errors
    /// As [`Need::check`].
    pub fn check_limit(&self, file: &Path, size: (u32, u32)) -> Result<()> {
        MemoryBudget::of_limit().map_or(Ok(()), |limit| self.check(limit, file, size, ""))
    }
}

/// Bytes that a network takes for each pixel that it sees, at its largest: measured, rounded up.
fn segmenting_a_pixel(trunk: TrunkKind) -> u64 {
    match trunk {
        TrunkKind::Lite0 => 160,
        _ => 640,
    }
}

/// The same of a network that draws boundaries, which holds its levels until the last of them is made: of Lite0 measured,
/// of the others reckoned from their channels.
fn drawing_a_pixel(trunk: TrunkKind) -> u64 {
    match trunk {
        TrunkKind::Lite0 => 200,
        _ => 960,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_needs_too_much_is_refused_by_name() {
        let need = Need::learning(TrunkKind::Lite0, &TrunkTraining::Frozen);
        let need = need.in_process(TrunkKind::Lite0);
        let file = Path::new("slide.png");
        let budget = MemoryBudget::of_bytes(150 << 20);
        assert!(need.check(budget, file, (481, 321), "").is_ok());
        let refused = need.check(budget, file, (4000, 3000), " (here)");
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.starts_with(
                "slide.png: expected at most 150 MiB of memory for learning at 4000 × 3000 pixels (here), found 2 GiB"
            ),
            "{refused}"
        );
    }
}
