//! CS02a Provide Security Credential Details: which certificate is in which cell.

use super::cell::TrustAnchorCell;
use super::cell::read_cell_usage;
use super::cell::read_key_usage;
use super::cell::read_role;
use super::cell::write_cell_usage;
use super::outcome::read_key_identifier;
use super::outcome::read_status;
use super::outcome::read_subject;
use super::seq_number::SeqNumber;
use crate::der::Reader;
use crate::der::Writer;
use crate::der::tag;
use crate::error::Malformed;
use crate::identifier::Eui64;
use crate::identifier::KeyIdentifier;
use crate::role::CellUsage;
use crate::role::KeyUsage;
use crate::role::RemotePartyRole;
use crate::role::StatusCode;

/// The command of CS02a.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialsCommand {
    /// The cell of the party that asks.
    pub authorising_cell: TrustAnchorCell,
    /// `remotePartyRolesCredentialsRequired`: the roles it asks for.
    pub roles_required: Vec<RemotePartyRole>,
}

impl CredentialsCommand {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.sequence(|reader| {
            Ok(Self {
                authorising_cell: TrustAnchorCell::read(reader, tag::SEQUENCE)?,
                roles_required: reader.list(tag::SEQUENCE, LEAST_ROLE, read_role)?,
            })
        })
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>) {
        writer.sequence(|writer| {
            writer.list(tag::SEQUENCE, &self.roles_required, |writer, role| {
                writer.unsigned(tag::INTEGER, role.number().into());
            });
            self.authorising_cell.write(writer, tag::SEQUENCE);
        });
    }
}

/// The response of CS02a.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialsResponse {
    /// One for each role that was asked for.
    pub roles: Vec<RemotePartyDetails>,
}

impl CredentialsResponse {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let roles = reader.list(tag::SEQUENCE, LEAST_DETAILS, RemotePartyDetails::read)?;
        Ok(Self { roles })
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>) {
        writer.list(tag::SEQUENCE, &self.roles, |writer, details| {
            details.write(writer);
        });
    }
}

/// `RemotePartyDetails`: what a device keeps for one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemotePartyDetails {
    /// The role.
    pub role: RemotePartyRole,
    /// trustAnchorNotFound where the device has no cell for the role.
    pub status: StatusCode,
    /// `currentSeqNumber`: the number that the next command of the role must exceed.
    pub current_seq_number: Option<SeqNumber>,
    /// `trustAnchorCellsDetails`; empty where the field is absent.
    pub cells: Vec<CellContents>,
}

impl RemotePartyDetails {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.sequence(|reader| {
            Ok(Self {
                role: read_role(reader)?,
                status: read_status(reader)?,
                current_seq_number: if reader.next_is(tag::INTEGER) {
                    Some(SeqNumber::read(reader, tag::INTEGER)?)
                } else {
                    None
                },
                cells: if reader.is_empty() {
                    Vec::new()
                } else {
                    reader.list(tag::SEQUENCE, LEAST_CONTENTS, CellContents::read)?
                },
            })
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.sequence(|writer| {
            if !self.cells.is_empty() {
                writer.list(tag::SEQUENCE, &self.cells, |writer, cell| {
                    cell.write(writer);
                });
            }
            if let Some(number) = self.current_seq_number {
                number.write(writer, tag::INTEGER);
            }
            writer.unsigned(tag::ENUMERATED, self.status.number().into());
            writer.unsigned(tag::INTEGER, self.role.number().into());
        });
    }
}

/// `TrustAnchorCellContents`: whose certificate a cell of the role holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CellContents {
    /// What the cell's key is for.
    pub key_usage: KeyUsage,
    /// Told apart only for a supplier's key agreement.
    pub cell_usage: CellUsage,
    /// `existingSubjectUniqueID`: who holds the cell.
    pub existing_subject: Eui64,
    /// `existingSubjectKeyIdentifier`.
    pub existing_key_identifier: KeyIdentifier,
}

impl CellContents {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.sequence(|reader| {
            Ok(Self {
                key_usage: read_key_usage(reader)?,
                cell_usage: read_cell_usage(reader)?,
                existing_subject: read_subject(reader)?,
                existing_key_identifier: read_key_identifier(reader)?,
            })
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.sequence(|writer| {
            writer.primitive(tag::OCTET_STRING, &self.existing_key_identifier.0);
            writer.primitive(tag::OCTET_STRING, &self.existing_subject.to_bytes());
            write_cell_usage(writer, self.cell_usage);
            writer.primitive(tag::BIT_STRING, &self.key_usage.bit_string());
        });
    }
}

/// `02 01 03`.
const LEAST_ROLE: usize = 3;
/// `30 06 02 01 03 0A 01 19`.
const LEAST_DETAILS: usize = 8;
/// Two octets of tag and length, a key usage of 4 and two OCTET STRINGs of 10.
const LEAST_CONTENTS: usize = 26;
