//! What passes for a P-256 point.

use p256::elliptic_curve::sec1::{FromSec1Point, ToSec1Point};
use proptest::prelude::*;
use slotkeeper_crypto::{InvalidPublicKey, PublicKey};

use crate::test_keys::TestKey;

#[test]
fn only_a_point_of_65_octets_is_a_key() {
    let good = *TestKey::from_scalar([0x42; 32]).public_key().as_bytes();
    assert!(PublicKey::from_uncompressed(&good).is_ok());

    let mut off_curve = good;
    off_curve[64] ^= 1;
    let mut hybrid = good;
    hybrid[0] = 0x06 | (good[64] & 1);
    let mut longer = good.to_vec();
    longer.push(0);
    let infinity_in_full = [[4; 1].as_slice(), &[0; 64]].concat();
    let compressed = TestKey::from_scalar([0x42; 32]).public_key().compress().0;

    for octets in [
        &off_curve[..],
        &hybrid,
        &longer,
        &good[..64],
        &compressed,
        &infinity_in_full,
        &[0],
        &[],
    ] {
        assert_eq!(
            PublicKey::from_uncompressed(octets),
            Err(InvalidPublicKey),
            "{octets:02x?}"
        );
    }
}

/// A second encoding of the same point would be a second name of the same key.
#[test]
fn a_coordinate_not_below_the_prime_is_no_key() {
    let (small_x, point) = (0_u8..)
        .find_map(|x| {
            let mut compressed = [0; 33];
            compressed[0] = 2;
            compressed[32] = x;
            let point = p256::Sec1Point::from_bytes(compressed).unwrap();
            let key = Option::<p256::PublicKey>::from(p256::PublicKey::from_sec1_point(&point))?;
            Some((x, key.to_sec1_point(false)))
        })
        .unwrap();
    let mut octets: [u8; 65] = point.as_bytes().try_into().unwrap();
    assert!(PublicKey::from_uncompressed(&octets).is_ok());

    // The prime ends in ff, so that adding a small x carries over the octets that are all ones.
    let mut sum = PRIME;
    let mut carry = u16::from(small_x);
    for octet in sum.iter_mut().rev() {
        carry += u16::from(*octet);
        *octet = carry.to_be_bytes()[1];
        carry >>= 8;
    }
    octets[1..33].copy_from_slice(&sum);
    assert_eq!(PublicKey::from_uncompressed(&octets), Err(InvalidPublicKey));
}

proptest! {
    #[test]
    fn both_libraries_compress_alike(scalar in any::<[u8; 32]>()) {
        prop_assume!(scalar != [0; 32] && scalar[0] != 0xff);
        let key = TestKey::from_scalar(scalar);
        let public = key.public_key();
        let theirs = key.0.public_key().to_sec1_point(true);
        prop_assert_eq!(&public.compress().0[..], theirs.as_bytes());
        prop_assert_eq!(PublicKey::from_coordinates(public.coordinates()), public);
    }

    #[test]
    fn arbitrary_octets_are_no_key(coordinates in proptest::collection::vec(any::<u8>(), 64)) {
        let octets = [&[4], &coordinates[..]].concat();
        let theirs = p256::PublicKey::from_sec1_bytes(&octets);
        prop_assert_eq!(PublicKey::from_uncompressed(&octets).is_ok(), theirs.is_ok());
    }
}

/// FIPS 186-5, D.1.2.3: the prime of P-256.
const PRIME: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
];
