//! A row for each change of a cell's occupant, or of whether it is in doubt.
//!
//! Rows of what the worker knew come with rising times, whatever order messages came in and whatever clocks said: a
//! message that goes on from what was known is no earlier than that, and one that came late changes what is known from
//! the last time on. What a late message itself left stands beside them, at its own time.

use std::borrow::Cow;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType};
use hashbrown::HashMap;

use super::record::{Dated, Holder, Holders, Record, Told};
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
    }
}

columns! {
    /// Devices of which it must be known what was known of them before.
    Waiting {
        device: StringBuilder as DataType::Utf8,
    }
}

pub(super) struct History {
    partition: u32,
    rows: Rows,
    states: HashMap<u64, State, foldhash::fast::FixedState>,
    places: HashMap<Holder, u32, foldhash::fast::FixedState>,
    holders: Vec<Holder>,
    /// Whether there are rows of an earlier time that are not known here.
    goes_on: bool,
    waiting: Vec<(u64, Fact<'static>)>,
}

/// What is known of a device's slot.
#[derive(Clone, Copy)]
struct State {
    /// The places of the holders, by which they are compared.
    cells: [u32; 2],
    is_doubtful: bool,
    /// Nothing was ever said of it.
    is_blank: bool,
    /// When the first row says that something came in, and the last.
    earliest: i64,
    latest: Dated,
}

/// The last row of a device, of those that were made before this began.
pub struct KnownRow {
    /// The device.
    pub device: u64,
    /// Identity and key identifier of who stands in the cells: digital signature, key agreement.
    pub cells: [(Option<u64>, Option<[u8; 8]>); 2],
    /// Whether that is in doubt.
    pub is_doubtful: bool,
    /// Since when, in microseconds since 1970.
    pub latest: i64,
    /// Whose clock says so.
    pub source: &'static str,
    /// The time of its first row.
    pub earliest: i64,
}

/// What an audit record says of a slot.
#[derive(Clone)]
struct Fact<'a> {
    offset: u64,
    holders: Holders,
    verified: [bool; 2],
    is_doubtful: bool,
    at: Dated,
    /// The same without the device's own time.
    received: Dated,
    existing: Holders,
    /// What a verified message says of each cell.
    told: Option<[Option<Told>; 2]>,
    source: &'static str,
    digest: Option<Cow<'a, str>>,
    is_unanchored: bool,
}

impl History {
    pub(super) fn new(partition: u32, goes_on: bool) -> Self {
        Self {
            partition,
            rows: Rows::default(),
            states: HashMap::default(),
            places: HashMap::from_iter([(Holder::default(), 0)]),
            holders: vec![Holder::default()],
            goes_on,
            waiting: Vec::new(),
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
        let is_verified = record.is_verified();
        let fact = Fact {
            offset,
            holders: slot.holders()?,
            verified: slot
                .cells()
                .map(|cell| cell.and_then(|cell| cell.verified).unwrap_or(is_verified)),
            is_doubtful: slot.is_doubtful(),
            at: record.dated()?,
            received: record.dated_without_device()?,
            existing: record.existing(),
            told: record.is_believed().then(|| record.told()),
            source: source(record.reason.get(), is_verified),
            digest: record.digest().map(Cow::Borrowed),
            is_unanchored: record.is_unanchored(),
        };
        if self.goes_on && !self.states.contains_key(&device) {
            self.waiting.push((device, fact.into_owned()));
        } else {
            self.decide(device, &fact);
        }
        Ok(())
    }

    /// Gives the devices that wait until it is known what was known of them.
    pub(super) fn waiting(&self) -> Result<RecordBatch, ArrowError> {
        let mut rows = Waiting::default();
        for (device, _) in &self.waiting {
            append_eui(&mut rows.device, Some(*device));
        }
        rows.drain()
    }

    /// Goes on with the devices that wait. Nothing was known of those that are not named.
    pub(super) fn know(&mut self, known: impl IntoIterator<Item = KnownRow>) {
        for one in known {
            let cells = one
                .cells
                .map(|(eui, key)| self.place_of(Holder { eui, key }));
            let state = State {
                cells,
                is_doubtful: one.is_doubtful,
                is_blank: false,
                earliest: one.earliest,
                latest: (one.latest, one.source),
            };
            self.states.insert(one.device, state);
        }
        for (device, fact) in std::mem::take(&mut self.waiting) {
            self.decide(device, &fact);
        }
    }

    fn decide(&mut self, device: u64, fact: &Fact<'_>) {
        let cells = fact.holders.map(|holder| self.place_of(holder));
        let says_nothing = cells == [0; 2] && !fact.is_doubtful;
        let before = self.states.get(&device).copied();
        let Some(before) = before.filter(|state| !state.is_blank) else {
            let state = State {
                cells,
                is_doubtful: fact.is_doubtful,
                is_blank: says_nothing,
                earliest: fact.at.0,
                latest: fact.at,
            };
            self.states.insert(device, state);
            if !says_nothing {
                self.append_existing(device, fact);
                self.append(device, fact, fact.at, fact.holders, fact.is_doubtful);
            }
            return;
        };
        let mut state = before;
        let is_changed = (before.cells, before.is_doubtful) != (cells, fact.is_doubtful);
        let is_earlier = fact.at.0 < before.latest.0;
        let follows = is_changed && self.follows(fact, &before);
        // A message that found somebody else shows that a change was not told, which may still come late.
        let is_news = is_changed || (!is_earlier && self.found_another(fact, &before));
        if is_news {
            let at = match (is_earlier, follows) {
                (false, _) => fact.at,
                (true, true) if fact.received.0 >= before.latest.0 => fact.received,
                (true, _) => before.latest,
            };
            self.append(device, fact, at, fact.holders, fact.is_doubtful);
            (state.cells, state.is_doubtful, state.latest) = (cells, fact.is_doubtful, at);
        }
        if let (true, false, Some(told)) = (is_earlier, follows, fact.told) {
            if fact.at.0 < before.earliest {
                self.append_existing(device, fact);
                state.earliest = fact.at.0;
            }
            let left = told.map(|cell| cell.map(|cell| cell.left).unwrap_or_default());
            self.append(device, fact, fact.at, left, false);
        }
        self.states.insert(device, state);
    }

    /// Whether a message leads from what was known to what is known now: then it is no earlier, whatever its clock says.
    fn follows(&self, fact: &Fact<'_>, before: &State) -> bool {
        let Some(told) = fact.told.filter(|_| !before.is_doubtful) else {
            return false;
        };
        let held = self.held(before);
        let mut cells = told.iter().zip(held).zip(fact.holders);
        cells.all(|((told, held), now)| {
            told.is_none_or(|told| held.may_be(told.found) && now.may_be(told.left))
        })
    }

    fn found_another(&self, fact: &Fact<'_>, before: &State) -> bool {
        let Some(told) = fact.told.filter(|_| !before.is_doubtful) else {
            return false;
        };
        let mut cells = told.iter().zip(self.held(before));
        cells.any(|(told, held)| told.is_some_and(|told| !held.may_be(told.found)))
    }

    fn held(&self, state: &State) -> Holders {
        state
            .cells
            .map(|at| self.holders.get(at as usize).copied().unwrap_or_default())
    }

    fn place_of(&mut self, holder: Holder) -> u32 {
        // Every certificate that was ever issued has one: thousands.
        let next = u32::try_from(self.holders.len()).unwrap_or(u32::MAX);
        let place = *self.places.entry(holder).or_insert(next);
        if place == next {
            self.holders.push(holder);
        }
        place
    }

    fn append_existing(&mut self, device: u64, fact: &Fact<'_>) {
        if fact.existing != Holders::default() {
            let at = (BEGINNING_MICROS, "EXISTED");
            self.append(device, fact, at, fact.existing, false);
        }
    }

    fn append(
        &mut self,
        device: u64,
        fact: &Fact<'_>,
        (at, at_source): Dated,
        [ds, ka]: Holders,
        is_doubtful: bool,
    ) {
        let rows = &mut self.rows;
        append_eui(&mut rows.device, Some(device));
        rows.at.append_value(at);
        rows.at_source.append_value(at_source);
        append_eui(&mut rows.ds_eui, ds.eui);
        append_key(&mut rows.ds_key, ds.key);
        append_eui(&mut rows.ka_eui, ka.eui);
        append_key(&mut rows.ka_key, ka.key);
        let [ds, ka] = fact.verified;
        rows.ds_verified.append_value(ds);
        rows.ka_verified.append_value(ka);
        rows.source.append_value(fact.source);
        rows.ds_doubtful.append_value(is_doubtful);
        rows.ka_doubtful.append_value(is_doubtful);
        rows.audit_partition.append_value(number(self.partition));
        rows.audit_offset.append_value(place(fact.offset));
        rows.digest.append_option(fact.digest.as_deref());
        rows.unanchored.append_value(fact.is_unanchored);
    }

    pub(super) fn drain(&mut self) -> Result<RecordBatch, ArrowError> {
        self.rows.drain()
    }
}

impl Fact<'_> {
    fn into_owned(self) -> Fact<'static> {
        Fact {
            digest: self.digest.map(|digest| Cow::Owned(digest.into_owned())),
            ..self
        }
    }
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
