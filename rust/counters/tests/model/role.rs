//! What the model keeps for one role of a device: exact sets, and the cover by its definition.

use std::collections::{BTreeMap, BTreeSet};

use slotkeeper_counters::{CellUse, IMPORTED_REQUESTS_KEPT, REQUESTS_KEPT, RequestNote};

use crate::CEILING;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RoleModel {
    pub(crate) recorded: Option<u64>,
    pub(crate) seen: Option<u64>,
    pub(crate) issued: Option<u64>,
    /// All numbers that a command ever had, as far as anybody told.
    pub(crate) used: BTreeSet<u64>,
    /// Those that were told alone, or whose request is not remembered any more.
    pub(crate) covered: BTreeSet<u64>,
    pub(crate) requests: BTreeSet<RequestNote>,
    pub(crate) occupants: BTreeMap<CellUse, u8>,
}

impl RoleModel {
    pub(crate) fn use_number(&mut self, number: u64) {
        self.issued = self.issued.max(Some(number));
        self.used.insert(number);
    }

    pub(crate) fn report(&mut self, number: u64) {
        self.use_number(number);
        if self.requests.iter().all(|note| note.issued != number) {
            self.covered.insert(number);
        }
    }

    pub(crate) fn remember(&mut self, note: RequestNote) {
        self.use_number(note.issued);
        self.requests.insert(note);
        let most = if note.imported {
            IMPORTED_REQUESTS_KEPT
        } else {
            REQUESTS_KEPT
        };
        let kind = |of: &&RequestNote| of.imported == note.imported;
        if self.requests.iter().filter(kind).count() > most
            && let Some(lowest) = self.requests.iter().find(kind).copied()
        {
            self.requests.remove(&lowest);
            self.covered.insert(lowest.issued);
        }
    }

    /// The blocks that count as used, by the definition: the least shift, tried one after another.
    pub(crate) fn blocks(&self) -> Vec<(u64, u64)> {
        let (below, above): (BTreeSet<u64>, BTreeSet<u64>) =
            self.covered.iter().partition(|&&number| number <= CEILING);
        [below, above].iter().flat_map(blocks_of).collect()
    }

    /// What tells whether anything about numbers changed.
    pub(crate) fn numbers(&self) -> (Option<u64>, Vec<(u64, u64)>, BTreeSet<RequestNote>) {
        (self.issued, self.blocks(), self.requests.clone())
    }
}

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
