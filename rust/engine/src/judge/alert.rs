//! Alerts of the DCC and baselines: what is said of cells by others than their device. They are not signed by it, so they
//! never make a request refused.

use slotkeeper_counters::{
    CellImage, CellSource, CellUse, MessageNote, Observation, Occupant, Role,
};
use slotkeeper_gbcs::Eui64;

use super::outcome::Verdict;
use super::{Decision, Judge};
use crate::decision::{Disposition, Flags, Reason};
use crate::directory::Device;
use crate::records::{Alert, AlertKind, Baseline};

/// An alert's record and how it was decided before, if it waited.
pub(crate) struct Told<'a> {
    pub(crate) key: Eui64,
    pub(crate) alert: &'a Alert,
    /// SHA-256 of the record's value.
    pub(crate) digest: [u8; 32],
    pub(crate) parked_as: Option<Verdict>,
}

impl Judge<'_> {
    /// Judges an alert: whose it is, what it is, whether it is a repeat, the inventory, then what it says.
    pub(crate) fn alert(&mut self, told: &Told<'_>) -> Decision {
        let Told { key, alert, .. } = *told;
        if !alert.is_about(key) {
            return Decision::new(Disposition::Rejected, Reason::WrongDevice)
                .detail("the alert is about another device");
        }
        let role = match &alert.kind {
            AlertKind::Other(name) => {
                return Decision::new(Disposition::NotRecorded, Reason::NotAnOutcome)
                    .detail(format!("the alert {name} says nothing of a slot"));
            }
            AlertKind::CredentialsUpdated { role: None, .. } => {
                return Decision::new(Disposition::NotRecorded, Reason::NotNetworkOperatorRole);
            }
            AlertKind::CredentialsUpdated {
                role: Some(role), ..
            } => *role,
            _ => Role::NetworkOperator,
        };
        let device = key.to_u64();
        let note = note_of(&told.digest);
        if told.parked_as.is_none() && self.is_told(key, &told.digest, note) {
            return Decision::new(Disposition::Duplicate, Reason::SameMessage).role(role);
        }
        if let Some(decision) = self.not_followed(key) {
            return decision.role(role);
        }
        let mut changed = false;
        let decision = match &alert.kind {
            AlertKind::CredentialsUpdated {
                certificates,
                floor,
                ..
            } => {
                if let Some(floor) = floor.filter(|floor| *floor <= self.settings.ceiling) {
                    changed |= self.ledger.raise_seen(device, role, floor);
                }
                let named = |&(cell_use, sha1): &(CellUse, [u8; 20])| {
                    (cell_use, self.registers.holder(&sha1, cell_use))
                };
                let cells: Vec<_> = certificates.iter().map(named).collect();
                let is_unknown = cells.iter().any(|(_, holder)| holder.is_none());
                let parked = (Disposition::Parked, Reason::UnknownCertificate);
                // What it leaves in doubt is in doubt once.
                if !(is_unknown && told.parked_as == Some(parked)) {
                    for (cell_use, holder) in cells {
                        changed |= self.report(key, role, cell_use, holder, alert.at);
                    }
                }
                if is_unknown {
                    return Decision::new(parked.0, parked.1).role(role);
                }
                Decision::new(Disposition::Seen, Reason::CredentialsUpdated)
            }
            AlertKind::Recovered { cells } => {
                let acb = Occupant {
                    eui: self.authority.id().to_u64(),
                    key_identifier: None,
                };
                for &(role, cell_use) in cells {
                    changed |= self.report(key, role, cell_use, Some(acb), alert.at);
                }
                Decision::new(Disposition::Seen, Reason::Recovered)
            }
            AlertKind::LogRestored => Decision::new(Disposition::Seen, Reason::LogRestored),
            AlertKind::Quarantined { .. } | AlertKind::Other(_) => {
                Decision::new(Disposition::Seen, Reason::Quarantined)
            }
        };
        if changed {
            self.ledger.remember_message(device, &note);
        }
        let mut flags = Flags::default();
        flags.set(Flags::UNVERIFIED, true);
        self.state_flags(key, role, &mut flags);
        decision.role(role).flags(flags)
    }

    /// Takes what people brought as the beginning of the walk, where messages do not tell more. `digest` is SHA-256 of a
    /// record that comes for the first time, which may be a repeat of one that waits.
    pub(crate) fn baseline(
        &mut self,
        key: Eui64,
        baseline: &Baseline,
        digest: Option<&[u8; 32]>,
    ) -> Decision {
        const ROLE: Role = Role::NetworkOperator;
        if baseline.device != key {
            return Decision::new(Disposition::Rejected, Reason::WrongDevice)
                .detail(format!("the baseline is for {}", baseline.device));
        }
        if digest.is_some_and(|digest| self.parking.contains(key, digest)) {
            return Decision::new(Disposition::Duplicate, Reason::SameMessage).role(ROLE);
        }
        if let Some(decision) = self.not_followed(key) {
            return decision.role(ROLE);
        }
        let mut changed = false;
        for &(cell_use, occupant) in &baseline.cells {
            let observation =
                self.observation(CellSource::Import, Some(occupant), Some(baseline.as_of));
            changed |= self
                .ledger
                .observe(key.to_u64(), ROLE, cell_use, &observation);
        }
        let detail = match (&baseline.source, changed) {
            (_, false) => "what messages tell of the slot stays".to_owned(),
            (Some(source), true) => format!("from {source}"),
            (None, true) => String::new(),
        };
        Decision::new(Disposition::Seen, Reason::Imported)
            .role(ROLE)
            .detail(detail)
    }

    fn is_told(&self, key: Eui64, digest: &[u8; 32], note: MessageNote) -> bool {
        let mut known = self.ledger.device(key.to_u64()).other_messages();
        self.parking.contains(key, digest) || known.any(|known| known == note)
    }

    /// Why nothing is to be learnt of this device's slots, if so.
    fn not_followed(&self, key: Eui64) -> Option<Decision> {
        match self.inventory(key) {
            Device::Unknown => Some(Decision::new(Disposition::Parked, Reason::UnknownDevice)),
            Device::Other => Some(Decision::new(Disposition::NotRecorded, Reason::NotGpf)),
            Device::Gpf(gpf) if gpf.is_smets1() => {
                Some(Decision::new(Disposition::NotRecorded, Reason::Smets1))
            }
            Device::Gpf(_) => None,
        }
    }

    /// A certificate came into a cell; without a holder, one that no register has.
    fn report(
        &mut self,
        key: Eui64,
        role: Role,
        cell_use: CellUse,
        holder: Option<Occupant>,
        at: Option<u64>,
    ) -> bool {
        let observation = self.observation(CellSource::Report, holder, at);
        self.ledger
            .observe(key.to_u64(), role, cell_use, &observation)
    }

    fn observation(
        &self,
        source: CellSource,
        occupant: Option<Occupant>,
        at: Option<u64>,
    ) -> Observation {
        Observation {
            seen: CellImage {
                occupant,
                device_time: at.and_then(|at| u32::try_from(at).ok()).unwrap_or(0),
                verified: false,
                source,
            },
            settles: None,
            is_newest: true,
            now: self.latest_time(),
        }
    }
}

/// What is remembered of an alert that changed something: it has no headers that another could share.
fn note_of(digest: &[u8; 32]) -> MessageNote {
    let mut note = MessageNote {
        identity: u64::from_be_bytes(*b"DCCALERT"),
        digest: [0; 15],
        verified: false,
    };
    for (place, octet) in note.digest.iter_mut().zip(digest) {
        *place = *octet;
    }
    note
}
