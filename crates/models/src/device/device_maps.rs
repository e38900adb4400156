//! Feature maps from chain to chain, where the last one left them.

#[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
use std::cell::OnceCell;

use crate::backend::Planes;
#[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
use crate::backend::dfdx::{DeviceThread, RemoteMaps};
use crate::error::Result;
use crate::trunk::{InputGrid, Size};
use segmentation::GridAxis;

/// Feature maps on the host, or on the device whose chain made them.
pub(crate) enum DeviceMaps {
    Host(Planes),
    #[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
    Remote {
        maps: RemoteMaps,
        /// Made when it is asked for.
        copy: OnceCell<Planes>,
    },
}

/// Feature maps that enter a chain, and where their columns and rows lie.
pub(crate) struct GridMaps {
    pub(crate) maps: DeviceMaps,
    pub(crate) grid: InputGrid,
}

impl GridMaps {
    /// Maps whose columns and rows lie on these axes.
    pub(crate) fn on(axes: [GridAxis; 2], maps: DeviceMaps) -> Self {
        let size = maps.size();
        Self {
            maps,
            grid: InputGrid { size, axes },
        }
    }

    /// Maps whose positions are the pixels themselves, the only input of a chain.
    pub(crate) fn alone(maps: DeviceMaps) -> Vec<Self> {
        let grid = InputGrid::pixels(maps.size());
        vec![Self { maps, grid }]
    }
}

impl DeviceMaps {
    /// Channels, height, width.
    pub(crate) fn size(&self) -> Size {
        match self {
            Self::Host(planes) => planes.size(),
            #[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
            Self::Remote { maps, .. } => maps.size(),
        }
    }

    /// The maps on the host; those of a device are copied at the first call.
    ///
    /// # Errors
    /// [`Error::Tape`](crate::Error::Tape) when the device refuses.
    pub(crate) fn planes(&self) -> Result<&Planes> {
        match self {
            Self::Host(planes) => Ok(planes),
            #[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
            Self::Remote { maps, copy } => {
                if let Some(planes) = copy.get() {
                    return Ok(planes);
                }
                let planes = maps.download()?;
                Ok(copy.get_or_init(|| planes))
            }
        }
    }

    /// As [`DeviceMaps::planes`].
    ///
    /// # Errors
    /// As [`DeviceMaps::planes`].
    pub(crate) fn into_planes(self) -> Result<Planes> {
        match self {
            Self::Host(planes) => Ok(planes),
            #[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
            Self::Remote { maps, copy } => copy.into_inner().map_or_else(|| maps.download(), Ok),
        }
    }

    /// The maps on a device: nothing is copied where they lie there already.
    ///
    /// # Errors
    /// [`Error::Tape`](crate::Error::Tape) when a device refuses.
    #[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
    pub(crate) fn on(self, thread: &DeviceThread) -> Result<RemoteMaps> {
        match self {
            Self::Remote { maps, .. } if thread.holds(&maps) => Ok(maps),
            maps => thread.upload(maps.into_planes()?),
        }
    }
}

#[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
impl From<RemoteMaps> for DeviceMaps {
    fn from(maps: RemoteMaps) -> Self {
        Self::Remote {
            maps,
            copy: OnceCell::new(),
        }
    }
}
