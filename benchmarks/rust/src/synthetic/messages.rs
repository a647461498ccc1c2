//! What devices answer, and what is asked for them.

use slotkeeper_gbcs::{
    Cra, DlmsDateTime, Draft, Envelope, Eui64, ExecutionOutcome, Header, KeyIdentifier, KeyUsage,
    LengthStyle, Payload, RemotePartyRole, ReplacementMode, ReplacementOutcome, ResponsePayload,
    SeqNumber, Signature, StatusCode, TrustAnchorCell,
};

use super::keys::SigningPair;
use super::parties::{ACB, OPERATOR, Parties, SUPPLIER};

/// What a device did to the two cells of a slot.
#[derive(Clone, Copy)]
pub(crate) enum Cells {
    /// Only accepted a future-dated command.
    None,
    /// From the operator to the ACB.
    HandedBack([KeyIdentifier; 2]),
    /// A supplier's new certificates.
    SupplierRenewed,
    /// The root authority's new certificate: no slot that matters here.
    Root,
}

/// A device's Response.
#[derive(Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) device: Eui64,
    pub(crate) counter: u64,
    pub(crate) cells: Cells,
}

impl Outcome {
    /// The message, about 250 octets; without a key the signature is a pattern.
    pub(crate) fn message(&self, key: Option<&SigningPair>) -> Vec<u8> {
        let (role, mode, party) = match self.cells {
            Cells::None | Cells::HandedBack(_) => (
                RemotePartyRole::NetworkOperator,
                ReplacementMode::NetworkOperatorByNetworkOperator,
                OPERATOR,
            ),
            Cells::SupplierRenewed => (
                RemotePartyRole::Supplier,
                ReplacementMode::SupplierBySupplier,
                SUPPLIER,
            ),
            Cells::Root => (
                RemotePartyRole::Root,
                ReplacementMode::RootBySupplier,
                SUPPLIER,
            ),
        };
        let replacing = match self.cells {
            Cells::None => None,
            Cells::HandedBack(identifiers) => Some((ACB, identifiers)),
            Cells::SupplierRenewed | Cells::Root => Some((party, [KeyIdentifier([0x6E; 8]); 2])),
        };
        let outcome = replacing.map(|(subject, identifiers)| ExecutionOutcome {
            authorising_seq_number: SeqNumber::new(self.counter).unwrap(),
            mode,
            seq_number_changes: Vec::new(),
            replacement_outcomes: [KeyUsage::DigitalSignature, KeyUsage::KeyAgreement]
                .into_iter()
                .zip(identifiers)
                .map(|(usage, identifier)| ReplacementOutcome {
                    cell: TrustAnchorCell::management(role, usage),
                    status: StatusCode::Success,
                    existing_subject: party,
                    existing_key_identifier: KeyIdentifier([0x48; 8]),
                    replacing_subject: subject,
                    replacing_key_identifier: identifier,
                })
                .collect(),
        });
        let draft = Draft {
            header: Header {
                cra: Cra::Response,
                originator_counter: self.counter,
                originator: self.device,
                recipient: party,
                date_time: Some(DlmsDateTime::from_unix_seconds(RESPONDED_AT)),
                message_code: mode.message_code(),
            },
            payload: Payload::Response(ResponsePayload { outcome }),
            signature: Signature::Present(&[0x5A; 64]),
            mac: None,
            length_style: LengthStyle::Device,
        };
        let mut octets = draft.encode().unwrap();
        if let Some(key) = key {
            let signature = key.sign(Envelope::decode(&octets).unwrap().signed_octets());
            // A Response has no MAC, so its signature stands last.
            *octets.last_chunk_mut().unwrap() = signature;
        }
        octets
    }
}

/// A message as the outcome streams carry it.
pub(crate) fn json_outcome(device: Eui64, message: &[u8]) -> Vec<u8> {
    let payload = base64_simd::STANDARD.encode_to_string(message);
    format!(
        r#"{{"request_id":"{OPERATOR}:{device}:1200","response_code":"I0","received_at":"2026-11-22T08:00:00Z","gbcs_payload":"{payload}"}}"#
    )
    .into_bytes()
}

/// A request for the handover of a device's slot, about 2 kB.
pub(crate) fn request(parties: &Parties, device: Eui64, counter: u64) -> Vec<u8> {
    let [signing, agreement, issuer] = &parties.successor;
    format!(
        r#"{{"request_id":"{SUPPLIER}:{device}:{counter}","remote_party_role":"NetworkOperator","remote_party_floor_seq_number":"0","replacement_certificates":{{"digital_signing":"{signing}","key_agreement":"{agreement}","key_agreement_top_up":null}},"certification_path_certificates":["{issuer}"],"apply_time_based_cpv_checks":true,"execution_date_time":null,"originator_counter":null}}"#
    )
    .into_bytes()
}

/// 2026-01-01T00:00:00Z
const RESPONDED_AT: u32 = 1_767_225_600;
