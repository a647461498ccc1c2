//! The Trust Anchor Cell: whose certificate, for what.

use crate::der::Reader;
use crate::der::Writer;
use crate::der::tag;
use crate::error::Fault;
use crate::error::Malformed;
use crate::role::CellUsage;
use crate::role::KeyUsage;
use crate::role::RemotePartyRole;

/// `TrustAnchorCellIdentifier`: names one of the places in which a device keeps a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrustAnchorCell {
    /// Whose certificate.
    pub role: RemotePartyRole,
    /// What its key is for.
    pub key_usage: KeyUsage,
    /// Told apart only for a supplier's key agreement.
    pub cell_usage: CellUsage,
}

impl TrustAnchorCell {
    /// A cell for management, as all but the supplier's top-up cell are.
    pub const fn management(role: RemotePartyRole, key_usage: KeyUsage) -> Self {
        Self {
            role,
            key_usage,
            cell_usage: CellUsage::Management,
        }
    }

    /// `tag` is SEQUENCE, or the context tag that replaces it.
    #[inline]
    pub(crate) fn read(reader: &mut Reader<'_>, tag: u8) -> Result<Self, Malformed> {
        reader.nested(tag, |reader| {
            Ok(Self {
                role: read_role(reader)?,
                key_usage: read_key_usage(reader)?,
                cell_usage: read_cell_usage(reader)?,
            })
        })
    }

    pub(crate) fn write(self, writer: &mut Writer<'_>, tag: u8) {
        writer.nested(tag, |writer| {
            write_cell_usage(writer, self.cell_usage);
            writer.primitive(tag::BIT_STRING, &self.key_usage.bit_string());
            writer.unsigned(tag::INTEGER, self.role.number().into());
        });
    }
}

#[inline]
pub(super) fn read_role(reader: &mut Reader<'_>) -> Result<RemotePartyRole, Malformed> {
    reader.choice(
        tag::INTEGER,
        RemotePartyRole::from_number,
        Fault::UnknownRole,
    )
}

#[inline]
pub(super) fn read_key_usage(reader: &mut Reader<'_>) -> Result<KeyUsage, Malformed> {
    let at = reader.position();
    KeyUsage::from_bit_string(reader.primitive(tag::BIT_STRING)?)
        .ok_or_else(|| Malformed::new(at, Fault::UnknownKeyUsage))
}

/// `cellUsage`, which DER leaves out where it is management.
#[inline]
pub(super) fn read_cell_usage(reader: &mut Reader<'_>) -> Result<CellUsage, Malformed> {
    if !reader.next_is(tag::INTEGER) {
        return Ok(CellUsage::Management);
    }
    reader.choice(
        tag::INTEGER,
        CellUsage::from_number,
        Fault::UnknownCellUsage,
    )
}

pub(super) fn write_cell_usage(writer: &mut Writer<'_>, usage: CellUsage) {
    if usage != CellUsage::Management {
        writer.unsigned(tag::INTEGER, usage.number().into());
    }
}
