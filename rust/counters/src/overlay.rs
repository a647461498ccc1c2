//! A staged batch: what the table will be if the batch is committed.

use hashbrown::HashTable;
use thiserror::Error;

use crate::allocation::{self, Allocation, AllocationRequest, Exhausted, Floors};
use crate::burned::Burned;
use crate::image::DeviceImage;
use crate::notes::{MessageNote, NotesEdit, NotesView, RequestNote};
use crate::role::{Cell, CellUse, LAST_COUNTER, Role, RoleState};
use crate::row::{Row, RowId};
use crate::sides::SideId;
use crate::table::{CounterTable, StaleOverlay};
use crate::view::DeviceView;

/// A batch being staged over a [`CounterTable`], which does not change meanwhile.
///
/// Every method takes the table that the overlay lies over; it must be the same one until the
/// overlay is emptied by [`CounterTable::fold`] or [`Overlay::burn_into`]. An emptied overlay keeps
/// its memory for the next batch.
#[derive(Debug, Default)]
pub struct Overlay {
    index: HashTable<usize>,
    slots: Vec<Slot>,
    /// Slots in use; those behind are kept for their memory.
    live: usize,
    generation: u64,
    found: Vec<Option<RowId>>,
}

/// A number beyond 2^63-1 cannot have been issued (N22).
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("an issued Originator Counter is at most 2^63-1")]
pub struct CounterOutOfRange;

impl Overlay {
    /// An overlay in which nothing is staged.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads `devices` from the table ahead of their use, all at once, and gives their rows there.
    ///
    /// A batch whose devices are known beforehand is staged faster after this.
    pub fn prefetch(&mut self, table: &CounterTable, devices: &[u64]) -> &[Option<RowId>] {
        let mut found = core::mem::take(&mut self.found);
        table.find_many(devices, &mut found);
        for (&device, &row) in devices.iter().zip(&found) {
            let hash = table.hash(device);
            if self.position(hash, device).is_none() {
                self.load(table, hash, device, row);
            }
        }
        self.found = found;
        &self.found
    }

    /// `device` as it is staged, or as the table has it.
    pub fn device<'a>(&'a self, table: &'a CounterTable, device: u64) -> DeviceView<'a> {
        self.position(table.hash(device), device)
            .and_then(|position| self.slots.get(position))
            .map_or_else(|| table.view(device), Slot::view)
    }

    /// Raises the recorded number of a (device, role) to `counter` (N4, N23); `false` if it was as
    /// high.
    pub fn raise_recorded(
        &mut self,
        table: &CounterTable,
        device: u64,
        role: Role,
        counter: u64,
    ) -> bool {
        self.slot(table, device).update_role(role, |state| {
            state.marks.recorded = state.marks.recorded.max(Some(counter));
        })
    }

    /// Raises the seen number of a (device, role) to `counter`; `false` if it was as high.
    pub fn raise_seen(
        &mut self,
        table: &CounterTable,
        device: u64,
        role: Role,
        counter: u64,
    ) -> bool {
        self.slot(table, device).update_role(role, |state| {
            state.marks.seen = state.marks.seen.max(Some(counter));
        })
    }

    /// Notes that a command to `device` had `counter`, as an import tells; `false` if known.
    ///
    /// # Errors
    ///
    /// [`CounterOutOfRange`] beyond 2^63-1; nothing is noted then.
    pub fn note_issued(
        &mut self,
        table: &CounterTable,
        device: u64,
        role: Role,
        counter: u64,
    ) -> Result<bool, CounterOutOfRange> {
        if counter > LAST_COUNTER {
            return Err(CounterOutOfRange);
        }
        Ok(self.slot(table, device).note_issued(role, counter))
    }

    /// Sets a Trust Anchor Cell; `false` if it was the same. Its occupant must be this table's.
    pub fn set_cell(
        &mut self,
        table: &CounterTable,
        device: u64,
        role: Role,
        cell_use: CellUse,
        cell: Cell,
    ) -> bool {
        self.slot(table, device)
            .update_role(role, |state| *state.cell_mut(cell_use) = cell)
    }

    /// Sets the caller's flags of a device; `false` if they were the same.
    pub fn set_flags(&mut self, table: &CounterTable, device: u64, flags: u16) -> bool {
        let slot = self.slot(table, device);
        let changed = slot.row.flags != flags;
        slot.row.flags = flags;
        slot.changed |= changed;
        changed
    }

    /// Remembers a message that changed the device's record, and forgets the oldest one beyond
    /// [`MESSAGES_KEPT`](crate::MESSAGES_KEPT). One that is remembered already can only become
    /// verified.
    pub fn remember_message(&mut self, table: &CounterTable, device: u64, note: &MessageNote) {
        self.slot(table, device).notes_edit().remember_message(note);
    }

    /// Remembers a request that was answered with a command, and forgets the oldest one beyond
    /// [`REQUESTS_KEPT`](crate::REQUESTS_KEPT).
    pub fn remember_request(&mut self, table: &CounterTable, device: u64, note: &RequestNote) {
        self.slot(table, device).notes_edit().remember_request(note);
    }

    /// Counts `device` among the changed ones, so that its image is written again.
    pub fn touch(&mut self, table: &CounterTable, device: u64) {
        self.slot(table, device).changed = true;
    }

    /// Allocates the Originator Counter of a command to `device` under `role`.
    ///
    /// It is the hint where that exceeds all that is recorded, seen, issued or burned for the role
    /// and is not above the ceiling; else the least such number; and then the next one that no
    /// command to the device ever had under either role, since originator, counter and recipient
    /// are key and nonce of the MAC (R4, R5, S1 to S5).
    ///
    /// # Errors
    ///
    /// [`Exhausted`] if that is beyond 2^63-1 (S9); nothing is allocated then.
    pub fn allocate(
        &mut self,
        table: &CounterTable,
        burned: &Burned,
        device: u64,
        role: Role,
        request: AllocationRequest,
    ) -> Result<Allocation, Exhausted> {
        let slot = self.slot(table, device);
        let marks = slot.view().marks(role);
        let floors = Floors {
            watermark: marks.watermark(),
            issued: marks.issued,
            burned: burned.get(device, role),
        };
        let burned_elsewhere = burned.get(device, role.other());
        let allocation = allocation::allocate(
            floors,
            request,
            |counter| slot.view().was_issued(counter),
            |counter| burned_elsewhere == Some(counter),
        )?;
        slot.note_issued(role, allocation.counter);
        let [network_operator, supplier] = &mut slot.allocated;
        *match role {
            Role::NetworkOperator => network_operator,
            Role::Supplier => supplier,
        } = Some(allocation.counter);
        Ok(allocation)
    }

    /// The devices whose record this batch changes, each once, in the order of their first use.
    pub fn changed(&self) -> impl Iterator<Item = u64> {
        self.live_slots()
            .iter()
            .filter(|slot| slot.changed)
            .map(|slot| slot.row.eui)
    }

    /// What is kept of `device` once this batch is folded.
    pub fn device_image(&self, table: &CounterTable, device: u64) -> DeviceImage {
        let view = self.device(table, device);
        let changed = self
            .position(table.hash(device), device)
            .and_then(|position| self.slots.get(position))
            .is_some_and(|slot| slot.changed);
        let mut image = DeviceImage::of(&view, table.occupants());
        image.version = image.version.saturating_add(u32::from(changed));
        image
    }

    /// The changelog record of `device` once this batch is folded; see [`DeviceImage::encode`].
    pub fn image(&self, table: &CounterTable, device: u64) -> Vec<u8> {
        self.device_image(table, device).encode()
    }

    /// Whether the overlay has neither read nor changed anything.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Drops the batch, aborted or in doubt, and merges the numbers it had allocated into `burned`.
    pub fn burn_into(&mut self, burned: &mut Burned) {
        for slot in self.live_slots() {
            for (role, allocated) in Role::ALL.into_iter().zip(slot.allocated) {
                if let Some(counter) = allocated {
                    burned.add(slot.row.eui, role, counter);
                }
            }
        }
        self.clear();
    }

    pub(crate) fn fold_into(&mut self, table: &mut CounterTable) -> Result<(), StaleOverlay> {
        if self.live == 0 {
            return Ok(());
        }
        if self.generation != table.generation {
            return Err(StaleOverlay);
        }
        for slot in self
            .slots
            .iter_mut()
            .take(self.live)
            .filter(|slot| slot.changed)
        {
            let id = slot.id.unwrap_or_else(|| table.ensure(slot.row.eui));
            // Not wrapping: after four billion changes, equal versions are still united.
            slot.row.version = slot.row.version.saturating_add(1);
            if slot.notes_changed {
                table.put_noted(id, slot.row, slot.side, &mut slot.notes);
            } else {
                table.put(id, slot.row);
            }
        }
        table.generation += 1;
        self.clear();
        Ok(())
    }

    fn slot(&mut self, table: &CounterTable, device: u64) -> &mut Slot {
        let hash = table.hash(device);
        let position = self
            .position(hash, device)
            .unwrap_or_else(|| self.load(table, hash, device, table.find(device)));
        &mut self.slots[position]
    }

    fn load(&mut self, table: &CounterTable, hash: u64, device: u64, id: Option<RowId>) -> usize {
        if self.live == 0 {
            self.generation = table.generation;
        }
        let position = self.live;
        if self.slots.len() == position {
            self.slots.push(Slot::default());
        }
        self.slots[position].load(table, device, id);
        self.live += 1;
        let slots = &self.slots;
        self.index.insert_unique(hash, position, |&position| {
            table.hash(slots[position].row.eui)
        });
        position
    }

    fn position(&self, hash: u64, device: u64) -> Option<usize> {
        let is_it = |&position: &usize| {
            self.slots
                .get(position)
                .is_some_and(|slot| slot.row.eui == device)
        };
        self.index.find(hash, is_it).copied()
    }

    fn live_slots(&self) -> &[Slot] {
        self.slots.get(..self.live).unwrap_or_default()
    }

    fn clear(&mut self) {
        self.index.clear();
        self.live = 0;
    }
}

/// A device of the batch: a copy of what the table has, then changed.
#[derive(Debug, Default)]
struct Slot {
    id: Option<RowId>,
    row: Row,
    side: Option<SideId>,
    notes: Vec<u64>,
    notes_changed: bool,
    changed: bool,
    /// The last number allocated here under each role, in the order of [`Role::ALL`].
    allocated: [Option<u64>; 2],
}

impl Slot {
    fn load(&mut self, table: &CounterTable, device: u64, id: Option<RowId>) {
        self.id = id;
        self.row = id.map_or_else(|| Row::new(device), |id| *table.row(id));
        self.side = id.and_then(|id| table.side(id));
        self.notes.clear();
        if let Some(side) = self.side {
            self.notes.extend_from_slice(table.sides.get(side).0);
        }
        self.notes_changed = false;
        self.changed = false;
        self.allocated = [None; 2];
    }

    fn view(&self) -> DeviceView<'_> {
        DeviceView {
            row: self.row,
            notes: NotesView(&self.notes),
            known: self.id.is_some() || self.changed,
        }
    }

    fn update_role(&mut self, role: Role, change: impl FnOnce(&mut RoleState)) -> bool {
        let before = self.view().role(role);
        let mut after = before;
        change(&mut after);
        if after == before {
            return false;
        }
        match role {
            Role::NetworkOperator => self.row.set_role(&after),
            Role::Supplier => self.notes_edit().set_supplier(&after),
        }
        self.changed = true;
        true
    }

    /// Makes `counter` the role's last issued number or, if a higher one was issued, an older one.
    fn note_issued(&mut self, role: Role, counter: u64) -> bool {
        let last = self.view().marks(role).issued;
        if last < Some(counter) {
            if let Some(last) = last {
                self.notes_edit().add_older_issued(role, last);
            }
            return self.update_role(role, |state| state.marks.issued = Some(counter));
        }
        if last == Some(counter) || self.view().notes.was_issued_earlier(role, counter) {
            return false;
        }
        self.notes_edit().add_older_issued(role, counter)
    }

    /// The notes, which count as changed from here on.
    fn notes_edit(&mut self) -> NotesEdit<'_> {
        self.changed = true;
        self.notes_changed = true;
        NotesEdit(&mut self.notes)
    }
}
