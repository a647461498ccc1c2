//! No secret octet shows in anything that can be printed.

use slotkeeper_crypto::{AgreementKey, KeyAgreement, PersonKey, SigningKey};

use crate::test_keys::TestKey;

#[test]
fn nothing_printable_shows_a_secret() {
    let key = TestKey::from_scalar(SCALAR);
    let (signing, agreement) = (key.signing_key(), key.agreement_key());
    let secret = agreement
        .agree(&TestKey::from_scalar([0x42; 32]).public_key())
        .unwrap();
    let x = p256::ecdh::diffie_hellman(
        key.0.to_nonzero_scalar(),
        TestKey::from_scalar([0x42; 32]).0.public_key().as_affine(),
    );

    for shown in [
        format!("{signing:?}"),
        format!("{signing:#?}"),
        format!("{agreement:?}"),
        format!(
            "{:?}",
            PersonKey::from_text(key.sec1_pem().as_bytes()).unwrap()
        ),
    ] {
        assert_hidden(&shown, &SCALAR);
        assert!(shown.contains("PublicKey(04"), "{shown}");
    }
    assert_hidden(&format!("{secret:?}"), x.raw_secret_bytes());
}

/// Errors of broken key files quote nothing of the file.
#[test]
fn errors_of_broken_keys_show_nothing() {
    let pem = TestKey::from_scalar(SCALAR).sec1_pem();
    let body: Vec<&str> = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("acb-ds.key");
    for broken in [
        pem.replace("-----END", "----END"),
        pem.replace("-----BEGIN", "-----BEGIN SOMETHING"),
        pem.replace(body[0], &body[0][..body[0].len() - 5]),
        pem.replace(body[0], &format!("{}*", body[0])),
        pem.replace(body[0], &body[0].replace("MHc", "MHd")),
    ] {
        std::fs::write(&path, &broken).unwrap();
        let errors = [
            SigningKey::load(&path).unwrap_err(),
            SigningKey::from_pem(broken.as_bytes()).unwrap_err(),
            AgreementKey::load(&path).unwrap_err(),
            PersonKey::load(&path).unwrap_err(),
        ];
        for error in errors {
            for shown in [
                error.to_string(),
                format!("{error:?}"),
                format!("{error:#?}"),
            ] {
                assert_hidden(&shown, &SCALAR);
                for line in &body {
                    assert!(!shown.contains(&line[..8]), "{shown}");
                }
            }
        }
    }
}

/// No run of three octets of the secret, in hex or as the numbers of a derived `Debug`.
fn assert_hidden(shown: &str, secret: &[u8]) {
    let shown = shown.to_lowercase().replace([' ', '\n'], "");
    for run in secret.windows(3) {
        let decimal = format!("{},{},{}", run[0], run[1], run[2]);
        assert!(!shown.contains(&hex::encode(run)), "{shown}");
        assert!(!shown.contains(&decimal), "{shown}");
    }
}

const SCALAR: [u8; 32] = *b"\xa1secret scalar of a test key...!";
