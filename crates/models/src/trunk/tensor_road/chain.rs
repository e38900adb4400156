//! A chain of layers on a device, forward and back.

use std::collections::HashMap;
use std::sync::Arc;

use dfdx::prelude::*;
use web_time::Instant;

use super::conv::Cotangents;
use super::rows::{Rows, Vector, numbers_of, plus, rows_from_maps, turned};
use super::table::{Geometry, Table};
use super::uploads::Uploads;
use crate::device::Transfers;
use crate::error::{Error, Result};
use crate::trunk::chain::{Chain, Size, Step};
use crate::trunk::dropout::{Draws, Dropout};
use crate::trunk::mode::Mode;
use crate::trunk::planes::Planes;
use crate::trunk::resize::Resize;

/// Tables that stay on the device; photographs come in few sizes.
const TABLES: usize = 128;

/// A device, and what stays on it: tables of windows, parameters.
#[derive(Debug)]
pub(crate) struct TensorRoad<D: Device<f32>> {
    device: D,
    tables: HashMap<Geometry, Arc<Table<D>>>,
    uploads: Uploads<D>,
    transfers: Transfers,
}

/// What the way back needs, on the device.
#[derive(Debug)]
pub(super) struct SavedRows<D: Device<f32>> {
    values: Vec<Option<Rows<D>>>,
    sizes: Vec<Size>,
    resizes: Vec<Resize>,
    mode: Mode,
}

impl<D: Device<f32> + Synchronize> TensorRoad<D> {
    pub(crate) fn new(device: D) -> Self {
        Self {
            device,
            tables: HashMap::new(),
            uploads: Uploads::new(),
            transfers: Transfers::default(),
        }
    }

    /// What crossed since this was asked last.
    pub(super) fn take_transfers(&mut self) -> Transfers {
        std::mem::take(&mut self.transfers)
    }

    /// As [`Chain::forward`].
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`]; [`Error::Tape`] when the device refuses.
    pub(super) fn forward(
        &mut self,
        chain: &Chain,
        input: Planes,
        parameters: &Arc<Vec<Vec<f32>>>,
        mode: Mode,
        keep: bool,
    ) -> Result<(Planes, SavedRows<D>)> {
        let sizes = chain.sizes((input.channels(), input.height(), input.width()))?;
        let resizes = chain.resizes(&sizes);
        let parameters = self.parameters(parameters)?;
        let last_uses = chain.last_uses();
        let mut values = vec![Some(self.up(input.channels(), input.into_contiguous())?)];
        for (index, step) in chain.steps.iter().enumerate() {
            let place = (index, sizes[index], sizes[index + 1]);
            let next = self.step_forward(step, place, &values, &parameters, &mode);
            values.push(Some(next.map_err(refused)?));
            if !keep {
                for (value, last_use) in values.iter_mut().zip(&last_uses) {
                    if *last_use <= index {
                        *value = None;
                    }
                }
            }
        }
        let output = joined(chain, &values, &sizes, &resizes).map_err(refused)?;
        let (_, height, width) = sizes[chain.taps[0].value];
        let channels = output.shape().1;
        let output = Planes::from_contiguous(channels, height, width, 0, &self.down(output)?);
        let values = if keep { values } else { Vec::new() };
        let saved = SavedRows {
            values,
            sizes,
            resizes,
            mode,
        };
        Ok((output, saved))
    }

    /// As [`Chain::vjp`].
    ///
    /// # Errors
    /// [`Error::Tape`] when the device refuses.
    ///
    /// # Panics
    /// When `saved` was made without `keep`.
    pub(super) fn vjp(
        &mut self,
        chain: &Chain,
        saved: SavedRows<D>,
        parameters: &Arc<Vec<Vec<f32>>>,
        out_bar: &Planes,
        first_step: usize,
        want_input: bool,
    ) -> Result<(Vec<Vec<f32>>, Option<Planes>)> {
        let mut parameter_bars = vec![Vec::new(); parameters.len()];
        let parameters = self.parameters(parameters)?;
        let bar = self.up(out_bar.channels(), out_bar.to_contiguous())?;
        let mut bars = unjoined(chain, &saved, bar).map_err(refused)?;
        let mut values = saved.values;
        for (index, step) in chain.steps.iter().enumerate().skip(first_step).rev() {
            let output = values[index + 1].take();
            let Some(bar) = bars[index + 1].take() else {
                continue;
            };
            let output = output.expect("values are kept for the way back");
            let input = values[index]
                .as_ref()
                .expect("values are kept for the way back");
            let wanted = index > first_step || (want_input && first_step == 0);
            if let Step::Add { value } = step {
                let earlier = bars[*value].take();
                bars[*value] = Some(plus(earlier, bar.clone()).map_err(refused)?);
            }
            let place = (index, saved.sizes[index], saved.sizes[index + 1]);
            let ends = (input, &output, bar);
            let home = self.step_vjp(step, place, ends, &parameters, (&saved.mode, wanted));
            let home = home.map_err(refused)?;
            if let Some((weight, [kernel_bar, bias_bar])) = home.parameters {
                parameter_bars[weight] = self.fetched(&kernel_bar)?;
                parameter_bars[weight + 1] = self.fetched(&bias_bar)?;
            }
            if let Some(bar) = home.input {
                let earlier = bars[index].take();
                bars[index] = Some(plus(earlier, bar).map_err(refused)?);
            }
        }
        let input_bar = bars[0].take().filter(|_| want_input && first_step == 0);
        let (channels, height, width) = saved.sizes[0];
        let to_planes =
            |numbers: Vec<f32>| Planes::from_contiguous(channels, height, width, 0, &numbers);
        let input_bar = input_bar.map(|bar| self.down(bar)).transpose()?;
        Ok((parameter_bars, input_bar.map(to_planes)))
    }

    fn step_forward(
        &mut self,
        step: &Step,
        (index, (_, h, w), (_, to_h, to_w)): (usize, Size, Size),
        values: &[Option<Rows<D>>],
        parameters: &[Vector<D>],
        mode: &Mode,
    ) -> std::result::Result<Rows<D>, D::Err> {
        let value = |index: usize| {
            values[index]
                .as_ref()
                .expect("a value is kept until its last use")
        };
        let input = value(index);
        let (from, to) = ((h, w), (to_h, to_w));
        match step {
            Step::Conv { layer, weight } => {
                let table = self.table(Geometry::of(layer.window(), from, to))?;
                let (kernel, bias) = (&parameters[*weight], &parameters[weight + 1]);
                layer.rows_forward(&table, input, kernel, bias)
            }
            Step::Depthwise { layer, weight } => {
                let table = self.table(Geometry::of(layer.window(), from, to))?;
                let (kernel, bias) = (&parameters[*weight], &parameters[weight + 1]);
                layer.rows_forward(&table, input, kernel, bias)
            }
            Step::MaxPool(pool) => {
                let table = self.table(Geometry::of(pool.window(), from, to))?;
                pool.rows_forward(&table, input)
            }
            Step::ResponseNorm(norm) => norm.rows_forward(input),
            Step::Dropout(dropout) => self.dropped(dropout, index, input.clone(), (h, w), mode),
            Step::Add { value: earlier } => input.clone().try_add(value(*earlier).clone()),
        }
    }

    fn step_vjp(
        &mut self,
        step: &Step,
        (index, (_, h, w), (_, to_h, to_w)): (usize, Size, Size),
        (input, output, bar): (&Rows<D>, &Rows<D>, Rows<D>),
        parameters: &[Vector<D>],
        (mode, wanted): (&Mode, bool),
    ) -> std::result::Result<Home<D>, D::Err> {
        let (from, to) = ((h, w), (to_h, to_w));
        let input_bar = match step {
            Step::Conv { layer, weight } => {
                let table = self.table(Geometry::of(layer.window(), from, to))?;
                let kernel = &parameters[*weight];
                let home = layer.rows_vjp(&table, input, kernel, output, bar, wanted)?;
                return Ok(Home::of_layer(*weight, home));
            }
            Step::Depthwise { layer, weight } => {
                let table = self.table(Geometry::of(layer.window(), from, to))?;
                let kernel = &parameters[*weight];
                let home = layer.rows_vjp(&table, input, kernel, output, bar, wanted)?;
                return Ok(Home::of_layer(*weight, home));
            }
            _ if !wanted => None,
            Step::MaxPool(pool) => {
                let table = self.table(Geometry::of(pool.window(), from, to))?;
                Some(pool.rows_vjp(&table, input, output, bar)?)
            }
            Step::ResponseNorm(norm) => Some(norm.rows_vjp(input, bar)?),
            Step::Dropout(dropout) => Some(self.dropped(dropout, index, bar, (h, w), mode)?),
            Step::Add { .. } => Some(bar),
        };
        Ok(Home {
            input: input_bar,
            parameters: None,
        })
    }

    /// m ∘ x, m drawn on the host: the same numbers as there.
    fn dropped(
        &self,
        dropout: &Dropout,
        index: usize,
        rows: Rows<D>,
        (height, width): (usize, usize),
        mode: &Mode,
    ) -> std::result::Result<Rows<D>, D::Err> {
        let Some(draws) = mode.draws(index) else {
            return Ok(rows);
        };
        let channels = rows.shape().1;
        let each = dropout.single || matches!(draws, Draws::ByColumn(_));
        let (height, width) = if each { (height, width) } else { (1, 1) };
        let ones = vec![1.0; channels * height * width];
        let mut mask = Planes::from_contiguous(channels, height, width, 0, &ones);
        dropout.mask_in_place(&mut mask, &draws);
        let mask = rows_from_maps(&self.device, channels, mask.into_contiguous())?;
        if each {
            return rows.try_mul(mask);
        }
        let mask = mask.try_reshape_like(&(channels,))?;
        let mask = mask.try_broadcast_like::<_, Axis<0>>(&rows)?;
        rows.try_mul(mask)
    }

    fn table(&mut self, geometry: Geometry) -> std::result::Result<Arc<Table<D>>, D::Err> {
        if let Some(table) = self.tables.get(&geometry) {
            return Ok(Arc::clone(table));
        }
        if self.tables.len() >= TABLES {
            self.tables.clear();
        }
        let table = Arc::new(Table::new(&self.device, geometry)?);
        self.tables.insert(geometry, Arc::clone(&table));
        Ok(table)
    }

    fn parameters(&mut self, host: &Arc<Vec<Vec<f32>>>) -> Result<Vec<Vector<D>>> {
        let begin = Instant::now();
        let copied = self.uploads.parameters(&self.device, host);
        let (parameters, bytes) = copied.map_err(refused)?;
        self.transfers.seconds += begin.elapsed().as_secs_f64();
        self.transfers.bytes += bytes;
        Ok(parameters)
    }

    /// n × C on the device from C × n here.
    fn up(&mut self, channels: usize, maps: Vec<f32>) -> Result<Rows<D>> {
        let begin = Instant::now();
        self.transfers.bytes += 4 * maps.len() as u64;
        let rows = rows_from_maps(&self.device, channels, maps).map_err(refused);
        self.transfers.seconds += begin.elapsed().as_secs_f64();
        rows
    }

    /// C × n here from n × C on the device.
    fn down(&mut self, rows: Rows<D>) -> Result<Vec<f32>> {
        let maps = turned(rows).map_err(refused)?;
        self.fetched(&maps)
    }

    /// A tensor's numbers here.
    fn fetched<S: Shape>(&mut self, tensor: &Tensor<S, f32, D>) -> Result<Vec<f32>> {
        // What is copied has to be there first: its making is no transfer.
        self.device.try_synchronize().map_err(refused)?;
        let begin = Instant::now();
        let numbers = numbers_of(tensor);
        self.transfers.seconds += begin.elapsed().as_secs_f64();
        self.transfers.bytes += 4 * numbers.len() as u64;
        Ok(numbers)
    }
}

/// What comes home from one step.
struct Home<D: Device<f32>> {
    input: Option<Rows<D>>,
    /// Place of the kernel among the parameters; its cotangent and the bias's.
    parameters: Option<(usize, [Vector<D>; 2])>,
}

impl<D: Device<f32>> Home<D> {
    fn of_layer(weight: usize, home: Cotangents<D>) -> Self {
        Self {
            input: home.input,
            parameters: Some((weight, [home.weight, home.bias])),
        }
    }
}

/// y = [s₁ v_{t₁}, s₂ resize(v_{t₂}), …], a column a channel.
fn joined<D: Device<f32>>(
    chain: &Chain,
    values: &[Option<Rows<D>>],
    sizes: &[Size],
    resizes: &[Resize],
) -> std::result::Result<Rows<D>, D::Err> {
    let mut output: Option<Rows<D>> = None;
    for (tap, resize) in chain.taps.iter().zip(resizes) {
        let value = values[tap.value].as_ref().expect("taps are kept");
        let (_, height, width) = sizes[tap.value];
        let scaled = value.clone().try_mul(tap.scale)?;
        let resized = resize.rows_forward(scaled, (height, width))?;
        output = Some(match output {
            None => resized,
            Some(output) => (output, resized).try_concat_along(Axis::<1>)?,
        });
    }
    Ok(output.expect("a chain has a tap"))
}

/// The cotangents of all values, so far as the taps tell.
fn unjoined<D: Device<f32>>(
    chain: &Chain,
    saved: &SavedRows<D>,
    bar: Rows<D>,
) -> std::result::Result<Vec<Option<Rows<D>>>, D::Err> {
    let mut bars: Vec<Option<Rows<D>>> = vec![None; saved.values.len()];
    let mut first = 0;
    for (tap, resize) in chain.taps.iter().zip(&saved.resizes) {
        let (channels, height, width) = saved.sizes[tap.value];
        let own = bar.clone().try_slice((.., first..first + channels))?;
        let own = resize.rows_vjp(own.try_mul(tap.scale)?, (height, width))?;
        let earlier = bars[tap.value].take();
        bars[tap.value] = Some(plus(earlier, own)?);
        first += channels;
    }
    Ok(bars)
}

fn refused(error: impl std::fmt::Display) -> Error {
    Error::Tape(error.to_string())
}
