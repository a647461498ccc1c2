//! Numbers that were allocated and never became visible.

use std::collections::BTreeMap;

use crate::Role;

/// For each (device, role) the highest number that an aborted or doubtful batch had allocated.
///
/// It is kept for as long as the process lives, across restores and reassignments of the partition:
/// another allocation must not meet these numbers, although the table no longer knows them (D3, D7). A crash forgets them, which is safe: what was aborted is seen by no reader. For
/// the same reason the highest number is enough: it keeps the role's own numbers rising.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Burned {
    highest: BTreeMap<(u64, Role), u64>,
}

impl Burned {
    /// Nothing burned.
    pub const fn new() -> Self {
        Self {
            highest: BTreeMap::new(),
        }
    }

    /// The highest burned number of a (device, role).
    pub fn get(&self, device: u64, role: Role) -> Option<u64> {
        self.highest.get(&(device, role)).copied()
    }

    /// Burns `number` for a (device, role); a lower one than before changes nothing.
    pub(crate) fn add(&mut self, device: u64, role: Role, number: u64) {
        let highest = self.highest.entry((device, role)).or_insert(number);
        *highest = number.max(*highest);
    }

    /// How many (device, role) have a burned number.
    pub fn len(&self) -> usize {
        self.highest.len()
    }

    /// Whether nothing is burned.
    pub fn is_empty(&self) -> bool {
        self.highest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_of_each_role_stays() {
        let mut burned = Burned::new();
        burned.add(1, Role::NetworkOperator, 9);
        burned.add(1, Role::NetworkOperator, 4);
        burned.add(1, Role::Supplier, 5);
        assert_eq!(burned.get(1, Role::NetworkOperator), Some(9));
        assert_eq!(burned.get(1, Role::Supplier), Some(5));
        assert_eq!(burned.get(2, Role::Supplier), None);
        assert_eq!(burned.len(), 2);
    }
}
