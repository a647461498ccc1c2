//! The Access Control Broker's identity: its certificates, newest first, and the private keys behind them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use slotkeeper_crypto::{AgreementKey, KeyAgreement, KeyError, KrpSigner, PublicKey, SigningKey};
use slotkeeper_gbcs::{Certificate, Eui64, KeyIdentifier, KeyUsage, RemotePartyRole};

use crate::pem_files::{bounded, problem};

/// Why an identity cannot be used. No text holds key material.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A certificate file cannot be used.
    #[error("{path}: {problem}")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong and what is expected.
        problem: String,
    },
    /// A private key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A certificate list is empty.
    #[error("acb.{0}: at least one certificate is needed, newest first")]
    Missing(&'static str),
}

/// A certificate of the ACB, and its private key unless it is retired or held elsewhere.
pub struct Credential<K: ?Sized> {
    identifier: KeyIdentifier,
    key: Option<Arc<K>>,
}

impl<K: ?Sized> Credential<K> {
    /// A credential whose key lives wherever `key` keeps it.
    pub fn new(identifier: KeyIdentifier, key: Option<Arc<K>>) -> Self {
        Self { identifier, key }
    }
}

/// What the engine signs and MACs as.
pub struct Authority {
    id: Eui64,
    digital_signature: Vec<Credential<dyn KrpSigner>>,
    key_agreement: Vec<Credential<dyn KeyAgreement>>,
    /// Of all certificates that were read, and of all keys that are held.
    public_keys: Vec<PublicKey>,
}

/// A PEM certificate, and the PEM private key if there is one.
pub type CredentialFiles<'a> = (&'a Path, Option<&'a Path>);

/// Which key a command needs, and whether it is at hand.
pub(crate) enum KeyChoice<K: ?Sized> {
    Held(KeyIdentifier, Arc<K>),
    NotHeld,
}

impl Authority {
    /// Loads certificates and keys from PEM files, newest first.
    ///
    /// # Errors
    /// [`AuthorityError`] names the file and what is wrong: another party's certificate, another role than 04, another
    /// usage, or a key that does not belong to its certificate.
    pub fn load(
        id: Eui64,
        digital_signature: &[CredentialFiles<'_>],
        key_agreement: &[CredentialFiles<'_>],
    ) -> Result<Self, AuthorityError> {
        let mut public_keys = Vec::new();
        let signers = digital_signature
            .iter()
            .map(|(certificate, key)| {
                let (identifier, public) =
                    read_certificate(certificate, id, KeyUsage::DigitalSignature)?;
                public_keys.extend(PublicKey::from_uncompressed(&public));
                let key = key.map(SigningKey::load).transpose()?;
                if let Some(key) = &key
                    && key.public_key().as_bytes() != &public
                {
                    return Err(not_the_key_of(certificate));
                }
                Ok(Credential::new(
                    identifier,
                    key.map(|key| Arc::new(key) as Arc<dyn KrpSigner>),
                ))
            })
            .collect::<Result<_, _>>()?;
        let agreements = key_agreement
            .iter()
            .map(|(certificate, key)| {
                let (identifier, public) =
                    read_certificate(certificate, id, KeyUsage::KeyAgreement)?;
                public_keys.extend(PublicKey::from_uncompressed(&public));
                let key = key.map(AgreementKey::load).transpose()?;
                if let Some(key) = &key
                    && key.public_key().as_bytes() != &public
                {
                    return Err(not_the_key_of(certificate));
                }
                Ok(Credential::new(
                    identifier,
                    key.map(|key| Arc::new(key) as Arc<dyn KeyAgreement>),
                ))
            })
            .collect::<Result<_, _>>()?;
        let mut authority = Self::new(id, signers, agreements)?;
        authority.public_keys.extend(public_keys);
        Ok(authority)
    }

    /// An identity whose keys live elsewhere, behind the two traits.
    ///
    /// # Errors
    /// [`AuthorityError::Missing`] when a list is empty.
    pub fn new(
        id: Eui64,
        digital_signature: Vec<Credential<dyn KrpSigner>>,
        key_agreement: Vec<Credential<dyn KeyAgreement>>,
    ) -> Result<Self, AuthorityError> {
        if digital_signature.is_empty() {
            return Err(AuthorityError::Missing("digital_signature"));
        }
        if key_agreement.is_empty() {
            return Err(AuthorityError::Missing("key_agreement"));
        }
        let signers = digital_signature.iter().filter_map(|c| c.key.as_ref());
        let agreements = key_agreement.iter().filter_map(|c| c.key.as_ref());
        let public_keys = signers
            .map(|key| key.public_key())
            .chain(agreements.map(|key| key.public_key()))
            .collect();
        Ok(Self {
            id,
            digital_signature,
            key_agreement,
            public_keys,
        })
    }

    /// The ACB's EUI-64.
    pub fn id(&self) -> Eui64 {
        self.id
    }

    /// Usage, key identifier and whether the key is held, for people; newest first within a usage.
    pub fn describe(&self) -> Vec<(KeyUsage, KeyIdentifier, bool)> {
        let signers = self
            .digital_signature
            .iter()
            .map(|c| (KeyUsage::DigitalSignature, c.identifier, c.key.is_some()));
        let agreements = self
            .key_agreement
            .iter()
            .map(|c| (KeyUsage::KeyAgreement, c.identifier, c.key.is_some()));
        signers.chain(agreements).collect()
    }

    /// Whether a key identifier is that of one of the configured certificates, retired ones included.
    pub(crate) fn knows(&self, identifier: KeyIdentifier) -> bool {
        self.digital_signature
            .iter()
            .any(|c| c.identifier == identifier)
            || self
                .key_agreement
                .iter()
                .any(|c| c.identifier == identifier)
    }

    /// Whether a public key belongs to a key that is held, or to a certificate that was read, retired ones included.
    pub(crate) fn is_own(&self, key: &PublicKey) -> bool {
        self.public_keys.contains(key)
    }

    /// The key whose certificate stands in the slot; the newest where that is not known.
    pub(crate) fn signer(&self, in_slot: Option<KeyIdentifier>) -> KeyChoice<dyn KrpSigner> {
        choose(&self.digital_signature, in_slot)
    }

    /// The key that the device's record names; the newest where it names none.
    pub(crate) fn agreement(&self, named: Option<KeyIdentifier>) -> KeyChoice<dyn KeyAgreement> {
        choose(&self.key_agreement, named)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Authority")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

fn choose<K: ?Sized>(credentials: &[Credential<K>], wanted: Option<KeyIdentifier>) -> KeyChoice<K> {
    let credential = match wanted {
        Some(identifier) => credentials.iter().find(|c| c.identifier == identifier),
        None => credentials.first(),
    };
    match credential {
        Some(Credential {
            identifier,
            key: Some(key),
        }) => KeyChoice::Held(*identifier, Arc::clone(key)),
        Some(_) | None => KeyChoice::NotHeld,
    }
}

fn read_certificate(
    path: &Path,
    id: Eui64,
    usage: KeyUsage,
) -> Result<(KeyIdentifier, [u8; 65]), AuthorityError> {
    let wrong = |problem: String| AuthorityError::Certificate {
        path: path.to_owned(),
        problem,
    };
    let der = bounded(path)
        .and_then(CertificateDer::from_pem_reader)
        .map_err(|error| wrong(problem(&error)))?;
    let certificate = Certificate::parse(&der).map_err(|error| wrong(error.to_string()))?;
    if certificate.eui.is_none()
        && let Some(problem) = certificate.subject.unique_identifier_problem()
    {
        return Err(wrong(problem.to_owned()));
    }
    if certificate.eui != Some(id) {
        let subject = certificate
            .eui
            .map_or_else(|| "nobody with an EUI-64".to_owned(), |eui| eui.to_string());
        return Err(wrong(format!(
            "the certificate is that of {subject}, not of the ACB {id}"
        )));
    }
    if certificate.role != Some(RemotePartyRole::AccessControlBroker) {
        return Err(wrong(
            "the certificate's role is not 04, accessControlBroker: the subject's OU must be the two \
             digits 04"
                .to_owned(),
        ));
    }
    if !certificate.key_usage.is_some_and(|bits| bits.allows(usage)) {
        return Err(wrong(format!(
            "the certificate is not for {}",
            usage.name()
        )));
    }
    let identifier = certificate
        .subject_key_identifier
        .ok_or_else(|| wrong("the certificate has no subject key identifier".to_owned()))?;
    Ok((identifier, *certificate.public_key))
}

fn not_the_key_of(certificate: &Path) -> AuthorityError {
    AuthorityError::Certificate {
        path: certificate.to_owned(),
        problem: "the private key configured with it belongs to another certificate".to_owned(),
    }
}
