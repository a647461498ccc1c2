//! DER elements, and the two of which certificates are full.

/// An element with its length in the shortest form; up to 65,535 octets.
pub fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let [.., high, low] = content.len().to_be_bytes();
    let head = match content.len() {
        0..0x80 => vec![tag, low],
        0x80..0x100 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head, content].concat()
}

/// One relative distinguished name of one attribute: the content of its object identifier, then tag and content of the
/// value.
pub fn attribute(identifier: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
    let pair = [element(OID, &[identifier]), element(tag, &[value])].concat();
    element(SET, &[&element(SEQUENCE, &[&pair])])
}

/// One extension of the arc 2.5.29.
pub fn extension(number: u8, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[1, 1, 0xFF] } else { &[] };
    let name = element(OID, &[&[0x55, 0x1D, number]]);
    element(
        SEQUENCE,
        &[&name, critical, &element(OCTET_STRING, &[value])],
    )
}

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0C;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
