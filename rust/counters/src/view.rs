//! A device as a reader sees it.

use crate::notes::{MessageNote, NotesView, RequestNote};
use crate::role::{Cell, CellUse, Marks, Role, RoleState};
use crate::row::Row;

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
        self.role(role).marks
    }

    /// A Trust Anchor Cell of a role.
    pub fn cell(&self, role: Role, cell_use: CellUse) -> Cell {
        *self.role(role).cell(cell_use)
    }

    /// The remembered messages, oldest first, at most [`MESSAGES_KEPT`](crate::MESSAGES_KEPT).
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = MessageNote> + use<'a> {
        self.notes.messages()
    }

    /// The remembered requests, oldest first, at most [`REQUESTS_KEPT`](crate::REQUESTS_KEPT).
    pub fn requests(&self) -> impl DoubleEndedIterator<Item = RequestNote> + use<'a> {
        self.notes.requests()
    }

    /// The remembered request with this RequestID, the youngest if there are several (S5, S6).
    pub fn find_request(&self, originator: u64, request_counter: u64) -> Option<RequestNote> {
        self.requests()
            .rev()
            .find(|note| note.originator == originator && note.request_counter == request_counter)
    }

    /// The numbers ever issued to this device except each role's last one, which its marks hold.
    pub fn older_issued(&self) -> impl Iterator<Item = (Role, u64)> + use<'a> {
        self.notes.older_issued()
    }

    /// Whether a command to this device ever had this number, under any role.
    pub fn was_issued(&self, number: u64) -> bool {
        Role::ALL.into_iter().any(|role| {
            self.marks(role).issued == Some(number) || self.notes.was_issued_earlier(role, number)
        })
    }
}
