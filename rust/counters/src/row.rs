//! The hot record of a device: 56 bytes, Network Operator role included.

use crate::OccupantId;
use crate::role::{Cell, CellSource, CellUse, Marks, RoleState};

/// Where a device stands in its table. Rows never move, and are never given to another device.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RowId(pub(crate) u32);

impl RowId {
    /// The position of the row, counted from 0 in the order of arrival.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A device's row. Options and small numbers share [`Row::bits`], so that nothing is padding.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Row {
    pub(crate) eui: u64,
    marks: [u64; 3],
    occupants: [OccupantId; 2],
    times: [u32; 2],
    pub(crate) version: u32,
    pub(crate) flags: u16,
    bits: u16,
}

/// 64 bytes a device less the index, which costs 6 to 7.
const _: () = assert!(size_of::<Row>() == 56);

/// Set in [`Row::bits`] where the device has notes in the side table.
const HAS_NOTES: u16 = 1 << 12;

impl Row {
    pub(crate) fn new(eui: u64) -> Self {
        Self {
            eui,
            ..Self::default()
        }
    }

    /// The Network Operator role's state.
    #[inline]
    pub(crate) fn role(&self) -> RoleState {
        unpack(&PackedRole {
            marks: self.marks,
            occupants: self.occupants,
            times: self.times,
            bits: self.bits,
        })
    }

    /// The Network Operator role's marks.
    #[inline]
    pub(crate) fn marks(&self) -> Marks {
        unpack_marks(self.marks, self.bits)
    }

    #[inline]
    pub(crate) fn set_role(&mut self, state: &RoleState) {
        let packed = pack(state);
        self.marks = packed.marks;
        self.occupants = packed.occupants;
        self.times = packed.times;
        self.bits = (self.bits & HAS_NOTES) | packed.bits;
    }

    /// Which marks are known, source and verification of the cells, whether there are notes.
    pub(crate) fn bits(&self) -> u16 {
        self.bits
    }

    /// The marks that are known: recorded, seen, issued.
    pub(crate) fn known_marks(&self) -> impl Iterator<Item = u64> {
        let marks = self.marks.into_iter().enumerate();
        marks.filter_map(|(bit, mark)| (self.bits >> bit & 1 == 1).then_some(mark))
    }

    /// The occupants of the cells.
    #[inline]
    pub(crate) fn occupants(&self) -> [OccupantId; 2] {
        self.occupants
    }

    /// Occupant and device time of the cells.
    pub(crate) fn cells(&self) -> [(OccupantId, u32); 2] {
        [0, 1].map(|cell| (self.occupants[cell], self.times[cell]))
    }

    /// Sets all but the device, its version and its flags.
    pub(crate) fn set_packed(&mut self, marks: [u64; 3], cells: [(OccupantId, u32); 2], bits: u16) {
        self.marks = marks;
        self.occupants = cells.map(|(occupant, _)| occupant);
        self.times = cells.map(|(_, time)| time);
        self.bits = bits;
    }

    pub(crate) fn has_notes(&self) -> bool {
        self.bits & HAS_NOTES != 0
    }

    pub(crate) fn set_has_notes(&mut self) {
        self.bits |= HAS_NOTES;
    }
}

/// A role's state without options: bits 0 to 2 say which marks are known, bits 4 to 7 and 8 to 11
/// are source and verification of the two cells.
pub(crate) struct PackedRole {
    pub(crate) marks: [u64; 3],
    pub(crate) occupants: [OccupantId; 2],
    pub(crate) times: [u32; 2],
    pub(crate) bits: u16,
}

const CELL_SHIFT: [u16; 2] = [4, 8];
const VERIFIED: u16 = 1 << 3;
const SOURCE_MASK: u16 = 0b111;

#[inline]
pub(crate) fn pack(state: &RoleState) -> PackedRole {
    let Marks {
        recorded,
        seen,
        issued,
    } = state.marks;
    let options = [recorded, seen, issued];
    let mut bits = 0;
    for (bit, mark) in options.iter().enumerate() {
        bits |= u16::from(mark.is_some()) << bit;
    }
    for (cell, shift) in state.cells.iter().zip(CELL_SHIFT) {
        let verified = if cell.verified { VERIFIED } else { 0 };
        bits |= (u16::from(cell.source.number()) | verified) << shift;
    }
    PackedRole {
        marks: options.map(Option::unwrap_or_default),
        occupants: state.cells.map(|cell| cell.occupant),
        times: state.cells.map(|cell| cell.device_time),
        bits,
    }
}

#[inline]
pub(crate) fn unpack(packed: &PackedRole) -> RoleState {
    let mut state = RoleState {
        marks: unpack_marks(packed.marks, packed.bits),
        ..RoleState::default()
    };
    let cells = packed.occupants.iter().zip(packed.times).zip(CELL_SHIFT);
    for (cell_use, ((&occupant, device_time), shift)) in CellUse::ALL.into_iter().zip(cells) {
        let bits = packed.bits >> shift;
        let [_, source] = (bits & SOURCE_MASK).to_be_bytes();
        *state.cell_mut(cell_use) = Cell {
            occupant,
            device_time,
            verified: bits & VERIFIED != 0,
            source: CellSource::from_number(source).unwrap_or_default(),
        };
    }
    state
}

#[inline]
fn unpack_marks([recorded, seen, issued]: [u64; 3], bits: u16) -> Marks {
    let known = |bit: u16, mark: u64| (bits >> bit & 1 == 1).then_some(mark);
    Marks {
        recorded: known(0, recorded),
        seen: known(1, seen),
        issued: known(2, issued),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> RoleState {
        RoleState {
            marks: Marks {
                recorded: Some(u64::MAX),
                seen: None,
                issued: Some(0),
            },
            cells: [
                Cell {
                    occupant: OccupantId(u32::MAX),
                    device_time: u32::MAX,
                    verified: true,
                    source: CellSource::Report,
                },
                Cell {
                    occupant: OccupantId(1),
                    device_time: 0,
                    verified: false,
                    source: CellSource::Outcome,
                },
            ],
        }
    }

    #[test]
    fn a_row_gives_back_what_it_was_given() {
        let mut row = Row::new(5);
        assert_eq!(row.role(), RoleState::default());
        row.set_has_notes();
        row.set_role(&state());
        assert_eq!(row.role(), state());
        assert!(row.has_notes());
        row.set_role(&RoleState::default());
        assert_eq!(row.role(), RoleState::default());
        assert!(row.has_notes());
    }

    #[test]
    fn every_combination_of_known_marks_survives() {
        for bits in 0..8_u8 {
            let mark = |bit: u8| (bits >> bit & 1 == 1).then_some(u64::from(bits));
            let marks = Marks {
                recorded: mark(0),
                seen: mark(1),
                issued: mark(2),
            };
            let mut row = Row::new(0);
            row.set_role(&RoleState { marks, ..state() });
            assert_eq!(row.role().marks, marks);
        }
    }
}
