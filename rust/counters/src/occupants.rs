//! The parties whose certificates stand in cells, each kept once.

use core::mem::size_of;

use foldhash::quality::FixedState;
use hashbrown::HashMap;

/// A certificate holder as a cell names it: Subject Unique ID and Subject Key Identifier.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Occupant {
    /// The EUI-64 of the party.
    pub eui: u64,
    /// The key identifier of its certificate; `None` where only the party is known.
    pub key_identifier: Option<[u8; 8]>,
}

/// A short name for an [`Occupant`], valid within one table.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct OccupantId(pub(crate) u32);

impl OccupantId {
    /// Nobody can be named.
    pub const UNKNOWN: Self = Self(0);
}

/// The occupants of one table, interned.
///
/// A fleet has a few thousand of them, so that a cell spends four bytes on its occupant. Messages
/// can name as many as they like: one that stands in no cell of the table once the batch that named
/// it has ended is forgotten, and its id goes to another.
#[derive(Clone, Debug)]
pub struct Occupants {
    ids: HashMap<Occupant, OccupantId, FixedState>,
    known: Vec<Known>,
    /// Ids that are nobody's.
    vacant: Vec<OccupantId>,
    /// Ids that stood in no cell at some time since the last sweep.
    unplaced: Vec<OccupantId>,
}

/// An occupant, and in how many cells of the table it stands.
#[derive(Clone, Copy, Debug)]
struct Known {
    occupant: Occupant,
    cells: u64,
}

impl Occupants {
    /// No occupants yet. `seed` makes the hash of this process its own.
    pub fn new(seed: u64) -> Self {
        Self {
            ids: HashMap::with_hasher(FixedState::with_seed(seed)),
            known: Vec::new(),
            vacant: Vec::new(),
            unplaced: Vec::new(),
        }
    }

    /// The id of `occupant`, the same for the same occupant as long as it stands in a cell or the
    /// batch that named it is staged.
    ///
    /// Once 2^32-1 occupants are known, a further one is [`OccupantId::UNKNOWN`].
    pub fn intern(&mut self, occupant: Occupant) -> OccupantId {
        if let Some(&id) = self.ids.get(&occupant) {
            return id;
        }
        let known = Known { occupant, cells: 0 };
        let id = if let Some(id) = self.vacant.pop() {
            if let Some(place) = self.known_mut(id) {
                *place = known;
            }
            id
        } else {
            let Some(id) = u32::try_from(self.known.len())
                .ok()
                .and_then(|n| n.checked_add(1))
            else {
                return OccupantId::UNKNOWN;
            };
            self.known.push(known);
            OccupantId(id)
        };
        self.ids.insert(occupant, id);
        self.unplaced.push(id);
        id
    }

    /// Who `id` is; `None` for [`OccupantId::UNKNOWN`].
    pub fn get(&self, id: OccupantId) -> Option<Occupant> {
        let index = id.0.checked_sub(1)?;
        self.known.get(index as usize).map(|known| known.occupant)
    }

    /// How many are known.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The id of `occupant` if it was interned before.
    pub fn find(&self, occupant: &Occupant) -> Option<OccupantId> {
        self.ids.get(occupant).copied()
    }

    /// One cell of the table changes its occupant.
    #[inline]
    pub(crate) fn replace(&mut self, before: OccupantId, after: OccupantId) {
        if before == after {
            return;
        }
        if let Some(known) = self.known_mut(after) {
            known.cells += 1;
        }
        if let Some(known) = self.known_mut(before) {
            known.cells -= 1;
            if known.cells == 0 {
                self.unplaced.push(before);
            }
        }
    }

    /// Forgets those that stand in no cell. To be called while no batch is staged, since its cells
    /// do not count.
    pub(crate) fn sweep(&mut self) {
        while let Some(id) = self.unplaced.pop() {
            let Some(&mut Known { occupant, cells: 0 }) = self.known_mut(id) else {
                continue;
            };
            // One that stood in no cell twice is here twice.
            if self.ids.get(&occupant) == Some(&id) {
                self.ids.remove(&occupant);
                self.vacant.push(id);
            }
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.ids.allocation_size()
            + self.known.capacity() * size_of::<Known>()
            + (self.vacant.capacity() + self.unplaced.capacity()) * size_of::<OccupantId>()
    }

    fn known_mut(&mut self, id: OccupantId) -> Option<&mut Known> {
        let index = id.0.checked_sub(1)?;
        self.known.get_mut(index as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_without_key_identifier_is_another_occupant() {
        let mut occupants = Occupants::new(1);
        let party = Occupant {
            eui: 7,
            key_identifier: None,
        };
        let certificate = Occupant {
            eui: 7,
            key_identifier: Some([0; 8]),
        };
        let first = occupants.intern(party);
        let second = occupants.intern(certificate);
        assert_ne!(first, second);
        assert_eq!(occupants.intern(party), first);
        assert_eq!(occupants.get(first), Some(party));
        assert_eq!(occupants.get(second), Some(certificate));
        assert_eq!(occupants.find(&certificate), Some(second));
    }

    #[test]
    fn only_who_stands_in_a_cell_is_kept() {
        let mut occupants = Occupants::new(1);
        let party = |eui| Occupant {
            eui,
            key_identifier: None,
        };
        let [first, second, third] = [1, 2, 3].map(|eui| occupants.intern(party(eui)));
        occupants.replace(OccupantId::UNKNOWN, first);
        occupants.replace(OccupantId::UNKNOWN, first);
        occupants.replace(OccupantId::UNKNOWN, second);
        occupants.sweep();
        assert_eq!((occupants.len(), occupants.find(&party(3))), (2, None));
        assert_eq!(occupants.intern(party(4)), third);
        occupants.replace(first, third);
        occupants.replace(first, third);
        occupants.replace(third, first);
        occupants.replace(second, second);
        occupants.sweep();
        assert_eq!(occupants.get(first), Some(party(1)));
        assert_eq!(occupants.get(third), Some(party(4)));
        occupants.replace(first, OccupantId::UNKNOWN);
        occupants.sweep();
        assert_eq!((occupants.len(), occupants.find(&party(1))), (2, None));
    }

    #[test]
    fn nobody_is_unknown() {
        assert_eq!(Occupants::new(1).get(OccupantId::UNKNOWN), None);
    }
}
