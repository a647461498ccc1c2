//! `slot-baselines`: what stood in a slot when a fleet was taken over, as people brought it.

use serde::Deserialize;
use slotkeeper_counters::{CellUse, Occupant};
use slotkeeper_gbcs::{Eui64, KeyIdentifier};

use super::{Unreadable, unix_seconds};
use crate::time::unix_day;

/// Who stood in a device's Network Operator slot, and when.
#[derive(Clone, Debug)]
pub(crate) struct Baseline {
    pub(crate) device: Eui64,
    /// Unix seconds; the end of the day where only that is given.
    pub(crate) as_of: u64,
    pub(crate) cells: Vec<(CellUse, Occupant)>,
    /// Where it comes from, in their words.
    pub(crate) source: Option<String>,
}

#[derive(Deserialize)]
struct Json {
    device_id: String,
    as_of: String,
    #[serde(default)]
    digital_signature: Option<Holder>,
    #[serde(default)]
    key_agreement: Option<Holder>,
    #[serde(default)]
    source: Option<String>,
}

#[derive(Deserialize)]
struct Holder {
    subject_unique_id: String,
    subject_key_identifier: String,
}

impl Baseline {
    pub(crate) fn read(value: &[u8]) -> Result<Self, Unreadable> {
        let json: Json = serde_json::from_slice(value)?;
        let unreadable = |what: &str| Unreadable(what.to_owned());
        let device = Eui64::parse(json.device_id.as_bytes())
            .ok_or_else(|| unreadable("device_id is no EUI-64"))?;
        let end_of_day = |day: i64| u64::try_from(day * 86_400 + 86_399).ok();
        let as_of = unix_seconds(&json.as_of)
            .or_else(|| unix_day(&json.as_of).and_then(end_of_day))
            .ok_or_else(|| unreadable("as_of is neither a day nor a time since 1970"))?;
        let mut cells = Vec::new();
        for (cell_use, holder) in [
            (CellUse::DigitalSignature, json.digital_signature),
            (CellUse::KeyAgreement, json.key_agreement),
        ] {
            let Some(holder) = holder else { continue };
            let eui = Eui64::parse(holder.subject_unique_id.as_bytes())
                .ok_or_else(|| unreadable("subject_unique_id is no EUI-64"))?;
            let identifier: KeyIdentifier = holder
                .subject_key_identifier
                .parse()
                .map_err(|_| unreadable("subject_key_identifier is not 16 hex digits"))?;
            let occupant = Occupant {
                eui: eui.to_u64(),
                key_identifier: Some(identifier.0),
            };
            cells.push((cell_use, occupant));
        }
        if cells.is_empty() {
            return Err(unreadable("neither digital_signature nor key_agreement"));
        }
        Ok(Self {
            device,
            as_of,
            cells,
            source: json.source,
        })
    }
}
