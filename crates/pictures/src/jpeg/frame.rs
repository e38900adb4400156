//! The components of a picture, what was read of each, and the tables in force.

use super::bits::Codes;

/// Tables, as the segments before a scan leave them.
#[derive(Default)]
pub struct Tables {
    /// For the first coefficient of a block.
    pub dc: [Option<Codes>; 4],
    /// For the others.
    pub ac: [Option<Codes>; 4],
    /// The quantiser of the first coefficient.
    pub quantisers: [i64; 4],
    /// Minimum coded units between two restarts; 0 for none.
    pub restart_interval: usize,
}

impl Tables {
    /// Huffman tables; one that is no code is none.
    pub fn read_huffman(&mut self, mut segment: &[u8]) {
        while let Some((class, rest)) = segment.split_first() {
            let Some((counts, rest)) = rest.split_first_chunk::<16>() else {
                return;
            };
            let symbols: usize = counts.iter().map(|count| usize::from(*count)).sum();
            let Some((symbols, rest)) = rest.split_at_checked(symbols) else {
                return;
            };
            let tables = if class >> 4 == 0 {
                &mut self.dc
            } else {
                &mut self.ac
            };
            tables[usize::from(class & 3)] = Codes::new(counts, symbols);
            segment = rest;
        }
    }

    /// Quantisation tables.
    pub fn read_quantisation(&mut self, mut segment: &[u8]) {
        while let Some((class, rest)) = segment.split_first() {
            let wide = class >> 4 != 0;
            let length = if wide { 128 } else { 64 };
            let Some((values, rest)) = rest.split_at_checked(length) else {
                return;
            };
            let first = if wide {
                i64::from(u16::from_be_bytes([values[0], values[1]]))
            } else {
                i64::from(values[0])
            };
            self.quantisers[usize::from(class & 3)] = first;
            segment = rest;
        }
    }
}

/// A component: brightness, or a colour.
pub struct Component {
    pub id: u8,
    /// Blocks of a minimum coded unit, across and down.
    pub across: usize,
    pub down: usize,
    /// The quantisation table.
    pub table: usize,
    /// Blocks that hold pixels of the picture.
    pub columns: usize,
    pub rows: usize,
    /// Blocks of a row with those that fill up the last unit.
    pub stride: usize,
    /// In progressive pictures: the coefficients of each block that are not zero so far.
    pub nonzero: Vec<u64>,
    /// The share of blocks for which each coefficient is known.
    covered: [f64; 64],
}

impl Component {
    /// Counts a scan of coefficients `first..=last` that was read for a share of the blocks.
    ///
    /// `high` and `low` are the bits that were open before and after it: a first scan has `high = 0`.
    pub fn cover(&mut self, (first, last): (usize, usize), (high, low): (u8, u8), share: f64) {
        for covered in &mut self.covered[first..=last] {
            *covered = match (high, low) {
                (0, 0) => covered.max(share),
                (0, _) => 0.5 * share,
                (_, 0) => *covered + 0.5 * share,
                _ => *covered,
            };
        }
    }
}

/// The frame header.
pub struct Frame {
    pub progressive: bool,
    pub components: Vec<Component>,
    /// Minimum coded units, across and down.
    pub units: (usize, usize),
}

impl Frame {
    /// A frame header's content; none for one that makes no sense, or of another depth than 8 bits.
    pub fn read(segment: &[u8], progressive: bool) -> Option<Self> {
        let (head, rest) = segment.split_first_chunk::<6>()?;
        let height = usize::from(u16::from_be_bytes([head[1], head[2]]));
        let width = usize::from(u16::from_be_bytes([head[3], head[4]]));
        let parts = rest.as_chunks::<3>().0.get(..usize::from(head[5]))?;
        let good = |sides: u8| (1..=4).contains(&(sides >> 4)) && (1..=4).contains(&(sides & 15));
        if head[0] != 8 || width == 0 || height == 0 || parts.is_empty() || parts.len() > 4 {
            return None;
        }
        if !parts.iter().all(|part| good(part[1])) {
            return None;
        }
        let most = |side: fn(u8) -> u8| parts.iter().map(|part| usize::from(side(part[1]))).max();
        let (most_across, most_down) = (most(|sides| sides >> 4)?, most(|sides| sides & 15)?);
        let units = (
            width.div_ceil(8 * most_across),
            height.div_ceil(8 * most_down),
        );
        let component = |[id, sides, table]: &[u8; 3]| {
            let (across, down) = (usize::from(sides >> 4), usize::from(sides & 15));
            let (stride, lines) = (units.0 * across, units.1 * down);
            let masks = if progressive { stride * lines } else { 0 };
            Component {
                id: *id,
                across,
                down,
                table: usize::from(table & 3),
                columns: (width * across).div_ceil(8 * most_across),
                rows: (height * down).div_ceil(8 * most_down),
                stride,
                nonzero: vec![0; masks],
                covered: [0.0; 64],
            }
        };
        Some(Self {
            progressive,
            components: parts.iter().map(component).collect(),
            units,
        })
    }

    /// The coefficients that a frame header says.
    pub fn size(segment: &[u8]) -> Option<u64> {
        let frame = Self::read(segment, false)?;
        let blocks = |part: &Component| part.stride * frame.units.1 * part.down;
        Some(64 * frame.components.iter().map(blocks).sum::<usize>() as u64)
    }

    /// The share of the coefficients that is missing.
    pub fn missing(&self) -> f64 {
        let blocks = |component: &Component| (component.columns * component.rows) as f64;
        let all: f64 = self.components.iter().map(blocks).sum();
        let covered = |component: &Component| {
            component.covered.iter().sum::<f64>() / 64.0 * blocks(component) / all
        };
        let missing = 1.0 - self.components.iter().map(covered).sum::<f64>();
        // Sums of shares, not counts: below a thousandth of a block it is rounding.
        if missing < 1e-3 / all { 0.0 } else { missing }
    }

    /// Whether every coefficient of every block was read.
    pub fn is_whole(&self) -> bool {
        self.missing() == 0.0
    }
}
