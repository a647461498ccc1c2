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
/// A fleet has a few thousand of them, so that a cell spends four bytes on its occupant.
#[derive(Clone, Debug)]
pub struct Occupants {
    ids: HashMap<Occupant, OccupantId, FixedState>,
    known: Vec<Occupant>,
}

impl Occupants {
    /// No occupants yet. `seed` makes the hash of this process its own.
    pub fn new(seed: u64) -> Self {
        Self {
            ids: HashMap::with_hasher(FixedState::with_seed(seed)),
            known: Vec::new(),
        }
    }

    /// The id of `occupant`, the same for the same occupant.
    ///
    /// Once 2^32-1 occupants are known, a further one is [`OccupantId::UNKNOWN`].
    pub fn intern(&mut self, occupant: Occupant) -> OccupantId {
        if let Some(&id) = self.ids.get(&occupant) {
            return id;
        }
        let Some(id) = u32::try_from(self.known.len())
            .ok()
            .and_then(|n| n.checked_add(1))
        else {
            return OccupantId::UNKNOWN;
        };
        self.known.push(occupant);
        self.ids.insert(occupant, OccupantId(id));
        OccupantId(id)
    }

    /// Who `id` is; `None` for [`OccupantId::UNKNOWN`].
    pub fn get(&self, id: OccupantId) -> Option<Occupant> {
        let index = id.0.checked_sub(1)?;
        self.known.get(index as usize).copied()
    }

    /// The id of `occupant` if it was interned before.
    pub fn find(&self, occupant: &Occupant) -> Option<OccupantId> {
        self.ids.get(occupant).copied()
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.ids.allocation_size() + self.known.capacity() * size_of::<Occupant>()
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
    fn nobody_is_unknown() {
        assert_eq!(Occupants::new(1).get(OccupantId::UNKNOWN), None);
    }
}
