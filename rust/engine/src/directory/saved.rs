//! The directory's share of a snapshot.

use std::ops::Range;

use slotkeeper_counters::RowId;
use slotkeeper_gbcs::KeyIdentifier;

use super::{Directory, Gpf, HAS_DIGITAL_SIGNING, HAS_KEY_AGREEMENT, IN_INVENTORY};
use crate::snapshot::take;

impl Directory {
    /// The ACB certificates' identifiers, their number before them; then of each row its flags, and of one that the
    /// inventory knows the place of its identifier, and the keys that it has.
    pub(crate) fn save_gpfs(&self, rows: impl Iterator<Item = RowId>, part: &mut Vec<u8>) {
        part.push(u8::try_from(self.acb_identifiers.len()).unwrap_or(u8::MAX));
        part.extend(self.acb_identifiers.iter().flat_map(|known| known.0));
        for row in rows {
            let gpf = self.gpfs.get(row);
            if !gpf.has(IN_INVENTORY) {
                part.push(0);
                continue;
            }
            part.extend([gpf.flags, gpf.acb_key_agreement]);
            if gpf.has(HAS_KEY_AGREEMENT) {
                part.extend(gpf.key_agreement);
            }
            if gpf.has(HAS_DIGITAL_SIGNING) {
                part.extend(gpf.digital_signing);
            }
        }
    }

    /// Takes the same back for rows that were just loaded.
    pub(crate) fn load_gpfs(
        &mut self,
        rows: impl Iterator<Item = RowId>,
        rest: &mut &[u8],
    ) -> Option<()> {
        let [identifiers] = take(rest)?;
        let mut places = vec![0];
        for _ in 0..identifiers {
            places.push(self.intern(KeyIdentifier(take(rest)?))?);
        }
        for row in rows {
            let [flags] = take(rest)?;
            if flags & IN_INVENTORY == 0 {
                continue;
            }
            let [place] = take(rest)?;
            let mut gpf = Gpf {
                flags,
                acb_key_agreement: *places.get(usize::from(place))?,
                ..Gpf::default()
            };
            if gpf.has(HAS_KEY_AGREEMENT) {
                gpf.key_agreement = take(rest)?;
            }
            if gpf.has(HAS_DIGITAL_SIGNING) {
                gpf.digital_signing = take(rest)?;
            }
            self.gpfs.set(row, gpf);
        }
        Some(())
    }

    /// The devices of other types that are in the inventory, of those between the numbers given; and how many numbers
    /// there are.
    pub(crate) fn save_others(&self, numbers: Range<usize>, part: &mut Vec<u8>) -> usize {
        let others = self.others.range(numbers);
        let present = others.filter(|(row, _)| *self.others_present.get(*row));
        part.extend(present.flat_map(|(_, device)| device.to_be_bytes()));
        self.others.len()
    }

    pub(crate) fn load_others(&mut self, rest: &mut &[u8]) -> Option<()> {
        while !rest.is_empty() {
            let row = self.others.ensure(u64::from_be_bytes(take(rest)?));
            self.others_present.set(row, true);
        }
        Some(())
    }
}
