//! The ACB-SMD MAC and the SMD-ACB MAC.

use aws_lc_rs::{aead, digest};
use proptest::prelude::*;
use slotkeeper_crypto::{MacContext, SharedSecret, acb_smd_mac, verify_mac};

use crate::rtds::Vector;

/// The 6.21 handover command to the GPF: the ACB originates it and makes the MAC.
#[test]
fn handover_command_has_the_published_mac() {
    assert_published(
        "CS02bNOByNOHandover_6.21_SUCCESS_COMMAND",
        "0b405f35956dfe76fd9d3985b9f6222d686d09f5167b80dbc1302474366f369a",
        MacContext {
            originator: *b"\x90\xb3\xd5\x1f\x30\x00\x00\x02",
            cra: 1,
            originator_counter: 0x515,
            recipient: *b"\x00\xdb\x12\x34\x56\x78\x90\xa3",
        },
        "f499637ef0ead9defbf3ea39",
    );
}

/// The 6.15.1 command of the operator: the ACB makes the MAC, over the operator's EUI-64 and counter.
#[test]
fn operators_command_has_the_published_mac() {
    assert_published(
        "CS02bNOByNO_6.15.1_SUCCESS_COMMAND",
        ESME_AND_ACB,
        MacContext {
            originator: *b"\x90\xb3\xd5\x1f\x30\x02\x00\x00",
            cra: 1,
            originator_counter: 0x4b0,
            recipient: *b"\x00\xdb\x12\x34\x56\x78\x90\xa0",
        },
        "5ef46d9f5e4564b1d6c7deb5",
    );
}

/// A device's CS02a response: same secret, the roles swapped by the header.
#[test]
fn response_has_the_published_mac() {
    assert_published(
        "CS02aMAC_6.24.1_SUCCESS_RESPONSE",
        ESME_AND_ACB,
        MacContext {
            originator: *b"\x00\xdb\x12\x34\x56\x78\x90\xa0",
            cra: 2,
            originator_counter: 0x516,
            recipient: *b"\x90\xb3\xd5\x1f\x30\x00\x00\x02",
        },
        "eaf73702cc147c682434112e",
    );
}

proptest! {
    /// A second library's hash and AES-GCM, whose tag of 16 octets is cut to 12.
    #[test]
    fn both_libraries_make_the_same_mac(
        secret: [u8; 32],
        originator: [u8; 8],
        cra: u8,
        originator_counter: u64,
        recipient: [u8; 8],
        octets in proptest::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let counter = originator_counter.to_be_bytes();
        let other_info = [
            &[0x60, 0x85, 0x74, 0x06, 0x08, 0x03, 0x00][..], &originator, &[9, cra], &counter,
            &recipient,
        ].concat();
        let hashed = [&[0, 0, 0, 1][..], &secret, &other_info].concat();
        let block = digest::digest(&digest::SHA256, &hashed);
        let key = aead::UnboundKey::new(&aead::AES_128_GCM, &block.as_ref()[..16]).unwrap();
        let nonce = [&originator[..], &[0; 4]].concat();
        let associated_data = [&[0x11, 0, 0, 0, 0, 0][..], &octets].concat();
        let tag = aead::LessSafeKey::new(key).seal_in_place_separate_tag(
            aead::Nonce::try_assume_unique_for_key(&nonce).unwrap(),
            aead::Aad::from(associated_data),
            &mut [],
        ).unwrap();

        let context = MacContext { originator, cra, originator_counter, recipient };
        let mac = acb_smd_mac(&SharedSecret::from_x_coordinate(secret), &context, &octets);
        prop_assert_eq!(&mac[..], &tag.as_ref()[..12]);
    }

    /// Every octet of the context and of the message, and the secret, count.
    #[test]
    fn any_single_bit_changes_the_mac(
        octets in proptest::collection::vec(any::<u8>(), 1..200),
        bit in 0_usize..(200 + 32 + 25) * 8,
        counter: u64,
    ) {
        let secret = [7; 32];
        let context = MacContext {
            originator: [1; 8], cra: 1, originator_counter: counter, recipient: [2; 8],
        };
        let mac = acb_smd_mac(&SharedSecret::from_x_coordinate(secret), &context, &octets);
        prop_assert!(verify_mac(&SharedSecret::from_x_coordinate(secret), &context, &octets, &mac));

        let mut parts = (secret, context, octets.clone());
        let mask = 1 << (bit % 8);
        match bit / 8 {
            at @ 0..32 => parts.0[at] ^= mask,
            at @ 32..40 => parts.1.originator[at - 32] ^= mask,
            at @ 40..48 => parts.1.recipient[at - 40] ^= mask,
            at @ 48..56 => parts.1.originator_counter ^= u64::from(mask) << ((at - 48) * 8),
            56 => parts.1.cra ^= mask,
            at => { let length = octets.len(); parts.2[(at - 57) % length] ^= mask }
        }
        prop_assert!(!verify_mac(
            &SharedSecret::from_x_coordinate(parts.0), &parts.1, &parts.2, &mac
        ));
    }
}

#[test]
fn one_bit_off_is_another_mac() {
    let secret = SharedSecret::from_x_coordinate([3; 32]);
    let context = MacContext {
        originator: [1; 8],
        cra: 2,
        originator_counter: 9,
        recipient: [2; 8],
    };
    let mac = acb_smd_mac(&secret, &context, b"octets");
    for bit in 0..12 * 8 {
        let mut other = mac;
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(
            !verify_mac(&secret, &context, b"octets", &other),
            "bit {bit}"
        );
    }
}

/// The last octet of the message and the padding of GHASH are told apart.
#[test]
fn a_zero_octet_more_is_another_mac() {
    let secret = SharedSecret::from_x_coordinate([3; 32]);
    let context = MacContext {
        originator: [1; 8],
        cra: 2,
        originator_counter: 9,
        recipient: [2; 8],
    };
    let mac = acb_smd_mac(&secret, &context, &[5; 20]);
    let mut longer = vec![5; 20];
    longer.push(0);
    assert!(!verify_mac(&secret, &context, &longer, &mac));
    assert!(!verify_mac(&secret, &context, &[5; 19], &mac));
}

fn assert_published(file: &str, secret: &str, context: MacContext, mac: &str) {
    let Some(vector) = Vector::read(file) else {
        return;
    };
    let x = hex::decode(secret).unwrap().try_into().unwrap();
    let secret = SharedSecret::from_x_coordinate(x);
    let expected: [u8; 12] = hex::decode(mac).unwrap().try_into().unwrap();

    assert_eq!(vector.mac(), expected);
    assert_eq!(
        acb_smd_mac(&secret, &context, vector.maced_octets()),
        expected
    );
    assert!(verify_mac(
        &secret,
        &context,
        vector.maced_octets(),
        &expected
    ));
}

/// The x coordinate that the ACB's and the ESME's key-agreement keys agree.
const ESME_AND_ACB: &str = "ed342441df01551a6beaff3b54adc981f4c6a7e71dff4c3e1cc80b3c9f4e5ac0";
