//! Audit records of one partition as three tables: history, attempts, and where each device's decisions stand.

mod attempts;
mod history;
mod record;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;

use crate::columns::{append_eui, columns};
use crate::faults::Faults;
use crate::field::Object;
use attempts::Attempts;
use history::History;
pub use history::KnownRow;
use record::Record;

/// Octets of an audit record that are looked at. Those of the engine are below 16 kB.
const LONGEST: usize = 1 << 20;

columns! {
    /// Where the decisions about a device stand.
    Decisions {
        device: StringBuilder as arrow_schema::DataType::Utf8,
        audit_partition: Int32Builder as arrow_schema::DataType::Int32,
        audit_offset: Int64Builder as arrow_schema::DataType::Int64,
    }
}

/// Takes the audit records of one partition in their order.
///
/// It knows the last state of each device that it has heard of, 56 octets each, so that a row is made for each change
/// alone. Where there are rows of before it began, devices wait until their last one is known
/// ([`know`](Self::know)): their records are kept meanwhile.
pub struct AuditTables {
    partition: u32,
    history: History,
    attempts: Attempts,
    decisions: Decisions,
    faults: Faults,
}

impl AuditTables {
    /// Begins; `goes_on` where there are rows of before.
    pub fn new(partition: u32, goes_on: bool) -> Self {
        Self {
            partition,
            history: History::new(partition, goes_on),
            attempts: Attempts::default(),
            decisions: Decisions::default(),
            faults: Faults::default(),
        }
    }

    /// Takes the next record, and gives its number in the chain of audit records, where it has one.
    pub fn take(&mut self, offset: u64, value: Option<&[u8]>) -> Option<u64> {
        let record = value
            .filter(|octets| octets.len() <= LONGEST)
            .and_then(|octets| serde_json::from_slice::<Object<Record<'_>>>(octets).ok());
        let Some(record) = record else {
            self.faults
                .add(self.partition, offset, "it is no audit record");
            return None;
        };
        if let Some(device) = record.device_id.eui() {
            append_eui(&mut self.decisions.device, Some(device));
            self.decisions
                .audit_partition
                .append_value(number(self.partition));
            self.decisions.audit_offset.append_value(place(offset));
            if record.concerns_the_slot() {
                let told = self
                    .attempts
                    .take(&record, device, self.partition, offset)
                    .and_then(|()| self.history.take(&record, device, offset));
                if let Err(reason) = told {
                    self.faults.add(self.partition, offset, reason);
                }
            }
        }
        record.number
    }

    /// Gives the devices, each maybe several times, that wait.
    ///
    /// # Errors
    /// As [`history`](Self::history).
    pub fn waiting(&self) -> Result<RecordBatch, ArrowError> {
        self.history.waiting()
    }

    /// Says what the last rows of the devices that wait are; those that are not named had none.
    pub fn know(&mut self, known: impl IntoIterator<Item = KnownRow>) {
        self.history.know(known);
    }

    /// Gives the rows of `history` since the last call, but for devices that wait.
    ///
    /// # Errors
    /// None of its own: columns are of one length.
    pub fn history(&mut self) -> Result<RecordBatch, ArrowError> {
        self.history.drain()
    }

    /// Gives the rows of `attempts` since the last call.
    ///
    /// # Errors
    /// As [`history`](Self::history).
    pub fn attempts(&mut self) -> Result<RecordBatch, ArrowError> {
        self.attempts.drain()
    }

    /// Gives the rows of `decisions` since the last call.
    ///
    /// # Errors
    /// As [`history`](Self::history).
    pub fn decisions(&mut self) -> Result<RecordBatch, ArrowError> {
        self.decisions.drain()
    }

    /// The records that could not be used.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}

/// A partition as the tables have it.
fn number(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

/// An offset as the tables have it.
fn place(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
