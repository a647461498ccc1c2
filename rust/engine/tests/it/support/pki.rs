//! Certificates and the keys of this workspace that belong to them.

use std::fs;
use std::path::Path;

use slotkeeper_crypto::{AgreementKey, SigningKey};
use slotkeeper_gbcs::{Eui64, KeyIdentifier, KeyUsage};
use slotkeeper_test_pki::{Issuer, Key, Subject, Usage, Validity, key_identifier, pem};

/// A private key and the certificate of its public half.
pub(crate) struct Identity {
    pub(crate) eui: Eui64,
    pub(crate) certificate: Vec<u8>,
    key: Key,
}

impl Identity {
    /// An organisation with a role as two hex digits, or a device with the role `None`.
    pub(crate) fn new(eui: u64, role: Option<&str>, usage: KeyUsage, scalar: [u8; 32]) -> Self {
        let issuer = Issuer::new("07", None, [0x2a; 32]);
        Self::issued(&issuer, eui, role, usage, scalar, Validity::LONG)
    }

    /// The same, by an issuer and for a time.
    pub(crate) fn issued(
        issuer: &Issuer,
        eui: u64,
        role: Option<&str>,
        usage: KeyUsage,
        scalar: [u8; 32],
        validity: Validity,
    ) -> Self {
        let key = Key::from_scalar(&scalar);
        let subject = role.map_or(Subject::Device(eui), |role| Subject::Organisation {
            role,
            eui,
        });
        let usage = match usage {
            KeyUsage::DigitalSignature => Usage::DigitalSignature,
            KeyUsage::KeyAgreement => Usage::KeyAgreement,
            KeyUsage::KeyCertSign => Usage::KeyCertSign,
        };
        Self {
            eui: Eui64::from_u64(eui),
            certificate: issuer.issue(subject, usage, &key.point(), validity),
            key,
        }
    }

    pub(crate) fn signing_key(&self) -> SigningKey {
        SigningKey::from_pem(self.key.pem().as_bytes()).unwrap()
    }

    pub(crate) fn agreement_key(&self) -> AgreementKey {
        AgreementKey::from_pem(self.key.pem().as_bytes()).unwrap()
    }

    /// The subject key identifier.
    pub(crate) fn identifier(&self) -> KeyIdentifier {
        KeyIdentifier(key_identifier(&self.key.point()))
    }

    /// Writes `<name>.pem`.
    pub(crate) fn write_certificate(&self, folder: &Path, name: &str) {
        let text = pem("CERTIFICATE", &self.certificate);
        fs::write(folder.join(format!("{name}.pem")), text).unwrap();
    }

    /// Writes `<name>.key`.
    pub(crate) fn write_key(&self, folder: &Path, name: &str) {
        fs::write(folder.join(format!("{name}.key")), self.key.pem()).unwrap();
    }
}
