//! `smart-metering-inventory`: one record a device.

use std::borrow::Cow;

use serde::Deserialize;
use slotkeeper_crypto::{CompressedPublicKey, PublicKey};
use slotkeeper_gbcs::{Certificate, Eui64, KeyIdentifier, KeyUsage};

use super::Unreadable;
use super::field::Field;
use crate::base64;
use crate::paths::is_vouched_for;
use crate::quoted::{LONGEST_NAME, beginning};
use crate::registers::{PartyMark, party_mark};

/// Types of devices that are told apart here; the numbers are kept in memory only.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DeviceType {
    Gpf,
    /// ESME, GSME, CHF, HCALCS, PPMID, IHD, CAD.
    Other,
}

/// The statuses that decide something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DeviceStatus {
    /// Decommissioned or Withdrawn.
    Retired,
    /// Every other: Pending, Whitelisted, InstalledNotCommissioned, Commissioned, Suspended, Recovery, Recovered.
    Served,
}

/// SMETS1 devices are out of scope.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SmetsVersion {
    Smets1,
    Smets2,
}

/// What decisions need of an inventory record.
#[derive(Clone, Debug)]
pub(crate) struct DeviceRecord {
    pub(crate) device_type: DeviceType,
    pub(crate) status: DeviceStatus,
    pub(crate) smets: SmetsVersion,
    pub(crate) key_agreement: Option<PublicKey>,
    pub(crate) digital_signing: Option<CompressedPublicKey>,
    /// The ACB's key agreement certificate that the device holds.
    pub(crate) acb_key_agreement: Option<KeyIdentifier>,
    /// The gas network party; zeros where none is named.
    pub(crate) network_party: PartyMark,
}

#[derive(Deserialize)]
struct Json<'a> {
    #[serde(borrow, default)]
    device_id: Field<'a>,
    #[serde(borrow)]
    device_type: Cow<'a, str>,
    #[serde(borrow, default)]
    status: Field<'a>,
    #[serde(borrow, default)]
    smets_version: Field<'a>,
    #[serde(borrow, default)]
    key_agreement_certificate: Field<'a>,
    #[serde(borrow, default)]
    digital_signing_certificate: Field<'a>,
    #[serde(borrow, default)]
    acb_key_agreement_identifier: Field<'a>,
    #[serde(borrow, default)]
    gas_network_party: Field<'a>,
}

impl DeviceRecord {
    /// Reads the record of that device; certificates are checked to be its own, of their usage, on the curve and, where
    /// there are `anchors`, issued by one of them, once and here.
    pub(crate) fn read(
        device: Eui64,
        value: &[u8],
        anchors: &[Vec<u8>],
    ) -> Result<Self, Unreadable> {
        let json: Json<'_> = serde_json::from_slice(value)?;
        if let Field::Text(text) = &json.device_id
            && Eui64::parse(text.as_bytes()) != Some(device)
        {
            return Err(Unreadable(format!(
                "device_id `{text}` is not the record's key"
            )));
        }
        let acb_key_agreement = match json.acb_key_agreement_identifier {
            Field::Absent => None,
            Field::Text(text) => Some(text.parse().map_err(|_| {
                Unreadable("acb_key_agreement_identifier is not 16 hex digits".to_owned())
            })?),
            Field::IllTyped => {
                return Err(Unreadable(
                    "acb_key_agreement_identifier is not text".to_owned(),
                ));
            }
        };
        let is_gpf = known("device_type", &json.device_type, &DEVICE_TYPES)? == "GPF";
        let smets1 =
            optional("smets_version", json.smets_version, &SMETS_VERSIONS)? == Some("SMETS1");
        let status = optional("status", json.status, &STATUSES)?;
        let retired = matches!(status, Some("Decommissioned" | "Withdrawn"));
        let certificate = |field, usage, name| {
            if is_gpf {
                public_key(device, field, usage, name, anchors)
            } else {
                Ok(None)
            }
        };
        Ok(Self {
            device_type: if is_gpf {
                DeviceType::Gpf
            } else {
                DeviceType::Other
            },
            status: if retired {
                DeviceStatus::Retired
            } else {
                DeviceStatus::Served
            },
            smets: if smets1 {
                SmetsVersion::Smets1
            } else {
                SmetsVersion::Smets2
            },
            key_agreement: certificate(
                json.key_agreement_certificate,
                KeyUsage::KeyAgreement,
                "key_agreement_certificate",
            )?,
            digital_signing: certificate(
                json.digital_signing_certificate,
                KeyUsage::DigitalSignature,
                "digital_signing_certificate",
            )?
            .map(|key| key.compress()),
            // No command is made for another device, and there is room for few different identifiers.
            acb_key_agreement: acb_key_agreement.filter(|_| is_gpf),
            network_party: match json.gas_network_party.text() {
                Some(id) if is_gpf => party_mark(&id),
                _ => PartyMark::default(),
            },
        })
    }
}

/// The word that was meant, whatever its case. An unknown one would decide something that nobody said: a GPF under
/// another name is no GPF, and nothing of it would be recorded.
fn known(member: &str, text: &str, words: &[&'static str]) -> Result<&'static str, Unreadable> {
    let found = words.iter().find(|word| word.eq_ignore_ascii_case(text));
    found.copied().ok_or_else(|| {
        let words = words.join(", ");
        Unreadable(format!(
            "{member} `{}` is none of {words}",
            beginning(text, LONGEST_NAME)
        ))
    })
}

/// The same of a member that may be missing.
fn optional(
    member: &str,
    field: Field<'_>,
    words: &[&'static str],
) -> Result<Option<&'static str>, Unreadable> {
    match field {
        Field::Absent => Ok(None),
        Field::IllTyped => Err(Unreadable(format!("{member} is not text"))),
        Field::Text(text) => known(member, &text, words).map(Some),
    }
}

/// `deviceType` of DUIS.
const DEVICE_TYPES: [&str; 8] = [
    "GPF", "GSME", "ESME", "CHF", "HCALCS", "PPMID", "IHD", "CAD",
];
/// `deviceStatus` of DUIS.
const STATUSES: [&str; 9] = [
    "Pending",
    "Whitelisted",
    "InstalledNotCommissioned",
    "Commissioned",
    "Decommissioned",
    "Withdrawn",
    "Suspended",
    "Recovery",
    "Recovered",
];
const SMETS_VERSIONS: [&str; 2] = ["SMETS1", "SMETS2"];

fn public_key(
    device: Eui64,
    field: Field<'_>,
    usage: KeyUsage,
    name: &str,
    anchors: &[Vec<u8>],
) -> Result<Option<PublicKey>, Unreadable> {
    let text = match field {
        Field::Absent => return Ok(None),
        Field::Text(text) => text,
        Field::IllTyped => return Err(Unreadable(format!("{name} is not text"))),
    };
    let der = base64::decode(text.as_bytes())
        .ok_or_else(|| Unreadable(format!("{name} is no base64")))?;
    let certificate =
        Certificate::parse(&der).map_err(|error| Unreadable(format!("{name}: {error}")))?;
    if let Some(subject) = certificate.eui
        && subject != device
    {
        return Err(Unreadable(format!(
            "{name} is the certificate of {subject}"
        )));
    }
    if !certificate.key_usage.is_some_and(|bits| bits.allows(usage)) {
        return Err(Unreadable(format!("{name} is not for {}", usage.name())));
    }
    if !is_vouched_for(&certificate, anchors) {
        return Err(Unreadable(format!(
            "{name} is issued by none of verify.issuing_certificates"
        )));
    }
    PublicKey::from_uncompressed(certificate.public_key)
        .map(Some)
        .map_err(|error| Unreadable(format!("{name}: {error}")))
}
