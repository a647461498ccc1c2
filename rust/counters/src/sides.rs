//! The notes of those devices that have any.

use core::hash::BuildHasher;
use core::mem::size_of;

use foldhash::quality::FixedState;

use crate::RowId;
use crate::lane::Lane;
use crate::notes::{NotesView, owner, set_owner};
use crate::shards::Shards;

/// Notes by row: one boxed run of words each, found through an index of their own.
///
/// A lane of pointers beside the rows would be simpler, and would cost every device eight bytes as soon
/// as a few devices in each chunk have notes.
#[derive(Clone, Debug)]
pub(crate) struct Sides {
    hasher: FixedState,
    shards: Shards,
    runs: Lane<Box<[u64]>>,
    len: u32,
    run_bytes: usize,
}

impl Sides {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            hasher: FixedState::with_seed(seed),
            shards: Shards::new(),
            runs: Lane::new(Box::default()),
            len: 0,
            run_bytes: 0,
        }
    }

    pub(crate) fn get(&self, row: RowId) -> NotesView<'_> {
        self.place(row)
            .map_or_else(NotesView::default, |place| NotesView(self.runs.get(place)))
    }

    /// Replaces the notes of `row` by `words`, which become marked as that row's.
    pub(crate) fn put(&mut self, row: RowId, words: &mut [u64]) {
        set_owner(words, row.0);
        let place = self.place(row).unwrap_or_else(|| {
            let place = self.len;
            let Self {
                hasher,
                shards,
                runs,
                ..
            } = self;
            let hash_of = |place| hasher.hash_one(owner(runs.get(RowId(place))));
            shards.insert(hasher.hash_one(row.0), place, hash_of);
            // There are no more notes than rows, whose numbers have 32 bits.
            self.len += 1;
            RowId(place)
        });
        self.run_bytes -= allocated(self.runs.get(place).len());
        self.run_bytes += allocated(words.len());
        self.runs.set(place, Box::from(&*words));
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.shards.memory_bytes() + self.runs.memory_bytes() + self.run_bytes
    }

    fn place(&self, row: RowId) -> Option<RowId> {
        let is_it = |place| owner(self.runs.get(RowId(place))) == row.0;
        self.shards
            .find(self.hasher.hash_one(row.0), is_it)
            .map(RowId)
    }
}

/// What a run of words takes from the allocator: glibc adds eight bytes and rounds up to sixteen.
fn allocated(words: usize) -> usize {
    match words {
        0 => 0,
        words => (words * size_of::<u64>() + 8).next_multiple_of(16),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notes::{NotesEdit, RequestNote};

    #[test]
    fn each_row_has_its_own_notes() {
        let mut sides = Sides::new(1);
        let note = |n| RequestNote {
            originator: n,
            request_counter: n,
            issued: n,
        };
        for round in 0..2 {
            for row in (0..3000_u32).rev() {
                let mut words = sides.get(RowId(row)).0.to_vec();
                NotesEdit(&mut words).remember_request(&note(u64::from(row + round)));
                sides.put(RowId(row), &mut words);
            }
        }
        for row in 0..3000 {
            let expected = [note(u64::from(row)), note(u64::from(row + 1))];
            assert!(sides.get(RowId(row)).requests().eq(expected));
        }
        assert_eq!(sides.len, 3000);
        assert!(sides.get(RowId(3000)).0.is_empty());
    }
}
