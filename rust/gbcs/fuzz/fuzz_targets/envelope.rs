//! Whole messages: read or refused; what is read can be shown, and written so that it says the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use slotkeeper_gbcs::Envelope;
use slotkeeper_gbcs::Message;

fuzz_target!(|octets: &[u8]| {
    if let Ok(envelope) = Envelope::decode(octets) {
        assert!(envelope.signed_octets().len() < envelope.maced_octets().len());
        assert!(envelope.maced_octets().len() <= octets.len());
        assert!(envelope.signed_octets().ends_with(envelope.content));
    }
    let Ok(message) = Message::decode(octets) else { return };
    let _ = (message.kind(), message.device(), message.party(), format!("{message:?}"));
    let Ok(again) = message.encode() else {
        assert!(message.mode_mismatch());
        return;
    };
    assert_eq!(again.len(), again.capacity());
    match Message::decode(&again) {
        Ok(reread) => {
            assert_eq!(reread.header, message.header);
            assert_eq!(reread.payload, message.payload);
            assert_eq!(reread.signature, message.signature);
            assert_eq!(reread.mac, message.mac);
        }
        Err(error) => panic!("written and not read again: {error}"),
    }
});
