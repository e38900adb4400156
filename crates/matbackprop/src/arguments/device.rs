//! Where networks run.

use anyhow::{Context, Result};
use clap::Args;
use models::{Device, DeviceChoice};

use crate::output;

/// The device of a command's networks.
#[derive(Args, Clone, Copy, Debug)]
pub struct DeviceArgument {
    /// Where trunk and head run: `cpu`, `cuda:N`, or `auto`, a GPU where this build and machine have one; matrix layers
    /// and optimiser run on the processor
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceChoice::Cpu)]
    device: DeviceChoice,
}

impl DeviceArgument {
    /// Which one.
    pub fn choice(self) -> DeviceChoice {
        self.device
    }

    /// Opens it; the name of a device other than the processor is printed.
    pub fn open(self) -> Result<Device> {
        let device = Device::open(self.device).context("--device")?;
        if self.device != DeviceChoice::Cpu {
            output::note(&format!("device {}", device.name()));
        }
        Ok(device)
    }
}
