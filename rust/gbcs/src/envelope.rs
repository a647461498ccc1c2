//! MAC Header, Grouping Header, signature part and MAC around a payload.

use std::ops::Range;

use crate::code::Cra;
use crate::code::MessageCode;
use crate::der::Reader;
use crate::der::Writer;
use crate::error::Fault;
use crate::error::Malformed;
use crate::identifier::Eui64;
use crate::time::DlmsDateTime;

/// The fields of the Grouping Header (GBCS 7.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// Command, response or alert.
    pub cra: Cra,
    /// The Originator Counter: unsigned, 64 bits. A response repeats its command's; an alert has the device's own.
    pub originator_counter: u64,
    /// The Business Originator, who made the signature.
    pub originator: Eui64,
    /// The Business Target.
    pub recipient: Eui64,
    /// When the device sent it: in CS02b responses; empty in commands and alerts.
    pub date_time: Option<DlmsDateTime>,
    /// The use case.
    pub message_code: MessageCode,
}

/// The signature part, which follows the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signature<'a> {
    /// Not even a length octet: a pre-command.
    Absent,
    /// The length octet `00`: authenticated by MAC alone.
    Empty,
    /// KRP or device signature, r and s of 32 octets each.
    Present(&'a [u8; SIGNATURE_SIZE]),
}

/// A message of any use case, its payload not looked into.
#[derive(Clone, Debug)]
pub struct Envelope<'a> {
    /// The Grouping Header.
    pub header: Header,
    /// The payload.
    pub content: &'a [u8],
    /// Other-information after the message code: Supplementary Remote Party fields of other use cases, else empty.
    pub supplementary: &'a [u8],
    /// The signature part.
    pub signature: Signature<'a>,
    /// The MAC; `None` without MAC Header.
    pub mac: Option<&'a [u8; MAC_SIZE]>,
    octets: &'a [u8],
    grouping: Range<usize>,
    content_end: usize,
}

impl<'a> Envelope<'a> {
    /// Reads the envelope of a GBCS message of any use case.
    ///
    /// # Errors
    ///
    /// Every fault of structure: a length that does not fit, a fixed octet that has another value, octets left over.
    pub fn decode(octets: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(octets);
        let mac_protected = reader.next_is(GENERAL_CIPHERING);
        if mac_protected {
            read_mac_header(&mut reader)?;
        }
        let start = reader.position();
        let (header, supplementary) = read_grouping_header(&mut reader)?;
        let length = reader.minimal_length()?;
        let content = reader.octets(length)?;
        let content_end = reader.position();
        let signature = match (mac_protected, reader.is_empty()) {
            (false, true) => Signature::Absent,
            _ => read_signature(&mut reader)?,
        };
        let grouping = start..reader.position();
        let mac = if mac_protected {
            Some(reader.array()?)
        } else {
            None
        };
        reader.finish()?;
        Ok(Self {
            header,
            content,
            supplementary,
            signature,
            mac,
            octets,
            grouping,
            content_end,
        })
    }

    /// The octets that the signature covers: after the general-signing tag, up to the end of the payload.
    pub fn signed_octets(&self) -> &'a [u8] {
        &self.octets[self.grouping.start + 1..self.content_end]
    }

    /// The octets that the MAC covers, after its constant prefix: from the general-signing tag to the end of the
    /// signature part.
    pub fn maced_octets(&self) -> &'a [u8] {
        &self.octets[self.grouping.clone()]
    }

    /// A reader of the payload that reports faults with their offset in the message.
    pub(crate) fn content_reader(&self) -> Reader<'a> {
        Reader::within(self.content, self.content_end)
    }

    /// The offset of the CRA flag.
    pub(crate) fn cra_at(&self) -> usize {
        self.grouping.start + 2
    }
}

/// Which parts a message has beside Grouping Header and payload.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) signature: Signature<'a>,
    pub(crate) mac: Option<&'a [u8; MAC_SIZE]>,
}

/// Sizes found in writing a message.
pub(crate) struct Extent {
    /// From the general-signing tag to the end of the message.
    pub(crate) grouping: usize,
    /// The greatest that a length octet counts.
    pub(crate) longest: usize,
}

/// Writes a message, from its end to its start.
pub(crate) fn write_envelope(
    writer: &mut Writer<'_>,
    header: &Header,
    parts: Parts<'_>,
    payload: impl FnOnce(&mut Writer<'_>),
) -> Extent {
    if let Some(mac) = parts.mac {
        writer.octets(mac);
    }
    match parts.signature {
        Signature::Absent => {}
        Signature::Empty => writer.octet(0),
        Signature::Present(signature) => {
            writer.octets(signature);
            writer.octet(SIGNATURE_LENGTH);
        }
    }
    let before = writer.written();
    payload(writer);
    let content = writer.written() - before;
    writer.minimal_length(content);
    write_grouping_header(writer, header);
    let grouping = writer.written();
    if parts.mac.is_none() {
        return Extent {
            grouping,
            longest: content,
        };
    }
    writer.octets(&SECURITY_HEADER);
    let longest = writer.written();
    writer.minimal_length(longest);
    writer.octets(&EMPTY_CIPHERING_FIELDS);
    writer.octet(GENERAL_CIPHERING);
    Extent { grouping, longest }
}

/// Size of a MAC in octets: 96 bits.
pub(crate) const MAC_SIZE: usize = 12;
/// Size of r and s of a signature on P-256.
pub(crate) const SIGNATURE_SIZE: usize = 64;

fn read_mac_header(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    reader.expect(&[GENERAL_CIPHERING])?;
    reader.expect(&EMPTY_CIPHERING_FIELDS)?;
    let at = reader.position();
    let length = reader.minimal_length()?;
    if length < reader.remaining() {
        return Err(Malformed::new(at, Fault::TrailingOctets));
    }
    reader.expect(&SECURITY_HEADER)
}

fn read_grouping_header<'a>(reader: &mut Reader<'a>) -> Result<(Header, &'a [u8]), Malformed> {
    reader.expect(&[GENERAL_SIGNING, TRANSACTION_ID_SIZE])?;
    let cra_at = reader.position();
    let cra = reader.octet()?;
    let cra =
        Cra::from_number(cra).ok_or_else(|| Malformed::new(cra_at, Fault::UnknownCra(cra)))?;
    let originator_counter = u64::from_be_bytes(*reader.array()?);
    reader.expect(&[EUI64_SIZE])?;
    let originator = Eui64::from_bytes(*reader.array()?);
    reader.expect(&[EUI64_SIZE])?;
    let recipient = Eui64::from_bytes(*reader.array()?);
    let date_time = if reader.next_is(0) {
        reader.octet()?;
        None
    } else {
        reader.expect(&[DATE_TIME_SIZE])?;
        Some(DlmsDateTime(*reader.array()?))
    };
    let length = reader.minimal_length()?;
    let at = reader.position();
    let (message_code, supplementary) = reader
        .octets(length)?
        .split_first_chunk()
        .ok_or_else(|| Malformed::new(at, Fault::Truncated))?;
    let message_code = MessageCode(u16::from_be_bytes(*message_code));
    let header = Header {
        cra,
        originator_counter,
        originator,
        recipient,
        date_time,
        message_code,
    };
    Ok((header, supplementary))
}

fn read_signature<'a>(reader: &mut Reader<'a>) -> Result<Signature<'a>, Malformed> {
    if reader.next_is(0) {
        reader.octet()?;
        return Ok(Signature::Empty);
    }
    reader.expect(&[SIGNATURE_LENGTH])?;
    Ok(Signature::Present(reader.array()?))
}

fn write_grouping_header(writer: &mut Writer<'_>, header: &Header) {
    writer.octets(&header.message_code.0.to_be_bytes());
    writer.octet(MESSAGE_CODE_SIZE);
    match header.date_time {
        None => writer.octet(0),
        Some(DlmsDateTime(octets)) => {
            writer.octets(&octets);
            writer.octet(DATE_TIME_SIZE);
        }
    }
    for party in [header.recipient, header.originator] {
        writer.octets(&party.to_bytes());
        writer.octet(EUI64_SIZE);
    }
    writer.octets(&header.originator_counter.to_be_bytes());
    writer.octets(&[GENERAL_SIGNING, TRANSACTION_ID_SIZE, header.cra.number()]);
}

/// Tags and sizes of GBCS 7.2.5 and 7.2.7 (DLMS general-ciphering and general-signing).
const GENERAL_CIPHERING: u8 = 0xDD;
const GENERAL_SIGNING: u8 = 0xDF;
const TRANSACTION_ID_SIZE: u8 = 9;
const EUI64_SIZE: u8 = 8;
const DATE_TIME_SIZE: u8 = 12;
const MESSAGE_CODE_SIZE: u8 = 2;
const SIGNATURE_LENGTH: u8 = 64;
/// Transaction-id, both system titles, date-time, other-information: empty; key-info: absent.
const EMPTY_CIPHERING_FIELDS: [u8; 6] = [0; 6];
/// Security control (authenticated, suite 1) and an invocation counter that is always 0.
const SECURITY_HEADER: [u8; 5] = [0x11, 0, 0, 0, 0];
