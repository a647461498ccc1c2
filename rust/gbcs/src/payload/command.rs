//! The command of CS02b: who asks, which certificates into which cells, and how they are certified.

use std::fmt;

use super::cell::TrustAnchorCell;
use super::read_mode;
use super::seq_number::SeqNumber;
use super::seq_number::SeqNumberChange;
use super::seq_number::SpecialistFloor;
use crate::code::ReplacementMode;
use crate::der::Reader;
use crate::der::Writer;
use crate::der::tag;
use crate::error::Fault;
use crate::error::Malformed;
use crate::time::GeneralizedTime;

/// `CommandPayload` of CS02b Update Security Credentials (GBCS 13.3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandPayload<'a> {
    /// On whose authority, and the numbers against replay.
    pub control: AuthorisingControl<'a>,
    /// What goes where, in the order in which the device reports it.
    pub replacements: Vec<Replacement<'a>>,
    /// `certificationPathCertificates`: DER of the issuing certificates, up to the device's root. DUIS has 1 to 3.
    pub path_certificates: Vec<&'a [u8]>,
    /// When to execute it; absent: at once.
    pub execution_date_time: Option<GeneralizedTime>,
}

impl<'a> CommandPayload<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        reader.sequence(|reader| {
            Ok(Self {
                control: AuthorisingControl::read(reader)?,
                replacements: reader.list(tag::SEQUENCE, LEAST_REPLACEMENT, |reader| {
                    reader.sequence(|reader| {
                        Ok(Replacement {
                            certificate: reader.raw(tag::SEQUENCE)?,
                            cell: TrustAnchorCell::read(reader, tag::SEQUENCE)?,
                        })
                    })
                })?,
                path_certificates: reader.list(tag::SEQUENCE, LEAST_CERTIFICATE, |reader| {
                    reader.raw(tag::SEQUENCE)
                })?,
                execution_date_time: if reader.is_empty() {
                    None
                } else {
                    Some(read_generalized_time(reader)?)
                },
            })
        })
    }

    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.sequence(|writer| {
            if let Some(time) = self.execution_date_time {
                writer.primitive(tag::GENERALIZED_TIME, time.octets());
            }
            writer.list(
                tag::SEQUENCE,
                &self.path_certificates,
                |writer, certificate| {
                    writer.octets(certificate);
                },
            );
            writer.list(tag::SEQUENCE, &self.replacements, |writer, replacement| {
                writer.sequence(|writer| {
                    replacement.cell.write(writer, tag::SEQUENCE);
                    writer.octets(replacement.certificate);
                });
            });
            self.control.write(writer);
        });
    }

    /// Whether every certificate is one whole element, so that it is read back as it was written.
    pub(crate) fn has_whole_certificates(&self) -> bool {
        let replacing = self
            .replacements
            .iter()
            .map(|replacement| replacement.certificate);
        replacing
            .chain(self.path_certificates.iter().copied())
            .all(|certificate| {
                let mut reader = Reader::new(certificate);
                reader.raw(tag::SEQUENCE).is_ok() && reader.is_empty()
            })
    }
}

/// `authorisingRemotePartyControl`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorisingControl<'a> {
    /// `credentialsReplacementMode`.
    pub mode: ReplacementMode,
    /// `[0]`: with anyByContingency, always and alone.
    pub plaintext_symmetric_key: Option<SymmetricKey<'a>>,
    /// `[1]`: whether the device looks at the time when it validates certification paths. Absent means that it does.
    pub apply_time_based_cpv_checks: bool,
    /// `[2]`: the cell whose key verifies the KRP signature. Always there for a Communications Hub.
    pub authorising_cell: Option<TrustAnchorCell>,
    /// `[3]`: the Originator Counter once more.
    pub authorising_seq_number: SeqNumber,
    /// `[4]`: the number from which the device continues for the new party.
    pub floor: Option<SeqNumber>,
    /// `[5]`: the same for the new party's top-ups; empty where the field is absent.
    pub specialist_floors: Vec<SpecialistFloor>,
    /// `[6]`: numbers of other roles that this command sets; empty where the field is absent.
    pub other_role_changes: Vec<SeqNumberChange>,
}

/// `plaintextSymmetricKey` of a contingency command. It is a secret of the device's anchor: it is never printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SymmetricKey<'a>(pub &'a [u8]);

impl fmt::Debug for SymmetricKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SymmetricKey(..)")
    }
}

impl<'a> AuthorisingControl<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        reader.sequence(|reader| {
            let mode = read_mode(reader)?;
            let plaintext_symmetric_key = if reader.next_is(SYMMETRIC_KEY) {
                Some(SymmetricKey(reader.primitive(SYMMETRIC_KEY)?))
            } else {
                None
            };
            let apply_time_based_cpv_checks = if reader.next_is(TIME_CHECKS) {
                reader.unsigned(TIME_CHECKS, u64::from(DISAPPLY))? != u64::from(DISAPPLY)
            } else {
                true
            };
            let authorising_cell = if reader.next_is(CELL) {
                Some(TrustAnchorCell::read(reader, CELL)?)
            } else {
                None
            };
            let authorising_seq_number = SeqNumber::read(reader, SEQ_NUMBER)?;
            let floor = if reader.next_is(FLOOR) {
                Some(SeqNumber::read(reader, FLOOR)?)
            } else {
                None
            };
            let specialist_floors = if reader.next_is(SPECIALIST_FLOORS) {
                SpecialistFloor::read_list(reader, SPECIALIST_FLOORS)?
            } else {
                Vec::new()
            };
            let other_role_changes = if reader.next_is(OTHER_ROLES) {
                SeqNumberChange::read_list(reader, OTHER_ROLES)?
            } else {
                Vec::new()
            };
            Ok(Self {
                mode,
                plaintext_symmetric_key,
                apply_time_based_cpv_checks,
                authorising_cell,
                authorising_seq_number,
                floor,
                specialist_floors,
                other_role_changes,
            })
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.sequence(|writer| {
            if !self.other_role_changes.is_empty() {
                SeqNumberChange::write_list(writer, OTHER_ROLES, &self.other_role_changes);
            }
            SpecialistFloor::write_list(writer, SPECIALIST_FLOORS, &self.specialist_floors);
            if let Some(floor) = self.floor {
                floor.write(writer, FLOOR);
            }
            self.authorising_seq_number.write(writer, SEQ_NUMBER);
            if let Some(cell) = self.authorising_cell {
                cell.write(writer, CELL);
            }
            if !self.apply_time_based_cpv_checks {
                writer.primitive(TIME_CHECKS, &[DISAPPLY]);
            }
            if let Some(SymmetricKey(key)) = self.plaintext_symmetric_key {
                writer.primitive(SYMMETRIC_KEY, key);
            }
            writer.unsigned(tag::INTEGER, self.mode.number().into());
        });
    }
}

/// `TrustAnchorReplacement`: a certificate and the cell it goes into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Replacement<'a> {
    /// DER of the certificate, as it was issued.
    pub certificate: &'a [u8],
    /// The cell that is to hold it.
    pub cell: TrustAnchorCell,
}

pub(super) fn read_generalized_time(reader: &mut Reader<'_>) -> Result<GeneralizedTime, Malformed> {
    let at = reader.position();
    GeneralizedTime::parse(*reader.fixed(tag::GENERALIZED_TIME)?)
        .ok_or_else(|| Malformed::new(at, Fault::Time))
}

/// Tags of the elements `[0]` to `[6]`.
const SYMMETRIC_KEY: u8 = tag::context(0);
const TIME_CHECKS: u8 = tag::context(1);
const CELL: u8 = tag::context_constructed(2);
const SEQ_NUMBER: u8 = tag::context(3);
const FLOOR: u8 = tag::context(4);
const SPECIALIST_FLOORS: u8 = tag::context_constructed(5);
const OTHER_ROLES: u8 = tag::context_constructed(6);
/// `applyTimeBasedCPVChecks` disapply; 0 is apply.
const DISAPPLY: u8 = 1;
/// No P-256 certificate of the profile is below 250 octets; room for lists is made by this, and grows if need be.
const LEAST_CERTIFICATE: usize = 250;
const LEAST_REPLACEMENT: usize = LEAST_CERTIFICATE;
