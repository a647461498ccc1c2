//! A device as a reader sees it.

use crate::cover::Cover;
use crate::image::CellImage;
use crate::notes::{MessageNote, NotesView, RequestNote, VoidNote};
use crate::occupants::Occupants;
use crate::role::{Cell, CellUse, Marks, Role, RoleState};
use crate::row::Row;
use crate::trail::Trail;

/// All that is kept of one device, as of the moment of looking: the table's state, or that of
/// the batch staged over it.
#[derive(Clone, Copy, Debug)]
pub struct DeviceView<'a> {
    pub(crate) row: Row,
    pub(crate) notes: NotesView<'a>,
    pub(crate) known: bool,
}

impl<'a> DeviceView<'a> {
    pub(crate) fn unknown(device: u64) -> Self {
        Self {
            row: Row::new(device),
            notes: NotesView::default(),
            known: false,
        }
    }

    /// The device's EUI-64.
    pub fn device(&self) -> u64 {
        self.row.eui
    }

    /// Whether the device has a row; without one, nothing is known of it.
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// The version of the last folded change, 0 before the first.
    pub fn version(&self) -> u32 {
        self.row.version
    }

    /// The caller's flags.
    pub fn flags(&self) -> u16 {
        self.row.flags
    }

    /// Marks and cells of a role; all unknown where nothing was ever told.
    pub fn role(&self, role: Role) -> RoleState {
        match role {
            Role::NetworkOperator => self.row.role(),
            Role::Supplier => self.notes.supplier().unwrap_or_default(),
        }
    }

    /// The Originator Counter marks of a role.
    pub fn marks(&self, role: Role) -> Marks {
        match role {
            Role::NetworkOperator => self.row.marks(),
            Role::Supplier => self.role(role).marks,
        }
    }

    /// A Trust Anchor Cell of a role.
    pub fn cell(&self, role: Role, cell_use: CellUse) -> Cell {
        *self.role(role).cell(cell_use)
    }

    /// What was told of a role's cells: where nothing is kept but who holds them, that is the base of the walk.
    pub fn trail(&self, role: Role, occupants: &Occupants) -> Trail {
        self.notes.trail(role).unwrap_or_else(|| Trail {
            base: self
                .role(role)
                .cells
                .map(|cell| CellImage::of(&cell, occupants)),
            ..Trail::default()
        })
    }

    /// The remembered messages: those that made a link, and at most [`MESSAGES_KEPT`](crate::MESSAGES_KEPT) others, each
    /// oldest first.
    pub fn messages(&self) -> impl Iterator<Item = MessageNote> + use<'a> {
        self.linked_messages().chain(self.other_messages())
    }

    /// The remembered messages that made a link, oldest first.
    pub fn linked_messages(&self) -> impl Iterator<Item = MessageNote> + use<'a> {
        self.notes.linked_messages()
    }

    /// The remembered messages that made none, oldest first.
    pub fn other_messages(&self) -> impl Iterator<Item = MessageNote> + use<'a> {
        self.notes.messages()
    }

    /// The damaged records of this device that its record names, oldest first.
    pub fn voids(&self) -> impl Iterator<Item = VoidNote> + use<'a> {
        self.notes.voids()
    }

    /// The remembered requests in their order, a role's at most
    /// [`REQUESTS_KEPT`](crate::REQUESTS_KEPT) answered here and
    /// [`IMPORTED_REQUESTS_KEPT`](crate::IMPORTED_REQUESTS_KEPT) imported ones.
    pub fn requests(&self) -> impl Iterator<Item = RequestNote> + use<'a> {
        self.notes.requests()
    }

    /// The remembered request with this RequestID, that with the highest number if there are
    /// several (S5, S6).
    pub fn find_request(&self, originator: u64, request_counter: u64) -> Option<RequestNote> {
        self.requests()
            .filter(|note| note.originator == originator && note.request_counter == request_counter)
            .max_by_key(|note| note.issued)
    }

    /// The used numbers of a role, as far as no remembered request has them.
    pub fn cover(&self, role: Role) -> Cover {
        self.notes.cover(role)
    }

    /// Whether a command to this device may have had this number, under either role: one of them
    /// remembers or covers it. That a role has it as highest may come of a floor.
    pub fn was_issued(&self, number: u64) -> bool {
        Role::ALL
            .into_iter()
            .any(|role| self.notes.remembers(role, number) || self.cover(role).contains(number))
    }

    /// The first number from `number` on that `role` neither has as highest nor remembers nor
    /// covers.
    pub(crate) fn first_unused(&self, role: Role, number: u64) -> u64 {
        // No used number is above the highest one.
        let Some(highest) = self.marks(role).issued.filter(|&highest| number <= highest) else {
            return number;
        };
        let cover = self.cover(role);
        let mut number = number;
        loop {
            let free = cover.first_free(number);
            // A number of 63 bits, as `highest` is one.
            if free == highest || self.notes.remembers(role, free) {
                number = free + 1;
            } else {
                return free;
            }
        }
    }
}
