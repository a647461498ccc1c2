//! The committed state of a partition's devices.

use core::hash::BuildHasher;

use foldhash::quality::FixedState;

use crate::image::DeviceImage;
use crate::lane::Lane;
use crate::notes::NotesView;
use crate::occupants::{OccupantId, Occupants};
use crate::row::{Row, RowId};
use crate::shards::{GROUP, Shards};
use crate::sides::{SideId, Sides};
use crate::stored::Stored;
use crate::view::DeviceView;

/// The Originator Counters of a partition's devices, as committed.
///
/// A device costs 56 bytes and its share of the index, 6 to 7 bytes; the Supplier role and notes
/// cost more only where there are any. Nothing is ever removed and no mark is ever lowered (R6).
#[derive(Clone, Debug)]
pub struct CounterTable {
    hasher: FixedState,
    shards: Shards,
    pub(crate) rows: Lane<Row>,
    len: u32,
    pub(crate) sides: Sides,
    pub(crate) occupants: Occupants,
    stored: Stored,
    ceiling: u64,
}

/// A row to be added, and the words of its notes.
pub(crate) type Loaded = (Row, Vec<u64>);

impl CounterTable {
    /// An empty table. `seed` makes the hash of this process its own; no result depends on it.
    ///
    /// `ceiling` is the highest number that is plausible, 0 to 2^63-1; see
    /// [`DEFAULT_CEILING`](crate::DEFAULT_CEILING). No hint above it is believed, and used numbers
    /// above it are covered apart from the others.
    pub fn new(seed: u64, ceiling: u64) -> Self {
        Self {
            hasher: FixedState::with_seed(seed),
            shards: Shards::new(),
            rows: Lane::new(Row::default()),
            len: 0,
            sides: Sides::new(seed),
            occupants: Occupants::new(seed),
            stored: Stored::default(),
            ceiling,
        }
    }

    /// The highest number that is plausible.
    pub fn ceiling(&self) -> u64 {
        self.ceiling
    }

    /// The row of `device`, if it has one.
    #[inline]
    pub fn find(&self, device: u64) -> Option<RowId> {
        self.find_hashed(self.hash(device), device)
    }

    /// The rows of `devices`, in their order, into `rows`, which is emptied first.
    ///
    /// Memory is fetched for a group of devices at once, not for one after the other.
    pub fn find_many(&self, devices: &[u64], rows: &mut Vec<Option<RowId>>) {
        rows.clear();
        rows.reserve(devices.len());
        for group in devices.chunks(GROUP) {
            let mut hashes = [0; GROUP];
            for (hash, &device) in hashes.iter_mut().zip(group) {
                *hash = self.hash(device);
            }
            let is_it = |which: usize, row| group.get(which) == Some(&self.row(RowId(row)).eui);
            let hashes = hashes.get(..group.len()).unwrap_or_default();
            self.shards
                .find_group(hashes, is_it, |row| rows.push(row.map(RowId)));
        }
    }

    /// The row of `device`, made with nothing known if it has none.
    ///
    /// # Panics
    ///
    /// At the device after 2^32-1 others, which would need 266 GB before.
    pub fn ensure(&mut self, device: u64) -> RowId {
        let hash = self.hash(device);
        self.find_hashed(hash, device)
            .unwrap_or_else(|| self.add(hash, device))
    }

    /// Makes room in the index of an empty table for so many devices, so that it need not grow.
    pub fn reserve(&mut self, devices: usize) {
        self.shards.reserve(devices);
    }

    /// How many devices have a row.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// How many devices have a record in the changelog, and which versions.
    pub fn stored(&self) -> Stored {
        self.stored
    }

    /// Whether no device has a row.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// `device` as committed.
    pub fn view(&self, device: u64) -> DeviceView<'_> {
        self.find(device)
            .map_or_else(|| DeviceView::unknown(device), |row| self.view_row(row))
    }

    /// What is kept of `device`, as committed.
    pub fn image(&self, device: u64) -> DeviceImage {
        DeviceImage::of(&self.view(device), &self.occupants)
    }

    /// Every device as committed, in the order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = DeviceView<'_>> {
        (0..self.len).map(|row| self.view_row(RowId(row)))
    }

    /// The occupants of this table's cells.
    pub fn occupants(&self) -> &Occupants {
        &self.occupants
    }

    /// Bytes held: rows, index, notes, occupants, spare capacity included.
    pub fn memory_bytes(&self) -> usize {
        self.shards.memory_bytes()
            + self.rows.memory_bytes()
            + self.sides.memory_bytes()
            + self.occupants.memory_bytes()
    }

    pub(crate) fn hash(&self, device: u64) -> u64 {
        self.hasher.hash_one(device)
    }

    pub(crate) fn row(&self, row: RowId) -> &Row {
        self.rows.get(row)
    }

    /// Where the notes of `row` stand, if it has any.
    pub(crate) fn side(&self, row: RowId) -> Option<SideId> {
        if self.row(row).has_notes() {
            self.sides.find(row)
        } else {
            None
        }
    }

    /// Adds a device, which must not be there yet.
    pub(crate) fn add(&mut self, hash: u64, device: u64) -> RowId {
        assert!(
            self.len < u32::MAX,
            "a CounterTable numbers its rows with 32 bits"
        );
        let row = RowId(self.len);
        self.rows.set(row, Row::new(device));
        let Self {
            hasher,
            shards,
            rows,
            ..
        } = self;
        shards.insert(hash, row.0, |row| hasher.hash_one(rows.get(RowId(row)).eui));
        self.len += 1;
        row
    }

    /// Adds devices with their rows and the words of their notes; none may be there yet.
    pub(crate) fn add_rows(&mut self, loaded: &mut Vec<Loaded>) {
        let first = self.len;
        let mut hashes = [0; GROUP];
        let mut added = 0;
        for (hash, (row, mut words)) in hashes.iter_mut().zip(loaded.drain(..)) {
            assert!(
                self.len < u32::MAX,
                "a CounterTable numbers its rows with 32 bits"
            );
            *hash = self.hash(row.eui);
            let occupants = row.occupants().into_iter();
            for occupant in occupants.chain(NotesView(&words).occupants()) {
                self.occupants.replace(OccupantId::UNKNOWN, occupant);
            }
            self.stored.replace(row.eui, 0, row.version);
            added += 1;
            let id = RowId(self.len);
            self.len += 1;
            self.rows.set(id, row);
            if row.has_notes() {
                self.sides.add(id, &mut words);
            }
        }
        let Self {
            hasher,
            shards,
            rows,
            ..
        } = self;
        let hash_of = |row| hasher.hash_one(rows.get(RowId(row)).eui);
        shards.insert_group(hashes.get(..added).unwrap_or_default(), first, hash_of);
    }

    /// Replaces a row.
    pub(crate) fn put(&mut self, id: RowId, row: Row) {
        let before = *self.rows.get(id);
        self.stored.replace(row.eui, before.version, row.version);
        for (before, after) in before.occupants().into_iter().zip(row.occupants()) {
            self.occupants.replace(before, after);
        }
        self.rows.set(id, row);
    }

    /// Replaces a row and its notes, which stood at `side`.
    pub(crate) fn put_noted(
        &mut self,
        id: RowId,
        mut row: Row,
        side: Option<SideId>,
        words: &mut Vec<u64>,
    ) {
        row.set_has_notes();
        self.put(id, row);
        let before = side.map(|side| self.sides.get(side)).unwrap_or_default();
        let occupants = before
            .occupants()
            .into_iter()
            .zip(NotesView(words).occupants());
        for (before, after) in occupants {
            self.occupants.replace(before, after);
        }
        match side {
            Some(side) => self.sides.replace(side, id, words),
            None => self.sides.add(id, words),
        }
    }

    pub(crate) fn find_hashed(&self, hash: u64, device: u64) -> Option<RowId> {
        self.shards
            .find(hash, |row| self.row(RowId(row)).eui == device)
            .map(RowId)
    }

    fn view_row(&self, row: RowId) -> DeviceView<'_> {
        let notes = self
            .side(row)
            .map(|side| self.sides.get(side))
            .unwrap_or_default();
        DeviceView {
            row: *self.row(row),
            notes,
            known: true,
        }
    }
}
