//! Signed pre-commands of SRV 6.15.1 on their way down. They make a number known before the device answers, so that a
//! lost Response costs nothing (N16).

use slotkeeper_counters::{CellUse, Due, Occupant, Pending, Role, Step};
use slotkeeper_gbcs::{Certificate, RemotePartyRole};

use super::outcome::Verdict;
use super::{Decision, Judge, Signature};
use crate::decision::{Disposition, Flags, Reason};
use crate::directory::Device;
use crate::message::{Facts, cell_use};
use crate::paths::holder_of;

impl Judge<'_> {
    /// Raises `seen` of the Network Operator role up to the ceiling; the operator's signature is not checked here.
    pub(super) fn pre_command(
        &mut self,
        facts: &Facts<'_>,
        parked_as: Option<Verdict>,
    ) -> Decision {
        const ROLE: Role = Role::NetworkOperator;
        if facts.number_towards(ROLE).is_none() {
            return Decision::new(Disposition::NotRecorded, Reason::NotNetworkOperatorRole);
        }
        let device = facts.device.to_u64();
        if self.is_repeat(facts, parked_as) {
            return Decision::new(Disposition::Duplicate, Reason::SameMessage).role(ROLE);
        }
        match self.inventory_of(facts) {
            Device::Unknown => {
                self.raise_up_to_ceiling(facts);
                return Decision::new(Disposition::Parked, Reason::UnknownDevice).role(ROLE);
            }
            Device::Other => return Decision::new(Disposition::NotRecorded, Reason::NotGpf),
            Device::Gpf(gpf) if gpf.is_smets1() => {
                return Decision::new(Disposition::NotRecorded, Reason::Smets1);
            }
            Device::Gpf(_) => {}
        }
        let raised = self.raise_up_to_ceiling(facts);
        // What came of an answered command is known better than that it was sent.
        let waits = !self.is_answered(facts)
            && self
                .pending(facts)
                .is_some_and(|pending| self.ledger.expect(device, ROLE, pending));
        if raised || waits {
            self.remember(facts, Signature::Unchecked);
        }
        let mut flags = Flags::default();
        flags.set(Flags::UNVERIFIED, true);
        Decision::new(Disposition::Seen, Reason::PreCommand)
            .role(ROLE)
            .flags(flags)
    }

    fn raise_up_to_ceiling(&mut self, facts: &Facts<'_>) -> bool {
        if facts.highest_number() > self.settings.ceiling {
            false
        } else {
            self.raise_seen(facts)
        }
    }

    /// What the command does to the Network Operator cells, if its number may be believed. It does not name whose
    /// certificates it replaces: its sender's.
    fn pending(&self, facts: &Facts<'_>) -> Option<Pending> {
        let number = facts.authorising_number()?;
        let command = facts
            .command()
            .filter(|_| number <= self.settings.ceiling)?;
        let existing = Occupant {
            eui: facts.party.to_u64(),
            key_identifier: None,
        };
        let due = match command.execution_date_time {
            None => Due::AtOnce,
            Some(time) if time.is_cancellation() => Due::Never { accepted: false },
            Some(_) => Due::Later,
        };
        if matches!(due, Due::Never { .. }) {
            let nothing_changed = Some(Step {
                existing,
                replacing: existing,
            });
            return Some(Pending {
                number,
                steps: [nothing_changed; 2],
                due,
            });
        }
        let mut steps = [None; 2];
        let replacements = command.replacements.iter();
        for replacement in replacements.filter(|r| r.cell.role == RemotePartyRole::NetworkOperator)
        {
            let holder = Certificate::parse(replacement.certificate)
                .ok()
                .as_ref()
                .and_then(holder_of);
            let step = holder.map(|replacing| Step {
                existing,
                replacing,
            });
            match (cell_use(replacement.cell.key_usage), &mut steps) {
                (Some(CellUse::DigitalSignature), [place, _])
                | (Some(CellUse::KeyAgreement), [_, place]) => *place = step,
                (None, _) => {}
            }
        }
        Some(Pending { number, steps, due })
    }
}
