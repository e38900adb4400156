//! Where networks run.

use models::{Device, DeviceChoice};

use crate::error::{Context as _, Result};
use crate::observer::Observer;

/// Opens a device; `observer` is shown its name, that of the processor as a detail.
///
/// # Errors
/// Those of [`Device::open`].
pub(crate) fn open_device(choice: DeviceChoice, observer: &mut dyn Observer) -> Result<Device> {
    let device = Device::open(choice).context("--device")?;
    let line = format!("device {}", device.name());
    match choice {
        DeviceChoice::Cpu => observer.detail(&line),
        _ => observer.message(&line),
    }
    Ok(device)
}
