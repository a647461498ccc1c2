//! A public key infrastructure for tests: certificates of the profile, DER and PEM, built element by element.

use std::fs;
use std::path::Path;

use slotkeeper_crypto::{KrpSigner, SigningKey};
use slotkeeper_gbcs::{Eui64, KeyUsage};

/// A private key and the certificate of its public half.
pub(crate) struct Identity {
    pub(crate) eui: Eui64,
    pub(crate) certificate: Vec<u8>,
    scalar: [u8; 32],
}

impl Identity {
    /// An organisation with a role as two hex digits, or a device with the role `None`.
    pub(crate) fn new(eui: u64, role: Option<&str>, usage: KeyUsage, scalar: [u8; 32]) -> Self {
        let eui = Eui64::from_u64(eui);
        let key = key_of(&scalar).public_key();
        let tbs = tbs(eui, role, usage, key.as_bytes());
        let signature = key_of(&ISSUER).sign(&tbs).unwrap();
        let (r, s) = signature.split_at(32);
        let signature = element(0x30, &[integer(r), integer(s)].concat());
        let bits = element(0x03, &[&[0], &signature[..]].concat());
        let certificate = element(0x30, &[&tbs, &ECDSA_WITH_SHA256[..], &bits].concat());
        Self {
            eui,
            certificate,
            scalar,
        }
    }

    pub(crate) fn signing_key(&self) -> SigningKey {
        key_of(&self.scalar)
    }

    /// Writes `<name>.pem`.
    pub(crate) fn write_certificate(&self, folder: &Path, name: &str) {
        let text = pem("CERTIFICATE", &self.certificate);
        fs::write(folder.join(format!("{name}.pem")), text).unwrap();
    }

    /// Writes `<name>.key`.
    pub(crate) fn write_key(&self, folder: &Path, name: &str) {
        let text = pem("EC PRIVATE KEY", &sec1(&self.scalar));
        fs::write(folder.join(format!("{name}.key")), text).unwrap();
    }

    /// The scalar's PEM, for keys of this crate.
    pub(crate) fn key_pem(&self) -> String {
        pem("EC PRIVATE KEY", &sec1(&self.scalar))
    }
}

/// `ECPrivateKey` on P-256 without the public half, which loading computes.
pub(crate) fn sec1(scalar: &[u8]) -> Vec<u8> {
    let curve = element(
        0xa0,
        &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
    );
    element(
        0x30,
        &[&[0x02, 1, 1], &element(0x04, scalar)[..], &curve].concat(),
    )
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = base64_simd::STANDARD.encode_to_string(der);
    let mut lines = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        lines += std::str::from_utf8(line).unwrap();
        lines += "\n";
    }
    lines + &format!("-----END {label}-----\n")
}

fn tbs(eui: Eui64, role: Option<&str>, usage: KeyUsage, point: &[u8; 65]) -> Vec<u8> {
    let organisational_unit = |value: &str| {
        let value = element(0x0c, value.as_bytes());
        element(
            0x31,
            &element(0x30, &[&[0x06, 3, 0x55, 0x04, 0x0b], &value[..]].concat()),
        )
    };
    let unique_identifier = {
        let value = element(0x03, &[&[0], &eui.to_bytes()[..]].concat());
        element(
            0x31,
            &element(0x30, &[&[0x06, 3, 0x55, 0x04, 0x2d], &value[..]].concat()),
        )
    };
    let subject = role.map(|role| [organisational_unit(role), unique_identifier].concat());
    let hardware_module_name = {
        // Any object identifier does for the hardware's type.
        let name = element(
            0x30,
            &[&[0x06, 1, 0x2a], &element(0x04, &eui.to_bytes())[..]].concat(),
        );
        let other_name = [0x06, 8, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, 0x04];
        let other = element(0xa0, &[&other_name[..], &element(0xa0, &name)].concat());
        extension(0x11, &element(0x30, &other))
    };
    let usage = match usage {
        KeyUsage::DigitalSignature => [7, 0x80],
        KeyUsage::KeyAgreement => [3, 0x08],
        KeyUsage::KeyCertSign => [2, 0x04],
    };
    let mut extensions = extension(0x0f, &element(0x03, &usage));
    extensions.extend(extension(0x0e, &element(0x04, &point[57..])));
    if role.is_none() {
        extensions.extend(hardware_module_name);
    }
    let times = [
        element(0x17, b"150101000000Z"),
        element(0x18, b"99991231235959Z"),
    ]
    .concat();
    let algorithm = [
        0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d,
        0x03, 0x01, 0x07,
    ];
    let bits = element(0x03, &[&[0], &point[..]].concat());
    element(
        0x30,
        &[
            &[0xa0, 3, 0x02, 1, 2, 0x02, 1, 1][..],
            &ECDSA_WITH_SHA256,
            &element(0x30, &organisational_unit("07")),
            &element(0x30, &times),
            &element(0x30, &subject.unwrap_or_default()),
            &element(0x30, &[&element(0x30, &algorithm)[..], &bits].concat()),
            &element(0xa3, &element(0x30, &extensions)),
        ]
        .concat(),
    )
}

/// An extension 2.5.29.x that is not critical.
fn extension(number: u8, value: &[u8]) -> Vec<u8> {
    element(
        0x30,
        &[&[0x06, 3, 0x55, 0x1d, number], &element(0x04, value)[..]].concat(),
    )
}

fn integer(octets: &[u8]) -> Vec<u8> {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let octets = &octets[zeros.min(octets.len() - 1)..];
    let sign: &[u8] = if octets[0] > 0x7f { &[0] } else { &[] };
    element(0x02, &[sign, octets].concat())
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let head: &[u8] = match content.len() {
        ..0x80 => &[tag, length[7]],
        0x80..0x100 => &[tag, 0x81, length[7]],
        _ => &[tag, 0x82, length[6], length[7]],
    };
    [head, content].concat()
}

fn key_of(scalar: &[u8; 32]) -> SigningKey {
    SigningKey::from_pem(pem("EC PRIVATE KEY", &sec1(scalar)).as_bytes()).unwrap()
}

const ISSUER: [u8; 32] = [0x2a; 32];

/// AlgorithmIdentifier without parameters.
const ECDSA_WITH_SHA256: [u8; 12] = [
    0x30, 10, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02,
];
