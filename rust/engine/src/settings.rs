//! The settings that decisions depend on, as one JSON document.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use slotkeeper_gbcs::{Certificate, Eui64};

use crate::signed_act::{NamedKey, Signers};

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Not JSON of the documented form.
    #[error("the engine's settings cannot be read: {0}")]
    Form(#[from] serde_json::Error),
    /// A value out of its range.
    #[error("{name}: {problem}")]
    Value {
        /// The setting as it is written in the configuration.
        name: &'static str,
        /// What is wrong and what is expected.
        problem: String,
    },
}

/// Where the hint comes from when a request carries none.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CounterSource {
    /// Milliseconds since 1970.
    #[default]
    ClockMs,
    /// The least number that the device must accept.
    Sequence,
}

/// What a command carries when its request names no floor for the new party.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AbsentFloor {
    /// Nothing while the hint held; 0 when tracking lifted the number, so that a leaver who counted in nanoseconds does
    /// not lock out a successor who counts in milliseconds.
    #[default]
    Auto,
    /// Nothing.
    Omit,
    /// The request is refused.
    Refuse,
    /// 0.
    Zero,
}

/// What becomes of a request for a slot of which nothing is known.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WithoutEvidence {
    /// A command with the natural number (S3).
    #[default]
    Issue,
    /// Refused until a number is back-filled.
    Refuse,
}

/// How far devices' signatures are asked for.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceSignatures {
    /// Checked where the device's certificate is known.
    #[default]
    IfKnown,
    /// Not checked.
    Off,
    /// Nothing is believed without.
    Require,
}

/// What becomes of a request that the registers speak against (S13).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Advisory {
    /// The command carries flags.
    #[default]
    Flag,
    /// They are not asked.
    Off,
    /// It is refused.
    Refuse,
}

/// Everything a decision depends on besides keys and state.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) source: CounterSource,
    pub(crate) ceiling: u64,
    pub(crate) absent_floor: AbsentFloor,
    pub(crate) without_evidence: WithoutEvidence,
    pub(crate) device_signatures: DeviceSignatures,
    /// Unix seconds; `None` is now.
    pub(crate) certificate_time: Option<i64>,
    /// DER.
    pub(crate) issuing_certificates: Vec<Vec<u8>>,
    /// `None`: no list is configured and any party may be a network operator.
    pub(crate) network_operators: Option<HashSet<Eui64>>,
    pub(crate) advisory: Advisory,
    pub(crate) dual_control: bool,
    /// `None`: nobody signs adjustments, and the names in them are claims.
    pub(crate) signers: Option<Signers>,
    pub(crate) message_bytes: usize,
    /// Of each record that is written, with its key and its headers.
    pub(crate) dead_letter_bytes: usize,
    pub(crate) parking_bytes: usize,
    /// Of these, for devices that the inventory does not name.
    pub(crate) stranger_parking_bytes: usize,
    /// Rows of devices that no inventory record names.
    pub(crate) strangers: usize,
}

/// 62 MB at most, and more devices than a partition of a GB-wide fleet will have.
const STRANGERS: usize = 1_000_000;
/// 2^62: above every clock that counts nanoseconds, and as far below 2^63-1 as all numbers used so far together.
const CEILING: u64 = 1 << 62;
/// Some thirty times the largest CS02b message (recovery with eight certificates: 4 kB), base64 and JSON included.
const MESSAGE_BYTES: usize = 65_536;
/// What a topic of Kafka takes by default is a batch of 1,048,588 octets; the rest is room for the batch's header of 61
/// octets and the lengths in a record.
const DEAD_LETTER_BYTES: usize = 1_040_000;
/// What a record that is written may have besides octets of its input: the largest are audit records with all the cells
/// that they name, 19 kB.
const BESIDES_INPUT: usize = 32_768;
/// About 150,000 parked outcomes.
const PARKING_BYTES: usize = 64 << 20;
/// A quarter: more than all outcomes of a day on which an inventory is late.
const STRANGER_PARKING_BYTES: usize = 16 << 20;

#[derive(Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Document {
    counter: Counter,
    verify: Verify,
    parties: Parties,
    adjustments: Adjustments,
    limits: Limits,
}

#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Counter {
    source: CounterSource,
    ceiling: Option<String>,
    absent_floor: AbsentFloor,
    without_evidence: WithoutEvidence,
}

impl Default for Counter {
    fn default() -> Self {
        Self {
            source: CounterSource::default(),
            ceiling: Some(CEILING.to_string()),
            absent_floor: AbsentFloor::default(),
            without_evidence: WithoutEvidence::default(),
        }
    }
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Verify {
    device_signatures: DeviceSignatures,
    certificate_time: String,
    issuing_certificates: Vec<String>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Parties {
    network_operators: Option<Vec<String>>,
    advisory: Advisory,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Adjustments {
    dual_control: bool,
    signers: Option<Vec<NamedKey>>,
}

#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Limits {
    message_bytes: Option<usize>,
    dead_letter_bytes: Option<usize>,
    parking_bytes: Option<usize>,
    stranger_parking_bytes: Option<usize>,
    strangers: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: Some(MESSAGE_BYTES),
            dead_letter_bytes: Some(DEAD_LETTER_BYTES),
            parking_bytes: Some(PARKING_BYTES),
            stranger_parking_bytes: Some(STRANGER_PARKING_BYTES),
            strangers: Some(STRANGERS),
        }
    }
}

impl Limits {
    /// Message and dead letter.
    fn of_records(&self) -> Result<(usize, usize), SettingsError> {
        let message = self.message_bytes.unwrap_or(MESSAGE_BYTES);
        let dead_letter = self.dead_letter_bytes.unwrap_or(DEAD_LETTER_BYTES);
        let least = message.saturating_add(BESIDES_INPUT);
        if dead_letter >= least {
            return Ok((message, dead_letter));
        }
        Err(SettingsError::Value {
            name: "limits.dead_letter_bytes",
            problem: format!(
                "{dead_letter} is less than {least}, which is limits.message_bytes and {BESIDES_INPUT}"
            ),
        })
    }
}

impl Settings {
    /// Whether certificates are believed only as far as configured ones vouch for them.
    pub(crate) fn is_anchored(&self) -> bool {
        !self.issuing_certificates.is_empty()
    }

    /// The most octets of a record that is written, with its key and its headers; a dead letter is cut to them.
    pub fn dead_letter_bytes(&self) -> usize {
        self.dead_letter_bytes
    }

    /// The document that says what an empty one means: every default stands here and nowhere else.
    pub fn defaults() -> impl Serialize {
        Document::default()
    }

    /// Reads the JSON document that `slotkeeper.settings` makes of a configuration.
    ///
    /// # Errors
    /// [`SettingsError`] names the setting and what is expected.
    pub fn from_json(json: &[u8]) -> Result<Self, SettingsError> {
        let document: Document = serde_json::from_slice(json)?;
        let value = |name, problem: String| SettingsError::Value { name, problem };

        let ceiling = match document.counter.ceiling.as_deref() {
            None | Some("") => CEILING,
            Some(text) => text
                .parse()
                .ok()
                .filter(|n| *n <= slotkeeper_counters::LAST_COUNTER)
                .ok_or_else(|| {
                    value(
                        "counter.ceiling",
                        format!("`{text}` is not a whole number from 0 to 9223372036854775807"),
                    )
                })?,
        };
        let certificate_time = match document.verify.certificate_time.as_str() {
            "" => None,
            text => Some(crate::time::parse_rfc3339(text).ok_or_else(|| {
                value(
                    "verify.certificate_time",
                    format!("`{text}` is not a time such as 2016-06-01T00:00:00Z"),
                )
            })?),
        };
        let issuing_certificates = document
            .verify
            .issuing_certificates
            .iter()
            .map(|text| {
                let der = crate::base64::decode(text.as_bytes()).unwrap_or_default();
                match Certificate::parse(&der) {
                    Ok(_) => Ok(der),
                    Err(error) => Err(value("verify.issuing_certificates", error.to_string())),
                }
            })
            .collect::<Result<_, _>>()?;
        let network_operators = document
            .parties
            .network_operators
            .map(|list| {
                list.iter()
                    .map(|text| {
                        Eui64::parse(text.as_bytes()).ok_or_else(|| {
                            value(
                                "parties.network_operators",
                                format!("`{text}` is no EUI-64"),
                            )
                        })
                    })
                    .collect::<Result<_, _>>()
            })
            .transpose()?;
        let signers = document
            .adjustments
            .signers
            .map(|named| {
                Signers::new(&named)
                    .map_err(|error| value("adjustments.signers", error.to_string()))
            })
            .transpose()?;
        let (message_bytes, dead_letter_bytes) = document.limits.of_records()?;
        Ok(Self {
            source: document.counter.source,
            ceiling,
            absent_floor: document.counter.absent_floor,
            without_evidence: document.counter.without_evidence,
            device_signatures: document.verify.device_signatures,
            certificate_time,
            issuing_certificates,
            network_operators,
            advisory: document.parties.advisory,
            dual_control: document.adjustments.dual_control,
            signers,
            message_bytes,
            dead_letter_bytes,
            parking_bytes: document.limits.parking_bytes.unwrap_or(PARKING_BYTES),
            stranger_parking_bytes: document
                .limits
                .stranger_parking_bytes
                .unwrap_or(STRANGER_PARKING_BYTES),
            strangers: document.limits.strangers.unwrap_or(STRANGERS),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_documentation() {
        let settings = Settings::from_json(b"{}").unwrap();
        assert_eq!(settings.ceiling, 4_611_686_018_427_387_904);
        assert_eq!(settings.message_bytes, 65_536);
        assert_eq!(settings.dead_letter_bytes, 1_040_000);
        assert_eq!(settings.parking_bytes, 67_108_864);
        assert_eq!(settings.device_signatures, DeviceSignatures::IfKnown);
        assert!(settings.network_operators.is_none());
    }

    #[test]
    fn a_wrong_value_names_its_setting() {
        let error =
            Settings::from_json(br#"{"counter": {"ceiling": "9223372036854775808"}}"#).unwrap_err();
        assert!(error.to_string().starts_with("counter.ceiling"), "{error}");
        let error = Settings::from_json(br#"{"counter": {"cieling": "1"}}"#).unwrap_err();
        assert!(error.to_string().contains("cieling"), "{error}");
        let error = Settings::from_json(br#"{"limits": {"message_bytes": 1007233}}"#).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("limits.dead_letter_bytes: 1040000"),
            "{error}"
        );
    }
}
