//! The Network Operator slot in the hands of its occupant: handed back to the ACB, renewed, or sold; and what other
//! roles do to it.

use slotkeeper_counters::{CellSource, CellUse, Role};
use slotkeeper_gbcs::ReplacementOutcome;

use super::outcome::{JudgedOutcome, Verdict};
use super::slot::replaced;
use super::{Decision, Judge, Signature};
use crate::decision::{Disposition, Reason};
use crate::message::{Facts, cell_use};

/// Whose certificate came into a cell.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Newcomer {
    Operator,
    Acb,
    UnknownParty,
    UnknownAcbCertificate,
}

impl Judge<'_> {
    /// Mode 3 by somebody other than the ACB.
    pub(super) fn operator_outcome(
        &mut self,
        facts: &Facts<'_>,
        signature: Signature,
        told_as: Option<Verdict>,
    ) -> JudgedOutcome {
        const ROLE: Role = Role::NetworkOperator;
        let device = facts.device.to_u64();
        let recorded_before = self.ledger.device(device).marks(ROLE).recorded;
        let mut changed = self.raise_seen(facts);
        changed |= self.settle(facts, ROLE, signature);
        let decide = |disposition, reason| Decision::new(disposition, reason).role(ROLE);
        let named = Self::authorising_occupant(facts, ROLE);
        // A message about the key-agreement cell alone still tells who held the authorising cell: its sender (N8).
        let authoriser = named.is_none().then_some(facts.party);

        if let Some(existing) = named
            && existing != facts.party
        {
            // The device knows who stands there, whoever acted.
            if signature == Signature::Valid {
                changed |= self.tell_cells(facts, ROLE, CellSource::Outcome, signature, None);
            }
            let decision =
                decide(Disposition::NotRecorded, Reason::UnexpectedParty).detail(format!(
                    "{} acted, but {existing} stood in the authorising cell",
                    facts.party
                ));
            return JudgedOutcome { decision, changed };
        }
        let newcomer = replaced(facts, ROLE).map(|cell| self.newcomer(cell)).max();
        let parked = match newcomer {
            Some(Newcomer::UnknownAcbCertificate) => Some(Reason::UnknownAcbCertificate),
            Some(Newcomer::UnknownParty) => Some(Reason::UnknownParty),
            Some(Newcomer::Acb | Newcomer::Operator) | None => None,
        };
        if let Some(reason) = parked {
            // Only `recorded` waits. What was told is told once: judged again with the same result it changes nothing.
            let verdict = (Disposition::Parked, reason);
            if signature == Signature::Valid && told_as != Some(verdict) {
                changed |= self.tell_cells(facts, ROLE, CellSource::Outcome, signature, authoriser);
            }
            return JudgedOutcome {
                decision: decide(Disposition::Parked, reason),
                changed,
            };
        }
        let number = facts.number_towards(ROLE).unwrap_or(0);
        let hands_back = newcomer == Some(Newcomer::Acb);
        if hands_back {
            changed |= self.ledger.raise_recorded(device, ROLE, number);
        }
        changed |= self.tell_cells(facts, ROLE, CellSource::Outcome, signature, authoriser);
        let decision = if newcomer.is_none() {
            decide(Disposition::NotRecorded, Reason::AllCellsFailed)
        } else if !hands_back {
            decide(Disposition::Seen, Reason::GnoReplacedByGno)
        } else if recorded_before > Some(number) {
            decide(Disposition::Recorded, Reason::Late)
        } else {
            decide(Disposition::Recorded, self.extent(facts))
        };
        JudgedOutcome { decision, changed }
    }

    /// Recovery, contingency, change of supplier and other modes that touched the Network Operator slot. Their own
    /// number is another role's; floors they report for this one count (N19).
    pub(super) fn changed_otherwise(
        &mut self,
        facts: &Facts<'_>,
        signature: Signature,
    ) -> JudgedOutcome {
        let mut changed = self.raise_seen(facts);
        for role in Role::ALL {
            changed |= self.tell_cells(facts, role, CellSource::Outcome, signature, None);
        }
        let decision = Decision::new(Disposition::Seen, Reason::SlotChangedOtherwise)
            .role(Role::NetworkOperator);
        JudgedOutcome { decision, changed }
    }

    fn newcomer(&self, cell: &ReplacementOutcome) -> Newcomer {
        if cell.replacing_subject == self.authority.id() {
            return if self.authority.knows(cell.replacing_key_identifier) {
                Newcomer::Acb
            } else {
                Newcomer::UnknownAcbCertificate
            };
        }
        if self.may_be_operator(cell.replacing_subject) {
            Newcomer::Operator
        } else {
            Newcomer::UnknownParty
        }
    }

    /// Which cells hold the ACB's certificates by this outcome; the slot as a whole where the rest came earlier.
    fn extent(&self, facts: &Facts<'_>) -> Reason {
        const ROLE: Role = Role::NetworkOperator;
        let handed_back = |wanted| {
            replaced(facts, ROLE).any(|cell| {
                cell_use(cell.cell.key_usage) == Some(wanted)
                    && self.newcomer(cell) == Newcomer::Acb
            })
        };
        let stands = |wanted| {
            let cell = self.ledger.device(facts.device.to_u64()).cell(ROLE, wanted);
            let occupant = self.ledger.table().occupants().get(cell.occupant);
            occupant.is_some_and(|occupant| self.is_known_acb(occupant))
        };
        let (ds, ka) = (
            handed_back(CellUse::DigitalSignature),
            handed_back(CellUse::KeyAgreement),
        );
        match (ds, ka) {
            (true, true) => Reason::AcbInSlot,
            (true, false) if stands(CellUse::KeyAgreement) => Reason::AcbInSlot,
            (false, true) if stands(CellUse::DigitalSignature) => Reason::AcbInSlot,
            (true, false) => Reason::PartialDs,
            (false, _) => Reason::PartialKa,
        }
    }
}
