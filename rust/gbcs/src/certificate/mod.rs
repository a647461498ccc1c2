//! The certificate profile of the smart metering key infrastructure, as far as slots and signatures need it.

mod extensions;
mod name;

pub use extensions::KeyUsageBits;
pub use name::Name;

use crate::der::Reader;
use crate::der::tag;
use crate::error::Fault;
use crate::error::Malformed;
use crate::identifier::Eui64;
use crate::identifier::KeyIdentifier;
use crate::role::RemotePartyRole;
use crate::time::GeneralizedTime;
use crate::time::utc_time_unix_seconds;
use extensions::Extensions;

/// An X.509 certificate of an organisation, a device or an issuing authority, on P-256 with SHA-256 (GBCS 12).
///
/// What it says is read, not judged: neither its signature nor its dates are checked here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// The octets that the issuer signed.
    pub tbs: &'a [u8],
    /// The issuer's signature, DER of r and s.
    pub signature: &'a [u8],
    /// Serial number, the octets of a positive INTEGER.
    pub serial: &'a [u8],
    /// The issuer.
    pub issuer: Name<'a>,
    /// Start of validity, seconds since 1970.
    pub not_before: i64,
    /// End of validity, seconds since 1970. Device certificates have no end: 9999-12-31.
    pub not_after: i64,
    /// The subject; empty in device certificates.
    pub subject: Name<'a>,
    /// The role that the subject's OU gives as two hex digits; `None` without OU or for parties that no cell is for.
    pub role: Option<RemotePartyRole>,
    /// The holder: the subject's x500UniqueIdentifier (organisations) or its HardwareModuleName (devices).
    pub eui: Option<Eui64>,
    /// The public key, an uncompressed point.
    pub public_key: &'a [u8; 65],
    /// What the key is for.
    pub key_usage: Option<KeyUsageBits>,
    /// Whether it may certify others.
    pub is_ca: bool,
    /// How many authorities may follow below.
    pub path_len: Option<u8>,
    /// The key's own identifier.
    pub subject_key_identifier: Option<KeyIdentifier>,
    /// The identifier of the issuer's key.
    pub authority_key_identifier: Option<KeyIdentifier>,
}

impl<'a> Certificate<'a> {
    /// Reads a certificate.
    ///
    /// # Errors
    ///
    /// Every fault of structure; other algorithms and curves; critical extensions that the profile does not have.
    pub fn parse(der: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(der);
        let certificate = reader.sequence(|reader| {
            // Looked into after the signature: what is signed is the element as a whole.
            let tbs = reader.raw(tag::SEQUENCE)?;
            let tbs_end = reader.position();
            read_signature_algorithm(reader)?;
            let signature = read_bit_string(reader)?;
            Self::read_tbs(tbs, tbs_end, signature)
        })?;
        reader.finish()?;
        Ok(certificate)
    }

    fn read_tbs(tbs: &'a [u8], tbs_end: usize, signature: &'a [u8]) -> Result<Self, Malformed> {
        Reader::within(tbs, tbs_end).sequence(|reader| {
            reader.nested(tag::context_constructed(0), |reader| {
                reader.choice(
                    tag::INTEGER,
                    |version| (version == VERSION_3).then_some(()),
                    |found| Fault::UnexpectedOctet {
                        expected: VERSION_3,
                        found,
                    },
                )
            })?;
            let serial = read_serial(reader)?;
            read_signature_algorithm(reader)?;
            let issuer = Name::read(reader)?;
            let (not_before, not_after) =
                reader.sequence(|reader| Ok((read_time(reader)?, read_time(reader)?)))?;
            let subject = Name::read(reader)?;
            let public_key = read_public_key(reader)?;
            let extensions = Extensions::read(reader)?;
            Ok(Self {
                tbs,
                signature,
                serial,
                issuer,
                not_before,
                not_after,
                subject,
                role: subject.role(),
                eui: subject.unique_identifier().or(extensions.hardware_serial),
                public_key,
                key_usage: extensions.key_usage,
                is_ca: extensions.is_ca,
                path_len: extensions.path_len,
                subject_key_identifier: extensions.subject_key_identifier,
                authority_key_identifier: extensions.authority_key_identifier,
            })
        })
    }
}

/// AlgorithmIdentifier of ecdsa-with-SHA256, whose parameters are absent.
fn read_signature_algorithm(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    let at = reader.position();
    let is_ecdsa = reader.sequence(|reader| {
        let algorithm = reader.primitive(tag::OBJECT_IDENTIFIER)?;
        let parameters = reader.rest();
        Ok(algorithm == ECDSA_WITH_SHA256 && parameters.is_empty())
    })?;
    if is_ecdsa {
        Ok(())
    } else {
        Err(Malformed::new(at, Fault::UnsupportedAlgorithm))
    }
}

fn read_serial<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let at = reader.position();
    match reader.primitive(tag::INTEGER)? {
        [] | [0, 0..=0x7F, ..] => Err(Malformed::new(at, Fault::IntegerNotMinimal)),
        [0x80..=0xFF, ..] => Err(Malformed::new(at, Fault::IntegerNegative)),
        serial => Ok(serial),
    }
}

fn read_time(reader: &mut Reader<'_>) -> Result<i64, Malformed> {
    let at = reader.position();
    if reader.next_is(tag::UTC_TIME) {
        return utc_time_unix_seconds(*reader.fixed(tag::UTC_TIME)?)
            .ok_or_else(|| Malformed::new(at, Fault::Time));
    }
    let text = *reader.fixed(tag::GENERALIZED_TIME)?;
    GeneralizedTime::parse(text)
        .map(GeneralizedTime::unix_seconds)
        .ok_or_else(|| Malformed::new(at, Fault::Time))
}

fn read_public_key<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8; 65], Malformed> {
    let at = reader.position();
    reader.sequence(|reader| {
        let is_p256 = reader.sequence(|reader| {
            let algorithm = reader.primitive(tag::OBJECT_IDENTIFIER)?;
            let curve = reader.rest();
            Ok(algorithm == EC_PUBLIC_KEY && curve == PRIME256V1)
        })?;
        match read_bit_string(reader)?.as_array() {
            Some(point) if is_p256 && point[0] == UNCOMPRESSED => Ok(point),
            _ => Err(Malformed::new(at, Fault::UnsupportedKey)),
        }
    })
}

/// A BIT STRING of whole octets.
fn read_bit_string<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let at = reader.position();
    match reader.primitive(tag::BIT_STRING)? {
        [0, octets @ ..] => Ok(octets),
        _ => Err(Malformed::new(at, Fault::BitString)),
    }
}

const VERSION_3: u8 = 2;
/// SEC 1, 2.3.3: the first octet of an uncompressed point.
const UNCOMPRESSED: u8 = 4;
/// 1.2.840.10045.4.3.2
const ECDSA_WITH_SHA256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];
/// 1.2.840.10045.2.1
const EC_PUBLIC_KEY: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
/// 1.2.840.10045.3.1.7, as the whole element that the parameters are.
const PRIME256V1: &[u8] = &[0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
