//! Requests of SRV 6.21: refused with a reason, or answered with a number and everything a command is made of.

use std::sync::Arc;

use slotkeeper_counters::{
    AllocationReason, AllocationRequest, CellUse, Due, LAST_COUNTER, Occupant, Pending, Role, Step,
};
use slotkeeper_crypto::{KeyAgreement, KrpSigner, PublicKey};
use slotkeeper_gbcs::{Eui64, KeyIdentifier, KeyUsage};

use super::{Decision, Judge};
use crate::authority::KeyChoice;
use crate::decision::{Disposition, Flags, Reason};
use crate::directory::{DROPPED, Device, EVICTED, Gpf, damaged};
use crate::message::{gbcs_role, role_of_name};
use crate::paths::{PathError, RequestPaths};
use crate::records::HandoverRequest;
use crate::settings::{AbsentFloor, CounterSource, DeviceSignatures, WithoutEvidence};

/// A GBCS message says its length in 16 bits; all that stands in a command besides its certificates has less than 400
/// octets.
const MOST_CERTIFICATE_OCTETS: usize = 65_000;

/// What a request lacks to become a command that is built, signed and MACed. Nothing in it can fail for this record alone
/// any more.
pub(crate) struct Issue {
    pub(crate) device: Eui64,
    pub(crate) role: Role,
    pub(crate) originator_counter: u64,
    /// `[4]` of the command.
    pub(crate) floor: Option<u64>,
    pub(crate) recorded: Option<u64>,
    pub(crate) reason: Reason,
    pub(crate) signing_key_identifier: KeyIdentifier,
    pub(crate) signer: Arc<dyn KrpSigner>,
    pub(crate) agreement: Arc<dyn KeyAgreement>,
    pub(crate) device_key: PublicKey,
}

/// The decision about a request.
pub(crate) enum Judged {
    /// Answered on `handover-refusals`, where the flag says whether the same request may succeed later.
    Refused { decision: Decision, retryable: bool },
    /// A repeat: no answer but the audit record.
    Repeated(Decision),
    Issued {
        decision: Decision,
        issue: Box<Issue>,
    },
}

/// What is known of the ACB's certificate in the digital-signature cell.
struct InSlot {
    /// Which it may be.
    keys: Vec<KeyIdentifier>,
    /// Whether it is that and no other.
    is_certain: bool,
}

/// Everything that comes before a number is allocated.
struct Ready {
    role: Role,
    /// Who comes into the cells, as far as the certificates say.
    replacing: [Option<Occupant>; 2],
    /// What the registers say against it.
    advice: Flags,
    signing_key_identifier: KeyIdentifier,
    signer: Arc<dyn KrpSigner>,
    agreement: Arc<dyn KeyAgreement>,
    device_key: PublicKey,
}

/// Why not, and whether the same request may succeed later.
struct Refusal(Disposition, Reason, bool, String);

fn refused(reason: Reason, retryable: bool, detail: impl Into<String>) -> Refusal {
    Refusal(Disposition::Refused, reason, retryable, detail.into())
}

impl Judge<'_> {
    pub(crate) fn request(
        &mut self,
        key: Eui64,
        request: &HandoverRequest,
        paths: &RequestPaths,
    ) -> Judged {
        let role = role_of_name(&request.role);
        let tag = |decision: Decision| Decision { role, ..decision };
        let refuse = |Refusal(disposition, reason, retryable, detail)| Judged::Refused {
            decision: tag(Decision::new(disposition, reason).detail(detail)),
            retryable,
        };
        if request.target != key {
            let detail = format!("the RequestID names {}", request.target);
            return refuse(Refusal(
                Disposition::Rejected,
                Reason::WrongDevice,
                false,
                detail,
            ));
        }
        let Some(role) = role else {
            let detail = format!("`{}` is served by the ordinary path", request.role);
            return refuse(refused(Reason::UnsupportedRole, false, detail));
        };
        let device = key.to_u64();
        let view = self.ledger.device(device);
        if let Some(first) = view.find_request(request.originator.to_u64(), request.request_counter)
        {
            let mut decision = tag(Decision::new(Disposition::Duplicate, Reason::SameRequest));
            decision.originator_counter = Some(first.issued);
            return Judged::Repeated(decision.detail(format!(
                "answered before with Originator Counter {}",
                first.issued
            )));
        }
        let ready = match self.ready(key, role, request, paths) {
            Ok(ready) => ready,
            Err(refusal) => return refuse(refusal),
        };
        self.allocate(key, request, ready, tag)
            .unwrap_or_else(refuse)
    }

    fn ready(
        &self,
        key: Eui64,
        role: Role,
        request: &HandoverRequest,
        paths: &RequestPaths,
    ) -> Result<Ready, Refusal> {
        let gpf = self.served_gpf(key)?;
        let Some(device_key) = gpf.key_agreement() else {
            return Err(refused(
                Reason::NoDeviceCertificate,
                true,
                "the inventory has no key agreement certificate of the device",
            ));
        };
        if request
            .execution_date_time
            .is_some_and(|due| due.saturating_mul(1_000) > self.now_ms.cast_signed())
        {
            return Err(refused(
                Reason::NotDue,
                true,
                "requests are judged at dispatch; hold it until it is due",
            ));
        }
        let replacing = self.check_certificates(role, request, paths)?;
        self.check_floors(request)?;
        let view = self.ledger.device(key.to_u64());
        if view.flags() & damaged(role) != 0 {
            return Err(refused(
                Reason::NoEvidence,
                true,
                "the stored record of the device was damaged; name its number with a counter adjustment",
            ));
        }
        let in_slot = self.in_slot(key, role)?;
        let asks_for_evidence = self.settings.without_evidence == WithoutEvidence::Refuse;
        if asks_for_evidence && view.flags() & EVICTED != 0 {
            return Err(refused(
                Reason::NoEvidence,
                true,
                "a message of the device was evicted and never judged; name what is known with a counter adjustment",
            ));
        }
        if asks_for_evidence && view.marks(role).watermark().is_none() {
            return Err(refused(
                Reason::NoEvidence,
                true,
                "nothing is known of this slot; back-fill its number with a counter adjustment",
            ));
        }
        let operator = replacing[0].map(|occupant| Eui64::from_u64(occupant.eui));
        let advice = self.advice(gpf, role, operator, request);
        if let Some(reason) = self.refused_by_advice(advice) {
            return Err(refused(
                reason,
                false,
                "the registers speak against it, and parties.advisory refuses",
            ));
        }
        let (signing_key_identifier, signer) = self.signer(&in_slot)?;
        let row = self.ledger.table().find(key.to_u64());
        let named = self.directory.acb_key_agreement(gpf, row);
        let KeyChoice::Held(_, agreement) = self.authority.agreement(named) else {
            return Err(refused(
                Reason::AcbKeyNotHeld,
                true,
                "the key agreement key that the device's record names is not held",
            ));
        };
        Ok(Ready {
            role,
            replacing,
            advice,
            signing_key_identifier,
            signer,
            agreement,
            device_key,
        })
    }

    /// Whose certificates stand in the slot's digital-signature cell, or may stand there.
    ///
    /// Only an occupant that is certain refuses. Certificates and parties that are not known say nothing: such a cell
    /// counts as unknown.
    fn in_slot(&self, key: Eui64, role: Role) -> Result<InSlot, Refusal> {
        let view = self.ledger.device(key.to_u64());
        let occupants = self.ledger.table().occupants();
        let cell = view.cell(role, CellUse::DigitalSignature);
        let occupant = occupants.get(cell.occupant);
        let is_certain = || {
            let acb = self.authority.id().to_u64();
            let trail = view.trail(role, occupants);
            cell.verified && trail.is_certain(CellUse::DigitalSignature, acb)
        };
        let may_stand: Vec<_> = match occupant {
            Some(occupant) if self.is_acb(occupant) => vec![occupant],
            Some(occupant)
                if self.may_be_operator(Eui64::from_u64(occupant.eui)) && is_certain() =>
            {
                let eui = Eui64::from_u64(occupant.eui);
                let detail = format!("{eui} holds the digital-signature cell");
                return Err(refused(Reason::NotDccControlled, true, detail));
            }
            None if cell.is_doubtful() => {
                let unverified_too = self.settings.device_signatures == DeviceSignatures::Off;
                let trail = view.trail(role, occupants);
                let standing = trail.standing(CellUse::DigitalSignature, unverified_too);
                standing.ends
            }
            Some(_) | None => Vec::new(),
        };
        let keys: Vec<_> = may_stand
            .into_iter()
            .filter(|occupant| self.is_acb(*occupant))
            .filter_map(|occupant| occupant.key_identifier.map(KeyIdentifier))
            .filter(|identifier| self.authority.knows(*identifier))
            .collect();
        Ok(InSlot {
            is_certain: !keys.is_empty() && occupant.is_some() && is_certain(),
            keys,
        })
    }

    /// The key for what stands in the slot; the newest where that is not known.
    fn signer(&self, in_slot: &InSlot) -> Result<(KeyIdentifier, Arc<dyn KrpSigner>), Refusal> {
        let named = in_slot.keys.iter().copied().map(Some);
        let newest = (!in_slot.is_certain).then_some(None);
        for wanted in named.chain(newest) {
            if let KeyChoice::Held(identifier, signer) = self.authority.signer(wanted) {
                return Ok((identifier, signer));
            }
        }
        Err(refused(
            Reason::AcbKeyNotHeld,
            true,
            "the digital-signature key whose certificate stands in the slot is not held",
        ))
    }

    fn served_gpf(&self, key: Eui64) -> Result<&Gpf, Refusal> {
        let gpf = match self.inventory(key) {
            Device::Gpf(gpf) => gpf,
            Device::Other => {
                return Err(refused(
                    Reason::NotGpf,
                    false,
                    "the ordinary path serves other devices",
                ));
            }
            Device::Unknown => {
                return Err(refused(
                    Reason::UnknownDevice,
                    true,
                    "the device is not in the inventory",
                ));
            }
        };
        if gpf.is_smets1() {
            return Err(refused(
                Reason::Smets1,
                false,
                "SMETS1 devices are out of scope",
            ));
        }
        let flags = self.ledger.device(key.to_u64()).flags();
        if gpf.is_retired() || flags & DROPPED != 0 {
            return Err(refused(
                Reason::DeviceRetired,
                false,
                "decommissioned, withdrawn or gone from the inventory",
            ));
        }
        Ok(gpf)
    }

    fn check_certificates(
        &self,
        role: Role,
        request: &HandoverRequest,
        paths: &RequestPaths,
    ) -> Result<[Option<Occupant>; 2], Refusal> {
        if role == Role::NetworkOperator && request.key_agreement_top_up.is_some() {
            return Err(refused(
                Reason::BadCertificate,
                false,
                "the Network Operator slot has no top-up cell",
            ));
        }
        let octets = request.certificates().map(<[u8]>::len).sum::<usize>();
        if octets > MOST_CERTIFICATE_OCTETS {
            return Err(refused(
                Reason::BadCertificate,
                false,
                format!("certificates of {octets} octets do not fit into a GBCS message"),
            ));
        }
        let at = self
            .settings
            .certificate_time
            .unwrap_or((self.now_ms / 1_000).cast_signed());
        let verdicts = [
            (
                &paths.digital_signing,
                KeyUsage::DigitalSignature,
                "digital_signing",
            ),
            (
                &paths.key_agreement,
                KeyUsage::KeyAgreement,
                "key_agreement",
            ),
            (
                &paths.key_agreement_top_up,
                KeyUsage::KeyAgreement,
                "key_agreement_top_up",
            ),
        ];
        for (verdict, usage, name) in verdicts {
            let Some(verdict) = verdict else { continue };
            let bad = |error: PathError| {
                refused(Reason::BadCertificate, false, format!("{name}: {error}"))
            };
            let path = verdict.as_ref().map_err(|error| bad(error.clone()))?;
            if !path.key_usage.is_some_and(|bits| bits.allows(usage)) {
                return Err(bad(PathError::Usage(usage)));
            }
            if request.time_based_checks {
                path.check_time(at).map_err(bad)?;
            }
            if path.role != Some(gbcs_role(role)) {
                let detail = format!("{name}: the certificate's role (OU) is not that of the slot");
                return Err(refused(Reason::CertificateRoleMismatch, false, detail));
            }
        }
        let cells = [&paths.digital_signing, &paths.key_agreement];
        Ok(cells.map(|verdict| verdict.as_ref()?.as_ref().ok()?.holder))
    }

    fn check_floors(&self, request: &HandoverRequest) -> Result<(), Refusal> {
        let implausible = |name: &str| {
            refused(
                Reason::FloorImplausible,
                false,
                format!("{name} is above what is plausible"),
            )
        };
        match request.floor {
            Some(floor) if floor > self.settings.ceiling => {
                return Err(implausible("remote_party_floor_seq_number"));
            }
            None if self.settings.absent_floor == AbsentFloor::Refuse => {
                return Err(refused(
                    Reason::FloorAbsent,
                    false,
                    "a floor for the new party is required here",
                ));
            }
            Some(_) | None => {}
        }
        match request.top_up_floor {
            // The top-up series uses the top 32 bits: no ceiling, but a CS02b number ends at 2^63-1.
            Some(floor) if floor > LAST_COUNTER => Err(implausible(
                "remote_party_prepayment_top_up_floor_seq_number",
            )),
            _ => Ok(()),
        }
    }

    fn allocate(
        &mut self,
        key: Eui64,
        request: &HandoverRequest,
        ready: Ready,
        tag: impl Fn(Decision) -> Decision,
    ) -> Result<Judged, Refusal> {
        let device = key.to_u64();
        let from_source = match self.settings.source {
            CounterSource::ClockMs => Some(self.now_ms),
            CounterSource::Sequence => None,
        };
        let asked = AllocationRequest {
            hint: request.hint.or(from_source),
            originator: request.originator.to_u64(),
            request_counter: request.request_counter,
        };
        let marks = self.ledger.device(device).marks(ready.role);
        let allocation = self
            .ledger
            .allocate(device, ready.role, asked)
            .map_err(|exhausted| {
                refused(
                    Reason::CounterExhausted,
                    exhausted.retryable,
                    "no Originator Counter below 2^63 is left for this slot",
                )
            })?;
        let reason = match allocation.reason {
            AllocationReason::Natural => Reason::Natural,
            AllocationReason::WatermarkExceeded => Reason::WatermarkExceeded,
            AllocationReason::IssuedExceeded => Reason::IssuedExceeded,
        };

        let mut flags = ready.advice;
        flags.set(Flags::UNANCHORED, !self.settings.is_anchored());
        let floor = request.floor.or_else(|| {
            let zero = match self.settings.absent_floor {
                AbsentFloor::Zero => true,
                // A hint, or what tracking lifted, may be far above the next operator's own numbers.
                AbsentFloor::Auto => request.hint.is_some() || reason != Reason::Natural,
                AbsentFloor::Omit | AbsentFloor::Refuse => false,
            };
            flags.set(
                if zero {
                    Flags::ABSENT_FLOOR_ZEROED
                } else {
                    Flags::ABSENT_FLOOR_OMITTED
                },
                true,
            );
            zero.then_some(0)
        });
        if let Some(floor) = floor {
            // The device takes nothing up to it any more; its range was checked.
            self.ledger.raise_issued(device, ready.role, floor).ok();
        }
        let pending = self.pending_command(allocation.counter, &ready);
        self.ledger.expect(device, ready.role, pending);
        self.state_flags(key, ready.role, &mut flags);
        flags.set(
            Flags::EVICTED,
            self.ledger.device(device).flags() & EVICTED != 0,
        );
        flags.set(
            Flags::ABOVE_CEILING,
            allocation.counter > self.settings.ceiling,
        );
        let mut decision = tag(Decision::new(Disposition::Issued, reason)).flags(flags);
        decision.originator_counter = Some(allocation.counter);
        let issue = Issue {
            device: key,
            role: ready.role,
            originator_counter: allocation.counter,
            floor,
            recorded: marks.recorded,
            reason,
            signing_key_identifier: ready.signing_key_identifier,
            signer: ready.signer,
            agreement: ready.agreement,
            device_key: ready.device_key,
        };
        Ok(Judged::Issued {
            decision,
            issue: Box::new(issue),
        })
    }

    /// What the command does to the cells, if the ACB stands there.
    fn pending_command(&self, number: u64, ready: &Ready) -> Pending {
        let acb = |key_identifier| Occupant {
            eui: self.authority.id().to_u64(),
            key_identifier,
        };
        let existing = [acb(Some(ready.signing_key_identifier.0)), acb(None)];
        let mut steps = [None; 2];
        for ((step, existing), replacing) in steps.iter_mut().zip(existing).zip(ready.replacing) {
            *step = replacing.map(|replacing| Step {
                existing,
                replacing,
            });
        }
        Pending {
            number,
            steps,
            due: Due::AtOnce,
        }
    }
}
