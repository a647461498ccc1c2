//! Rows by the thousand: out of one table in octets, and into another that does not have them yet.

use core::ops::Range;

use thiserror::Error;

use crate::notes::Remapped;
use crate::occupants::{Occupant, OccupantId};
use crate::row::{Row, RowId};
use crate::shards::GROUP;
use crate::table::{CounterTable, Loaded};

/// These octets were not written by [`CounterTable::save_rows`] of this format.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the rows cannot be read")]
pub struct UnreadableRows;

/// # Layout of saved rows
///
/// Numbers are big-endian. Occupants are spelled out once for all rows that are saved together: a
/// count (4), then for each whether it has a key identifier (1), its EUI-64 (8) and the key
/// identifier (8). Then a count of rows (4), and of each row:
///
/// | bytes | field |
/// |---|---|
/// | 8, 4, 2 | EUI-64, version, flags |
/// | 2 | bits 0 to 2: recorded, seen and issued follow; 4 to 7 and 8 to 11: source and verification of the two cells; 12: notes follow; 13 and 14: occupant and time of a cell follow |
/// | 8 each | the marks that are known |
/// | 4, 4 each | of a cell: the occupant's place among those above, from 1, 0 for none; the device time |
/// | 4 + 8 n | the words of its notes |
///
/// The octets have no checksum of their own.
impl CounterTable {
    /// Appends rows to `out`, those between the numbers given as far as there are such rows.
    ///
    /// Rows never move, so that a table is saved whole by saving its rows a range after the other,
    /// also if batches are folded in between: what these changed stands in the changelog after the
    /// offset at which saving began, in images that are newer than what was saved.
    ///
    /// Gives the rows in their order.
    pub fn save_rows(
        &self,
        rows: Range<usize>,
        out: &mut Vec<u8>,
    ) -> impl Iterator<Item = RowId> + use<> {
        let end = rows.end.min(self.len());
        let rows = rows.start.min(end)..end;
        let mut saved = SavedOccupants::default();
        let mut octets = Vec::with_capacity(rows.len() * USUAL_BYTES);
        for row in row_ids(rows.clone()) {
            self.save_row(row, &mut saved, &mut octets);
        }
        out.extend(count(saved.ids.len()));
        for id in &saved.ids {
            let occupant = self.occupants.get(*id).unwrap_or(Occupant {
                eui: 0,
                key_identifier: None,
            });
            out.push(u8::from(occupant.key_identifier.is_some()));
            out.extend(occupant.eui.to_be_bytes());
            out.extend(occupant.key_identifier.unwrap_or_default());
        }
        out.extend(count(rows.len()));
        out.append(&mut octets);
        row_ids(rows)
    }

    /// Takes in saved rows of devices that have no row here yet, and moves `octets` past them.
    ///
    /// Gives the rows they got, in the order in which they were saved.
    ///
    /// # Errors
    ///
    /// [`UnreadableRows`]; the table is of no use then.
    ///
    /// # Panics
    ///
    /// As [`CounterTable::ensure`].
    pub fn load_rows(
        &mut self,
        octets: &mut &[u8],
    ) -> Result<impl Iterator<Item = RowId> + use<>, UnreadableRows> {
        let mut reader = Reader(octets);
        let mut occupants = vec![OccupantId::UNKNOWN];
        for _ in 0..reader.u32()? {
            let [has_key_identifier] = reader.take()?;
            let occupant = Occupant {
                eui: reader.u64()?,
                key_identifier: Some(reader.take()?).filter(|_| has_key_identifier != 0),
            };
            occupants.push(self.occupants.intern(occupant));
        }
        let first = self.len();
        let mut left = reader.u32()?;
        let mut group = Vec::with_capacity(GROUP);
        while left > 0 {
            group.clear();
            while left > 0 && group.len() < GROUP {
                group.push(reader.row(&occupants)?);
                left -= 1;
            }
            self.add_rows(&mut group);
        }
        self.occupants.sweep();
        Ok(row_ids(first..self.len()))
    }

    fn save_row(&self, id: RowId, saved: &mut SavedOccupants, out: &mut Vec<u8>) {
        let row = self.row(id);
        let cells = row.cells();
        let stands = cells.map(|(occupant, time)| occupant != OccupantId::UNKNOWN || time != 0);
        let mut bits = row.bits();
        for (stands, bit) in stands.into_iter().zip(CELL_FOLLOWS) {
            bits |= if stands { bit } else { 0 };
        }
        out.extend(row.eui.to_be_bytes());
        out.extend(row.version.to_be_bytes());
        out.extend(row.flags.to_be_bytes());
        out.extend(bits.to_be_bytes());
        for mark in row.known_marks() {
            out.extend(mark.to_be_bytes());
        }
        for ((occupant, time), _) in cells.into_iter().zip(stands).filter(|(_, stands)| *stands) {
            out.extend(saved.place(occupant).to_be_bytes());
            out.extend(time.to_be_bytes());
        }
        if let Some(side) = self.side(id) {
            let notes = Remapped::new(self.sides.get(side), |occupant| saved.place(occupant));
            out.extend(count(notes.len()));
            out.extend(notes.flat_map(u64::to_be_bytes));
        }
    }
}

/// Bits of a row that are used in saved rows alone.
const CELL_FOLLOWS: [u16; 2] = [1 << 13, 1 << 14];

/// A row with two marks and two cells; only a guess, so that memory is asked for once.
const USUAL_BYTES: usize = 48;

/// The occupants met, in the order of meeting.
#[derive(Default)]
struct SavedOccupants {
    ids: Vec<OccupantId>,
    /// By id, the place from 1; 0 where it was not met.
    places: Vec<u32>,
}

impl SavedOccupants {
    fn place(&mut self, id: OccupantId) -> u32 {
        if id == OccupantId::UNKNOWN {
            return 0;
        }
        let index = id.0 as usize;
        if self.places.len() <= index {
            self.places.resize(index + 1, 0);
        }
        match self.places.get_mut(index) {
            Some(place) => {
                if *place == 0 {
                    self.ids.push(id);
                    *place = u32::try_from(self.ids.len()).unwrap_or_default();
                }
                *place
            }
            None => 0,
        }
    }
}

struct Reader<'o, 'a>(&'o mut &'a [u8]);

impl Reader<'_, '_> {
    fn row(&mut self, occupants: &[OccupantId]) -> Result<Loaded, UnreadableRows> {
        let mut row = Row::new(self.u64()?);
        row.version = self.u32()?;
        row.flags = u16::from_be_bytes(self.take()?);
        let bits = u16::from_be_bytes(self.take()?);
        let mut marks = [0; 3];
        for (bit, mark) in marks.iter_mut().enumerate() {
            if bits >> bit & 1 == 1 {
                *mark = self.u64()?;
            }
        }
        let mut cells = [(OccupantId::UNKNOWN, 0); 2];
        for (cell, bit) in cells.iter_mut().zip(CELL_FOLLOWS) {
            if bits & bit != 0 {
                let place = self.u32()?;
                *cell = (occupant_at(occupants, place)?, self.u32()?);
            }
        }
        row.set_packed(marks, cells, bits & !(CELL_FOLLOWS[0] | CELL_FOLLOWS[1]));
        let mut words = Vec::new();
        if row.has_notes() {
            let length = self.u32()? as usize;
            let octets = self
                .0
                .split_off(..length.checked_mul(8).ok_or(UnreadableRows)?)
                .ok_or(UnreadableRows)?;
            words.extend(
                octets
                    .as_chunks::<8>()
                    .0
                    .iter()
                    .map(|word| u64::from_be_bytes(*word)),
            );
            Remapped::undo(&mut words, |place| occupant_at(occupants, place).ok())
                .ok_or(UnreadableRows)?;
        }
        Ok((row, words))
    }

    fn u32(&mut self) -> Result<u32, UnreadableRows> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, UnreadableRows> {
        self.take().map(u64::from_be_bytes)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], UnreadableRows> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(UnreadableRows)?;
        *self.0 = rest;
        Ok(*taken)
    }
}

fn row_ids(rows: Range<usize>) -> impl Iterator<Item = RowId> {
    rows.filter_map(|row| u32::try_from(row).ok().map(RowId))
}

fn occupant_at(occupants: &[OccupantId], place: u32) -> Result<OccupantId, UnreadableRows> {
    occupants.get(place as usize).copied().ok_or(UnreadableRows)
}

fn count(count: usize) -> [u8; 4] {
    // Of things with numbers of 32 bits.
    u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes()
}
