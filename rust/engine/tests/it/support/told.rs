//! What devices say, and what operators say to them: messages of CS02b, signed.

use slotkeeper_crypto::KrpSigner;
use slotkeeper_gbcs::{
    AlertPayload, AuthorisingControl, CommandPayload, Cra, DlmsDateTime, Draft, Envelope, Eui64,
    ExecutionOutcome, GeneralizedTime, Header, KeyIdentifier, KeyUsage, LengthStyle, MessageCode,
    Payload, RemotePartyRole, Replacement, ReplacementMode, ReplacementOutcome, ResponsePayload,
    SeqNumber, SeqNumberChange, Signature, StatusCode, TrustAnchorCell,
};

use super::pki::Identity;
use super::world::Organisation;

/// How the replacement of one cell went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell(ReplacementOutcome);

impl Cell {
    /// Replaced from one to the other.
    pub(crate) fn new(usage: KeyUsage, from: &Organisation, to: &Organisation) -> Self {
        let identifier = |party: &Organisation| match usage {
            KeyUsage::DigitalSignature => party.ds.identifier(),
            _ => party.ka.identifier(),
        };
        Self(ReplacementOutcome {
            cell: TrustAnchorCell::management(RemotePartyRole::NetworkOperator, usage),
            status: StatusCode::Success,
            existing_subject: from.eui,
            existing_key_identifier: identifier(from),
            replacing_subject: to.eui,
            replacing_key_identifier: identifier(to),
        })
    }

    /// Both cells of the slot.
    pub(crate) fn both(from: &Organisation, to: &Organisation) -> Vec<Self> {
        vec![Self::ds(from, to), Self::ka(from, to)]
    }

    pub(crate) fn ds(from: &Organisation, to: &Organisation) -> Self {
        Self::new(KeyUsage::DigitalSignature, from, to)
    }

    pub(crate) fn ka(from: &Organisation, to: &Organisation) -> Self {
        Self::new(KeyUsage::KeyAgreement, from, to)
    }

    /// Not replaced.
    pub(crate) fn failed(self) -> Self {
        Self(ReplacementOutcome {
            status: StatusCode::NoTrustAnchor,
            replacing_subject: self.0.existing_subject,
            replacing_key_identifier: self.0.existing_key_identifier,
            ..self.0
        })
    }

    /// With another certificate of the party who comes.
    pub(crate) fn to_certificate(mut self, number: u32) -> Self {
        let mut identifier = self.0.replacing_key_identifier.0;
        identifier[..4].copy_from_slice(&number.to_be_bytes());
        self.0.replacing_key_identifier = KeyIdentifier(identifier);
        self
    }

    pub(crate) fn of(mut self, role: RemotePartyRole) -> Self {
        self.0.cell.role = role;
        self
    }
}

/// A message about a replacement.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) device: u64,
    pub(crate) party: Eui64,
    /// Of the payload, and of the header unless that is set apart.
    pub(crate) number: u64,
    pub(crate) header: Option<u64>,
    pub(crate) mode: ReplacementMode,
    /// `None`: accepted for later.
    pub(crate) cells: Option<Vec<Cell>>,
    pub(crate) floors: Vec<(RemotePartyRole, u64)>,
    /// Device time, unix seconds.
    pub(crate) time: u32,
}

impl Told {
    /// The Response to a party's own command in the Network Operator slot.
    pub(crate) fn new(device: u64, party: &Organisation, number: u64, cells: Vec<Cell>) -> Self {
        Self {
            device,
            party: party.eui,
            number,
            header: None,
            mode: ReplacementMode::NetworkOperatorByNetworkOperator,
            cells: Some(cells),
            floors: Vec::new(),
            time: 1_700_000_000,
        }
    }

    pub(crate) fn at(self, time: u32) -> Self {
        Self { time, ..self }
    }

    pub(crate) fn mode(self, mode: ReplacementMode) -> Self {
        Self { mode, ..self }
    }

    pub(crate) fn floor(mut self, role: RemotePartyRole, floor: u64) -> Self {
        self.floors.push((role, floor));
        self
    }

    pub(crate) fn header(self, counter: u64) -> Self {
        Self {
            header: Some(counter),
            ..self
        }
    }

    /// Without outcome.
    pub(crate) fn accepted(self) -> Self {
        Self {
            cells: None,
            ..self
        }
    }

    /// A Response, signed by the device; without a key, the signature is rubbish.
    pub(crate) fn response(&self, key: Option<&Identity>) -> Vec<u8> {
        let payload = Payload::Response(ResponsePayload {
            outcome: self.cells.as_deref().map(|cells| self.outcome(cells)),
        });
        let header = self.header_of(Cra::Response, self.header.unwrap_or(self.number));
        sign(header, payload, key)
    }

    /// An Alert, whose header counter is the device's own.
    pub(crate) fn alert(&self, key: Option<&Identity>) -> Vec<u8> {
        let payload = Payload::Alert(AlertPayload {
            alert_code: AlertPayload::SUCCESS,
            execution_date_time: GeneralizedTime::from_unix_seconds(i64::from(self.time)).unwrap(),
            outcome: self.outcome(self.cells.as_deref().unwrap_or_default()),
        });
        let mut header = self.header_of(Cra::Alert, self.header.unwrap_or(2_002));
        header.date_time = None;
        header.message_code = MessageCode::CS02B_ALERT;
        sign(header, payload, key)
    }

    /// The pre-command with the operator's signature, on its way down.
    pub(crate) fn pre_command(&self, certificates: &[(&Identity, KeyUsage)]) -> Vec<u8> {
        self.dated_pre_command(certificates, None)
    }

    /// As [`Self::pre_command`], for a time that the device waits for.
    pub(crate) fn dated_pre_command(
        &self,
        certificates: &[(&Identity, KeyUsage)],
        execution_date_time: Option<GeneralizedTime>,
    ) -> Vec<u8> {
        let role = if self.mode == ReplacementMode::SupplierBySupplier {
            RemotePartyRole::Supplier
        } else {
            RemotePartyRole::NetworkOperator
        };
        let payload = Payload::Command(CommandPayload {
            control: AuthorisingControl {
                mode: self.mode,
                plaintext_symmetric_key: None,
                apply_time_based_cpv_checks: true,
                authorising_cell: Some(TrustAnchorCell::management(
                    role,
                    KeyUsage::DigitalSignature,
                )),
                authorising_seq_number: SeqNumber::new(self.number).unwrap(),
                floor: self
                    .floors
                    .first()
                    .map(|(_, floor)| SeqNumber::new(*floor).unwrap()),
                specialist_floors: Vec::new(),
                other_role_changes: Vec::new(),
            },
            replacements: certificates
                .iter()
                .map(|(identity, usage)| Replacement {
                    certificate: &identity.certificate,
                    cell: TrustAnchorCell::management(role, *usage),
                })
                .collect(),
            path_certificates: vec![&super::issuer().certificate],
            execution_date_time,
        });
        let header = Header {
            cra: Cra::Command,
            originator_counter: self.header.unwrap_or(self.number),
            originator: self.party,
            recipient: Eui64::from_u64(self.device),
            date_time: None,
            message_code: self.mode.message_code(),
        };
        sign(header, payload, None)
    }

    fn header_of(&self, cra: Cra, originator_counter: u64) -> Header {
        Header {
            cra,
            originator_counter,
            originator: Eui64::from_u64(self.device),
            recipient: self.party,
            date_time: Some(DlmsDateTime::from_unix_seconds(self.time)),
            message_code: self.mode.message_code(),
        }
    }

    fn outcome(&self, cells: &[Cell]) -> ExecutionOutcome {
        ExecutionOutcome {
            authorising_seq_number: SeqNumber::new(self.number).unwrap(),
            mode: self.mode,
            seq_number_changes: self
                .floors
                .iter()
                .map(|(role, floor)| SeqNumberChange {
                    role: *role,
                    floor: SeqNumber::new(*floor).unwrap(),
                    specialist_floors: Vec::new(),
                })
                .collect(),
            replacement_outcomes: cells.iter().map(|cell| cell.0).collect(),
        }
    }
}

fn sign(header: Header, payload: Payload<'_>, key: Option<&Identity>) -> Vec<u8> {
    let draft = Draft {
        header,
        payload,
        signature: Signature::Present(&[7; 64]),
        mac: None,
        length_style: LengthStyle::Device,
    };
    let unsigned = draft.encode().unwrap();
    match key {
        Some(key) => sign_anew(unsigned, key),
        None => unsigned,
    }
}

/// Replaces the signature, with which these messages end.
pub(crate) fn sign_anew(mut octets: Vec<u8>, key: &Identity) -> Vec<u8> {
    let signed = Envelope::decode(&octets).unwrap().signed_octets();
    let signature = key.signing_key().sign(signed).unwrap();
    *octets.last_chunk_mut().unwrap() = signature;
    octets
}
