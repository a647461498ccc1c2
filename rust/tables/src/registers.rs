//! Records of the registers as tables of keys and texts.

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType};
use serde::Deserialize;

use crate::columns::columns;
use crate::faults::Faults;
use crate::field::{Field, Object, day};
use crate::inventory::LONGEST_MPRN;

/// Octets of a record that are looked at, as of any record (`limits.message_bytes`).
const LONGEST: usize = 65_536;

/// Characters of a key that are kept: `issuer/serial` is the longest.
const LONGEST_KEY: usize = 1_024;

/// Entries of a meter point's history.
const MOST_ENTRIES: usize = 1_000;

/// Characters of the id of a party or supplier.
const LONGEST_PARTY_ID: usize = 16;

columns! {
    Rows {
        place: Int64Builder as DataType::Int64,
        gone: BooleanBuilder as DataType::Boolean,
        key: StringBuilder as DataType::Utf8,
        record: StringBuilder as DataType::Utf8,
    }
}

/// What of a register's records is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kept {
    /// Their text as it is.
    Whole,
    /// Of `gas-registrations` the history, in a form in which equal histories are equal texts.
    Histories,
}

/// Takes the records of a register; those of several partitions one after the other.
pub struct RegisterTable {
    kept: Kept,
    taken: i64,
    rows: Rows,
    faults: Faults,
}

impl RegisterTable {
    /// Begins with nothing; places are counted on from `after`, that of the last record that was taken before.
    pub fn new(kept: Kept, after: i64) -> Self {
        Self {
            kept,
            taken: after,
            rows: Rows::default(),
            faults: Faults::default(),
        }
    }

    /// Takes a record; `value` is absent where it is gone. One that cannot be used is passed over, and the one before it
    /// stays.
    pub fn take(&mut self, partition: u32, offset: u64, key: Option<&[u8]>, value: Option<&[u8]>) {
        self.taken = self.taken.saturating_add(1);
        match self.read(key, value) {
            Ok((key, record)) => {
                self.rows.place.append_value(self.taken);
                self.rows.gone.append_value(record.is_none());
                self.rows.key.append_value(key);
                self.rows.record.append_option(record);
            }
            Err(reason) => self.faults.add(partition, offset, reason),
        }
    }

    fn read(
        &self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Result<(String, Option<String>), &'static str> {
        let key = key
            .filter(|key| key.len() <= LONGEST_KEY)
            .and_then(|key| std::str::from_utf8(key).ok())
            .ok_or("its key is no text")?;
        let Some(octets) = value else {
            return Ok((key.to_owned(), None));
        };
        if octets.len() > LONGEST {
            return Err("it is longer than any record");
        }
        let text = match self.kept {
            Kept::Whole => std::str::from_utf8(octets)
                .map_err(|_| "it is no text")?
                .to_owned(),
            Kept::Histories => history(key, octets)?,
        };
        Ok((key.to_owned(), Some(text)))
    }

    /// Gives the rows since the last call: `place` rises with each record that was taken.
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

#[derive(Deserialize)]
struct Registration<'a> {
    #[serde(borrow, default)]
    mprn: Field<'a>,
    #[serde(borrow, default)]
    history: Vec<Object<Entry<'a>>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    from: Field<'a>,
    #[serde(borrow, default)]
    gas_network_party: Option<Field<'a>>,
    #[serde(borrow, default)]
    gas_supplier: Option<Field<'a>>,
}

/// The history of a meter point, sorted by day: `[["2026-01-01","party","supplier"],..]`.
fn history(key: &str, octets: &[u8]) -> Result<String, &'static str> {
    let record: Object<Registration<'_>> =
        serde_json::from_slice(octets).map_err(|_| "it is no registration")?;
    let mprn = record.mprn.get().unwrap_or_default();
    if mprn.is_empty() || !is_plain_text(mprn, LONGEST_MPRN) {
        return Err("its mprn is none");
    }
    if mprn != key {
        return Err("it stands under another key than its own");
    }
    if record.history.len() > MOST_ENTRIES {
        return Err("its history is too long");
    }
    let mut entries = Vec::with_capacity(record.history.len());
    for entry in &record.history {
        let first = entry
            .from
            .get()
            .filter(|text| day(text).is_some())
            .ok_or("an entry has no day")?;
        entries.push((
            first,
            party(entry.gas_network_party.as_ref())?,
            party(entry.gas_supplier.as_ref())?,
        ));
    }
    entries.sort_by_key(|(first, ..)| *first);
    if entries
        .windows(2)
        .any(|pair| matches!(pair, [one, next] if one.0 == next.0))
    {
        return Err("it has two entries from one day");
    }
    serde_json::to_string(&entries).map_err(|_| "its history cannot be written")
}

fn party<'f>(field: Option<&'f Field<'_>>) -> Result<Option<&'f str>, &'static str> {
    match field {
        None => Ok(None),
        Some(field) => match field.get().filter(|id| is_party_id(id)) {
            Some(id) => Ok(Some(id)),
            None => Err("an entry names a party that can be none"),
        },
    }
}

/// 1 to 16 of `A-Z 0-9 _ -`; a spreadsheet runs a text that begins with a hyphen.
pub(crate) fn is_party_id(id: &str) -> bool {
    let is_letter =
        |octet: u8| octet.is_ascii_uppercase() || octet.is_ascii_digit() || b"_-".contains(&octet);
    (1..=LONGEST_PARTY_ID).contains(&id.len()) && id.bytes().all(is_letter) && !id.starts_with('-')
}

/// A text that people may read in a spreadsheet: no control characters, and nothing that it would run as a formula.
pub(crate) fn is_plain_text(text: &str, at_most: usize) -> bool {
    let is_printable =
        |letter: char| letter == ' ' || letter.is_ascii_graphic() || letter.is_alphanumeric();
    text.chars().count() <= at_most
        && text.chars().all(is_printable)
        && !text.trim_start().starts_with(['=', '+', '-', '@'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_histories_are_equal_texts() {
        let written = history(
            "1",
            br#"{"mprn": "1", "source": "x", "history": [
                {"from": "2026-07-01", "gas_network_party": "SOUTH", "gas_supplier": null},
                {"from": "2025-01-01", "gas_network_party": "NORTH", "gas_supplier": "SUP"}]}"#,
        );
        assert_eq!(
            written.as_deref(),
            Ok(r#"[["2025-01-01","NORTH","SUP"],["2026-07-01","SOUTH",null]]"#)
        );
        assert_eq!(history("1", br#"{"mprn": "1"}"#).as_deref(), Ok("[]"));
    }

    #[test]
    fn a_registration_that_contradicts_itself_is_none() {
        for (json, reason) in [
            (
                r#"{"mprn": "2"}"#,
                "it stands under another key than its own",
            ),
            (r#"{"mprn": "=2"}"#, "its mprn is none"),
            (
                r#"{"mprn": "1", "history": [{"from": "2025-02-30"}]}"#,
                "an entry has no day",
            ),
            (
                r#"{"mprn": "1", "history": [{"from": "2025-02-03", "gas_supplier": "lower"}]}"#,
                "an entry names a party that can be none",
            ),
            (
                r#"{"mprn": "1", "history": [{"from": "2025-02-03", "gas_supplier": 7}]}"#,
                "an entry names a party that can be none",
            ),
            (
                r#"{"mprn": "1", "history": [{"from": "2025-02-03"}, {"from": "2025-02-03"}]}"#,
                "it has two entries from one day",
            ),
            (r#"{"mprn": "1", "history": {}}"#, "it is no registration"),
            ("[", "it is no registration"),
        ] {
            assert_eq!(history("1", json.as_bytes()), Err(reason), "{json}");
        }
    }

    #[test]
    fn records_that_cannot_be_read_are_passed_over() {
        let mut table = RegisterTable::new(Kept::Whole, 0);
        table.take(0, 1, Some(b"A"), Some(b"{}"));
        table.take(0, 2, Some(b"\xff"), Some(b"{}"));
        table.take(1, 0, Some(b"B"), Some(b"\xff"));
        table.take(1, 1, Some(b"C"), None);
        table.take(1, 2, None, Some(b"{}"));
        assert_eq!(table.faults().count, 3);
        assert_eq!(table.rows().unwrap().num_rows(), 2);
    }
}
