//! Payloads behind sound headers, and certificates: where whole messages seldom get to.
//!
//! The first octet chooses use case and direction; what follows is the payload.

#![no_main]

use libfuzzer_sys::fuzz_target;
use slotkeeper_gbcs::Certificate;
use slotkeeper_gbcs::Message;
use slotkeeper_gbcs::Payload;

fuzz_target!(|input: &[u8]| {
    let Some((choice, payload)) = input.split_first() else { return };
    let (cra, code) = match choice % 5 {
        0 => (1, 0x0100 + u16::from(choice / 5 % 10)),
        1 => (2, 0x0100 + u16::from(choice / 5 % 10)),
        2 => (3, 0x00CB),
        3 => (1, 0x0008),
        _ => (2, 0x0008),
    };
    if let Ok(message) = Message::decode(&message_with(cra, code, payload)) {
        if let Payload::Command(command) = &message.payload {
            for replacement in &command.replacements {
                read_certificate(replacement.certificate);
            }
        }
        match message.encode() {
            Ok(again) => {
                let reread = Message::decode(&again).map(|reread| reread.payload == message.payload);
                assert_eq!(reread, Ok(true));
            }
            Err(_) => assert!(message.mode_mismatch()),
        }
    }
    read_certificate(payload);
});

fn read_certificate(der: &[u8]) {
    if let Ok(certificate) = Certificate::parse(der) {
        let _ = format!("{certificate:?}");
        assert!(certificate.tbs.len() < der.len());
    }
}

/// Grouping Header, payload and a signature of zeros.
fn message_with(cra: u8, code: u16, payload: &[u8]) -> Vec<u8> {
    let mut octets = vec![0xDF, 9, cra];
    octets.extend([0; 8]);
    for party in [1_u64, 2] {
        octets.push(8);
        octets.extend(party.to_be_bytes());
    }
    octets.extend([0, 2]);
    octets.extend(code.to_be_bytes());
    let [.., high, low] = payload.len().to_be_bytes();
    match payload.len() {
        0..0x80 => octets.push(low),
        0x80..0x100 => octets.extend([0x81, low]),
        _ => octets.extend([0x82, high, low]),
    }
    octets.extend(payload);
    octets.push(64);
    octets.extend([0; 64]);
    octets
}
