//! The signature over a manifest: one way to write it, and no octet that can be another.

use std::path::PathBuf;

use slotkeeper_engine::package::{DetachedError, SignError, check, open_detached, sign_detached};
use slotkeeper_engine::{EvidenceKey, EvidenceKeyError};
use slotkeeper_test_pki::{Issuer, Key, Subject, Usage, Validity, pem};
use tempfile::TempDir;

use crate::support::{ACB, AcbKey, authority};

const MANIFEST: &[u8] = b"{\"format\": 1}\n";

struct Signer {
    folder: TempDir,
    der: Vec<u8>,
}

impl Signer {
    fn new(scalar: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::from_scalar(&[scalar; 32]);
        let issuer = Issuer::new("07", None, [9; 32]);
        let der = issuer.issue(
            Subject::Organisation { role: "02", eui: 7 },
            Usage::DigitalSignature,
            &key.point(),
            Validity::LONG,
        );
        std::fs::write(folder.path().join("key.pem"), key.pem()).unwrap();
        std::fs::write(folder.path().join("cert.pem"), pem("CERTIFICATE", &der)).unwrap();
        Self { folder, der }
    }

    fn key(&self) -> EvidenceKey {
        EvidenceKey::load(
            &self.folder.path().join("key.pem"),
            &authority(&[AcbKey::Held(0)]),
        )
        .unwrap()
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    fn sign(&self) -> Vec<u8> {
        sign_detached(MANIFEST, &self.certificate(), &self.key()).unwrap()
    }
}

#[test]
fn a_signature_opens_and_gives_its_certificate() {
    let signer = Signer::new(5);
    // Some of these have the higher s, which is turned round.
    for _ in 0..32 {
        let opened = open_detached(MANIFEST, &signer.sign()).unwrap();
        assert_eq!(opened.certificate, signer.der);
    }
}

#[test]
fn no_bit_of_a_signature_can_be_another() {
    let signer = Signer::new(5);
    let signature = signer.sign();
    for at in 0..signature.len() {
        for bit in 0..8 {
            let mut other = signature.clone();
            other[at] ^= 1 << bit;
            // A certificate with another bit is another certificate, whose digest the manifest does not name.
            match open_detached(MANIFEST, &other) {
                Err(_) => {}
                Ok(opened) => assert_ne!(opened.certificate, signer.der, "octet {at}, bit {bit}"),
            }
        }
    }
    let longer = [&signature[..], &[0]].concat();
    let shorter = &signature[..signature.len() - 1];
    assert_eq!(open_detached(MANIFEST, &longer), Err(DetachedError::Octets));
    assert_eq!(open_detached(MANIFEST, shorter), Err(DetachedError::Octets));
    assert_eq!(open_detached(MANIFEST, b""), Err(DetachedError::Octets));
}

#[test]
fn a_signature_is_over_one_manifest() {
    let other = open_detached(b"{\"format\": 2}\n", &Signer::new(5).sign());
    assert_eq!(other, Err(DetachedError::OtherContent));
}

#[test]
fn a_certificate_is_that_of_the_key() {
    let (signer, stranger) = (Signer::new(5), Signer::new(6));
    for file in [stranger.certificate(), signer.folder.path().join("key.pem")] {
        let refused = sign_detached(MANIFEST, &file, &signer.key());
        assert!(matches!(refused, Err(SignError::Certificate(_))));
    }
}

#[test]
fn a_key_of_the_acb_signs_no_evidence() {
    let folder = tempfile::tempdir().unwrap();
    ACB[0].ds.write_key(folder.path(), "acb");
    let file = folder.path().join("acb.key");
    let refused = EvidenceKey::load(&file, &authority(&[AcbKey::Held(0)]));
    assert!(matches!(refused, Err(EvidenceKeyError::OfTheAcb(_))));
}

#[test]
fn an_empty_folder_lacks_everything() {
    let folder = tempfile::tempdir().unwrap();
    let report = check(folder.path(), 2);
    let missing: Vec<_> = report.findings.iter().map(|found| &*found.file).collect();
    assert_eq!(missing, ["files.sha256", "rows.jsonl"]);
    assert!(report.findings.iter().all(|found| found.what == "missing"));
}
