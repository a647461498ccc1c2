//! How a run of words is laid out: its header word, and where each kind of note stands.

use super::{IMPORTED_REQUESTS_KEPT, REQUESTS_KEPT};
use crate::cover::BLOCKS;
use crate::role::Role;

pub(super) const SUPPLIER_WORDS: usize = 6;
pub(super) const NOTE_WORDS: usize = 3;
pub(super) const VOID_WORDS: usize = 2;
/// Count of the inner blocks and shift, first and last number, then the inner blocks.
pub(super) const GROUP_WORDS: usize = 3 + INNER_BLOCKS;
/// All blocks but the outermost, which first and last number tell.
const INNER_BLOCKS: usize = BLOCKS - 2;

/// The groups of covers: up to the ceiling and above it, of the Network Operator, then Supplier.
pub(crate) const GROUPS: usize = 4;

/// Requests by (role, imported).
pub(crate) const KINDS: [(Role, bool); 4] = [
    (Role::NetworkOperator, false),
    (Role::NetworkOperator, true),
    (Role::Supplier, false),
    (Role::Supplier, true),
];

/// How many requests of a kind are remembered.
pub(crate) fn most_of(imported: bool) -> usize {
    if imported {
        IMPORTED_REQUESTS_KEPT
    } else {
        REQUESTS_KEPT
    }
}

/// How much of each kind a run of words holds; in the header, from the top: 32 bits for the row
/// that owns the notes, then these fields.
#[derive(Clone, Copy, Default)]
pub(super) struct Header {
    pub(super) supplier: bool,
    /// A bit for each group there is.
    pub(super) groups: usize,
    pub(super) messages: usize,
    /// In the order of [`KINDS`].
    pub(super) requests: [usize; 4],
    /// Which roles have a trail, in the order of [`Role::ALL`].
    pub(super) trails: [bool; 2],
    /// Damaged records that are named, at most [`VOIDS_KEPT`](super::VOIDS_KEPT).
    pub(super) voids: usize,
}

/// The half of the header word that is not the owner's.
pub(super) const HEADER_MASK: u64 = u32::MAX as u64;

/// How far each kind's count of requests is shifted; before them stand a bit for the Supplier role,
/// four for the groups, and four for the count of messages.
const COUNT_AT: [u32; 4] = [9, 14, 18, 23];
/// Behind them, a bit for each trail.
const TRAIL_AT: [u32; 2] = [27, 28];
/// The last three bits.
const VOIDS_AT: u32 = 29;
/// As many bits as 24 and 8 need.
const COUNT_MASK: [u64; 4] = [0x1f, 0xf, 0x1f, 0xf];

impl Header {
    pub(super) fn word(self) -> u64 {
        let mut word =
            u64::from(self.supplier) | (self.groups as u64) << 1 | (self.messages as u64) << 5;
        for (count, at) in self.requests.into_iter().zip(COUNT_AT) {
            word |= (count as u64) << at;
        }
        for (present, at) in self.trails.into_iter().zip(TRAIL_AT) {
            word |= u64::from(present) << at;
        }
        word | (self.voids as u64) << VOIDS_AT
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "fields have few bits")]
    pub(super) fn read(words: &[u64]) -> Self {
        let word = words.first().copied().unwrap_or_default();
        Self {
            supplier: word & 1 != 0,
            groups: (word >> 1 & 0xf) as usize,
            messages: (word >> 5 & 0xf) as usize,
            requests: [0, 1, 2, 3].map(|kind| (word >> COUNT_AT[kind] & COUNT_MASK[kind]) as usize),
            trails: TRAIL_AT.map(|at| word >> at & 1 == 1),
            voids: (word >> VOIDS_AT & 0b111) as usize,
        }
    }

    pub(super) fn groups_at(self) -> usize {
        1 + if self.supplier { SUPPLIER_WORDS } else { 0 }
    }

    pub(super) fn has_group(self, group: usize) -> bool {
        self.groups >> group & 1 == 1
    }

    pub(super) fn group_at(self, group: usize) -> usize {
        let before = self.groups & ((1 << group) - 1);
        self.groups_at() + before.count_ones() as usize * GROUP_WORDS
    }

    pub(super) fn messages_at(self) -> usize {
        self.group_at(GROUPS)
    }

    pub(super) fn requests_at(self) -> usize {
        self.messages_at() + self.messages * NOTE_WORDS
    }

    pub(super) fn kind_at(self, kind: usize) -> usize {
        let before = self.requests.iter().take(kind).sum::<usize>();
        self.requests_at() + before * NOTE_WORDS
    }

    pub(super) fn voids_at(self) -> usize {
        self.kind_at(KINDS.len())
    }

    /// Where the trails begin, which say themselves how long they are.
    pub(super) fn trails_at(self) -> usize {
        self.voids_at() + self.voids * VOID_WORDS
    }
}

/// Where the role's groups stand among all.
pub(super) fn groups_of(role: Role) -> [usize; 2] {
    match role {
        Role::NetworkOperator => [0, 1],
        Role::Supplier => [2, 3],
    }
}

/// The place in [`KINDS`].
pub(super) fn kind_of(role: Role, imported: bool) -> usize {
    let [first, _] = groups_of(role);
    first + usize::from(imported)
}
