//! Private keys from files: what is taken, and how a refusal reads.

use std::fs;
use std::path::PathBuf;

use p256::pkcs8::LineEnding;
use slotkeeper_crypto::{AgreementKey, KeyAgreement, KeyError, KrpSigner, SigningKey};

use crate::test_keys::TestKey;

#[test]
fn both_forms_are_taken_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let key = TestKey::from_scalar([0x42; 32]);
    // `openssl ecparam -genkey` writes the curve in a section of its own, before the key.
    let parameters =
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    for (name, text) in [
        ("pkcs8.key", key.pkcs8_pem()),
        ("sec1.key", key.sec1_pem()),
        ("openssl.key", format!("{parameters}{}", key.sec1_pem())),
        ("windows.key", key.pkcs8_pem().replace('\n', "\r\n")),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        assert_eq!(
            SigningKey::load(&path).unwrap().public_key(),
            key.public_key(),
            "{name}"
        );
        assert_eq!(
            AgreementKey::load(&path).unwrap().public_key(),
            key.public_key(),
            "{name}"
        );
    }
}

#[test]
fn a_refusal_names_the_file_and_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let key = TestKey::from_scalar([0x42; 32]);
    // PKCS#8 with the curve P-384 and a scalar of 48 octets 01.
    let p384 = "-----BEGIN PRIVATE KEY-----\n\
        ME4CAQAwEAYHKoZIzj0CAQYFK4EEACIENzA1AgEBBDABAQEBAQEBAQEBAQEBAQEB\n\
        AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n\
        -----END PRIVATE KEY-----\n";
    let pem = key.pkcs8_pem();
    let cases: [(&str, Vec<u8>, &str, &str); 8] = [
        ("text.key", b"no key".to_vec(), "NotPem", "BEGIN PRIVATE"),
        ("empty.key", vec![], "NotPem", "BEGIN PRIVATE"),
        ("p384.key", p384.into(), "NotP256", "P-256"),
        (
            "public.key",
            pem.replace("PRIVATE", "PUBLIC").into(),
            "NotPem",
            "BEGIN PRIVATE",
        ),
        (
            "encrypted.key",
            pem.replace("PRIVATE", "ENCRYPTED PRIVATE").into(),
            "Encrypted",
            "openssl pkey",
        ),
        (
            "cut.key",
            pem[..pem.len() - 40].into(),
            "Damaged",
            "restore",
        ),
        (
            "stars.key",
            pem.replace("MIGH", "****").into(),
            "Damaged",
            "restore",
        ),
        ("large.key", vec![b' '; 100_000], "TooLarge", "path"),
    ];
    for (name, content, variant, advice) in cases {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        for error in [
            SigningKey::load(&path).unwrap_err(),
            AgreementKey::load(&path).unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(
                format!("{error:?}").starts_with(variant),
                "{name}: {error:?}"
            );
            assert!(text.contains(name) && text.contains(advice), "{text}");
        }
    }

    let absent = SigningKey::load(folder.path().join("absent.key")).unwrap_err();
    assert!(matches!(absent, KeyError::Unreadable { .. }));
    assert!(absent.to_string().contains("absent.key"), "{absent}");
    let directory = SigningKey::load(PathBuf::from(folder.path())).unwrap_err();
    assert!(
        matches!(directory, KeyError::Unreadable { .. }),
        "{directory}"
    );
}

/// A key of no value must not be loaded as if it were one.
#[test]
fn a_scalar_out_of_range_is_refused() {
    let good = p256::SecretKey::from_slice(&[0x42; 32]).unwrap();
    let der = good.to_sec1_der().unwrap();
    for scalar in [[0; 32], [0xff; 32]] {
        let mut der = der.to_vec();
        der[7..39].copy_from_slice(&scalar);
        let pem = p256::elliptic_curve::pkcs8::der::pem::encode_string(
            "EC PRIVATE KEY",
            LineEnding::LF,
            &der,
        )
        .unwrap();
        let refused = SigningKey::from_pem(pem.as_bytes());
        assert!(matches!(refused, Err(KeyError::NotP256 { .. })));
        let refused = AgreementKey::from_pem(pem.as_bytes());
        assert!(matches!(refused, Err(KeyError::NotP256 { .. })));
    }
}

/// The public half in the file is another key's: signatures would never verify.
#[test]
fn halves_that_do_not_belong_together_are_refused() {
    let key = TestKey::from_scalar([0x42; 32]);
    let mut der = key.0.to_sec1_der().unwrap().to_vec();
    let other = *TestKey::from_scalar([0x17; 32]).public_key().as_bytes();
    let at = der.len() - 65;
    der[at..].copy_from_slice(&other);
    let pem = p256::elliptic_curve::pkcs8::der::pem::encode_string(
        "EC PRIVATE KEY",
        LineEnding::LF,
        &der,
    )
    .unwrap();
    assert!(matches!(
        SigningKey::from_pem(pem.as_bytes()),
        Err(KeyError::NotP256 { .. })
    ));
    assert!(matches!(
        AgreementKey::from_pem(pem.as_bytes()),
        Err(KeyError::NotP256 { .. })
    ));
}
