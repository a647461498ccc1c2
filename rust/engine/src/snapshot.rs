//! What an engine knows, in parts that another engine takes in: a cache of committed state, never the truth.
//!
//! The parts are taken one by one while batches are folded in between, and belong together nevertheless. A host that loads
//! them replays the changelog and the inventory from where both stood before the first part was taken:
//!
//! - A row of the table, with its flags, is as new as the moment it was taken. Whatever changed it since the beginning
//!   is an image in that part of the changelog; an older image than the row changes nothing, a newer one replaces it,
//!   and marks only rise. Rows never move, and new ones come after those that are there.
//! - What the inventory says of a device depends on its last record alone, and on the keys that it had before a
//!   tombstone. All records since the beginning are applied again, in their order.
//! - A parked record that was added, judged otherwise or removed since the beginning has its record, or its
//!   tombstone, in that part of the changelog. So a snapshot is void once such tombstones may be gone.
//! - A damaged record of the changelog may lie before the beginning, so what is known of damage is taken, last of all.
//!   A batch that marked such a device since stands in the changelog, and overrules it.
//!
//! Numbers of occupants and of ACB certificates are an engine's own, so each part spells out those that it uses.

use slotkeeper_gbcs::Eui64;

use crate::changelog;
use crate::engine::{Damage, Engine, EngineError, State};

/// Of all parts. To be raised also when another meaning is taken from the same inventory record: a snapshot of before
/// would not have it.
pub const SNAPSHOT_FORMAT: u8 = 8;

/// Where the next part of a snapshot begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SnapshotCursor {
    /// What it holds, by number.
    pub kind: u8,
    /// A row, or for parked records a device.
    pub at: u64,
}

impl SnapshotCursor {
    /// Of the first part.
    pub const BEGIN: Self = Self {
        kind: Kind::Gpfs as u8,
        at: 0,
    };
}

/// A part does not belong into this engine.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SnapshotError {
    /// The engine is open, or knows something already.
    #[error("parts of a snapshot are for an engine that is closed and cleared")]
    NotCleared,
    /// Not written by an engine of this format.
    #[error("the part cannot be read")]
    Unreadable,
}

/// What a part holds.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Kind {
    /// Rows of the table, and what the inventory says of them.
    Gpfs = 1,
    /// Devices of other types.
    Others = 2,
    Parked = 3,
    /// Damaged records. The last part, there always.
    Damaged = 4,
}

impl Kind {
    fn of_number(number: u8) -> Option<Self> {
        [Self::Gpfs, Self::Others, Self::Parked, Self::Damaged]
            .into_iter()
            .find(|kind| *kind as u8 == number)
    }
}

/// A thousandth of a second of the engine's time, one to two megabytes.
const ROWS_A_PART: usize = 16_384;
/// Half a megabyte.
const OTHERS_A_PART: usize = 65_536;
/// A part of parked records ends with the one that exceeds this.
const PARKED_OCTETS_A_PART: usize = 1 << 20;

impl Engine {
    /// Takes the part at `cursor`; gives where the next one begins, `None` after the last.
    ///
    /// # Errors
    /// [`EngineError::BatchOpen`] while a batch is staged, since a snapshot holds nothing but what is committed;
    /// [`EngineError::Closed`] if the partition is.
    pub fn snapshot_part(
        &self,
        cursor: SnapshotCursor,
    ) -> Result<(Vec<u8>, Option<SnapshotCursor>), EngineError> {
        match self.state {
            State::Staged(_) => return Err(EngineError::BatchOpen),
            State::Closed => return Err(EngineError::Closed),
            State::Open => {}
        }
        let mut part = vec![cursor.kind];
        // A cursor is a number of this engine's own: one out of range has nothing behind it.
        let at = usize::try_from(cursor.at).unwrap_or(usize::MAX);
        let next = match Kind::of_number(cursor.kind) {
            Some(Kind::Gpfs) => {
                let end = at.saturating_add(ROWS_A_PART);
                let table = self.ledger.table();
                part.extend((table.len() as u64).to_be_bytes());
                part.extend(self.made_by());
                let rows = table.save_rows(at..end, &mut part);
                self.directory.save_gpfs(rows, &mut part);
                Some(after(Kind::Gpfs, end, table.len(), Kind::Others))
            }
            Some(Kind::Others) => {
                let end = at.saturating_add(OTHERS_A_PART);
                let known = self.directory.save_others(at..end, &mut part);
                Some(after(Kind::Others, end, known, Kind::Parked))
            }
            Some(Kind::Parked) => match self.save_parked(cursor.at, &mut part) {
                Some(device) => Some((Kind::Parked, device)),
                None => Some((Kind::Damaged, 0)),
            },
            Some(Kind::Damaged) | None => {
                self.save_damaged(&mut part);
                None
            }
        };
        let cursor = next.map(|(kind, at)| SnapshotCursor {
            kind: kind as u8,
            at,
        });
        Ok((part, cursor))
    }

    /// Takes in a part, of an engine that was cleared or is new; parts in their order, then the changelog and the
    /// inventory from where both stood when the first was taken.
    ///
    /// # Errors
    /// [`SnapshotError`]; the engine has to be cleared and restored from the beginning then.
    pub fn load_part(&mut self, part: &[u8]) -> Result<(), SnapshotError> {
        if self.state != State::Closed || !self.cleared {
            return Err(SnapshotError::NotCleared);
        }
        let (kind, mut rest) = part.split_first().ok_or(SnapshotError::Unreadable)?;
        let loaded = match Kind::of_number(*kind) {
            Some(Kind::Gpfs) => self.load_gpfs(&mut rest),
            Some(Kind::Others) => self.directory.load_others(&mut rest),
            Some(Kind::Parked) => self.load_parked(&mut rest),
            Some(Kind::Damaged) => self.load_damaged(&mut rest),
            None => None,
        };
        match loaded {
            Some(()) if rest.is_empty() => Ok(()),
            _ => Err(SnapshotError::Unreadable),
        }
    }

    /// By what rows were made: what other certificates of authorities or another limit let in is not taken in, nor cells in
    /// which more or less was read, since nobody verified then or does not now.
    fn made_by(&self) -> [u8; 32] {
        let mut settings = self.settings.issuing_certificates.concat();
        settings.extend((self.settings.message_bytes as u64).to_be_bytes());
        settings.push(u8::from(self.ledger.hears_unverified()));
        slotkeeper_crypto::sha256(&settings)
    }

    fn load_gpfs(&mut self, rest: &mut &[u8]) -> Option<()> {
        let devices = u64::from_be_bytes(take(rest)?);
        if take(rest)? != self.made_by() {
            return None;
        }
        let table = self.ledger.table_mut();
        if table.is_empty() {
            // More than there can be rows is rubbish, and no reason to ask for memory.
            table.reserve(u32::try_from(devices).ok()? as usize);
        }
        let rows = table.load_rows(rest).ok()?;
        self.directory.load_gpfs(rows, rest)
    }

    /// Device, length, and the record as the changelog has it. Gives the first device that found no room.
    fn save_parked(&self, from: u64, part: &mut Vec<u8>) -> Option<u64> {
        for device in self.parking.devices_from(from) {
            if part.len() > PARKED_OCTETS_A_PART {
                return Some(device.to_u64());
            }
            for parked in self.parking.of(device) {
                let record = changelog::encode_parked(parked);
                part.extend(device.to_u64().to_be_bytes());
                part.extend((record.len() as u64).to_be_bytes());
                part.extend(record);
            }
        }
        None
    }

    fn load_parked(&mut self, rest: &mut &[u8]) -> Option<()> {
        while !rest.is_empty() {
            let device = Eui64::from_u64(u64::from_be_bytes(take(rest)?));
            let length = usize::try_from(u64::from_be_bytes(take(rest)?)).ok()?;
            let record = rest.split_off(..length)?;
            self.parking
                .restore(device, changelog::decode_parked(record).ok()?);
        }
        Some(())
    }

    /// Devices, their number before them, each with the version that its damaged images claim, how many these are and
    /// what names them; devices whose certificate went, their number before them; then parked records.
    fn save_damaged(&self, part: &mut Vec<u8>) {
        part.extend((self.damaged.len() as u64).to_be_bytes());
        for (device, damage) in &self.damaged {
            part.extend(device.to_be_bytes());
            part.extend(damage.claimed.to_be_bytes());
            part.extend((damage.images.len() as u64).to_be_bytes());
            part.extend(damage.images.iter().flatten());
        }
        part.extend((self.uncertified.len() as u64).to_be_bytes());
        for device in &self.uncertified {
            part.extend(device.to_be_bytes());
        }
        for (device, start) in &self.damaged_parked {
            part.extend(device.to_be_bytes());
            part.extend(start);
        }
    }

    fn load_damaged(&mut self, rest: &mut &[u8]) -> Option<()> {
        for _ in 0..u64::from_be_bytes(take(rest)?) {
            let device = u64::from_be_bytes(take(rest)?);
            let mut damage = Damage {
                claimed: u32::from_be_bytes(take(rest)?),
                ..Damage::default()
            };
            for _ in 0..u64::from_be_bytes(take(rest)?) {
                damage.images.insert(take(rest)?);
            }
            self.damaged.insert(device, damage);
        }
        for _ in 0..u64::from_be_bytes(take(rest)?) {
            self.uncertified.insert(u64::from_be_bytes(take(rest)?));
        }
        while !rest.is_empty() {
            let device = u64::from_be_bytes(take(rest)?);
            self.damaged_parked.insert((device, take(rest)?));
        }
        Some(())
    }
}

/// The next row of the same kind, or the beginning of what comes after.
fn after(kind: Kind, end: usize, known: usize, then: Kind) -> (Kind, u64) {
    if end < known {
        (kind, end as u64)
    } else {
        (then, 0)
    }
}

pub(crate) fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (start, end) = rest.split_first_chunk::<N>()?;
    *rest = end;
    Some(*start)
}
