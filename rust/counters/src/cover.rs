//! Numbers that were used and are not remembered one by one.

use core::array;

use crate::role::LAST_COUNTER;

/// Blocks that a group has at most.
pub(crate) const BLOCKS: usize = 8;

/// The coarsest shift that a group needs: numbers of 63 bits lie in 8 blocks of 2^60.
pub(crate) const MOST_SHIFT: u32 = 60;

/// A set of numbers that contains at least those it was made of, in bounded memory.
///
/// It consists of aligned blocks of 2^s numbers, at most 8 of them, with the least s that allows
/// it; the first and the last block are cut at the first and the last number. It depends on the set
/// of numbers alone and not on their order, and a union of two groups is the group of both sets, so
/// that uniting is associative, commutative and idempotent.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CoverGroup {
    first: u64,
    last: u64,
    shift: u32,
    count: usize,
    /// The numbers of the blocks, rising; zero from `count` on.
    blocks: [u64; BLOCKS],
}

impl CoverGroup {
    /// The group of all numbers from `first` to `last`; `None` if that is no range of numbers up to
    /// 2^63-1.
    pub fn of(first: u64, last: u64) -> Option<Self> {
        if first > last || last > LAST_COUNTER {
            return None;
        }
        let mut shift = 0;
        while (last >> shift) - (first >> shift) >= BLOCKS as u64 {
            shift += 1;
        }
        let blocks = first >> shift..=last >> shift;
        Some(Self::laid_out(first, last, shift, blocks))
    }

    /// The group of both sets.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut shift = self.shift.max(other.shift);
        while self.merged(other, shift).count() > BLOCKS {
            shift += 1;
        }
        let (first, last) = (self.first.min(other.first), self.last.max(other.last));
        Self::laid_out(first, last, shift, self.merged(other, shift))
    }

    /// Whether `number` counts as used.
    pub fn contains(&self, number: u64) -> bool {
        (self.first..=self.last).contains(&number)
            && self.indexes().contains(&(number >> self.shift))
    }

    /// The lowest number.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The highest number.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The first and the last number of each block, in rising order.
    pub fn blocks(&self) -> impl Iterator<Item = (u64, u64)> {
        self.indexes().iter().map(|&block| self.block(block))
    }

    /// The first number from `number` on that is not in this group.
    pub(crate) fn first_free(&self, number: u64) -> u64 {
        if self.contains(number) {
            // At most 2^63. A neighbour of this block may be covered as well.
            self.first_free(self.block(number >> self.shift).1 + 1)
        } else {
            number
        }
    }

    /// Shift, first, last, and the numbers of the blocks between the first and the last one.
    pub(crate) fn parts(&self) -> (u32, u64, u64, &[u64]) {
        let inner = 1..self.count.saturating_sub(1).max(1);
        let inner = self.indexes().get(inner).unwrap_or_default();
        (self.shift, self.first, self.last, inner)
    }

    /// As [`CoverGroup::parts`] gave them; `None` for parts that no set of numbers has.
    pub(crate) fn from_parts(shift: u32, first: u64, last: u64, inner: &[u64]) -> Option<Self> {
        if first > last || last > LAST_COUNTER || shift > MOST_SHIFT || inner.len() > BLOCKS - 2 {
            return None;
        }
        let (lowest, highest) = (first >> shift, last >> shift);
        let blocks = inner
            .iter()
            .copied()
            .chain((highest > lowest).then_some(highest));
        let group = Self::laid_out(first, last, shift, core::iter::once(lowest).chain(blocks));
        let rising = group.indexes().is_sorted_by(|one, next| one < next);
        (rising && group.indexes().last() == Some(&highest) && group.needs_its_shift())
            .then_some(group)
    }

    /// Whether some set of numbers in these blocks has more than 8 blocks of half the size.
    fn needs_its_shift(&self) -> bool {
        let Some(finer) = self.shift.checked_sub(1) else {
            return true;
        };
        let halves = self
            .blocks()
            .map(|(first, last)| (last >> finer) - (first >> finer) + 1);
        halves.sum::<u64>() > BLOCKS as u64
    }

    fn laid_out(first: u64, last: u64, shift: u32, indexes: impl Iterator<Item = u64>) -> Self {
        let mut blocks = [0; BLOCKS];
        let mut count = 0;
        for (block, index) in blocks.iter_mut().zip(indexes) {
            *block = index;
            count += 1;
        }
        Self {
            first,
            last,
            shift,
            count,
            blocks,
        }
    }

    fn indexes(&self) -> &[u64] {
        self.blocks.get(..self.count).unwrap_or_default()
    }

    fn block(&self, index: u64) -> (u64, u64) {
        let start = index << self.shift;
        let end = start + ((1 << self.shift) - 1);
        (start.max(self.first), end.min(self.last))
    }

    /// The numbers of the blocks of both groups at a coarser shift, rising, each once.
    fn merged<'a>(&'a self, other: &'a Self, shift: u32) -> impl Iterator<Item = u64> + use<'a> {
        let coarse = |group: &'a Self| {
            let by = shift.saturating_sub(group.shift);
            group.indexes().iter().map(move |block| block >> by)
        };
        let mut one = coarse(self).peekable();
        let mut two = coarse(other).peekable();
        let mut told = None;
        core::iter::from_fn(move || {
            loop {
                let next = match (one.peek(), two.peek()) {
                    (Some(first), Some(second)) if second < first => two.next(),
                    (None, _) => two.next(),
                    _ => one.next(),
                };
                next?;
                if next != told {
                    told = next;
                    return next;
                }
            }
        })
    }
}

/// The used numbers of a (device, role) that are not remembered one by one: a group up to the
/// ceiling and a group above it, so that a number above the ceiling makes nothing below it coarser.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Cover {
    /// Up to the ceiling, then above it.
    groups: [Option<CoverGroup>; 2],
}

impl Cover {
    /// Covers nothing.
    pub const EMPTY: Self = Self { groups: [None; 2] };

    pub(crate) fn from_groups(groups: [Option<CoverGroup>; 2]) -> Self {
        Self { groups }
    }

    /// Covers the numbers from `first` to `last`, those above `ceiling` apart from the others.
    ///
    /// A range that is empty or ends beyond 2^63-1 is no range of used numbers: it covers nothing.
    pub fn of(first: u64, last: u64, ceiling: u64) -> Self {
        if first > last || last > LAST_COUNTER {
            return Self::EMPTY;
        }
        Self {
            groups: [
                CoverGroup::of(first, last.min(ceiling)),
                CoverGroup::of(first.max(ceiling.saturating_add(1)), last),
            ],
        }
    }

    /// What either covers, group by group.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let [below, above] = &self.groups;
        let [other_below, other_above] = &other.groups;
        let united = |one: &Option<CoverGroup>, other: &Option<CoverGroup>| match (one, other) {
            (Some(one), Some(other)) => Some(one.union(other)),
            (one, other) => one.or(*other),
        };
        Self {
            groups: [united(below, other_below), united(above, other_above)],
        }
    }

    /// Whether `number` counts as used.
    pub fn contains(&self, number: u64) -> bool {
        self.groups().any(|group| group.contains(number))
    }

    /// The first number from `number` on that is not covered.
    pub(crate) fn first_free(&self, number: u64) -> u64 {
        let mut free = number;
        loop {
            let next = self
                .groups()
                .fold(free, |free, group| group.first_free(free));
            // Where the ceiling was another one once, the groups may reach into each other.
            if next == free {
                return free;
            }
            free = next;
        }
    }

    /// Whether nothing is covered.
    pub fn is_empty(&self) -> bool {
        self.groups == [None; 2]
    }

    /// The highest number covered.
    pub fn last(&self) -> Option<u64> {
        self.groups().map(CoverGroup::last).max()
    }

    /// The first and the last number of each block, group by group.
    pub fn blocks(&self) -> impl Iterator<Item = (u64, u64)> {
        self.groups().flat_map(CoverGroup::blocks)
    }

    /// The groups there are: up to the ceiling, above it.
    pub fn groups(&self) -> impl Iterator<Item = &CoverGroup> {
        self.groups.iter().flatten()
    }

    /// The groups in their places.
    pub(crate) fn places(&self) -> [Option<&CoverGroup>; 2] {
        array::from_fn(|place| self.groups[place].as_ref())
    }
}
