//! Self-made certificates and messages. Signatures are patterns, not signatures: nothing here verifies them.

use slotkeeper_gbcs::AuthorisingControl;
use slotkeeper_gbcs::CommandPayload;
use slotkeeper_gbcs::Cra;
use slotkeeper_gbcs::DlmsDateTime;
use slotkeeper_gbcs::Draft;
use slotkeeper_gbcs::Eui64;
use slotkeeper_gbcs::ExecutionOutcome;
use slotkeeper_gbcs::Header;
use slotkeeper_gbcs::KeyIdentifier;
use slotkeeper_gbcs::KeyUsage;
use slotkeeper_gbcs::LengthStyle;
use slotkeeper_gbcs::Payload;
use slotkeeper_gbcs::RemotePartyRole;
use slotkeeper_gbcs::Replacement;
use slotkeeper_gbcs::ReplacementMode;
use slotkeeper_gbcs::ReplacementOutcome;
use slotkeeper_gbcs::ResponsePayload;
use slotkeeper_gbcs::SeqNumber;
use slotkeeper_gbcs::SeqNumberChange;
use slotkeeper_gbcs::Signature;
use slotkeeper_gbcs::StatusCode;
use slotkeeper_gbcs::TrustAnchorCell;

pub(crate) const ACB: Eui64 = Eui64::from_u64(0x70B3_D500_0000_0001);
pub(crate) const OPERATOR: Eui64 = Eui64::from_u64(0x70B3_D500_0000_0002);
pub(crate) const GPF: Eui64 = Eui64::from_u64(0x00DB_0000_0000_00A3);

pub(crate) fn number(value: u64) -> SeqNumber {
    SeqNumber::new(value).unwrap()
}

/// An element with its length in the shortest form.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let [.., high, low] = content.len().to_be_bytes();
    let head = match content.len() {
        0..0x80 => vec![tag, low],
        0x80..0x100 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head, content].concat()
}

/// What a certificate is made of; the defaults are those of an organisation.
pub(crate) struct CertificateParts {
    pub(crate) serial: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) not_after: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) curve: Vec<u8>,
    pub(crate) point: Vec<u8>,
    pub(crate) algorithm: Vec<u8>,
    pub(crate) extensions: Vec<Vec<u8>>,
}

impl CertificateParts {
    pub(crate) fn organisation(role: &str, eui: Eui64, usage: KeyUsage) -> Self {
        let unit = attribute(&[0x55, 4, 11], 0x0C, role.as_bytes());
        let identifier = attribute(&[0x55, 4, 45], 3, &[&[0][..], &eui.to_bytes()].concat());
        let bits = match usage {
            KeyUsage::DigitalSignature => [7, 0x80],
            KeyUsage::KeyAgreement => [3, 0x08],
            KeyUsage::KeyCertSign => [2, 0x04],
        };
        let point: Vec<u8> = (0..64_u8)
            .map(|index| index.wrapping_mul(37) ^ role.as_bytes()[1])
            .collect();
        Self {
            serial: vec![0x4F; 16],
            issuer: element(
                0x30,
                &[
                    &attribute(&[0x55, 4, 11], 0x13, b"07"),
                    &attribute(&[0x55, 4, 3], 0x13, b"Y1"),
                ],
            ),
            not_after: element(0x17, &[b"351231235959Z"]),
            subject: element(0x30, &[&unit, &identifier]),
            curve: vec![6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7],
            point: [&[4], &point[..]].concat(),
            algorithm: vec![6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2],
            extensions: vec![
                extension(15, true, &element(3, &[&bits])),
                extension(14, false, &element(4, &[&[0x48; 8]])),
                extension(
                    32,
                    true,
                    &element(0x30, &[&element(0x30, &[&[6, 2, 0x2A, 3]])]),
                ),
                extension(35, false, &element(0x30, &[&element(0x80, &[&[0x4F; 8]])])),
            ],
        }
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let algorithm = element(0x30, &[&self.algorithm]);
        let key_algorithm = element(
            0x30,
            &[&[6, 7, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1], &self.curve],
        );
        let tbs = element(
            0x30,
            &[
                &[0xA0, 3, 2, 1, 2],
                &element(2, &[&self.serial]),
                &algorithm,
                &self.issuer,
                &element(
                    0x30,
                    &[&element(0x17, &[b"250101000000Z"]), &self.not_after],
                ),
                &self.subject,
                &element(0x30, &[&key_algorithm, &element(3, &[&[0], &self.point])]),
                &element(0xA3, &[&element(0x30, &[&self.extensions.concat()])]),
            ],
        );
        let half = element(2, &[&[0x11; 32]]);
        let signature = element(0x30, &[&half, &half]);
        element(0x30, &[&tbs, &algorithm, &element(3, &[&[0], &signature])])
    }
}

/// One extension of the arc 2.5.29.
pub(crate) fn extension(number: u8, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[1, 1, 0xFF] } else { &[] };
    element(
        0x30,
        &[&[6, 3, 0x55, 0x1D, number], critical, &element(4, &[value])],
    )
}

/// One relative distinguished name of one attribute.
pub(crate) fn attribute(identifier: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
    let pair = [element(6, &[identifier]), element(tag, &[value])].concat();
    element(0x31, &[&element(0x30, &[&pair])])
}

/// The operator's two certificates and the issuer's, as a handover takes them.
pub(crate) fn operator_certificates() -> [Vec<u8>; 3] {
    [
        CertificateParts::organisation("03", OPERATOR, KeyUsage::DigitalSignature).der(),
        CertificateParts::organisation("03", OPERATOR, KeyUsage::KeyAgreement).der(),
        CertificateParts::organisation("07", ACB, KeyUsage::KeyCertSign).der(),
    ]
}

/// SRV 6.21: the operator's certificates into the Network Operator cells.
pub(crate) fn handover(certificates: &[Vec<u8>; 3]) -> CommandPayload<'_> {
    let [signature, agreement, issuer] = certificates;
    let cell = |usage| TrustAnchorCell::management(RemotePartyRole::NetworkOperator, usage);
    CommandPayload {
        control: AuthorisingControl {
            mode: ReplacementMode::NetworkOperatorByNetworkOperator,
            plaintext_symmetric_key: None,
            apply_time_based_cpv_checks: true,
            authorising_cell: Some(cell(KeyUsage::DigitalSignature)),
            authorising_seq_number: number(1_700_000_000_001),
            floor: Some(number(0)),
            specialist_floors: Vec::new(),
            other_role_changes: Vec::new(),
        },
        replacements: vec![
            Replacement {
                certificate: signature,
                cell: cell(KeyUsage::DigitalSignature),
            },
            Replacement {
                certificate: agreement,
                cell: cell(KeyUsage::KeyAgreement),
            },
        ],
        path_certificates: vec![issuer],
        execution_date_time: None,
    }
}

/// The same header for every kind: device and operator change sides with the direction.
pub(crate) fn header(cra: Cra, mode: ReplacementMode) -> Header {
    let (originator, recipient) = match cra {
        Cra::Command => (OPERATOR, GPF),
        Cra::Response | Cra::Alert => (GPF, OPERATOR),
    };
    Header {
        cra,
        originator_counter: 1300,
        originator,
        recipient,
        date_time: (cra == Cra::Response).then(|| DlmsDateTime::from_unix_seconds(1_750_000_000)),
        message_code: mode.message_code(),
    }
}

/// Both Network Operator cells handed from the operator to the ACB.
pub(crate) fn handed_back() -> ExecutionOutcome {
    let outcome = |usage| ReplacementOutcome {
        cell: TrustAnchorCell::management(RemotePartyRole::NetworkOperator, usage),
        status: StatusCode::Success,
        existing_subject: OPERATOR,
        existing_key_identifier: KeyIdentifier([0x48; 8]),
        replacing_subject: ACB,
        replacing_key_identifier: KeyIdentifier([0x42; 8]),
    };
    ExecutionOutcome {
        authorising_seq_number: number(1300),
        mode: ReplacementMode::NetworkOperatorByNetworkOperator,
        seq_number_changes: vec![SeqNumberChange {
            role: RemotePartyRole::NetworkOperator,
            floor: number(0),
            specialist_floors: Vec::new(),
        }],
        replacement_outcomes: vec![
            outcome(KeyUsage::DigitalSignature),
            outcome(KeyUsage::KeyAgreement),
        ],
    }
}

/// The Response of SRV 6.15.1 in which a device reports [`handed_back`]: 247 octets, as DCC's.
pub(crate) fn handed_back_response() -> Vec<u8> {
    let draft = Draft {
        header: header(
            Cra::Response,
            ReplacementMode::NetworkOperatorByNetworkOperator,
        ),
        payload: Payload::Response(ResponsePayload {
            outcome: Some(handed_back()),
        }),
        signature: Signature::Present(&[0x5A; 64]),
        mac: None,
        length_style: LengthStyle::Device,
    };
    draft.encode().unwrap()
}
