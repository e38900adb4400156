//! Chains one after the other, forward and back.

use std::rc::Rc;

use dfdx::prelude::{Cpu, Gradients};

use crate::backend::{BackwardScope, Planes};
use crate::device::{DeviceActivations, DeviceMaps, GridMaps};
use crate::error::{Result, refused};
use crate::parameters::Parameters;
use crate::trunk::{Chain, Mode};

/// Called with the place of a parameter and its gradient.
type OnGradient = dyn Fn(usize, &[f32]);

/// Called with each parameter's gradient as soon as it is complete, while the backward pass continues with earlier layers.
#[derive(Clone)]
pub struct GradientHook {
    first: usize,
    on_gradient: Rc<OnGradient>,
}

impl GradientHook {
    /// `on_gradient` gets the place of a parameter among all of a network, and its gradient.
    pub fn new(on_gradient: Rc<OnGradient>) -> Self {
        Self {
            first: 0,
            on_gradient,
        }
    }

    /// The same for a chain whose parameters come `places` later.
    pub fn after(&self, places: usize) -> Self {
        Self {
            first: self.first + places,
            on_gradient: Rc::clone(&self.on_gradient),
        }
    }

    /// Calls it for the parameter at `place` of its chain.
    pub fn call(&self, place: usize, gradient: &[f32]) {
        (self.on_gradient)(self.first + place, gradient);
    }
}

/// The forward pass of an input through some chains, with the saved activations for its backward pass.
///
/// ```text
/// input ─► chain ─► … ─► chain ─► output
///                          loss ◄──┘
/// input's bar ◄─ … ◄───── output's bar          each chain adds the gradients of its parameters
/// ```
///
/// A chain's output is the next one's input as it is, and so are cotangents on the way back: nothing is copied between
/// two chains of one [`Device`](crate::Device), nor comes to the host. [`ForwardPass::output`] brings the output there.
pub struct ForwardPass<'n> {
    /// The first is the output; others are inputs that the first chain has yet to read.
    outputs: Vec<GridMaps>,
    passed: Vec<Passed<'n>>,
}

/// A chain that the pass went through.
struct Passed<'n> {
    chain: &'n Chain,
    parameters: &'n Parameters,
    saved: DeviceActivations,
    scope: BackwardScope,
    hook: Option<GradientHook>,
}

impl<'n> ForwardPass<'n> {
    /// A pass that has gone through no chain yet.
    pub fn of(input: Planes) -> Self {
        Self::of_several(GridMaps::alone(DeviceMaps::Host(input)))
    }

    /// The same of several inputs, which the first chain joins.
    pub(crate) fn of_several(inputs: Vec<GridMaps>) -> Self {
        Self {
            outputs: inputs,
            passed: Vec::new(),
        }
    }

    /// Goes through a chain, on the device of its parameters.
    ///
    /// `hook` is called with every gradient when the backward pass has added this chain's share: for callers that know
    /// no other share comes later.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`](crate::Error::ImageTooSmall); [`Error::Tape`](crate::Error::Tape) when the device
    /// refuses.
    pub fn through(
        mut self,
        chain: &'n Chain,
        parameters: &'n Parameters,
        mode: Mode,
        scope: BackwardScope,
        hook: Option<GradientHook>,
    ) -> Result<Self> {
        let device = parameters.device();
        let values = parameters.values();
        let (output, saved) = device.forward_saving(chain, self.outputs, &values, mode)?;
        self.passed.push(Passed {
            chain,
            parameters,
            saved,
            scope,
            hook,
        });
        Ok(Self {
            outputs: GridMaps::alone(output),
            passed: self.passed,
        })
    }

    /// The last chain's output on the host, without a frame; copied from its device at the first call.
    ///
    /// # Errors
    /// [`Error::Tape`](crate::Error::Tape) when the device refuses.
    pub fn output(&self) -> Result<&Planes> {
        self.outputs[0].maps.planes()
    }

    /// Goes back through all chains, from the cotangent of the output: C × H × W numbers. Gradients of parameters are
    /// added to `gradients`. Returns the input's cotangent, where every scope asks for it.
    ///
    /// # Errors
    /// [`Error::Tape`](crate::Error::Tape) when the device refuses.
    ///
    /// # Panics
    /// When `output_bar` has another size than the output.
    pub fn backward(
        self,
        output_bar: Vec<f32>,
        gradients: &mut Gradients<f32, Cpu>,
    ) -> Result<Option<Planes>> {
        let (channels, height, width) = self.outputs[0].maps.size();
        // The device needs no output to go back.
        drop(self.outputs);
        let bar = Planes::from_vec(channels, height, width, output_bar);
        let mut bar = DeviceMaps::Host(bar);
        for passed in self.passed.into_iter().rev() {
            match passed.backward(bar, gradients)? {
                Some(input_bar) => bar = input_bar,
                None => return Ok(None),
            }
        }
        bar.into_planes().map(Some)
    }
}

impl Passed<'_> {
    fn backward(
        self,
        output_bar: DeviceMaps,
        gradients: &mut Gradients<f32, Cpu>,
    ) -> Result<Option<DeviceMaps>> {
        let tensors = self.parameters.tensors();
        let mut refusal = None;
        let add = |weight: usize, bars: [Vec<f32>; 2]| {
            for (place, bar) in (weight..).zip(bars) {
                match gradients.get_or_alloc_mut(&tensors[place]) {
                    Ok(total) => {
                        total
                            .iter_mut()
                            .zip(bar)
                            .for_each(|(total, bar)| *total += bar);
                        if let Some(hook) = &self.hook {
                            hook.call(place, total);
                        }
                    }
                    Err(error) => refusal = Some(refused(error)),
                }
            }
        };
        let (chain, values) = (self.chain, self.parameters.values());
        let device = self.parameters.device();
        let input_bar =
            device.vjp_with_hook(chain, self.saved, &values, output_bar, self.scope, add)?;
        match refusal {
            Some(error) => Err(error),
            None => Ok(input_bar),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::backend::test_values::random_values;
    use crate::device::Device;
    use crate::head::{HeadLayer, HeadLayout};
    use crate::parameters::contents_of;
    use crate::trunk::TrunkKind;

    const SIZE: (usize, usize, usize) = (3, 24, 20);
    const MODE: Mode = Mode::Training { seed: 7 };

    /// A trunk and a head that joins its taps, each on its device.
    fn chains(devices: [&Device; 2]) -> [(Chain, Parameters); 2] {
        let taps = ["expand1", "expand3"].map(|name| (name.to_owned(), 0.5));
        let trunk = TrunkKind::Lite0.chain(&taps).unwrap();
        let layer = |channels, kernel| HeadLayer { channels, kernel };
        let head = HeadLayout {
            layers: vec![layer(8, 1), layer(4, 3)],
            dropout: 0.5,
        };
        let head = head.chain(trunk.0.output_channels()).unwrap();
        let mut seed = 0;
        let with_numbers = [trunk, head].map(|(chain, layers)| {
            seed += 1;
            (chain, Parameters::random(layers, seed))
        });
        let [mut trunk, mut head] = with_numbers;
        trunk.1.set_device(devices[0]);
        head.1.set_device(devices[1]);
        [trunk, head]
    }

    fn image() -> Planes {
        let (channels, height, width) = SIZE;
        Planes::from_vec(channels, height, width, random_values(3 * 24 * 20, 1))
    }

    /// What a forward and a backward pass give, to the bit.
    #[derive(Debug, PartialEq)]
    struct Results {
        output: Vec<f32>,
        gradients: Vec<Vec<f32>>,
        input_bar: Vec<f32>,
        /// Parameters and their gradients in the order of the calls of the hook.
        calls: Vec<(usize, Vec<f32>)>,
    }

    /// Both chains, one after the other; between them the maps stay, or come to the host and go back.
    fn run(chains: &[(Chain, Parameters); 2], by_the_host: bool) -> Results {
        let calls = Rc::new(RefCell::new(Vec::new()));
        let heard = Rc::clone(&calls);
        let hook = GradientHook::new(Rc::new(move |place, gradient: &[f32]| {
            heard.borrow_mut().push((place, gradient.to_vec()));
        }));
        let [(trunk, low), (head, high)] = chains;
        let hooks = [hook.clone(), hook.after(low.tensors().len())].map(Some);
        let [low_hook, high_hook] = hooks;
        let all = BackwardScope::ALL;
        let mut gradients = Gradients::leaky();
        let pass = ForwardPass::of(image());
        let mut pass = pass.through(trunk, low, MODE, all, low_hook).unwrap();
        let mut below = None;
        if by_the_host {
            let next = ForwardPass::of(pass.output().unwrap().clone());
            below = Some(std::mem::replace(&mut pass, next));
        }
        let pass = pass.through(head, high, MODE, all, high_hook).unwrap();
        let output = pass.output().unwrap().to_contiguous();
        let bar = random_values(output.len(), 2);
        let mut input_bar = pass.backward(bar, &mut gradients).unwrap().unwrap();
        if let Some(below) = below {
            let bar = input_bar.into_contiguous();
            input_bar = below.backward(bar, &mut gradients).unwrap().unwrap();
        }
        let tensors = low.tensors().iter().chain(high.tensors());
        let gradients = tensors.map(|tensor| contents_of(&gradients.get(tensor)));
        Results {
            output,
            gradients: gradients.collect(),
            input_bar: input_bar.into_contiguous(),
            calls: calls.take(),
        }
    }

    #[test]
    fn maps_that_stay_give_the_same_bits_on_any_devices() {
        let [host, one, other] = [
            Device::default(),
            Device::tensors_on_cpu(),
            Device::tensors_on_cpu(),
        ];
        let pairs = [
            [&host, &host],
            [&one, &one],
            [&one, &other],
            [&one, &host],
            [&host, &one],
        ];
        for devices in pairs {
            let chains = chains(devices);
            let found = run(&chains, false);
            assert_eq!(found, run(&chains, true), "{devices:?}");
            assert!(found.output.iter().any(|value| *value != 0.0));
            // From the last layer to the first; of each the kernel, then the bias.
            let layers = found.gradients.len() / 2;
            let order: Vec<_> = found.calls.iter().map(|call| call.0).collect();
            let expected = (0..layers).rev().flat_map(|i| [2 * i, 2 * i + 1]);
            assert_eq!(order, expected.collect::<Vec<_>>(), "{devices:?}");
        }
    }

    #[test]
    fn only_input_output_and_gradients_cross() {
        let device = Device::tensors_on_cpu();
        let chains = chains([&device, &device]);
        let crossed = || device.take_transfers().unwrap().bytes;
        let results = run(&chains, false);
        let parameters: usize = chains.iter().map(|(_, numbers)| numbers.count()).sum();
        let gradients: usize = results.gradients.iter().map(Vec::len).sum();
        // Input and output, and as much on the way back.
        let ends = 2 * (results.input_bar.len() + results.output.len());
        let expected = 4 * (parameters + ends + gradients) as u64;
        assert_eq!(crossed(), expected);
        // The parameters are there now; by the host, the maps between come and go on both ways.
        run(&chains, false);
        let stayed = crossed();
        assert_eq!(stayed, expected - 4 * parameters as u64);
        run(&chains, true);
        let (trunk, _) = &chains[0];
        let axes = trunk.output_axes(SIZE).unwrap();
        let positions = axes.map(|axis| axis.positions).iter().product::<usize>();
        let between = trunk.output_channels() * positions;
        assert_eq!(crossed(), stayed + 4 * 4 * between as u64);
    }
}
