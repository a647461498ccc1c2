//! What the inputs say: JSON and DUIS records in the shapes of `docs/streams.md`, typed.

mod adjustment;
mod alert;
mod baseline;
mod field;
mod handover;
mod inventory;
mod outcome;

use crate::time::parse_rfc3339;

pub(crate) use adjustment::{Adjustment, Raise, Vouched};
pub(crate) use alert::{Alert, AlertKind};
pub(crate) use baseline::Baseline;
pub(crate) use handover::HandoverRequest;
pub(crate) use inventory::{DeviceRecord, DeviceStatus, DeviceType, SmetsVersion};
pub(crate) use outcome::{OutcomeRecord, Payload};

/// Why a record cannot be read; the text goes into the audit trail.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreadable(pub(crate) String);

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Self(format!("not the JSON expected: {error}"))
    }
}

impl From<crate::duis::DuisError> for Unreadable {
    fn from(error: crate::duis::DuisError) -> Self {
        Self(format!("not the DUIS expected: {error}"))
    }
}

/// DUIS documents begin so; everything else is JSON.
fn is_xml(value: &[u8]) -> bool {
    value
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(value)
        .trim_ascii_start()
        .first()
        == Some(&b'<')
}

/// Unix seconds of an RFC 3339 time, as long as they can be written again.
fn unix_seconds(text: &str) -> Option<u64> {
    parse_rfc3339(text).and_then(|seconds| u64::try_from(seconds).ok())
}

/// A decimal string from 0 to 2^64-1, without sign, spaces or leading zeros.
fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|octet| octet.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if plain && !leading_zero {
        text.parse().ok()
    } else {
        None
    }
}
