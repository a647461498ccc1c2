//! The KRP Signature and the device's signature: ECDSA P-256 with SHA-256, as plain `r || s`.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

use crate::public_key::{PublicKey, VerifyingPoint};

/// Something that holds a digital-signature private key and makes KRP Signatures with it.
///
/// The software key of this crate is one; a hardware security module can be another. All
/// implementations pass the same conformance tests (`tests/conformance`).
pub trait KrpSigner: Send + Sync {
    /// Signs `octets`: everything after the `DF` tag of the Grouping Header up to and including the
    /// last octet of the payload. Hashing is part of it.
    ///
    /// Returns `r || s`, 32 octets each, padded with zeros on the left. Two signatures of the same
    /// octets differ: the nonce is random.
    ///
    /// # Errors
    ///
    /// [`SignerUnavailable`] if no signature can be had now.
    fn sign(&self, octets: &[u8]) -> Result<[u8; 64], SignerUnavailable>;

    /// The public half, as the certificate of this key carries it.
    fn public_key(&self) -> PublicKey;
}

/// Verifies a KRP Signature, or a device's signature, over `octets`: everything after the `DF` tag
/// of the Grouping Header up to and including the last octet of the payload.
///
/// The key may be in either form. `signature` is `r || s` as the message carries it; the DER form of
/// certificates is another type and goes to [`verify_certificate`](crate::verify_certificate).
///
/// # Errors
///
/// [`BadSignature`] if it does not verify, for whatever reason: other octets, another key, `r` or `s`
/// zero or not below the order of the curve, or a key that is no point of P-256.
pub fn verify_krp(
    public: &impl VerifyingPoint,
    octets: &[u8],
    signature: &[u8; 64],
) -> Result<(), BadSignature> {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public.sec1())
        .verify(octets, signature)
        .map_err(|_| BadSignature)
}

/// The holder of a private key cannot use it at this moment; the same call may succeed later.
///
/// Nothing was signed. A batch that meets this is discarded as a whole and tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the private key cannot be used at this moment; try again")]
pub struct SignerUnavailable;

/// The signature does not verify under that key: a verdict on the message or certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;
