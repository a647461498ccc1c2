//! The key that vouches for the audit trail, and for evidence packages. It signs no command, and no key of the ACB signs evidence.

use std::path::{Path, PathBuf};

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use slotkeeper_crypto::{
    KeyError, KrpSigner as _, PublicKey, SignerUnavailable, SigningKey, sha256, verify_krp,
};

use crate::authority::Authority;
use crate::pem_files::bounded;

/// DER of a SubjectPublicKeyInfo up to the point: id-ecPublicKey, prime256v1, BIT STRING (RFC 5480).
pub(crate) const P256_INFO: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Why an evidence key cannot be used. No text holds key material.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceKeyError {
    /// The private key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It is the ACB's.
    #[error("{0} is a key of the ACB: evidence needs a key of its own, which signs nothing else")]
    OfTheAcb(PathBuf),
    /// No public key can be read.
    #[error("{0} holds neither a PEM certificate nor a PEM public key on P-256")]
    NoPublicKey(PathBuf),
}

/// A private key for evidence, in the memory of this process.
#[derive(Debug)]
pub struct EvidenceKey(SigningKey);

impl EvidenceKey {
    /// Loads a key from a PEM file, PKCS#8 or SEC 1.
    ///
    /// # Errors
    /// [`EvidenceKeyError`], which names the file; keys of `authority`, retired ones included, are refused.
    pub fn load(path: &Path, authority: &Authority) -> Result<Self, EvidenceKeyError> {
        let key = SigningKey::load(path)?;
        if authority.is_own(&key.public_key()) {
            return Err(EvidenceKeyError::OfTheAcb(path.to_owned()));
        }
        Ok(Self(key))
    }

    /// ECDSA P-256 with SHA-256 over a statement, `r || s` (ES256).
    ///
    /// # Errors
    /// [`SignerUnavailable`] if no signature can be had now.
    pub fn sign(&self, statement: &[u8]) -> Result<[u8; 64], SignerUnavailable> {
        self.0.sign(statement)
    }

    /// SHA-256 of the public key's SubjectPublicKeyInfo.
    pub fn identifier(&self) -> [u8; 32] {
        identifier(&self.0.public_key())
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }
}

/// The public half, by which evidence is checked.
#[derive(Debug)]
pub struct EvidenceVerifier(PublicKey);

impl EvidenceVerifier {
    /// Reads a PEM certificate or a PEM public key. A certificate's dates and issuer are the caller's to judge.
    ///
    /// # Errors
    /// [`EvidenceKeyError::NoPublicKey`].
    pub fn load(path: &Path) -> Result<Self, EvidenceKeyError> {
        let certificate = bounded(path).and_then(CertificateDer::from_pem_reader).ok();
        certificate
            .and_then(|der| certified(&der))
            .or_else(|| bare(path))
            .map(Self)
            .ok_or_else(|| EvidenceKeyError::NoPublicKey(path.to_owned()))
    }

    /// Whether that key made the signature over the statement.
    pub fn verifies(&self, statement: &[u8], signature: &[u8]) -> bool {
        signature
            .try_into()
            .is_ok_and(|signature| verify_krp(&self.0, statement, signature).is_ok())
    }

    /// As [`EvidenceKey::identifier`].
    pub fn identifier(&self) -> [u8; 32] {
        identifier(&self.0)
    }
}

/// The point of any X.509 certificate: an evidence key is no party's of the smart metering key infrastructure.
pub(crate) fn certified(der: &[u8]) -> Option<PublicKey> {
    let tbs = Element::first(Element::first(der)?.content)?;
    let mut members = tbs.content;
    if Element::first(members)?.tag == VERSION {
        members = Element::first(members)?.rest;
    }
    // Serial number, algorithm, issuer, validity, subject.
    for _ in 0..5 {
        members = Element::first(members)?.rest;
    }
    PublicKey::from_uncompressed(members.strip_prefix(&P256_INFO)?.get(..65)?).ok()
}

fn bare(path: &Path) -> Option<PublicKey> {
    let der = bounded(path)
        .and_then(SubjectPublicKeyInfoDer::from_pem_reader)
        .ok()?;
    PublicKey::from_uncompressed(der.strip_prefix(&P256_INFO)?).ok()
}

/// Tag of a certificate's version, which stands first where it stands at all (RFC 5280, section 4.1).
const VERSION: u8 = 0xa0;

/// One DER element of short tag, and what comes after it.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Element<'a> {
    fn first(octets: &'a [u8]) -> Option<Self> {
        let (&tag, octets) = octets.split_first()?;
        let (&first, octets) = octets.split_first()?;
        let (length, octets) = match first {
            0..=0x7f => (usize::from(first), octets),
            0x81..=0x83 => {
                let (length, octets) = octets.split_at_checked(usize::from(first & 0x7f))?;
                let join = |length: usize, octet: &u8| length << 8 | usize::from(*octet);
                (length.iter().fold(0, join), octets)
            }
            _ => return None,
        };
        let (content, rest) = octets.split_at_checked(length)?;
        Some(Self { tag, content, rest })
    }
}

fn identifier(public: &PublicKey) -> [u8; 32] {
    let mut info = P256_INFO.to_vec();
    info.extend_from_slice(public.as_bytes());
    sha256(&info)
}
