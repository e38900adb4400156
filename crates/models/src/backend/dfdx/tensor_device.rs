//! A dfdx device: cached tables and parameters, and transfers to it and back.

use std::collections::HashMap;
use std::sync::Arc;

use dfdx::prelude::*;
use web_time::Instant;

use super::rows::{Vector, contents_of, rows_from_maps, turned};
use super::table::{Table, WindowGrid};
use super::tensor_maps::TensorMaps;
use super::uploads::Uploads;
use crate::backend::planes::Planes;
use crate::device::Transfers;

/// Tables that stay on the device; photographs come in few sizes.
const TABLES: usize = 128;

/// A device, with the tensors cached on it: tables of windows, parameters.
#[derive(Debug)]
pub(crate) struct TensorDevice<D: Device<f32>> {
    device: D,
    tables: HashMap<WindowGrid, Arc<Table<D>>>,
    uploads: Uploads<D>,
    transfers: Transfers,
}

impl<D: Device<f32> + Synchronize> TensorDevice<D> {
    pub(super) fn new(device: D) -> Self {
        Self {
            device,
            tables: HashMap::new(),
            uploads: Uploads::new(),
            transfers: Transfers::default(),
        }
    }

    /// Transfers since the last call.
    pub(super) fn take_transfers(&mut self) -> Transfers {
        std::mem::take(&mut self.transfers)
    }

    pub(super) fn device(&self) -> &D {
        &self.device
    }

    /// The table of windows on a map, made once.
    pub(super) fn table(&mut self, grid: WindowGrid) -> Result<Arc<Table<D>>, D::Err> {
        if let Some(table) = self.tables.get(&grid) {
            return Ok(Arc::clone(table));
        }
        if self.tables.len() >= TABLES {
            self.tables.clear();
        }
        let table = Arc::new(Table::new(&self.device, grid)?);
        self.tables.insert(grid, Arc::clone(&table));
        Ok(table)
    }

    /// A chain's parameters on the device; those unchanged since the last call stay there.
    pub(super) fn parameters(
        &mut self,
        host: &Arc<Vec<Vec<f32>>>,
    ) -> Result<Vec<Vector<D>>, D::Err> {
        let begin = Instant::now();
        let (parameters, bytes) = self.uploads.parameters(&self.device, host)?;
        self.transfers.seconds += begin.elapsed().as_secs_f64();
        self.transfers.bytes += bytes;
        Ok(parameters)
    }

    /// Maps of the host, on the device.
    pub(super) fn upload(&mut self, maps: Planes) -> Result<TensorMaps<D>, D::Err> {
        let (channels, height, width) = maps.size();
        let values = maps.into_contiguous();
        let begin = Instant::now();
        self.transfers.bytes += 4 * values.len() as u64;
        let rows = rows_from_maps(&self.device, channels, values);
        self.transfers.seconds += begin.elapsed().as_secs_f64();
        Ok(TensorMaps::new(rows?, (height, width)))
    }

    /// Maps of the device, on the host, without a frame.
    pub(super) fn download(&mut self, maps: TensorMaps<D>) -> Result<Planes, D::Err> {
        let (channels, height, width) = maps.size();
        let maps = turned(maps.rows)?;
        let values = self.fetch(&maps)?;
        Ok(Planes::from_vec(channels, height, width, values))
    }

    /// A tensor's contents here.
    pub(super) fn fetch<S: Shape>(
        &mut self,
        tensor: &Tensor<S, f32, D>,
    ) -> Result<Vec<f32>, D::Err> {
        // The device finishes its computations first: that time is no transfer.
        self.device.try_synchronize()?;
        let begin = Instant::now();
        let contents = contents_of(tensor);
        self.transfers.seconds += begin.elapsed().as_secs_f64();
        self.transfers.bytes += 4 * contents.len() as u64;
        Ok(contents)
    }
}
