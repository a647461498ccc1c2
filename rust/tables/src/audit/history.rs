//! A row for each change of a cell's occupant, or of whether it is in doubt.

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType};
use hashbrown::HashMap;

use super::record::{Holder, Holders, Record, Slot};
use super::{number, place};
use crate::columns::{TIMESTAMP, append_eui, append_key, columns};

/// 0001-01-01: since when an occupant stood there whom a device's first message found is not known.
const BEGINNING_MICROS: i64 = -62_135_596_800_000_000;

columns! {
    Rows {
        device: StringBuilder as DataType::Utf8,
        at: TimestampMicrosecondBuilder as TIMESTAMP,
        at_source: StringBuilder as DataType::Utf8,
        ds_eui: StringBuilder as DataType::Utf8,
        ds_key: StringBuilder as DataType::Utf8,
        ka_eui: StringBuilder as DataType::Utf8,
        ka_key: StringBuilder as DataType::Utf8,
        ds_verified: BooleanBuilder as DataType::Boolean,
        ka_verified: BooleanBuilder as DataType::Boolean,
        source: StringBuilder as DataType::Utf8,
        ds_doubtful: BooleanBuilder as DataType::Boolean,
        ka_doubtful: BooleanBuilder as DataType::Boolean,
        audit_partition: Int32Builder as DataType::Int32,
        audit_offset: Int64Builder as DataType::Int64,
        digest: StringBuilder as DataType::Utf8,
        unanchored: BooleanBuilder as DataType::Boolean,
        opening: BooleanBuilder as DataType::Boolean,
    }
}

pub(super) struct History {
    partition: u32,
    rows: Rows,
    states: HashMap<u64, State, foldhash::fast::FixedState>,
    holders: HashMap<Holder, u32, foldhash::fast::FixedState>,
}

/// What is known of a device's slot.
#[derive(Clone, Copy, Eq, PartialEq)]
struct State {
    /// The places of the holders, by which they are compared.
    cells: [u32; 2],
    is_doubtful: bool,
    /// Nothing but this was ever said of it here.
    is_blank: bool,
}

impl History {
    pub(super) fn new(partition: u32) -> Self {
        let holders = HashMap::from_iter([(Holder::default(), 0)]);
        Self {
            partition,
            rows: Rows::default(),
            states: HashMap::default(),
            holders,
        }
    }

    /// Adds what the message found, if it is the first to say anything of the device, and what it left.
    pub(super) fn take(
        &mut self,
        record: &Record<'_>,
        device: u64,
        offset: u64,
    ) -> Result<(), &'static str> {
        let Some(slot) = record.slot() else {
            return Ok(());
        };
        let holders = slot.holders()?;
        let (at, at_source) = record.dated()?;
        let cells = holders.map(|holder| self.place_of(holder));
        let is_doubtful = slot.is_doubtful();
        let before = self.states.get(&device).copied();
        let is_blank = cells == [0; 2] && !is_doubtful && before.is_none_or(|state| state.is_blank);
        let state = State {
            cells,
            is_doubtful,
            is_blank,
        };
        if before == Some(state) {
            return Ok(());
        }
        self.states.insert(device, state);
        if before.is_some_and(|before| (before.cells, before.is_doubtful) == (cells, is_doubtful)) {
            return Ok(());
        }
        let mut row = Row {
            device,
            at,
            at_source,
            holders,
            is_doubtful,
            is_opening: before.is_none(),
        };
        if before.is_none_or(|before| before.is_blank) && !is_blank {
            let existing = record.existing();
            if existing != Holders::default() {
                let found = Row {
                    at: BEGINNING_MICROS,
                    at_source: "EXISTED",
                    holders: existing,
                    is_doubtful: false,
                    is_opening: true,
                    ..row
                };
                self.append(record, slot, &found, offset);
            }
        }
        row.at = at;
        self.append(record, slot, &row, offset);
        Ok(())
    }

    fn place_of(&mut self, holder: Holder) -> u32 {
        // Every certificate that was ever issued has one: thousands.
        let next = u32::try_from(self.holders.len()).unwrap_or(u32::MAX);
        *self.holders.entry(holder).or_insert(next)
    }

    fn append(&mut self, record: &Record<'_>, slot: &Slot<'_>, row: &Row, offset: u64) {
        let rows = &mut self.rows;
        append_eui(&mut rows.device, Some(row.device));
        rows.at.append_value(row.at);
        rows.at_source.append_value(row.at_source);
        let [ds, ka] = row.holders;
        append_eui(&mut rows.ds_eui, ds.eui);
        append_key(&mut rows.ds_key, ds.key);
        append_eui(&mut rows.ka_eui, ka.eui);
        append_key(&mut rows.ka_key, ka.key);
        let is_verified = record.is_verified();
        let [ds, ka] = slot
            .cells()
            .map(|cell| cell.and_then(|cell| cell.verified).unwrap_or(is_verified));
        rows.ds_verified.append_value(ds);
        rows.ka_verified.append_value(ka);
        rows.source
            .append_value(source(record.reason.get(), is_verified));
        rows.ds_doubtful.append_value(row.is_doubtful);
        rows.ka_doubtful.append_value(row.is_doubtful);
        rows.audit_partition.append_value(number(self.partition));
        rows.audit_offset.append_value(place(offset));
        rows.digest.append_option(record.digest());
        rows.unanchored.append_value(record.is_unanchored());
        rows.opening.append_value(row.is_opening);
    }

    pub(super) fn drain(&mut self) -> Result<RecordBatch, ArrowError> {
        self.rows.drain()
    }
}

struct Row {
    device: u64,
    at: i64,
    at_source: &'static str,
    holders: Holders,
    is_doubtful: bool,
    is_opening: bool,
}

/// Evidence, by the reason of the decision.
fn source(reason: Option<&str>, is_verified: bool) -> &'static str {
    match reason {
        Some("READ_BACK") => "READ_BACK",
        Some("IMPORTED") => "IMPORT",
        Some("CREDENTIALS_UPDATED" | "RECOVERED") => "ALERT",
        _ if is_verified => "OUTCOME",
        _ => "OUTCOME_UNVERIFIED",
    }
}
