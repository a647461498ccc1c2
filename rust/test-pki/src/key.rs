//! P-256 keys that follow from their scalar.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

use crate::der::{OCTET_STRING, SEQUENCE, element};

/// A private key.
pub struct Key {
    sec1: Vec<u8>,
    pair: EcdsaKeyPair,
}

impl Key {
    /// The key of a scalar, big-endian.
    ///
    /// # Panics
    /// Zero, or not below the order of the curve.
    pub fn from_scalar(scalar: &[u8; 32]) -> Self {
        // `ECPrivateKey` without the public half, which loading computes.
        let curve = element(0xA0, &[P256]);
        let sec1 = element(
            SEQUENCE,
            &[&[2, 1, 1], &element(OCTET_STRING, &[scalar]), &curve],
        );
        let pair =
            EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, &sec1).unwrap();
        Self { sec1, pair }
    }

    /// The public half, uncompressed.
    pub fn point(&self) -> [u8; 65] {
        self.pair.public_key().as_ref().try_into().unwrap()
    }

    /// A signature as certificates carry it.
    pub fn sign(&self, octets: &[u8]) -> Vec<u8> {
        let signature = self.pair.sign(&SystemRandom::new(), octets).unwrap();
        signature.as_ref().to_vec()
    }

    /// The private key in the form of SEC1.
    pub fn pem(&self) -> String {
        pem("EC PRIVATE KEY", &self.sec1)
    }
}

/// The name by which certificates of this crate know a key: its last octets, in place of RFC 5280's SHA-1.
pub fn key_identifier(point: &[u8; 65]) -> [u8; 8] {
    *point.last_chunk().unwrap()
}

/// Octets as a section of a PEM file.
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = base64_simd::STANDARD.encode_to_string(der);
    let mut lines = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        lines += str::from_utf8(line).unwrap();
        lines += "\n";
    }
    lines + &format!("-----END {label}-----\n")
}

/// 1.2.840.10045.3.1.7, a whole element.
pub(crate) const P256: &[u8] = &[6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7];
