//! P-256 key pairs, made by the library that the floor is measured with.

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
};
use slotkeeper_gbcs::KeyIdentifier;

/// A digital-signature key pair.
pub(crate) struct SigningPair {
    fixed: EcdsaKeyPair,
    asn1: EcdsaKeyPair,
    pkcs8: Vec<u8>,
    pub(crate) point: [u8; 65],
}

impl SigningPair {
    pub(crate) fn generate() -> Self {
        let fixed = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let pkcs8 = fixed.to_pkcs8v1().unwrap().as_ref().to_vec();
        let asn1 = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8).unwrap();
        let point = fixed.public_key().as_ref().try_into().unwrap();
        Self {
            fixed,
            asn1,
            pkcs8,
            point,
        }
    }

    /// `r || s`, as messages carry it.
    pub(crate) fn sign(&self, octets: &[u8]) -> [u8; 64] {
        let signature = self.fixed.sign(&SystemRandom::new(), octets).unwrap();
        signature.as_ref().try_into().unwrap()
    }

    /// DER, as certificates carry it.
    pub(crate) fn sign_der(&self, octets: &[u8]) -> Vec<u8> {
        let signature = self.asn1.sign(&SystemRandom::new(), octets).unwrap();
        signature.as_ref().to_vec()
    }

    pub(crate) fn pem(&self) -> String {
        let body = base64_simd::STANDARD.encode_to_string(&self.pkcs8);
        let lines: Vec<_> = body
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            lines.join("\n")
        )
    }
}

/// A key-agreement key pair; of devices, only the public half is needed.
pub(crate) struct AgreementPair {
    pub(crate) private: PrivateKey,
    pub(crate) point: [u8; 65],
}

impl AgreementPair {
    pub(crate) fn generate() -> Self {
        let private = PrivateKey::generate(&ECDH_P256).unwrap();
        let public = private.compute_public_key().unwrap();
        let point = public.as_ref().try_into().unwrap();
        Self { private, point }
    }
}

/// A name for a key: the start of a digest, in place of RFC 5280's SHA-1.
pub(crate) fn identifier(point: &[u8; 65]) -> KeyIdentifier {
    KeyIdentifier(*digest(&SHA256, point).as_ref().first_chunk().unwrap())
}
