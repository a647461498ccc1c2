//! What devices report of CS02b: Response and Alert.

use super::cell::TrustAnchorCell;
use super::command::read_generalized_time;
use super::read_mode;
use super::seq_number::SeqNumber;
use super::seq_number::SeqNumberChange;
use crate::code::ReplacementMode;
use crate::der::Reader;
use crate::der::Writer;
use crate::der::tag;
use crate::error::Fault;
use crate::error::Malformed;
use crate::identifier::Eui64;
use crate::identifier::KeyIdentifier;
use crate::role::StatusCode;
use crate::time::GeneralizedTime;

/// `ResponsePayload` of CS02b.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponsePayload {
    /// How the command went; absent where a future-dated one, or a cancellation, is accepted.
    pub outcome: Option<ExecutionOutcome>,
}

impl ResponsePayload {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.sequence(|reader| {
            reader.fixed::<0>(tag::NULL)?;
            let outcome = if reader.is_empty() {
                None
            } else {
                Some(ExecutionOutcome::read(reader)?)
            };
            Ok(Self { outcome })
        })
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>) {
        writer.sequence(|writer| {
            if let Some(outcome) = &self.outcome {
                outcome.write(writer);
            }
            writer.primitive(tag::NULL, &[]);
        });
    }
}

/// `AlertPayload` of CS02b: the outcome of a future-dated command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertPayload {
    /// [`Self::SUCCESS`] or [`Self::FAILURE`].
    pub alert_code: u32,
    /// When the device executed the command.
    pub execution_date_time: GeneralizedTime,
    /// How it went. The number in it is the command's; the header's counter is the device's own.
    pub outcome: ExecutionOutcome,
}

impl AlertPayload {
    /// Alert code 8F66: every replacement succeeded.
    pub const SUCCESS: u32 = 0x8F66;
    /// Alert code 8F67: at least one replacement failed.
    pub const FAILURE: u32 = 0x8F67;

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.sequence(|reader| {
            let at = reader.position();
            let alert_code = reader.unsigned(tag::INTEGER, u64::from(u32::MAX))?;
            Ok(Self {
                alert_code: u32::try_from(alert_code)
                    .map_err(|_| Malformed::new(at, Fault::IntegerTooLarge))?,
                execution_date_time: read_generalized_time(reader)?,
                outcome: ExecutionOutcome::read(reader)?,
            })
        })
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>) {
        writer.sequence(|writer| {
            self.outcome.write(writer);
            writer.primitive(tag::GENERALIZED_TIME, self.execution_date_time.octets());
            writer.unsigned(tag::INTEGER, self.alert_code.into());
        });
    }
}

/// `ExecutionOutcome`: what a command changed on the device.
///
/// A failed cell does not undo the rest: numbers are set and other cells replaced all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionOutcome {
    /// `authorisingRemotePartySeqNumber`: the number that the command used up.
    pub authorising_seq_number: SeqNumber,
    /// The command's mode.
    pub mode: ReplacementMode,
    /// `remotePartySeqNumberChanges`: numbers set to a floor, the authorising role's first. Often empty.
    pub seq_number_changes: Vec<SeqNumberChange>,
    /// One for each replacement, in the command's order.
    pub replacement_outcomes: Vec<ReplacementOutcome>,
}

impl ExecutionOutcome {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.sequence(|reader| {
            Ok(Self {
                authorising_seq_number: SeqNumber::read(reader, tag::INTEGER)?,
                mode: read_mode(reader)?,
                seq_number_changes: SeqNumberChange::read_list(reader, tag::SEQUENCE)?,
                replacement_outcomes: reader.list(
                    tag::SEQUENCE,
                    LEAST_OUTCOME,
                    ReplacementOutcome::read,
                )?,
            })
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.sequence(|writer| {
            writer.list(
                tag::SEQUENCE,
                &self.replacement_outcomes,
                |writer, outcome| {
                    outcome.write(writer);
                },
            );
            SeqNumberChange::write_list(writer, tag::SEQUENCE, &self.seq_number_changes);
            writer.unsigned(tag::INTEGER, self.mode.number().into());
            self.authorising_seq_number.write(writer, tag::INTEGER);
        });
    }
}

/// `ReplacementOutcome`: how the replacement in one cell went.
///
/// Where it failed, the cell keeps its certificate, and the replacing fields repeat the existing ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReplacementOutcome {
    /// `affectedTrustAnchorCell`.
    pub cell: TrustAnchorCell,
    /// How it went.
    pub status: StatusCode,
    /// `existingSubjectUniqueID`: who held the cell before.
    pub existing_subject: Eui64,
    /// `existingSubjectKeyIdentifier`.
    pub existing_key_identifier: KeyIdentifier,
    /// `replacingSubjectUniqueID`: who holds it now.
    pub replacing_subject: Eui64,
    /// `replacingSubjectKeyIdentifier`.
    pub replacing_key_identifier: KeyIdentifier,
}

impl ReplacementOutcome {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.sequence(|reader| {
            Ok(Self {
                cell: TrustAnchorCell::read(reader, tag::SEQUENCE)?,
                status: read_status(reader)?,
                existing_subject: read_subject(reader)?,
                existing_key_identifier: read_key_identifier(reader)?,
                replacing_subject: read_subject(reader)?,
                replacing_key_identifier: read_key_identifier(reader)?,
            })
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.sequence(|writer| {
            writer.primitive(tag::OCTET_STRING, &self.replacing_key_identifier.0);
            writer.primitive(tag::OCTET_STRING, &self.replacing_subject.to_bytes());
            writer.primitive(tag::OCTET_STRING, &self.existing_key_identifier.0);
            writer.primitive(tag::OCTET_STRING, &self.existing_subject.to_bytes());
            writer.unsigned(tag::ENUMERATED, self.status.number().into());
            self.cell.write(writer, tag::SEQUENCE);
        });
    }
}

#[inline]
pub(super) fn read_status(reader: &mut Reader<'_>) -> Result<StatusCode, Malformed> {
    reader.choice(
        tag::ENUMERATED,
        StatusCode::from_number,
        Fault::UnknownStatus,
    )
}

#[inline]
pub(super) fn read_subject(reader: &mut Reader<'_>) -> Result<Eui64, Malformed> {
    reader
        .fixed(tag::OCTET_STRING)
        .map(|octets| Eui64::from_bytes(*octets))
}

#[inline]
pub(super) fn read_key_identifier(reader: &mut Reader<'_>) -> Result<KeyIdentifier, Malformed> {
    reader
        .fixed(tag::OCTET_STRING)
        .map(|octets| KeyIdentifier(*octets))
}

/// Two octets of tag and length, a cell of 9, a status of 3 and four OCTET STRINGs of 10.
const LEAST_OUTCOME: usize = 54;
