//! What makes two messages the same one.

use crate::support::*;

/// The order of P-256 (SEC 2, 2.4.2), with which (r, n - s) verifies where (r, s) does.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

fn hand_back(number: u64) -> Told {
    Told::new(GPF, gno(), number, Cell::both(gno(), &ACB[0]))
}

/// The same device, as the inventory has it without a certificate.
fn without_certificate() -> Device {
    Device {
        with_ds: false,
        ..Device::new(GPF)
    }
}

fn tell(host: &mut Host, octets: Vec<u8>) -> String {
    let decided = host.message(Stream::UpdateOutcomes, GPF, octets);
    decided.decide_one().verdict()
}

/// The message with (r, n - s) in place of its signature (r, s), with which it ends.
fn mirrored(mut octets: Vec<u8>) -> Vec<u8> {
    let s: &mut [u8; 32] = octets.last_chunk_mut().unwrap();
    let mut borrow = 0;
    for (octet, order) in s.iter_mut().zip(ORDER).rev() {
        let difference = i16::from(order) - i16::from(*octet) - borrow;
        borrow = i16::from(difference < 0);
        *octet = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    octets
}

#[test]
fn test_n02_another_signature_over_the_same_content_is_the_same_message() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, "");
    let octets = hand_back(1_200).response(Some(&device.ds));
    assert_eq!(tell(&mut host, octets.clone()), "RECORDED ACB_IN_SLOT");
    let store = host.store.clone();
    let same = "DUPLICATE SAME_MESSAGE";
    assert_eq!(tell(&mut host, mirrored(octets.clone())), same);
    let anew = sign_anew(octets.clone(), &device.ds);
    assert_eq!(tell(&mut host, anew), same);
    host.restart();
    assert_eq!(tell(&mut host, mirrored(octets.clone())), same);
    assert_eq!(tell(&mut host, octets.clone()), same);
    assert_eq!(host.store, store);
    assert!(host.faults().is_empty());
    // What is no signature is none, whatever it stands under.
    let mut forged = octets;
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(tell(&mut host, forged), "REJECTED BAD_SIGNATURE");
}

#[test]
fn test_n03_a_conflict_is_kept_for_a_person_once() {
    for settings in ["", r#"{"verify": {"device_signatures": "off"}}"#] {
        let proven = Device::new(GPF);
        let mut host = Host::knowing(&proven, "");
        host.outcome(&proven, &hand_back(1_200)).decide();
        host.restart_as(settings, &[AcbKey::Held(0)]);
        let other = hand_back(1_200).at(1_700_000_001);
        let octets = other.response(Some(&proven.ds));
        let conflict = "DUPLICATE CONFLICTING_CONTENT";
        assert_eq!(tell(&mut host, octets.clone()), conflict);
        let store = host.store.clone();
        for _ in 0..100 {
            host.message(Stream::UpdateOutcomes, GPF, octets.clone());
            host.message(Stream::UpdateOutcomes, GPF, mirrored(octets.clone()));
        }
        let repeats = host.decide();
        assert_eq!(repeats.len(), 200);
        let same = |d: &Decided| d.verdict() == "DUPLICATE SAME_MESSAGE";
        assert!(repeats.iter().all(same));
        assert_eq!(host.faults(), ["CONFLICTING_CONTENT"]);
        assert_eq!(host.store, store);
    }
}

#[test]
fn an_unverified_message_never_pre_empts_its_verified_repeat() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&without_certificate(), "");
    let octets = hand_back(1_200).response(Some(&device.ds));
    assert_eq!(tell(&mut host, octets.clone()), "RECORDED ACB_IN_SLOT");
    assert_eq!(tell(&mut host, octets.clone()), "DUPLICATE SAME_MESSAGE");
    host.knows(&device).decide();
    let decided = host
        .message(Stream::UpdateOutcomes, GPF, octets.clone())
        .decide_one();
    assert_eq!(decided.verdict(), "RECORDED ACB_IN_SLOT");
    assert!(!decided.has_flag("UNVERIFIED"));
    assert_eq!(tell(&mut host, octets), "DUPLICATE SAME_MESSAGE");
}
