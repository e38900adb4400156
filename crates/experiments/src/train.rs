//! Trainings, from settings to a network in a folder.

mod boundaries;
mod driver;
mod messages;
mod ncuts;
mod o2p;
mod progress_log;
mod run_settings;
mod validation;

pub use boundaries::{BoundariesSettings, boundaries, boundaries_among};
pub use ncuts::{NcutsSettings, ncuts, ncuts_among};
pub use o2p::{O2pSettings, o2p, o2p_among};
pub use run_settings::{RunSettings, Trained};
pub(crate) use validation::{VALIDATION_PHOTOGRAPHS, average_covering, evenly_spaced};
