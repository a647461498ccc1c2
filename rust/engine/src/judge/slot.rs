//! The cells of a slot: whose certificates they hold, in which order messages about it apply, and what it is called.

use slotkeeper_counters::{Cell, CellSource, CellUse, DeviceView, Occupant, Occupants, Role};
use slotkeeper_gbcs::{Eui64, KeyIdentifier, ReplacementOutcome, StatusCode};

use super::{Judge, Signature};
use crate::message::{Facts, cell_use};

/// A slot as the audit trail shows it.
pub(crate) struct SlotView {
    pub(crate) digital_signature: Option<Occupant>,
    pub(crate) key_agreement: Option<Occupant>,
    pub(crate) state: &'static str,
}

impl SlotView {
    pub(crate) fn of(view: &DeviceView<'_>, occupants: &Occupants, acb: Eui64, role: Role) -> Self {
        let occupant = |cell_use| occupants.get(view.cell(role, cell_use).occupant);
        let digital_signature = occupant(CellUse::DigitalSignature);
        let key_agreement = occupant(CellUse::KeyAgreement);
        let is_acb =
            |occupant: Option<Occupant>| occupant.map(|occupant| occupant.eui == acb.to_u64());
        let state = match (is_acb(digital_signature), is_acb(key_agreement)) {
            (Some(true), Some(true)) => "ACB",
            (Some(true), _) | (_, Some(true)) => "PARTIAL",
            (Some(false), _) if role == Role::NetworkOperator => "NETWORK_OPERATOR",
            (Some(false), _) => "SUPPLIER",
            (None, _) => "UNKNOWN",
        };
        Self {
            digital_signature,
            key_agreement,
            state,
        }
    }
}

/// What a message does to a cell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Placement {
    Applies,
    Nothing,
    Unknown,
}

/// Where both device times are known, time decides; else the chain from existing to replacing does. Never the counter:
/// a later operator may count from a smaller base (N23). What is known unverified makes no history of what is verified:
/// anybody may have written that time.
fn placement(
    current: &Cell,
    occupant: Option<Occupant>,
    existing: Occupant,
    replacing: Occupant,
    device_time: Option<u32>,
    verified: bool,
) -> Placement {
    if let Some(time) = device_time
        && current.device_time != 0
        && time != current.device_time
    {
        return if time > current.device_time {
            Placement::Applies
        } else if verified && !current.verified && !occupant.is_some_and(|o| same(o, replacing)) {
            Placement::Unknown
        } else {
            Placement::Nothing
        };
    }
    match occupant {
        None => Placement::Applies,
        Some(occupant) if same(occupant, existing) => Placement::Applies,
        Some(occupant) if same(occupant, replacing) => Placement::Nothing,
        Some(_) => Placement::Unknown,
    }
}

/// An occupant whose certificate is not known is told by its EUI-64 alone.
fn same(one: Occupant, other: Occupant) -> bool {
    one.eui == other.eui
        && (one.key_identifier == other.key_identifier
            || one.key_identifier.is_none()
            || other.key_identifier.is_none())
}

fn occupant(subject: Eui64, key_identifier: KeyIdentifier) -> Occupant {
    Occupant {
        eui: subject.to_u64(),
        key_identifier: Some(key_identifier.0),
    }
}

impl Judge<'_> {
    /// Applies what the outcome says of a slot's cells: replaced ones change hands, failed ones are a reading of who is
    /// there. Whether anything changed.
    pub(super) fn apply_cells(
        &mut self,
        facts: &Facts<'_>,
        role: Role,
        source: CellSource,
        signature: Signature,
    ) -> bool {
        let mut changed = false;
        for outcome in facts.cells_of(role) {
            let Some(cell_use) = cell_use(outcome.cell.key_usage) else {
                continue;
            };
            let existing = occupant(outcome.existing_subject, outcome.existing_key_identifier);
            let after = if outcome.status == StatusCode::Success {
                occupant(outcome.replacing_subject, outcome.replacing_key_identifier)
            } else {
                existing
            };
            changed |= self.place(facts, role, cell_use, existing, after, source, signature);
        }
        changed
    }

    /// Puts an occupant into a cell if the order of messages allows it.
    #[expect(
        clippy::too_many_arguments,
        reason = "all of them make up one fact about one cell"
    )]
    pub(super) fn place(
        &mut self,
        facts: &Facts<'_>,
        role: Role,
        cell_use: CellUse,
        existing: Occupant,
        after: Occupant,
        source: CellSource,
        signature: Signature,
    ) -> bool {
        let device = facts.device.to_u64();
        let current = self.ledger.device(device).cell(role, cell_use);
        let standing = self.ledger.table().occupants().get(current.occupant);
        let verified = signature == Signature::Valid;
        let device_time = facts.device_time();
        let time = device_time.unwrap_or(current.device_time);
        let cell = match placement(&current, standing, existing, after, device_time, verified) {
            Placement::Applies => Cell {
                occupant: self.ledger.intern(after),
                device_time: time,
                verified,
                source,
            },
            Placement::Unknown => Cell {
                device_time: time,
                verified,
                source,
                ..Cell::default()
            },
            Placement::Nothing
                if verified && !current.verified && standing.is_some_and(|s| same(s, after)) =>
            {
                Cell {
                    verified,
                    device_time: time,
                    ..current
                }
            }
            Placement::Nothing => return false,
        };
        if cell == current {
            return false;
        }
        self.ledger.set_cell(device, role, cell_use, cell);
        true
    }

    /// Makes a cell UNKNOWN, unless a later message has already told what is there.
    pub(super) fn blank(&mut self, facts: &Facts<'_>, role: Role, cell_use: CellUse) -> bool {
        let device = facts.device.to_u64();
        let current = self.ledger.device(device).cell(role, cell_use);
        let time = facts.device_time().unwrap_or(0);
        if time != 0 && time < current.device_time {
            return false;
        }
        let cell = Cell {
            device_time: time.max(current.device_time),
            ..Cell::default()
        };
        if cell == current {
            return false;
        }
        self.ledger.set_cell(device, role, cell_use, cell);
        true
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

#[cfg(test)]
mod tests {
    use super::*;

    const GNO: Occupant = Occupant {
        eui: 1,
        key_identifier: Some([1; 8]),
    };
    const ACB: Occupant = Occupant {
        eui: 2,
        key_identifier: Some([2; 8]),
    };
    const NEXT: Occupant = Occupant {
        eui: 3,
        key_identifier: Some([3; 8]),
    };

    fn cell(occupant: Occupant, device_time: u32) -> (Cell, Option<Occupant>) {
        let mut occupants = Occupants::new(0);
        let id = occupants.intern(occupant);
        (
            Cell {
                occupant: id,
                device_time,
                verified: true,
                ..Cell::default()
            },
            occupants.get(id),
        )
    }

    #[test]
    fn time_decides_where_both_are_known() {
        let (current, standing) = cell(ACB, 100);
        assert_eq!(
            placement(&current, standing, GNO, NEXT, Some(99), true),
            Placement::Nothing
        );
        assert_eq!(
            placement(&current, standing, GNO, NEXT, Some(101), true),
            Placement::Applies
        );
    }

    #[test]
    fn an_unverified_time_makes_no_history_of_a_verified_message() {
        let (current, standing) = cell(ACB, 4_000_000_000);
        let current = Cell {
            verified: false,
            ..current
        };
        let early = |verified| placement(&current, standing, GNO, NEXT, Some(100), verified);
        assert_eq!(early(true), Placement::Unknown);
        assert_eq!(early(false), Placement::Nothing);
    }

    #[test]
    fn n05_else_the_chain_decides() {
        let (current, standing) = cell(ACB, 0);
        assert_eq!(
            placement(&current, standing, ACB, NEXT, Some(5), true),
            Placement::Applies
        );
        assert_eq!(
            placement(&current, standing, GNO, ACB, Some(5), true),
            Placement::Nothing
        );
        assert_eq!(
            placement(&current, standing, GNO, NEXT, None, true),
            Placement::Unknown
        );
        assert_eq!(
            placement(&Cell::default(), None, GNO, ACB, None, true),
            Placement::Applies
        );
    }

    #[test]
    fn an_occupant_without_a_known_certificate_is_told_by_its_eui() {
        let (current, standing) = cell(
            Occupant {
                key_identifier: None,
                ..GNO
            },
            0,
        );
        assert_eq!(
            placement(&current, standing, GNO, ACB, None, true),
            Placement::Applies
        );
    }
}
