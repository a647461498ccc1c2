//! A public key infrastructure for tests: certificates of the profile, built element by element.

use std::fs;
use std::path::Path;

use slotkeeper_crypto::{AgreementKey, KrpSigner, SigningKey};
use slotkeeper_gbcs::{Eui64, KeyIdentifier, KeyUsage};

use super::der::{element, integer, pem, sec1};

/// A private key and the certificate of its public half.
pub(crate) struct Identity {
    pub(crate) eui: Eui64,
    pub(crate) certificate: Vec<u8>,
    scalar: [u8; 32],
}

/// Who signs a certificate.
pub(crate) struct Issuer {
    name: Vec<u8>,
    scalar: [u8; 32],
    pub(crate) certificate: Vec<u8>,
}

/// From and to, `YYMMDDhhmmssZ` or with a year of four digits.
#[derive(Clone, Copy)]
pub(crate) struct Validity(pub(crate) &'static str, pub(crate) &'static str);

impl Validity {
    /// As long as a certificate of a device.
    pub(crate) const LONG: Self = Self("150101000000Z", "99991231235959Z");
}

impl Identity {
    /// An organisation with a role as two hex digits, or a device with the role `None`.
    pub(crate) fn new(eui: u64, role: Option<&str>, usage: KeyUsage, scalar: [u8; 32]) -> Self {
        let issuer = Issuer::new("07", None, [0x2a; 32]);
        Self::issued(&issuer, eui, role, usage, scalar, Validity::LONG)
    }

    /// The same, by an issuer and for a time.
    pub(crate) fn issued(
        issuer: &Issuer,
        eui: u64,
        role: Option<&str>,
        usage: KeyUsage,
        scalar: [u8; 32],
        validity: Validity,
    ) -> Self {
        let eui = Eui64::from_u64(eui);
        let subject = role.map_or_else(Vec::new, |role| {
            let identifier = element(0x03, &[&[0], &eui.to_bytes()[..]].concat());
            [organisational_unit(role), attribute(0x2d, &identifier)].concat()
        });
        let mut extensions = extension(0x0f, &key_usage(usage));
        if role.is_none() {
            extensions.extend(hardware_module_name(eui));
        }
        let certificate = certificate(issuer, &subject, &scalar, validity, &extensions);
        Self {
            eui,
            certificate,
            scalar,
        }
    }

    pub(crate) fn signing_key(&self) -> SigningKey {
        key_of(&self.scalar)
    }

    pub(crate) fn agreement_key(&self) -> AgreementKey {
        AgreementKey::from_pem(self.key_pem().as_bytes()).unwrap()
    }

    /// The subject key identifier: of these certificates, the last octets of the public key.
    pub(crate) fn identifier(&self) -> KeyIdentifier {
        identifier(&self.scalar)
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

impl Issuer {
    /// An issuing authority under another one, or a root by itself.
    pub(crate) fn new(unit: &str, above: Option<&Self>, scalar: [u8; 32]) -> Self {
        Self::valid(unit, above, scalar, Validity::LONG)
    }

    /// The same, for a time.
    pub(crate) fn valid(
        unit: &str,
        above: Option<&Self>,
        scalar: [u8; 32],
        validity: Validity,
    ) -> Self {
        let authority = extension(0x13, &element(0x30, &[0x01, 1, 0xff]));
        Self::with(
            unit,
            above,
            scalar,
            validity,
            KeyUsage::KeyCertSign,
            &authority,
        )
    }

    /// What would issue without being an authority.
    pub(crate) fn without_authority(unit: &str, above: &Self, scalar: [u8; 32]) -> Self {
        let usage = KeyUsage::KeyCertSign;
        Self::with(unit, Some(above), scalar, Validity::LONG, usage, &[])
    }

    fn with(
        unit: &str,
        above: Option<&Self>,
        scalar: [u8; 32],
        validity: Validity,
        usage: KeyUsage,
        extensions: &[u8],
    ) -> Self {
        let name = organisational_unit(unit);
        let mut issuer = Self {
            name: name.clone(),
            scalar,
            certificate: Vec::new(),
        };
        let extensions = [&extension(0x0f, &key_usage(usage))[..], extensions].concat();
        issuer.certificate = certificate(
            above.unwrap_or(&issuer),
            &name,
            &scalar,
            validity,
            &extensions,
        );
        issuer
    }
}

/// Signs what is said about a key.
fn certificate(
    issuer: &Issuer,
    subject: &[u8],
    scalar: &[u8; 32],
    Validity(from, to): Validity,
    extensions: &[u8],
) -> Vec<u8> {
    let key = key_of(scalar).public_key();
    let time = |text: &str| element(if text.len() == 13 { 0x17 } else { 0x18 }, text.as_bytes());
    let algorithm = [
        0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d,
        0x03, 0x01, 0x07,
    ];
    let bits = element(0x03, &[&[0], &key.as_bytes()[..]].concat());
    let extensions = [
        extensions,
        &extension(0x0e, &element(0x04, &identifier(scalar).0)),
        &extension(
            0x23,
            &element(0x30, &element(0x80, &identifier(&issuer.scalar).0)),
        ),
    ]
    .concat();
    let tbs = element(
        0x30,
        &[
            &[0xa0, 3, 0x02, 1, 2, 0x02, 1, 1][..],
            &ECDSA_WITH_SHA256,
            &element(0x30, &issuer.name),
            &element(0x30, &[time(from), time(to)].concat()),
            &element(0x30, subject),
            &element(0x30, &[&element(0x30, &algorithm)[..], &bits].concat()),
            &element(0xa3, &element(0x30, &extensions)),
        ]
        .concat(),
    );
    let signature = key_of(&issuer.scalar).sign(&tbs).unwrap();
    let (r, s) = signature.split_at(32);
    let signature = element(0x30, &[integer(r), integer(s)].concat());
    let bits = element(0x03, &[&[0], &signature[..]].concat());
    element(0x30, &[&tbs, &ECDSA_WITH_SHA256[..], &bits].concat())
}

fn organisational_unit(value: &str) -> Vec<u8> {
    attribute(0x0b, &element(0x0c, value.as_bytes()))
}

/// A name's attribute 2.5.4.x.
fn attribute(number: u8, value: &[u8]) -> Vec<u8> {
    element(
        0x31,
        &element(0x30, &[&[0x06, 3, 0x55, 0x04, number], value].concat()),
    )
}

fn hardware_module_name(eui: Eui64) -> Vec<u8> {
    // Any object identifier does for the hardware's type.
    let name = element(
        0x30,
        &[&[0x06, 1, 0x2a], &element(0x04, &eui.to_bytes())[..]].concat(),
    );
    let other_name = [0x06, 8, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, 0x04];
    let other = element(0xa0, &[&other_name[..], &element(0xa0, &name)].concat());
    extension(0x11, &element(0x30, &other))
}

fn key_usage(usage: KeyUsage) -> Vec<u8> {
    let bits = match usage {
        KeyUsage::DigitalSignature => [7, 0x80],
        KeyUsage::KeyAgreement => [3, 0x08],
        KeyUsage::KeyCertSign => [2, 0x04],
    };
    element(0x03, &bits)
}

/// An extension 2.5.29.x that is not critical.
fn extension(number: u8, value: &[u8]) -> Vec<u8> {
    element(
        0x30,
        &[&[0x06, 3, 0x55, 0x1d, number], &element(0x04, value)[..]].concat(),
    )
}

fn identifier(scalar: &[u8; 32]) -> KeyIdentifier {
    let point = key_of(scalar).public_key();
    KeyIdentifier(*point.as_bytes().last_chunk().unwrap())
}

fn key_of(scalar: &[u8; 32]) -> SigningKey {
    SigningKey::from_pem(pem("EC PRIVATE KEY", &sec1(scalar)).as_bytes()).unwrap()
}

/// AlgorithmIdentifier without parameters.
const ECDSA_WITH_SHA256: [u8; 12] = [
    0x30, 10, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02,
];
