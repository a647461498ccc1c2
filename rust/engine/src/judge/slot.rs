//! The cells of a slot: what messages tell of them, and what the slot is called.

use slotkeeper_counters::{Cell, CellSource, CellUse, Link, Occupant, Occupants, Role, Step};
use slotkeeper_gbcs::{Eui64, KeyIdentifier, ReplacementOutcome, StatusCode};

use super::outcome::note_of;
use super::{Judge, Signature};
use crate::message::{Facts, cell_use};

/// A slot as the audit trail shows it.
pub(crate) struct SlotView {
    /// Digital signature, key agreement.
    pub(crate) cells: [(Option<Occupant>, Cell); 2],
    pub(crate) state: &'static str,
}

impl SlotView {
    pub(crate) fn of(cells: [Cell; 2], occupants: &Occupants, acb: Eui64, role: Role) -> Self {
        let cells = cells.map(|cell| (occupants.get(cell.occupant), cell));
        let [digital_signature, key_agreement] =
            cells.map(|(occupant, _)| occupant.map(|occupant| occupant.eui == acb.to_u64()));
        let [(_, authorising), _] = &cells;
        let state = match (digital_signature, key_agreement) {
            (None, _) if authorising.is_doubtful() => "DOUBTFUL",
            (Some(true), Some(true)) => "ACB",
            (Some(true), _) | (_, Some(true)) => "PARTIAL",
            (Some(false), _) if role == Role::NetworkOperator => "NETWORK_OPERATOR",
            (Some(false), _) => "SUPPLIER",
            (None, _) => "UNKNOWN",
        };
        Self { cells, state }
    }
}

pub(super) fn occupant(subject: Eui64, key_identifier: KeyIdentifier) -> Occupant {
    Occupant {
        eui: subject.to_u64(),
        key_identifier: Some(key_identifier.0),
    }
}

impl Judge<'_> {
    /// Adds what the outcome says of a slot's cells to what is told of them: a replaced one changed hands, a failed one
    /// names who is there. Whether anything changed.
    ///
    /// `authoriser` is who must have held the digital-signature cell, where the outcome does not name it.
    pub(super) fn tell_cells(
        &mut self,
        facts: &Facts<'_>,
        role: Role,
        source: CellSource,
        signature: Signature,
        authoriser: Option<Eui64>,
    ) -> bool {
        let party = authoriser.map(|eui| Occupant {
            eui: eui.to_u64(),
            key_identifier: None,
        });
        let nothing_changed = |existing| Step {
            existing,
            replacing: existing,
        };
        let mut steps = [party.map(nothing_changed), None];
        for outcome in facts.cells_of(role) {
            let existing = occupant(outcome.existing_subject, outcome.existing_key_identifier);
            let step = if outcome.status == StatusCode::Success {
                Step {
                    existing,
                    replacing: occupant(
                        outcome.replacing_subject,
                        outcome.replacing_key_identifier,
                    ),
                }
            } else {
                nothing_changed(existing)
            };
            match (cell_use(outcome.cell.key_usage), &mut steps) {
                (Some(CellUse::DigitalSignature), [place, _])
                | (Some(CellUse::KeyAgreement), [_, place]) => *place = Some(step),
                (None, _) => {}
            }
        }
        if steps == [None; 2] {
            return false;
        }
        // Who acted without holding the cell says nothing of the holder's numbers.
        let holder = steps.iter().flatten().next();
        let acts_for_it = facts.own_role() == Some(role)
            && holder.is_some_and(|step| step.existing.eui == facts.party.to_u64());
        let link = Link {
            message: note_of(facts, signature),
            number: facts
                .authorising_number()
                .filter(|_| acts_for_it)
                .unwrap_or(0),
            device_time: facts.device_time().unwrap_or(0),
            source,
            steps,
        };
        self.ledger.tell(facts.device.to_u64(), role, &link)
    }

    /// Another message with the same headers and other cells was verified as well: nothing is certain of them.
    pub(super) fn dispute_cells(&mut self, facts: &Facts<'_>) -> bool {
        let device = facts.device.to_u64();
        let mut changed = false;
        for role in Role::ALL {
            let told = facts.cells_of(role).map(|outcome| outcome.cell.key_usage);
            let held = facts.cells_held(role).map(|cell| cell.key_usage);
            for cell in told.chain(held).filter_map(cell_use) {
                changed |= self.ledger.dispute(device, role, cell);
            }
        }
        changed
    }

    /// The command of this outcome waits for an answer no more. Anybody may have written an outcome that is not
    /// verified: it ends no command, since a hand-back that waits is what keeps a handover from being refused.
    pub(super) fn settle(&mut self, facts: &Facts<'_>, role: Role, signature: Signature) -> bool {
        let is_proven = signature == Signature::Valid;
        let (device, party) = (facts.device.to_u64(), facts.party.to_u64());
        let number = facts.authorising_number().filter(|_| is_proven);
        number.is_some_and(|number| self.ledger.settle(device, role, party, number))
    }

    /// Whether a command that takes back what the device holds waits for this acceptance (N15).
    pub(super) fn is_awaited_acceptance(&self, facts: &Facts<'_>, role: Role) -> bool {
        let (device, party) = (facts.device.to_u64(), facts.party.to_u64());
        let number = facts.message.header.originator_counter;
        facts.outcome().is_none() && self.ledger.awaits_acceptance(device, role, party, number)
    }

    pub(super) fn note_accepted(&mut self, facts: &Facts<'_>, role: Role) {
        let (device, party) = (facts.device.to_u64(), facts.party.to_u64());
        let number = facts.message.header.originator_counter;
        if facts.outcome().is_none() {
            self.ledger.accept(device, role, party, number);
        }
    }

    /// The occupant that the outcome itself names in the cell that authorised the command.
    pub(super) fn authorising_occupant(facts: &Facts<'_>, role: Role) -> Option<Eui64> {
        facts
            .cells_of(role)
            .find(|cell| cell_use(cell.cell.key_usage) == Some(CellUse::DigitalSignature))
            .map(|cell| cell.existing_subject)
    }
}

/// The cells that were replaced.
pub(super) fn replaced<'f>(
    facts: &'f Facts<'_>,
    role: Role,
) -> impl Iterator<Item = &'f ReplacementOutcome> {
    facts
        .cells_of(role)
        .filter(|cell| cell.status == StatusCode::Success)
}
