//! Signed pre-commands of SRV 6.15.1 on their way down. They make a number known before the device answers, so that a
//! lost Response costs nothing (N16).

use slotkeeper_counters::{CellUse, Role};
use slotkeeper_gbcs::{Certificate, CommandPayload, RemotePartyRole};

use super::{Decision, Judge, Signature};
use crate::decision::{Disposition, Flags, Reason};
use crate::directory::Device;
use crate::message::{Facts, cell_use};

impl Judge<'_> {
    /// Raises `seen` of the Network Operator role up to the ceiling; the operator's signature is not checked here.
    pub(super) fn pre_command(&mut self, facts: &Facts<'_>, again: bool) -> Decision {
        const ROLE: Role = Role::NetworkOperator;
        if facts.number_towards(ROLE).is_none() {
            return Decision::new(Disposition::NotRecorded, Reason::NotNetworkOperatorRole);
        }
        let device = facts.device.to_u64();
        if self.is_repeat(facts, again) {
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
        let changed = self.raise_up_to_ceiling(facts);
        let mut blanked = false;
        // What came of an answered command is known better than that it was sent.
        if !self.is_answered(facts) {
            for cell in facts
                .command()
                .into_iter()
                .flat_map(|command| self.acb_cells(command))
                .collect::<Vec<_>>()
            {
                if !self.holds_acb(device, ROLE, cell) {
                    blanked |= self.blank(facts, ROLE, cell);
                }
            }
        }
        if changed || blanked {
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

    fn holds_acb(&self, device: u64, role: Role, cell: CellUse) -> bool {
        let cell = self.ledger.device(device).cell(role, cell);
        self.ledger
            .table()
            .occupants()
            .get(cell.occupant)
            .is_some_and(|occupant| self.is_acb(occupant))
    }

    /// The Network Operator cells that the command puts ACB certificates into.
    fn acb_cells(&self, command: &CommandPayload<'_>) -> Vec<CellUse> {
        command
            .replacements
            .iter()
            .filter(|replacement| replacement.cell.role == RemotePartyRole::NetworkOperator)
            .filter(|replacement| {
                Certificate::parse(replacement.certificate)
                    .is_ok_and(|certificate| certificate.eui == Some(self.authority.id()))
            })
            .filter_map(|replacement| cell_use(replacement.cell.key_usage))
            .collect()
    }
}
