//! Keys in memory: the conformance tests, and a second library's opinion on arbitrary keys.

use p256::ecdsa::signature::{Signer, Verifier};
use proptest::prelude::*;
use slotkeeper_crypto::{
    KeyAgreement, KrpSigner, MacContext, SharedSecret, acb_smd_mac, verify_krp,
};

use crate::conformance::{agreement_conforms, signer_conforms};
use crate::rtds::{certificate_key, scalar};
use crate::test_keys::TestKey;

#[test]
fn signing_key_conforms() {
    signer_conforms(&TestKey::from_scalar([0x42; 32]).signing_key());
}

#[test]
fn agreement_key_conforms() {
    let one = TestKey::from_scalar([0x42; 32]).agreement_key();
    let other = TestKey::from_scalar([0x17; 32]).agreement_key();
    agreement_conforms(&one, &other);
}

/// The ACB's published scalar and the certificate of the GPF agree the published secret.
#[test]
fn agrees_the_published_secret() {
    let Some(scalar) = scalar("90b3d51f30000002-ka") else {
        return;
    };
    let acb = TestKey::from_scalar(scalar).agreement_key();
    let gpf = certificate_key("00db1234567890a3-ka").unwrap();

    let z = acb.agree(&gpf).unwrap();
    let published = "0b405f35956dfe76fd9d3985b9f6222d686d09f5167b80dbc1302474366f369a";
    let published =
        SharedSecret::from_x_coordinate(hex::decode(published).unwrap().try_into().unwrap());
    assert_eq!(fingerprint(&z), fingerprint(&published));
    assert_eq!(
        acb.public_key(),
        certificate_key("90b3d51f30000002-ka").unwrap()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn both_libraries_take_each_others_signatures(
        scalar in scalars(),
        octets in proptest::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let key = TestKey::from_scalar(scalar);
        let ours = key.signing_key();
        let theirs = p256::ecdsa::SigningKey::from(key.0.clone());

        let signature: p256::ecdsa::Signature = theirs.sign(&octets);
        let signature: [u8; 64] = signature.to_bytes().into();
        prop_assert!(verify_krp(&ours.public_key(), &octets, &signature).is_ok());
        prop_assert!(verify_krp(&ours.public_key().compress(), &octets, &signature).is_ok());

        let signature = ours.sign(&octets).unwrap();
        let signature = p256::ecdsa::Signature::from_slice(&signature).unwrap();
        prop_assert!(theirs.verifying_key().verify(&octets, &signature).is_ok());
    }

    #[test]
    fn both_libraries_agree_the_same_secret(one in scalars(), other in scalars()) {
        let (one, other) = (TestKey::from_scalar(one), TestKey::from_scalar(other));
        let theirs = p256::ecdh::diffie_hellman(
            one.0.to_nonzero_scalar(), other.0.public_key().as_affine(),
        );
        let theirs = SharedSecret::from_x_coordinate((*theirs.raw_secret_bytes()).into());
        let ours = one.agreement_key().agree(&other.public_key()).unwrap();
        prop_assert_eq!(fingerprint(&ours), fingerprint(&theirs));
    }

    #[test]
    fn a_changed_octet_is_a_bad_signature(scalar in scalars(), at in 0_usize..64, mask in 1_u8..) {
        let key = TestKey::from_scalar(scalar).signing_key();
        let mut signature = key.sign(b"octets").unwrap();
        signature[at] ^= mask;
        prop_assert!(verify_krp(&key.public_key(), b"octets", &signature).is_err());
    }
}

/// Any scalar that is not zero and below the order, which all with a first octet under 255 are.
fn scalars() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>().prop_filter("a scalar below the order", |scalar| {
        *scalar != [0; 32] && scalar[0] != 0xff
    })
}

/// Secrets show nothing of themselves, so they are compared by a MAC made with each.
fn fingerprint(secret: &SharedSecret) -> [u8; 12] {
    let context = MacContext {
        originator: [0; 8],
        cra: 0,
        originator_counter: 0,
        recipient: [0; 8],
    };
    acb_smd_mac(secret, &context, &[])
}
