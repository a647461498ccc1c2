//! Verifying `r || s`: DCC's vectors, and numbers at the edges.

use p256::elliptic_curve::PrimeField;
use slotkeeper_crypto::{BadSignature, CompressedPublicKey, KrpSigner, PublicKey, verify_krp};

use crate::rtds::{Vector, certificate_key};
use crate::test_keys::TestKey;

#[test]
fn published_signatures_verify() {
    for name in [
        "CS02bNOByNOHandover_6.21_SUCCESS_COMMAND",
        "CS02bNOByNOHandover_6.21_SUCCESS_RESPONSE",
        "CS02bNOByNO_6.15.1_SUCCESS_COMMAND",
        "CS02bNOByNO_6.15.1_SUCCESS_RESPONSE",
        "CS02bSupplierBySupplier_6.15.1_8F66_FUTURE_DATED_SUCCESS_ALERT",
        "CS02bSupplierBySupplier_6.15.1_IMMEDIATE_ERROR_RESPONSE",
    ] {
        let Some(vector) = Vector::read(name) else {
            return;
        };
        let originator = hex::encode(vector.originator());
        let key = certificate_key(&format!("{originator}-ds")).unwrap();
        let (octets, signature) = (vector.signed_octets(), vector.signature());

        assert_eq!(verify_krp(&key, octets, &signature), Ok(()), "{name}");
        assert_eq!(
            verify_krp(&key.compress(), octets, &signature),
            Ok(()),
            "{name}"
        );
        let without_first = &octets[1..];
        assert_eq!(
            verify_krp(&key, without_first, &signature),
            Err(BadSignature),
            "{name}"
        );
    }
}

/// A verifier that skips the range checks takes some of these for any message at all.
#[test]
fn numbers_out_of_range_are_bad_signatures() {
    let key = TestKey::from_scalar([0x42; 32]).signing_key();
    let public = key.public_key();
    let good = key.sign(b"octets").unwrap();
    let (r, s) = (&good[..32], &good[32..]);
    let above: [u8; 32] = [0xff; 32];
    let one_above = order_plus_one();

    for (r, s) in [
        (&[0; 32][..], s),
        (r, &[0; 32][..]),
        (&[0; 32], &[0; 32]),
        (&ORDER, s),
        (r, &ORDER),
        (&ORDER, &ORDER),
        (&one_above, s),
        (r, &one_above),
        (&above, s),
        (r, &above),
        (&above, &above),
        (s, r),
    ] {
        let signature: [u8; 64] = [r, s].concat().try_into().unwrap();
        assert_eq!(
            verify_krp(&public, b"octets", &signature),
            Err(BadSignature)
        );
        assert_eq!(
            verify_krp(&public.compress(), b"octets", &signature),
            Err(BadSignature)
        );
    }
}

/// GBCS does not ask for the smaller of the two, and devices send either.
#[test]
fn s_and_its_negative_both_verify() {
    let key = TestKey::from_scalar([0x42; 32]).signing_key();
    let mut signature = key.sign(b"octets").unwrap();
    let s: [u8; 32] = signature[32..].try_into().unwrap();
    let negative = -p256::Scalar::from_repr(s.into()).unwrap();
    signature[32..].copy_from_slice(&negative.to_repr());
    assert_eq!(verify_krp(&key.public_key(), b"octets", &signature), Ok(()));
}

#[test]
fn a_key_that_is_no_point_verifies_nothing() {
    let key = TestKey::from_scalar([0x42; 32]).signing_key();
    let signature = key.sign(b"octets").unwrap();
    let mut coordinates = *key.public_key().coordinates();
    coordinates[0] ^= 1;

    let off_curve = PublicKey::from_coordinates(&coordinates);
    assert_eq!(
        verify_krp(&off_curve, b"octets", &signature),
        Err(BadSignature)
    );
    let zero = CompressedPublicKey([0; 33]);
    assert_eq!(verify_krp(&zero, b"octets", &signature), Err(BadSignature));
    let other_y = CompressedPublicKey({
        let mut octets = key.public_key().compress().0;
        octets[0] ^= 1;
        octets
    });
    assert_eq!(
        verify_krp(&other_y, b"octets", &signature),
        Err(BadSignature)
    );
}

fn order_plus_one() -> [u8; 32] {
    let mut number = ORDER;
    number[31] += 1;
    number
}

/// FIPS 186-5, D.1.2.3: the order of P-256.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
