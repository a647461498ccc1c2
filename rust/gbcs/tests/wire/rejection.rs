//! What must not be taken for a message.

use slotkeeper_gbcs::Cra;
use slotkeeper_gbcs::DecodeError;
use slotkeeper_gbcs::Draft;
use slotkeeper_gbcs::Fault;
use slotkeeper_gbcs::Kind;
use slotkeeper_gbcs::LengthStyle;
use slotkeeper_gbcs::Malformed;
use slotkeeper_gbcs::Message;
use slotkeeper_gbcs::MessageCode;
use slotkeeper_gbcs::Payload;
use slotkeeper_gbcs::ReplacementMode;
use slotkeeper_gbcs::Signature;
use slotkeeper_test_pki::der::element;

use crate::rtds::vectors;
use crate::samples;

#[test]
fn every_prefix_of_every_message_is_refused() {
    for (name, octets) in vectors().into_iter().chain(own_messages()) {
        let whole = Message::decode(&octets).unwrap();
        let payload_end =
            octets.len() - whole.maced_octets().len() + 1 + whole.signed_octets().len();
        for length in 0..octets.len() {
            let is_pre_command = whole.kind() == Kind::PreCommand && length == payload_end;
            let read = Message::decode(&octets[..length]);
            assert_eq!(read.is_ok(), is_pre_command, "{name} cut to {length}");
        }
    }
}

#[test]
fn octets_left_over_are_refused() {
    for (name, mut octets) in vectors().into_iter().chain(own_messages()) {
        // A zero after a bare pre-command is its signature part.
        octets.push(1);
        assert!(Message::decode(&octets).is_err(), "{name}");
    }
}

#[test]
fn octets_left_over_in_any_element_are_refused() {
    let outcome = [
        &[2, 1, 5, 2, 1, 3][..],
        &element(0x30, &[]),
        &element(0x30, &[]),
    ]
    .concat();
    let sound = element(0x30, &[&[5, 0], &element(0x30, &[&outcome])]);
    assert!(decode_payload(&sound).is_ok());
    for (payload, at) in [
        (
            element(0x30, &[&[5, 0], &element(0x30, &[&outcome, &[0]])]),
            16,
        ),
        (
            element(0x30, &[&[5, 0], &element(0x30, &[&outcome]), &[0]]),
            16,
        ),
        ([&sound[..], &[0]].concat(), 16),
        (element(0x30, &[&[5, 1, 0]]), 3),
    ] {
        let expected = malformed(at, Fault::TrailingOctets);
        assert_eq!(
            decode_payload(&payload),
            Err(expected),
            "{}",
            hex::encode(&payload)
        );
    }
}

#[test]
fn numbers_are_natural_short_and_in_range() {
    for (content, fault) in [
        (&[][..], Fault::IntegerNotMinimal),
        (&[0, 5], Fault::IntegerNotMinimal),
        (&[0, 0], Fault::IntegerNotMinimal),
        (&[0x80], Fault::IntegerNegative),
        (&[0xFF, 0xFF], Fault::IntegerNegative),
        (&[0, 0x80, 0, 0, 0, 0, 0, 0, 0], Fault::IntegerTooLarge),
        (
            &[0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
            Fault::IntegerTooLarge,
        ),
        (&[1, 0, 0, 0, 0, 0, 0, 0, 0], Fault::IntegerTooLarge),
        (&[0x7F; 200], Fault::IntegerTooLarge),
    ] {
        assert_eq!(
            decode_number(content),
            Err(malformed_at_number(content, fault))
        );
    }
    let greatest = [0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    assert_eq!(decode_number(&greatest), Ok(i64::MAX.cast_unsigned()));
    assert_eq!(decode_number(&[0]), Ok(0));
    assert_eq!(decode_number(&[0, 0x80]), Ok(0x80));
}

#[test]
fn lengths_are_short_definite_and_within_bounds() {
    for (payload, fault) in [
        (&[0x30, 0x80, 5, 0, 0, 0][..], Fault::LengthUnsupported),
        (&[0x30, 0x83, 0, 0, 2, 5, 0], Fault::LengthUnsupported),
        (&[0x30, 0xFF, 5, 0], Fault::LengthUnsupported),
        (&[0x30, 0x81, 2, 5, 0], Fault::LengthNotMinimal),
        (&[0x30, 0x82, 0, 2, 5, 0], Fault::LengthNotMinimal),
        (&[0x30, 3, 5, 0], Fault::LengthBeyondEnd),
        (&[0x30, 0x82, 0xFF, 0xFF, 5, 0], Fault::LengthBeyondEnd),
        (&[0x30, 0x82, 0, 0xFF, 5, 0], Fault::LengthBeyondEnd),
        (&[0x30, 0x81], Fault::Truncated),
        (&[0x30], Fault::Truncated),
    ] {
        assert_eq!(
            decode_payload(payload),
            Err(malformed(1, fault)),
            "{}",
            hex::encode(payload)
        );
    }
    // The devices' form is theirs for SEQUENCEs alone.
    let number = [&[2, 0x82, 0, 0x80][..], &[1; 128]].concat();
    let payload = element(0x30, &[&[5, 0], &element(0x30, &[&number])]);
    assert_eq!(
        decode_payload(&payload),
        Err(malformed_in_long(9, Fault::LengthNotMinimal))
    );
}

#[test]
fn values_outside_the_enumerations_are_refused() {
    let sound = samples::handed_back_response();
    let replaced = |from: &[u8], to: &[u8]| {
        let at = sound
            .windows(from.len())
            .position(|window| window == from)
            .unwrap();
        let mut octets = sound.clone();
        octets[at..at + to.len()].copy_from_slice(to);
        match Message::decode(&octets) {
            Err(DecodeError::Malformed(malformed)) => malformed.fault,
            other => panic!("{other:?}"),
        }
    };
    let cell = [0x30, 7, 2, 1, 3, 3, 2, 7, 0x80];
    assert_eq!(replaced(&cell, &[0x30, 7, 2, 1, 9]), Fault::UnknownRole(9));
    assert_eq!(
        replaced(&cell, &[0x30, 7, 2, 1, 3, 3, 2, 7, 0xC0]),
        Fault::UnknownKeyUsage
    );
    assert_eq!(
        replaced(&cell, &[0x30, 7, 2, 1, 3, 3, 2, 6, 0x80]),
        Fault::UnknownKeyUsage
    );
    assert_eq!(
        replaced(&[0x0A, 1, 0], &[0x0A, 1, 1]),
        Fault::UnknownStatus(1)
    );
    assert_eq!(
        replaced(&[2, 1, 3, 0x30], &[2, 1, 10]),
        Fault::UnknownMode(10)
    );
    let wrong_type = Fault::UnexpectedTag {
        expected: 0x0A,
        found: 2,
    };
    assert_eq!(replaced(&[0x0A, 1, 0], &[2]), wrong_type);
}

#[test]
fn fixed_octets_of_the_headers_are_fixed() {
    let (_, command) = own_messages()
        .into_iter()
        .find(|(name, _)| name == "maced")
        .unwrap();
    // Every octet of the MAC Header, and of the Grouping Header the tags and lengths.
    let start = command.iter().position(|octet| *octet == 0xDF).unwrap();
    let grouping = [0, 1, 2, 11, 20, 29, 30].map(|offset| start + offset);
    for at in (0..start).chain(grouping) {
        for flipped in [0x01, 0x40, 0x80] {
            let mut octets = command.clone();
            octets[at] ^= flipped;
            assert!(
                Message::decode(&octets).is_err(),
                "octet {at} xor {flipped:02x}"
            );
        }
    }
}

#[test]
fn cra_flag_goes_with_the_message_code() {
    let response = samples::handed_back_response();
    for (cra, code, fault) in [
        (3, [1, 3], Fault::CraMismatch),
        (2, [0, 0xCB], Fault::CraMismatch),
        (1, [0, 0xCB], Fault::CraMismatch),
        (3, [0, 8], Fault::CraMismatch),
        (0, [1, 3], Fault::UnknownCra(0)),
        (4, [1, 3], Fault::UnknownCra(4)),
    ] {
        let mut octets = response.clone();
        octets[2] = cra;
        octets[43..45].copy_from_slice(&code);
        assert_eq!(
            Message::decode(&octets).map(drop),
            Err(malformed_in_message(2, fault))
        );
    }
    // With a command's flag the payload is read as a command's, and is none.
    let mut octets = response;
    octets[2] = 1;
    assert!(Message::decode(&octets).is_err());
}

#[test]
fn another_use_case_is_told_from_a_malformed_message() {
    let mut octets = samples::handed_back_response();
    octets[43..45].copy_from_slice(&[0, 0x0A]);
    let unknown = DecodeError::UnknownMessageCode(MessageCode(0x000A));
    assert_eq!(Message::decode(&octets).map(drop), Err(unknown));
    octets.pop();
    assert!(matches!(
        Message::decode(&octets),
        Err(DecodeError::Malformed(_))
    ));
}

#[test]
fn supplementary_fields_do_not_belong_to_cs02b() {
    let mut octets = samples::handed_back_response();
    octets[42] = 3;
    octets.insert(45, 0xEE);
    let at = u32::try_from(octets.len() - 65 - 135).unwrap();
    assert_eq!(
        Message::decode(&octets).map(drop),
        Err(malformed_in_message(at, Fault::TrailingOctets))
    );
}

#[test]
fn outcome_without_signature_and_mac_is_refused() {
    let mut octets = samples::handed_back_response();
    octets.truncate(octets.len() - 65);
    octets.push(0);
    let at = u32::try_from(octets.len()).unwrap();
    let refused = malformed_in_message(at, Fault::NotAuthenticated);
    assert_eq!(Message::decode(&octets).map(drop), Err(refused));
}

/// One of each kind and layout, with a name.
fn own_messages() -> Vec<(String, Vec<u8>)> {
    let certificates = samples::operator_certificates();
    let mut messages = vec![("response".to_owned(), samples::handed_back_response())];
    for (name, mode, signature, mac) in [
        (
            "maced",
            ReplacementMode::AccessControlBrokerByAcb,
            Signature::Empty,
            Some(&[0xA5; 12]),
        ),
        (
            "signed and maced",
            ReplacementMode::SupplierByTransCos,
            Signature::Present(&[0x5A; 64]),
            Some(&[0xA5; 12]),
        ),
        (
            "recovery",
            ReplacementMode::AnyExceptAbnormalRootByRecovery,
            Signature::Present(&[0x5A; 64]),
            None,
        ),
        (
            "contingency",
            ReplacementMode::AnyByContingency,
            Signature::Present(&[0x5A; 64]),
            None,
        ),
        (
            "signed pre-command",
            ReplacementMode::NetworkOperatorByNetworkOperator,
            Signature::Present(&[0x5A; 64]),
            None,
        ),
    ] {
        let mut payload = samples::handover(&certificates);
        payload.control.mode = mode;
        let draft = Draft {
            header: samples::header(Cra::Command, mode),
            payload: Payload::Command(payload),
            signature,
            mac,
            length_style: LengthStyle::Minimal,
        };
        messages.push((name.to_owned(), draft.encode().unwrap()));
    }
    messages
}

/// The number in an outcome with this INTEGER as authorising number, inside a sound Response.
fn decode_number(content: &[u8]) -> Result<u64, DecodeError> {
    let rest = [&[2, 1, 3][..], &element(0x30, &[]), &element(0x30, &[])].concat();
    let outcome = element(0x30, &[&element(2, &[content]), &rest]);
    let octets = response_with(&element(0x30, &[&[5, 0], &outcome]));
    let message = Message::decode(&octets)?;
    Ok(message
        .payload
        .outcome()
        .unwrap()
        .authorising_seq_number
        .get())
}

/// Where [`decode_number`] has the number: after the heads of two SEQUENCEs and a NULL.
fn malformed_at_number(content: &[u8], fault: Fault) -> DecodeError {
    if content.len() < 128 {
        malformed(6, fault)
    } else {
        malformed_in_long(8, fault)
    }
}

fn decode_payload(payload: &[u8]) -> Result<(), DecodeError> {
    Message::decode(&response_with(payload)).map(drop)
}

/// A fault at this octet of the payload of [`response_with`].
fn malformed(at: u32, fault: Fault) -> DecodeError {
    malformed_in_message(46 + at, fault)
}

/// The same where the payload's length takes two octets.
fn malformed_in_long(at: u32, fault: Fault) -> DecodeError {
    malformed_in_message(47 + at, fault)
}

fn malformed_in_message(at: u32, fault: Fault) -> DecodeError {
    DecodeError::Malformed(Malformed { at, fault })
}

/// A Response with sound headers and signature part around a payload.
fn response_with(payload: &[u8]) -> Vec<u8> {
    let sound = samples::handed_back_response();
    let [.., high, low] = payload.len().to_be_bytes();
    let length = match payload.len() {
        0..0x80 => vec![low],
        0x80..0x100 => vec![0x81, low],
        _ => vec![0x82, high, low],
    };
    [&sound[..45], &length, payload, &sound[sound.len() - 65..]].concat()
}
