//! Which of the ACB's keys a command is signed and MACed with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use slotkeeper_crypto::{
    KeyAgreement, KrpSigner, MacContext, PublicKey, SignerUnavailable, SigningKey, acb_smd_mac,
    verify_krp, verify_mac,
};
use slotkeeper_engine::{
    Authority, BatchContext, Credential, Engine, Partition, SealError, Settings,
};
use slotkeeper_gbcs::{Envelope, Message, Signature};

use crate::support::*;

/// Which generation signed and which MACed the last command.
fn generations(host: &Host, device: &Device) -> (usize, usize) {
    let command = host.read(Stream::Commands).pop().unwrap();
    let text = command["gbcs_payload"].as_str().unwrap();
    let octets = base64_simd::STANDARD.decode_to_vec(text).unwrap();
    let message = Message::decode(&octets).unwrap();
    let Signature::Present(signature) = message.signature else {
        panic!("no signature");
    };
    let signed = ACB
        .iter()
        .position(|acb| {
            let key = acb.ds.signing_key().public_key().compress();
            verify_krp(&key, message.signed_octets(), signature).is_ok()
        })
        .unwrap();
    let identifier = command["signing_key_identifier"].as_str().unwrap();
    assert_eq!(identifier, ACB[signed].ds.identifier().to_string());
    let context = MacContext {
        originator: Eui64::from_u64(ACB_ID).to_bytes(),
        cra: 1,
        originator_counter: message.header.originator_counter,
        recipient: Eui64::from_u64(GPF).to_bytes(),
    };
    let maced_octets = Envelope::decode(&octets).unwrap().maced_octets();
    let maced = ACB
        .iter()
        .position(|acb| {
            // As the device does it: its own key, and the ACB's certificate.
            let peer = acb.ka.agreement_key().public_key();
            let secret = device.ka.agreement_key().agree(&peer).unwrap();
            assert_eq!(acb_smd_mac(&secret, &context, maced_octets).len(), 12);
            verify_mac(&secret, &context, maced_octets, message.mac.unwrap())
        })
        .unwrap();
    (signed, maced)
}

/// A host with those keys whose slot was handed back to that generation, as the inventory names the other.
fn handed_back(acb: &[AcbKey], slot: usize, named: Option<usize>) -> (Device, Host) {
    let mut device = Device::new(GPF);
    device.acb_identifier = named.map(|place| ACB[place].ka.identifier().to_string());
    let mut host = Host::with_acb("", acb);
    host.knows(&device).decide();
    let told = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[slot]));
    let decided = host.outcome(&device, &told).decide_one();
    assert_eq!(decided.verdict(), "RECORDED ACB_IN_SLOT");
    (device, host)
}

#[test]
fn the_key_in_the_slot_signs_and_the_named_one_macs() {
    let keys = [AcbKey::Held(1), AcbKey::Held(0)];
    for (slot, named, expected) in [
        (0, None, (0, 1)),
        (1, None, (1, 1)),
        (0, Some(0), (0, 0)),
        (1, Some(0), (1, 0)),
    ] {
        let (device, mut host) = handed_back(&keys, slot, named);
        host.request(&Request::new(GPF, 1)).decide();
        assert_eq!(generations(&host, &device), expected);
    }
}

#[test]
fn the_newest_signs_where_the_slot_is_not_known() {
    let device = Device::new(GPF);
    let mut host = Host::with_acb("", &[AcbKey::Held(2), AcbKey::Held(0)]);
    host.knows(&device).request(&Request::new(GPF, 1)).decide();
    assert_eq!(generations(&host, &device), (2, 2));
}

#[test]
fn a_key_that_is_not_held_burns_nothing() {
    let retired = [AcbKey::Held(1), AcbKey::Retired(0)];
    for (slot, named) in [(0, None), (1, Some(0)), (1, Some(2))] {
        let (_, mut host) = handed_back(&retired, slot, named);
        let decided = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
        assert_eq!(decided.verdict(), "REFUSED ACB_KEY_NOT_HELD");
        assert_eq!(
            host.read(Stream::Refusals).pop().unwrap()["retryable"],
            true
        );
        let image = host.engine.device(Eui64::from_u64(GPF)).unwrap();
        assert_eq!(image.network_operator.marks.issued, None);
        assert_eq!(host.engine.statistics().burned, 0);
    }
}

#[test]
fn test_n17_a_certificate_not_yet_known_waits_for_the_configuration() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, "");
    let told = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[1]));
    let decided = host.outcome(&device, &told).decide_one();
    assert_eq!(decided.verdict(), "PARKED UNKNOWN_ACB_CERTIFICATE");
    // The number is known at once, and so is who stands there; which key that is, is not.
    assert_eq!(decided.number("seen_counter"), Some(1_200));
    let decided = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
    assert_eq!(decided.number("originator_counter"), Some(1_201));
    host.restart_as("", &[AcbKey::Held(1), AcbKey::Held(0)]);
    let decided = host.decide_one();
    assert!(decided.is_redecision());
    assert_eq!(decided.text("cause_stream"), "restart");
    assert_eq!(decided.verdict(), "RECORDED ACB_IN_SLOT");
    assert_eq!(decided.number("recorded_counter"), Some(1_200));
    assert!(host.decide().is_empty());
    assert_eq!(host.engine.statistics().parked, 0);
}

/// A key store that is down until it is not.
struct Flaky {
    key: SigningKey,
    up: AtomicBool,
}

impl KrpSigner for Flaky {
    fn sign(&self, octets: &[u8]) -> Result<[u8; 64], SignerUnavailable> {
        if self.up.swap(true, Ordering::Relaxed) {
            self.key.sign(octets)
        } else {
            Err(SignerUnavailable)
        }
    }

    fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }
}

#[test]
fn a_key_store_that_is_down_fails_the_batch_as_a_whole() {
    let flaky = Flaky {
        key: ACB[0].ds.signing_key(),
        up: AtomicBool::new(false),
    };
    let signer = Credential::new(ACB[0].ds.identifier(), Some(Arc::new(flaky) as _));
    let agreement = Arc::new(ACB[0].ka.agreement_key()) as _;
    let agreement = Credential::new(ACB[0].ka.identifier(), Some(agreement));
    let id = Eui64::from_u64(ACB_ID);
    let authority = Authority::new(id, vec![signer], vec![agreement]).unwrap();
    let partition = Partition { index: 0, count: 1 };
    let settings = Settings::from_json(b"{}").unwrap();
    let device = Device::new(GPF);
    let mut host = Host::new("");
    host.engine = Engine::new(settings, authority.into(), partition, 1, 1);
    host.engine.open().unwrap();
    for number in 1..=3 {
        host.request(&Request::new(GPF, number).hint(1));
    }
    host.knows(&device);
    let waiting = host.drop_waiting();
    let inputs: Vec<_> = waiting.iter().map(Record::input).collect();
    let context = BatchContext {
        now_ms: NOW_MS,
        ..BatchContext::default()
    };
    let mut staged = host.engine.stage(&inputs, &context).unwrap();
    assert_eq!(staged.seal(), Err(SealError::KeysUnavailable));
    assert!(staged.commands().is_none());
    host.engine.discard(staged.batch()).unwrap();
    host.take(&waiting);
    let numbers: Vec<_> = host
        .decide()
        .iter()
        .map(|d| d.number("originator_counter"))
        .collect();
    assert_eq!(numbers, [Some(4), Some(5), Some(6)]);
}
