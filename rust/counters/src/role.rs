//! What is kept for one (device, Remote Party Role): marks and Trust Anchor Cells.

use crate::OccupantId;

/// The highest Originator Counter that a CS02b command can carry.
///
/// The sequence numbers of a CS02b body are INTEGER (0..9223372036854775807), so the counter of a
/// command ends at 2^63-1 although its header could hold 2^64-1. There is no wrap.
pub const LAST_COUNTER: u64 = i64::MAX as u64;

/// The Remote Party Role whose Trust Anchor Cells and anti-replay number are meant.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// networkOperator, number 3 in a CS02b body.
    NetworkOperator,
    /// supplier, number 2 in a CS02b body.
    Supplier,
}

impl Role {
    /// Both roles, in the order in which the record image has them.
    pub const ALL: [Self; 2] = [Self::NetworkOperator, Self::Supplier];

    pub(crate) fn other(self) -> Self {
        match self {
            Self::NetworkOperator => Self::Supplier,
            Self::Supplier => Self::NetworkOperator,
        }
    }
}

/// Which of the two cells of a role's slot.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CellUse {
    /// The cell that authorises commands of the role (key usage 0780).
    DigitalSignature,
    /// The cell whose key agrees MAC and encryption keys (key usage 0308).
    KeyAgreement,
}

impl CellUse {
    /// Both uses, in the order of [`RoleState::cells`].
    pub const ALL: [Self; 2] = [Self::DigitalSignature, Self::KeyAgreement];

    /// The place in [`CellUse::ALL`].
    pub(crate) fn index(self) -> usize {
        match self {
            Self::DigitalSignature => 0,
            Self::KeyAgreement => 1,
        }
    }
}

/// From where the content of a cell is known.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CellSource {
    /// Nothing is known about the cell.
    #[default]
    Unknown,
    /// The outcome of an SRV 6.15.1.
    Outcome,
    /// The outcome of an SRV 6.21.
    Handover,
    /// A CS02a read of the device (SRV 6.24.1).
    ReadBack,
    /// A report from outside, such as the DCC Alert SecurityCredentialsUpdated.
    Report,
    /// Brought in from elsewhere, for a fleet that was not followed from its beginning.
    Import,
    /// Nothing was told of the cell since the device was commissioned, and nothing would have been missed.
    Presumption,
    /// An earlier release, which kept no links.
    Earlier,
}

impl CellSource {
    /// The number of this source in rows and record images: 0 to 7, three bits.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Outcome => 1,
            Self::Handover => 2,
            Self::ReadBack => 3,
            Self::Report => 4,
            Self::Import => 5,
            Self::Presumption => 6,
            Self::Earlier => 7,
        }
    }

    /// The word that audit records, hosts and tables have for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "NONE",
            Self::Outcome => "OUTCOME",
            Self::Handover => "HANDOVER",
            Self::ReadBack => "READ_BACK",
            Self::Report => "ALERT",
            Self::Import => "IMPORT",
            Self::Presumption => "PRESUMED_FACTORY",
            Self::Earlier => "EARLIER_RELEASE",
        }
    }

    /// Whether no message of the device told so.
    pub(crate) fn is_presumption(self) -> bool {
        matches!(self, Self::Import | Self::Presumption | Self::Earlier)
    }

    /// Whether people brought it in for the beginning of the walk: what a device verifies later stands beside it.
    pub fn is_brought_in(self) -> bool {
        matches!(self, Self::Import | Self::Presumption)
    }

    /// Whether somebody saw who stood in the cell, so that what happened before is history.
    pub fn is_observed(self) -> bool {
        matches!(self, Self::ReadBack | Self::Report | Self::Import)
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        [
            Self::Unknown,
            Self::Outcome,
            Self::Handover,
            Self::ReadBack,
            Self::Report,
            Self::Import,
            Self::Presumption,
            Self::Earlier,
        ]
        .get(usize::from(number))
        .copied()
    }
}

/// One Trust Anchor Cell as far as it is known.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Cell {
    /// Whose certificate is in the cell; [`OccupantId::UNKNOWN`] if that cannot be said. With a known source the cell is
    /// doubtful then: what is told of it does not hang together.
    pub occupant: OccupantId,
    /// The device's own time of the change, in Unix seconds; 0 where it gave none.
    pub device_time: u32,
    /// Whether the message that told so was verified by the device's signature.
    pub verified: bool,
    /// What kind of message told so.
    pub source: CellSource,
}

impl Cell {
    /// Whether something is told of the cell and yet nobody can be named.
    pub fn is_doubtful(&self) -> bool {
        self.occupant == OccupantId::UNKNOWN && self.source != CellSource::Unknown
    }
}

/// The three Originator Counter marks of a (device, role).
///
/// `None` says that no such number is known, which is another thing than a known zero. Marks only
/// ever rise (laws of store-max: R6, R7, N4).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Marks {
    /// The number with which the leaving party put ACB certificates into the slot (R1 to R3).
    pub recorded: Option<u64>,
    /// The highest number known to have been used towards this role, whatever came of it.
    pub seen: Option<u64>,
    /// The last number allocated here, the highest of those issued under this role.
    pub issued: Option<u64>,
}

impl Marks {
    /// The number which evidence from outside sets: the larger of `recorded` and `seen`.
    pub fn watermark(&self) -> Option<u64> {
        self.recorded.max(self.seen)
    }

    /// Whether no command can be numbered above these marks any more (N22, S9).
    pub fn exhausted(&self) -> bool {
        self.watermark().max(self.issued) >= Some(LAST_COUNTER)
    }

    /// The larger of both, mark by mark.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self {
            recorded: self.recorded.max(other.recorded),
            seen: self.seen.max(other.seen),
            issued: self.issued.max(other.issued),
        }
    }
}

/// All that is kept for one (device, role).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct RoleState {
    /// The Originator Counter marks.
    pub marks: Marks,
    /// The slot's cells, in the order of [`CellUse::ALL`].
    pub cells: [Cell; 2],
}

impl RoleState {
    /// The cell for `cell_use`.
    pub fn cell(&self, cell_use: CellUse) -> &Cell {
        let [digital_signature, key_agreement] = &self.cells;
        match cell_use {
            CellUse::DigitalSignature => digital_signature,
            CellUse::KeyAgreement => key_agreement,
        }
    }

    /// The cell for `cell_use`, to be changed.
    pub fn cell_mut(&mut self, cell_use: CellUse) -> &mut Cell {
        let [digital_signature, key_agreement] = &mut self.cells;
        match cell_use {
            CellUse::DigitalSignature => digital_signature,
            CellUse::KeyAgreement => key_agreement,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_zero_are_different_marks() {
        let unknown = Marks::default();
        let zero = Marks {
            seen: Some(0),
            ..unknown
        };
        assert_eq!(unknown.watermark(), None);
        assert_eq!(zero.watermark(), Some(0));
        assert_eq!(unknown.union(&zero), zero);
    }

    #[test]
    fn test_n22_exhausted_from_the_last_counter_on() {
        let at = |n| {
            Marks {
                recorded: Some(n),
                ..Marks::default()
            }
            .exhausted()
        };
        assert!(!at(LAST_COUNTER - 1));
        assert!(at(LAST_COUNTER));
        assert!(at(u64::MAX));
    }

    #[test]
    fn each_source_has_its_own_number() {
        for number in 0..=7 {
            let source = CellSource::from_number(number);
            assert_eq!(source.map(CellSource::number), Some(number));
        }
        assert_eq!(CellSource::from_number(8), None);
    }
}
