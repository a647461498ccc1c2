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
use slotkeeper_test_pki::Certificate;
use slotkeeper_test_pki::Subject;
use slotkeeper_test_pki::Usage;
use slotkeeper_test_pki::Validity;
use slotkeeper_test_pki::authority_name;
use slotkeeper_test_pki::der::element;

pub(crate) const ACB: Eui64 = Eui64::from_u64(0x70B3_D500_0000_0001);
pub(crate) const OPERATOR: Eui64 = Eui64::from_u64(0x70B3_D500_0000_0002);
pub(crate) const GPF: Eui64 = Eui64::from_u64(0x00DB_0000_0000_00A3);

pub(crate) fn number(value: u64) -> SeqNumber {
    SeqNumber::new(value).unwrap()
}

/// A certificate whose point and signature are patterns.
pub(crate) fn organisation(role: &str, eui: Eui64, usage: Usage) -> Certificate {
    let mut point = [4; 65];
    for (index, octet) in (0_u8..).zip(&mut point[1..]) {
        *octet = index.wrapping_mul(37) ^ role.as_bytes()[1];
    }
    let eui = eui.to_u64();
    let subject = Subject::Organisation { role, eui };
    Certificate {
        validity: Validity("250101000000Z", "351231235959Z"),
        ..Certificate::new(subject, usage, &point, &issuer(), [0x4F; 8])
    }
}

pub(crate) fn issuer() -> Vec<u8> {
    authority_name("07", "Y1")
}

pub(crate) fn der(certificate: &Certificate) -> Vec<u8> {
    let half = element(2, &[&[0x11; 32]]);
    certificate.with_signature(&element(0x30, &[&half, &half]))
}

/// The operator's two certificates and the issuer's, as a handover takes them.
pub(crate) fn operator_certificates() -> [Vec<u8>; 3] {
    [
        organisation("03", OPERATOR, Usage::DigitalSignature),
        organisation("03", OPERATOR, Usage::KeyAgreement),
        organisation("07", ACB, Usage::KeyCertSign),
    ]
    .map(|certificate| der(&certificate))
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
