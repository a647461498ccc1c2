//! Whatever is asked, reported or imported: a device's record stays small, the other role can go
//! on, and no number is given out that was ever used.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use slotkeeper_counters::{
    AllocationRequest, CellImage, CellSource, CellUse, CounterTable, DEFAULT_CEILING, DeviceImage,
    Due, LAST_COUNTER, Ledger, Link, MessageNote, Observation, Occupant, Pending, Role,
    Step as SlotStep,
};

const GPF: u64 = 0x0011_2233_4455_6677;
const NO: Role = Role::NetworkOperator;
const CEILING: u64 = DEFAULT_CEILING;

/// A changelog record of one device is shorter than this, whatever was asked of it.
const IMAGE_LIMIT: usize = 2_500;

#[derive(Clone, Copy, Debug)]
enum Step {
    Allocate(Role, Option<u64>),
    Report(Role, u64),
    Block(Role, u64, u64),
    Import(Role, u64),
    Floor(Role, u64),
    Seen(Role, u64),
    Message(u8),
    /// A message told that both cells went from one certificate to another.
    Told(Role, u16, u8, u8),
    /// A command of that number leads from one to another.
    Sent(Role, u64, u8, u8),
    /// Both cells were read.
    Read(Role, u64, u8),
    Commit,
    Abort,
    /// From records in any order and number, the newest among them.
    Restore(u64),
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(NO), Just(Role::Supplier)]
}

/// Dense, spread over all magnitudes, and at both ends of what is plausible.
fn plausible() -> impl Strategy<Value = u64> {
    prop_oneof![
        6 => 0..200_u64,
        3 => (0..62_u32, 0..9_u64).prop_map(|(shift, n)| (1 << shift) + n),
        2 => 0..=CEILING,
        1 => CEILING - 40..=CEILING,
    ]
}

/// Numbers above the ceiling that are reported, as far from it that no command comes to them.
const REPORTED_ABOVE: u64 = CEILING + 1_000;

/// What a device, or two persons, may report besides.
fn above() -> impl Strategy<Value = u64> {
    prop_oneof![
        REPORTED_ABOVE..=LAST_COUNTER,
        Just(LAST_COUNTER),
        Just(REPORTED_ABOVE)
    ]
}

/// `others` are numbers of what comes from outside.
fn step(others: BoxedStrategy<u64>) -> impl Strategy<Value = Step> {
    let told = others.clone();
    prop_oneof![
        14 => (role(), option::of(plausible())).prop_map(|(r, hint)| Step::Allocate(r, hint)),
        4 => (role(), others.clone()).prop_map(|(r, n)| Step::Report(r, n)),
        1 => (role(), plausible(), 0..400_u64).prop_map(|(r, n, m)| Step::Block(r, n, n + m)),
        4 => (role(), others).prop_map(|(r, n)| Step::Import(r, n)),
        1 => (role(), plausible()).prop_map(|(r, n)| Step::Floor(r, n)),
        1 => (role(), told).prop_map(|(r, n)| Step::Seen(r, n)),
        1 => any::<u8>().prop_map(Step::Message),
        5 => Just(Step::Commit),
        1 => Just(Step::Abort),
        1 => any::<u64>().prop_map(Step::Restore),
    ]
}

/// What messages, commands and readings tell of the slots, besides.
fn slots() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (role(), 0..400_u16, any::<u8>(), any::<u8>())
            .prop_map(|(role, n, from, to)| Step::Told(role, n, from, to)),
        2 => (role(), plausible(), any::<u8>(), any::<u8>())
            .prop_map(|(role, n, from, to)| Step::Sent(role, n, from, to)),
        1 => (role(), plausible(), any::<u8>()).prop_map(|(role, n, by)| Step::Read(role, n, by)),
    ]
}

fn holder(which: u8) -> Occupant {
    Occupant {
        eui: u64::from(which),
        key_identifier: Some([which; 8]),
    }
}

fn steps_of(from: u8, to: u8) -> [Option<SlotStep>; 2] {
    let step = SlotStep {
        existing: holder(from),
        replacing: holder(to),
    };
    [Some(step); 2]
}

/// One device, and every number that was ever used for it.
struct World {
    ledger: Ledger,
    changelog: Vec<Vec<u8>>,
    /// Committed, by role.
    used: [BTreeSet<u64>; 2],
    staged: [BTreeSet<u64>; 2],
    requests: u64,
}

impl World {
    fn new() -> Self {
        Self {
            ledger: Ledger::new(CounterTable::new(1, CEILING)),
            changelog: Vec::new(),
            used: Default::default(),
            staged: Default::default(),
            requests: 0,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Allocate(role, hint) => drop(self.allocate(role, hint)),
            Step::Report(role, number) => {
                assert!(self.ledger.note_reported(GPF, role, number).is_ok());
                self.staged[place(role)].insert(number);
            }
            Step::Block(role, first, last) => {
                let last = last.min(CEILING);
                assert!(self.ledger.note_block(GPF, role, first, last).is_ok());
                self.staged[place(role)].extend(first..=last);
            }
            Step::Import(role, number) => {
                self.requests += 1;
                let ledger = &mut self.ledger;
                let noted = ledger.note_imported_request(GPF, role, 8, self.requests, number);
                assert!(noted.is_ok());
                self.staged[place(role)].insert(number);
            }
            Step::Floor(role, number) => {
                assert!(self.ledger.raise_issued(GPF, role, number).is_ok());
            }
            Step::Seen(role, number) => {
                self.ledger.raise_seen(GPF, role, number);
            }
            Step::Message(n) => self.ledger.remember_message(
                GPF,
                &MessageNote {
                    identity: u64::from(n),
                    digest: [n; 15],
                    verified: true,
                },
            ),
            Step::Told(role, n, from, to) => {
                let link = Link {
                    message: MessageNote {
                        identity: 1_000 + u64::from(n),
                        digest: [n.to_be_bytes()[1]; 15],
                        verified: true,
                    },
                    number: u64::from(n),
                    device_time: 1_700_000_000 + u32::from(n),
                    source: CellSource::Outcome,
                    steps: steps_of(from, to),
                };
                self.ledger.tell(GPF, role, &link);
            }
            Step::Sent(role, number, from, to) => {
                let pending = Pending {
                    number,
                    steps: steps_of(from, to),
                    due: Due::AtOnce,
                };
                self.ledger.expect(GPF, role, pending);
            }
            Step::Read(role, number, by) => {
                for cell in CellUse::ALL {
                    let observation = Observation {
                        seen: CellImage {
                            occupant: Some(holder(by)),
                            device_time: 0,
                            verified: true,
                            source: CellSource::ReadBack,
                        },
                        settles: Some(number),
                        is_newest: true,
                        now: 1_800_000_000,
                    };
                    self.ledger.observe(GPF, role, cell, &observation);
                }
            }
            Step::Commit => self.commit(),
            Step::Abort => {
                self.ledger.discard();
                self.staged = Default::default();
            }
            Step::Restore(order) => self.restore(order),
        }
    }

    /// What was allocated, held against the exact set of all numbers that were used.
    fn allocate(&mut self, role: Role, hint: Option<u64>) -> Option<u64> {
        self.requests += 1;
        let request = AllocationRequest {
            hint,
            originator: 9,
            request_counter: self.requests,
        };
        let counter = self.ledger.allocate(GPF, role, request).ok()?.counter;
        for used in self.used.iter().chain(&self.staged) {
            assert!(!used.contains(&counter), "{counter} was used before");
        }
        self.staged[place(role)].insert(counter);
        Some(counter)
    }

    fn commit(&mut self) {
        if self.ledger.changed().count() > 0 {
            let image = self.ledger.image(GPF).encode();
            assert!(image.len() < IMAGE_LIMIT, "{} octets", image.len());
            self.changelog.push(image);
        }
        self.ledger.fold();
        for (used, staged) in self.used.iter_mut().zip(&mut self.staged) {
            used.append(staged);
        }
    }

    fn restore(&mut self, order: u64) {
        let before = self.ledger.table().image(GPF);
        *self.ledger.table_mut() = CounterTable::new(order, CEILING);
        self.staged = Default::default();
        let newest = self.changelog.len().checked_sub(1);
        let mut kept: Vec<usize> = (0..self.changelog.len())
            .filter(|&which| Some(which) == newest || !mixed(order, which).is_multiple_of(3))
            .collect();
        kept.sort_by_key(|&which| mixed(order + 1, which));
        for which in kept {
            let image = DeviceImage::decode(&self.changelog[which], CEILING);
            let outcome = image.map(|image| self.ledger.table_mut().restore(&image));
            assert!(
                outcome.is_ok(),
                "a committed record cannot be read: {outcome:?}"
            );
        }
        let restored = self.ledger.table().image(GPF);
        assert_eq!(
            restored,
            DeviceImage {
                device: GPF,
                ..before
            }
        );
    }

    /// The highest number below `end` that was used for a role.
    fn highest_below(&self, role: Role, end: u64) -> u64 {
        let used = [&self.used, &self.staged].map(|of| &of[place(role)]);
        let below = used.into_iter().flat_map(|of| of.range(..end));
        below.max().copied().unwrap_or(0)
    }
}

fn place(role: Role) -> usize {
    usize::from(role == Role::Supplier)
}

fn mixed(order: u64, which: usize) -> u64 {
    (order ^ which as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 7
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn no_number_is_given_out_twice(
        steps in vec(
            prop_oneof![
                step(prop_oneof![9 => plausible(), 1 => above()].boxed()),
                slots(),
            ],
            1..250,
        ),
    ) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        world.commit();
        for role in Role::ALL {
            for _ in 0..40 {
                world.allocate(role, None);
            }
        }
    }

    /// Stores that went different ways, as an import or a copy may bring them together.
    #[test]
    fn records_of_different_histories_unite_in_any_order(
        histories in vec(vec(step(plausible().boxed()), 1..60), 3),
    ) {
        let worlds: Vec<World> = histories
            .into_iter()
            .map(|steps| {
                let mut world = World::new();
                for step in steps {
                    world.take(step);
                }
                world.commit();
                world
            })
            .collect();
        let united = |order: [usize; 4]| {
            let mut table = CounterTable::new(1, CEILING);
            for which in order {
                table.restore(&worlds[which].ledger.table().image(GPF));
            }
            table
        };
        let orders = [[0, 1, 2, 2], [2, 1, 0, 1], [1, 0, 2, 0], [1, 2, 0, 2], [0, 2, 1, 1]];
        let [first, others @ ..] = orders.map(united);
        for other in others {
            prop_assert_eq!(other.image(GPF), first.image(GPF));
        }
        prop_assert!(first.image(GPF).encode().len() < IMAGE_LIMIT);
        let mut used = worlds.iter().flat_map(|world| &world.used).flatten();
        prop_assert!(used.all(|&number| first.view(GPF).was_issued(number)));
    }

    /// Requests and reports of one role alone, and then the other one.
    #[test]
    fn no_history_of_a_role_lifts_the_other_one_beyond_it(
        steps in vec(step(prop_oneof![9 => plausible(), 1 => above()].boxed()), 1..200),
        hint in option::of(plausible()),
    ) {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Allocate(Role::Supplier, _)
                | Step::Report(Role::Supplier, _)
                | Step::Block(Role::Supplier, ..)
                | Step::Import(Role::Supplier, _)
                | Step::Floor(Role::Supplier, _)
                | Step::Seen(Role::Supplier, _) => {}
                step => world.take(step),
            }
        }
        let wanted = hint.unwrap_or(1).max(1);
        let floor = world.ledger.device(GPF).marks(NO).issued.unwrap_or(0);
        // Commands follow one another beyond the ceiling, once one of them has reached it.
        let highest = world.highest_below(NO, REPORTED_ABOVE);
        // Then a device itself, or two persons, can make it a group with all numbers above.
        prop_assume!(highest <= CEILING || world.highest_below(NO, u64::MAX) == highest);
        let counter = world.allocate(Role::Supplier, hint);
        prop_assert!(counter.is_some(), "exhausted");
        let limit = wanted.max(highest) + 1;
        // A floor is taken as well, where a number meets it.
        let limit = if limit == floor { limit + 1 } else { limit };
        prop_assert!(counter <= Some(limit), "{counter:?} of {wanted} above {limit}");
        let more = (0..50).filter_map(|_| world.allocate(Role::Supplier, None));
        prop_assert_eq!(more.count(), 50);
    }
}

#[test]
fn a_quarter_of_a_million_reported_numbers_leave_a_small_record() {
    for distance in [1, 2, 1_000, 1 << 43] {
        let mut world = World::new();
        world.allocate(NO, Some(7)).unwrap();
        for n in 1..=262_000 {
            world.take(Step::Report(NO, 10 + n * distance));
        }
        world.commit();
        let image = world.changelog.last().unwrap();
        assert!(image.len() < 300, "{} octets", image.len());
        world.restore(5);
        let last = 10 + 262_000 * distance;
        assert_eq!(world.ledger.device(GPF).marks(NO).issued, Some(last));
        assert_eq!(world.allocate(Role::Supplier, Some(last)), Some(last + 1));
        assert_eq!(world.allocate(Role::Supplier, Some(9)), Some(last + 2));
    }
}

#[test]
fn the_fullest_record_there_is_fits() {
    let mut world = World::new();
    for n in 0..100 {
        world.take(Step::Message(n));
    }
    for role in Role::ALL {
        for n in 0..60 {
            world.allocate(role, Some((1 << 40) + n * n)).unwrap();
            world.take(Step::Import(role, (1 << 30) + 3 * n * n));
            world.take(Step::Report(role, CEILING + 1_000 + n * n * n));
            world.take(Step::Seen(role, n));
            world.ledger.raise_recorded(GPF, role, n);
        }
    }
    world.commit();
    let image = world.ledger.table().image(GPF);
    assert_eq!(image.requests.len(), 64);
    assert!(
        image
            .covers
            .iter()
            .all(|(_, cover)| cover.groups().count() == 2)
    );
    assert!(image.encode().len() > 2_000, "a case that is hard enough");
}

#[test]
fn an_import_does_not_forget_the_requests_answered_here() {
    let mut world = World::new();
    let live: Vec<u64> = (0..24).map(|_| world.allocate(NO, None).unwrap()).collect();
    for n in 0..64 {
        world.take(Step::Import(NO, 1_000 + n));
    }
    let view = world.ledger.device(GPF);
    let (imported, here): (Vec<_>, Vec<_>) = view.requests().partition(|note| note.imported);
    assert!(here.iter().map(|note| note.issued).eq(live));
    assert!(imported.iter().map(|note| note.issued).eq(1_056..1_064));
    assert!((1_000..1_064).all(|number| view.was_issued(number)));
}

/// As the release before wrote it: 73 requests and imports for both roles, one above the ceiling.
#[test]
fn a_record_of_format_1_is_read_and_nothing_that_it_knew_is_given_out() {
    let octets = hex::decode(include_str!("data/device-format-1.hex").trim()).unwrap();
    let image = DeviceImage::decode(&octets, CEILING).unwrap();
    assert_eq!(image.requests.len(), 48);
    assert!(image.encode().len() < octets.len());
    let again = DeviceImage::decode(&image.encode(), CEILING);
    assert_eq!(again.as_ref(), Ok(&image));

    let mut table = CounterTable::new(1, CEILING);
    table.restore(&image);
    assert_eq!(table.image(GPF), image);
    let supplier = 1_700_000_100_000..=1_700_000_129_000;
    let known: Vec<u64> = [5, 6, 7, 950, 1_207, 1_000_000, 1_800_000_000_000]
        .into_iter()
        .chain(1_202..=1_235)
        .chain((1_238..=1_273).step_by(7))
        .chain((1 << 62) + 9..=(1 << 62) + 12)
        .chain(supplier.step_by(1_000))
        .collect();
    for &number in &known {
        assert!(table.view(GPF).was_issued(number), "{number}");
        for role in Role::ALL {
            let mut ledger = Ledger::new(table.clone());
            let request = AllocationRequest {
                hint: Some(number),
                originator: 9,
                request_counter: 1,
            };
            let given = ledger.allocate(GPF, role, request).unwrap().counter;
            assert!(!known.contains(&given), "{given} again");
        }
    }
    let remembered = |originator, request_counter| {
        let note = table.view(GPF).find_request(originator, request_counter);
        note.map(|note| (note.role, note.issued))
    };
    let first = 0x90b3_d51f_3001_0000;
    assert_eq!(remembered(first, 201), Some((NO, (1 << 62) + 11)));
    let last_of_supplier = Some((Role::Supplier, 1_700_000_129_000));
    assert_eq!(remembered(first, 129), last_of_supplier);
}

/// A device, or whoever may write unsigned messages, tells of one role's cells without end.
#[test]
fn no_history_of_a_role_takes_the_other_ones_trail() {
    for (role, other) in [(Role::Supplier, NO), (NO, Role::Supplier)] {
        let mut world = World::new();
        for n in 0..100 {
            world.take(Step::Message(n));
            for of in Role::ALL {
                world
                    .allocate(of, Some((1 << 40) + u64::from(n) * 3))
                    .unwrap();
                world.take(Step::Import(of, (1 << 30) + 3 * u64::from(n)));
                world.take(Step::Report(of, CEILING + 1_000 + u64::from(n)));
            }
        }
        for n in 0..200_u8 {
            world.take(Step::Told(role, u16::from(n), n, n + 1));
        }
        world.commit();
        world.take(Step::Told(other, 300, 1, 2));
        world.take(Step::Sent(other, 400, 2, 3));
        world.commit();
        let trail = &world.ledger.image(GPF).trails[place(other)];
        assert_eq!((trail.links.len(), trail.pending.len()), (1, 1));
        for n in 0..3 {
            world.take(Step::Read(other, 1 << 20 | n, 9));
            world.take(Step::Read(role, 1 << 20 | n, 8));
            world.commit();
        }
    }
}

#[test]
fn a_command_to_a_role_of_which_nothing_is_known_is_restored() {
    let mut world = World::new();
    world.take(Step::Sent(Role::Supplier, 7, 1, 2));
    world.commit();
    world.restore(1);
    assert_eq!(world.ledger.image(GPF).trails[1].pending.len(), 1);
}
