//! Numbers against replay: sequence numbers and the floors that a command sets.

use std::fmt;

use super::cell::read_role;
use crate::der::Reader;
use crate::der::Writer;
use crate::der::tag;
use crate::error::Fault;
use crate::error::Malformed;
use crate::role::RemotePartyRole;
use crate::role::numbered;

/// A `SeqNumber`: 0 to 2^63 - 1, half the range of the Originator Counter in a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeqNumber(u64);

impl SeqNumber {
    /// The greatest number that a payload can carry, 2^63 - 1 (`floorSequenceNumber` of DUIS has the same bound).
    pub const MAX: Self = Self(i64::MAX.cast_unsigned());

    /// `None` for a number beyond [`Self::MAX`].
    pub const fn new(number: u64) -> Option<Self> {
        if number <= Self::MAX.0 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    pub(crate) fn read(reader: &mut Reader<'_>, tag: u8) -> Result<Self, Malformed> {
        reader.unsigned(tag, Self::MAX.0).map(Self)
    }

    pub(crate) fn write(self, writer: &mut Writer<'_>, tag: u8) {
        writer.unsigned(tag, self.0);
    }
}

impl fmt::Display for SeqNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

numbered! {
    /// `seqNumberUsage`: which of a role's further number series.
    SeqNumberUsage {
        /// A supplier's prepayment top-ups.
        PrePaymentTopUp = 0, "prePaymentTopUp";
    }
}

/// `SpecialistSeqNumber`: the floor of a number series that a role has beside its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpecialistFloor {
    /// The series.
    pub usage: SeqNumberUsage,
    /// The number that the series continues from.
    pub floor: SeqNumber,
}

impl SpecialistFloor {
    pub(super) fn read_list(reader: &mut Reader<'_>, tag: u8) -> Result<Vec<Self>, Malformed> {
        reader.list(tag, LEAST_SPECIALIST, |reader| {
            reader.sequence(|reader| {
                Ok(Self {
                    usage: reader.choice(
                        tag::INTEGER,
                        SeqNumberUsage::from_number,
                        Fault::UnknownSeqNumberUsage,
                    )?,
                    floor: SeqNumber::read(reader, tag::INTEGER)?,
                })
            })
        })
    }

    pub(super) fn write_list(writer: &mut Writer<'_>, tag: u8, floors: &[Self]) {
        if floors.is_empty() {
            return;
        }
        writer.list(tag, floors, |writer, specialist| {
            writer.sequence(|writer| {
                specialist.floor.write(writer, tag::INTEGER);
                writer.unsigned(tag::INTEGER, specialist.usage.number().into());
            });
        });
    }
}

/// `RemotePartySeqNumberChange`: the number of a role set to a floor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SeqNumberChange {
    /// The role whose number it is.
    pub role: RemotePartyRole,
    /// The number that the device continues from.
    pub floor: SeqNumber,
    /// Floors of the role's other series; empty where the field is absent.
    pub specialist_floors: Vec<SpecialistFloor>,
}

impl SeqNumberChange {
    pub(super) fn read_list(reader: &mut Reader<'_>, tag: u8) -> Result<Vec<Self>, Malformed> {
        reader.list(tag, LEAST_CHANGE, |reader| {
            reader.sequence(|reader| {
                Ok(Self {
                    role: read_role(reader)?,
                    floor: SeqNumber::read(reader, tag::INTEGER)?,
                    specialist_floors: if reader.is_empty() {
                        Vec::new()
                    } else {
                        SpecialistFloor::read_list(reader, tag::SEQUENCE)?
                    },
                })
            })
        })
    }

    pub(super) fn write_list(writer: &mut Writer<'_>, tag: u8, changes: &[Self]) {
        writer.list(tag, changes, |writer, change| {
            writer.sequence(|writer| {
                SpecialistFloor::write_list(writer, tag::SEQUENCE, &change.specialist_floors);
                change.floor.write(writer, tag::INTEGER);
                writer.unsigned(tag::INTEGER, change.role.number().into());
            });
        });
    }
}

/// `30 06 02 01 00 02 01 00`.
const LEAST_SPECIALIST: usize = 8;
/// `30 06 02 01 03 02 01 00`.
const LEAST_CHANGE: usize = 8;
