//! The changelog record of a device: everything that is kept of it, in one checksummed value.

use crc32c::crc32c;
use thiserror::Error;

use crate::notes::{MESSAGES_KEPT, MessageNote, REQUESTS_KEPT, RequestNote, issued_word};
use crate::occupants::{Occupant, Occupants};
use crate::role::{CellSource, LAST_COUNTER, Marks, Role, RoleState};
use crate::view::DeviceView;

/// Everything that is kept of a device, with occupants spelled out.
///
/// # Layout, format 1
///
/// Numbers are big-endian. In this order, without padding:
///
/// | bytes | field |
/// |---|---|
/// | 1 | format, 1 |
/// | 8 | EUI-64 of the device |
/// | 4 | version |
/// | 2 | flags |
/// | 1 | sections present: bit 0 Supplier role, bit 1 messages, bit 2 requests, bit 3 older issued numbers; other bits 0 |
/// | 3 to 67 | the Network Operator role, see below |
/// | 3 to 67 | the Supplier role, where present |
/// | 1 + 24 n | messages, oldest first: n (1 to 8), then each identity (8), digest (15), verified (1: 0 or 1) |
/// | 1 + 24 n | requests, oldest first: n (1 to 64), then each originator (8), request counter (8), issued number (8) |
/// | 4 + 8 n | older issued numbers: n, then the numbers, the top bit set for the Supplier role, in rising order |
/// | 4 | CRC-32C of all bytes before |
///
/// A role:
///
/// | bytes | field |
/// |---|---|
/// | 1 | marks present: bit 0 recorded, bit 1 seen, bit 2 issued; other bits 0 |
/// | 8 each | the marks present, in this order |
/// | 1 to 21 | the digital signature cell |
/// | 1 to 21 | the key agreement cell |
///
/// A cell:
///
/// | bytes | field |
/// |---|---|
/// | 1 | bits 0 to 2 source (0 unknown, 1 outcome, 2 handover, 3 read-back, 4 report), bit 3 verified, bit 4 occupant present, bit 5 key identifier present, bit 6 device time present, bit 7 zero |
/// | 8 | EUI-64 of the occupant, where present |
/// | 8 | its key identifier, where present |
/// | 4 | device time in Unix seconds, where present |
///
/// Every later format begins with its number and ends with the CRC-32C of what precedes it, so
/// that damage and a newer format are told apart. A state has exactly one encoding.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DeviceImage {
    /// The device's EUI-64.
    pub device: u64,
    /// Rises by one with each committed change; restoring takes the newest.
    pub version: u32,
    /// The caller's flags.
    pub flags: u16,
    /// The Network Operator role.
    pub network_operator: RoleImage,
    /// The Supplier role; `None` where nothing was ever told of it.
    pub supplier: Option<RoleImage>,
    /// The remembered messages, oldest first, at most [`MESSAGES_KEPT`].
    pub messages: Vec<MessageNote>,
    /// The remembered requests, oldest first, at most [`REQUESTS_KEPT`].
    pub requests: Vec<RequestNote>,
    /// The issued numbers except each role's last, at most 2^63-1 each, in the order of
    /// (role, number).
    pub older_issued: Vec<(Role, u64)>,
}

/// A role's state, with occupants spelled out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RoleImage {
    /// The Originator Counter marks.
    pub marks: Marks,
    /// The cells: digital signature, key agreement.
    pub cells: [CellImage; 2],
}

/// A Trust Anchor Cell, with its occupant spelled out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CellImage {
    /// Whose certificate is in the cell, if that can be said.
    pub occupant: Option<Occupant>,
    /// The device's own time of the change, in Unix seconds; 0 where it gave none.
    pub device_time: u32,
    /// Whether the message that told so was verified by the device's signature.
    pub verified: bool,
    /// What kind of message told so.
    pub source: CellSource,
}

/// A changelog record cannot be read. The device's state is unknown then, which is not zero (D12).
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ImageError {
    /// The checksum does not fit: the record is damaged or cut short.
    #[error("the record image is damaged: its CRC-32C does not fit")]
    Damaged,
    /// Written by a newer release (D9).
    #[error("the record image has format {0}; this release reads format 1")]
    UnknownFormat(u8),
    /// The checksum fits and the content does not follow the format.
    #[error("the record image does not follow its format")]
    Malformed,
}

pub(crate) const FORMAT: u8 = 1;
pub(crate) const CRC_BYTES: usize = 4;

pub(crate) const SECTION_SUPPLIER: u8 = 1;
pub(crate) const SECTION_MESSAGES: u8 = 1 << 1;
pub(crate) const SECTION_REQUESTS: u8 = 1 << 2;
pub(crate) const SECTION_ISSUED: u8 = 1 << 3;

pub(crate) const CELL_SOURCE: u8 = 0b111;
pub(crate) const CELL_VERIFIED: u8 = 1 << 3;
pub(crate) const CELL_OCCUPANT: u8 = 1 << 4;
pub(crate) const CELL_KEY_IDENTIFIER: u8 = 1 << 5;
pub(crate) const CELL_TIME: u8 = 1 << 6;

impl DeviceImage {
    pub(crate) fn of(view: &DeviceView<'_>, occupants: &Occupants) -> Self {
        let role = |state: RoleState| RoleImage {
            marks: state.marks,
            cells: state.cells.map(|cell| CellImage {
                occupant: occupants.get(cell.occupant),
                device_time: cell.device_time,
                verified: cell.verified,
                source: cell.source,
            }),
        };
        Self {
            device: view.device(),
            version: view.version(),
            flags: view.flags(),
            network_operator: role(view.role(Role::NetworkOperator)),
            supplier: view.notes.supplier().map(role),
            messages: view.messages().collect(),
            requests: view.requests().collect(),
            older_issued: view.older_issued().collect(),
        }
    }

    /// The record's bytes, laid out as [`DeviceImage`] tells.
    ///
    /// What the format cannot hold is left out: the oldest notes beyond 8 messages and 64 requests,
    /// and older issued numbers beyond 2^63-1. An image taken from a table has none of these.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        out.push(FORMAT);
        out.extend(self.device.to_be_bytes());
        out.extend(self.version.to_be_bytes());
        out.extend(self.flags.to_be_bytes());
        let issued = issued_words(&self.older_issued);
        out.push(
            bit(self.supplier.is_some(), SECTION_SUPPLIER)
                | bit(!self.messages.is_empty(), SECTION_MESSAGES)
                | bit(!self.requests.is_empty(), SECTION_REQUESTS)
                | bit(!issued.is_empty(), SECTION_ISSUED),
        );
        encode_role(&self.network_operator, &mut out);
        if let Some(supplier) = &self.supplier {
            encode_role(supplier, &mut out);
        }
        encode_notes(&self.messages, MESSAGES_KEPT, &mut out, |note, out| {
            out.extend(note.identity.to_be_bytes());
            out.extend(note.digest);
            out.push(u8::from(note.verified));
        });
        encode_notes(&self.requests, REQUESTS_KEPT, &mut out, |note, out| {
            for word in [note.originator, note.request_counter, note.issued] {
                out.extend(word.to_be_bytes());
            }
        });
        if let Ok(count @ 1..) = u32::try_from(issued.len()) {
            out.extend(count.to_be_bytes());
            out.extend(issued.into_iter().flat_map(u64::to_be_bytes));
        }
        out.extend(crc32c(&out).to_be_bytes());
        out
    }
}

fn encode_role(role: &RoleImage, out: &mut Vec<u8>) {
    let marks = [role.marks.recorded, role.marks.seen, role.marks.issued];
    let present = |(bit, mark): (usize, &Option<u64>)| u8::from(mark.is_some()) << bit;
    out.push(marks.iter().enumerate().map(present).sum());
    for mark in marks.into_iter().flatten() {
        out.extend(mark.to_be_bytes());
    }
    for cell in &role.cells {
        encode_cell(cell, out);
    }
}

fn encode_cell(cell: &CellImage, out: &mut Vec<u8>) {
    let key_identifier = cell.occupant.and_then(|occupant| occupant.key_identifier);
    out.push(
        cell.source.number()
            | bit(cell.verified, CELL_VERIFIED)
            | bit(cell.occupant.is_some(), CELL_OCCUPANT)
            | bit(key_identifier.is_some(), CELL_KEY_IDENTIFIER)
            | bit(cell.device_time != 0, CELL_TIME),
    );
    if let Some(occupant) = cell.occupant {
        out.extend(occupant.eui.to_be_bytes());
    }
    if let Some(key_identifier) = key_identifier {
        out.extend(key_identifier);
    }
    if cell.device_time != 0 {
        out.extend(cell.device_time.to_be_bytes());
    }
}

fn encode_notes<T>(notes: &[T], most: usize, out: &mut Vec<u8>, encode: fn(&T, &mut Vec<u8>)) {
    let kept = notes
        .get(notes.len().saturating_sub(most)..)
        .unwrap_or_default();
    if let Ok(count @ 1..) = u8::try_from(kept.len()) {
        out.push(count);
        for note in kept {
            encode(note, out);
        }
    }
}

fn issued_words(issued: &[(Role, u64)]) -> Vec<u64> {
    let mut words: Vec<u64> = issued
        .iter()
        .filter(|&&(_, number)| number <= LAST_COUNTER)
        .map(|&(role, number)| issued_word(role, number))
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

fn bit(present: bool, bit: u8) -> u8 {
    if present { bit } else { 0 }
}
