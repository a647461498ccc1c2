//! What a device has beside its row: the Supplier role, used numbers, messages, requests.
//!
//! All of it is a run of 64-bit words, so that a device's notes are one allocation of the size that
//! they need: a header word, then the Supplier role (6 words, or none), the groups of the covers (9
//! words each), messages (3 words each), requests (3 words each), damaged records that are named (2 words
//! each), and the trails of the roles.

mod header;
#[cfg(test)]
mod tests;

pub(crate) use self::header::{GROUPS, KINDS, most_of};

use self::header::{
    GROUP_WORDS, HEADER_MASK, Header, NOTE_WORDS, SUPPLIER_WORDS, VOID_WORDS, groups_of, kind_of,
};
use crate::OccupantId;
use crate::cover::{Cover, CoverGroup};
use crate::role::{Role, RoleState};
use crate::row::{PackedRole, pack, unpack};
use crate::trail::{Trail, end_of, messages_of};

/// A message that changed the device's record, remembered so that its repeat is known as one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct MessageNote {
    /// A hash of what the message says it is: originator, recipient, counter, code.
    pub identity: u64,
    /// Hashes of what the device signed (8 bytes) and of the whole message (7); of earlier releases, of the whole alone.
    pub digest: [u8; 15],
    /// Whether the device's signature verified it.
    pub verified: bool,
}

impl MessageNote {
    /// Whether both are of the same signed content under the same headers, whatever its signature.
    pub fn is_same(&self, other: &Self) -> bool {
        self.identity == other.identity
            && self.digest.first_chunk::<8>() == other.digest.first_chunk()
    }
}

/// A request that was answered with a command.
///
/// Of each role and kind those that stand last in this order are remembered: a set that depends on
/// the requests alone and not on when or from where they became known.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestNote {
    /// For which role the command was.
    pub role: Role,
    /// Whether an import told of it. Those have a number of places of their own, so that they push
    /// out no request that was answered here.
    pub imported: bool,
    /// The Originator Counter of the command, 0 to 2^63-1.
    pub issued: u64,
    /// The EUI-64 of the RequestID's originator.
    pub originator: u64,
    /// The counter of the RequestID, 0 to 2^64-1.
    pub request_counter: u64,
}

/// Messages remembered a device; the oldest goes first.
pub const MESSAGES_KEPT: usize = 8;

/// Requests answered here that are remembered a role; the lowest number goes first, into the cover.
pub const REQUESTS_KEPT: usize = 24;

/// The start of the SHA-256 of a damaged record.
pub type VoidNote = [u8; 16];

/// Damaged records of a device that its newer ones name. The oldest goes first, and is taken for unknown damage where it is
/// met again.
pub const VOIDS_KEPT: usize = 7;

/// Imported requests remembered a role, besides those answered here.
pub const IMPORTED_REQUESTS_KEPT: usize = 8;

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

    /// Those that made a link, oldest first.
    pub(crate) fn linked_messages(self) -> impl Iterator<Item = MessageNote> + 'a {
        let roles = Role::ALL.into_iter();
        roles.flat_map(move |role| messages_of(self.trail_words(role)))
    }

    /// The trail of a role; none where nothing is kept but what its cells hold.
    pub(crate) fn trail(self, role: Role) -> Option<Trail> {
        let words = self.trail_words(role);
        // They were read when they were written.
        (!words.is_empty()).then(|| Trail::written(words).unwrap_or_default())
    }

    pub(crate) fn trail_words(self, role: Role) -> &'a [u64] {
        let header = Header::read(self.0);
        if header.trails == [false; 2] {
            return &[];
        }
        let first = self.0.get(header.trails_at()..).unwrap_or_default();
        let [has_first, has_second] = header.trails;
        let (first, second) = first
            .split_at_checked(if has_first { end_of(first) } else { 0 })
            .unwrap_or_default();
        match role {
            Role::NetworkOperator => first,
            Role::Supplier if has_second => second,
            Role::Supplier => &[],
        }
    }

    /// Words that a role's trail may have, so that the device's record image stays below [`MOST_OCTETS`]: what the other
    /// one's leaves, and half at least. Else whoever tells of one slot without end would have the other one's forgotten.
    pub(crate) fn words_for_trail(self, role: Role) -> usize {
        let header = Header::read(self.0);
        let requests = header.requests.iter().sum::<usize>();
        let taken = MOST_HEAD
            + NOTE_WORDS * size_of::<u64>() * (header.messages + requests)
            + MOST_GROUP * header.groups.count_ones() as usize
            + VOID_WORDS * size_of::<u64>() * header.voids;
        let room = MOST_OCTETS.saturating_sub(taken) / size_of::<u64>();
        let elsewhere = self.trail_words(role.other()).len();
        room.saturating_sub(elsewhere).max(room / 2)
    }

    /// Whether the trails are too long for what else is kept.
    pub(crate) fn is_too_long(self) -> bool {
        Header::read(self.0).trails != [false; 2]
            && Role::ALL.into_iter().any(|role| {
                let words = self.trail_words(role).len();
                words > 0 && words > self.words_for_trail(role)
            })
    }

    pub(crate) fn messages(self) -> impl Iterator<Item = MessageNote> + 'a {
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

    /// The damaged records that are named, oldest first.
    pub(crate) fn voids(self) -> impl Iterator<Item = VoidNote> + 'a {
        let header = Header::read(self.0);
        let words = self.0.get(header.voids_at()..header.trails_at());
        let pairs = words.unwrap_or_default().as_chunks::<VOID_WORDS>().0.iter();
        pairs.map(|&[start, rest]| (u128::from(start) << 64 | u128::from(rest)).to_be_bytes())
    }

    /// In their order.
    pub(crate) fn requests(self) -> impl Iterator<Item = RequestNote> + 'a {
        let header = Header::read(self.0);
        KINDS
            .into_iter()
            .enumerate()
            .flat_map(move |(kind, (role, imported))| {
                let words = self.0.get(header.kind_at(kind)..header.kind_at(kind + 1));
                let words = words.unwrap_or_default().as_chunks::<NOTE_WORDS>().0;
                words
                    .iter()
                    .map(move |&[issued, originator, request_counter]| RequestNote {
                        role,
                        imported,
                        issued,
                        originator,
                        request_counter,
                    })
            })
    }

    /// Whether a remembered request of this role had this number.
    pub(crate) fn remembers(self, role: Role, number: u64) -> bool {
        self.requests()
            .any(|note| note.role == role && note.issued == number)
    }

    pub(crate) fn cover(self, role: Role) -> Cover {
        let header = Header::read(self.0);
        if header.groups == 0 {
            return Cover::EMPTY;
        }
        Cover::from_groups(groups_of(role).map(|group| self.group(header, group)))
    }

    /// Of each role that covers anything.
    pub(crate) fn covers(self) -> Vec<(Role, Cover)> {
        if Header::read(self.0).groups == 0 {
            return Vec::new();
        }
        Role::ALL
            .into_iter()
            .map(|role| (role, self.cover(role)))
            .filter(|(_, cover)| !cover.is_empty())
            .collect()
    }

    fn group(self, header: Header, group: usize) -> Option<CoverGroup> {
        if !header.has_group(group) {
            return None;
        }
        let at = header.group_at(group);
        let &[head, first, last, ref inner @ ..] = self.0.get(at..at + GROUP_WORDS)? else {
            return None;
        };
        let (count, shift) = halves(head);
        CoverGroup::from_parts(shift, first, last, inner.get(..count as usize)?)
    }
}

/// What a device's record image takes at most, whatever is asked of the device and told by it.
const MOST_OCTETS: usize = 2_500;

/// What a record image has at most besides messages, requests, covers and trails: 20 octets of head and checksum, two
/// roles of 67, and the counts of six sections.
const MOST_HEAD: usize = 20 + 2 * 67 + 16;

/// A group of a cover in a record image.
const MOST_GROUP: usize = 66;

/// What became of a request that was to be remembered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Remembered {
    Added,
    Already,
    /// The lowest one, which had this number, was forgotten for it.
    InsteadOf(u64),
    /// All that are remembered of its kind are higher.
    TooLow,
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
        let end = header.groups_at();
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
        if header.messages < MESSAGES_KEPT {
            insert(self.0, header.requests_at(), words);
            header.messages += 1;
            self.set_header(header);
        } else {
            replace_oldest(kept, words);
        }
    }

    /// Names a damaged record; whether that is new.
    pub(crate) fn name_void(&mut self, void: VoidNote) -> bool {
        if NotesView(self.0).voids().any(|known| known == void) {
            return false;
        }
        let mut header = self.header();
        if header.voids == VOIDS_KEPT {
            let oldest = header.voids_at();
            self.0.drain(oldest..oldest + VOID_WORDS);
            header.voids -= 1;
        }
        let end = header.trails_at();
        let (words, _) = void.as_chunks::<8>();
        let words = words.iter().map(|octets| u64::from_be_bytes(*octets));
        self.0.splice(end..end, words);
        header.voids += 1;
        self.set_header(header);
        true
    }

    pub(crate) fn remember_request(&mut self, note: &RequestNote) -> Remembered {
        let mut header = self.header();
        let kind = kind_of(note.role, note.imported);
        let start = header.kind_at(kind);
        let words = [note.issued, note.originator, note.request_counter];
        let kept = self
            .0
            .get_mut(start..header.kind_at(kind + 1))
            .unwrap_or_default();
        let chunks = kept.as_chunks::<NOTE_WORDS>().0;
        let Err(place) = chunks.binary_search(&words) else {
            return Remembered::Already;
        };
        if chunks.len() < most_of(note.imported) {
            insert(self.0, start + place * NOTE_WORDS, words);
            if let Some(count) = header.requests.get_mut(kind) {
                *count += 1;
            }
            self.set_header(header);
            return Remembered::Added;
        }
        let lowest = chunks.first().copied();
        match (lowest, kept.get_mut(..place * NOTE_WORDS)) {
            (Some([lowest, ..]), Some(lower)) if place > 0 => {
                replace_oldest(lower, words);
                Remembered::InsteadOf(lowest)
            }
            _ => Remembered::TooLow,
        }
    }

    /// Replaces what is covered for `role`; a group that is there does not go.
    pub(crate) fn set_cover(&mut self, role: Role, cover: &Cover) {
        for (group, covered) in groups_of(role).into_iter().zip(cover.places()) {
            if let Some(covered) = covered {
                self.set_group(group, covered);
            }
        }
    }

    /// Replaces the trail of a role; a plain one goes.
    pub(crate) fn set_trail(&mut self, role: Role, trail: &Trail) {
        let words = if trail.is_plain() {
            Vec::new()
        } else {
            trail.words()
        };
        self.set_trail_words(role, &words);
    }

    pub(crate) fn set_trail_words(&mut self, role: Role, words: &[u64]) {
        let mut header = self.header();
        let start = header.trails_at();
        let [first, second] = Role::ALL.map(|role| NotesView(self.0).trail_words(role).len());
        let range = match role {
            Role::NetworkOperator => start..start + first,
            Role::Supplier => start + first..start + first + second,
        };
        self.0.splice(range, words.iter().copied());
        let [has_first, has_second] = &mut header.trails;
        *match role {
            Role::NetworkOperator => has_first,
            Role::Supplier => has_second,
        } = !words.is_empty();
        self.set_header(header);
    }

    fn set_group(&mut self, group: usize, covered: &CoverGroup) {
        let mut header = self.header();
        let (shift, first, last, inner) = covered.parts();
        let mut words = [0; GROUP_WORDS];
        // There are at most 6.
        let count = u32::try_from(inner.len()).unwrap_or_default();
        let parts = [joined(count, shift), first, last];
        for (word, part) in words.iter_mut().zip(parts.iter().chain(inner)) {
            *word = *part;
        }
        let at = header.group_at(group);
        let replaced = if header.has_group(group) {
            GROUP_WORDS
        } else {
            0
        };
        self.0.splice(at..at + replaced, words);
        header.groups |= 1 << group;
        self.set_header(header);
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
        let notes = NotesView(words);
        let trails = Role::ALL.map(|role| notes.trail_words(role));
        let end = header.trails_at() + trails.iter().map(|trail| trail.len()).sum::<usize>();
        let is_trail = |(trail, has): (&[u64], bool)| !has || Trail::from_words(trail).is_ok();
        if words.is_empty()
            || end != words.len()
            || !trails.into_iter().zip(header.trails).all(is_trail)
        {
            return None;
        }
        if header.supplier {
            for at in SUPPLIER_CELLS {
                let word = words.get_mut(at)?;
                let (place, time) = halves(*word);
                *word = joined(occupant(place)?.0, time);
            }
        }
        let notes = NotesView(words);
        let is_readable = |group| !header.has_group(group) || notes.group(header, group).is_some();
        (0..GROUPS).all(is_readable).then_some(())
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

/// Puts `new` in before the word at `at`. Most go to the end, where nothing moves.
fn insert(words: &mut Vec<u64>, at: usize, new: [u64; NOTE_WORDS]) {
    words.extend_from_slice(&new);
    if let Some(behind) = words.get_mut(at..) {
        behind.rotate_right(NOTE_WORDS);
    }
}

fn replace_oldest(notes: &mut [u64], words: [u64; NOTE_WORDS]) {
    notes.rotate_left(NOTE_WORDS);
    if let Some(last) = notes.last_chunk_mut() {
        *last = words;
    }
}

fn joined(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
fn halves(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}
