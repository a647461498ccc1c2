//! Distinguished names.

use std::fmt;

use crate::der::Reader;
use crate::der::tag;
use crate::error::Malformed;
use crate::identifier::Eui64;
use crate::identifier::hex_value;
use crate::role::RemotePartyRole;

/// A distinguished name. Shown in the certificate's order, as in `OU=07, CN=Z1`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name<'a> {
    der: &'a [u8],
}

impl<'a> Name<'a> {
    /// The whole element: what issuer and subject are compared by.
    pub fn der(&self) -> &'a [u8] {
        self.der
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let mut whole = reader.clone();
        for_each_attribute(reader, |_| {})?;
        Ok(Self {
            der: whole.octets(whole.remaining() - reader.remaining())?,
        })
    }

    /// The role that OU gives as two hex digits.
    pub(super) fn role(&self) -> Option<RemotePartyRole> {
        match *self.value_of(ORGANIZATIONAL_UNIT)? {
            [high, low] => RemotePartyRole::from_number(hex_value(high)? << 4 | hex_value(low)?),
            _ => None,
        }
    }

    /// The EUI-64 of an organisation: x500UniqueIdentifier, a BIT STRING of eight octets.
    pub(super) fn unique_identifier(&self) -> Option<Eui64> {
        eui64(self.value_of(UNIQUE_IDENTIFIER)?)
    }

    /// Why the subject's x500UniqueIdentifier is no EUI-64, in words for whoever made the certificate.
    pub fn unique_identifier_problem(&self) -> Option<&'static str> {
        let mut problem = Some("the subject has no x500UniqueIdentifier (2.5.4.45)");
        self.visit(|attribute| {
            if attribute.type_identifier == UNIQUE_IDENTIFIER {
                problem = if attribute.value_tag != tag::BIT_STRING {
                    Some("the subject's unique identifier must be a BIT STRING")
                } else if eui64(attribute.value).is_none() {
                    Some("the subject's unique identifier must be the 8 octets of an EUI-64")
                } else {
                    None
                };
            }
        });
        problem
    }

    fn value_of(&self, type_identifier: &[u8]) -> Option<&'a [u8]> {
        let mut value = None;
        self.visit(|attribute| {
            if attribute.type_identifier == type_identifier {
                value = Some(attribute.value);
            }
        });
        value
    }

    fn visit(&self, visitor: impl FnMut(Attribute<'a>)) {
        // Read before it became a name, so it can be read again.
        let _ = for_each_attribute(&mut Reader::new(self.der), visitor);
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut result = Ok(());
        let mut separator = "";
        self.visit(|attribute| {
            result = result.and_then(|()| {
                f.write_str(separator)?;
                attribute.fmt(f)
            });
            separator = ", ";
        });
        result
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

struct Attribute<'a> {
    type_identifier: &'a [u8],
    value_tag: u8,
    value: &'a [u8],
}

impl fmt::Display for Attribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.type_identifier {
            COMMON_NAME => f.write_str("CN=")?,
            ORGANIZATION => f.write_str("O=")?,
            ORGANIZATIONAL_UNIT => f.write_str("OU=")?,
            COUNTRY => f.write_str("C=")?,
            UNIQUE_IDENTIFIER => f.write_str("x500UniqueIdentifier=")?,
            other => {
                write_object_identifier(f, other)?;
                f.write_str("=")?;
            }
        }
        if self.type_identifier == UNIQUE_IDENTIFIER
            && let Some(eui) = eui64(self.value)
        {
            return eui.fmt(f);
        }
        match self.value_tag {
            tag::UTF8_STRING | tag::PRINTABLE_STRING | tag::IA5_STRING => {
                for character in String::from_utf8_lossy(self.value).chars() {
                    match character {
                        ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=' => {
                            write!(f, "\\{character}")?;
                        }
                        // A name must not be able to forge a line of a log.
                        control if control.is_control() => {
                            write!(f, "{}", control.escape_unicode())?;
                        }
                        plain => write!(f, "{plain}")?,
                    }
                }
                Ok(())
            }
            _ => {
                f.write_str("#")?;
                self.value
                    .iter()
                    .try_for_each(|octet| write!(f, "{octet:02x}"))
            }
        }
    }
}

/// The content of a BIT STRING of eight whole octets.
fn eui64(content: &[u8]) -> Option<Eui64> {
    match *content {
        [0, ref octets @ ..] => Some(Eui64::from_bytes(*octets.as_array()?)),
        _ => None,
    }
}

fn for_each_attribute<'a>(
    reader: &mut Reader<'a>,
    mut visitor: impl FnMut(Attribute<'a>),
) -> Result<(), Malformed> {
    reader.sequence(|reader| {
        while !reader.is_empty() {
            reader.nested(tag::SET, |reader| {
                while !reader.is_empty() {
                    reader.sequence(|reader| {
                        let type_identifier = reader.primitive(tag::OBJECT_IDENTIFIER)?;
                        let (value_tag, value) = reader.any()?;
                        visitor(Attribute {
                            type_identifier,
                            value_tag,
                            value,
                        });
                        Ok(())
                    })?;
                }
                Ok(())
            })?;
        }
        Ok(())
    })
}

/// Dotted decimal; an arc that is cut off or beyond 64 bits shows as `?`.
fn write_object_identifier(f: &mut fmt::Formatter<'_>, octets: &[u8]) -> fmt::Result {
    let mut separator = "";
    for arc in octets.split_inclusive(|octet| octet & 0x80 == 0) {
        let is_whole = arc.last().is_some_and(|octet| octet & 0x80 == 0);
        f.write_str(separator)?;
        if !is_whole || arc.len() > MOST_ARC_OCTETS {
            f.write_str("?")?;
        } else {
            let value = arc
                .iter()
                .fold(0, |value, octet| value << 7 | u64::from(octet & 0x7F));
            if separator.is_empty() {
                // The first two arcs share a number: 40 times the first, which is 0, 1 or 2, plus the second.
                let first = (value / 40).min(2);
                write!(f, "{first}.{}", value - first * 40)?;
            } else {
                write!(f, "{value}")?;
            }
        }
        separator = ".";
    }
    Ok(())
}

/// Nine times seven bits fit 64.
const MOST_ARC_OCTETS: usize = 9;
/// 2.5.4.3, .6, .10, .11 and .45
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const COUNTRY: &[u8] = &[0x55, 0x04, 0x06];
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0A];
const ORGANIZATIONAL_UNIT: &[u8] = &[0x55, 0x04, 0x0B];
const UNIQUE_IDENTIFIER: &[u8] = &[0x55, 0x04, 0x2D];
