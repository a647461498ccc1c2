//! The changelog's keys and the records of parked octets; the record of a device is `slotkeeper_counters`' own.
//!
//! | key | value |
//! |---|---|
//! | `00-DB-12-34-56-78-90-A3` | the device's image (`docs/changelog-format.md`) |
//! | `00-DB-12-34-56-78-90-A3/parked/0123456789abcdef` | a parked record; the digits are the start of the message's SHA-256 |
//! | `@…` | the worker's own: positions of the inputs |

use slotkeeper_counters::ImageError;
use slotkeeper_gbcs::Eui64;

use crate::decision::{Disposition, Reason};
use crate::parking::Parked;
use crate::stream::Stream;

/// Begins the keys that are the host's own: no device's does.
pub const RESERVED: u8 = b'@';

/// Of a parked record's layout.
const FORMAT: u8 = 2;
/// That of releases that kept no arrival number.
const WITHOUT_ARRIVAL: u8 = 1;
const PARKED: &[u8] = b"/parked/";
const KEY_OCTETS: usize = 23;
/// Octets of a parked record's digest that its key has.
pub(crate) const DIGEST_START: usize = 8;
/// The check at a record's end: the first octets of SHA-256 over what stands before.
const CHECK: usize = 4;
/// Where a device's image has its version: after its format and EUI-64.
const IMAGE_VERSION_AT: usize = 9;

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
        if key.first() == Some(&RESERVED) {
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

/// The key of a parked record, from its digest or the part of it that the key has.
pub(crate) fn parked_key(device: Eui64, digest: &[u8]) -> Vec<u8> {
    let start = digest
        .first_chunk::<DIGEST_START>()
        .copied()
        .unwrap_or_default();
    let mut key = device_key(device);
    key.extend_from_slice(PARKED);
    key.extend_from_slice(format!("{:016x}", u64::from_be_bytes(start)).as_bytes());
    key
}

/// `format, arrival (8), stream, bare, offset (8), numbers present (bit 0 Network Operator, bit 1 Supplier), the two numbers (8 each),
/// disposition and reason (length and name each), digest (32), value, check (4)`; integers big-endian.
pub(crate) fn encode_parked(parked: &Parked) -> Vec<u8> {
    let (disposition, reason) = (parked.verdict.0.name(), parked.verdict.1.name());
    let mut octets = Vec::with_capacity(parked.value.len() + 128);
    octets.push(FORMAT);
    octets.extend_from_slice(&parked.arrival.to_be_bytes());
    octets.extend_from_slice(&[parked.stream as u8, u8::from(parked.bare)]);
    octets.extend_from_slice(&parked.offset.to_be_bytes());
    let [network_operator, supplier] = parked.numbers;
    let is_there = |number: Option<u64>, bit| u8::from(number.is_some()) << bit;
    octets.push(
        is_there(network_operator, 0) | is_there(supplier, 1) | u8::from(parked.told) << TOLD,
    );
    for number in parked.numbers {
        octets.extend_from_slice(&number.unwrap_or(0).to_be_bytes());
    }
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

/// # Errors
/// [`ImageError::Damaged`] where the check does not fit; else what only another version can have written.
pub(crate) fn decode_parked(octets: &[u8]) -> Result<Parked, ImageError> {
    let (content, check) = octets
        .split_last_chunk::<CHECK>()
        .ok_or(ImageError::Damaged)?;
    if !slotkeeper_crypto::sha256(content).starts_with(check) {
        return Err(ImageError::Damaged);
    }
    match content.split_first() {
        Some((&FORMAT, content)) => content
            .split_first_chunk()
            .and_then(|(arrival, rest)| read_parked(u64::from_be_bytes(*arrival), rest))
            .ok_or(ImageError::Malformed),
        Some((&WITHOUT_ARRIVAL, content)) => read_parked(0, content).ok_or(ImageError::Malformed),
        Some((&format, _)) => Err(ImageError::UnknownFormat(format)),
        None => Err(ImageError::Malformed),
    }
}

/// The version that a damaged image of a device claims, the highest where it does not even do that.
pub(crate) fn claimed_version(image: &[u8]) -> u32 {
    image
        .get(IMAGE_VERSION_AT..)
        .and_then(<[u8]>::first_chunk)
        .map_or(MOST_CLAIMED, |octets| u32::from_be_bytes(*octets))
        .min(MOST_CLAIMED)
}

/// A higher version that a damaged image claims counts as this one: it is damaged itself, and would leave none for those
/// that follow. A record comes so far by 128 damages, each of which takes
/// [`VERSION_LEAP`](slotkeeper_counters::VERSION_LEAP).
const MOST_CLAIMED: u32 = 1 << 31;

fn read_parked(arrival: u64, mut rest: &[u8]) -> Option<Parked> {
    let [stream, bare] = *take(&mut rest)?;
    let offset = u64::from_be_bytes(*take(&mut rest)?);
    let [present] = *take(&mut rest)?;
    let mut numbers = [None; 2];
    for (role, number) in numbers.iter_mut().enumerate() {
        let value = u64::from_be_bytes(*take(&mut rest)?);
        *number = (present >> role & 1 == 1).then_some(value);
    }
    let disposition = Disposition::from_name(take_name(&mut rest)?)?;
    let reason = Reason::from_name(take_name(&mut rest)?)?;
    let digest = *take(&mut rest)?;
    Some(Parked {
        arrival,
        stream: Stream::from_number(stream)?,
        offset,
        bare: bare != 0,
        value: rest.into(),
        digest,
        verdict: (disposition, reason),
        told: present >> TOLD & 1 == 1,
        numbers,
    })
}

/// The bit beside those that tell of which roles there are numbers.
const TOLD: u8 = 2;

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
            arrival: 9,
            stream: Stream::HandoverOutcomes,
            offset: 7,
            bare: false,
            value: b"{}".as_slice().into(),
            digest: [0x5a; 32],
            verdict: (Disposition::Parked, Reason::UnknownDevice),
            told: true,
            numbers: [Some(u64::MAX), None],
        }
    }

    #[test]
    fn a_parked_record_comes_back() {
        assert_eq!(decode_parked(&encode_parked(&parked())), Ok(parked()));
    }

    #[test]
    fn a_record_of_an_earlier_release_is_read_as_the_first_to_come() {
        let octets = encode_parked(&parked());
        let mut earlier = vec![WITHOUT_ARRIVAL];
        earlier.extend_from_slice(&octets[9..octets.len() - CHECK]);
        let check = slotkeeper_crypto::sha256(&earlier);
        earlier.extend_from_slice(&check[..CHECK]);
        let read = decode_parked(&earlier).unwrap();
        let expected = Parked {
            arrival: 0,
            ..parked()
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn d12_any_damaged_octet_shows() {
        let octets = encode_parked(&parked());
        for place in 0..octets.len() {
            let mut damaged = octets.clone();
            damaged[place] ^= 1;
            assert_eq!(
                decode_parked(&damaged),
                Err(ImageError::Damaged),
                "octet {place}"
            );
            assert_eq!(decode_parked(&octets[..place]), Err(ImageError::Damaged));
        }
    }

    #[test]
    fn d09_what_another_version_wrote_is_not_taken_for_damage() {
        let checked = |mut content: Vec<u8>| {
            let check = slotkeeper_crypto::sha256(&content);
            content.extend_from_slice(&check[..CHECK]);
            content
        };
        let octets = encode_parked(&parked());
        let mut newer = octets[..octets.len() - CHECK].to_vec();
        newer[0] = 3;
        assert_eq!(
            decode_parked(&checked(newer.clone())),
            Err(ImageError::UnknownFormat(3))
        );
        newer[0] = FORMAT;
        newer[9] = 99;
        assert_eq!(decode_parked(&checked(newer)), Err(ImageError::Malformed));
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
