//! Text that quotes a record, which could make it as long as it likes.

/// Octets of a detail: the longest sentence here with the longest fault that a decoder tells.
pub(crate) const LONGEST_DETAIL: usize = 400;

/// Octets of a name that an output repeats from its input. A `RequestID`, the longest, has 68: two EUI-64s and a counter.
pub(crate) const LONGEST_NAME: usize = 128;

/// The beginning of a text, in whole characters and at most that many octets.
pub(crate) fn beginning(text: &str, octets: usize) -> &str {
    let end = text.floor_char_boundary(octets);
    text.get(..end).unwrap_or_default()
}
