//! The cover against the set of numbers that it was made of.

use std::collections::BTreeSet;

use proptest::collection::btree_set;
use proptest::prelude::*;
use slotkeeper_counters::{Cover, CoverGroup, LAST_COUNTER};

const CEILING: u64 = 1 << 40;

/// Clusters and extremes, so that every shift is met.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0..64_u64,
        2 => (0..16_u64, 0..63_u32).prop_map(|(n, shift)| (1 << shift | n) & LAST_COUNTER),
        1 => CEILING - 2..=CEILING + 2,
        1 => LAST_COUNTER - 9..=LAST_COUNTER,
        1 => 0..=LAST_COUNTER,
    ]
}

fn numbers() -> impl Strategy<Value = BTreeSet<u64>> {
    btree_set(number(), 0..40)
}

fn cover_of(numbers: &BTreeSet<u64>) -> Cover {
    numbers.iter().fold(Cover::EMPTY, |cover, &number| {
        cover.union(&Cover::of(number, number, CEILING))
    })
}

/// The blocks by the definition: the least shift, tried one after the other.
fn blocks_of(numbers: &BTreeSet<u64>) -> Vec<(u64, u64)> {
    let (Some(&first), Some(&last)) = (numbers.first(), numbers.last()) else {
        return Vec::new();
    };
    let blocks = |shift: u32| -> Vec<u64> {
        let mut blocks: Vec<u64> = numbers.iter().map(|n| n >> shift).collect();
        blocks.dedup();
        blocks
    };
    let shift = (0..64)
        .find(|&shift| blocks(shift).len() <= 8)
        .unwrap_or_default();
    let cut = |block: u64| {
        let start = block << shift;
        (start.max(first), (start | ((1 << shift) - 1)).min(last))
    };
    blocks(shift).into_iter().map(cut).collect()
}

proptest! {
    #[test]
    fn it_depends_on_the_set_alone(numbers in numbers(), seed in any::<u64>()) {
        let (above, below): (BTreeSet<u64>, BTreeSet<u64>) =
            numbers.iter().copied().partition(|&number| number > CEILING);
        let expected = [blocks_of(&below), blocks_of(&above)].concat();
        let cover = cover_of(&numbers);
        prop_assert!(cover.blocks().eq(expected.iter().copied()));

        let mut shuffled: Vec<u64> = numbers.iter().chain(&numbers).copied().collect();
        shuffled.sort_by_key(|number| number.wrapping_add(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let again = shuffled.iter().fold(Cover::EMPTY, |cover, &number| {
            Cover::of(number, number, CEILING).union(&cover)
        });
        prop_assert_eq!(again, cover);
        prop_assert!(numbers.iter().all(|&number| cover.contains(number)));
        prop_assert_eq!(cover.last(), numbers.last().copied());
        prop_assert_eq!(cover.is_empty(), numbers.is_empty());
    }

    #[test]
    fn coarsening_commutes_with_union(one in numbers(), two in numbers(), three in numbers()) {
        let [a, b, c] = [&one, &two, &three].map(cover_of);
        prop_assert_eq!(a.union(&b), cover_of(&(&one | &two)));
        prop_assert_eq!(a.union(&b), b.union(&a));
        prop_assert_eq!(a.union(&b).union(&c), a.union(&b.union(&c)));
        prop_assert_eq!(a.union(&a), a);
        prop_assert_eq!(a.union(&Cover::EMPTY), a);
    }

    #[test]
    fn a_number_is_in_a_block_or_not_covered(numbers in numbers(), probe in number()) {
        let cover = cover_of(&numbers);
        let in_a_block = cover.blocks().any(|(first, last)| (first..=last).contains(&probe));
        prop_assert_eq!(cover.contains(probe), in_a_block);
    }

    /// As an import does, in any order.
    #[test]
    fn its_blocks_make_the_same_cover(numbers in numbers(), last_first in any::<bool>()) {
        let cover = cover_of(&numbers);
        let mut blocks: Vec<_> = cover.blocks().collect();
        if last_first {
            blocks.reverse();
        }
        let again = blocks.iter().fold(Cover::EMPTY, |again, &(first, last)| {
            again.union(&Cover::of(first, last, CEILING))
        });
        prop_assert_eq!(again, cover);
    }

    #[test]
    fn a_range_is_the_set_of_its_numbers(first in number(), length in 0..300_u64) {
        let last = first.saturating_add(length).min(LAST_COUNTER);
        prop_assert_eq!(Cover::of(first, last, CEILING), cover_of(&(first..=last).collect()));
    }
}

#[test]
fn what_is_no_range_of_used_numbers_covers_nothing() {
    assert_eq!(Cover::of(2, 1, CEILING), Cover::EMPTY);
    assert_eq!(Cover::of(0, LAST_COUNTER + 1, CEILING), Cover::EMPTY);
    assert_eq!(CoverGroup::of(0, LAST_COUNTER + 1), None);
    assert_eq!(CoverGroup::of(2, 1), None);
}

#[test]
fn all_numbers_there_are_make_eight_blocks() {
    let whole = Cover::of(0, LAST_COUNTER, LAST_COUNTER);
    assert_eq!(whole.blocks().count(), 8);
    assert!(whole.contains(0) && whole.contains(LAST_COUNTER));
    assert_eq!(whole.blocks().last(), Some((7 << 60, LAST_COUNTER)));
}
