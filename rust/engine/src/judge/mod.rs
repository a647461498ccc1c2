//! The rules: what each record means for the device it is about. One file for each kind of record.
//!
//! Judging reads the ledger through what is staged there, and stages more. Order within a record is fixed, so that
//! every record has one predictable reason: decodable; the key's device is the message's; the message alone; an
//! identical repeat; the inventory; the signature; another content under the same headers; the cells.

mod adjustment;
mod advice;
mod alert;
mod handover;
mod operator;
mod outcome;
mod pre_command;
mod read_back;
mod request;
mod slot;

use std::borrow::Cow;

use slotkeeper_counters::{Cover, LAST_COUNTER, Ledger, Occupant, Role};
use slotkeeper_gbcs::{Eui64, KeyIdentifier};

pub(crate) use alert::Told;
pub(crate) use outcome::Outcome;
pub(crate) use request::{Issue, Judged};
pub(crate) use slot::SlotView;

use crate::authority::Authority;
use crate::decision::{Disposition, Flags, Reason};
use crate::directory::{Class, Device, Directory};
use crate::message::Facts;
use crate::parking::Parking;
use crate::quoted::{LONGEST_DETAIL, beginning};
use crate::records::Adjustment;
use crate::registers::Registers;
use crate::settings::Settings;

/// What was found of a device's signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Signature {
    Invalid,
    /// Not asked for, or no certificate is known.
    Unchecked,
    Valid,
}

impl Signature {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unchecked => "unchecked",
            Self::Valid => "valid",
        }
    }
}

/// What people asked for, and the numbers of commands that it named.
#[derive(Debug)]
pub(crate) struct Adjusted {
    pub(crate) adjustment: Adjustment,
    pub(crate) named: Cover,
}

/// What was decided about a record, and why.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) disposition: Disposition,
    pub(crate) reason: Reason,
    /// One sentence where the reason alone leaves a question.
    pub(crate) detail: Cow<'static, str>,
    /// The slot it is about.
    pub(crate) role: Option<Role>,
    /// The number issued, or the first one of a repeated request.
    pub(crate) originator_counter: Option<u64>,
    pub(crate) flags: Flags,
    pub(crate) signature: Signature,
    /// What people asked for, and why, where a number was raised by hand.
    pub(crate) adjusted: Option<Box<Adjusted>>,
}

impl Decision {
    pub(crate) fn new(disposition: Disposition, reason: Reason) -> Self {
        Self {
            disposition,
            reason,
            detail: Cow::Borrowed(""),
            role: None,
            originator_counter: None,
            flags: Flags::default(),
            signature: Signature::Unchecked,
            adjusted: None,
        }
    }

    /// Cut short where it quotes a record that is longer than a sentence.
    pub(crate) fn detail(self, detail: impl Into<Cow<'static, str>>) -> Self {
        let mut detail = detail.into();
        if detail.len() > LONGEST_DETAIL {
            detail = beginning(&detail, LONGEST_DETAIL).to_owned().into();
        }
        Self { detail, ..self }
    }

    pub(crate) fn role(self, role: Role) -> Self {
        Self {
            role: Some(role),
            ..self
        }
    }

    fn flags(self, flags: Flags) -> Self {
        Self { flags, ..self }
    }

    fn signature(self, signature: Signature) -> Self {
        Self { signature, ..self }
    }

    /// Whether the record's octets are kept to be judged again.
    pub(crate) fn parks(&self) -> bool {
        self.disposition == Disposition::Parked || self.reason == Reason::BadSignature
    }

    /// Whether it parks a message that has told of its cells all the same, since it is verified.
    pub(crate) fn parks_what_told(&self) -> bool {
        let waits_for_a_list = [Reason::UnknownAcbCertificate, Reason::UnknownParty];
        self.signature == Signature::Valid && waits_for_a_list.contains(&self.reason)
    }
}

/// What a judgement may look at, and the ledger in which it stages.
pub(crate) struct Judge<'e> {
    pub(crate) settings: &'e Settings,
    pub(crate) authority: &'e Authority,
    pub(crate) directory: &'e Directory,
    pub(crate) ledger: &'e mut Ledger,
    pub(crate) parking: &'e Parking,
    pub(crate) registers: &'e Registers,
    /// Milliseconds since 1970.
    pub(crate) now_ms: u64,
}

impl Judge<'_> {
    fn inventory(&self, device: Eui64) -> Device<'_> {
        let row = self.ledger.table().find(device.to_u64());
        self.directory.device(device, row, self.flags(device))
    }

    /// As [`Self::inventory`], for the device of a message.
    pub(crate) fn inventory_of(&self, facts: &Facts<'_>) -> Device<'_> {
        match facts.class {
            Some(class @ Class::Neither) => {
                self.directory.of_class(class, self.flags(facts.device))
            }
            Some(class) => self.directory.of_class(class, 0),
            None => self.inventory(facts.device),
        }
    }

    fn flags(&self, device: Eui64) -> u16 {
        self.ledger.device(device.to_u64()).flags()
    }

    fn is_acb(&self, occupant: Occupant) -> bool {
        occupant.eui == self.authority.id().to_u64()
    }

    /// Whether it is the ACB, and no certificate that the configuration does not name.
    fn is_known_acb(&self, occupant: Occupant) -> bool {
        let is_known = |identifier| self.authority.knows(KeyIdentifier(identifier));
        self.is_acb(occupant) && occupant.key_identifier.is_none_or(is_known)
    }

    /// Whether a party may be a network operator: by the list that is configured, else by the registers; where neither
    /// says who is, anybody may.
    fn may_be_operator(&self, eui: Eui64) -> bool {
        match &self.settings.network_operators {
            Some(list) => list.contains(&eui),
            None => self.registers.is_operator(eui).unwrap_or(true),
        }
    }

    /// Whether something may be kept of a device of which nothing is kept yet: of those that no inventory record names
    /// there is a bound, which a batch may pass by its own.
    fn may_be_kept(&self, device: Eui64) -> bool {
        self.ledger.device(device.to_u64()).is_known()
            || self.directory.strangers(self.ledger.table()) < self.settings.strangers
            || !matches!(self.inventory(device), Device::Unknown)
    }

    /// Raises `seen` of every role that the message shows a number for; whether anything changed.
    fn raise_seen(&mut self, facts: &Facts<'_>) -> bool {
        if !self.may_be_kept(facts.device) {
            return false;
        }
        let mut changed = false;
        for role in Role::ALL {
            if let Some(number) = facts.number_towards(role) {
                changed |= self.ledger.raise_seen(facts.device.to_u64(), role, number);
            }
        }
        changed
    }

    /// The flags that the state itself sets, after the decision.
    fn state_flags(&self, device: Eui64, role: Role, flags: &mut Flags) {
        let marks = self.ledger.device(device.to_u64()).marks(role);
        flags.set(
            Flags::EXHAUSTED,
            marks.recorded.max(marks.seen) >= Some(LAST_COUNTER),
        );
    }
}
