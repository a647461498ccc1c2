//! What one row proves by itself: the device's signature over the message, and whose key made it.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use slotkeeper_crypto::{CompressedPublicKey, PublicKey, sha256, verify_krp};
use slotkeeper_gbcs::{Certificate, Eui64, KeyUsage, KeyUsageBits, Message, Signature};

use super::files;
use super::row::{Row, digest_of};
use crate::evidence::P256_INFO;
use crate::paths::has_issued;

/// How well a row is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Signed by the device, whose certificate one of the package's issuing certificates has signed.
    Anchored,
    /// Signed by the key of a certificate of the device, whose issuer is not in the package.
    Certified,
    /// Signed by a key that no certificate says is the device's.
    BareKey,
    /// Not signed by a device, or nobody could tell when it was decided.
    Unverified,
}

/// What is wrong with a row.
pub(super) type Fault = &'static str;

/// What a line says of itself.
pub(super) struct Judged {
    /// Device and place in `slot-evidence`, by which rows are sorted; `None` for a line that is no row.
    pub(super) place: Option<(Eui64, u64)>,
    /// Partition and number of the decision in its chain.
    pub(super) decision: Option<(u32, u64)>,
    pub(super) proof: Result<Proof, Fault>,
}

/// Judges rows by the certificates of a package.
pub(super) struct Judge {
    certificates: PathBuf,
    issuing: Vec<Vec<u8>>,
}

impl Judge {
    /// Reads the issuing certificates; those of devices are read as rows name them.
    pub(super) fn open(package: &Path) -> Self {
        let certificates = package.join(CERTIFICATES);
        let folder = std::fs::read_dir(certificates.join(ISSUING));
        let entries = folder.into_iter().flatten().flatten().take(MOST_ISSUING);
        let issuing = entries
            .filter_map(|entry| certificate_file(&entry.path()))
            .collect();
        Self {
            certificates,
            issuing,
        }
    }

    pub(super) fn judge(&self, line: &[u8]) -> Judged {
        let Some(row) = Row::read(line) else {
            return Judged {
                place: None,
                decision: None,
                proof: Err("it is no row as they are written"),
            };
        };
        let device = Eui64::parse(row.device.as_bytes())
            .filter(|device| device.canonical() == row.device.as_bytes());
        let proof = match device {
            Some(device) => self.prove(&row, device),
            None => Err("its device is no EUI-64"),
        };
        Judged {
            place: device.map(|device| (device, row.evidence_offset)),
            decision: row.audit.number.map(|number| (row.audit.partition, number)),
            proof,
        }
    }

    fn prove(&self, row: &Row<'_>, device: Eui64) -> Result<Proof, Fault> {
        digest_of(row.audit.sha256).ok_or("its digest of the decision is none")?;
        let octets = crate::base64::decode(row.message.as_bytes())
            .ok_or("its message is no standard base64")?;
        let certificate = row.certificate.map(|name| self.read(name)).transpose()?;
        // What was verified by a MAC has no key either: it proves nothing to others.
        let Some(info) = row.public_key else {
            return Ok(Proof::Unverified);
        };
        let message = Message::decode(&octets).map_err(|_| "its message cannot be read")?;
        if message.device() != device {
            return Err("its message is another device's");
        }
        let Signature::Present(signature) = message.signature else {
            return Err("its message has no signature");
        };
        let info = crate::base64::decode(info.as_bytes());
        let point = info
            .as_deref()
            .and_then(point_of)
            .ok_or("its public key is none on P-256")?;
        if !point.has_signed(message.signed_octets(), signature) {
            return Err("its message was not signed with that key");
        }
        let Some(der) = certificate else {
            return Ok(Proof::BareKey);
        };
        let certificate = Certificate::parse(&der).map_err(|_| "its certificate cannot be read")?;
        if certificate.eui != Some(device) {
            return Err("its certificate is another device's");
        }
        let signs = |usage: KeyUsageBits| usage.allows(KeyUsage::DigitalSignature);
        if !certificate.key_usage.is_some_and(signs) {
            return Err("its certificate is not one for signatures");
        }
        if !point.is_of(certificate.public_key) {
            return Err("its public key is not that of its certificate");
        }
        let anchored = self.issuing.iter().any(|issuer| {
            Certificate::parse(issuer).is_ok_and(|issuer| has_issued(&issuer, &certificate))
        });
        Ok(if anchored {
            Proof::Anchored
        } else {
            Proof::Certified
        })
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, Fault> {
        let digest = digest_of(name).ok_or("its certificate has no name of one")?;
        let file = self.certificates.join(format!("{name}.der"));
        certificate_file(&file)
            .filter(|der| sha256(der) == digest)
            .ok_or("its certificate is not in the package")
    }
}

/// A public key in either form.
enum Point {
    Whole(PublicKey),
    Compressed(CompressedPublicKey),
}

impl Point {
    fn has_signed(&self, octets: &[u8], signature: &[u8; 64]) -> bool {
        match self {
            Self::Whole(key) => verify_krp(key, octets, signature).is_ok(),
            Self::Compressed(key) => verify_krp(key, octets, signature).is_ok(),
        }
    }

    fn is_of(&self, uncompressed: &[u8]) -> bool {
        PublicKey::from_uncompressed(uncompressed).is_ok_and(|key| match self {
            Self::Whole(own) => *own == key,
            Self::Compressed(own) => *own == key.compress(),
        })
    }
}

/// The point of a `SubjectPublicKeyInfo`.
fn point_of(info: &[u8]) -> Option<Point> {
    if let Some(point) = info.strip_prefix(&P256_INFO) {
        return PublicKey::from_uncompressed(point).ok().map(Point::Whole);
    }
    let point = info.strip_prefix(&P256_COMPRESSED_INFO)?.try_into().ok()?;
    Some(Point::Compressed(CompressedPublicKey(point)))
}

fn certificate_file(path: &Path) -> Option<Vec<u8>> {
    let mut der = Vec::new();
    let file = files::open(path).ok()?;
    file.take(LARGEST_CERTIFICATE).read_to_end(&mut der).ok()?;
    Some(der)
}

const CERTIFICATES: &str = "certificates";
const ISSUING: &str = "issuing";
/// As [`P256_INFO`], of a compressed point.
const P256_COMPRESSED_INFO: [u8; 26] = {
    let mut info = P256_INFO;
    info[1] = 0x39;
    info[24] = 0x22;
    info
};
/// Octets; a device's certificate has some 500, an issuing authority's some 800.
const LARGEST_CERTIFICATE: u64 = 16 * 1024;
/// More than the smart metering key infrastructure has ever had.
const MOST_ISSUING: usize = 64;
