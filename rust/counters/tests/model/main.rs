//! The laws, held against any interleaving of records, commands, commits, aborts, doubt and
//! restores.
//!
//! The model is a plain map that a reader can check by eye. Beside it, each allocated number is
//! held to the laws themselves, which know nothing of how the model chooses numbers.

mod role;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use slotkeeper_counters::{
    AllocationReason, AllocationRequest, Burned, CellImage, CellSource, CellUse, CounterOutOfRange,
    CounterTable, DeviceImage, DeviceView, LAST_COUNTER, Ledger, MESSAGES_KEPT, MessageNote,
    Observation, Occupant, RequestNote, RestoreOutcome, Role,
};

use self::role::RoleModel;

const CEILING: u64 = 1 << 62;

/// The originator of all requests.
const ORIGINATOR: u64 = 9;

#[derive(Clone, Debug)]
enum Step {
    Recorded(u64, Role, u64),
    Seen(u64, Role, u64),
    Reported(u64, Role, u64),
    /// All numbers from one on, so many.
    Block(u64, Role, u64, u64),
    /// A RequestID and the number of its command.
    Imported(u64, Role, u64, u64),
    Placed(u64, Role, CellUse, u8),
    Flagged(u64, u16),
    Message(u64, u8, bool),
    Allocate(u64, Role, Option<u64>),
    /// Many commands to one device.
    Burst(u64, Role, usize),
    Prefetch(Vec<u64>),
    Commit,
    Abort,
    /// The commit's fate is unknown to this process; the flag is what the store made of it.
    Doubt {
        committed: bool,
        order: u64,
    },
    /// Another table is restored from the changelog, as after a reassignment.
    Restore {
        order: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let device = || 0..4_u64;
    let role = || prop_oneof![Just(Role::NetworkOperator), Just(Role::Supplier)];
    let cell_use = prop_oneof![Just(CellUse::DigitalSignature), Just(CellUse::KeyAgreement)];
    prop_oneof![
        3 => (device(), role(), number()).prop_map(|(d, r, n)| Step::Recorded(d, r, n)),
        2 => (device(), role(), number()).prop_map(|(d, r, n)| Step::Seen(d, r, n)),
        2 => (device(), role(), number()).prop_map(|(d, r, n)| Step::Reported(d, r, n)),
        1 => (device(), role(), number(), 0..20_u64).prop_map(|(d, r, n, m)| Step::Block(d, r, n, m)),
        2 => (device(), role(), 0..30_u64, number()).prop_map(|(d, r, i, n)| Step::Imported(d, r, i, n)),
        1 => (device(), role(), cell_use, 1..4_u8).prop_map(|(d, r, u, o)| Step::Placed(d, r, u, o)),
        1 => (device(), any::<u16>()).prop_map(|(d, f)| Step::Flagged(d, f)),
        3 => (device(), 0..12_u8, any::<bool>()).prop_map(|(d, m, v)| Step::Message(d, m, v)),
        9 => (device(), role(), option::of(number())).prop_map(|(d, r, h)| Step::Allocate(d, r, h)),
        1 => (device(), role(), 1..40_usize).prop_map(|(d, r, n)| Step::Burst(d, r, n)),
        1 => vec(0..6_u64, 0..9).prop_map(Step::Prefetch),
        3 => Just(Step::Commit),
        2 => Just(Step::Abort),
        1 => (any::<bool>(), any::<u64>()).prop_map(|(c, o)| Step::Doubt { committed: c, order: o }),
        1 => any::<u64>().prop_map(|order| Step::Restore { order }),
    ]
}

/// Mostly small, so that numbers meet; rarely at a boundary, since marks never come down again.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        60 => 0..40_u64,
        1 => prop_oneof![Just(1 << 53), Just(CEILING), Just(CEILING + 1)],
        1 => LAST_COUNTER - 3..=LAST_COUNTER + 1,
        1 => Just(u64::MAX),
    ]
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Device {
    roles: BTreeMap<Role, RoleModel>,
    flags: u16,
    messages: VecDeque<MessageNote>,
    version: u32,
}

impl Device {
    fn requests(&self) -> impl Iterator<Item = &RequestNote> {
        self.roles.values().flat_map(|role| &role.requests)
    }
}

/// What the model and the real thing hold, and what the laws must remember of all that was ever
/// done.
struct World {
    committed: BTreeMap<u64, Device>,
    staged: BTreeMap<u64, Device>,
    changed: BTreeSet<u64>,
    changelog: Vec<Vec<u8>>,
    ledger: Ledger,
    /// Every number handed out in this process, whatever became of it.
    handed_out: BTreeMap<(u64, Role), u64>,
    pending: Vec<(u64, Role, u64)>,
    /// Numbers of committed commands, in the order of their commits.
    commands: BTreeMap<u64, Vec<(Role, u64)>>,
    /// How often a device was read.
    readings: u32,
}

impl World {
    fn new() -> Self {
        Self {
            committed: BTreeMap::new(),
            staged: BTreeMap::new(),
            changed: BTreeSet::new(),
            changelog: Vec::new(),
            ledger: Ledger::new(CounterTable::new(1, CEILING)),
            handed_out: BTreeMap::new(),
            pending: Vec::new(),
            commands: BTreeMap::new(),
            readings: 0,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Recorded(device, role, number) => {
                let mark = &mut self.role(device, role).recorded;
                let raised = Some(number) > *mark;
                *mark = (*mark).max(Some(number));
                let told = self.ledger.raise_recorded(device, role, number);
                self.expect_change(device, raised, told);
            }
            Step::Seen(device, role, number) => {
                let mark = &mut self.role(device, role).seen;
                let raised = Some(number) > *mark;
                *mark = (*mark).max(Some(number));
                let told = self.ledger.raise_seen(device, role, number);
                self.expect_change(device, raised, told);
            }
            Step::Reported(device, role, number) => self.report(device, role, number),
            Step::Block(device, role, first, more) => {
                self.block(device, role, first, first.saturating_add(more));
            }
            Step::Imported(device, role, id, issued) => self.import(device, role, id, issued),
            Step::Placed(device, role, cell_use, occupant) => {
                self.role(device, role).occupants.insert(cell_use, occupant);
                self.readings += 1;
                let seen = seen(occupant, self.readings);
                let told = self.ledger.observe(device, role, cell_use, &seen);
                self.expect_change(device, true, told);
            }
            Step::Flagged(device, flags) => {
                let changes = self.device(device).flags != flags;
                self.device(device).flags = flags;
                let told = self.ledger.set_flags(device, flags);
                self.expect_change(device, changes, told);
            }
            Step::Message(device, n, verified) => {
                let note = MessageNote {
                    identity: u64::from(n) << 8,
                    digest: [n; 15],
                    verified,
                };
                let messages = &mut self.device(device).messages;
                match messages
                    .iter_mut()
                    .find(|known| known.identity == note.identity)
                {
                    Some(known) => known.verified |= verified,
                    None => messages.push_back(note),
                }
                if messages.len() > MESSAGES_KEPT {
                    messages.pop_front();
                }
                self.ledger.remember_message(device, &note);
                self.changed.insert(device);
            }
            Step::Allocate(device, role, hint) => self.allocate(device, role, hint),
            Step::Burst(device, role, commands) => {
                for _ in 0..commands {
                    self.allocate(device, role, None);
                }
            }
            Step::Prefetch(devices) => {
                let rows = self.ledger.prefetch(&devices).to_vec();
                assert!(
                    rows.iter()
                        .zip(&devices)
                        .all(|(row, device)| *row == self.ledger.table().find(*device))
                );
            }
            Step::Commit => self.commit(),
            Step::Abort => {
                self.ledger.discard();
                self.forget_staged();
            }
            Step::Doubt { committed, order } => {
                if committed {
                    self.commit_in_the_store();
                }
                self.ledger.discard();
                self.forget_staged();
                self.restore(order);
            }
            Step::Restore { order } => {
                self.ledger.discard();
                self.forget_staged();
                self.restore(order);
            }
        }
    }

    fn report(&mut self, device: u64, role: Role, number: u64) {
        let told = self.ledger.note_reported(device, role, number);
        let expected = self.change_numbers(device, role, number, |model| {
            model.report(number);
        });
        self.expect_noted(device, expected, told);
    }

    fn block(&mut self, device: u64, role: Role, first: u64, last: u64) {
        let told = self.ledger.note_block(device, role, first, last);
        let expected = self.change_numbers(device, role, last, |model| {
            if first == last {
                model.report(first);
            }
            for number in first..=last {
                model.use_number(number);
                if first != last {
                    model.covered.insert(number);
                }
            }
        });
        self.expect_noted(device, expected, told);
    }

    fn import(&mut self, device: u64, role: Role, id: u64, issued: u64) {
        let told = self
            .ledger
            .note_imported_request(device, role, ORIGINATOR, id, issued);
        let is_known = self
            .device(device)
            .requests()
            .any(|note| note.request_counter == id);
        let expected = self.change_numbers(device, role, issued, |model| {
            if is_known {
                model.report(issued);
            } else {
                model.remember(RequestNote {
                    role,
                    imported: true,
                    issued,
                    originator: ORIGINATOR,
                    request_counter: id,
                });
            }
        });
        self.expect_noted(device, expected, told);
    }

    fn allocate(&mut self, device: u64, role: Role, hint: Option<u64>) {
        let before = self.device(device).clone();
        let burned = self.ledger.burned().clone();
        // No RequestID that an import tells of as well.
        let request_counter = 100 + self.handed_out.len() as u64 + self.pending.len() as u64;
        let request = AllocationRequest {
            hint,
            originator: ORIGINATOR,
            request_counter,
        };
        let allocated = self.ledger.allocate(device, role, request);
        let expected = expected(&before, &burned, device, role, hint);
        assert_eq!(
            allocated.map(|given| (given.counter, given.reason)).ok(),
            expected
        );
        let Ok(allocation) = allocated else {
            let without = expected_unburned(&before, device, role, hint);
            assert_eq!(
                allocated.map_err(|exhausted| exhausted.retryable),
                Err(without.is_some())
            );
            return;
        };
        let counter = allocation.counter;

        // Law 2: above all that was recorded or seen. Laws 1 and 4: above all that was ever handed
        // out for the role, and never the number of any command to the device.
        let marks = before.roles.get(&role).cloned().unwrap_or_default();
        assert!(Some(counter) > marks.recorded && Some(counter) > marks.seen);
        assert!(counter <= LAST_COUNTER);
        let last = self.handed_out.insert((device, role), counter);
        assert!(Some(counter) > last, "{counter} after {last:?}");
        let commands = self.commands.get(&device).into_iter().flatten();
        let pending = self.pending.iter().filter(|&&(to, ..)| to == device);
        let told = before.roles.values().flat_map(|role| &role.used).copied();
        let mut numbers = commands
            .map(|&(_, n)| n)
            .chain(pending.map(|&(_, _, n)| n))
            .chain(told);
        assert!(numbers.all(|number| number != counter), "{counter} twice");

        self.pending.push((device, role, counter));
        self.role(device, role).remember(RequestNote {
            role,
            imported: false,
            issued: counter,
            originator: ORIGINATOR,
            request_counter,
        });
        self.changed.insert(device);
    }

    fn commit(&mut self) {
        self.commit_in_the_store();
        self.ledger.fold();
        self.forget_staged();
    }

    fn commit_in_the_store(&mut self) {
        let changed: BTreeSet<u64> = self.ledger.changed().collect();
        assert_eq!(changed, self.changed);
        assert_eq!(
            self.ledger.changed().count(),
            changed.len(),
            "each device once"
        );
        for &device in &changed {
            self.device(device).version += 1;
            self.changelog.push(self.ledger.image(device).encode());
        }
        for (device, role, counter) in self.pending.drain(..) {
            self.commands
                .entry(device)
                .or_default()
                .push((role, counter));
        }
        self.committed = self.staged.clone();
    }

    fn forget_staged(&mut self) {
        assert!(!self.ledger.is_staged());
        self.staged = self.committed.clone();
        self.changed.clear();
        self.pending.clear();
    }

    /// A new table from all images, in any order, some of them twice.
    fn restore(&mut self, order: u64) {
        let mut images: Vec<&Vec<u8>> = self.changelog.iter().collect();
        images.extend(self.changelog.iter().step_by(3));
        let mut draw = order;
        for place in (1..images.len()).rev() {
            draw = draw
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(0x1405_7b7e_f767_814f);
            images.swap(
                place,
                usize::try_from(draw >> 33).unwrap_or(0) % (place + 1),
            );
        }
        *self.ledger.table_mut() = CounterTable::new(order, CEILING);
        for image in images {
            let image = DeviceImage::decode(image, CEILING);
            assert!(image.is_ok(), "a committed image cannot be read: {image:?}");
            let outcome = image.map(|image| self.ledger.table_mut().restore(&image));
            assert_ne!(outcome, Ok(RestoreOutcome::Diverged));
        }
    }

    fn check(&self) {
        for device in 0..6 {
            let staged = self.staged.get(&device).cloned().unwrap_or_default();
            self.assert_same(&self.ledger.device(device), &staged);
            let committed = self.committed.get(&device).cloned().unwrap_or_default();
            self.assert_same(&self.ledger.table().view(device), &committed);
        }
        if !self.ledger.is_staged() {
            let occupants = self
                .committed
                .values()
                .flat_map(|device| device.roles.values());
            let standing: BTreeSet<u8> = occupants
                .flat_map(|role| role.occupants.values().copied())
                .filter(|occupant| *occupant != 0)
                .collect();
            assert_eq!(self.ledger.table().occupants().len(), standing.len());
        }
        // Law 1: the committed commands of a device and role rise strictly.
        for commands in self.commands.values() {
            for role in Role::ALL {
                let of_role = commands.iter().filter(|&&(of, _)| of == role);
                assert!(of_role.is_sorted_by(|first, second| first.1 < second.1));
            }
        }
    }

    fn assert_same(&self, view: &DeviceView<'_>, model: &Device) {
        assert_eq!(view.flags(), model.flags);
        assert_eq!(view.version(), model.version);
        assert!(view.messages().eq(model.messages.iter().copied()));
        assert!(view.requests().eq(model.requests().copied()));
        for role in Role::ALL {
            let model = model.roles.get(&role).cloned().unwrap_or_default();
            let marks = view.marks(role);
            assert_eq!((marks.recorded, marks.seen), (model.recorded, model.seen));
            assert_eq!(marks.issued, model.issued);
            assert!(view.cover(role).blocks().eq(model.blocks()));
            assert!(model.used.iter().all(|&number| view.was_issued(number)));
            for cell_use in CellUse::ALL {
                let occupant = self
                    .ledger
                    .table()
                    .occupants()
                    .get(view.cell(role, cell_use).occupant);
                let expected = model.occupants.get(&cell_use).copied().filter(|&o| o != 0);
                assert_eq!(occupant, expected.map(occupant_of));
            }
        }
    }

    fn device(&mut self, device: u64) -> &mut Device {
        self.staged.entry(device).or_default()
    }

    fn role(&mut self, device: u64, role: Role) -> &mut RoleModel {
        self.device(device).roles.entry(role).or_default()
    }

    /// Changes the model if `highest` can have been issued; gives whether that made a difference,
    /// `None` if it cannot.
    fn change_numbers(
        &mut self,
        device: u64,
        role: Role,
        highest: u64,
        change: impl FnOnce(&mut RoleModel),
    ) -> Option<bool> {
        if highest > LAST_COUNTER {
            return None;
        }
        let model = self.role(device, role);
        let before = model.numbers();
        change(model);
        Some(model.numbers() != before)
    }

    fn expect_noted(
        &mut self,
        device: u64,
        expected: Option<bool>,
        told: Result<bool, CounterOutOfRange>,
    ) {
        assert_eq!(expected, told.ok());
        self.expect_change(device, expected == Some(true), told == Ok(true));
    }

    fn expect_change(&mut self, device: u64, expected: bool, told: bool) {
        assert_eq!(expected, told);
        if expected {
            self.changed.insert(device);
        }
    }
}

/// What a device reported at that time.
fn seen(occupant: u8, device_time: u32) -> Observation {
    Observation {
        seen: CellImage {
            occupant: Some(occupant_of(occupant)),
            device_time,
            verified: true,
            source: CellSource::ReadBack,
        },
        settles: None,
        is_newest: true,
        now: u32::MAX,
    }
}

fn occupant_of(number: u8) -> Occupant {
    Occupant {
        eui: u64::from(number),
        key_identifier: (number > 1).then_some([number; 8]),
    }
}

/// The number that the rule gives, by trying one after the other.
fn expected(
    device: &Device,
    burned: &Burned,
    eui: u64,
    role: Role,
    hint: Option<u64>,
) -> Option<(u64, AllocationReason)> {
    let marks = device.roles.get(&role).cloned().unwrap_or_default();
    let watermark = marks.recorded.max(marks.seen);
    let issued = marks.issued.max(burned.get(eui, role));
    let least = u128::from(watermark.max(issued).unwrap_or(0)) + 1;
    let hint = hint
        .map(u128::from)
        .filter(|&hint| least <= hint && hint <= u128::from(CEILING));
    let (mut counter, mut reason) = match hint {
        Some(hint) => (hint, AllocationReason::Natural),
        None if watermark.is_none() && issued.is_none() => (least, AllocationReason::Natural),
        None if watermark >= issued => (least, AllocationReason::WatermarkExceeded),
        None => (least, AllocationReason::IssuedExceeded),
    };
    let others = device.roles.iter().filter(|(of, _)| **of != role);
    let taken: Vec<(u64, u64)> = others
        .flat_map(|(_, other)| {
            let requests = other.requests.iter().map(|note| note.issued);
            let single = requests.chain(other.issued).map(|number| (number, number));
            single.chain(other.blocks())
        })
        .chain(
            Role::ALL
                .into_iter()
                .filter_map(|role| burned.get(eui, role))
                .map(|number| (number, number)),
        )
        .collect();
    while let Some((_, last)) = taken
        .iter()
        .find(|(first, last)| (u128::from(*first)..=u128::from(*last)).contains(&counter))
    {
        counter = u128::from(*last) + 1;
        reason = AllocationReason::IssuedExceeded;
    }
    let counter = u64::try_from(counter).ok()?;
    (counter <= LAST_COUNTER).then_some((counter, reason))
}

fn expected_unburned(
    device: &Device,
    eui: u64,
    role: Role,
    hint: Option<u64>,
) -> Option<(u64, AllocationReason)> {
    expected(device, &Burned::new(), eui, role, hint)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn laws_hold_in_any_interleaving(steps in vec(step(), 1..120)) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
            world.check();
        }
    }
}
