//! Bits of entropy-coded data, and the codes that they spell.

/// Bits from the highest of each byte down, without the zeros that follow an 0xFF; zeros from the next marker on.
pub struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The next bits, from the highest down.
    next: u64,
    /// How many bits of `next` count.
    count: u32,
    /// How many of them, the last, are made up.
    made_up: u32,
}

impl<'a> Bits<'a> {
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self {
            bytes,
            at,
            next: 0,
            count: 0,
            made_up: 0,
        }
    }

    /// Whether more bits were taken than there are.
    pub fn is_over(&self) -> bool {
        self.count < self.made_up
    }

    /// Whole bytes that were read and not taken.
    pub fn unread(&self) -> usize {
        (self.count.saturating_sub(self.made_up) / 8) as usize
    }

    /// The place of the next byte to read: that of the marker where one was met.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Sees to at least 32 bits.
    fn fill(&mut self) {
        if self.count > 32 {
            return;
        }
        if let Some(eight) = self
            .bytes
            .get(self.at..)
            .and_then(|rest| rest.first_chunk())
        {
            let word = u64::from_be_bytes(*eight);
            let inverted = !word;
            let has_marker =
                inverted.wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080;
            if has_marker == 0 && self.made_up == 0 {
                // Bits beyond the whole bytes are written again with the next word, the same ones.
                self.next |= word >> self.count;
                let whole = (64 - self.count) / 8;
                self.at += whole as usize;
                self.count += 8 * whole;
                return;
            }
        }
        while self.count <= 56 {
            let byte = self.byte();
            if byte.is_none() {
                self.made_up += 8;
            }
            self.next |= u64::from(byte.unwrap_or(0)) << (56 - self.count);
            self.count += 8;
        }
    }

    /// The next byte of data; none at a marker.
    fn byte(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            if byte != 0xFF {
                self.at += 1;
                return Some(byte);
            }
            match self.bytes.get(self.at + 1)? {
                0 => {
                    self.at += 2;
                    return Some(byte);
                }
                0xFF => self.at += 1,
                _ => return None,
            }
        }
    }

    /// Takes up to 16 bits as a number.
    pub fn take(&mut self, bits: u32) -> u32 {
        if bits == 0 {
            return 0;
        }
        self.fill();
        let value = (self.next >> (64 - bits)) as u32;
        self.skip(bits);
        value
    }

    /// Takes a number of so many bits with its sign, as T.81 codes differences.
    pub fn signed(&mut self, bits: u32) -> i32 {
        let value = self.take(bits) as i32;
        if bits > 0 && value < 1 << (bits - 1) {
            value - (1 << bits) + 1
        } else {
            value
        }
    }

    fn skip(&mut self, bits: u32) {
        self.next <<= bits;
        self.count -= bits;
        // Made-up bits that were taken stay in the account, so that `is_over` remembers.
    }
}

/// Bits of a code that are looked up at once.
const LOOK: u32 = 9;

/// A Huffman table.
pub struct Codes {
    /// By the next bits: the length of the code, 0 for a longer one, and its symbol.
    short: Vec<(u8, u8)>,
    /// By length: the first code that is larger, left-aligned in 16 bits; none shorter.
    limits: [u32; 17],
    /// By length: what is added to a code for its place in `symbols`.
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

impl Codes {
    /// The table of a segment: how many codes each length has, then the symbols. None where they are no code.
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut codes = Self {
            short: vec![(0, 0); 1 << LOOK],
            limits: [0; 17],
            offsets: [0; 17],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut place) = (0_u32, 0_usize);
        for length in 1..=16 {
            codes.offsets[length] = place as i32 - code as i32;
            for _ in 0..counts[length - 1] {
                let symbol = *symbols.get(place)?;
                if code >= 1 << length {
                    return None;
                }
                if length as u32 <= LOOK {
                    let spread = LOOK - length as u32;
                    let first = (code << spread) as usize;
                    codes.short[first..first + (1 << spread)].fill((length as u8, symbol));
                }
                code += 1;
                place += 1;
            }
            codes.limits[length] = code << (16 - length);
            code <<= 1;
        }
        Some(codes)
    }

    /// The next symbol; none where no code begins so.
    pub fn symbol(&self, bits: &mut Bits) -> Option<u8> {
        bits.fill();
        let (length, symbol) = self.short[(bits.next >> (64 - LOOK)) as usize];
        if length > 0 {
            bits.skip(u32::from(length));
            return Some(symbol);
        }
        let next = (bits.next >> 48) as u32;
        let length = (LOOK as usize + 1..=16).find(|length| next < self.limits[*length])?;
        let code = (next >> (16 - length)) as i32;
        bits.skip(length as u32);
        self.symbols
            .get((code + self.offsets[length]) as usize)
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_without_stuffing_and_end_at_a_marker() {
        let mut bits = Bits::new(&[0xA5, 0xFF, 0x00, 0x0F, 0xFF, 0xD9], 0);
        assert_eq!((bits.take(4), bits.take(12), bits.take(4)), (0xA, 0x5FF, 0));
        assert!(!bits.is_over());
        assert_eq!(bits.take(4), 0xF);
        assert!(!bits.is_over());
        assert_eq!(
            (bits.take(1), bits.is_over(), bits.position()),
            (0, true, 4)
        );
    }

    #[test]
    fn long_runs_of_bytes_are_read_as_they_lie() {
        let bytes: Vec<u8> = (0..60).map(|byte| byte * 4).collect();
        let mut bits = Bits::new(&bytes, 0);
        for byte in &bytes {
            assert_eq!(
                (bits.take(3), bits.take(5)),
                (u32::from(byte >> 5), u32::from(byte & 31))
            );
        }
        assert!(!bits.is_over());
    }

    #[test]
    fn numbers_have_signs_as_the_standard_says() {
        let mut bits = Bits::new(&[0b0110_0000, 0], 0);
        // One bit: −1 and 1. Two: −3, −2, 2, 3.
        assert_eq!((bits.signed(1), bits.signed(1), bits.signed(2)), (-1, 1, 2));
        assert_eq!((bits.signed(2), bits.signed(0)), (-3, 0));
    }

    #[test]
    fn codes_of_every_length_are_found() {
        // 0 → 7, 10 → 8, 1111111111111110 → 9; the counts say so.
        let mut counts = [0; 16];
        counts[0] = 1;
        counts[1] = 1;
        let codes = Codes::new(&counts, &[7, 8]).unwrap();
        let mut bits = Bits::new(&[0b0100_1100, 0], 0);
        let found: Vec<_> = (0..3).map(|_| codes.symbol(&mut bits)).collect();
        assert_eq!(found, [Some(7), Some(8), Some(7)]);
        assert_eq!(codes.symbol(&mut bits), None);
        let mut long = [0; 16];
        long[0] = 1;
        long[11] = 2;
        let codes = Codes::new(&long, &[1, 2, 3]).unwrap();
        let mut bits = Bits::new(&[0x80, 0x08, 0x01, 0], 0);
        assert_eq!(
            (codes.symbol(&mut bits), codes.symbol(&mut bits)),
            (Some(2), Some(3))
        );
        // Three codes of one bit are no code, nor is one without its symbol.
        let mut many = [0; 16];
        many[0] = 3;
        assert!(Codes::new(&many, &[1, 2, 3]).is_none());
        assert!(Codes::new(&counts, &[7]).is_none());
    }
}
