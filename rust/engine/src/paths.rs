//! Certification paths, checked once for each distinct path and not once for each request.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use parking_lot::Mutex;
use slotkeeper_counters::Occupant;
use slotkeeper_crypto::{DerSignature, PublicKey, verify_certificate};
use slotkeeper_gbcs::{Certificate, KeyUsage, KeyUsageBits, RemotePartyRole};

use crate::records::HandoverRequest;

/// Sets of certificates remembered by an engine, of which a worker has one a partition. A party has three certificates
/// and a handful of issuers, so hundreds of distinct sets mean that somebody makes them up; then the memory starts over.
const REMEMBERED: usize = 512;

/// Octets of certificates remembered, 1.8 MB: as many as those sets have, if each is of six certificates (DUIS allows no
/// more) of 600 octets, as those of the RTDS are. Beyond it the memory starts over as well.
const REMEMBERED_OCTETS: usize = REMEMBERED * 6 * 600;

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

pub(crate) type Verdict = Result<CheckedPath, PathError>;

/// The verdicts on a request's certificates; none on those it does not have.
pub(crate) struct RequestPaths {
    pub(crate) digital_signing: Option<Verdict>,
    pub(crate) key_agreement: Option<Verdict>,
    pub(crate) key_agreement_top_up: Option<Verdict>,
}

/// All paths checked so far.
pub(crate) struct PathCache {
    /// DER of the certificates every path must end at; none: paths are checked as far as the request carries them.
    anchors: Vec<Vec<u8>>,
    hasher: RandomState,
    checked: Mutex<Checked>,
}

/// Requests' certificates with the verdicts on them.
///
/// They are kept and compared as they are: that takes a tenth of the time of a cryptographic hash of them. The hash by
/// which they are found decides nothing; who makes many with the same one has all that are remembered compared.
#[derive(Default)]
struct Checked {
    table: HashTable<(Certificates, Arc<RequestPaths>)>,
    octets: usize,
}

/// The certificates of a request, which all verdicts on them depend on.
#[derive(Eq, PartialEq)]
struct Certificates {
    replacements: [Option<Vec<u8>>; 3],
    path: Vec<Vec<u8>>,
}

impl Certificates {
    fn of(request: &HandoverRequest) -> Self {
        Self {
            replacements: replacements(request).map(|der| der.map(<[u8]>::to_vec)),
            path: request.path.clone(),
        }
    }

    fn are_those_of(&self, request: &HandoverRequest) -> bool {
        let mine = self.replacements.each_ref().map(Option::as_deref);
        mine == replacements(request) && self.path == request.path
    }
}

fn replacements(request: &HandoverRequest) -> [Option<&[u8]>; 3] {
    [
        Some(request.digital_signing.as_slice()),
        request.key_agreement.as_deref(),
        request.key_agreement_top_up.as_deref(),
    ]
}

impl PathCache {
    pub(crate) fn new(anchors: Vec<Vec<u8>>) -> Self {
        Self {
            anchors,
            hasher: RandomState::default(),
            checked: Mutex::default(),
        }
    }

    /// The verdicts on the certificates of a request, found out only the first time.
    pub(crate) fn check(&self, request: &HandoverRequest) -> Arc<RequestPaths> {
        let hash = self.hash(replacements(request), &request.path);
        let is_it = |(known, _): &(Certificates, _)| known.are_those_of(request);
        if let Some((_, verdicts)) = self.checked.lock().table.find(hash, is_it) {
            return verdicts.clone();
        }
        let [digital_signing, key_agreement, key_agreement_top_up] =
            replacements(request).map(|der| Some(self.verify(der?, &request.path)));
        let verdicts = Arc::new(RequestPaths {
            digital_signing,
            key_agreement,
            key_agreement_top_up,
        });
        self.remember(hash, Certificates::of(request), verdicts.clone());
        verdicts
    }

    fn remember(&self, hash: u64, certificates: Certificates, verdicts: Arc<RequestPaths>) {
        let replacements = certificates.replacements.iter().flatten();
        let octets = replacements
            .chain(&certificates.path)
            .map(Vec::len)
            .sum::<usize>();
        if octets > REMEMBERED_OCTETS {
            return;
        }
        let mut checked = self.checked.lock();
        if checked.table.len() >= REMEMBERED || checked.octets + octets > REMEMBERED_OCTETS {
            *checked = Checked::default();
        }
        let hash_of = |(known, _): &(Certificates, _)| {
            self.hash(
                known.replacements.each_ref().map(Option::as_deref),
                &known.path,
            )
        };
        let is_it = |(known, _): &(Certificates, _)| *known == certificates;
        // Another thread may have found the same out meanwhile.
        if let Entry::Vacant(place) = checked.table.entry(hash, is_it, hash_of) {
            place.insert((certificates, verdicts));
            checked.octets += octets;
        }
    }

    fn hash(&self, replacements: [Option<&[u8]>; 3], path: &[Vec<u8>]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        let path = path.iter().map(Vec::as_slice);
        for der in replacements.into_iter().flatten().chain(path) {
            hasher.write_usize(der.len());
            hasher.write(der);
        }
        hasher.finish()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// No certificates, which the memory does not look at.
    fn request(digital_signing: &[u8], path: &[&[u8]]) -> HandoverRequest {
        let text = r#"{"request_id": "90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1", "remote_party_role": "NetworkOperator",
            "replacement_certificates": {"digital_signing": "MA=="}, "certification_path_certificates": ["MQ=="]}"#;
        let mut request = HandoverRequest::read(text.as_bytes()).unwrap();
        request.digital_signing = digital_signing.to_vec();
        request.path = path.iter().map(|der| der.to_vec()).collect();
        request
    }

    #[test]
    fn certificates_that_were_seen_before_are_not_checked_again() {
        let cache = PathCache::new(Vec::new());
        let first = cache.check(&request(b"ab", &[b"c"]));
        assert!(Arc::ptr_eq(&first, &cache.check(&request(b"ab", &[b"c"]))));
    }

    #[test]
    fn the_same_octets_as_other_certificates_are_checked_by_themselves() {
        let cache = PathCache::new(Vec::new());
        let first = cache.check(&request(b"ab", &[b"cd"]));
        let mut agreement = request(b"ab", &[]);
        agreement.key_agreement = Some(b"cd".to_vec());
        let mut top_up = request(b"ab", &[]);
        top_up.key_agreement_top_up = Some(b"cd".to_vec());
        for other in [
            request(b"a", &[b"bcd"]),
            request(b"ab", &[b"c", b"d"]),
            agreement,
            top_up,
        ] {
            assert!(!Arc::ptr_eq(&first, &cache.check(&other)));
        }
        assert_eq!(cache.checked.lock().table.len(), 5);
    }

    #[test]
    fn made_up_certificates_are_remembered_within_bounds() {
        let cache = PathCache::new(Vec::new());
        for number in 0..REMEMBERED + 100 {
            cache.check(&request(&number.to_be_bytes(), &[]));
        }
        assert_eq!(cache.checked.lock().table.len(), 100);

        for number in 0..10 {
            let path = vec![number; REMEMBERED_OCTETS / 4];
            cache.check(&request(b"", &[&path]));
            let checked = cache.checked.lock();
            assert!(checked.octets <= REMEMBERED_OCTETS);
            let certificates = checked.table.iter().map(|(known, _)| &known.path);
            let octets = certificates.flatten().map(Vec::len).sum::<usize>();
            assert!(octets <= REMEMBERED_OCTETS);
        }
        cache.check(&request(b"", &[&vec![0; REMEMBERED_OCTETS + 1]]));
        let checked = cache.checked.lock();
        assert!(checked.octets <= REMEMBERED_OCTETS);
    }
}
