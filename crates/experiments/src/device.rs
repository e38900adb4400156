//! Where networks run.

use models::{Device, DeviceChoice};

use crate::error::{Context as _, Result};
use crate::observer::Observer;

/// Opens a device; `observer` is shown its name unless it is the processor.
///
/// # Errors
/// Those of [`Device::open`].
pub(crate) fn open_device(choice: DeviceChoice, observer: &mut dyn Observer) -> Result<Device> {
    let device = Device::open(choice).context("--device")?;
    if choice != DeviceChoice::Cpu {
        observer.message(&format!("device {}", device.name()));
    }
    Ok(device)
}
