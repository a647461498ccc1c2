//! The ACB's key agreement certificates that inventory records name, by their key identifiers.

use std::collections::BTreeMap;

use slotkeeper_counters::RowId;
use slotkeeper_gbcs::KeyIdentifier;

/// Which identifier a row names, in one octet.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Place(u8);

impl Place {
    /// The record names none.
    pub(super) const NONE: Self = Self(0);
    /// The row has an identifier of its own, since there was no place among the shared ones.
    pub(super) const OWN: Self = Self(u8::MAX);

    pub(super) const fn number(self) -> u8 {
        self.0
    }

    fn index(self) -> Option<usize> {
        match self {
            Self::OWN => None,
            Self(number) => usize::from(number).checked_sub(1),
        }
    }
}

/// A fleet's records name the few certificates that the ACB ever had, so rows share them. What is named need not be
/// configured here, and need not be true: beyond the places that there are a row has its identifier to itself, and a
/// place that no row uses any more is free again.
#[derive(Default)]
pub(crate) struct Identifiers {
    shared: Vec<Shared>,
    own: BTreeMap<RowId, KeyIdentifier>,
}

struct Shared {
    identifier: KeyIdentifier,
    rows: u32,
}

/// What an entry of a map takes, with its share of the nodes.
const OWN_BYTES: usize = 24;

impl Identifiers {
    pub(super) fn get(&self, row: RowId, place: Place) -> Option<KeyIdentifier> {
        match place.index() {
            Some(index) => self.shared.get(index).map(|shared| shared.identifier),
            None => self.own.get(&row).copied(),
        }
    }

    /// Gives `row` the identifier that its record names, in the stead of the one at `before`.
    pub(super) fn replace(
        &mut self,
        row: RowId,
        before: Place,
        named: Option<KeyIdentifier>,
    ) -> Place {
        match before.index().and_then(|index| self.shared.get_mut(index)) {
            Some(shared) => shared.rows = shared.rows.saturating_sub(1),
            None if before == Place::OWN => {
                self.own.remove(&row);
            }
            None => {}
        }
        match named {
            Some(identifier) => self.place(row, identifier),
            None => Place::NONE,
        }
    }

    /// The shared identifiers, by place from 1.
    pub(super) fn shared(&self) -> impl ExactSizeIterator<Item = KeyIdentifier> {
        self.shared.iter().map(|shared| shared.identifier)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.shared.capacity() * size_of::<Shared>() + self.own.len() * OWN_BYTES
    }

    fn place(&mut self, row: RowId, identifier: KeyIdentifier) -> Place {
        let known = self
            .shared
            .iter()
            .position(|shared| shared.identifier == identifier);
        let index = known
            .or_else(|| self.shared.iter().position(|shared| shared.rows == 0))
            .unwrap_or(self.shared.len());
        let number = u8::try_from(index + 1).map_or(Place::OWN, Place);
        if number == Place::OWN {
            self.own.insert(row, identifier);
            return number;
        }
        match self.shared.get_mut(index) {
            Some(shared) => {
                shared.identifier = identifier;
                shared.rows += 1;
            }
            None => self.shared.push(Shared {
                identifier,
                rows: 1,
            }),
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use slotkeeper_counters::{CounterTable, DEFAULT_CEILING};

    use super::*;

    #[test]
    fn a_place_that_nobody_uses_is_free_again() {
        let mut table = CounterTable::new(1, DEFAULT_CEILING);
        let rows: Vec<_> = (0..300).map(|device| table.ensure(device)).collect();
        let name = |number: usize| KeyIdentifier((number as u64).to_be_bytes());
        let mut identifiers = Identifiers::default();
        let mut places = Vec::new();
        for (number, row) in rows.iter().enumerate() {
            places.push(identifiers.replace(*row, Place::NONE, Some(name(number))));
        }
        for (number, (row, place)) in rows.iter().zip(&places).enumerate() {
            assert_eq!(identifiers.get(*row, *place), Some(name(number)));
            assert_eq!(*place == Place::OWN, number >= 254);
        }
        for (row, place) in rows.iter().zip(&places).skip(1) {
            let shared = identifiers.replace(*row, *place, Some(name(0)));
            assert_eq!(shared, places[0]);
        }
        assert!(identifiers.own.is_empty());
        let freed = identifiers.replace(rows[0], places[0], Some(name(999)));
        assert_ne!(freed, Place::OWN);
        assert_eq!(identifiers.get(rows[0], freed), Some(name(999)));
        assert_eq!(identifiers.get(rows[1], places[0]), Some(name(0)));
        assert_eq!(identifiers.get(rows[1], Place::NONE), None);
    }
}
