//! Trunk → two scales joined → head → normalised cuts.

use dfdx::prelude::{Cpu, Gradients, HasShape, OwnedTape, TensorFromVec, Trace};
use image::RgbImage;
use ncuts::{Indicator, NcutsLayer};
use segmentation::{GridAxis, LabelMap};

use crate::architecture::Architecture;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::feature_maps::{FeatureMaps, GridFeatures};
use crate::network::{Network, TrunkWeights};
use crate::parameters::numbers;
use crate::seam::{features_from_maps, maps_from_features};
use crate::tape::{Hearer, MapTensor, Reach, refused, run_chain, run_chain_heard, send_home};
use crate::trainable_network::{TrainableNetwork, described};
use crate::trunk::Mode;
use crate::weights::WeightsFile;

/// A convolutional network whose features normalised cuts segment.
///
/// ```text
/// image → trunk → taps, scaled, brought to one grid → head (conv–ReLU pairs) → F ≥ 0 → W = F Fᵀ → cut
/// ```
///
/// # Shapes
/// F: n × d, a row a position of the first tap's grid, a column a channel.
#[derive(Clone, Debug)]
pub struct DeepNcuts {
    pub(crate) architecture: Architecture,
    pub(crate) trunk: Network,
    pub(crate) head: Option<Network>,
}

/// What a training step of [`DeepNcuts`] starts from.
#[derive(Clone, Copy, Debug)]
pub enum CutInput<'a> {
    /// The image itself: the trunk learns.
    Image {
        /// The photograph.
        image: &'a RgbImage,
        /// The layer of the trunk's chain from which on it learns.
        first_step: usize,
    },
    /// The trunk's features: the head alone learns.
    Features(&'a FeatureMaps),
}

/// Loss, ranks and cotangents of one image.
pub struct CutStep {
    /// The criterion's, the mean over the annotations.
    pub loss: f64,
    /// Rank of the similarity's projector.
    pub similarity_rank: usize,
    /// Rank of each annotation's projector: its segments on the grid.
    pub target_ranks: Vec<usize>,
    /// Segments that vanish on the grid, all annotations together.
    pub dropped_segments: usize,
    /// Of all parameters that learn.
    pub gradients: Gradients<f32, Cpu>,
}

impl DeepNcuts {
    /// A network with a new head.
    ///
    /// # Errors
    /// An unknown layer or setting; a missing or misshapen tensor of the trunk's file, by name.
    pub fn new(architecture: Architecture, weights: &TrunkWeights<'_>, seed: u64) -> Result<Self> {
        let taps = architecture.trunk_taps();
        let trunk = Network::trunk(architecture.trunk, &taps, weights, seed)?;
        let head = Self::new_head(&architecture, trunk.channels(), seed)?;
        Ok(Self {
            architecture,
            trunk,
            head,
        })
    }

    /// The same trunk under a new head, untrained: what training starts from.
    ///
    /// # Errors
    /// Those of the head's layout.
    pub fn with_new_head(&self, seed: u64) -> Result<Self> {
        let head = Self::new_head(&self.architecture, self.trunk.channels(), seed)?;
        Ok(Self {
            architecture: self.architecture.clone(),
            trunk: self.trunk.clone(),
            head,
        })
    }

    fn new_head(
        architecture: &Architecture,
        channels: usize,
        seed: u64,
    ) -> Result<Option<Network>> {
        let Some(layout) = &architecture.head else {
            return Ok(None);
        };
        let (chain, layers) = layout.chain(channels)?;
        // Apart from the trunk's numbers, which a seed may have drawn too.
        let parameters = crate::Parameters::random(layers, seed ^ 0x5EED);
        Ok(Some(Network { chain, parameters }))
    }

    /// What it is made of.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The same network, its trunk and head on `device`.
    pub fn on_device(mut self, device: &Device) -> Self {
        self.set_device(device);
        self
    }

    /// Sets the rule for the number of clusters.
    pub fn set_clusters(&mut self, clusters: crate::ClusterRule) {
        self.architecture.clusters = clusters;
    }

    /// Numbers in trunk and head.
    pub fn parameter_count(&self) -> (usize, usize) {
        let head = self.head.as_ref().map_or(0, |head| head.parameters.count());
        (self.trunk.parameters.count(), head)
    }

    /// The trunk's taps, scaled and brought to one grid.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`].
    pub fn trunk_features(&self, image: &RgbImage) -> Result<FeatureMaps> {
        self.trunk.infer(self.architecture.recipe.planes(image))
    }

    /// F of an image: what normalised cuts segment.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`].
    pub fn grid_features(&self, image: &RgbImage) -> Result<GridFeatures> {
        self.head_features(&self.trunk_features(image)?)
    }

    /// F from the trunk's features.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`] for an empty grid.
    pub fn head_features(&self, maps: &FeatureMaps) -> Result<GridFeatures> {
        let Some(head) = &self.head else {
            return Ok(maps.grid_features());
        };
        Ok(head.infer(maps.planes())?.grid_features())
    }

    /// Where the columns and rows of the features' grid lie in an image of `height × width`.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`].
    pub fn grid_axes(&self, height: usize, width: usize) -> Result<[GridAxis; 2]> {
        // Heads keep the grid: odd kernels, stride 1.
        self.trunk.chain.output_axes((3, height, width))
    }

    /// Sets each tap's scale to 1 / RMS of its features over the given images.
    ///
    /// # Errors
    /// The first image's that cannot be read; [`Error::Setting`] when there is no image, or a tap is zero on all of them.
    pub fn calibrate<E: From<Error>>(
        &mut self,
        images: impl Iterator<Item = Result<RgbImage, E>>,
    ) -> Result<(), E> {
        for tap in &mut self.trunk.chain.taps {
            tap.scale = 1.0;
        }
        let maps = images.map(|image| Ok::<_, E>(self.trunk_features(&image?)?));
        let scales = self.trunk.tap_scales(maps)?;
        for (index, scale) in scales.into_iter().enumerate() {
            self.architecture.taps[index].scale = scale;
            self.trunk.chain.taps[index].scale = scale;
        }
        Ok(())
    }

    /// Loss of one image against human label maps, and the cotangents of all parameters reached,
    /// added to `gradients`; `hearer` hears of each as soon as this image's share is in it.
    ///
    /// # Errors
    /// Those of trunk and layer.
    pub fn step(
        &self,
        input: CutInput<'_>,
        annotations: &[&LabelMap],
        layer: &NcutsLayer,
        seed: u64,
        gradients: Gradients<f32, Cpu>,
        hearer: Option<&Hearer>,
    ) -> Result<CutStep> {
        let device = Cpu::default();
        let mode = Mode::Training { seed };
        let features: MapTensor<OwnedTape<f32, Cpu>> = match input {
            CutInput::Features(maps) => {
                let shape = (maps.channels, maps.height, maps.width);
                let x: MapTensor = device
                    .try_tensor_from_vec(maps.values.clone(), shape)
                    .map_err(refused)?;
                x.traced(gradients)
            }
            CutInput::Image { image, first_step } => {
                let x = self.image_tensor(&device, image)?.traced(gradients);
                let reach = Reach {
                    first_step,
                    input: false,
                };
                let Network { chain, parameters } = &self.trunk;
                run_chain_heard(chain, parameters, x, mode.clone(), reach, hearer.cloned())?
            }
        };
        let output = match &self.head {
            None => features,
            Some(head) => {
                let input = matches!(input, CutInput::Image { .. });
                let reach = Reach {
                    first_step: 0,
                    input,
                };
                let hearer =
                    hearer.map(|hearer| hearer.after(self.trunk.parameters.tensors().len()));
                run_chain_heard(&head.chain, &head.parameters, features, mode, reach, hearer)?
            }
        };
        let size = match (input, annotations.first()) {
            (CutInput::Image { image, .. }, _) => (image.width() as usize, image.height() as usize),
            // Features are cached without the image: its size is that of its annotations.
            (CutInput::Features(_), Some(first)) => (first.width(), first.height()),
            (CutInput::Features(_), None) => return Err(ncuts::Error::NoIndicators.into()),
        };
        self.cut_and_send_home(output, annotations, size, layer)
    }

    /// Loss of one image, and the cotangent of its pixels after the recipe, 3 × H × W.
    ///
    /// # Errors
    /// Those of trunk and layer.
    pub fn image_cotangent(
        &self,
        image: &[f32],
        (height, width): (usize, usize),
        annotations: &[&LabelMap],
        layer: &NcutsLayer,
    ) -> Result<(f64, Vec<f32>)> {
        let device = Cpu::default();
        let x: MapTensor = device
            .try_tensor_from_vec(image.to_vec(), (3, height, width))
            .map_err(refused)?;
        let reach = Reach {
            first_step: 0,
            input: true,
        };
        let traced = x.trace(Gradients::leaky());
        let maps = run_chain(
            &self.trunk.chain,
            &self.trunk.parameters,
            traced,
            Mode::Inference,
            reach,
        )?;
        let output = match &self.head {
            None => maps,
            Some(head) => run_chain(&head.chain, &head.parameters, maps, Mode::Inference, reach)?,
        };
        let outcome = self.cut_and_send_home(output, annotations, (width, height), layer)?;
        Ok((outcome.loss, outcome.gradients.get(&x).as_vec()))
    }

    /// Channels of the trunk's features, all taps together.
    pub fn trunk_channels(&self) -> usize {
        self.trunk.channels()
    }

    fn image_tensor(&self, device: &Cpu, image: &RgbImage) -> Result<MapTensor> {
        let planes = self.architecture.recipe.planes(image);
        let shape = (3, planes.height(), planes.width());
        device
            .try_tensor_from_vec(planes.into_contiguous(), shape)
            .map_err(refused)
    }

    /// The end of the way up and the start of the way down: F → J → F̄ → the tape.
    fn cut_and_send_home(
        &self,
        output: MapTensor<OwnedTape<f32, Cpu>>,
        annotations: &[&LabelMap],
        (width, height): (usize, usize),
        layer: &NcutsLayer,
    ) -> Result<CutStep> {
        let (channels, rows, columns) = *output.shape();
        let [column, row] = self.grid_axes(height, width)?;
        let fits = (column.positions, row.positions) == (columns, rows);
        for labels in annotations {
            let found = (labels.width(), labels.height());
            if found != (width, height) || !fits {
                return Err(Error::AnnotationSize {
                    expected: (width, height),
                    found,
                });
            }
        }
        let features = features_from_maps(&numbers(&output), channels);
        let indicators = annotations
            .iter()
            .map(|labels| Indicator::on_axes(labels, column, row))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let dropped_segments = indicators
            .iter()
            .map(|indicator| indicator.dropped().len())
            .sum();
        let cut = layer.forward(features.as_ref(), None, &indicators)?;
        let bars = cut.vjp(1.0)?;
        let gradients = send_home(output, maps_from_features(bars.features.as_ref()))?;
        Ok(CutStep {
            loss: cut.loss(),
            similarity_rank: cut.similarity_rank(),
            target_ranks: cut.target_ranks().to_vec(),
            dropped_segments,
            gradients,
        })
    }
}

impl TrainableNetwork for DeepNcuts {
    fn description(&self) -> Result<String> {
        described(&self.architecture)
    }

    fn from_described(file: &WeightsFile, description: &str) -> Result<Self> {
        let architecture = Architecture::from_metadata(file.origin(), description)?;
        let taps = architecture.trunk_taps();
        let (chain, layers) = architecture.trunk.chain(&taps)?;
        let parameters = crate::Parameters::from_source(layers, file)?;
        Self::assembled(architecture, Network { chain, parameters }, file)
    }

    fn trunk(&self) -> Option<&Network> {
        Some(&self.trunk)
    }

    fn trunk_mut(&mut self) -> Option<&mut Network> {
        Some(&mut self.trunk)
    }

    fn new_layers(&self) -> Vec<&Network> {
        self.head.iter().collect()
    }

    fn new_layers_mut(&mut self) -> Vec<&mut Network> {
        self.head.iter_mut().collect()
    }
}
