//! The coefficients of one block, read and not kept: T.81, F.2.2 and G.1.2.

use super::bits::{Bits, Codes};

/// The largest first coefficient times its quantiser: twice what 8-bit pixels can have.
const MOST_DC: i64 = 2048;

/// The data is no block: a code that is none, a coefficient out of range, or the end.
pub struct Broken;

/// The first coefficient's difference, added to `dc`; `shift` are the bits left for later scans.
pub fn dc_first(
    bits: &mut Bits,
    codes: &Codes,
    dc: &mut i64,
    quantiser: i64,
    shift: u8,
) -> Result<(), Broken> {
    let size = codes.symbol(bits).ok_or(Broken)?;
    if size > 11 {
        return Err(Broken);
    }
    *dc += i64::from(bits.signed(u32::from(size)));
    let value = (*dc << shift) * quantiser;
    if value.abs() > MOST_DC + (quantiser << shift) {
        return Err(Broken);
    }
    Ok(())
}

/// All but the first coefficient, of a block that one scan has whole.
pub fn ac_whole(bits: &mut Bits, codes: &Codes) -> Result<(), Broken> {
    let mut k = 1;
    while k < 64 {
        let symbol = codes.symbol(bits).ok_or(Broken)?;
        let (run, size) = (usize::from(symbol >> 4), symbol & 15);
        match (run, size) {
            (15, 0) => k += 16,
            (_, 0) => break,
            _ => {
                k += run;
                if k > 63 || size > 10 {
                    return Err(Broken);
                }
                bits.take(u32::from(size));
                k += 1;
            }
        }
    }
    Ok(())
}

/// Coefficients `first..=last` of a progressive scan's block.
pub struct Band {
    pub first: usize,
    pub last: usize,
    /// Blocks still to come without a further coefficient.
    pub empty: u32,
}

impl Band {
    /// The first scan of the band; `nonzero` are the block's coefficients that are not zero.
    pub fn first(
        &mut self,
        bits: &mut Bits,
        codes: &Codes,
        nonzero: &mut u64,
    ) -> Result<(), Broken> {
        if self.empty > 0 {
            self.empty -= 1;
            return Ok(());
        }
        let mut k = self.first;
        while k <= self.last {
            let symbol = codes.symbol(bits).ok_or(Broken)?;
            let (run, size) = (u32::from(symbol >> 4), symbol & 15);
            match (run, size) {
                (15, 0) => k += 16,
                (_, 0) => {
                    self.empty = (1 << run) - 1 + bits.take(run);
                    break;
                }
                _ => {
                    k += run as usize;
                    if k > self.last || size > 10 {
                        return Err(Broken);
                    }
                    bits.take(u32::from(size));
                    *nonzero |= 1 << k;
                    k += 1;
                }
            }
        }
        Ok(())
    }

    /// A later scan of the band: a further bit of what is not zero, and what becomes so.
    pub fn refine(
        &mut self,
        bits: &mut Bits,
        codes: &Codes,
        nonzero: &mut u64,
    ) -> Result<(), Broken> {
        let mut k = self.first;
        if self.empty == 0 {
            while k <= self.last {
                let symbol = codes.symbol(bits).ok_or(Broken)?;
                let (mut run, size) = (u32::from(symbol >> 4), symbol & 15);
                match size {
                    0 if run < 15 => {
                        self.empty = (1 << run) + bits.take(run);
                        break;
                    }
                    0 => {}
                    // The sign.
                    1 => _ = bits.take(1),
                    _ => return Err(Broken),
                }
                while k <= self.last {
                    if *nonzero >> k & 1 == 1 {
                        bits.take(1);
                    } else if run == 0 {
                        break;
                    } else {
                        run -= 1;
                    }
                    k += 1;
                }
                if size == 1 {
                    if k > self.last {
                        return Err(Broken);
                    }
                    *nonzero |= 1 << k;
                }
                k += 1;
            }
        }
        if self.empty > 0 {
            for k in k..=self.last {
                if *nonzero >> k & 1 == 1 {
                    bits.take(1);
                }
            }
            self.empty -= 1;
        }
        Ok(())
    }
}
