//! The changelog's keys and the records of parked octets; the record of a device is `slotkeeper_counters`' own.
//!
//! | key | value |
//! |---|---|
//! | `00-DB-12-34-56-78-90-A3` | the device's image (`docs/changelog-format.md`) |
//! | `00-DB-12-34-56-78-90-A3/parked/0123456789abcdef` | a parked record; the digits are the start of the message's SHA-256 |
//! | `@…` | the worker's own: positions of the inputs |

use slotkeeper_gbcs::Eui64;

use crate::decision::{Disposition, Reason};
use crate::parking::Parked;
use crate::stream::Stream;

/// Of a parked record's layout.
const FORMAT: u8 = 1;
const PARKED: &[u8] = b"/parked/";
const KEY_OCTETS: usize = 23;
const DIGEST_START: usize = 8;
/// The check at a record's end: the first octets of SHA-256 over what stands before.
const CHECK: usize = 4;

/// What a changelog key is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ChangeKey {
    Device(Eui64),
    Parked(Eui64, [u8; DIGEST_START]),
    /// Not the engine's.
    Foreign,
}

impl ChangeKey {
    pub(crate) fn read(key: &[u8]) -> Option<Self> {
        if key.first() == Some(&b'@') {
            return Some(Self::Foreign);
        }
        let (device, rest) = key.split_at_checked(KEY_OCTETS)?;
        let device = Eui64::parse(device)?;
        if rest.is_empty() {
            return Some(Self::Device(device));
        }
        let digits = std::str::from_utf8(rest.strip_prefix(PARKED)?).ok()?;
        let start = u64::from_str_radix(digits, 16)
            .ok()
            .filter(|_| digits.len() == 2 * DIGEST_START)?;
        Some(Self::Parked(device, start.to_be_bytes()))
    }
}

pub(crate) fn device_key(device: Eui64) -> Vec<u8> {
    device.canonical().to_vec()
}

pub(crate) fn parked_key(device: Eui64, digest: &[u8; 32]) -> Vec<u8> {
    let start = digest
        .first_chunk::<DIGEST_START>()
        .copied()
        .unwrap_or_default();
    let mut key = device_key(device);
    key.extend_from_slice(PARKED);
    key.extend_from_slice(format!("{:016x}", u64::from_be_bytes(start)).as_bytes());
    key
}

/// `format, stream, bare, offset (8), number present, number (8), disposition and reason (length and name each), digest (32),
/// value, check (4)`; integers big-endian.
pub(crate) fn encode_parked(parked: &Parked) -> Vec<u8> {
    let (disposition, reason) = (parked.verdict.0.name(), parked.verdict.1.name());
    let mut octets = Vec::with_capacity(parked.value.len() + 128);
    octets.extend_from_slice(&[FORMAT, parked.stream as u8, u8::from(parked.bare)]);
    octets.extend_from_slice(&parked.offset.to_be_bytes());
    octets.push(u8::from(parked.number.is_some()));
    octets.extend_from_slice(&parked.number.unwrap_or(0).to_be_bytes());
    for name in [disposition, reason] {
        // The names are ours and short.
        octets.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        octets.extend_from_slice(name.as_bytes());
    }
    octets.extend_from_slice(&parked.digest);
    octets.extend_from_slice(&parked.value);
    let check = slotkeeper_crypto::sha256(&octets);
    octets.extend(check.iter().take(CHECK));
    octets
}

/// `None` when the record is damaged or of a newer format.
pub(crate) fn decode_parked(octets: &[u8]) -> Option<Parked> {
    let (content, check) = octets.split_last_chunk::<CHECK>()?;
    if !slotkeeper_crypto::sha256(content).starts_with(check) {
        return None;
    }
    let mut rest = content;
    let [format, stream, bare] = *take(&mut rest)?;
    if format != FORMAT {
        return None;
    }
    let offset = u64::from_be_bytes(*take(&mut rest)?);
    let [has_number] = *take(&mut rest)?;
    let number = u64::from_be_bytes(*take(&mut rest)?);
    let disposition = Disposition::from_name(take_name(&mut rest)?)?;
    let reason = Reason::from_name(take_name(&mut rest)?)?;
    let digest = *take(&mut rest)?;
    Some(Parked {
        stream: Stream::from_number(stream)?,
        offset,
        bare: bare != 0,
        value: rest.into(),
        digest,
        verdict: (disposition, reason),
        number: (has_number != 0).then_some(number),
    })
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (start, end) = rest.split_first_chunk::<N>()?;
    *rest = end;
    Some(start)
}

fn take_name<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let [length] = *take(rest)?;
    let (name, end) = rest.split_at_checked(usize::from(length))?;
    *rest = end;
    std::str::from_utf8(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parked() -> Parked {
        Parked {
            stream: Stream::HandoverOutcomes,
            offset: 7,
            bare: false,
            value: b"{}".as_slice().into(),
            digest: [0x5a; 32],
            verdict: (Disposition::Parked, Reason::UnknownDevice),
            number: Some(u64::MAX),
        }
    }

    #[test]
    fn a_parked_record_comes_back() {
        assert_eq!(decode_parked(&encode_parked(&parked())), Some(parked()));
    }

    #[test]
    fn d12_any_damaged_octet_shows() {
        let octets = encode_parked(&parked());
        for place in 0..octets.len() {
            let mut damaged = octets.clone();
            damaged[place] ^= 1;
            assert_eq!(decode_parked(&damaged), None, "octet {place}");
            assert_eq!(decode_parked(&octets[..place]), None);
        }
    }

    #[test]
    fn keys_tell_what_they_are_about() {
        let device = Eui64::from_u64(0x00db_1234_5678_90a3);
        assert_eq!(
            ChangeKey::read(&device_key(device)),
            Some(ChangeKey::Device(device))
        );
        assert_eq!(
            ChangeKey::read(&parked_key(device, &[0x5a; 32])),
            Some(ChangeKey::Parked(device, [0x5a; 8]))
        );
        assert_eq!(ChangeKey::read(b"@positions"), Some(ChangeKey::Foreign));
        assert_eq!(ChangeKey::read(b"00-DB-12-34-56-78-90-A3/x"), None);
        assert_eq!(ChangeKey::read(b"rubbish"), None);
    }
}
