//! Messages put together from the ASN.1 by hand, for modes and layouts of which there is no vector at hand.

use slotkeeper_gbcs::CellUsage;
use slotkeeper_gbcs::CredentialsCommand;
use slotkeeper_gbcs::Eui64;
use slotkeeper_gbcs::KeyUsage;
use slotkeeper_gbcs::Kind;
use slotkeeper_gbcs::LengthStyle;
use slotkeeper_gbcs::Message;
use slotkeeper_gbcs::Payload;
use slotkeeper_gbcs::RemotePartyRole;
use slotkeeper_gbcs::ReplacementMode;
use slotkeeper_gbcs::SeqNumberChange;
use slotkeeper_gbcs::SeqNumberUsage;
use slotkeeper_gbcs::Signature;
use slotkeeper_gbcs::SpecialistFloor;
use slotkeeper_gbcs::StatusCode;
use slotkeeper_gbcs::TrustAnchorCell;
use slotkeeper_test_pki::der::element;

use crate::samples::number;

#[test]
fn supplier_by_transitional_cos() {
    // [1] disapply, [2] TransCoS cell, [3] a number with its top bit set, [6] the supplier's numbers.
    let control = sequence(&[
        "020107 810101 A207020105 03020780 83050080000001",
        "A616 3014 020102 020200C8 300B 3009 020100 02047FFFFFFF",
    ]);
    let replacement = sequence(&["3004 02020101", "3007 020102 03020780"]);
    let payload = element(
        0x30,
        &[&control, &element(0x30, &[&replacement]), &[0x30, 0]],
    );
    let octets = maced(&signed(&grouping(1, "00", "0107", &payload)));
    let message = Message::decode(&octets).unwrap();
    assert_eq!(
        (message.kind(), message.mode_mismatch()),
        (Kind::Command, false)
    );
    let Payload::Command(command) = &message.payload else {
        panic!("{message:?}")
    };
    assert_eq!(command.control.mode, ReplacementMode::SupplierByTransCos);
    assert!(!command.control.apply_time_based_cpv_checks);
    assert_eq!(command.control.authorising_seq_number, number(0x8000_0001));
    assert_eq!(command.control.floor, None);
    let specialist = SpecialistFloor {
        usage: SeqNumberUsage::PrePaymentTopUp,
        floor: number(0x7FFF_FFFF),
    };
    let change = SeqNumberChange {
        role: RemotePartyRole::Supplier,
        floor: number(200),
        specialist_floors: vec![specialist],
    };
    assert_eq!(command.control.other_role_changes, [change]);
    let cell = TrustAnchorCell::management(RemotePartyRole::Supplier, KeyUsage::DigitalSignature);
    assert_eq!(command.replacements[0].cell, cell);
    assert_eq!(command.replacements[0].certificate, [0x30, 4, 2, 2, 1, 1]);
    assert!(command.path_certificates.is_empty());
    assert_eq!(message.encode().unwrap(), octets);
}

#[test]
fn recovery_travels_without_mac() {
    let control =
        sequence(&["020108 A207020101 03020780 83021B58 840100 A609 3007 020104 02020101"]);
    let payload = element(0x30, &[&control, &[0x30, 0], &[0x30, 0]]);
    let octets = signed(&grouping(1, "00", "0108", &payload));
    let message = Message::decode(&octets).unwrap();
    assert_eq!((message.kind(), message.mac), (Kind::Command, None));
    let Payload::Command(command) = &message.payload else {
        panic!("{message:?}")
    };
    assert_eq!(
        command.control.mode,
        ReplacementMode::AnyExceptAbnormalRootByRecovery
    );
    assert_eq!(command.control.floor, Some(number(0)));
    assert_eq!(command.control.other_role_changes[0].floor, number(0x0101));
    assert_eq!(message.encode().unwrap(), octets);
}

#[test]
fn contingency_carries_a_symmetric_key() {
    let control = sequence(&["020109 8010 000102030405060708090A0B0C0D0E0F 83021388"]);
    let payload = element(
        0x30,
        &[&control, &[0x30, 0], &[0x30, 0], b"\x18\x0F99991231235959Z"],
    );
    let octets = signed(&grouping(1, "00", "0109", &payload));
    let message = Message::decode(&octets).unwrap();
    assert_eq!((message.kind(), message.mac), (Kind::Command, None));
    let Payload::Command(command) = &message.payload else {
        panic!("{message:?}")
    };
    assert_eq!(
        command
            .control
            .plaintext_symmetric_key
            .map(|key| key.0.len()),
        Some(16)
    );
    assert_eq!(command.control.authorising_cell, None);
    assert!(command.execution_date_time.unwrap().is_cancellation());
    assert_eq!(message.encode().unwrap(), octets);
}

#[test]
fn contingency_response_with_the_roots_cell() {
    let subject = "0408 0000000000000000 0408 1122334455667788";
    let failed = sequence(&["3007 020100 03020204 0A010A", subject, subject]);
    let top_up = sequence(&["300A 020102 03020308 020101 0A0100", subject, subject]);
    let outcome = element(
        0x30,
        &[
            &octets("02021388 020109"),
            &octets("3009 3007 020100 02020080"),
            &list(&[failed, top_up]),
        ],
    );
    let payload = element(0x30, &[&[5, 0], &outcome]);
    let octets = signed(&grouping(
        2,
        "0C 07E80605FF0102030080 00FF",
        "0109",
        &payload,
    ));
    let message = Message::decode(&octets).unwrap();
    assert_eq!(
        (message.kind(), message.length_style),
        (Kind::Response, LengthStyle::Minimal)
    );
    let sent = message.header.date_time.unwrap();
    assert_eq!(sent.rfc3339().as_deref(), Some("2024-06-05T01:02:03Z"));
    let outcome = message.payload.outcome().unwrap();
    assert_eq!(outcome.seq_number_changes[0].role, RemotePartyRole::Root);
    assert_eq!(outcome.seq_number_changes[0].floor, number(0x80));
    let [failed, top_up] = outcome.replacement_outcomes[..] else {
        panic!("{outcome:?}")
    };
    assert_eq!(failed.status, StatusCode::NoTrustAnchor);
    assert_eq!(failed.cell.key_usage, KeyUsage::KeyCertSign);
    assert_eq!(failed.existing_subject, Eui64::from_u64(0));
    assert_eq!(top_up.cell.cell_usage, CellUsage::PrePaymentTopUp);
    assert_eq!(message.encode().unwrap(), octets);
}

#[test]
fn credentials_asked_by_another_party_are_signed_without_mac() {
    let payload = sequence(&["3007 020102 03020780", "3006 020102 020103"]);
    let command = signed(&grouping(1, "00", "0008", &payload));
    let message = Message::decode(&command).unwrap();
    assert_eq!((message.kind(), message.mac), (Kind::Command, None));
    let expected = Payload::CredentialsCommand(CredentialsCommand {
        authorising_cell: TrustAnchorCell::management(
            RemotePartyRole::Supplier,
            KeyUsage::DigitalSignature,
        ),
        roles_required: vec![RemotePartyRole::Supplier, RemotePartyRole::NetworkOperator],
    });
    assert_eq!(message.payload, expected);
    assert_eq!(message.encode().unwrap(), command);

    let response = signed(&grouping(
        2,
        "00",
        "0008",
        &sequence(&["3006 020108 0A0119"]),
    ));
    let message = Message::decode(&response).unwrap();
    assert_eq!(message.kind(), Kind::Response);
    assert!(matches!(message.signature, Signature::Present(_)));
    let Payload::CredentialsResponse(details) = &message.payload else {
        panic!("{message:?}")
    };
    assert_eq!(details.roles[0].role, RemotePartyRole::LoadController);
    assert_eq!(details.roles[0].status, StatusCode::TrustAnchorNotFound);
    assert_eq!(
        (
            details.roles[0].current_seq_number,
            details.roles[0].cells.len()
        ),
        (None, 0)
    );
    assert_eq!(message.encode().unwrap(), response);
}

#[test]
fn default_values_that_are_written_out_are_read_and_left_out() {
    let cell = "3007 020103 03020780";
    let explicit_cell = "300A 020103 03020780 020100";
    let control = "020103 83020515";
    let explicit_control = "020103 810100 83020515";
    let message = |control: &str, cell: &str| {
        let replacement = sequence(&["3004 02020101", cell]);
        let control = sequence(&[control]);
        let payload = element(0x30, &[&control, &list(&[replacement]), &[0x30, 0]]);
        signed(&grouping(1, "00", "0103", &payload))
    };
    let explicit = message(explicit_control, explicit_cell);
    let read = Message::decode(&explicit).unwrap();
    assert_eq!(read.encode().unwrap(), message(control, cell));
}

/// `DF` to the end of the payload; the date-time with its length.
fn grouping(cra: u8, date_time: &str, code: &str, payload: &[u8]) -> Vec<u8> {
    let counter = "0000000000001388";
    let parties = "08 70B3D50000000002 08 00DB0000000000A3";
    // The content is laid out like an OCTET STRING without its tag.
    let content = element(4, &[payload]);
    let head = format!("DF09{cra:02x} {counter} {parties} {date_time} 02 {code}");
    [octets(&head), content[1..].to_vec()].concat()
}

fn signed(grouping: &[u8]) -> Vec<u8> {
    [grouping, &[0x40], &[0x5A; 64]].concat()
}

fn maced(grouping: &[u8]) -> Vec<u8> {
    let secured = element(4, &[&[0x11, 0, 0, 0, 0], grouping, &[0xA5; 12]]);
    [&[0xDD, 0, 0, 0, 0, 0, 0], &secured[1..]].concat()
}

fn sequence(parts: &[&str]) -> Vec<u8> {
    element(0x30, &[&octets(&parts.concat())])
}

fn list(elements: &[Vec<u8>]) -> Vec<u8> {
    element(0x30, &[&elements.concat()])
}

fn octets(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap()
}
