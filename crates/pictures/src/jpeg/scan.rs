//! One scan, from restart to restart.

use super::bits::{Bits, Codes};
use super::blocks::{Band, Broken, ac_whole, dc_first};
use super::frame::{Frame, Tables};
use super::next_marker;

/// A scan that was read.
pub struct ScanRead {
    /// The place of the marker behind it, or of the last byte that was looked at.
    pub end: usize,
    /// Bytes between its last block and the marker, where they are not all alike.
    pub left_over: usize,
}

/// A component's part in a scan.
struct Part<'a> {
    component: usize,
    dc: Option<&'a Codes>,
    ac: Option<&'a Codes>,
    quantiser: i64,
    last_dc: i64,
}

/// What a scan holds of each block.
struct Scan<'a> {
    parts: Vec<Part<'a>>,
    band: (usize, usize),
    /// The bits that were open before it, and are after it.
    open: (u8, u8),
    /// Minimum coded units, across and down.
    units: (usize, usize),
}

/// Reads the scan whose data begins at a place, and counts what it covers; none where its header makes no sense.
pub fn read(
    frame: &mut Frame,
    tables: &Tables,
    header: &[u8],
    bytes: &[u8],
    at: usize,
) -> Option<ScanRead> {
    let mut scan = Scan::new(frame, tables, header)?;
    let (all, interval) = (scan.units.0 * scan.units.1, tables.restart_interval);
    let interval = if interval == 0 { all } else { interval };
    let (mut at, mut unit, mut good, mut restart) = (at, 0, 0, 0);
    let mut left_over = 0;
    loop {
        let count = interval.min(all - unit);
        let mut bits = Bits::new(bytes, at);
        let read = scan.interval(frame, &mut bits, unit..unit + count);
        good += read;
        unit += count;
        at = bits.position();
        let next = next_marker(bytes, at);
        let end = next.map_or(bytes.len(), |(_, after)| after - 2);
        if read == count {
            let last = at - bits.unread().min(at);
            left_over = left_over.max(different_bytes(&bytes[last..end.max(last)]));
        }
        at = end;
        if unit >= all {
            break;
        }
        // How many intervals are missing between here and the restart that was found.
        let Some((kind @ 0xD0..=0xD7, after)) = next else {
            break;
        };
        let lost = usize::from((kind.wrapping_sub(0xD0).wrapping_sub(restart)) & 7);
        unit += lost * interval;
        restart = kind.wrapping_sub(0xD0).wrapping_add(1) & 7;
        at = after;
        if unit >= all {
            break;
        }
    }
    let share = good as f64 / all as f64;
    for part in &scan.parts {
        frame.components[part.component].cover(scan.band, scan.open, share);
    }
    Some(ScanRead { end: at, left_over })
}

/// How many bytes there are, 0 where they are all alike: padding.
fn different_bytes(bytes: &[u8]) -> usize {
    match bytes.split_first() {
        Some((first, rest)) if rest.iter().any(|byte| byte != first) => bytes.len(),
        _ => 0,
    }
}

impl<'a> Scan<'a> {
    fn new(frame: &Frame, tables: &'a Tables, header: &[u8]) -> Option<Self> {
        let (count, rest) = header.split_first()?;
        let (selectors, rest) = rest.split_at_checked(2 * usize::from(*count))?;
        let [first, last, open] = *rest.first_chunk::<3>()?;
        let mut parts = Vec::new();
        for [id, tables_of] in selectors.as_chunks::<2>().0 {
            let component = frame.components.iter().position(|part| part.id == *id)?;
            parts.push(Part {
                component,
                dc: tables.dc[usize::from(tables_of >> 4 & 3)].as_ref(),
                ac: tables.ac[usize::from(tables_of & 3)].as_ref(),
                quantiser: tables.quantisers[frame.components[component].table],
                last_dc: 0,
            });
        }
        let (band, open) = if frame.progressive {
            (
                (usize::from(first), usize::from(last)),
                (open >> 4, open & 15),
            )
        } else {
            ((0, 63), (0, 0))
        };
        let alone = parts.len() == 1;
        // A band of higher coefficients has a scan to itself; at most 13 bits are left for later.
        let sound = band.0 <= band.1 && band.1 < 64 && open.1 <= 13;
        if parts.is_empty() || !sound || (frame.progressive && band.0 > 0 && !alone) {
            return None;
        }
        let units = if alone {
            let component = &frame.components[parts[0].component];
            (component.columns, component.rows)
        } else {
            frame.units
        };
        Some(Self {
            parts,
            band,
            open,
            units,
        })
    }

    /// Reads units up to the next restart, and answers how many were whole.
    fn interval(
        &mut self,
        frame: &mut Frame,
        bits: &mut Bits,
        units: std::ops::Range<usize>,
    ) -> usize {
        for part in &mut self.parts {
            part.last_dc = 0;
        }
        let mut band = Band {
            first: self.band.0,
            last: self.band.1,
            empty: 0,
        };
        let begin = units.start;
        for unit in units.clone() {
            if self.unit(frame, bits, &mut band, unit).is_err() || bits.is_over() {
                return unit - begin;
            }
        }
        units.len()
    }

    /// Reads the blocks of one unit.
    fn unit(
        &mut self,
        frame: &mut Frame,
        bits: &mut Bits,
        band: &mut Band,
        unit: usize,
    ) -> Result<(), Broken> {
        let (column, row) = (unit % self.units.0, unit / self.units.0);
        let alone = self.parts.len() == 1;
        for part in &mut self.parts {
            let component = &mut frame.components[part.component];
            let (across, down) = if alone {
                (1, 1)
            } else {
                (component.across, component.down)
            };
            for y in 0..down {
                for x in 0..across {
                    if !frame.progressive {
                        let (dc, ac) = (part.dc.ok_or(Broken)?, part.ac.ok_or(Broken)?);
                        dc_first(bits, dc, &mut part.last_dc, part.quantiser, 0)?;
                        ac_whole(bits, ac)?;
                        continue;
                    }
                    let (high, low) = self.open;
                    if self.band.0 == 0 {
                        if high == 0 {
                            let dc = part.dc.ok_or(Broken)?;
                            dc_first(bits, dc, &mut part.last_dc, part.quantiser, low)?;
                        } else {
                            bits.take(1);
                        }
                        continue;
                    }
                    let place = (row * down + y) * component.stride + column * across + x;
                    let nonzero = &mut component.nonzero[place];
                    let ac = part.ac.ok_or(Broken)?;
                    if high == 0 {
                        band.first(bits, ac, nonzero)?;
                    } else {
                        band.refine(bits, ac, nonzero)?;
                    }
                }
            }
        }
        Ok(())
    }
}
