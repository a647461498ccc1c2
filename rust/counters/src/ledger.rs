//! A partition's counters: what is committed, the batch staged over it, and the numbers of dropped
//! batches.

use thiserror::Error;

use crate::allocation::{self, Allocation, AllocationRequest, Exhausted, Floors};
use crate::burned::Burned;
use crate::image::DeviceImage;
use crate::notes::{MessageNote, RequestNote, VoidNote};
use crate::occupants::{Occupant, OccupantId};
use crate::overlay::{Overlay, Slot};
use crate::restore::RestoreOutcome;
use crate::role::{Cell, CellUse, LAST_COUNTER, Role};
use crate::row::RowId;
use crate::stored::Stored;
use crate::table::CounterTable;
use crate::trail::{Link, Observation, Pending, Trail};
use crate::view::DeviceView;

/// A [`CounterTable`], the batch staged over it, and the numbers of dropped batches.
///
/// A batch is only ever folded into the state it was staged over: [`Ledger::table_mut`], the one way
/// to change that state from outside, drops the batch first. Keep the ledger for as long as the
/// process lives, since it alone knows what is [`Burned`].
#[derive(Debug)]
pub struct Ledger {
    table: CounterTable,
    overlay: Overlay,
    burned: Burned,
    losses: u32,
    /// Whether nobody verifies messages any more.
    unverified_too: bool,
    /// Whether a cell of a Network Operator slot has changed since somebody asked.
    has_moved: bool,
    found: Vec<Option<RowId>>,
}

/// A number beyond 2^63-1 cannot have been issued (N22).
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("an issued Originator Counter is at most 2^63-1")]
pub struct CounterOutOfRange;

impl Ledger {
    /// A ledger of what is committed in `table`, with nothing staged and nothing burned.
    pub fn new(table: CounterTable) -> Self {
        Self {
            table,
            overlay: Overlay::default(),
            burned: Burned::new(),
            losses: 0,
            unverified_too: false,
            has_moved: false,
            found: Vec::new(),
        }
    }

    /// What is committed.
    pub fn table(&self) -> &CounterTable {
        &self.table
    }

    /// What is committed, to be restored or replaced; a staged batch is dropped, as by
    /// [`Ledger::discard`].
    pub fn table_mut(&mut self) -> &mut CounterTable {
        // Asked for each image that is restored.
        if self.is_staged() {
            self.discard();
        }
        &mut self.table
    }

    /// Unites an image with what is committed, as [`CounterTable::restore`] does; a staged batch is dropped. Who holds its
    /// cells is computed anew where that depends on [`Self::hear_unverified`]: they may have been written under another
    /// setting.
    pub fn restore(&mut self, mut image: DeviceImage) -> RestoreOutcome {
        let mixed = |(role, trail): (Role, &Trail)| {
            let is_mixed = trail.is_mixed();
            is_mixed.then(|| (role, trail.cells(self.unverified_too)))
        };
        let read_anew: Vec<_> = Role::ALL
            .into_iter()
            .zip(&image.trails)
            .filter_map(mixed)
            .collect();
        for (role, cells) in read_anew {
            image.set_cells(role, cells);
        }
        self.table_mut().restore(&image)
    }

    /// Keeps numbers that are allocated from here on so far above all that is known, because commits
    /// were lost so many times: [`ROLLBACK_MARGIN`](crate::ROLLBACK_MARGIN) for each.
    pub fn set_rollbacks(&mut self, rollbacks: u32) {
        self.losses = rollbacks;
    }

    /// From here on what is unverified tells of cells as well, beside what is verified: nobody verifies any more.
    pub fn hear_unverified(&mut self) {
        self.unverified_too = true;
    }

    /// Whether it does.
    pub fn hears_unverified(&self) -> bool {
        self.unverified_too
    }

    /// The numbers of dropped batches.
    pub fn burned(&self) -> &Burned {
        &self.burned
    }

    /// As [`CounterTable::ensure`], also while a batch is staged: a row with nothing known changes
    /// nothing that the batch has read.
    pub fn ensure(&mut self, device: u64) -> RowId {
        self.table.ensure(device)
    }

    /// The id of `occupant` in this ledger's cells, until the batch ends unless it stands in a cell
    /// then; see [`Occupants::intern`].
    ///
    /// [`Occupants::intern`]: crate::Occupants::intern
    pub fn intern(&mut self, occupant: Occupant) -> OccupantId {
        self.table.occupants.intern(occupant)
    }

    /// Reads `devices` from the table ahead of their use, all at once, and gives their rows there.
    ///
    /// A batch whose devices are known beforehand is staged faster after this.
    pub fn prefetch(&mut self, devices: &[u64]) -> &[Option<RowId>] {
        let mut found = core::mem::take(&mut self.found);
        self.table.find_many(devices, &mut found);
        for (&device, &row) in devices.iter().zip(&found) {
            let hash = self.table.hash(device);
            if self.overlay.position(hash, device).is_none() {
                self.overlay.add(&self.table, hash, device, row);
            }
        }
        self.found = found;
        &self.found
    }

    /// `device` as it is staged, or as the table has it.
    #[inline]
    pub fn device(&self, device: u64) -> DeviceView<'_> {
        self.overlay
            .find(self.table.hash(device), device)
            .map_or_else(|| self.table.view(device), Slot::view)
    }

    /// Raises the recorded number of a (device, role) to `counter` (N4, N23); `false` if it was as
    /// high.
    pub fn raise_recorded(&mut self, device: u64, role: Role, counter: u64) -> bool {
        self.slot(device).update_role(role, |state| {
            state.marks.recorded = state.marks.recorded.max(Some(counter));
        })
    }

    /// Raises the seen number of a (device, role) to `counter`; `false` if it was as high.
    pub fn raise_seen(&mut self, device: u64, role: Role, counter: u64) -> bool {
        self.slot(device).update_role(role, |state| {
            state.marks.seen = state.marks.seen.max(Some(counter));
        })
    }

    /// Raises the highest issued number of a (device, role) to `counter`, a floor that a command
    /// carries and no number that one had; `false` if it was as high.
    ///
    /// # Errors
    ///
    /// [`CounterOutOfRange`] beyond 2^63-1; nothing is raised then.
    pub fn raise_issued(
        &mut self,
        device: u64,
        role: Role,
        counter: u64,
    ) -> Result<bool, CounterOutOfRange> {
        in_range(counter)?;
        Ok(self.slot(device).raise_issued(role, counter))
    }

    /// Notes that a command to `device` had `counter`, as something from outside tells; `false` if
    /// that was known.
    ///
    /// # Errors
    ///
    /// [`CounterOutOfRange`] beyond 2^63-1; nothing is noted then.
    pub fn note_reported(
        &mut self,
        device: u64,
        role: Role,
        counter: u64,
    ) -> Result<bool, CounterOutOfRange> {
        self.note_block(device, role, counter, counter)
    }

    /// Notes that commands to `device` may have had each of the numbers from `first` to `last`;
    /// `false` if that was known, or if there are none.
    ///
    /// # Errors
    ///
    /// [`CounterOutOfRange`] beyond 2^63-1; nothing is noted then.
    pub fn note_block(
        &mut self,
        device: u64,
        role: Role,
        first: u64,
        last: u64,
    ) -> Result<bool, CounterOutOfRange> {
        in_range(last)?;
        let ceiling = self.table.ceiling();
        if first > last {
            return Ok(false);
        }
        let slot = self.slot(device);
        let is_new = slot.note_used(role, first, last, ceiling);
        if slot.is_too_long() {
            self.shorten_trails(device);
        }
        Ok(is_new)
    }

    /// Notes a request that was answered elsewhere; `false` if that was known.
    ///
    /// A RequestID that is remembered already stays with the number it has; the number that is told
    /// here counts as used all the same.
    ///
    /// # Errors
    ///
    /// [`CounterOutOfRange`] beyond 2^63-1; nothing is noted then.
    pub fn note_imported_request(
        &mut self,
        device: u64,
        role: Role,
        originator: u64,
        request_counter: u64,
        counter: u64,
    ) -> Result<bool, CounterOutOfRange> {
        in_range(counter)?;
        let ceiling = self.table.ceiling();
        let slot = self.slot(device);
        if slot
            .view()
            .find_request(originator, request_counter)
            .is_some()
        {
            return self.note_block(device, role, counter, counter);
        }
        let note = RequestNote {
            role,
            imported: true,
            issued: counter,
            originator,
            request_counter,
        };
        let is_new = slot.remember_request(&note, ceiling);
        if slot.is_too_long() {
            self.shorten_trails(device);
        }
        Ok(is_new)
    }

    /// Adds what a message told of a role's cells, and who holds them by all that was told; whether that changes anything.
    ///
    /// What is unverified counts where nothing is verified, or after [`Self::hear_unverified`]; see [`Trail::tell`].
    pub fn tell(&mut self, device: u64, role: Role, link: &Link) -> bool {
        let unverified_too = self.unverified_too;
        self.change_trail(device, role, |trail| trail.tell(link, unverified_too))
    }

    /// Adds a command that waits for an answer; see [`Trail::expect`].
    pub fn expect(&mut self, device: u64, role: Role, pending: Pending) -> bool {
        self.change_trail(device, role, |trail| trail.expect(pending))
    }

    /// The command of `party` with this number has an outcome; see [`Trail::settle`].
    pub fn settle(&mut self, device: u64, role: Role, party: u64, number: u64) -> bool {
        let words = self.device(device).notes.trail_words(role);
        !words.is_empty() && self.change_trail(device, role, |trail| trail.settle(party, number))
    }

    /// The device accepted the command of `party` with this number; see [`Trail::accept`].
    pub fn accept(&mut self, device: u64, role: Role, party: u64, number: u64) -> bool {
        self.awaits_acceptance(device, role, party, number)
            && self.change_trail(device, role, |trail| trail.accept(party, number))
    }

    /// Whether the acceptance of this command is news; see [`Trail::awaits_acceptance`].
    pub fn awaits_acceptance(&self, device: u64, role: Role, party: u64, number: u64) -> bool {
        let trail = self.device(device).notes.trail(role);
        trail.is_some_and(|trail| trail.awaits_acceptance(party, number))
    }

    /// Two messages contradict each other about a cell; see [`Trail::dispute`].
    pub fn dispute(&mut self, device: u64, role: Role, cell_use: CellUse) -> bool {
        self.change_trail(device, role, |trail| trail.dispute(cell_use))
    }

    /// Takes what was seen to stand in a cell; see [`Trail::observe`]. Whether that changes anything.
    pub fn observe(
        &mut self,
        device: u64,
        role: Role,
        cell_use: CellUse,
        observation: &Observation,
    ) -> bool {
        let unverified_too = self.unverified_too;
        self.change_trail(device, role, |trail| {
            trail.observe(cell_use, observation, unverified_too)
        })
    }

    fn change_trail(
        &mut self,
        device: u64,
        role: Role,
        change: impl FnOnce(&mut Trail) -> bool,
    ) -> bool {
        let view = self.device(device);
        let mut trail = view.trail(role, &self.table.occupants);
        if !change(&mut trail) {
            return false;
        }
        self.put_trail(device, role, trail);
        if self.slot(device).is_too_long() {
            let other = self
                .device(device)
                .trail(role.other(), &self.table.occupants);
            self.put_trail(device, role.other(), other);
        }
        true
    }

    /// Writes a trail down, shortened to the room that the record has left for it.
    fn put_trail(&mut self, device: u64, role: Role, mut trail: Trail) {
        trail.shrink(self.device(device).notes.words_for_trail(role));
        let cells = trail.cells(self.unverified_too).map(|cell| Cell {
            occupant: cell
                .occupant
                .map(|occupant| self.intern(occupant))
                .unwrap_or_default(),
            device_time: cell.device_time,
            verified: cell.verified,
            source: cell.source,
        });
        let slot = self.slot(device);
        let moves = slot.update_role(role, |state| state.cells = cells);
        slot.notes_edit().set_trail(role, &trail);
        self.has_moved |= moves && role == Role::NetworkOperator;
    }

    /// Whether a cell of a Network Operator slot has changed, in who holds it or how that is known, since this was last
    /// asked.
    pub fn take_moved(&mut self) -> bool {
        core::mem::take(&mut self.has_moved)
    }

    /// Shortens a device's trails to the room that its record has left for them.
    fn shorten_trails(&mut self, device: u64) {
        for role in Role::ALL {
            if !self.device(device).notes.trail_words(role).is_empty() {
                self.change_trail(device, role, |_| true);
            }
        }
    }

    /// Sets the caller's flags of a device; `false` if they were the same.
    pub fn set_flags(&mut self, device: u64, flags: u16) -> bool {
        self.slot(device).set_flags(flags)
    }

    /// Makes the version of a device's next image newer than any image that was kept before, because the newest one was
    /// damaged: [`VERSION_LEAP`](crate::VERSION_LEAP) above what is known, and above `reached`, the damaged one's own as
    /// far as that can be told.
    pub fn leap_version(&mut self, device: u64, reached: u32) {
        self.slot(device).leap(reached);
    }

    /// Names a damaged record of a device, so that it is known to have been made up for wherever it is met again.
    pub fn name_void(&mut self, device: u64, void: VoidNote) {
        let slot = self.slot(device);
        if slot.notes_edit().name_void(void) && slot.is_too_long() {
            self.shorten_trails(device);
        }
    }

    /// Remembers a message that changed the device's record, and forgets the oldest one beyond
    /// [`MESSAGES_KEPT`](crate::MESSAGES_KEPT). One that is remembered already can only become
    /// verified.
    pub fn remember_message(&mut self, device: u64, note: &MessageNote) {
        let slot = self.slot(device);
        slot.notes_edit().remember_message(note);
        if slot.is_too_long() {
            self.shorten_trails(device);
        }
    }

    /// Allocates the Originator Counter of a command to `device` under `role`, and remembers the
    /// request that it answers. Of more than [`REQUESTS_KEPT`](crate::REQUESTS_KEPT) of a role the
    /// one with the lowest number is forgotten, and its number covered.
    ///
    /// It is the hint where that exceeds all that is recorded, seen and issued, the margin of
    /// [`Self::set_rollbacks`] added, or burned for the role, and is not above the ceiling, lifted
    /// by that margin as well; else the least such number; and then the next one that the other role
    /// does not have as used, since
    /// originator, counter and recipient are key and nonce of the MAC (R4, R5, S1 to S5).
    ///
    /// # Errors
    ///
    /// [`Exhausted`] if that is beyond 2^63-1 (S9); nothing is allocated then.
    pub fn allocate(
        &mut self,
        device: u64,
        role: Role,
        request: AllocationRequest,
    ) -> Result<Allocation, Exhausted> {
        let burned = self.burned.get(device, role);
        let burned_elsewhere = self.burned.get(device, role.other());
        let (ceiling, losses) = (self.table.ceiling(), self.losses);
        let slot = self.slot(device);
        let view = slot.view();
        let marks = view.marks(role);
        let floors = Floors {
            watermark: marks.watermark(),
            issued: marks.issued,
            losses,
            burned,
            ceiling,
        };
        let free = |number| view.first_unused(role.other(), number);
        let allocation = allocation::allocate(floors, request.hint, free, burned_elsewhere)?;
        let note = RequestNote {
            role,
            imported: false,
            issued: allocation.counter,
            originator: request.originator,
            request_counter: request.request_counter,
        };
        slot.note_allocated(&note, ceiling);
        if slot.is_too_long() {
            self.shorten_trails(device);
        }
        Ok(allocation)
    }

    /// The devices whose record this batch changes, each once, in the order of their first use.
    pub fn changed(&self) -> impl Iterator<Item = u64> {
        self.overlay.changed().map(|slot| slot.row.eui)
    }

    /// What is kept of `device` once this batch is folded. Its [encoding](DeviceImage::encode) is
    /// the device's changelog record.
    pub fn image(&self, device: u64) -> DeviceImage {
        let Some(slot) = self.overlay.find(self.table.hash(device), device) else {
            return self.table.image(device);
        };
        let mut image = DeviceImage::of(&slot.view(), &self.table.occupants);
        image.version = image.version.saturating_add(u32::from(slot.changed));
        image
    }

    /// How many devices have a record in the changelog, and which versions, once this batch is
    /// folded.
    pub fn stored(&self) -> Stored {
        let mut stored = self.table.stored();
        for slot in self.overlay.changed() {
            let version = slot.row.version.saturating_add(1);
            stored.replace(slot.row.eui, slot.committed, version);
        }
        stored
    }

    /// Whether a batch has read or changed anything.
    pub fn is_staged(&self) -> bool {
        !self.overlay.is_empty()
    }

    /// The batch is committed: it becomes the table, and the version of each changed device rises
    /// by one.
    pub fn fold(&mut self) {
        let Self { table, overlay, .. } = self;
        for slot in overlay.changed_mut() {
            let id = slot.id.unwrap_or_else(|| table.ensure(slot.row.eui));
            // Not wrapping: after four billion changes, equal versions are still united.
            slot.row.version = slot.row.version.saturating_add(1);
            if slot.notes_changed {
                table.put_noted(id, slot.row, slot.side, &mut slot.notes);
            } else {
                table.put(id, slot.row);
            }
        }
        overlay.clear();
        table.occupants.sweep();
    }

    /// Drops the batch, aborted or in doubt, and burns the numbers that it had allocated.
    pub fn discard(&mut self) {
        self.overlay.burn_into(&mut self.burned);
        self.table.occupants.sweep();
    }

    fn slot(&mut self, device: u64) -> &mut Slot {
        let hash = self.table.hash(device);
        let Self { table, overlay, .. } = self;
        let position = overlay
            .position(hash, device)
            .unwrap_or_else(|| overlay.add(table, hash, device, table.find_hashed(hash, device)));
        overlay.slot_mut(position)
    }
}

fn in_range(counter: u64) -> Result<(), CounterOutOfRange> {
    if counter > LAST_COUNTER {
        Err(CounterOutOfRange)
    } else {
        Ok(())
    }
}
