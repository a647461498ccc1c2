//! Certification paths, checked once for each distinct path and not once for each request.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use slotkeeper_counters::Occupant;
use slotkeeper_crypto::{DerSignature, PublicKey, verify_certificate};
use slotkeeper_gbcs::{Certificate, KeyUsage, KeyUsageBits, RemotePartyRole};

use crate::records::HandoverRequest;

/// Paths remembered. A GNO has two certificates and a handful of issuers, so thousands of distinct paths mean that
/// somebody makes them up; then the memory starts over.
const REMEMBERED: usize = 4_096;

/// Why a replacement certificate cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum PathError {
    #[error("the certificate cannot be read: {0}")]
    Certificate(String),
    #[error("a certificate of the path cannot be read: {0}")]
    Issuer(String),
    #[error("no certificate of the path has issued it")]
    NoIssuer,
    #[error("the path does not end at a configured issuing certificate")]
    NotAnchored,
    #[error("not valid at the time of the check")]
    Time,
    #[error("the certificate is not for {}", .0.name())]
    Usage(KeyUsage),
}

/// What is known of a replacement certificate whose path holds.
#[derive(Clone, Debug)]
pub(crate) struct CheckedPath {
    pub(crate) role: Option<RemotePartyRole>,
    pub(crate) key_usage: Option<KeyUsageBits>,
    /// Whose certificate it is, where it says so.
    pub(crate) holder: Option<Occupant>,
    /// Unix seconds: when the certificate and its whole path are valid.
    not_before: i64,
    not_after: i64,
}

impl CheckedPath {
    pub(crate) fn check_time(&self, at: i64) -> Result<(), PathError> {
        if (self.not_before..=self.not_after).contains(&at) {
            Ok(())
        } else {
            Err(PathError::Time)
        }
    }
}

pub(crate) type Verdict = Result<Arc<CheckedPath>, PathError>;

/// The verdicts on a request's certificates; none on those it does not have.
#[derive(Default)]
pub(crate) struct RequestPaths {
    pub(crate) digital_signing: Option<Verdict>,
    pub(crate) key_agreement: Option<Verdict>,
    pub(crate) key_agreement_top_up: Option<Verdict>,
}

/// All paths checked so far.
pub(crate) struct PathCache {
    /// DER of the certificates every path must end at; none: paths are checked as far as the request carries them.
    anchors: Vec<Vec<u8>>,
    verdicts: Mutex<HashMap<[u8; 32], Verdict>>,
}

impl PathCache {
    pub(crate) fn new(anchors: Vec<Vec<u8>>) -> Self {
        Self {
            anchors,
            verdicts: Mutex::new(HashMap::new()),
        }
    }

    /// The verdicts on the certificates of a request.
    pub(crate) fn check(&self, request: &HandoverRequest) -> RequestPaths {
        let path_digest = digest_of_path(&request.path);
        let check = |certificate: &[u8]| self.verdict(certificate, &request.path, &path_digest);
        RequestPaths {
            digital_signing: Some(check(&request.digital_signing)),
            key_agreement: request.key_agreement.as_deref().map(check),
            key_agreement_top_up: request.key_agreement_top_up.as_deref().map(check),
        }
    }

    /// The verdict on a certificate under a path, found out only the first time.
    fn verdict(&self, certificate: &[u8], path: &[Vec<u8>], path_digest: &[u8; 32]) -> Verdict {
        let key = slotkeeper_crypto::sha256(&[path_digest, certificate].concat());
        if let Some(verdict) = self.verdicts.lock().get(&key) {
            return verdict.clone();
        }
        let verdict = self.verify(certificate, path).map(Arc::new);
        let mut verdicts = self.verdicts.lock();
        if verdicts.len() >= REMEMBERED {
            verdicts.clear();
        }
        verdicts.insert(key, verdict.clone());
        verdict
    }

    fn verify(&self, der: &[u8], path: &[Vec<u8>]) -> Result<CheckedPath, PathError> {
        let certificate =
            Certificate::parse(der).map_err(|e| PathError::Certificate(e.to_string()))?;
        PublicKey::from_uncompressed(certificate.public_key)
            .map_err(|e| PathError::Certificate(e.to_string()))?;
        let parse = |der: &'_ Vec<u8>| -> Result<(), PathError> {
            Certificate::parse(der)
                .map(|_| ())
                .map_err(|e| PathError::Issuer(e.to_string()))
        };
        path.iter().try_for_each(parse)?;
        let carried: Vec<_> = path
            .iter()
            .filter_map(|der| Certificate::parse(der).ok())
            .collect();
        let anchors: Vec<_> = self
            .anchors
            .iter()
            .filter_map(|der| Certificate::parse(der).ok())
            .collect();

        let mut checked = CheckedPath {
            role: certificate.role,
            key_usage: certificate.key_usage,
            holder: holder_of(&certificate),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
        };
        let mut subject = &certificate;
        let mut anchored = false;
        // A path has at most three certificates (DUIS), so a chain in a circle ends here as well.
        for depth in 0..=path.len() {
            // The device has the path alone, so its issuer has to come along, whoever is configured here.
            let anchor = anchors.iter().find(|anchor| has_issued(anchor, subject));
            if let Some(anchor) = anchor.filter(|_| depth > 0) {
                checked.narrow(anchor);
                anchored = true;
                break;
            }
            let Some(issuer) = carried.iter().find(|issuer| has_issued(issuer, subject)) else {
                if depth == 0 {
                    return Err(PathError::NoIssuer);
                }
                break;
            };
            checked.narrow(issuer);
            if anchors.iter().any(|anchor| {
                anchor.public_key == issuer.public_key && anchor.subject == issuer.subject
            }) {
                anchored = true;
                break;
            }
            if issuer.subject == issuer.issuer {
                break;
            }
            subject = issuer;
        }
        if anchored || anchors.is_empty() {
            Ok(checked)
        } else {
            Err(PathError::NotAnchored)
        }
    }
}

/// The occupant of a cell that holds this certificate; `None` where it does not name its holder.
pub(crate) fn holder_of(certificate: &Certificate<'_>) -> Option<Occupant> {
    Some(Occupant {
        eui: certificate.eui?.to_u64(),
        key_identifier: certificate
            .subject_key_identifier
            .map(|identifier| identifier.0),
    })
}

/// Whether one of the configured certificates has issued this one, or none is configured.
pub(crate) fn is_vouched_for(certificate: &Certificate<'_>, anchors: &[Vec<u8>]) -> bool {
    let mut parsed = anchors
        .iter()
        .filter_map(|der| Certificate::parse(der).ok());
    anchors.is_empty() || parsed.any(|anchor| has_issued(&anchor, certificate))
}

impl CheckedPath {
    fn narrow(&mut self, issuer: &Certificate<'_>) {
        self.not_before = self.not_before.max(issuer.not_before);
        self.not_after = self.not_after.min(issuer.not_after);
    }
}

/// Names chain, key identifiers agree where both are there, the issuer may issue, and the signature holds.
pub(crate) fn has_issued(issuer: &Certificate<'_>, subject: &Certificate<'_>) -> bool {
    let names = issuer.subject == subject.issuer;
    let identifiers = match (
        subject.authority_key_identifier,
        issuer.subject_key_identifier,
    ) {
        (Some(wanted), Some(has)) => wanted == has,
        _ => true,
    };
    names
        && identifiers
        && issuer.is_ca
        && issuer
            .key_usage
            .is_some_and(|bits| bits.allows(KeyUsage::KeyCertSign))
        && PublicKey::from_uncompressed(issuer.public_key).is_ok_and(|key| {
            verify_certificate(&key, subject.tbs, DerSignature(subject.signature)).is_ok()
        })
}

/// Each certificate with its length, so that no other list of certificates reads the same.
fn digest_of_path(path: &[Vec<u8>]) -> [u8; 32] {
    let mut octets = Vec::with_capacity(path.iter().map(|der| der.len() + 8).sum());
    for der in path {
        octets.extend_from_slice(&(der.len() as u64).to_be_bytes());
        octets.extend_from_slice(der);
    }
    slotkeeper_crypto::sha256(&octets)
}
