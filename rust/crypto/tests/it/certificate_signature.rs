//! Signatures of certificates: DER, and nothing that is only nearly DER.

use p256::ecdsa::signature::Signer;
use slotkeeper_crypto::{BadSignature, DerSignature, KrpSigner, verify_certificate, verify_krp};

use crate::rtds::Vector;
use crate::test_keys::TestKey;

/// The handover command carries two certificates and, after them, that of their issuer.
#[test]
fn published_certificates_verify_under_their_issuer() {
    let Some(vector) = Vector::read("CS02bNOByNOHandover_6.21_SUCCESS_COMMAND") else {
        return;
    };
    let certificates = certificates_in(vector.signed_octets());
    let [digital_signature, key_agreement, issuer] = &certificates[..] else {
        panic!("{} certificates", certificates.len())
    };
    for certificate in [digital_signature, key_agreement] {
        let signature = DerSignature(&certificate.signature);
        assert_eq!(
            verify_certificate(&issuer.key, &certificate.tbs, signature),
            Ok(())
        );
        let other = &key_agreement.key;
        assert_eq!(
            verify_certificate(other, &certificate.tbs, signature),
            Err(BadSignature)
        );
        let less = &certificate.tbs[..certificate.tbs.len() - 1];
        assert_eq!(
            verify_certificate(&issuer.key, less, signature),
            Err(BadSignature)
        );
    }
}

#[test]
fn only_minimal_der_is_a_signature() {
    let key = TestKey::from_scalar([0x42; 32]);
    let public = key.public_key();
    let signature: p256::ecdsa::Signature = p256::ecdsa::SigningKey::from(key.0).sign(b"tbs");
    let der = signature.to_der().as_bytes().to_vec();
    assert_eq!(
        verify_certificate(&public, b"tbs", DerSignature(&der)),
        Ok(())
    );

    let mut trailing = der.clone();
    trailing.push(0);
    let mut long_length = der.clone();
    long_length.insert(1, 0x81);
    let mut padded_r = der.clone();
    padded_r[1] += 1;
    padded_r[3] += 1;
    padded_r.insert(4, 0);
    let fixed: [u8; 64] = signature.to_bytes().into();

    for octets in [
        &trailing[..],
        &long_length,
        &padded_r,
        &der[..der.len() - 1],
        &fixed,
        &[],
    ] {
        let verdict = verify_certificate(&public, b"tbs", DerSignature(octets));
        assert_eq!(verdict, Err(BadSignature), "{octets:02x?}");
    }
    assert_eq!(verify_krp(&public, b"tbs", &fixed), Ok(()));
}

#[test]
fn the_fixed_form_of_a_message_is_no_certificate_signature() {
    let key = TestKey::from_scalar([0x42; 32]).signing_key();
    let fixed = key.sign(b"tbs").unwrap();
    let verdict = verify_certificate(&key.public_key(), b"tbs", DerSignature(&fixed));
    assert_eq!(verdict, Err(BadSignature));
}

struct Parts {
    tbs: Vec<u8>,
    key: slotkeeper_crypto::PublicKey,
    signature: Vec<u8>,
}

/// Finds the certificates by their beginning: a SEQUENCE with a version-3 TBSCertificate inside.
fn certificates_in(octets: &[u8]) -> Vec<Parts> {
    let is_certificate = |at: usize| {
        let octets = &octets[at..];
        octets.starts_with(&[0x30, 0x82])
            && octets[4..].starts_with(&[0x30, 0x82])
            && octets[8..].starts_with(&[0xa0, 0x03, 0x02, 0x01, 0x02])
    };
    (0..octets.len().saturating_sub(13))
        .filter(|&at| is_certificate(at))
        .map(|at| {
            let length = |at: usize| usize::from(octets[at]) << 8 | usize::from(octets[at + 1]);
            let tbs = &octets[at + 4..at + 8 + length(at + 6)];
            let end = at + 4 + length(at + 2);
            // AlgorithmIdentifier of 12 octets, then BIT STRING, length, no unused bits.
            let signature = &octets[at + 4 + tbs.len() + 12 + 3..end];
            let point = tbs
                .windows(4)
                .position(|w| w == [0x03, 0x42, 0x00, 0x04])
                .unwrap()
                + 3;
            Parts {
                tbs: tbs.to_vec(),
                key: slotkeeper_crypto::PublicKey::from_uncompressed(&tbs[point..point + 65])
                    .unwrap(),
                signature: signature.to_vec(),
            }
        })
        .collect()
}
