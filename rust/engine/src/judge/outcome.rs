//! What devices say: outcomes of SRV 6.15.1 and 6.21 and read-backs, told apart by what they say and not by where they
//! stand.

use slotkeeper_counters::{Cell, CellSource, MessageNote, Role};
use slotkeeper_crypto::verify_krp;
use slotkeeper_gbcs::{Cra, Eui64, Header, Kind, Payload, Signature as SignaturePart};

use super::read_back::{is_of_a_slot, role_read};
use super::{Decision, Judge, Signature};
use crate::decision::{Disposition, Flags, Reason};
use crate::directory::{Device, HAD_CERTIFICATE};
use crate::message::{ContentStart, Facts};
use crate::settings::DeviceSignatures;

/// How a record was decided.
pub(crate) type Verdict = (Disposition, Reason);

/// For whom the message acted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Subject {
    /// The occupant of the Network Operator slot, on its own cells.
    Operator,
    /// The ACB as occupant of a slot: a handover.
    Handover(Role),
    /// Another role, and the Network Operator slot or its number changed with it.
    Otherwise,
    /// Nobody: the device reports what it holds.
    ReadBack,
    /// The Supplier slot alone: its number and cells count for its role, nothing is recorded.
    Supplier,
    Irrelevant,
}

/// A message together with what is already known about its signature.
pub(crate) struct Outcome<'f, 'a> {
    pub(crate) facts: &'f Facts<'a>,
    /// The device that the record's key names.
    pub(crate) key: Eui64,
    /// Whether the record stood on `srv-6.15.1-requests`.
    pub(crate) on_its_way_down: bool,
    /// Found out beforehand, many at a time.
    pub(crate) signature: Option<Signature>,
    /// How it was decided before, where this is a parked record that is judged again.
    pub(crate) parked_as: Option<Verdict>,
    /// Whether it has told of its cells then.
    pub(crate) has_told: bool,
    /// Whether a certificate of the device has refused it before.
    pub(crate) refused: bool,
}

impl Judge<'_> {
    /// Judges a message of a device, or of `srv-6.15.1-requests`.
    pub(crate) fn outcome(&mut self, outcome: &Outcome<'_, '_>) -> Decision {
        let facts = outcome.facts;
        let decision = self.outcome_in_order(outcome);
        let mut flags = decision.flags;
        for flag in [
            Flags::MODE_MISMATCH,
            Flags::COUNTERS_DIFFER,
            Flags::COUNTER_OUT_OF_RANGE,
        ] {
            flags.set(flag, facts.flags.contains(flag));
        }
        let role = decision
            .role
            .or(facts.own_role())
            .unwrap_or_else(|| role_read(facts));
        let highest = Role::ALL
            .into_iter()
            .filter_map(|role| facts.number_towards(role))
            .max();
        flags.set(Flags::ABOVE_CEILING, highest > Some(self.settings.ceiling));
        flags.set(
            Flags::UNANCHORED,
            decision.signature != Signature::Unchecked && !self.settings.is_anchored(),
        );
        self.state_flags(facts.device, role, &mut flags);
        Decision {
            flags,
            role: Some(role),
            ..decision
        }
    }

    fn outcome_in_order(&mut self, outcome: &Outcome<'_, '_>) -> Decision {
        let facts = outcome.facts;
        if facts.device != outcome.key {
            return Decision::new(Disposition::Rejected, Reason::WrongDevice)
                .detail(format!("the message is about {}", facts.device));
        }
        let subject = match (facts.kind, &facts.message.payload) {
            (
                Kind::Response | Kind::Alert,
                Payload::Response(_) | Payload::Alert(_) | Payload::CredentialsResponse(_),
            ) => self.subject(facts),
            (Kind::PreCommand | Kind::Command, Payload::Command(_)) if outcome.on_its_way_down => {
                return self.pre_command(facts, outcome.parked_as);
            }
            _ => return self.irrelevant(outcome, Reason::NotAnOutcome),
        };
        match subject {
            Subject::Irrelevant => {
                return self.irrelevant(outcome, Reason::NotNetworkOperatorRole);
            }
            Subject::Supplier => {
                let reason = Reason::NotNetworkOperatorRole;
                return self.set_aside(outcome, Role::Supplier, reason);
            }
            Subject::Operator if !has_cells(facts, Role::NetworkOperator) => {
                return self.set_aside(outcome, Role::NetworkOperator, Reason::NoOutcome);
            }
            Subject::Operator | Subject::Handover(_) | Subject::Otherwise | Subject::ReadBack => {}
        }
        if self.is_repeat(facts, outcome.parked_as) {
            return Decision::new(Disposition::Duplicate, Reason::SameMessage);
        }
        match self.inventory_of(facts) {
            Device::Unknown if outcome.refused => return bad_signature(),
            Device::Unknown => {
                let flags = self.raise_unverified(facts);
                return Decision::new(Disposition::Parked, Reason::UnknownDevice).flags(flags);
            }
            Device::Other => return Decision::new(Disposition::NotRecorded, Reason::NotGpf),
            Device::Gpf(gpf) if gpf.is_smets1() => {
                return Decision::new(Disposition::NotRecorded, Reason::Smets1);
            }
            Device::Gpf(_) => {}
        }
        let signature = outcome
            .signature
            .unwrap_or_else(|| self.check_signature(facts));
        let still_refused = outcome.refused && signature != Signature::Valid;
        self.note_certificate(facts, signature);
        if signature == Signature::Invalid || still_refused {
            return bad_signature();
        }
        let mut flags = Flags::default();
        flags.set(Flags::UNVERIFIED, signature == Signature::Unchecked);
        if !self.may_believe(facts, signature) {
            return Decision::new(Disposition::Parked, Reason::Unverified)
                .flags(flags)
                .signature(signature);
        }
        match self.known_of_its_headers(facts, signature, outcome.parked_as) {
            Some(Reason::ConflictingContent) => {
                self.raise_seen(facts);
                if signature == Signature::Valid {
                    self.note_answered(facts);
                    self.dispute_cells(facts);
                }
                self.remember(facts, signature);
                return Decision::new(Disposition::Duplicate, Reason::ConflictingContent)
                    .flags(flags)
                    .signature(signature)
                    .detail("a verified message with the same headers and another content is known; this one is kept as a dead letter");
            }
            Some(reason) => {
                return Decision::new(Disposition::Duplicate, reason)
                    .flags(flags)
                    .signature(signature);
            }
            None => {}
        }
        let mut judged = match subject {
            Subject::Handover(role) => self.handover_outcome(facts, role, signature),
            Subject::Otherwise => self.changed_otherwise(facts, signature),
            Subject::ReadBack => self.read_back(facts, signature),
            Subject::Operator | Subject::Supplier | Subject::Irrelevant => {
                let told_as = outcome.parked_as.filter(|_| outcome.has_told);
                self.operator_outcome(facts, signature, told_as)
            }
        };
        if signature == Signature::Valid {
            judged.changed |= self.note_answered(facts);
        }
        if judged.changed && !judged.decision.parks() {
            self.remember(facts, signature);
        }
        judged.decision.flags(flags).signature(signature)
    }

    fn subject(&self, facts: &Facts<'_>) -> Subject {
        if facts.is_read_back() {
            return if is_of_a_slot(facts) {
                Subject::ReadBack
            } else {
                Subject::Irrelevant
            };
        }
        let by_acb = facts.party == self.authority.id();
        match facts.own_role() {
            Some(role) if by_acb => Subject::Handover(role),
            Some(Role::NetworkOperator)
                if facts
                    .outcome()
                    .is_none_or(|outcome| outcome.replacement_outcomes.is_empty())
                    || has_cells(facts, Role::NetworkOperator) =>
            {
                Subject::Operator
            }
            Some(Role::Supplier) => Subject::Supplier,
            _ if has_cells(facts, Role::NetworkOperator)
                || facts.number_towards(Role::NetworkOperator).is_some() =>
            {
                Subject::Otherwise
            }
            _ if has_cells(facts, Role::Supplier)
                || facts.number_towards(Role::Supplier).is_some() =>
            {
                Subject::Supplier
            }
            _ => Subject::Irrelevant,
        }
    }

    /// For messages that say enough by themselves to be set aside: what they show of the role is noted where it may be
    /// believed.
    fn set_aside(&mut self, outcome: &Outcome<'_, '_>, role: Role, reason: Reason) -> Decision {
        let facts = outcome.facts;
        let decision = Decision::new(Disposition::NotRecorded, reason).role(role);
        if !self.has_news(facts, role) {
            return decision;
        }
        match self.inventory_of(facts) {
            Device::Gpf(gpf) if !gpf.is_smets1() => {}
            Device::Unknown => {
                let flags = self.raise_unverified(facts);
                // Nothing is parked that is set aside: what it tells of cells would never be heard again.
                if self.may_believe(facts, Signature::Unchecked) && self.is_known(facts, role) {
                    let signature = Signature::Unchecked;
                    self.tell_cells(facts, role, CellSource::Outcome, signature, None);
                }
                return decision.flags(flags);
            }
            _ => return decision,
        }
        let signature = outcome
            .signature
            .unwrap_or_else(|| self.check_signature(facts));
        self.note_certificate(facts, signature);
        let mut flags = Flags::default();
        if signature != Signature::Invalid && self.may_believe(facts, signature) {
            flags.set(Flags::UNVERIFIED, signature == Signature::Unchecked);
            self.raise_seen(facts);
            if signature == Signature::Valid {
                self.note_answered(facts);
                self.note_accepted(facts, role);
            }
            if self.is_known(facts, role) {
                self.tell_cells(facts, role, CellSource::Outcome, signature, None);
            }
        }
        decision.flags(flags).signature(signature)
    }

    /// For messages about neither slot: at most the number of a command of the ACB is news.
    fn irrelevant(&mut self, outcome: &Outcome<'_, '_>, reason: Reason) -> Decision {
        let facts = outcome.facts;
        if self.is_unknown_answer(facts) && matches!(self.inventory_of(facts), Device::Gpf(_)) {
            return self.set_aside(outcome, Role::NetworkOperator, reason);
        }
        Decision::new(Disposition::NotRecorded, reason)
    }

    /// Whether a message that is set aside would change anything: a floor that it reports for the other role counts, too.
    /// A slot of which nothing is known needs no following: the storm of suppliers' own outcomes costs no signature then
    /// (D13).
    fn has_news(&self, facts: &Facts<'_>, role: Role) -> bool {
        let view = self.ledger.device(facts.device.to_u64());
        let is_higher = |role| facts.number_towards(role) > view.marks(role).seen;
        Role::ALL.into_iter().any(is_higher)
            || has_cells(facts, role) && self.is_known(facts, role)
            || self.is_unknown_answer(facts)
            || self.is_awaited_acceptance(facts, role)
    }

    fn is_known(&self, facts: &Facts<'_>, role: Role) -> bool {
        let view = self.ledger.device(facts.device.to_u64());
        view.role(role).cells != [Cell::default(); 2]
    }

    /// Raises `seen` of a device that the inventory does not have yet, unless every number must be proven.
    fn raise_unverified(&mut self, facts: &Facts<'_>) -> Flags {
        let mut flags = Flags::default();
        flags.set(Flags::UNVERIFIED, true);
        if self.may_believe(facts, Signature::Unchecked) {
            flags.set(Flags::STRANGERS_FULL, !self.may_be_kept(facts.device));
            self.raise_seen(facts);
        }
        flags
    }

    /// Verified numbers are believed, without an anchor only up to the ceiling. Unverified ones only up to there as well,
    /// and only where that is allowed: what can never be lowered is never believed without cause.
    fn may_believe(&self, facts: &Facts<'_>, signature: Signature) -> bool {
        match signature {
            // A header beyond the range is never taken, so that it is nothing that an anchor would have to vouch for.
            Signature::Valid => {
                self.settings.is_anchored()
                    || self.is_plausible(facts, facts.highest_number_in_range())
            }
            Signature::Invalid => false,
            Signature::Unchecked => {
                let unproven = match self.settings.device_signatures {
                    DeviceSignatures::IfKnown => self.flags(facts.device) & HAD_CERTIFICATE == 0,
                    DeviceSignatures::Off => true,
                    DeviceSignatures::Require => false,
                };
                unproven && self.is_plausible(facts, facts.highest_number())
            }
        }
    }

    /// Whether no number of the message is above the ceiling, but for a role's numbers up to the highest that commands
    /// of ours had: answers to those are heard.
    fn is_plausible(&self, facts: &Facts<'_>, highest: u64) -> bool {
        let ceiling = self.settings.ceiling;
        let view = self.ledger.device(facts.device.to_u64());
        let mut of_roles = ceiling;
        for role in Role::ALL {
            let Some(number) = facts.number_towards(role) else {
                continue;
            };
            if number > ceiling && view.marks(role).issued < Some(number) {
                return false;
            }
            of_roles = of_roles.max(number);
        }
        highest <= of_roles
    }

    /// Remembers with the device's record that a certificate of it was at hand: one that has verified something, or
    /// that is vouched for and has refused it.
    fn note_certificate(&mut self, facts: &Facts<'_>, signature: Signature) {
        let counts = match signature {
            Signature::Valid => true,
            Signature::Invalid => self.settings.is_anchored(),
            Signature::Unchecked => false,
        };
        if !counts {
            return;
        }
        let flags = self.flags(facts.device);
        if flags & HAD_CERTIFICATE == 0 {
            let device = facts.device.to_u64();
            self.ledger.set_flags(device, flags | HAD_CERTIFICATE);
        }
    }

    /// Checks the signature as the settings ask for it.
    pub(crate) fn check_signature(&self, facts: &Facts<'_>) -> Signature {
        if self.settings.device_signatures == DeviceSignatures::Off {
            return Signature::Unchecked;
        }
        let Device::Gpf(gpf) = self.inventory_of(facts) else {
            return Signature::Unchecked;
        };
        let Some(key) = gpf.digital_signing() else {
            return Signature::Unchecked;
        };
        let SignaturePart::Present(octets) = facts.message.signature else {
            return if facts.is_read_back() {
                self.check_mac(facts, gpf)
            } else {
                Signature::Invalid
            };
        };
        match verify_krp(&key, facts.message.signed_octets(), octets) {
            Ok(()) => Signature::Valid,
            Err(_) => Signature::Invalid,
        }
    }

    /// Whether judging this message will ask for its signature; answered without judging it.
    pub(crate) fn will_check_signature(&self, facts: &Facts<'_>, again: bool) -> bool {
        if self.settings.device_signatures == DeviceSignatures::Off
            || !matches!(facts.kind, Kind::Response | Kind::Alert)
        {
            return false;
        }
        let subject = self.subject(facts);
        if subject == Subject::Irrelevant && !self.is_unknown_answer(facts) {
            return false;
        }
        let Device::Gpf(gpf) = self.inventory_of(facts) else {
            return false;
        };
        if gpf.is_smets1() || gpf.digital_signing().is_none() {
            return false;
        }
        match subject {
            Subject::Irrelevant => true,
            Subject::Supplier => self.has_news(facts, Role::Supplier),
            Subject::Operator | Subject::Handover(_) | Subject::Otherwise | Subject::ReadBack => {
                again || !self.is_repeat(facts, None)
            }
        }
    }

    /// Whether the same octets are known. A message that nobody could verify does not stand in the way of itself once
    /// somebody can; and a parked one is no repeat of itself, for what it told of cells or for what it was believed when
    /// it came first.
    pub(super) fn is_repeat(&self, facts: &Facts<'_>, parked_as: Option<Verdict>) -> bool {
        if parked_as.is_some() {
            return false;
        }
        let view = self.ledger.device(facts.device.to_u64());
        view.messages().any(|note| {
            is_of_octets(&note, facts) && (note.verified || !self.can_be_verified(facts))
        }) || self.parking.contains(facts.device, &facts.digest)
    }

    fn can_be_verified(&self, facts: &Facts<'_>) -> bool {
        self.settings.device_signatures != DeviceSignatures::Off
            && matches!(facts.kind, Kind::Response | Kind::Alert)
            && matches!(self.inventory_of(facts), Device::Gpf(gpf) if gpf.digital_signing().is_some())
    }

    /// Where a verified message with these headers is known: whether this one is the same, under whatever signature, or
    /// another one. A conflict that is known is the same as its repeat, but verified it is not the unverified one.
    fn known_of_its_headers(
        &self,
        facts: &Facts<'_>,
        signature: Signature,
        parked_as: Option<Verdict>,
    ) -> Option<Reason> {
        let identity = identity(&facts.message.header);
        let view = self.ledger.device(facts.device.to_u64());
        let of_its_headers = |note: &MessageNote| note.identity == identity;
        let linked: Vec<_> = view.linked_messages().filter(of_its_headers).collect();
        let others: Vec<_> = view.other_messages().filter(of_its_headers).collect();
        if linked.is_empty() && others.is_empty() {
            return None;
        }
        let content = facts.content_start();
        // Whatever it was parked as last: it may have told of its cells before that.
        let own = note_digest(facts);
        let is_itself = |note: &MessageNote| parked_as.is_some() && note.digest == own;
        let linked = linked.into_iter().filter(|note| !is_itself(note));
        let known: Vec<_> = linked.chain(others).collect();
        if !known.iter().any(|note| note.verified) {
            return None;
        }
        let is_same = known.iter().any(|note| {
            note.digest.starts_with(&content)
                && (note.verified || signature == Signature::Unchecked)
        });
        Some(if is_same {
            Reason::SameMessage
        } else {
            Reason::ConflictingContent
        })
    }

    /// Whether a verified Response of the device to this command is among the messages remembered.
    pub(super) fn is_answered(&self, facts: &Facts<'_>) -> bool {
        let command = facts.message.header;
        let identity = identity(&Header {
            cra: Cra::Response,
            originator: command.recipient,
            recipient: command.originator,
            ..command
        });
        self.ledger
            .device(facts.device.to_u64())
            .messages()
            .any(|note| note.verified && note.identity == identity)
    }

    /// Remembers a message that changed the record; those that made a link are remembered with it.
    pub(super) fn remember(&mut self, facts: &Facts<'_>, signature: Signature) {
        let note = note_of(facts, signature);
        let device = facts.device.to_u64();
        let is_known = |known| known == note;
        if !self.ledger.device(device).messages().any(is_known) {
            self.ledger.remember_message(device, &note);
        }
    }
}

/// What is remembered of a message.
pub(super) fn note_of(facts: &Facts<'_>, signature: Signature) -> MessageNote {
    MessageNote {
        identity: identity(&facts.message.header),
        digest: note_digest(facts),
        verified: signature == Signature::Valid,
    }
}

/// A judgement and whether it changed the record.
pub(super) struct JudgedOutcome {
    pub(super) decision: Decision,
    pub(super) changed: bool,
}

fn bad_signature() -> Decision {
    Decision::new(Disposition::Rejected, Reason::BadSignature).signature(Signature::Invalid)
}

fn has_cells(facts: &Facts<'_>, role: Role) -> bool {
    facts.cells_of(role).next().is_some()
}

/// What makes two messages the same one by their headers: recipient, originator, CRA flag, counter and Message Code,
/// as the start of their SHA-256.
fn identity(header: &Header) -> u64 {
    let mut octets = [0; 27];
    let fields = [
        &header.recipient.to_bytes()[..],
        &header.originator.to_bytes(),
        &header.originator_counter.to_be_bytes(),
        &header.message_code.0.to_be_bytes(),
        &[header.cra.number()],
    ];
    for (place, octet) in octets.iter_mut().zip(fields.into_iter().flatten()) {
        *place = *octet;
    }
    let digest = slotkeeper_crypto::sha256(&octets);
    u64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default())
}

/// What a note keeps of a message: the start of the SHA-256 of its content, which is what the device signs, and that of
/// all its octets.
fn note_digest(facts: &Facts<'_>) -> [u8; 15] {
    let mut digest = [0; 15];
    let (content, octets) = digest.split_at_mut(size_of::<ContentStart>());
    content.copy_from_slice(&facts.content_start());
    for (place, octet) in octets.iter_mut().zip(facts.digest) {
        *place = octet;
    }
    digest
}

/// Whether a note is of these octets. Earlier releases kept 15 octets of the SHA-256 of them all.
fn is_of_octets(note: &MessageNote, facts: &Facts<'_>) -> bool {
    let (content, octets) = note.digest.split_at(size_of::<ContentStart>());
    facts.digest.starts_with(&note.digest)
        || facts.digest.starts_with(octets) && facts.content_start() == content
}
