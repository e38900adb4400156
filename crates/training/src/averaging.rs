//! A moving average of the weights.

use std::borrow::Cow;

use models::Network;
use models::Parameters;
use models::TrainableNetwork;

/// ā ← β ā + (1 − β) w after every step, with β = min(decay, (1 + t) / (10 + t)): early weights are
/// forgotten soon.
#[derive(Clone, Debug)]
pub(super) struct Averaging {
    decay: f64,
    values: Vec<Vec<f32>>,
}

impl Averaging {
    /// An average that starts at the network's weights.
    pub(super) fn new(decay: f64, network: &impl TrainableNetwork) -> Self {
        Self {
            decay,
            values: values_of(network),
        }
    }

    /// Takes in the weights after step `t`, counted from 1.
    pub(super) fn follow(&mut self, network: &impl TrainableNetwork, t: u64) {
        let decay = self.decay.min((1.0 + t as f64) / (10.0 + t as f64)) as f32;
        for (average, values) in self.values.iter_mut().zip(values_of(network)) {
            for (average, value) in average.iter_mut().zip(values) {
                *average = decay * *average + (1.0 - decay) * value;
            }
        }
    }

    /// The network with the average for its weights.
    fn applied<L: TrainableNetwork>(&self, network: &L) -> L {
        let mut network = network.clone();
        let mut rest = self.values.clone().into_iter();
        let mut apply = |part: &mut Network| {
            let layers = part.parameters.layers().to_vec();
            let values = rest.by_ref().take(2 * layers.len()).collect();
            part.parameters = Parameters::from_values(layers, values);
        };
        if let Some(trunk) = network.trunk_mut() {
            apply(trunk);
        }
        network.new_layers_mut().into_iter().for_each(apply);
        network
    }

    /// The network that is written: with the average for its weights, or as it is where there is no average.
    pub(super) fn written<'a, L: TrainableNetwork>(&self, network: &'a L) -> Cow<'a, L> {
        if self.decay > 0.0 {
            Cow::Owned(self.applied(network))
        } else {
            Cow::Borrowed(network)
        }
    }

    /// The averages, in the order of [`values_of`].
    pub(super) fn values(&self) -> &[Vec<f32>] {
        &self.values
    }

    /// Takes averages that were written down.
    pub(super) fn restore(&mut self, values: Vec<Vec<f32>>) {
        self.values = values;
    }
}

/// All weights: the trunk's tensors, then the others.
fn values_of(network: &impl TrainableNetwork) -> Vec<Vec<f32>> {
    let parts = network.parts().into_iter();
    parts
        .flat_map(|part| part.parameters.values().to_vec())
        .collect()
}
