//! What every holder of a private key must do, whatever holds it: run against each implementation.

use p256::ecdsa::signature::Verifier;
use slotkeeper_crypto::{
    AgreementError, BadSignature, InvalidPublicKey, KeyAgreement, KrpSigner, MacContext, PublicKey,
    acb_smd_mac, verify_krp, verify_mac,
};

/// A signer makes signatures that both libraries take, in the form of GBCS, and never the same twice.
pub(crate) fn signer_conforms(signer: &impl KrpSigner) {
    let public = signer.public_key();
    let oracle = p256::ecdsa::VerifyingKey::from_sec1_bytes(public.as_bytes()).unwrap();

    for length in [0, 1, 55, 64, 1_328, 65_536] {
        let octets = vec![0xa5; length];
        let signature = signer.sign(&octets).unwrap();

        assert_eq!(verify_krp(&public, &octets, &signature), Ok(()));
        assert_eq!(verify_krp(&public.compress(), &octets, &signature), Ok(()));
        let second = p256::ecdsa::Signature::from_slice(&signature).unwrap();
        oracle.verify(&octets, &second).unwrap();

        let mut longer = octets.clone();
        longer.push(0);
        assert_eq!(verify_krp(&public, &longer, &signature), Err(BadSignature));
        assert_ne!(signer.sign(&octets).unwrap(), signature, "a nonce repeated");
    }
    short_numbers_are_padded(signer);
    signs_from_several_threads(signer);
}

/// Two holders agree the same secret, the same each time; a point off the curve is refused.
pub(crate) fn agreement_conforms(one: &impl KeyAgreement, other: &impl KeyAgreement) {
    let context = MacContext {
        originator: [1; 8],
        cra: 1,
        originator_counter: 1,
        recipient: [2; 8],
    };
    for _ in 0..2 {
        let mine = one.agree(&other.public_key()).unwrap();
        let theirs = other.agree(&one.public_key()).unwrap();
        let mac = acb_smd_mac(&mine, &context, b"octets");
        assert!(verify_mac(&theirs, &context, b"octets", &mac));
    }

    let refused = Err(AgreementError::PeerKey(InvalidPublicKey));
    let mut coordinates = *other.public_key().coordinates();
    coordinates[63] ^= 1;
    assert_eq!(
        one.agree(&PublicKey::from_coordinates(&coordinates))
            .map(drop),
        refused
    );
    assert_eq!(
        one.agree(&PublicKey::from_coordinates(&[0; 64])).map(drop),
        refused
    );
}

/// One number in 256 begins with a zero octet. The two are each met long before the last round.
fn short_numbers_are_padded(signer: &impl KrpSigner) {
    let public = signer.public_key();
    let (mut short_r, mut short_s) = (false, false);
    for _ in 0..20_000 {
        let signature = signer.sign(b"octets").unwrap();
        if signature[0] == 0 || signature[32] == 0 {
            assert_eq!(verify_krp(&public, b"octets", &signature), Ok(()));
        }
        short_r |= signature[0] == 0;
        short_s |= signature[32] == 0;
        if short_r && short_s {
            return;
        }
    }
    panic!("no short number in 20,000 signatures");
}

fn signs_from_several_threads(signer: &impl KrpSigner) {
    let public = signer.public_key();
    std::thread::scope(|scope| {
        for thread in 0_u8..4 {
            scope.spawn(move || {
                for round in 0_u8..8 {
                    let octets = [thread, round];
                    let signature = signer.sign(&octets).unwrap();
                    assert_eq!(verify_krp(&public, &octets, &signature), Ok(()));
                }
            });
        }
    });
}
