//! What decoders say of a broken file, on one line and without the names of their types.

/// What messages begin with that says nothing of the file.
const LEADS: [&str; 9] = [
    "Format error decoding ",
    "The decoder for ",
    "The encoder or decoder for ",
    "format error: ",
    "unsupported error: ",
    "compressed data is corrupt: ",
    "I/O errors ",
    "Error parsing ",
    "Error decoding huffman values: ",
];

/// Messages in which the words before one of these say nothing of the file.
const MIDDLES: [&str; 3] = [
    " does not support the format features ",
    " does not support the ",
    "Reason:",
];

/// Data that stop before their end, in the words of several decoders.
const CUT: [&str; 7] = [
    "failed to fill whole buffer",
    "unexpected end of file",
    "Not enough bytes",
    "Exhausted data",
    "Premature End",
    "no lzw end code",
    "incomplete deflate stream",
];

/// A decoder's message in plain words.
pub fn plain(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    let mut text = words.join(" ");
    while let Some(lead) = LEADS.iter().find(|lead| text.starts_with(**lead)) {
        text = text[lead.len()..].to_owned();
        let names_a_kind = ["Png: ", "Tiff: ", "WebP: ", "Gif: ", "Bmp: ", "Jpeg: "];
        if let Some(kind) = names_a_kind.iter().find(|kind| text.starts_with(**kind)) {
            text = text[kind.len()..].to_owned();
        }
        let middle = MIDDLES.iter().find_map(|middle| text.split_once(middle));
        if let Some((_, behind)) = middle {
            text = behind.to_owned();
        }
    }
    let mut text = without_types(text.trim_matches('"'));
    if CUT.iter().any(|cut| text.contains(cut)) {
        return "data that end too early".to_owned();
    }
    if let Some((before, _)) = text.split_once("eflate stream. ") {
        text = format!("{before}eflate stream");
    }
    let text = text.trim_end_matches('.');
    // In the middle of a sentence; `IDAT` stays as it is.
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second))
            if first.is_ascii_uppercase() && second.is_ascii_lowercase() =>
        {
            format!("{}{}", first.to_ascii_lowercase(), &text[1..])
        }
        _ => text.to_owned(),
    }
}

/// Types of other crates by what they name: a chunk by its four letters, a list of bytes by nothing.
fn without_types(message: &str) -> String {
    const CHUNK: &str = "ChunkType { type: ";
    let mut text = message.to_owned();
    while let Some((before, rest)) = text.split_once(CHUNK) {
        let (chunk, behind) = rest.split_once(" }").unwrap_or((rest, ""));
        let name = chunk.split(", ").next().unwrap_or_default();
        text = format!("{before}{name}{behind}");
    }
    match text.split_once(": [") {
        Some((before, list)) if list.ends_with(']') => before.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_lose_the_names_of_types() {
        for (message, expected) in [
            (
                "Format error decoding Png: ChunkType { type: IHD\\u{1}, critical: true, private: false } chunk appeared before IHDR chunk",
                "IHD\\u{1} chunk appeared before IHDR chunk",
            ),
            (
                "Format error decoding Png: Chunk length wrong: ChunkType { type: PLTE, critical: true }",
                "chunk length wrong: PLTE",
            ),
            (
                "Format error decoding Png: Invalid bit depth 3.",
                "invalid bit depth 3",
            ),
            (
                "Format error decoding Png: Corrupt deflate stream. InvalidUncompressedBlockLength",
                "corrupt deflate stream",
            ),
            (
                "IDAT or fDAT chunk does not have enough data for image.",
                "IDAT or fDAT chunk does not have enough data for image",
            ),
            (
                "I/O errors Not enough bytes, expected 7 but found 3\n",
                "data that end too early",
            ),
            ("failed to fill whole buffer", "data that end too early"),
            (
                "Format error decoding WebP: Invalid Chunk header: [52, 49, 46, 46]",
                "invalid Chunk header",
            ),
            (
                "The decoder for Bmp does not support the format features Unknown bitmap header type (size=9)",
                "unknown bitmap header type (size=9)",
            ),
            (
                "Format error decoding Tiff: format error: compressed data is corrupt: \"Bogus Huffman table definition\"",
                "bogus Huffman table definition",
            ),
            (
                "Error parsing SOF segment. Reason:Length of start of frame differs from expected 17,value is 9",
                "length of start of frame differs from expected 17,value is 9",
            ),
            ("", ""),
        ] {
            assert_eq!(plain(message), expected);
        }
    }
}
