//! The forms in which people keep messages in files.

/// Gives the octets of a message that stands in hex with any white space, in base64, or as it is, tried in this order.
///
/// A binary message never passes for text: it begins with the octet `DF` or `DD`.
pub fn read_form(input: &[u8]) -> Vec<u8> {
    let text: Vec<u8> = input
        .iter()
        .copied()
        .filter(|octet| !octet.is_ascii_whitespace())
        .collect();
    if !text.is_empty() && text.len().is_multiple_of(2) && text.iter().all(u8::is_ascii_hexdigit) {
        return text
            .chunks_exact(2)
            .map(|pair| nibble(pair[0]) << 4 | nibble(pair[1]))
            .collect();
    }
    crate::base64::decode(&text).unwrap_or_else(|| input.to_vec())
}

/// The value of a hex digit.
fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}
