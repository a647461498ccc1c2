//! Certificates of the profile, as long as real ones.

use slotkeeper_gbcs::{Eui64, KeyIdentifier, KeyUsage};

use super::keys::{SigningPair, identifier};

/// Who issues: the key, and the name that goes into what it issues.
pub(crate) struct Issuer<'a> {
    pub(crate) name: &'a str,
    pub(crate) pair: &'a SigningPair,
}

/// Whose certificate it is.
#[derive(Clone, Copy)]
pub(crate) enum Subject<'a> {
    Authority(&'a str),
    Device(Eui64),
    /// The role is two hex digits.
    Organisation {
        role: &'a str,
        eui: Eui64,
    },
}

/// Writes and signs a certificate.
pub(crate) fn certificate(
    subject: Subject<'_>,
    point: &[u8; 65],
    usage: KeyUsage,
    issuer: &Issuer<'_>,
) -> Vec<u8> {
    let (subject_name, not_after): (_, &[u8]) = match subject {
        Subject::Authority(name) => (authority_name(name), b"450101000000Z"),
        Subject::Device(_) => (element(SEQUENCE, &[]), b"99991231235959Z"),
        Subject::Organisation { role, eui } => {
            let unit = attribute(ORGANIZATIONAL_UNIT, UTF8_STRING, role.as_bytes());
            let octets = [&[0][..], &eui.to_bytes()].concat();
            let identifier = attribute(UNIQUE_IDENTIFIER, BIT_STRING, &octets);
            (
                element(SEQUENCE, &[&unit, &identifier]),
                &b"450101000000Z"[..],
            )
        }
    };
    let end_tag = if not_after.len() == 13 {
        UTC_TIME
    } else {
        GENERALIZED_TIME
    };
    let validity = [
        element(UTC_TIME, &[b"150101000000Z"]),
        element(end_tag, &[not_after]),
    ];
    let algorithm = element(SEQUENCE, &[ECDSA_WITH_SHA256]);
    let to_be_signed = element(
        SEQUENCE,
        &[
            &[0xA0, 3, INTEGER, 1, 2],
            &element(INTEGER, &[&[0x4F; 16]]),
            &algorithm,
            &authority_name(issuer.name),
            &element(SEQUENCE, &[&validity.concat()]),
            &subject_name,
            &element(
                SEQUENCE,
                &[P256_KEY, &element(BIT_STRING, &[&[0], &point[..]])],
            ),
            &element(
                0xA3,
                &[&element(
                    SEQUENCE,
                    &[&extensions(subject, point, usage, issuer).concat()],
                )],
            ),
        ],
    );
    let signature = issuer.pair.sign_der(&to_be_signed);
    element(
        SEQUENCE,
        &[
            &to_be_signed,
            &algorithm,
            &element(BIT_STRING, &[&[0], &signature]),
        ],
    )
}

fn extensions(
    subject: Subject<'_>,
    point: &[u8; 65],
    usage: KeyUsage,
    issuer: &Issuer<'_>,
) -> Vec<Vec<u8>> {
    let bits: [u8; 2] = match usage {
        KeyUsage::DigitalSignature => [7, 0x80],
        KeyUsage::KeyAgreement => [3, 0x08],
        KeyUsage::KeyCertSign => [2, 0x04],
    };
    let KeyIdentifier(own) = identifier(point);
    let KeyIdentifier(authority) = identifier(&issuer.pair.point);
    let policy = element(SEQUENCE, &[&element(SEQUENCE, &[POLICY])]);
    let mut extensions = vec![
        extension(15, true, &element(BIT_STRING, &[&bits])),
        extension(14, false, &element(OCTET_STRING, &[&own])),
        extension(
            35,
            false,
            &element(SEQUENCE, &[&element(0x80, &[&authority])]),
        ),
        extension(32, true, &policy),
    ];
    match subject {
        Subject::Authority(_) => {
            let constraints = element(SEQUENCE, &[&[1, 1, 0xFF, INTEGER, 1, 0]]);
            extensions.push(extension(19, true, &constraints));
        }
        Subject::Device(eui) => {
            let module = element(
                SEQUENCE,
                &[HARDWARE_TYPE, &element(OCTET_STRING, &[&eui.to_bytes()])],
            );
            let name = element(0xA0, &[HARDWARE_MODULE_NAME, &element(0xA0, &[&module])]);
            extensions.push(extension(17, true, &element(SEQUENCE, &[&name])));
        }
        Subject::Organisation { .. } => {}
    }
    extensions
}

fn authority_name(name: &str) -> Vec<u8> {
    let unit = attribute(ORGANIZATIONAL_UNIT, UTF8_STRING, b"07");
    let common_name = attribute(COMMON_NAME, UTF8_STRING, name.as_bytes());
    element(SEQUENCE, &[&unit, &common_name])
}

fn extension(number: u8, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[1, 1, 0xFF] } else { &[] };
    let name = [6, 3, 0x55, 0x1D, number];
    element(
        SEQUENCE,
        &[&name, critical, &element(OCTET_STRING, &[value])],
    )
}

fn attribute(identifier: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
    let pair = element(
        SEQUENCE,
        &[&element(6, &[identifier]), &element(tag, &[value])],
    );
    element(0x31, &[&pair])
}

/// A DER element with its length in the shortest form.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let [.., high, low] = content.len().to_be_bytes();
    let head = match content.len() {
        0..0x80 => vec![tag, low],
        0x80..0x100 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head, content].concat()
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const UTF8_STRING: u8 = 0x0C;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// 2.5.4.3, .11 and .45
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ORGANIZATIONAL_UNIT: &[u8] = &[0x55, 4, 11];
const UNIQUE_IDENTIFIER: &[u8] = &[0x55, 4, 45];
/// 1.2.840.10045.4.3.2, a whole element.
const ECDSA_WITH_SHA256: &[u8] = &[6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2];
/// 1.2.840.10045.2.1 and 1.2.840.10045.3.1.7, the whole AlgorithmIdentifier.
const P256_KEY: &[u8] = &[
    0x30, 0x13, 6, 7, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1, 6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1,
    7,
];
/// 1.3.6.1.5.5.7.8.4, a whole element.
const HARDWARE_MODULE_NAME: &[u8] = &[6, 8, 0x2B, 6, 1, 5, 5, 7, 8, 4];
/// Arcs below 2.999, the arc for examples, as long as the real ones.
const POLICY: &[u8] = &[6, 12, 0x88, 0x37, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1];
const HARDWARE_TYPE: &[u8] = &[6, 12, 0x88, 0x37, 1, 2, 3, 4, 5, 6, 7, 8, 9, 2];
