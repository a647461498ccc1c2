//! Open addressing of row numbers, without keys, in many small tables.

use core::mem::size_of;

/// An index from hashes to row numbers; the caller holds the keys.
///
/// Five bytes an entry: the row number and eight bits of the hash, which keep all but one in 256
/// strangers from costing a look at their key. Each of [`SHARDS`] tables grows by itself and at its
/// own time, so that the pause of growing is not that of the whole. Tables are made of blocks of
/// one size that are never given back: whatever the allocator, growing leaves no holes behind.
#[derive(Clone, Debug)]
pub(crate) struct Shards {
    shards: Box<[Shard]>,
}

impl Shards {
    pub(crate) fn new() -> Self {
        Self {
            shards: vec![Shard::default(); SHARDS].into_boxed_slice(),
        }
    }

    /// The row of this hash for which `is_it` holds.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let shard = self.shards.get(shard_number(hash))?;
        let tag = tag(hash);
        let mut at = home(hash, shard.len());
        while let Some(entry) = shard.entry(at) {
            if entry.tag == tag && is_it(entry.row()) {
                return Some(entry.row());
            }
            if entry.tag == EMPTY {
                return None;
            }
            at = if at + 1 == shard.len() { 0 } else { at + 1 };
        }
        None
    }

    /// As [`Shards::find`] for each of up to [`GROUP`] hashes; `is_it` is told which one is meant.
    ///
    /// In three rounds, each of which has its memory fetched for the whole group at once.
    #[inline]
    pub(crate) fn find_group(
        &self,
        hashes: &[u64],
        is_it: impl Fn(usize, u32) -> bool,
        mut found: impl FnMut(Option<u32>),
    ) {
        let mut begins = [false; GROUP];
        for (begins, &hash) in begins.iter_mut().zip(hashes) {
            *begins = self.begins(hash);
        }
        let mut candidates = [None; GROUP];
        for ((candidate, &hash), begins) in candidates.iter_mut().zip(hashes).zip(begins) {
            *candidate = if begins {
                self.find(hash, |_| true)
            } else {
                None
            };
        }
        for ((which, &hash), candidate) in hashes.iter().enumerate().zip(candidates) {
            found(
                candidate
                    .filter(|&row| is_it(which, row))
                    .or_else(|| candidate.and_then(|_| self.find(hash, |row| is_it(which, row)))),
            );
        }
    }

    /// Whether anything stands where the search for `hash` begins: if not, nothing is found.
    fn begins(&self, hash: u64) -> bool {
        self.shards
            .get(shard_number(hash))
            .and_then(|shard| shard.entry(home(hash, shard.len())))
            .is_some_and(|entry| entry.tag != EMPTY)
    }

    /// Adds a row, which must not be there yet. `hash_of` hashes the key of an earlier row.
    pub(crate) fn insert(&mut self, hash: u64, row: u32, hash_of: impl Fn(u32) -> u64) {
        let number = shard_number(hash);
        let Some(shard) = self.shards.get_mut(number) else {
            return;
        };
        if (shard.used + 1) * MAX_LOAD.1 > shard.len() * MAX_LOAD.0 {
            shard.grow(number, hash_of);
        }
        shard.place(hash, row);
    }

    /// Adds rows that follow one another, none of which may be there yet, as [`Shards::insert`].
    pub(crate) fn insert_group(
        &mut self,
        hashes: &[u64],
        first_row: u32,
        hash_of: impl Fn(u32) -> u64,
    ) {
        // A look at all places before the first is written: they lie far apart, and are fetched
        // together this way.
        let taken = hashes.iter().filter(|&&hash| self.begins(hash)).count();
        core::hint::black_box(taken);
        for (row, &hash) in (first_row..).zip(hashes) {
            self.insert(hash, row, &hash_of);
        }
    }

    /// Makes room for so many rows at once, where there are none yet.
    pub(crate) fn reserve(&mut self, rows: usize) {
        // By the law of large numbers a table has hardly more than its share and four deviations.
        let share = rows / SHARDS;
        let entries = (share + 4 * share.isqrt() + 1) * MAX_LOAD.1 / MAX_LOAD.0;
        for shard in &mut self.shards {
            if shard.used == 0 && shard.len() < entries {
                let more = (entries - shard.len()).div_ceil(BLOCK);
                shard.extend(more);
            }
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let blocks: usize = self.shards.iter().map(|shard| shard.blocks.len()).sum();
        let pointers: usize = self
            .shards
            .iter()
            .map(|shard| shard.blocks.capacity())
            .sum();
        blocks * (size_of::<[Entry; BLOCK]>() + ALLOCATION)
            + pointers * size_of::<Box<[Entry; BLOCK]>>()
            + self.shards.len() * size_of::<Shard>()
    }
}

/// Searches that go on at the same time: about as many misses as a core has in flight.
pub(crate) const GROUP: usize = 16;

/// Tables an index: at 30 million devices each has 117,000 entries, laid out anew in some
/// milliseconds.
const SHARDS: usize = 1 << SHARD_BITS;
const SHARD_BITS: u32 = 8;

/// Entries a block: 2.5 kB, of which an index of few devices has one a table.
const BLOCK: usize = 512;

/// What glibc adds to an allocation of a block.
const ALLOCATION: usize = 16;

/// The share of entries in use at which a table grows; a search then meets five entries.
const MAX_LOAD: (usize, usize) = (17, 20);

const EMPTY: u8 = 0;

/// `tag` is [`EMPTY`] or eight bits of the hash. Bytes, because alignment would cost three more.
#[derive(Clone, Copy, Debug)]
struct Entry {
    tag: u8,
    row: [u8; 4],
}

impl Entry {
    const VACANT: Self = Self {
        tag: EMPTY,
        row: [0; 4],
    };

    fn row(self) -> u32 {
        u32::from_le_bytes(self.row)
    }
}

#[derive(Clone, Debug, Default)]
struct Shard {
    #[expect(
        clippy::vec_box,
        reason = "a growing list of blocks must not move or copy them"
    )]
    blocks: Vec<Box<[Entry; BLOCK]>>,
    used: usize,
}

impl Shard {
    fn len(&self) -> usize {
        self.blocks.len() * BLOCK
    }

    fn entry(&self, at: usize) -> Option<Entry> {
        self.blocks.get(at / BLOCK).map(|block| block[at % BLOCK])
    }

    fn place(&mut self, hash: u64, row: u32) {
        let len = self.len();
        let mut at = home(hash, len);
        while let Some(block) = self.blocks.get_mut(at / BLOCK) {
            let entry = &mut block[at % BLOCK];
            if entry.tag == EMPTY {
                *entry = Entry {
                    tag: tag(hash),
                    row: row.to_le_bytes(),
                };
                self.used += 1;
                return;
            }
            at = if at + 1 == len { 0 } else { at + 1 };
        }
    }

    fn extend(&mut self, blocks: usize) {
        self.blocks.reserve_exact(blocks);
        self.blocks
            .extend((0..blocks).map(|_| Box::new([Entry::VACANT; BLOCK])));
    }

    /// Grows by 16 to 24 in a hundred, each table at its own rate, so that their steps do not fall
    /// together although they fill evenly.
    fn grow(&mut self, number: usize, hash_of: impl Fn(u32) -> u64) {
        let entries = self.blocks.iter().flat_map(|block| block.iter());
        let rows: Vec<u32> = entries
            .filter(|entry| entry.tag != EMPTY)
            .map(|entry| entry.row())
            .collect();
        for block in &mut self.blocks {
            **block = [Entry::VACANT; BLOCK];
        }
        let more = (self.blocks.len() * (16 + number % 9) / 100).max(1);
        self.extend(more);
        self.used = 0;
        // A block of hashes at a time: the keys lie far apart, and are fetched together this way.
        for rows in rows.chunks(GROUP) {
            let mut hashes = [0; GROUP];
            for (hash, &row) in hashes.iter_mut().zip(rows) {
                *hash = hash_of(row);
            }
            for (&hash, &row) in hashes.iter().zip(rows) {
                self.place(hash, row);
            }
        }
    }
}

// Three disjoint parts of the hash: the top bits choose the table, the next 32 the place in it,
// the last eight are the tag.

fn shard_number(hash: u64) -> usize {
    (hash >> (64 - SHARD_BITS)) as usize
}

/// Maps 32 bits onto `0..len` by multiplication, which works for any length.
fn home(hash: u64, len: usize) -> usize {
    let bits = hash >> (32 - SHARD_BITS) & u64::from(u32::MAX);
    ((bits * len as u64) >> 32) as usize
}

fn tag(hash: u64) -> u8 {
    let [.., last] = hash.to_be_bytes();
    last.max(EMPTY + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bad hash on purpose: all in one table, few homes, one tag.
    fn crowded(key: u32) -> u64 {
        u64::from(key % 7) << 22
    }

    #[test]
    fn rows_of_equal_hash_are_told_apart_by_their_key() {
        let mut shards = Shards::new();
        for row in 0..5000 {
            assert_eq!(shards.find(crowded(row), |found| found == row), None);
            shards.insert(crowded(row), row, crowded);
        }
        for row in 0..5000 {
            assert_eq!(shards.find(crowded(row), |found| found == row), Some(row));
        }
        let hashes: Vec<u64> = (4990..5006).map(crowded).collect();
        let mut found = Vec::new();
        shards.find_group(
            &hashes,
            |which, row| row as usize == which + 4990,
            |row| found.push(row),
        );
        for (row, found) in (4990..5006).zip(found) {
            assert_eq!(found, (row < 5000).then_some(row));
        }
    }

    #[test]
    fn places_lie_within_the_table() {
        for len in [1, 40, 47, 1 << 20] {
            assert_eq!(home(0, len), 0);
            assert_eq!(home(u64::MAX, len), len - 1);
        }
        assert_eq!(tag(0), 1);
    }
}
