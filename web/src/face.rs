//! The face: the functions that the page's worker may call. The only file that knows wasm-bindgen.
//!
//! Errors are thrown as JavaScript's `Error`, with our messages.

use models::FeatureMaps;
use wasm_bindgen::prelude::*;

use crate::canvas::{Canvas, Style};
use crate::closing_gap::ClosingGap;
use crate::error::Error;
use crate::saved::Form;
use crate::session::{Head, Opened, Session};
use crate::toy::{self, Toy};

type Thrown<T> = Result<T, JsError>;

/// Panics, which are our own broken promises, are printed on the console before the module stops.
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|panic| {
        web_sys::console::error_1(&panic.to_string().into());
    }));
}

#[wasm_bindgen]
extern "C" {
    /// A function of JavaScript that gets the steps done and all of them.
    pub type OnStep;

    /// JavaScript's `Function.prototype.call`, whose first argument is `this`.
    #[wasm_bindgen(method)]
    fn call(this: &OnStep, object: &JsValue, done: usize, total: usize);
}

impl OnStep {
    fn tell(&self) -> impl FnMut(usize, usize) + '_ {
        |done, total| self.call(&JsValue::UNDEFINED, done, total)
    }
}

/// Pixels of a canvas.
#[wasm_bindgen]
pub struct Picture(Canvas);

#[wasm_bindgen]
impl Picture {
    /// Columns.
    #[wasm_bindgen(getter)]
    pub fn width(&self) -> usize {
        self.0.width
    }

    /// Rows.
    #[wasm_bindgen(getter)]
    pub fn height(&self) -> usize {
        self.0.height
    }

    /// Four bytes a pixel; the picture is used up.
    pub fn into_rgba(self) -> Vec<u8> {
        self.0.rgba
    }
}

/// The pieces of a photograph, and how they merge.
#[wasm_bindgen]
pub struct Pieces {
    ids: Vec<u16>,
    merges: Vec<u32>,
    count: usize,
    chosen: usize,
}

#[wasm_bindgen]
impl Pieces {
    /// How many pieces.
    #[wasm_bindgen(getter)]
    pub fn count(&self) -> usize {
        self.count
    }

    /// How many segments the network chooses.
    #[wasm_bindgen(getter)]
    pub fn chosen(&self) -> usize {
        self.chosen
    }

    /// The two regions of each merge, one pair after another: pieces, or `count` + s for what merge s made.
    pub fn merges(&self) -> Vec<u32> {
        self.merges.clone()
    }

    /// The piece of every pixel, `count` where nothing shows; the pieces are used up.
    pub fn into_ids(self) -> Vec<u16> {
        self.ids
    }
}

/// The trunk's features of a picture, to be carried to another worker.
#[wasm_bindgen]
pub struct Maps(FeatureMaps);

#[wasm_bindgen]
impl Maps {
    /// Channels, rows, columns.
    pub fn size(&self) -> Vec<usize> {
        vec![self.0.channels(), self.0.height(), self.0.width()]
    }

    /// The numbers, channel after channel.
    pub fn values(&self) -> Vec<f32> {
        self.0.values().to_vec()
    }
}

/// A likeness to one place, as heat.
#[wasm_bindgen]
pub struct Likeness {
    heat: Canvas,
    least: f64,
}

#[wasm_bindgen]
impl Likeness {
    /// The cosine at the dark end.
    #[wasm_bindgen(getter)]
    pub fn least(&self) -> f64 {
        self.least
    }

    /// As a picture of the grid; the likeness is used up.
    pub fn into_picture(self) -> Picture {
        Picture(self.heat)
    }
}

/// The network and one photograph.
#[wasm_bindgen]
pub struct WorkerSession(Session);

#[wasm_bindgen]
impl WorkerSession {
    /// Loads the network's file.
    #[wasm_bindgen(constructor)]
    pub fn new(weights: Vec<u8>) -> Thrown<Self> {
        Ok(Self(Session::new(weights)?))
    }

    /// Opens a photograph: width and height of the original, of the stored picture, of the segmented one; nothing, and the
    /// photograph before stays, where reading it takes more memory than a module should have.
    pub fn open(&mut self, name: &str, bytes: &[u8], longest: u32) -> Thrown<Vec<u32>> {
        let Opened {
            original,
            full,
            working,
        } = match self.0.open(name, bytes, longest) {
            Err(Error::Pictures(pictures::Error::Memory { .. })) => return Ok(Vec::new()),
            opened => opened?,
        };
        Ok([original, full, working]
            .iter()
            .flat_map(|size| [size.0, size.1])
            .collect())
    }

    /// The photograph as it is segmented.
    pub fn photograph(&self) -> Thrown<Picture> {
        Ok(Picture(self.0.photograph()?))
    }

    /// Stage 1.
    pub fn find_features(&mut self, on_step: &OnStep) -> Thrown<()> {
        Ok(self.0.find_features(&mut on_step.tell())?)
    }

    /// Red, green and blue at the size that is segmented.
    pub fn working_rgb(&self) -> Thrown<Vec<u8>> {
        Ok(self.0.working_rgb()?.to_vec())
    }

    /// The trunk's features of the mirror image of such pixels.
    pub fn mirrored_features(&self, rgb: Vec<u8>, width: u32, height: u32) -> Thrown<Maps> {
        Ok(Maps(self.0.mirrored_features(rgb, width, height)?))
    }

    /// Takes the features of the mirror image from another worker: channels, rows and columns, and the numbers.
    pub fn take_mirrored(&mut self, size: &[usize], values: Vec<f32>) -> Thrown<()> {
        let &[channels, height, width] = size else {
            return Err(JsError::new("expected channels, rows and columns"));
        };
        let maps = FeatureMaps::new(channels, height, width, values)?;
        Ok(self.0.take_mirrored(maps)?)
    }

    /// Stage 2: the leading eigenvalues, from 1 down.
    pub fn find_eigenvectors(&mut self, head: &str) -> Thrown<Vec<f64>> {
        self.0.find_eigenvectors(Head::named(head)?)?;
        let spectrum = self.0.sight(Head::named(head)?)?.embedding().spectrum();
        Ok(spectrum.iter().map(|sigma| sigma * sigma).collect())
    }

    /// Stage 3: the pieces, and how they merge.
    pub fn find_segments(&mut self, head: &str, on_step: &OnStep) -> Thrown<Pieces> {
        let mut on_step = on_step.tell();
        self.0.find_segments(Head::named(head)?, &mut on_step)?;
        let sight = self.0.sight(Head::named(head)?)?;
        let tree = &sight.contours()?.tree;
        // A tree has at most a few hundred pieces.
        let pieces = self.0.pieces(Head::named(head)?)?;
        Ok(Pieces {
            ids: pieces.ids().iter().map(|id| *id as u16).collect(),
            merges: tree.merges().flat_map(|(a, b)| [a, b]).collect(),
            count: tree.most_segments(),
            chosen: sight.chosen_segments()?,
        })
    }

    /// The grid's columns and rows.
    pub fn grid(&self, head: &str) -> Thrown<Vec<u32>> {
        let grid = self.0.sight(Head::named(head)?)?.grid();
        Ok(vec![grid.width as u32, grid.height as u32])
    }

    /// The cosine of the features of a place of the grid with those of all others.
    pub fn likeness(&self, head: &str, column: usize, row: usize) -> Thrown<Likeness> {
        let sight = self.0.sight(Head::named(head)?)?;
        let (heat, least) = sight.likeness(column, row)?;
        Ok(Likeness { heat, least })
    }

    /// How the places of the grid swing with an eigenvector.
    pub fn eigenvector(&self, head: &str, index: usize) -> Thrown<Picture> {
        Ok(Picture(
            self.0.sight(Head::named(head)?)?.eigenvector(index)?,
        ))
    }

    /// All stored eigenvectors, one after another, each over the grid.
    pub fn embedding(&self, head: &str) -> Thrown<Vec<f64>> {
        let vectors = self.0.sight(Head::named(head)?)?.embedding().vectors();
        let columns = (0..vectors.ncols()).flat_map(|j| vectors.col(j).iter().copied());
        Ok(columns.collect())
    }

    /// A cut of the tree as a picture; `style` is `outlines` or `fill`.
    pub fn paint(&self, head: &str, segments: usize, style: &str, full: bool) -> Thrown<Picture> {
        let style = Style::named(style)?;
        Ok(Picture(self.0.paint(
            Head::named(head)?,
            segments,
            style,
            full,
        )?))
    }

    /// An object of chosen pieces, cut out at the full size.
    pub fn cut_out(&self, head: &str, chosen: &[u32]) -> Thrown<Picture> {
        Ok(Picture(self.0.cut_out(Head::named(head)?, chosen)?))
    }

    /// A file of an object of chosen pieces, or without pieces of all segments; `form` is `labels`, `svg` or `coco`.
    pub fn file(&self, head: &str, segments: usize, chosen: &[u32], form: &str) -> Thrown<Vec<u8>> {
        let form = Form::named(form)?;
        Ok(self.0.file(Head::named(head)?, segments, chosen, form)?)
    }

    /// Begins to train on strokes: positions marked, labels.
    pub fn begin_training(&mut self, strokes: Vec<u8>, from: &str, rate: f64) -> Thrown<Vec<u32>> {
        let (marked, labels) = self.0.begin_training(strokes, Head::named(from)?, rate)?;
        Ok(vec![marked as u32, labels as u32])
    }

    /// One step: J, rank of the similarity, rank of the target, length of the gradient.
    pub fn train(&mut self) -> Thrown<Vec<f64>> {
        let met = self.0.train()?;
        Ok(vec![
            met.loss,
            met.similarity_rank,
            met.target_rank as f64,
            met.gradient_norm,
        ])
    }

    /// Makes the head as it stands the taught one.
    pub fn keep_taught(&mut self) -> Thrown<()> {
        Ok(self.0.keep_taught()?)
    }

    /// The file of the taught head.
    pub fn taught_file(&self) -> Thrown<Vec<u8>> {
        Ok(self.0.taught_file()?)
    }

    /// Takes the head of such a file as the taught one.
    pub fn load_taught(&mut self, name: &str, bytes: Vec<u8>) -> Thrown<()> {
        Ok(self.0.load_taught(name, bytes)?)
    }

    /// The pen's label of every pixel, by its segment.
    pub fn scribbled_labels(&self) -> Thrown<Vec<u8>> {
        Ok(self.0.scribbled_labels()?)
    }
}

/// Two eigenvalues at a gap: the gradient through eigenvectors, by divided differences and as it is, the errors of both,
/// and the largest factor on the way. NaN stands where a method has no answer.
#[wasm_bindgen]
pub fn closing_gap(gap: f64) -> Thrown<Vec<f64>> {
    let found = ClosingGap::at(gap)?;
    Ok(vec![
        found.through_vectors.unwrap_or(f64::NAN),
        found.by_differences,
        found.truth,
        found.error_through_vectors.unwrap_or(f64::NAN),
        found.error_by_differences,
        found.largest_factor,
    ])
}

/// A picture of a few cells, and its cut.
#[wasm_bindgen]
pub struct ToyPicture(Toy);

#[wasm_bindgen]
impl ToyPicture {
    /// Of grey levels from 0 to 1, row after row; `nearness` from 0 to 1 says how much places count.
    #[wasm_bindgen(constructor)]
    pub fn new(levels: &[f64], width: usize, nearness: f64) -> Thrown<Self> {
        Ok(Self(Toy::new(levels, width, nearness)?))
    }

    /// The numbers of a cell's feature.
    #[wasm_bindgen(getter)]
    pub fn feature_length(&self) -> usize {
        self.0.feature_length()
    }

    /// The features, cell after cell.
    pub fn features(&self) -> Vec<f64> {
        self.0.features()
    }

    /// Leading eigenvalues.
    pub fn eigenvalues(&self) -> Vec<f64> {
        self.0.eigenvalues()
    }

    /// How the cells swing with each eigenvector, one after another.
    pub fn swings(&self) -> Vec<f64> {
        self.0.swings()
    }

    /// What a cut of the cells costs, 1 for those on one side.
    pub fn normalised_cut(&self, marked: &[u8]) -> Thrown<f64> {
        Ok(self.0.normalised_cut(marked)?)
    }
}

/// How far an eigenvector turns and a plane of two tilts, in degrees, for each t: pairs.
#[wasm_bindgen]
pub fn turning(gap: f64, times: &[f64]) -> Thrown<Vec<f64>> {
    Ok(toy::turning(gap, times)?)
}

/// The first eigenvector, and behind it the projector onto the plane of the first two.
#[wasm_bindgen]
pub fn vector_and_projector(gap: f64, t: f64) -> Thrown<Vec<f64>> {
    Ok(toy::vector_and_projector(gap, t)?)
}
