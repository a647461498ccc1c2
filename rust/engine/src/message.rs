//! What a GBCS message says that decisions depend on, whatever its kind.

use std::sync::OnceLock;

use slotkeeper_counters::{LAST_COUNTER, Role};
use slotkeeper_gbcs::{
    CellContents, CellUsage, CommandPayload, Cra, DlmsDateTime, Eui64, ExecutionOutcome, KeyUsage,
    Kind, Message, Payload, RemotePartyDetails, RemotePartyRole, ReplacementMode,
    ReplacementOutcome, SeqNumber, SeqNumberChange, Signature, StatusCode,
};

use crate::decision::Flags;
use crate::directory::Class;

/// A decoded message with its digest and the numbers it carries.
pub(crate) struct Facts<'a> {
    pub(crate) message: Message<'a>,
    /// The message as it came.
    pub(crate) octets: &'a [u8],
    /// SHA-256 of all octets.
    pub(crate) digest: [u8; 32],
    pub(crate) kind: Kind,
    pub(crate) device: Eui64,
    /// Who acts: the originator of a command, the recipient of what the device says about it.
    pub(crate) party: Eui64,
    /// From the payload; from the Message Code where a Response carries no outcome.
    pub(crate) mode: Option<ReplacementMode>,
    /// See [`Self::number_towards`], in the order of [`Role::ALL`].
    numbers: [Option<u64>; 2],
    /// Contradictions within the message.
    pub(crate) flags: Flags,
    /// Where the device stands in the inventory, if that was looked up beforehand.
    pub(crate) class: Option<Class>,
    /// Found out once, of the messages that are remembered or compared with such.
    pub(crate) content: OnceLock<ContentStart>,
}

/// The start of the SHA-256 of what the device signs.
pub(crate) type ContentStart = [u8; 8];

impl<'a> Facts<'a> {
    pub(crate) fn of(message: Message<'a>, octets: &'a [u8], class: Option<Class>) -> Self {
        let mut flags = Flags::default();
        flags.set(Flags::MODE_MISMATCH, message.mode_mismatch());
        let authorising = authorising_number(&message);
        if message.header.cra != Cra::Alert {
            let counter = message.header.originator_counter;
            flags.set(Flags::COUNTER_OUT_OF_RANGE, counter > LAST_COUNTER);
            flags.set(
                Flags::COUNTERS_DIFFER,
                authorising.is_some_and(|number| number != counter),
            );
        }
        let mode = match &message.payload {
            Payload::Command(command) => Some(command.control.mode),
            Payload::CredentialsCommand(_) | Payload::CredentialsResponse(_) => None,
            Payload::Response(_) | Payload::Alert(_) => match message.payload.outcome() {
                Some(outcome) => Some(outcome.mode),
                None => message.header.message_code.replacement_mode(),
            },
        };
        let mut facts = Self {
            octets,
            digest: slotkeeper_crypto::sha256(octets),
            kind: message.kind(),
            device: message.device(),
            party: message.party(),
            mode,
            numbers: [None; 2],
            flags,
            class,
            content: OnceLock::new(),
            message,
        };
        facts.numbers = Role::ALL.map(|role| facts.highest_towards(role));
        facts
    }

    /// The start of the SHA-256 of the content, which is what the device signs.
    pub(crate) fn content_start(&self) -> ContentStart {
        *self.content.get_or_init(|| {
            let digest = slotkeeper_crypto::sha256(self.message.signed_octets());
            digest.first_chunk().copied().unwrap_or_default()
        })
    }

    pub(crate) fn outcome(&self) -> Option<&ExecutionOutcome> {
        self.message.payload.outcome()
    }

    pub(crate) fn command(&self) -> Option<&CommandPayload<'a>> {
        match &self.message.payload {
            Payload::Command(command) => Some(command),
            _ => None,
        }
    }

    /// The number that the payload repeats.
    pub(crate) fn authorising_number(&self) -> Option<u64> {
        authorising_number(&self.message)
    }

    /// The numbers of the command that the device answers to: the header's, unless it is the device's own or beyond
    /// 2^63-1, and the one that the payload repeats. Of what is no answer, none.
    pub(crate) fn answered_numbers(&self) -> impl Iterator<Item = u64> {
        let is_answer = matches!(self.kind, Kind::Response | Kind::Alert);
        let header = (self.message.header.cra == Cra::Response)
            .then_some(self.message.header.originator_counter);
        header
            .into_iter()
            .chain(self.authorising_number())
            .filter(move |number| is_answer && *number <= LAST_COUNTER)
    }

    /// The floor that the message reports, or sets, for its own role.
    pub(crate) fn floor(&self) -> Option<u64> {
        let role = self.own_role()?;
        if let Some(command) = self.command() {
            return command.control.floor.map(SeqNumber::get);
        }
        self.floors_for(gbcs_role(role)).max()
    }

    /// The slot that the message acts for as its occupant: modes 2 and 3 alone.
    pub(crate) fn own_role(&self) -> Option<Role> {
        match self.mode? {
            ReplacementMode::NetworkOperatorByNetworkOperator => Some(Role::NetworkOperator),
            ReplacementMode::SupplierBySupplier => Some(Role::Supplier),
            _ => None,
        }
    }

    /// The highest number that this message shows to have been used towards a role: its own number where it acts for
    /// that role, every floor set or reported for it, and what the device reports to hold for it. A header counter
    /// beyond 2^63-1 is never taken, and an Alert's header counter is the device's own.
    pub(crate) fn number_towards(&self, role: Role) -> Option<u64> {
        let [network_operator, supplier] = self.numbers;
        match role {
            Role::NetworkOperator => network_operator,
            Role::Supplier => supplier,
        }
    }

    fn highest_towards(&self, role: Role) -> Option<u64> {
        let acts_for_it = self.own_role() == Some(role);
        let header = (self.message.header.cra != Cra::Alert)
            .then_some(self.message.header.originator_counter)
            .filter(|counter| acts_for_it && *counter <= LAST_COUNTER);
        let authorising = self.authorising_number().filter(|_| acts_for_it);
        let own_floor = self
            .command()
            .and_then(|c| c.control.floor)
            .map(SeqNumber::get)
            .filter(|_| acts_for_it);
        let floors = self.floors_for(gbcs_role(role)).max();
        header
            .into_iter()
            .chain(authorising)
            .chain(own_floor)
            .chain(floors)
            .chain(self.number_held(role))
            .max()
    }

    /// Whether a signature authenticates it, and not a MAC alone.
    pub(crate) fn is_signed(&self) -> bool {
        matches!(self.message.signature, Signature::Present(_))
    }

    /// Whether it is an answer that reports cells and numbers (CS02a).
    pub(crate) fn is_read_back(&self) -> bool {
        matches!(self.message.payload, Payload::CredentialsResponse(_))
    }

    /// What the device reports of a role that it has cells for.
    pub(crate) fn details_of(&self, role: Role) -> Option<&RemotePartyDetails> {
        let mut details = self.details();
        details.find(|details| details.role == gbcs_role(role))
    }

    /// What the device reports to stand in a slot's cells.
    pub(crate) fn cells_held(&self, role: Role) -> impl Iterator<Item = &CellContents> {
        let details = self.details_of(role);
        details
            .into_iter()
            .flat_map(|details| &details.cells)
            .filter(|cell| cell.cell_usage == CellUsage::Management)
    }

    fn number_held(&self, role: Role) -> Option<u64> {
        let details = self.details_of(role)?;
        details.current_seq_number.map(SeqNumber::get)
    }

    fn details(&self) -> impl Iterator<Item = &RemotePartyDetails> {
        let roles = match &self.message.payload {
            Payload::CredentialsResponse(response) => response.roles.as_slice(),
            _ => &[],
        };
        let has_cells = |details: &&RemotePartyDetails| details.status == StatusCode::Success;
        roles.iter().filter(has_cells)
    }

    /// The highest of all numbers in the message, of whichever role; prepayment top-up numbers aside, which use the
    /// top 32 bits by design.
    pub(crate) fn highest_number(&self) -> u64 {
        self.highest_with(self.header_number())
    }

    /// The same without a header beyond 2^63-1, which is never taken.
    pub(crate) fn highest_number_in_range(&self) -> u64 {
        self.highest_with(
            self.header_number()
                .filter(|number| *number <= LAST_COUNTER),
        )
    }

    /// An Alert's header has a number of the device.
    fn header_number(&self) -> Option<u64> {
        let header = &self.message.header;
        (header.cra != Cra::Alert).then_some(header.originator_counter)
    }

    fn highest_with(&self, header: Option<u64>) -> u64 {
        let floor = self
            .command()
            .and_then(|command| command.control.floor)
            .map(SeqNumber::get);
        let changes = self.changes().map(|change| change.floor.get());
        let held = self
            .details()
            .filter_map(|details| details.current_seq_number);
        header
            .into_iter()
            .chain(self.authorising_number())
            .chain(floor)
            .chain(changes)
            .chain(held.map(SeqNumber::get))
            .max()
            .unwrap_or(0)
    }

    /// The outcomes of one slot's cells.
    pub(crate) fn cells_of(&self, role: Role) -> impl Iterator<Item = &ReplacementOutcome> {
        let wanted = gbcs_role(role);
        self.outcome()
            .into_iter()
            .flat_map(|outcome| &outcome.replacement_outcomes)
            .filter(move |cell| {
                cell.cell.role == wanted && cell.cell.cell_usage == CellUsage::Management
            })
    }

    /// When the device says this happened, unix seconds; a clock that was never set says 0 and nothing.
    pub(crate) fn device_time(&self) -> Option<u32> {
        let time = match &self.message.payload {
            Payload::Alert(alert) => u32::try_from(alert.execution_date_time.unix_seconds()).ok(),
            _ => self
                .message
                .header
                .date_time
                .and_then(DlmsDateTime::unix_seconds),
        };
        time.filter(|seconds| *seconds != 0)
    }

    fn floors_for(&self, role: RemotePartyRole) -> impl Iterator<Item = u64> + '_ {
        self.changes()
            .filter(move |change| change.role == role)
            .map(|change| change.floor.get())
    }

    fn changes(&self) -> impl Iterator<Item = &SeqNumberChange> + '_ {
        let reported = self
            .outcome()
            .into_iter()
            .flat_map(|outcome| &outcome.seq_number_changes);
        let set = self
            .command()
            .into_iter()
            .flat_map(|command| &command.control.other_role_changes);
        reported.chain(set)
    }
}

/// The protocol's number for a slot's role.
pub(crate) const fn gbcs_role(role: Role) -> RemotePartyRole {
    match role {
        Role::NetworkOperator => RemotePartyRole::NetworkOperator,
        Role::Supplier => RemotePartyRole::Supplier,
    }
}

/// The name that DUIS gives a slot's role.
pub(crate) const fn role_name(role: Role) -> &'static str {
    match role {
        Role::NetworkOperator => "NetworkOperator",
        Role::Supplier => "Supplier",
    }
}

/// The slot of that DUIS name, where it is one that is served.
pub(crate) fn role_of_name(name: &str) -> Option<Role> {
    [Role::NetworkOperator, Role::Supplier]
        .into_iter()
        .find(|role| role_name(*role) == name)
}

/// The cell of a slot, if the outcome is about one of the two that are kept.
pub(crate) const fn cell_use(usage: KeyUsage) -> Option<slotkeeper_counters::CellUse> {
    match usage {
        KeyUsage::DigitalSignature => Some(slotkeeper_counters::CellUse::DigitalSignature),
        KeyUsage::KeyAgreement => Some(slotkeeper_counters::CellUse::KeyAgreement),
        KeyUsage::KeyCertSign => None,
    }
}

fn authorising_number(message: &Message<'_>) -> Option<u64> {
    match &message.payload {
        Payload::Command(command) => Some(command.control.authorising_seq_number.get()),
        payload => payload
            .outcome()
            .map(|outcome| outcome.authorising_seq_number.get()),
    }
}
