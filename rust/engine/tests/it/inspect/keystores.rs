//! What a keystore folder is read as.

use std::fs;

use slotkeeper_engine::{Keystore, KeystoreEntry, KeystoreError};
use slotkeeper_gbcs::KeyUsage::{DigitalSignature, KeyAgreement};

use super::rtds;
use crate::support::Identity;

/// The published folder has one file under another party's name.
#[test]
fn published_folder_goes_by_the_certificates() {
    let Some(keystore) = rtds::keystore(|_| true) else {
        return;
    };
    let entries: Vec<KeystoreEntry> = keystore.entries().collect();
    let of = |eui: &str| {
        entries
            .iter()
            .filter(|entry| entry.eui == eui)
            .collect::<Vec<_>>()
    };

    assert!(
        of("90-B3-D5-1F-30-00-00-07")
            .iter()
            .all(|entry| entry.key_usage == "digitalSignature")
    );
    let second_supplier = of("90-B3-D5-1F-30-03-00-00");
    assert!(
        second_supplier
            .iter()
            .filter(|entry| entry.key_usage == "keyAgreement")
            .count()
            >= 2
    );
    let acb = of("90-B3-D5-1F-30-00-00-02");
    assert!(
        acb.iter()
            .all(|entry| entry.role == Some("accessControlBroker") && entry.private_key)
    );
    assert!(
        of("00-DB-12-34-56-78-90-A3")
            .iter()
            .all(|entry| entry.role.is_none() && !entry.private_key)
    );
}

#[test]
fn keys_belong_to_certificates_by_their_public_half() {
    let folder = tempfile::tempdir().unwrap();
    let one = Identity::new(0x1111, Some("03"), DigitalSignature, [1; 32]);
    let other = Identity::new(0x2222, None, KeyAgreement, [2; 32]);
    one.write_certificate(folder.path(), "0000000000002222-ka");
    other.write_certificate(folder.path(), "0000000000001111-ds");
    other.write_key(folder.path(), "000000000000ffff-any");

    let entries: Vec<KeystoreEntry> = Keystore::open(folder.path()).unwrap().entries().collect();
    let [first, second] = &entries[..] else {
        panic!("{entries:?}")
    };
    assert_eq!(
        (first.eui.as_str(), first.role),
        ("00-00-00-00-00-00-11-11", Some("networkOperator"))
    );
    assert_eq!(
        (first.key_usage, first.private_key),
        ("digitalSignature", false)
    );
    assert_eq!(
        (second.eui.as_str(), second.role),
        ("00-00-00-00-00-00-22-22", None)
    );
    assert_eq!(
        (second.key_usage, second.private_key),
        ("keyAgreement", true)
    );
}

#[test]
fn other_files_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "notes.txt",
        "test-scalars.json",
        "acb.key",
        "root.pem",
        "90b3d51f3000000-ds.pem",
        "no extension",
    ] {
        fs::write(folder.path().join(name), "nothing of use").unwrap();
    }
    fs::create_dir(folder.path().join("old")).unwrap();
    assert_eq!(Keystore::open(folder.path()).unwrap().entries().count(), 0);
}

#[test]
fn a_private_key_in_a_certificate_s_place_is_not_repeated() {
    let body = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg";
    let octets = format!("{:?}", body.as_bytes());
    for content in [
        // Its line breaks are lost, as they are where a variable carried it.
        format!("-----BEGIN PRIVATE KEY-----{body}-----END PRIVATE KEY-----"),
        format!("-----BEGIN PRIVATE KEY-----{body}-----END PRIVATE KEY-----\n"),
        format!("-----BEGIN PRIVATE KEY----- {body}\n"),
        format!("-----BEGIN {body}\n"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("90b3d51f30000002-ka.pem"), &content).unwrap();
        let store = Keystore::open(folder.path()).unwrap();
        let [text] = store
            .warnings()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        assert!(text.contains("PEM section"), "{text}");
        assert!(!text.contains(body), "{text}");
        assert!(!text.contains(octets.trim_matches(['[', ']'])), "{text}");
    }
}

#[test]
fn what_its_name_says_it_is_not_is_an_error_that_names_it() {
    for (name, content, part) in [
        ("90b3d51f30000002-ka.key", "no key", "no PEM private key"),
        (
            "90b3d51f30000002-ka.pem",
            "no certificate",
            "no PEM section",
        ),
        (
            "90B3D51F30000002-DS.pem",
            "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
            "octet 2",
        ),
        (
            "90b3d51f30000002-ds.pem",
            "-----BEGIN CERTIFICATE-----\nMAA=\n",
            "cannot be used",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), content).unwrap();
        let store = Keystore::open(folder.path()).unwrap();
        assert_eq!(store.entries().count(), 0);
        let warnings: Vec<_> = store.warnings().map(ToString::to_string).collect();
        let [text] = warnings.as_slice() else {
            panic!("{name} was taken")
        };
        assert!(text.contains(name) && text.contains(part), "{text}");
    }
    let absent = Keystore::open("/nonexistent/keys").err().unwrap();
    assert!(
        matches!(absent, KeystoreError::Folder { .. })
            && absent.to_string().contains("/nonexistent/keys")
    );
}
