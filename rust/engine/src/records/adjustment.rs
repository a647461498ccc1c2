//! `counter-adjustments`: raises, back-fill and imports. Nothing here can lower a number.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Deserializer};
use slotkeeper_counters::{Cover, LAST_COUNTER};
use slotkeeper_gbcs::Eui64;

use super::field::{Field, only};
use super::{Unreadable, decimal};
use crate::signed_act::{COUNTER_ADJUSTMENT, Proof, SignedAct, Signers, refuse_repeated_members};

/// Which number a raise is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Raise {
    Issued,
    Recorded,
    Seen,
}

impl Raise {
    /// The name on the stream.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Recorded => "recorded",
            Self::Seen => "seen",
        }
    }
}

/// Who stands behind an adjustment, and how that is known.
#[derive(Clone, Debug)]
pub(crate) enum Vouched {
    /// Names that nobody proved.
    Claimed(Vec<String>),
    /// Persons whose signatures hold.
    Proven(Proof),
    /// Signatures, and nobody is configured whose they could be.
    Unproven,
}

impl Vouched {
    /// Names of persons, at most that many.
    pub(crate) fn names(&self, most: usize) -> Vec<&str> {
        match self {
            Self::Claimed(by) => by.iter().map(String::as_str).take(most).collect(),
            Self::Proven(proof) => proof.persons().take(most).collect(),
            Self::Unproven => Vec::new(),
        }
    }

    /// How many different persons: names are compared without the spaces around them and whatever their case.
    pub(crate) fn persons(&self) -> usize {
        match self {
            Self::Claimed(by) => {
                let names = by.iter().map(|name| name.trim().to_lowercase());
                names
                    .filter(|name| !name.is_empty())
                    .collect::<HashSet<_>>()
                    .len()
            }
            Self::Proven(proof) => proof.persons().count(),
            Self::Unproven => 0,
        }
    }

    /// The same, of those who saw the store as it is now: a claim has no time.
    pub(crate) fn persons_now(&self) -> usize {
        match self {
            Self::Proven(proof) => proof.persons_now(),
            Self::Claimed(_) | Self::Unproven => self.persons(),
        }
    }
}

/// A raise of one device's numbers for one role.
#[derive(Clone, Debug)]
pub(crate) struct Adjustment {
    pub(crate) device: Eui64,
    /// DUIS name of the role.
    pub(crate) role: String,
    pub(crate) raise: Raise,
    /// At most 2^63-1. Absent only where an import names issued numbers alone.
    pub(crate) at_least: Option<u64>,
    /// Numbers that commands had, or may have had: the first and the last of each run. A single number is a run of one.
    pub(crate) issued_blocks: Vec<(u64, u64)>,
    /// The highest floor that commands carried: commands come above it, and it is no number of theirs.
    pub(crate) issued_floor: Option<u64>,
    /// RequestIDs that were answered with a command: originator, request counter, number.
    pub(crate) request_ids: Vec<(Eui64, u64, u64)>,
    /// The version of the damaged record that it is to make up for, where it says so.
    pub(crate) mends: Option<u32>,
    /// Who stands behind it.
    pub(crate) vouched: Vouched,
    /// Why, in their words.
    pub(crate) reason: Option<String>,
    /// Where the number was found.
    pub(crate) source: Option<String>,
}

/// What the numbers depend on.
#[derive(Deserialize)]
struct Json {
    device_id: String,
    remote_party_role: String,
    #[serde(default)]
    at_least: Option<String>,
    kind: Raise,
    #[serde(default, deserialize_with = "absent_or_null")]
    issued_numbers: Vec<String>,
    #[serde(default, deserialize_with = "absent_or_null")]
    issued_blocks: Vec<[String; 2]>,
    #[serde(default)]
    issued_floor: Option<String>,
    #[serde(default)]
    mends: Option<String>,
    #[serde(default, deserialize_with = "absent_or_null")]
    request_ids: BTreeMap<String, String>,
}

/// What is kept for people. Each member that cannot be read costs itself alone.
#[derive(Default)]
struct Words<'a> {
    by: Vec<Field<'a>>,
    reason: Field<'a>,
    source: Field<'a>,
}

impl<'a> Words<'a> {
    fn read(value: &'a [u8]) -> Self {
        let by = only!(value, by, Option<Vec<Field<'a>>>);
        Self {
            by: by.ok().flatten().unwrap_or_default(),
            reason: only!(value, reason).unwrap_or_default(),
            source: only!(value, source).unwrap_or_default(),
        }
    }
}

/// Null is no member.
fn absent_or_null<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl Adjustment {
    /// Reads a record, signed or not. Where there are signers, the signatures are verified.
    pub(crate) fn read(
        value: &[u8],
        signers: Option<&Signers>,
        incarnations: &[String],
    ) -> Result<Self, Unreadable> {
        if !SignedAct::is_meant(value) {
            return Self::unsigned(value);
        }
        let act = SignedAct::read(value).map_err(|error| Unreadable(error.to_string()))?;
        refuse_repeated_members(act.payload())?;
        let vouched = match signers {
            Some(signers) => Vouched::Proven(act.prove(COUNTER_ADJUSTMENT, signers, incarnations)),
            None => Vouched::Unproven,
        };
        let adjustment = Self::unsigned(act.payload())?;
        Ok(Self {
            vouched,
            ..adjustment
        })
    }

    fn unsigned(value: &[u8]) -> Result<Self, Unreadable> {
        let json: Json = serde_json::from_slice(value)?;
        let words = Words::read(value);
        let device = Eui64::parse(json.device_id.as_bytes())
            .ok_or_else(|| Unreadable("device_id is no EUI-64".to_owned()))?;
        let at_least = json.at_least.as_deref().map(number).transpose()?;
        let issued_floor = json.issued_floor.as_deref().map(number).transpose()?;
        let mends = json.mends.as_deref().map(version).transpose()?;
        let single = json.issued_numbers.iter().map(|text| [text, text]);
        let blocks = json.issued_blocks.iter().map(|[first, last]| [first, last]);
        let issued_blocks: Vec<_> = single.chain(blocks).map(block).collect::<Result<_, _>>()?;
        let mut request_ids: Vec<_> = json
            .request_ids
            .iter()
            .map(|(id, issued)| {
                let mut parts = id.split(':');
                let originator = parts.next().and_then(|text| Eui64::parse(text.as_bytes()));
                let target = parts.next().and_then(|text| Eui64::parse(text.as_bytes()));
                let counter = parts.next().and_then(decimal);
                match (originator, target, counter, parts.next()) {
                    (Some(originator), Some(target), Some(counter), None) if target == device => {
                        Ok((originator, counter, number(issued)?))
                    }
                    _ => Err(Unreadable(format!(
                        "request_ids: `{id}` is no RequestID of this device"
                    ))),
                }
            })
            .collect::<Result<_, Unreadable>>()?;
        // Of one RequestID with several numbers, the first is remembered.
        request_ids.sort_by_key(|(_, _, issued)| *issued);
        if at_least.is_none()
            && issued_blocks.is_empty()
            && issued_floor.is_none()
            && request_ids.is_empty()
        {
            return Err(Unreadable(
                "nothing to raise: at_least, issued_numbers, issued_blocks, issued_floor or request_ids"
                    .to_owned(),
            ));
        }
        Ok(Self {
            device,
            role: json.remote_party_role,
            raise: json.kind,
            at_least,
            issued_blocks,
            issued_floor,
            request_ids,
            mends,
            vouched: Vouched::Claimed(words.by.into_iter().filter_map(owned).collect()),
            reason: owned(words.reason),
            source: owned(words.source),
        })
    }

    /// The highest number it would set.
    pub(crate) fn highest(&self) -> u64 {
        let imported = self.request_ids.iter().map(|(_, _, issued)| *issued);
        self.issued_blocks
            .iter()
            .map(|(_, last)| *last)
            .chain(imported)
            .chain(self.issued_floor)
            .chain(self.at_least)
            .max()
            .unwrap_or(0)
    }

    /// The numbers that it names as those of commands, besides `at_least`; each of them, and few others.
    pub(crate) fn named(&self, ceiling: u64) -> Cover {
        let requests = self.request_ids.iter();
        let requests = requests.map(|&(_, _, issued)| (issued, issued));
        let named = self.issued_blocks.iter().copied().chain(requests);
        named.fold(Cover::EMPTY, |cover, (first, last)| {
            cover.union(&Cover::of(first, last, ceiling))
        })
    }
}

fn owned(field: Field<'_>) -> Option<String> {
    field.text().map(Cow::into_owned)
}

fn block([first, last]: [&String; 2]) -> Result<(u64, u64), Unreadable> {
    let block = (number(first)?, number(last)?);
    if block.0 > block.1 {
        return Err(Unreadable(format!(
            "issued_blocks: {first} to {last} is no run of numbers"
        )));
    }
    Ok(block)
}

fn version(text: &str) -> Result<u32, Unreadable> {
    let version = decimal(text).and_then(|version| u32::try_from(version).ok());
    version.ok_or_else(|| Unreadable("mends is no version of a record".to_owned()))
}

fn number(text: &str) -> Result<u64, Unreadable> {
    decimal(text).filter(|n| *n <= LAST_COUNTER).ok_or_else(|| {
        Unreadable(format!(
            "`{text}` is not a number from 0 to 9223372036854775807"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_persons_are_two() {
        let by = |by: &str| {
            Adjustment::unsigned(
                format!(
                    r#"{{"device_id": "00DB1234567890A3", "remote_party_role": "NetworkOperator", "at_least": "1", "kind": "seen", "by": {by}}}"#
                )
                .as_bytes(),
            )
            .unwrap()
            .vouched
            .persons()
        };
        assert_eq!(by(r#"["Ann", "Bob"]"#), 2);
        assert_eq!(by(r#"["Ann", "ann "]"#), 1);
        assert_eq!((by(r#"["Ann", ""]"#), by("[]")), (1, 0));
    }

    #[test]
    fn null_is_no_member() {
        let value = br#"{"device_id": "00DB1234567890A3", "remote_party_role": "NetworkOperator", "at_least": "1", "kind": "seen", "issued_numbers": null, "issued_blocks": null, "issued_floor": null, "request_ids": null, "by": null, "reason": null, "source": null}"#;
        let adjustment = Adjustment::unsigned(value).unwrap();
        assert_eq!(adjustment.highest(), 1);
        assert!(adjustment.vouched.persons() == 0 && adjustment.request_ids.is_empty());
    }

    #[test]
    fn words_that_cannot_be_read_cost_themselves_alone() {
        let read = |more: &str| {
            let value = format!(
                r#"{{"device_id": "00DB1234567890A3", "remote_party_role": "Supplier", "at_least": "7", "kind": "seen", {more}}}"#
            );
            Adjustment::unsigned(value.as_bytes())
        };
        for name in ["by", "reason", "source", "more"] {
            for bad in [
                "1e999",
                r#""\ud800""#,
                r#"[1e999, "\ud800"]"#,
                "{}",
                "7",
                "null",
            ] {
                let twice = format!(r#""{name}": "a", "{name}": {bad}"#);
                for more in [format!(r#""{name}": {bad}"#), twice] {
                    let adjustment = read(&more).unwrap();
                    assert_eq!(adjustment.highest(), 7, "{more}");
                    assert_eq!(adjustment.vouched.persons(), 0, "{more}");
                    assert_eq!(adjustment.reason.or(adjustment.source), None, "{more}");
                }
            }
        }
        let adjustment =
            read(r#""by": ["Ann", 7, null, "Bob"], "reason": 1e999, "source": "s""#).unwrap();
        assert_eq!(adjustment.vouched.names(9), ["Ann", "Bob"]);
        assert_eq!(adjustment.source.as_deref(), Some("s"));
        // Numbers are what it is about.
        for more in [
            r#""at_least": "7""#,
            r#""issued_floor": 7"#,
            r#""mends": "4294967296""#,
            r#""issued_numbers": ["8", 1e999]"#,
            r#""issued_numbers": "8""#,
            r#""request_ids": ["8"]"#,
            r#""request_ids": {"a": "1", "a": "1"}"#,
        ] {
            assert!(read(more).is_err(), "{more}");
        }
    }

    #[test]
    fn a_number_that_no_command_can_exceed_is_still_a_number() {
        let read = |n: &str| {
            Adjustment::unsigned(
                format!(r#"{{"device_id": "00DB1234567890A3", "remote_party_role": "NetworkOperator", "at_least": "{n}", "kind": "issued"}}"#)
                    .as_bytes(),
            )
        };
        assert_eq!(read("9223372036854775807").unwrap().highest(), LAST_COUNTER);
        assert!(
            read("9223372036854775808").is_err() && read("-1").is_err() && read("1.0").is_err()
        );
    }
}
