//! Devices of which little is kept.

use core::hash::BuildHasher;
use core::ops::Range;

use foldhash::quality::FixedState;

use crate::RowId;
use crate::lane::Lane;
use crate::shards::{GROUP, Shards};

/// A set of EUI-64s that gives each one a row, in about 15 bytes a device.
///
/// With a [`Lane`] of two bytes beside it, it holds the devices of other types than GPF within
/// 24 bytes each.
#[derive(Clone, Debug)]
pub struct CompactIndex {
    hasher: FixedState,
    shards: Shards,
    euis: Lane<u64>,
    len: u32,
}

impl CompactIndex {
    /// An empty index. `seed` makes the hash of this process its own.
    pub fn new(seed: u64) -> Self {
        let hasher = FixedState::with_seed(seed);
        Self {
            hasher,
            shards: Shards::new(),
            euis: Lane::new(0),
            len: 0,
        }
    }

    /// The row of `device`, if it has one.
    pub fn find(&self, device: u64) -> Option<RowId> {
        let is_it = |row| *self.euis.get(RowId(row)) == device;
        self.shards
            .find(self.hasher.hash_one(device), is_it)
            .map(RowId)
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
                *hash = self.hasher.hash_one(device);
            }
            let is_it = |which: usize, row| group.get(which) == Some(self.euis.get(RowId(row)));
            let hashes = hashes.get(..group.len()).unwrap_or_default();
            self.shards
                .find_group(hashes, is_it, |row| rows.push(row.map(RowId)));
        }
    }

    /// The row of `device`, made if it has none.
    ///
    /// # Panics
    ///
    /// At the device after 2^32-1 others, which would need 60 GB before.
    pub fn ensure(&mut self, device: u64) -> RowId {
        if let Some(row) = self.find(device) {
            return row;
        }
        assert!(
            self.len < u32::MAX,
            "a CompactIndex numbers its rows with 32 bits"
        );
        let row = RowId(self.len);
        self.euis.set(row, device);
        let Self {
            hasher,
            shards,
            euis,
            ..
        } = self;
        shards.insert(hasher.hash_one(device), row.0, |row| {
            hasher.hash_one(*euis.get(RowId(row)))
        });
        self.len += 1;
        row
    }

    /// How many devices have a row.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether no device has a row.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Every device with its row, in the order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = (RowId, u64)> {
        self.range(0..self.len())
    }

    /// As [`CompactIndex::iter`], of the rows between the numbers given as far as there are such rows.
    pub fn range(&self, rows: Range<usize>) -> impl Iterator<Item = (RowId, u64)> {
        let row = |row| u32::try_from(row).unwrap_or(self.len).min(self.len);
        (row(rows.start)..row(rows.end)).map(|row| (RowId(row), *self.euis.get(RowId(row))))
    }

    /// Bytes held.
    pub fn memory_bytes(&self) -> usize {
        self.shards.memory_bytes() + self.euis.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_keeps_its_row() {
        let mut index = CompactIndex::new(1);
        for device in 0..1000 {
            let row = index.ensure(device * 7919);
            assert_eq!(row, index.ensure(device * 7919));
        }
        assert_eq!(index.len(), 1000);
        assert!(
            index
                .iter()
                .all(|(row, device)| index.find(device) == Some(row))
        );
        assert_eq!(index.find(1), None);
        let devices: Vec<u64> = (0..2000).map(|number| number * 7919 + number % 2).collect();
        let mut rows = Vec::new();
        index.find_many(&devices, &mut rows);
        let one_by_one: Vec<_> = devices.iter().map(|device| index.find(*device)).collect();
        assert_eq!(rows, one_by_one);
        assert_eq!(rows.iter().flatten().count(), 500);
    }

    #[test]
    fn other_devices_cost_at_most_24_bytes() {
        let mut index = CompactIndex::new(1);
        let mut status = Lane::new(0_u16);
        for device in 0..1_000_000_u64 {
            status.set(index.ensure(device.wrapping_mul(0x9e37_79b9_7f4a_7c15)), 1);
        }
        let bytes = index.memory_bytes() + status.memory_bytes();
        assert!(bytes <= 24 * 1_000_000, "{bytes}");
    }
}
