//! Signatures of certificates: ECDSA P-256 with SHA-256, in the DER form of X.509.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

use crate::krp_signature::BadSignature;
use crate::public_key::PublicKey;

/// A signature as X.509 carries it: the DER `SEQUENCE { INTEGER r, INTEGER s }` inside the BIT
/// STRING `signatureValue`, without the count of unused bits.
///
/// A type of its own, so that it cannot be confused with the `r || s` of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DerSignature<'a>(pub &'a [u8]);

/// Verifies the signature of a certificate under the key of its issuer.
///
/// `tbs` is the `TBSCertificate` as it stands in the certificate, tag and length included. Only the
/// signature is judged: names, times, key usage and policies are not.
///
/// # Errors
///
/// [`BadSignature`] if it does not verify or is not minimal DER.
pub fn verify_certificate(
    issuer: &PublicKey,
    tbs: &[u8],
    signature: DerSignature<'_>,
) -> Result<(), BadSignature> {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, issuer.as_bytes())
        .verify(tbs, signature.0)
        .map_err(|_| BadSignature)
}
