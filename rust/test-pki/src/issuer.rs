//! Who issues certificates.

use crate::certificate::{Certificate, Subject, Usage, Validity, authority_name};
use crate::key::{Key, key_identifier};

/// A certification authority, or what would be one.
pub struct Issuer {
    name: Vec<u8>,
    key: Key,
    /// Its own certificate.
    pub certificate: Vec<u8>,
}

impl Issuer {
    /// An authority with that organisational unit under another one, or a root by itself.
    pub fn new(unit: &str, above: Option<&Self>, scalar: [u8; 32]) -> Self {
        Self::valid(unit, above, scalar, Validity::LONG)
    }

    /// The same, for a time.
    pub fn valid(unit: &str, above: Option<&Self>, scalar: [u8; 32], validity: Validity) -> Self {
        let mut issuer = Self::unsigned(unit, &scalar);
        let by = above.unwrap_or(&issuer);
        let mut certificate = issuer.certificate_by(by);
        certificate.validity = validity;
        issuer.certificate = certificate.signed(&by.key);
        issuer
    }

    /// What would issue without being an authority.
    pub fn without_authority(unit: &str, above: &Self, scalar: [u8; 32]) -> Self {
        let mut issuer = Self::unsigned(unit, &scalar);
        let mut certificate = issuer.certificate_by(above);
        // The basic constraints.
        certificate.extensions.pop();
        issuer.certificate = certificate.signed(&above.key);
        issuer
    }

    /// Issues a certificate.
    pub fn issue(
        &self,
        subject: Subject<'_>,
        usage: Usage,
        point: &[u8; 65],
        validity: Validity,
    ) -> Vec<u8> {
        let identifier = key_identifier(&self.key.point());
        let certificate = Certificate::new(subject, usage, point, &self.name, identifier);
        Certificate {
            validity,
            ..certificate
        }
        .signed(&self.key)
    }

    fn unsigned(unit: &str, scalar: &[u8; 32]) -> Self {
        Self {
            name: authority_name(unit, "Z1"),
            key: Key::from_scalar(scalar),
            certificate: Vec::new(),
        }
    }

    fn certificate_by(&self, above: &Self) -> Certificate {
        Certificate::new(
            Subject::Authority(&self.name),
            Usage::KeyCertSign,
            &self.key.point(),
            &above.name,
            key_identifier(&above.key.point()),
        )
    }
}
