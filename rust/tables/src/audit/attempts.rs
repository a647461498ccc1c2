//! What was tried on a Network Operator slot, whether or not a cell changed.

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType};
use slotkeeper_gbcs::Eui64;

use super::record::Record;
use super::{number, place};
use crate::columns::{TIMESTAMP, append_eui, append_key, columns};

/// Characters of a canonical EUI-64, with which the identifier of a request begins.
const EUI_CHARACTERS: usize = 23;

columns! {
    Rows {
        device: StringBuilder as DataType::Utf8,
        at: TimestampMicrosecondBuilder as TIMESTAMP,
        at_source: StringBuilder as DataType::Utf8,
        what: StringBuilder as DataType::Utf8,
        disposition: StringBuilder as DataType::Utf8,
        reason: StringBuilder as DataType::Utf8,
        stream: StringBuilder as DataType::Utf8,
        stream_offset: Int64Builder as DataType::Int64,
        request_id: StringBuilder as DataType::Utf8,
        originator: StringBuilder as DataType::Utf8,
        existing_ds_eui: StringBuilder as DataType::Utf8,
        existing_ds_key: StringBuilder as DataType::Utf8,
        existing_ka_eui: StringBuilder as DataType::Utf8,
        existing_ka_key: StringBuilder as DataType::Utf8,
        replacing_ds_eui: StringBuilder as DataType::Utf8,
        replacing_ds_key: StringBuilder as DataType::Utf8,
        replacing_ka_eui: StringBuilder as DataType::Utf8,
        replacing_ka_key: StringBuilder as DataType::Utf8,
        audit_partition: Int32Builder as DataType::Int32,
        audit_offset: Int64Builder as DataType::Int64,
        digest: StringBuilder as DataType::Utf8,
    }
}

#[derive(Default)]
pub(super) struct Attempts(Rows);

impl Attempts {
    /// Adds the record, if it is about an attempt.
    pub(super) fn take(
        &mut self,
        record: &Record<'_>,
        device: u64,
        partition: u32,
        offset: u64,
    ) -> Result<(), &'static str> {
        let disposition = record.disposition.get().unwrap_or_default();
        let reason = record.reason.get().unwrap_or_default();
        let judged = record.is_redecision().then_some("JUDGED");
        let Some(what) = word(disposition, reason).or(judged) else {
            return Ok(());
        };
        let (at, at_source) = record.dated()?;
        let rows = &mut self.0;
        append_eui(&mut rows.device, Some(device));
        rows.at.append_value(at);
        rows.at_source.append_value(at_source);
        rows.what.append_value(what);
        rows.disposition.append_value(disposition);
        rows.reason.append_value(reason);
        rows.stream.append_option(record.stream.get());
        rows.stream_offset.append_option(record.offset.map(place));
        rows.request_id.append_option(record.request_id.get());
        append_eui(&mut rows.originator, originator(record, device));
        let [ds, ka] = record.existing();
        append_eui(&mut rows.existing_ds_eui, ds.eui);
        append_key(&mut rows.existing_ds_key, ds.key);
        append_eui(&mut rows.existing_ka_eui, ka.eui);
        append_key(&mut rows.existing_ka_key, ka.key);
        let [ds, ka] = record.replacing();
        append_eui(&mut rows.replacing_ds_eui, ds.eui);
        append_key(&mut rows.replacing_ds_key, ds.key);
        append_eui(&mut rows.replacing_ka_eui, ka.eui);
        append_key(&mut rows.replacing_ka_key, ka.key);
        rows.audit_partition.append_value(number(partition));
        rows.audit_offset.append_value(place(offset));
        rows.digest.append_option(record.digest());
        Ok(())
    }

    pub(super) fn drain(&mut self) -> Result<RecordBatch, ArrowError> {
        self.0.drain()
    }
}

/// What an attempt is called, by the decision about it.
fn word(disposition: &str, reason: &str) -> Option<&'static str> {
    Some(match (disposition, reason) {
        ("SEEN", "PRE_COMMAND") => "REQUESTED",
        ("SEEN", "QUARANTINED") => "QUARANTINED",
        ("NOT_RECORDED", "NO_OUTCOME") | ("HANDOVER_CONFIRMED", "ACCEPTED_FOR_LATER") => {
            "SCHEDULED"
        }
        ("NOT_RECORDED" | "HANDOVER_FAILED", "ALL_CELLS_FAILED" | "ERROR_RESPONSE") => "FAILED",
        ("RECORDED" | "HANDOVER_CONFIRMED", "PARTIAL_DS" | "PARTIAL_KA") => "PARTIAL",
        ("RECORDED", "ACB_IN_SLOT" | "LATE")
        | ("SEEN", "GNO_REPLACED_BY_GNO")
        | ("HANDOVER_CONFIRMED", "SLOT_CHANGED" | "UNSOLICITED") => "DONE",
        ("PARKED", _) => "PARKED",
        ("REJECTED", _) => "REJECTED",
        _ => return None,
    })
}

/// Who sent the command. An answer is the device's; the request that it names begins with who asked.
fn originator(record: &Record<'_>, device: u64) -> Option<u64> {
    record
        .originator()
        .filter(|party| *party != device)
        .or_else(|| {
            let party = record.request_id.get()?.get(..EUI_CHARACTERS)?;
            Eui64::parse(party.as_bytes()).map(Eui64::to_u64)
        })
}
