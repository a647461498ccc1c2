//! A line of `rows.jsonl`.

use serde::{Deserialize, Serialize};

/// What a device said of its slot, and where that stands in the streams.
///
/// The members stand in the order of their names and have no white space, so that there is one way to write a row. No
/// value needs an escape: a line with one is none of ours.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row<'a> {
    #[serde(borrow)]
    pub(super) audit: Audit<'a>,
    /// SHA-256 of the device's certificate, under which it stands in `certificates/`.
    pub(super) certificate: Option<&'a str>,
    pub(super) decided_at: Option<&'a str>,
    pub(super) device: &'a str,
    pub(super) device_time: Option<&'a str>,
    /// Of the record in its partition of `slot-evidence`.
    pub(super) evidence_offset: u64,
    pub(super) kind: &'a str,
    /// Base64 of the octets, unchanged.
    pub(super) message: &'a str,
    pub(super) party: Option<&'a str>,
    /// Base64 of the SubjectPublicKeyInfo of the key that signed the message; null where no signature was found valid.
    pub(super) public_key: Option<&'a str>,
    pub(super) received_at: Option<&'a str>,
    #[serde(borrow)]
    pub(super) source: Source<'a>,
    /// Whether the worker had verified the message when it decided, by a signature or by a MAC.
    pub(super) verified: bool,
}

/// The decision; number and offset are null where the audit trail no longer had it.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Audit<'a> {
    pub(super) number: Option<u64>,
    pub(super) offset: Option<u64>,
    pub(super) partition: u32,
    pub(super) sha256: &'a str,
}

/// The record that was decided.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source<'a> {
    pub(super) offset: u64,
    pub(super) partition: u32,
    pub(super) stream: &'a str,
}

impl<'a> Row<'a> {
    /// Reads a line without its LF; `None` unless it is written as we write it.
    pub(super) fn read(line: &'a [u8]) -> Option<Self> {
        let row: Self = serde_json::from_slice(line).ok()?;
        (serde_json::to_vec(&row).ok()? == line).then_some(row)
    }
}

/// 32 octets in lower-case hexadecimal.
pub(super) fn digest_of(text: &str) -> Option<[u8; 32]> {
    let digit = |octet: u8| match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'a'..=b'f' => Some(octet - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks();
    let octets: Option<Vec<u8>> = pairs
        .iter()
        .map(|&[high, low]: &[u8; 2]| Some(digit(high)? << 4 | digit(low)?))
        .collect();
    octets?.try_into().ok().filter(|_| rest.is_empty())
}
