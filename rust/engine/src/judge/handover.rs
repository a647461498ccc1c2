//! What devices say about handovers: outcomes of SRV 6.21, by whichever stream they came (N18).

use slotkeeper_counters::{CellSource, CellUse, Role};

use super::outcome::JudgedOutcome;
use super::slot::replaced;
use super::{Decision, Judge, Signature};
use crate::decision::{Disposition, Reason};
use crate::message::{Facts, cell_use};

impl Judge<'_> {
    /// Whether the device answers to a command of the ACB with a number that is not known here.
    pub(super) fn is_unknown_answer(&self, facts: &Facts<'_>) -> bool {
        if facts.party != self.authority.id() {
            return false;
        }
        let view = self.ledger.device(facts.device.to_u64());
        facts
            .answered_numbers()
            .any(|number| !view.was_issued(number))
    }

    /// A device that answers to the ACB has proven that a command with this number is out, whatever its service and
    /// whoever numbered it: the number is given to no other command of either role. Whether that was news.
    pub(super) fn note_answered(&mut self, facts: &Facts<'_>) -> bool {
        if facts.party != self.authority.id() {
            return false;
        }
        let device = facts.device.to_u64();
        // A number that belongs to neither slot counts for that which the other one steers clear of as well.
        let role = match facts.own_role() {
            Some(role) => role,
            None if self.is_unknown_answer(facts) => Role::NetworkOperator,
            None => return false,
        };
        let mut changed = false;
        for number in facts.answered_numbers() {
            changed |= self
                .ledger
                .note_reported(device, role, number)
                .unwrap_or(false);
        }
        changed
    }

    /// Mode 2 or 3 by the ACB as occupant of the slot.
    pub(super) fn handover_outcome(
        &mut self,
        facts: &Facts<'_>,
        role: Role,
        signature: Signature,
    ) -> JudgedOutcome {
        let mut changed = self.raise_seen(facts);
        let decide = |disposition, reason| Decision::new(disposition, reason).role(role);
        let number = facts
            .authorising_number()
            .unwrap_or(facts.message.header.originator_counter);
        let known = self.ledger.device(facts.device.to_u64()).was_issued(number);
        if facts.outcome().is_none() {
            let reason = if known {
                Reason::AcceptedForLater
            } else {
                Reason::Unsolicited
            };
            return JudgedOutcome {
                decision: decide(Disposition::HandoverConfirmed, reason),
                changed,
            };
        }
        changed |= self.settle(facts, role, signature);
        if let Some(existing) = Self::authorising_occupant(facts, role)
            && existing != self.authority.id()
        {
            // The device knows who stands there, whoever acted.
            if signature == Signature::Valid {
                changed |= self.tell_cells(facts, role, CellSource::Handover, signature, None);
            }
            let decision = decide(Disposition::NotRecorded, Reason::UnexpectedParty).detail(
                format!("the ACB acted, but {existing} stood in the authorising cell"),
            );
            return JudgedOutcome { decision, changed };
        }
        changed |= self.tell_cells(facts, role, CellSource::Handover, signature, None);
        let was_replaced =
            |wanted| replaced(facts, role).any(|c| cell_use(c.cell.key_usage) == Some(wanted));
        let decision = match (
            was_replaced(CellUse::DigitalSignature),
            was_replaced(CellUse::KeyAgreement),
        ) {
            (false, false) => decide(Disposition::HandoverFailed, Reason::AllCellsFailed),
            _ if !known => decide(Disposition::HandoverConfirmed, Reason::Unsolicited),
            (true, true) => decide(Disposition::HandoverConfirmed, Reason::SlotChanged),
            (true, false) => decide(Disposition::HandoverConfirmed, Reason::PartialDs),
            (false, true) => decide(Disposition::HandoverConfirmed, Reason::PartialKa),
        };
        JudgedOutcome { decision, changed }
    }
}
