//! P-256 key pairs, made by the library that the floor is measured with.

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use slotkeeper_test_pki::pem;

/// A digital-signature key pair.
pub(crate) struct SigningPair {
    pair: EcdsaKeyPair,
    pkcs8: Vec<u8>,
    pub(crate) point: [u8; 65],
}

impl SigningPair {
    pub(crate) fn generate() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let pkcs8 = pair.to_pkcs8v1().unwrap().as_ref().to_vec();
        let point = pair.public_key().as_ref().try_into().unwrap();
        Self { pair, pkcs8, point }
    }

    /// `r || s`, as messages carry it.
    pub(crate) fn sign(&self, octets: &[u8]) -> [u8; 64] {
        let signature = self.pair.sign(&SystemRandom::new(), octets).unwrap();
        signature.as_ref().try_into().unwrap()
    }

    pub(crate) fn pem(&self) -> String {
        pem("PRIVATE KEY", &self.pkcs8)
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
