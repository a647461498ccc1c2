//! Whatever can be said is read as it was written; whatever is sent is read or refused.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::sample::select;
use slotkeeper_gbcs::AlertPayload;
use slotkeeper_gbcs::AuthorisingControl;
use slotkeeper_gbcs::CellContents;
use slotkeeper_gbcs::CellUsage;
use slotkeeper_gbcs::Certificate;
use slotkeeper_gbcs::CommandPayload;
use slotkeeper_gbcs::Cra;
use slotkeeper_gbcs::CredentialsCommand;
use slotkeeper_gbcs::CredentialsResponse;
use slotkeeper_gbcs::DlmsDateTime;
use slotkeeper_gbcs::Draft;
use slotkeeper_gbcs::Envelope;
use slotkeeper_gbcs::Eui64;
use slotkeeper_gbcs::ExecutionOutcome;
use slotkeeper_gbcs::GeneralizedTime;
use slotkeeper_gbcs::Header;
use slotkeeper_gbcs::KeyIdentifier;
use slotkeeper_gbcs::KeyUsage;
use slotkeeper_gbcs::LengthStyle;
use slotkeeper_gbcs::Message;
use slotkeeper_gbcs::MessageCode;
use slotkeeper_gbcs::Payload;
use slotkeeper_gbcs::RemotePartyDetails;
use slotkeeper_gbcs::RemotePartyRole;
use slotkeeper_gbcs::Replacement;
use slotkeeper_gbcs::ReplacementMode;
use slotkeeper_gbcs::ReplacementOutcome;
use slotkeeper_gbcs::ResponsePayload;
use slotkeeper_gbcs::SeqNumber;
use slotkeeper_gbcs::SeqNumberChange;
use slotkeeper_gbcs::SeqNumberUsage;
use slotkeeper_gbcs::Signature;
use slotkeeper_gbcs::SpecialistFloor;
use slotkeeper_gbcs::StatusCode;
use slotkeeper_gbcs::SymmetricKey;
use slotkeeper_gbcs::TrustAnchorCell;
use slotkeeper_test_pki::der::element;

use crate::samples;

proptest! {
    #[test]
    fn commands(command in owned_command(), parts in any_parts(), header in any_header()) {
        let payload = command.payload();
        let code = payload.control.mode.message_code();
        there_and_back(header, Cra::Command, code, Payload::Command(payload), &parts)?;
    }

    #[test]
    fn responses(
        outcome in option::of(any_outcome()), mode in any_mode(), parts in any_parts(), header in any_header()
    ) {
        let mode = outcome.as_ref().map_or(mode, |outcome| outcome.mode);
        let payload = Payload::Response(ResponsePayload { outcome });
        there_and_back(header, Cra::Response, mode.message_code(), payload, &parts)?;
    }

    #[test]
    fn alerts(
        alert_code: u32, execution_date_time in any_time(), outcome in any_outcome(), parts in any_parts(), header in any_header()
    ) {
        let payload = Payload::Alert(AlertPayload { alert_code, execution_date_time, outcome });
        there_and_back(header, Cra::Alert, MessageCode::CS02B_ALERT, payload, &parts)?;
    }

    #[test]
    fn credentials_commands(
        authorising_cell in any_cell(), roles_required in vec(any_role(), 0..100), parts in any_parts(), header in any_header()
    ) {
        let payload = Payload::CredentialsCommand(CredentialsCommand { authorising_cell, roles_required });
        there_and_back(header, Cra::Command, MessageCode::CS02A, payload, &parts)?;
    }

    #[test]
    fn credentials_responses(
        roles in vec(any_details(), 0..6), parts in any_parts(), header in any_header()
    ) {
        let payload = Payload::CredentialsResponse(CredentialsResponse { roles });
        there_and_back(header, Cra::Response, MessageCode::CS02A, payload, &parts)?;
    }

    #[test]
    fn arbitrary_octets_are_read_or_refused(octets in vec(any::<u8>(), 0..400)) {
        let _ = Message::decode(&octets);
        let _ = Envelope::decode(&octets);
        let _ = Certificate::parse(&octets);
    }

    #[test]
    fn damaged_messages_are_read_or_refused(
        damages in vec((any::<Index>(), any::<u8>()), 1..4)
    ) {
        let certificates = samples::operator_certificates();
        let command = Draft {
            header: samples::header(Cra::Command, ReplacementMode::NetworkOperatorByNetworkOperator),
            payload: Payload::Command(samples::handover(&certificates)),
            signature: Signature::Present(&[0x5A; 64]),
            mac: Some(&[0xA5; 12]),
            length_style: LengthStyle::Minimal,
        };
        for mut octets in [samples::handed_back_response(), command.encode().unwrap()] {
            for (index, value) in &damages {
                let at = index.index(octets.len());
                octets[at] = *value;
            }
            // What is still a message says the same when it is written and read again.
            if let Ok(message) = Message::decode(&octets)
                && let Ok(again) = message.encode()
            {
                let reread = Message::decode(&again).unwrap();
                prop_assert_eq!(reread.header, message.header);
                prop_assert_eq!(reread.payload, message.payload);
            }
        }
        for mut der in certificates {
            for (index, value) in &damages {
                let at = index.index(der.len());
                der[at] = *value;
            }
            if let Ok(certificate) = Certificate::parse(&der) {
                let _ = certificate.subject.to_string();
                let _ = certificate.issuer.to_string();
            }
        }
    }
}

/// Written, read, compared, and written again.
fn there_and_back(
    header: Header,
    cra: Cra,
    message_code: MessageCode,
    payload: Payload<'_>,
    parts: &OwnedParts,
) -> Result<(), TestCaseError> {
    let may_lack_both = match &payload {
        Payload::Command(command) => !matches!(
            command.control.mode,
            ReplacementMode::AnyExceptAbnormalRootByRecovery | ReplacementMode::AnyByContingency
        ),
        _ => false,
    };
    let draft = Draft {
        header: Header {
            cra,
            message_code,
            ..header
        },
        payload,
        signature: match (&parts.signature, &parts.mac) {
            (Some(signature), _) => Signature::Present(signature),
            (None, None) if !may_lack_both => Signature::Present(&[0; 64]),
            (None, None) if parts.bare => Signature::Absent,
            (None, _) => Signature::Empty,
        },
        mac: parts.mac.as_ref(),
        length_style: parts.length_style,
    };
    let octets = draft.encode().unwrap();
    prop_assert_eq!(octets.len(), octets.capacity());
    let message = Message::decode(&octets).unwrap();
    prop_assert_eq!(&message.header, &draft.header);
    prop_assert_eq!(&message.payload, &draft.payload);
    prop_assert_eq!(message.signature, draft.signature);
    prop_assert_eq!(message.mac, draft.mac);
    prop_assert!(!message.mode_mismatch());
    prop_assert_eq!(message.encode().unwrap(), octets);
    Ok(())
}

/// A command that owns what the payload borrows.
#[derive(Debug)]
struct OwnedCommand {
    control: AuthorisingControl<'static>,
    plaintext_symmetric_key: Option<Vec<u8>>,
    replacements: Vec<(Vec<u8>, TrustAnchorCell)>,
    path_certificates: Vec<Vec<u8>>,
    execution_date_time: Option<GeneralizedTime>,
}

impl OwnedCommand {
    fn payload(&self) -> CommandPayload<'_> {
        CommandPayload {
            control: AuthorisingControl {
                plaintext_symmetric_key: self.plaintext_symmetric_key.as_deref().map(SymmetricKey),
                ..self.control.clone()
            },
            replacements: self
                .replacements
                .iter()
                .map(|(certificate, cell)| Replacement {
                    certificate,
                    cell: *cell,
                })
                .collect(),
            path_certificates: self.path_certificates.iter().map(Vec::as_slice).collect(),
            execution_date_time: self.execution_date_time,
        }
    }
}

/// Signature part, MAC and style of a message.
#[derive(Debug)]
struct OwnedParts {
    signature: Option<[u8; 64]>,
    mac: Option<[u8; 12]>,
    bare: bool,
    length_style: LengthStyle,
}

fn any_parts() -> impl Strategy<Value = OwnedParts> {
    (
        option::of(any::<[u8; 64]>()),
        any::<Option<[u8; 12]>>(),
        any::<bool>(),
        any_style(),
    )
        .prop_map(|(signature, mac, bare, length_style)| OwnedParts {
            signature,
            mac,
            bare,
            length_style,
        })
}

fn any_style() -> impl Strategy<Value = LengthStyle> {
    select(&[LengthStyle::Device, LengthStyle::Minimal][..])
}

/// CRA flag and code are set by the payload.
fn any_header() -> impl Strategy<Value = Header> {
    let parties = (any::<u64>(), any::<u64>());
    (any::<u64>(), parties, any::<Option<[u8; 12]>>()).prop_map(
        |(originator_counter, (originator, recipient), date_time)| Header {
            cra: Cra::Command,
            originator_counter,
            originator: Eui64::from_u64(originator),
            recipient: Eui64::from_u64(recipient),
            date_time: date_time.map(DlmsDateTime),
            message_code: MessageCode::CS02A,
        },
    )
}

fn owned_command() -> impl Strategy<Value = OwnedCommand> {
    let replacements = vec((any_certificate(), any_cell()), 0..9);
    let paths = vec(any_certificate(), 0..3);
    let key = option::of(vec(any::<u8>(), 0..200));
    (
        any_control(),
        key,
        replacements,
        paths,
        option::of(any_time()),
    )
        .prop_map(
            |(control, plaintext_symmetric_key, replacements, path_certificates, time)| {
                OwnedCommand {
                    control,
                    plaintext_symmetric_key,
                    replacements,
                    path_certificates,
                    execution_date_time: time,
                }
            },
        )
}

fn any_control() -> impl Strategy<Value = AuthorisingControl<'static>> {
    let numbers = (any_number(), option::of(any_number()));
    let floors = (any_specialist_floors(), vec(any_change(), 0..9));
    (
        any_mode(),
        any::<bool>(),
        option::of(any_cell()),
        numbers,
        floors,
    )
        .prop_map(
            |(mode, checks, authorising_cell, (number, floor), (specialists, changes))| {
                AuthorisingControl {
                    mode,
                    plaintext_symmetric_key: None,
                    apply_time_based_cpv_checks: checks,
                    authorising_cell,
                    authorising_seq_number: number,
                    floor,
                    specialist_floors: specialists,
                    other_role_changes: changes,
                }
            },
        )
}

fn any_outcome() -> impl Strategy<Value = ExecutionOutcome> {
    let lists = (
        vec(any_change(), 0..9),
        vec(any_replacement_outcome(), 0..10),
    );
    (any_number(), any_mode(), lists).prop_map(|(number, mode, (changes, outcomes))| {
        ExecutionOutcome {
            authorising_seq_number: number,
            mode,
            seq_number_changes: changes,
            replacement_outcomes: outcomes,
        }
    })
}

fn any_replacement_outcome() -> impl Strategy<Value = ReplacementOutcome> {
    let subjects = any::<[(u64, [u8; 8]); 2]>();
    (any_cell(), any_status(), subjects).prop_map(|(cell, status, [existing, replacing])| {
        ReplacementOutcome {
            cell,
            status,
            existing_subject: Eui64::from_u64(existing.0),
            existing_key_identifier: KeyIdentifier(existing.1),
            replacing_subject: Eui64::from_u64(replacing.0),
            replacing_key_identifier: KeyIdentifier(replacing.1),
        }
    })
}

fn any_details() -> impl Strategy<Value = RemotePartyDetails> {
    let cell =
        (any_cell(), any::<(u64, [u8; 8])>()).prop_map(|(cell, (subject, key))| CellContents {
            key_usage: cell.key_usage,
            cell_usage: cell.cell_usage,
            existing_subject: Eui64::from_u64(subject),
            existing_key_identifier: KeyIdentifier(key),
        });
    (
        any_role(),
        any_status(),
        option::of(any_number()),
        vec(cell, 0..8),
    )
        .prop_map(
            |(role, status, current_seq_number, cells)| RemotePartyDetails {
                role,
                status,
                current_seq_number,
                cells,
            },
        )
}

fn any_change() -> impl Strategy<Value = SeqNumberChange> {
    (any_role(), any_number(), any_specialist_floors()).prop_map(
        |(role, floor, specialist_floors)| SeqNumberChange {
            role,
            floor,
            specialist_floors,
        },
    )
}

fn any_specialist_floors() -> impl Strategy<Value = Vec<SpecialistFloor>> {
    let floor = any_number().prop_map(|floor| SpecialistFloor {
        usage: SeqNumberUsage::PrePaymentTopUp,
        floor,
    });
    vec(floor, 0..12)
}

/// Every size of number, with the edges.
fn any_number() -> impl Strategy<Value = SeqNumber> {
    let edges = select(vec![0, 0x7F, 0x80, 0xFF, 0x100, SeqNumber::MAX.get()]);
    prop_oneof![
        edges,
        (any::<u64>(), 1..64_u32).prop_map(|(number, bits)| number >> bits)
    ]
    .prop_map(samples::number)
}

/// Some with their length in the devices' form: it is theirs, not the message's.
fn any_certificate() -> impl Strategy<Value = Vec<u8>> {
    let as_devices_write = vec(any::<u8>(), 0x80..0x100).prop_map(|content| {
        let [.., low] = content.len().to_be_bytes();
        [&[0x30, 0x82, 0, low][..], &content].concat()
    });
    prop_oneof![
        4 => vec(any::<u8>(), 0..500).prop_map(|content| element(0x30, &[&content])),
        1 => as_devices_write,
    ]
}

fn any_cell() -> impl Strategy<Value = TrustAnchorCell> {
    let usages = &[
        KeyUsage::DigitalSignature,
        KeyUsage::KeyAgreement,
        KeyUsage::KeyCertSign,
    ][..];
    (any_role(), select(usages), select(CellUsage::ALL)).prop_map(
        |(role, key_usage, cell_usage)| TrustAnchorCell {
            role,
            key_usage,
            cell_usage,
        },
    )
}

fn any_role() -> impl Strategy<Value = RemotePartyRole> {
    select(RemotePartyRole::ALL)
}

fn any_mode() -> impl Strategy<Value = ReplacementMode> {
    select(ReplacementMode::ALL)
}

fn any_status() -> impl Strategy<Value = StatusCode> {
    select(StatusCode::ALL)
}

/// The years 0 to 9999.
fn any_time() -> impl Strategy<Value = GeneralizedTime> {
    (-62_167_219_200..=253_402_300_799_i64)
        .prop_map(|seconds| GeneralizedTime::from_unix_seconds(seconds).unwrap())
}
