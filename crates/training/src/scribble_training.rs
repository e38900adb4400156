//! Training the head on one photograph, from a few strokes of a pen.

use dfdx::prelude::*;
use dfdx::tensor::Cpu;
use faer::Mat;
use ncuts::{Indicator, NcutsLayer};
use segmentation::GridAxis;

use crate::config::Optimiser;
use crate::cut_task::CutTraining;
use crate::error::{Error, Result};
use crate::optimiser::{OptimiserState, TensorRate};
use models::{
    BackwardScope, DeepNcuts, FeatureMaps, ForwardPass, Mode, Network, TrainableNetwork as _,
    features_from_maps, maps_from_features,
};

/// Steps of Adam on a network's head that make the cut of one photograph follow the scribbles on it.
///
/// ```text
///     trunk's features ─► head ─► F, the rows S under the pen ─► J = ½ ‖Π_A − P‖² ─► F̄_S ─► head
/// ```
///
/// The pen leaves most positions of the grid open: normalised cuts of the marked positions alone is the criterion, all
/// others have no say and no cotangent. The head is shared by every position, so they follow.
///
/// # Conventions
/// A position of the features' grid is marked by the strokes over the pixels nearest to it, by the label of most of
/// them, of equal ones by the smallest. Dropout is off.
///
/// # Cost
/// Of a step: head forward and back over the whole grid, and O(m d² + m k d) for m marked positions.
#[derive(Clone)]
pub struct ScribbleTraining {
    network: DeepNcuts,
    maps: FeatureMaps,
    positions: Vec<usize>,
    indicator: Indicator,
    layer: NcutsLayer,
    epsilon: f64,
    optimiser: OptimiserState,
    rate: f64,
}

/// The measures of a step of [`ScribbleTraining`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScribbleStep {
    /// J before the step.
    pub loss: f64,
    /// tr P = Σ σ² / (σ² + ε): the rank of the similarity's regularised projector, which falls smoothly.
    pub similarity_rank: f64,
    /// Labels that have marked positions.
    pub target_rank: usize,
    /// Length of the head's gradient.
    pub gradient_norm: f64,
}

impl ScribbleTraining {
    /// Starts from a network, the trunk's features of the photograph, and the pen's label of every pixel, 0 for none.
    ///
    /// # Errors
    /// [`Error::Setting`] for strokes that do not fill `width × height`, leave fewer than two labels on the grid, a
    /// network without a head, or a rate that is not above 0; [`models::Error::ImageTooSmall`].
    pub fn new(
        network: &DeepNcuts,
        maps: FeatureMaps,
        strokes: &[u8],
        (width, height): (usize, usize),
        rate: f64,
    ) -> Result<Self> {
        let wrong = |name, expected, found: String| Error::Setting {
            name,
            expected,
            found,
        };
        if strokes.len() != width * height {
            let found = format!("{} for {width} × {height}", strokes.len());
            return Err(wrong("strokes", "a label a pixel", found));
        }
        if head_of(network).is_none() {
            let found = "none".to_owned();
            return Err(wrong("network", "one with a head to train", found));
        }
        if !(rate.is_finite() && rate > 0.0) {
            return Err(wrong("rate", "a number above 0", rate.to_string()));
        }
        let axes = network.grid_axes(height, width)?;
        let marks = marked_positions(strokes, width, axes);
        let mut labels: Vec<u8> = marks.iter().map(|mark| mark.1).collect();
        labels.sort_unstable();
        labels.dedup();
        if labels.len() < 2 {
            let found = format!("{} on {} positions", labels.len(), marks.len());
            return Err(wrong("strokes", "two labels or more", found));
        }
        let segment = |label: u8| labels.partition_point(|other| *other < label) as u32;
        let assignment = marks.iter().map(|mark| segment(mark.1)).collect();
        Ok(Self {
            network: network.clone(),
            maps,
            positions: marks.iter().map(|mark| mark.0).collect(),
            indicator: Indicator::from_assignment(assignment, labels.len())?,
            layer: CutTraining::default().layer(),
            epsilon: CutTraining::default().epsilon().unwrap_or_default(),
            optimiser: OptimiserState::new(Optimiser::Adam),
            rate,
        })
    }

    /// The network as it stands.
    pub fn network(&self) -> &DeepNcuts {
        &self.network
    }

    /// The trunk's features, on which the head learns.
    pub fn maps(&self) -> &FeatureMaps {
        &self.maps
    }

    /// Positions of the grid under the pen, and labels there.
    pub fn marked(&self) -> (usize, usize) {
        (self.positions.len(), self.indicator.segments())
    }

    /// One step down the gradient.
    ///
    /// # Errors
    /// Those of normalised cuts; [`Error::Diverged`] where loss or gradient are not finite, and nothing is changed.
    pub fn step(&mut self) -> Result<ScribbleStep> {
        let Some(head) = head_of(&self.network) else {
            unreachable!("checked when the training was made");
        };
        let (mode, scope) = (Mode::Inference, BackwardScope::PARAMETERS);
        let pass = ForwardPass::of(self.maps.planes());
        let pass = pass.through(&head.chain, &head.parameters, mode, scope, None)?;
        let output = pass.output()?;
        let features = features_from_maps(output.data(), output.channels());
        let (marked, d) = (&self.positions, features.ncols());
        let under_pen = Mat::from_fn(marked.len(), d, |i, c| features[(marked[i], c)]);
        let indicators = std::slice::from_ref(&self.indicator);
        let cut = self.layer.forward(under_pen.as_ref(), None, indicators)?;
        let bars = cut.vjp(1.0)?.features;
        let mut features_bar = Mat::zeros(features.nrows(), d);
        for (i, position) in marked.iter().enumerate() {
            for c in 0..d {
                features_bar[(*position, c)] = bars[(i, c)];
            }
        }
        let mut gradients = Gradients::leaky();
        pass.backward(maps_from_features(features_bar.as_ref()), &mut gradients)?;
        let met = ScribbleStep {
            loss: cut.loss(),
            similarity_rank: soft_rank(cut.spectrum(), self.epsilon),
            target_rank: cut.target_ranks().iter().sum(),
            gradient_norm: self.gradient_norm(&gradients),
        };
        let step = self.optimiser.steps() + 1;
        for (what, found) in [("loss", met.loss), ("gradient", met.gradient_norm)] {
            if !found.is_finite() {
                let images = "the photograph".to_owned();
                return Err(Error::Diverged {
                    step,
                    what,
                    found,
                    images,
                });
            }
        }
        self.follow(gradients)?;
        Ok(met)
    }

    fn gradient_norm(&self, gradients: &Gradients<f32, Cpu>) -> f64 {
        let tensors = head_of(&self.network).into_iter();
        let tensors = tensors.flat_map(|head| head.parameters.tensors());
        let energy = tensors.map(|tensor| {
            let bar = gradients.get(tensor).as_vec();
            bar.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>()
        });
        energy.sum::<f64>().sqrt()
    }

    fn follow(&mut self, mut gradients: Gradients<f32, Cpu>) -> Result<()> {
        let at = TensorRate {
            rate: self.rate,
            weight_decay: 0.0,
        };
        self.optimiser.begin_step();
        let head = self.network.new_layers_mut().into_iter();
        for tensor in head.flat_map(|head| head.parameters.tensors_mut()) {
            self.optimiser.update(tensor, &mut gradients, at)?;
        }
        Ok(())
    }
}

/// The layers above the trunk, where there are any.
fn head_of(network: &DeepNcuts) -> Option<&Network> {
    network.new_layers().into_iter().next()
}

/// Σ σ² / (σ² + ε)
fn soft_rank(spectrum: &[f64], epsilon: f64) -> f64 {
    spectrum
        .iter()
        .map(|sigma| sigma * sigma / (sigma * sigma + epsilon))
        .sum()
}

/// The positions of the grid that pixels were marked near, and the label of most of those, in the order of the grid.
fn marked_positions(
    strokes: &[u8],
    width: usize,
    [column, row]: [GridAxis; 2],
) -> Vec<(usize, u8)> {
    let nearest = |axis: GridAxis, pixel: usize| axis.coordinate(pixel).round() as usize;
    let columns: Vec<usize> = (0..width).map(|x| nearest(column, x)).collect();
    // (position, label) of every marked pixel: alike ones side by side, after sorting.
    let mut votes: Vec<(usize, u8)> = Vec::new();
    for (y, pixels) in strokes.chunks(width).enumerate() {
        let begin = nearest(row, y) * column.positions;
        let marks = pixels.iter().zip(&columns);
        votes.extend(
            marks
                .filter(|(label, _)| **label > 0)
                .map(|(label, x)| (begin + x, *label)),
        );
    }
    votes.sort_unstable();
    let mut marks: Vec<(usize, u8, usize)> = Vec::new();
    for alike in votes.chunk_by(|a, b| a == b) {
        let (position, label) = alike[0];
        match marks.last_mut() {
            Some(last) if last.0 == position => {
                if alike.len() > last.2 {
                    *last = (position, label, alike.len());
                }
            }
            _ => marks.push((position, label, alike.len())),
        }
    }
    marks.into_iter().map(|mark| (mark.0, mark.1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::RgbImage;
    use models::{CutArchitecture, HeadLayer, HeadLayout, TrunkKind, TrunkWeights};

    const SIZE: (usize, usize) = (96, 64);

    fn network() -> DeepNcuts {
        let layer = |channels, kernel| HeadLayer { channels, kernel };
        let head = HeadLayout {
            layers: vec![layer(16, 1), layer(8, 3)],
            dropout: 0.3,
        };
        let architecture = CutArchitecture::new(TrunkKind::Lite0, Some(head));
        DeepNcuts::new(architecture, &TrunkWeights::Random, 3).unwrap()
    }

    fn photograph() -> RgbImage {
        RgbImage::from_fn(96, 64, |x, y| {
            image::Rgb([
                (x * 2) as u8,
                if x < 48 { 30 } else { 200 },
                (y * 3 % 251) as u8,
            ])
        })
    }

    /// A stroke of label 1 at the left, one of label 2 at the right.
    fn strokes() -> Vec<u8> {
        let label = |place: usize| match (place % 96, place / 96) {
            (8..32, 20..40) => 1,
            (64..88, 20..40) => 2,
            _ => 0,
        };
        (0..96 * 64).map(label).collect()
    }

    fn training(strokes: &[u8]) -> Result<ScribbleTraining> {
        let network = network();
        let maps = network.trunk_features(&photograph())?;
        ScribbleTraining::new(&network, maps, strokes, SIZE, 3e-3)
    }

    #[test]
    fn the_cut_follows_the_pen() {
        let given = network();
        let maps = given.trunk_features(&photograph()).unwrap();
        let mut training = ScribbleTraining::new(&given, maps, &strokes(), SIZE, 3e-3).unwrap();
        let head = |network: &DeepNcuts| head_of(network).unwrap().parameters.values();
        let before = head(&given).to_vec();
        assert_eq!(training.marked().1, 2);
        let first = training.step().unwrap();
        assert_eq!(first.target_rank, 2);
        let last = (0..30).map(|_| training.step().unwrap()).last().unwrap();
        assert!(last.loss < 0.7 * first.loss, "{first:?} {last:?}");
        assert!(last.similarity_rank < first.similarity_rank);
        // The network that was given is as it was; the one that learned has another head.
        assert_eq!(*head(&given), before);
        assert_ne!(*head(training.network()), before);
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let mut training = training(&strokes()).unwrap();
        training.rate = 1e-5;
        // Adam's first step goes by the rate along every sign of the gradient.
        let before = training.clone();
        let met = training.step().unwrap();
        let head = |training: &ScribbleTraining| {
            let head = head_of(&training.network).unwrap();
            head.parameters.values()
        };
        let (old, new) = (head(&before), head(&training));
        let moved: f64 = old
            .iter()
            .flatten()
            .zip(new.iter().flatten())
            .map(|(a, b)| f64::from((b - a).abs()))
            .sum();
        let fell = met.loss - training.step().unwrap().loss;
        // |g|₁ ≤ √p |g|₂ and the fall is rate |g|₁: between the two norms.
        let p = old.iter().flatten().count() as f64;
        assert!(moved > 0.0);
        assert!(fell > 0.9 * 1e-5 * met.gradient_norm, "{fell} {met:?}");
        assert!(
            fell < 1.1 * 1e-5 * p.sqrt() * met.gradient_norm,
            "{fell} {met:?}"
        );
    }

    #[test]
    fn most_pixels_name_a_position() {
        let axis = |positions| GridAxis::spread(positions, 2 * positions);
        let strokes = [
            [1, 1, 0, 0, 2, 3], //
            [2, 1, 0, 0, 3, 2],
        ];
        let marks = marked_positions(strokes.as_flattened(), 6, [axis(3), axis(1)]);
        assert_eq!(marks, [(0, 1), (2, 2)]);
    }

    #[test]
    fn invalid_scribbles_are_refused_by_name() {
        let one: Vec<u8> = strokes().iter().map(|label| label % 2).collect();
        for (strokes, expected) in [
            (one, "two labels"),
            (vec![0; 96 * 64], "two labels"),
            (vec![1; 7], "a label a pixel"),
        ] {
            let refused = training(&strokes).err().unwrap().to_string();
            assert!(refused.contains(expected), "{refused}");
        }
    }
}
