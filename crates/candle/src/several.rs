//! Several outputs of one operation: candle's operations have one.
//!
//! ```text
//! inputs ─► Operation ─► a number for each output ─► Part ─► output            forth: outputs wait here for their parts
//!                                   the cotangent's name ◄─ Part ◄─ cotangent    back: cotangents wait here for the operation
//! ```
//!
//! So no output and no cotangent is copied, and one that the loss does not see has no name.

use crate::axes::reached;
use candle_core::{CpuStorage, CustomOp1, DType, Device, Error, Layout, Result, Shape, Tensor};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Names are whole numbers that f32 holds.
const NAMES: u32 = 1 << 24;

/// What waits between an operation and its parts.
#[derive(Debug, Default)]
pub(crate) struct Several {
    outputs: Mutex<Vec<Option<(CpuStorage, Shape)>>>,
    bars: Mutex<Bars>,
}

/// Cotangents by name: several ways back may go on at a time.
#[derive(Debug, Default)]
struct Bars {
    waiting: HashMap<u32, Tensor>,
    last: u32,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Several {
    /// Keeps the outputs until their parts take them.
    pub fn wait(&self, outputs: Vec<(CpuStorage, Shape)>) {
        *locked(&self.outputs) = outputs.into_iter().map(Some).collect();
    }

    /// Keeps a cotangent; its name, from one.
    fn name(&self, bar: Tensor) -> u32 {
        let mut bars = locked(&self.bars);
        let free = |bars: &Bars, name: &u32| !bars.waiting.contains_key(name);
        let name = (0..NAMES)
            .map(|step| (bars.last + step) % (NAMES - 1) + 1)
            .find(|name| free(&bars, name));
        let name = name.unwrap_or(NAMES);
        bars.last = name;
        bars.waiting.insert(name, bar);
        name
    }

    /// The cotangents by their names, zero for none.
    pub fn taken(&self, names: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let names = names.to_dtype(DType::F64)?.to_vec1::<f64>()?;
        let mut bars = locked(&self.bars);
        let taken = names.into_iter().map(|name| {
            if name == 0.0 {
                return Ok(None);
            }
            match bars.waiting.remove(&(name as u32)) {
                Some(bar) => Ok(Some(bar)),
                None => candle_core::bail!("expected the cotangent of an output, found none"),
            }
        });
        taken.collect()
    }
}

/// One of several outputs.
pub(crate) struct Part {
    several: Arc<Several>,
    output: usize,
}

impl Part {
    pub fn new(several: &Arc<Several>, output: usize) -> Self {
        Self {
            several: Arc::clone(several),
            output,
        }
    }
}

impl CustomOp1 for Part {
    fn name(&self) -> &'static str {
        "one of several outputs"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut outputs = locked(&self.several.outputs);
        let own = outputs.get_mut(self.output).and_then(Option::take);
        own.ok_or_else(|| Error::msg(format!("expected output {}, found none", self.output)))
    }

    fn bwd(&self, arg: &Tensor, _res: &Tensor, grad_res: &Tensor) -> Result<Option<Tensor>> {
        let mut names = vec![0.0; arg.elem_count()];
        if let Some(name) = names.get_mut(self.output) {
            *name = f64::from(self.several.name(reached(grad_res)?));
        }
        let names = Tensor::from_vec(names, arg.shape(), &Device::Cpu)?;
        Ok(Some(names.to_dtype(arg.dtype())?))
    }
}
