//! A trail as 64-bit words: in a device's notes, and in its record image.

use thiserror::Error;

use super::{Due, LINKS_KEPT, Link, PENDING_KEPT, Pending, Step, Trail};
use crate::image::CellImage;
use crate::notes::MessageNote;
use crate::occupants::Occupant;
use crate::role::{CellSource, LAST_COUNTER};

/// Counts and bases, then the device times of the bases. The numbers that read-backs settled follow.
const HEAD: usize = 2;
const OCCUPANT: usize = 2;
const LINK: usize = 5;
const PENDING: usize = 2;

/// Words that no trail has.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not the words of a trail")]
pub(crate) struct TrailError;

/// Where the trail ends that these words begin with.
pub(crate) fn end_of(words: &[u64]) -> usize {
    let Some(&head) = words.first() else { return 0 };
    let [_, occupants, links, pending, _, _, _, settled] = head.to_be_bytes();
    HEAD + settled.count_ones() as usize
        + usize::from(occupants) * OCCUPANT
        + usize::from(links) * LINK
        + usize::from(pending) * PENDING
}

/// The messages that made links, without the rest.
pub(crate) fn messages_of(words: &[u64]) -> impl Iterator<Item = MessageNote> + '_ {
    let head = words.first().copied().unwrap_or_default();
    let [_, occupants, links, _, _, _, _, settled] = head.to_be_bytes();
    let start = HEAD + settled.count_ones() as usize + usize::from(occupants) * OCCUPANT;
    let links = words.get(start..start + usize::from(links) * LINK);
    let (links, _) = links.unwrap_or_default().as_chunks::<LINK>();
    links
        .iter()
        .map(|&[identity, start, rest, ..]| note(identity, start, rest).0)
}

impl Trail {
    /// How many words this trail takes at most: as if each certificate of a step were one of its own.
    pub(crate) fn most_words(&self) -> usize {
        let steps = 2 * (self.links.len() + self.pending.len());
        HEAD + self.settled.len()
            + (self.base.len() + 2 * steps) * OCCUPANT
            + self.links.len() * LINK
            + self.pending.len() * PENDING
    }

    /// The words of this trail. Occupants are numbered from 1 with eight bits, 0 is nobody: one with more than 255 of
    /// them has too many words to be kept.
    pub(crate) fn words(&self) -> Vec<u64> {
        let mut words = Vec::with_capacity(self.most_words());
        words.extend([0; HEAD]);
        words.extend(self.settled.into_iter().flatten());
        let mut occupants = Occupants {
            start: words.len(),
            words,
        };
        let bases = self.base.each_ref().map(|base| base.occupant);
        bases
            .into_iter()
            .flatten()
            .for_each(|occupant| occupants.add(occupant));
        let links = self.links.iter().map(|link| &link.steps);
        let pending = self.pending.iter().map(|pending| &pending.steps);
        for step in links.chain(pending).flatten().flatten() {
            occupants.add(step.existing);
            occupants.add(step.replacing);
        }
        let end = occupants.words.len();
        let bases = bases.map(|occupant| occupants.number(end, occupant));
        for link in &self.links {
            let steps = occupants.numbered(end, &link.steps);
            let [high, low] = digest_words(&link.message, link.source);
            let place = joined(steps, link.device_time);
            let link = [link.message.identity, high, low, link.number, place];
            occupants.words.extend(link);
        }
        for pending in &self.pending {
            let steps = occupants.numbered(end, &pending.steps);
            let pending = [pending.number, joined(steps, due_number(pending.due))];
            occupants.words.extend(pending);
        }
        let small = |count: usize| u8::try_from(count).unwrap_or(u8::MAX);
        let bits = self.base.iter().enumerate().map(|(cell, base)| {
            (base.source.number() | u8::from(base.verified) << 3) << (4 * cell)
        });
        let disputed = self.disputed.map(u8::from);
        let head = [
            disputed[0] | disputed[1] << 1,
            small((end - occupants.start) / OCCUPANT),
            small(self.links.len()),
            small(self.pending.len()),
            bases[0],
            bases[1],
            bits.fold(0, |all, bits| all | bits),
            u8::from(self.settled[0].is_some()) | u8::from(self.settled[1].is_some()) << 1,
        ];
        let times = self.base.each_ref().map(|base| base.device_time);
        let mut words = occupants.words;
        words[0] = u64::from_be_bytes(head);
        words[1] = u64::from(times[0]) << 32 | u64::from(times[1]);
        words
    }

    /// Reads what anybody may have written. A state has one encoding: occupants in the order of their use, none twice,
    /// none unused.
    pub(crate) fn from_words(words: &[u64]) -> Result<Self, TrailError> {
        let trail = Self::written(words)?;
        if trail.words() == words {
            Ok(trail)
        } else {
            Err(TrailError)
        }
    }

    /// Reads what [`Trail::words`] wrote.
    pub(crate) fn written(words: &[u64]) -> Result<Self, TrailError> {
        let [head, times, rest @ ..] = words else {
            return Err(TrailError);
        };
        let [
            disputed,
            occupants,
            links,
            pending,
            first,
            second,
            bits,
            settled,
        ] = head.to_be_bytes();
        let counts = [occupants, links, pending].map(usize::from);
        let [occupants, links, pending] = counts;
        if disputed > 0b11
            || settled > 0b11
            || links > 2 * LINKS_KEPT
            || pending > PENDING_KEPT
            || end_of(words) != words.len()
        {
            return Err(TrailError);
        }
        let (numbers, rest) = rest.split_at(settled.count_ones() as usize);
        let mut numbers = numbers.iter().map(|&number| in_range(number));
        let [first_settled, second_settled] =
            [settled & 1 != 0, settled & 2 != 0].map(|is_settled| {
                let number = is_settled.then(|| numbers.next()).flatten();
                number.transpose()
            });
        let (occupants, rest) = rest.split_at(occupants * OCCUPANT);
        let (links, pending) = rest.split_at(links * LINK);
        let (occupants, _) = occupants.as_chunks::<OCCUPANT>();
        let read = Reading { occupants };
        let [_, _, _, _, t0, t1, t2, t3] = times.to_be_bytes();
        let first_time = u32::try_from(times >> 32).map_err(|_| TrailError)?;
        let second_time = u32::from_be_bytes([t0, t1, t2, t3]);
        let base = [
            (first, bits & 0xf, first_time),
            (second, bits >> 4, second_time),
        ];
        let [digital_signature, key_agreement] = base.map(|base| read.base(base));
        Ok(Self {
            base: [digital_signature?, key_agreement?],
            settled: [first_settled?, second_settled?],
            disputed: [disputed & 1 != 0, disputed & 2 != 0],
            links: links
                .as_chunks::<LINK>()
                .0
                .iter()
                .map(|words| read.link(words))
                .collect::<Result<_, _>>()?,
            pending: pending
                .as_chunks::<PENDING>()
                .0
                .iter()
                .map(|words| read.pending(words))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// The words of a trail that are being written, with its occupants from `start` on.
struct Occupants {
    words: Vec<u64>,
    start: usize,
}

impl Occupants {
    fn add(&mut self, occupant: Occupant) {
        let words = words_of(occupant);
        let (known, _) = self.words[self.start..].as_chunks::<OCCUPANT>();
        if !known.contains(&words) {
            self.words.extend(words);
        }
    }

    /// The number of an occupant that was added; all of them end at `end`.
    fn number(&self, end: usize, occupant: Option<Occupant>) -> u8 {
        let Some(occupant) = occupant else { return 0 };
        let words = words_of(occupant);
        let (known, _) = self.words[self.start..end].as_chunks::<OCCUPANT>();
        let place = known.iter().position(|known| *known == words);
        place
            .and_then(|place| u8::try_from(place + 1).ok())
            .unwrap_or_default()
    }

    fn numbered(&self, end: usize, steps: &[Option<Step>; 2]) -> [u8; 4] {
        let [first, second] = *steps;
        [
            first.map(|step| step.existing),
            first.map(|step| step.replacing),
            second.map(|step| step.existing),
            second.map(|step| step.replacing),
        ]
        .map(|occupant| self.number(end, occupant))
    }
}

/// Key identifiers are the start of a SHA-1; eight zeros stand for none.
fn words_of(occupant: Occupant) -> [u64; OCCUPANT] {
    let key_identifier = occupant.key_identifier.unwrap_or_default();
    [occupant.eui, u64::from_be_bytes(key_identifier)]
}

struct Reading<'w> {
    occupants: &'w [[u64; OCCUPANT]],
}

impl Reading<'_> {
    fn occupant(&self, number: u8) -> Result<Option<Occupant>, TrailError> {
        let Some(place) = usize::from(number).checked_sub(1) else {
            return Ok(None);
        };
        let &[eui, key_identifier] = self.occupants.get(place).ok_or(TrailError)?;
        Ok(Some(Occupant {
            eui,
            key_identifier: Some(key_identifier.to_be_bytes()).filter(|_| key_identifier != 0),
        }))
    }

    fn base(&self, (number, bits, device_time): (u8, u8, u32)) -> Result<CellImage, TrailError> {
        Ok(CellImage {
            occupant: self.occupant(number)?,
            device_time,
            verified: bits >> 3 == 1,
            source: CellSource::from_number(bits & 0b111).ok_or(TrailError)?,
        })
    }

    fn steps(&self, numbers: u64) -> Result<([Option<Step>; 2], u32), TrailError> {
        let [first, second, third, fourth, time @ ..] = numbers.to_be_bytes();
        let step = |existing, replacing| match (self.occupant(existing)?, self.occupant(replacing)?)
        {
            (Some(existing), Some(replacing)) => Ok(Some(Step {
                existing,
                replacing,
            })),
            (None, None) => Ok(None),
            _ => Err(TrailError),
        };
        let steps = [step(first, second)?, step(third, fourth)?];
        if steps == [None; 2] {
            return Err(TrailError);
        }
        Ok((steps, u32::from_be_bytes(time)))
    }

    fn link(
        &self,
        &[identity, start, rest, number, steps]: &[u64; LINK],
    ) -> Result<Link, TrailError> {
        let (message, source) = note(identity, start, rest);
        let (steps, device_time) = self.steps(steps)?;
        Ok(Link {
            message,
            number: in_range(number)?,
            device_time,
            source: CellSource::from_number(source).ok_or(TrailError)?,
            steps,
        })
    }

    fn pending(&self, &[number, steps]: &[u64; PENDING]) -> Result<Pending, TrailError> {
        let (steps, due) = self.steps(steps)?;
        Ok(Pending {
            number: in_range(number)?,
            steps,
            due: due_of(due)?,
        })
    }
}

fn due_number(due: Due) -> u32 {
    match due {
        Due::AtOnce => 0,
        Due::Later => 1,
        Due::Never { accepted: false } => 2,
        Due::Never { accepted: true } => 3,
    }
}

fn due_of(number: u32) -> Result<Due, TrailError> {
    match number {
        0 => Ok(Due::AtOnce),
        1 => Ok(Due::Later),
        2 => Ok(Due::Never { accepted: false }),
        3 => Ok(Due::Never { accepted: true }),
        _ => Err(TrailError),
    }
}

fn in_range(number: u64) -> Result<u64, TrailError> {
    if number > LAST_COUNTER {
        return Err(TrailError);
    }
    Ok(number)
}

fn joined(occupants: [u8; 4], time: u32) -> u64 {
    u64::from(u32::from_be_bytes(occupants)) << 32 | u64::from(time)
}

/// The digest's 15 octets, then verification (bit 3) and source.
fn digest_words(message: &MessageNote, source: CellSource) -> [u64; 2] {
    let mut octets = [0; 16];
    let (digest, last) = octets.split_at_mut(15);
    digest.copy_from_slice(&message.digest);
    last.fill(source.number() | u8::from(message.verified) << 3);
    let (words, _) = octets.as_chunks::<8>();
    [words[0], words[1]].map(u64::from_be_bytes)
}

fn note(identity: u64, start: u64, rest: u64) -> (MessageNote, u8) {
    let mut digest = [0; 15];
    let [.., bits] = rest.to_be_bytes();
    let octets = start.to_be_bytes().into_iter().chain(rest.to_be_bytes());
    for (place, octet) in digest.iter_mut().zip(octets) {
        *place = octet;
    }
    let message = MessageNote {
        identity,
        digest,
        verified: bits & 0b1000 != 0,
    };
    (message, bits & 0b111)
}
