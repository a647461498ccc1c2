//! The notes of those devices that have any.

use core::hash::BuildHasher;
use core::mem::size_of;

use foldhash::quality::FixedState;

use crate::RowId;
use crate::lane::Lane;
use crate::notes::{NotesView, owner, set_owner};
use crate::shards::Shards;

/// Where a row's notes stand in [`Sides`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct SideId(u32);

/// Notes by row: one boxed run of words each, found through an index of their own.
///
/// A lane of pointers beside the rows would be simpler, and would cost every device eight bytes as
/// soon as a few devices in each chunk have notes.
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

    /// Where the notes of `row` stand, if it has any.
    pub(crate) fn find(&self, row: RowId) -> Option<SideId> {
        let is_it = |side| owner(self.words(SideId(side))) == row.0;
        self.shards
            .find(self.hasher.hash_one(row.0), is_it)
            .map(SideId)
    }

    pub(crate) fn get(&self, side: SideId) -> NotesView<'_> {
        NotesView(self.words(side))
    }

    /// Gives `row` its first notes, which become marked as its own.
    pub(crate) fn add(&mut self, row: RowId, words: &mut Vec<u64>) {
        let side = SideId(self.len);
        // There are no more notes than rows, whose numbers have 32 bits.
        self.len += 1;
        self.replace(side, row, words);
        let Self {
            hasher,
            shards,
            runs,
            ..
        } = self;
        let hash_of = |side| hasher.hash_one(owner(runs.get(RowId(side))));
        shards.insert(hasher.hash_one(row.0), side.0, hash_of);
    }

    /// Replaces the notes of `row`, which stand at `side`.
    pub(crate) fn replace(&mut self, side: SideId, row: RowId, words: &mut Vec<u64>) {
        set_owner(words, row.0);
        self.run_bytes -= allocated(self.words(side).len());
        self.run_bytes += allocated(words.len());
        self.runs.set(RowId(side.0), Box::from(words.as_slice()));
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.shards.memory_bytes() + self.runs.memory_bytes() + self.run_bytes
    }

    fn words(&self, side: SideId) -> &[u64] {
        self.runs.get(RowId(side.0))
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
    use crate::Role;
    use crate::notes::{NotesEdit, RequestNote};

    #[test]
    fn each_row_has_its_own_notes() {
        let mut sides = Sides::new(1);
        let note = |n| RequestNote {
            role: Role::NetworkOperator,
            imported: false,
            originator: n,
            request_counter: n,
            issued: n,
        };
        for row in (0..3000_u32).rev() {
            let mut words = Vec::new();
            NotesEdit(&mut words).remember_request(&note(u64::from(row)));
            assert_eq!(sides.find(RowId(row)), None);
            sides.add(RowId(row), &mut words);
        }
        for row in 0..3000 {
            let side = sides.find(RowId(row)).unwrap();
            let mut words = sides.get(side).0.to_vec();
            NotesEdit(&mut words).remember_request(&note(u64::from(row + 1)));
            sides.replace(side, RowId(row), &mut words);
        }
        for row in 0..3000 {
            let side = sides.find(RowId(row)).unwrap();
            let expected = [note(u64::from(row)), note(u64::from(row + 1))];
            assert!(sides.get(side).requests().eq(expected));
        }
        assert_eq!(sides.len, 3000);
        assert_eq!(sides.find(RowId(3000)), None);
    }
}
