//! Who and which key: EUI-64 and subject key identifier.

use std::fmt;
use std::str::FromStr;

use crate::error::ParseIdentifierError;

/// An EUI-64: the identifier of a device or of a remote party.
///
/// Shown in upper case with hyphens, the form DUIS gives it; read in any case, with hyphens or without.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Eui64(u64);

impl Eui64 {
    /// From the number whose big-endian octets are the identifier.
    pub const fn from_u64(value: u64) -> Self {
        Self(value)
    }

    /// From the eight octets in wire order.
    pub const fn from_bytes(octets: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(octets))
    }

    /// Reads `00-DB-12-34-56-78-90-A3` or `00db1234567890a3`, in any case; `None` for anything else.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut value = 0;
        match text.len() {
            16 => {
                for digit in text {
                    value = value << 4 | u64::from(hex_value(*digit)?);
                }
            }
            23 => {
                for (index, character) in text.iter().enumerate() {
                    if index % 3 != 2 {
                        value = value << 4 | u64::from(hex_value(*character)?);
                    } else if *character != b'-' {
                        return None;
                    }
                }
            }
            _ => return None,
        }
        Some(Self(value))
    }

    /// The number whose big-endian octets are the identifier.
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// The eight octets in wire order.
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// The canonical text, upper case with hyphens, without allocation.
    pub fn canonical(self) -> [u8; 23] {
        let mut text = [b'-'; 23];
        for (octet, place) in self.to_bytes().iter().zip(text.chunks_mut(3)) {
            let pair = UPPER_HEX[usize::from(*octet)];
            place[0] = pair[0];
            place[1] = pair[1];
        }
        text
    }
}

impl fmt::Display for Eui64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.canonical()).unwrap_or_default())
    }
}

impl fmt::Debug for Eui64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Eui64 {
    type Err = ParseIdentifierError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text.as_bytes()).ok_or(ParseIdentifierError("an EUI-64"))
    }
}

/// A subject key identifier: the eight octets by which a certificate's public key is named (RFC 5280, method 2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyIdentifier(pub [u8; 8]);

impl fmt::Display for KeyIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyIdentifier {
    type Err = ParseIdentifierError;

    /// Reads 16 hex digits in any case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut value = 0;
        for digit in text.bytes() {
            let nibble = hex_value(digit).ok_or(NOT_A_KEY_IDENTIFIER)?;
            value = value << 4 | u64::from(nibble);
        }
        if text.len() == 16 {
            Ok(Self(value.to_be_bytes()))
        } else {
            Err(NOT_A_KEY_IDENTIFIER)
        }
    }
}

/// The value of one hex digit of either case.
pub(crate) const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

const NOT_A_KEY_IDENTIFIER: ParseIdentifierError = ParseIdentifierError("a key identifier");

/// The two digits of each octet.
const UPPER_HEX: [[u8; 2]; 256] = {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    let mut pairs = [[0; 2]; 256];
    let mut octet = 0;
    while octet < 256 {
        pairs[octet] = [DIGITS[octet >> 4], DIGITS[octet & 15]];
        octet += 1;
    }
    pairs
};

#[cfg(test)]
mod tests {
    use super::*;

    const GPF: Eui64 = Eui64::from_u64(0x00DB_1234_5678_90A3);

    #[test]
    fn any_case_with_or_without_hyphens() {
        for text in [
            "00-DB-12-34-56-78-90-A3",
            "00-db-12-34-56-78-90-a3",
            "00DB1234567890A3",
            "00db1234567890a3",
        ] {
            assert_eq!(text.parse(), Ok(GPF));
        }
        assert_eq!(GPF.to_string(), "00-DB-12-34-56-78-90-A3");
        assert_eq!(format!("{GPF:?}"), GPF.to_string());
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "00DB1234567890A",
            "00DB1234567890A33",
            "00-DB-12-34-56-78-90A3-",
            "00:DB:12:34:56:78:90:A3",
            "00-DB-12-34-56-78-90-G3",
            "+0DB1234567890A3",
        ] {
            assert!(text.parse::<Eui64>().is_err(), "{text}");
        }
    }

    #[test]
    fn key_identifier_is_sixteen_hex_digits() {
        let text = "48cf97fa9f827fb5";
        assert_eq!(text.parse::<KeyIdentifier>().unwrap().to_string(), text);
        assert_eq!(text.to_uppercase().parse(), text.parse::<KeyIdentifier>());
        for text in [
            "",
            "48cf97fa9f827fb",
            "48cf97fa9f827fb55",
            "48cf97fa9f827fbx",
        ] {
            assert!(text.parse::<KeyIdentifier>().is_err(), "{text}");
        }
    }
}
