//! Standard base64, as the streams and DUIS carry octets.

/// Decodes standard base64 with padding; `None` for anything else.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    base64_simd::STANDARD.decode_to_vec(text).ok()
}

/// Decodes onto the end of a buffer, without an allocation of its own.
pub(crate) fn decode_append(text: &[u8], buffer: &mut Vec<u8>) -> Option<std::ops::Range<usize>> {
    let start = buffer.len();
    base64_simd::STANDARD.decode_append(text, buffer).ok()?;
    Some(start..buffer.len())
}

/// Encodes onto the end of a buffer.
pub(crate) fn encode_append(octets: &[u8], buffer: &mut Vec<u8>) {
    let start = buffer.len();
    buffer.resize(
        start + base64_simd::STANDARD.encoded_length(octets.len()),
        0,
    );
    if let Some(target) = buffer.get_mut(start..) {
        let _ = base64_simd::STANDARD.encode(octets, base64_simd::Out::from_slice(target));
    }
}
