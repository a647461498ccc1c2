//! Read-backs: what a device reports of its cells and numbers (CS02a, SRV 6.24.1).

use slotkeeper_counters::{CellImage, CellSource, CellUse, LAST_COUNTER, Observation, Role};
use slotkeeper_crypto::{MacContext, verify_mac};
use slotkeeper_gbcs::{Header, RemotePartyDetails};

use super::outcome::JudgedOutcome;
use super::slot::occupant;
use super::{Decision, Judge, Signature};
use crate::authority::KeyChoice;
use crate::decision::{Disposition, Reason};
use crate::directory::Gpf;
use crate::message::{Facts, cell_use};

/// How far a device's clock may run ahead before its times order nothing: as far as history believes them.
const CLOCK_AHEAD_S: u64 = 86_400;

impl Judge<'_> {
    /// Cells become known as the device reports them, and numbers rise to those that it holds. Neither is ever lowered:
    /// in the DCC's vectors the number reported follows a floor.
    pub(super) fn read_back(&mut self, facts: &Facts<'_>, signature: Signature) -> JudgedOutcome {
        let device = facts.device.to_u64();
        let is_newest = self.is_newest_of_its_originator(facts);
        let mut changed = self.raise_seen(facts);
        for role in Role::ALL {
            let marks = self.ledger.device(device).marks(role);
            let settles = marks.watermark().max(marks.issued);
            // A device names a cell once; a payload has room for thousands of names.
            let mut named = Vec::with_capacity(CellUse::ALL.len());
            for cell in facts.cells_held(role) {
                let Some(cell_use) = cell_use(cell.key_usage) else {
                    continue;
                };
                if named.contains(&cell_use) {
                    continue;
                }
                named.push(cell_use);
                let observation = Observation {
                    seen: CellImage {
                        occupant: Some(occupant(
                            cell.existing_subject,
                            cell.existing_key_identifier,
                        )),
                        device_time: facts.device_time().unwrap_or(0),
                        verified: signature == Signature::Valid,
                        source: CellSource::ReadBack,
                    },
                    settles,
                    is_newest,
                    now: self.latest_time(),
                };
                changed |= self.ledger.observe(device, role, cell_use, &observation);
            }
        }
        JudgedOutcome {
            decision: Decision::new(Disposition::Seen, Reason::ReadBack).role(role_read(facts)),
            changed,
        }
    }

    /// Unix seconds after which a device's time is one of a clock that runs ahead.
    pub(super) fn latest_time(&self) -> u32 {
        u32::try_from(self.now_ms / 1_000 + CLOCK_AHEAD_S).unwrap_or(u32::MAX)
    }

    /// Whether the command that is answered came after all that its originator is known to have sent to the device: its
    /// number is above those of commands issued here where the ACB asked, above those seen of its role where the
    /// occupant of a slot did.
    fn is_newest_of_its_originator(&self, facts: &Facts<'_>) -> bool {
        let number = facts.message.header.originator_counter;
        let view = self.ledger.device(facts.device.to_u64());
        let mut known = Role::ALL.into_iter().filter_map(|role| {
            let marks = view.marks(role);
            if facts.party == self.authority.id() {
                return marks.issued;
            }
            let mut holders = facts.cells_held(role).map(|cell| cell.existing_subject);
            marks
                .seen
                .filter(|_| holders.any(|holder| holder == facts.party))
        });
        number <= LAST_COUNTER && known.all(|highest| number > highest)
    }

    /// Checks the MAC that the device puts in the place of a signature where the ACB asked. Without the key it is
    /// unchecked.
    pub(super) fn check_mac(&self, facts: &Facts<'_>, gpf: &Gpf) -> Signature {
        let (true, Some(mac)) = (facts.party == self.authority.id(), facts.message.mac) else {
            return Signature::Invalid;
        };
        let row = self.ledger.table().find(facts.device.to_u64());
        let named = self.directory.acb_key_agreement(gpf, row);
        let (Some(device_key), KeyChoice::Held(_, agreement)) =
            (gpf.key_agreement(), self.authority.agreement(named))
        else {
            return Signature::Unchecked;
        };
        let Ok(secret) = agreement.agree(&device_key) else {
            return Signature::Unchecked;
        };
        let Header {
            cra,
            originator_counter,
            originator,
            recipient,
            ..
        } = facts.message.header;
        let context = MacContext {
            originator: originator.to_bytes(),
            cra: cra.number(),
            originator_counter,
            recipient: recipient.to_bytes(),
        };
        if verify_mac(&secret, &context, facts.message.maced_octets(), mac) {
            Signature::Valid
        } else {
            Signature::Invalid
        }
    }
}

/// The role whose slot a decision is about: the Supplier's where a device reports of no other cells.
pub(super) fn role_read(facts: &Facts<'_>) -> Role {
    let is_about = |role| facts.cells_held(role).next().is_some();
    if is_about(Role::Supplier) && !is_about(Role::NetworkOperator) {
        Role::Supplier
    } else {
        Role::NetworkOperator
    }
}

/// Whether a device reports anything of either slot.
pub(super) fn is_of_a_slot(facts: &Facts<'_>) -> bool {
    Role::ALL
        .into_iter()
        .filter_map(|role| facts.details_of(role))
        .any(
            |RemotePartyDetails {
                 cells,
                 current_seq_number,
                 ..
             }| { !cells.is_empty() || current_seq_number.is_some() },
        )
}
