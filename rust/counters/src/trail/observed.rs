//! What was seen to stand in a cell: by a read-back of the device, an alert, an import. It may become the base of the
//! walk, and what happened before it is history then.

use super::walk::same;
use super::{Link, Step, Trail};
use crate::image::CellImage;
use crate::occupants::Occupant;
use crate::role::{CellSource, CellUse};

/// Who was seen to stand in a cell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Observation {
    /// What was seen, when, and how that is known.
    pub seen: CellImage,
    /// The highest number known of the role when a device was read: a message without a time that has no higher one is
    /// older than the reading. `None` where numbers tell nothing.
    pub settles: Option<u64>,
    /// Whether it is later than all that its originator is known to have sent before.
    pub is_newest: bool,
    /// Device times after this one come of a clock that runs ahead, and order nothing.
    pub now: u32,
}

/// Where a message stands to what its cell's walk begins with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Order {
    Later,
    Earlier,
    /// Dated earlier, with a number that is above all that were known when the device was read: one of both lies.
    Contradictory,
    /// It has neither time nor number. Nothing tells that it is earlier.
    Unknown,
}

impl Trail {
    /// Takes what was seen to stand in a cell; whether that changes anything.
    ///
    /// A reading becomes the base if it is later than all that is known of the cell; where times do not tell, if the
    /// cell is unknown, or doubtful or known by its party alone and the reading its originator's newest. One that
    /// contradicts what is known, and by no time is the earlier, leaves the cell in doubt. An alert is taken likewise,
    /// but says nothing new of a certificate that a link has told of; an import begins the walk where nothing else
    /// does, if it leaves who is there.
    pub fn observe(
        &mut self,
        cell_use: CellUse,
        observation: &Observation,
        unverified_too: bool,
    ) -> bool {
        let cell = cell_use.index();
        let seen = observation.seen;
        let standing = self.standing_of(cell, unverified_too);
        let is_known = match (standing.occupant, seen.occupant) {
            (Some(stands), Some(seen)) => same(stands, seen),
            _ => false,
        };
        // Of whom stands there the party alone may be known.
        let names_certificate =
            |one: Option<Occupant>| one.is_some_and(|one| one.key_identifier.is_some());
        let names_more = !names_certificate(standing.occupant) && names_certificate(seen.occupant);
        let is_open = standing.occupant.is_none();
        let is_later = self.is_later(cell, observation);
        match seen.source {
            CellSource::ReadBack => {
                let is_heard = seen.verified || unverified_too || !self.has_verified(cell);
                match is_later {
                    _ if !is_heard => false,
                    Some(is_later) => is_later && self.begin_at(cell_use, observation),
                    None if !standing.is_told => self.begin_at(cell_use, observation),
                    None if !observation.is_newest => false,
                    None if is_known => names_more && self.begin_at(cell_use, observation),
                    None if is_open => self.begin_at(cell_use, observation),
                    None => self.dispute(cell_use),
                }
            }
            CellSource::Report => match is_later {
                _ if is_known => false,
                // A certificate came in that nobody can name.
                _ if seen.occupant.is_none() => is_later != Some(false) && self.dispute(cell_use),
                Some(is_later) => is_later && self.begin_at(cell_use, observation),
                None if is_open => self.begin_at(cell_use, observation),
                None => !self.was_told(cell, &seen) && self.dispute(cell_use),
            },
            _ => {
                let is_begun =
                    self.base[cell].occupant.is_some() && !self.base[cell].source.is_brought_in();
                if is_begun && !is_open {
                    return false;
                }
                let before = self.clone();
                let changes = self.begin_at(cell_use, observation);
                let after = self.standing_of(cell, unverified_too).occupant;
                if changes && !is_open && after != standing.occupant {
                    *self = before;
                    return false;
                }
                changes
            }
        }
    }

    /// Whether a step is older than what the walk of its cell begins with: by its time, and without one by its number.
    pub(super) fn is_history(&self, cell: usize, step: Step, link: &Link) -> bool {
        let base = &self.base[cell];
        if base.occupant.is_none() || !base.source.is_observed() {
            return false;
        }
        // The device itself tells of the change that an alert was about, and dates it earlier.
        if !base.verified && base.occupant.is_some_and(|base| same(base, step.replacing)) {
            return false;
        }
        matches!(
            self.order(cell, link),
            Order::Earlier | Order::Contradictory
        )
    }

    /// Where a message stands to the reading that the walk of a cell begins with: its time decides, and without one its
    /// number. What acts for another role has no number of this one.
    pub(super) fn order(&self, cell: usize, link: &Link) -> Order {
        let begun = self.base[cell].device_time;
        let settled = self.settled[cell];
        let by_time = (link.device_time != 0 && begun != 0).then_some(link.device_time > begun);
        let by_number = settled
            .filter(|_| link.number != 0)
            .map(|settled| link.number > settled);
        match (by_time, by_number) {
            (Some(false), Some(true)) => Order::Contradictory,
            (Some(false), _) | (None, Some(false)) => Order::Earlier,
            (None, None) if settled.is_some() => Order::Unknown,
            (Some(true), _) | (None, Some(true) | None) => Order::Later,
        }
    }

    fn begin_at(&mut self, cell_use: CellUse, observation: &Observation) -> bool {
        let cell = cell_use.index();
        let before = self.clone();
        self.base[cell] = observation.seen;
        if observation.seen.device_time > observation.now {
            self.base[cell].device_time = 0;
        }
        self.settled[cell] = observation.settles;
        self.disputed[cell] = false;
        // An import says where the walk began, the others where it has come to.
        let is_import = observation.seen.source.is_brought_in();
        for at in 0..self.links.len() {
            let link = self.links[at];
            let is_kept = |step: Step| is_import && !self.is_history(cell, step, &link);
            self.links[at].steps[cell] = link.steps[cell].filter(|step| is_kept(*step));
        }
        self.links.retain(|link| link.steps != [None; 2]);
        *self != before
    }

    /// Whether the observation is later than all that is known of the cell; `None` where times do not tell.
    fn is_later(&self, cell: usize, observation: &Observation) -> Option<bool> {
        let time = observation.seen.device_time;
        let is_sound = |time: &u32| *time != 0 && *time <= observation.now;
        let base = self.base[cell]
            .occupant
            .map(|_| self.base[cell].device_time);
        let links = self.links_of(cell).map(|(link, _)| link.device_time);
        let latest = links.chain(base).filter(is_sound).max()?;
        is_sound(&time).then_some(time > latest)
    }

    fn was_told(&self, cell: usize, seen: &CellImage) -> bool {
        let Some(seen) = seen.occupant else {
            return false;
        };
        self.links_of(cell)
            .any(|(_, step)| same(seen, step.replacing) || same(seen, step.existing))
    }
}
