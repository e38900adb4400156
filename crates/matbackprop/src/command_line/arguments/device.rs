//! Where networks run.

use anyhow::{Context, Result};
use clap::Args;
use models::{Device, DeviceChoice};

use crate::command_line::output;

/// The device of a command's networks.
#[derive(Args, Clone, Copy, Debug)]
pub struct DeviceArgument {
    /// Device of trunk and head: `cpu`, `cuda:N` or `auto`
    ///
    /// `auto` takes a GPU if this build and this machine have one. Matrix layers and optimiser stay on the processor.
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceChoice::Cpu)]
    device: DeviceChoice,
}

impl DeviceArgument {
    /// Which one.
    pub fn choice(self) -> DeviceChoice {
        self.device
    }

    /// Opens it; its name is printed, that of the processor as a detail.
    pub fn open(self) -> Result<Device> {
        let device = Device::open(self.device).context("--device")?;
        let line = format!("device {}", device.name());
        match self.device {
            DeviceChoice::Cpu => output::detail(&line),
            _ => output::note(&line),
        }
        Ok(device)
    }
}
