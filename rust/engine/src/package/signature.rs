//! The signature over a manifest: CMS `SignedData` (RFC 5652), detached, in one profile and no other.
//!
//! One signer, named by issuer and serial number, whose certificate is inside; SHA-256; ECDSA on P-256; the two signed
//! attributes that are mandatory, content-type and message-digest, and nothing that may be left out. What is read is
//! written again and compared, so that no octet can be other than this profile has it. `s` is the lower of the two that
//! fit, or a signature could be turned into another one.

use std::path::Path;

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedAttributes, SignedData, SignerIdentifier,
    SignerInfo, SignerInfos,
};
use const_oid::db::{rfc5911, rfc5912};
use der::asn1::{Any, OctetString, OctetStringRef, SetOfVec, UintRef};
use der::{Decode as _, Encode, Sequence};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use slotkeeper_crypto::{DerSignature, SignerUnavailable, sha256, verify_certificate};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::attr::Attribute;

use crate::evidence::{EvidenceKey, certified};
use crate::pem_files::bounded;

/// Why a manifest cannot be signed. No text holds key material.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The certificate cannot be used.
    #[error("evidence.certificate: {0}")]
    Certificate(&'static str),
    /// No signature can be had now.
    #[error(transparent)]
    Unavailable(#[from] SignerUnavailable),
}

/// What is wrong with a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DetachedError {
    /// No CMS of this profile, or an octet is not as the profile has it.
    #[error("the signature has octets that none of ours has")]
    Octets,
    /// It is about another content.
    #[error("the signature is over another manifest")]
    OtherContent,
    /// The certificate inside has no key on P-256, or the signature was not made with it.
    #[error("the signature was not made with the key of its certificate")]
    NotByItsKey,
}

/// A signature that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// DER of the signer's certificate, as it stands in the signature. Whose it is, is the caller's to judge.
    pub certificate: Vec<u8>,
}

/// Signs a manifest; gives the octets of `manifest.p7s`, DER.
///
/// The certificate is a PEM file, and must be that of the key.
///
/// # Errors
/// [`SignError`].
pub fn sign_detached(
    content: &[u8],
    certificate: &Path,
    key: &EvidenceKey,
) -> Result<Vec<u8>, SignError> {
    let der = bounded(certificate)
        .and_then(CertificateDer::from_pem_reader)
        .map_err(|_| SignError::Certificate("the file cannot be read or holds no certificate"))?;
    if certified(&der) != Some(key.public_key()) {
        return Err(SignError::Certificate("it is not that of evidence.key"));
    }
    let unusual = |_| SignError::Certificate("it is no certificate of RFC 5280 in DER");
    let certificate = Certificate::from_der(&der).map_err(unusual)?;
    if certificate.to_der().map_err(unusual)? != der.as_ref() {
        return Err(SignError::Certificate("it is no certificate in DER"));
    }
    let digest = sha256(content);
    let signed = attributes(&digest).and_then(|signed| signed.to_der());
    let signature = lower(&key.sign(&signed.map_err(unusual)?)?);
    encode(certificate, &digest, &ecdsa(&signature).map_err(unusual)?).map_err(unusual)
}

/// Checks a signature over a manifest.
///
/// # Errors
/// [`DetachedError`].
pub fn open_detached(content: &[u8], octets: &[u8]) -> Result<Opened, DetachedError> {
    let read = Parts::read(octets)
        .ok()
        .flatten()
        .ok_or(DetachedError::Octets)?;
    let again = encode(read.certificate.clone(), &read.digest, &read.signature);
    if again.as_deref() != Ok(octets) || !is_lower(&read.signature) {
        return Err(DetachedError::Octets);
    }
    if read.digest != sha256(content) {
        return Err(DetachedError::OtherContent);
    }
    let certificate = read.certificate.to_der();
    let signed = attributes(&read.digest).and_then(|signed| signed.to_der());
    let (Ok(certificate), Ok(signed)) = (certificate, signed) else {
        return Err(DetachedError::Octets);
    };
    let holds = certified(&certificate).is_some_and(|key| {
        verify_certificate(&key, &signed, DerSignature(&read.signature)).is_ok()
    });
    holds
        .then_some(Opened { certificate })
        .ok_or(DetachedError::NotByItsKey)
}

/// What differs from one signature to another.
struct Parts {
    certificate: Certificate,
    digest: [u8; 32],
    signature: Vec<u8>,
}

impl Parts {
    fn read(octets: &[u8]) -> der::Result<Option<Self>> {
        let data: SignedData = ContentInfo::from_der(octets)?.content.decode_as()?;
        let certificates = data.certificates.as_ref();
        let certificate = certificates.and_then(|set| match set.0.get(0) {
            Some(CertificateChoices::Certificate(certificate)) => Some(certificate.clone()),
            _ => None,
        });
        let (Some(certificate), Some(signer)) = (certificate, data.signer_infos.0.get(0)) else {
            return Ok(None);
        };
        let attributes = signer.signed_attrs.iter().flat_map(SetOfVec::iter);
        let digest = attributes
            .filter(|attribute| attribute.oid == rfc5911::ID_MESSAGE_DIGEST)
            .find_map(|attribute| attribute.values.get(0))
            .and_then(|value| value.decode_as::<OctetString>().ok())
            .and_then(|digest| digest.as_bytes().try_into().ok());
        Ok(digest.map(|digest| Self {
            certificate,
            digest,
            signature: signer.signature.as_bytes().to_vec(),
        }))
    }
}

/// The profile: the only place that writes it.
fn encode(certificate: Certificate, digest: &[u8; 32], signature: &[u8]) -> der::Result<Vec<u8>> {
    let plain = |oid| AlgorithmIdentifierOwned {
        oid,
        parameters: None,
    };
    let sha256 = plain(rfc5912::ID_SHA_256);
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: certificate.tbs_certificate.issuer.clone(),
            serial_number: certificate.tbs_certificate.serial_number.clone(),
        }),
        digest_alg: sha256.clone(),
        signed_attrs: Some(attributes(digest)?),
        signature_algorithm: plain(rfc5912::ECDSA_WITH_SHA_256),
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    };
    let data = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: one(sha256)?,
        encap_content_info: EncapsulatedContentInfo {
            econtent_type: rfc5911::ID_DATA,
            econtent: None,
        },
        certificates: Some(CertificateSet(one(CertificateChoices::Certificate(
            certificate,
        ))?)),
        crls: None,
        signer_infos: SignerInfos(one(signer)?),
    };
    let content = ContentInfo {
        content_type: rfc5911::ID_SIGNED_DATA,
        content: Any::encode_from(&data)?,
    };
    content.to_der()
}

fn attributes(digest: &[u8; 32]) -> der::Result<SignedAttributes> {
    let attribute = |oid, value: Any| {
        Ok::<_, der::Error>(Attribute {
            oid,
            values: one(value)?,
        })
    };
    SetOfVec::try_from(vec![
        attribute(
            rfc5911::ID_CONTENT_TYPE,
            Any::encode_from(&rfc5911::ID_DATA)?,
        )?,
        attribute(
            rfc5911::ID_MESSAGE_DIGEST,
            Any::encode_from(&OctetStringRef::new(digest)?)?,
        )?,
    ])
}

fn one<T: der::DerOrd>(value: T) -> der::Result<SetOfVec<T>> {
    SetOfVec::try_from(vec![value])
}

/// `ECDSA-Sig-Value` (RFC 5480, appendix A).
#[derive(Sequence)]
struct EcdsaValue<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

fn ecdsa(signature: &[u8; 64]) -> der::Result<Vec<u8>> {
    let (r, s) = signature.split_at(32);
    EcdsaValue {
        r: UintRef::new(r)?,
        s: UintRef::new(s)?,
    }
    .to_der()
}

fn is_lower(signature: &[u8]) -> bool {
    let Ok(value) = EcdsaValue::from_der(signature) else {
        return false;
    };
    let s = value.s.as_bytes();
    s.len() < HALF_ORDER.len() || s.len() == HALF_ORDER.len() && s <= &HALF_ORDER[..]
}

/// The same signature with the lower of the two `s` that fit: `s` or `n - s`.
fn lower(signature: &[u8; 64]) -> [u8; 64] {
    let mut lower = *signature;
    let Some((_, s)) = lower.split_last_chunk_mut::<32>() else {
        return lower;
    };
    if *s > HALF_ORDER {
        let mut borrow = false;
        for (digit, order) in s.iter_mut().zip(&ORDER).rev() {
            let (less, first) = order.overflowing_sub(*digit);
            let (less, second) = less.overflowing_sub(u8::from(borrow));
            (*digit, borrow) = (less, first || second);
        }
    }
    lower
}

/// The order n of P-256 (FIPS 186-4, D.1.2.3).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// (n - 1) / 2.
const HALF_ORDER: [u8; 32] = {
    let mut half = ORDER;
    let mut at = 0;
    let mut carry = 0;
    while at < half.len() {
        let digit = half[at];
        half[at] = carry | digit >> 1;
        carry = (digit & 1) << 7;
        at += 1;
    }
    half
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_order_and_what_it_decides() {
        let mut signature = [0; 64];
        signature[32..].copy_from_slice(&HALF_ORDER);
        assert_eq!(lower(&signature), signature);
        let mut high = signature;
        high[63] += 1;
        // n - (half + 1) = half, since n = 2 half + 1.
        assert_eq!(lower(&high), signature);
        assert!(is_lower(&ecdsa(&signature).unwrap()));
        assert!(!is_lower(&ecdsa(&high).unwrap()));
    }
}
