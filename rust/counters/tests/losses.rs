//! D5: numbers of commits that were lost are not given out again, once an operator has let the partition go on.

#![expect(clippy::expect_used, reason = "a test")]

use std::collections::HashSet;

use slotkeeper_counters::{
    AllocationRequest, CounterTable, DEFAULT_CEILING, DeviceImage, Ledger, Role,
};

const GPF: u64 = 0x0011_2233_4455_6677;
const STORES: u64 = 5_000;
const LOSSES: u32 = 3;

/// From one natural number to the next: so far apart that none meets a margin by chance.
const STEP: u64 = 1 << 30;

/// SplitMix64, so that a store is drawn again by its number.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut drawn = self.0;
        drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (drawn ^ (drawn >> 31)) % end
    }
}

/// A store of one device: what each commit left of it, and every number that a reader has seen.
struct Store {
    draw: Draw,
    commits: Vec<Vec<u8>>,
    losses: u32,
    given: HashSet<u64>,
    /// Requests with natural hints, whose commands may be lost.
    asked: Vec<(Role, u64)>,
    requests: u64,
    natural: u64,
}

impl Store {
    fn of(number: u64) -> Self {
        let mut draw = Draw(number);
        Self {
            natural: 1 + draw.below(1 << 40),
            draw,
            commits: Vec::new(),
            losses: 0,
            given: HashSet::new(),
            asked: Vec::new(),
            requests: 0,
        }
    }

    /// A worker starts from what is left, and commits some batches.
    fn serve(&mut self) {
        let mut ledger = Ledger::new(CounterTable::new(3, DEFAULT_CEILING));
        if let Some(last) = self.commits.last() {
            let image = DeviceImage::decode(last, DEFAULT_CEILING).expect("as it was encoded");
            ledger.table_mut().restore(&image);
        }
        ledger.set_rollbacks(self.losses);
        for _ in 0..=self.draw.below(4) {
            for _ in 0..=self.draw.below(3) {
                self.event(&mut ledger);
            }
            self.commits.push(ledger.image(GPF).encode());
            ledger.fold();
        }
    }

    fn event(&mut self, ledger: &mut Ledger) {
        let role = Role::ALL[usize::from(self.draw.below(4) == 0)];
        self.natural += 1 + self.draw.below(STEP);
        if self.draw.below(4) == 0 {
            ledger.raise_recorded(GPF, role, self.natural);
            return;
        }
        let hint = match self.draw.below(4) {
            0 | 1 => self.natural,
            2 => 1,
            _ => return self.ask_again(ledger),
        };
        if hint == self.natural {
            self.asked.push((role, hint));
        }
        self.ask(ledger, role, hint);
    }

    /// A request comes once more with its old hint, as one whose command is lost does.
    fn ask_again(&mut self, ledger: &mut Ledger) {
        if self.asked.is_empty() {
            return;
        }
        let place = self.draw.below(self.asked.len() as u64);
        let (role, hint) = self.asked[usize::try_from(place).expect("a few")];
        self.ask(ledger, role, hint);
    }

    fn ask(&mut self, ledger: &mut Ledger, role: Role, hint: u64) {
        self.requests += 1;
        let request = AllocationRequest {
            hint: Some(hint),
            originator: 9,
            request_counter: self.requests,
        };
        let given = ledger
            .allocate(GPF, role, request)
            .expect("far below the last")
            .counter;
        assert!(self.given.insert(given), "{given} was given before");
    }

    /// Some of the last commits are gone, and an operator lets the partition go on.
    fn lose(&mut self) {
        let kept = self.draw.below(self.commits.len() as u64 + 1);
        self.commits.truncate(usize::try_from(kept).expect("a few"));
        self.losses += 1;
    }
}

#[test]
fn d05_an_acknowledged_loss_gives_no_number_twice() {
    for number in 0..STORES {
        let mut store = Store::of(number);
        store.serve();
        for _ in 0..LOSSES {
            store.lose();
            store.serve();
        }
    }
}
