//! The devices of a staged batch, each as it will be if the batch is committed.

use hashbrown::HashTable;

use crate::burned::Burned;
use crate::cover::Cover;
use crate::notes::{NotesEdit, NotesView, Remembered, RequestNote};
use crate::role::{Role, RoleState};
use crate::row::{Row, RowId};
use crate::sides::SideId;
use crate::table::CounterTable;
use crate::view::DeviceView;

/// The devices that a batch has read, by EUI-64. Emptied, it keeps its memory for the next batch.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    index: HashTable<usize>,
    slots: Vec<Slot>,
    /// Slots in use; those behind are kept for their memory.
    live: usize,
}

impl Overlay {
    #[inline]
    pub(crate) fn find(&self, hash: u64, device: u64) -> Option<&Slot> {
        self.slots.get(self.position(hash, device)?)
    }

    #[inline]
    pub(crate) fn position(&self, hash: u64, device: u64) -> Option<usize> {
        let is_it = |&position: &usize| {
            self.slots
                .get(position)
                .is_some_and(|slot| slot.row.eui == device)
        };
        self.index.find(hash, is_it).copied()
    }

    /// Adds `device` as `table` has it, where it stands at `id`; it must not be here yet.
    pub(crate) fn add(
        &mut self,
        table: &CounterTable,
        hash: u64,
        device: u64,
        id: Option<RowId>,
    ) -> usize {
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

    #[inline]
    pub(crate) fn slot_mut(&mut self, position: usize) -> &mut Slot {
        &mut self.slots[position]
    }

    pub(crate) fn changed(&self) -> impl Iterator<Item = &Slot> {
        self.live_slots().iter().filter(|slot| slot.changed)
    }

    pub(crate) fn changed_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        let slots = self.slots.iter_mut().take(self.live);
        slots.filter(|slot| slot.changed)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Empties the overlay, and merges the numbers that were allocated in it into `burned`.
    pub(crate) fn burn_into(&mut self, burned: &mut Burned) {
        for slot in self.live_slots() {
            for (role, allocated) in Role::ALL.into_iter().zip(slot.allocated) {
                if let Some(counter) = allocated {
                    burned.add(slot.row.eui, role, counter);
                }
            }
        }
        self.clear();
    }

    pub(crate) fn clear(&mut self) {
        self.index.clear();
        self.live = 0;
    }

    fn live_slots(&self) -> &[Slot] {
        self.slots.get(..self.live).unwrap_or_default()
    }
}

/// By how much the version of a record that is written in place of a damaged one exceeds what is known: by more than the
/// changes that can have been lost with it. So it counts as newer than any image of before, wherever that is kept.
pub const VERSION_LEAP: u32 = 1 << 24;

/// A device of the batch: a copy of what is committed, then changed.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    pub(crate) id: Option<RowId>,
    /// Of what is committed; 0 where nothing is.
    pub(crate) committed: u32,
    pub(crate) row: Row,
    pub(crate) side: Option<SideId>,
    pub(crate) notes: Vec<u64>,
    pub(crate) notes_changed: bool,
    pub(crate) changed: bool,
    /// The last number allocated here under each role, in the order of [`Role::ALL`].
    allocated: [Option<u64>; 2],
}

impl Slot {
    fn load(&mut self, table: &CounterTable, device: u64, id: Option<RowId>) {
        self.id = id;
        self.row = id.map_or_else(|| Row::new(device), |id| *table.row(id));
        self.committed = self.row.version;
        self.side = id.and_then(|id| table.side(id));
        self.notes.clear();
        if let Some(side) = self.side {
            self.notes.extend_from_slice(table.sides.get(side).0);
        }
        self.notes_changed = false;
        self.changed = false;
        self.allocated = [None; 2];
    }

    #[inline]
    pub(crate) fn view(&self) -> DeviceView<'_> {
        DeviceView {
            row: self.row,
            notes: NotesView(&self.notes),
            known: self.id.is_some() || self.changed,
        }
    }

    /// Whether the trails have more words than the record has room for.
    #[inline]
    pub(crate) fn is_too_long(&self) -> bool {
        NotesView(&self.notes).is_too_long()
    }

    pub(crate) fn update_role(&mut self, role: Role, change: impl FnOnce(&mut RoleState)) -> bool {
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

    pub(crate) fn set_flags(&mut self, flags: u16) -> bool {
        let changed = self.row.flags != flags;
        self.row.flags = flags;
        self.changed |= changed;
        changed
    }

    pub(crate) fn leap(&mut self, reached: u32) {
        let from = self.row.version.max(reached);
        self.row.version = from.saturating_add(VERSION_LEAP);
        self.changed = true;
    }

    /// Raises the role's highest issued number to `counter`; `false` if it was as high.
    #[inline]
    pub(crate) fn raise_issued(&mut self, role: Role, counter: u64) -> bool {
        self.update_role(role, |state| {
            state.marks.issued = state.marks.issued.max(Some(counter));
        })
    }

    /// Notes that the numbers from `first` to `last` were used; `false` if all were known.
    pub(crate) fn note_used(&mut self, role: Role, first: u64, last: u64, ceiling: u64) -> bool {
        let raised = self.raise_issued(role, last);
        if first == last && self.view().notes.remembers(role, first) {
            return raised;
        }
        self.cover(role, first, last, ceiling) | raised
    }

    /// Remembers a request; the number of one that is not remembered any more is covered. `false` if
    /// nothing changes.
    #[inline]
    pub(crate) fn remember_request(&mut self, note: &RequestNote, ceiling: u64) -> bool {
        let raised = self.raise_issued(note.role, note.issued);
        match NotesEdit(&mut self.notes).remember_request(note) {
            Remembered::Already => return raised,
            Remembered::TooLow => {
                return self.cover(note.role, note.issued, note.issued, ceiling) | raised;
            }
            Remembered::Added => {}
            Remembered::InsteadOf(number) => {
                self.cover(note.role, number, number, ceiling);
            }
        }
        self.changed = true;
        self.notes_changed = true;
        true
    }

    /// As [`Slot::remember_request`], of a number that is burned unless the batch is committed.
    #[inline]
    pub(crate) fn note_allocated(&mut self, note: &RequestNote, ceiling: u64) {
        self.remember_request(note, ceiling);
        let [network_operator, supplier] = &mut self.allocated;
        *match note.role {
            Role::NetworkOperator => network_operator,
            Role::Supplier => supplier,
        } = Some(note.issued);
    }

    fn cover(&mut self, role: Role, first: u64, last: u64, ceiling: u64) -> bool {
        let before = self.view().notes.cover(role);
        let after = before.union(&Cover::of(first, last, ceiling));
        if after == before {
            return false;
        }
        self.notes_edit().set_cover(role, &after);
        true
    }

    /// The notes, which count as changed from here on.
    #[inline]
    pub(crate) fn notes_edit(&mut self) -> NotesEdit<'_> {
        self.changed = true;
        self.notes_changed = true;
        NotesEdit(&mut self.notes)
    }
}
