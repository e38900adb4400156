//! Arrays of NumPy.

/// The file of an array of unsigned integers, row by row.
///
/// # Source
/// NEP 1, version 1.0 of the format: the header is padded so that the numbers begin at a multiple of 64.
pub(super) fn array(height: usize, width: usize, numbers: &[u32]) -> Vec<u8> {
    let wide = numbers.iter().any(|number| *number > u32::from(u16::MAX));
    let kind = if wide { "<u4" } else { "<u2" };
    let mut header =
        format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({height}, {width}), }}");
    // Magic, version, length and the line's end.
    let padding = (10 + header.len() + 1).next_multiple_of(64) - (10 + header.len() + 1);
    header.extend(std::iter::repeat_n(' ', padding));
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.into_bytes());
    for number in numbers {
        if wide {
            file.extend(number.to_le_bytes());
        } else {
            file.extend((*number as u16).to_le_bytes());
        }
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_the_one_of_numpy() {
        // numpy.save(f, numpy.array([[1, 2, 3], [4, 5, 6]], "uint16"))
        let file = array(2, 3, &[1, 2, 3, 4, 5, 6]);
        let header = "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3), }";
        let mut expected = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        expected.extend(format!("{header:<117}\n").into_bytes());
        expected.extend([1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0]);
        assert_eq!(file, expected);
    }

    #[test]
    fn numbers_above_65535_take_four_bytes() {
        let file = array(1, 2, &[65_536, 7]);
        assert!(file.ends_with(&[0, 0, 1, 0, 7, 0, 0, 0]));
        assert_eq!((file.len() - 8) % 64, 0);
        assert!(file.windows(3).any(|part| part == b"<u4"));
    }
}
