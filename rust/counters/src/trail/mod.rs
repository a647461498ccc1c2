//! What is told of the certificates in a slot's cells: a base, links, and commands that wait for an answer.
//!
//! Messages of a device come late, twice, out of order, and under clocks that were never set. So no message decides
//! alone who stands in a cell: each one that a device answered is a link from the certificate that was there to the one
//! that came, and the occupant is computed from all links together ([`Trail::standing`]). The order in which they came
//! changes nothing.

mod observed;
mod walk;
mod words;

pub use self::observed::Observation;
pub use self::walk::Standing;
pub(crate) use self::words::{end_of, messages_of};

use crate::image::CellImage;
use crate::notes::MessageNote;
use crate::occupants::Occupant;
use crate::role::{CellSource, CellUse};

/// Links kept a cell; the oldest beyond go into the base.
pub const LINKS_KEPT: usize = 64;

/// Commands without an answer that are kept a role; that with the lowest number goes first.
pub const PENDING_KEPT: usize = 8;

/// One change of a cell: the certificate that was there and the one that came. Where both are the same the message told
/// who stands there, and that nothing changed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Step {
    /// Who held the cell before.
    pub existing: Occupant,
    /// Who holds it after.
    pub replacing: Occupant,
}

/// A message of the device that told of a role's cells.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Link {
    /// Which message it was, and whether the device's signature verified it.
    pub message: MessageNote,
    /// The authorising number of the command that it answers, 0 to 2^63-1; 0 where that acted for another role.
    pub number: u64,
    /// The device's own time of the change, in Unix seconds; 0 where it gave none.
    pub device_time: u32,
    /// What kind of message it was.
    pub source: CellSource,
    /// What it told of each cell, in the order of [`CellUse::ALL`].
    pub steps: [Option<Step>; 2],
}

/// A command that was sent and of which no outcome is known: it may have changed the cells, may still do so, or may
/// never have arrived.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Pending {
    /// Its Originator Counter, 0 to 2^63-1.
    pub number: u64,
    /// What it does to each cell, in the order of [`CellUse::ALL`]. The existing certificate is known by its party
    /// alone where the command does not name it.
    pub steps: [Option<Step>; 2],
    /// When it does that.
    pub due: Due,
}

/// When a command does to the cells what it says.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Due {
    /// As it arrives.
    #[default]
    AtOnce,
    /// The device holds it until its execution time.
    Later,
    /// It takes back what its party had the device hold, and changes no cell (N15). Its steps tell whose it is.
    Never {
        /// Whether the device accepted it.
        accepted: bool,
    },
}

impl Pending {
    fn is_answered_by(&self, link: &Link) -> bool {
        link.number == self.number && party_of(&link.steps) == party_of(&self.steps)
    }

    /// Whether it may have changed cells: what takes others back leads nowhere itself.
    fn may_execute(&self) -> bool {
        !matches!(self.due, Due::Never { .. })
    }

    fn is_of(&self, party: u64) -> bool {
        party_of(&self.steps) == Some(party)
    }

    /// Whether the device was to hold it, and accepted a later command of its party that takes it back.
    fn is_taken_back_by(&self, other: &Self) -> bool {
        self.due == Due::Later
            && other.due == Due::Never { accepted: true }
            && self.number < other.number
            && party_of(&self.steps) == party_of(&other.steps)
    }
}

/// What is told of a role's two cells.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Trail {
    /// Where the walk of each cell begins; without an occupant, that is not known.
    pub base: [CellImage; 2],
    /// Of a base that was read back: the number up to which messages without a time are older than it.
    pub settled: [Option<u64>; 2],
    /// Whether a cell was told of by two messages that contradict each other, and by none since.
    pub disputed: [bool; 2],
    /// In the order of their arrival.
    pub links: Vec<Link>,
    /// That with the lowest number first.
    pub pending: Vec<Pending>,
}

impl Trail {
    /// Whether nothing is kept but a base.
    pub fn is_plain(&self) -> bool {
        self.links.is_empty()
            && self.pending.is_empty()
            && self.disputed == [false; 2]
            && self.settled == [None; 2]
    }

    /// Adds what a message told; whether that changes anything.
    ///
    /// A message is told once. An unverified one tells nothing of a cell of which something verified is known, unless
    /// `unverified_too`; the first verified one takes its place. One that is older than the base is history: it is kept
    /// and leaves the cell in doubt for as long as it takes from it who stands there, and changes nothing else.
    pub fn tell(&mut self, link: &Link, unverified_too: bool) -> bool {
        let is_same = |known: &Link| known.message.is_same(&link.message);
        let known = self.links.iter().position(is_same);
        let is_told = |at: usize| self.links[at].message.verified || !link.message.verified;
        if known.is_some_and(is_told) {
            return false;
        }
        // One that was unverified before may have been heard about one cell alone.
        let mut link = *link;
        for cell in 0..self.base.len() {
            let is_heard = link.message.verified || unverified_too || !self.has_verified(cell);
            let has_changed = |step: Step| step.existing != step.replacing;
            link.steps[cell] = link.steps[cell].filter(|step| {
                is_heard && (has_changed(*step) || !self.is_history(cell, *step, &link))
            });
        }
        if link.steps == [None; 2] {
            return false;
        }
        match known {
            Some(at) => self.links[at] = link,
            None => self.links.push(link),
        }
        for (cell, step) in link.steps.iter().enumerate() {
            if step.is_none_or(|step| self.is_history(cell, step, &link)) {
                continue;
            }
            if let Some(disputed) = self.disputed.get_mut(cell) {
                *disputed = false;
            }
            if link.message.verified {
                self.drop_unverified(cell);
            }
        }
        for cell in 0..self.base.len() {
            while self.steps_of(cell).count() > LINKS_KEPT {
                self.fold_oldest(cell);
            }
        }
        true
    }

    /// Adds a command that waits for an answer; whether that changes anything.
    ///
    /// Anybody may have written an answer that is not verified: the command is kept beside it, and not read as executed
    /// for as long as that answer is read.
    pub fn expect(&mut self, pending: Pending) -> bool {
        let mut verified = self.links.iter().filter(|link| link.message.verified);
        let is_answered = verified.any(|link| pending.is_answered_by(link));
        let taken_back = self.pending.iter().any(|by| pending.is_taken_back_by(by));
        if is_answered
            || taken_back
            || pending.steps == [None; 2]
            || self.pending.contains(&pending)
        {
            return false;
        }
        let place = self
            .pending
            .partition_point(|known| known.number <= pending.number);
        self.pending.insert(place, pending);
        if self.pending.len() > PENDING_KEPT {
            self.pending.remove(0);
        }
        place > 0 || self.pending.first() == Some(&pending)
    }

    /// The command of `party` with this number has an outcome that is verified; whether it was pending.
    pub fn settle(&mut self, party: u64, number: u64) -> bool {
        let before = self.pending.len();
        self.pending
            .retain(|pending| pending.number != number || !pending.is_of(party));
        self.pending.len() < before
    }

    /// Whether a command of `party` with this number takes back what the device holds, and has no answer yet.
    pub fn awaits_acceptance(&self, party: u64, number: u64) -> bool {
        let due = Due::Never { accepted: false };
        let mut pending = self.pending.iter();
        pending.any(|one| one.due == due && one.number == number && one.is_of(party))
    }

    /// The device accepted the command of `party` with this number. Where that takes back what the device held, it waits
    /// no more, and is not kept if it is told of after this. Whether that changes anything.
    pub fn accept(&mut self, party: u64, number: u64) -> bool {
        if !self.awaits_acceptance(party, number) {
            return false;
        }
        let due = Due::Never { accepted: true };
        for one in &mut self.pending {
            if one.number == number && one.is_of(party) && one.due != Due::AtOnce {
                one.due = due;
            }
        }
        let accepted: Vec<_> = self
            .pending
            .iter()
            .filter(|one| one.due == due)
            .copied()
            .collect();
        self.pending
            .retain(|one| !accepted.iter().any(|by| one.is_taken_back_by(by)));
        true
    }

    /// Two messages contradict each other about a cell: nothing is said of it until it is told of again. Whether that
    /// is new.
    pub fn dispute(&mut self, cell_use: CellUse) -> bool {
        let disputed = &mut self.disputed[cell_use.index()];
        !core::mem::replace(disputed, true)
    }

    /// Makes what is kept take at most so many words; `false` if that is not possible.
    ///
    /// Links go into the bases, the oldest first, and last the pending commands.
    pub(crate) fn shrink(&mut self, words: usize) -> bool {
        while self.most_words() > words && self.words().len() > words {
            let fullest = (0..self.base.len()).max_by_key(|&cell| self.steps_of(cell).count());
            match fullest.filter(|&cell| self.steps_of(cell).next().is_some()) {
                Some(cell) => self.fold_oldest(cell),
                None if self.pending.is_empty() => return false,
                None => drop(self.pending.remove(0)),
            }
        }
        true
    }

    /// Whether who stands in a cell depends on whether what is unverified is read beside what is verified.
    pub(crate) fn is_mixed(&self) -> bool {
        (0..self.base.len()).any(|cell| {
            let base = &self.base[cell];
            let mut links = self.steps_of(cell);
            self.has_verified(cell)
                && (base.occupant.is_some() && !base.verified
                    || links.any(|(link, _)| !link.message.verified))
        })
    }

    fn has_verified(&self, cell: usize) -> bool {
        let base = &self.base[cell];
        (base.occupant.is_some() && base.verified)
            || self.links_of(cell).any(|(link, _)| link.message.verified)
    }

    /// What is kept of a cell, history too.
    fn steps_of(&self, cell: usize) -> impl Iterator<Item = (&Link, Step)> {
        self.links
            .iter()
            .filter_map(move |link| Some((link, link.steps[cell]?)))
    }

    fn links_of(&self, cell: usize) -> impl Iterator<Item = (&Link, Step)> {
        self.steps_of(cell)
            .filter(move |(link, step)| !self.is_history(cell, *step, link))
    }

    /// What came late, and is older than the base.
    fn history_of(&self, cell: usize) -> impl Iterator<Item = (&Link, Step)> {
        self.steps_of(cell)
            .filter(move |(link, step)| self.is_history(cell, *step, link))
    }

    fn drop_unverified(&mut self, cell: usize) {
        if !self.base[cell].verified && !self.base[cell].source.is_brought_in() {
            // What was history to an alert is none to the messages that take its place.
            self.forget_history(cell);
            self.base[cell] = CellImage::default();
            self.settled[cell] = None;
        }
        self.retain_steps(cell, |link| link.message.verified);
    }

    fn retain_steps(&mut self, cell: usize, is_kept: impl Fn(&Link) -> bool) {
        for link in &mut self.links {
            if !is_kept(link) {
                link.steps[cell] = None;
            }
        }
        self.links.retain(|link| link.steps != [None; 2]);
    }

    fn forget_history(&mut self, cell: usize) {
        let of_history: Vec<_> = self
            .history_of(cell)
            .map(|(link, _)| link.message)
            .collect();
        self.retain_steps(cell, |link| !of_history.contains(&link.message));
    }

    /// Forgets history first, and leaves the doubt that it was. Then moves the base over the oldest link of a cell that
    /// leaves it, if the occupant stays who it is. Where none does, the oldest link is forgotten as one that was never
    /// told.
    fn fold_oldest(&mut self, cell: usize) {
        let stands = self.standing_of(cell, true).occupant;
        if self.history_of(cell).next().is_some() {
            self.forget_history(cell);
            self.disputed[cell] |= self.standing_of(cell, true).occupant != stands;
            return;
        }
        let before = self.base[cell];
        let candidates: Vec<_> = (0..self.links.len())
            .filter(|&at| self.links[at].steps[cell].is_some())
            .collect();
        for at in candidates.iter().copied() {
            let link = self.links[at];
            let Some(step) = link.steps[cell] else {
                continue;
            };
            if before.occupant.is_some_and(|base| base != step.existing) {
                continue;
            }
            self.links[at].steps[cell] = None;
            self.base[cell] = CellImage {
                occupant: before.occupant.map(|_| step.replacing),
                device_time: link.device_time,
                verified: link.message.verified,
                source: link.source,
            };
            if before.occupant.is_none() {
                self.base[cell] = CellImage::default();
            }
            if self.standing_of(cell, true).occupant == stands {
                self.links.retain(|link| link.steps != [None; 2]);
                return;
            }
            self.links[at].steps[cell] = Some(step);
            self.base[cell] = before;
        }
        if let Some(&oldest) = candidates.first() {
            self.links[oldest].steps[cell] = None;
            self.base[cell] = CellImage::default();
            self.links.retain(|link| link.steps != [None; 2]);
        }
    }
}

/// Who commands: the party that held the cell which authorised it.
fn party_of(steps: &[Option<Step>; 2]) -> Option<u64> {
    steps.iter().flatten().next().map(|step| step.existing.eui)
}
