//! What a device has beside its row: the Supplier role, remembered messages, requests, old numbers.
//!
//! All of it is a run of 64-bit words, so that a device's notes are one allocation of the size that
//! they need: a header word, then the Supplier role (6 words, or none), messages (3 words each),
//! requests (3 words each), and issued numbers in rising order (1 word each).

use crate::OccupantId;
use crate::role::{LAST_COUNTER, Role, RoleState};
use crate::row::{PackedRole, pack, unpack};

/// A message that changed the device's record, remembered so that its repeat is known as one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct MessageNote {
    /// A hash of what the message says it is: originator, recipient, counter, code.
    pub identity: u64,
    /// The first 15 bytes of the SHA-256 of its bytes.
    pub digest: [u8; 15],
    /// Whether the device's signature verified it.
    pub verified: bool,
}

/// A request that was answered with a command.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct RequestNote {
    /// The EUI-64 of the RequestID's originator.
    pub originator: u64,
    /// The counter of the RequestID, 0 to 2^64-1.
    pub request_counter: u64,
    /// The Originator Counter of the command.
    pub issued: u64,
}

/// Messages remembered a device; the oldest goes first.
pub const MESSAGES_KEPT: usize = 8;

/// Requests remembered a device; the oldest goes first, its issued number stays for ever.
pub const REQUESTS_KEPT: usize = 64;

const SUPPLIER_WORDS: usize = 6;
const NOTE_WORDS: usize = 3;

/// Numbers of a role are at most [`LAST_COUNTER`], so the top bit can name the role.
const SUPPLIER_ISSUED: u64 = LAST_COUNTER + 1;

/// How much of each kind a run of words holds; in the header, from the top: 32 bits for the row
/// that owns the notes, then an unused byte and one byte for each field.
#[derive(Clone, Copy, Default)]
struct Header {
    supplier: bool,
    messages: u8,
    requests: u8,
}

/// The half of the header word that is not the owner's.
const HEADER_MASK: u64 = u32::MAX as u64;

impl Header {
    fn word(self) -> u64 {
        let bytes = [
            0,
            0,
            0,
            0,
            0,
            u8::from(self.supplier),
            self.messages,
            self.requests,
        ];
        u64::from_be_bytes(bytes)
    }

    fn read(words: &[u64]) -> Self {
        let [_, _, _, _, _, supplier, messages, requests] =
            words.first().copied().unwrap_or_default().to_be_bytes();
        Self {
            supplier: supplier != 0,
            messages,
            requests,
        }
    }

    fn messages_at(self) -> usize {
        1 + if self.supplier { SUPPLIER_WORDS } else { 0 }
    }

    fn requests_at(self) -> usize {
        self.messages_at() + usize::from(self.messages) * NOTE_WORDS
    }

    fn issued_at(self) -> usize {
        self.requests_at() + usize::from(self.requests) * NOTE_WORDS
    }
}

/// Reads a device's notes; no words at all are no notes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NotesView<'a>(pub(crate) &'a [u64]);

impl<'a> NotesView<'a> {
    pub(crate) fn supplier(self) -> Option<RoleState> {
        let words = self.0.get(1..=SUPPLIER_WORDS)?;
        if !Header::read(self.0).supplier {
            return None;
        }
        let &[recorded, seen, issued, first, second, bits] = words else {
            return None;
        };
        let (first, second) = (halves(first), halves(second));
        let [.., high, low] = bits.to_be_bytes();
        Some(unpack(&PackedRole {
            marks: [recorded, seen, issued],
            occupants: [OccupantId(first.0), OccupantId(second.0)],
            times: [first.1, second.1],
            bits: u16::from_be_bytes([high, low]),
        }))
    }

    /// The occupants of the Supplier role's cells.
    pub(crate) fn occupants(self) -> [OccupantId; 2] {
        match self.0.first() {
            Some(_) if Header::read(self.0).supplier => SUPPLIER_CELLS.map(|at| {
                let word = self.0.get(at).copied().unwrap_or_default();
                OccupantId(halves(word).0)
            }),
            _ => [OccupantId::UNKNOWN; 2],
        }
    }

    pub(crate) fn messages(self) -> impl DoubleEndedIterator<Item = MessageNote> + 'a {
        let header = Header::read(self.0);
        let words = self
            .0
            .get(header.messages_at()..header.requests_at())
            .unwrap_or_default();
        words
            .as_chunks::<NOTE_WORDS>()
            .0
            .iter()
            .map(|&[identity, start, rest]| {
                let bytes = (u128::from(start) << 64 | u128::from(rest)).to_be_bytes();
                let mut digest = [0; 15];
                digest.copy_from_slice(&bytes[..15]);
                MessageNote {
                    identity,
                    digest,
                    verified: rest & VERIFIED != 0,
                }
            })
    }

    pub(crate) fn requests(self) -> impl DoubleEndedIterator<Item = RequestNote> + 'a {
        let header = Header::read(self.0);
        let words = self
            .0
            .get(header.requests_at()..header.issued_at())
            .unwrap_or_default();
        words
            .as_chunks::<NOTE_WORDS>()
            .0
            .iter()
            .map(|&[originator, request_counter, issued]| RequestNote {
                originator,
                request_counter,
                issued,
            })
    }

    /// The numbers issued before the last one of their role, in the order of (role, number).
    pub(crate) fn older_issued(self) -> impl Iterator<Item = (Role, u64)> + 'a {
        self.issued_words()
            .iter()
            .map(|&word| issued_from_word(word))
    }

    pub(crate) fn was_issued_earlier(self, role: Role, number: u64) -> bool {
        self.issued_words()
            .binary_search(&issued_word(role, number))
            .is_ok()
    }

    fn issued_words(self) -> &'a [u64] {
        self.0
            .get(Header::read(self.0).issued_at()..)
            .unwrap_or_default()
    }
}

/// Changes a device's notes.
#[derive(Debug)]
pub(crate) struct NotesEdit<'a>(pub(crate) &'a mut Vec<u64>);

impl NotesEdit<'_> {
    pub(crate) fn set_supplier(&mut self, state: &RoleState) {
        let mut header = self.header();
        let packed = pack(state);
        let [recorded, seen, issued] = packed.marks;
        let [first, second] = packed.occupants;
        let [first_time, second_time] = packed.times;
        let words = [
            recorded,
            seen,
            issued,
            joined(first.0, first_time),
            joined(second.0, second_time),
            u64::from(packed.bits),
        ];
        let end = header.messages_at();
        self.0.splice(1..end, words);
        header.supplier = true;
        self.set_header(header);
    }

    /// Adds `note`; one that is there already, byte for byte, is at most verified by it.
    pub(crate) fn remember_message(&mut self, note: &MessageNote) {
        let mut header = self.header();
        let words = message_words(note);
        let kept = self
            .0
            .get_mut(header.messages_at()..header.requests_at())
            .unwrap_or_default();
        for [identity, start, rest] in kept.as_chunks_mut::<NOTE_WORDS>().0 {
            if [*identity, *start, *rest | VERIFIED] == [words[0], words[1], words[2] | VERIFIED] {
                *rest |= words[2];
                return;
            }
        }
        if usize::from(header.messages) < MESSAGES_KEPT {
            let end = header.requests_at();
            self.0.splice(end..end, words);
            header.messages += 1;
            self.set_header(header);
        } else {
            replace_oldest(kept, words);
        }
    }

    pub(crate) fn remember_request(&mut self, note: &RequestNote) {
        let mut header = self.header();
        let words = [note.originator, note.request_counter, note.issued];
        let end = header.issued_at();
        if usize::from(header.requests) < REQUESTS_KEPT {
            self.0.splice(end..end, words);
            header.requests += 1;
            self.set_header(header);
        } else {
            let kept = self
                .0
                .get_mut(header.requests_at()..end)
                .unwrap_or_default();
            replace_oldest(kept, words);
        }
    }

    /// Keeps `number` for ever; `false` if it was kept before.
    pub(crate) fn add_older_issued(&mut self, role: Role, number: u64) -> bool {
        let header = self.header();
        let word = issued_word(role, number);
        match NotesView(self.0).issued_words().binary_search(&word) {
            Ok(_) => false,
            Err(place) => {
                self.0.insert(header.issued_at() + place, word);
                true
            }
        }
    }

    /// The header, after a place for it was made.
    fn header(&mut self) -> Header {
        if self.0.is_empty() {
            self.0.push(0);
        }
        Header::read(self.0)
    }

    fn set_header(&mut self, header: Header) {
        if let Some(word) = self.0.first_mut() {
            *word = *word & !HEADER_MASK | header.word();
        }
    }
}

/// The words of notes without their owner, and with other numbers for occupants: valid elsewhere.
pub(crate) struct Remapped<'a> {
    words: &'a [u64],
    /// Of the Supplier role's cells.
    occupants: [u32; 2],
    at: usize,
}

/// Where the Supplier role has its cells, occupant in the upper and time in the lower half.
const SUPPLIER_CELLS: [usize; 2] = [4, 5];

impl<'a> Remapped<'a> {
    pub(crate) fn new(notes: NotesView<'a>, mut number: impl FnMut(OccupantId) -> u32) -> Self {
        let occupants = match notes.supplier() {
            Some(state) => state.cells.map(|cell| number(cell.occupant)),
            None => [0; 2],
        };
        Self {
            words: notes.0,
            occupants,
            at: 0,
        }
    }

    /// Gives remapped words the occupants of this table; `None` if they are no notes.
    pub(crate) fn undo(
        words: &mut [u64],
        mut occupant: impl FnMut(u32) -> Option<OccupantId>,
    ) -> Option<()> {
        let header = Header::read(words);
        if words.is_empty() || header.issued_at() > words.len() {
            return None;
        }
        if header.supplier {
            for at in SUPPLIER_CELLS {
                let word = words.get_mut(at)?;
                let (place, time) = halves(*word);
                *word = joined(occupant(place)?.0, time);
            }
        }
        Some(())
    }
}

impl Iterator for Remapped<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let word = *self.words.get(self.at)?;
        let cell = SUPPLIER_CELLS.iter().position(|at| *at == self.at);
        let occupant = cell
            .filter(|_| Header::read(self.words).supplier)
            .and_then(|cell| self.occupants.get(cell));
        let remapped = match (self.at, occupant) {
            (0, _) => word & HEADER_MASK,
            (_, Some(&occupant)) => joined(occupant, halves(word).1),
            (_, None) => word,
        };
        self.at += 1;
        Some(remapped)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.words.len() - self.at;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Remapped<'_> {}

/// The row that owns these notes.
pub(crate) fn owner(words: &[u64]) -> u32 {
    halves(words.first().copied().unwrap_or_default()).0
}

/// Marks notes as those of `row`; no notes at all become a header, which says that much.
pub(crate) fn set_owner(words: &mut Vec<u64>, row: u32) {
    NotesEdit(words).header();
    if let Some(word) = words.first_mut() {
        *word = joined(row, halves(*word).1);
    }
}

/// The lowest bit of a message's last word, which has eight bits more than the digest needs.
const VERIFIED: u64 = 1;

#[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
fn message_words(note: &MessageNote) -> [u64; NOTE_WORDS] {
    let mut bytes = [0; 16];
    bytes[..15].copy_from_slice(&note.digest);
    let digest = u128::from_be_bytes(bytes);
    let (start, rest) = ((digest >> 64) as u64, digest as u64);
    [
        note.identity,
        start,
        rest | if note.verified { VERIFIED } else { 0 },
    ]
}

fn replace_oldest(notes: &mut [u64], words: [u64; NOTE_WORDS]) {
    notes.rotate_left(NOTE_WORDS);
    if let Some(last) = notes.last_chunk_mut() {
        *last = words;
    }
}

/// An issued number with its role in the top bit, as notes and record images have it.
pub(crate) fn issued_word(role: Role, number: u64) -> u64 {
    match role {
        Role::NetworkOperator => number,
        Role::Supplier => number | SUPPLIER_ISSUED,
    }
}

pub(crate) fn issued_from_word(word: u64) -> (Role, u64) {
    let role = if word < SUPPLIER_ISSUED {
        Role::NetworkOperator
    } else {
        Role::Supplier
    };
    (role, word & LAST_COUNTER)
}

fn joined(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
fn halves(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role::{Cell, CellSource, Marks};

    fn message(n: u8, verified: bool) -> MessageNote {
        MessageNote {
            identity: u64::from(n) << 60 | 3,
            digest: [n; 15],
            verified,
        }
    }

    fn request(n: u64) -> RequestNote {
        RequestNote {
            originator: u64::MAX - n,
            request_counter: n,
            issued: n + 1,
        }
    }

    fn supplier() -> RoleState {
        let cell = Cell {
            occupant: OccupantId(u32::MAX - 1),
            device_time: 7,
            verified: true,
            source: CellSource::ReadBack,
        };
        RoleState {
            marks: Marks {
                recorded: None,
                seen: Some(u64::MAX),
                issued: Some(0),
            },
            cells: [
                cell,
                Cell {
                    occupant: OccupantId(3),
                    ..cell
                },
            ],
        }
    }

    #[test]
    fn kinds_of_notes_do_not_disturb_each_other() {
        let mut words = Vec::new();
        let mut edit = NotesEdit(&mut words);
        assert!(edit.add_older_issued(Role::Supplier, LAST_COUNTER));
        edit.remember_request(&request(1));
        assert!(edit.add_older_issued(Role::NetworkOperator, 5));
        edit.remember_message(&message(255, true));
        edit.set_supplier(&supplier());
        edit.remember_message(&message(2, false));
        edit.remember_request(&request(2));
        assert!(edit.add_older_issued(Role::NetworkOperator, 4));
        assert!(!edit.add_older_issued(Role::Supplier, LAST_COUNTER));
        set_owner(&mut words, 0xfedc_ba98);
        NotesEdit(&mut words).set_supplier(&supplier());

        assert_eq!(owner(&words), 0xfedc_ba98);
        let view = NotesView(&words);
        assert_eq!(view.supplier(), Some(supplier()));
        assert!(view.messages().eq([message(255, true), message(2, false)]));
        assert!(view.requests().eq([request(1), request(2)]));
        let issued = [
            (Role::NetworkOperator, 4),
            (Role::NetworkOperator, 5),
            (Role::Supplier, LAST_COUNTER),
        ];
        assert!(view.older_issued().eq(issued));
        assert!(view.was_issued_earlier(Role::NetworkOperator, 4));
        assert!(!view.was_issued_earlier(Role::Supplier, 4));
    }

    #[test]
    fn the_oldest_notes_go_first_and_issued_numbers_never() {
        let mut words = Vec::new();
        let mut edit = NotesEdit(&mut words);
        for n in 0..100 {
            edit.remember_message(&message(n, false));
            edit.remember_request(&request(u64::from(n)));
            edit.add_older_issued(Role::NetworkOperator, u64::from(n));
        }
        let view = NotesView(&words);
        assert!(view.messages().eq((92..100).map(|n| message(n, false))));
        assert!(view.requests().eq((36..100).map(request)));
        assert_eq!(view.older_issued().count(), 100);
    }

    #[test]
    fn the_same_message_again_can_only_verify_its_note() {
        let mut words = Vec::new();
        for verified in [false, true, false] {
            NotesEdit(&mut words).remember_message(&message(1, verified));
        }
        assert!(NotesView(&words).messages().eq([message(1, true)]));
    }

    #[test]
    fn no_words_are_no_notes() {
        let view = NotesView(&[]);
        assert_eq!(view.supplier(), None);
        assert_eq!(view.messages().count() + view.requests().count(), 0);
        assert_eq!(view.older_issued().count(), 0);
    }
}
