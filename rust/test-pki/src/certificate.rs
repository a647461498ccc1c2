//! Certificates of the profile, as long as real ones.

use crate::der::{
    BIT_STRING, GENERALIZED_TIME, INTEGER, OCTET_STRING, PRINTABLE_STRING, SEQUENCE, UTC_TIME,
    UTF8_STRING, attribute, element, extension,
};
use crate::key::{Key, P256, key_identifier};

/// What a certificate is made of. Members may be changed before it is signed, to make one that is no good.
#[derive(Clone)]
pub struct Certificate {
    /// The content of the INTEGER.
    pub serial: Vec<u8>,
    /// A name, a whole element.
    pub issuer: Vec<u8>,
    /// From and to.
    pub validity: Validity,
    /// A name, a whole element.
    pub subject: Vec<u8>,
    /// The object identifier of the key's curve, a whole element.
    pub curve: Vec<u8>,
    /// The public key.
    pub point: Vec<u8>,
    /// What stands in both AlgorithmIdentifiers of the signature.
    pub algorithm: Vec<u8>,
    /// Key usage first; whole elements.
    pub extensions: Vec<Vec<u8>>,
}

/// Whose certificate it is.
#[derive(Clone, Copy)]
pub enum Subject<'a> {
    /// A name, a whole element.
    Authority(&'a [u8]),
    /// An EUI-64.
    Device(u64),
    /// The role is two hex digits.
    Organisation {
        /// Remote Party Role.
        role: &'a str,
        /// EUI-64.
        eui: u64,
    },
}

/// What the key is for; the number is the bit's.
#[derive(Clone, Copy)]
pub enum Usage {
    /// Of messages.
    DigitalSignature = 0,
    /// Of the MAC's secret.
    KeyAgreement = 4,
    /// Of certificates.
    KeyCertSign = 5,
}

/// From and to, `YYMMDDhhmmssZ` or with a year of four digits.
#[derive(Clone, Copy)]
pub struct Validity(pub &'static str, pub &'static str);

impl Validity {
    /// As long as a certificate of a device.
    pub const LONG: Self = Self("150101000000Z", "99991231235959Z");
}

impl Certificate {
    /// A certificate by an issuer with a name and a key identifier, as long as [`Validity::LONG`].
    pub fn new(
        subject: Subject<'_>,
        usage: Usage,
        point: &[u8; 65],
        issuer: &[u8],
        issuer_identifier: [u8; 8],
    ) -> Self {
        let bit = usage as u8;
        let policies = element(SEQUENCE, &[&element(SEQUENCE, &[POLICY])]);
        let issued_by = element(SEQUENCE, &[&element(0x80, &[&issuer_identifier])]);
        let own_identifier = element(OCTET_STRING, &[&key_identifier(point)]);
        let mut extensions = vec![
            extension(15, true, &element(BIT_STRING, &[&[7 - bit, 0x80 >> bit]])),
            extension(14, false, &own_identifier),
            extension(35, false, &issued_by),
            extension(32, true, &policies),
        ];
        let subject = match subject {
            Subject::Authority(name) => {
                extensions.push(extension(19, true, &element(SEQUENCE, &[&[1, 1, 0xFF]])));
                name.to_vec()
            }
            Subject::Device(eui) => {
                extensions.push(extension(17, true, &hardware_module_name(eui)));
                element(SEQUENCE, &[])
            }
            Subject::Organisation { role, eui } => {
                let unit = attribute(ORGANIZATIONAL_UNIT, UTF8_STRING, role.as_bytes());
                let octets = [&[0][..], &eui.to_be_bytes()].concat();
                let identifier = attribute(UNIQUE_IDENTIFIER, BIT_STRING, &octets);
                element(SEQUENCE, &[&unit, &identifier])
            }
        };
        Self {
            serial: vec![0x4F; 16],
            issuer: issuer.to_vec(),
            validity: Validity::LONG,
            subject,
            curve: P256.to_vec(),
            point: point.to_vec(),
            algorithm: ECDSA_WITH_SHA256.to_vec(),
            extensions,
        }
    }

    /// The whole certificate, signed by a key.
    pub fn signed(&self, by: &Key) -> Vec<u8> {
        self.with_signature(&by.sign(&self.to_be_signed()))
    }

    /// The whole certificate with any octets for a signature.
    pub fn with_signature(&self, signature: &[u8]) -> Vec<u8> {
        element(
            SEQUENCE,
            &[
                &self.to_be_signed(),
                &element(SEQUENCE, &[&self.algorithm]),
                &element(BIT_STRING, &[&[0], signature]),
            ],
        )
    }

    fn to_be_signed(&self) -> Vec<u8> {
        let Validity(from, to) = self.validity;
        let key_algorithm = element(SEQUENCE, &[EC_PUBLIC_KEY, &self.curve]);
        let point = element(BIT_STRING, &[&[0], &self.point]);
        let extensions = element(SEQUENCE, &[&self.extensions.concat()]);
        element(
            SEQUENCE,
            &[
                &[0xA0, 3, INTEGER, 1, 2],
                &element(INTEGER, &[&self.serial]),
                &element(SEQUENCE, &[&self.algorithm]),
                &self.issuer,
                &element(SEQUENCE, &[&time(from), &time(to)]),
                &self.subject,
                &element(SEQUENCE, &[&key_algorithm, &point]),
                &element(0xA3, &[&extensions]),
            ],
        )
    }
}

/// The name of an authority: `OU=<unit>, CN=<common name>`.
pub fn authority_name(unit: &str, common_name: &str) -> Vec<u8> {
    let unit = attribute(ORGANIZATIONAL_UNIT, PRINTABLE_STRING, unit.as_bytes());
    let common_name = attribute(COMMON_NAME, PRINTABLE_STRING, common_name.as_bytes());
    element(SEQUENCE, &[&unit, &common_name])
}

fn hardware_module_name(eui: u64) -> Vec<u8> {
    let serial = element(OCTET_STRING, &[&eui.to_be_bytes()]);
    let module = element(SEQUENCE, &[HARDWARE_TYPE, &serial]);
    let name = element(0xA0, &[HARDWARE_MODULE_NAME, &element(0xA0, &[&module])]);
    element(SEQUENCE, &[&name])
}

fn time(text: &str) -> Vec<u8> {
    let tag = if text.len() == 13 {
        UTC_TIME
    } else {
        GENERALIZED_TIME
    };
    element(tag, &[text.as_bytes()])
}

/// 2.5.4.3, .11 and .45
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ORGANIZATIONAL_UNIT: &[u8] = &[0x55, 4, 11];
const UNIQUE_IDENTIFIER: &[u8] = &[0x55, 4, 45];
/// 1.2.840.10045.4.3.2, a whole element.
const ECDSA_WITH_SHA256: &[u8] = &[6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2];
/// 1.2.840.10045.2.1, a whole element.
const EC_PUBLIC_KEY: &[u8] = &[6, 7, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1];
/// 1.3.6.1.5.5.7.8.4, a whole element.
const HARDWARE_MODULE_NAME: &[u8] = &[6, 8, 0x2B, 6, 1, 5, 5, 7, 8, 4];
/// Arcs below 2.999, the arc for examples, as long as the real ones.
const POLICY: &[u8] = &[6, 12, 0x88, 0x37, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1];
const HARDWARE_TYPE: &[u8] = &[6, 12, 0x88, 0x37, 1, 2, 3, 4, 5, 6, 7, 8, 9, 2];
