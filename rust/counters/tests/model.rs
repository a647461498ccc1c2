//! The laws, held against any interleaving of records, commands, commits, aborts, doubt and
//! restores.
//!
//! The model is a plain map that a reader can check by eye. Beside it, each allocated number is
//! held to the laws themselves, which know nothing of how the model chooses numbers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use slotkeeper_counters::{
    AllocationReason, AllocationRequest, Burned, Cell, CellSource, CellUse, CounterTable,
    DeviceImage, DeviceView, LAST_COUNTER, Ledger, MESSAGES_KEPT, MessageNote, Occupant,
    REQUESTS_KEPT, RequestNote, RestoreOutcome, Role,
};

const CEILING: u64 = 1 << 62;

#[derive(Clone, Debug)]
enum Step {
    Recorded(u64, Role, u64),
    Seen(u64, Role, u64),
    Imported(u64, Role, u64),
    Placed(u64, Role, CellUse, u8),
    Flagged(u64, u16),
    Message(u64, u8, bool),
    /// Allocates and, as the engine does, remembers the request.
    Allocate(u64, Role, Option<u64>),
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
        2 => (device(), role(), number()).prop_map(|(d, r, n)| Step::Imported(d, r, n)),
        1 => (device(), role(), cell_use, 0..4_u8).prop_map(|(d, r, u, o)| Step::Placed(d, r, u, o)),
        1 => (device(), any::<u16>()).prop_map(|(d, f)| Step::Flagged(d, f)),
        3 => (device(), 0..12_u8, any::<bool>()).prop_map(|(d, m, v)| Step::Message(d, m, v)),
        9 => (device(), role(), option::of(number())).prop_map(|(d, r, h)| Step::Allocate(d, r, h)),
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
    requests: VecDeque<RequestNote>,
    version: u32,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct RoleModel {
    recorded: Option<u64>,
    seen: Option<u64>,
    issued: BTreeSet<u64>,
    occupants: BTreeMap<CellUse, u8>,
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
}

impl World {
    fn new() -> Self {
        Self {
            committed: BTreeMap::new(),
            staged: BTreeMap::new(),
            changed: BTreeSet::new(),
            changelog: Vec::new(),
            ledger: Ledger::new(CounterTable::new(1)),
            handed_out: BTreeMap::new(),
            pending: Vec::new(),
            commands: BTreeMap::new(),
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
            Step::Imported(device, role, number) => {
                let told = self.ledger.note_issued(device, role, number);
                assert_eq!(told.is_err(), number > LAST_COUNTER);
                if let Ok(told) = told {
                    let added = self.role(device, role).issued.insert(number);
                    self.expect_change(device, added, told);
                }
            }
            Step::Placed(device, role, cell_use, occupant) => {
                let placed = self.role(device, role).occupants.insert(cell_use, occupant);
                let changes = placed.unwrap_or(0) != occupant;
                let cell = self.cell(occupant);
                let told = self.ledger.set_cell(device, role, cell_use, cell);
                self.expect_change(device, changes, told);
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

    fn allocate(&mut self, device: u64, role: Role, hint: Option<u64>) {
        let before = self.device(device).clone();
        let burned = self.ledger.burned().clone();
        let request = AllocationRequest {
            hint,
            ceiling: CEILING,
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
        let mut numbers = commands.map(|&(_, n)| n).chain(pending.map(|&(_, _, n)| n));
        assert!(numbers.all(|number| number != counter), "{counter} twice");

        self.pending.push((device, role, counter));
        self.role(device, role).issued.insert(counter);
        let note = RequestNote {
            originator: 9,
            request_counter: counter,
            issued: counter,
        };
        let requests = &mut self.device(device).requests;
        requests.push_back(note);
        if requests.len() > REQUESTS_KEPT {
            requests.pop_front();
        }
        self.ledger.remember_request(device, &note);
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
        *self.ledger.table_mut() = CounterTable::new(order);
        for image in images {
            let image = DeviceImage::decode(image);
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
        assert!(view.requests().eq(model.requests.iter().copied()));
        for role in Role::ALL {
            let model = model.roles.get(&role).cloned().unwrap_or_default();
            let marks = view.marks(role);
            assert_eq!((marks.recorded, marks.seen), (model.recorded, model.seen));
            let older = view
                .older_issued()
                .filter(|&(of, _)| of == role)
                .map(|(_, number)| number);
            assert!(
                older.chain(marks.issued).eq(model.issued),
                "issued numbers, rising"
            );
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

    fn expect_change(&mut self, device: u64, expected: bool, told: bool) {
        assert_eq!(expected, told);
        if expected {
            self.changed.insert(device);
        }
    }

    /// 0 is nobody.
    fn cell(&mut self, occupant: u8) -> Cell {
        if occupant == 0 {
            return Cell::default();
        }
        Cell {
            occupant: self.ledger.intern(occupant_of(occupant)),
            device_time: u32::from(occupant),
            verified: true,
            source: CellSource::Outcome,
        }
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
    let issued = marks.issued.last().copied().max(burned.get(eui, role));
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
    let taken = |number: u128| {
        let issued = device.roles.values().flat_map(|role| &role.issued);
        let burned = Role::ALL
            .into_iter()
            .filter_map(|role| burned.get(eui, role));
        issued
            .copied()
            .chain(burned)
            .any(|taken| u128::from(taken) == number)
    };
    while taken(counter) {
        counter += 1;
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
