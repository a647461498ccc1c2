//! A folder of certificates and keys, to check messages of parties other than oneself with.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{Error, PemObject as _};
use serde::Serialize;
use slotkeeper_crypto::{
    AgreementKey, KeyAgreement, KeyError, MacContext, PublicKey, verify_krp, verify_mac,
};
use slotkeeper_gbcs::{
    Certificate, Eui64, KeyIdentifier, KeyUsage, KeyUsageBits, Malformed, RemotePartyRole,
};

use crate::pem_files::{bounded, problem};

/// The certificates and private keys of a folder, by the EUI-64 inside the certificate.
///
/// File names only tell which files are meant: `<eui64>-<anything>.pem` for certificates, `.key` for private keys. Whose
/// certificate it is and what for, the certificate says; a private key belongs to the certificates with its public key.
/// One holder may have several certificates for the same use, old and new: then all of them are tried.
pub struct Keystore {
    holders: BTreeMap<Eui64, Vec<Holding>>,
    warnings: Vec<KeystoreError>,
}

impl Keystore {
    /// Reads a folder. Files with other names and certificates without an EUI-64 are passed over; those that are not what
    /// their name says are [warnings](Self::warnings), and the others serve all the same.
    ///
    /// # Errors
    ///
    /// [`KeystoreError::Folder`]: it cannot be listed.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, KeystoreError> {
        let folder = folder.as_ref();
        let mut files: Vec<PathBuf> = fs::read_dir(folder)
            .and_then(|entries| {
                entries
                    .map(|entry| entry.map(|entry| entry.path()))
                    .collect()
            })
            .map_err(|source| KeystoreError::Folder {
                folder: folder.to_owned(),
                source,
            })?;
        // The order of a directory is arbitrary; that of the first error should not be.
        files.sort();

        let mut keys = Vec::new();
        let mut store = Self {
            holders: BTreeMap::new(),
            warnings: Vec::new(),
        };
        for file in &files {
            let read = match kind_of(file) {
                Some(FileKind::Certificate) => store.add_certificates(file),
                Some(FileKind::PrivateKey) => AgreementKey::load(file)
                    .map(|key| keys.push(Arc::new(key)))
                    .map_err(KeystoreError::from),
                None => Ok(()),
            };
            store.warnings.extend(read.err());
        }
        for holding in store.holders.values_mut().flatten() {
            let key = keys
                .iter()
                .find(|key| key.public_key() == holding.public_key);
            holding.private_key = key.cloned();
        }
        Ok(store)
    }

    /// The files that could not be used, and why, in the order of their names.
    pub fn warnings(&self) -> impl Iterator<Item = &KeystoreError> {
        self.warnings.iter()
    }

    /// What is in the folder, by holder.
    pub fn entries(&self) -> impl Iterator<Item = KeystoreEntry> {
        self.holders.iter().flat_map(|(eui, holdings)| {
            holdings.iter().map(|holding| KeystoreEntry {
                eui: eui.to_string(),
                role: holding.role.map(RemotePartyRole::name),
                key_usage: holding.key_usage.name(),
                subject_key_identifier: holding.identifier.map(|identifier| identifier.to_string()),
                private_key: holding.private_key.is_some(),
            })
        })
    }

    /// Whether the originator made the signature; `None` without a certificate of the originator's.
    pub(crate) fn verify_signature(
        &self,
        originator: Eui64,
        octets: &[u8],
        signature: &[u8; 64],
    ) -> Option<bool> {
        first_success(
            self.holdings(originator, KeyUsage::DigitalSignature)
                .map(|holding| verify_krp(&holding.public_key, octets, signature).is_ok()),
        )
    }

    /// Whether the MAC is one between the ACB and that device; `None` unless the private key of one and a certificate
    /// of the other are there.
    pub(crate) fn verify_mac(
        &self,
        device: Eui64,
        context: &MacContext,
        octets: &[u8],
        mac: &[u8; 12],
    ) -> Option<bool> {
        let of_device = || self.holdings(device, KeyUsage::KeyAgreement);
        let of_acb = || {
            let all = self.holders.values().flatten();
            all.filter(|holding| {
                holding.role == Some(RemotePartyRole::AccessControlBroker)
                    && holding.key_usage == KeyUsage::KeyAgreement
            })
        };
        let pairs =
            of_acb().flat_map(|acb| of_device().flat_map(move |one| [(acb, one), (one, acb)]));
        first_success(pairs.filter_map(|(own, peer)| {
            let secret = own.private_key.as_ref()?.agree(&peer.public_key).ok()?;
            Some(verify_mac(&secret, context, octets, mac))
        }))
    }

    fn holdings(&self, eui: Eui64, usage: KeyUsage) -> impl Iterator<Item = &Holding> {
        let all = self.holders.get(&eui).into_iter().flatten();
        all.filter(move |holding| holding.key_usage == usage)
    }

    fn add_certificates(&mut self, file: &Path) -> Result<(), KeystoreError> {
        let wrong = |problem: String| KeystoreError::Certificate {
            file: file.to_owned(),
            problem,
        };
        let sections =
            CertificateDer::pem_reader_iter(bounded(file).map_err(|error| wrong(problem(&error)))?);
        let mut count = 0;
        for section in sections {
            let der = section.map_err(|error| wrong(problem(&error)))?;
            let certificate =
                Certificate::parse(&der).map_err(|error: Malformed| wrong(error.to_string()))?;
            let key = PublicKey::from_uncompressed(certificate.public_key);
            let public_key = key.map_err(|error| wrong(error.to_string()))?;
            count += 1;
            if let (Some(eui), Some(key_usage)) = (
                certificate.eui,
                certificate.key_usage.and_then(KeyUsageBits::only),
            ) {
                self.holders.entry(eui).or_default().push(Holding {
                    role: certificate.role,
                    key_usage,
                    identifier: certificate.subject_key_identifier,
                    public_key,
                    private_key: None,
                });
            }
        }
        if count == 0 {
            Err(wrong(problem(&Error::NoItemsFound)))
        } else {
            Ok(())
        }
    }
}

/// One certificate of a [`Keystore`], as it is listed.
#[derive(Clone, Debug, Serialize)]
pub struct KeystoreEntry {
    /// The holder's EUI-64, upper case with hyphens.
    pub eui: String,
    /// The role that the certificate names; `None` for devices.
    pub role: Option<&'static str>,
    /// `digitalSignature` or `keyAgreement`.
    pub key_usage: &'static str,
    /// The subject key identifier, lower-case hex.
    pub subject_key_identifier: Option<String>,
    /// Whether the private key is there too.
    pub private_key: bool,
}

/// Why a folder, or a file in it, cannot serve as a keystore. It is to be mended; no text shows key material.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// A file named as a certificate is none of the profile.
    #[error("the certificate file {} cannot be used: {problem}", file.display())]
    Certificate {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The folder cannot be listed.
    #[error("the keystore folder {} cannot be read: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file named as a private key is none.
    #[error(transparent)]
    Key(#[from] KeyError),
}

struct Holding {
    role: Option<RemotePartyRole>,
    key_usage: KeyUsage,
    identifier: Option<KeyIdentifier>,
    public_key: PublicKey,
    /// Taken as an agreement key whatever it is for: nothing is signed with a keystore.
    private_key: Option<Arc<AgreementKey>>,
}

enum FileKind {
    Certificate,
    PrivateKey,
}

/// By the name: 16 hex digits, a hyphen, anything, and the extension.
fn kind_of(file: &Path) -> Option<FileKind> {
    let (eui, _) = file.file_stem()?.to_str()?.split_once('-')?;
    if eui.len() != 16 || !eui.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    match file.extension()?.to_str()? {
        "key" => Some(FileKind::PrivateKey),
        "pem" => Some(FileKind::Certificate),
        _ => None,
    }
}

/// True as soon as one is, false if none is, `None` if there is none.
fn first_success(verdicts: impl Iterator<Item = bool>) -> Option<bool> {
    let mut any = None;
    for verdict in verdicts {
        if verdict {
            return Some(true);
        }
        any = Some(false);
    }
    any
}
