//! Keys of persons: every form that openssl and ssh-keygen write, what is refused, and what no signature is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use p256::ecdsa::signature::Verifier;
use slotkeeper_crypto::{KeyError, PersonKey, PersonPublicKey};

const TOLD: &[u8] = b"what was signed";

/// Runs a tool in a folder; its standard output. `None`: it is not on this machine.
fn run(folder: &Path, command: &str) -> Option<String> {
    let mut words = command.split(' ').map(|word| word.replace("''", ""));
    let tool = words.next().unwrap();
    let ran = Command::new(&tool).args(words).current_dir(folder).output();
    let Ok(ran) = ran else {
        eprintln!("skipped: no {tool}");
        return None;
    };
    assert!(ran.status.success(), "{command}: {ran:?}");
    Some(String::from_utf8(ran.stdout).unwrap())
}

fn assert_belong_together(key: &PersonKey, public: &PersonPublicKey) {
    assert_eq!(key.public_key(), *public);
    let signature = key.sign(TOLD).unwrap();
    assert!(public.verify(TOLD, &signature).is_ok());
    assert!(public.verify(b"something else", &signature).is_err());
    for place in [0, 31, 32, 63] {
        let mut changed = signature;
        changed[place] ^= 1;
        assert!(public.verify(TOLD, &changed).is_err(), "octet {place}");
    }
}

#[test]
fn keys_of_openssl_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    for (make, algorithm) in [
        ("genpkey -algorithm ed25519 -out key", "EdDSA"),
        (
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key",
            "ES256",
        ),
        ("ecparam -name prime256v1 -genkey -out key", "ES256"),
    ] {
        let made = run(folder.path(), &format!("openssl {make}"));
        let public = run(folder.path(), "openssl pkey -in key -pubout");
        let (Some(_), Some(public)) = (made, public) else {
            return;
        };
        let key = PersonKey::load(folder.path().join("key")).unwrap();
        let public = PersonPublicKey::from_text(&public).unwrap();
        assert_eq!(public.algorithm(), algorithm);
        assert_belong_together(&key, &public);
        // Ed25519 is judged by openssl itself, ES256 by another library.
        let signature = key.sign(TOLD).unwrap();
        match public {
            PersonPublicKey::Ed25519(_) => {
                fs::write(folder.path().join("told"), TOLD).unwrap();
                fs::write(folder.path().join("signature"), signature).unwrap();
                run(
                    folder.path(),
                    "openssl pkeyutl -verify -rawin -inkey key -in told -sigfile signature",
                );
            }
            PersonPublicKey::P256(point) => {
                let other = p256::ecdsa::VerifyingKey::from_sec1_bytes(point.as_bytes()).unwrap();
                let signature = p256::ecdsa::Signature::from_slice(&signature).unwrap();
                other.verify(TOLD, &signature).unwrap();
            }
        }
    }
}

#[test]
fn keys_of_ssh_keygen_are_taken() {
    for kind in [
        "ed25519",
        "ecdsa -b 256",
        "ecdsa -b 256 -m PKCS8",
        "ecdsa -b 256 -m PEM",
    ] {
        // Often enough that numbers with and without leading zeros come up.
        for _ in 0..if kind.contains('m') { 1 } else { 12 } {
            let folder = tempfile::tempdir().unwrap();
            let made = run(
                folder.path(),
                &format!("ssh-keygen -q -t {kind} -N '' -C ann -f key"),
            );
            if made.is_none() {
                return;
            }
            let key = PersonKey::load(folder.path().join("key")).unwrap();
            let line = fs::read_to_string(folder.path().join("key.pub")).unwrap();
            assert_belong_together(&key, &PersonPublicKey::from_text(&line).unwrap());
            if kind.contains("ecdsa") {
                let pem = run(folder.path(), "ssh-keygen -e -m PKCS8 -f key.pub").unwrap();
                assert_belong_together(&key, &PersonPublicKey::from_text(&pem).unwrap());
            }
        }
    }
}

#[test]
fn a_refusal_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    for (make, name, variant, advice) in [
        (
            "ssh-keygen -q -t rsa -b 2048 -N '' -f rsa",
            "rsa",
            "NotForPersons",
            "Ed25519",
        ),
        (
            "ssh-keygen -q -t ecdsa -b 384 -N '' -f p384",
            "p384",
            "NotForPersons",
            "P-256",
        ),
        (
            "ssh-keygen -q -t ed25519 -N secret -f closed",
            "closed",
            "EncryptedOpenSsh",
            "ssh-keygen -p",
        ),
        (
            "openssl genpkey -algorithm ed25519 -aes256 -pass pass:secret -out pkcs8",
            "pkcs8",
            "Encrypted ",
            "openssl pkey",
        ),
        (
            "openssl ec -in pkcs8-p256 -aes256 -passout pass:secret -out sec1",
            "sec1",
            "Encrypted ",
            "openssl pkey",
        ),
        (
            "openssl genpkey -algorithm ed448 -out ed448",
            "ed448",
            "NotForPersons",
            "Ed25519",
        ),
    ] {
        if name == "sec1" {
            let command =
                "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out pkcs8-p256";
            run(folder.path(), command);
        }
        if run(folder.path(), make).is_none() {
            continue;
        }
        let error = PersonKey::load(at(name)).unwrap_err();
        assert!(format!("{error:?} ").starts_with(variant), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(name) && text.contains(advice), "{text}");
    }
    let absent = PersonKey::load(at("absent")).unwrap_err();
    assert!(matches!(absent, KeyError::Unreadable { .. }));
}

/// Whatever is cut from a key, or changed in it, it is refused or is the same key; and no error shows a part of it.
#[test]
fn damaged_keys_are_refused_and_not_shown() {
    let text = OPENSSH_ED25519;
    let whole = PersonKey::from_text(text.as_bytes()).unwrap();
    assert_belong_together(
        &whole,
        &PersonPublicKey::from_text(OPENSSH_ED25519_PUBLIC).unwrap(),
    );
    for end in 0..text.len() - 1 {
        assert!(PersonKey::from_text(&text.as_bytes()[..end]).is_err() || end + 2 > text.len());
    }
    for place in 0..text.len() {
        let mut changed = text.as_bytes().to_vec();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        match PersonKey::from_text(&changed) {
            Ok(key) => assert_eq!(key.public_key(), whole.public_key(), "octet {place}"),
            Err(error) => {
                let shown = format!("{error} {error:?}");
                for line in text.lines().filter(|line| !line.starts_with('-')) {
                    assert!(!shown.contains(&line[..8]), "{shown}");
                }
            }
        }
    }
}

#[test]
fn what_is_no_public_key_is_refused() {
    let line = OPENSSH_ED25519_PUBLIC;
    let (kind, rest) = line.split_once(' ').unwrap();
    for text in [
        String::new(),
        "Ann".to_owned(),
        kind.to_owned(),
        line.replace("ssh-ed25519 ", "ssh-rsa "),
        line.replace("ssh-ed25519 ", "ecdsa-sha2-nistp256 "),
        format!("{kind} {}AAAA", rest.split(' ').next().unwrap()),
        OPENSSH_ED25519.to_owned(),
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".to_owned(),
        "x".repeat(20_000),
    ] {
        let read = PersonPublicKey::from_text(&text);
        assert!(read.is_err(), "{text}: {read:?}");
    }
}

/// Under a key of small order everybody can sign: R is the neutral element, S is 0.
#[test]
fn a_key_under_which_everybody_signs_is_refused() {
    let lines = SMALL_ORDER.map(|y| {
        let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
        blob.extend(hex::decode(y).unwrap());
        format!(
            "ssh-ed25519 {}",
            base64_simd::STANDARD.encode_to_string(blob)
        )
    });
    for line in lines {
        assert!(PersonPublicKey::from_text(&line).is_err(), "{line}");
    }
}

/// `S + L` solves the same equation as `S`, and is another text of the same signature.
#[test]
fn a_signature_of_ed25519_has_one_form() {
    let key = PersonKey::from_text(OPENSSH_ED25519.as_bytes()).unwrap();
    let signature = key.sign(TOLD).unwrap();
    let mut other = signature;
    let mut carry = 0_u16;
    for (octet, added) in other[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*octet) + u16::from(added) + carry;
        *octet = (sum & 0xFF) as u8;
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    assert!(key.public_key().verify(TOLD, &signature).is_ok());
    assert!(key.public_key().verify(TOLD, &other).is_err());
}

/// RFC 8037, appendix A.3: the thumbprint of its example key.
#[test]
fn the_thumbprint_is_that_of_the_rfc() {
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    blob.extend(
        hex::decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").unwrap(),
    );
    let line = format!(
        "ssh-ed25519 {}",
        base64_simd::STANDARD.encode_to_string(blob)
    );
    let thumbprint = PersonPublicKey::from_text(&line).unwrap().thumbprint();
    let name = base64_simd::URL_SAFE_NO_PAD.encode_to_string(thumbprint);
    assert_eq!(name, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

/// RFC 8032, section 5.1: the order of the group, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Points whose order divides 8, with either sign where x has one, and in the longer form where there is one.
const SMALL_ORDER: [&str; 11] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
];

/// Made by `ssh-keygen -t ed25519 -C ann`, for these tests alone.
const OPENSSH_ED25519: &str = "\
-----BEGIN OPENSSH PRIVATE KEY-----\n\
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n\
QyNTUxOQAAACAYY0wzqAiyYovyZm+HtPVh7gEmwu/PwiwdE96KAndYKwAAAIjb7HfC2+x3\n\
wgAAAAtzc2gtZWQyNTUxOQAAACAYY0wzqAiyYovyZm+HtPVh7gEmwu/PwiwdE96KAndYKw\n\
AAAEDGgidfRKavE15vfGTtH9Gk/lFN6V2htU96yWU9dvaoBhhjTDOoCLJii/Jmb4e09WHu\n\
ASbC78/CLB0T3ooCd1grAAAAA2FubgEC\n\
-----END OPENSSH PRIVATE KEY-----\n\
";
const OPENSSH_ED25519_PUBLIC: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBhjTDOoCLJii/Jmb4e09WHuASbC78/CLB0T3ooCd1gr ann";
