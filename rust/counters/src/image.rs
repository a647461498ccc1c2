//! The changelog record of a device: everything that is kept of it, in one checksummed value.

use crc32c::crc32c;
use thiserror::Error;

use crate::cover::Cover;
use crate::notes::{KINDS, MESSAGES_KEPT, MessageNote, RequestNote, VOIDS_KEPT, VoidNote, most_of};
use crate::occupants::{Occupant, Occupants};
use crate::role::{Cell, CellSource, Marks, Role, RoleState};
use crate::trail::Trail;
use crate::view::DeviceView;

/// Everything that is kept of a device, with occupants spelled out.
///
/// # Layout, formats 3 to 5
///
/// Numbers are big-endian. In this order, without padding:
///
/// | bytes | field |
/// |---|---|
/// | 1 | format: 5 where damaged records are named; else 4 where a trail has a settled number, which programs of format 3 would not heed; else 3 |
/// | 8 | EUI-64 of the device |
/// | 4 | version |
/// | 2 | flags |
/// | 1 | sections present: bit 0 Supplier role, bit 1 messages, bit 2 requests, bit 3 covers, bits 4 and 5 the trails of the Network Operator and the Supplier role, bit 6 damaged records; bit 7 zero |
/// | 3 to 67 | the Network Operator role, see below |
/// | 3 to 67 | the Supplier role, where present |
/// | 1 + 24 n | messages, oldest first: n (1 to 8), then each identity (8), digest (15), verified (1: 0 or 1) |
/// | 1 + k + 24 n | requests, see below |
/// | 1 + 18 to 66 each | covers, see below |
/// | 1 + 16 n | damaged records that this one knows of, oldest first: n (1 to 7), then the start of the SHA-256 of each |
/// | 8 n each | trails, see below |
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
/// | 1 | bits 0 to 2 source (0 unknown, 1 outcome, 2 handover, 3 read-back, 4 report, 5 import, 6 presumption, 7 an earlier release), bit 3 verified, bit 4 occupant present, bit 5 key identifier present, bit 6 device time present, bit 7 zero |
/// | 8 | EUI-64 of the occupant, where present |
/// | 8 | its key identifier, where present |
/// | 4 | device time in Unix seconds, where present |
///
/// Requests begin with a byte of the kinds present: bit 0 those of the Network Operator role that
/// were answered here, bit 1 its imported ones, bits 2 and 3 the same of the Supplier role; other
/// bits 0. For each kind present follows how many there are (1), 1 to 24 answered here or 1 to 8
/// imported ones; then they all, each issued number (8), originator (8) and request counter (8), in
/// rising order within a kind.
///
/// Covers begin with a byte of the groups present: bit 0 that of the Network Operator role up to
/// the ceiling, bit 1 above it, bits 2 and 3 the same of the Supplier role; other bits 0. A group:
///
/// | bytes | field |
/// |---|---|
/// | 1 | s, 0 to 60: blocks have 2^s numbers |
/// | 1 | how many blocks lie between the first and the last one, n, 0 to 6 |
/// | 8, 8 | the first and the last number covered, which cut the blocks that they are in |
/// | 8 n | the blocks between: the numbers in them, divided by 2^s, in rising order |
///
/// A trail is a run of 64-bit words:
///
/// | words | field |
/// |---|---|
/// | 1 | eight octets: disputed cells (bits 0 and 1), how many occupants, links and pending commands there are, the occupants of the two bases, source and verification of the bases (bits 0 to 3 and 4 to 7, each as in a cell), settled cells (bits 0 and 1; 0 in format 3) |
/// | 1 | the device times of the two bases, 4 octets each |
/// | 1 each | of the settled cells, the number up to which messages without a time are older than the base |
/// | 2 each | the occupants in the order of their first use: EUI-64, key identifier; eight zeros where only the party is known |
/// | 5 each | the links, oldest first: identity; digest (15 octets) with source (bits 0 to 2) and verification (bit 3) in one more; number; existing and replacing of the digital signature cell, then of the key agreement cell, an octet each; device time (4 octets) |
/// | 2 each | the pending commands, lowest number first: number; existing and replacing as in a link, and in four octets when it does that: 0 as it arrives, 1 later, 2 never since it takes back what the device holds, 3 the same, accepted |
///
/// Occupants are named by their place, from 1; 0 is nobody, or a cell that is not told of.
///
/// # Format 2
///
/// As format 3 without trails. What it says of a cell is where the walk begins, and is known from an earlier release.
///
/// # Format 1
///
/// As format 2, but for requests and for the last section, which is that of the older issued
/// numbers. Such a record is still read: its requests are those answered here, of the role that
/// the number was issued for, and numbers that none of them has are covered.
///
/// | bytes | field |
/// |---|---|
/// | 1 + 24 n | requests, oldest first: n (1 to 64), then each originator (8), request counter (8), issued number (8) |
/// | 4 + 8 n | the numbers issued besides each role's last: n, then the numbers, the top bit set for the Supplier role, in rising order |
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
    /// The remembered requests in their order, of each role at most
    /// [`REQUESTS_KEPT`](crate::REQUESTS_KEPT) answered here and
    /// [`IMPORTED_REQUESTS_KEPT`](crate::IMPORTED_REQUESTS_KEPT) imported ones.
    pub requests: Vec<RequestNote>,
    /// The used numbers of each role that has any besides those of remembered requests, in the
    /// order of [`Role::ALL`].
    pub covers: Vec<(Role, Cover)>,
    /// The damaged records of the device that this one knows of, oldest first, at most [`VOIDS_KEPT`].
    pub voids: Vec<VoidNote>,
    /// What was told of each role's cells, in the order of [`Role::ALL`]; with nothing but a base where only `cells` are
    /// known.
    pub trails: [Trail; 2],
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

impl RoleImage {
    /// A role's state as a table has it.
    pub fn of(state: &RoleState, occupants: &Occupants) -> Self {
        Self {
            marks: state.marks,
            cells: state.cells.map(|cell| CellImage::of(&cell, occupants)),
        }
    }
}

impl CellImage {
    pub(crate) fn of(cell: &Cell, occupants: &Occupants) -> Self {
        Self {
            occupant: occupants.get(cell.occupant),
            device_time: cell.device_time,
            verified: cell.verified,
            source: cell.source,
        }
    }
}

/// A changelog record cannot be read. The device's state is unknown then, which is not zero (D12).
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ImageError {
    /// The checksum does not fit: the record is damaged or cut short.
    #[error("the record image is damaged: its CRC-32C does not fit")]
    Damaged,
    /// Written by a newer release (D9).
    #[error("the record image has format {0}; this release reads formats 1 to 5")]
    UnknownFormat(u8),
    /// The checksum fits and the content does not follow the format.
    #[error("the record image does not follow its format")]
    Malformed,
}

pub(crate) const FORMAT_5: u8 = 5;
pub(crate) const FORMAT_4: u8 = 4;
pub(crate) const FORMAT: u8 = 3;
pub(crate) const FORMAT_2: u8 = 2;
pub(crate) const FORMAT_1: u8 = 1;
pub(crate) const CRC_BYTES: usize = 4;

pub(crate) const SECTION_SUPPLIER: u8 = 1;
pub(crate) const SECTION_MESSAGES: u8 = 1 << 1;
pub(crate) const SECTION_REQUESTS: u8 = 1 << 2;
/// In format 1, the issued numbers.
pub(crate) const SECTION_COVERS: u8 = 1 << 3;
/// Of the roles in the order of [`Role::ALL`].
pub(crate) const SECTION_TRAILS: [u8; 2] = [1 << 4, 1 << 5];

pub(crate) const SECTION_VOIDS: u8 = 1 << 6;

pub(crate) const CELL_SOURCE: u8 = 0b111;
pub(crate) const CELL_VERIFIED: u8 = 1 << 3;
pub(crate) const CELL_OCCUPANT: u8 = 1 << 4;
pub(crate) const CELL_KEY_IDENTIFIER: u8 = 1 << 5;
pub(crate) const CELL_TIME: u8 = 1 << 6;

impl DeviceImage {
    pub(crate) fn of(view: &DeviceView<'_>, occupants: &Occupants) -> Self {
        let role = |state: RoleState| RoleImage::of(&state, occupants);
        Self {
            device: view.device(),
            version: view.version(),
            flags: view.flags(),
            network_operator: role(view.role(Role::NetworkOperator)),
            supplier: view.notes.supplier().map(role),
            messages: view.notes.messages().collect(),
            requests: view.requests().collect(),
            covers: view.notes.covers(),
            voids: view.voids().collect(),
            trails: Role::ALL.map(|role| view.notes.trail(role).unwrap_or_default()),
        }
    }

    pub(crate) fn set_cells(&mut self, role: Role, cells: [CellImage; 2]) {
        match role {
            Role::NetworkOperator => self.network_operator.cells = cells,
            Role::Supplier => self.supplier.get_or_insert_default().cells = cells,
        }
    }

    /// The used numbers of a role that no remembered request has.
    pub fn cover(&self, role: Role) -> Cover {
        self.covers
            .iter()
            .filter(|(of, _)| *of == role)
            .fold(Cover::EMPTY, |all, (_, cover)| all.union(cover))
    }

    /// The highest number that a command of this role had. The highest issued number is above it
    /// where a command carried a higher floor.
    pub fn highest_used(&self, role: Role) -> Option<u64> {
        let remembered = self.requests.iter().filter(|note| note.role == role);
        let highest = remembered.map(|note| note.issued).max();
        highest.max(self.cover(role).last())
    }

    /// Whether requests and used numbers stand as a table has them: in their order, no more than are
    /// remembered, and none above the highest number of its role.
    pub(crate) fn is_in_order(&self) -> bool {
        let kinds = self
            .requests
            .chunk_by(|one, next| (one.role, one.imported) == (next.role, next.imported));
        let is_below = |role, number| number <= self.role(role).marks.issued;
        let mut covered = self.covers.iter();
        self.requests.is_sorted_by(|one, next| one < next)
            && self.covers.is_sorted_by(|one, next| one.0 < next.0)
            && kinds
                .filter_map(|kind| Some((kind.last()?, kind.len())))
                .all(|(last, count)| {
                    count <= most_of(last.imported) && is_below(last.role, Some(last.issued))
                })
            && covered.all(|(role, cover)| !cover.is_empty() && is_below(*role, cover.last()))
    }

    /// The least format that has all that it tells.
    pub(crate) fn format(&self) -> u8 {
        if !self.voids.is_empty() {
            FORMAT_5
        } else if self.trails.iter().any(|trail| trail.settled != [None; 2]) {
            FORMAT_4
        } else {
            FORMAT
        }
    }

    /// The state of a role; nothing known where nothing was ever told.
    pub fn role(&self, role: Role) -> RoleImage {
        match role {
            Role::NetworkOperator => self.network_operator,
            Role::Supplier => self.supplier.unwrap_or_default(),
        }
    }

    /// The record's bytes, laid out as [`DeviceImage`] tells.
    ///
    /// What the format cannot hold is left out: the oldest messages beyond 8, and the lowest
    /// requests beyond those that are remembered. An image taken from a table has none of these.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        out.push(self.format());
        out.extend(self.device.to_be_bytes());
        out.extend(self.version.to_be_bytes());
        out.extend(self.flags.to_be_bytes());
        let has_covers = self.covers.iter().any(|(_, cover)| !cover.is_empty());
        out.push(
            bit(self.supplier.is_some(), SECTION_SUPPLIER)
                | bit(!self.messages.is_empty(), SECTION_MESSAGES)
                | bit(!self.requests.is_empty(), SECTION_REQUESTS)
                | bit(has_covers, SECTION_COVERS)
                | bit(!self.voids.is_empty(), SECTION_VOIDS)
                | self
                    .trails
                    .iter()
                    .zip(SECTION_TRAILS)
                    .map(|(trail, section)| bit(!trail.is_plain(), section))
                    .sum::<u8>(),
        );
        encode_role(&self.network_operator, &mut out);
        if let Some(supplier) = &self.supplier {
            encode_role(supplier, &mut out);
        }
        encode_messages(&self.messages, &mut out);
        encode_requests(&self.requests, &mut out);
        if has_covers {
            encode_covers(&Role::ALL.map(|role| self.cover(role)), &mut out);
        }
        let first = self.voids.len().saturating_sub(VOIDS_KEPT);
        let voids = self.voids.get(first..).unwrap_or_default();
        if let Ok(count @ 1..) = u8::try_from(voids.len()) {
            out.push(count);
            out.extend(voids.as_flattened());
        }
        for trail in self.trails.iter().filter(|trail| !trail.is_plain()) {
            out.extend(trail.words().into_iter().flat_map(u64::to_be_bytes));
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

fn encode_messages(messages: &[MessageNote], out: &mut Vec<u8>) {
    let first = messages.len().saturating_sub(MESSAGES_KEPT);
    let kept = messages.get(first..).unwrap_or_default();
    if let Ok(count @ 1..) = u8::try_from(kept.len()) {
        out.push(count);
        for note in kept {
            out.extend(note.identity.to_be_bytes());
            out.extend(note.digest);
            out.push(u8::from(note.verified));
        }
    }
}

fn encode_requests(requests: &[RequestNote], out: &mut Vec<u8>) {
    if requests.is_empty() {
        return;
    }
    if !requests.is_sorted_by(|one, next| one < next) {
        let mut sorted = requests.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        return encode_requests(&sorted, out);
    }
    let kinds = KINDS.map(|(role, imported)| {
        let is_of_kind = |note: &&RequestNote| (note.role, note.imported) == (role, imported);
        let start = requests.partition_point(|note| (note.role, note.imported) < (role, imported));
        let count = requests.iter().skip(start).take_while(is_of_kind).count();
        let kept = count.min(most_of(imported));
        let end = start + count;
        requests.get(end - kept..end).unwrap_or_default()
    });
    let present = kinds
        .iter()
        .enumerate()
        .map(|(kind, notes)| bit(!notes.is_empty(), 1 << kind));
    out.push(present.sum());
    // At most 24 of a kind.
    let counts = kinds.iter().map(|notes| u8::try_from(notes.len()));
    out.extend(counts.filter_map(Result::ok).filter(|&count| count > 0));
    for note in kinds.into_iter().flatten() {
        for word in [note.issued, note.originator, note.request_counter] {
            out.extend(word.to_be_bytes());
        }
    }
}

fn encode_covers(covers: &[Cover; 2], out: &mut Vec<u8>) {
    let groups: Vec<_> = covers.iter().flat_map(Cover::places).collect();
    let present = groups
        .iter()
        .enumerate()
        .map(|(place, group)| bit(group.is_some(), 1 << place));
    out.push(present.sum());
    for group in groups.into_iter().flatten() {
        let (shift, first, last, inner) = group.parts();
        // At most 60 and 6.
        for small in [u8::try_from(shift).ok(), u8::try_from(inner.len()).ok()] {
            out.push(small.unwrap_or_default());
        }
        for number in [first, last].iter().chain(inner) {
            out.extend(number.to_be_bytes());
        }
    }
}

fn bit(present: bool, bit: u8) -> u8 {
    if present { bit } else { 0 }
}
