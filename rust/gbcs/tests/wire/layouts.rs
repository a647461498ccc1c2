//! Which parts a message has, by mode, device and kind.

use slotkeeper_gbcs::CommandPayload;
use slotkeeper_gbcs::Cra;
use slotkeeper_gbcs::DeviceKind;
use slotkeeper_gbcs::Draft;
use slotkeeper_gbcs::EncodeError;
use slotkeeper_gbcs::Envelope;
use slotkeeper_gbcs::Kind;
use slotkeeper_gbcs::LengthStyle;
use slotkeeper_gbcs::Message;
use slotkeeper_gbcs::MessageCode;
use slotkeeper_gbcs::Payload;
use slotkeeper_gbcs::ReplacementMode;
use slotkeeper_gbcs::Signature;
use slotkeeper_gbcs::SymmetricKey;
use slotkeeper_gbcs::UnsignedCommand;

use crate::samples;

#[test]
fn signature_and_mac_follow_from_mode_and_device() {
    let certificates = samples::operator_certificates();
    for mode in ReplacementMode::ALL.iter().copied() {
        for device in [DeviceKind::CommunicationsHubFunction, DeviceKind::Other] {
            let payload = in_mode(samples::handover(&certificates), mode);
            let command =
                UnsignedCommand::new(7, samples::ACB, samples::GPF, device, &payload).unwrap();
            let message = Message::decode(command.octets()).unwrap();
            let (signed, maced) = match mode {
                ReplacementMode::AnyExceptAbnormalRootByRecovery
                | ReplacementMode::AnyByContingency => (true, false),
                ReplacementMode::AccessControlBrokerByAcb => {
                    (device == DeviceKind::CommunicationsHubFunction, true)
                }
                _ => (true, true),
            };
            assert_eq!(
                matches!(message.signature, Signature::Present(_)),
                signed,
                "{mode:?}"
            );
            assert_eq!(command.signature_at().is_some(), signed, "{mode:?}");
            assert_eq!(message.mac.is_some(), maced, "{mode:?}");
            assert_eq!(command.mac_at().is_some(), maced, "{mode:?}");
            assert_eq!(message.kind(), Kind::Command);
            assert_eq!(message.payload, Payload::Command(payload));
            assert_eq!(
                &command.octets()[command.signed_range()],
                message.signed_octets()
            );
            assert_eq!(
                &command.octets()[command.maced_range()],
                message.maced_octets()
            );
        }
    }
}

#[test]
fn places_are_where_the_decoder_finds_signature_and_mac() {
    let certificates = samples::operator_certificates();
    let payload = samples::handover(&certificates);
    let mut command =
        UnsignedCommand::new(7, samples::ACB, samples::GPF, DeviceKind::Other, &payload).unwrap();
    let (signature_at, mac_at) = (command.signature_at().unwrap(), command.mac_at().unwrap());
    command.octets_mut()[signature_at..signature_at + 64].fill(0x5A);
    command.octets_mut()[mac_at..mac_at + 12].fill(0xA5);
    let octets = command.into_octets();
    assert_eq!(octets.capacity(), octets.len());
    let message = Message::decode(&octets).unwrap();
    assert_eq!(message.signature, Signature::Present(&[0x5A; 64]));
    assert_eq!(message.mac, Some(&[0xA5; 12]));
}

#[test]
fn pre_command_with_and_without_signature() {
    let certificates = samples::operator_certificates();
    let payload = samples::handover(&certificates);
    let mode = payload.control.mode;
    for (signature, extra) in [
        (Signature::Absent, 0),
        (Signature::Empty, 1),
        (Signature::Present(&[0x5A; 64]), 65),
    ] {
        let draft = Draft {
            header: samples::header(Cra::Command, mode),
            payload: Payload::Command(payload.clone()),
            signature,
            mac: None,
            length_style: LengthStyle::Minimal,
        };
        let octets = draft.encode().unwrap();
        let message = Message::decode(&octets).unwrap();
        assert_eq!(message.kind(), Kind::PreCommand);
        assert_eq!(message.signature, signature);
        assert_eq!(message.signed_octets().len() + 1 + extra, octets.len());
        assert_eq!(
            (message.device(), message.party()),
            (samples::GPF, samples::OPERATOR)
        );
        assert_eq!(message.encode().unwrap(), octets);
    }
}

#[test]
fn response_has_the_devices_lengths() {
    let octets = samples::handed_back_response();
    assert_eq!(octets.len(), 247);
    let message = Message::decode(&octets).unwrap();
    assert_eq!(message.length_style, LengthStyle::Device);
    assert_eq!(message.kind(), Kind::Response);
    assert_eq!(
        (message.device(), message.party()),
        (samples::GPF, samples::OPERATOR)
    );
    assert_eq!(message.payload.outcome(), Some(&samples::handed_back()));
}

#[test]
fn mode_that_does_not_fit_the_code_is_flagged_when_read_and_refused_when_written() {
    let mut octets = samples::handed_back_response();
    let code_at = octets
        .windows(3)
        .position(|window| window == [2, 1, 3])
        .unwrap()
        + 1;
    octets[code_at..code_at + 2].copy_from_slice(&[0x01, 0x02]);
    let message = Message::decode(&octets).unwrap();
    assert!(message.mode_mismatch());
    assert_eq!(
        message.payload.mode(),
        Some(ReplacementMode::NetworkOperatorByNetworkOperator)
    );
    assert_eq!(
        message.encode(),
        Err(EncodeError::ModeMismatch {
            code: MessageCode(0x0102),
            mode: ReplacementMode::NetworkOperatorByNetworkOperator,
        })
    );
}

#[test]
fn another_use_case_has_a_readable_envelope() {
    let mut octets = samples::handed_back_response();
    let code_at = octets
        .windows(3)
        .position(|window| window == [2, 1, 3])
        .unwrap()
        + 1;
    octets[code_at..code_at + 2].copy_from_slice(&[0x00, 0x0A]);
    let envelope = Envelope::decode(&octets).unwrap();
    assert_eq!(envelope.header.message_code, MessageCode(0x000A));
    assert_eq!(envelope.header.message_code.use_case(), None);
    assert_eq!(envelope.content[..2], [0x30, 0x82]);
}

#[test]
fn what_would_not_be_read_back_is_not_written() {
    let certificates = samples::operator_certificates();
    let payload = samples::handover(&certificates);
    let build = |payload: &CommandPayload<'_>| {
        UnsignedCommand::new(7, samples::ACB, samples::GPF, DeviceKind::Other, payload)
            .map(UnsignedCommand::into_octets)
    };

    let mut cut = payload.clone();
    cut.path_certificates[0] = &certificates[2][..100];
    assert_eq!(build(&cut), Err(EncodeError::Certificate));
    let mut key = payload.clone();
    key.control.plaintext_symmetric_key = Some(SymmetricKey(&[1; 16]));
    assert_eq!(build(&key), Err(EncodeError::PlaintextSymmetricKey));
    let mut no_key = payload.clone();
    no_key.control.mode = ReplacementMode::AnyByContingency;
    assert_eq!(build(&no_key), Err(EncodeError::PlaintextSymmetricKey));
    let mut long = payload.clone();
    long.path_certificates = vec![&certificates[2]; 200];
    assert_eq!(build(&long), Err(EncodeError::TooLong));

    let draft = Draft {
        header: samples::header(Cra::Command, payload.control.mode),
        payload: Payload::Command(payload.clone()),
        signature: Signature::Absent,
        mac: Some(&[0; 12]),
        length_style: LengthStyle::Minimal,
    };
    assert_eq!(draft.encode(), Err(EncodeError::NotAuthenticated));
    let mut cut_draft = draft.clone();
    cut_draft.signature = Signature::Empty;
    cut_draft.payload = Payload::Command(cut);
    assert_eq!(cut_draft.encode(), Err(EncodeError::Certificate));
    let mut wrong_way = draft.clone();
    wrong_way.header.cra = Cra::Response;
    let code = wrong_way.header.message_code;
    assert_eq!(wrong_way.encode(), Err(EncodeError::HeaderMismatch(code)));
    let mut wrong_case = draft;
    wrong_case.header.message_code = MessageCode::CS02A;
    assert_eq!(
        wrong_case.encode(),
        Err(EncodeError::HeaderMismatch(MessageCode::CS02A))
    );
}

fn in_mode(mut payload: CommandPayload<'_>, mode: ReplacementMode) -> CommandPayload<'_> {
    payload.control.mode = mode;
    payload.control.plaintext_symmetric_key =
        (mode == ReplacementMode::AnyByContingency).then_some(SymmetricKey(&[7; 16]));
    payload
}

#[test]
fn the_symmetric_key_of_a_contingency_is_never_printed() {
    let printed = format!("{:?}", SymmetricKey(&[0xA7; 16]));
    assert!(
        !printed.contains("167") && !printed.to_lowercase().contains("a7"),
        "{printed}"
    );
}
