//! Who stands in a cell, computed from all that was told of it.

use core::cmp::Reverse;

use super::observed::Order;
use super::{Due, Link, Pending, Step, Trail, party_of};
use crate::image::CellImage;
use crate::occupants::Occupant;
use crate::role::{CellSource, CellUse};

/// What is known of a cell's occupant.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Standing {
    /// Whose certificate is in the cell; `None` where nothing is known, or where what is told does not hang together.
    pub occupant: Option<Occupant>,
    /// Where the walk may have ended: one end if there is an occupant.
    pub ends: Vec<Occupant>,
    /// Whether anything at all is told of the cell. Without an occupant the cell is doubtful then, else unknown.
    pub is_told: bool,
    /// Whether all of it was verified.
    pub verified: bool,
    /// What kind of message told last of the occupant.
    pub source: CellSource,
    /// The device's own time of that, in Unix seconds; 0 where it gave none.
    pub device_time: u32,
}

impl Trail {
    /// Who stands in a cell.
    ///
    /// Each certificate came in as often as links lead to it, the base once more, and went out as often as links leave
    /// it. The occupant is the one that came in once more than it went out, if all links hang together with the base,
    /// or with one start where the base is not known. With a base, a pending command that leads from such an end to a
    /// certificate that went out once too often is read as executed: its answer was lost. So is history if its number
    /// says that it is none. History that is not read, and leads from the occupant, leaves doubt. What is unverified is
    /// read only where nothing is verified, or with `unverified_too`.
    pub fn standing(&self, cell_use: CellUse, unverified_too: bool) -> Standing {
        self.standing_of(cell_use.index(), unverified_too)
    }

    /// Who stands in both cells, as a device's row keeps it.
    pub(crate) fn cells(&self, unverified_too: bool) -> [CellImage; 2] {
        CellUse::ALL.map(|cell_use| {
            let cell = cell_use.index();
            if !self.disputed[cell]
                && self.base[cell].occupant.is_none()
                && self.steps_of(cell).next().is_none()
            {
                return CellImage::default();
            }
            let standing = self.standing(cell_use, unverified_too);
            if !standing.is_told {
                return CellImage::default();
            }
            CellImage {
                occupant: standing.occupant,
                device_time: standing.device_time,
                verified: standing.verified,
                source: standing.source,
            }
        })
    }

    pub(super) fn standing_of(&self, cell: usize, unverified_too: bool) -> Standing {
        let all = unverified_too || !self.has_verified(cell);
        let base = &self.base[cell];
        let is_brought_in = base.source.is_brought_in();
        let base_occupant = (base.occupant).filter(|_| all || base.verified || is_brought_in);
        let links: Vec<_> = self
            .links_of(cell)
            .filter(|(link, _)| all || link.message.verified)
            .collect();
        let steps = links.iter().map(|(_, step)| *step).collect();
        let is_answered = |pending: &&Pending| {
            let mut read = self.links.iter().filter(|l| all || l.message.verified);
            read.any(|link| pending.is_answered_by(link))
        };
        let waiting = (self.pending.iter()).filter(|p| p.may_execute() && !is_answered(p));
        let pending = waiting.filter_map(|pending| {
            Some(Open {
                number: pending.number,
                step: pending.steps[cell]?,
                may_fill_a_gap: true,
                is_told: false,
            })
        });
        let history = self
            .history_of(cell)
            .filter(|(link, _)| all || link.message.verified);
        let history = history.map(|(link, step)| Open {
            number: link.number,
            step,
            may_fill_a_gap: self.order(cell, link) == Order::Contradictory,
            is_told: true,
        });
        let mut open: Vec<_> = pending.chain(history).collect();
        let rank = |open: &Open| (open.number, open.step.existing, open.step.replacing);
        open.sort_by_key(|open| Reverse(rank(open)));
        let disputed = self.disputed[cell];
        let (occupant, ends) = walk(base_occupant, steps, open);
        let is_told = disputed || base_occupant.is_some() || !links.is_empty();
        let mut standing = Standing {
            is_told,
            occupant: occupant.filter(|_| !disputed),
            ends,
            verified: is_told
                && links.iter().all(|(link, _)| link.message.verified)
                && (base_occupant.is_none()
                    || base.verified
                    || (is_brought_in && !links.is_empty())),
            source: base.source,
            device_time: base.device_time,
        };
        if let Some((last, _)) = last_of(&links, standing.occupant) {
            standing.source = last.source;
            standing.device_time = last.device_time;
        }
        if is_told && standing.source == CellSource::Unknown {
            // Doubt has a source as well: that is how it differs from nothing told.
            standing.source = CellSource::Outcome;
        }
        standing
    }

    /// Whether it is certain enough who stands in a cell that a command to it may be refused: the occupant is verified,
    /// the latest of the messages that gave a time tells of it, no pending commands lead from it to `heir`, and it does
    /// not rest on a presumption.
    pub fn is_certain(&self, cell_use: CellUse, heir: u64) -> bool {
        let cell = cell_use.index();
        let standing = self.standing_of(cell, false);
        let Some(occupant) = standing.occupant.filter(|_| standing.verified) else {
            return false;
        };
        // What is unverified is not read here, whatever it says of the time.
        let verified = || {
            self.links_of(cell)
                .filter(|(link, _)| link.message.verified)
        };
        let times = verified().map(|(link, _)| link.device_time);
        let latest = times.max().unwrap_or_default();
        let is_latest = latest == 0
            || verified()
                .any(|(link, step)| link.device_time == latest && step.replacing == occupant);
        let is_leaving = self.may_lead_to(cell, occupant, heir);
        let rests_on_presumption = self.base[cell].source.is_presumption() && {
            let steps = verified().map(|(_, step)| step).collect();
            walk(None, steps, Vec::new()).0 != Some(occupant)
        };
        let is_sure = |(link, _): (&Link, Step)| {
            !matches!(
                self.order(cell, link),
                Order::Contradictory | Order::Unknown
            )
        };
        let mut all = self
            .steps_of(cell)
            .filter(|(link, _)| link.message.verified);
        let base = &self.base[cell];
        let is_read = base.occupant.is_some() && base.source.is_observed();
        let is_ordered = !is_read || all.all(is_sure);
        is_latest && is_ordered && !is_leaving && !rests_on_presumption
    }

    /// Whether pending commands lead from an occupant to `heir`: its own, or those of whom it may have handed over to.
    fn may_lead_to(&self, cell: usize, occupant: Occupant, heir: u64) -> bool {
        let waiting =
            (self.pending.iter()).filter(|one| one.may_execute() && !self.is_over(cell, one));
        let mut steps: Vec<Step> = waiting.filter_map(|one| one.steps[cell]).collect();
        let mut reached = vec![occupant];
        while let Some(here) = reached.pop() {
            let (next, rest) = (steps.into_iter()).partition(|step| same(step.existing, here));
            steps = rest;
            reached.extend(Vec::into_iter(next).map(|step| step.replacing));
            if reached.iter().any(|one| one.eui == heir) {
                return true;
            }
        }
        false
    }

    /// Whether the device can execute a command no more, since it executed one of the same party with a higher number.
    /// What it holds for later it executes all the same. A party that came into the cell twice may count from another
    /// base since, so that of its numbers nothing is known.
    fn is_over(&self, cell: usize, pending: &Pending) -> bool {
        let Some(party) = party_of(&pending.steps).filter(|_| pending.due == Due::AtOnce) else {
            return false;
        };
        let verified = |link: &&Link| link.message.verified;
        let base = self.base[cell].occupant;
        let (mut came, mut went) = (u32::from(base.is_some_and(|base| base.eui == party)), 0);
        for step in self
            .links
            .iter()
            .filter(verified)
            .filter_map(|link| link.steps[cell])
        {
            if step.existing.eui != step.replacing.eui {
                came += u32::from(step.replacing.eui == party);
                went += u32::from(step.existing.eui == party);
            }
        }
        let is_later =
            |link: &Link| link.number > pending.number && party_of(&link.steps) == Some(party);
        came.max(went) <= 1 && self.links.iter().filter(verified).any(is_later)
    }
}

/// The link with the latest time of those that tell of the occupant; of those without a time the last that came.
fn last_of<'t>(links: &[(&'t Link, Step)], occupant: Option<Occupant>) -> Option<(&'t Link, Step)> {
    let occupant = occupant?;
    let told = links.iter().filter(|(_, step)| step.replacing == occupant);
    told.max_by_key(|(link, _)| link.device_time).copied()
}

/// A change of a cell that is no link: it may have come after the base, or not at all.
struct Open {
    number: u64,
    step: Step,
    /// Whether it is read as executed where it leads from an end to a start.
    may_fill_a_gap: bool,
    /// Whether the device told of it, so that whom it took the cell from may have lost it.
    is_told: bool,
}

/// The occupant, and the ends of the walk.
fn walk(
    base: Option<Occupant>,
    mut steps: Vec<Step>,
    mut open: Vec<Open>,
) -> (Option<Occupant>, Vec<Occupant>) {
    let mut count = Count::default();
    for step in &steps {
        count.add(step.existing, -1);
        count.add(step.replacing, 1);
    }
    let begin = base.map(|base| count.begin(base));
    if begin.is_some() {
        let fits = |count: &Count, one: &Open| one.may_fill_a_gap && count.fits(one.step).is_some();
        while let Some(at) = open.iter().position(|one| fits(&count, one)) {
            let Open { step, .. } = open.remove(at);
            if let Some(executed) = count.fits(step) {
                count.add(executed.existing, -1);
                count.add(executed.replacing, 1);
                steps.push(executed);
            }
        }
    }
    let (ends, starts) = (count.ends(), count.starts());
    let occupant = match (ends.as_slice(), begin, starts) {
        (&[end], Some(_), 0) | (&[end], None, 1) => Some(end),
        // Messages that changed nothing, but told who is there.
        ([], None, 0) => told_alone(&steps),
        _ => None,
    };
    let occupant = occupant.filter(|&end| hang_together(end, begin, &steps));
    let is_left = |end: Occupant| open.iter().any(|o| o.is_told && same(o.step.existing, end));
    if let Some(end) = occupant.filter(|&end| is_left(end)) {
        return (None, vec![end]);
    }
    let ends = match occupant {
        Some(occupant) => vec![occupant],
        None => ends,
    };
    (occupant, ends)
}

/// The one occupant that steps which change nothing tell of, by its certificate if one of them names it. Two certificates
/// of one party are two occupants, though a third message names the party alone.
fn told_alone(steps: &[Step]) -> Option<Occupant> {
    let occupants = steps.iter().map(|step| step.replacing);
    let occupant = occupants.max_by_key(|occupant| occupant.key_identifier)?;
    let tells_of_it =
        |step: &Step| step.existing == step.replacing && same(step.replacing, occupant);
    steps.iter().all(tells_of_it).then_some(occupant)
}

/// Whether all steps, and where the walk begins, are reached from its end.
fn hang_together(end: Occupant, begin: Option<Occupant>, steps: &[Step]) -> bool {
    let mut reached = vec![end];
    // Later steps stand behind earlier ones for the most part, so that once around is enough.
    let mut rest: Vec<_> = steps.iter().rev().copied().collect();
    let mut before = usize::MAX;
    while rest.len() < before {
        before = rest.len();
        rest.retain(|step| {
            let is_near = reached
                .iter()
                .any(|&one| same(one, step.existing) || same(one, step.replacing));
            for next in [step.existing, step.replacing] {
                if is_near && !reached.contains(&next) {
                    reached.push(next);
                }
            }
            !is_near
        });
    }
    rest.is_empty() && begin.is_none_or(|begin| reached.iter().any(|&one| same(one, begin)))
}

/// A certificate that is not known is told by its party alone.
pub(super) fn same(one: Occupant, other: Occupant) -> bool {
    one.eui == other.eui
        && (one.key_identifier == other.key_identifier
            || one.key_identifier.is_none()
            || other.key_identifier.is_none())
}

/// How often each certificate came in less how often it went out.
#[derive(Default)]
struct Count(Vec<(Occupant, i32)>);

impl Count {
    fn add(&mut self, occupant: Occupant, times: i32) {
        match self.0.iter_mut().find(|(known, _)| *known == occupant) {
            Some((_, count)) => *count += times,
            None => self.0.push((occupant, times)),
        }
    }

    /// The base came in once. Where its certificate is not known it is the one that left and never came, if that is one.
    fn begin(&mut self, base: Occupant) -> Occupant {
        let mut starts = self.0.iter_mut().filter(|(known, count)| {
            *count < 0 && base.key_identifier.is_none() && known.eui == base.eui
        });
        if let (Some((start, count)), None) = (starts.next(), starts.next()) {
            *count += 1;
            return *start;
        }
        self.add(base, 1);
        base
    }

    /// The step that a pending command would have been, from an end to a start.
    fn fits(&self, step: Step) -> Option<Step> {
        let find = |wanted: Occupant, is_side: fn(i32) -> bool| {
            let mut found = self.0.iter().filter(|(_, count)| is_side(*count));
            found
                .find(|(known, _)| same(*known, wanted))
                .map(|(known, _)| *known)
        };
        Some(Step {
            existing: find(step.existing, |count| count > 0)?,
            replacing: find(step.replacing, |count| count < 0)?,
        })
    }

    fn ends(&self) -> Vec<Occupant> {
        let ends = self.0.iter().filter(|(_, count)| *count > 0);
        ends.flat_map(|&(end, count)| (0..count).map(move |_| end))
            .collect()
    }

    fn starts(&self) -> i32 {
        self.0.iter().map(|(_, count)| (-count).max(0)).sum()
    }
}
