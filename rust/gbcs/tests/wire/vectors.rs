//! DCC's public vectors: decoded, and encoded to the same octets.

use slotkeeper_gbcs::Certificate;
use slotkeeper_gbcs::Message;
use slotkeeper_gbcs::Payload;

use crate::rtds::vectors;

#[test]
fn every_vector_encodes_to_the_octets_it_was_read_from() {
    for (name, octets) in vectors() {
        let message = Message::decode(&octets).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(message.encode().as_deref(), Ok(&octets[..]), "{name}");
        assert!(!message.mode_mismatch(), "{name}");
    }
}

#[test]
fn every_certificate_in_a_vector_parses() {
    for (name, octets) in vectors() {
        let message = Message::decode(&octets).unwrap();
        let Payload::Command(command) = &message.payload else {
            continue;
        };
        for replacement in &command.replacements {
            let certificate = Certificate::parse(replacement.certificate).unwrap();
            assert_eq!(certificate.role, Some(replacement.cell.role), "{name}");
        }
    }
}
