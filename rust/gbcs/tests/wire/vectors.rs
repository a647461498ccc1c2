//! DCC's public vectors: what they say, and that they are written as they were read.

use slotkeeper_gbcs::AlertPayload;
use slotkeeper_gbcs::Certificate;
use slotkeeper_gbcs::DeviceKind;
use slotkeeper_gbcs::Eui64;
use slotkeeper_gbcs::KeyUsage;
use slotkeeper_gbcs::Kind;
use slotkeeper_gbcs::LengthStyle;
use slotkeeper_gbcs::Message;
use slotkeeper_gbcs::Payload;
use slotkeeper_gbcs::RemotePartyRole;
use slotkeeper_gbcs::ReplacementMode;
use slotkeeper_gbcs::SeqNumber;
use slotkeeper_gbcs::Signature;
use slotkeeper_gbcs::StatusCode;
use slotkeeper_gbcs::TrustAnchorCell;
use slotkeeper_gbcs::UnsignedCommand;

use crate::rtds::certificates;
use crate::rtds::vector;
use crate::rtds::vectors;

const ESME: Eui64 = Eui64::from_u64(0x00DB_1234_5678_90A0);
const GPF: Eui64 = Eui64::from_u64(0x00DB_1234_5678_90A3);
const ACB: Eui64 = Eui64::from_u64(0x90B3_D51F_3000_0002);
const SUPPLIER: Eui64 = Eui64::from_u64(0x90B3_D51F_3001_0000);
const OPERATOR: Eui64 = Eui64::from_u64(0x90B3_D51F_3002_0000);

#[test]
fn every_vector_is_written_as_it_was_read() {
    for (name, octets) in vectors() {
        let message = Message::decode(&octets).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(message.encode().as_deref(), Ok(&octets[..]), "{name}");
        assert!(!message.mode_mismatch(), "{name}");
    }
}

#[test]
fn every_vector_has_its_kind_and_parties() {
    for (name, octets) in vectors() {
        let message = Message::decode(&octets).unwrap();
        let kind = name.rsplit('_').next().unwrap();
        assert_eq!(message.kind().name(), kind, "{name}");
        assert!([ESME, GPF].contains(&message.device()), "{name}");
        assert!(
            [ACB, SUPPLIER, OPERATOR].contains(&message.party()),
            "{name}"
        );
        let is_acknowledged = matches!(&message.payload, Payload::Response(_));
        assert_eq!(
            message.header.date_time.is_some(),
            is_acknowledged,
            "{name}"
        );
        let has_mac = message.kind() == Kind::Command || name.starts_with("CS02aMAC");
        assert_eq!(message.mac.is_some(), has_mac, "{name}");
    }
}

#[test]
fn every_command_vector_is_built_again_from_what_it_says() {
    for (name, octets) in vectors() {
        let message = Message::decode(&octets).unwrap();
        let Payload::Command(payload) = &message.payload else {
            continue;
        };
        if message.kind() != Kind::Command {
            continue;
        }
        let header = &message.header;
        let mut built = UnsignedCommand::new(
            header.originator_counter,
            header.originator,
            header.recipient,
            DeviceKind::Other,
            payload,
        )
        .unwrap();
        assert_eq!(
            &built.octets()[built.signed_range()],
            message.signed_octets(),
            "{name}"
        );
        if let (Some(at), Signature::Present(signature)) = (built.signature_at(), message.signature)
        {
            built.octets_mut()[at..at + 64].copy_from_slice(signature);
        }
        assert_eq!(
            &built.octets()[built.maced_range()],
            message.maced_octets(),
            "{name}"
        );
        let at = built.mac_at().unwrap();
        built.octets_mut()[at..].copy_from_slice(message.mac.unwrap());
        assert_eq!(built.into_octets(), octets, "{name}");
    }
}

#[test]
fn handover_command_to_the_gas_proxy_function() {
    let Some(octets) = vector("CS02bNOByNOHandover_6.21_SUCCESS_COMMAND") else {
        return;
    };
    let message = Message::decode(&octets).unwrap();
    assert_eq!((message.party(), message.device()), (ACB, GPF));
    assert_eq!(message.header.originator_counter, 1301);
    assert_eq!(message.length_style, LengthStyle::Minimal);
    assert_eq!(message.signed_octets().len(), 1328);
    assert_eq!(message.signed_octets()[..3], [9, 1, 0]);
    assert_eq!(message.maced_octets().len(), 1394);
    assert_eq!(message.maced_octets()[0], 0xDF);
    let Payload::Command(command) = &message.payload else {
        panic!("{message:?}")
    };
    let cell = |usage| TrustAnchorCell::management(RemotePartyRole::NetworkOperator, usage);
    assert_eq!(
        command.control.mode,
        ReplacementMode::NetworkOperatorByNetworkOperator
    );
    assert_eq!(
        command.control.authorising_cell,
        Some(cell(KeyUsage::DigitalSignature))
    );
    assert_eq!(command.control.authorising_seq_number.get(), 1301);
    assert_eq!(command.control.floor.map(SeqNumber::get), Some(0));
    assert!(command.control.apply_time_based_cpv_checks);
    let cells: Vec<_> = command
        .replacements
        .iter()
        .map(|replacement| replacement.cell)
        .collect();
    assert_eq!(
        cells,
        [
            cell(KeyUsage::DigitalSignature),
            cell(KeyUsage::KeyAgreement)
        ]
    );
    assert_eq!(command.path_certificates.len(), 1);
}

#[test]
fn handover_response_tells_who_was_there_and_who_is() {
    let Some(octets) = vector("CS02bNOByNOHandover_6.21_SUCCESS_RESPONSE") else {
        return;
    };
    let message = Message::decode(&octets).unwrap();
    assert_eq!(message.length_style, LengthStyle::Device);
    assert_eq!(
        message.header.date_time.unwrap().unix_seconds(),
        Some(1_420_070_400)
    );
    let outcome = message.payload.outcome().unwrap();
    assert_eq!(outcome.authorising_seq_number.get(), 1301);
    assert_eq!(
        outcome.seq_number_changes[0].role,
        RemotePartyRole::NetworkOperator
    );
    assert_eq!(outcome.seq_number_changes[0].floor.get(), 0);
    let [signature, agreement] = outcome.replacement_outcomes[..] else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        (signature.existing_subject, signature.replacing_subject),
        (ACB, OPERATOR)
    );
    assert_eq!(
        signature.existing_key_identifier.to_string(),
        "42693535d3dde101"
    );
    assert_eq!(
        agreement.replacing_key_identifier.to_string(),
        "4bc9d38d1cb49f2a"
    );
}

#[test]
fn partial_failure_keeps_the_failed_cell() {
    let name = "CS02bSupplierBySupplier_6.15.1_IMMEDIATE_ERROR_RESPONSE";
    let Some(octets) = vector(name) else { return };
    let message = Message::decode(&octets).unwrap();
    let outcome = message.payload.outcome().unwrap();
    let statuses: Vec<_> = outcome
        .replacement_outcomes
        .iter()
        .map(|outcome| outcome.status)
        .collect();
    assert_eq!(
        statuses,
        [
            StatusCode::Success,
            StatusCode::NoTrustAnchor,
            StatusCode::Success
        ]
    );
    let failed = outcome.replacement_outcomes[1];
    assert_eq!(
        failed.existing_key_identifier,
        failed.replacing_key_identifier
    );
    assert_eq!(outcome.seq_number_changes.len(), 1);
}

#[test]
fn alert_carries_the_commands_number_and_its_own_counter() {
    let name = "CS02bSupplierBySupplier_6.15.1_8F66_FUTURE_DATED_SUCCESS_ALERT";
    let Some(octets) = vector(name) else { return };
    let message = Message::decode(&octets).unwrap();
    let Payload::Alert(alert) = &message.payload else {
        panic!("{message:?}")
    };
    assert_eq!(message.header.originator_counter, 2000);
    assert_eq!(alert.alert_code, AlertPayload::SUCCESS);
    assert_eq!(alert.outcome.authorising_seq_number.get(), 1001);
    assert_eq!(
        alert.execution_date_time.to_string(),
        "2030-01-15T00:00:00Z"
    );
    assert_eq!(
        alert.outcome.seq_number_changes[0].specialist_floors.len(),
        1
    );
}

#[test]
fn cancellation_is_told_from_future_dating() {
    let prefix = "CS02bSupplierBySupplier_6.15.1_";
    for (name, expected) in [
        ("CANCELLATION_SUCCESS_COMMAND", true),
        ("FUTURE_DATED_SUCCESS_COMMAND", false),
    ] {
        let Some(octets) = vector(&format!("{prefix}{name}")) else {
            return;
        };
        let message = Message::decode(&octets).unwrap();
        let Payload::Command(command) = &message.payload else {
            panic!("{message:?}")
        };
        assert_eq!(
            command.execution_date_time.unwrap().is_cancellation(),
            expected
        );
    }
}

#[test]
fn credentials_response_tells_what_is_in_the_cells() {
    let Some(octets) = vector("CS02aMAC_6.24.1_SUCCESS_RESPONSE") else {
        return;
    };
    let message = Message::decode(&octets).unwrap();
    assert_eq!(message.signature, Signature::Empty);
    let Payload::CredentialsResponse(response) = &message.payload else {
        panic!("{message:?}")
    };
    let [supplier, operator] = &response.roles[..] else {
        panic!("{response:?}")
    };
    assert_eq!(supplier.role, RemotePartyRole::Supplier);
    assert_eq!(supplier.cells.len(), 3);
    assert_eq!(operator.current_seq_number.map(SeqNumber::get), Some(1));
    assert_eq!(operator.cells[0].existing_subject, OPERATOR);
}

#[test]
fn certificates_fit_the_cells_they_go_into() {
    for (name, octets) in vectors() {
        let message = Message::decode(&octets).unwrap();
        let Payload::Command(command) = &message.payload else {
            continue;
        };
        for replacement in &command.replacements {
            let certificate = Certificate::parse(replacement.certificate).unwrap();
            assert_eq!(certificate.role, Some(replacement.cell.role), "{name}");
            let usage = certificate.key_usage.unwrap();
            assert_eq!(usage.only(), Some(replacement.cell.key_usage), "{name}");
            assert!(certificate.eui.is_some(), "{name}");
            assert!(!certificate.is_ca, "{name}");
        }
        for path in &command.path_certificates {
            let certificate = Certificate::parse(path).unwrap();
            assert!(certificate.is_ca, "{name}");
            assert_eq!(certificate.path_len, Some(0), "{name}");
            assert_eq!(
                certificate.role,
                Some(RemotePartyRole::IssuingAuthority),
                "{name}"
            );
            assert!(
                certificate.subject.to_string().starts_with("OU=07, CN=Z"),
                "{name}"
            );
            let usage = certificate.key_usage.unwrap();
            assert!(
                usage.allows(KeyUsage::KeyCertSign) && usage.only().is_none(),
                "{name}"
            );
        }
    }
}

#[test]
fn key_store_certificates_of_organisations_and_devices() {
    for (named, der) in certificates() {
        let certificate = Certificate::parse(&der).unwrap();
        let held = certificate.eui.unwrap();
        // The published set has another party's certificate under this name.
        let is_slip = named == Eui64::from_u64(0x90B3_D51F_3000_0007) && held != named;
        assert!(held == named || is_slip, "{named} holds {held}");
        let is_device = certificate.subject.to_string().is_empty();
        assert_eq!(is_device, certificate.role.is_none());
        assert!(certificate.not_before < certificate.not_after);
        assert!(certificate.subject_key_identifier.is_some());
        assert!(certificate.authority_key_identifier.is_some());
        if is_device {
            assert_eq!(certificate.not_after, 253_402_300_799);
        }
    }
}
