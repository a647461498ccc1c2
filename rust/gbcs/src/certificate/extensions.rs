//! Certificate extensions of the profile.

use crate::der::Reader;
use crate::der::tag;
use crate::error::Fault;
use crate::error::Malformed;
use crate::error::Whose;
use crate::identifier::Eui64;
use crate::identifier::KeyIdentifier;
use crate::role::KeyUsage;

/// The `keyUsage` extension, one bit a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyUsageBits(u16);

impl KeyUsageBits {
    /// Whether the key may be used for it.
    pub const fn allows(self, usage: KeyUsage) -> bool {
        self.0 & Self::of(usage) != 0
    }

    /// The one use that a cell knows, if the key is for that alone.
    pub fn only(self) -> Option<KeyUsage> {
        [
            KeyUsage::DigitalSignature,
            KeyUsage::KeyAgreement,
            KeyUsage::KeyCertSign,
        ]
        .into_iter()
        .find(|usage| self.0 == Self::of(*usage))
    }

    const fn of(usage: KeyUsage) -> u16 {
        let [_, bits] = usage.bit_string();
        (bits as u16) << 8
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = reader.position();
        match *reader.primitive(tag::BIT_STRING)? {
            [0..8, first] => Ok(Self(u16::from_be_bytes([first, 0]))),
            [0..8, first, second] => Ok(Self(u16::from_be_bytes([first, second]))),
            _ => Err(Malformed::new(at, Fault::BitString)),
        }
    }
}

/// What the extensions say.
#[derive(Default)]
pub(super) struct Extensions {
    pub(super) key_usage: Option<KeyUsageBits>,
    pub(super) is_ca: bool,
    pub(super) path_len: Option<u8>,
    pub(super) subject_key_identifier: Option<KeyIdentifier>,
    pub(super) authority_key_identifier: Option<KeyIdentifier>,
    pub(super) hardware_serial: Option<Eui64>,
}

impl Extensions {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut extensions = Self::default();
        let mut seen = 0_u8;
        reader.nested(tag::context_constructed(3), |reader| {
            reader.sequence(|reader| {
                while !reader.is_empty() {
                    reader.sequence(|reader| extensions.read_one(reader, &mut seen))?;
                }
                Ok(())
            })
        })?;
        Ok(extensions)
    }

    fn read_one(&mut self, reader: &mut Reader<'_>, seen: &mut u8) -> Result<(), Malformed> {
        let at = reader.position();
        let identifier = reader.primitive(tag::OBJECT_IDENTIFIER)?;
        let is_critical = reader.next_is(tag::BOOLEAN) && *reader.fixed(tag::BOOLEAN)? != [0];
        let known = KNOWN.iter().position(|known| identifier == *known);
        match known {
            None if is_critical => {
                return Err(Malformed::new(at, Fault::UnknownCriticalExtension));
            }
            Some(index) if *seen & 1 << index != 0 => {
                return Err(Malformed::new(at, Fault::DuplicateExtension));
            }
            Some(index) => *seen |= 1 << index,
            None => {}
        }
        reader.nested(tag::OCTET_STRING, |reader| match identifier {
            AUTHORITY_KEY_IDENTIFIER => self.read_authority_key_identifier(reader),
            BASIC_CONSTRAINTS => self.read_basic_constraints(reader),
            KEY_USAGE => {
                self.key_usage = Some(KeyUsageBits::read(reader)?);
                Ok(())
            }
            SUBJECT_ALT_NAME => self.read_subject_alt_name(reader),
            SUBJECT_KEY_IDENTIFIER => {
                self.subject_key_identifier = Some(read_key_identifier(
                    reader,
                    tag::OCTET_STRING,
                    Whose::Subject,
                )?);
                Ok(())
            }
            // certificatePolicies names policies, which nothing here depends on; the rest is not critical.
            _ => {
                reader.rest();
                Ok(())
            }
        })
    }

    fn read_authority_key_identifier(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.sequence(|reader| {
            if reader.next_is(tag::context(0)) {
                self.authority_key_identifier = Some(read_key_identifier(
                    reader,
                    tag::context(0),
                    Whose::Authority,
                )?);
            }
            reader.rest();
            Ok(())
        })
    }

    fn read_basic_constraints(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.sequence(|reader| {
            self.is_ca = reader.next_is(tag::BOOLEAN) && *reader.fixed(tag::BOOLEAN)? != [0];
            if reader.next_is(tag::INTEGER) {
                let beyond = |_| Fault::IntegerTooLarge;
                self.path_len = Some(reader.choice(tag::INTEGER, Some, beyond)?);
            }
            Ok(())
        })
    }

    /// The serial number of a HardwareModuleName (RFC 4108), where a device certificate has its EUI-64.
    fn read_subject_alt_name(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.sequence(|reader| {
            while !reader.is_empty() {
                if !reader.next_is(OTHER_NAME) {
                    reader.any()?;
                    continue;
                }
                reader.nested(OTHER_NAME, |reader| {
                    if reader.primitive(tag::OBJECT_IDENTIFIER)? != HARDWARE_MODULE_NAME {
                        reader.rest();
                        return Ok(());
                    }
                    reader.nested(tag::context_constructed(0), |reader| {
                        reader.sequence(|reader| {
                            reader.primitive(tag::OBJECT_IDENTIFIER)?;
                            let serial = reader.fixed(tag::OCTET_STRING)?;
                            self.hardware_serial = Some(Eui64::from_bytes(*serial));
                            Ok(())
                        })
                    })
                })?;
            }
            Ok(())
        })
    }
}

fn read_key_identifier(
    reader: &mut Reader<'_>,
    tag: u8,
    which: Whose,
) -> Result<KeyIdentifier, Malformed> {
    let at = reader.position();
    let octets = reader.primitive(tag)?;
    let fault = || Fault::KeyIdentifierLength {
        which,
        octets: u8::try_from(octets.len()).unwrap_or(u8::MAX),
    };
    octets
        .as_array()
        .map(|octets| KeyIdentifier(*octets))
        .ok_or_else(|| Malformed::new(at, fault()))
}

/// 2.5.29.14, .15, .17, .19, .32 and .35
const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1D, 0x0E];
const KEY_USAGE: &[u8] = &[0x55, 0x1D, 0x0F];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1D, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1D, 0x13];
const CERTIFICATE_POLICIES: &[u8] = &[0x55, 0x1D, 0x20];
const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1D, 0x23];
const KNOWN: [&[u8]; 6] = [
    AUTHORITY_KEY_IDENTIFIER,
    BASIC_CONSTRAINTS,
    CERTIFICATE_POLICIES,
    KEY_USAGE,
    SUBJECT_ALT_NAME,
    SUBJECT_KEY_IDENTIFIER,
];
/// GeneralName otherName.
const OTHER_NAME: u8 = tag::context_constructed(0);
/// 1.3.6.1.5.5.7.8.4
const HARDWARE_MODULE_NAME: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, 0x04];
