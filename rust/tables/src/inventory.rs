//! Inventory records as a table of devices, as far as reports need them.

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType};
use serde::Deserialize;
use slotkeeper_engine::{device_of_key, partition_of};
use slotkeeper_gbcs::Eui64;

use crate::columns::{append_eui, columns};
use crate::faults::Faults;
use crate::field::{Field, Object, days};
use crate::registers::{is_party_id, is_plain_text};

/// Octets of a record that are looked at, as of any record (`limits.message_bytes`).
const LONGEST: usize = 65_536;

/// Characters of a type or status (DUIS has none longer).
const LONGEST_WORD: usize = 40;

/// Characters (DUIS 5.4, MPRN).
pub(crate) const LONGEST_MPRN: usize = 10;

columns! {
    Rows {
        place: Int64Builder as DataType::Int64,
        gone: BooleanBuilder as DataType::Boolean,
        device: StringBuilder as DataType::Utf8,
        partition: Int32Builder as DataType::Int32,
        device_type: StringBuilder as DataType::Utf8,
        status: StringBuilder as DataType::Utf8,
        smets_version: StringBuilder as DataType::Utf8,
        commissioned_on: Date32Builder as DataType::Date32,
        mprn: StringBuilder as DataType::Utf8,
        gas_network_party: StringBuilder as DataType::Utf8,
        gpf: StringBuilder as DataType::Utf8,
        replaces: StringBuilder as DataType::Utf8,
    }
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow, default)]
    device_type: Field<'a>,
    #[serde(borrow, default)]
    status: Field<'a>,
    #[serde(borrow, default)]
    smets_version: Field<'a>,
    #[serde(borrow, default)]
    commissioned_on: Field<'a>,
    #[serde(borrow, default)]
    commissioned_at: Field<'a>,
    #[serde(borrow, default)]
    mprn: Field<'a>,
    #[serde(borrow, default)]
    gas_network_party: Field<'a>,
    #[serde(borrow, default)]
    gpf: Field<'a>,
    #[serde(borrow, default)]
    replaces: Field<'a>,
}

/// Takes inventory records of one partition. A member that cannot be believed is left out: the device is judged without
/// it.
pub struct InventoryTable {
    partition: u32,
    partitions: u32,
    rows: Rows,
    faults: Faults,
}

impl InventoryTable {
    /// Begins with nothing; `partitions` says how many the stream has.
    pub fn new(partition: u32, partitions: u32) -> Self {
        Self {
            partition,
            partitions,
            rows: Rows::default(),
            faults: Faults::default(),
        }
    }

    /// Takes a record; `value` is absent where the device is gone.
    pub fn take(&mut self, offset: u64, key: Option<&[u8]>, value: Option<&[u8]>) {
        if let Err(reason) = self.add(offset, key, value) {
            self.faults.add(self.partition, offset, reason);
        }
    }

    fn add(
        &mut self,
        offset: u64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Result<(), &'static str> {
        let device = own_device(key, self.partition, self.partitions)?;
        let record = match value {
            None => None,
            Some(octets) if octets.len() > LONGEST => return Err("it is longer than any record"),
            Some(octets) => Some(
                serde_json::from_slice::<Object<Record<'_>>>(octets)
                    .map_err(|_| "it is no JSON object")?,
            ),
        };
        let told = record.as_deref();
        let rows = &mut self.rows;
        rows.place
            .append_value(i64::try_from(offset).unwrap_or(i64::MAX));
        rows.gone.append_value(told.is_none());
        append_eui(&mut rows.device, Some(device.to_u64()));
        rows.partition
            .append_value(i32::try_from(self.partition).unwrap_or(i32::MAX));
        let or =
            |field: Option<&'_ str>, default| told.map(|_| field.unwrap_or(default).to_owned());
        rows.device_type
            .append_option(or(told.and_then(|r| word(&r.device_type)), ""));
        rows.status
            .append_option(or(told.and_then(|r| word(&r.status)), ""));
        rows.smets_version
            .append_option(or(told.and_then(|r| word(&r.smets_version)), "SMETS2"));
        rows.commissioned_on
            .append_option(told.and_then(Record::commissioned).map(days));
        rows.mprn.append_option(told.and_then(|r| mprn(&r.mprn)));
        let party = told.and_then(|r| r.gas_network_party.get());
        rows.gas_network_party
            .append_option(party.filter(|id| is_party_id(id)));
        append_eui(&mut rows.gpf, told.and_then(|r| r.gpf.eui()));
        append_eui(&mut rows.replaces, told.and_then(|r| r.replaces.eui()));
        Ok(())
    }

    /// Gives the rows since the last call: `place` is the record's offset, `gone` says that the device is.
    ///
    /// # Errors
    /// None of its own: columns are of one length.
    pub fn rows(&mut self) -> Result<RecordBatch, ArrowError> {
        self.rows.drain()
    }

    /// The records that could not be used.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}

impl Record<'_> {
    fn commissioned(&self) -> Option<chrono::NaiveDate> {
        self.commissioned_on
            .day()
            .or_else(|| self.commissioned_at.day())
    }
}

/// The device of a key, if its records belong into this partition: one that stands elsewhere counts for no worker.
pub(crate) fn own_device(
    key: Option<&[u8]>,
    partition: u32,
    partitions: u32,
) -> Result<Eui64, &'static str> {
    let device = key.and_then(device_of_key).ok_or("its key is no device")?;
    if partition_of(device, partitions) == partition {
        Ok(device)
    } else {
        Err("it stands in another partition than its device")
    }
}

fn word<'r>(field: &'r Field<'_>) -> Option<&'r str> {
    let is_letter = |octet: u8| octet.is_ascii_alphanumeric() || b"_ -".contains(&octet);
    field
        .get()
        .filter(|word| (1..=LONGEST_WORD).contains(&word.len()) && word.bytes().all(is_letter))
}

fn mprn<'r>(field: &'r Field<'_>) -> Option<&'r str> {
    field
        .get()
        .filter(|text| !text.is_empty() && is_plain_text(text, LONGEST_MPRN))
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Date32Type;

    use super::*;

    const GPF: &[u8] = b"00-DB-12-34-56-78-90-A3";

    fn column(batch: &RecordBatch, name: &str, row: usize) -> Option<String> {
        let column = batch.column_by_name(name).unwrap().as_string::<i32>();
        column.is_valid(row).then(|| column.value(row).to_owned())
    }

    #[test]
    fn what_cannot_be_believed_is_left_out() {
        let mut table = InventoryTable::new(0, 1);
        let told = br#"{"device_type": "GPF", "status": {"x": 1}, "mprn": "=1+1", "commissioned_on": "2026-02-30",
            "gas_network_party": "-x", "gpf": "no", "replaces": "00db1234567890a4"}"#;
        table.take(7, Some(GPF), Some(told));
        table.take(8, Some(b"00db1234567890a3"), None);
        let rows = table.rows().unwrap();
        let first = |name| column(&rows, name, 0);
        assert_eq!(first("device").as_deref(), Some("00-DB-12-34-56-78-90-A3"));
        assert_eq!(first("status").as_deref(), Some(""));
        assert_eq!(first("smets_version").as_deref(), Some("SMETS2"));
        assert_eq!(
            [first("mprn"), first("gas_network_party"), first("gpf")],
            [None, None, None]
        );
        assert_eq!(
            first("replaces").as_deref(),
            Some("00-DB-12-34-56-78-90-A4")
        );
        assert!(
            rows.column_by_name("commissioned_on")
                .unwrap()
                .as_primitive::<Date32Type>()
                .is_null(0)
        );
        assert!(rows.column_by_name("gone").unwrap().as_boolean().value(1));
        assert_eq!(column(&rows, "device_type", 1), None);
        assert_eq!(table.rows().unwrap().num_rows(), 0);
    }

    #[test]
    fn what_cannot_be_read_is_counted_and_named() {
        let mut table = InventoryTable::new(1, 2);
        let is_own = partition_of(device_of_key(GPF).unwrap(), 2) == 1;
        table.take(1, None, Some(b"{}"));
        table.take(2, Some(b"rubbish"), Some(b"{}"));
        for (offset, octets) in [b"{".as_slice(), b"[]", b"7", b"\xff"]
            .into_iter()
            .enumerate()
        {
            table.take(3 + offset as u64, Some(GPF), Some(octets));
        }
        table.take(9, Some(GPF), Some(&vec![b' '; LONGEST + 1]));
        table.take(10, Some(GPF), Some(b"{}"));
        let faults = table.faults();
        assert_eq!(faults.count, if is_own { 7 } else { 8 });
        assert_eq!((faults.named[1].partition, faults.named[1].offset), (1, 2));
        assert_eq!(table.rows().unwrap().num_rows(), usize::from(is_own));
    }
}
