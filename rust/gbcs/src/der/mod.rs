//! As much DER as GBCS payloads and certificates use, with the length form that devices put in its place.

mod reader;
mod writer;

pub(crate) use reader::Reader;
pub(crate) use writer::Writer;

/// How lengths of SEQUENCEs of 128 to 255 octets are written inside a payload.
///
/// All other lengths, and all lengths in headers, are minimal in either style.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LengthStyle {
    /// `82 00 xx`, as devices write them in responses and alerts.
    Device,
    /// `81 xx`, as DER has it: commands.
    #[default]
    Minimal,
}

/// Tags of the universal and context classes, ITU-T X.690.
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(crate) const ENUMERATED: u8 = 0x0A;
    pub(crate) const UTF8_STRING: u8 = 0x0C;
    pub(crate) const PRINTABLE_STRING: u8 = 0x13;
    pub(crate) const IA5_STRING: u8 = 0x16;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;

    /// `[number]` IMPLICIT of a primitive type.
    pub(crate) const fn context(number: u8) -> u8 {
        0x80 | number
    }

    /// `[number]` of a constructed type.
    pub(crate) const fn context_constructed(number: u8) -> u8 {
        0xA0 | number
    }
}
